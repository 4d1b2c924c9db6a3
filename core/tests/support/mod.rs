//! What the vectors are made with: see `spec.rs`.
#![allow(dead_code, reason = "each test program uses its part of this")]

pub mod cbor;
pub mod evidence;
pub mod keys;
pub mod log_spec;
pub mod log_vector;
pub mod readers;
pub mod spec;
pub mod state;
pub mod vector;
