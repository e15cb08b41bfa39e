//! `zonegate prove`: what is true of all requests, proved by a solver or refuted by a request.

mod show;

use std::path::PathBuf;
use std::time::Duration;

use zonegate_engine::problem::Problem;

use super::refuse;
use crate::arguments::Format;
use crate::exit::Exit;
use crate::folder::{Folder, now};
use crate::output::failure;
use crate::proof::{Finding, Prover, Status};
use crate::property::{PROPERTIES, Property, parse};
use crate::symbolic::Solver;

/// Prove what shall be true of all requests, or find one for which it is not.
///
/// The properties stand in `properties.toml` of the policies folder: what is never allowed, what
/// alone is allowed, that a policy is of use, that policies never fail, that another folder decides
/// the same. What is proved holds for all requests; what is refuted comes with a request that the
/// gate itself was asked, and the `explain` command that shows its decision. `docs/prove.md` says
/// what is certain and what is not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Proofs are found by the solver cvc5, 1.0.3 or later, which is not part of zonegate:
  Debian 12, Ubuntu 24.04 and later:  apt install cvc5
  elsewhere: a release of https://github.com/cvc5/cvc5/releases, with bin/cvc5 on the path or
  named by CVC5=/opt/cvc5/bin/cvc5

Examples:
  zonegate prove
  zonegate prove --only apex-name-servers")]
pub(crate) struct Arguments {
    /// The policies folder
    #[arg(default_value = "policies", value_name = "DIR")]
    dir: PathBuf,

    /// Prove only the property of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// The longest that the solver may think about one question, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    limit: u64,
}

/// Proves the properties of a folder.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let folder = Folder::read(&arguments.dir);
    let checked = match folder.pack() {
        Ok(checked) => checked,
        Err(problems) => return refuse(&problems, &folder.path, format),
    };
    let properties = match properties(&folder, &checked.bundle.lists, &arguments.only) {
        Ok(properties) => properties,
        Err(problems) => return refuse(&problems, &folder.path, format),
    };
    let solver = Solver::find(Duration::from_secs(arguments.limit));
    let prover = solver.and_then(|solver| Prover::new(&checked.bundle, &folder, solver, now()));
    let prover = match prover {
        Ok(prover) => prover,
        Err(error) => {
            failure(error);
            return Exit::Failure;
        }
    };
    let mut findings: Vec<(&Property, Finding)> = Vec::new();
    for property in &properties {
        let finding = prover.prove(property);
        if format == Format::Text {
            show::text(&arguments.dir, property, &finding);
        }
        findings.push((property, finding));
    }
    match format {
        Format::Text => show::summary(&findings),
        Format::Json => show::json(&arguments.dir, &findings),
    }
    let holds = |finding: &Finding| matches!(finding.status, Status::Proved | Status::Shown(_));
    if findings.iter().all(|(_, finding)| holds(finding)) { Exit::Ok } else { Exit::Failure }
}

/// The properties of a folder that are asked for.
fn properties(
    folder: &Folder,
    lists: &zonegate_engine::policy::Lists,
    only: &[String],
) -> Result<Vec<Property>, Vec<Problem>> {
    let problem = |message: String, help: &str| vec![Problem::new(PROPERTIES, message).help(help)];
    let text = std::fs::read_to_string(folder.path.join(PROPERTIES)).map_err(|error| {
        let help = "state what shall be true there; docs/prove.md has examples";
        problem(format!("this file cannot be read: {error}"), help)
    })?;
    let mut properties = parse(&text, lists)?;
    for name in only {
        if !properties.iter().any(|property| property.name == *name) {
            let known: Vec<&str> = properties.iter().map(|one| one.name.as_str()).collect();
            let help = format!("there is {}", known.join(", "));
            return Err(problem(format!("no property has the name `{name}`"), &help));
        }
    }
    properties.retain(|property| only.is_empty() || only.contains(&property.name));
    Ok(properties)
}
