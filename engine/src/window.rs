//! Named windows of time, `windows.toml`: a name for weekdays, hours and dates in a time zone.
//!
//! ```toml
//! time_zone = "Europe/Amsterdam"        # the deployment's; "UTC" if it is left out
//!
//! [window.office-hours]
//! description = "weekdays from nine to five"
//! days = ["mon", "tue", "wed", "thu", "fri"]
//! from = "09:00"
//! to = "17:00"                          # the first minute that is outside
//! except = ["2026-12-25"]
//! ```
//!
//! A window is asked "what does the clock on the wall say now?": every instant has exactly one
//! wall-clock time in a time zone, so the answer is never ambiguous.
//! - Clocks forward, 02:00 to 03:00: times between do not occur that day. A window from 02:30
//!   opens at 03:00; one from 02:10 to 02:50 does not open.
//! - Clocks back, 03:00 to 02:00: times between occur twice. A window from 02:10 to 02:50 opens
//!   twice; one from 02:30 to 04:00 is open from the first 02:30, closed again at the second
//!   02:00, and open from the second 02:30.
//! - Past midnight: where `to` is not later than `from`, the window ends on the next day and
//!   belongs to the day on which it begins: its weekday and date count, also after midnight.
//!
//! The rules of the time zones come with the bundle; there is no time-zone database here.

mod file;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// How many windows a bundle may have.
pub const WINDOWS_MAX: usize = 256;
/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
/// The time zone that needs no rules.
const UTC: &str = "UTC";

/// The weekdays as policies and files name them.
pub const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A weekday's name.
const fn weekday_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}

/// The rules of one time zone, as the bundle carries them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneRules {
    /// Its IANA name.
    pub name: String,
    /// Its `TZif` file (RFC 9636) in base64; empty for UTC.
    pub tzif: String,
}

impl ZoneRules {
    /// The rules in the form that computes; an error is a sentence.
    fn time_zone(&self) -> Result<TimeZone, String> {
        if self.name == UTC && self.tzif.is_empty() {
            return Ok(TimeZone::UTC);
        }
        let bytes = BASE64.decode(&self.tzif).map_err(|_| "the rules are not base64".to_owned())?;
        TimeZone::tzif(&self.name, &bytes).map_err(|error| error.to_string())
    }
}

/// One named window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Its name, as policies use it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The index of its time zone in [`Written::zones`].
    zone: usize,
    /// The weekdays on which it begins: one bit each, Monday first.
    days: u8,
    /// The first minute of the day that is inside.
    from: u16,
    /// The first minute that is outside; not later than `from` means on the next day.
    to: u16,
    /// The first date on which it begins.
    #[serde(default, with = "date_text", skip_serializing_if = "Option::is_none")]
    from_date: Option<Date>,
    /// The last date on which it begins.
    #[serde(default, with = "date_text", skip_serializing_if = "Option::is_none")]
    to_date: Option<Date>,
    /// Dates on which it does not begin, as text; few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
}

/// Dates in the bundle: `2026-06-03`.
mod date_text {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the text.
    #[allow(
        clippy::allow_attributes,
        clippy::trivially_copy_pass_by_ref,
        clippy::ref_option,
        reason = "serde's signature"
    )]
    pub(super) fn serialize<S: Serializer>(
        date: &Option<Date>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        date.map(|date| date.to_string()).serialize(serializer)
    }

    /// Reads the text.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Date>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

impl Window {
    /// Whether the window begins on this date.
    fn begins_on(&self, date: Date) -> bool {
        let bit = 1 << date.weekday().to_monday_zero_offset().unsigned_abs();
        self.days & bit != 0
            && self.from_date.is_none_or(|first| date >= first)
            && self.to_date.is_none_or(|last| date <= last)
            && (self.except.is_empty() || !self.except.contains(&date.to_string()))
    }

    /// For how long it is open once it has begun, in minutes of the wall clock.
    pub fn length_minutes(&self) -> u16 {
        let whole = if self.from < self.to { 0 } else { DAY_MINUTES };
        (self.to + whole).saturating_sub(self.from)
    }

    /// Whether the window is open when the wall clock shows this.
    fn open_at(&self, wall: DateTime) -> bool {
        let minute =
            u16::from(wall.hour().unsigned_abs()) * 60 + u16::from(wall.minute().unsigned_abs());
        let today = self.begins_on(wall.date());
        if self.from < self.to {
            return today && (self.from..self.to).contains(&minute);
        }
        let yesterday = || wall.date().yesterday().is_ok_and(|date| self.begins_on(date));
        (today && minute >= self.from) || (minute < self.to && yesterday())
    }
}

/// The wall clock of the deployment's time zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalTime {
    /// `mon` to `sun`.
    pub weekday: &'static str,
    /// `2026-06-03`.
    pub date: String,
    /// Milliseconds that the wall clock shows since midnight.
    pub time_of_day_ms: i64,
    /// The year.
    pub year: i16,
    /// The month, 1 to 12.
    pub month: i8,
    /// The day of the month, 1 to 31.
    pub day: i8,
}

/// What clocks show in one second; it is the same for all requests in that second.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    /// The second's beginning.
    pub now: Timestamp,
    /// The names of the windows that are open.
    pub open: Vec<String>,
    /// The deployment's wall clock.
    pub local: LocalTime,
}

/// The windows as they are written in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The time zones used; the first is the deployment's.
    zones: Vec<ZoneRules>,
    /// The windows, in the order of the file.
    windows: Vec<Window>,
}

