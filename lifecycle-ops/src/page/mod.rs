//! The page: what the application does, for a person. Useful without script; with it, it follows the events.

mod head;
mod leases;
mod log;
mod schedules;
mod services;
mod spans;

use lifecycle::{Event, Handle, Reason, ServiceStatus, Startup};
use maud::{DOCTYPE, Markup, html};

use crate::service::OpsService;

pub(crate) const STYLE: &str = concat!(
    include_str!("../draw/palette.css"),
    include_str!("style.css")
);
pub(crate) const SCRIPT: &str = include_str!("script.js");

/// What one showing of the page is made of: taken once, so that its parts agree.
pub(crate) struct View<'a> {
    ops: &'a OpsService,
    handle: &'a Handle,
    services: Vec<ServiceStatus>,
    reason: Option<Reason>,
    startup: Startup,
    events: Vec<Event>,
    /// Whether there are buttons.
    steers: bool,
}

pub(crate) fn html(ops: &OpsService) -> String {
    let reason = ops.handle.reason();
    let view = View {
        ops,
        handle: &ops.handle,
        services: ops.handle.states(),
        startup: ops.handle.startup(),
        events: ops.chronicle.last(),
        // Nothing begins once the application stops.
        steers: ops.access.takes_orders() && reason.is_none(),
        reason,
    };
    view.document().into_string()
}

impl View<'_> {
    fn document(&self) -> Markup {
        let base = &self.ops.base;
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title()) }
                    link rel="icon" href="data:,";
                    link rel="stylesheet" href={ (base) "/ops.css" };
                    script src={ (base) "/ops.js" } defer {}
                }
                body data-base=(base) {
                    p #lost role="alert" hidden {}
                    main { (self.main()) }
                    footer {
                        @if self.needs_token() {
                            label { "token " input #token type="password" autocomplete="off"; }
                        }
                        p #said role="status" {}
                        nav aria-label="the same as data" {
                            @for (path, name) in LINKS { a href={ (base) (path) } { (name) } }
                        }
                    }
                }
            }
        }
    }

    fn main(&self) -> Markup {
        html! {
            (self.head())
            div .cards {
                div {
                    (self.graph())
                    (self.stop())
                    (self.start())
                    (self.schedules())
                    (self.leases())
                }
                div {
                    (self.list())
                    (self.log())
                }
            }
        }
    }

    fn needs_token(&self) -> bool {
        self.steers && self.ops.access.token.is_some()
    }
}

const LINKS: [(&str, &str); 5] = [
    ("/services", "services"),
    ("/startup", "critical chain"),
    ("/metrics", "metrics"),
    ("/graph.svg", "graph"),
    ("/readyz?verbose", "readiness"),
];

/// These classes, and this one if it is so.
fn marked(classes: &str, is: bool, mark: &str) -> String {
    if is {
        format!("{classes} {mark}")
    } else {
        classes.to_owned()
    }
}

/// A button that sends an order. Without script there is none: a form can't send what is asked for.
pub(super) fn button(service: &str, action: &str) -> Markup {
    let path = percent_encoding::utf8_percent_encode(service, percent_encoding::NON_ALPHANUMERIC);
    html! {
        button type="button" hidden id={ (action) "-" (service) } data-post={ "/services/" (path) "/" (action) }
            aria-label={ (action) " " (service) } { (action) }
    }
}
