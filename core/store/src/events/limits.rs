//! Figures against their limits.

use super::kind::{Kind, Level};
use super::settings::{Limit, Measure, Settings, Subject as Belongs};
use super::state::{Notes, Subject, about};
use crate::date_of;
use serde_json::json;

/// How far behind the warning window a forecast must be before the warning ends: else a small change would end it.
const APART: f64 = 1.2;

impl Notes<'_> {
    /// Notes a figure, and tells if it is near its limit, or has reached it.
    pub(crate) fn measure(&mut self, settings: &Settings, name: &str, subject: &Subject, value: f64) {
        let now = self.now;
        let in_seconds = {
            let figure = self.state.figures.note(name, subject, now, value);
            let limit = settings.limits.given().find(|(measure, _)| measure.name == name);
            limit.map(|(measure, limit)| (measure, limit, figure.reaches(limit.value), figure.slope()))
        };
        let Some((measure, limit, reaches, slope)) = in_seconds else { return };
        let id = Subject { store: subject.store.clone(), of: name.to_owned() };
        let is_reached = measure.is_reached(value, limit.value);
        if measure.subject == Belongs::Machine {
            self.judge_machine(&measure, &limit, value, is_reached);
            return;
        }
        let mut said = about([("limit", json!(name)), ("value", json!(value)), ("at", json!(limit.value))]);
        if !subject.store.is_empty() {
            said.insert("store".into(), json!(subject.store));
        }
        if is_reached {
            self.drop(Kind::LimitImminent, &id);
            self.begin(Kind::LimitReached, Level::Failure, &id, said);
            return;
        }
        self.end(Kind::LimitReached, &id);
        let window = settings.window_of(&limit) as f64;
        match reaches {
            Some(seconds) if seconds <= window => {
                // A forecast that is centuries away never comes here.
                let when = now.saturating_add(seconds as u64);
                said.insert("reached_at".into(), json!(date_of(when)));
                said.insert("per_day".into(), json!(slope.unwrap_or(0.0) * 86_400.0));
                self.begin(Kind::LimitImminent, Level::Warning, &id, said);
            }
            Some(seconds) if seconds <= window * APART => {}
            _ => self.end(Kind::LimitImminent, &id),
        }
    }

    fn judge_machine(&mut self, measure: &Measure, limit: &Limit, value: f64, is_reached: bool) {
        let id = Subject::of(measure.name);
        match is_reached {
            true => {
                let said =
                    about([("figure", json!(measure.name)), ("value", json!(value)), ("at", json!(limit.value))]);
                self.begin(Kind::KeeperHealth, Level::Warning, &id, said);
            }
            false => self.end(Kind::KeeperHealth, &id),
        }
    }

    /// Notes how much a figure has grown, if it is known at all.
    pub(crate) fn grow(&mut self, settings: &Settings, name: &str, subject: &Subject, by: f64, is_first: bool) {
        let before = self.state.figures.last(name, subject).or(is_first.then_some(0.0));
        if let Some(before) = before {
            self.measure(settings, name, subject, (before + by).max(0.0));
        }
    }
}
