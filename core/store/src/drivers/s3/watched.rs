//! The body of an answer. It always ends: it has a limit of bytes, and it must make progress.

use super::seen::{Record, STALL, causes};
use bytes::Bytes;
use http_body::{Body, Frame};
use object_store::client::{HttpError, HttpErrorKind, HttpResponseBody};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep};

/// It never says how long it will be. Otherwise, memory of that size would be taken at once,
/// whatever size the server claims.
pub(super) struct Watched {
    body: HttpResponseBody,
    left: u64,
    alarm: Pin<Box<Sleep>>,
    record: Record,
}

impl Watched {
    pub fn new(body: HttpResponseBody, limit: u64, record: Record) -> Self {
        Self { body, left: limit, alarm: Box::pin(sleep(STALL)), record }
    }

    fn failed(&self, kind: HttpErrorKind, why: &'static str) -> HttpError {
        self.record.note(|seen| seen.broken = Some(why.into()));
        HttpError::new(kind, Broken(why))
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        if this.body.size_hint().lower() > this.left {
            this.record.note(|seen| seen.too_long = true);
            return Poll::Ready(Some(Err(this.failed(HttpErrorKind::Decode, "the answer is too long"))));
        }
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                match this.left.checked_sub(length) {
                    Some(left) => this.left = left,
                    None => {
                        this.record.note(|seen| seen.too_long = true);
                        return Poll::Ready(Some(Err(this.failed(HttpErrorKind::Decode, "the answer is too long"))));
                    }
                }
                this.alarm.as_mut().reset(Instant::now() + STALL);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.record.note(|seen| seen.broken = Some(causes(&error)));
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => this
                .alarm
                .as_mut()
                .poll(context)
                .map(|()| Some(Err(this.failed(HttpErrorKind::Timeout, "the answer stopped in the middle")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[derive(Debug)]
struct Broken(&'static str);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// Gives these pieces. Then it ends, or (if it hangs) waits without end.
    struct Pieces(VecDeque<&'static [u8]>, bool);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = HttpError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
            match self.0.pop_front() {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece))))),
                None if self.1 => Poll::Pending,
                None => Poll::Ready(None),
            }
        }
    }

    async fn read(
        pieces: &[&'static [u8]],
        hangs: bool,
        limit: u64,
    ) -> (Result<Bytes, HttpErrorKind>, super::super::seen::Seen) {
        let record = Record::default();
        let body = HttpResponseBody::new(Pieces(pieces.iter().copied().collect(), hangs));
        let watched = HttpResponseBody::new(Watched::new(body, limit, record.clone()));
        (watched.bytes().await.map_err(|error| error.kind()), record.seen())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_an_end() {
        let (all, seen) = read(&[b"ab", b"c"], false, 3).await;
        assert_eq!((all, seen.broken), (Ok(Bytes::from_static(b"abc")), None));
        let (long, seen) = read(&[b"ab", b"cd"], false, 3).await;
        assert_eq!((long, seen.too_long), (Err(HttpErrorKind::Decode), true));
        // This waits for half a minute, but the clock of the test is paused.
        let (stopped, seen) = read(&[b"ab"], true, 3).await;
        assert_eq!((stopped, seen.broke_off()), (Err(HttpErrorKind::Timeout), true));
    }
}
