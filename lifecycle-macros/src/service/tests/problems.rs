//! The problems of shapes, intervals and items, and their order.

use proc_macro2::TokenStream;
use quote::quote;

use crate::service::expand;
use crate::tests::expansion::documented_problems;

pub(super) fn told(args: TokenStream) -> Vec<String> {
    documented_problems(expand(
        args,
        quote!(
            struct Gc {
                cfg: Config,
                every: Duration,
            }
        ),
    ))
}

fn told_of(item: TokenStream) -> Vec<String> {
    documented_problems(expand(quote!(idle), item))
}

#[test]
fn shapes() {
    let all = "`scheduled`, `queue`, `worker`, `server`, `oneshot`";
    let no_shape = format!("`Gc` has no shape | write `#[service(idle)]`, or another of {all}");
    assert_eq!(told(quote!()), [no_shape]);
    assert_eq!(
        told(quote!(idel)),
        ["unknown shape `idel` | did you mean `idle`?"]
    );
    assert_eq!(
        told(quote!(worker, idle)),
        ["a service has one shape, and `idle` is the second | keep `worker` or `idle`"]
    );
    assert_eq!(
        told(quote!(worker(threads = 3))),
        ["the shape `worker` takes no arguments | write `worker`"]
    );
    assert_eq!(
        told(quote!(idle, cron = "* * * * *")),
        ["`cron` is an argument of `scheduled` | write `scheduled(cron = \"0 3 * * *\")`"]
    );
    assert_eq!(
        told(quote!(interval = "30s")),
        ["`interval` is an argument of `scheduled` | write `scheduled(interval = \"30s\")`"]
    );
}

#[test]
fn what_strangers_write() {
    let cases = [
        (
            quote!(shape = idle),
            "unknown argument `shape` | write `idle` alone",
        ),
        (
            quote!(kind = "worker"),
            "unknown argument `kind` | write `worker` alone",
        ),
        (
            quote!(one - shot),
            "`one-shot` has a hyphen in it | write `oneshot`",
        ),
        (
            quote!(background),
            "unknown shape `background` | did you mean `worker`?",
        ),
        (
            quote!(listener),
            "unknown shape `listener` | did you mean `server`?",
        ),
        (
            quote!(serve),
            "unknown shape `serve` | did you mean `server`?",
        ),
        (
            quote!(idle | worker),
            "expected `,`, found `|` | write a comma instead",
        ),
        (
            quote!(idle, name = "store"),
            "a service is named in `registry!` | remove it here, and write `\"name\" => ..` there",
        ),
        (
            quote!(idle, after = ["store"]),
            "`after` is a setting in `registry!` | remove it here, and write `after = ..` there",
        ),
        (
            quote!(idle, restart(max = 3)),
            "`restart` is a policy in `registry!` | remove it here, and write `on_failure = ..` there",
        ),
        (
            quote!(worker, on_failure = restart),
            "`on_failure` is a setting in `registry!` | remove it here, and write `on_failure = ..` there",
        ),
        (
            quote!(scheduled(interval = "5s", stop_timeout = "10s")),
            "`stop_timeout` is a setting in `registry!` | remove it here, and write `stop_timeout = ..` there",
        ),
        (
            quote!(scheduled(interval = "5s", after = ["store"])),
            "`after` is a setting in `registry!` | remove it here, and write `after = ..` there",
        ),
        (
            quote!(scheduled(interval = "5s", retry = "1s..2s")),
            "`retry` is no argument of `scheduled` | write it behind: `scheduled(..), startup(retry = ..)`",
        ),
        (
            quote!(queue(size = 1, interval = "5s", startup(retry = "1s..2s"))),
            "`startup` is no argument of `queue` | write it behind: `queue(..), startup(..)`",
        ),
        (
            quote!(idle, krate = ::lifecycle),
            "unknown argument `krate` | did you mean `crate`?",
        ),
        (
            quote!(scheduled[interval = "5s"]),
            "the arguments of `scheduled` are not in parentheses | write `scheduled(..)`",
        ),
        (
            quote!(scheduled(fixed_rate = 5000)),
            "unknown argument `fixed_rate` of `scheduled` | did you mean `interval`?",
        ),
        (
            quote!(scheduled(interval = "5s", immediate)),
            "unknown argument `immediate` of `scheduled` | write `first = immediate`",
        ),
        (
            quote!(scheduled(interval = "5s", missed = Missed::Skip)),
            "unknown value `Missed::Skip` of `missed` | did you mean `skip`?",
        ),
        (
            quote!(scheduled(interval = "5s" | first = immediate)),
            "`interval` has a second `=` in its value | write a comma before the next argument",
        ),
        (
            quote!(scheduled(interval = "PT5S")),
            "`PT5S` is not how a duration is written | write `interval = \"5s\"`",
        ),
    ];
    for (args, expected) in cases {
        assert_eq!(told(args), [expected]);
    }
}

