//! The evidence from outside: databases to try Lifeboat on, a comparer, and the programs that host it. Nothing here uses
//! Lifeboat's own code.

pub mod cases;
pub mod corpora;
pub mod corpus;
pub mod digest;
pub mod equal;
pub mod history;
pub mod host;
pub mod items;
pub mod packages;
pub mod random;
pub mod sqlites;
pub mod torture;
pub mod usage;
pub mod zkap;
