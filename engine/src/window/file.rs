//! The windows file: read whole, or all that is wrong with it.

use base64::Engine as _;
use jiff::civil::Date;

use super::{BASE64, DAY_MINUTES, UTC, WEEKDAYS, WINDOWS_MAX, Window, Windows, Written, ZoneRules};
use crate::problem::Problem;
use crate::settings::{At, Section, Source, as_text_or_datetime, one_of, printable};

/// What a time zone is called.
const ZONE_HELP: &str =
    "use a name of the IANA time zone database, such as \"Europe/Amsterdam\" or \"UTC\"";

/// The time zones that were used so far, and where their rules come from.
struct Zones<'r> {
    /// Gives the rules of a time zone.
    rules: &'r dyn Fn(&str) -> Option<Vec<u8>>,
    /// The rules used, the deployment's first.
    used: Vec<ZoneRules>,
}

impl Zones<'_> {
    /// The index of a time zone, added if it is new; none where it is unknown.
    fn index(&mut self, name: &str) -> Option<usize> {
        if let Some(index) = self.used.iter().position(|zone| zone.name == name) {
            return Some(index);
        }
        let tzif = if name == UTC { String::new() } else { BASE64.encode((self.rules)(name)?) };
        let zone = ZoneRules { name: name.to_owned(), tzif };
        zone.time_zone().ok()?;
        self.used.push(zone);
        Some(self.used.len() - 1)
    }

    /// The index of the time zone that a field names; reports an unknown one.
    fn read(&mut self, section: &Section<'_, '_>) -> Option<usize> {
        let name = section.text("time_zone")?;
        let index = self.index(&name.value);
        if index.is_none() {
            let message = format!("has an unknown time zone `{}`", printable(&name.value));
            section.problem(name.offset, message, ZONE_HELP);
        }
        index
    }
}

