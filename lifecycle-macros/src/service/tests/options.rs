//! The problems of the options of a schedule, and of options in general.

use proc_macro2::TokenStream;
use quote::quote;

use super::problems::told;

/// One problem, one message.
pub(super) fn check(cases: impl IntoIterator<Item = (TokenStream, &'static str)>) {
    for (args, expected) in cases {
        assert_eq!(told(args.clone()), [expected], "{args}");
    }
}

fn scheduled(options: &TokenStream) -> TokenStream {
    quote!(scheduled(interval = "1m", #options))
}

pub(super) fn queue(options: &TokenStream) -> TokenStream {
    quote!(queue(size = 10, interval = "1s", #options))
}

#[test]
fn what_is_sound() {
    for args in [
        quote!(scheduled(delay = "every", first = after_interval)),
        quote!(scheduled(interval = "1m", jitter = "1m", missed = burst)),
        quote!(scheduled(jitter = "2m", interval = "every")),
        quote!(scheduled(jitter = "2m", interval = self.cfg.every)),
        quote!(scheduled(
            interval = "1m",
            on_error = continue,
            max_failures = 3u32
        )),
        quote!(scheduled(
            interval = "1m",
            initial_delay = "cfg.start",
            tick_timeout = self.cfg.limit()
        )),
        quote!(scheduled(interval = "24h", catch_up = "7d", missed = burst)),
        quote!(scheduled(delay = "1h", catch_up = self.window)),
        quote!(queue(interval = "every", size = "cfg.size")),
        quote!(queue(
            size = self.cfg.size * 2,
            interval = "1s",
            attempts = 1,
            attempts_used_up = drop,
            overflow = drop_oldest,
            flush_timeout = self.limit(),
            retry = "1s..1s"
        )),
        quote!(queue(
            size = 10usize,
            interval = self.every,
            flush_timeout = "every"
        )),
        quote!(startup(retry = "100ms..10s"), idle),
        quote!(worker, startup(retry = "1s .. 1m 30s",)),
    ] {
        let told = told(args.clone());
        assert!(told.is_empty(), "{args}: {told:?}");
    }
}

#[test]
fn one_schedule() {
    let second = "a service has one schedule, and";
    let cases = [
        (quote!(interval = "1s", delay = "1s"), "interval", "delay"),
        (quote!(delay = "1s", interval = "1s"), "delay", "interval"),
    ];
    for (args, first, name) in cases {
        let expected = format!("{second} `{name}` is the second | keep `{first}` or `{name}`");
        assert_eq!(told(quote!(scheduled(#args))), [expected]);
    }
    check([
        (
            quote!(scheduled()),
            "a scheduled service has no `interval`, no `delay` and no `cron` | write `scheduled(interval = \"30s\")`",
        ),
        (
            quote!(scheduled(jitter = "1s")),
            "a scheduled service has no `interval`, no `delay` and no `cron` | write `scheduled(interval = \"30s\", ..)`",
        ),
        (
            quote!(scheduled = "30s"),
            "the shape `scheduled` takes its arguments in parentheses | write `scheduled(interval = \"30s\")`",
        ),
    ]);
}

#[test]
fn unknown_and_repeated_options() {
    check([
        (
            quote!(scheduled(intervall = "30s", jitter = "1s")),
            "unknown argument `intervall` of `scheduled` | did you mean `interval`?",
        ),
        (
            quote!(scheduled(every = "30s")),
            "unknown argument `every` of `scheduled` | did you mean `interval`?",
        ),
        (
            scheduled(&quote!(jiter = "1s")),
            "unknown argument `jiter` of `scheduled` | did you mean `jitter`?",
        ),
        (
            scheduled(&quote!(dealy = "1s")),
            "unknown argument `dealy` of `scheduled` | remove it",
        ),
        (
            scheduled(&quote!(retries = 3)),
            "unknown argument `retries` of `scheduled` | remove it",
        ),
        (
            scheduled(&quote!(jitter = "1s", jitter = "2s")),
            "`jitter` is given twice | remove one of the two",
        ),
        (
            queue(&quote!(sise = 3)),
            "unknown argument `sise` of `queue` | remove it",
        ),
        (
            queue(&quote!(attempt = 3)),
            "unknown argument `attempt` of `queue` | did you mean `attempts`?",
        ),
        (
            queue(&quote!(size = 3)),
            "`size` is given twice | remove one of the two",
        ),
        (
            quote!(scheduled(interval = "1m"), jitter = "1s"),
            "`jitter` is an argument of `scheduled` | write `scheduled(.., jitter = ..)`",
        ),
        (
            quote!(queue(size = 3, interval = "1s"), interval = "1s"),
            "`interval` is an argument of `queue` | write `queue(.., interval = ..)`",
        ),
        (
            quote!(worker, retry = "1s..2s"),
            "`retry` is an argument of `startup` | write `startup(retry = \"100ms..10s\")`",
        ),
    ]);
}

#[test]
fn durations_of_a_schedule() {
    check([
        (
            quote!(scheduled(delay = "0s")),
            "`delay` is zero | write a duration above zero, such as `delay = \"10s\"`",
        ),
        (
            scheduled(&quote!(initial_delay = "0s")),
            "`initial_delay` is zero | write `first = immediate` instead",
        ),
        (
            scheduled(&quote!(initial_delay = "self.cfg")),
            "the initial delay `self.cfg` begins with `self` | write `initial_delay = \"cfg\"`: a path in quotes begins there already",
        ),
        (
            scheduled(&quote!(tick_timeout = 5)),
            "the duration `5` has no unit | write `tick_timeout = \"5s\"` for seconds",
        ),
        (
            scheduled(&quote!(tick_timeout = "cfg..a")),
            "the tick timeout `cfg..a` is neither a field path nor a duration | begin with one of its fields `cfg`, `every`, or write a duration such as `\"30s\"`",
        ),
        (
            scheduled(&quote!(tick_timeout)),
            "`tick_timeout` has no value | write `tick_timeout = \"30s\"`",
        ),
        (
            scheduled(&quote!(jitter = "61s")),
            "the jitter `61s` is longer than the interval `1m` | write at most `jitter = \"1m\"`",
        ),
        (
            quote!(scheduled(jitter = "2s", delay = "1s")),
            "the jitter `2s` is longer than the delay `1s` | write at most `jitter = \"1s\"`",
        ),
    ]);
}

#[test]
fn words_of_a_schedule() {
    check([
        (
            scheduled(&quote!(first = imediate)),
            "unknown value `imediate` of `first` | did you mean `immediate`?",
        ),
        (
            scheduled(&quote!(first = "immediate")),
            "the value `immediate` of `first` is in quotes | write `first = immediate`",
        ),
        (
            scheduled(&quote!(first)),
            "`first` has no value | write `first = immediate`",
        ),
        (
            scheduled(&quote!(missed = drop)),
            "unknown value `drop` of `missed` | write one of `coalesce`, `skip`, `burst`, `delay`",
        ),
        (
            scheduled(&quote!(missed = 3)),
            "unknown value `3` of `missed` | write one of `coalesce`, `skip`, `burst`, `delay`",
        ),
        (
            scheduled(&quote!(on_error = ignore)),
            "unknown value `ignore` of `on_error` | write `continue` or `fail`",
        ),
        (
            scheduled(&quote!(on_error = "continue")),
            "the value `continue` of `on_error` is in quotes | write `on_error = continue`",
        ),
        (
            scheduled(&quote!(on_panic = contine)),
            "unknown value `contine` of `on_panic` | did you mean `continue`?",
        ),
        (
            scheduled(&quote!(on_panics = continue)),
            "unknown argument `on_panics` of `scheduled` | did you mean `on_panic`?",
        ),
        (
            scheduled(&quote!(catch_unwind = true)),
            "unknown argument `catch_unwind` of `scheduled` | did you mean `on_panic`?",
        ),
        (
            scheduled(&quote!(on_panic)),
            "`on_panic` has no value | write `on_panic = continue`",
        ),
    ]);
}

#[test]
fn options_that_exclude_each_other() {
    check([
        (
            scheduled(&quote!(first = immediate, initial_delay = "1s")),
            "`first` and `initial_delay` both say when the first tick is due | keep `first` or `initial_delay`",
        ),
        (
            quote!(scheduled(missed = all, delay = "1s")),
            "a schedule by `delay` misses no tick, so `missed` says nothing | remove it",
        ),
        (
            scheduled(&quote!(max_failures = 3, on_error = fail)),
            "with `on_error = fail` one failure is the end, and `max_failures` counts none | keep `on_error = fail` or `max_failures`",
        ),
        (
            scheduled(&quote!(on_panic = continue, on_error = fail)),
            "with `on_error = fail` one failure is the end, so no tick follows one that panicked | keep `on_error = fail` or `on_panic = continue`",
        ),
    ]);
}

#[test]
fn counts() {
    let above_zero = "write a number above zero, such as `max_failures = 3`";
    let cases = [
        (quote!(0), format!("`max_failures` is zero | {above_zero}")),
        (
            quote!("3"),
            "the number `3` is in quotes | write `max_failures = 3`".into(),
        ),
        (
            quote!(4294967296),
            "`max_failures` is too large | write a number up to `4294967295`".into(),
        ),
    ];
    for (value, expected) in cases {
        let args = scheduled(&quote!(max_failures = #value));
        assert_eq!(told(args), [expected]);
    }
    for value in [quote!(-1), quote!(1.5), quote!(3s), quote!(self.n)] {
        let args = scheduled(&quote!(max_failures = #value));
        let expected = "the value of `max_failures` is not an integer literal";
        assert_eq!(told(args), [format!("{expected} | {above_zero}")]);
    }
    check([(
        queue(&quote!(attempts = 0)),
        "`attempts` is zero | write a number above zero, such as `attempts = 5`",
    )]);
}

#[test]
fn all_at_once_in_source_order() {
    let told = told(quote!(
        startup(retry = "2s..1s"),
        scheduled(
            max_failures = 0,
            jitter = "2m",
            jiter = "1s",
            missed = all,
            interval = "1m",
            delay = "1s"
        )
    ));
    let sentences: Vec<_> = told
        .iter()
        .filter_map(|told| told.split(" | ").next())
        .collect();
    let expected = [
        "the range `2s..1s` ends below its beginning",
        "`max_failures` is zero",
        "the jitter `2m` is longer than the interval `1m`",
        "unknown argument `jiter` of `scheduled`",
        "unknown value `all` of `missed`",
        "a service has one schedule, and `delay` is the second",
    ];
    assert_eq!(sentences, expected);
}

#[test]
fn what_says_nothing_beside_catch_up() {
    let first = "with `catch_up` the first tick is due when the memory says, so `first` says nothing | remove it";
    let delay = "with `catch_up` the first tick is due when the memory says, so `initial_delay` says nothing | remove it";
    check([
        (
            scheduled(&quote!(catch_up = "1d", first = immediate)),
            first,
        ),
        (
            scheduled(&quote!(initial_delay = "1s", catch_up = "1d")),
            delay,
        ),
        (
            scheduled(&quote!(catch_up = "1d", missed = skip)),
            "`missed = skip` leaves out what `catch_up` makes up for | remove it, or write `missed = burst`",
        ),
        (
            scheduled(&quote!(missed = delay, catch_up = "1d")),
            "`missed = delay` leaves out what `catch_up` makes up for | remove it, or write `missed = burst`",
        ),
        (
            scheduled(&quote!(catch_up = "0s")),
            "`catch_up` is zero | write a duration above zero, such as `catch_up = \"10s\"`",
        ),
        (
            scheduled(&quote!(catchup = "1d")),
            "unknown argument `catchup` of `scheduled` | did you mean `catch_up`?",
        ),
        (
            scheduled(&quote!(misfire_grace_time = "1d")),
            "unknown argument `misfire_grace_time` of `scheduled` | did you mean `catch_up`?",
        ),
    ]);
}
