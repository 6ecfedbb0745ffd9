//! The last events.

use lifecycle::Event;
use maud::{Markup, html};

use super::View;
use super::head::is_bad;
use crate::text::time_of_day;

/// How many are shown.
const SHOWN: usize = 40;

impl View<'_> {
    pub(super) fn log(&self) -> Markup {
        html! {
            section .card .log {
                h2 { "Last events " small { "UTC" } }
                @if self.events.is_empty() { p { "none yet" } }
                ol { @for event in self.events.iter().take(SHOWN) { (line(event)) } }
            }
        }
    }
}

fn line(event: &Event) -> Markup {
    html! {
        li class=[is_bad(&event.kind).then_some("bad")] {
            time { (time_of_day(event.time)) } " " span { (event.to_string().replace("->", "→")) }
        }
    }
}
