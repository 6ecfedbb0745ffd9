//! The types that an isolated task may return.

use crate::report::error::Result;

/// What a task started with [`Context::spawn_isolated`](crate::Context::spawn_isolated) may end with:
/// nothing, `()`, or a [`Result`](crate::Result).
///
/// It is sealed: no other type implements it. That there is one kind of `Result` only is what lets
/// `async { work().await?; Ok(()) }` stand without a type for its error.
///
/// ```
/// use lifecycle::Context;
///
/// async fn work() -> std::io::Result<()> { Ok(()) }
///
/// fn start(cx: &Context) {
///     cx.spawn_isolated(async { println!("done") });
///     cx.spawn_isolated(async {
///         work().await?;
///         Ok(())
///     });
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "an isolated task ends with `()` or `lifecycle::Result`, not with `{Self}`",
    label = "the future of this task ends with `{Self}`",
    note = "where it ends with an error of another type, write `async move {{ future.await?; Ok(()) }}`: `?` converts it"
)]
pub trait TaskOutput: Ended {}

impl TaskOutput for () {}
impl TaskOutput for Result {}
/// A task that goes on until it is dropped.
impl TaskOutput for Never {}

/// Seals [`TaskOutput`]: only the types of this file implement it.
pub trait Ended {
    /// How the task ended; `Ok` if it can't fail.
    fn into_result(self) -> Result;
}

impl Ended for () {
    fn into_result(self) -> Result {
        Ok(())
    }
}

impl Ended for Result {
    fn into_result(self) -> Result {
        self
    }
}

impl Ended for Never {
    fn into_result(self) -> Result {
        self
    }
}

/// The type `!`, which has no stable name: since edition 2024 it is what `async { loop { .. } }` ends with.
type Never = <fn() -> ! as Returns>::Output;

#[doc(hidden)]
pub trait Returns {
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}
