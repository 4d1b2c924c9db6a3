//! SQLite's own functions: those that an expression may use when it must be evaluated.

/// They are built into SQLite, and have no effect besides their result. SQLite itself keeps those that are not
/// deterministic out of indexes and generated columns: they matter only as text (`DEFAULT (random())`).
const BUILT_IN: &[&str] = &[
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "ceiling",
    "changes",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "degrees",
    "exp",
    "floor",
    "format",
    "glob",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_insert",
    "json_array_length",
    "json_error_position",
    "json_extract",
    "json_insert",
    "json_object",
    "json_patch",
    "json_pretty",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "jsonb",
    "jsonb_array",
    "jsonb_array_insert",
    "jsonb_extract",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_patch",
    "jsonb_remove",
    "jsonb_replace",
    "jsonb_set",
    "julianday",
    "last_insert_rowid",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nullif",
    "octet_length",
    "pi",
    "pow",
    "power",
    "printf",
    "quote",
    "radians",
    "random",
    "randomblob",
    "replace",
    "round",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "soundex",
    "sqlite_source_id",
    "sqlite_version",
    "sqrt",
    "strftime",
    "substr",
    "substring",
    "subtype",
    "tan",
    "tanh",
    "time",
    "timediff",
    "total_changes",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unistr",
    "unistr_quote",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
];

/// Those of the list whose result depends on more than their arguments, or on the time zone or the version.
const UNSTEADY: &[&str] = &[
    "changes",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "julianday",
    "last_insert_rowid",
    "random",
    "randomblob",
    "sqlite_source_id",
    "sqlite_version",
    "strftime",
    "subtype",
    "time",
    "timediff",
    "total_changes",
    "unixepoch",
];

/// Those over several rows whose result does not depend on an order that SQLite chooses.
const OVER_ROWS: &[&str] = &[
    "avg",
    "count",
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
    "sum",
    "total",
];

/// The extension's functions, and those of SQLite that some builds leave out.
const DIRECT: &[&str] = &[
    "backup_compose",
    "backup_compose_file",
    "backup_estimate",
    "backup_export",
    "backup_export_file",
    "backup_info",
    "backup_keygen",
    "backup_protect",
    "backup_prune",
    "backup_read_key",
    "backup_restore",
    "backup_restore_all",
    "backup_restore_file",
    "backup_save",
    "backup_scrub",
    "backup_status",
    "backup_unprotect",
    "backup_verify",
    "backup_verify_key",
    "backup_version",
    "backup_write_key",
    "fts3_tokenizer",
    "load_extension",
];

/// True for a function that tells the time or works with times, in any case of letters.
pub(crate) fn is_of_time(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("current_")
        || matches!(name.as_str(), "date" | "datetime" | "julianday" | "strftime" | "time" | "timediff" | "unixepoch")
}

/// True for a function whose result is always and everywhere the same, in any case of letters.
pub(crate) fn is_steady(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    OVER_ROWS.binary_search(&lower.as_str()).is_ok()
        || is_built_in(name) && UNSTEADY.binary_search(&lower.as_str()).is_err()
}

/// True for a function that applications may call, but constraints, indexes and generated columns may not, in any case
/// of letters.
pub(crate) fn is_direct(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    DIRECT.binary_search(&name.as_str()).is_ok()
}

/// Where SQLite has a function of the list: the first version with it, or the option of its build.
const SINCE: &[(&str, &[&str])] = &[
    ("3.38", &["->", "->>", "format", "unixepoch"]),
    ("3.41", &["unhex"]),
    ("3.42", &["json_error_position"]),
    ("3.43", &["octet_length", "timediff"]),
    ("3.44", &["concat", "concat_ws"]),
    (
        "3.45",
        &[
            "jsonb",
            "jsonb_array",
            "jsonb_extract",
            "jsonb_insert",
            "jsonb_object",
            "jsonb_patch",
            "jsonb_remove",
            "jsonb_replace",
            "jsonb_set",
        ],
    ),
    ("3.46", &["json_pretty"]),
    ("3.48", &["if"]),
    ("3.50", &["unistr", "unistr_quote"]),
    ("3.53", &["json_array_insert", "jsonb_array_insert"]),
];

/// True for a function of the list that the oldest supported versions do not have, in any case of letters.
pub(crate) fn is_newer(name: &str) -> bool {
    SINCE.iter().any(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Which SQLite has this function of the list, in any case of letters. For example: `SQLite 3.44 or later`.
pub(crate) fn who_has(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match SINCE.iter().find(|(_, names)| names.contains(&name.as_str())) {
        Some((version, _)) => format!("SQLite {version} or later"),
        None if name == "soundex" => "a SQLite that was built with SQLITE_SOUNDEX".to_owned(),
        None if name.starts_with("json") => "a SQLite that was built with JSON functions".to_owned(),
        None => "a SQLite that was built with mathematical functions".to_owned(),
    }
}

/// True for a function of the list, in any case of letters.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.binary_search(&name.to_ascii_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_for_the_search() {
        assert!([BUILT_IN, UNSTEADY, OVER_ROWS, DIRECT].into_iter().all(<[_]>::is_sorted));
        assert!(UNSTEADY.iter().all(|name| is_built_in(name) && !is_steady(name)));
        assert!(SINCE.iter().flat_map(|(_, names)| *names).all(|name| is_built_in(name)));
        assert_eq!(who_has("CONCAT"), "SQLite 3.44 or later");
        assert!(is_steady("Lower") && is_steady("COUNT") && !is_steady("group_concat") && !is_steady("Current_Date"));
        assert!(is_built_in("UPPER") && is_built_in("->>") && is_built_in("zeroblob"));
        assert!(!is_built_in("load_extension") && !is_built_in("fts3_tokenizer") && !is_built_in("readfile"));
    }
}
