//! Functions of SQLite whose work can grow with the product of two arguments, or whose result can be much larger than
//! their arguments. On a private connection a function of the same name stands before each, and counts its work first.
//!
//! SQLite asks nobody inside one call of a function. `instr` of two texts of 1 MB takes minutes there. So each call is
//! estimated from the lengths of its arguments, charged to the connection's [`Budget`], and refused above a bound. Then
//! SQLite's own function runs, on a connection in memory beside it. So the result is exactly that of this SQLite.
//! All other functions that a rebuild evaluates take time in proportion to their arguments.

use crate::ffi::api::{Api, Destructor, Function, sqlite3, sqlite3_context, sqlite3_value};
use crate::ffi::budget::{Budget, CALL_MAX};
use crate::ffi::connection::{Connection, OpenMode};
use crate::ffi::sqlite_error;
use crate::ffi::statement::Statement;
use crate::schema::guard::LIMIT_LENGTH;
use lifeboat_core::state::{TextEncoding, Value};
use lifeboat_core::{Error, ErrorKind, Result};
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{CStr, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::slice;
use std::sync::OnceLock;

const UTF8: c_int = 1;
const DETERMINISTIC: c_int = 0x800;
const INNOCUOUS: c_int = 0x20_0000;
/// The types of values.
const INTEGER: c_int = 1;
const FLOAT: c_int = 2;
const TEXT: c_int = 3;
const BLOB: c_int = 4;
const JSON_SUBTYPE: u32 = b'J' as u32;

/// `sqlite3_user_data` of the one library that this copy of the code works with. A function gets nothing else at first.
static USER_DATA: OnceLock<unsafe extern "C" fn(*mut sqlite3_context) -> *mut c_void> = OnceLock::new();

/// The cost of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// The product of the lengths of the first two arguments.
    Product,
    /// The same, and the result is JSON for the function around it.
    JsonProduct,
    /// The bytes that come in and go out.
    Bytes,
    /// The first argument, a number, is the number of bytes that go out.
    Made,
}

/// The functions: name, number of arguments (-1: any), and the cost of a call.
const FUNCTIONS: [(&CStr, c_int, Work); 16] = [
    (c"format", -1, Work::Bytes),
    (c"glob", 2, Work::Product),
    (c"hex", 1, Work::Bytes),
    (c"instr", 2, Work::Product),
    (c"json_patch", 2, Work::JsonProduct),
    (c"jsonb_patch", 2, Work::Product),
    (c"like", 2, Work::Product),
    (c"like", 3, Work::Product),
    (c"ltrim", 2, Work::Product),
    (c"printf", -1, Work::Bytes),
    (c"quote", 1, Work::Bytes),
    (c"replace", 3, Work::Product),
    (c"rtrim", 2, Work::Product),
    (c"trim", 2, Work::Product),
    (c"unhex", 2, Work::Product),
    (c"zeroblob", 1, Work::Made),
];

/// Puts the counting functions before SQLite's own on a connection of ours, whose text has this encoding.
pub(crate) fn install(connection: &Connection<'_>, encoding: TextEncoding) -> Result<()> {
    let Some(budget) = connection.budget() else { return Ok(()) };
    let user_data = connection.api().user_data;
    if *USER_DATA.get_or_init(|| user_data) as usize != user_data as usize {
        return Err(Error::unsupported("two SQLite libraries share one copy of Lifeboat in this process"));
    }
    let beside = Rc::new(Beside {
        api: *connection.api(),
        encoding,
        statements: RefCell::default(),
        connection: OnceCell::new(),
    });
    for (name, arguments, work) in FUNCTIONS {
        // SQLite itself reports a function that it does not have, where the function is named.
        if connection.prepare(&select(name, usize::try_from(arguments).unwrap_or(1))).is_err() {
            continue;
        }
        let (budget, beside, db) = (Rc::clone(budget), Rc::clone(&beside), connection.handle());
        let data = Box::new(Bounded { name, work, budget, beside, db });
        let api = connection.api();
        // SAFETY: the connection is open and the name NUL-terminated. `data` is valid until SQLite calls `forget`,
        // which it does when the function or the connection goes, and when this call fails.
        let code = unsafe {
            (api.create_function_v2)(
                connection.handle(),
                name.as_ptr(),
                arguments,
                UTF8 | DETERMINISTIC | INNOCUOUS,
                Box::into_raw(data).cast(),
                Some(call as Function),
                None,
                None,
                Some(forget as Destructor),
            )
        };
        connection.check(code, "counting the work of a function")?;
    }
    Ok(())
}

