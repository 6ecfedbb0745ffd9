//! The forms in which code waits for a stop channel.

use std::future::{Future, IntoFuture, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Poll, Wake, Waker};

use lifecycle::{Context, Result, Worker, registry, service, testing};
use lifecycle_tests::{Journal, secs, start, threads};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

/// Notes when it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Arc<Woken>) -> Poll<F::Output> {
    let waker = Arc::clone(waker).into();
    Pin::new(future).poll(&mut task::Context::from_waker(&waker))
}

/// Counts seconds, and looks at the stop channel without keeping it.
#[service(worker)]
struct Counter(Arc<AtomicUsize>);

impl Worker for Counter {
    async fn run(&self, cx: &Context) -> Result {
        loop {
            tokio::select! {
                () = cx.stop_channel() => return Ok(()),
                () = sleep(secs(1)) => self.0.fetch_add(1, Ordering::Relaxed),
            };
        }
    }
}

#[tokio::test(start_paused = true)]
async fn select_takes_the_channel_as_it_is() {
    let count = Arc::default();
    let journal = Journal::new();
    let running = start(registry! { "counter" => Counter(Arc::clone(&count)) });
    running.await_healthy().await.unwrap();
    sleep(secs(5) + secs(1) / 2).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 5);
    assert_eq!(journal.now(), secs(5) + secs(1) / 2, "at once");
}

#[tokio::test(start_paused = true)]
async fn an_owned_wait_outlives_its_context_and_goes_on_by_reference() {
    let cx = testing::context("api");
    let (mut closed, awaited) = (cx.stop_channel().closed_owned(), cx.stop_channel());
    let early = tokio::spawn(cx.stop_channel().closed_owned());
    for _ in 0..3 {
        tokio::select! {
            biased;
            () = &mut closed => panic!("it is open"),
            () = sleep(secs(1)) => {}
        }
    }
    testing::stop(&cx);
    drop(cx);
    early.await.unwrap();
    awaited.await;
    (&mut closed).await;
    closed.await;
}

#[test]
fn an_owned_wait_wakes_the_task_that_polled_it_last_and_leaves_nothing_behind() {
    let cx = testing::context("api");
    let (first, last, dropped) = (Arc::default(), Arc::default(), Arc::default());
    let mut closed = cx.stop_channel().into_future();
    assert!(poll(&mut closed, &first).is_pending());
    assert!(poll(&mut closed, &last).is_pending());
    let mut given_up = cx.stop_channel().closed_owned();
    assert!(poll(&mut given_up, &dropped).is_pending());
    drop(given_up);
    let holders = [&first, &last, &dropped].map(Arc::strong_count);
    assert_eq!(holders, [1, 2, 1], "with the test");
    testing::stop(&cx);
    let woken = [&first, &last, &dropped].map(|waker| waker.0.load(Ordering::Relaxed));
    assert_eq!(woken, [0, 1, 0]);
    assert_eq!(Arc::strong_count(&last), 1);
    assert!(poll(&mut closed, &last).is_ready());
    assert!(poll(&mut closed, &last).is_ready(), "and again");
}

#[tokio::test(start_paused = true)]
async fn what_is_done_before_the_closing_gives_its_result() {
    let cx = testing::context("api");
    let stop = cx.stop_channel();
    let work = async {
        sleep(secs(1)).await;
        7
    };
    assert_eq!(stop.run_until_closed(work).await, Some(7));
}

