//! `zonegate explain`: what would be decided, by which policies, at which condition the others
//! stopped, and the smallest change that would have been allowed.

mod answer;
mod change;
mod curl;
mod facts;
mod log;
mod question;
mod request;
mod row;
mod search;
mod secret;
mod show;

use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;

use zonegate_engine::bundle::Bundle;

use crate::arguments::Format;
use crate::exit::Exit;
use crate::folder::CASES;
use crate::output::failure;
use crate::place::Place;

/// Say what would be decided, by which policies, and why the others did not.
///
/// A request is given by --send (and --body), by --curl as it was typed, or by --audit as the log
/// has it; a single operation by --operation, in the form of tables and logs. Nothing is sent
/// anywhere, and no secret is needed: --key names a key by its id. A key that is pasted is read as
/// the gate reads it, and never printed.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what")
    .required(true)
    .args(["send", "operation", "curl", "audit"]))]
#[command(override_usage = "\
zonegate explain --key ID --send 'METHOD PATH' [OPTIONS] [DIR]
       zonegate explain --key ID --operation OPERATION [OPTIONS] [DIR]
       zonegate explain --curl COMMAND [OPTIONS] [DIR]
       zonegate explain --audit LINE [OPTIONS] [DIR]")]
#[command(after_help = "\
Examples:
  zonegate explain --key demoacmehost --send 'GET /api/v1/servers/localhost/zones'
  zonegate explain --key demoddns0001 --from 198.51.100.7 \\
      --operation 'record.create example.com home.example.com A \"198.51.100.7\"'
  zonegate explain --curl @- < pasted-command.txt
  kubectl logs deploy/gate | grep '\"decision\":\"deny\"' | tail -1 | zonegate explain --audit @-")]
pub(crate) struct Arguments {
    /// The policies folder; also a bundle, or REVISION:DIR as git has it
    #[arg(default_value = "policies", value_name = "DIR")]
    dir: PathBuf,

    /// The id of the key that asks; --curl and --audit may say it themselves
    #[arg(long, value_name = "ID", required_unless_present_any = ["curl", "audit"])]
    key: Option<String>,

    /// A request: method and path
    #[arg(long, value_name = "'METHOD PATH'")]
    send: Option<String>,

    /// What the provider answers to a lookup, as 'PATH JSON', 'PATH @file' or 'PATH STATUS'; may be
    /// given several times
    #[arg(long, value_name = "'PATH JSON'", conflicts_with_all = ["operation", "audit"])]
    answer: Vec<String>,

    /// The request's body: text, or @file, or @- for standard input
    #[arg(long, value_name = "BODY", requires = "send")]
    body: Option<String>,

    /// One operation, such as 'record.create example.com www.example.com A "192.0.2.1"'
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,

    /// A curl command line as it was typed, or @file, or @- for standard input
    #[arg(long, value_name = "COMMAND")]
    curl: Option<String>,

    /// A line of the audit log, or @file, or @- for standard input
    #[arg(long, value_name = "LINE")]
    audit: Option<String>,

    /// The client's address; 127.0.0.1, or that of the log, unless it is given
    #[arg(long, value_name = "IP")]
    from: Option<IpAddr>,

    /// The time of the request, such as 2026-06-03T10:00:00Z; now, or that of the log, unless it is
    /// given
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<jiff::Timestamp>,

    /// The client's connection is not encrypted
    #[arg(long)]
    plain: bool,

    /// The account that is asked; unless it is given, the provider of the URL, the only account of
    /// the key, or powerdns/main
    #[arg(long, value_name = "PROVIDER/ACCOUNT")]
    account: Option<String>,

    /// The route by which --operation is asked for, such as powerdns/zone-patch; the usual one,
    /// unless it is given
    #[arg(long, value_name = "PROVIDER/ROUTE", requires = "operation")]
    route: Option<String>,

    /// How many operations the request has in all, of which --operation is one
    #[arg(long, value_name = "NUMBER", requires = "operation",
        value_parser = clap::value_parser!(u16).range(1..=5000))]
    cost: Option<u16>,

    /// A key that keys.toml does not have, as an inline table of what would stand there, such as
    /// '{ id = "madeup000001", owner = "nobody" }'
    #[arg(long, value_name = "TABLE")]
    with_key: Option<String>,

    /// List the policies that are for other keys and other actions, too
    #[arg(long)]
    all: bool,

    /// Write a row for a decision table instead: this request with its present outcome
    #[arg(long, conflicts_with_all = ["operation", "audit", "all"])]
    as_case: bool,
}

/// Reads a time with its offset.
fn time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

/// Explains a request or an operation.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let place = Place::of(&arguments.dir);
    let opened = match place.open_with(arguments.with_key.as_deref()) {
        Ok(opened) => opened,
        Err(why) => return place.refuse(&why, format),
    };
    let done = explain(opened.bundle, arguments, format);
    done.unwrap_or_else(|error| {
        // Whatever is quoted in it may have a key inside.
        failure(secret::Secrets::default().hide(&error));
        Exit::Failure
    })
}

/// Explains, or writes a row.
fn explain(bundle: Bundle, arguments: &Arguments, format: Format) -> Result<Exit, String> {
    let mut bundle = bundle;
    let question = question::read(&mut bundle, arguments)?;
    let bundle = Rc::new(bundle);
    if arguments.as_case {
        let row = row::of(&arguments.dir.join(CASES), &bundle, &question)?;
        row::print(&row, format);
        return Ok(Exit::Ok);
    }
    let answer = answer::answer(&bundle, &question)?;
    let shown = show::Shown { bundle: &bundle, question: &question, answer: &answer };
    match format {
        Format::Json => shown.json(),
        Format::Text => shown.text(arguments.all),
    }
    Ok(if answer.denied.is_none() { Exit::Ok } else { Exit::Deny })
}