fn select(name: &CStr, arguments: usize) -> String {
    let places = vec!["?"; arguments].join(", ");
    format!("SELECT {}({places})", name.to_string_lossy())
}

/// One of the functions.
struct Bounded {
    name: &'static CStr,
    work: Work,
    budget: Rc<Budget>,
    beside: Rc<Beside>,
    /// The connection that it is registered on, which lives longer.
    db: *mut sqlite3,
}

/// A connection that has only SQLite's own functions.
struct Beside {
    api: Api,
    encoding: TextEncoding,
    /// By the name of the function and the number of its arguments. They borrow the connection, and are dropped before
    /// it.
    statements: RefCell<HashMap<(&'static CStr, usize), Statement<'static>>>,
    connection: OnceCell<Box<Connection<'static>>>,
}

impl Beside {
    fn connection(&self) -> Result<&Connection<'static>> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection);
        }
        let connection = Connection::open(self.api, ":memory:", OpenMode::Create)?;
        connection.set_encoding(self.encoding)?;
        Ok(self.connection.get_or_init(|| Box::new(connection)))
    }

    /// Runs `body` with the statement that calls this function with this many arguments.
    fn with_statement<R>(
        &self,
        name: &'static CStr,
        arguments: usize,
        body: impl FnOnce(&mut Statement<'static>) -> Result<R>,
    ) -> Result<R> {
        let mut statements = self.statements.borrow_mut();
        let statement = match statements.entry((name, arguments)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let statement = self.connection()?.prepare(&select(name, arguments))?;
                // SAFETY: only the lifetime changes. The connection lies in its box until this struct is dropped, whose
                // statements are declared, and so dropped, before it.
                new.insert(unsafe { std::mem::transmute::<Statement<'_>, Statement<'static>>(statement) })
            }
        };
        let outcome = body(statement);
        statement.unbind();
        outcome
    }

    /// The bytes of an argument, and the argument. SQLite converts nothing here, since that could change the value.
    ///
    /// # Safety
    /// It is a value of a call that is under way, for as long as the result is used.
    unsafe fn argument<'v>(&self, value: *mut sqlite3_value) -> Value<'v> {
        let api = &self.api;
        // SAFETY: promised by the caller. The pointer comes before the length, as SQLite demands; a null one has none.
        unsafe {
            let bytes = |start: *const u8, length: c_int| match usize::try_from(length) {
                Ok(length) if !start.is_null() => slice::from_raw_parts(start, length),
                _ => &[],
            };
            match ((api.value_type)(value), self.encoding) {
                (INTEGER, _) => Value::Integer((api.value_int64)(value)),
                (FLOAT, _) => Value::Real((api.value_double)(value)),
                (BLOB, _) => Value::Blob(bytes((api.value_blob)(value).cast(), (api.value_bytes)(value))),
                (TEXT, TextEncoding::Utf8) => Value::Text(bytes((api.value_text)(value), (api.value_bytes)(value))),
                (TEXT, TextEncoding::Utf16le) => {
                    Value::Utf16le(bytes((api.value_text16le)(value).cast(), (api.value_bytes16)(value)))
                }
                (TEXT, TextEncoding::Utf16be) => {
                    Value::Utf16be(bytes((api.value_text16be)(value).cast(), (api.value_bytes16)(value)))
                }
                _ => Value::Null,
            }
        }
    }
}

