//! Figures against limits: what they are now, and when they reach them if they go on as they did.

use super::gathered::{Event, Save, sums};
use crate::node::Node;
use lifeboat_store::events::{self, Limit, Limits, Measure};
use lifeboat_store::{date_text, parse_date};

const DAY: f64 = 86_400.0;

/// A figure and its limit.
pub struct Forecast {
    /// Which limit of the settings it is.
    pub of: Measure,
    pub limit: f64,
    /// None: it is not known here.
    pub value: Option<f64>,
    pub is_reached: bool,
    /// How much it grows in a day. None: too little is known.
    pub per_day: Option<f64>,
    /// When the limit is reached, in seconds since 1970. None: never, or nobody knows.
    pub reached: Option<i64>,
    /// What the last event says of it, if there is one.
    pub told: Option<String>,
}

impl Forecast {
    /// The date when the limit is reached.
    pub fn reached_date(&self) -> Option<String> {
        self.reached.map(|seconds| date_text(seconds.saturating_mul(1000)))
    }
}

/// All limits.
pub fn forecasts(limits: &Limits, series: &Node, saves: &[Save], events: &[Event]) -> Vec<Forecast> {
    let of = |(of, limit): (Measure, Limit)| {
        let (name, limit) = (of.name, limit.value);
        let value = figure(name, series, saves).or_else(|| told_value(name, events));
        let per_second = growth(name, saves);
        let is_reached = value.is_some_and(|value| of.is_reached(value, limit));
        let last = saves.iter().rev().find_map(|save| save.date);
        let reached = match (value, per_second, last) {
            (Some(value), Some(per_second), Some(last)) if per_second != 0.0 && !is_reached => {
                let seconds = (limit - value) / per_second;
                // A date that is centuries away says nothing.
                (0.0..=36_500.0 * DAY).contains(&seconds).then(|| last + seconds as i64)
            }
            _ => None,
        };
        let event = last_event(name, events);
        Forecast {
            of,
            limit,
            value,
            is_reached,
            per_day: per_second.map(|slope| slope * DAY).or_else(|| number(event?.about.get("per_day"))),
            reached: reached.or_else(|| match event?.about.get("reached_at") {
                Node::Text(date) if !is_reached => parse_date(date),
                _ => None,
            }),
            told: event.map(|event| format!("{} ({})", event.kind.replace('_', " "), event.date)),
        }
    };
    limits.given().map(of).collect()
}

/// The last event about this limit, if what it tells is not over.
fn last_event<'a>(name: &str, events: &'a [Event]) -> Option<&'a Event> {
    let is_about =
        |event: &&Event| ["limit", "figure"].iter().any(|field| *event.about.get(field) == Node::Text(name.to_owned()));
    let last = events.iter().rev().find(is_about)?;
    (*last.about.get("state") != Node::Text("over".to_owned())).then_some(last)
}

fn told_value(name: &str, events: &[Event]) -> Option<f64> {
    number(last_event(name, events)?.about.get("value"))
}

fn number(node: &Node) -> Option<f64> {
    if let Node::Number(text) = node { text.parse().ok() } else { None }
}

/// What a figure is now, by the check and by the log.
fn figure(name: &str, series: &Node, saves: &[Save]) -> Option<f64> {
    let copies = || series.get("copies").items().iter();
    let of = |copy: &Node, names: &[&str]| names.iter().map(|name| number(copy.get(name))).sum::<Option<f64>>();
    match name {
        "series_bytes" => copies().filter_map(|copy| of(copy, &["bytes"])).reduce(f64::max),
        "objects" => copies().filter_map(|copy| of(copy, &["records", "bundles"])).reduce(f64::max),
        "free_bytes" => copies().filter_map(|copy| of(copy, &["free"])).reduce(f64::min),
        "saves" => saves.last().map(|save| save.number as f64),
        "bundle_bytes" => {
            let full = saves.iter().rev().find(|save| save.kind == "full");
            full.and_then(|save| save.bytes).map(|bytes| bytes as f64)
        }
        _ => None,
    }
}

/// How much a figure grows in a second, by the rule of the events. Only of figures whose past is in the log.
fn growth(name: &str, saves: &[Save]) -> Option<f64> {
    let values: Vec<f64> = match name {
        "series_bytes" => sums(saves).into_iter().map(|sum| sum as f64).collect(),
        "saves" => saves.iter().map(|save| save.number as f64).collect(),
        _ => return None,
    };
    let dated = saves.iter().zip(values).filter_map(|(save, value)| Some((save.date?.try_into().ok()?, value)));
    events::growth(dated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(json: &str) -> Limits {
        serde_json::from_str(json).unwrap()
    }

    fn saves(days: i64) -> Vec<Save> {
        let save = |day: i64| Save {
            number: day.unsigned_abs() + 1,
            date: Some(day * 86_400),
            date_text: None,
            kind: if day == 0 { "full" } else { "delta" }.to_owned(),
            bytes: Some(1000),
            copies: Vec::new(),
            writer: None,
            label: None,
        };
        (0..days).map(save).collect()
    }

    #[test]
    fn steady_growth_reaches_its_limit_on_the_right_day() {
        let series = Node::parse(r#"{"copies": [{"bytes": 10000, "records": 10, "bundles": 10, "free": 5}]}"#).unwrap();
        let limits = limits(r#"{"series_bytes": 15000, "saves": 5, "free_bytes": 6, "load": 1}"#);
        let all = forecasts(&limits, &series, &saves(10), &[]);
        assert_eq!((all[0].per_day, all[0].reached_date().as_deref()), (Some(1000.0), Some("1970-01-15T00:00:00Z")));
        assert!(!all[0].is_reached && all[1].is_reached && all[1].reached.is_none());
        assert!(all[2].is_reached && all[2].value == Some(5.0));
        assert_eq!((all[3].value, all[3].is_reached), (None, false));
        // Two days say too little.
        assert!(forecasts(&limits, &series, &saves(2), &[])[0].reached.is_none());
    }

    #[test]
    fn what_an_event_told_counts_until_it_is_over() {
        let event = |about: &str| Event {
            number: 1,
            date: "2026-11-29".to_owned(),
            level: "warning".to_owned(),
            kind: "limit_imminent".to_owned(),
            about: Node::parse(about).unwrap(),
        };
        let begins = event(r#"{"limit": "database_bytes", "value": 7, "reached_at": "2026-12-24", "state": "begins"}"#);
        let over = event(r#"{"limit": "database_bytes", "value": 7, "state": "over"}"#);
        let limits = limits(r#"{"database_bytes": 9}"#);
        let told = |events: &[Event]| forecasts(&limits, &Node::Null, &[], events).remove(0);
        let imminent = told(&[begins]);
        assert_eq!((imminent.value, imminent.reached_date().as_deref()), (Some(7.0), Some("2026-12-24T23:59:59Z")));
        assert_eq!(told(&[over]).value, None);
    }
}
