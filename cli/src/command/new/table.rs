//! `zonegate new table`: a table with a row or two that hold, to write more below.

use std::collections::BTreeMap;
use std::path::Path;

use zonegate_cases::Table;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::operation::Action;
use zonegate_engine::provider::{CredentialScheme, Provider};

use super::change::{Changes, expectation, outcome};
use super::question::Question;
use super::{Made, Refused, named};
use crate::command::key::quoted;
use crate::folder::Folder;
use crate::nearest::hint;

/// Begin a table: rows that say what is decided today.
///
/// One row asks without a key; where an alias of `cases/demo-keys.toml` is given, another asks with
/// it for the list of zones, and expects what the policies decide now.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The name of the table and of its file in `cases`
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// The provider whose requests it sends
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,

    /// The alias of a key in `cases/demo-keys.toml`; `none` for no row with a key
    #[arg(long, value_name = "ALIAS")]
    key: Option<String>,
}

/// Makes it.
pub(super) fn make(dir: &Path, arguments: &Arguments) -> Result<Made, Refused> {
    let checked = Folder::read(dir).pack().map_err(Refused::Problems)?;
    let ask = |text, option, default| Question { text, option, default };
    let name = ask("Name of the table", "NAME", None).answer(arguments.name.as_deref())?;
    named(&name)?;
    let provider = ask("Provider", "--provider PROVIDER", Some("powerdns"));
    let provider = provider.answer(arguments.provider.as_deref())?;
    let provider = provider_of(&checked.bundle, &provider)?;
    let keys = demo_keys(dir)?;
    let some = keys.keys().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
    let text = format!("Key, an alias of demo-keys.toml ({some})");
    let alias = ask(&text, "--key ALIAS", Some("none")).answer(arguments.key.as_deref())?;
    let path = listing(provider)?;
    let head = heading(&name, provider);
    let mut text = format!(
        "{head}{}deny = \"no-key\"\n",
        case("nobody gets anything without a key", "none", &path)
    );
    if alias != "none" {
        if !keys.contains_key(&alias) {
            let near = hint(&alias, keys.keys().map(String::as_str));
            return Err(Refused::Failure(format!("demo-keys.toml has no key `{alias}`{near}")));
        }
        let row = case(&format!("{alias} asks for the list of zones"), &alias, &path);
        let draft = format!("{head}{row}deny = \"no-policy-allows\"\n");
        let parsed = Table::parse("draft", &draft, &keys)
            .map_err(|found| found.first().map(ToString::to_string).unwrap_or_default())?;
        let case = parsed.cases.first().ok_or_else(|| "the row cannot be read".to_owned())?;
        let outcome = outcome(checked, case)?;
        text.push_str(&row);
        text.push_str(&expectation(&outcome));
    }
    let file = format!("cases/{name}.toml");
    let mut changes = Changes::of(dir);
    changes.create(&file, text)?;
    let files = changes.make(Some(&file))?;
    let next = format!(
        "now add rows to {file}: one that must be allowed, and those next to it that must not"
    );
    Ok(Made { files, next, key: None })
}

/// The provider of this name.
fn provider_of<'b>(bundle: &'b Bundle, name: &str) -> Result<&'b Provider, Refused> {
    bundle.provider(name).ok_or_else(|| {
        let near = hint(name, bundle.providers().iter().map(Provider::name));
        Refused::Failure(format!("there is no provider `{name}`{near}"))
    })
}

/// The keys for tables: their texts by alias.
fn demo_keys(dir: &Path) -> Result<BTreeMap<String, String>, Refused> {
    let path = dir.join("cases/demo-keys.toml");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(BTreeMap::new()) };
    toml::from_str(&text)
        .map_err(|error| Refused::Failure(format!("{}: {}", path.display(), error.message())))
}

/// A request for the list of zones.
fn listing(provider: &Provider) -> Result<String, Refused> {
    let mut routes = provider.routes().iter();
    let route = routes.find(|route| route.actions().contains(&Action::ZoneList));
    let pattern = route.map(|route| route.pattern().replace("{server}", "localhost"));
    pattern.filter(|pattern| !pattern.contains('{')).ok_or_else(|| {
        let name = provider.name();
        Refused::Failure(format!(
            "{name} has no plain request for its zones; write the table by hand"
        ))
    })
}

/// What stands above the rows.
fn heading(name: &str, provider: &Provider) -> String {
    let mut text = format!(
        "# {name}: what must be allowed, and what must not.\nprovider = {}\naccount = \"main\"\nnow = \"2026-06-03T10:00:00Z\"\nfrom = \"198.51.100.7\"\n",
        quoted(provider.name()),
    );
    let header = provider.credential_schemes().iter().find_map(|scheme| match scheme {
        CredentialScheme::Header { name, prefix, after_colon: false, beside: None } => {
            Some((name, prefix))
        }
        CredentialScheme::Header { .. } | CredentialScheme::BasicPassword => None,
    });
    let (header, prefix) = header.unzip();
    for (field, value) in [("key_header", header), ("key_prefix", prefix.and_then(Option::as_ref))]
    {
        if let Some(value) = value {
            for part in [field, " = ", &quoted(value), "\n"] {
                text.push_str(part);
            }
        }
    }
    text
}

/// The beginning of a row.
fn case(name: &str, key: &str, send: &str) -> String {
    let (name, key, send) = (quoted(name), quoted(key), quoted(send));
    format!("\n[[case]]\nname = {name}\nkey = {key}\nsend = {send}\n")
}
