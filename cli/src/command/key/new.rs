//! `zonegate key new`: a key, shown once, and its entry.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use zonegate_engine::key::{self, KeyForm, KeyText, Known};
use zonegate_engine::problem::Problem;

use crate::arguments::Format;
use crate::exit::Exit;
use crate::output::{Ink, Paint, failure, json, line, note};
use crate::show::problem_text;

/// Make a key: it is shown once, with the entry for `keys.toml`.
///
/// The key alone goes to standard output, so that it can be piped to where it is needed;
/// the entry goes to standard error, or into the file of `--append`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The public id: 12 (short form: 6) of lower case letters and digits; random unless given
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    /// The form of 40 characters, with 160 bits of secret instead of 244
    #[arg(long)]
    short: bool,

    /// Who has the key and what for
    #[arg(long, value_name = "TEXT", default_value = "(say who has this key and what for)")]
    description: String,

    /// The accounts at which the key works, as provider/account, or `*`
    #[arg(long = "account", value_name = "ACCOUNT", default_value = "powerdns/main")]
    accounts: Vec<String>,

    /// A role of the key
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,

    /// When the key stops working, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,

    /// Append the entry to this keys file
    #[arg(long, value_name = "FILE")]
    append: Option<PathBuf>,
}

/// Makes a key.
pub(super) fn run(arguments: &Arguments, format: Format) -> Exit {
    let form = if arguments.short { KeyForm::Short } else { KeyForm::Long };
    let key = match new_key(form, arguments.id.as_deref()) {
        Ok(key) => key,
        Err(error) => {
            failure(error);
            return Exit::Failure;
        }
    };
    let entry = entry(&key, arguments);
    // The entry is read as the gate will read it, so that a wrong time is found here and now.
    let read = key::parse("keys.toml", &entry, &Known::default());
    if let Err(problems) = read {
        for problem in problems {
            failure(problem.message);
        }
        return Exit::Failure;
    }
    if let Some(path) = &arguments.append
        && let Err(error) = append(path, &entry, key.id())
    {
        failure(error);
        return Exit::Failure;
    }
    if format == Format::Json {
        json(&serde_json::json!({ "key": key.text(), "id": key.id(),
            "digest": key.digest().to_string(), "entry": entry }));
        return Exit::Ok;
    }
    let paint = Paint::stderr();
    note(paint.ink(Ink::Strong, "The key; it is not stored and not shown again:"));
    line(key.text());
    match &arguments.append {
        Some(path) => note(format!("Its entry is at the end of {}.", path.display())),
        None => {
            note(paint.ink(Ink::Strong, "Its entry for keys.toml:"));
            note(entry.trim_end());
        }
    }
    Exit::Ok
}

/// A new key from the system's random numbers.
pub(in crate::command) fn new_key(form: KeyForm, id: Option<&str>) -> Result<KeyText, String> {
    let drawn;
    let id = if let Some(id) = id {
        id
    } else {
        drawn = KeyText::draw_id(form, &random()?).map_err(|error| error.to_string())?;
        &drawn
    };
    KeyText::generate(id, form, &random()?).map_err(|error| format!("`{id}`: {error}"))
}

/// Random bytes of the operating system, enough for one id or one secret.
fn random() -> Result<[u8; KeyForm::RANDOM_BYTES], String> {
    let mut bytes = [0; KeyForm::RANDOM_BYTES];
    let mut source = std::fs::File::open("/dev/urandom");
    let read = source.as_mut().map_err(|error| error.to_string());
    let read = read.and_then(|file| file.read_exact(&mut bytes).map_err(|error| error.to_string()));
    read.map(|()| bytes).map_err(|error| format!("cannot read /dev/urandom: {error}"))
}

/// The entry of a key for the keys file.
fn entry(key: &KeyText, arguments: &Arguments) -> String {
    let list = |texts: &[String]| {
        let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        format!("[{}]", quoted.join(", "))
    };
    let mut lines = vec![
        "[[key]]".to_owned(),
        format!("id = {}", quoted(key.id())),
        format!("digest = {}", quoted(&key.digest().to_string())),
        format!("description = {}", quoted(&arguments.description)),
        format!("accounts = {}", list(&arguments.accounts)),
    ];
    if !arguments.roles.is_empty() {
        lines.push(format!("roles = {}", list(&arguments.roles)));
    }
    if let Some(expires) = &arguments.expires {
        // Quoted, so that whatever stands in the argument cannot become another field.
        lines.push(format!("expires = {}", quoted(expires)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A text as a TOML string.
pub(in crate::command) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Appends an entry to a keys file that is sound without and with it.
fn append(path: &Path, entry: &str, id: &str) -> Result<(), String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let document: toml::Table = toml::from_str(&text)
        .map_err(|error| format!("{shown} is not TOML, correct it first: {}", error.message()))?;
    let keys = document.get("key").and_then(toml::Value::as_array);
    let has = |key: &toml::Value| key.get("id").and_then(toml::Value::as_str) == Some(id);
    if keys.is_some_and(|keys| keys.iter().any(has)) {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let problem = Problem::new(&file, format!("there is a key `{id}` already"));
        let problem = problem.help("choose another --id, or leave it out for a random one");
        return Err(problem_text(&problem, path, Ink::Bad, Paint::stderr()));
    }
    let gap = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    let whole = format!("{text}{gap}\n{entry}");
    toml::from_str::<toml::Table>(&whole)
        .map_err(|error| format!("the entry does not fit into {shown}: {}", error.message()))?;
    crate::delivery::replace(path, whole.as_bytes())
}
