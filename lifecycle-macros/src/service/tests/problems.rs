//! The problems, their order, and that any input expands to something.

use proc_macro2::TokenStream;
use proptest::prelude::{prop_assert, proptest};
use quote::quote;

use crate::service::expand;
use crate::tests::expansion::{any_tokens, documented_problems};

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
    let all = "`scheduled`, `queue`, `worker`, `oneshot`";
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

/// The kind: whatever is in quotes and is neither a field path nor a literal. The help is what to
/// write, and right: `ui-tests/pass/schedule/as-the-helps-say.rs` follows it.
#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn what_is_in_quotes() {
    let neither =
        |text: &str| format!("the interval `{text}` is neither a field path nor a duration");
    let not_written = |text: &str| format!("`{text}` is not how a duration is written");
    let without = |text: &str| format!("write it without quotes: `interval = {text}`");
    let written = |text: &str| format!("write `interval = \"{text}\"`");
    let begins = |text: &str| format!("the interval `{text}` begins with `self`");
    let there = ": a path in quotes begins there already";
    let cases = [
        (
            "every()",
            neither("every()"),
            without("self.every()") + ", or `interval = every()` if that is a function",
        ),
        (
            "period(2)",
            neither("period(2)"),
            without("self.period(2)") + ", or `interval = period(2)` if that is a function",
        ),
        (
            "self.every()",
            neither("self.every()"),
            without("self.every()"),
        ),
        (
            "cfg.every()",
            neither("cfg.every()"),
            without("self.cfg.every()"),
        ),
        (
            "crate::every()",
            neither("crate::every()"),
            without("crate::every()"),
        ),
        (
            "max(every, LIMIT)",
            neither("max(every, LIMIT)"),
            without("max(self.every, LIMIT)"),
        ),
        (
            "cfg.every * 2",
            neither("cfg.every * 2"),
            without("self.cfg.every * 2"),
        ),
        ("&every", neither("&every"), without("&self.every")),
        (
            "every;",
            neither("every;"),
            "begin with one of its fields `cfg`, `every`, or write a duration such as `\"30s\"`"
                .to_owned(),
        ),
        (
            "Self::EVERY",
            neither("Self::EVERY"),
            without("Self::EVERY"),
        ),
        (
            "EVERY",
            "the constant `EVERY` is in quotes".to_owned(),
            "write `interval = EVERY`, or `interval = \"every\"` for the field `every`".to_owned(),
        ),
        (
            "PERIOD",
            "the constant `PERIOD` is in quotes".to_owned(),
            "write `interval = PERIOD`".to_owned(),
        ),
        (
            "CFG.gc.every",
            "the constant `CFG.gc.every` is in quotes".to_owned(),
            "write `interval = CFG.gc.every`, or `interval = \"cfg.gc.every\"` for the field `cfg`"
                .to_owned(),
        ),
        ("self.every", begins("self.every"), written("every") + there),
        (
            "self.cfg.type",
            begins("self.cfg.type"),
            written("cfg.r#type") + there,
        ),
        ("self.0", begins("self.0"), without("self.0")),
        (
            "self",
            neither("self"),
            "begin with one of its fields `cfg`, `every`, or write a duration such as `\"30s\"`"
                .to_owned(),
        ),
        ("@every 5m", not_written("@every 5m"), written("5m")),
        ("@hourly", not_written("@hourly"), written("1h")),
        ("pt1h30m", not_written("pt1h30m"), written("1h 30m")),
        ("every 5m", not_written("every 5m"), written("5m")),
        ("daily", not_written("daily"), written("1d")),
        (
            "5m30",
            "the duration `5m30` has a number without a unit, `30`".to_owned(),
            "write `5m 30s`".to_owned(),
        ),
        (
            "00:05:00",
            "`00:05:00` is not a duration".to_owned(),
            "write `5m`".to_owned(),
        ),
        (
            "1:30",
            "`1:30` is not a duration".to_owned(),
            "write a number and a unit, such as `30s` or `1h 30m`".to_owned(),
        ),
    ];
    for (text, sentence, help) in cases {
        let interval = quote!(scheduled(interval = #text));
        assert_eq!(told(interval), [format!("{sentence} | {help}")]);
        // The same wherever the service is asked for a duration.
        for option in ["jitter", "initial_delay", "tick_timeout"] {
            let name = quote::format_ident!("{option}");
            let [noun, key] = [option.replace('_', " "), option.to_owned()];
            let expected = format!("{sentence} | {help}")
                .replace("the interval `", &format!("the {noun} `"))
                .replace("`interval = ", &format!("`{key} = "));
            assert_eq!(
                told(quote!(scheduled(interval = "1h", #name = #text))),
                [expected]
            );
        }
        let queue = quote!(queue(size = 1, interval = #text));
        assert_eq!(told(queue), [format!("{sentence} | {help}")]);
    }
}

#[test]
fn what_is_in_quotes_for_a_number() {
    let size = |text: &str| {
        let told = told(quote!(queue(interval = "1s", size = #text)));
        assert_eq!(told.len(), 1, "{told:?}");
        told.concat()
    };
    let neither = |text: &str| format!("the size `{text}` is neither a field path nor a number");
    let cases = [
        (
            "100",
            "the number `100` is in quotes | write `size = 100`".to_owned(),
        ),
        (
            "1_000",
            "the number `1_000` is in quotes | write `size = 1_000`".to_owned(),
        ),
        (
            "0",
            "`size` is zero | write a number above zero, such as `size = 100`".to_owned(),
        ),
        (
            "SIZE",
            "the constant `SIZE` is in quotes | write `size = SIZE`".to_owned(),
        ),
        (
            "cfg.size()",
            format!(
                "{} | write it without quotes: `size = self.cfg.size()`",
                neither("cfg.size()")
            ),
        ),
        (
            "99999999999",
            format!(
                "{} | begin with one of its fields `cfg`, `every`, or write a number such as `100`",
                neither("99999999999")
            ),
        ),
        (
            "PT5S",
            "the constant `PT5S` is in quotes | write `size = PT5S`".to_owned(),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(size(text), expected);
    }
}

#[test]
fn duration_or_path_by_the_first_character() {
    for args in [
        quote!(scheduled(interval = "1.5h")),
        quote!(scheduled(interval = "1h 30m")),
        quote!(scheduled(interval = "every")),
        quote!(scheduled(interval = "cfg.a.b_2._c")),
        quote!(scheduled(interval = Duration::from_secs(30))),
        quote!(scheduled(interval = { self.every })),
        quote!(scheduled(interval = "30s",),),
    ] {
        assert!(told(args.clone()).is_empty(), "{args}");
    }
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

const WORDS: &[&str] = &[
    "idle",
    "scheduled",
    "queue",
    "worker",
    "startup",
    "crate",
    "interval",
    "delay",
    "first",
    "size",
    "retry",
    "max_failures",
    "immediate",
    "self",
    "cfg",
    "=",
    "=",
    "==",
    "=>",
    ":",
    "::",
    ",",
    ",",
    ".",
    "\"30s\"",
    "\"cfg.interval\"",
    "\"0.a\"",
    "\"\"",
    "30s",
    "1.5",
    "3",
    "continue",
    "\"1s..2s\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    "#",
    "'a",
    "&",
    "|",
    "struct",
    "r#type",
    "$",
    "!",
];

proptest! {
    /// Whatever is between the parentheses, the item comes out, and what comes out is Rust.
    #[test]
    fn no_arguments_panic(args in any_tokens(WORDS)) {
        let expansion = expand(args, quote!(struct Gc { cfg: Config }));
        let begins = expansion.to_string().starts_with("struct Gc");
        prop_assert!(begins);
        prop_assert!(syn::parse2::<syn::File>(expansion).is_ok());
    }

    #[test]
    fn no_item_panics(item in any_tokens(WORDS)) {
        let expansion = expand(quote!(idle), item);
        prop_assert!(!expansion.is_empty());
    }
}
