//! SQLite's C functions as a table of pointers, so that the same code runs on a host's library (the extension gets it
//! as `sqlite3_api_routines`) and on a linked one (the component, tests).
//!
//! The types are our own: opaque structs that exist only behind pointers. So nothing here depends on a binding crate.
//! [`routines_api!`](crate::routines_api) can turn the function pointers of any binding of `sqlite3ext.h` into
//! ours: both sides describe the same C function, and differ only in the names of the types behind pointers.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[repr(C)]
        #[allow(non_camel_case_types)]
        pub struct $name {
            _opaque: [u8; 0],
            _not_send: std::marker::PhantomData<(*mut u8, std::marker::PhantomPinned)>,
        }
    )*};
}

opaque! {
    /// A connection.
    sqlite3,
    /// A prepared statement.
    sqlite3_stmt,
    /// A running backup.
    sqlite3_backup,
    /// The context of a call of a function.
    sqlite3_context,
    /// A value handed to a function.
    sqlite3_value,
    /// A stored value, open for reading its bytes.
    sqlite3_blob,
    /// The functions of a virtual table.
    sqlite3_module,
}

/// What [`Api::set_authorizer`] takes.
pub type Authorizer =
    unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char, *const c_char, *const c_char) -> c_int;
/// What [`Api::progress_handler`] takes.
pub type ProgressHandler = unsafe extern "C" fn(*mut c_void) -> c_int;
/// The type of [`Api::progress_handler`].
pub type SetProgressHandler = unsafe extern "C" fn(*mut sqlite3, c_int, Option<ProgressHandler>, *mut c_void);
/// The comparison of a collation.
pub type Compare = unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_int, *const c_void) -> c_int;
/// What [`Api::collation_needed`] takes.
pub type CollationNeeded = unsafe extern "C" fn(*mut c_void, *mut sqlite3, c_int, *const c_char);
/// The implementation of a function.
pub type Function = unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value);
/// Frees user data.
pub type Destructor = unsafe extern "C" fn(*mut c_void);

/// Functions that read stored values as they are in the file.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct BlobFunctions {
    pub open: BlobOpen,
    pub bytes: unsafe extern "C" fn(*mut sqlite3_blob) -> c_int,
    pub read: unsafe extern "C" fn(*mut sqlite3_blob, *mut c_void, c_int, c_int) -> c_int,
    pub close: unsafe extern "C" fn(*mut sqlite3_blob) -> c_int,
}

/// The type of [`BlobFunctions::open`].
pub type BlobOpen = unsafe extern "C" fn(
    *mut sqlite3,
    *const c_char,
    *const c_char,
    *const c_char,
    i64,
    c_int,
    *mut *mut sqlite3_blob,
) -> c_int;

/// Functions that make virtual tables.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct ModuleFunctions {
    pub create: CreateModule,
    pub declare: unsafe extern "C" fn(*mut sqlite3, *const c_char) -> c_int,
}

/// The type of [`ModuleFunctions::create`].
pub type CreateModule =
    unsafe extern "C" fn(*mut sqlite3, *const c_char, *const sqlite3_module, *mut c_void, Option<Destructor>) -> c_int;

