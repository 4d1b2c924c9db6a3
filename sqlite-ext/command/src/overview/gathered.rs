//! What the functions tell of a series.

use super::forecast::{Forecast, forecasts};
use crate::arguments::Report;
use crate::fail::{Fail, Kind};
use crate::node::Node;
use crate::options::{Options, settings_in};
use crate::page::now;
use crate::run::{array, parsed, places};
use crate::session::{Narrow, Session, text};
use lifeboat_store::parse_date;
use rusqlite::Row;
use rusqlite::types::Value;
use zeroize::Zeroizing;

/// All that the page shows.
pub struct Gathered {
    /// When it was asked.
    pub date: String,
    pub domain: Option<String>,
    /// Whether a key was given.
    pub has_key: bool,
    /// The names of the stores.
    pub stores: Vec<String>,
    /// The report of the check, and of it the series. Null without a key.
    pub check: Node,
    pub series: Node,
    /// The newest saves, the oldest first.
    pub saves: Vec<Save>,
    /// Whether there are older ones, which were not asked for.
    pub is_cut: bool,
    /// What the local state says. Null without one.
    pub status: Node,
    /// The oldest first.
    pub events: Vec<Event>,
    pub forecasts: Vec<Forecast>,
}

/// A save, as `backup_log` has it.
pub struct Save {
    pub number: u64,
    /// In seconds since 1970. None without a key that reads.
    pub date: Option<i64>,
    pub date_text: Option<String>,
    pub kind: String,
    pub bytes: Option<u64>,
    pub copies: Vec<String>,
    pub writer: Option<String>,
    pub label: Option<String>,
}

/// An event, as `backup_events` has it.
pub struct Event {
    pub number: u64,
    pub date: String,
    pub level: String,
    pub kind: String,
    pub about: Node,
}

impl Gathered {
    /// Asks the functions.
    ///
    /// # Errors
    /// Theirs.
    pub fn gather(report: &Report) -> Result<Self, Fail> {
        let places = places(&report.stores.stores)?;
        let stores = array(report.stores.stores.clone());
        let key = report.key.given()?;
        // Limits that a file says are for this page. What is noted in the local state is measured against those of the
        // configuration, as ever.
        let given = report.events.as_deref().map(settings_in).transpose()?;
        let settings = places.events(given).map_err(|error| Fail::of_core(&error))?;
        let session = Session::open(None, "asking")?;
        let options = Options::default().put("domain", report.domain.clone()).put("local", report.local.clone());
        let check = match &key {
            Some(key) => {
                parsed(&session.call("backup_scrub", vec![stores.clone(), key.clone().into(), text(options.json())])?)?
            }
            None => Node::Null,
        };
        let series = the_series(&check)?;
        // A table function has no options: the key of the domain says which series is meant.
        let reading = match (&key, &report.domain) {
            (Some(key), Some(domain)) => {
                let made = session.call("backup_read_key", vec![key.clone().into(), domain.clone().into()]);
                // Who holds a key of one domain holds that of no other.
                Some(made.or_else(|fail| if fail.kind == Kind::Misuse { Ok(key.clone()) } else { Err(fail) })?)
            }
            (key, _) => key.clone(),
        }
        .map(Zeroizing::new);
        let (saves, is_cut) = saves(&session, stores, reading.as_ref().map(|key| key.as_str()), report.limit)?;
        let (mut status, mut events) = (Node::Null, Vec::new());
        if let Some(local) = &report.local {
            let options = Options::default().put("local", Some(local.clone()));
            status = parsed(&session.call("backup_status", vec![text(options.json())])?)?;
            events = self::events(&session, local)?;
        }
        let forecasts = forecasts(&settings.limits, &series, &saves, &events);
        Ok(Self {
            date: now(),
            domain: report.domain.clone(),
            has_key: key.is_some(),
            stores: places.names().map(|name| name.to_string()).collect(),
            check,
            series,
            saves,
            is_cut,
            status,
            events,
            forecasts,
        })
    }

    /// The bytes of all bundles up to each save, of those that are shown.
    pub fn sums(&self) -> Vec<u64> {
        sums(&self.saves)
    }
}

/// The bytes of all bundles up to each save.
pub fn sums(saves: &[Save]) -> Vec<u64> {
    let sum = saves.iter().scan(0u64, |sum, save| {
        *sum = sum.saturating_add(save.bytes.unwrap_or(0));
        Some(*sum)
    });
    sum.collect()
}

/// The only series of a check. Null: there was none.
fn the_series(check: &Node) -> Result<Node, Fail> {
    match check.get("series").items() {
        [] => Ok(Node::Null),
        [series] => Ok(series.clone()),
        several => Err(Fail::misuse(format!(
            "the stores hold {} series of this key, and a report is of one; give --domain NAME, or the read key or the write \
             key of the domain",
            several.len()
        ))),
    }
}

fn saves(session: &Session, stores: Value, key: Option<&str>, limit: u32) -> Result<(Vec<Save>, bool), Fail> {
    let mut arguments = vec![stores];
    arguments.extend(key.map(|key| Value::Text(key.to_owned())));
    let columns = "number, date, type, bytes, copies, writer, label";
    let narrow = Narrow { limit: Some(limit.saturating_add(1)), ..Narrow::default() };
    let mut saves = Vec::new();
    session.rows("backup_log", columns, arguments, &narrow, |row| {
        saves.push(save(row).map_err(|error| Fail::of_sql("backup_log", &error))?);
        Ok(true)
    })?;
    let is_cut = saves.len() > limit as usize;
    saves.truncate(limit as usize);
    saves.reverse();
    Ok((saves, is_cut))
}

fn save(row: &Row<'_>) -> rusqlite::Result<Save> {
    let date_text: Option<String> = row.get(1)?;
    let copies: String = row.get(4)?;
    Ok(Save {
        number: unsigned(row.get(0)?),
        date: date_text.as_deref().and_then(parse_date),
        date_text,
        kind: row.get(2)?,
        bytes: row.get::<_, Option<i64>>(3)?.map(unsigned),
        copies: serde_json::from_str(&copies).unwrap_or_default(),
        writer: row.get(5)?,
        label: row.get(6)?,
    })
}

fn events(session: &Session, local: &str) -> Result<Vec<Event>, Fail> {
    let mut events = Vec::new();
    let columns = "number, date, level, kind, about";
    session.rows("backup_events", columns, vec![local.to_owned().into()], &Narrow::default(), |row| {
        let event = |row: &Row<'_>| {
            Ok(Event {
                number: unsigned(row.get(0)?),
                date: row.get(1)?,
                level: row.get(2)?,
                kind: row.get(3)?,
                about: Node::parse(&row.get::<_, String>(4)?).unwrap_or(Node::Null),
            })
        };
        events.push(event(row).map_err(|error| Fail::of_sql("backup_events", &error))?);
        Ok(true)
    })?;
    Ok(events)
}

fn unsigned(number: i64) -> u64 {
    number.try_into().unwrap_or(0)
}
