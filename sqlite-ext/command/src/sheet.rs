//! `lifeboat sheet`: the recovery sheet, a page to print. It holds the key, and nothing else that is printed does.
//!
//! The recovery page prints the same sheet: its text and its style belong to it.

use crate::arguments::Sheet;
use crate::fail::{Fail, Kind};
use crate::page::{document, now};
use crate::run::{places, wrote};
use crate::session::Session;
use crate::words::printable;
use crate::{keys, stop};
use lifeboat_core::AccessKey;
use lifeboat_core::keys::DomainId;
use lifeboat_store::read::{CopyStore, DomainReport, Domains, ReadingKey, Wait, domains};
use lifeboat_store::{CopyName, Place, Places};
use maud::{Markup, PreEscaped, html};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use std::path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The text of the sheet. `[[…]]` stands for what is put in.
const TEXT: &str = include_str!("../../../wasm-component/page/sheet.html");
const STYLE: &str =
    concat!("body { margin: 0; background: #fff; }\n", include_str!("../../../wasm-component/page/style/sheet.css"));
/// More domains would not fit on one page.
const DOMAINS_MAX: usize = 5;

/// A domain on the sheet.
struct Line {
    /// None: nobody said its name.
    name: Option<String>,
    id: DomainId,
    verify_key: String,
    /// None: the stores do not hold it, or were not asked.
    saves: Option<u64>,
}

/// Writes the sheet.
///
/// # Errors
/// Misuse for a key that opens nothing, for a text that is not the name of a store, and when there is something at the path; wrong key
/// when the stores hold series of other keys alone; host when it cannot be written.
pub fn run(sheet: &Sheet, json: bool) -> Result<(), Fail> {
    let key = sheet.key.opened()?;
    // What a signal interrupts is the wait for stores.
    let _session = Session::open(None, "asking the stores")?;
    let places = (!sheet.stores.is_empty()).then(|| places(&sheet.stores)).transpose()?;
    let found = places.as_ref().map(|places| asked(places, &key)).transpose()?;
    if found.as_ref().is_some_and(|found| found.own.is_empty() && found.foreign > 0) {
        return Err(Fail::new(
            Kind::WrongKey,
            "the stores hold only series of other keys: on this sheet, they would be no help; look for the right key",
        ));
    }
    let lines = lines(&key, &sheet.domains, found.as_ref())?;
    let names = places.as_ref().map(names).unwrap_or_default();
    let page = Zeroizing::new(page(&key, &lines, &names)?);
    keys::write_new(&sheet.out, &page)?;
    let nameless = lines.iter().filter(|line| line.name.is_none()).count();
    let mut advice = "it holds the key: print it, keep it secret, and delete the file".to_owned();
    if let Some(found) = &found {
        for (copy, name) in names.iter().enumerate() {
            if found.failed.iter().any(|(failed, _)| *failed == copy) {
                advice += &format!(" ({name} did not answer)");
            } else if !found.own.iter().any(|series| series.copies.contains(&copy)) {
                // A mistyped path is a store without anything.
                advice += &format!(" ({name} holds nothing of this key: is the name right?)");
            }
        }
    }
    if nameless > 0 && key.own_domain().is_none() {
        advice += &format!(" ({nameless} of the domains have no name there: give --domain NAME)");
    }
    wrote(&sheet.out, "recovery sheet", &advice, json)
}

/// The names of the stores, as they are understood away from here: with whole paths.
fn names(places: &Places) -> Vec<String> {
    let whole = |(place, name): (&Place, CopyName)| match place {
        Place::Dir(path) => {
            let store = path::absolute(path).map_or(name.store, |path| format!("dir:{}", path.display()));
            CopyName { store, ..name }.to_string()
        }
        Place::Volume(_) | Place::S3(_) => name.to_string(),
    };
    places.places().iter().zip(places.names()).map(whole).collect()
}

/// What the stores hold of the key.
fn asked(places: &Places, key: &AccessKey) -> Result<Domains, Fail> {
    let open = |(place, name): (&Place, _)| place.open().map(|store| CopyStore { name, store: Arc::from(store) });
    let copies: Result<Vec<_>, _> = places.places().iter().zip(places.names()).map(open).collect();
    let copies = copies.map_err(|error| Fail::of_core(&error))?;
    let wait = Wait { patience: Wait::PATIENCE, interrupted: &stop::is_asked };
    domains(&copies, &ReadingKey::Access(key.clone()), &wait).map_err(|error| Fail::of_core(&error))
}