/// Reads a windows file.
pub(super) fn parse(
    file: &str,
    text: &str,
    rules: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<(Windows, Vec<Problem>), Vec<Problem>> {
    let source = Source::new(file, text);
    let tree = source.tree();
    let root = source.root(&tree);
    let mut zones = Zones { rules, used: Vec::new() };
    if zones.read(&root).is_none() {
        // Also after a problem, so that reading can go on.
        zones.index(UTC);
    }
    let named = root.named("window");
    if let Some((name, _)) = named.get(WINDOWS_MAX) {
        let message = format!("there are more than {WINDOWS_MAX} windows");
        source.problem(name.offset, message, "remove what no policy uses");
    }
    let windows = named.into_iter().filter_map(|(name, section)| {
        let window = read_window(name.value, &section, &mut zones);
        section.allows();
        section.done();
        window
    });
    let windows = windows.collect();
    root.done();
    let ((), warnings) = source.finish(())?;
    let windows = Windows::try_from(Written { zones: zones.used, windows });
    let windows = windows.map_err(|error| vec![Problem::new(file, error)])?;
    Ok((windows, warnings))
}

/// Reads one window; none where its times cannot be read.
fn read_window(name: String, section: &Section<'_, '_>, zones: &mut Zones<'_>) -> Option<Window> {
    let description = section.required_text("description", "say what this window is for");
    // The deployment's time zone is the first.
    let zone = zones.read(section).unwrap_or(0);
    let days = read_days(section);
    let times = read_times(section);
    let dates = read_dates(section);
    let (from, to) = times?;
    let (from_date, to_date, except) = dates?;
    let description = description.map(|text| text.value).unwrap_or_default();
    let mut window =
        Window { name, description, zone, days, from, to, from_date, to_date, except: Vec::new() };
    for date in &except {
        if !window.begins_on(date.value) {
            let message =
                format!("has the exception {}, when it would not begin anyway", date.value);
            section.warning(
                "idle-exception",
                date.offset,
                message,
                "an exception is a date on which the window would begin",
            );
        }
    }
    window.except = except.iter().map(|date| date.value.to_string()).collect();
    if !ever_begins(&window) {
        let help = "no day is in `days`, from `from_date` to `to_date`, and not in `except`";
        section.problem(section.offset(), "never opens", help);
    }
    Some(window)
}

/// Whether there is any date on which a window begins.
fn ever_begins(window: &Window) -> bool {
    let (Some(first), Some(last)) = (window.from_date, window.to_date) else {
        return window.days != 0;
    };
    // Of so many weeks, one has no exception.
    let days_max = 7 * (window.except.len() + 1);
    let days = first.series(jiff::Span::new().days(1)).take(days_max);
    days.take_while(|date| *date <= last).any(|date| window.begins_on(date))
}

/// Reads the weekdays as bits; absent means all.
fn read_days(section: &Section<'_, '_>) -> u8 {
    let Some(names) = section.texts("days") else { return 0b111_1111 };
    let mut days = 0;
    for name in names {
        let found = WEEKDAYS.iter().position(|(day, _)| *day == name.value);
        if let Some(index) = found {
            if days & (1 << index) != 0 {
                section.warning(
                    "repeated-entry",
                    name.offset,
                    format!("has `{}` twice in `days`", name.value),
                    "remove one",
                );
            }
            days |= 1 << index;
        } else {
            let message = format!("has an unknown weekday `{}`", printable(&name.value));
            let right = WEEKDAYS.iter().map(|(day, _)| *day);
            section.problem(name.offset, message, one_of("weekday", &name.value, right));
            // So that a misspelt day is not also reported as "never opens".
            days |= 1 << 7;
        }
    }
    days
}

/// Reads `from` and `to` as minutes of the day; both absent means the whole day.
fn read_times(section: &Section<'_, '_>) -> Option<(u16, u16)> {
    let (from, to) = (section.text("from"), section.text("to"));
    let both = section.has("from") == section.has("to");
    if !both {
        let help =
            "write both, such as from = \"09:00\" and to = \"17:00\", or neither for whole days";
        section.problem(section.offset(), "has only one of `from` and `to`", help);
    }
    let read = |field: &str, text: &At<String>, last: u16| {
        let minutes = minutes(&text.value).filter(|minutes| *minutes <= last);
        if minutes.is_none() {
            let message = format!("has a bad time `{}` in `{field}`", printable(&text.value));
            let help = "write hours and minutes, \"00:00\" to \"23:59\"; `to` can be \"24:00\"";
            section.problem(text.offset, message, help);
        }
        minutes
    };
    let from_minute = from.as_ref().map(|text| read("from", text, DAY_MINUTES - 1));
    let to_minute = to.as_ref().map(|text| read("to", text, DAY_MINUTES));
    match (from_minute, to_minute) {
        (None, None) => (!section.has("from") && !section.has("to")).then_some((0, DAY_MINUTES)),
        (from, to) => Some((from??, to??)),
    }
}

/// The minutes of a time of day written `HH:MM`.
fn minutes(text: &str) -> Option<u16> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let [h1, h2, b':', m1, m2] = text.as_bytes() else { return None };
    let (hours, minutes) = (digit(*h1)? * 10 + digit(*h2)?, digit(*m1)? * 10 + digit(*m2)?);
    (minutes < 60).then_some(hours * 60 + minutes)
}

/// The first and last date, and the exceptions.
type Dates = (Option<Date>, Option<Date>, Vec<At<Date>>);

/// Reads the dates; none after a problem.
fn read_dates(section: &Section<'_, '_>) -> Option<Dates> {
    let example = "\"2026-12-25\"";
    let read = |text: At<String>| {
        let date = date(&text.value);
        if date.is_none() {
            let message = format!("has a bad date `{}`", printable(&text.value));
            section.problem(text.offset, message, "write year, month and day: \"2026-12-25\"");
        }
        date.map(|date| At { value: date, offset: text.offset })
    };
    let bound = |field| match section.text_or_datetime(field, example) {
        Some(text) => read(text).map(Some),
        None => Some(None),
    };
    let (first, last) = (bound("from_date"), bound("to_date"));
    let texts = section.list("except", "a list of dates", "[\"2026-12-25\"]", as_text_or_datetime);
    let except: Vec<Option<At<Date>>> = texts.unwrap_or_default().into_iter().map(read).collect();
    let (first, last) = (first?, last?);
    if let (Some(first), Some(last)) = (&first, &last)
        && first.value > last.value
    {
        section.problem(
            last.offset,
            "ends before it begins",
            "`to_date` is not before `from_date`",
        );
        return None;
    }
    let except = except.into_iter().collect::<Option<Vec<_>>>()?;
    Some((first.map(|date| date.value), last.map(|date| date.value), except))
}

/// A date written `YYYY-MM-DD`.
fn date(text: &str) -> Option<Date> {
    let parsed: Date = text.parse().ok()?;
    (parsed.to_string() == text).then_some(parsed)
}
