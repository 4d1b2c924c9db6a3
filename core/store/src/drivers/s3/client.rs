//! Between `object_store` and the HTTP client. `object_store` has its own adapter, but that one brings HTTP/2 along, which
//! no store needs.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Sends one request, and waits for the beginning of its answer.
///
/// # Errors
/// Without the URL, which texts of errors must not show.
pub(super) async fn send(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap)).map_err(failed)?;
    let answer = client.execute(request).await.map_err(failed)?;
    let answer = http::Response::<reqwest::Body>::from(answer);
    Ok(answer.map(|body| HttpResponseBody::new(Answer(body))))
}

/// All requests of ours may be made again: objects are named by their hash. So what counts is only whether it helps.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        // Nothing was sent.
        HttpErrorKind::Connect
    } else if error.is_request() || error.is_body() {
        HttpErrorKind::Request
    } else {
        HttpErrorKind::Unknown
    };
    HttpError::new(kind, error.without_url())
}

/// The body of an answer, with the errors of `object_store`.
struct Answer(reqwest::Body);

impl Body for Answer {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        Pin::new(&mut self.0).poll_frame(context).map_err(failed)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
