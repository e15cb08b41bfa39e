//! `zonegate key`: making, recognising and revoking keys.

mod digest;
mod new;
mod revoke;

pub(super) use self::new::{new_key, quoted};

use clap::Subcommand;

use crate::arguments::Format;
use crate::exit::Exit;

/// Make, recognise and revoke keys.
///
/// A key is a text of 64 characters (or 40, for clients that insist): a prefix that secret
/// scanners find, a public id, the secret and a checksum. Only its digest is stored.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to do with keys.
    #[command(subcommand)]
    command: Command,
}

/// The subcommands of `key`; what help says of each stands at its arguments.
#[derive(Debug, Subcommand)]
enum Command {
    New(new::Arguments),
    Digest(digest::Arguments),
    Revoke(revoke::Arguments),
}

/// Runs the subcommand of `key`.
pub(super) fn run(arguments: Arguments, format: Format) -> Exit {
    match arguments.command {
        Command::New(arguments) => new::run(&arguments, format),
        Command::Digest(arguments) => digest::run(&arguments, format),
        Command::Revoke(arguments) => revoke::run(&arguments, format),
    }
}
