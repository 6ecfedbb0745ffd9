//! The one connection: made at the first use, made again when it is lost, and bounded in time.
//!
//! # Invariants
//!
//! `status` is the only state. Whoever moves it from `Down` to `Connecting` starts the task that connects, so there is one at a
//! time; that task moves it on, its end by a panic or with its runtime included (`Attempt`). Callers wait for the next move and
//! own nothing of it: one that gives up does not make the others begin anew. A caller looks
//! after it has marked what it saw before, so it misses no move.

mod session;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use self::session::Session;
use crate::error::PostgresError;
use crate::freed::Freed;
use crate::settings::Settings;

/// The first wait after an attempt to connect that failed, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) settings: Settings,
    pub(crate) freed: Arc<Freed>,
    status: watch::Sender<Status>,
}

#[derive(Debug)]
enum Status {
    /// No attempt is under way.
    Down { failed: Option<Failed> },
    /// A task is at it.
    Connecting { failed: Option<Failed> },
    /// As far as is known.
    Up(Arc<Session>),
}

/// The attempts to connect that failed in a row.
#[derive(Debug)]
struct Failed {
    times: u32,
    /// Why the last one did.
    cause: PostgresError,
    retry_at: Instant,
}

/// What is asked for, and how long the answer may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    what: &'static str,
    within: Duration,
    until: Instant,
    /// Where there is no connection: whether to fail with the first attempt that fails, or to go on until the time is over.
    once: bool,
}

impl Call {
    pub(crate) fn new(what: &'static str, within: Duration) -> Self {
        Self {
            what,
            within,
            until: Instant::now() + within,
            once: false,
        }
    }

    /// Fails with the first attempt to connect that fails.
    pub(crate) fn once(self) -> Self {
        Self { once: true, ..self }
    }

    fn silent(self) -> PostgresError {
        PostgresError::Silent {
            what: self.what,
            within: self.within,
        }
    }
}

/// What a statement is given.
pub(crate) type Parameters<'a> = [(&'a (dyn ToSql + Sync), Type)];

impl Link {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            freed: Arc::default(),
            status: watch::Sender::new(Status::Down { failed: None }),
        }
    }

    /// Executes a statement, once. What was sent and not answered is not sent again: nobody knows what became of it.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        call: Call,
        statement: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<Vec<Row>, PostgresError> {
        let session = self.session(call).await?;
        let answer = session.client.query_typed(statement, parameters);
        match timeout_at(call.until, answer).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(source)) => Err(PostgresError::statement(call.what, source)),
            Err(_) => {
                // A connection that is silent may be so for hours.
                self.abandon(&session);
                Err(call.silent())
            }
        }
    }

    /// The connection. It is made first, if need be.
    async fn session(self: &Arc<Self>, call: Call) -> Result<Arc<Session>, PostgresError> {
        let mut moves = self.status.subscribe();
        let connected = timeout_at(call.until, async {
            loop {
                // Before the look: a move that comes after it is then still to be seen.
                moves.mark_unchanged();
                match self.look() {
                    Look::Up(session) => return Ok(session),
                    Look::Wait(_, cause) if call.once || cause.is_permanent() => return Err(cause),
                    Look::Wait(at, _) => tokio::select! {
                        _ = moves.changed() => {}
                        () = sleep_until(at) => {}
                    },
                    Look::Connecting => {
                        let _ = moves.changed().await;
                    }
                    Look::Begin(attempt) => {
                        tokio::spawn(attempt.run());
                    }
                }
            }
        });
        match connected.await {
            Ok(connected) => connected,
            Err(_) => Err(self.last_cause().unwrap_or_else(|| call.silent())),
        }
    }

    /// What there is, and what to do now. Marks it as connecting, where the caller is to begin.
    fn look(self: &Arc<Self>) -> Look {
        let now = Instant::now();
        let mut look = Look::Connecting;
        self.status.send_if_modified(|status| {
            let failed = match status {
                Status::Up(session) if session.is_open() => {
                    look = Look::Up(session.clone());
                    return false;
                }
                Status::Connecting { .. } => return false,
                Status::Down {
                    failed: Some(failed),
                } if failed.retry_at > now => {
                    look = Look::Wait(failed.retry_at, failed.cause.clone());
                    return false;
                }
                Status::Down { failed } => failed.take(),
                Status::Up(_) => None,
            };
            *status = Status::Connecting { failed };
            look = Look::Begin(Attempt(self.clone()));
            true
        });
        look
    }

    fn last_cause(&self) -> Option<PostgresError> {
        match &*self.status.borrow() {
            Status::Down { failed } | Status::Connecting { failed } => {
                failed.as_ref().map(|failed| failed.cause.clone())
            }
            Status::Up(_) => None,
        }
    }

    /// Goes on without this connection.
    fn abandon(&self, session: &Arc<Session>) {
        session.cut();
        self.status.send_if_modified(|status| {
            let same = matches!(status, Status::Up(up) if Arc::ptr_eq(up, session));
            if same {
                *status = Status::Down { failed: None };
            }
            same
        });
    }
}

/// What a call finds.
enum Look {
    Up(Arc<Session>),
    Connecting,
    /// The last attempt failed with this; the next is not to begin before.
    Wait(Instant, PostgresError),
    Begin(Attempt),
}

/// An attempt to connect, in a task of its own.
struct Attempt(Arc<Link>);

