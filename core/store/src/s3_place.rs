//! `s3://BUCKET/PREFIX?endpoint=…&region=…`: the name says where a bucket is and where its credentials are. It never
//! holds the credentials themselves.

use crate::identity::Identity;
use lifeboat_core::{Error, Result};
use std::fmt;
use std::path::PathBuf;

/// A prefix in a bucket of an S3 server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct S3Place {
    /// The bucket.
    pub bucket: String,
    /// Without `/` at its ends. Empty: the whole bucket.
    pub prefix: String,
    /// `https://HOST[:PORT][/PATH]`; all before the path is in lower case. None: AWS.
    pub endpoint: Option<String>,
    /// None: the region comes from the environment or the profile, or is `us-east-1`.
    pub region: Option<String>,
    /// A profile in the file of credentials.
    pub profile: Option<String>,
    /// A file of credentials, in the form of `~/.aws/credentials`.
    pub credentials: Option<PathBuf>,
    /// A file of certificates (PEM) that are trusted instead of the system's.
    pub ca: Option<PathBuf>,
    /// Requests may go to another machine without TLS.
    pub allow_http: bool,
    /// The bucket is a part of the host's name.
    pub virtual_hosted: bool,
    /// Credentials may come from the machine's metadata service.
    pub metadata: bool,
}

const PARAMETERS: &str = "endpoint, region, profile, credentials, ca, allow_http, virtual_hosted, metadata";

impl S3Place {
    /// Reads the name of a store that begins with `s3:`.
    ///
    /// # Errors
    /// Misuse.
    pub fn parse(text: &str) -> Result<Self> {
        let rest =
            text.strip_prefix("s3://").ok_or_else(|| Error::misuse("write 's3://BUCKET/PREFIX', with two slashes"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path.contains('@') {
            return Err(with_password("s3:"));
        }
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let mut place = Self {
            bucket: checked_bucket(bucket)?,
            prefix: checked_prefix(prefix)?,
            endpoint: None,
            region: None,
            profile: None,
            credentials: None,
            ca: None,
            allow_http: false,
            virtual_hosted: false,
            metadata: false,
        };
        let mut seen = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if seen.contains(&name) {
                return Err(Error::misuse(format!("the parameter '{}' of the store stands there twice", shown(name))));
            }
            seen.push(name);
            place.set(name, value)?;
        }
        place.check()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let text = || {
            let text = decode(value).filter(|text| !text.is_empty() && !text.contains(char::is_control));
            text.ok_or_else(|| {
                Error::misuse(format!("the parameter '{name}' of the store has no value that can be read"))
            })
        };
        let switch = || match value {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(Error::misuse(format!("the parameter '{name}' of the store must be 1 or 0"))),
        };
        match name {
            "endpoint" => self.endpoint = Some(endpoint(&text()?)?),
            "region" => self.region = Some(text()?),
            "profile" => self.profile = Some(text()?),
            "credentials" => self.credentials = Some(text()?.into()),
            "ca" => self.ca = Some(text()?.into()),
            "allow_http" => self.allow_http = switch()?,
            "virtual_hosted" => self.virtual_hosted = switch()?,
            "metadata" => self.metadata = switch()?,
            other if is_secret(other) => {
                return Err(Error::misuse(
                    "credentials never stand in the name of a store; put them into the environment, a profile, \
                     or a file that 'credentials=FILE' names",
                ));
            }
            other => {
                return Err(Error::misuse(format!(
                    "there is no parameter '{}' of an S3 store; known are {PARAMETERS}",
                    shown(other)
                )));
            }
        }
        Ok(())
    }

    fn check(self) -> Result<Self> {
        let Some(endpoint) = &self.endpoint else { return Ok(self) };
        if endpoint.starts_with("http:") && !self.allow_http && !is_loopback(endpoint) {
            return Err(Error::misuse(
                "the endpoint is 'http:', without encryption, on another machine; use 'https:', or ask for it with allow_http=1",
            ));
        }
        Ok(self)
    }

    /// What shows whether another name means the same place.
    pub fn identity(&self) -> Identity {
        let endpoint = self.endpoint.as_deref().unwrap_or("aws").to_owned();
        Identity::S3 { endpoint, bucket: self.bucket.clone(), prefix: self.prefix.clone() }
    }

    /// Whether the endpoint is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.endpoint.as_deref().is_some_and(is_loopback)
    }
}

