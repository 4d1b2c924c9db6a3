//! The pictures of a report, as SVG. Their colours are those of the page's style, which changes them in the dark.

use super::forecast::Forecast;
use super::gathered::{Gathered, Save};
use lifeboat_store::date_text;
use plotters::coord::Shift;
use plotters::coord::combinators::WithKeyPoints;
use plotters::coord::types::RangedCoordi64;
use plotters::prelude::*;
use std::io;
use std::ops::Range;

type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const DAY: i64 = 86_400;
// The style names the same colours.
const SOFT: RGBColor = RGBColor(0x4c, 0x5b, 0x68);
const LINE: RGBColor = RGBColor(0xd3, 0xdb, 0xe1);
const ACT: RGBColor = RGBColor(0x0d, 0x58, 0x75);
const BUOY: RGBColor = RGBColor(0xc9, 0x48, 0x04);
const BAD: RGBColor = RGBColor(0x9b, 0x1c, 0x16);

/// One picture, in two shapes: for a screen or paper, and for a telephone.
pub struct Picture {
    /// What it shows, in words.
    pub text: String,
    pub wide: String,
    pub narrow: String,
}

/// The shape of a picture.
#[derive(Clone, Copy)]
pub struct Shape {
    pub size: (u32, u32),
    marks: usize,
    left: u32,
}

pub const WIDE: Shape = Shape { size: (720, 260), marks: 6, left: 76 };
pub const NARROW: Shape = Shape { size: (360, 240), marks: 2, left: 70 };

