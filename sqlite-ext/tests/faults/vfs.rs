//! A VFS in front of the system's own, in which each call that touches a file can be made to fail. It becomes the default
//! one, so that scratch databases, journals and temporary files come under it, too.

use crate::injector::{Injector, State};
use rusqlite::ffi;
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::mem::{MaybeUninit, size_of};
use std::ptr;
use std::sync::Once;

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::IDLE) };
}

/// The calls of files.
pub const IO: Injector = Injector(&STATE);

type File = ffi::sqlite3_file;

/// Ours; the system's own file lies behind it in the same memory.
#[repr(C)]
struct Wrapped {
    base: File,
    real: *mut File,
}

/// The system's own file.
///
/// # Safety
/// `file` was opened by [`open`].
unsafe fn real(file: *mut File) -> *mut File {
    // SAFETY: as of this function.
    unsafe { (*file.cast::<Wrapped>()).real }
}

/// Passes a call on to the system's own file, or fails with this code.
macro_rules! forward {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*), $code:expr;)*) => {$(
        unsafe extern "C" fn $name(file: *mut File, $($argument: $type),*) -> c_int {
            if let Some(code) = $code && IO.fails() {
                return code;
            }
            // SAFETY: SQLite calls this for a file of ours that is open; the system's VFS has all methods that SQLite
            // calls for the version of ours.
            unsafe {
                let real = real(file);
                ((*(*real).pMethods).$method.expect("a method of the system's VFS"))(real, $($argument),*)
            }
        }
    )*};
}

const NEVER: Option<c_int> = None;

forward! {
    read = xRead(into: *mut c_void, length: c_int, offset: i64), Some(ffi::SQLITE_IOERR_READ);
    write = xWrite(from: *const c_void, length: c_int, offset: i64), Some(ffi::SQLITE_IOERR_WRITE);
    truncate = xTruncate(size: i64), Some(ffi::SQLITE_IOERR_TRUNCATE);
    sync = xSync(flags: c_int), Some(ffi::SQLITE_IOERR_FSYNC);
    file_size = xFileSize(size: *mut i64), Some(ffi::SQLITE_IOERR_FSTAT);
    lock = xLock(level: c_int), Some(ffi::SQLITE_IOERR_LOCK);
    unlock = xUnlock(level: c_int), NEVER;
    check_reserved_lock = xCheckReservedLock(found: *mut c_int), Some(ffi::SQLITE_IOERR_CHECKRESERVEDLOCK);
    file_control = xFileControl(operation: c_int, argument: *mut c_void), NEVER;
    sector_size = xSectorSize(), NEVER;
    device_characteristics = xDeviceCharacteristics(), NEVER;
    shm_map = xShmMap(page: c_int, size: c_int, extend: c_int, at: *mut *mut c_void), Some(ffi::SQLITE_IOERR_SHMMAP);
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int), shm_lock_code(flags);
    shm_unmap = xShmUnmap(delete: c_int), NEVER;
    fetch = xFetch(offset: i64, length: c_int, at: *mut *mut c_void), NEVER;
    unfetch = xUnfetch(offset: i64, at: *mut c_void), NEVER;
}

/// SQLite relies on that a lock can be given back.
fn shm_lock_code(flags: c_int) -> Option<c_int> {
    (flags & ffi::SQLITE_SHM_UNLOCK == 0).then_some(ffi::SQLITE_IOERR_SHMLOCK)
}

unsafe extern "C" fn shm_barrier(file: *mut File) {
    // SAFETY: as in `forward`.
    unsafe {
        let real = real(file);
        ((*(*real).pMethods).xShmBarrier.expect("a method of the system's VFS"))(real);
    }
}

unsafe extern "C" fn close(file: *mut File) -> c_int {
    // SAFETY: as in `forward`.
    unsafe {
        let real = real(file);
        ((*(*real).pMethods).xClose.expect("a method of the system's VFS"))(real)
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: Some(fetch),
    xUnfetch: Some(unfetch),
};

/// The system's own VFS, to which ours points.
///
/// # Safety
/// `vfs` is ours.
unsafe fn system(vfs: *mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    // SAFETY: as of this function; set in `install`.
    unsafe { (*vfs).pAppData.cast() }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut File,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives memory of `szOsFile` bytes, which is enough for ours and the system's file behind it. A file
    // without methods counts as not opened.
    unsafe {
        (*file).pMethods = ptr::null();
        if IO.fails() {
            return ffi::SQLITE_CANTOPEN;
        }
        let system = system(vfs);
        let real = file.cast::<u8>().add(size_of::<Wrapped>()).cast::<File>();
        (*real).pMethods = ptr::null();
        let code = ((*system).xOpen.expect("xOpen"))(system, name, real, flags, out_flags);
        if !(*real).pMethods.is_null() {
            file.cast::<Wrapped>().write(Wrapped { base: File { pMethods: &METHODS }, real });
        }
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_directory: c_int) -> c_int {
    if IO.fails() {
        return ffi::SQLITE_IOERR_DELETE;
    }
    // SAFETY: passed on as it came.
    unsafe {
        let system = system(vfs);
        ((*system).xDelete.expect("xDelete"))(system, name, sync_directory)
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    if IO.fails() {
        return ffi::SQLITE_IOERR_ACCESS;
    }
    // SAFETY: passed on as it came.
    unsafe {
        let system = system(vfs);
        ((*system).xAccess.expect("xAccess"))(system, name, flags, result)
    }
}

/// Makes this VFS the default one of the process.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: SQLite's own VFS lives as long as the process. Ours is a copy of it, so that all calls that are not put
        // in their place here keep working: they get our VFS, whose other fields are the same, and only look at those.
        unsafe {
            let system = ffi::sqlite3_vfs_find(ptr::null());
            assert!(!system.is_null(), "SQLite has a VFS");
            let mut ours = MaybeUninit::<ffi::sqlite3_vfs>::uninit();
            ptr::copy_nonoverlapping(system, ours.as_mut_ptr(), 1);
            let ours = Box::leak(Box::new(ours.assume_init()));
            ours.szOsFile += c_int::try_from(size_of::<Wrapped>()).expect("small");
            ours.pNext = ptr::null_mut();
            ours.zName = c"faults".as_ptr();
            ours.pAppData = system.cast();
            ours.xOpen = Some(open);
            ours.xDelete = Some(delete);
            ours.xAccess = Some(access);
            assert_eq!(ffi::sqlite3_vfs_register(ours, 1), ffi::SQLITE_OK);
        }
    });
}
