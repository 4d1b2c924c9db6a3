//! Without the feature `s3` there is no network.

use super::settings::Notify;
use std::time::Duration;

/// What is asked.
pub(super) struct Request {
    #[allow(dead_code, reason = "nobody sends it")]
    pub(super) url: String,
    #[allow(dead_code, reason = "nobody sends it")]
    pub(super) body: Option<(String, String)>,
}

/// Asks nobody.
#[derive(Default)]
pub(super) struct Client;

impl Client {
    pub(super) fn ask(
        &self,
        _: &Notify,
        _: bool,
        _: Request,
        _: Duration,
        _: &dyn Fn() -> bool,
    ) -> Result<u16, String> {
        Err("this build of Lifeboat has no network: it was built without the feature 's3'".to_owned())
    }
}