impl Picture {
    fn draw(text: String, paint: impl Fn(&Area<'_>, Shape) -> Drawn) -> Option<Self> {
        Some(Self { text, wide: svg(WIDE, &paint)?, narrow: svg(NARROW, &paint)? })
    }
}

/// What stands between `<svg …>` and its end.
fn svg(shape: Shape, paint: &impl Fn(&Area<'_>, Shape) -> Drawn) -> Option<String> {
    let mut drawn = String::new();
    let area = SVGBackend::with_string(&mut drawn, shape.size).into_drawing_area();
    paint(&area, shape).and_then(|()| area.present()).ok()?;
    drop(area);
    let (_, inside) = drawn.split_once('>')?;
    inside.trim_end().strip_suffix("</svg>").map(str::to_owned)
}

/// The axis from left to right: dates, or numbers of saves where dates are not known.
struct Across {
    range: Range<i64>,
    has_dates: bool,
}

impl Across {
    /// None: nothing is there to show.
    fn of(saves: &[Save]) -> Option<(Self, Vec<i64>)> {
        let dates: Option<Vec<i64>> = saves.iter().map(|save| save.date).collect();
        let has_dates = dates.is_some();
        let places = dates.unwrap_or_else(|| saves.iter().map(|save| save.number as i64).collect());
        let (first, last) = (*places.iter().min()?, *places.iter().max()?);
        let beside = if has_dates { DAY / 2 } else { 1 };
        let range = if first == last { first - beside..last + beside } else { first..last };
        Some((Self { range, has_dates }, places))
    }

    fn length(&self) -> i64 {
        self.range.end - self.range.start
    }

    /// Where it is marked: at the beginnings of days or of hours, or at whole numbers.
    fn marks(&self, most: usize) -> WithKeyPoints<RangedCoordi64> {
        let most = most as i64;
        let steps: &[i64] = match self.has_dates {
            true => {
                &[3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY]
            }
            false => &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
        };
        let fits = |step: &&i64| self.length() / **step <= most;
        let step = steps.iter().find(fits).copied().unwrap_or((self.length() / most).max(1));
        let first = self.range.start.div_euclid(step) * step;
        let marks = (0..=most + 2).map(|count| first + count * step).filter(|mark| self.range.contains(mark));
        self.range.clone().with_key_points(marks.collect())
    }

    fn label(&self, place: i64) -> String {
        if !self.has_dates {
            return place.to_string();
        }
        let date = date_text(place.saturating_mul(1000));
        let is_short = self.length() < 4 * DAY;
        if is_short { format!("{} {}", &date[5..10], &date[11..16]) } else { date[..10].to_owned() }
    }

    /// From when to when, or from which save to which.
    fn span(&self, saves: &[Save]) -> String {
        let ends = (saves.first(), saves.last());
        let (Some(first), Some(last)) = ends else { return String::new() };
        match (self.has_dates, &first.date_text, &last.date_text) {
            (true, Some(from), Some(to)) => format!("from {} to {}", day(from), day(to)),
            _ => format!("from save {} to save {}", first.number, last.number),
        }
    }
}

fn day(date: &str) -> &str {
    date.get(..10).unwrap_or(date)
}

/// `1.5 MB`.
pub fn size(bytes: f64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let mut scaled = bytes;
    let mut unit = 0;
    while scaled.abs() >= 999.5 && unit + 1 < units.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    let digits = if unit == 0 || scaled.abs() >= 99.95 || (scaled - scaled.round()).abs() < 0.05 { 0 } else { 1 };
    format!("{scaled:.digits$} {}", units[unit])
}

macro_rules! chart {
    ($area:expr, $shape:expr, $across:expr, $up:expr, $label:expr) => {{
        let mut builder = ChartBuilder::on($area);
        builder.margin(10).margin_right(24).x_label_area_size(30).y_label_area_size($shape.left);
        let mut chart = builder.build_cartesian_2d($across.marks($shape.marks), $up)?;
        let font = ("sans-serif", 15).into_font().color(&SOFT);
        let across = |place: &i64| $across.label(*place);
        let mut mesh = chart.configure_mesh();
        mesh.disable_x_mesh().bold_line_style(LINE).light_line_style(TRANSPARENT).axis_style(SOFT);
        mesh.y_labels(5).x_label_style(font.clone()).y_label_style(font);
        mesh.x_label_formatter(&across).y_label_formatter(&$label).draw()?;
        chart
    }};
}

/// How many saves there were in each day, or in longer periods. None without dates.
pub fn saves_over_time(saves: &[Save]) -> Option<Picture> {
    let (across, places) = Across::of(saves).filter(|(across, _)| across.has_dates)?;
    let (days, name) = match across.length() / DAY {
        0..=60 => (1, "each day"),
        61..=420 => (7, "each 7 days"),
        _ => (30, "each 30 days"),
    };
    let period = days * DAY;
    let first = across.range.start.div_euclid(DAY) * DAY;
    let count = (across.range.end - first) / period + 1;
    let mut counts = vec![0u32; usize::try_from(count).ok()?];
    for place in places {
        *counts.get_mut(usize::try_from((place - first) / period).ok()?)? += 1;
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let text =
        format!("Bars: saves in {name}, {}. {} in all; the highest bar is {most}.", across.span(saves), saves.len());
    let across = Across { range: first..first + count * period, has_dates: true };
    Picture::draw(text, |area, shape| {
        let top = f64::from(most) * 1.1;
        // No part of a save is marked.
        let label = |count: &f64| if count.fract() == 0.0 { format!("{count}") } else { String::new() };
        let mut chart = chart!(area, shape, across, 0.0..top, label);
        let gap = period / 8;
        let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(at, count)| {
            let from = first + at as i64 * period;
            Rectangle::new([(from + gap, 0.0), (from + period - gap, f64::from(*count))], ACT.filled())
        });
        chart.draw_series(bars).map(drop)
    })
}

/// The bytes of all bundles, as they grew, with the limit and how they go on.
pub fn bytes_over_time(gathered: &Gathered) -> Option<Picture> {
    let saves = &gathered.saves;
    let (mut across, places) = Across::of(saves)?;
    let sums = gathered.sums();
    let last = (*places.last()?, *sums.last()? as f64);
    let span = across.span(saves);
    let is_bytes = |forecast: &&Forecast| forecast.of.name == "series_bytes";
    let forecast = gathered.forecasts.iter().find(is_bytes).filter(|_| across.has_dates);
    // A limit that is far away would press the line flat.
    let limit = forecast.map(|forecast| forecast.limit).filter(|limit| *limit <= 4.0 * last.1.max(1.0));
    let ahead = (across.length() / 2).max(7 * DAY);
    let goes_on = forecast.and_then(|forecast| forecast.per_day).map(|per_day| {
        let until = last.0 + ahead;
        (until, (last.1 + per_day * ahead as f64 / DAY as f64).max(0.0))
    });
    if let Some((until, _)) = goes_on {
        across.range.end = until;
    }
    let top = [Some(last.1), limit, goes_on.map(|(_, sum)| sum)].into_iter().flatten().fold(1.0, f64::max) * 1.1;
    let mut text = format!("Line: the bytes of all bundles that are listed, {span}. They are {} now.", size(last.1));
    if let Some(limit) = limit {
        text += &format!(" The limit, {}, is drawn across.", size(limit));
    }
    if let Some((until, sum)) = goes_on {
        text += &format!(
            " The dotted line goes on as before, to {} on {}.",
            size(sum),
            day(&date_text(until.saturating_mul(1000)))
        );
    }
    Picture::draw(text, |area, shape| {
        let label = |bytes: &f64| size(*bytes);
        let mut chart = chart!(area, shape, across, 0.0..top, label);
        // A save adds its bytes at once.
        let mut steps = vec![(places[0], 0.0)];
        for (place, sum) in places.iter().zip(&sums) {
            steps.push((*place, steps[steps.len() - 1].1));
            steps.push((*place, *sum as f64));
        }
        steps.push((last.0.max(*places.iter().max().unwrap_or(&last.0)), last.1));
        chart.draw_series(AreaSeries::new(steps.clone(), 0.0, ACT.mix(0.15)))?;
        chart.draw_series(LineSeries::new(steps, ACT.stroke_width(2)))?;
        if let Some(on) = goes_on {
            chart.draw_series(DashedLineSeries::new([last, on], 4, 4, ACT.stroke_width(2)))?;
        }
        if let Some(limit) = limit {
            let ends = [(across.range.start, limit), (across.range.end, limit)];
            chart.draw_series(LineSeries::new(ends, BAD.stroke_width(2)))?;
        }
        Ok(())
    })
}

/// The size of each bundle: full ones as squares, deltas as circles.
pub fn sizes(saves: &[Save]) -> Option<Picture> {
    let (across, places) = Across::of(saves)?;
    let bundles: Vec<(i64, f64, bool)> = (places.iter().zip(saves))
        .filter_map(|(place, save)| Some((*place, save.bytes? as f64, save.kind == "full")))
        .collect();
    let least = bundles.iter().map(|bundle| bundle.1).reduce(f64::min)?.max(1.0);
    let most = bundles.iter().map(|bundle| bundle.1).reduce(f64::max)?.max(1.0);
    let full = bundles.iter().filter(|bundle| bundle.2).count();
    let text = format!(
        "Points: the size of each bundle, {}. {full} full ones, squares, and {} deltas, circles; from {} to {}. Each step up is \
         ten times as much.",
        across.span(saves),
        bundles.len() - full,
        size(least),
        size(most)
    );
    let up = 10f64.powf(least.log10().floor())..10f64.powf(most.log10().floor() + 1.0);
    Picture::draw(text, |area, shape| {
        let label = |bytes: &f64| size(*bytes);
        let mut chart = chart!(area, shape, across, up.clone().log_scale(), label);
        for (place, bytes, is_full) in &bundles {
            let at = EmptyElement::at((*place, *bytes));
            match is_full {
                true => chart.draw_series([at + Rectangle::new([(-5, -5), (5, 5)], BUOY.filled())])?,
                false => chart.draw_series([at + Circle::new((0, 0), 4, ACT.filled())])?,
            };
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, said) in [
            (0.0, "0 bytes"),
            (999.0, "999 bytes"),
            (1000.0, "1 kB"),
            (1_540.0, "1.5 kB"),
            (2.5e9, "2.5 GB"),
            (1.5e11, "150 GB"),
        ] {
            assert_eq!(size(bytes), said);
        }
    }
}
