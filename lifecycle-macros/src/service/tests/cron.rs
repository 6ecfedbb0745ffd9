//! The problems of a schedule by cron expression.

use quote::quote;

use super::options::check;
#[cfg(feature = "cron")]
use super::problems::told;

#[cfg(not(feature = "cron"))]
#[test]
fn it_needs_the_feature() {
    let needed = "a schedule by `cron` needs the feature `cron` of `lifecycle` | write `features = [\"cron\"]` for it in `Cargo.toml`";
    check([
        (quote!(scheduled(cron = "0 3 * * *")), needed),
        (
            quote!(scheduled(cron = "61 * *", tz = "Mars/Olympus")),
            needed,
        ),
    ]);
}

#[cfg(feature = "cron")]
mod with_the_feature {
    use super::{check, quote, told};

    #[test]
    fn what_is_sound() {
        for args in [
            quote!(scheduled(cron = "0 3 * * *")),
            quote!(scheduled(
                cron = "*/10 0 3 * * MON-FRI",
                tz = "Europe/Berlin",
                missed = skip
            )),
            quote!(scheduled(
                tz = "cfg",
                cron = "every",
                first = immediate,
                jitter = "5m"
            )),
            quote!(scheduled(
                cron = "cfg.report.cron",
                tz = "cfg.report.tz",
                initial_delay = "1s"
            )),
            quote!(scheduled(
                cron = self.0,
                tz = self.zone(),
                missed = burst,
                max_failures = 3
            )),
            quote!(scheduled(
                cron = "cfg._cron",
                tz = "UTC",
                tick_timeout = "cfg.limit"
            )),
            quote!(scheduled(cron = "cfg.r#in", tz = "CET")),
            quote!(scheduled(cron = "0 3 * * *", tz = "utc")),
            quote!(scheduled(cron = "0 3 * * *", tz = "local")),
            quote!(scheduled(cron = "0 3 * * *", tz = "+02:00")),
            quote!(scheduled(cron = "0 3 * * *", tz = "-0330")),
        ] {
            let told = told(args.clone());
            assert!(told.is_empty(), "{args}: {told:?}");
        }
    }

    #[test]
    fn expressions() {
        check([
            (
                quote!(scheduled(cron = "0 61 3 * * *")),
                "the minute `61` of `0 61 3 * * *` is not from 0 to 59 | write a number from 0 to 59, `*`, a range `0-29`, a step `*/15`, or a list of those",
            ),
            (
                quote!(scheduled(cron = "0 3 * *")),
                "the cron expression `0 3 * *` has 4 fields | write five fields: minute, hour, day, month, weekday; or six, with the second before them",
            ),
            (
                quote!(scheduled(cron = "@daily")),
                "the cron expression `@daily` is a nickname | write `0 0 * * *`",
            ),
            (
                quote!(scheduled(cron = "@every 5m")),
                "the cron expression `@every 5m` is an interval | write `interval = \"5m\"`",
            ),
            (
                quote!(scheduled(cron = "PT5M")),
                "the cron expression `PT5M` has 1 field | write `interval = \"5m\"`",
            ),
            (
                quote!(scheduled(cron = "30s")),
                "the cron expression `30s` has 1 field | write `interval = \"30s\"`",
            ),
            (
                quote!(scheduled(cron = "1.5h")),
                "the cron expression `1.5h` has 1 field | write `interval = \"1.5h\"`",
            ),
            (
                quote!(scheduled(cron = "hourly")),
                "the cron expression `hourly` is a nickname | write `0 * * * *`",
            ),
            (
                quote!(scheduled(cron = "NIGHTLY")),
                "the constant `NIGHTLY` is in quotes | write `cron = NIGHTLY`",
            ),
            (
                quote!(scheduled(cron = "CRON_TZ=Europe/Berlin 0 3 * * *")),
                "the cron expression `CRON_TZ=Europe/Berlin 0 3 * * *` begins with its time zone | write `cron = \"0 3 * * *\", tz = \"Europe/Berlin\"`",
            ),
            (
                quote!(scheduled(cron = "TZ=UTC 61 3 * * *")),
                "the cron expression `TZ=UTC 61 3 * * *` begins with its time zone | write the fields alone, and the time zone as `tz`",
            ),
            (
                quote!(scheduled(cron = "0 0 3 ? * 2-6")),
                "the day `?` of `0 0 3 ? * 2-6` is not written as cron has it | write `0 0 3 * * MON-FRI`",
            ),
            (
                quote!(scheduled(cron = "0 0 3 * * ? *")),
                "the cron expression `0 0 3 * * ? *` has 7 fields | write `0 0 3 * * *`",
            ),
            (
                quote!(scheduled(interval = "*/5 * * * *")),
                "`*/5 * * * *` is a cron expression, and `interval` a duration | write `cron = \"*/5 * * * *\"`",
            ),
            (
                quote!(scheduled(cron = "")),
                "the cron expression is empty | write five fields: minute, hour, day, month, weekday; or six, with the second before them",
            ),
            (
                quote!(scheduled(cron = "0 0 30 2 *")),
                "no month of the cron expression `0 0 30 2 *` has a day 30 | write a day up to 29",
            ),
            (
                quote!(scheduled(cron = "self.cron")),
                "the cron `self.cron` begins with `self` | write `cron = \"cron\"`: a path in quotes begins there already",
            ),
            (
                quote!(scheduled(cron = "0.cron")),
                "the cron `0.cron` goes through the tuple field `0` | write it without quotes: `cron = self.0.cron`",
            ),
            (
                quote!(scheduled(cron = "cfg.cron()")),
                "the cron `cfg.cron()` is neither a field path nor a cron expression | write it without quotes: `cron = self.cfg.cron()`",
            ),
            (
                quote!(scheduled(cron = 5)),
                "`5` is not a cron expression | write it in quotes, such as `cron = \"0 3 * * *\"`",
            ),
            (
                quote!(scheduled(cron)),
                "`cron` has no value | write `cron = \"0 3 * * *\"`",
            ),
            (
                quote!(scheduled("0 3 * * *")),
                "the argument of `scheduled` has no name | write `cron = \"0 3 * * *\"`",
            ),
        ]);
    }

