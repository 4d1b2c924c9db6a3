//! Which state of a series is meant. It follows the name of a store.

use super::date;
use lifeboat_core::{Error, Result, StateId};

/// Which state of a series is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// The newest state.
    #[default]
    Newest,
    /// The state of the record with this number: `#seq=N`.
    Number(u64),
    /// The state with this id: `#state=HEX`, 64 digits.
    State(StateId),
    /// The last state that was saved at this time or before: `#at=DATE`. In seconds since 1970, UTC. A date without a
    /// time means the end of that day in UTC.
    At(i64),
}

/// Splits off the selector after the name of the store. If no selector follows a `#`, the `#` belongs to the path of a
/// directory.
pub(crate) fn split(text: &str) -> Result<(&str, Option<Selector>)> {
    let Some((name, selector)) = text.rsplit_once('#') else { return Ok((text, None)) };
    let word = selector.split('=').next().unwrap_or_default();
    if !selector.contains('=') || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok((text, None));
    }
    if name.contains("#seq=") || name.contains("#state=") || name.contains("#at=") {
        return Err(Error::misuse("there are two selectors behind the store; give one"));
    }
    Ok((name, Some(parse(selector)?)))
}

fn parse(text: &str) -> Result<Selector> {
    let (word, value) = text.split_once('=').unwrap_or((text, ""));
    let refused = |what: &str| Error::misuse(format!("'#{}': {what}", text.escape_debug()));
    match word {
        "seq" => {
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let number = value.parse().ok().filter(|_| is_number);
            number.map(Selector::Number).ok_or_else(|| refused("the number of a record is a decimal number"))
        }
        "state" => value.parse().map(Selector::State).map_err(|_| refused("a state id has 64 hexadecimal digits")),
        "at" => date::parse(value).map(Selector::At).ok_or_else(|| {
            refused("write a date as 2026-11-29, or with a time and its zone as 2026-11-29T12:30:00Z or …+01:00")
        }),
        _ => Err(Error::misuse(format!("there is no selector '#{word}='; known are #seq=N, #state=HEX and #at=DATE"))),
    }
}
