//! Polls code of a service, and beside it the hook `reload` while that is asked for.

use std::cell::Cell as ThreadCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use super::parts::{Part, Turn};
use crate::panics::{self, Panic};
use crate::report::error::{Fault, Result};
use crate::report::status::Phase;
use crate::shared::context::Context;
use crate::shared::failure;

type BoxFuture<'a> = Pin<Box<dyn Future<Output = Result> + Send + 'a>>;

/// Made for services that have something to reload.
pub(crate) struct Beside<'a> {
    cx: &'a Context,
    part: Part<'a>,
    code: BoxFuture<'a>,
    reload: Box<dyn Fn() -> BoxFuture<'a> + Send + 'a>,
    /// The hook, while it is under way.
    hook: Option<BoxFuture<'a>>,
}

impl<'a> Beside<'a> {
    /// Polls `code`, and what `reload` returns when a reload is asked for.
    pub(crate) fn new(
        cx: &'a Context,
        part: Part<'a>,
        code: BoxFuture<'a>,
        reload: Box<dyn Fn() -> BoxFuture<'a> + Send + 'a>,
    ) -> Self {
        Self {
            cx,
            part,
            code,
            reload,
            hook: None,
        }
    }

    fn begin(&mut self) {
        self.drop_hook();
        match within(|| panics::catch(|| (self.reload)())) {
            Ok(hook) => self.hook = Some(hook),
            Err(panic) => self.panicked(panic),
        }
    }

    fn poll_hook(&mut self, task: &mut task::Context<'_>) {
        let Some(hook) = &mut self.hook else { return };
        let Poll::Ready(ended) = within(|| panics::catch_poll(hook.as_mut(), task)) else {
            return;
        };
        self.drop_hook();
        match ended {
            Ok(result) => self.part.answer(result.err().map(Fault::Error)),
            Err(panic) => self.panicked(panic),
        }
    }

    fn drop_hook(&mut self) {
        let hook = self.hook.take();
        if let Err(panic) = panics::catch(|| drop(hook)) {
            failure::fail(self.cx, Phase::Reload, panic);
        }
    }

    /// A panic is a failure of the service, wherever it is.
    fn panicked(&self, Panic(message): Panic) {
        failure::fail(self.cx, Phase::Reload, Fault::Panic(message.clone()));
        self.part.answer(Some(Fault::Panic(message)));
    }
}

impl Future for Beside<'_> {
    type Output = Result;

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Result> {
        match self.part.turn(task) {
            Turn::Same => {}
            Turn::Begin => self.begin(),
            Turn::Drop => self.drop_hook(),
        }
        self.poll_hook(task);
        self.code.as_mut().poll(task)
    }
}

/// A hook that is under way is dropped with the code beside it. Its destructor is user code.
impl Drop for Beside<'_> {
    fn drop(&mut self) {
        self.drop_hook();
    }
}

thread_local! {
    static IS_IN_HOOK: ThreadCell<bool> = const { ThreadCell::new(false) };
}

/// Whether a hook `reload` is being polled on this thread.
pub(super) fn is_in_hook() -> bool {
    IS_IN_HOOK.get()
}

/// Runs code of a hook. The callers catch its panics inside.
fn within<T>(code: impl FnOnce() -> T) -> T {
    let before = IS_IN_HOOK.replace(true);
    let result = code();
    IS_IN_HOOK.set(before);
    result
}
