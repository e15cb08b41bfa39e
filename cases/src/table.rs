//! Table files: read as a whole, or refused with everything that is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::case::Case;
use crate::every;
use crate::parallel;
use crate::problem::{Lines, Problem};
use crate::shape::{Defaults, Entry, Row};
use crate::understand::understand;

/// The file beside the tables that gives the plaintext of demonstration keys by alias.
pub const DEMO_KEYS_FILE: &str = "demo-keys.toml";
/// The file beside the tables that says what holds each attack; it has no cases.
pub const ATTACKS_FILE: &str = "attacks-index.toml";

/// One table file.
#[derive(Clone, Debug)]
pub struct Table {
    /// The file, as it was named to the loader.
    pub file: String,
    /// Its rows, in order; never empty.
    pub cases: Vec<Case>,
}

/// All tables of a folder.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The tables, by file name; never empty.
    pub tables: Vec<Table>,
}

impl Table {
    /// Reads one table, with the keys of the `demo-keys.toml` beside it.
    pub fn load(path: impl AsRef<Path>) -> Result<Table, Vec<Problem>> {
        let path = path.as_ref();
        let folder = path.parent().unwrap_or(Path::new(""));
        let (keys, mut problems) = demo_keys(&folder.join(DEMO_KEYS_FILE));
        match read(path)
            .map_err(|problem| vec![problem])
            .and_then(|text| Table::parse(&path.display().to_string(), &text, &keys))
        {
            Ok(table) if problems.is_empty() => Ok(table),
            Ok(_) => Err(problems),
            Err(found) => {
                problems.extend(found);
                Err(problems)
            }
        }
    }

