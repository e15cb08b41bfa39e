//! `zonegate key digest`: is this a key, and which?

use std::io::Read as _;
use std::path::{Path, PathBuf};

use zonegate_engine::key::{KeyError, KeyForm, KeyText};

use crate::arguments::Format;
use crate::exit::Exit;
use crate::output::{columns, failure, json, line};

/// The most bytes that are read; a key has 64.
const INPUT_BYTES_MAX: u64 = 4096;

/// Recognise the key on standard input: typing errors, id, digest.
///
/// The key is read from standard input, so that it stands in no process list and no history:
/// `zonegate key digest < file`. White space around it is ignored.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also look it up in this keys file
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// Recognises a key.
pub(super) fn run(arguments: &Arguments, format: Format) -> Exit {
    let mut input = Vec::new();
    if let Err(error) = std::io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut input) {
        failure(format!("cannot read standard input: {error}"));
        return Exit::Failure;
    }
    let text = input.trim_ascii();
    if text.is_empty() {
        failure("there is no key on standard input; try `zonegate key digest < file`");
        return Exit::Failure;
    }
    match KeyText::parse(text) {
        Ok(key) => match arguments.keys.as_deref().map(|path| look_up(&key, path)).transpose() {
            Ok(known) => report(&key, known, format),
            Err(error) => {
                failure(error);
                Exit::Failure
            }
        },
        Err(error) => {
            let typo = error == KeyError::Checksum;
            if format == Format::Json {
                json(&serde_json::json!({ "ok": false, "typo": typo, "error": error.to_string() }));
            } else {
                failure(format!("this is not a key: {error}"));
            }
            Exit::Failure
        }
    }
}

/// Says what is known of a well-formed key.
fn report(key: &KeyText, known: Option<&'static str>, format: Format) -> Exit {
    let (form, bits) = (key.form(), key.form().secret_bits());
    let digest = key.digest().to_string();
    if format == Format::Json {
        json(&serde_json::json!({ "ok": true, "id": key.id(), "digest": digest,
            "form": form_name(form), "secret_bits": bits, "keys_file": known }));
        return Exit::Ok;
    }
    let length = form.length();
    let form = format!("{}, {length} characters, {bits} bits of secret", form_name(form));
    let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
    let mut rows =
        vec![row("key", "fine"), row("id", key.id()), row("form", &form), row("digest", &digest)];
    rows.extend(known.map(|known| row("file", known)));
    for text in columns(&rows) {
        line(text);
    }
    Exit::Ok
}

/// What a keys file knows of a key.
fn look_up(key: &KeyText, path: &Path) -> Result<&'static str, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let document: toml::Table =
        toml::from_str(&text).map_err(|error| format!("{shown}: {}", error.message()))?;
    let keys = document.get("key").and_then(toml::Value::as_array);
    let field = |entry: &toml::Value, name: &str| {
        entry.get(name).and_then(toml::Value::as_str).map(str::to_owned)
    };
    let found =
        keys.into_iter().flatten().find(|entry| field(entry, "id").as_deref() == Some(key.id()));
    let digest = Some(key.digest().to_string());
    Ok(match found {
        None => "no key has this id",
        Some(entry) if entry.get("disabled").and_then(toml::Value::as_bool) == Some(true) => {
            "the key with this id is disabled"
        }
        Some(entry) if field(entry, "digest") == digest => "this key is in it",
        Some(entry) if field(entry, "next_digest") == digest => {
            "this key is in it, as the next one"
        }
        Some(_) => "the key with this id has another secret",
    })
}

/// The name of a form.
fn form_name(form: KeyForm) -> &'static str {
    match form {
        KeyForm::Long => "long",
        KeyForm::Short => "short",
    }
}
