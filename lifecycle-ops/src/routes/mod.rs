//! Which answer is given at which path.

pub(crate) mod events;
mod metrics;
mod orders;
mod probes;
mod schedules;
mod services;
mod startup;

use http::Method;
use http::request::Parts;

use self::orders::Order;
use self::probes::Probe;
use crate::answer::{self, Answer};
use crate::request::decoded;
use crate::service::{OpsService, Side};
use crate::{draw, page};

/// What a path names.
enum Route {
    Probe(Probe),
    Metrics,
    Page,
    Style,
    Script,
    Graph,
    Dot,
    Startup,
    StartupPicture,
    Events,
    Schedules,
    Services,
    Service(String),
    Order(Order),
}

/// `Err` is an answer too: that of a request which is refused.
pub(crate) async fn answer(ops: &OpsService, parts: &Parts) -> Result<Answer, Answer> {
    let route = Route::of(parts).filter(|route| ops.side == Side::Ops || route.is_for_machines());
    let is_open = match &route {
        // A cluster asks by the address of the pod.
        Some(Route::Probe(_)) => true,
        _ => ops.side == Side::Probes,
    };
    if !is_open {
        ops.access.check_host(parts)?;
    }
    let route = route.ok_or_else(answer::not_found)?;
    let is_read = parts.method == Method::GET || parts.method == Method::HEAD;
    match route {
        Route::Order(order) if parts.method == Method::POST => {
            ops.access.check_order(parts)?;
            Ok(order.carry_out(&ops.handle).await)
        }
        Route::Order(_) => Err(answer::wrong_method("POST")),
        _ if !is_read => Err(answer::wrong_method("GET, HEAD")),
        Route::Probe(probe) => Ok(probe.answer(ops, parts).await),
        Route::Metrics => Ok(metrics::answer(ops, parts)),
        Route::Page => Ok(answer::page(page::html(ops))),
        Route::Style => Ok(answer::media("text/css; charset=utf-8", page::STYLE)),
        Route::Script => Ok(answer::media(
            "text/javascript; charset=utf-8",
            page::SCRIPT,
        )),
        Route::Graph => Ok(answer::picture(draw::graph::picture(&ops.handle))),
        Route::Dot => Ok(answer::media(
            "text/vnd.graphviz; charset=utf-8",
            draw::dot::graph(&ops.handle),
        )),
        Route::Startup => Ok(startup::answer(&ops.handle, parts)),
        Route::StartupPicture => Ok(answer::picture(draw::spans::startup(&ops.handle))),
        Route::Events => events::answer(ops, parts),
        Route::Schedules => Ok(schedules::answer(&ops.handle)),
        Route::Services => Ok(services::all(&ops.handle)),
        Route::Service(name) => services::one(&ops.handle, &name),
    }
}

impl Route {
    fn of(parts: &Parts) -> Option<Self> {
        let path = parts.uri.path().strip_prefix('/')?;
        if let Some(probe) = Probe::of(path) {
            return Some(Self::Probe(probe));
        }
        Some(match path {
            "metrics" => Self::Metrics,
            "" => Self::Page,
            "ops.css" => Self::Style,
            "ops.js" => Self::Script,
            "graph.svg" => Self::Graph,
            "graph.dot" => Self::Dot,
            "startup" => Self::Startup,
            "startup.svg" => Self::StartupPicture,
            "events" => Self::Events,
            "schedules" => Self::Schedules,
            "services" => Self::Services,
            _ => {
                if let Some(order) = Order::of(path, &parts.method) {
                    return Some(Self::Order(order));
                }
                // A name may have slashes: that of a service in a nested registry.
                let name = path.strip_prefix("services/")?;
                Self::Service(decoded(name)?.into_owned())
            }
        })
    }

    fn is_for_machines(&self) -> bool {
        matches!(self, Self::Probe(_) | Self::Metrics)
    }
}
