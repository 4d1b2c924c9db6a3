//! Parts that the tests of the stores share.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod certificates;
pub mod contract;
pub mod images;
pub mod proxy;
pub mod servers;
