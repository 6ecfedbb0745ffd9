//! The problems of what is in quotes and is neither a field path nor a literal.

use quote::quote;

use super::problems::told;

/// The kind: whatever is in quotes and is neither a field path nor a literal. The help is what to
/// write, and right: `ui-tests/sound/schedule/as_the_helps_say.rs` follows it.
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

/// What rustc advises where a path in quotes ends in the name of a method.
#[test]
fn a_path_in_quotes_is_not_called() {
    for args in [
        quote!(scheduled(interval = "cfg.every"())),
        quote!(scheduled(interval = "self.cfg.every"())),
    ] {
        let expected = "a method is called without quotes | write `interval = self.cfg.every()`";
        assert_eq!(told(args.clone()), [expected], "{args}");
    }
}