impl fmt::Display for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        match &self.endpoint {
            Some(endpoint) => write!(f, "?endpoint={endpoint}"),
            None => Ok(()),
        }
    }
}

/// The error for an `@` where only a name or an address belongs. It does not show the text: it could be a password.
pub(crate) fn with_password(form: &str) -> Error {
    Error::misuse(format!(
        "the name of the store '{form}//…' contains '@', and so perhaps a password; credentials never stand in the name of \
         a store: put them into the environment, a profile, or a file that 'credentials=FILE' names"
    ))
}

/// The beginning of a name from outside. It is enough to find a typing mistake.
fn shown(name: &str) -> String {
    name.chars().take(32).collect::<String>().escape_debug().to_string()
}

fn is_secret(name: &str) -> bool {
    let name: String = name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    ["accesskey", "secret", "token", "password", "user"].iter().any(|word| name.contains(word))
}

fn checked_bucket(bucket: &str) -> Result<String> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let edges = [bucket.bytes().next(), bucket.bytes().last()];
    let is_valid = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(is_allowed)
        && !bucket.contains("..")
        && edges.into_iter().flatten().all(|byte| byte.is_ascii_alphanumeric());
    if is_valid {
        Ok(bucket.to_owned())
    } else {
        Err(Error::misuse(format!(
            "'{}' is not the name of a bucket: it has 3 to 63 lower-case letters, digits, '-' or '.'",
            shown(bucket)
        )))
    }
}

/// The longest prefix: together with the longest name, it stays below the limit of S3, 1,024 bytes.
const PREFIX_MAX: usize = 500;

fn checked_prefix(prefix: &str) -> Result<String> {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_segment =
        |segment: &str| !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(is_allowed);
    if prefix.len() <= PREFIX_MAX && (prefix.is_empty() || prefix.split('/').all(is_segment)) {
        Ok(prefix.to_owned())
    } else {
        Err(Error::misuse(
            "the prefix behind the bucket has letters of ASCII, digits, '-', '_' and '.' between single '/', and at most 500 bytes",
        ))
    }
}

/// Reads an endpoint and gives it one form, so that equal places are equal texts.
fn endpoint(text: &str) -> Result<String> {
    let refused =
        |what: &str| Err(Error::misuse(format!("the endpoint of the store {what}; write 'https://HOST:PORT'")));
    let lower = text.to_ascii_lowercase();
    let Some(scheme) = ["https", "http"]
        .into_iter()
        .find(|scheme| lower.strip_prefix(scheme).is_some_and(|rest| rest.starts_with("://")))
    else {
        return refused("does not begin with 'https://' or 'http://'");
    };
    let rest = text.get(scheme.len() + 3..).unwrap_or_default();
    if rest.contains('@') {
        return Err(with_password(&format!("{scheme}:")));
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let path = path.trim_end_matches('/');
    let authority = authority.to_ascii_lowercase();
    let (host, port) = match authority.rfind(':') {
        // A colon inside brackets belongs to an IPv6 address.
        Some(at) if !authority[at..].contains(']') => (&authority[..at], Some(&authority[at + 1..])),
        _ => (&*authority, None),
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
    };
    if !is_host || !path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte)) {
        return refused("has no host that can be read, or more than a host, a port and a path");
    }
    let usual = if scheme == "https" { 443 } else { 80 };
    match port.map(str::parse::<u16>) {
        None => Ok(format!("{scheme}://{host}{path}")),
        Some(Ok(port)) if port == usual => Ok(format!("{scheme}://{host}{path}")),
        Some(Ok(port)) if port > 0 => Ok(format!("{scheme}://{host}:{port}{path}")),
        Some(_) => refused("has a port that is no number from 1 to 65535"),
    }
}

pub(crate) fn is_loopback(endpoint: &str) -> bool {
    let authority = endpoint.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Resolves `%XX`.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(*rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit()? << 4 | digit()?);
    }
    String::from_utf8(bytes).ok()
}
