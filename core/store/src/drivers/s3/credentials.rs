//! Who makes the requests: credentials and region, from a file, a profile or the environment. They
//! are never shown.

use crate::s3_place::S3Place;
use crate::{Result, StoreError};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A file with more bytes is not a file of credentials.
const FILE_MAX: u64 = 1 << 20;

/// Where credentials come from.
#[derive(Clone)]
pub(super) enum Credentials {
    Static {
        key: String,
        secret: String,
        token: Option<String>,
    },
    /// From the machine's metadata service, because the name of the store asks for it.
    Metadata,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static { .. } => "Static(…)",
            Self::Metadata => "Metadata",
        })
    }
}

/// The environment of the process. Tests have another one.
pub(super) trait Environment {
    fn variable(&self, name: &str) -> Option<String>;

    /// A file in `~/.aws`, or at the path that a variable gives.
    fn file(&self, variable: &str, name: &str) -> Option<PathBuf> {
        let home = || self.variable("HOME").or_else(|| self.variable("USERPROFILE"));
        let named = self.variable(variable).map(PathBuf::from);
        named.or_else(|| home().map(|home| Path::new(&home).join(".aws").join(name)))
    }
}

pub(super) struct Process;

impl Environment for Process {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// The credentials and the region of a store.
///
/// # Errors
/// Absent: a file cannot be read; perhaps its disk is not connected. Refused: there are no credentials, or a file does not
/// hold what it should. All of this can be put right while the name of the store stays as it is.
pub(super) fn find(place: &S3Place, environment: &dyn Environment) -> Result<(Credentials, String)> {
    let chosen = place.profile.clone().or_else(|| environment.variable("AWS_PROFILE"));
    let profile = chosen.unwrap_or_else(|| "default".into());
    let shared = environment.file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    let config = match environment.file("AWS_CONFIG_FILE", "config") {
        Some(path) if path.exists() => section(&path, &profile, true)?.unwrap_or_default(),
        _ => BTreeMap::new(),
    };
    let credentials = if let Some(path) = &place.credentials {
        of_profile(path, &profile)?.ok_or_else(|| no_profile(path, &profile))?
    } else if place.profile.is_some() {
        of_named_profile(shared.as_deref(), &config, &profile)?
    } else if let Some(found) = of_environment(environment)? {
        found
    } else {
        let found = match shared.filter(|path| path.exists()) {
            Some(path) => of_profile(&path, &profile)?,
            None => None,
        };
        let found = found.or(keys(&config, "the profile")?);
        found.or(place.metadata.then_some(Credentials::Metadata)).ok_or_else(|| {
            StoreError::refused(
                "there are no credentials for this store; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file \
                 with 'credentials=FILE', or a profile with 'profile=NAME'; metadata=1 asks the machine's metadata service",
            )
        })?
    };
    let region = place.region.clone();
    let region = region.or_else(|| environment.variable("AWS_REGION"));
    let region = region.or_else(|| environment.variable("AWS_DEFAULT_REGION"));
    let region = region.or_else(|| config.get("region").cloned());
    Ok((credentials, region.unwrap_or_else(|| "us-east-1".into())))
}

fn of_environment(environment: &dyn Environment) -> Result<Option<Credentials>> {
    let key = environment.variable("AWS_ACCESS_KEY_ID");
    let secret = environment.variable("AWS_SECRET_ACCESS_KEY");
    match (key, secret) {
        (Some(key), Some(secret)) => {
            Ok(Some(Credentials::Static { key, secret, token: environment.variable("AWS_SESSION_TOKEN") }))
        }
        (None, None) => Ok(None),
        _ => Err(StoreError::refused("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; set both")),
    }
}

fn of_named_profile(shared: Option<&Path>, config: &BTreeMap<String, String>, profile: &str) -> Result<Credentials> {
    let found = match shared.filter(|path| path.exists()) {
        Some(path) => of_profile(path, profile)?,
        None => None,
    };
    match found.or(keys(config, profile)?) {
        Some(found) => Ok(found),
        None => Err(no_profile(shared.unwrap_or(Path::new("~/.aws/credentials")), profile)),
    }
}

fn no_profile(path: &Path, profile: &str) -> StoreError {
    StoreError::refused(format!(
        "'{}' has no access key for the profile '{profile}'; it needs a section [{profile}] with aws_access_key_id and \
         aws_secret_access_key",
        path.display()
    ))
}

fn of_profile(path: &Path, profile: &str) -> Result<Option<Credentials>> {
    match section(path, profile, false)? {
        Some(section) => keys(&section, profile),
        None => Ok(None),
    }
}

fn keys(section: &BTreeMap<String, String>, profile: &str) -> Result<Option<Credentials>> {
    let value = |name: &str| section.get(name).filter(|value| !value.is_empty()).cloned();
    match (value("aws_access_key_id"), value("aws_secret_access_key")) {
        (Some(key), Some(secret)) => Ok(Some(Credentials::Static { key, secret, token: value("aws_session_token") })),
        (None, None)
            if section
                .keys()
                .any(|key| key.starts_with("sso_") || key == "role_arn" || key == "credential_process") =>
        {
            Err(StoreError::refused(format!(
                "the profile '{profile}' has no access key, but a role, a single sign-on or a process; these are not \
                 supported: put an access key into the environment or a file"
            )))
        }
        (None, None) => Ok(None),
        _ => Err(StoreError::refused(format!(
            "the profile '{profile}' has only one of aws_access_key_id and aws_secret_access_key; it needs both"
        ))),
    }
}

/// The settings of a profile. In `~/.aws/config` its section is called `[profile NAME]`.
fn section(path: &Path, profile: &str, is_config: bool) -> Result<Option<BTreeMap<String, String>>> {
    let failed = |what: String| {
        let path = path.display();
        StoreError::absent(format!(
            "the file of credentials '{path}' cannot be read: {what}; correct its path, make it readable, or connect its disk"
        ))
    };
    let metadata = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !metadata.is_file() || metadata.len() > FILE_MAX {
        return Err(failed("it is not a regular file, or it is too long".into()));
    }
    // The error never shows what the file holds.
    let text = fs::read_to_string(path).map_err(|error| failed(error.kind().to_string()))?;
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.split_once(']')).map(|(title, _)| title.trim())
        {
            let name = title.strip_prefix("profile ").map_or(title, str::trim);
            is_inside = name == profile && (is_config || name == title);
            if is_inside {
                found.get_or_insert_default();
            }
        } else if let (true, Some((name, value))) = (is_inside && !line.starts_with(['#', ';']), line.split_once('=')) {
            found.get_or_insert_default().insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake(BTreeMap<&'static str, String>);

    impl Environment for Fake {
        fn variable(&self, name: &str) -> Option<String> {
            self.0.get(name).cloned()
        }
    }

    fn shown(text: &str, environment: &Fake) -> String {
        match find(&S3Place::parse(text).unwrap(), environment) {
            Ok((Credentials::Static { key, secret, token }, region)) => {
                format!("{key} {secret} {} {region}", token.unwrap_or_default())
            }
            Ok((Credentials::Metadata, region)) => format!("metadata {region}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn credentials_are_found_in_one_order() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            fs::create_dir_all(home.path().join(".aws")).unwrap();
            fs::write(home.path().join(name), text).unwrap();
        };
        let variables = |pairs: &[(&'static str, &str)]| {
            let mut all = BTreeMap::from([("HOME", home.path().display().to_string())]);
            all.extend(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())));
            Fake(all)
        };
        let none = variables(&[]);
        assert!(shown("s3://abc", &none).starts_with("refused: there are no credentials"));
        assert_eq!(shown("s3://abc?metadata=1", &none), "metadata us-east-1");
        write(
            ".aws/credentials",
            "# a comment\n[default]\naws_access_key_id = DK\naws_secret_access_key=DS=+/\n[ home ]\naws_access_key_id=HK\n\
             ; no\naws_secret_access_key=HS\naws_session_token=HT\n[half]\naws_access_key_id=hunter2\n",
        );
        write(".aws/config", "[default]\nregion=eu-1\n[profile home]\nregion = eu-2\n[profile sso]\nsso_session = x\n");
        write("mine", "[default]\nAWS_ACCESS_KEY_ID=FK\naws_secret_access_key=FS\n");
        let mine = home.path().join("mine").display().to_string();
        let environment =
            variables(&[("AWS_ACCESS_KEY_ID", "EK"), ("AWS_SECRET_ACCESS_KEY", "ES"), ("AWS_REGION", "eu-3")]);
        for (text, environment, expected) in [
            ("s3://abc", &none, "DK DS=+/  eu-1"),
            ("s3://abc?profile=home", &none, "HK HS HT eu-2"),
            ("s3://abc?profile=home&region=eu-9", &environment, "HK HS HT eu-9"),
            ("s3://abc", &environment, "EK ES  eu-3"),
            ("s3://abc?metadata=1", &environment, "EK ES  eu-3"),
            (&format!("s3://abc?credentials={mine}"), &environment, "FK FS  eu-3"),
            ("s3://abc", &variables(&[("AWS_PROFILE", "home")]), "HK HS HT eu-2"),
        ] {
            assert_eq!(shown(text, environment), expected, "{text}");
        }
        for (text, environment, part) in [
            (&*format!("s3://abc?credentials={mine}&profile=no"), &none, "has no access key for the profile 'no'"),
            ("s3://abc?profile=no", &environment, "has no access key for the profile 'no'"),
            ("s3://abc?profile=half", &none, "only one of aws_access_key_id and aws_secret_access_key"),
            ("s3://abc?profile=sso", &none, "these are not supported"),
            (
                "s3://abc?credentials=/no/such/file",
                &none,
                "absent: the file of credentials '/no/such/file' cannot be read",
            ),
            ("s3://abc", &variables(&[("AWS_ACCESS_KEY_ID", "hunter2")]), "only one of AWS_ACCESS_KEY_ID"),
        ] {
            let error = shown(text, environment);
            assert!(error.contains(part) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let credentials = Credentials::Static { key: "hunter2".into(), secret: "hunter2".into(), token: None };
        assert_eq!(format!("{credentials:?}"), "Static(…)");
    }
}
