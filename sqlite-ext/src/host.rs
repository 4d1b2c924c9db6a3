//! The host's SQLite: its table of functions, handed to the entry point once and kept for every call.

use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{Api, api::sqlite3, routines_api};
use sqlite_loadable::ext::{
    faux_sqlite_extension_init2, sqlite3_api_routines, sqlite3_context, sqlite3_index_info, sqlite3_value,
};
use std::ffi::{CStr, c_char, c_int, c_uchar, c_uint, c_void};
use std::sync::OnceLock;

/// The oldest SQLite whose behaviour the rebuild was tried on. Older ones lack `sqlite3_txn_state`, too.
const OLDEST: c_int = 3_035_000;

/// The address of the table that came first, and what was read from it. One process may have two SQLite libraries, and
/// must not call one of them for connections of the other.
static HOST: OnceLock<(usize, Host)> = OnceLock::new();

/// The C functions that the extension uses beyond those of [`Api`], and `Api` itself.
pub(crate) struct Host {
    /// What the snapshot and the rebuild use.
    pub api: Api,
    pub value_type: unsafe extern "C" fn(*mut sqlite3_value) -> c_int,
    pub value_int64: unsafe extern "C" fn(*mut sqlite3_value) -> i64,
    pub value_text: unsafe extern "C" fn(*mut sqlite3_value) -> *const c_uchar,
    pub value_blob: unsafe extern "C" fn(*mut sqlite3_value) -> *const c_void,
    pub value_bytes: unsafe extern "C" fn(*mut sqlite3_value) -> c_int,
    pub context_db_handle: unsafe extern "C" fn(*mut sqlite3_context) -> *mut sqlite_loadable::ext::sqlite3,
    pub result_null: unsafe extern "C" fn(*mut sqlite3_context),
    pub result_int64: unsafe extern "C" fn(*mut sqlite3_context, i64),
    pub result_text64: unsafe extern "C" fn(*mut sqlite3_context, *const c_char, u64, Destructor, c_uchar),
    pub result_blob64: unsafe extern "C" fn(*mut sqlite3_context, *const c_void, u64, Destructor),
    pub result_subtype: unsafe extern "C" fn(*mut sqlite3_context, c_uint),
    pub result_error: unsafe extern "C" fn(*mut sqlite3_context, *const c_char, c_int),
    pub result_error_code: unsafe extern "C" fn(*mut sqlite3_context, c_int),
    pub vtab_config: unsafe extern "C" fn(*mut sqlite_loadable::ext::sqlite3, c_int, ...) -> c_int,
    pub vtab_collation: unsafe extern "C" fn(*mut sqlite3_index_info, c_int) -> *const c_char,
}

type Destructor = Option<unsafe extern "C" fn(*mut c_void)>;

/// The routines of `sqlite3ext.h` that came after the version of the binding; SQLite only ever appends.
#[repr(C)]
struct LaterRoutines {
    known: sqlite3_api_routines,
    value_encoding: Option<unsafe extern "C" fn()>,
    is_interrupted: Option<unsafe extern "C" fn(*mut sqlite3) -> c_int>,
}

