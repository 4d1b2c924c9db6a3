//! Figures over time, and where they will be. At most one point a day is kept, for 30 days.

use super::state::Subject;
use serde::{Deserialize, Serialize};

const DAY: u64 = 86_400;
/// How far back the forecast looks.
const BACK: u64 = 30 * DAY;
/// The shortest time between two points. A job that runs each day at one time is sometimes a little early.
const APART: u64 = DAY * 9 / 10;
/// A forecast needs points over this time.
const NEEDED: u64 = 2 * DAY;
/// The most figures that are kept.
const FIGURES_MAX: usize = 100;

/// All figures of one place.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Figures(Vec<Figure>);

/// One figure.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Figure {
    name: String,
    subject: Subject,
    /// Time and value, the oldest first.
    points: Vec<(u64, f64)>,
    last: (u64, f64),
}

impl Figures {
    /// The last value.
    pub(super) fn last(&self, name: &str, subject: &Subject) -> Option<f64> {
        self.0.iter().find(|figure| figure.is(name, subject)).map(|figure| figure.last.1)
    }

    /// Notes a value, and gives the figure.
    pub(super) fn note(&mut self, name: &str, subject: &Subject, now: u64, value: f64) -> &Figure {
        let mut figure = match self.0.iter().position(|figure| figure.is(name, subject)) {
            Some(place) => self.0.remove(place),
            None => Figure { name: name.to_owned(), subject: subject.clone(), points: Vec::new(), last: (now, value) },
        };
        if self.0.len() >= FIGURES_MAX {
            // The first one was not noted for the longest time.
            self.0.remove(0);
        }
        figure.add(now, value);
        self.0.push(figure);
        self.0.last().expect("one was pushed")
    }
}

impl Figure {
    fn is(&self, name: &str, subject: &Subject) -> bool {
        self.name == name && self.subject == *subject
    }

    fn add(&mut self, now: u64, value: f64) {
        // Points of the future come from a clock that was wrong.
        self.points.retain(|(time, _)| *time <= now && now - time <= BACK);
        if self.points.last().is_none_or(|(time, _)| now - time >= APART) {
            self.points.push((now, value));
        }
        self.last = (now, value);
    }

    /// How much it grows in a second: the middle one of the slopes between any two points, which a jump does not
    /// change much. None: too little is known.
    pub(super) fn slope(&self) -> Option<f64> {
        let mut points = self.points.clone();
        if points.last().is_some_and(|(time, _)| *time < self.last.0) {
            points.push(self.last);
        }
        let (first, last) = (points.first()?, points.last()?);
        if points.len() < 3 || last.0 - first.0 < NEEDED {
            return None;
        }
        let pairs =
            points.iter().enumerate().flat_map(|(at, one)| points[at + 1..].iter().map(move |other| (one, other)));
        let mut slopes: Vec<_> = pairs.map(|(one, other)| (other.1 - one.1) / (other.0 - one.0) as f64).collect();
        slopes.sort_by(f64::total_cmp);
        slopes.get(slopes.len() / 2).copied()
    }

    /// In how many seconds it is at this value, if it goes on as it did. None: never, or too little is known.
    pub(super) fn reaches(&self, value: f64) -> Option<f64> {
        let slope = self.slope()?;
        let seconds = (value - self.last.1) / slope;
        (slope != 0.0 && seconds.is_finite() && seconds >= 0.0).then_some(seconds)
    }
}

/// How much a figure with these values grows in a second: each with its time in seconds, the oldest first. It is the rule of
/// the forecasts in events. None: too little is known.
pub fn growth(values: impl IntoIterator<Item = (u64, f64)>) -> Option<f64> {
    let mut figures = Figures::default();
    for (time, value) in values {
        figures.note("", &Subject::default(), time, value);
    }
    figures.0.first()?.slope()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_of_linear_growth_is_right() {
        let (mut figures, subject) = (Figures::default(), Subject::of("x"));
        let mut random = 7_u64;
        // 1 GB and 10 MB a day more, seen at any time of the day, and up to 0.5 MB beside that.
        for day in 0..60 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let now = day * DAY + (random >> 33) % DAY;
            let noise = ((random >> 40) % 1_000_000) as f64 - 5e5;
            let figure = figures.note("x", &subject, now, 1e9 + 1e7 * now as f64 / DAY as f64 + noise);
            assert!(figure.points.len() <= 34, "{}", figure.points.len());
            let Some(days) = figure.reaches(2e9).map(|seconds| seconds / DAY as f64) else {
                assert!(day < 4, "{day}");
                continue;
            };
            let right = 100.0 - now as f64 / DAY as f64;
            assert!(day < 10 || (days - right).abs() < right * 0.1, "day {day}: {days}, and not {right}");
        }
        // What falls is forecast as well, and what does not move is not.
        for day in 100..140 {
            figures.note("free", &subject, day * DAY, 1e9 - 1e6 * (day - 100) as f64);
            figures.note("same", &subject, day * DAY, 5.0);
        }
        let free = figures.note("free", &subject, 140 * DAY, 1e9 - 4e7);
        assert!((free.reaches(0.0).unwrap() / DAY as f64 - 960.0).abs() < 1.0, "{:?}", free.reaches(0.0));
        assert_eq!(free.reaches(2e9), None);
        assert_eq!(figures.note("same", &subject, 140 * DAY, 5.0).reaches(6.0), None);
    }

    #[test]
    fn one_jump_does_not_change_a_forecast() {
        let (mut figures, subject) = (Figures::default(), Subject::of("x"));
        let value = |day: u64| 1e9 + 1e7 * day as f64 - if day > 20 { 5e8 } else { 0.0 };
        (0..30).for_each(|day| drop(figures.note("x", &subject, day * DAY, value(day)).clone()));
        let days = figures.note("x", &subject, 30 * DAY, value(30)).reaches(1e9).unwrap() / DAY as f64;
        assert!((days - 20.0).abs() < 2.0, "{days}");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut figures = Figures::default();
        for number in 0..1000_u64 {
            figures.note("x", &Subject::of(&number.to_string()), number, 1.0);
            figures.note("seen often", &Subject::default(), number * 60, number as f64);
        }
        assert_eq!(figures.0.len(), FIGURES_MAX);
        assert_eq!(figures.last("seen often", &Subject::default()), Some(999.0));
        let figure = figures.note("seen often", &Subject::default(), 5, 1.0).clone();
        assert_eq!((figure.points.len(), figure.slope()), (1, None), "the clock was set back");
    }
}