#[tokio::test(start_paused = true)]
async fn at_the_closing_the_rest_is_dropped_at_once() {
    let cx = testing::context("api");
    let drops = Arc::default();
    let held = Dropped(Arc::clone(&drops));
    let began = Instant::now();
    let running = tokio::spawn({
        let stop = cx.stop_channel();
        let work = async move {
            let _held = held;
            pending::<()>().await;
        };
        async move { (stop.run_until_closed(work).await, Instant::now()) }
    });
    sleep(secs(3)).await;
    testing::stop(&cx);
    let (result, ended) = running.await.unwrap();
    assert_eq!(result, None);
    assert_eq!(ended - began, secs(3));
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_closing_is_dropped_without_being_polled() {
    let cx = testing::context("api");
    testing::stop(&cx);
    let drops = Arc::default();
    let held = Dropped(Arc::clone(&drops));
    let work = async move {
        let _held = held;
        panic!("polled");
    };
    let result: Option<()> = cx.stop_channel().run_until_closed(work).await;
    assert_eq!(result, None);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_is_done_at_the_moment_of_the_closing_gives_its_result() {
    let cx = testing::context("api");
    let work = async {
        testing::stop(&cx);
        7
    };
    assert_eq!(cx.stop_channel().run_until_closed(work).await, Some(7));

    let cx = testing::context("api");
    let (sender, receiver) = oneshot::channel();
    let stop = cx.stop_channel();
    let mut work = pin!(stop.run_until_closed(receiver));
    let mut task = task::Context::from_waker(Waker::noop());
    assert!(work.as_mut().poll(&mut task).is_pending());
    testing::stop(&cx);
    sender.send(7).unwrap();
    assert_eq!(work.await, Some(Ok(7)), "both since the last poll");
}

#[test]
fn a_wait_for_work_that_is_dropped_drops_the_work_and_leaves_no_waker() {
    let cx = testing::context("api");
    let (drops, waker) = (Arc::default(), Arc::default());
    let held = Dropped(Arc::clone(&drops));
    let stop = cx.stop_channel();
    let mut running = Box::pin(stop.run_until_closed(async move {
        let _held = held;
        pending::<()>().await;
    }));
    assert!(poll(&mut running, &waker).is_pending());
    assert_eq!(drops.load(Ordering::Relaxed), 0);
    drop(running);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    assert_eq!(Arc::strong_count(&waker), 1);
}

#[test]
fn no_message_is_lost_between_the_last_one_received_and_the_closing() {
    let runtime = threads(2);
    let mut random = fastrand::Rng::with_seed(7);
    for turn in 0..3_000 {
        let cx = testing::context("api");
        let stop = cx.stop_channel();
        let (sender, mut messages) = mpsc::unbounded_channel();
        let (before, after) = (random.u32(0..20), random.u32(0..20));
        let sending = runtime.spawn(async move {
            for message in 0..before {
                sender.send(message).unwrap();
            }
            testing::stop(&cx);
            for message in before..before + after {
                sender.send(message).unwrap();
            }
        });
        let received = runtime.block_on(async {
            let mut received = 0;
            while let Some(message) = stop.run_until_closed(messages.recv()).await {
                let Some(message) = message else { break };
                assert_eq!(message, received, "turn {turn}");
                received += 1;
            }
            sending.await.unwrap();
            while messages.recv().await.is_some() {
                received += 1;
            }
            received
        });
        assert_eq!(received, before + after, "turn {turn}");
    }
}

#[cfg(feature = "tokio-util")]
mod tokens {
    use std::sync::Mutex;
    use std::thread;

    use tokio_util::sync::CancellationToken;

    use super::*;

    /// Serves until its token is cancelled, and lends its context.
    #[service(worker)]
    struct Server(Arc<Mutex<Option<Context>>>);

    impl Worker for Server {
        async fn startup(&self, cx: &Context) -> Result {
            *self.0.lock().unwrap() = Some(cx.clone());
            Ok(())
        }

        async fn run(&self, cx: &Context) -> Result {
            cx.stop_channel().token().cancelled_owned().await;
            assert!(cx.stop_channel().is_closed());
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_cancelled_when_the_channel_is_closed_and_not_before() {
        let lent: Arc<Mutex<Option<Context>>> = Arc::default();
        let running = start(registry! { "server" => Server(Arc::clone(&lent)) });
        running.await_healthy().await.unwrap();
        let cx = lent.lock().unwrap().clone().unwrap();
        let (early, child) = (
            cx.stop_channel().token(),
            cx.stop_channel().token().child_token(),
        );
        sleep(secs(5)).await;
        assert!(!early.is_cancelled() && !child.is_cancelled());
        running.stop().await.into_result().unwrap();
        assert!(early.is_cancelled());
        assert!(cx.stop_channel().token().is_cancelled(), "a late one too");
        drop(cx);
        lent.lock().unwrap().take();
        assert!(early.child_token().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn to_cancel_a_token_stops_neither_the_service_nor_what_has_another() {
        let cx = testing::context("api");
        let (mine, others) = (cx.stop_channel().token(), cx.stop_channel().token());
        mine.cancel();
        assert!(!others.is_cancelled() && !cx.stop_channel().is_closed());
        assert!(!cx.stop_channel().token().is_cancelled());
        testing::stop(&cx);
        assert!(others.is_cancelled());
    }

    #[test]
    fn a_token_keeps_nothing_of_the_application() {
        let lent: Arc<Mutex<Option<Context>>> = Arc::default();
        let token = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(async {
                let running = start(registry! { "server" => Server(Arc::clone(&lent)) });
                running.await_healthy().await.unwrap();
                let token = lent
                    .lock()
                    .unwrap()
                    .as_ref()
                    .unwrap()
                    .stop_channel()
                    .token();
                running.stop().await.into_result().unwrap();
                token
            });
        let waker = Arc::default();
        let cx = lent.lock().unwrap().take().unwrap();
        let mut gone = Box::pin(cx.stop_channel().token().cancelled_owned());
        drop(cx);
        assert!(poll(&mut gone, &waker).is_ready());
        assert!(token.is_cancelled());
    }

    #[test]
    fn one_that_waits_beside_a_waker_that_panics_is_cancelled_too() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("the waker's own panic");
            }
        }
        let cx = testing::context("api");
        let other = cx.stop_channel().token();
        let mut waiting = Box::pin(cx.stop_channel().token().cancelled_owned());
        let waker = Arc::new(Panics).into();
        let waits = waiting
            .as_mut()
            .poll(&mut task::Context::from_waker(&waker));
        assert!(waits.is_pending());
        testing::stop(&cx);
        assert!(cx.stop_channel().is_closed() && other.is_cancelled());
        assert!(cx.stop_channel().token().is_cancelled());
    }

    #[test]
    fn a_token_made_while_the_channel_is_being_closed_is_cancelled() {
        for turn in 0..5_000 {
            let cx = testing::context("api");
            let tokens: Vec<CancellationToken> = thread::scope(|scope| {
                let makers: Vec<_> = (0..2)
                    .map(|_| {
                        let stop = cx.stop_channel();
                        scope.spawn(move || (0..3).map(|_| stop.token()).collect::<Vec<_>>())
                    })
                    .collect();
                testing::stop(&cx);
                makers
                    .into_iter()
                    .flat_map(|maker| maker.join().unwrap())
                    .collect()
            });
            let open = tokens.iter().filter(|token| !token.is_cancelled()).count();
            assert_eq!(open, 0, "turn {turn}");
        }
    }
}
