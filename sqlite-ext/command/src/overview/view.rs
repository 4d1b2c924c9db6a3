//! The page of a report. Every text in it is escaped by `maud`, and what cannot be seen in it is written out.

use super::charts::{self, NARROW, Picture, Shape, WIDE, size};
use super::forecast::Forecast;
use super::gathered::{Event, Gathered, Save};
use crate::node::Node;
use crate::page::document;
use crate::words::printable;
use lifeboat_store::events::Bound;
use maud::{Markup, PreEscaped, html};

const STYLE: &str = include_str!("report.css");
/// The events that are shown: the newest ones.
const EVENTS_MAX: usize = 200;

/// How the copies stand, in a few words.
pub fn verdict(gathered: &Gathered) -> String {
    if !gathered.has_key {
        return "without a key, the copies were not checked".to_owned();
    }
    match gathered.check.get("sound").is_true() {
        true => "all copies are sound".to_owned(),
        false => "NOT ALL COPIES ARE SOUND".to_owned(),
    }
}

pub fn page(gathered: &Gathered) -> String {
    let name = gathered.domain.as_deref().map(printable);
    let title = match &name {
        Some(name) => format!("Backup report: {name}"),
        None => "Backup report".to_owned(),
    };
    let body = html! {
        main {
            h1 { (title) }
            p.lead { "Asked on " (gathered.date) " of " (plural(gathered.stores.len(), "store")) "." }
            (notice(gathered))
            (facts(gathered))
            (copies(gathered))
            (saves(gathered))
            (limits(gathered))
            (events(gathered))
        }
        footer { p { "Written by " code { "lifeboat report" } ", Lifeboat " (env!("CARGO_PKG_VERSION")) ". Dates are in UTC." } }
    };
    document("lifeboat report", &title, STYLE, &body)
}

fn plural(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (first, rest) = digits.split_at(if first == 0 { 3.min(digits.len()) } else { first });
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    std::iter::once(first.to_owned()).chain(groups).collect::<Vec<_>>().join(",")
}

fn shown(node: &Node) -> String {
    match node {
        Node::Number(text) => text.parse().map_or_else(|_| text.clone(), grouped),
        node if node.is_empty() => "-".to_owned(),
        node => printable(&node.line()),
    }
}

fn notice(gathered: &Gathered) -> Markup {
    let (look, text) = match (gathered.has_key, gathered.check.get("sound").is_true()) {
        (false, _) => ("warn", "Without a key the copies were not checked, and nobody says who made the saves."),
        (true, true) => ("good", "All copies are sound: they hold all that they should, with the right lengths."),
        (true, false) => {
            ("bad", "Not all copies are sound. Below is what is wrong; lifeboat scrub says more, and heals.")
        }
    };
    let failed = gathered.status.get("failed");
    html! {
        div class={ "notice " (look) } {
            p { strong { (text) } }
            @if !failed.is_empty() {
                p { "The last save failed, on " (shown(failed.get("at"))) ": " (shown(failed.get("kind"))) ": "
                    (shown(failed.get("message"))) }
            }
            @for store in gathered.check.get("unreachable").items() {
                p { "No answer from " (shown(store.get("store"))) ": " (shown(store.get("why"))) }
            }
        }
    }
}

fn facts(gathered: &Gathered) -> Markup {
    let newest = gathered.saves.last();
    let saved = gathered.status.get("saved");
    html! {
        dl.facts {
            @if let Some(save) = newest {
                dt { "Newest save" }
                dd { "number " (grouped(save.number)) @if let Some(date) = &save.date_text { ", " (date) } }
            }
            dt { "Saves shown" }
            dd { (grouped(gathered.saves.len() as u64)) @if gathered.is_cut { ", the newest ones; --limit shows more" } }
            dt { "Bytes of their bundles" }
            dd { (grouped(gathered.sums().last().copied().unwrap_or(0))) }
            @if !saved.is_empty() {
                dt { "Last save from here" }
                dd { "number " (shown(saved.get("number"))) ", " (shown(saved.get("at"))) ", in " (shown(saved.get("done")))
                    " copies (the minimum is " (shown(saved.get("minimum"))) ")" }
            }
            @if !gathered.series.is_empty() {
                dt { "Domain id" }
                dd { code { (shown(gathered.series.get("domain_id"))) } }
            }
        }
    }
}

/// A table that scrolls by itself where there is no room, by keyboard too.
fn table(label: &str, body: &Markup) -> Markup {
    html! { div.scroll role="region" tabindex="0" aria-label={ "Table: " (label) } { table { (body) } } }
}

