//! Counts the places where something can fail, and makes the one of a given number fail: once, or it and all after it.

use std::cell::{Cell, RefCell};
use std::thread::LocalKey;

/// What becomes of the calls from the one of the given number on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It alone fails.
    Once,
    /// It fails, and whatever comes after it.
    Forever,
    /// None fails; before it, somebody else does something: [`Injector::meanwhile`].
    Meanwhile,
}

thread_local! {
    static OTHER: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Of one thread: SQLite works on the thread that called it.
#[derive(Clone, Copy)]
pub struct State {
    /// Calls count now.
    armed: bool,
    count: u64,
    fault: Option<(u64, Mode)>,
}

impl State {
    pub const IDLE: Self = Self { armed: false, count: 0, fault: None };
}

/// One kind of thing that can fail.
#[derive(Clone, Copy)]
pub struct Injector(pub &'static LocalKey<Cell<State>>);

impl Injector {
    /// From now on calls count from 1, and those fail that `fault` says.
    pub fn arm(self, fault: Option<(u64, Mode)>) {
        self.0.set(State { armed: true, count: 0, fault });
    }

    /// From now on calls count from 1, and before the one of this number `other` is done, once.
    pub fn meanwhile(self, at: u64, other: impl FnOnce() + 'static) {
        OTHER.set(Some(Box::new(other)));
        self.arm(Some((at, Mode::Meanwhile)));
    }

    /// Nothing fails any more; gives how many calls there were.
    pub fn disarm(self) -> u64 {
        self.0.replace(State::IDLE).count
    }

    /// Runs what the test itself does in between.
    pub fn paused<R>(self, body: impl FnOnce() -> R) -> R {
        let state = self.0.replace(State::IDLE);
        let result = body();
        self.0.set(state);
        result
    }

    /// One call: true when it has to fail.
    pub fn fails(self) -> bool {
        let mut state = self.0.get();
        if !state.armed {
            return false;
        }
        state.count += 1;
        self.0.set(state);
        match state.fault {
            Some((at, Mode::Once)) => state.count == at,
            Some((at, Mode::Forever)) => state.count >= at,
            Some((at, Mode::Meanwhile)) => {
                if state.count == at
                    && let Some(other) = OTHER.take()
                {
                    self.paused(other);
                }
                false
            }
            None => false,
        }
    }
}
