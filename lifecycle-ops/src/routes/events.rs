//! The events as they happen, as server-sent events.

use std::collections::VecDeque;
use std::fmt;
use std::fmt::Write;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use http::request::Parts;
use lifecycle::{Event, Events, StopChannel};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use crate::answer::{self, Answer};
use crate::body::Body;
use crate::service::OpsService;

/// After this time without an event a comment is sent, so that no proxy takes the connection for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// How many events a client that comes back gets at most.
const REPLAYED: usize = 256;

/// Begins the numbers of this process: a client may come back with one of an earlier process.
static PROCESS: LazyLock<String> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    format!("{:x}", since.unwrap_or_default().as_millis())
});

pub(super) fn answer(ops: &OpsService, parts: &Parts) -> Result<Answer, Answer> {
    let Ok(place) = ops.streams.clone().try_acquire_owned() else {
        let mut full = answer::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "others follow the events, as many as may",
        );
        full.headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("5"));
        return Err(full);
    };
    let mut events = match parts.headers.get("last-event-id") {
        None => ops.handle.events(),
        Some(id) => ops.handle.events_after(last_seen(id)),
    };
    let (replayed, left_out) = replayed(&mut events);
    let source = Source {
        events,
        replayed,
        left_out,
        missed: 0,
        stop: ops.stop.clone(),
        state: State::Begins,
        _place: place,
    };
    Ok(answer::events(Body::events(EventStream {
        next: Some(Box::pin(source.next())),
    })))
}

/// The last events of those that are there already, and how many before them are left out.
fn replayed(events: &mut Events) -> (VecDeque<Event>, u64) {
    let mut last = VecDeque::new();
    let mut left_out = 0;
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(event)) = pin!(events.recv()).poll(&mut cx) {
        if last.len() == REPLAYED {
            last.pop_front();
            left_out += 1;
        }
        last.push_back(event);
    }
    (last, left_out)
}

/// The number of the last event that the client has seen. Of another process it has seen none of ours.
fn last_seen(id: &HeaderValue) -> u64 {
    let id = id.to_str().unwrap_or_default();
    let number = id
        .split_once('-')
        .filter(|(process, _)| *process == *PROCESS);
    number
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or(0)
}

/// The body of an answer that goes on until the application or the listener ends.
pub(crate) struct EventStream {
    /// `None` after the last piece.
    next: Option<Next>,
}

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Source)>> + Send>>;

struct Source {
    events: Events,
    /// What was there when the client came.
    replayed: VecDeque<Event>,
    /// How many events before those it does not get.
    left_out: u64,
    /// How many events the client was told that it has missed.
    missed: u64,
    stop: Option<StopChannel>,
    state: State,
    _place: OwnedSemaphorePermit,
}

enum State {
    Begins,
    Goes,
    Over,
}

impl EventStream {
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let piece = ready!(next.as_mut().poll(cx));
        let (bytes, source) = piece.unzip();
        self.next = source.map(|source| {
            let next: Next = Box::pin(source.next());
            next
        });
        Poll::Ready(bytes)
    }
}

impl Source {
    /// The next piece, and what gives the one after it.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        let text = match self.state {
            // Something at once, so that the client knows that it is heard.
            State::Begins => {
                self.state = State::Goes;
                "retry: 1000\n\n".to_owned()
            }
            State::Goes => self.wait().await,
            State::Over => return None,
        };
        Some((text.into(), self))
    }

    async fn wait(&mut self) -> String {
        if let Some(event) = self.replayed.pop_front() {
            return self.written(&event);
        }
        let stop = self.stop.clone();
        let stopped = async {
            match &stop {
                Some(stop) => stop.closed().await,
                None => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            biased;
            event = self.events.recv() => event,
            () = stopped => None,
            () = sleep(SILENCE) => return ": still here\n\n".to_owned(),
        };
        if let Some(event) = event {
            return self.written(&event);
        }
        self.state = State::Over;
        "event: end\ndata: {}\n\n".to_owned()
    }

    fn written(&mut self, event: &Event) -> String {
        let mut text = String::new();
        let missed = self.left_out + self.events.missed();
        // Writing to a `String` does not fail.
        if missed > self.missed {
            let _ = write!(text, ": {} events were left out\n\n", missed - self.missed);
            self.missed = missed;
        }
        // The JSON is one line.
        let json = serde_json::to_string(event).unwrap_or_default();
        let (kind, number) = (event.kind.as_str(), event.id);
        let _ = write!(
            text,
            "id: {}-{number}\nevent: {kind}\ndata: {json}\n\n",
            *PROCESS
        );
        text
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}
