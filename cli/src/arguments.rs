//! The arguments that every subcommand has, and the list of subcommands.

use clap::{Parser, Subcommand, ValueEnum};

use crate::command::{
    bundle, can, check, completions, diff, explain, export, fmt, key, man, new, prove, routes,
    test, watch,
};
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
    /// How results are printed: `text` for a person, `json` for a program
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = Format::Text,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
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

/// The subcommands; what help says of each stands at its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Arguments),
    Test(test::Arguments),
    Explain(explain::Arguments),
    Can(can::Arguments),
    Diff(diff::Arguments),
    Prove(prove::Arguments),
    Key(key::Arguments),
    Bundle(bundle::Arguments),
    Watch(watch::Arguments),
    Routes(routes::Arguments),
    New(new::Arguments),
    Fmt(fmt::Arguments),
    Export(export::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}
