//! One request to a receiver. It ends at its deadline, follows no redirect, and reads almost nothing of the answer.

use super::settings::Notify;
use crate::drivers::s3::http::{client, roots};
use crate::drivers::s3::seen::causes;
use crate::drivers::s3::worker::Worker;
use crate::{Cancel, StoreErrorKind};
use rustls::RootCertStore;
use std::time::{Duration, Instant};

/// A body of so many bytes is read, so that the connection can be used again.
const BODY_MAX: u64 = 4096;
/// How long such a body may take.
const BODY_TIME: Duration = Duration::from_millis(300);

/// What is asked.
pub(super) struct Request {
    pub(super) url: String,
    /// What is sent by POST, and what it is known by. None: GET.
    pub(super) body: Option<(String, String)>,
}

/// Asks receivers, on one thread that is joined when this is dropped.
#[derive(Default)]
pub(super) struct Client {
    worker: Worker<reqwest::Client>,
}

impl Client {
    /// The status of the answer. An error says nothing of the URL.
    pub(super) fn ask(
        &self,
        notify: &Notify,
        is_loopback: bool,
        request: Request,
        time: Duration,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<u16, String> {
        let until = Instant::now() + time;
        let new = || {
            let is_plain = |url: &super::url::Url| url.is_plain();
            let needs_no_roots = notify.webhook.iter().chain(&notify.heartbeat).all(is_plain);
            let roots = if needs_no_roots { Ok(RootCertStore::empty()) } else { roots(notify.ca.as_deref()) };
            roots.and_then(|roots| client(roots, is_loopback))
        };
        let task = self.worker.start(new).map_err(|error| error.message().to_owned())?;
        let client = task.client();
        let answer = task.spawn(async move { Ok(tokio::time::timeout(time, send(&client, request)).await) });
        // The thread of the caller asks whether the application wants to stop.
        let cancel = Cancel::never();
        loop {
            match answer.next(&cancel.within(Cancel::STEP)) {
                Ok(Ok(status)) => return status,
                Ok(Err(_)) => return Err("no answer in time".to_owned()),
                Err(error) if error.kind() != StoreErrorKind::Unreachable => return Err(error.message().to_owned()),
                Err(_) if interrupted() => return Err("the application interrupted it".to_owned()),
                // The work ends by itself a little before.
                Err(error) if Instant::now() >= until + BODY_TIME => return Err(error.message().to_owned()),
                Err(_) => {}
            }
        }
    }
}

async fn send(client: &reqwest::Client, request: Request) -> Result<u16, String> {
    let builder = match request.body {
        None => client.get(request.url),
        Some((body, key)) => client
            .post(request.url)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body),
    };
    let answer = builder.header("user-agent", concat!("lifeboat/", env!("CARGO_PKG_VERSION"))).send().await;
    let answer = answer.map_err(|error| causes(&error.without_url()))?;
    let status = answer.status().as_u16();
    if answer.content_length().is_some_and(|length| length <= BODY_MAX) {
        // What it says does not matter.
        let _ = tokio::time::timeout(BODY_TIME, answer.bytes()).await;
    }
    Ok(status)
}
