//! The problems of a queue, and of retries: its own, and those of `startup`.

use quote::quote;

use super::options::{check, queue};
use super::problems::told;

#[test]
fn queues() {
    check([
        (
            quote!(queue),
            "a queue has no size and no interval | write `queue(size = 100, interval = \"1s\")`",
        ),
        (
            quote!(queue(interval = "1s")),
            "a queue has no size | write `queue(size = 100, ..)`",
        ),
        (
            quote!(queue(size = 10)),
            "a queue has no interval | write `queue(interval = \"1s\", ..)`",
        ),
        (
            quote!(queue(size = 0, interval = "1s")),
            "`size` is zero | write a number above zero, such as `size = 100`",
        ),
        (
            quote!(queue(size = "10", interval = "1s")),
            "the number `10` is in quotes | write `size = 10`",
        ),
        (
            quote!(queue(size = "10s", interval = "1s")),
            "the size `10s` is neither a field path nor a number | begin with one of its fields `cfg`, `every`, or write a number such as `100`",
        ),
        (
            quote!(queue(size = "sizes", interval = "1s")),
            "`Gc` has no field `sizes` | begin with one of its fields `cfg`, `every`, write a number such as `100`, or call a method without quotes: `self.sizes()`",
        ),
        (
            quote!(queue(size = 10, interval = "0s")),
            "`interval` is zero | write a duration above zero, such as `interval = \"10s\"`",
        ),
        (
            quote!(queue(10, interval = "1s")),
            "the argument of `queue` has no name | write `size = 10`",
        ),
        (
            quote!(queue(length = 10, interval = "1s")),
            "unknown argument `length` of `queue` | write `size`",
        ),
    ]);
}

#[test]
fn how_long_a_flush_may_take() {
    check([
        (
            queue(&quote!(flush_timeout = "0s")),
            "`flush_timeout` is zero | write a duration above zero, such as `flush_timeout = \"10s\"`",
        ),
        (
            queue(&quote!(flush_timeout = 5)),
            "the duration `5` has no unit | write `flush_timeout = \"5s\"` for seconds",
        ),
        (
            queue(&quote!(flush_timeout = "limit")),
            "`Gc` has no field `limit` | begin with one of its fields `cfg`, `every`, write a duration such as `\"30s\"`, or call a method without quotes: `self.limit()`",
        ),
        (
            queue(&quote!(flush_timeout)),
            "`flush_timeout` has no value | write `flush_timeout = \"30s\"`",
        ),
        (
            queue(&quote!(flush_timout = "5s")),
            "unknown argument `flush_timout` of `queue` | did you mean `flush_timeout`?",
        ),
        (
            queue(&quote!(timeout = "5s")),
            "unknown argument `timeout` of `queue` | did you mean `flush_timeout`?",
        ),
        (
            quote!(worker, flush_timeout = "5s"),
            "`flush_timeout` is an argument of `queue` | write `queue(.., flush_timeout = ..)`",
        ),
    ]);
}