impl Attempt {
    async fn run(self) {
        let link = &self.0;
        let within = link.settings.timeout;
        let connected = timeout(within, Session::open(&link.settings, &link.freed)).await;
        let connected = connected.unwrap_or_else(|_| Err(Call::new("connect", within).silent()));
        link.settle(connected);
    }
}

/// Where the task ended before it could tell, with its runtime or by a panic, callers don't wait for it. Otherwise nothing is left to settle.
impl Drop for Attempt {
    fn drop(&mut self) {
        let unfinished = Call::new("connect", self.0.settings.timeout);
        self.0.settle(Err(unfinished.silent()));
    }
}

impl Link {
    /// An attempt has ended.
    fn settle(&self, connected: Result<Session, PostgresError>) {
        self.status.send_if_modified(|status| {
            let Status::Connecting { failed } = status else {
                return false;
            };
            let times = failed.as_ref().map_or(1, |failed| failed.times.saturating_add(1));
            *status = match connected {
                Ok(session) => Status::Up(Arc::new(session)),
                Err(cause) => {
                    tracing::debug!(postgres = %self.settings, error = %cause, times, "no connection");
                    let retry_at = Instant::now() + backoff(times);
                    let failed = Some(Failed { times, cause, retry_at });
                    Status::Down { failed }
                }
            };
            true
        });
    }
}

/// Doubled with each failure, less a random part of up to a half: replicas that lost the server together don't come back together.
fn backoff(times: u32) -> Duration {
    let (first, longest) = BACKOFF;
    let doubled = 1_u32
        .checked_shl(times.saturating_sub(1))
        .unwrap_or(u32::MAX);
    first
        .saturating_mul(doubled)
        .min(longest)
        .mul_f64(1.0 - fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::net::TcpListener;

    use super::*;

    const CALL: Duration = Duration::from_millis(200);

    /// Something that listens there, and closes what comes, or says nothing.
    async fn nothing_like_postgres(closes: bool) -> (Arc<Link>, Arc<AtomicU32>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let came = Arc::new(AtomicU32::new(0));
        let counts = came.clone();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                counts.fetch_add(1, Ordering::Relaxed);
                kept.push(connection);
                if closes {
                    kept.clear();
                }
            }
        });
        let mut settings = Settings::new(&format!(
            "postgres://me@127.0.0.1:{port}/db?sslmode=disable"
        ));
        settings.timeout = CALL;
        (Arc::new(Link::new(settings)), came)
    }

    async fn ask(link: &Arc<Link>, call: Call) -> PostgresError {
        link.execute(call, "select 1", &[]).await.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn callers_share_an_attempt_and_each_ends_in_its_own_time() {
        let (link, came) = nothing_like_postgres(false).await;
        let began = Instant::now();
        let short = ask(&link, Call::new("hurry", CALL / 4));
        let long = ask(&link, Call::new("wait", CALL * 3));
        let (short, long) = tokio::join!(async { (short.await, began.elapsed()) }, async {
            (long.await, began.elapsed())
        },);
        assert_eq!(
            short.0.to_string(),
            "PostgreSQL does not answer: hurry took longer than 50ms"
        );
        assert_eq!(
            long.0.to_string(),
            "PostgreSQL does not answer: connect took longer than 200ms"
        );
        assert!(short.1 < long.1);
        assert!(came.load(Ordering::Relaxed) <= 3, "{came:?} connections");
    }

    #[tokio::test]
    async fn attempts_come_after_growing_waits_and_a_call_without_patience_makes_one() {
        let (link, came) = nothing_like_postgres(true).await;
        let call = Call::new("wait", Duration::from_secs(2));
        assert!(matches!(ask(&link, call).await, PostgresError::Connect(_)));
        // 50, 100, 200, 400, 800 ms and so on, each less up to a half.
        let before = came.load(Ordering::Relaxed);
        assert!((2..=9).contains(&before), "{before} attempts");

        let (link, came) = nothing_like_postgres(true).await;
        let began = Instant::now();
        let call = Call::new("hurry", Duration::from_secs(9)).once();
        assert!(matches!(ask(&link, call).await, PostgresError::Connect(_)));
        assert!(matches!(ask(&link, call).await, PostgresError::Connect(_)));
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(came.load(Ordering::Relaxed) <= 2);
    }

    #[test]
    fn an_attempt_that_ends_with_its_runtime_does_not_keep_those_of_another_waiting() {
        let (link, _) = {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let (link, came) = nothing_like_postgres(false).await;
                let hurry = Call::new("hurry", Duration::from_millis(20));
                assert!(matches!(
                    ask(&link, hurry).await,
                    PostgresError::Silent { .. }
                ));
                (link, came)
            })
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let wait = Call::new("wait", Duration::from_millis(600));
        let error = runtime.block_on(ask(&link, wait));
        assert!(
            matches!(error, PostgresError::Connect(_)),
            "{error}: nobody listens any more"
        );
    }

    #[test]
    fn waits_double_up_to_a_second_less_at_most_a_half() {
        for (times, full) in [(1, 50), (2, 100), (5, 800), (6, 1000), (99, 1000)] {
            let full = Duration::from_millis(full);
            for _ in 0..100 {
                let wait = backoff(times);
                assert!(full / 2 <= wait && wait <= full, "{wait:?} after {times}");
            }
        }
    }
}
