//! An error that no restart can mend.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use lifecycle::{BoxError, Context, Registry, Result, Worker, permanent, service};
use lifecycle_tests::secs;
use tokio::time::sleep;

use crate::runs::{alone, policy, started};

#[derive(Debug, thiserror::Error)]
#[error("the configuration makes no sense")]
struct Wrong(#[source] io::Error);

fn wrong() -> Wrong {
    Wrong(io::Error::other("port 70000"))
}

#[derive(Debug, thiserror::Error)]
enum Wrapped {
    #[error("can't go on")]
    Source(#[source] BoxError),
    #[error(transparent)]
    Transparent(BoxError),
}

/// As `anyhow` and its like: the box hides what is in it, and shows its sources.
#[derive(Debug)]
struct Hidden(BoxError);

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Hidden {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

#[service(worker)]
struct Feed(fn() -> BoxError);

impl Worker for Feed {
    async fn run(&self, _: &Context) -> Result {
        sleep(secs(1)).await;
        Err(self.0())
    }
}

fn by_the_question_mark() -> Result {
    Err(permanent(wrong()))?;
    Ok(())
}

fn twice() -> Result {
    Err(by_the_question_mark().unwrap_err())?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn it_is_final_at_once_in_whatever_box_it_comes() {
    let boxes: [fn() -> BoxError; 8] = [
        || permanent(wrong()).into(),
        || twice().unwrap_err(),
        || permanent("a text").into(),
        || permanent(permanent(wrong())).into(),
        || Box::new(Box::new(permanent(wrong()))),
        || Wrapped::Source(permanent(wrong()).into()).into(),
        || Wrapped::Transparent(permanent("a text").into()).into(),
        || Hidden(permanent(wrong()).into()).into(),
    ];
    for (index, error) in boxes.into_iter().enumerate() {
        let running = started(alone(Feed(error), policy())).await;
        running.wait().await;
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 1);
        assert_eq!(outcome.services()[0].restarts, 0, "{index}");
        let failure = &outcome.failures()[0];
        assert!(failure.is_permanent() && failure.gave_up_after().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_mark_it_is_restarted() {
    let boxes: [fn() -> BoxError; 2] =
        [|| wrong().into(), || Wrapped::Source(wrong().into()).into()];
    for error in boxes {
        let running = started(alone(Feed(error), policy().max(1))).await;
        running.wait().await;
        let outcome = running.stop().await;
        assert_eq!(outcome.services()[0].restarts, 1);
        assert!(!outcome.failures()[0].is_permanent());
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_told_and_found_as_the_error_that_was_marked() {
    let running =
        started(Registry::builder().service("feed", Feed(|| permanent(wrong()).into()))).await;
    let reason = running.wait().await.to_string();
    assert_eq!(
        reason,
        "service `feed` failed in run: the configuration makes no sense: port 70000"
    );
    let outcome = running.stop().await;
    let cause = outcome.failures()[0].cause().unwrap();
    assert!(cause.is::<Wrong>());
    assert!(cause.source().unwrap().is::<io::Error>());
}

#[test]
fn its_text_and_its_sources_are_those_of_the_error() {
    let marked = permanent(wrong());
    assert_eq!(marked.to_string(), wrong().to_string());
    assert_eq!(format!("{marked:?}"), marked.to_string());
    assert_eq!(marked.source().unwrap().to_string(), "port 70000");
    assert!(marked.get_ref().is::<Wrong>());
    assert!(marked.into_inner().is::<Wrong>());
}