unsafe extern "C" fn forget(data: *mut c_void) {
    // SAFETY: came out of a box in `install`; SQLite calls this once.
    drop(unsafe { Box::from_raw(data.cast::<Bounded>()) });
}

unsafe extern "C" fn call(context: *mut sqlite3_context, count: c_int, values: *mut *mut sqlite3_value) {
    let Some(user_data) = USER_DATA.get() else { return };
    // SAFETY: SQLite calls a function that was registered in `install` with that data, which it keeps during the call,
    // and with so many values. A call without arguments may have no array of them.
    let (bounded, values) = unsafe {
        let bounded = &*user_data(context).cast::<Bounded>();
        let count = if values.is_null() { 0 } else { usize::try_from(count).unwrap_or(0) };
        (bounded, if count == 0 { &[] } else { slice::from_raw_parts(values, count) })
    };
    // A panic must not unwind into C.
    let outcome = catch_unwind(AssertUnwindSafe(|| bounded.call(context, values)));
    let error = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(_) => Error::host("a bug in the counting of work"),
    };
    let code = match error.kind() {
        // The budget knows which of the two it is.
        ErrorKind::TooBig if error.code().is_none() => sqlite_error::INTERRUPT,
        ErrorKind::Interrupted => sqlite_error::INTERRUPT,
        _ => error.code().unwrap_or(sqlite_error::ERROR),
    };
    let text = error.message();
    let api = &bounded.beside.api;
    // SAFETY: the call is under way; the code comes second, since it keeps a text that is there.
    unsafe {
        (api.result_error)(context, text.as_ptr().cast(), c_int::try_from(text.len()).unwrap_or(c_int::MAX));
        (api.result_error_code)(context, code);
    }
}

impl Bounded {
    fn call(&self, context: *mut sqlite3_context, values: &[*mut sqlite3_value]) -> Result<()> {
        let (beside, budget) = (&*self.beside, &*self.budget);
        let api = &beside.api;
        // SAFETY: the values of this call, which is under way to the end of this function.
        let arguments: Vec<Value<'_>> = values.iter().map(|value| unsafe { beside.argument(*value) }).collect();
        let length = |value: &Value<'_>| value.payload().len() as u64;
        let bytes = arguments.iter().map(length).fold(0, u64::saturating_add);
        let work = match (self.work, arguments.as_slice()) {
            (Work::Product | Work::JsonProduct, [one, other, ..]) => length(one).saturating_mul(length(other)),
            (Work::Made, [Value::Integer(number)]) => u64::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        if work > CALL_MAX && !budget.is_trusted() {
            budget.exhaust();
            let name = self.name.to_string_lossy();
            return Err(Error::too_big(format!("one call of {name}() with arguments of this length")));
        }
        budget.charge(work.saturating_add(bytes.saturating_mul(budget.passes())))?;
        // SAFETY: the outer connection is at work on this call; a negative value only asks.
        let length_limit = unsafe { (api.limit)(self.db, LIMIT_LENGTH, -1) };
        beside.connection()?.limit(LIMIT_LENGTH, length_limit);
        beside.with_statement(self.name, arguments.len(), |statement| {
            statement.bind_copies(&arguments)?;
            if !statement.step()? {
                return Err(Error::host("a function gave no result"));
            }
            let result = statement.value(0, beside.encoding);
            budget.charge(length(&result).saturating_mul(budget.passes()))?;
            let is_json = self.work == Work::JsonProduct && !matches!(result, Value::Null | Value::Blob(_));
            // SAFETY: the call is under way; the statement has a row, and SQLite copies the value.
            unsafe {
                (api.result_value)(context, statement.raw_value(0));
                if is_json {
                    (api.result_subtype)(context, JSON_SUBTYPE);
                }
            }
            Ok(())
        })
    }
}
