//! `zonegate key`: making, recognising and revoking keys.

mod digest;
mod new;
mod revoke;

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

/// The subcommands of `key`.
#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key: it is shown once, with the entry for `keys.toml`
    New(new::Arguments),
    /// Recognise the key on standard input: typing errors, id, digest
    Digest(digest::Arguments),
    /// Disable a key now, even while the policies folder is broken
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