/// Hands the list of functions to the named macro. Names and signatures are written only here. All of them
/// are in SQLite 3.31 and later. The destructor of a bound value or of a result is a plain pointer here: only the two
/// constants `SQLITE_STATIC` (0) and `SQLITE_TRANSIENT` (-1) are used.
#[doc(hidden)]
#[macro_export]
macro_rules! __sqlite_functions {
    ({ $($then:tt)* } $($extra:tt)*) => {
        $($then)* { [$($extra)*]
            libversion = sqlite3_libversion: fn() -> *const c_char,
            libversion_number = sqlite3_libversion_number: fn() -> c_int,
            open_v2 = sqlite3_open_v2: fn(
                filename: *const c_char, db: *mut *mut sqlite3, flags: c_int, vfs: *const c_char) -> c_int,
            close_v2 = sqlite3_close_v2: fn(db: *mut sqlite3) -> c_int,
            errmsg = sqlite3_errmsg: fn(db: *mut sqlite3) -> *const c_char,
            errstr = sqlite3_errstr: fn(code: c_int) -> *const c_char,
            extended_errcode = sqlite3_extended_errcode: fn(db: *mut sqlite3) -> c_int,
            limit = sqlite3_limit: fn(db: *mut sqlite3, id: c_int, value: c_int) -> c_int,
            busy_timeout = sqlite3_busy_timeout: fn(db: *mut sqlite3, milliseconds: c_int) -> c_int,
            get_autocommit = sqlite3_get_autocommit: fn(db: *mut sqlite3) -> c_int,
            db_filename = sqlite3_db_filename: fn(db: *mut sqlite3, schema: *const c_char) -> *const c_char,
            db_readonly = sqlite3_db_readonly: fn(db: *mut sqlite3, schema: *const c_char) -> c_int,
            file_control = sqlite3_file_control: fn(
                db: *mut sqlite3, schema: *const c_char, op: c_int, arg: *mut c_void) -> c_int,
            set_authorizer = sqlite3_set_authorizer: fn(
                db: *mut sqlite3, call: Option<Authorizer>, data: *mut c_void) -> c_int,
            collation_needed = sqlite3_collation_needed: fn(
                db: *mut sqlite3, data: *mut c_void, call: Option<CollationNeeded>) -> c_int,
            create_collation_v2 = sqlite3_create_collation_v2: fn(
                db: *mut sqlite3, name: *const c_char, encoding: c_int, data: *mut c_void, compare: Option<Compare>,
                destroy: Option<Destructor>) -> c_int,
            create_function_v2 = sqlite3_create_function_v2: fn(
                db: *mut sqlite3, name: *const c_char, arguments: c_int, flags: c_int, data: *mut c_void,
                call: Option<Function>, step: Option<Function>,
                last: Option<unsafe extern "C" fn(*mut sqlite3_context)>, destroy: Option<Destructor>) -> c_int,
            prepare_v3 = sqlite3_prepare_v3: fn(
                db: *mut sqlite3, sql: *const c_char, bytes: c_int, flags: c_uint, statement: *mut *mut sqlite3_stmt,
                tail: *mut *const c_char) -> c_int,
            step = sqlite3_step: fn(statement: *mut sqlite3_stmt) -> c_int,
            reset = sqlite3_reset: fn(statement: *mut sqlite3_stmt) -> c_int,
            finalize = sqlite3_finalize: fn(statement: *mut sqlite3_stmt) -> c_int,
            clear_bindings = sqlite3_clear_bindings: fn(statement: *mut sqlite3_stmt) -> c_int,
            bind_parameter_count = sqlite3_bind_parameter_count: fn(statement: *mut sqlite3_stmt) -> c_int,
            bind_parameter_name = sqlite3_bind_parameter_name: fn(
                statement: *mut sqlite3_stmt, index: c_int) -> *const c_char,
            bind_null = sqlite3_bind_null: fn(statement: *mut sqlite3_stmt, index: c_int) -> c_int,
            bind_int64 = sqlite3_bind_int64: fn(statement: *mut sqlite3_stmt, index: c_int, value: i64) -> c_int,
            bind_double = sqlite3_bind_double: fn(statement: *mut sqlite3_stmt, index: c_int, value: f64) -> c_int,
            bind_text64 = sqlite3_bind_text64: fn(
                statement: *mut sqlite3_stmt, index: c_int, text: *const c_char, bytes: u64, free: *const c_void,
                encoding: c_uchar) -> c_int,
            bind_blob64 = sqlite3_bind_blob64: fn(
                statement: *mut sqlite3_stmt, index: c_int, blob: *const c_void, bytes: u64, free: *const c_void)
                -> c_int,
            column_count = sqlite3_column_count: fn(statement: *mut sqlite3_stmt) -> c_int,
            column_type = sqlite3_column_type: fn(statement: *mut sqlite3_stmt, column: c_int) -> c_int,
            column_int64 = sqlite3_column_int64: fn(statement: *mut sqlite3_stmt, column: c_int) -> i64,
            column_double = sqlite3_column_double: fn(statement: *mut sqlite3_stmt, column: c_int) -> f64,
            column_text = sqlite3_column_text: fn(statement: *mut sqlite3_stmt, column: c_int) -> *const c_uchar,
            column_blob = sqlite3_column_blob: fn(statement: *mut sqlite3_stmt, column: c_int) -> *const c_void,
            column_bytes = sqlite3_column_bytes: fn(statement: *mut sqlite3_stmt, column: c_int) -> c_int,
            column_bytes16 = sqlite3_column_bytes16: fn(statement: *mut sqlite3_stmt, column: c_int) -> c_int,
            column_value = sqlite3_column_value: fn(statement: *mut sqlite3_stmt, column: c_int) -> *mut sqlite3_value,
            value_type = sqlite3_value_type: fn(value: *mut sqlite3_value) -> c_int,
            value_int64 = sqlite3_value_int64: fn(value: *mut sqlite3_value) -> i64,
            value_bytes = sqlite3_value_bytes: fn(value: *mut sqlite3_value) -> c_int,
            value_double = sqlite3_value_double: fn(value: *mut sqlite3_value) -> f64,
            value_text = sqlite3_value_text: fn(value: *mut sqlite3_value) -> *const c_uchar,
            value_text16le = sqlite3_value_text16le: fn(value: *mut sqlite3_value) -> *const c_void,
            value_text16be = sqlite3_value_text16be: fn(value: *mut sqlite3_value) -> *const c_void,
            value_blob = sqlite3_value_blob: fn(value: *mut sqlite3_value) -> *const c_void,
            value_bytes16 = sqlite3_value_bytes16: fn(value: *mut sqlite3_value) -> c_int,
            user_data = sqlite3_user_data: fn(context: *mut sqlite3_context) -> *mut c_void,
            result_int64 = sqlite3_result_int64: fn(context: *mut sqlite3_context, value: i64) -> (),
            result_double = sqlite3_result_double: fn(context: *mut sqlite3_context, value: f64) -> (),
            result_text64 = sqlite3_result_text64: fn(
                context: *mut sqlite3_context, text: *const c_char, bytes: u64, free: *const c_void, encoding: c_uchar)
                -> (),
            result_blob64 = sqlite3_result_blob64: fn(
                context: *mut sqlite3_context, blob: *const c_void, bytes: u64, free: *const c_void) -> (),
            result_value = sqlite3_result_value: fn(context: *mut sqlite3_context, value: *mut sqlite3_value) -> (),
            result_subtype = sqlite3_result_subtype: fn(context: *mut sqlite3_context, subtype: c_uint) -> (),
            result_error = sqlite3_result_error: fn(
                context: *mut sqlite3_context, text: *const c_char, bytes: c_int) -> (),
            result_error_code = sqlite3_result_error_code: fn(context: *mut sqlite3_context, code: c_int) -> (),
            sql = sqlite3_sql: fn(statement: *mut sqlite3_stmt) -> *const c_char,
            next_stmt = sqlite3_next_stmt: fn(db: *mut sqlite3, statement: *mut sqlite3_stmt) -> *mut sqlite3_stmt,
            stmt_busy = sqlite3_stmt_busy: fn(statement: *mut sqlite3_stmt) -> c_int,
            stmt_readonly = sqlite3_stmt_readonly: fn(statement: *mut sqlite3_stmt) -> c_int,
            backup_init = sqlite3_backup_init: fn(
                target: *mut sqlite3, target_schema: *const c_char, source: *mut sqlite3,
                source_schema: *const c_char) -> *mut sqlite3_backup,
            backup_step = sqlite3_backup_step: fn(backup: *mut sqlite3_backup, pages: c_int) -> c_int,
            backup_finish = sqlite3_backup_finish: fn(backup: *mut sqlite3_backup) -> c_int,
        }
    };
}

