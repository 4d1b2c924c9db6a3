//! Beyond one machine: a cluster whose servers die, buckets that keep what a key cannot delete, what saves cost, and how
//! likely copies are lost.
#![cfg(all(feature = "s3", target_os = "linux"))]

#[allow(dead_code, reason = "another test uses all of it")]
#[path = "../save_kills/app.rs"]
mod app;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod cost;
mod counting;
mod create_only;
#[path = "../../../core/tests/support/evidence.rs"]
mod evidence;
mod machines;
#[allow(dead_code, reason = "the tests of the stores use all of it")]
#[path = "../../../core/store/tests/support/proxy.rs"]
mod proxy;
#[allow(dead_code, reason = "the tests of the hosts use all of it")]
#[path = "../../../host-tests/src/random.rs"]
mod random;
mod resilience;
#[allow(dead_code, reason = "the tests of the stores use all of it")]
#[path = "../../../core/store/tests/support/servers.rs"]
mod servers;
