//! Problems go in as they are found; all of them come out, in the order of the source.

use std::fmt::Display;
use std::thread;

use quote::ToTokens;
use syn::Error;

/// A problem at the tokens to change, with a sentence that says what is wrong and a help that says
/// what to write instead.
pub(crate) fn problem_at(
    place: impl ToTokens,
    sentence: impl Display,
    help: impl Display,
) -> Error {
    Error::new_spanned(place, format_args!("{sentence}\nhelp: {help}"))
}

/// Collects problems, so that the first one doesn't hide the others.
///
/// Call [`finish`](Self::finish) in the end: dropping it would swallow the problems.
#[must_use]
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<(Order, Error)>,
    next: usize,
}

/// A place in the order of the source, reserved for a problem that shows only after everything is
/// read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order(usize);

impl Errors {
    pub(crate) fn report(
        &mut self,
        place: impl ToTokens,
        sentence: impl Display,
        help: impl Display,
    ) {
        self.push(problem_at(place, sentence, help));
    }

    pub(crate) fn push(&mut self, error: Error) {
        let here = self.reserve();
        self.push_at(here, error);
    }

    pub(crate) fn push_at(&mut self, order: Order, error: Error) {
        self.found.push((order, error));
    }

    pub(crate) fn reserve(&mut self) -> Order {
        let order = Order(self.next);
        self.next += 1;
        order
    }

    /// Returns the value, or reports the problem.
    pub(crate) fn handle<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Calls `read` for a part of the source. Also returns whether anything in that part failed.
    pub(crate) fn scope<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let before = self.found.len();
        let value = read(self);
        (value, self.found.len() > before)
    }

    /// In source order; empty when all is well.
    pub(crate) fn finish(mut self) -> Vec<Error> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|&(order, _)| order);
        found.into_iter().map(|(_, error)| error).collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        debug_assert!(
            self.found.is_empty() || thread::panicking(),
            "problems were found and never told"
        );
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::{Errors, problem_at};

    #[test]
    fn problems_come_out_in_source_order() {
        let mut errors = Errors::default();
        let first = errors.reserve();
        errors.report(quote!(b), "second", "two");
        errors.push_at(first, problem_at(quote!(a), "first", "one"));
        let told: Vec<String> = errors.finish().iter().map(ToString::to_string).collect();
        assert_eq!(told, ["first\nhelp: one", "second\nhelp: two"]);
    }

    #[test]
    fn a_scope_tells_whether_anything_under_it_failed() {
        let mut errors = Errors::default();
        errors.report(quote!(a), "before", "one");
        let (value, failed) = errors.scope(|_| 1);
        assert_eq!((value, failed), (1, false));
        let ((), failed) = errors.scope(|errors| {
            let ((), failed) = errors.scope(|errors| errors.report(quote!(b), "under", "two"));
            assert!(failed);
        });
        assert!(failed);
        assert_eq!(errors.finish().len(), 2);
    }

    #[test]
    #[should_panic(expected = "never told")]
    fn swallowed_problems_are_noticed() {
        let mut errors = Errors::default();
        errors.report(quote!(a), "first", "one");
    }
}
