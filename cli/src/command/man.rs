//! `zonegate man`: the manual pages, made of the command's own help.

use std::path::PathBuf;

use clap::CommandFactory as _;

use crate::arguments::Format;
use crate::exit::Exit;
use crate::output::{failure, json, line};

/// Write the manual pages, one for each command, into a folder; without one, print the first.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder, such as /usr/local/share/man/man1; it is made if it is not there
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes or prints the pages.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let command = crate::arguments::Arguments::command();
    let Some(dir) = &arguments.dir else {
        let mut page = Vec::new();
        // Writing to memory cannot fail.
        let _ = clap_mangen::Man::new(command).render(&mut page);
        line(String::from_utf8_lossy(&page).trim_end());
        return Exit::Ok;
    };
    let written =
        std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir));
    if let Err(error) = written {
        failure(format!("{}: {error}", dir.display()));
        return Exit::Failure;
    }
    if format == Format::Json {
        json(&serde_json::json!({ "ok": true, "dir": dir.display().to_string() }));
    } else {
        line(format!("the pages are in {}; `man {}/zonegate.1`", dir.display(), dir.display()));
    }
    Exit::Ok
}
