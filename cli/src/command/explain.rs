//! `zonegate explain`: what would be decided, by which policies, and why the others did not.

mod ask;
mod show;

use std::net::IpAddr;
use std::path::PathBuf;

use crate::arguments::Format;
use crate::exit::Exit;
use crate::output::failure;
use crate::place::Place;

/// Say what would be decided, by which policies, and why the others did not.
///
/// A request is given by --send (and --body), or a single operation by --operation, in the form
/// of tables and logs. Nothing is sent anywhere, and no secret is needed: the key is named by
/// its id.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["send", "operation"]))]
#[command(after_help = "\
Examples:
  zonegate explain --key demoacmehost --send 'GET /api/v1/servers/localhost/zones'
  zonegate explain --key demoddns0001 --from 198.51.100.7 \\
      --operation 'record.create example.com home.example.com A \"198.51.100.7\"'")]
pub(crate) struct Arguments {
    /// The policies folder; also a bundle, or REVISION:DIR as git has it
    #[arg(default_value = "policies", value_name = "DIR")]
    dir: PathBuf,

    /// The id of the key that asks
    #[arg(long, value_name = "ID")]
    key: String,

    /// A request: method and path
    #[arg(long, value_name = "'METHOD PATH'")]
    send: Option<String>,

    /// What the provider answers to a lookup, as 'PATH JSON' or 'PATH @file'; may be given several
    /// times
    #[arg(long, value_name = "'PATH JSON'", requires = "send")]
    answer: Vec<String>,

    /// The request's body: text, or @file, or @- for standard input
    #[arg(long, value_name = "BODY", requires = "send")]
    body: Option<String>,

    /// One operation, such as 'record.create example.com www.example.com A "192.0.2.1"'
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,

    /// The client's address
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    from: IpAddr,

    /// The time of the request, such as 2026-06-03T10:00:00Z; now, unless it is given
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<jiff::Timestamp>,

    /// The client's connection is not encrypted
    #[arg(long)]
    plain: bool,

    /// The account that is asked
    #[arg(long, value_name = "PROVIDER/ACCOUNT", default_value = "powerdns/main")]
    account: String,

    /// The route by which --operation is asked for, such as powerdns/zone-patch; the usual one,
    /// unless it is given
    #[arg(long, value_name = "PROVIDER/ROUTE", requires = "operation")]
    route: Option<String>,

    /// List the policies that are for other keys and other actions, too
    #[arg(long)]
    all: bool,
}

/// Reads a time with its offset.
fn time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

/// Explains a request or an operation.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let place = Place::of(&arguments.dir);
    let opened = match place.open() {
        Ok(opened) => opened,
        Err(why) => return place.refuse(&why, format),
    };
    match ask::explain(&opened.bundle, arguments) {
        Ok(answer) => {
            match format {
                Format::Json => show::json(&answer),
                Format::Text => show::text(&answer, arguments.all),
            }
            if answer.denied.is_none() { Exit::Ok } else { Exit::Deny }
        }
        Err(error) => {
            failure(error);
            Exit::Failure
        }
    }
}
