//! The three lines of figures in the README of the project, from the table of all runs.

use crate::way::Spread;

/// How the table in the README begins.
const HEADER: &str = "| | Lifeboat |";

/// The columns: of a full backup, of a change and of a restore the part and the way.
type Column = (&'static str, [(&'static str, &'static str); 3]);

const COLUMNS: [Column; 5] = [
    (
        "Lifeboat",
        [("export", "Lifeboat, WAL mode"), ("saves", "Lifeboat, saved to a directory"), ("restore", "Lifeboat")],
    ),
    ("borg 1.4", [("export", "borg"), ("delta", "borg"), ("restore", "borg")]),
    ("rustic 0.11", [("export", "rustic"), ("delta", "rustic"), ("restore", "rustic")]),
    ("litestream 0.5, plain", [("export", LITESTREAM), ("delta", LITESTREAM), ("restore", LITESTREAM)]),
    ("sqlite3_rsync, plain", [("export", RSYNC), ("delta", RSYNC), ("restore", RSYNC)]),
];
const LITESTREAM: &str = "litestream 0.5.17 (plain)";
const RSYNC: &str = "sqlite3_rsync (plain)";

const ROWS: [&str; 3] = ["full backup", "100 tokens are spent", "restore"];

/// The README with the medians of these runs.
///
/// # Errors
///
/// Which way has no runs, or that there is no table.
pub fn updated(readme: &str, runs: &str) -> Result<String, String> {
    let start = readme.find(HEADER).ok_or("the README has no table that begins with Lifeboat")?;
    let length = readme[start..].find("\n\n").map_or(readme.len() - start, |end| end + 1);
    Ok(format!("{}{}{}", &readme[..start], table(runs)?, &readme[start + length..]))
}

fn table(runs: &str) -> Result<String, String> {
    let names = COLUMNS.map(|(name, _)| name).join(" | ");
    let mut table = format!("| | {names} |\n|---|{}\n", "---|".repeat(COLUMNS.len()));
    for (row, name) in ROWS.iter().enumerate() {
        table += &format!("| {name} |");
        for (_, ways) in &COLUMNS {
            let (part, way) = ways[row];
            let (seconds, bytes) =
                medians(runs, part, way).ok_or_else(|| format!("there are no runs of {way} in the part {part}"))?;
            // A restored file is as large as the database, whoever restores it.
            let bytes = (part != "restore").then(|| size(bytes));
            let cell: Vec<_> =
                seconds.map(|seconds| format!("{} s", short(seconds))).into_iter().chain(bytes).collect();
            table += &format!(" {} |", cell.join(", "));
        }
        table.push('\n');
    }
    Ok(table)
}

/// Of the seconds, where they say something, and of the bytes.
fn medians(runs: &str, part: &str, way: &str) -> Option<(Option<f64>, f64)> {
    let prefix = format!("{part},\"{way}\",");
    let runs: Vec<Vec<&str>> =
        runs.lines().filter_map(|line| line.strip_prefix(&prefix)).map(|rest| rest.split(',').collect()).collect();
    let column = |n: usize| runs.iter().map(|run| run.get(n)?.parse::<f64>().ok()).collect::<Option<Vec<_>>>();
    let median = |values: Vec<f64>| (!values.is_empty()).then(|| Spread::of(values).median);
    Some((column(1).and_then(median), median(column(2)?)?))
}

/// Two digits, or all before the point: 0.35, 1.2, 12, 459.
fn short(number: f64) -> String {
    match number {
        n if n < 0.995 => format!("{n:.2}"),
        n if n < 9.95 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

fn size(bytes: f64) -> String {
    match bytes {
        n if n < 999.5 => format!("{n:.0} bytes"),
        n if n < 999.5e3 => format!("{} kB", short(n / 1e3)),
        n => format!("{} MB", short(n / 1e6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_replaced_and_nothing_else() {
        let mut runs = String::from("part,way,round,seconds,bytes,peak\n");
        for (_, ways) in &COLUMNS {
            for (part, way) in ways {
                for (round, seconds) in [(1, "1.21"), (2, "0.349"), (3, "0.35")] {
                    let seconds = if (*part, *way) == ("delta", LITESTREAM) { "" } else { seconds };
                    runs += &format!("{part},\"{way}\",{round},{seconds},55477992,1\n");
                }
            }
        }
        let readme = "# A\n\n| | other |\n|---|---|\n| x | y |\n\nText:\n\n| | Lifeboat | |\n|---|---|---|\n| old | 1 | 2 |\n\n## B\n";
        let updated = updated(readme, &runs).unwrap();
        let expected = "# A\n\n| | other |\n|---|---|\n| x | y |\n\nText:\n\n\
            | | Lifeboat | borg 1.4 | rustic 0.11 | litestream 0.5, plain | sqlite3_rsync, plain |\n|---|---|---|---|---|---|\n\
            | full backup | 0.35 s, 55 MB | 0.35 s, 55 MB | 0.35 s, 55 MB | 0.35 s, 55 MB | 0.35 s, 55 MB |\n\
            | 100 tokens are spent | 0.35 s, 55 MB | 0.35 s, 55 MB | 0.35 s, 55 MB | 55 MB | 0.35 s, 55 MB |\n\
            | restore | 0.35 s | 0.35 s | 0.35 s | 0.35 s | 0.35 s |\n\n## B\n";
        assert_eq!(updated, expected);
        assert_eq!(super::updated(&updated, &runs).unwrap(), updated);
    }

    #[test]
    fn what_is_missing_is_named() {
        let readme = "| | Lifeboat | |\n";
        let told = updated(readme, "export,\"Lifeboat, WAL mode\",1,0.3,4,5\n").unwrap_err();
        assert!(told.contains("borg in the part export"), "{told}");
        assert!(updated("no table", "").unwrap_err().contains("no table"));
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([0.349, 0.997, 1.21, 9.96, 458.9].map(short), ["0.35", "1.0", "1.2", "10", "459"]);
        assert_eq!(
            [531.0, 4_867.0, 459_494.0, 999_900.0, 125_483_162.0].map(size),
            ["531 bytes", "4.9 kB", "459 kB", "1.0 MB", "125 MB"]
        );
    }
}
