//! `zonegate new key`: a key with rights, in the keys file; its text is shown once.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::KeyForm;
use zonegate_engine::policy::Written;

use super::change::Changes;
use super::question::Question;
use super::{Made, Refused};
use crate::command::key::{new_key, quoted};
use crate::folder::{Folder, now};
use crate::nearest::hint;

/// How long a key works unless it is said.
const DAYS: i64 = 365;

/// Begin a key: with a role or a grant, and an end.
///
/// The key alone goes to standard output; its entry goes to the end of `keys.toml`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Who has the key and what for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// What it may do: a role, or the name of a grant
    #[arg(long, value_name = "NAME")]
    may: Option<String>,

    /// The zone of the grant
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,

    /// The owner name of the grant, in full
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The domain of the grant, in full
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,

    /// The account at which it works, as provider/account, or `*`
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,

    /// When it ends, such as 2027-01-01T00:00:00Z; in a year unless it is said; `never`
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

/// Makes it.
pub(super) fn make(dir: &Path, arguments: &Arguments) -> Result<Made, Refused> {
    let checked = Folder::read(dir).pack().map_err(Refused::Problems)?;
    let bundle = &checked.bundle;
    let ask = |text, option, default| Question { text, option, default };
    let description = ask("Who has the key and what for", "--description TEXT", None);
    let description = description.answer(arguments.description.as_deref())?;
    let account = ask("Account, as provider/account", "--account ACCOUNT", Some("powerdns/main"));
    let account = account.answer(arguments.account.as_deref())?;
    let choices = choices(bundle);
    let text = format!("What may it do: a role or a grant, of {}", choices.join(", "));
    let may = ask(&text, "--may NAME", None).answer(arguments.may.as_deref())?;
    let rights = if bundle.lists.roles.contains(&may) {
        format!("roles = [{}]\n", quoted(&may))
    } else {
        String::new()
    };
    let grant = if rights.is_empty() { grant(bundle, &may, arguments)? } else { String::new() };
    let year = now().checked_add(SignedDuration::from_hours(24 * DAYS)).unwrap_or_else(|_| now());
    let year = Timestamp::from_second(year.as_second()).unwrap_or(year).to_string();
    let expires = ask("When does it end", "--expires TIME", Some(&year));
    let expires = expires.answer(arguments.expires.as_deref())?;
    let end = match expires.as_str() {
        "never" => String::new(),
        time => format!("expires = {}\n", quoted(time)),
    };
    let key = new_key(KeyForm::Long, None)?;
    let entry = format!(
        "\n[[key]]\nid = {}\ndigest = {}\ndescription = {}\naccounts = [{}]\n{rights}{end}{grant}",
        quoted(key.id()),
        quoted(&key.digest().to_string()),
        quoted(&description),
        quoted(&account),
    );
    let mut changes = Changes::of(dir);
    changes.append("keys.toml", &entry);
    let files = changes.make(None)?;
    let next = format!("the key `{}`; it is not stored and not shown again:", key.id());
    Ok(Made { files, next, key: Some(key.text().to_owned()) })
}

/// The roles and grants of a folder.
fn choices(bundle: &Bundle) -> Vec<String> {
    let roles = bundle.lists.roles.iter().cloned();
    roles.chain(bundle.policies.grants()).collect()
}

/// The lines of a grant; what its templates need and is not given is asked for.
fn grant(bundle: &Bundle, name: &str, arguments: &Arguments) -> Result<String, Refused> {
    let written = bundle.policies.written();
    let of = |one: &&Written| {
        one.template.is_some() && (one.id == name || one.grants.iter().any(|grant| grant == name))
    };
    let fields: Vec<&str> = written.iter().filter(of).filter_map(|one| one.template).collect();
    if fields.is_empty() {
        let choices = choices(bundle);
        let near = hint(name, choices.iter().map(String::as_str));
        return Err(Refused::Failure(format!("there is no role and no grant `{name}`{near}")));
    }
    let mut text = format!("\n[[key.grant]]\ngrant = {}\n", quoted(name));
    let given = [
        ("zone", "Zone, such as example.com", "--zone ZONE", &arguments.zone),
        ("domain", "Domain, such as apps.example.com", "--domain DOMAIN", &arguments.domain),
        ("name", "Name, such as www.example.com", "--name NAME", &arguments.name),
    ];
    for (field, question, option, given) in given {
        // A zone stands in every grant, so that names are held to it.
        if fields.contains(&field) || given.is_some() {
            let question = Question { text: question, option, default: None };
            let answer = question.answer(given.as_deref())?;
            for part in [field, " = ", &quoted(&answer), "\n"] {
                text.push_str(part);
            }
        }
    }
    Ok(text)
}
