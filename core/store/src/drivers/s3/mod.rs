//! `s3://BUCKET/PREFIX`: everything that speaks S3, through `object_store`.
//!
//! One thread with one runtime does all network work of a store. It starts with the first request and is joined when
//! the store is dropped. So no thread is left when the library that it belongs to is unloaded.

mod client;
mod credentials;
mod failure;
pub(crate) mod http;
mod requests;
pub(crate) mod seen;
mod watched;
pub(crate) mod worker;

use crate::name::{self, Check};
use crate::s3_place::S3Place;
use crate::{Cancel, Entry, Put, Result, Store, StoreError, StoreErrorKind};
use bytes::Bytes;
use lifeboat_core::chain::Source;
use requests::{ATTEMPTS, PutFailure, Requests};
use std::fmt;
use worker::{Task, Worker};

/// An object below this size is put by one request. S3 takes at most 5 GB in one request.
const SINGLE_MAX: u64 = 64 << 20;
/// The smallest size of a part, when an object is put in several parts.
const PART: u64 = 8 << 20;
/// S3 takes at most 10,000 parts.
const PARTS_MAX: u64 = 9_000;
/// How many parts are sent, and held in memory, at the same time.
const PARTS_AT_ONCE: usize = 3;

/// A prefix in a bucket. Its `Debug` shows no credential.
pub struct S3Store {
    place: S3Place,
    single_max: u64,
    worker: Worker<Requests>,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("S3Store").field(&self.place).finish_non_exhaustive()
    }
}

impl S3Store {
    /// Nothing is read or connected yet. The first request reads the files of credentials and certificates, so that a
    /// file that is not there hinders this store alone. While they cannot be read, each request tries again.
    pub fn new(place: &S3Place) -> Self {
        Self { place: place.clone(), single_max: SINGLE_MAX, worker: Worker::default() }
    }

    /// Puts objects of this size and larger in parts. This is for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn with_single_max(self, single_max: u64) -> Self {
        Self { single_max, ..self }
    }

    fn requests(&self) -> Result<Task<Requests>> {
        self.worker.start(|| Requests::new(&self.place, &http::Settings::read(&self.place)?))
    }

    fn put_as(&self, name: &str, content: &dyn Source, keep: bool, cancel: &Cancel) -> Result<Put> {
        cancel.check()?;
        name::check(name)?;
        let length = content.length().map_err(StoreError::source)?;
        let requests = self.requests()?;
        if length >= self.single_max {
            // Do not send so many bytes if they are there already.
            if keep && requests.head_if_there(name, cancel)? == Some(length) {
                return Ok(Put::Existed);
            }
            let done = put_parts(&requests, name, content, length, cancel);
            return match done {
                // The server may have made the object although its answer was lost.
                Err(error) if keep && is_unsure(&error) && requests.head_if_there(name, cancel)? == Some(length) => {
                    Ok(Put::Written)
                }
                done => done.map(|()| Put::Written),
            };
        }
        let bytes = read(content, 0, length)?;
        let mut check = Check::new(name);
        check.update(&bytes);
        check.finish()?;
        put_whole(&requests, name, &bytes, keep, cancel)
    }
}

impl Store for S3Store {
    fn id(&self) -> Result<String> {
        Ok(self.place.to_string())
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put> {
        self.put_as(name, content, true, cancel)
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()> {
        self.put_as(name, content, false, cancel).map(drop)
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        cancel.check()?;
        name::check(name)?;
        let requests = self.requests()?;
        let wanted = u64::try_from(buffer.len()).ok().and_then(|wanted| offset.checked_add(wanted));
        let end = wanted.ok_or_else(|| StoreError::corrupt(format!("'{name}' has not so many bytes")))?;
        if buffer.is_empty() {
            // There are no empty ranges.
            return if requests.head(name, cancel)? >= offset {
                Ok(())
            } else {
                Err(StoreError::corrupt(format!("'{name}' has not so many bytes")))
            };
        }
        requests.get(name, offset..end, buffer, cancel)
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        cancel.check()?;
        name::check_prefix(prefix)?;
        self.requests()?.list(prefix, after, limit, cancel)
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        cancel.check()?;
        name::check(name)?;
        self.requests()?.head(name, cancel)
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        cancel.check()?;
        name::check(name)?;
        self.requests()?.delete(name, cancel)
    }
}

fn is_unsure(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Unreachable | StoreErrorKind::NotFound)
}

fn read(content: &dyn Source, at: u64, length: u64) -> Result<Bytes> {
    let length = usize::try_from(length).map_err(|_| StoreError::full("no memory has so many bytes"))?;
    let mut bytes = vec![0; length];
    content.read(at, &mut bytes).map_err(StoreError::source)?;
    Ok(bytes.into())
}

/// The request asks that nothing must exist under this name, so that a sound object is not written again. But nothing
/// relies on this condition: some servers ignore it, and others say that it failed although nothing arrived.
fn put_whole(requests: &Task<Requests>, name: &str, bytes: &Bytes, keep: bool, cancel: &Cancel) -> Result<Put> {
    let mut conditional = keep;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let failure = match requests.put(name, bytes.clone(), conditional, cancel)? {
            Ok(()) => return Ok(Put::Written),
            Err(failure) => failure,
        };
        match failure {
            PutFailure::Exists => match requests.head_if_there(name, cancel)? {
                Some(length) if length == bytes.len() as u64 => return Ok(Put::Existed),
                // What exists does not match the name, so it is replaced.
                Some(_) => conditional = false,
                // Something else happened to the object at the same time.
                None => conditional = attempt == 1,
            },
            PutFailure::NoConditions => conditional = false,
            PutFailure::Unknown(error) if attempt >= ATTEMPTS => return Err(error),
            PutFailure::Unknown(_) => {}
        }
        if attempt > ATTEMPTS {
            return Err(StoreError::unreachable(format!(
                "'{name}': the server says each time that it exists, and it does not"
            )));
        }
        requests.pause(attempt, cancel)?;
    }
}

fn put_parts(requests: &Task<Requests>, name: &str, content: &dyn Source, length: u64, cancel: &Cancel) -> Result<()> {
    let part = PART.max(length.div_ceil(PARTS_MAX));
    let upload = requests.start_upload(name, cancel)?;
    let mut check = Check::new(name);
    let mut parts = Vec::new();
    let mut waiting = std::collections::VecDeque::new();
    let sent = (0..length.div_ceil(part)).try_for_each(|number| {
        let at = number * part;
        let bytes = read(content, at, part.min(length - at))?;
        check.update(&bytes);
        if waiting.len() >= PARTS_AT_ONCE {
            parts.extend(waiting.pop_front().map(|sent: worker::Answer<_>| sent.next(cancel)).transpose()?);
        }
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        waiting.push_back(requests.part(&upload, number, bytes));
        Ok(())
    });
    let done = sent.and_then(|()| {
        for sent in waiting {
            parts.push(sent.next(cancel)?);
        }
        check.finish()?;
        requests.complete(&upload, parts, cancel)
    });
    if done.as_ref().is_err_and(|error| error.kind() != StoreErrorKind::Interrupted) {
        // If they cannot be removed now, the server's own rule for unfinished uploads removes them.
        requests.abort(&upload);
    }
    done
}