macro_rules! define_api {
    ([$($extra:tt)*] $($name:ident = $symbol:ident: fn($($argument:ident: $type:ty),* $(,)?) -> $result:ty,)*) => {
        /// SQLite's C functions. Fill it with [`linked_api!`](crate::linked_api) or
        /// [`routines_api!`](crate::routines_api). Whoever fills it promises that each pointer is that function of one
        /// SQLite library (3.31 or later) that stays loaded as long as any copy of the table is used.
        #[derive(Clone, Copy)]
        #[repr(C)]
        pub struct Api {
            $(
                #[doc = concat!("`", stringify!($symbol), "`")]
                pub $name: unsafe extern "C" fn($($argument: $type),*) -> $result,
            )*
            /// `sqlite3_db_config`; used with the options that take an `int` and a pointer to `int`.
            pub db_config: unsafe extern "C" fn(db: *mut sqlite3, op: c_int, ...) -> c_int,
            /// `sqlite3_progress_handler`. Builds with `SQLITE_OMIT_PROGRESS_CALLBACK` do not have it: there nothing
            /// can stop a statement before its end.
            pub progress_handler: Option<SetProgressHandler>,
            /// `sqlite3_txn_state`. SQLite before 3.34 does not have it.
            pub txn_state: Option<unsafe extern "C" fn(db: *mut sqlite3, schema: *const c_char) -> c_int>,
            /// `sqlite3_blob_open` and its kind. Builds with `SQLITE_OMIT_INCRBLOB` do not have them.
            pub blob: Option<BlobFunctions>,
            /// `sqlite3_create_module_v2` and `sqlite3_declare_vtab`. Builds with `SQLITE_OMIT_VIRTUALTABLE` do not
            /// have them.
            pub module: Option<ModuleFunctions>,
        }
    };
}

