//! The graph as SVG: a column for each layer, what is needed on the left.

use std::fmt::Write;

use lifecycle::{Handle, ServiceStatus, State};

use super::PALETTE;
use super::layers::Layers;

const HEIGHT: f64 = 46.0;
const GAP: f64 = 14.0;
const ALLEY: f64 = 64.0;
const MARGIN: f64 = 8.0;

/// How many characters of a name are shown. Names in a registry have 31 at most, those of nested ones more.
const SHOWN: usize = 34;

/// Where the box of a service is.
#[derive(Clone, Copy, Default)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
}

/// A picture that stands alone, with its colours in it.
pub(crate) fn picture(handle: &Handle) -> String {
    let states = handle.states();
    let layers = Layers::new(states.iter().map(|status| status.name.as_str()), handle);
    let style = format!("<style>{PALETTE}svg {{ background: var(--ground); }}</style>");
    drawn(&states, &layers, &style)
}

/// A part of the page, which has the colours.
pub(crate) fn drawn(states: &[ServiceStatus], layers: &Layers, style: &str) -> String {
    let (places, width, height) = places(states, layers);
    let mut svg = String::with_capacity(1024 + states.len() * 512);
    // Writing to a `String` does not fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"the services and what they need\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\">{style}"
    );
    for edge in &layers.edges {
        let (from, to) = (places[edge.dependency], places[edge.dependent]);
        let (x1, y1) = (from.x + from.width, from.y + HEIGHT / 2.0);
        let (x2, y2) = (to.x, to.y + HEIGHT / 2.0);
        let bend = (ALLEY / 2.0).max((x2 - x1) / 2.5);
        let _ = write!(
            svg,
            "<path class=\"link {}\" d=\"M{x1:.0} {y1:.0}C{:.0} {y1:.0} {:.0} {y2:.0} {x2:.0} {y2:.0}\"/>",
            edge.kind,
            x1 + bend,
            x2 - bend
        );
    }
    for (status, place) in states.iter().zip(&places) {
        draw_node(&mut svg, status, *place);
    }
    svg.push_str("</svg>");
    svg
}

fn draw_node(svg: &mut String, status: &ServiceStatus, place: Place) {
    let Place { x, y, width } = place;
    let (state, name) = (class(status), escaped(&shortened(&status.name)));
    let word = word(status);
    let _ = write!(
        svg,
        "<g class=\"node {state}\"><title>{}: {word}</title>\
         <rect class=\"box\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{HEIGHT}\" rx=\"8\"/>\
         <rect class=\"bar\" x=\"{:.0}\" y=\"{:.0}\" width=\"4\" height=\"{}\" rx=\"2\"/>\
         <text class=\"name\" x=\"{:.0}\" y=\"{:.0}\">{name}</text>\
         <text class=\"word\" x=\"{:.0}\" y=\"{:.0}\">{word}</text></g>",
        escaped(&status.name),
        x + 8.0,
        y + 9.0,
        HEIGHT - 18.0,
        x + 20.0,
        y + 20.0,
        x + 20.0,
        y + 36.0,
    );
}

/// What its colour follows from.
pub(crate) fn class(status: &ServiceStatus) -> &'static str {
    match (status.state, &status.degraded) {
        (State::Running, Some(_)) => "degraded",
        (state, _) => state.as_str(),
    }
}

/// The state, and what has to be said of it.
pub(crate) fn word(status: &ServiceStatus) -> String {
    let state = status.state.as_str();
    match (status.degraded.is_some(), status.succeeded) {
        (true, _) if status.state == State::Running => "degraded".to_owned(),
        (true, _) => format!("{state}, degraded"),
        (_, true) => "succeeded".to_owned(),
        _ => state.to_owned(),
    }
}

/// The place of each service, and the size of the whole.
fn places(states: &[ServiceStatus], layers: &Layers) -> (Vec<Place>, f64, f64) {
    let tallest = layers.rows.iter().map(Vec::len).max().unwrap_or(0);
    let height = 2.0 * MARGIN + tallest as f64 * (HEIGHT + GAP) - GAP;
    let mut places = vec![Place::default(); states.len()];
    let mut x = MARGIN;
    for row in &layers.rows {
        let wide = |&service: &usize| width(&states[service]);
        let width = row.iter().map(wide).fold(0.0, f64::max);
        let free = height - row.len() as f64 * (HEIGHT + GAP) + GAP;
        for (place, &service) in row.iter().enumerate() {
            let y = free / 2.0 + place as f64 * (HEIGHT + GAP);
            places[service] = Place { x, y, width };
        }
        x += width + ALLEY;
    }
    (places, (x - ALLEY + MARGIN).max(0.0), height.max(0.0))
}

fn width(status: &ServiceStatus) -> f64 {
    let letters = status
        .name
        .chars()
        .count()
        .min(SHOWN)
        .max(word(status).len() - 2);
    f64::max(112.0, 34.0 + 7.7 * letters as f64)
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= SHOWN {
        return name.to_owned();
    }
    let shown: String = name.chars().take(SHOWN - 1).collect();
    shown + "…"
}

/// As text of SVG.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no other control characters, not even escaped.
            char if char.is_control() => escaped.push('\u{fffd}'),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_whatever_is_in_it() {
        let shown = escaped("<a title=\"x\">&\u{1}'");
        assert_eq!(shown, "&lt;a title=&quot;x&quot;&gt;&amp;\u{fffd}'");
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shortened(&"ä".repeat(34)), "ä".repeat(34));
        assert_eq!(shortened(&"ä".repeat(35)), "ä".repeat(33) + "…");
    }
}
