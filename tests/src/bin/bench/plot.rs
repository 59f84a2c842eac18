//! Series as a picture: both axes logarithmic, each series in a field of its own.

use std::fmt::Write as _;

/// Points that belong together: how much work, and how many seconds it took.
pub struct Series {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// The picture.
pub fn svg(all: &[Series]) -> String {
    let width = FIELD * all.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {FIELD}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{FIELD}\" fill=\"white\"/>\n"
    );
    for (number, series) in all.iter().enumerate() {
        let left = FIELD * number as f64;
        let (xs, ys) =
            (decades(series.points.iter().map(|point| point.0)), decades(series.points.iter().map(|point| point.1)));
        let x = |value: f64| left + MARGIN + (FIELD - 2.0 * MARGIN) * (value.log10() - xs.0) / (xs.1 - xs.0);
        let y = |value: f64| FIELD - MARGIN - (FIELD - 2.0 * MARGIN) * (value.log10() - ys.0) / (ys.1 - ys.0);
        for decade in xs.0 as i32..=xs.1 as i32 {
            let value = 10_f64.powi(decade);
            let (at, top, bottom) = (x(value), MARGIN, FIELD - MARGIN);
            let _ = writeln!(svg, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#ddd\"/>");
            let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{value}</text>", bottom + 14.0);
        }
        for decade in ys.0 as i32..=ys.1 as i32 {
            let value = 10_f64.powi(decade);
            let (at, start, end) = (y(value), left + MARGIN, left + FIELD - MARGIN);
            let _ = writeln!(svg, "<path d=\"M{start} {at:.1}H{end}\" stroke=\"#ddd\"/>");
            let _ =
                writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value} s</text>", start - 4.0, at + 4.0);
        }
        let line: Vec<_> = series.points.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1))).collect();
        let _ =
            writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"/>", line.join(" "));
        for point in &series.points {
            let _ = writeln!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"#06c\"/>", x(point.0), y(point.1));
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"20\" text-anchor=\"middle\" font-size=\"13\">{}</text>",
            left + FIELD / 2.0,
            series.name
        );
    }
    svg + "</svg>\n"
}

/// The powers of ten around values, at least one decade apart.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) =
        values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    (low, high.max(low + 1.0))
}

/// Width and height of a series' field.
const FIELD: f64 = 280.0;

const MARGIN: f64 = 44.0;
