//! In place of `systemd`, where there is none: nothing is ever due.

use std::time::Duration;

use tokio::time::Instant;

use crate::report::reason::Reason;
use crate::shared::application::Application;

pub(crate) enum Systemd {}

impl Systemd {
    pub(crate) fn begin(_: Duration) -> Option<Self> {
        None
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        match *self {}
    }

    pub(crate) fn moved(&mut self) {
        match *self {}
    }

    pub(crate) fn send_due(&mut self, _: &Application, _: Instant) {
        match *self {}
    }

    pub(crate) fn ready(&mut self, _: &Application, _: Instant) {
        match *self {}
    }

    pub(crate) fn stopping(&mut self, _: &Application, _: &Reason, _: Instant) {
        match *self {}
    }
}
