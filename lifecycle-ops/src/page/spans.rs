//! How the application came up, and how it goes down.

use maud::{Markup, PreEscaped, html};

use super::{View, marked};
use crate::draw::spans::Spans;
use crate::text::duration;

/// How many services are shown.
const SHOWN: usize = 16;

impl View<'_> {
    pub(super) fn start(&self) -> Markup {
        let title = match self.startup.healthy {
            Some(healthy) => format!("Start: ready after {}", duration(healthy)),
            None => "Start".to_owned(),
        };
        chart(Spans::of_startup(&self.startup), &title, "start")
    }

    pub(super) fn stop(&self) -> Markup {
        let Some(stop) = self.ops.chronicle.stop(&self.services) else {
            return html! {};
        };
        let late = match stop.laggards {
            0 => String::new(),
            late => format!(", {late} late"),
        };
        let title = if stop.is_over {
            format!("Stop: took {}{late}", duration(stop.took))
        } else {
            format!("Stop: {} so far{late}", duration(stop.took))
        };
        chart(stop.spans, &title, "stop")
    }
}

fn chart(mut spans: Spans, title: &str, class: &str) -> Markup {
    if spans.rows.is_empty() {
        return html! {};
    }
    let left_out = spans.shorten(SHOWN);
    html! {
        section class={ "card spans " (class) } {
            h2 { (title) }
            ul {
                @for row in &spans.rows {
                    li class=(marked(row.class, row.is_critical, "critical")) {
                        span .name { (row.name) }
                        (PreEscaped(spans.bars(row)))
                        span .took { (row.said) }
                    }
                }
            }
            @if left_out > 0 { p .more { "and " (left_out) " more, which took less" } }
        }
    }
}
