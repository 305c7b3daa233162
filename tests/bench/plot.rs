//! Line plots as SVG: axes with units, a legend, and colours for light and dark pages.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 56.0;

/// The page's colours follow the reader's; the lines' are told apart without colour by their markers.
const STYLE: &str = "
svg { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; }
.page { fill: #ffffff; } .ink { fill: #1f2328; } .faint { fill: #59636e; }
.grid { stroke: #d8dee4; } .axis { stroke: #818b98; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.s0.line { stroke: #0a58ca; } .s0.mark { fill: #0a58ca; }
.s1.line { stroke: #c2410c; } .s1.mark { fill: #c2410c; }
.s2.line { stroke: #0f7b4f; } .s2.mark { fill: #0f7b4f; }
.s3.line { stroke: #8250df; } .s3.mark { fill: #8250df; }
.s4.line { stroke: #a8327a; } .s4.mark { fill: #a8327a; }
.s0.line { stroke-width: 3; }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117; } .ink { fill: #e6edf3; } .faint { fill: #9198a1; }
.grid { stroke: #2a313c; } .axis { stroke: #656c76; }
.s0.line { stroke: #58a6ff; } .s0.mark { fill: #58a6ff; }
.s1.line { stroke: #ff9b5e; } .s1.mark { fill: #ff9b5e; }
.s2.line { stroke: #4ac38b; } .s2.mark { fill: #4ac38b; }
.s3.line { stroke: #bc8cff; } .s3.mark { fill: #bc8cff; }
.s4.line { stroke: #f778ba; } .s4.mark { fill: #f778ba; }
}
";

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Plot {
    /// One line above everything.
    pub title: String,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// At most five; ours comes first.
    pub lines: Vec<Line>,
}

/// One axis.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// What it measures, with its unit.
    pub name: &'static str,
    /// Whether equal distances are equal ratios.
    pub is_log: bool,
    /// Whether it begins at zero rather than at the least value.
    pub from_zero: bool,
}

/// One line with its points.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// What is joined, from left to right.
    pub points: Vec<(f64, f64)>,
    /// Whether each point has a marker.
    pub is_marked: bool,
}

impl Axis {
    /// An axis of equal steps, around the values.
    pub const fn linear(name: &'static str) -> Self {
        Self { name, is_log: false, from_zero: false }
    }

    /// An axis of equal steps from zero on.
    pub const fn from_zero(name: &'static str) -> Self {
        Self { name, is_log: false, from_zero: true }
    }

    /// An axis of equal ratios.
    pub const fn log(name: &'static str) -> Self {
        Self { name, is_log: true, from_zero: false }
    }
}

impl Line {
    /// A line with markers at its points.
    pub fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.to_owned(), points, is_marked: true }
    }

    /// A line of many points, without markers.
    pub fn smooth(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self { is_marked: false, ..Self::new(name, points) }
    }
}

/// Where the values of an axis lie, and where it is labelled.
#[derive(Debug)]
struct Scale {
    is_log: bool,
    least: f64,
    most: f64,
    ticks: Vec<f64>,
}

impl Scale {
    fn new(axis: Axis, values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        if axis.is_log { Self::log(least, most) } else { Self::linear(least, most, axis.from_zero) }
    }

    fn linear(least: f64, most: f64, from_zero: bool) -> Self {
        let least = if from_zero { 0.0 } else { least };
        let step = step((most - least).max(1e-9));
        let (first, last) = ((least / step).floor() as i64, (most / step - 1e-9).ceil() as i64);
        let ticks: Vec<f64> = (first..=last.max(first + 1)).map(|i| i as f64 * step).collect();
        Self { is_log: false, least: ticks[0], most: ticks[ticks.len() - 1], ticks }
    }

    fn log(least: f64, most: f64) -> Self {
        let (least, most) = (least / 1.15, most * 1.15);
        let decades = (least.log10().floor() as i32)..=(most.log10().ceil() as i32);
        let ticks = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade)));
        Self {
            is_log: true,
            least,
            most,
            ticks: ticks.filter(|tick| (least..=most).contains(tick)).collect(),
        }
    }

    /// Where a value lies, 0 to 1.
    fn at(&self, value: f64) -> f64 {
        if self.is_log {
            (value / self.least).ln() / (self.most / self.least).ln()
        } else {
            (value - self.least) / (self.most - self.least)
        }
    }
}

/// A round step that divides a span into four to ten parts.
fn step(span: f64) -> f64 {
    let decade = 10f64.powf((span / 5.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|digit| digit * decade)
        .into_iter()
        .find(|step| span / step <= 8.0)
        .unwrap_or(decade)
}

impl Plot {
    /// The picture as a file.
    pub fn svg(&self) -> String {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let x = Scale::new(self.x, points.clone().map(|point| point.0));
        let y = Scale::new(self.y, points.map(|point| point.1));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\n\
             <text class=\"ink\" x=\"{LEFT}\" y=\"30\" font-size=\"16\" font-weight=\"600\">{title}</text>\n",
            title = escaped(&self.title)
        );
        svg += &self.legend();
        svg += &self.axes(&x, &y);
        for (number, line) in self.lines.iter().enumerate().rev() {
            svg += &drawn(number, line, &x, &y);
        }
        svg + "</svg>\n"
    }

    fn legend(&self) -> String {
        let mut at = LEFT;
        let mut svg = String::new();
        for (number, line) in self.lines.iter().enumerate() {
            let name = escaped(&line.name);
            let _ = writeln!(
                svg,
                "<path class=\"line s{number}\" d=\"M{at:.1} 54h26\"/>{}\
                 <text class=\"ink\" x=\"{:.1}\" y=\"58\">{name}</text>",
                if line.is_marked { marker(number, at + 13.0, 54.0) } else { String::new() },
                at + 34.0
            );
            at += 34.0 + 7.2 * line.name.chars().count() as f64 + 24.0;
        }
        svg
    }

    fn axes(&self, x: &Scale, y: &Scale) -> String {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let mut svg = String::new();
        for &tick in &y.ticks {
            let at = y_at(y, tick);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
                 <text class=\"faint\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                at + 4.5,
                label(tick)
            );
        }
        for &tick in &x.ticks {
            let at = x_at(x, tick);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>\
                 <text class=\"faint\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 20.0,
                label(tick)
            );
        }
        let middle = f64::midpoint(LEFT, right);
        let _ = writeln!(
            svg,
            "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>\
             <text class=\"faint\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text class=\"faint\" transform=\"translate(18 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 12.0,
            escaped(self.x.name),
            f64::midpoint(TOP, bottom),
            escaped(self.y.name)
        );
        svg
    }
}

fn drawn(number: usize, line: &Line, x: &Scale, y: &Scale) -> String {
    let points: Vec<_> = line.points.iter().map(|point| (x_at(x, point.0), y_at(y, point.1))).collect();
    let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let mut svg = format!("<path class=\"line s{number}\" d=\"M{}\"/>", path.join("L"));
    if line.is_marked {
        svg.extend(points.iter().map(|&(x, y)| marker(number, x, y)));
    }
    svg + "\n"
}

/// A shape for each line, so that they are told apart without colours.
fn marker(number: usize, x: f64, y: f64) -> String {
    let shape = match number {
        0 => format!("M{:.1} {y:.1}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z", x - 4.5),
        1 => format!("M{:.1} {:.1}h8v8h-8z", x - 4.0, y - 4.0),
        2 => format!("M{x:.1} {:.1}l5 9h-10z", y - 6.0),
        3 => format!("M{x:.1} {:.1}l5.5 5.5l-5.5 5.5l-5.5 -5.5z", y - 5.5),
        _ => format!("M{x:.1} {:.1}l5 -9h-10z", y + 6.0),
    };
    format!("<path class=\"mark s{number}\" d=\"{shape}\"/>")
}

fn x_at(scale: &Scale, value: f64) -> f64 {
    LEFT + scale.at(value) * (WIDTH - LEFT - RIGHT)
}

fn y_at(scale: &Scale, value: f64) -> f64 {
    HEIGHT - BOTTOM - scale.at(value) * (HEIGHT - TOP - BOTTOM)
}

fn label(tick: f64) -> String {
    let text = format!("{tick:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        let scale = Scale::linear(31.2, 47.9, false);
        assert_eq!((scale.least, scale.most, scale.ticks.len()), (30.0, 50.0, 5));
        assert_eq!(Scale::linear(3.0, 19.0, true).least, 0.0);
        assert_eq!(Scale::linear(5.0, 5.0, false).ticks.len(), 2, "one value has an axis, too");
        let scale = Scale::log(8.0, 120.0);
        assert_eq!(scale.ticks, [10.0, 20.0, 50.0, 100.0]);
        assert!(scale.at(8.0) > 0.0 && scale.at(120.0) < 1.0);
    }

    #[test]
    fn a_plot_says_what_it_shows() {
        let svg = Plot {
            title: "a < b".to_owned(),
            x: Axis::log("kB a frame"),
            y: Axis::linear("dB"),
            lines: vec![
                Line::new("ours", vec![(1.0, 2.0), (10.0, 3.0)]),
                Line::smooth("theirs", vec![(2.0, 2.5)]),
            ],
        }
        .svg();
        for text in ["a &lt; b", "kB a frame", "dB", "ours", "theirs", "prefers-color-scheme: dark"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
