//! Bars as an SVG file: medians, and a line from the least to the most.

use crate::section::grouped;
use crate::way::{Spread, Way};

/// One bar.
pub struct Bar {
    name: &'static str,
    value: Spread,
    label: String,
}

impl Bar {
    /// Of a name, its values, and what is written beside it.
    pub fn new(name: &'static str, value: Spread, label: String) -> Self {
        Self { name, value, label }
    }

    /// The seconds of a way.
    pub fn of_seconds(way: &Way) -> Self {
        let value = way.seconds();
        let size = if way.has_bytes() { format!(", {:.1} MB", way.bytes() / 1e6) } else { String::new() };
        Self::new(way.name, value, format!("{:.2} s{size}", value.median))
    }

    /// The seconds of a way that takes few, in milliseconds.
    pub fn of_milliseconds(way: &Way) -> Self {
        let value = way.spread(|run| run.seconds * 1e3);
        let size = if way.has_bytes() { format!(", {:.1} kB", way.bytes() / 1e3) } else { String::new() };
        Self::new(way.name, value, format!("{:.1} ms{size}", value.median))
    }

    /// The bytes of a way.
    pub fn of_bytes(way: &Way) -> Self {
        let value = way.spread(|run| run.bytes as f64);
        Self::new(way.name, value, format!("{} bytes", grouped(value.median as u64)))
    }
}

/// How wide are names, the longest bar, and what stands beside it.
const WIDTHS: [f64; 3] = [300.0, 380.0, 180.0];
const ROW: f64 = 28.0;

/// The picture. `is_log`: each power of ten is as long as the next.
pub fn svg(title: &str, bars: &[Bar], is_log: bool) -> String {
    let [names, longest, labels] = WIDTHS;
    let (width, height) = (names + longest + labels, ROW * (bars.len() as f64 + 1.5));
    let most = bars.iter().map(|bar| bar.value.most).fold(f64::MIN_POSITIVE, f64::max);
    let length = |value: f64| if is_log { value.max(1.0).ln() / most.ln() } else { value / most } * longest;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{names}\" y=\"18\" font-weight=\"bold\">{}</text>\n",
        escaped(title)
    );
    for (n, bar) in bars.iter().enumerate() {
        let top = ROW * (n as f64 + 1.0);
        let (middle, text) = (top + ROW / 2.0, top + ROW / 2.0 + 4.5);
        let fill = if bar.name.contains("Lifeboat") { "#2364aa" } else { "#b8bec6" };
        let [median, least, most] = [bar.value.median, bar.value.least, bar.value.most].map(length);
        svg += &format!(
            "<text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{names}\" y=\"{:.1}\" width=\"{median:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>\n\
             <path d=\"M{:.1} {middle:.1}H{:.1}\" stroke=\"#222\" stroke-width=\"1.5\"/>\n\
             <text x=\"{:.1}\" y=\"{text:.1}\">{}</text>\n",
            names - 8.0,
            escaped(bar.name),
            top + 5.0,
            ROW - 10.0,
            names + least,
            names + most,
            names + most + 8.0,
            escaped(&bar.label),
        );
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_as_long_as_there_is_room() {
        let bar = |name, value: f64| Bar::new(name, Spread::of(vec![value]), "<label>".into());
        let svg = svg("seconds", &[bar("Lifeboat", 1.0), bar("a & b", 4.0)], false);
        assert!(svg.contains("width=\"95.0\"") && svg.contains("width=\"380.0\""), "{svg}");
        assert!(svg.contains("a &amp; b") && svg.contains("&lt;label&gt;"), "{svg}");
    }
}
