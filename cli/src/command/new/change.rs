//! Changes of several files that are made together or not at all.

use std::path::{Path, PathBuf};

use zonegate_cases::{Case, Decision, Gate as _, Outcome, Table};
use zonegate_engine::problem::Problem;

use super::Refused;
use crate::command::check::below;
use crate::delivery::replace;
use crate::folder::{Checked, Folder};
use crate::gate::EngineGate;

/// One file's new text.
#[derive(Debug)]
struct Change {
    /// The file, below the folder.
    file: String,
    /// Its text before; `None` where there was none.
    before: Option<String>,
    /// Its text after.
    after: String,
}

/// Changes of a folder.
#[derive(Debug)]
pub(super) struct Changes {
    /// The folder.
    dir: PathBuf,
    /// Each file once.
    all: Vec<Change>,
}

impl Changes {
    /// No change of this folder yet.
    pub(super) fn of(dir: &Path) -> Changes {
        Changes { dir: dir.to_owned(), all: Vec::new() }
    }

    /// A new file; it must not be there.
    pub(super) fn create(&mut self, file: &str, text: String) -> Result<(), Refused> {
        let path = self.dir.join(file);
        if path.exists() {
            return Err(Refused::Failure(format!("{} is there already", path.display())));
        }
        self.all.push(Change { file: file.to_owned(), before: None, after: text });
        Ok(())
    }

    /// Text at the end of a file, which is made if it is not there.
    pub(super) fn append(&mut self, file: &str, text: &str) {
        let before = std::fs::read_to_string(self.dir.join(file)).ok();
        let old = before.clone().unwrap_or_default();
        let gap = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
        let after = format!("{old}{gap}{text}");
        self.all.push(Change { file: file.to_owned(), before, after });
    }

    /// A line for a policy file in the manifest's list.
    pub(super) fn list(&mut self, policy: &str) -> Result<(), Refused> {
        let file = "manifest.toml";
        let path = self.dir.join(file);
        let before = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let after = listed(&before, policy).ok_or_else(|| {
            format!(
                "cannot add to the `files` of {}; add \"{policy}\" yourself first",
                path.display()
            )
        })?;
        self.all.push(Change { file: file.to_owned(), before: Some(before), after });
        Ok(())
    }

    /// Makes the changes; where the folder is not sound afterwards, or a row of `table` fails,
    /// everything is as before.
    pub(super) fn make(self, table: Option<&str>) -> Result<Vec<String>, Refused> {
        // What is wrong already is not this change's fault, and must not be hidden by it.
        Folder::read(&self.dir).pack().map_err(Refused::Problems)?;
        let made = self.write().and_then(|()| self.verify(table));
        if let Err(refused) = made {
            self.undo();
            return Err(refused);
        }
        Ok(self.all.into_iter().map(|change| change.file).collect())
    }

    /// Writes every file.
    fn write(&self) -> Result<(), Refused> {
        for change in &self.all {
            let path = self.dir.join(&change.file);
            if let Some(parent) = path.parent() {
                let made = std::fs::create_dir_all(parent);
                made.map_err(|error| format!("{}: {error}", parent.display()))?;
            }
            replace(&path, change.after.as_bytes())?;
        }
        Ok(())
    }

    /// Reads the folder back.
    fn verify(&self, table: Option<&str>) -> Result<(), Refused> {
        let checked = Folder::read(&self.dir).pack().map_err(Refused::Problems)?;
        let Some(table) = table else { return Ok(()) };
        let table = Table::load(self.dir.join(table)).map_err(|found| {
            Refused::Problems(found.iter().map(|one| below(one, &self.dir)).collect())
        })?;
        let mut gate = EngineGate::plain(std::rc::Rc::new(checked.bundle));
        for case in &table.cases {
            let outcome = gate.run(case).map_err(|skip| format!("{skip:?}"))?;
            let differences = zonegate_cases::check(case, &outcome, "engine", &[]);
            if let Some(difference) = differences.first() {
                let message = format!("in `{}`: {difference}", case.name);
                let file = Path::new(&case.file).strip_prefix(&self.dir).unwrap_or(Path::new(""));
                let problem = Problem::new(&file.display().to_string(), message).at(case.line);
                let help =
                    "another policy of this folder decides otherwise; write the policy by hand";
                return Err(Refused::Problems(vec![problem.help(help)]));
            }
        }
        Ok(())
    }

    /// Puts everything back.
    fn undo(&self) {
        for change in &self.all {
            let path = self.dir.join(&change.file);
            // What cannot be put back is said by the next `check`.
            let _ = match &change.before {
                Some(text) => replace(&path, text.as_bytes()),
                None => std::fs::remove_file(&path).map_err(|error| error.to_string()),
            };
        }
    }
}

/// The outcome of one case in a folder.
pub(super) fn outcome(checked: Checked, case: &Case) -> Result<Outcome, Refused> {
    let mut gate = EngineGate::plain(std::rc::Rc::new(checked.bundle));
    gate.run(case).map_err(|skip| Refused::Failure(format!("{skip:?}")))
}

/// The lines of a row that expect this outcome.
pub(super) fn expectation(outcome: &Outcome) -> String {
    let mut ids = outcome.policies.clone();
    ids.sort();
    let ids = serde_json::Value::from(ids).to_string();
    match (&outcome.decision, &outcome.reason) {
        (Decision::Allow, _) => format!("allow = {ids}\n"),
        (Decision::Deny, reason) => {
            let reason = serde_json::Value::from(reason.clone().unwrap_or_default());
            let by =
                if outcome.policies.is_empty() { String::new() } else { format!("by = {ids}\n") };
            format!("deny = {reason}\n{by}")
        }
    }
}

/// A manifest with one more file in its `files`; comments and order stay.
fn listed(manifest: &str, file: &str) -> Option<String> {
    let quoted = serde_json::Value::from(file).to_string();
    let begin = manifest.find("files = [")?;
    let (before, list) = manifest.split_at_checked(begin)?;
    let (list, behind) = list.split_once(']')?;
    let many = list.contains('\n');
    let trimmed = list.trim_end();
    let comma = if trimmed.ends_with([',', '[']) { "" } else { "," };
    let more = if many {
        format!("{comma}\n  {quoted},\n")
    } else {
        format!("{comma}{}{quoted}", if comma.is_empty() { "" } else { " " })
    };
    let whole = format!("{before}{trimmed}{more}]{behind}");
    // Read back: a comment or a bracket in a name could have led us astray.
    let read: toml::Table = toml::from_str(&whole).ok()?;
    let files = read.get("files")?.as_array()?;
    files.iter().any(|one| one.as_str() == Some(file)).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_added_to_the_list_of_a_manifest() {
        for (manifest, expected) in [
            ("files = []\n", "files = [\"x\"]\n"),
            ("files = [\"a\"]\nguardrails = []", "files = [\"a\", \"x\"]\nguardrails = []"),
            ("# c\nfiles = [\n  \"a\",\n]\n", "# c\nfiles = [\n  \"a\",\n  \"x\",\n]\n"),
            ("files = [\n  \"a\"\n]\n", "files = [\n  \"a\",\n  \"x\",\n]\n"),
        ] {
            assert_eq!(listed(manifest, "x").as_deref(), Some(expected));
        }
        assert_eq!(listed("guardrails = []", "x"), None);
    }
}
