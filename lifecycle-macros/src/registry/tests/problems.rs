//! The problems of entries and settings, and their order.

use proc_macro2::TokenStream;
use quote::quote;

use crate::tests::expansion::documented_problems;

use super::expand_registry;

pub(super) fn told(input: &TokenStream) -> Vec<String> {
    documented_problems(expand_registry(input))
}

/// One problem each, in an otherwise sound registry.
pub(super) fn check_each<const N: usize>(cases: [(TokenStream, &str); N]) {
    for (input, expected) in cases {
        assert_eq!(told(&input), [expected], "{input}");
    }
}

#[test]
fn what_strangers_write() {
    check_each([
        (
            quote!(service("store", Store::new())),
            "this service has no name | write `\"store\" => Store::new()`",
        ),
        (
            quote!(("store", s)),
            "this service has no name | write `\"store\" => s`",
        ),
        (
            quote!(STORE => s),
            "the service name `STORE` is not in quotes | write `\"store\" => ..`",
        ),
        (
            quote!(_ => s, "a" => s, after = ["lost"]),
            "the service name `_` is not in quotes | write `\"name\" => ..`",
        ),
        (
            quote!(format!("{a}") => s),
            "the name of a service is no literal | write it in quotes; names that are known only at run time go to `Registry::builder()`",
        ),
        (
            quote!(["a" => s]),
            "this is neither a service nor a setting | write `\"name\" => value`, or a setting",
        ),
        (
            quote!(if c { "a" => s }),
            "a registry is a list, and `if` is code | put `#[cfg(..)]` before a service, or assemble them with `Registry::builder()`",
        ),
        (
            "# comment \"a\" => s".parse().unwrap(),
            "`#` begins an attribute, and `//` a comment | write `//`, or `#[cfg(..)]`",
        ),
        (
            quote!("a" => s, stop-timeout = "1s"),
            "`stop-timeout` has a hyphen in it | write `stop_timeout`",
        ),
        (
            quote!("a" => s, "b" => s, after = &[a, c]),
            "the value of `after` is not a list of names | write `after = [\"a\", \"c\"]`",
        ),
        (
            quote!("a" => s, stop_timeout = a | b = c),
            "`stop_timeout` has a second `=` in its value | write a comma before the next argument",
        ),
        (
            quote!("a" => s, requires = ["b"]),
            "unknown setting `requires` | did you mean `after`?",
        ),
    ]);
}

/// The kind: a service without a name, however it is written. The help takes the name from the value.
#[test]
fn services_without_a_name() {
    check_each([
        (
            quote!(Api),
            "this service has no name | write `\"api\" => Api`",
        ),
        (
            quote!(Api::new(store.clone())),
            "this service has no name | write `\"api\" => Api::new(store.clone())`",
        ),
        (
            quote!(TokenStore::connect(url).await?),
            "this service has no name | write `\"token-store\" => TokenStore::connect(url).await?`",
        ),
        (
            quote!(state.feed),
            "this service has no name | write `\"feed\" => state.feed`",
        ),
        (
            quote!(api::start(a)),
            "this service has no name | write `\"start\" => api::start(a)`",
        ),
        (
            quote!({ Api, after: ["store"] }),
            "this is neither a service nor a setting | write `\"api\" => Api`, and its settings behind it",
        ),
        (
            quote!([Api::new(), after = ["store"]]),
            "this service has no name | write `\"api\" => Api::new()`, and its settings behind it",
        ),
        (
            quote!({ "api" => Api }),
            "this is neither a service nor a setting | write `\"name\" => value`, or a setting",
        ),
    ]);
}

