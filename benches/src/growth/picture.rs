//! Draws a chapter as SVG, on logarithmic axes. Through a point in the middle of each line goes a thin one, which is what
//! linear growth from there on would be.

use std::fs;
use std::path::Path;

use plotters::prelude::*;

use super::Result;
use super::series::{Series, Unit};

const SIZE: (u32, u32) = (760, 460);

/// Okabe and Ito's, which most people can tell apart.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(150, 120, 0),
];

/// Writes the picture to this file.
pub(super) fn draw(file: &Path, title: &str, unit: Unit, all: &[Series]) -> Result {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut svg = String::new();
    draw_on(&mut svg, title, unit, all)?;
    Ok(fs::write(file, svg)?)
}

fn draw_on(svg: &mut String, title: &str, unit: Unit, all: &[Series]) -> Result {
    let points = || all.iter().flat_map(|series| &series.points);
    let (Some(few), Some(many)) = (
        points().map(|point| point.0).min(),
        points().map(|point| point.0).max(),
    ) else {
        return Err(format!("nothing was measured: {title}").into());
    };
    let lowest = points().map(|point| point.1).fold(f64::MAX, f64::min);
    let highest = points().map(|point| point.1).fold(f64::MIN, f64::max);

    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(
            (few as f64 * 0.8..many as f64 * 1.25).log_scale(),
            (lowest * 0.6..highest * 2.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(6)
        .y_labels(10)
        .x_desc("services")
        .x_label_formatter(&|services| format!("10^{:.0}", services.log10()))
        .y_label_formatter(&|value| unit.show(*value))
        .draw()?;
    for (series, colour) in all.iter().zip(COLOURS.iter().cycle()) {
        let colour = *colour;
        let points = series.points.iter().map(|point| (point.0 as f64, point.1));
        if let Some(line) = linear(series) {
            chart.draw_series(DashedLineSeries::new(
                line,
                3,
                4,
                colour.mix(0.5).stroke_width(1),
            ))?;
        }
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(series.title)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points.map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .margin(12)
        .label_font(("sans-serif", 13))
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    root.present()?;
    Ok(())
}

/// What linear growth would be: through the second point, to both ends.
fn linear(series: &Series) -> Option<Vec<(f64, f64)>> {
    let (few, many) = (series.points.first()?.0, series.points.last()?.0);
    let (services, value) = *series.points.get(1)?;
    let at = |size: usize| (size as f64, value * size as f64 / services as f64);
    Some(vec![at(few), at(many)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(all: &[Series]) -> Result<String> {
        let mut svg = String::new();
        draw_on(&mut svg, "start", Unit::Seconds, all)?;
        Ok(svg)
    }

    #[test]
    fn a_picture_has_its_title_its_lines_and_the_linear_ones() {
        let series = Series {
            title: "idle services",
            points: vec![(100, 0.001), (1_000, 0.01), (10_000, 0.2)],
        };
        assert_eq!(linear(&series), Some(vec![(100.0, 0.001), (10_000.0, 0.1)]));
        let svg = picture(&[series]).unwrap();
        for text in ["start", "idle services", "10^4", "services"] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(svg.matches("<circle").count(), 3);
    }

    #[test]
    fn without_a_point_there_is_no_picture() {
        let error = picture(&[]).unwrap_err();
        assert_eq!(error.to_string(), "nothing was measured: start");
    }
}
