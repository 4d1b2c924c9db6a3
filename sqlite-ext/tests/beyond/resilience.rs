//! The tables of `manual/resilience.md`: each cell is what the closed form says, and what a simulation of years finds.

use crate::evidence;
use crate::random::Random;

const PAGE: &str = include_str!("../../manual/resilience.md");

/// How often copies are checked and healed, in a year.
const CHECKS: [(&str, f64); 4] = [("year", 1.0), ("month", 12.0), ("week", 52.0), ("day", 365.0)];
/// How many years are simulated for each cell.
const YEARS: u32 = 60_000;
/// How many are simulated without any trick.
const PLAIN: u32 = 4_000;

/// One cell of a table.
#[derive(Clone, Copy, Debug)]
struct Cell {
    copies: u32,
    /// The chance that one copy is lost within a year.
    loss: f64,
    /// In a year.
    checks: f64,
    /// It counts when fewer than so many copies are left.
    needed: u32,
}

impl Cell {
    /// The chance that it happens within a year, in closed form.
    fn chance(self) -> f64 {
        // One copy, between two checks.
        let lost = -f64::exp_m1(f64::ln_1p(-self.loss) / self.checks);
        let term = |gone: u32| {
            let ways: f64 = (0..gone).map(|i| f64::from(self.copies - i) / f64::from(i + 1)).product();
            ways * lost.powi(gone.cast_signed()) * (1.0 - lost).powi((self.copies - gone).cast_signed())
        };
        let between: f64 = (self.copies - self.needed + 1..=self.copies).map(term).sum();
        -f64::exp_m1(self.checks * f64::ln_1p(-between))
    }

