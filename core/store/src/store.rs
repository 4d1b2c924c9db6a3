//! What every store can do.

use crate::{Cancel, Result};
use lifeboat_core::chain::Source;

/// The longest name of an object, in bytes. S3 allows 1,024 bytes, which include the prefix.
pub const NAME_MAX: usize = 512;

/// The most entries that one list returns: as many as one request of S3.
pub const LIST_MAX: usize = 1000;

/// A place for objects. A store needs only these methods.
///
/// A name can hold the hash of the content: if the last 64 bytes of a name are hexadecimal digits, they are the SHA-256
/// of the object's bytes, and a put of other bytes is refused. A name has segments of `a-z`, `0-9`, `-`, `_` and `.` (a
/// segment does not begin with `.`), with `/` between them, and at most [`NAME_MAX`] bytes. Upper case is not allowed,
/// because some file systems do not distinguish it.
///
/// A store's answers may be hostile. Drivers limit what they hold in memory, but they do not check the hash of what
/// they read.
///
/// Each method waits; its [`Cancel`] ends the wait. Several threads may use one store at the same time. When a store is
/// dropped, its threads and sockets end. After a `fork`, the child opens its own.
pub trait Store: Send + Sync {
    /// The text by which this copy is remembered. It stays the same after a restart: `dir:` and an absolute path,
    /// `volume:` and the UUID of the file system, or `s3://` with endpoint, bucket and prefix.
    ///
    /// # Errors
    /// Absent: the volume is not there, so nobody knows which one it is.
    fn id(&self) -> Result<String>;

    /// Puts an object. When this returns, the object survives a loss of power (if the store tells the truth).
    ///
    /// If an object with this name and this length exists already, and the driver sees no other difference in the
    /// bytes, it stays. If its bytes are different, it is replaced. The result tells which of the two happened.
    ///
    /// # Errors
    /// Full, with nothing left behind; refused; absent; unreachable: the object may have arrived nevertheless, so put
    /// it again. Corrupt when `content` does not have the hash of the name. Source when `content` cannot be read.
    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put>;

    /// Puts an object even if one with this name and length exists. Use it if the bytes of the existing one are known
    /// to be damaged.
    ///
    /// # Errors
    /// As [`Store::put`].
    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()>;

    /// Fills `buffer` with the bytes of an object from `offset` on.
    ///
    /// # Errors
    /// Not found; corrupt when the object has fewer bytes; refused, absent, unreachable.
    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()>;

    /// The objects whose names begin with `prefix` and come after `after`, in ascending order of the names' bytes. If
    /// there are fewer than `limit`, there are no more. A name that cannot be an object's name is left out.
    ///
    /// `prefix` is empty or ends with `/`. `after` is any text, so `log0` skips all of `log/`.
    /// `limit` is at most [`LIST_MAX`]. An object that was put a moment ago may be missing.
    ///
    /// SeaweedFS puts `a/x` before `a-b/x`, and then leaves one of them out. So, in one directory, the name of a
    /// directory must not begin with the name of another directory.
    ///
    /// # Errors
    /// Corrupt when the list is not in order, or has thousands of names that cannot be objects; refused, absent,
    /// unreachable. If nothing exists under a prefix, that is no error.
    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>>;

    /// How many bytes an object has.
    ///
    /// # Errors
    /// Not found; refused, absent, unreachable.
    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64>;

    /// Removes an object. If it does not exist, that is no error.
    ///
    /// # Errors
    /// Refused (also when the store retains it), absent, unreachable.
    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()>;

    /// Whether the place itself is there. False: a directory that does not exist yet. A store that cannot tell says true.
    fn exists(&self) -> bool {
        true
    }

    /// How many bytes can still be put, as the file system below says. None: nobody knows, as in a bucket.
    fn free(&self) -> Option<u64> {
        None
    }
}

/// What a put did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The bytes were written.
    Written,
    /// The object existed, and stays. Somebody else may have been about to delete it: look again once something names
    /// it.
    Existed,
}

/// One object of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The whole name.
    pub name: String,
    /// In bytes.
    pub length: u64,
}
