//! The functions of the host's SQLite, out of the table that it hands to the entry point.

use lifeboat::internal::Host;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::api;
use lifeboat_sqlite::routines_api;
use sqlite_loadable::ext::{faux_sqlite_extension_init2, sqlite3_api_routines, sqlite3_value};
use std::ffi::{CString, c_char, c_int};

/// Takes the pointer that SQLite gave to the entry point.
///
/// # Errors
/// Unsupported for a SQLite that is too old, built without a function that is needed, or not the one that already
/// uses this copy of the extension.
///
/// # Safety
/// `routines` is what SQLite passed to the entry point.
pub(crate) unsafe fn enter(routines: *mut sqlite3_api_routines) -> Result<()> {
    if routines.is_null() {
        return Err(Error::unsupported(
            "this SQLite hands no functions to extensions; it was built with SQLITE_OMIT_LOAD_EXTENSION",
        ));
    }
    // SAFETY: `libversion_number` is in every version of the table; nothing behind it is read before it is checked.
    let version = unsafe { (*routines).libversion_number }.map_or(0, |call| unsafe { call() });
    Host::check_version(version)?;
    // SAFETY: the table is of a version that has all the fields that are read.
    let host = unsafe { read(routines) }
        .map_err(|name| Error::unsupported(format!("this host's SQLite was built without {name}")))?;
    Host::enter(host)?;
    // SAFETY: as of this function.
    unsafe { faux_sqlite_extension_init2(routines) };
    Ok(())
}

// The macros serve any binding of sqlite3ext.h; for some functions this one has our very types.
#[allow(clippy::useless_transmute, clippy::missing_transmute_annotations)]
unsafe fn read(routines: *mut sqlite3_api_routines) -> Result<Host, &'static str> {
    // SAFETY: as of this function; the version was checked.
    let api = unsafe { routines_api!(routines) }?;
    macro_rules! host {
        ([] $($name:ident = $symbol:ident: fn($($argument:ident: $type:ty),* $(,)?) -> $result:ty,)*) => {{
            use lifeboat_sqlite::api::*;
            use std::ffi::{c_uchar, c_void};
            // SAFETY: as of this function. Each pointer becomes one to the same C function with other names of types.
            unsafe {
                Host {
                    api,
                    $($name: std::mem::transmute::<_, unsafe extern "C" fn($($type),*) -> $result>(
                        (*routines).$name.ok_or(stringify!($symbol))?,
                    ),)*
                    vtab_config: std::mem::transmute::<_, unsafe extern "C" fn(*mut sqlite3, c_int, ...) -> c_int>(
                        (*routines).vtab_config.ok_or("sqlite3_vtab_config")?,
                    ),
                    mprintf: (*routines).mprintf.ok_or("sqlite3_mprintf")?,
                }
            }
        }};
    }
    Ok(lifeboat::__host_functions!({ host! }))
}

/// Leaves `message` where an entry point reports its errors; SQLite frees it.
///
/// # Safety
/// As of [`enter`]; `out` is null or SQLite's `pzErrMsg`.
pub(crate) unsafe fn report(routines: *mut sqlite3_api_routines, out: *mut *mut c_char, message: &str) {
    if routines.is_null() || out.is_null() {
        return;
    }
    let Ok(message) = CString::new(message.replace('\0', " ")) else { return };
    // SAFETY: `mprintf` is in every version of the table, and the format takes one string.
    unsafe {
        if let Some(mprintf) = (*routines).mprintf {
            *out = mprintf(c"%s".as_ptr(), message.as_ptr());
        }
    }
}

/// An error of sqlite-loadable, whose `Display` panics for some.
pub(crate) fn error(error: sqlite_loadable::Error) -> Error {
    Error::host(error.result_error_message())
}

/// The same pointers under our name of what they point to.
pub(crate) fn values(values: &[*mut sqlite3_value]) -> &[*mut api::sqlite3_value] {
    // SAFETY: pointers to sized types have one layout.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_sqlite::api::sqlite3;
    use lifeboat_sqlite::{Connection, OpenMode, linked_api};
    use std::ffi::c_void;
    use std::sync::atomic::{AtomicPtr, Ordering};

    unsafe extern "C" fn old_version() -> c_int {
        3_034_001
    }

    unsafe extern "C" fn of_another_library() -> *const c_char {
        c"3.50.0".as_ptr()
    }

    #[test]
    fn an_old_sqlite_is_named() {
        // SAFETY: a table of optional functions may be all null.
        let mut routines: sqlite3_api_routines = unsafe { std::mem::zeroed() };
        routines.libversion_number = Some(old_version);
        // SAFETY: the version is read, and nothing else of so old a table.
        let error = unsafe { enter(&mut routines) }.unwrap_err().to_string();
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

    #[test]
    fn two_libraries_in_one_process() {
        // SAFETY: the function has the signature of an entry point.
        assert_eq!(unsafe { sqlite3_auto_extension(catch_routines as *const c_void) }, 0);
        Connection::open(linked_api!(), ":memory:", OpenMode::Create).unwrap();
        let routines = ROUTINES.load(Ordering::Acquire);
        // SAFETY: it is the table of the linked SQLite, which has the version of the binding; the copy stands for that of
        // another library.
        unsafe {
            assert_eq!(enter(routines), Ok(()));
            assert_eq!(enter(routines), Ok(()), "another connection of the same library");
            let mut other = std::ptr::read(routines);
            other.libversion = Some(of_another_library);
            let error = enter(&mut other).unwrap_err().to_string();
            assert!(error.starts_with("unsupported: another SQLite library in this process"), "{error}");
        }
    }

    #[test]
    fn no_table_at_all() {
        // SAFETY: null is refused.
        let error = unsafe { enter(std::ptr::null_mut()) }.unwrap_err().to_string();
        assert!(error.contains("SQLITE_OMIT_LOAD_EXTENSION"), "{error}");
    }
}