fn head(names: &[(&str, bool)]) -> Markup {
    html! {
        thead { tr { @for (name, is_number) in names { th scope="col" class=[is_number.then_some("number")] { (name) } } } }
    }
}

fn copies(gathered: &Gathered) -> Markup {
    let checked = gathered.series.get("copies").items();
    let body = match checked {
        [] => listed_copies(gathered),
        checked => html! {
            (head(&[("Copy", false), ("State", false), ("Newest save", true), ("Bytes", true), ("Free", true), ("All read since", false),
                ("What is wrong", false)]))
            tbody {
                @for copy in checked {
                    tr {
                        th.long scope="row" { (name_of(copy)) }
                        td { (state(copy)) }
                        td.number { (shown(copy.get("number"))) }
                        td.number { (shown(copy.get("bytes"))) }
                        td.number { (bytes_of(copy.get("free"))) }
                        td { (shown(copy.get("since"))) }
                        td.long { (wrong(copy)) }
                    }
                }
            }
        },
    };
    html! {
        section aria-labelledby="copies" {
            h2 id="copies" { "Copies" }
            @if gathered.has_key {
                p { "A check of the level " code { "list" } ": names and lengths. “All read since” is the date since when all bundles \
                    of a copy were read; it is known with the local state of checks that read them (" code { "--local" } ")." }
            }
            (table("Copies", &body))
        }
    }
}

fn name_of(copy: &Node) -> String {
    match copy.get("copy") {
        Node::Null => shown(copy.get("store")),
        name => format!("{} ({})", shown(name), shown(copy.get("store"))),
    }
}

/// The saves that a store lists.
fn held<'a>(saves: &'a [Save], store: &'a str) -> impl Iterator<Item = &'a Save> {
    saves.iter().filter(move |save| save.copies.iter().any(|copy| copy == store))
}

/// What anybody can see.
fn listed_copies(gathered: &Gathered) -> Markup {
    let holds = |store| held(&gathered.saves, store);
    html! {
        (head(&[("Copy", false), ("Newest save", true), ("Saves", true), ("Bytes", true)]))
        tbody {
            @for store in &gathered.stores {
                tr {
                    th.long scope="row" { (printable(store)) }
                    td.number { @match holds(store).last() { Some(save) => (grouped(save.number)), None => "-" } }
                    td.number { (grouped(holds(store).count() as u64)) }
                    td.number { (grouped(holds(store).filter_map(|save| save.bytes).sum())) }
                }
            }
        }
    }
}

fn state(copy: &Node) -> Markup {
    let word = shown(copy.get("state"));
    let look = match (copy.get("state").line().as_str(), copy.get("complete").is_true()) {
        ("current", true) => "good",
        ("behind" | "empty" | "absent" | "unreachable", _) | ("current", false) => "warn",
        _ => "bad",
    };
    html! { span class=(look) { (word.replace('_', " ")) } }
}

fn bytes_of(node: &Node) -> String {
    if let Node::Number(text) = node { text.parse().map_or_else(|_| text.clone(), size) } else { "-".to_owned() }
}

fn wrong(copy: &Node) -> String {
    let mut said = Vec::new();
    for (name, what) in [("missing", "missing"), ("damaged", "damaged")] {
        match copy.get(name).get("count").number() {
            0 => {}
            count => said.push(format!("{} {what}", plural(usize::try_from(count).unwrap_or(0), "object"))),
        }
    }
    match copy.get("behind").number() {
        0 => {}
        count => said.push(format!("{} behind", plural(usize::try_from(count).unwrap_or(0), "save"))),
    }
    if !copy.get("why").is_empty() {
        said.push(shown(copy.get("why")));
    }
    if said.is_empty() { "-".to_owned() } else { said.join("; ") }
}

fn figure(id: &str, title: &str, picture: &Option<Picture>) -> Markup {
    let drawn = |picture: &Picture, shape: Shape, class: &str, inside: &str| {
        let (width, height) = shape.size;
        html! {
            svg class={ "chart " (class) } role="img" aria-label=(picture.text) viewBox={ "0 0 " (width) " " (height) }
                { (PreEscaped(inside)) }
        }
    };
    html! {
        @if let Some(picture) = picture {
            h3 id=(id) { (title) }
            figure aria-labelledby=(id) {
                (drawn(picture, WIDE, "wide", &picture.wide))
                (drawn(picture, NARROW, "narrow", &picture.narrow))
                figcaption { (picture.text) }
            }
        }
    }
}