__sqlite_functions!({ define_api! });

/// The [`Api`] of the SQLite that is linked into the program: an expression.
///
/// The program must link one, 3.34 or later (`use rusqlite as _;`, or `use sqlite_wasm_rs as _;`). This is a macro and
/// not a function, so that a program that never uses it (the extension) refers to no symbol of SQLite.
#[macro_export]
macro_rules! linked_api {
    () => {
        $crate::__sqlite_functions!({ $crate::__linked_api! })
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __linked_api {
    ([$($extra:tt)*] $($name:ident = $symbol:ident: fn($($argument:ident: $type:ty),* $(,)?) -> $result:ty,)*) => {{
        #[allow(unused_imports)]
        use ::std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};
        #[allow(unused_imports)]
        use $crate::api::*;
        // SAFETY: these are the declarations of sqlite3.h.
        unsafe extern "C" {
            $(fn $symbol($($argument: $type),*) -> $result;)*
            fn sqlite3_db_config(db: *mut sqlite3, op: c_int, ...) -> c_int;
            fn sqlite3_progress_handler(
                db: *mut sqlite3, every: c_int, call: Option<ProgressHandler>, data: *mut c_void);
            fn sqlite3_txn_state(db: *mut sqlite3, schema: *const c_char) -> c_int;
            fn sqlite3_blob_open(
                db: *mut sqlite3, schema: *const c_char, table: *const c_char, column: *const c_char, rowid: i64,
                flags: c_int, blob: *mut *mut sqlite3_blob) -> c_int;
            fn sqlite3_blob_bytes(blob: *mut sqlite3_blob) -> c_int;
            fn sqlite3_blob_read(blob: *mut sqlite3_blob, into: *mut c_void, bytes: c_int, offset: c_int) -> c_int;
            fn sqlite3_blob_close(blob: *mut sqlite3_blob) -> c_int;
            fn sqlite3_create_module_v2(
                db: *mut sqlite3, name: *const c_char, module: *const sqlite3_module, data: *mut c_void,
                destroy: Option<Destructor>) -> c_int;
            fn sqlite3_declare_vtab(db: *mut sqlite3, sql: *const c_char) -> c_int;
        }
        $crate::Api {
            $($name: $symbol,)*
            db_config: sqlite3_db_config,
            progress_handler: Some(sqlite3_progress_handler),
            txn_state: Some(sqlite3_txn_state),
            blob: Some(BlobFunctions {
                open: sqlite3_blob_open,
                bytes: sqlite3_blob_bytes,
                read: sqlite3_blob_read,
                close: sqlite3_blob_close,
            }),
            module: Some(ModuleFunctions { create: sqlite3_create_module_v2, declare: sqlite3_declare_vtab }),
        }
    }};
}

/// The [`Api`] out of a `*const sqlite3_api_routines`: an expression of the type `Result<Api, &'static str>`, whose
/// error is the name of a function that the host lacks.
///
/// # Safety
/// Expand it inside `unsafe`. The pointer must be the one that SQLite gave to the entry point, in the type of any
/// binding of `sqlite3ext.h`, and the host must be SQLite 3.31 or later (check `libversion_number` before, through the
/// same pointer). Fields are read one by one, never through a reference to the whole struct, as an older host's table
/// is shorter than the binding's. Each function pointer is transmuted into ours: both describe the same C function and
/// differ only in the names of what their arguments point to; the compiler checks the sizes.
#[macro_export]
macro_rules! routines_api {
    ($routines:expr) => {
        $crate::__sqlite_functions!({ $crate::__routines_api! } $routines)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __routines_api {
    ([$routines:expr] $($name:ident = $symbol:ident: fn($($argument:ident: $type:ty),* $(,)?) -> $result:ty,)*) => {{
        #[allow(unused_imports)]
        use ::std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};
        #[allow(unused_imports)]
        use $crate::api::*;
        let routines = $routines;
        (|| -> ::std::result::Result<$crate::Api, &'static str> {
            let version = ((*routines).libversion_number.ok_or("sqlite3_libversion_number")?)();
            ::std::result::Result::Ok($crate::Api {
                $($name: ::std::mem::transmute::<_, unsafe extern "C" fn($($type),*) -> $result>(
                    (*routines).$name.ok_or(stringify!($symbol))?,
                ),)*
                db_config: ::std::mem::transmute::<_, unsafe extern "C" fn(*mut sqlite3, c_int, ...) -> c_int>(
                    (*routines).db_config.ok_or("sqlite3_db_config")?,
                ),
                progress_handler: (*routines)
                    .progress_handler
                    .map(|call| ::std::mem::transmute::<_, SetProgressHandler>(call)),
                txn_state: if version < 3_034_000 {
                    None
                } else {
                    (*routines).txn_state.map(|call| {
                        ::std::mem::transmute::<_, unsafe extern "C" fn(*mut sqlite3, *const c_char) -> c_int>(call)
                    })
                },
                blob: match (
                    (*routines).blob_open, (*routines).blob_bytes, (*routines).blob_read, (*routines).blob_close,
                ) {
                    (Some(open), Some(bytes), Some(read), Some(close)) => Some(BlobFunctions {
                        open: ::std::mem::transmute::<_, BlobOpen>(open),
                        bytes: ::std::mem::transmute::<_, unsafe extern "C" fn(*mut sqlite3_blob) -> c_int>(bytes),
                        read: ::std::mem::transmute::<
                            _, unsafe extern "C" fn(*mut sqlite3_blob, *mut c_void, c_int, c_int) -> c_int,
                        >(read),
                        close: ::std::mem::transmute::<_, unsafe extern "C" fn(*mut sqlite3_blob) -> c_int>(close),
                    }),
                    _ => None,
                },
                module: match ((*routines).create_module_v2, (*routines).declare_vtab) {
                    (Some(create), Some(declare)) => Some(ModuleFunctions {
                        create: ::std::mem::transmute::<_, CreateModule>(create),
                        declare: ::std::mem::transmute::<
                            _, unsafe extern "C" fn(*mut sqlite3, *const c_char) -> c_int,
                        >(declare),
                    }),
                    _ => None,
                },
            })
        })()
    }};
}
