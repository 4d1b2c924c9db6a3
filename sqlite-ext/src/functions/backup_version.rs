//! `backup_version()` gives the versions of what is used here, as JSON:
//!
//! - `version`: that of Lifeboat;
//! - `format`: the revision of the bundles that it makes, `{"state": 1, "suite": 1}`;
//! - `sqlite`: the version of the host's SQLite;
//! - `build`: the target for which the extension was compiled, and `"release"` or `"debug"`.

use crate::sql::edge::{Call, Reply};
use crate::sql::host::Host;
use lifeboat_core::Result;
use serde::Serialize;

#[derive(Serialize)]
struct Version {
    version: &'static str,
    format: Format,
    sqlite: String,
    build: String,
}

#[derive(Serialize)]
struct Format {
    state: u8,
    suite: u8,
}

pub(crate) fn call(_: &Call<'_>) -> Result<Reply> {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    Reply::json(&Version {
        version: env!("CARGO_PKG_VERSION"),
        format: Format { state: lifeboat_core::limits::STATE_REVISION, suite: lifeboat_core::limits::SUITE },
        sqlite: Host::get().sqlite_version(),
        build: format!("{}-{} {profile}", std::env::consts::ARCH, std::env::consts::OS),
    })
}
