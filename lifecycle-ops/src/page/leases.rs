//! The leases: who runs a service of which one replica runs, with which token, and for how long.

use lifecycle::{LeaseStatus, ServiceStatus};
use maud::{Markup, html};
use tokio::time::Instant;

use super::View;
use crate::text::duration;

/// With more leases than these only the first are shown; those that nobody is known to hold come first.
const SHOWN: usize = 60;

impl View<'_> {
    pub(super) fn leases(&self) -> Markup {
        let services = self.services.iter();
        let mut leased: Vec<(&ServiceStatus, &LeaseStatus)> = services
            .filter_map(|status| Some((status, status.lease.as_deref()?)))
            .collect();
        if leased.is_empty() {
            return html! {};
        }
        leased.sort_by_key(|(_, lease)| Leader::of(lease).is_some());
        html! {
            section .card .leases {
                h2 { "Leases, of services that one replica runs" }
                table {
                    thead { tr { th { "name" } th { "led by" } th { "token" } th { "for" } th { "term" } } }
                    tbody { @for (status, lease) in leased.iter().take(SHOWN) { (row(status, lease)) } }
                }
                @if leased.len() > SHOWN { p .more { "and " (leased.len() - SHOWN) " more" } }
            }
        }
    }
}

/// Who holds a lease, as far as this replica knows.
struct Leader<'a> {
    holder: &'a str,
    token: u64,
    since: Option<Instant>,
    is_this: bool,
}

impl<'a> Leader<'a> {
    fn of(lease: &'a LeaseStatus) -> Option<Self> {
        let this = lease.token.map(|token| Self {
            holder: &lease.holder,
            token,
            since: lease.since,
            is_this: true,
        });
        let other = lease.leader.as_ref().map(|leader| Self {
            holder: &leader.holder,
            token: leader.token,
            since: Some(leader.since),
            is_this: false,
        });
        this.or(other)
    }
}

fn row(status: &ServiceStatus, lease: &LeaseStatus) -> Markup {
    let leader = Leader::of(lease);
    let since = leader.as_ref().and_then(|leader| leader.since);
    html! {
        tr {
            th scope="row" { (status.name) @if *lease.name != *status.name { " " span .rule { (lease.name) } } }
            @match &leader {
                Some(leader) => {
                    td data-label="led by" { (leader.holder) @if leader.is_this { " " span .rule { "this replica" } } }
                    td data-label="token" { (leader.token) }
                }
                None => {
                    td data-label="led by" { "nobody known" }
                    td data-label="token" { "none" }
                }
            }
            td data-label="for" { @if let Some(since) = since { (duration(since.elapsed())) } @else { "–" } }
            td data-label="term" { (duration(lease.term)) @if let Some(left) = left(lease) { " " span .rule { (left) " left" } } }
        }
    }
}

/// How long this replica relies on its lease yet, if it is not renewed.
fn left(lease: &LeaseStatus) -> Option<String> {
    let left = lease.until?.saturating_duration_since(Instant::now());
    Some(duration(left))
}

/// Beside the state: who runs the service.
pub(super) fn led_by(status: &ServiceStatus) -> Option<String> {
    let lease = status.lease.as_deref()?;
    Some(match Leader::of(lease) {
        Some(leader) if leader.is_this => format!("led by this replica, token {}", leader.token),
        Some(leader) => format!("led by {}, token {}", leader.holder, leader.token),
        None => "no leader known".to_owned(),
    })
}
