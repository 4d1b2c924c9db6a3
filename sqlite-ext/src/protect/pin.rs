//! Keeps the library loaded.
//!
//! SQLite unloads the extension's file when the last connection that loaded it is closed. A thread whose end takes longer than anybody
//! waits for would then run code that is gone.

/// From now on, the library that this code is in stays loaded until the process ends. In a program that links it, it
/// does so anyway.
#[cfg(unix)]
pub(super) fn pin() {
    use std::ffi::c_void;
    use std::mem::MaybeUninit;

    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    let here = pin as fn() as *const c_void;
    // SAFETY: the address is one of this library; the place is valid, and filled where the result is not 0. The name
    // is NUL-terminated. The library is loaded, so with NOLOAD nothing is run, and only its flags change. The handle
    // is kept on purpose.
    unsafe {
        if libc::dladdr(here, info.as_mut_ptr()) != 0 {
            let name = info.assume_init().dli_fname;
            if !name.is_null() {
                libc::dlopen(name, libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE);
            }
        }
    }
}

/// From now on, the library that this code is in stays loaded until the process ends.
#[cfg(windows)]
pub(super) fn pin() {
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
    };
    let mut module = std::ptr::null_mut();
    let here = pin as fn() as *const u16;
    // SAFETY: with FROM_ADDRESS the name is an address in the library; the place for the handle is valid.
    unsafe {
        GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN, here, &mut module);
    }
}

#[cfg(not(any(unix, windows)))]
pub(super) fn pin() {}
