//! What every service owes, as `lifecycle::testing::conformance!` checks it for users: services of each shape and written
//! by hand that do, and for each case one that does not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod faulty;
mod sound;

use lifecycle::Service;
use lifecycle::testing::{Case, Conformance};

/// Checks this case, which fails with this sentence.
#[track_caller]
fn fails<S, F>(case: Case, make: F, sentence: &str)
where
    S: Service,
    F: Fn() -> S + Clone + Send + Sync + 'static,
{
    let of = Conformance::of(move || {
        let make = make.clone();
        async move { make() }
    });
    let error = of.check(case).expect_err("a failure");
    assert_eq!(error.case(), case);
    assert_eq!(error.to_string(), format!("{case}: {sentence}"));
    assert_eq!(format!("{error:?}"), error.to_string());
}