    /// The same, from simulated years, and the standard error of it.
    ///
    /// What is rare is made frequent, and counted for less: the first loss always comes within the year, and each further one
    /// comes before the next check with a chance of one half (forcing and failure biasing).
    fn simulated(self, seed: u64) -> (f64, f64) {
        let rate = -f64::ln_1p(-self.loss);
        let mut random = Random::new(seed);
        let mut uniform = move || (random.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..YEARS {
            let weight = self.year(rate, &mut uniform);
            sum += weight;
            squares += weight * weight;
        }
        let (years, mean) = (f64::from(YEARS), sum / f64::from(YEARS));
        (mean, ((squares / years - mean * mean).max(0.0) / years).sqrt())
    }

    /// One year. What it counts for: 0 if it does not happen.
    fn year(self, rate: f64, uniform: &mut impl FnMut() -> f64) -> f64 {
        let (mut time, mut weight, mut left, mut is_first) = (0.0, 1.0, self.copies, true);
        loop {
            // The time of the next loss, before `end`, and the chance that it comes before that.
            let next = |end: f64, uniform: &mut dyn FnMut() -> f64| {
                let rate = rate * f64::from(left);
                let chance = -f64::exp_m1(-rate * (end - time));
                (time - f64::ln_1p(-uniform() * chance) / rate, chance)
            };
            if left == self.copies {
                let (at, chance) = next(1.0, uniform);
                if is_first {
                    weight *= chance;
                    is_first = false;
                } else if uniform() >= chance {
                    return 0.0;
                }
                time = at;
                left -= 1;
            } else {
                let check = ((time * self.checks).floor() + 1.0) / self.checks;
                let (at, chance) = next(check, uniform);
                if uniform() < 0.5 {
                    weight *= 2.0 * chance;
                    time = at;
                    left -= 1;
                } else {
                    // All of them are there again.
                    weight *= 2.0 * (1.0 - chance);
                    time = check;
                    left = self.copies;
                    if time >= 1.0 {
                        return 0.0;
                    }
                }
            }
            if left < self.needed {
                return weight;
            }
        }
    }

    /// The same without any trick: of so many years, in how many it happens.
    fn counted(self, seed: u64) -> u32 {
        let mut random = Random::new(seed);
        let lost = 1.0 - (1.0 - self.loss).powf(1.0 / self.checks);
        let mut is_lost = || ((random.draw() >> 11) as f64 / (1_u64 << 53) as f64) < lost;
        let mut interval = || (0..self.copies).filter(|_| is_lost()).count() as u32 > self.copies - self.needed;
        (0..PLAIN).filter(|_| (0..self.checks as u32).fold(false, |seen, _| interval() || seen)).count() as u32
    }
}

/// `1 in 8,400`, with two digits that count.
fn one_in(chance: f64) -> String {
    let years = 1.0 / chance;
    let unit = 10_f64.powf((years.log10().floor() - 1.0).max(0.0));
    let digits = format!("{:.0}", (years / unit).round() * unit);
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("1 in {text}")
}

/// The cells of the table below a heading, each with what the page says.
fn cells(heading: &str, needed: fn(u32) -> u32) -> Vec<(Cell, &'static str)> {
    let (_, table) = PAGE.split_once(heading).unwrap_or_else(|| panic!("the page has no {heading}"));
    let table = table.split("\n## ").next().unwrap();
    let mut cells = Vec::new();
    for row in table.lines().filter_map(|line| line.strip_prefix("| 1 in ")) {
        let fields: Vec<_> = row.trim_end_matches('|').split('|').map(str::trim).collect();
        let (loss, copies) = (1.0 / fields[0].parse::<f64>().unwrap(), fields[1].parse().unwrap());
        assert_eq!(fields.len(), 2 + CHECKS.len(), "{row}");
        for ((_, checks), said) in CHECKS.into_iter().zip(&fields[2..]) {
            cells.push((Cell { copies, loss, checks, needed: needed(copies) }, *said));
        }
    }
    let head: Vec<_> = CHECKS.iter().map(|(name, _)| format!("each {name}")).collect();
    assert!(table.contains(&format!("| {} |", head.join(" | "))), "{heading}");
    cells
}

fn check(heading: &str, needed: fn(u32) -> u32) -> usize {
    let cells = cells(heading, needed);
    let mut wrong = Vec::new();
    for (seed, (cell, said)) in cells.iter().enumerate() {
        let (chance, (simulated, error)) = (cell.chance(), cell.simulated(seed as u64));
        // With one copy and a loss that always comes there is nothing to draw.
        assert!(error < 0.05 * chance, "{cell:?}: the simulation says too little: {simulated} ± {error}");
        let differs = (simulated - chance).abs();
        assert!(differs <= 4.5 * error + 1e-12 * chance, "{cell:?}: {chance}, but simulated {simulated} ± {error}");
        if chance > 0.002 {
            let (counted, expected) = (f64::from(cell.counted(seed as u64)), chance * f64::from(PLAIN));
            let error = (expected * (1.0 - chance)).sqrt();
            assert!((counted - expected).abs() <= 4.5 * error, "{cell:?}: {expected} years, but counted {counted}");
        }
        if one_in(chance) != *said {
            wrong.push(format!("{cell:?}: {}, not {said}", one_in(chance)));
        }
    }
    assert!(wrong.is_empty(), "{heading} should say:\n{}", wrong.join("\n"));
    cells.len()
}

#[test]
fn copies_are_lost_as_often_as_the_page_says() {
    let cells =
        check("## All copies are lost", |_| 1) + check("## Fewer than the minimum are left", |copies| copies / 2 + 1);
    evidence::counted("chances that copies are lost", cells);
}

#[test]
fn the_pages_example_is_its_sum() {
    // Two copies, each of which is lost in 1 of 20 years, checked each week; and one fire in 500 years that takes both.
    let independent = Cell { copies: 2, loss: 0.05, checks: 52.0, needed: 1 }.chance();
    let both = independent + 1.0 / 500.0;
    let says = format!("{} becomes {}", one_in(independent), one_in(both));
    assert!(PAGE.split_whitespace().collect::<Vec<_>>().join(" ").contains(&says), "{says}");
}