/// The domains: those that were named, and those that the stores hold.
fn lines(key: &AccessKey, names: &[String], found: Option<&Domains>) -> Result<Vec<Line>, Fail> {
    let failed = |error: lifeboat_core::Error| Fail::of_core(&error);
    let own: &[DomainReport] = found.map_or(&[], |found| &found.own);
    let line = |name: Option<&str>, id: DomainId| {
        let saves = own.iter().find(|series| series.domain_id == id).map(|series| series.newest);
        let verify_key = key.keys(id)?.verify_key().to_string();
        Ok(Line { name: name.map(str::to_owned), id, verify_key, saves })
    };
    let mut lines = Vec::new();
    match key {
        AccessKey::Recovery(recovery) => {
            for name in names {
                lines.push(recovery.domain_id(name).and_then(|id| line(Some(name), id)).map_err(failed)?);
            }
            let default = recovery.domain_id("default").and_then(|id| line(Some("default"), id)).map_err(failed)?;
            // Where nobody says a name and no store knows one, it is that of a database without a name of its own.
            let is_known = lines.iter().any(|line| line.id == default.id);
            if !is_known && (default.saves.is_some() || (lines.is_empty() && own.is_empty())) {
                lines.push(default);
            }
        }
        _ => match (key.own_domain(), names) {
            (Some(id), [] | [_]) => lines.push(line(names.first().map(String::as_str), id).map_err(failed)?),
            _ => return Err(Fail::misuse("this key is of one domain; give --domain once at most")),
        },
    }
    for series in own {
        if lines.iter().all(|line| line.id != series.domain_id) {
            lines.push(line(None, series.domain_id).map_err(failed)?);
        }
    }
    Ok(lines)
}

/// The sheet as a page.
fn page(key: &AccessKey, lines: &[Line], stores: &[String]) -> Result<String, Fail> {
    let text = match key {
        AccessKey::Recovery(key) => key.to_text(),
        AccessKey::Write(key) => key.to_text(),
        AccessKey::Read(key) => key.to_text(),
    };
    let today = now();
    let mut body = TEXT.to_owned();
    for (mark, value) in [
        ("date", html! { (today.get(..10).unwrap_or(&today)) }),
        ("version", html! { (env!("CARGO_PKG_VERSION")) }),
        ("kind", html! { (key.kind_name()) }),
        ("length", html! { (text.len()) }),
        ("domains", domains_shown(lines)),
        ("stores", html! { @for store in stores { li { code { (printable(store)) } } } }),
        ("key", html! { (&*grouped(&text)) }),
        ("qr", code(&text)?),
    ] {
        body = body.replace(&format!("[[{mark}]]"), &value.into_string());
    }
    let body = Zeroizing::new(body);
    let body = html! { main { (PreEscaped(&*body)) } };
    Ok(document("lifeboat sheet", "Lifeboat recovery sheet", STYLE, &body))
}

fn domains_shown(lines: &[Line]) -> Markup {
    html! {
        @for line in lines.iter().take(DOMAINS_MAX) {
            li {
                @match &line.name {
                    Some(name) => strong { (printable(name)) },
                    None => { "the domain with the id " code { (line.id.to_string()) } },
                }
                @if let Some(saves) = line.saves { " (save " (saves) ")" }
                ": " code { (line.verify_key) }
            }
        }
        @if lines.len() > DOMAINS_MAX { li { "and " (lines.len() - DOMAINS_MAX) " more" } }
    }
}

/// The key as a person reads and types it: its beginning, then lines of five groups.
fn grouped(key: &str) -> Zeroizing<String> {
    let (begin, rest) = key.split_at(key.find('1').map_or(0, |at| at + 1));
    let mut shown = Zeroizing::new(String::with_capacity(2 * key.len()));
    shown.push_str(begin);
    for (at, letter) in rest.chars().enumerate() {
        match at {
            at if at % 20 == 0 => shown.push('\n'),
            at if at % 4 == 0 => shown.push(' '),
            _ => {}
        }
        shown.push(letter);
    }
    shown
}

/// The key for a camera. A quarter of it may be lost.
fn code(key: &str) -> Result<Markup, Fail> {
    let code = QrCode::with_error_correction_level(key, EcLevel::Q);
    let code = code.map_err(|error| Fail::new(Kind::Internal, format!("the key makes no QR code: {error}")))?;
    let drawn = Zeroizing::new(code.render::<svg::Color>().module_dimensions(1, 1).build());
    // What stands before it is of a file of its own.
    let drawn = drawn.find("<svg ").map_or("", |at| &drawn[at + "<svg ".len()..]);
    Ok(PreEscaped(format!("<svg role=\"img\" aria-label=\"The key as a QR code\" {drawn}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_grouped_and_the_same() {
        let key = format!("lifeboatkey1{}", "qpzr".repeat(14) + "y9");
        let shown = grouped(&key);
        assert_eq!(shown.split_whitespace().collect::<String>(), key);
        assert_eq!(shown.lines().map(|line| line.split(' ').count()).collect::<Vec<_>>(), [1, 5, 5, 5]);
    }

    #[test]
    fn nothing_stays_to_be_put_in() {
        let key = AccessKey::from(lifeboat_core::RecoveryKey::from_bytes(std::array::from_fn(|at| at as u8)).unwrap());
        let lines = lines(&key, &["<b>".to_owned()], None).unwrap();
        let page = page(&key, &lines, &["dir:/a&b".to_owned()]).unwrap();
        assert!(!page.contains("[[") && page.contains("&lt;b&gt;") && page.contains("dir:/a&amp;b"), "{page}");
        assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    }
}
