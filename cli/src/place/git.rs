//! A folder as git has it in some revision, read into memory; the work tree stays as it is.
//!
//! Only plumbing commands that write nothing are used. What a tree holds is written by whoever
//! wrote the revision, so links, submodules and odd paths are refused, not followed.

use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The files of a folder in a revision: path below the folder, and content.
///
/// Only those are read whose names could belong to a policies folder.
pub(super) fn files(revision: &str, folder: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    plain(revision)?;
    let (base, below) = anchor(folder);
    let tree = format!("{revision}:./{}", below.display());
    let listed = run(&base, &["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", &tree])?;
    if !listed.status.success() {
        let words = said(&listed);
        return Err(format!("git has no folder {} in {revision}: {words}", folder.display()));
    }
    let mut wanted = Vec::new();
    for entry in listed.stdout.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let entry = std::str::from_utf8(entry)
            .map_err(|_| format!("{revision} has a file name that is not UTF-8"))?;
        let (about, path) = entry.split_once('\t').ok_or("git's answer is not understood")?;
        let ending = Path::new(path).extension().and_then(|ending| ending.to_str());
        if !matches!(ending, Some("toml" | "cedar" | "cedarschema")) {
            continue;
        }
        let mut words = about.split(' ');
        let (mode, _, id) = (words.next(), words.next(), words.next().unwrap_or_default());
        if !matches!(mode, Some("100644" | "100755" | "100664")) {
            return Err(format!("{revision}: {path} is a link; only files are read from git"));
        }
        let is_plain = |part| matches!(part, Component::Normal(_));
        if !Path::new(path).components().all(is_plain) {
            return Err(format!("{revision}: {path} is no path that a folder can have"));
        }
        wanted.push((path.to_owned(), id.to_owned()));
    }
    read(&base, &wanted)
}

/// The newest revision that two have in common.
pub(crate) fn merge_base(one: &str, other: &str, folder: &Path) -> Result<String, String> {
    plain(one)?;
    plain(other)?;
    let (base, _) = anchor(folder);
    let output = run(&base, &["merge-base", "--end-of-options", one, other])?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && !text.is_empty() {
        return Ok(text);
    }
    let words = said(&output);
    Err(format!("{one} and {other} have no revision in common {words}"))
}

/// Refuses a revision that git could take for something else.
fn plain(revision: &str) -> Result<(), String> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == ':';
    if revision.is_empty() || revision.starts_with('-') || revision.contains(odd) {
        return Err(format!("`{}` is no revision", revision.escape_debug()));
    }
    Ok(())
}

/// Where git is asked, and the folder's path below it: a folder may be gone from the work tree.
fn anchor(folder: &Path) -> (PathBuf, PathBuf) {
    let mut base = folder;
    while !base.as_os_str().is_empty() && !base.is_dir() {
        base = base.parent().unwrap_or(Path::new(""));
    }
    let below = folder.strip_prefix(base).unwrap_or(folder).to_owned();
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    (base.to_owned(), below)
}

/// The contents of blobs, read by one process.
fn read(base: &Path, wanted: &[(String, String)]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(base)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("git cannot be run: {error}"))?;
    let mut input = child.stdin.take().ok_or("git cannot be asked")?;
    let ids: Vec<&str> = wanted.iter().map(|(_, id)| id.as_str()).collect();
    let question = ids.join("\n") + "\n";
    // Written beside the reading, so that neither waits for the other.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(question.as_bytes()));
        child.wait_with_output()
    });
    let output = output.map_err(|error| format!("git's answer cannot be read: {error}"))?;
    let mut rest = output.stdout.as_slice();
    let mut files = Vec::new();
    for (path, _) in wanted {
        let (content, behind) =
            blob(rest).ok_or_else(|| format!("git cannot read {path}: {}", said(&output)))?;
        files.push((path.clone(), content.to_vec()));
        rest = behind;
    }
    Ok(files)
}

/// The first blob of a batch, and what follows it: `ID blob SIZE`, a line end, and the content.
fn blob(batch: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = batch.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = batch.split_at_checked(end)?;
    let mut words = std::str::from_utf8(head).ok()?.split(' ').skip(1);
    let is_blob = words.next() == Some("blob");
    let size: usize = words.next()?.parse().ok()?;
    let (content, behind) = rest.get(1..)?.split_at_checked(size)?;
    is_blob.then_some((content, behind.get(1..).unwrap_or_default()))
}

/// Runs git to its end.
fn run(base: &Path, arguments: &[&str]) -> Result<Output, String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(base).args(arguments).stdin(Stdio::null());
    command.output().map_err(|error| format!("git cannot be run: {error}"))
}

/// What git said on standard error, in one line.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
