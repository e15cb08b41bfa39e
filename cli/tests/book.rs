//! `docs/policies.md`, the book: what it shows is what happens.
//!
//! Every fenced block of the book is run, in the order of the book, in one empty folder:
//!
//! - `cedar file=F` and `toml file=F` are written to the file F; with `add=F` they are put at its end;
//! - `cedar from=F` and `toml from=F` are compared with the file F of this project;
//! - `console` has commands after `$ ` and what they print; `exit=2` is the code of the last one.
//!
//! A line `...` stands for any lines, and `...` within a line for any text. `$ZONEGATE` is the
//! checkout. `ZONEGATE_BLESS=1` puts what is printed into the book; a block of another kind is an
//! error, because nobody would notice when it is wrong.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "book/block.rs"]
mod block;
#[path = "book/elided.rs"]
mod elided;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use block::{Block, Kind};

/// The fewest blocks that the book has; fewer would mean that they are not found any more.
const BLOCKS_MIN: usize = 90;

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The folder that the book is run in, removed at the end.
struct Desk(PathBuf);

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Desk {
    /// An empty one.
    fn new(name: &str) -> Desk {
        let path = std::env::temp_dir().join(format!("zonegate-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Desk(path)
    }

    /// Does what a block says; gives the block as it should be, or what is wrong with it.
    fn run(&self, block: &Block) -> Result<String, String> {
        match &block.kind {
            Kind::File { path, add } => {
                let path = self.0.join(path);
                let before = if *add { std::fs::read_to_string(&path) } else { Ok(String::new()) };
                let before = before.map_err(|error| format!("{}: {error}", path.display()))?;
                let gap = if before.is_empty() { "" } else { "\n" };
                std::fs::write(&path, format!("{before}{gap}{}", block.text))
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(block.text.clone())
            }
            Kind::From(path) => {
                let text = std::fs::read_to_string(project().join(path))
                    .map_err(|error| format!("{path}: {error}"))?;
                if elided::is_in(&block.text, &text) {
                    Ok(block.text.clone())
                } else {
                    Err(format!("{path} has no such lines any more"))
                }
            }
            Kind::Console { exit } => self.converse(block, *exit),
        }
    }

    /// Runs the commands of a block; the block with what they print.
    fn converse(&self, block: &Block, exit: i32) -> Result<String, String> {
        let calls = block.calls()?;
        let mut whole = String::new();
        for (number, call) in calls.iter().enumerate() {
            let (code, printed) = self.shell(&call.command);
            let expected = if number + 1 == calls.len() { exit } else { 0 };
            if code != expected {
                let command = &call.command;
                return Err(format!("`{command}` ends with {code}, not {expected}:\n{printed}"));
            }
            let kept = elided::matches(&call.output, &printed);
            whole += &call.typed;
            whole += if kept { &call.output } else { &printed };
        }
        Ok(whole)
    }

    /// Runs one command; its exit code and all that it prints.
    fn shell(&self, command: &str) -> (i32, String) {
        let built = Path::new(env!("CARGO_BIN_EXE_zonegate")).parent().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(&self.0)
            .env("PATH", format!("{}:{path}", built.display()))
            .env("ZONEGATE", project())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed = printed.replace(&project().display().to_string(), "$ZONEGATE");
        let end = if printed.is_empty() || printed.ends_with('\n') { "" } else { "\n" };
        (output.status.code().unwrap_or(-1), printed + end)
    }
}

#[test]
fn the_book_is_true() {
    let path = project().join("docs/policies.md");
    let book = std::fs::read_to_string(&path).unwrap();
    let blocks = block::all(&book).unwrap_or_else(|problem| panic!("docs/policies.md:{problem}"));
    assert!(blocks.len() >= BLOCKS_MIN, "the book has {} blocks only", blocks.len());
    let desk = Desk::new("book");
    let bless = std::env::var_os("ZONEGATE_BLESS").is_some();
    let (mut problems, mut blessed, mut at) = (Vec::new(), String::new(), 0);
    for block in &blocks {
        let text = match desk.run(block) {
            Ok(text) => text,
            Err(problem) => {
                problems.push(format!("docs/policies.md:{}: {problem}", block.line));
                block.text.clone()
            }
        };
        if text != block.text && !bless {
            let line = block.line;
            problems.push(format!("docs/policies.md:{line}: this is printed now:\n{text}"));
        }
        blessed += book.get(at..block.from).unwrap();
        blessed += &text;
        at = block.from + block.text.len();
    }
    blessed += book.get(at..).unwrap();
    if bless && blessed != book {
        std::fs::write(&path, blessed).unwrap();
    }
    let help = "ZONEGATE_BLESS=1 writes what is printed now into the book";
    assert!(problems.is_empty(), "{}\n{help}", problems.join("\n"));
}

#[test]
fn a_block_that_is_not_run_is_an_error() {
    let wrong = [
        ("```sh\nls\n```\n", "1: a block of the kind `sh` is not run"),
        ("```\nls\n```\n", "1: a block of the kind `` is not run"),
        ("```cedar\npermit();\n```\n", "1: a block of the kind `cedar` is not run"),
        ("```toml file=/etc/x.toml\n```\n", "1: `/etc/x.toml` is not below the folder"),
        ("```toml file=../x.toml\n```\n", "1: `../x.toml` is not below the folder"),
        ("```toml file=a.toml exit=2\n```\n", "1: `exit=2` is not understood"),
        ("a\n\n```console\n$ ls\n", "3: this block does not end"),
    ];
    for (text, expected) in wrong {
        assert_eq!(block::all(text).unwrap_err(), expected, "{text}");
    }
    let block = &block::all("```console\nls\n```\n").unwrap()[0];
    assert!(Desk::new("book-console").run(block).unwrap_err().contains("begins with no command"));
}

#[test]
fn what_is_printed_is_compared() {
    let desk = Desk::new("book-compare");
    let run = |text: &str| desk.run(&block::all(text).unwrap()[0]);
    let right = "```console\n$ echo one; echo two\none\ntwo\n```\n";
    assert_eq!(run(right).unwrap(), "$ echo one; echo two\none\ntwo\n");
    let wrong = run("```console\n$ echo one\ntwo\n```\n").unwrap();
    assert_eq!(wrong, "$ echo one\none\n", "what is printed stands in its place");
    assert!(run("```console\n$ exit 2\n```\n").unwrap_err().contains("ends with 2, not 0"));
    assert!(run("```console exit=2\n$ exit 2\n```\n").is_ok());
    assert!(run("```toml from=Cargo.toml\n[workspace]\n```\n").is_ok());
    assert!(run("```toml from=Cargo.toml\n[workspaces]\n```\n").is_err());
    assert!(run("```toml add=new.toml\na = 1\n```\n").is_err(), "there is nothing to add to");
    assert!(run("```toml file=new.toml\na = 1\n```\n").is_ok());
    assert!(run("```toml add=new.toml\nb = 2\n```\n").is_ok());
    assert_eq!(std::fs::read_to_string(desk.0.join("new.toml")).unwrap(), "a = 1\n\nb = 2\n");
}
