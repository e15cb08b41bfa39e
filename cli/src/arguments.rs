//! The arguments that every subcommand has, and the list of subcommands.

use clap::{Parser, Subcommand, ValueEnum};

use crate::command::{bundle, check, explain, key, routes, test, watch};
use crate::exit;

/// Scoped keys for DNS provider APIs: check, try, explain and deliver their policies.
#[derive(Debug, Parser)]
#[command(
    name = "zonegate",
    version,
    after_help = exit::HELP,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    /// How results are printed: for a person, or as one JSON document for a program
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person: aligned, coloured on a terminal unless `NO_COLOR` is set
    Text,
    /// For a program: one JSON document on standard output
    Json,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that is wrong with a policies folder
    Check(check::Arguments),
    /// Run the decision tables of a policies folder
    Test(test::Arguments),
    /// Say what would be decided, by which policies, and why the others did not
    Explain(explain::Arguments),
    /// Make, recognise and revoke keys
    Key(key::Arguments),
    /// Pack a policies folder into the file that Envoy watches
    Bundle(bundle::Arguments),
    /// Keep that file up to date while a policies folder is edited
    Watch(watch::Arguments),
    /// List the routes that the gate knows, and what each of them means
    Routes(routes::Arguments),
}