    #[test]
    fn zones() {
        let unknown = "write a name such as `Europe/Berlin`, or a field path";
        let offset = "write the hours of an offset and its minutes, such as `+02:00` or `-0330`, up to `23:59`";
        for (zone, expected) in [
            (
                "Europe/Berln",
                "there is no time zone `Europe/Berln` | did you mean `Europe/Berlin`?",
            ),
            (
                "europe/berlni",
                "there is no time zone `europe/berlni` | did you mean `Europe/Berlin`?",
            ),
            (
                "Mars/Olympus_Mons",
                &format!("there is no time zone `Mars/Olympus_Mons` | {unknown}"),
            ),
            (
                "+2:00",
                "there is no time zone `+2:00` | did you mean `+02:00`?",
            ),
            (
                "UTC+2",
                "there is no time zone `UTC+2` | did you mean `+02:00`?",
            ),
            (
                "-25:00",
                &format!("there is no time zone `-25:00` | {offset}"),
            ),
            (
                "+05:300",
                &format!("there is no time zone `+05:300` | {offset}"),
            ),
            (
                "berlin",
                "there is no time zone `berlin` | did you mean `Europe/Berlin`?",
            ),
            (
                "New York",
                "there is no time zone `New York` | did you mean `America/New_York`?",
            ),
            (
                "PST",
                "there is no time zone `PST` | write a name such as `Europe/Berlin`, or `tz = PST` for a constant",
            ),
            (
                "Local",
                "there is no time zone `Local` | did you mean `local`?",
            ),
            (
                "localtime",
                "there is no time zone `localtime` | did you mean `local`?",
            ),
            (
                "",
                "the tz `` is neither a field path nor a time zone | begin with one of its fields `cfg`, `every`, or write a time zone such as `\"Europe/Berlin\"`",
            ),
        ] {
            let args = quote!(scheduled(cron = "0 3 * * *", tz = #zone));
            assert_eq!(told(args), [expected]);
        }
        check([(
            quote!(scheduled(interval = "1s", tz = "UTC")),
            "`tz` is the time zone of a `cron`, and there is none | remove it",
        )]);
    }

    #[test]
    fn options_that_mean_nothing() {
        check([
            (
                quote!(scheduled(cron = "0 3 * * *", missed = delay)),
                "a schedule by `cron` has no interval that a tick could be delayed by | write one of `coalesce`, `skip`, `burst`",
            ),
            (
                quote!(scheduled(cron = "0 3 * * *", first = after_interval)),
                "a schedule by `cron` has no interval, so `after_interval` says nothing | remove it: the first tick is due at the first time that is named",
            ),
            (
                quote!(scheduled(interval = "1s", cron = "0 3 * * *")),
                "a service has one schedule, and `cron` is the second | keep `interval` or `cron`",
            ),
        ]);
        let told = told(quote!(scheduled(
            cron = "0 3 * * *",
            delay = "1s",
            interval = "1s"
        )));
        let expected = ["delay", "interval"].into_iter().zip(["second", "third"]);
        let expected = expected.map(|(key, nth)| {
            format!("a service has one schedule, and `{key}` is the {nth} | keep `cron` or `{key}`")
        });
        assert_eq!(told, expected.collect::<Vec<_>>());
    }
}
