//! `zonegate watch`: edits go live when they are saved, and broken ones do not.
//!
//! A folder is looked at ten times a second. When something in it changed, nothing happens until
//! it was quiet for a moment: an editor that saves removes a file before it puts the new one
//! there, and a version control system writes many. Then the folder is packed and delivered, or
//! refused with what is wrong, and the bundle in use stays.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use zonegate_engine::problem::Problem;

use super::bundle::Target;
use super::counted;
use crate::arguments::Format;
use crate::exit::Exit;
use crate::folder::CASES;
use crate::output::{Ink, Paint, failure, line};
use crate::show::{problem_text, problems_json};

/// How often the folder is looked at.
const PAUSE: Duration = Duration::from_millis(100);
/// How long nothing may have changed before the folder is read.
const QUIET: Duration = Duration::from_millis(150);
/// A folder that never becomes quiet is read after this time all the same.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keep the file that Envoy watches up to date while a policies folder is edited.
///
/// A sound edit is delivered within two seconds; a broken one is refused with what is wrong, and
/// the bundle in use stays. It ends when it is interrupted. With --format json it prints one line
/// for each event.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What is packed and where it goes.
    #[command(flatten)]
    target: Target,
}

/// One file as it looks from outside: path, size, time of its last change, number of its inode.
pub(crate) type Trace = (PathBuf, u64, Option<SystemTime>, u64);

/// What became of a folder, so that only news is said.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Its bundle, by its digest, is where Envoy reads it.
    InUse(String),
    /// It was refused.
    Refused,
}

/// Watches a folder until it is interrupted.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let target = &arguments.target;
    let mut seen = traces(&target.dir);
    let mut state = publish(target, None, format);
    loop {
        seen = changed(&seen, || traces(&target.dir));
        state = publish(target, Some(&state), format);
    }
}

/// Waits until a folder has changed and is quiet again, and gives what it looks like then.
pub(crate) fn changed(seen: &[Trace], look: impl Fn() -> Vec<Trace>) -> Vec<Trace> {
    loop {
        std::thread::sleep(PAUSE);
        let now = look();
        if now != seen {
            return settled(&look, now);
        }
    }
}

/// Waits until a changed folder is quiet, and gives what it looks like then.
fn settled(look: &impl Fn() -> Vec<Trace>, mut last: Vec<Trace>) -> Vec<Trace> {
    let begin = Instant::now();
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < QUIET && begin.elapsed() < PATIENCE {
        std::thread::sleep(PAUSE / 4);
        let now = look();
        if now != last {
            last = now;
            quiet_since = Instant::now();
        }
    }
    last
}

/// Packs and delivers, or says why not; says nothing where nothing changed.
fn publish(target: &Target, before: Option<&State>, format: Format) -> State {
    let checked = match target.pack() {
        Ok(checked) => checked,
        Err(problems) => {
            refused(&problems, &target.dir, format);
            return State::Refused;
        }
    };
    let digest = checked.packed.digest.clone();
    let state = State::InUse(digest.clone());
    let in_use = target.is_delivered(&digest);
    if in_use && before == Some(&state) {
        return state;
    }
    if in_use {
        said(&digest, "in use", format);
        return state;
    }
    match target.deliver(&checked) {
        Ok(()) => {
            said(&digest, "delivered", format);
            state
        }
        Err(error) => {
            failure(error);
            State::Refused
        }
    }
}

/// Says what is wrong with a folder, and that nothing changes.
fn refused(problems: &[Problem], dir: &Path, format: Format) {
    if format == Format::Json {
        let problems = problems_json(problems);
        return line(serde_json::json!({ "ok": false, "problems": problems }).to_string());
    }
    let paint = Paint::stdout();
    for problem in problems {
        line(problem_text(problem, dir, Ink::Bad, paint));
    }
    let count = counted(problems.len(), "problem");
    line(format!("{} {count}; the bundle in use stays", paint.ink(Ink::Bad, "refused:")));
}

/// Says what became of a sound folder.
fn said(digest: &str, what: &str, format: Format) {
    if format == Format::Json {
        line(serde_json::json!({ "ok": true, "digest": digest, "what": what }).to_string());
    } else {
        line(format!("{} {digest}", Paint::stdout().ink(Ink::Good, &format!("{what}:"))));
    }
}

/// What a folder looks like from outside, tables left out.
fn traces(dir: &Path) -> Vec<Trace> {
    traces_without(dir, Some(&dir.join(CASES)))
}

/// What a folder looks like from outside, with its tables.
pub(crate) fn traces_with_tables(dir: &Path) -> Vec<Trace> {
    traces_without(dir, None)
}

/// What a folder looks like from outside, with one in it left out.
fn traces_without(dir: &Path, left_out: Option<&Path>) -> Vec<Trace> {
    let mut all = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(meta) = std::fs::metadata(&path) else { continue };
            if meta.is_dir() {
                if Some(path.as_path()) != left_out {
                    folders.push(path);
                }
            } else {
                let inode = std::os::unix::fs::MetadataExt::ino(&meta);
                all.push((path, meta.len(), meta.modified().ok(), inode));
            }
        }
    }
    all.sort();
    all
}
