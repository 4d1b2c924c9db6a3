//! One request and its answer. No redirect is followed, no body is longer than was asked for, and each wait ends.

use super::client;
use super::credentials::{self, Credentials};
use super::seen::{Record, STALL, Seen, causes};
use super::watched::Watched;
use crate::s3_place::S3Place;
use crate::{Result, StoreError};
use base64::Engine;
use http_body::Body;
use md5::{Digest, Md5};
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use reqwest::StatusCode;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The time limit for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The slowest network that is accepted, in bytes a second.
const SLOWEST: u64 = 32 << 10;
/// The longest answer that is not an object's bytes: a list has about 600 KB.
const ANSWER_MAX: u64 = 8 << 20;
/// The most bytes that are read of an error.
const ERROR_MAX: u64 = 64 << 10;

/// What is known before a connection is made.
pub(super) struct Settings {
    pub credentials: Credentials,
    pub region: String,
    pub tls: ClientConfig,
    pub is_loopback: bool,
}

impl Settings {
    /// # Errors
    /// Absent: a file of credentials or certificates cannot be read. Refused: it does not hold what it should, or there
    /// are no credentials.
    pub fn read(place: &S3Place) -> Result<Self> {
        let (credentials, region) = credentials::find(place, &credentials::Process)?;
        let is_plain = place.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http:"));
        let roots = if is_plain { RootCertStore::empty() } else { roots(place.ca.as_deref())? };
        Ok(Self { credentials, region, tls: tls(roots)?, is_loopback: place.is_loopback() })
    }

    pub fn connector(&self) -> Result<Connector> {
        Ok(Connector(of_tls(self.tls.clone(), self.is_loopback)?))
    }
}

fn tls(roots: RootCertStore) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.map_err(|error| StoreError::refused(format!("TLS: {error}")))?;
    Ok(tls.with_root_certificates(roots).with_no_client_auth())
}

/// A client that follows no redirect.
fn of_tls(tls: ClientConfig, is_loopback: bool) -> Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(Duration::from_secs(20));
    // A proxy from the environment is for other machines.
    let client = if is_loopback { client.no_proxy() } else { client };
    let client = client.tls_backend_preconfigured(tls).build();
    client.map_err(|error| StoreError::unreachable(format!("HTTP: {}", causes(&error))))
}

/// A client that follows no redirect, and trusts these certificates.
///
/// # Errors
/// Refused or unreachable when TLS or HTTP cannot begin.
pub(crate) fn client(roots: RootCertStore, is_loopback: bool) -> Result<reqwest::Client> {
    of_tls(tls(roots)?, is_loopback)
}

/// The certificates of this file; without a file, those that the system trusts.
///
/// # Errors
/// Absent when it cannot be read, or when the system has none; refused when it has none.
pub(crate) fn roots(ca: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        let failed = |what: String| {
            let path = path.display();
            StoreError::absent(format!(
                "the certificates in '{path}' cannot be read: {what}; correct the path behind 'ca', or connect its disk"
            ))
        };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(StoreError::refused(format!(
                "'{}' has no certificate; 'ca' names a file in PEM form",
                path.display()
            )));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(StoreError::absent(
                "the system has no certificates that it trusts; install them (ca-certificates), or name a file with 'ca=FILE'",
            ));
        }
    }
    Ok(roots)
}

/// Makes `object_store` use our client for all requests.
#[derive(Clone)]
pub(super) struct Connector(reqwest::Client);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

tokio::task_local! {
    static RECORD: Record;
}

/// Does a piece of work, and says what the last answer was.
pub(super) async fn recorded<T>(work: impl Future<Output = T>) -> (T, Seen) {
    let record = Record::default();
    let done = RECORD.scope(record.clone(), work).await;
    (done, record.seen())
}

#[async_trait::async_trait]
impl HttpService for Connector {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if request.method() == "PUT" {
            add_md5(&mut request).await?;
        }
        let record = RECORD.try_with(Record::clone).unwrap_or_default();
        record.note(|seen| *seen = Seen::default());
        let sent = u64::try_from(request.body().content_length()).unwrap_or(u64::MAX);
        let asked_for = asked_for(&request);
        let limit = asked_for.unwrap_or(ANSWER_MAX);
        let time = STALL + Duration::from_secs(sent / SLOWEST);
        let answer = match tokio::time::timeout(time, client::send(&self.0, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::new(HttpErrorKind::Timeout, Late)),
        };
        let answer = answer.inspect_err(|error| {
            record.note(|seen| {
                seen.broken = Some(causes(error));
                // Nothing was sent.
                seen.unconnected = error.kind() == HttpErrorKind::Connect;
            });
        })?;
        record.note(|seen| seen.status = Some(answer.status().as_u16()));
        let is_success = answer.status().is_success();
        let limit = if is_success { limit } else { ERROR_MAX };
        let (mut parts, body) = answer.into_parts();
        if asked_for.is_some() && parts.status == 200 && parts.headers.contains_key("content-range") {
            // rclone sends the range that was asked for, but with the status for the whole object.
            parts.status = StatusCode::PARTIAL_CONTENT;
        }
        let body = HttpResponseBody::new(Watched::new(body, limit, record.clone()));
        if is_success {
            return Ok(HttpResponse::from_parts(parts, body));
        }
        // We keep its code, and drop the rest of what the server says: that text could be anything.
        let body = body.bytes().await.unwrap_or_default();
        record.note(|seen| {
            seen.code = code(&body);
            (seen.broken, seen.too_long) = (None, false);
        });
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

/// Some servers demand this checksum in addition to the newer one, if objects are retained.
async fn add_md5(request: &mut HttpRequest) -> Result<(), HttpError> {
    let mut body = request.body().clone();
    let mut hasher = Md5::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(data) = frame?.into_data() {
            hasher.update(&data);
        }
    }
    let sum = base64::engine::general_purpose::STANDARD.encode(hasher.finalize());
    if let Ok(sum) = sum.parse() {
        request.headers_mut().insert("content-md5", sum);
    }
    Ok(())
}

/// How many bytes of an object a request asks for.
fn asked_for(request: &HttpRequest) -> Option<u64> {
    let range = request.headers().get("range")?.to_str().ok()?.strip_prefix("bytes=")?;
    let (start, end) = range.split_once('-')?;
    end.parse::<u64>().ok()?.checked_sub(start.parse().ok()?)?.checked_add(1)
}

/// The code of an error of S3: one word.
fn code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>")?.1.split_once("</Code>")?.0;
    let is_word =
        (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    is_word.then(|| code.to_owned())
}

#[derive(Debug)]
struct Late;

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer in time")
    }
}

impl std::error::Error for Late {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_error_is_one_word() {
        let body = |code: &str| format!("<?xml?><Error><Code>{code}</Code><Message>hunter2</Message></Error>");
        assert_eq!(code(body("AccessDenied").as_bytes()).as_deref(), Some("AccessDenied"));
        assert_eq!(code(body("S3.Code1").as_bytes()).as_deref(), Some("S3.Code1"));
        for other in ["", "a b", "hunter2&amp;", &"x".repeat(65)] {
            assert_eq!(code(body(other).as_bytes()), None, "{other}");
        }
        assert_eq!(code(b"<Code>Open"), None);
    }
}