#[test]
fn intervals() {
    let one = |args| {
        let told = told(quote!(scheduled(#args)));
        assert_eq!(told.len(), 1, "{told:?}");
        told.concat()
    };
    let cases = [
        (
            quote!(),
            "a scheduled service has no `interval`, no `delay` and no `cron` | write `scheduled(interval = \"30s\")`",
        ),
        (
            quote!("30s"),
            "the argument of `scheduled` has no name | write `interval = \"30s\"`",
        ),
        (
            quote!(interval),
            "`interval` has no value | write `interval = \"30s\"`",
        ),
        (
            quote!(interval = "30s", interval = "1m"),
            "`interval` is given twice | remove one of the two",
        ),
        (
            quote!(interval: "30s"),
            "expected `=` after `interval`, found `:` | write `interval = ..`",
        ),
        (
            quote!(interval = ""),
            "the duration is empty | write a number and a unit, such as `30s` or `1h 30m`",
        ),
        (
            quote!(interval = "0s"),
            "`interval` is zero | write a duration above zero, such as `interval = \"10s\"`",
        ),
        (
            quote!(interval = 30),
            "the duration `30` has no unit | write `interval = \"30s\"` for seconds",
        ),
        (
            quote!(interval = 1.5h),
            "the duration `1.5h` is not in quotes | write `interval = \"1.5h\"`",
        ),
        (
            quote!(interval = "0.every"),
            "the interval `0.every` goes through the tuple field `0` | write it without quotes: `interval = self.0.every`",
        ),
        (
            quote!(interval = "cfg.0"),
            "the interval `cfg.0` goes through the tuple field `0` | write it without quotes: `interval = self.cfg.0`",
        ),
        (
            quote!(interval = "self.every"),
            "the interval `self.every` begins with `self` | write `interval = \"every\"`: a path in quotes begins there already",
        ),
        (
            quote!(interval = "cfg.type"),
            "the interval `cfg.type` goes through `type`, which is a keyword | write `interval = \"cfg.r#type\"`",
        ),
        (
            quote!(interval = "evry"),
            "`Gc` has no field `evry` | did you mean `every`?",
        ),
        (
            quote!(interval = cfg.every),
            "the field `cfg` is not in scope without `self` | write `self.cfg`",
        ),
        (
            quote!(interval = self.cfg.),
            "the value of `interval` is cut short | write what follows `.`",
        ),
        (
            quote!(interval = self.cfg.get(1 2)),
            "expected `,` | write a comma before this",
        ),
    ];
    for (args, expected) in cases {
        assert_eq!(one(args), expected);
    }
}

/// Whatever name the crate has, a shape is a word. What is no shape is told as before.
#[test]
fn shapes_that_are_paths() {
    assert_eq!(
        told(quote!(lifecycle::idle)),
        ["the shape `lifecycle::idle` is a path | write `idle`"]
    );
    assert_eq!(
        told(quote!(a::b::scheduled(interval = "5s"))),
        ["the shape `a::b::scheduled` is a path | write `scheduled`"]
    );
    assert_eq!(
        told(quote!(crate::worker)),
        ["the shape `crate::worker` is a path | write `worker`"]
    );
    assert_eq!(
        told(quote!(idle, a::b)),
        ["expected `=` after `a`, found `::` | write `a = ..`"]
    );
}

#[test]
fn crate_paths() {
    for args in [
        quote!(idle, crate = lc),
        quote!(crate = ::a::b, idle),
        quote!(idle, crate = crate::c),
    ] {
        assert!(told(args.clone()).is_empty(), "{args}");
    }
    assert_eq!(
        told(quote!(idle, crate = "lc")),
        ["the path of `crate` is in quotes | write `crate = lc`"]
    );
    assert_eq!(
        told(quote!(idle, crate = lc, crate = lc)),
        ["`crate` is given twice | remove one of the two"]
    );
}

#[test]
fn items() {
    let structs = "`#[service]` goes on a struct, and this is";
    let cases = [
        (
            quote!(
                pub enum Mode {
                    A,
                }
            ),
            "an enum | put it on a struct that holds the enum",
        ),
        (
            quote!(union Bits { a: u8 }),
            "a union | put it on a struct that holds the union",
        ),
        (
            quote!(
                unsafe trait Store {}
            ),
            "a trait | put it on the struct that implements the trait",
        ),
        (
            quote!(impl Idle for Gc {}),
            "an `impl` block | put it on the struct that the block is for",
        ),
        (
            quote!(
                pub const unsafe extern "C" fn run() {}
            ),
            "a function | put it on a struct, and the work into its hooks",
        ),
        (
            quote!(
                async fn run() {}
            ),
            "a function | put it on a struct, and the work into its hooks",
        ),
        (
            quote!(
                type A = B;
            ),
            "a type alias | put it on the struct that the alias names",
        ),
        (
            quote!(
                mod a {}
            ),
            "a module | put it on the structs in the module",
        ),
        (
            quote!(
                const A: u8 = 1;
            ),
            "a constant | put it on a struct",
        ),
        (
            quote!(
                use a::b;
            ),
            "an import | put it on the struct where it is declared",
        ),
    ];
    for (item, expected) in cases {
        assert_eq!(told_of(item), [format!("{structs} {expected}")]);
    }
}

#[test]
fn all_problems_come_at_once_in_source_order() {
    let expansion = expand(
        quote!(scheduled(interval = "0s", retries = 3), idle, crate = "lc"),
        quote!(
            enum Gc {}
        ),
    );
    let expected = [
        "`interval` is zero",
        "unknown argument `retries` of `scheduled`",
        "a service has one shape, and `idle` is the second",
        "the path of `crate` is in quotes",
        "`#[service]` goes on a struct, and this is an enum",
    ];
    let told = documented_problems(expansion);
    let sentences: Vec<_> = told
        .iter()
        .filter_map(|told| told.split(" | ").next())
        .collect();
    assert_eq!(sentences, expected);
}

#[test]
fn the_background_gone_wrong() {
    let write = "write `oneshot` or `oneshot(background)`";
    let cases = [
        (
            quote!(oneshot(backgroud)),
            "unknown argument `backgroud` of `oneshot` | did you mean `background`?".to_owned(),
        ),
        (
            quote!(oneshot(retry = "1s..2s")),
            "unknown argument `retry` of `oneshot` | remove it".to_owned(),
        ),
        (
            quote!(oneshot(start_timeout = "1m")),
            "`start_timeout` is a setting in `registry!` | remove it here, and write `start_timeout = ..` there".to_owned(),
        ),
        (
            quote!(oneshot(background, background)),
            "`background` is given twice | remove one of the two".to_owned(),
        ),
        (
            quote!(oneshot(background = true)),
            format!("`background` takes no value | {write}"),
        ),
        (
            quote!(oneshot(background())),
            format!("`background` takes no value | {write}"),
        ),
        (
            quote!(oneshot("background")),
            format!("the argument of `oneshot` has no name | {write}"),
        ),
        (
            quote!(oneshot = background),
            format!("the shape `oneshot` takes its arguments in parentheses | {write}"),
        ),
    ];
    for (args, expected) in cases {
        assert_eq!(told(args.clone()), [expected], "{args}");
    }
    assert_eq!(told(quote!(oneshot())), [""; 0]);
    assert_eq!(told(quote!(oneshot(background))), [""; 0]);
}
