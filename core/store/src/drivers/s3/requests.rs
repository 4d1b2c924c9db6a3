//! The requests that a store makes.

use super::credentials::Credentials;
use super::failure::failed;
use super::http::{Settings, recorded};
use super::worker::{Answer, Task};
use crate::s3_place::S3Place;
use crate::{Cancel, Entry, LIST_MAX, Result, StoreError, StoreErrorKind, name};
use bytes::Bytes;
use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig,
};
use std::ops::Range;
use std::time::Duration;

/// How many times one request is sent again.
const RETRIES: usize = 5;
/// The first pause. Later pauses are longer.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(3);
/// How many times something is tried while nobody knows whether it was done.
pub(super) const ATTEMPTS: u32 = 4;
/// How many pages of a list may hold only names that are not ours.
const PAGES_MAX: usize = 10;

/// The client of one bucket.
#[derive(Debug)]
pub(super) struct Requests {
    s3: AmazonS3,
    prefix: String,
}

/// An upload in parts.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    name: String,
    path: Path,
    id: String,
}

/// Why an object was not put.
#[derive(Debug)]
pub(super) enum PutFailure {
    /// The server says that an object with this name exists.
    Exists,
    /// The server does not know conditions.
    NoConditions,
    /// The connection broke off, so the object may have arrived.
    Unknown(StoreError),
}

impl Requests {
    pub fn new(place: &S3Place, settings: &Settings) -> Result<Self> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&place.bucket)
            .with_region(&settings.region)
            .with_virtual_hosted_style_request(place.virtual_hosted)
            .with_allow_http(true)
            // A bucket with a default retention demands a checksum.
            .with_checksum_algorithm(Checksum::SHA256)
            // One plain request, which every server knows.
            .with_disable_bulk_delete(true)
            .with_disable_tagging(true)
            .with_http_connector(settings.connector()?)
            .with_retry(RetryConfig {
                backoff: BackoffConfig { init_backoff: PAUSE, max_backoff: PAUSE_MAX, base: 2.0 },
                max_retries: RETRIES,
                retry_timeout: Duration::from_secs(120),
            });
        if let Some(endpoint) = &place.endpoint {
            builder = builder.with_endpoint(host_of(endpoint, place));
        }
        match &settings.credentials {
            Credentials::Static { key, secret, token } => {
                builder = builder.with_access_key_id(key).with_secret_access_key(secret);
                if let Some(token) = token {
                    builder = builder.with_token(token);
                }
            }
            Credentials::Metadata => {
                for variable in METADATA_VARIABLES {
                    if let (Ok(value), Ok(key)) = (std::env::var(variable), variable.to_ascii_lowercase().parse()) {
                        builder = builder.with_config(key, value);
                    }
                }
            }
        }
        // The text of the error could hold the credentials.
        let s3 = builder.build().map_err(|_| StoreError::misuse(format!("'{place}' cannot be used as an S3 store")))?;
        Ok(Self { s3, prefix: place.prefix.clone() })
    }

    fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }

    fn path(&self, name: &str) -> Path {
        // Names and prefixes have only characters that need no escape.
        Path::from(self.key(name))
    }

    async fn list_from(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<Entry>> {
        let (key_prefix, key_after) = (self.key(prefix), self.key(after));
        let mut entries: Vec<Entry> = Vec::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let options = PaginatedListOptions {
                // A marker before the prefix has no effect, and some servers refuse it.
                offset: (token.is_none() && key_after > key_prefix).then(|| key_after.clone()),
                max_keys: Some(limit),
                page_token: token.take(),
                ..Default::default()
            };
            let page = self.page(&key_prefix, options).await?;
            for object in page.result.objects {
                self.add(&mut entries, object.location.as_ref(), object.size, after)?;
            }
            if entries.len() >= limit || page.page_token.is_none() {
                entries.truncate(limit);
                return Ok(entries);
            }
            token = page.page_token;
        }
        Err(StoreError::corrupt("list: too many names that are not of objects of this store"))
    }

    /// One page of a list. `object_store` does not try again when an answer breaks off.
    async fn page(&self, prefix: &str, options: PaginatedListOptions) -> Result<PaginatedListResult> {
        let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (page, seen) = recorded(self.s3.list_paginated(prefix, options.clone())).await;
            match page {
                Err(_) if seen.broke_off() && attempt < ATTEMPTS => tokio::time::sleep(pause(attempt)).await,
                page => return page.map_err(|error| failed(&error, &seen, "list")),
            }
        }
    }

    /// Adds one name of a list, if it can be one of ours.
    fn add(&self, entries: &mut Vec<Entry>, key: &str, length: u64, after: &str) -> Result<()> {
        let name = if self.prefix.is_empty() {
            Some(key)
        } else {
            key.strip_prefix(&*self.prefix).and_then(|name| name.strip_prefix('/'))
        };
        let Some(name) = name.filter(|name| name::is_valid(name) && *name > after) else { return Ok(()) };
        if entries.last().is_some_and(|last| *last.name >= *name) {
            return Err(StoreError::corrupt("list: the names are not in order"));
        }
        entries.push(Entry { name: name.to_owned(), length });
        Ok(())
    }
}