    /// Reads a table's text; `keys` gives the plaintext of each alias.
    pub fn parse(
        file: &str,
        text: &str,
        keys: &BTreeMap<String, String>,
    ) -> Result<Table, Vec<Problem>> {
        let lines = Lines::of(text);
        let at = |error: &toml::de::Error| toml_problem(file, &lines, error);
        let document = DeTable::parse(text).map_err(|error| vec![at(&error)])?;
        let span = document.span();
        let mut document = document.into_inner();
        let rows = document.remove("case");
        let entries = document.remove("for");
        let texts = document.remove("text");
        let mut problems = Vec::new();
        let defaults = Spanned::new(span, document).into_deserializer();
        let defaults = Defaults::deserialize(defaults).unwrap_or_else(|error| {
            problems.push(at(&error));
            Defaults::default()
        });
        let mut entries = match entries.map(|list| entries_of(file, &lines, list)) {
            None => Vec::new(),
            Some(Ok(entries)) => entries,
            Some(Err(found)) => return Err(vec![found]),
        };
        if let Some(texts) = texts {
            every::add_texts(&mut entries, texts).map_err(|message| {
                let problem = Problem::new(file, format!("`[text]`: {message}"));
                vec![problem.help("write `name = { text = \"x\", times = 1000 }`")]
            })?;
        }
        let mut cases = Vec::new();
        for row in
            rows.map(rows_of).transpose().map_err(|()| vec![not_rows(file)])?.unwrap_or_default()
        {
            let line = lines.at(row.span().start);
            let rows = if is_for_every(&row) {
                every::rows(file, line, row, &entries)
            } else {
                let row = Row::deserialize(row.into_deserializer());
                vec![row.map_err(|error| Problem {
                    line: Some(at(&error).line.unwrap_or(line)),
                    ..at(&error)
                })]
            };
            for row in rows {
                match row.map(|row| understand(file, line, row, &defaults, keys)) {
                    Ok(Ok(case)) => cases.push(case),
                    Ok(Err(found)) => problems.extend(found),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        problems.extend(duplicates(&cases));
        if cases.is_empty() && problems.is_empty() {
            problems.push(
                Problem::new(file, "a table without a case")
                    .help("write at least one `[[case]]`, or delete the file"),
            );
        }
        if problems.is_empty() { Ok(Table { file: file.to_owned(), cases }) } else { Err(problems) }
    }
}

impl Tables {
    /// Reads every `*.toml` of a folder but [`DEMO_KEYS_FILE`] and [`ATTACKS_FILE`], by file name;
    /// never an empty set.
    pub fn load_dir(dir: impl AsRef<Path>) -> Result<Tables, Vec<Problem>> {
        let dir = dir.as_ref();
        let (keys, mut problems) = demo_keys(&dir.join(DEMO_KEYS_FILE));
        let mut tables = Vec::new();
        let files = table_files(dir).map_err(|problem| vec![problem])?;
        if files.is_empty() {
            problems.push(
                Problem::new(&dir.display().to_string(), "no table in this folder")
                    .help("a table is a file such as `example.toml` with `[[case]]` rows"),
            );
        }
        let (read, _) = parallel::each(&files, parallel::workers(), 1, &Reading { keys: &keys });
        for table in read {
            match table {
                Ok(table) => tables.push(table),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(Tables { tables }) } else { Err(problems) }
    }

    /// Every case of every table, in order.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.tables.iter().flat_map(|table| &table.cases)
    }
}

/// Reading table files, each by itself.
struct Reading<'k> {
    /// The plaintext of keys by alias.
    keys: &'k BTreeMap<String, String>,
}

impl parallel::Work<PathBuf> for Reading<'_> {
    type State = ();
    type Done = Result<Table, Vec<Problem>>;
    type Left = ();

    fn begin(&self) {}

    fn each(&self, (): &mut (), path: &PathBuf) -> Self::Done {
        let text = read(path).map_err(|problem| vec![problem])?;
        Table::parse(&path.display().to_string(), &text, self.keys)
    }

    fn end(&self, (): ()) {}
}

/// The table files of a folder, sorted.
fn table_files(dir: &Path) -> Result<Vec<PathBuf>, Problem> {
    let unreadable = |error: std::io::Error| {
        Problem::new(&dir.display().to_string(), format!("cannot read this folder: {error}"))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_other =
            path.file_name().is_some_and(|name| name == DEMO_KEYS_FILE || name == ATTACKS_FILE);
        if path.extension().is_some_and(|end| end == "toml") && !hidden && !is_other {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The text of a file.
fn read(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| {
        Problem::new(&path.display().to_string(), format!("cannot read this file: {error}"))
    })
}

/// The plaintext of demonstration keys by alias; a missing file is no key at all.
fn demo_keys(path: &Path) -> (BTreeMap<String, String>, Vec<Problem>) {
    if !path.exists() {
        return (BTreeMap::new(), Vec::new());
    }
    let file = path.display().to_string();
    let text = match read(path) {
        Ok(text) => text,
        Err(problem) => return (BTreeMap::new(), vec![problem]),
    };
    match toml::from_str::<BTreeMap<String, String>>(&text) {
        Ok(keys) if keys.contains_key("none") => {
            let problem = Problem::new(&file, "`none` cannot be the alias of a key");
            (BTreeMap::new(), vec![problem.help("in a table it means: no key is sent")])
        }
        Ok(keys) => (keys, Vec::new()),
        Err(error) => (BTreeMap::new(), vec![toml_problem(&file, &Lines::of(&text), &error)]),
    }
}

/// Whether a row is one for every `[[for]]`.
fn is_for_every(row: &Spanned<DeValue<'_>>) -> bool {
    matches!(row.get_ref(), DeValue::Table(fields) if fields.contains_key(every::REQUEST))
}

/// The entries of `[[for]]`.
fn entries_of(
    file: &str,
    lines: &Lines,
    list: Spanned<DeValue<'_>>,
) -> Result<Vec<Entry>, Problem> {
    let list = rows_of(list).map_err(|()| {
        Problem::new(file, "`for` must be a list of providers").help("begin each with `[[for]]`")
    })?;
    let entry = |entry: Spanned<DeValue<'_>>| {
        let line = lines.at(entry.span().start);
        Entry::deserialize(entry.into_deserializer()).map_err(|error| {
            let problem = toml_problem(file, lines, &error);
            Problem { line: Some(problem.line.unwrap_or(line)), ..problem }
        })
    };
    list.into_iter().map(entry).collect()
}

/// The rows of `[[case]]`.
fn rows_of(value: Spanned<DeValue<'_>>) -> Result<Vec<Spanned<DeValue<'_>>>, ()> {
    match value.into_inner() {
        DeValue::Array(rows) => Ok(rows.into_iter().collect()),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => Err(()),
    }
}

/// `case` is something else than rows.
fn not_rows(file: &str) -> Problem {
    Problem::new(file, "`case` must be a list of rows").help("begin each row with `[[case]]`")
}

/// What the TOML reader found, with its line.
fn toml_problem(file: &str, lines: &Lines, error: &toml::de::Error) -> Problem {
    let problem = Problem::new(file, error.message());
    match error.span() {
        Some(span) => problem.at(lines.at(span.start)),
        None => problem,
    }
}

/// Rows with a name that an earlier row has.
fn duplicates(cases: &[Case]) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for case in cases {
        if !seen.insert(case.name.as_str()) {
            let message = format!("the name `{}` is used twice", case.name);
            problems.push(Problem::new(&case.file, message).at(case.line).help("rename one"));
        }
    }
    problems
}
