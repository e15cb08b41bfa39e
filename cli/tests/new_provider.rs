//! The worked example of CONTRIBUTING.md: a provider that is only data, packed and tested.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of the example, below its folder.
const FILES: [&str; 3] = ["providers/sparrow.toml", "cases/sparrow.toml", "every-provider.toml"];
/// The script of step 4 in CONTRIBUTING.md, which this test does by itself.
const STEPS: &str = "\
cp -r policies /tmp/policies
cp -r examples/new-provider/providers examples/new-provider/cases /tmp/policies/
cat examples/new-provider/every-provider.toml >> /tmp/policies/cases/every-provider.toml
zonegate check /tmp/policies
zonegate test /tmp/policies --filter sparrow
";

/// A folder that goes away with the test.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The shipped policies with the example's files; `left_out` is one that is not added.
fn policies(name: &str, left_out: &str) -> Scratch {
    let name = format!("zonegate-new-provider-{}-{name}", std::process::id());
    let scratch = Scratch(std::env::temp_dir().join(name));
    let example = project().join("examples/new-provider");
    copy(&project().join("policies"), &scratch.0);
    for folder in ["providers", "cases"].into_iter().filter(|folder| *folder != left_out) {
        copy(&example.join(folder), &scratch.0.join(folder));
    }
    let every = scratch.0.join("cases/every-provider.toml");
    let entry = std::fs::read_to_string(example.join("every-provider.toml")).unwrap();
    let text = std::fs::read_to_string(&every).unwrap() + &entry;
    std::fs::write(every, text).unwrap();
    scratch
}

/// Runs the command; whether it succeeded, and what it said.
fn run(arguments: &[&str], folder: &Scratch) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zonegate"));
    let (first, rest) = arguments.split_first().unwrap();
    let output = command.arg(first).arg(&folder.0).args(rest).env("NO_COLOR", "1").output();
    let output = output.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn the_example_holds() {
    let folder = policies("whole", "");
    let (good, text) = run(&["check"], &folder);
    assert!(good && text.starts_with("sound: "), "{text}");
    let (good, text) = run(&["test", "--filter", "sparrow"], &folder);
    assert!(good, "{text}");
    let passed: usize = text.split_whitespace().next().unwrap().parse().unwrap();
    assert!(passed > 80, "its own rows and those for every provider: {text}");
}

#[test]
fn without_its_file_there_is_no_such_provider() {
    let (good, text) = run(&["test", "--filter", "sparrow"], &policies("half", "providers"));
    assert!(!good, "{text}");
}

#[test]
fn every_route_of_the_example_has_its_rows() {
    let folder = policies("coverage", "");
    let manifest = folder.0.join("manifest.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("\"routes\""), "the shipped folder demands rows for every route");
    let (good, text) = run(&["test"], &folder);
    assert!(good && !text.contains("not covered"), "{text}");
}

#[test]
fn the_documentation_shows_the_files_as_they_are() {
    let page = std::fs::read_to_string(project().join("CONTRIBUTING.md")).unwrap();
    for file in FILES {
        let text = project().join("examples/new-provider").join(file);
        let text = std::fs::read_to_string(text).unwrap();
        let block = format!("`examples/new-provider/{file}`\n\n```toml\n{text}```\n");
        assert!(page.contains(&block), "CONTRIBUTING.md does not show {file} as it is:\n{text}");
    }
    assert!(page.contains(&format!("```sh\n{STEPS}```\n")), "CONTRIBUTING.md has other steps");
}