fn saves(gathered: &Gathered) -> Markup {
    let saves = &gathered.saves;
    let sums = gathered.sums();
    html! {
        section aria-labelledby="saves" {
            h2 id="saves" { "Saves" }
            @if saves.is_empty() { p { "The stores hold no save of this series." } }
            (figure("over-time", "Saves over time", &charts::saves_over_time(saves)))
            (figure("bytes", "Bytes over time", &charts::bytes_over_time(gathered)))
            (figure("sizes", "Size of each bundle", &charts::sizes(saves)))
            @if !saves.is_empty() {
                details {
                    summary { "The numbers as a table" }
                    (table("Saves", &html! {
                        (head(&[("Save", true), ("Date", false), ("Type", false), ("Bytes", true), ("Bytes so far", true), ("Copies", true),
                            ("Writer", false), ("Label", false)]))
                        tbody { @for (save, sum) in saves.iter().zip(&sums).rev() { (row(save, *sum)) } }
                    }))
                }
            }
        }
    }
}

fn row(save: &Save, sum: u64) -> Markup {
    let text = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), printable);
    html! {
        tr {
            th.number scope="row" { (grouped(save.number)) }
            td { (text(&save.date_text)) }
            td { (printable(&save.kind)) }
            td.number { @match save.bytes { Some(bytes) => (grouped(bytes)), None => "-" } }
            td.number { (grouped(sum)) }
            td.number { (save.copies.len()) }
            td.long { (text(&save.writer)) }
            td.long { (text(&save.label)) }
        }
    }
}

fn limits(gathered: &Gathered) -> Markup {
    html! {
        section aria-labelledby="limits" {
            h2 id="limits" { "Limits" }
            @if gathered.forecasts.is_empty() {
                p { "No limit is set. The configuration of a reserve can set them, or a file (" code { "--events" } ")." }
            } @else {
                p { "A forecast goes on from now with the growth of the last 30 days. It needs saves with dates over two days." }
                (table("Limits", &html! {
                    (head(&[("Limit", false), ("At", true), ("Now", true), ("Of it", false), ("Each day", true), ("Reached on", false),
                        ("Event", false)]))
                    tbody { @for forecast in &gathered.forecasts { (limit(forecast)) } }
                }))
            }
        }
    }
}

fn limit(forecast: &Forecast) -> Markup {
    let (name, is_least) = (forecast.of.name, forecast.of.bound == Bound::Least);
    let is_bytes = name.ends_with("_bytes") || name == "read_speed";
    let figure = |value: f64| match (is_bytes, value.fract() == 0.0 && value.abs() < 1e15) {
        (true, _) => size(value),
        (false, true) => format!("{value:.0}"),
        (false, false) => format!("{value:.2}"),
    };
    let share =
        forecast.value.filter(|_| forecast.limit > 0.0 && !is_least).map(|value| 100.0 * value / forecast.limit);
    html! {
        tr {
            th scope="row" { (name.replace('_', " ")) @if is_least { " (at least)" } }
            td.number { (figure(forecast.limit)) }
            td.number { @match forecast.value { Some(value) => (figure(value)), None => "-" } }
            td { @match share { Some(share) => { (format!("{share:.0} %")) } None => "-" } }
            td.number { @match forecast.per_day { Some(per_day) => (figure(per_day)), None => "-" } }
            td {
                @if forecast.is_reached { span.bad { "reached" } }
                @else { @match forecast.reached_date() { Some(date) => (date.get(..10).unwrap_or(&date)), None => "-" } }
            }
            td.long { (forecast.told.as_deref().map_or_else(|| "-".to_owned(), printable)) }
        }
    }
}

fn events(gathered: &Gathered) -> Markup {
    let events = &gathered.events;
    html! {
        section aria-labelledby="events" {
            h2 id="events" { "Events" }
            @if events.is_empty() {
                p { "None is known. They are in the local state: " code { "--local" } " adds them." }
            } @else {
                @if events.len() > EVENTS_MAX { p { "The newest " (EVENTS_MAX) " of " (grouped(events.len() as u64)) "." } }
                (table("Events", &html! {
                    (head(&[("Number", true), ("Date", false), ("Level", false), ("Kind", false), ("About", false)]))
                    tbody { @for event in events.iter().rev().take(EVENTS_MAX) { (event_row(event)) } }
                }))
            }
        }
    }
}

fn event_row(event: &Event) -> Markup {
    let look = match event.level.as_str() {
        "failure" => "bad",
        "warning" => "warn",
        _ => "plain",
    };
    html! {
        tr {
            th.number scope="row" { (grouped(event.number)) }
            td { (printable(&event.date)) }
            td { span class=(look) { (printable(&event.level)) } }
            td { (printable(&event.kind.replace('_', " "))) }
            td.long { (shown(&event.about)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown = [0, 12, 123, 1234, 123_456, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "12", "123", "1,234", "123,456", "1,234,567"]);
    }
}
