//! The services: as a graph where there is room for one, and as a list.

use lifecycle::ServiceStatus;
use maud::{Markup, PreEscaped, html};

use super::head::{is_trouble, why};
use super::leases::led_by;
use super::{View, button, marked};
use crate::draw::graph::{class, drawn, word};
use crate::draw::layers::Layers;

/// With more services than these a graph is a tangle: the list has them by layer then.
const DRAWN: usize = 60;

impl View<'_> {
    fn layers(&self) -> Layers {
        Layers::new(
            self.services.iter().map(|status| status.name.as_str()),
            self.handle,
        )
    }

    pub(super) fn graph(&self) -> Markup {
        if self.services.len() > DRAWN {
            return html! {};
        }
        html! {
            section .card .graph {
                h2 { "Services, and what they need" }
                div .scroll { (PreEscaped(drawn(&self.services, &self.layers(), ""))) }
            }
        }
    }

    pub(super) fn list(&self) -> Markup {
        let many = self.services.len() > DRAWN;
        html! {
            section class=(marked("card list", many, "many")) {
                h2 { "States" }
                @if many {
                    @for (depth, row) in self.layers().rows.iter().enumerate() {
                        h3 { @if depth == 0 { "need nothing" } @else { "layer " (depth + 1) } " (" (row.len()) ")" }
                        ul { @for &service in row { (self.line(&self.services[service], many)) } }
                    }
                } @else {
                    ul { @for status in &self.services { (self.line(status, many)) } }
                }
            }
        }
    }

    fn line(&self, status: &ServiceStatus, is_short: bool) -> Markup {
        let reason = Some(why(status)).filter(|why| !why.is_empty());
        html! {
            li class=(marked(class(status), is_trouble(status), "bad")) title=[reason] {
                span .name { (status.name) }
                span .state { (word(status)) }
                @if !is_short { span .shape { (status.shape) } }
                @if !is_short && self.steers {
                    span .act { @if !status.state.is_final() { (button(&status.name, "restart")) } }
                }
                @if let (false, Some(leader)) = (is_short, led_by(status)) { span .lease { (leader) } }
            }
        }
    }
}
