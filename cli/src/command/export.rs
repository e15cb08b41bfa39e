//! `zonegate export`: a policies folder as Cedar's own tools expect one.
//!
//! Two things are not on disk in a policies folder: the closed lists of the schema, which are made
//! of settings and provider files, and the links of templates, which are made of keys. Here they are
//! written down, so that the `cedar` command, its editor extension and its language server see what
//! the gate sees.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::policy::On;
use zonegate_engine::problem::Problem;

use super::{counted, refuse};
use crate::arguments::Format;
use crate::delivery::replace;
use crate::exit::Exit;
use crate::folder::{Checked, Folder};
use crate::output::{self, failure, line};

/// The first line of a schema that was written: it is not to be edited.
const NOTICE: &str =
    "// Written by `zonegate export`; `zonegate check` keeps it true. Do not edit.\n";
/// The schema that editors look at, below the policies folder; hidden, so that it is no part of it.
pub(crate) const EDITOR_SCHEMA: &str = ".zonegate/schema.cedarschema";

/// Write the whole schema, the policies, their links and the keys for Cedar's own tools.
///
/// OUT gets `schema.cedarschema`, `policies/` as they are, `policies.cedar` with all of them,
/// `links.json` and `entities.json`. With `--editor` only the schema is written, to
/// `.zonegate/schema.cedarschema` in the policies folder; `zonegate check` keeps it true from then
/// on.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder to write to; it is made if it is not there
    #[arg(value_name = "OUT", required_unless_present = "editor")]
    out: Option<PathBuf>,

    /// The policies folder
    #[arg(long, default_value = "policies", value_name = "DIR")]
    policies: PathBuf,

    /// Write the schema for editors, into the policies folder
    #[arg(long)]
    editor: bool,
}

/// Exports a folder.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let folder = Folder::read(&arguments.policies);
    let checked = match folder.pack() {
        Ok(checked) => checked,
        Err(problems) => return refuse(&problems, &folder.path, format),
    };
    let mut files = Vec::new();
    if arguments.editor {
        files.push((folder.path.join(EDITOR_SCHEMA), schema(&checked.bundle)));
    }
    if let Some(out) = &arguments.out {
        match all(&folder, &checked, out) {
            Ok(more) => files.extend(more),
            Err(problem) => return refuse(&[problem], &folder.path, format),
        }
    }
    for (path, text) in &files {
        if let Err(error) = write(path, text) {
            failure(format!("{}: {error}", path.display()));
            return Exit::Failure;
        }
    }
    let paths: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    if format == Format::Json {
        output::json(&json!({ "ok": true, "files": paths }));
    } else {
        paths.iter().for_each(line);
        line(format!("{} written", counted(paths.len(), "file")));
    }
    Exit::Ok
}

/// Everything that an exported folder consists of.
fn all(folder: &Folder, checked: &Checked, out: &Path) -> Result<Vec<(PathBuf, String)>, Problem> {
    let bundle = &checked.bundle;
    let mut whole = String::new();
    let mut files = vec![(out.join("schema.cedarschema"), schema(bundle))];
    for (file, text) in folder.policies() {
        for part in ["// ---- ", file, "\n\n", text.trim_end(), "\n\n"] {
            whole.push_str(part);
        }
        files.push((out.join("policies").join(file), text.to_owned()));
    }
    files.push((out.join("policies.cedar"), whole));
    let mut links = Vec::new();
    let mut entities = Vec::new();
    for key in bundle.keys.iter() {
        links.extend(links_of(bundle, key)?);
        entities.extend(bundle.policies.key_entity(key));
    }
    files.push((out.join("links.json"), pretty(&Value::from(links))));
    files.push((out.join("entities.json"), pretty(&Value::from(entities))));
    Ok(files)
}

/// The whole schema: the fixed part and the lists of this folder.
fn schema(bundle: &Bundle) -> String {
    format!("{NOTICE}{}", bundle.lists.schema_text())
}

/// The template links of a key, as the `cedar` command reads them.
fn links_of(bundle: &Bundle, key: &Key) -> Result<Vec<Value>, Problem> {
    let written = bundle.policies.written();
    let binds = |id: &str| {
        let template = written.iter().find(|one| one.id == id);
        template.and_then(|one| one.template).is_some_and(|field| !field.is_empty())
    };
    let links = bundle.policies.linked(key)?;
    let link = links.into_iter().map(|link| {
        let mut args = serde_json::Map::new();
        args.insert("?principal".to_owned(), uid("Key", &key.id));
        if let Some((kind, id)) = place(&link.on).filter(|_| binds(&link.id)) {
            args.insert("?resource".to_owned(), uid(kind, id));
        }
        json!({ "template_id": link.id, "link_id": link.unique, "args": args })
    });
    Ok(link.collect())
}

/// What `?resource` of a link stands for.
fn place(on: &On) -> Option<(&'static str, &str)> {
    match on {
        On::Zone(name) => Some(("Zone", name)),
        On::Domain(name) => Some(("Domain", name)),
        On::Name(name) => Some(("Name", name)),
        On::Everything | On::Kind(_) | On::Account(_) | On::Provider(_) => None,
    }
}

/// An entity as Cedar text: `Zone::"example.com"`; JSON's escapes are Cedar's.
fn uid(kind: &str, id: &str) -> Value {
    Value::from(format!("{kind}::{}", Value::from(id)))
}

/// JSON for people.
fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Writes a file and the folders above it; a reader sees the old or the new one.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| error.to_string())?;
    }
    replace(path, text.as_bytes())
}

/// Writes the editors' schema anew where there is one and it is not true any more; gives a warning
/// where that cannot be done.
pub(crate) fn refresh(folder: &Folder, bundle: &Bundle) -> Option<Problem> {
    let path = folder.path.join(EDITOR_SCHEMA);
    let text = std::fs::read_to_string(&path).ok()?;
    let wanted = schema(bundle);
    if text == wanted {
        return None;
    }
    let error = write(&path, &wanted).err()?;
    let problem = Problem::new(EDITOR_SCHEMA, format!("this is not true any more: {error}"));
    Some(problem.help("run `zonegate export --editor`").lint("editor-schema-outdated"))
}
