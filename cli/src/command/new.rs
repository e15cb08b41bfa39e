//! `zonegate new`: a folder, a policy, a key or a table to begin with.
//!
//! What is not given as an option is asked for where a person sits at a terminal, and is an error
//! that names the option where nobody does. What is made is read back as the gate would read it; if
//! anything is wrong with the folder then, everything is put back.

mod change;
mod folder;
mod key;
mod policy;
mod question;
mod table;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use zonegate_engine::problem::Problem;

use super::refuse;
use crate::arguments::Format;
use crate::exit::Exit;
use crate::output::{failure, json, line};

/// Begin a policies folder, a policy, a key or a table; what is made passes `check` and `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The policies folder
    #[arg(long, global = true, default_value = "policies", value_name = "DIR")]
    dir: PathBuf,

    /// What to begin.
    #[command(subcommand)]
    what: What,
}

/// What can be begun; what help says of each stands at its arguments.
#[derive(Debug, Subcommand)]
enum What {
    Folder(folder::Arguments),
    Policy(policy::Arguments),
    Key(key::Arguments),
    Table(table::Arguments),
}

/// Why nothing was made.
#[derive(Debug)]
enum Refused {
    /// Something is missing or cannot be written.
    Failure(String),
    /// The folder is not sound, or would not be.
    Problems(Vec<Problem>),
}

/// A failure in words.
impl From<String> for Refused {
    fn from(words: String) -> Refused {
        Refused::Failure(words)
    }
}

/// What was made.
#[derive(Debug)]
struct Made {
    /// The files that were written or changed, below the folder.
    files: Vec<String>,
    /// What to do next.
    next: String,
    /// The text of a key, which is shown once.
    key: Option<String>,
}

/// Makes what is asked for.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let mut dir: &Path = &arguments.dir;
    let made = match &arguments.what {
        What::Folder(arguments) => {
            dir = arguments.folder();
            folder::make(arguments)
        }
        What::Policy(arguments) => policy::make(dir, arguments),
        What::Key(arguments) => key::make(dir, arguments),
        What::Table(arguments) => table::make(dir, arguments),
    };
    match made {
        Ok(Made { files, next, key }) => {
            if format == Format::Json {
                json(&serde_json::json!({ "ok": true, "files": files, "key": key }));
                return Exit::Ok;
            }
            let say: fn(String) =
                if key.is_some() { |text| crate::output::note(text) } else { |text| line(text) };
            for file in files {
                say(format!("wrote {}", dir.join(file).display()));
            }
            say(next);
            key.into_iter().for_each(line);
            Exit::Ok
        }
        Err(Refused::Failure(words)) => {
            failure(words);
            Exit::Failure
        }
        Err(Refused::Problems(problems)) => refuse(&problems, dir, format),
    }
}

/// Whether a text can name a role, a policy and a file.
fn named(name: &str) -> Result<(), Refused> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = !name.is_empty() && name.len() <= 48 && !name.starts_with('-');
    if fits && name.bytes().all(plain) {
        return Ok(());
    }
    Err(Refused::Failure(format!(
        "`{name}` is no name: use 1 to 48 lower case letters, digits and hyphens"
    )))
}
