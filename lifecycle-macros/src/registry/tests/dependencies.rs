//! The problems of names and dependencies.

use quote::quote;

use crate::registry::check;
use crate::tests::expansion::documented_problems;

use super::problems::{check_each, told};

#[test]
fn names_and_dependencies_gone_wrong() {
    check_each([
        (
            quote!("store" = s),
            "expected `=>` after `\"store\"`, found `=` | write `\"store\" => ..`",
        ),
        (
            quote!("store": s),
            "expected `=>` after `\"store\"`, found `:` | write `\"store\" => ..`",
        ),
        (
            quote!("store" -> s),
            "expected `=>` after `\"store\"`, found `->` | write `\"store\" => ..`",
        ),
        (
            quote!("store" s),
            "expected `=>` after `\"store\"`, found `s` | write `\"store\" => ..`",
        ),
        (
            quote!("a" => s, "b" => s, after = ["a"], after = []),
            "`after` is given twice | join the two lists",
        ),
        (
            quote!("a" => s, "b" => s, after = "a"),
            "the value of `after` is not a list of names | write `after = [\"a\"]`",
        ),
        (
            quote!("a" => s, "b" => s, after = [a]),
            "the dependency `a` is not in quotes | write `\"a\"`",
        ),
        (
            quote!("a" => s, "b" => s, after = ["a" "a"]),
            "expected `,` | write a comma before this",
        ),
        (
            quote!("a" => s, "a" => s),
            "another service is already named `a` | rename this one; the other is service 1 of the registry",
        ),
        (
            quote!(),
            "the registry has no services | add a service: a name and a value",
        ),
    ]);
}

#[test]
fn base_services_gone_wrong() {
    check_each([
        (
            quote!("a" => s, before = "all"),
            "the value `all` of `before` is in quotes | write `before = all`",
        ),
        (
            quote!("a" => s, before = al),
            "unknown value `al` of `before` | did you mean `all`?",
        ),
        (
            quote!("a" => s, before = true),
            "unknown value `true` of `before` | write `all`",
        ),
        (
            quote!("a" => s, before = ["b"], "b" => s),
            "`before` can only be `all`, and not `\"b\"` | write `before = all`, or name this service in the `after` of the others",
        ),
        (
            quote!("a" => s, before = "b", "b" => s),
            "`before` can only be `all`, and not `\"b\"` | write `before = all`, or name this service in the `after` of the others",
        ),
        (
            quote!("a" => s, before),
            "`before` has no value | write `before = all`",
        ),
        (
            quote!("a" => s, before = all, before = all),
            "`before` is given twice | remove one of the two",
        ),
        (
            quote!("a" => s, before_all = true),
            "unknown setting `before_all` | did you mean `before`?",
        ),
        (
            quote!("a" => s, "b" => s, before = all, after = ["a"]),
            "services depend on each other in a cycle: `b -> a -> b`, because `b` has `before = all` | remove `\"a\"` from the `after` of `b`, or write `before = all` for `a` too",
        ),
        (
            quote!("a" => s, "b" => s, wants = ["a"], before = all),
            "services depend on each other in a cycle: `b -> a -> b`, because `b` has `before = all` | remove `\"a\"` from the `wants` of `b`, or write `before = all` for `a` too",
        ),
        (
            quote!("a" => s, before = all, "b" => s, after = ["a"], "c" => s, before = all, wants = ["a", "c"]),
            "`c` wants itself | remove `\"c\"` from its `wants`",
        ),
    ]);
}

#[test]
fn what_is_wanted_gone_wrong() {
    check_each([
        (
            quote!("a" => s, "b" => s, wants = "a"),
            "the value of `wants` is not a list of names | write `wants = [\"a\"]`",
        ),
        (
            quote!("a" => s, "b" => s, wants = [a]),
            "the dependency `a` is not in quotes | write `\"a\"`",
        ),
        (
            quote!("a" => s, wants),
            "`wants` has no value | write `wants = [\"name\"]`",
        ),
        (
            quote!("a" => s, "b" => s, wants = ["a"], wants = []),
            "`wants` is given twice | join the two lists",
        ),
        (
            quote!(wants = ["a"], "a" => s),
            "`wants` is a setting of a service, and none stands before it | write `\"name\" => value, wants = ..`",
        ),
        (
            quote!("a" => s, "b" => s, want = ["a"]),
            "unknown setting `want` | did you mean `wants`?",
        ),
        (
            quote!("a" => s, "b" => s, optional = ["a"]),
            "unknown setting `optional` | did you mean `wants`?",
        ),
        (
            quote!("a" => s, wants = ["b"]),
            "`a` wants `b`, which is not in the registry | add a service named `b`, or remove it from `wants`",
        ),
        (
            quote!("cache" => s, "b" => s, wants = ["cahce"]),
            "`b` wants `cahce`, which is not in the registry | did you mean `cache`?",
        ),
        (
            quote!("a" => s, wants = ["a"]),
            "`a` wants itself | remove `\"a\"` from its `wants`",
        ),
        (
            quote!("a" => s, "b" => s, wants = ["a", "a"]),
            "`b` wants `a` twice | remove one `\"a\"`",
        ),
        (
            quote!("a" => s, "b" => s, wants = ["a"], after = ["a"]),
            "`b` has `a` in its `after` and in its `wants` | remove one `\"a\"`: with `after` it fails where that fails, with `wants` it goes on",
        ),
        (
            quote!("a" => s, after = ["c"], "b" => s, wants = ["a"], "c" => s, wants = ["b"]),
            "services depend on each other in a cycle: `a -> c -> b -> a` | remove one of these from an `after` or a `wants`, so that one of the services can start first",
        ),
    ]);
}

#[test]
fn problems_in_both_lists_come_in_source_order() {
    let told = told(&quote! {
        "a" => s, wants = ["x"], stop_timeout = "1", after = ["a", "y"],
    });
    let sentences: Vec<_> = told
        .iter()
        .filter_map(|told| told.split(" | ").next())
        .collect();
    let expected = [
        "`a` wants `x`, which is not in the registry",
        "the duration `1` has no unit",
        "`a` depends on itself",
        "`a` depends on `y`, which is not in the registry",
    ];
    assert_eq!(sentences, expected);
}

#[test]
fn a_lost_name_makes_no_dependency_unknown() {
    assert_eq!(
        told(&quote!(Store::new(), "api" => api, after = ["store"])).len(),
        1
    );
    assert_eq!(
        told(&quote!("a" => s; ("store" => s), "api" => api, after = ["store"])).len(),
        1
    );
}

#[test]
fn the_derive_checks_what_cfg_has_left() {
    let told = documented_problems(check(quote! {
        enum Entries {
            #[cfg(all())]
            #[entry("store")]
            Entry0,
            #[entry("api", "stor", wants "stor")]
            Entry1,
        }
    }));
    let expected = [
        "`api` depends on `stor`, which is not in the registry | did you mean `store`?",
        "`api` has `stor` in its `after` and in its `wants` | remove one `\"stor\"`: with `after` it fails where that fails, with `wants` it goes on",
    ];
    assert_eq!(told, expected);
    assert_eq!(
        documented_problems(check(quote!(
            enum Entries {}
        )))
        .len(),
        1
    );
}
