//! A copy of the test folder that a test may spoil, and the built command.
#![allow(dead_code, reason = "each test file uses a part of this")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a run of the command gave.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output, with the folder as `DIR`.
    pub(crate) out: String,
    /// Standard error, with the folder as `DIR`.
    pub(crate) err: String,
}

/// A copy of `tests/folder`, removed at the end.
pub(crate) struct Folder {
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// Numbers the copies of one process.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

impl Folder {
    /// A fresh copy.
    pub(crate) fn new() -> Folder {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("zonegate-cli-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        copy(Path::new("tests/folder"), &path.join("policies"));
        Folder { path }
    }

    /// The policies folder.
    pub(crate) fn policies(&self) -> PathBuf {
        self.path.join("policies")
    }

    /// A file beside the policies folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of a file of the policies folder.
    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.policies().join(file)).unwrap()
    }

    /// Writes a file of the policies folder.
    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) -> &Folder {
        std::fs::write(self.policies().join(file), text).unwrap();
        self
    }

    /// Replaces a text that must be in a file.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) -> &Folder {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has no {from}");
        self.write(file, text.replacen(from, to, 1))
    }

    /// Removes a file.
    pub(crate) fn remove(&self, file: &str) -> &Folder {
        std::fs::remove_file(self.policies().join(file)).unwrap();
        self
    }

    /// The command, beside the policies folder, without the surroundings of this process.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zonegate"));
        command.args(arguments).current_dir(&self.path).env_remove("NO_COLOR");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.finish(self.command(arguments).spawn().unwrap())
    }

    /// Runs the command with a text on its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        self.finish(child)
    }

    /// What a started command gave.
    pub(crate) fn finish(&self, child: Child) -> Run {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(&self.path.display().to_string(), "DIR")
        };
        Run {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}
