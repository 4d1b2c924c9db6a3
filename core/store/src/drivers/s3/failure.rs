//! What a failed request means. The texts hold no word of the server except the code of its error.

use super::seen::Seen;
use crate::StoreError;
use object_store::Error;

/// The error of a request for `what`.
pub(super) fn failed(error: &Error, seen: &Seen, what: &str) -> StoreError {
    let code = seen.code.as_deref().unwrap_or_default();
    let said = match seen.status {
        Some(status) if code.is_empty() => format!("{what}: the server answers {status}"),
        Some(status) => format!("{what}: the server answers {status}, {code}"),
        None => format!("{what}: no answer"),
    };
    if code == "NoSuchBucket" {
        return StoreError::absent(format!("{said}: there is no such bucket; make it, or correct its name"));
    }
    if is_full(seen.status, code) {
        return StoreError::full(said);
    }
    match (error, seen.status) {
        (Error::NotFound { .. }, _) => StoreError::not_found(format!("{said}: there is no such object")),
        (_, Some(404)) => StoreError::absent(format!("{said}: there is no such bucket; make it, or correct its name")),
        (_, Some(400..=403)) => StoreError::refused(format!("{said}{}", remedy(code))),
        (_, Some(300..=399)) => StoreError::refused(format!(
            "{said}: it redirects to another place, which is not followed; give the right endpoint and region"
        )),
        (_, Some(416)) => StoreError::corrupt(format!("{said}: the object has not so many bytes")),
        (_, Some(200..=299)) => of_answer(seen, what),
        (_, Some(_)) => StoreError::unreachable(said),
        (_, None) => StoreError::unreachable(match &seen.broken {
            Some(why) => format!("{said}: {why}"),
            // No request was sent.
            None => format!("{what}: the request could not be made"),
        }),
    }
}

/// The answer was good at its beginning.
fn of_answer(seen: &Seen, what: &str) -> StoreError {
    match &seen.broken {
        _ if seen.too_long => StoreError::corrupt(format!("{what}: the answer is longer than what was asked for")),
        Some(why) => StoreError::unreachable(format!("{what}: the answer broke off: {why}")),
        None => StoreError::corrupt(format!("{what}: the answer is not what S3 says")),
    }
}

fn is_full(status: Option<u16>, code: &str) -> bool {
    // 507 is the HTTP status for "full". Some servers use these codes instead.
    status == Some(507)
        || [
            "QuotaExceeded",
            "InsufficientStorage",
            "XMinioStorageFull",
            "XMinioAdminBucketQuotaExceeded",
            "TooManyBytes",
        ]
        .contains(&code)
}

fn remedy(code: &str) -> &'static str {
    match code {
        "SignatureDoesNotMatch" | "InvalidAccessKeyId" | "InvalidToken" => ": look at the access key",
        "ExpiredToken" | "TokenRefreshRequired" => ": the credentials are no longer valid; get new ones",
        "RequestTimeTooSkewed" | "RequestExpired" => ": set the clock of this machine",
        "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => ": give the region of the bucket",
        "AccessDenied" | "AllAccessDisabled" => ": the access key may not do this, or the object is retained",
        _ => "",
    }
}