impl Host {
    /// Takes the pointer that SQLite gave to the entry point.
    ///
    /// # Errors
    /// Unsupported for a SQLite that is too old, built without a function that is needed, or not the one that already
    /// uses this copy of the extension.
    ///
    /// # Safety
    /// `routines` is what SQLite passed to the entry point.
    pub unsafe fn enter(routines: *mut sqlite3_api_routines) -> Result<&'static Self> {
        if routines.is_null() {
            return Err(Error::unsupported(
                "this SQLite hands no functions to extensions; it was built with SQLITE_OMIT_LOAD_EXTENSION",
            ));
        }
        // SAFETY: `libversion_number` is in every version of the table; nothing behind it is read before it is checked.
        let version = unsafe { (*routines).libversion_number }.map_or(0, |call| unsafe { call() });
        if version < OLDEST {
            return Err(Error::unsupported(format!(
                "this host has SQLite {}, and Lifeboat needs 3.35.0 or later; use a program with a newer SQLite, such as \
                 a newer sqlite3 shell",
                dotted(version)
            )));
        }
        // SAFETY: the table is of a version that has all the fields that are read.
        let host = unsafe { Self::read(routines, version) }.map_err(|name| {
            Error::unsupported(format!("this host's SQLite {} was built without {name}", dotted(version)))
        })?;
        let (first, host) = HOST.get_or_init(|| (routines.addr(), host));
        if *first != routines.addr() {
            return Err(Error::unsupported(
                "another SQLite library in this process already uses this copy of the extension; give this one a copy \
                 of the file in another directory",
            ));
        }
        // SAFETY: as of this function.
        unsafe { faux_sqlite_extension_init2(routines) };
        Ok(host)
    }

    /// The host that [`Host::enter`] met. Every callback is registered after it.
    pub fn get() -> &'static Self {
        let (_, host) = HOST.get().expect("callbacks are registered by the entry point only");
        host
    }

    // The macro serves any binding of sqlite3ext.h; for some functions this one has our very types.
    #[allow(clippy::useless_transmute)]
    unsafe fn read(routines: *mut sqlite3_api_routines, version: c_int) -> Result<Self, &'static str> {
        macro_rules! routine {
            ($name:ident) => {
                // SAFETY: as of this function.
                unsafe { (*routines).$name }.ok_or(concat!("sqlite3_", stringify!($name)))?
            };
        }
        // SAFETY: as of this function; the version was checked.
        let mut api = unsafe { routines_api!(routines) }?;
        if version >= 3_041_000 {
            // SAFETY: from this version on the table has the field.
            api.is_interrupted = unsafe { (*routines.cast::<LaterRoutines>()).is_interrupted };
        }
        Ok(Self {
            api,
            value_type: routine!(value_type),
            value_int64: routine!(value_int64),
            value_text: routine!(value_text),
            value_blob: routine!(value_blob),
            value_bytes: routine!(value_bytes),
            context_db_handle: routine!(context_db_handle),
            result_null: routine!(result_null),
            result_int64: routine!(result_int64),
            result_text64: routine!(result_text64),
            result_blob64: routine!(result_blob64),
            result_subtype: routine!(result_subtype),
            result_error: routine!(result_error),
            result_error_code: routine!(result_error_code),
            vtab_config: routine!(vtab_config),
            vtab_collation: routine!(vtab_collation),
        })
    }

    /// The version of the host's SQLite, as `sqlite_version()` gives it.
    pub fn sqlite_version(&self) -> String {
        // SAFETY: the function has no conditions; its result is a constant.
        unsafe { CStr::from_ptr((self.api.libversion)()) }.to_string_lossy().into_owned()
    }

    /// Leaves `message` where an entry point reports its errors; SQLite frees it.
    ///
    /// # Safety
    /// As of [`Host::enter`]; `out` is null or SQLite's `pzErrMsg`.
    pub unsafe fn report(routines: *mut sqlite3_api_routines, out: *mut *mut c_char, message: &str) {
        if routines.is_null() || out.is_null() {
            return;
        }
        let Ok(message) = std::ffi::CString::new(message.replace('\0', " ")) else { return };
        // SAFETY: `mprintf` is in every version of the table, and the format takes one string.
        unsafe {
            if let Some(mprintf) = (*routines).mprintf {
                *out = mprintf(c"%s".as_ptr(), message.as_ptr());
            }
        }
    }
}

fn dotted(version: c_int) -> String {
    format!("{}.{}.{}", version / 1_000_000, version / 1_000 % 1_000, version % 1_000)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lifeboat_sqlite::{Connection, OpenMode, linked_api};
    use std::sync::atomic::{AtomicPtr, Ordering};

    unsafe extern "C" fn old_version() -> c_int {
        3_034_001
    }

    #[test]
    fn an_old_sqlite_is_named() {
        // SAFETY: a table of optional functions may be all null.
        let mut routines: sqlite3_api_routines = unsafe { std::mem::zeroed() };
        routines.libversion_number = Some(old_version);
        // SAFETY: the version is read, and nothing else of so old a table.
        let error = unsafe { Host::enter(&mut routines) }.err().unwrap().to_string();
        assert!(error.starts_with("unsupported: this host has SQLite 3.34.1, and Lifeboat needs 3.35.0"), "{error}");
    }

    static ROUTINES: AtomicPtr<sqlite3_api_routines> = AtomicPtr::new(std::ptr::null_mut());

    unsafe extern "C" {
        fn sqlite3_auto_extension(entry_point: *const c_void) -> c_int;
    }

    unsafe extern "C" fn catch_routines(
        _: *mut sqlite3,
        _: *mut *mut c_char,
        routines: *mut sqlite3_api_routines,
    ) -> c_int {
        ROUTINES.store(routines, Ordering::Release);
        0
    }

    /// The table of the linked SQLite.
    pub fn routines() -> *mut sqlite3_api_routines {
        // SAFETY: the function has the signature of an entry point.
        assert_eq!(unsafe { sqlite3_auto_extension(catch_routines as *const c_void) }, 0);
        Connection::open(linked_api!(), ":memory:", OpenMode::Create).unwrap();
        ROUTINES.load(Ordering::Acquire)
    }

    #[test]
    fn two_libraries_in_one_process() {
        let routines = routines();
        // SAFETY: it is the table of the linked SQLite, which has the version of the binding; the copy stands for that of
        // another library.
        unsafe {
            assert!(Host::enter(routines).is_ok());
            assert!(Host::enter(routines).is_ok(), "another connection of the same library");
            let mut other = std::ptr::read(routines);
            let error = Host::enter(&mut other).err().unwrap().to_string();
            assert!(error.starts_with("unsupported: another SQLite library in this process"), "{error}");
        }
    }

    #[test]
    fn no_table_at_all() {
        // SAFETY: null is refused.
        let error = unsafe { Host::enter(std::ptr::null_mut()) }.err().unwrap().to_string();
        assert!(error.contains("SQLITE_OMIT_LOAD_EXTENSION"), "{error}");
    }
}
