use std::time::Duration;

use super::{DurationProblem, parse};

#[test]
fn durations() {
    let cases = [
        ("30s", Duration::from_secs(30)),
        ("1h 30m", Duration::from_secs(5400)),
        ("1h30m", Duration::from_secs(5400)),
        (" 30 s ", Duration::from_secs(30)),
        ("30m 1h", Duration::from_secs(5400)),
        ("1.5h", Duration::from_secs(5400)),
        ("0.25s", Duration::from_millis(250)),
        ("250ms", Duration::from_millis(250)),
        ("10 minutes", Duration::from_secs(600)),
        ("1w 2days", Duration::from_secs(9 * 86_400)),
        ("7us", Duration::from_micros(7)),
        ("7µs", Duration::from_micros(7)),
        ("7ns", Duration::from_nanos(7)),
        ("0s", Duration::ZERO),
        ("0", Duration::ZERO),
        ("0h 0m", Duration::ZERO),
        ("18446744073709551615s", Duration::from_secs(u64::MAX)),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text), Ok(expected), "{text:?}");
    }
}

#[test]
fn each_unit_in_all_its_spellings() {
    let units = [
        ("ns nsec nanos", 1),
        ("us \u{b5}s usec", 1_000),
        ("ms msec millis", 1_000_000),
        ("s sec secs second seconds", 1_000_000_000),
        ("m min mins minute minutes", 60_000_000_000),
        ("h hr hrs hour hours", 3_600_000_000_000),
        ("d day days", 86_400_000_000_000),
        ("w wk wks week weeks", 604_800_000_000_000),
    ];
    for (spellings, nanos) in units {
        for unit in spellings.split(' ') {
            let two = Duration::from_nanos(2 * nanos);
            assert_eq!(parse(&format!("2{unit}")), Ok(two), "{unit}");
        }
    }
    for unit in ["y", "yr", "yrs", "year", "years"] {
        assert_eq!(
            parse(&format!("2{unit}")),
            Err(DurationProblem::Year),
            "{unit}"
        );
    }
}

#[test]
fn a_fraction_is_exact_to_the_nanosecond() {
    let cases = [
        ("0.0001h", Duration::from_millis(360)),
        ("0.000000001s", Duration::from_nanos(1)),
        ("1.500000000000000000000h", Duration::from_secs(5400)),
        ("0.25us", Duration::from_nanos(250)),
        ("0.00000000000125w", Duration::from_nanos(756)),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
    for text in [
        "0.000000000001w",
        "0.0000000001s",
        "1.0000000000000000000000001w",
    ] {
        assert_eq!(parse(text), Err(DurationProblem::TooFine), "{text}");
    }
}

#[test]
fn what_is_no_duration() {
    let hint = "write a number and a unit, such as `30s` or `1h 30m`";
    let units = "the units are `w`, `d`, `h`, `m`, `s`, `ms`, `us` and `ns`";
    let once = "write each unit once, such as `1h 30m`";
    let each = "write each number with its unit, such as `1h 30m`";
    let differs = "and those differ in length";
    let cases = [
        ("", "is empty", hint),
        ("  ", "is empty", hint),
        ("-5s", "is negative", hint),
        ("\u{2212}5s", "is negative", hint),
        ("soon", "is not a duration", hint),
        (".5s", "is not a duration", hint),
        ("5.s", "is not a duration", hint),
        ("1.2.3s", "is not a duration", hint),
        ("1:30", "is not a duration", hint),
        ("1h, 30m", "is not a duration", hint),
        ("1_000ms", "is not a duration", hint),
        ("1h and 30m", "is not a duration", hint),
        ("30", "has no unit", "write `30s` for seconds"),
        ("1h 30", "has a number without a unit, `30`", each),
        ("5m30", "has a number without a unit, `30`", each),
        ("3 0s", "has a number without a unit, `3`", each),
        ("30x", "has an unknown unit, `x`", units),
        ("30 parsecs", "has an unknown unit, `parsecs`", units),
        ("30S", "has an unknown unit, `S`", "did you mean `s`?"),
        ("7\u{3bc}s", "has an unknown unit, `\u{3bc}s`", units),
        (
            "1M",
            &format!("counts in months, {differs}"),
            "write `m` for minutes, or count in days, such as `30d`",
        ),
        (
            "2 months",
            &format!("counts in months, {differs}"),
            "count in days, such as `30d`",
        ),
        (
            "1y",
            &format!("counts in years, {differs}"),
            "count in days, such as `365d`",
        ),
        ("1h 1h", "counts `h` twice", once),
        ("1h 5m 1hour", "counts `hour` twice", once),
        (
            "18446744073709551616s",
            "is longer than a duration can be",
            "write a shorter one",
        ),
        (
            "18446744073709551615s 1000ms",
            "is longer than a duration can be",
            "write a shorter one",
        ),
        (
            "99999999999999999999999h",
            "is longer than a duration can be",
            "write a shorter one",
        ),
        ("0.5ns", "is finer than a nanosecond", "write a coarser one"),
        (
            "0.33333333333333333333333s",
            "is finer than a nanosecond",
            "write a coarser one",
        ),
    ];
    for (text, sentence, help) in cases {
        let problem = parse(text).expect_err(text);
        assert_eq!(problem.to_string(), sentence, "{text:?}");
        assert_eq!(problem.help(), help, "{text:?}");
    }
}

/// Any two pieces side by side are a duration or a problem, never a panic.
#[test]
fn no_text_panics() {
    let pieces = [
        "1",
        "18446744073709551615",
        ".",
        "-",
        "s",
        "ns",
        "h",
        "M",
        "years",
        " ",
        "µ",
        "é",
        "\u{a0}",
        "999999999",
        "0.1",
        "\u{3000}",
        ",",
        "_",
        "0",
    ];
    let mut problems = 0;
    for a in pieces {
        for b in pieces {
            for c in pieces {
                for d in pieces {
                    problems += usize::from(parse(&[a, b, c, d].concat()).is_err());
                }
            }
        }
    }
    assert!(problems > 0);
    assert_eq!(
        parse("1"),
        Err(DurationProblem::NoUnit {
            number: "1".to_owned()
        })
    );
}
