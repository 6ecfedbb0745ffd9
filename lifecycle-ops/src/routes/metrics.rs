//! The metrics as one of the text formats of Prometheus.

use http::header::ACCEPT;
use http::request::Parts;

use crate::answer::{self, Answer};
use crate::metrics::exposition::{Exposition, Format};
use crate::metrics::{Subject, collect};
use crate::service::OpsService;

pub(super) fn answer(ops: &OpsService, parts: &Parts) -> Answer {
    let accepted = parts.headers.get_all(ACCEPT).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let format = Format::of(accepted.flat_map(|value| value.split(',')));
    let subject = Subject::new(&ops.handle, &ops.chronicle);
    let mut text = Exposition::new(format, subject.services());
    collect(&subject, &mut text);
    answer::media(format.media(), text.finish())
}
