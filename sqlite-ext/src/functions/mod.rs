//! The SQL functions: one file for each, and `registry`, the table of all. A new function is a new file here and a row
//! there.

pub(crate) mod backup_compose;
pub(crate) mod backup_compose_file;
pub(crate) mod backup_diff;
pub(crate) mod backup_estimate;
pub(crate) mod backup_events;
pub(crate) mod backup_export;
pub(crate) mod backup_export_file;
pub(crate) mod backup_info;
pub(crate) mod backup_keygen;
pub(crate) mod backup_log;
pub(crate) mod backup_protect;
pub(crate) mod backup_prune;
pub(crate) mod backup_read_key;
pub(crate) mod backup_restore;
pub(crate) mod backup_restore_all;
pub(crate) mod backup_restore_file;
pub(crate) mod backup_rows;
pub(crate) mod backup_save;
pub(crate) mod backup_scrub;
pub(crate) mod backup_status;
pub(crate) mod backup_tables;
pub(crate) mod backup_unprotect;
pub(crate) mod backup_verify;
pub(crate) mod backup_verify_key;
pub(crate) mod backup_version;
pub(crate) mod backup_write_key;
pub(crate) mod registry;