/// All named windows and the deployment's time zone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Windows {
    /// What the bundle says.
    written: Written,
    /// The deployment's time zone.
    local: TimeZone,
    /// The time zones, in the order of `written.zones`.
    zones: Vec<TimeZone>,
}

/// No windows, in UTC.
impl Default for Windows {
    fn default() -> Self {
        let utc = ZoneRules { name: UTC.to_owned(), tzif: String::new() };
        let written = Written { zones: vec![utc], windows: Vec::new() };
        Windows { written, local: TimeZone::UTC, zones: vec![TimeZone::UTC] }
    }
}

/// The windows as the bundle has them.
impl From<Windows> for Written {
    fn from(windows: Windows) -> Written {
        windows.written
    }
}

/// Reads a bundle's windows and their time zones.
impl TryFrom<Written> for Windows {
    type Error = String;

    fn try_from(written: Written) -> Result<Windows, String> {
        let zones = written.zones.iter().map(ZoneRules::time_zone);
        let zones = zones.collect::<Result<Vec<TimeZone>, String>>()?;
        let local = zones.first().cloned().ok_or("there is no time zone")?;
        // INVARIANT: every window's time zone is there, and its times are within a day.
        let sound = |window: &Window| {
            window.zone < zones.len() && window.from < DAY_MINUTES && window.to <= DAY_MINUTES
        };
        if written.windows.len() > WINDOWS_MAX || !written.windows.iter().all(sound) {
            return Err("the windows are not sound".to_owned());
        }
        Ok(Windows { written, local, zones })
    }
}

#[cfg(feature = "author")]
impl Windows {
    /// When a window is open, in words: `mon tue 09:00-17:00 Europe/Amsterdam`.
    pub fn words(&self, window: &Window) -> String {
        let begins = |bit: usize| window.days & (1 << bit) != 0;
        let days = WEEKDAYS.iter().enumerate().filter(|(bit, _)| begins(*bit));
        let days: Vec<&str> = days.map(|(_, (name, _))| *name).collect();
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let zone = self.written.zones.get(window.zone).map_or(UTC, |zone| zone.name.as_str());
        let days = days.join(" ");
        let mut words = vec![format!("{days} {}-{} {zone}", time(window.from), time(window.to))];
        let dates = [("from", window.from_date), ("until", window.to_date)];
        let dates = dates.into_iter().filter_map(|(word, date)| Some((word, date?)));
        words.extend(dates.map(|(word, date)| format!("{word} {date}")));
        if !window.except.is_empty() {
            words.push(format!("not on {}", window.except.join(", ")));
        }
        words.join(", ")
    }
}

impl Windows {
    /// Reads `windows.toml`; gives the windows and what is doubtful, or everything wrong.
    ///
    /// `rules` gives the `TZif` file of a time zone by its IANA name.
    pub fn parse(
        file: &str,
        text: &str,
        rules: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<(Windows, Vec<Problem>), Vec<Problem>> {
        file::parse(file, text, rules)
    }

    /// The names of the windows that are open at this time, in the order of the file.
    pub fn open(&self, now: Timestamp) -> Vec<&str> {
        let walls: Vec<DateTime> = self.zones.iter().map(|zone| zone.to_datetime(now)).collect();
        let open = self
            .written
            .windows
            .iter()
            .filter(|window| walls.get(window.zone).is_some_and(|wall| window.open_at(*wall)));
        open.map(|window| window.name.as_str()).collect()
    }

    /// Whether one of these windows is open at this time.
    pub fn is_open(&self, window: &Window, now: Timestamp) -> bool {
        let zone = self.zones.get(window.zone);
        zone.is_some_and(|zone| window.open_at(zone.to_datetime(now)))
    }

    /// What the deployment's wall clock shows at this time.
    pub fn local(&self, now: Timestamp) -> LocalTime {
        let wall = self.local.to_datetime(now);
        let date = wall.date();
        let seconds = i64::from(wall.hour()) * 3600
            + i64::from(wall.minute()) * 60
            + i64::from(wall.second());
        LocalTime {
            weekday: weekday_name(date.weekday()),
            date: date.to_string(),
            time_of_day_ms: seconds * 1000 + i64::from(wall.millisecond()),
            year: date.year(),
            month: date.month(),
            day: date.day(),
        }
    }

    /// Everything that clocks show in the second that this time is in.
    pub fn clock(&self, now: Timestamp) -> Option<Clock> {
        let now = Timestamp::from_second(now.as_second()).ok()?;
        let open = self.open(now).into_iter().map(str::to_owned).collect();
        Some(Clock { now, open, local: self.local(now) })
    }

    /// The IANA name of the deployment's time zone.
    pub fn time_zone(&self) -> &str {
        self.written.zones.first().map_or(UTC, |zone| zone.name.as_str())
    }

    /// Every window, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Window> {
        self.written.windows.iter()
    }

    /// The names, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|window| window.name.clone()).collect()
    }

    /// Whether a window of this name is open at the same times here and there.
    #[cfg(feature = "author")]
    pub fn is_alike(&self, other: &Windows, name: &str) -> bool {
        let times = |windows: &Windows| {
            let window = windows.iter().find(|window| window.name == name)?.clone();
            let zone = windows.written.zones.get(window.zone)?.clone();
            Some((Window { description: String::new(), zone: 0, ..window }, zone))
        };
        times(self) == times(other)
    }

    /// Whether the deployment's wall clock shows the same here and there.
    #[cfg(feature = "author")]
    pub fn has_the_clock_of(&self, other: &Windows) -> bool {
        self.written.zones.first() == other.written.zones.first()
    }
}

#[cfg(test)]
mod tests;
