//! The problems of restart policies and of `restart_with`.

use proc_macro2::TokenStream;
use quote::quote;

use super::problems::{check_each, told};

/// One problem each, of a policy that is otherwise sound.
fn check_policies<const N: usize>(cases: [(TokenStream, &str); N]) {
    for (options, expected) in cases {
        let input = quote!("a" => s, on_failure = restart(#options));
        assert_eq!(told(&input), [expected], "{input}");
    }
}

#[test]
fn sound_policies_have_no_problems() {
    for policy in [
        quote!(restart),
        quote!(restart()),
        quote!(restart(max = 1)),
        quote!(restart(max = forever, backoff = "1s..1s")),
        quote!(restart(then = ignore, reset = cfg.reset,)),
        quote!(restart(
            backoff = "100ms..30s",
            max = 10,
            reset = "1m",
            then = shutdown
        )),
    ] {
        assert_eq!(told(&quote!("a" => s, on_failure = #policy)), [""; 0]);
    }
}

#[test]
fn waits_gone_wrong() {
    check_policies([
        (
            quote!(backoff = "0s..1s"),
            "the range `0s..1s` has a wait of zero in it | write durations above zero, such as `backoff = \"100ms..30s\"`",
        ),
        (
            quote!(backoff = "30s..100ms"),
            "the range `30s..100ms` ends below its beginning | write `backoff = \"100ms..30s\"`",
        ),
        (
            quote!(backoff = "30s"),
            "`30s` is not a range of durations | write the first wait and the longest one, such as `backoff = \"100ms..30s\"`",
        ),
        (
            quote!(backoff = 30),
            "the value of `backoff` is not a range of durations | write `backoff = \"100ms..30s\"`",
        ),
        (
            quote!(backoff = "1..30s"),
            "the duration `1` has no unit | write `1s` for seconds",
        ),
        (
            quote!(backoff),
            "`backoff` has no value | write `backoff = \"100ms..30s\"`",
        ),
        (
            quote!("100ms..30s"),
            "the argument of `restart` has no name | write `backoff = \"100ms..30s\"`",
        ),
    ]);
}

#[test]
fn counts_and_times_gone_wrong() {
    check_policies([
        (
            quote!(max = 0),
            "`max` is zero | write a number above zero, such as `max = 10`",
        ),
        (
            quote!(max = "3"),
            "the number `3` is in quotes | write `max = 3`",
        ),
        (
            quote!(max = "forever"),
            "the value `forever` of `max` is in quotes | write `max = forever`",
        ),
        (
            quote!(max = forevr),
            "unknown value `forevr` of `max` | did you mean `forever`?",
        ),
        (
            quote!(max = count()),
            "the value of `max` is not an integer literal | write a number above zero, such as `max = 10`",
        ),
        (
            quote!(max = 5_000_000_000),
            "`max` is too large | write a number up to `4294967295`",
        ),
        (
            quote!(reset = "0s"),
            "`reset` is zero | write a duration above zero, such as `reset = \"10s\"`",
        ),
        (
            quote!(reset = "1"),
            "the duration `1` has no unit | write `1s` for seconds",
        ),
        (
            quote!(then = ignor),
            "unknown value `ignor` of `then` | did you mean `ignore`?",
        ),
        (
            quote!(then = restart),
            "unknown value `restart` of `then` | write `shutdown` or `ignore`",
        ),
    ]);
}

#[test]
fn options_gone_wrong() {
    check_policies([
        (
            quote!(maxx = 3),
            "unknown argument `maxx` of `restart` | did you mean `max`?",
        ),
        (
            quote!(attempts = 3),
            "unknown argument `attempts` of `restart` | did you mean `max`?",
        ),
        (
            quote!(colour = 3),
            "unknown argument `colour` of `restart` | write one of `backoff`, `max`, `reset`, `then`",
        ),
        (
            quote!(forever),
            "unknown argument `forever` of `restart` | write `max = forever`",
        ),
        (
            quote!(ignore),
            "unknown argument `ignore` of `restart` | write `then = ignore`",
        ),
        (
            quote!(3),
            "the argument of `restart` has no name | write `max = 3`",
        ),
        (
            quote!(max = 3, then = ignore, max = 4),
            "`max` is given twice | remove one of the two",
        ),
    ]);
    let several = told(&quote!("a" => s, on_failure = restart(max = 0, backoff = "2s..1s", x)));
    assert_eq!(several.len(), 3, "all at once: {several:?}");
}

#[test]
fn names_to_restart_with_gone_wrong() {
    check_each([
        (
            quote!("store" => s, "a" => s, after = ["store"], restart_with = ["stor"]),
            "`a` restarts with `stor`, which is not in its `after` | did you mean `store`?",
        ),
        (
            quote!("store" => s, "a" => s, restart_with = ["store"]),
            "`a` restarts with `store`, which is not in its `after` | add `store` to its `after`, or remove it from `restart_with`",
        ),
        (
            quote!("store" => s, "a" => s, restart_with = ["store"], wants = ["store"]),
            "`a` restarts with `store`, which is not in its `after` | add `store` to its `after`, or remove it from `restart_with`",
        ),
        (
            quote!("store" => s, "a" => s, restart_with = ["store", "store"], after = ["store"]),
            "`a` restarts with `store` twice | remove one `store`",
        ),
        (
            quote!("store" => s, "a" => s, after = ["store"], restart_with = [store]),
            "the dependency `store` is not in quotes | write `\"store\"`",
        ),
        (
            quote!("store" => s, "a" => s, after = ["store"], restart_with = "store"),
            "the value of `restart_with` is not a list of names | write `restart_with = [\"store\"]`",
        ),
        (
            quote!("store" => s, "a" => s, after = ["store"], restart_with = ["store"], restart_with = []),
            "`restart_with` is given twice | join the two lists",
        ),
        (
            quote!("store" => s, "a" => s, after = "store", restart_with = ["store"]),
            "the value of `after` is not a list of names | write `after = [\"store\"]`",
        ),
        (
            quote!("store" => s, "a" => s, after = ["store"], restart_wth = ["store"]),
            "unknown setting `restart_wth` | did you mean `restart_with`?",
        ),
    ]);
}

#[test]
fn an_unknown_dependency_is_one_problem_though_it_is_restarted_with() {
    check_each([(
        quote!("store" => s, "a" => s, after = ["stor"], restart_with = ["stor"]),
        "`a` depends on `stor`, which is not in the registry | did you mean `store`?",
    )]);
}
