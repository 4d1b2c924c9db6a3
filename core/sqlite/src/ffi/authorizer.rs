//! Asks SQLite what a statement would do. SQLite tells it while it prepares the statement. The statement is not run.

use crate::ffi::connection::Connection;
use crate::ffi::sqlite_error;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

const DENY: c_int = 1;

/// The numbers of actions, as in `sqlite3.h`.
pub(crate) mod action {
    use std::ffi::c_int;

    pub const CREATE_INDEX: c_int = 1;
    pub const CREATE_TABLE: c_int = 2;
    pub const CREATE_TRIGGER: c_int = 7;
    pub const CREATE_VIEW: c_int = 8;
    pub const INSERT: c_int = 18;
    pub const READ: c_int = 20;
    pub const SELECT: c_int = 21;
    pub const UPDATE: c_int = 23;
    pub const REINDEX: c_int = 27;
    pub const CREATE_VTABLE: c_int = 29;
    pub const FUNCTION: c_int = 31;
    pub const RECURSIVE: c_int = 33;
}

/// One action of a statement. The meaning of `first` and `second` depends on the action. A missing text is empty, and
/// what is not UTF-8 is U+FFFD.
#[derive(Clone, Copy)]
pub(crate) struct Action<'a> {
    /// One of [`action`], or another number.
    pub number: c_int,
    pub first: &'a str,
    pub second: &'a str,
    /// The name of the schema.
    pub schema: &'a str,
}

/// Decides what a statement may do.
pub(crate) trait Authorizer {
    /// Whether the statement may do this. If it may not, SQLite does not prepare it.
    fn allows(&mut self, action: Action<'_>) -> bool;
}

/// Runs `body`, which prepares statements of this connection, under an authorizer.
pub(crate) fn under<A: Authorizer, R>(connection: &Connection<'_>, authorizer: &mut A, body: impl FnOnce() -> R) -> R {
    /// Removes the authorizer when it is dropped, also after a panic.
    struct Removal<'a, 'c>(&'a Connection<'c>);

    impl Drop for Removal<'_, '_> {
        fn drop(&mut self) {
            // SAFETY: the connection is open.
            unsafe { (self.0.api().set_authorizer)(self.0.handle(), None, ptr::null_mut()) };
        }
    }

    let data: *mut A = authorizer;
    let _removal = Removal(connection);
    // SAFETY: the connection is open, and the authorizer, which nobody else has in the meantime, outlives the
    // registration.
    unsafe { (connection.api().set_authorizer)(connection.handle(), Some(authorize::<A>), data.cast()) };
    body()
}

unsafe extern "C" fn authorize<A: Authorizer>(
    authorizer: *mut c_void,
    number: c_int,
    first: *const c_char,
    second: *const c_char,
    schema: *const c_char,
    _inside: *const c_char,
) -> c_int {
    // SAFETY: SQLite hands back the authorizer given in `under`, whose body is waiting for this call; the texts are
    // NUL-terminated or null, and live as long as the call.
    let (authorizer, first, second, schema) =
        unsafe { (&mut *authorizer.cast::<A>(), text(first), text(second), text(schema)) };
    match authorizer.allows(Action { number, first, second, schema }) {
        true => sqlite_error::OK,
        false => DENY,
    }
}

/// # Safety
/// `text` must be null or NUL-terminated, and stay valid for the result's lifetime.
unsafe fn text<'a>(text: *const c_char) -> &'a str {
    if text.is_null() {
        return "";
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("\u{fffd}")
}