/// The kind: what belongs on the struct, or on the registry.
#[test]
fn arguments_of_the_attribute() {
    let there = "is an argument of `#[service(..)]` | remove it here, and write it on the struct";
    for key in [
        "interval",
        "delay",
        "cron",
        "tz",
        "tick_timeout",
        "retry",
        "size",
        "idle",
    ] {
        let name = quote::format_ident!("{key}");
        let expected = format!("`{key}` {there}");
        assert_eq!(told(&quote!("a" => s, #name = "5s")), [expected]);
    }
    check_each([
        (
            quote!("a" => s, scheduled(interval = "5s")),
            "`scheduled` is an argument of `#[service(..)]` | remove it here, and write it on the struct",
        ),
        (
            quote!("a" => s, startup(retry = "1s..2s")),
            "`startup` is an argument of `#[service(..)]` | remove it here, and write it on the struct",
        ),
        (
            quote!(delay = "5s", "a" => s),
            "unknown setting `delay` | did you mean `shutdown_delay`?",
        ),
        (
            quote!(memory, "a" => s),
            "`memory` has no value | write `memory = FileMemory::new(\"schedules\")`",
        ),
        (
            quote!(memroy = m, "a" => s),
            "unknown setting `memroy` | did you mean `memory`?",
        ),
        (
            quote!("a" => s, memory = m),
            "`memory` is a setting of the whole registry | write it before the first service",
        ),
        (
            quote!(on_hangup = relod, "a" => s),
            "unknown value `relod` of `on_hangup` | did you mean `reload`?",
        ),
        (
            quote!(on_hangup = "stop", "a" => s),
            "the value `stop` of `on_hangup` is in quotes | write `on_hangup = stop`",
        ),
        (
            quote!(on_hangup, "a" => s),
            "`on_hangup` has no value | write `on_hangup = reload`",
        ),
        (
            quote!(sighup = reload, "a" => s),
            "unknown setting `sighup` | did you mean `on_hangup`?",
        ),
        (
            quote!("a" => s, on_hangup = reload),
            "`on_hangup` is a setting of the whole registry | write it before the first service",
        ),
        (
            quote!(signals = false, "a" => s),
            "`signals` is a method of `Registry` | call it on what the macro makes: `registry! { .. }.signals(false)`",
        ),
    ]);
}

/// The kind: a value in quotes where the macro takes a duration, and no path.
#[test]
fn values_in_quotes() {
    let cases = [
        ("PT5S", "`PT5S` is not a duration | write `5s`"),
        ("@hourly", "`@hourly` is not a duration | write `1h`"),
        (
            "5m30",
            "the duration `5m30` has a number without a unit, `30` | write `5m 30s`",
        ),
        (
            "cfg.limit",
            "`cfg.limit` is not a duration | write it without quotes: `KEY = cfg.limit`",
        ),
        (
            "self.limit()",
            "`self.limit()` is not a duration | write it without quotes: `KEY = self.limit()`",
        ),
        (
            "Self::LIMIT",
            "`Self::LIMIT` is not a duration | write it without quotes: `KEY = Self::LIMIT`",
        ),
        (
            "LIMIT",
            "`LIMIT` is not a duration | write a duration such as `\"30s\"`, or a variable without quotes: `KEY = LIMIT`",
        ),
        (
            "soon",
            "`soon` is not a duration | write a duration such as `\"30s\"`, or a variable without quotes: `KEY = soon`",
        ),
        (
            "5 parsecs",
            "the duration `5 parsecs` has an unknown unit, `parsecs` | the units are `w`, `d`, `h`, `m`, `s`, `ms`, `us` and `ns`",
        ),
    ];
    for (text, expected) in cases {
        for key in ["start_timeout", "stop_timeout"] {
            let name = quote::format_ident!("{key}");
            let expected = expected.replace("KEY", key);
            assert_eq!(told(&quote!("a" => s, #name = #text)), [expected]);
        }
        for key in ["deadline", "shutdown_delay"] {
            let name = quote::format_ident!("{key}");
            let expected = expected.replace("KEY", key);
            assert_eq!(told(&quote!(#name = #text, "a" => s)), [expected]);
        }
    }
}

#[test]
fn a_delay_that_leaves_nothing_of_the_deadline() {
    let problem = "the shutdown delay of 5s leaves nothing of the deadline of 5s | write a shorter delay, or a longer deadline, which includes it";
    check_each([
        (
            quote!(deadline = "5s", shutdown_delay = "5s", "a" => s),
            problem,
        ),
        (
            quote!(shutdown_delay = "5s", deadline = "5000ms", "a" => s),
            problem,
        ),
    ]);
    assert!(told(&quote!(deadline = "5s", shutdown_delay = "4s", "a" => s)).is_empty());
    assert!(told(&quote!(deadline = five, shutdown_delay = "6s", "a" => s)).is_empty());
    assert!(told(&quote!(shutdown_delay = "6h", deadline = five, "a" => s)).is_empty());
    assert!(told(&quote!(shutdown_delay = "24s", "a" => s)).is_empty());
    assert!(told(&quote!(shutdown_delay = delay, "a" => s)).is_empty());
}

#[test]
fn a_delay_that_leaves_nothing_of_the_default_deadline() {
    let problem = |delay| {
        format!(
            "the shutdown delay of {delay} leaves nothing of the deadline of 25s | write a shorter delay, or a longer deadline, which includes it and is 25s unless set"
        )
    };
    let (same, longer) = (problem("25s"), problem("30s"));
    check_each([
        (quote!(shutdown_delay = "25s", "a" => s), same.as_str()),
        (quote!(shutdown_delay = "30s", "a" => s), longer.as_str()),
        (
            quote!(shutdown_delay = "30s", deadline = "25s", "a" => s),
            longer.as_str(),
        ),
    ]);
    let misread = told(&quote!(shutdown_delay = "30s", deadline = "5", "a" => s));
    assert_eq!(misread.len(), 1, "one problem, one error: {misread:?}");
}

#[test]
fn entries_gone_wrong() {
    check_each([
        (
            quote!(store => s),
            "the service name `store` is not in quotes | write `\"store\" => ..`",
        ),
        (
            quote!(1 => s),
            "the service name `1` is no string | write a name in quotes, such as `\"store\"`",
        ),
        (
            quote!(Store::new()),
            "this service has no name | write `\"store\" => Store::new()`",
        ),
        (
            quote!("store"),
            "`store` has no value | write `\"store\" => ..`",
        ),
        (
            quote!("store" =>),
            "`store` has no value | write `\"store\" => ..`",
        ),
        (
            quote!("store" => s.),
            "the value of `store` is cut short | write what follows `.`",
        ),
        (
            quote!("a" => s "b" => s),
            "expected `,`, found `\"b\"` | write a comma before `\"b\"`",
        ),
        (
            quote!("a" => s; "b" => s),
            "expected `,`, found `;` | write a comma instead",
        ),
        (
            quote!("a" => s,, "b" => s),
            "there is nothing before this comma | remove it",
        ),
        (
            quote!("a" => s stop_timeout = "1s"),
            "expected `,`, found `stop_timeout` | write a comma before `stop_timeout`",
        ),
        (
            quote!(#[inline] "a" => s),
            "the attribute `inline` means nothing for a service here | remove it: only `#[cfg(..)]` does",
        ),
    ]);
}

#[test]
fn replicas_and_leases() {
    check_each([
        (
            quote!("a" => s, replicas = one),
            "`replicas = one` needs the store of the leases | write `leases = store` before the first service, a store that all replicas share",
        ),
        (
            quote!(leases = store, "a" => s, replicas = 1),
            "unknown value `1` of `replicas` | write `one`",
        ),
        (
            quote!(leases = store, "a" => s, replica = one),
            "unknown setting `replica` | did you mean `replicas`?",
        ),
        (
            quote!(leases, "a" => s, replicas = one),
            "`leases` has no value | write `leases = store`",
        ),
        (
            quote!("a" => s, leases = store),
            "`leases` is a setting of the whole registry | write it before the first service",
        ),
        (
            quote!(leases = store, lease_term = "0s", "a" => s),
            "`lease_term` is zero | write a duration above zero, such as `lease_term = \"10s\"`",
        ),
    ]);
}

#[test]
fn policies_gone_wrong() {
    check_each([
        (
            quote!("a" => s, on_failure = "restart"),
            "the policy `restart` is in quotes | write `on_failure = restart`",
        ),
        (
            quote!("a" => s, on_failure = restat(max = 3)),
            "unknown policy `restat` | did you mean `restart`?",
        ),
        (
            quote!("a" => s, on_failure = ignore(max = 3)),
            "the policy `ignore` has no options | write `on_failure = ignore`",
        ),
        (
            quote!("a" => s, on_failure = restart { max = 3, reset = "1m" }),
            "the options of `restart` are not in parentheses | write `restart(..)`, with each option as in `max = 10`",
        ),
        (
            quote!("a" => s, on_failure = restart { max: 3 }),
            "the options of `restart` are not in parentheses | write `restart(..)`, with each option as in `max = 10`",
        ),
        (
            quote!("a" => s, on_failure = restart[max = 3]),
            "the options of `restart` are not in parentheses | write `restart(..)`, with each option as in `max = 10`",
        ),
        (
            quote!("a" => s, only = ["a"]),
            "`only` is a method of `Registry` | call it on what the macro makes: `registry! { .. }.only([..])`",
        ),
    ]);
}

#[test]
fn settings_gone_wrong() {
    check_each([
        (
            quote!("a" => s, #[cfg(x)] stop_timeout = "1s"),
            "the attribute `cfg` belongs to no service | put it before the name of a service, or remove it",
        ),
        (
            quote!(stop_timeout = "1s", "a" => s),
            "`stop_timeout` is a setting of a service, and none stands before it | write `\"name\" => value, stop_timeout = ..`",
        ),
        (
            quote!("a" => s, deadline = "1s"),
            "`deadline` is a setting of the whole registry | write it before the first service",
        ),
        (
            quote!("a" => s, stop_timout = "1s"),
            "unknown setting `stop_timout` | did you mean `stop_timeout`?",
        ),
        (
            quote!("a" => s, stop_timout: "1s"),
            "unknown setting `stop_timout` | did you mean `stop_timeout = ..`?",
        ),
        (
            quote!("a" => s, stop_timeout = "1s", stop_timeout = "1s"),
            "`stop_timeout` is given twice | remove one of the two",
        ),
        (
            quote!("a" => s, stop_timeout),
            "`stop_timeout` has no value | write `stop_timeout = \"10s\"`",
        ),
        (
            quote!("a" => s, stop_timeout => "1s"),
            "expected `=` after `stop_timeout`, found `=>` | write `stop_timeout = ..`",
        ),
        (
            quote!("a" => s, stop_timeout == "1s"),
            "expected `=` after `stop_timeout`, found `==` | write `stop_timeout = ..`",
        ),
        (
            quote!("a" => s, stop_timeout("1s")),
            "the value of `stop_timeout` is in parentheses | write `stop_timeout = \"10s\"`",
        ),
        (
            quote!("a" => s, stop_timeout = "1"),
            "the duration `1` has no unit | write `1s` for seconds",
        ),
        (
            quote!("a" => s, stop_timeout = "0s"),
            "`stop_timeout` is zero | write a duration above zero, such as `stop_timeout = \"10s\"`",
        ),
        (
            quote!("a" => s, on_failure = "ignore"),
            "the policy `ignore` is in quotes | write `on_failure = ignore`",
        ),
        (
            quote!("a" => s, on_failure = stop),
            "unknown policy `stop` | write one of `shutdown`, `ignore`, `restart`",
        ),
        (
            quote!("a" => s, on_late = "ignore"),
            "the value `ignore` of `on_late` is in quotes | write `on_late = ignore`",
        ),
        (
            quote!("a" => s, on_late = drop),
            "unknown value `drop` of `on_late` | write `fail` or `ignore`",
        ),
        (
            quote!("a" => s, on_deadline = ignore),
            "unknown setting `on_deadline` | did you mean `on_late`?",
        ),
        (
            quote!("a" => s, restart(max = 3)),
            "`restart` is a policy, and no setting of its own | write `on_failure = restart(max = 3)`",
        ),
        (
            quote!("a" => s, restart = always),
            "`restart` is a policy, and no setting of its own | write `on_failure = restart`",
        ),
    ]);
}

#[test]
fn entries_end_where_the_next_begins() {
    for input in [
        quote!("a" => match x { 1 => y, _ => z }, "b" => |c| d, after = ["a"]),
        quote!("a" => x == y, "b" => if a { b } else { c }, stop_timeout = x == y),
        quote!("a" => f::<A, B>(), after = [], "b" => "text",),
        quote!(deadline = LIMIT, "a" => async { x }.await?),
    ] {
        assert!(told(&input).is_empty(), "{input}");
    }
}

#[test]
fn all_problems_come_at_once_in_source_order() {
    let told = told(&quote! {
        shutdown_delay = "5",
        "Store" => store, after = ["api", "cach"], stop_timeout = 10,
        cache => Cache, after = ["cache"] start_timeout = "0s",
        "api" = Api, after = ["Store"], after = ["cache"],
        "api" => Api, on_failure = stop, deadline = "10s",
    });
    let expected = [
        "the duration `5` has no unit",
        "the service name `Store` has the capital `S` in it",
        "services depend on each other in a cycle: `Store -> api -> Store`",
        "`Store` depends on `cach`, which is not in the registry",
        "the duration `10` has no unit",
        "the service name `cache` is not in quotes",
        "`cache` depends on itself",
        "expected `,`, found `start_timeout`",
        "`start_timeout` is zero",
        "expected `=>` after `\"api\"`, found `=`",
        "`after` is given twice",
        "another service is already named `api`",
        "unknown policy `stop`",
        "`deadline` is a setting of the whole registry",
    ];
    let sentences: Vec<_> = told
        .iter()
        .filter_map(|told| told.split(" | ").next())
        .collect();
    assert_eq!(sentences, expected);
}