/// How long to wait after this attempt. The first attempt is 1.
fn pause(attempt: u32) -> Duration {
    PAUSE.saturating_mul(2u32.saturating_pow(attempt)).min(PAUSE_MAX)
}

/// The name of the host. The bucket is a part of it if the place says so.
fn host_of(endpoint: &str, place: &S3Place) -> String {
    match endpoint.split_once("://").filter(|_| place.virtual_hosted) {
        Some((scheme, rest)) => format!("{scheme}://{}.{rest}", place.bucket),
        None => endpoint.to_owned(),
    }
}

/// Where a machine's metadata service says who it is.
const METADATA_VARIABLES: [&str; 7] = [
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_METADATA_ENDPOINT",
];

impl Task<Requests> {
    /// Puts an object by one request. The outer error is final.
    pub fn put(&self, name: &str, bytes: Bytes, conditional: bool, cancel: &Cancel) -> Result<Result<(), PutFailure>> {
        let (client, name) = (self.client(), name.to_owned());
        let put = async move {
            let mode = if conditional { PutMode::Create } else { PutMode::Overwrite };
            let path = client.path(&name);
            let options = PutOptions { mode, ..Default::default() };
            let (put, seen) = recorded(client.s3.put_opts(&path, bytes.into(), options)).await;
            let Err(error) = put else { return Ok(Ok(())) };
            Ok(Err(match (&error, seen.status) {
                (Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. }, _)
                    if conditional =>
                {
                    PutFailure::Exists
                }
                (_, Some(400 | 405 | 501)) if conditional && is_unknown(seen.code.as_deref()) => {
                    PutFailure::NoConditions
                }
                (_, None) if !seen.unconnected => PutFailure::Unknown(failed(&error, &seen, &name)),
                _ => return Err(failed(&error, &seen, &name)),
            }))
        };
        self.run(put, cancel)
    }

    /// Waits before an object is put again.
    pub fn pause(&self, attempt: u32, cancel: &Cancel) -> Result<()> {
        let pause = async move {
            tokio::time::sleep(pause(attempt)).await;
            Ok(())
        };
        self.run(pause, cancel)
    }

    pub fn get(&self, name: &str, range: Range<u64>, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        let (client, shown) = (self.client(), name.to_owned());
        let pieces = self.spawn_with(|pieces| async move {
            let options = GetOptions { range: Some(GetRange::Bounded(range)), ..Default::default() };
            let get = async {
                let mut stream = client.s3.get_opts(&client.path(&shown), options).await?.into_stream();
                while let Some(piece) = stream.next().await {
                    // Perhaps nobody waits any more.
                    let _ = pieces.send(Ok(Some(piece?)));
                }
                Ok(())
            };
            let (got, seen) = recorded(get).await;
            let _ = pieces.send(got.map(|()| None).map_err(|error: Error| failed(&error, &seen, &shown)));
        });
        let mut filled = 0;
        while let Some(piece) = pieces.next(cancel)? {
            let end = filled + piece.len();
            let into = buffer.get_mut(filled..end);
            let too_long = || StoreError::corrupt(format!("{name}: the answer is longer than what was asked for"));
            into.ok_or_else(too_long)?.copy_from_slice(&piece);
            filled = end;
        }
        if filled == buffer.len() {
            Ok(())
        } else {
            Err(StoreError::corrupt(format!("{name}: the answer is shorter than what was asked for")))
        }
    }

    pub fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        let (client, prefix, after) = (self.client(), prefix.to_owned(), after.to_owned());
        let limit = limit.min(LIST_MAX);
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.run(async move { client.list_from(&prefix, &after, limit).await }, cancel)
    }

    pub fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        let (client, name) = (self.client(), name.to_owned());
        let head = async move {
            let path = client.path(&name);
            let (head, seen) = recorded(client.s3.head(&path)).await;
            head.map(|meta| meta.size).map_err(|error| failed(&error, &seen, &name))
        };
        self.run(head, cancel)
    }

    /// The length of an object. None: it does not exist.
    pub fn head_if_there(&self, name: &str, cancel: &Cancel) -> Result<Option<u64>> {
        match self.head(name, cancel) {
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
            head => head.map(Some),
        }
    }

    pub fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        let (client, name) = (self.client(), name.to_owned());
        let delete = async move {
            let path = client.path(&name);
            let (deleted, seen) = recorded(client.s3.delete(&path)).await;
            match deleted.map_err(|error| failed(&error, &seen, &name)) {
                Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(()),
                deleted => deleted,
            }
        };
        self.run(delete, cancel)
    }

    /// Begins an upload in parts.
    pub fn start_upload(&self, name: &str, cancel: &Cancel) -> Result<Upload> {
        let (client, name) = (self.client(), name.to_owned());
        let begin = async move {
            let path = client.path(&name);
            let (begun, seen) = recorded(client.s3.create_multipart(&path)).await;
            let id = begun.map_err(|error| failed(&error, &seen, &name))?;
            Ok(Upload { name, path, id })
        };
        self.run(begin, cancel)
    }

    /// Sends one part. Numbers begin at 0.
    pub fn part(&self, upload: &Upload, number: usize, bytes: Bytes) -> Answer<PartId> {
        let (client, upload) = (self.client(), upload.clone());
        self.spawn(async move {
            let part = client.s3.put_part(&upload.path, &upload.id, number, bytes.into());
            let (sent, seen) = recorded(part).await;
            sent.map_err(|error| failed(&error, &seen, &upload.name))
        })
    }

    /// Makes an object from the parts.
    pub fn complete(&self, upload: &Upload, parts: Vec<PartId>, cancel: &Cancel) -> Result<()> {
        let (client, upload) = (self.client(), upload.clone());
        let complete = async move {
            let complete = client.s3.complete_multipart(&upload.path, &upload.id, parts);
            let (completed, seen) = recorded(complete).await;
            completed.map(|_| ()).map_err(|error| failed(&error, &seen, &upload.name))
        };
        self.run(complete, cancel)
    }

    /// Removes the parts of an upload, if the server answers soon.
    pub fn abort(&self, upload: &Upload) {
        let (client, upload) = (self.client(), upload.clone());
        let abort = async move {
            // The error that led here matters more.
            let _ = client.s3.abort_multipart(&upload.path, &upload.id).await;
            Ok(())
        };
        let _ = self.run(abort, &Cancel::never().within(Duration::from_secs(2)));
    }
}

/// Whether this code means that the server does not know what was asked for.
fn is_unknown(code: Option<&str>) -> bool {
    matches!(code, None | Some("NotImplemented" | "InvalidArgument" | "InvalidRequest" | "MethodNotAllowed"))
}