#[test]
fn words_of_a_queue() {
    check([
        (
            queue(&quote!(overflow = drop_oldset)),
            "unknown value `drop_oldset` of `overflow` | did you mean `drop_oldest`?",
        ),
        (
            queue(&quote!(overflow = block)),
            "unknown value `block` of `overflow` | write `wait` or `drop_oldest`",
        ),
        (
            queue(&quote!(overflow = "wait")),
            "the value `wait` of `overflow` is in quotes | write `overflow = wait`",
        ),
        (
            queue(&quote!(overlow = wait)),
            "unknown argument `overlow` of `queue` | did you mean `overflow`?",
        ),
        (
            queue(&quote!(on_full = drop_oldest)),
            "unknown argument `on_full` of `queue` | did you mean `overflow`?",
        ),
        (
            queue(&quote!(drop_oldest)),
            "unknown argument `drop_oldest` of `queue` | write `overflow = drop_oldest`",
        ),
        (
            quote!(scheduled(interval = "1s", overflow = drop_oldest)),
            "unknown argument `overflow` of `scheduled` | remove it",
        ),
        (
            queue(&quote!(attempts_used_up = dorp)),
            "unknown value `dorp` of `attempts_used_up` | did you mean `drop`?",
        ),
        (
            queue(&quote!(attempts_used_up = ignore)),
            "unknown value `ignore` of `attempts_used_up` | write `fail` or `drop`",
        ),
        (
            queue(&quote!(attempts_used_up = "drop")),
            "the value `drop` of `attempts_used_up` is in quotes | write `attempts_used_up = drop`",
        ),
        (
            queue(&quote!(attempts_used_up)),
            "`attempts_used_up` has no value | write `attempts_used_up = fail`",
        ),
        (
            queue(&quote!(attempts_usedup = drop)),
            "unknown argument `attempts_usedup` of `queue` | did you mean `attempts_used_up`?",
        ),
        (
            queue(&quote!(on_exhausted = drop)),
            "unknown argument `on_exhausted` of `queue` | did you mean `attempts_used_up`?",
        ),
        (
            queue(&quote!(drop)),
            "unknown argument `drop` of `queue` | write `attempts_used_up = drop`",
        ),
        (
            quote!(worker, attempts_used_up = drop),
            "`attempts_used_up` is an argument of `queue` | write `queue(.., attempts_used_up = ..)`",
        ),
    ]);
}

#[test]
fn retries() {
    let cases = [
        (
            quote!("100ms"),
            "`100ms` is not a range of durations | write the first wait and the longest one, such as `retry = \"100ms..10s\"`",
        ),
        (
            quote!("100ms.."),
            "`100ms..` is not a range of durations | write the first wait and the longest one, such as `retry = \"100ms..10s\"`",
        ),
        (
            quote!("100..10s"),
            "the duration `100` has no unit | write `100s` for seconds",
        ),
        (
            quote!("10s..100ms"),
            "the range `10s..100ms` ends below its beginning | write `retry = \"100ms..10s\"`",
        ),
        (
            quote!("0s..10s"),
            "the range `0s..10s` has a wait of zero in it | write durations above zero, such as `retry = \"100ms..10s\"`",
        ),
        (
            quote!(1s..10s),
            "the range `1s..10s` is not in quotes | write `retry = \"1s..10s\"`",
        ),
        (
            quote!(self.range),
            "the value of `retry` is not a range of durations | write `retry = \"100ms..10s\"`",
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(told(quote!(idle, startup(retry = #value))), [expected]);
        assert_eq!(told(queue(&quote!(retry = #value))), [expected]);
    }
}

#[test]
fn startups() {
    let example = "write `startup(retry = \"100ms..10s\")`";
    for args in [quote!(idle, startup), quote!(startup(), worker)] {
        let expected = format!("`startup` has no argument | {example}");
        assert_eq!(told(args), [expected]);
    }
    assert_eq!(
        told(quote!(idle, startup = "1s..2s")),
        [format!(
            "`startup` takes its arguments in parentheses | {example}"
        )]
    );
    check([
        (
            quote!(startup(retry = "1s..2s"), oneshot),
            "a oneshot has no startup that could be tried again | remove it",
        ),
        (
            quote!(idle, startup(retries = "1s..2s")),
            "unknown argument `retries` of `startup` | write `retry`",
        ),
        (
            quote!(idle, startup(retry = "1s..2s", attempts = 3)),
            "unknown argument `attempts` of `startup` | remove it",
        ),
        (
            quote!(idle, startup("1s..2s")),
            "the argument of `startup` has no name | write `retry = \"1s..2s\"`",
        ),
        (
            quote!(idle, startup(retry = "1s..2s"), startup(retry = "1s..2s")),
            "`startup` is given twice | remove one of the two",
        ),
        (
            quote!(idle, strtup(retry = "1s..2s")),
            "unknown argument `strtup` | did you mean `startup`?",
        ),
    ]);
}
