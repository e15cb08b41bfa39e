//! `zonegate can`: what a key can do, who can do something, and who can do what in a zone.
//!
//! Answers are found by asking: for each thing that a policy could tell apart there is a
//! representative, and every combination of them is decided as the gate would decide it.

mod columns;
mod depends;
mod finding;
mod key;
mod page;
mod subject;
mod who;
mod words;
mod zone;

use std::path::PathBuf;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::name::{Name, NameForm};

use self::subject::Survey;
use super::refuse;
use crate::arguments::Format;
use crate::ask;
use crate::exit::Exit;
use crate::folder::{Folder, now};
use crate::output::failure;

/// What every answer must be read with.
const NOTE: &str = "\
Found by asking about representative names, values, addresses and times; what lies between them can \
differ.";

/// Say what a key can do, who can do something, or who can do what in a zone.
///
/// Every answer is found by asking about representatives: of names, types, values, addresses, times
/// and routes, one for each that a policy mentions, one beside it, and one that nobody mentions.
/// `yes` means allowed under all of them, `no` under none, and `depends` says on what. That is not a
/// proof: where a policy compares two attributes with each other, something between the
/// representatives may be decided otherwise.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["key", "who", "zone", "html"]))]
#[command(after_help = "\
Examples:
  zonegate can demoacmehost
  zonegate can --who 'record.create example.com www.example.com CNAME'
  zonegate can --zone example.com
  zonegate can --html who-can-what.html")]
pub(crate) struct Arguments {
    /// The id of a key: what can it do?
    #[arg(value_name = "KEY")]
    key: Option<String>,

    /// An operation: which keys can do this? Without a value, all representative values are tried
    #[arg(long, value_name = "OPERATION", conflicts_with_all = ["key", "zone", "html"])]
    who: Option<String>,

    /// A zone: which keys can do what in it?
    #[arg(long, value_name = "ZONE", conflicts_with = "key")]
    zone: Option<String>,

    /// Write all of it as one page that works by itself, offline: a matrix of keys and zones by
    /// actions, to filter and to click through; with a KEY or --zone, of that one only
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// The time to begin with, such as 2026-06-03T10:00:00Z; now, unless it is given
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<jiff::Timestamp>,

    /// Ask at this account only; all that keys name, unless it is given
    #[arg(long, value_name = "PROVIDER/ACCOUNT")]
    account: Option<String>,

    /// The policies folder
    #[arg(long, default_value = "policies", value_name = "DIR")]
    dir: PathBuf,
}

/// Reads a time with its offset.
fn time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

/// Answers the question.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let folder = Folder::read(&arguments.dir);
    let checked = match folder.pack() {
        Ok(checked) => checked,
        Err(problems) => return refuse(&problems, &folder.path, format),
    };
    // The folder has been checked; without the schema, the same is decided several times faster.
    let bundle = match Bundle::load(checked.packed.bytes) {
        Ok(bundle) => bundle,
        Err(problems) => return refuse(&problems, &folder.path, format),
    };
    match answer(&bundle, arguments, format) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            failure(error);
            Exit::Failure
        }
    }
}

/// Answers the question from a bundle.
fn answer(bundle: &Bundle, arguments: &Arguments, format: Format) -> Result<(), String> {
    let account = arguments.account.as_ref().map(|text| ask::account(bundle, text)).transpose()?;
    let survey = Survey::of(bundle, arguments.at.unwrap_or_else(now), account);
    if let Some(operation) = &arguments.who {
        let operation = ask::operation(operation)?;
        let rows = who::ask(&survey, &operation)?;
        match format {
            Format::Json => who::json(&operation, &rows),
            Format::Text => who::text(&operation, &rows, NOTE),
        }
    }
    let zone = |zone: &String| {
        Name::parse(zone, NameForm::Fqdn).map_err(|error| format!("--zone `{zone}`: {error}"))
    };
    let zone = arguments.zone.as_ref().map(zone).transpose()?;
    if let Some(file) = &arguments.html {
        let key = arguments.key.as_ref().map(|id| ask::key(bundle, id)).transpose()?;
        return page::write(&survey, key, zone.as_ref(), file, format);
    }
    if let Some(zone) = &zone {
        let rows = zone::ask(&survey, zone)?;
        match format {
            Format::Json => zone::json(zone, &rows),
            Format::Text => zone::text(zone, &rows, NOTE),
        }
    }
    if let Some(id) = &arguments.key {
        let key = ask::key(bundle, id)?;
        let subject = survey.subject(key, &[]).map_err(|problem| problem.to_string())?;
        let report = key::ask(&survey, subject);
        match format {
            Format::Json => key::json(&report),
            Format::Text => key::text(&report, NOTE),
        }
    }
    Ok(())
}
