use super::{CronProblem, parse};

fn told(text: &str) -> String {
    match parse(text) {
        Ok(fields) => panic!("`{text}` is taken for {fields:?}"),
        Err(problem) => format!("{} | {}", problem.sentence(text), problem.help()),
    }
}

fn read(text: &str) -> String {
    let fields = parse(text).unwrap_or_else(|problem| panic!("{}", problem.sentence(text)));
    let fields = fields.0.iter().map(|items| {
        let items: Vec<String> = items.iter().map(ToString::to_string).collect();
        items.join(",")
    });
    fields.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_sound() {
    for (text, expected) in [
        ("0 3 * * *", "0 0 3 * * *"),
        (
            "  */15 9-17/2 1,15 jan-mar MON-Fri ",
            "0 */15 9-17/2 1,15 1-3 1-5",
        ),
        ("59 59 23 31 12 7", "59 59 23 31 12 7"),
        ("0 0 L,LW,15W * *", "0 0 0 L,LW,15W * *"),
        ("0 0 * * FRI#2,5#5,SUNL,0l", "0 0 0 * * 5#2,5#5,0#L,0#L"),
        ("0 0 * * FRI-SUN", "0 0 0 * * 5-7"),
        ("0 0 * * SUN-SAT", "0 0 0 * * 0-6"),
        ("0 0 29 2 *", "0 0 0 29 2 *"),
        ("0 0 31 2 FRI", "0 0 0 31 2 5"),
        ("0 0 31 */2 *", "0 0 0 31 */2 *"),
        ("*/59 * * * * *", "*/59 * * * * *"),
    ] {
        assert_eq!(read(text), expected);
    }
}

#[test]
fn the_whole() {
    let fields =
        "write five fields: minute, hour, day, month, weekday; or six, with the second before them";
    for (text, expected) in [
        ("", "the cron expression is empty"),
        ("3", "the cron expression `3` has 1 field"),
        ("* * * *", "the cron expression `* * * *` has 4 fields"),
        (
            "0 0 0 1 1 * 2027",
            "the cron expression `0 0 0 1 1 * 2027` has 7 fields",
        ),
        ("@reboot", "the cron expression `@reboot` is a nickname"),
    ] {
        assert_eq!(told(text), format!("{expected} | {fields}"));
    }
    assert_eq!(
        told("@Daily"),
        "the cron expression `@Daily` is a nickname | write `0 0 * * *`"
    );
}

#[test]
fn one_field() {
    let minute =
        "write a number from 0 to 59, `*`, a range `0-29`, a step `*/15`, or a list of those";
    for item in [
        "a", "1,,2", "-5", "1-", "*/x", "1-2-3", "1.5", "*1", "L", "5#2", "JAN", "/",
    ] {
        let text = format!("{item} * * * *");
        let wrong = if item == "1,,2" { "" } else { item };
        let sentence = format!("the minute `{wrong}` of `{text}` is not written as cron has it");
        assert_eq!(told(&text), format!("{sentence} | {minute}"));
    }
    for item in ["60", "0-60", "300", "99999999999999999999"] {
        let text = format!("{item} * * * *");
        let sentence = format!("the minute `{item}` of `{text}` is not from 0 to 59");
        assert_eq!(told(&text), format!("{sentence} | {minute}"));
    }
    for item in ["*/0", "*/60", "0-9/999"] {
        let text = format!("{item} * * * *");
        let sentence =
            format!("the minute `{item}` of `{text}` has a step that is not from 1 to 59");
        assert_eq!(told(&text), format!("{sentence} | {minute}"));
    }
}

#[test]
fn another_spelling() {
    for (text, item, instead) in [
        ("5/15 * * * *", "minute `5/15`", "5-59/15"),
        ("/15 * * * *", "minute `/15`", "*/15"),
        ("0 22-2 * * *", "hour `22-2`", "22-23,0-2"),
        ("0 0 ? * *", "day `?`", "*"),
        ("0 0 * * FRI-MON", "weekday `FRI-MON`", "5-7,0-1"),
    ] {
        let sentence = format!("the {item} of `{text}` is not written as cron has it");
        assert_eq!(told(text), format!("{sentence} | write `{instead}`"));
    }
}

#[test]
fn each_field_says_what_it_takes() {
    for (text, expected) in [
        (
            "60 0 0 * * *",
            "the second `60` of `60 0 0 * * *` is not from 0 to 59",
        ),
        (
            "0 24 * * *",
            "the hour `24` of `0 24 * * *` is not from 0 to 23",
        ),
        (
            "0 0 0 * *",
            "the day `0` of `0 0 0 * *` is not from 1 to 31",
        ),
        (
            "0 0 * 13 *",
            "the month `13` of `0 0 * 13 *` is not from 1 to 12",
        ),
        (
            "0 0 * * 8",
            "the weekday `8` of `0 0 * * 8` is not from 0 to 7",
        ),
        (
            "0 0 * * FRI#6",
            "the weekday `FRI#6` of `0 0 * * FRI#6` counts to what is not from 1 to 5",
        ),
        (
            "0 0 * * +MON",
            "the weekday `+MON` of `0 0 * * +MON` is not written as cron has it",
        ),
        (
            "0 0 32W * *",
            "the day `32W` of `0 0 32W * *` is not from 1 to 31",
        ),
    ] {
        let told = told(text);
        let (sentence, help) = told.split_once(" | ").unwrap();
        assert_eq!(sentence, expected);
        let range = expected.split_once("` is not from ");
        let range = range.map_or("0 to 7", |(_, range)| range);
        assert!(
            help.starts_with(&format!("write a number from {range}, ")),
            "{help}"
        );
    }
}

#[test]
fn a_day_that_never_comes() {
    for (text, day, longest) in [
        ("0 0 30 2 *", 30, 29),
        ("0 0 31 2,4,6,9,11 *", 31, 30),
        ("0 0 31W FEB-FEB *", 31, 29),
        ("0 0 31 4-6/2 *", 31, 30),
        ("0 0 30 FEB MON,*", 30, 29),
    ] {
        assert_eq!(
            told(text),
            format!(
                "no month of the cron expression `{text}` has a day {day} | write a day up to {longest}"
            )
        );
    }
}

#[test]
fn a_date_that_fits_day_and_weekday_never_comes() {
    for never in [
        "0 0 */30 * MON#2",
        "0 0 15W * */6",
        "0 0 30 2 */3",
        "0 0 31 4,6,9,11 */2",
        "0 0 1-7 * */2,FRI#5",
    ] {
        let is_both = matches!(parse(never), Err(CronProblem::NeverBoth));
        let comes = never.ends_with("FRI#5");
        assert_eq!(is_both, !comes, "{never}");
    }
    for comes in [
        "0 0 */2 * 1",
        "0 0 15 * */3",
        "0 0 29 2 */6",
        "0 0 */30 * MON#1",
        "0 0 LW * */5",
        "0 0 1W * */3",
        "0 0 30 2 MON",
    ] {
        assert_eq!(parse(comes).map(|_| ()), Ok(()), "{comes}");
    }
}

#[test]
fn an_expression_is_bounded_before_any_work() {
    let list = |most: u8| {
        (0..=most)
            .map(|value| value.to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let (sixty, hours) = (list(59), list(23));
    for (long, problem) in [
        (format!("{sixty} {sixty} {hours} * * *"), CronProblem::Long),
        (
            format!("{} * * * *", "0,".repeat(1_000_000)),
            CronProblem::Long,
        ),
        ("*".repeat(301), CronProblem::Long),
        (" ".repeat(301), CronProblem::Long),
        (format!("{sixty} {hours} * * *"), CronProblem::Times(1440)),
        (
            "0,1,2,3,4,5,6,7,8,9,10 0,1,2,3,4,5,6,7,8,9 * * *".to_owned(),
            CronProblem::Times(110),
        ),
    ] {
        assert_eq!(parse(&long), Err(problem.clone()), "{}", long.len());
        assert!(problem.sentence(&long).len() < 400);
    }
    for sound in [
        "0,15,30,45 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23 * * *",
        "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0 0,0,0,0,0,0,0,0 0,0,0,0,0,0 * * *",
        "0-59 0-59 0-23 * * *",
    ] {
        assert_eq!(parse(sound).map(|_| ()), Ok(()), "{sound}");
    }
}
