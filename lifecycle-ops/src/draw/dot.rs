//! The graph in the language of Graphviz.

use std::fmt::Write;

use lifecycle::{Handle, State};

use super::layers::Layers;

pub(crate) fn graph(handle: &Handle) -> String {
    let states = handle.states();
    let layers = Layers::new(states.iter().map(|status| status.name.as_str()), handle);
    let mut dot = String::from(
        "digraph services {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n",
    );
    // Writing to a `String` does not fail.
    for status in &states {
        let (name, color) = (escaped(&status.name), color(status.state));
        let word = super::graph::word(status);
        let _ = writeln!(
            dot,
            "  \"{name}\" [label=\"{name}\\n{word}\", fillcolor=\"{color}\"];"
        );
    }
    for edge in &layers.edges {
        let (from, to) = (&states[edge.dependency].name, &states[edge.dependent].name);
        let style = match edge.kind {
            lifecycle::DependencyKind::Wants => " [style=dashed]",
            _ => "",
        };
        let _ = writeln!(
            dot,
            "  \"{}\" -> \"{}\"{style};",
            escaped(from),
            escaped(to)
        );
    }
    dot.push_str("}\n");
    dot
}

fn color(state: State) -> &'static str {
    match state {
        State::Running => "#bfe8cd",
        State::Starting => "#c6dbff",
        State::Stopping => "#f5e2b0",
        State::Failed => "#ffc9c6",
        State::Backoff => "#ffd9bd",
        _ => "#e3e6eb",
    }
}

fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', " ")
}
