//! Windows that never open, or never again.

use jiff::{SignedDuration, Timestamp};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::problem::Problem;

use super::places::Places;

/// How far ahead an open moment is looked for, in days.
const DAYS: i64 = 800;
/// The longest step of that search, in minutes: what is open for less long could be missed.
const STEP_MINUTES_MAX: u16 = 60;

/// Every warning about windows.
pub(super) fn warnings(bundle: &Bundle, places: &Places, now: Timestamp) -> Vec<Problem> {
    let windows = bundle.windows.iter();
    let shut = windows.filter(|window| {
        let step = i64::from(window.length_minutes().clamp(1, STEP_MINUTES_MAX));
        let steps = (DAYS * 24 * 60) / step;
        let at = |number: i64| now.checked_add(SignedDuration::from_mins(number * step)).ok();
        let mut moments = (0..steps).filter_map(at);
        !moments.any(|at| bundle.windows.is_open(window, at))
    });
    shut.map(|window| {
        let name = &window.name;
        let message = format!("the window `{name}` is not open at any time of the next {DAYS} days");
        let problem = Problem::new("windows.toml", message).lint("window-never-opens");
        let problem = problem.help("look at its `to_date` and `days`; delete it, with the policies that ask for it, when it is over");
        match places.line("windows.toml", name) {
            Some(line) => problem.at(line),
            None => problem,
        }
    })
    .collect()
}
