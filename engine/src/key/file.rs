//! The keys file, `keys.toml`: read whole, or all that is wrong with it.
//!
//! ```toml
//! [[key]]
//! id = "k3m9x2p7q1ab"
//! digest = "sha256:..."
//! description = "certificates of www.example.com"
//! accounts = ["powerdns/main"]
//! expires = 2027-01-01T00:00:00Z
//!
//! [[key.grant]]
//! grant = "acme-host"
//! zone = "example.com"
//! name = "_acme-challenge.www.example.com"
//! ```
//!
//! More of them may stand in the folder `keys`, also as JSON lines ([`super::lines`]).

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::entry::{Digest, Grant, Key};
use super::lines;
use super::table::Keys;
use super::text::KeyForm;
use crate::name::{Name, NameForm};
use crate::problem::Problem;
use crate::settings::{At, Section, Source, one_of, printable};

/// What the other files of a policies folder define; absent lists are not compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The names of networks.
    pub networks: &'a [String],
    /// The names of roles.
    pub roles: Option<&'a [String]>,
    /// The accounts, as `provider/account`.
    pub accounts: Option<&'a [String]>,
    /// The ids of templates and the names of their sets.
    pub grants: Option<&'a [String]>,
}

/// Reads a keys file; gives the keys and what is doubtful, or everything that is wrong.
///
/// SECURITY: no message repeats a text that could be a key or a digest.
pub fn parse(
    file: &str,
    text: &str,
    known: &Known<'_>,
) -> Result<(Keys, Vec<Problem>), Vec<Problem>> {
    parse_all(&[(file, text)], known)
}

/// Reads all keys files of a folder, given as name and text, as if they were one: TOML, and where
/// the name ends in `.jsonl` one JSON object for each key, on a line of its own.
pub fn parse_all(
    files: &[(&str, &str)],
    known: &Known<'_>,
) -> Result<(Keys, Vec<Problem>), Vec<Problem>> {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let mut keys: Vec<Key> = Vec::new();
    let mut seen = Seen::default();
    for (file, text) in files {
        let source = Source::new(file, text);
        let lines = std::path::Path::new(file).extension().is_some_and(|end| end == "jsonl");
        let tree = if lines { lines::tree(&source) } else { source.tree() };
        let root = source.root(&tree);
        for (number, mut section) in (1..).zip(root.tables("key", "a key")) {
            section.what = format!("key number {number}");
            keys.extend(read_key(section, known, &mut seen));
        }
        root.done();
        match source.finish(()) {
            Ok(((), found)) => warnings.extend(found),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let too_many = || vec![Problem::new("keys.toml", "there are more keys than a bundle can have")];
    Ok((Keys::sorted(keys).ok_or_else(too_many)?, warnings))
}

/// What must not occur twice, with its first place.
#[derive(Default)]
struct Seen {
    /// Ids, with file and line.
    ids: HashMap<String, (String, usize)>,
    /// Digests, as text, with the id they belong to.
    digests: HashMap<String, String>,
}

/// Reads one key; none where it lacks what makes it one.
fn read_key(mut section: Section<'_, '_>, known: &Known<'_>, seen: &mut Seen) -> Option<Key> {
    let (file, line) = (section.source.file(), section.source.line(section.offset()));
    let id = read_id(&mut section, seen);
    let id_text = id.as_ref().map_or("", |id| id.value.as_str());
    let digest = section.required_text("digest", "`zonegate key digest` makes it from a key");
    let digest = digest.and_then(|text| read_digest(&section, "digest", text, id_text, seen));
    // A bad one refuses the file, so that none here is an absent one.
    let next_digest = section.text("next_digest");
    let next_digest =
        next_digest.and_then(|text| read_digest(&section, "next_digest", text, id_text, seen));
    let why = "say who has the key and what for, for whoever reads this list next year";
    let description = section.required_text("description", why);
    let owner = section.text("owner");
    let accounts = read_accounts(&section, known);
    let roles = read_names(&section, "roles", "role", known.roles);
    let networks = read_networks(&section, known);
    let attributes = read_attributes(&section);
    let (not_before, expires) = read_times(&section);
    let disabled = section.flag("disabled");
    let what = format!("a grant of {}", section.what);
    let grants = section.tables("grant", &what);
    let grants = grants.into_iter().map(|grant| read_grant(grant, known)).collect();
    section.allows();
    section.done();
    Some(Key {
        id: id?.value,
        digest: digest?,
        next_digest,
        description: description?.value,
        owner: owner.map(|owner| owner.value),
        accounts,
        roles,
        attributes,
        networks,
        grants,
        not_before,
        expires,
        disabled,
        file: file.to_owned(),
        line,
    })
}

/// Reads the id, and names the key by it from then on.
fn read_id(section: &mut Section<'_, '_>, seen: &mut Seen) -> Option<At<String>> {
    let id = section.required_text("id", "`zonegate key new` makes a key and prints its entry")?;
    if looks_like_a_key(&id.value) {
        leaked(section, id.offset);
        return None;
    }
    section.what = format!("the key `{}`", printable(&id.value));
    if KeyForm::of_id(&id.value).is_none() {
        let help = "an id has 12 (long form) or 6 (short form) of lower case letters and digits";
        section.problem(id.offset, "has an id that no key can have", help);
        return None;
    }
    let line = section.source.line(id.offset);
    let place = (section.source.file().to_owned(), line);
    if let Some((file, first)) = seen.ids.insert(id.value.clone(), place) {
        let here = file == section.source.file();
        let file = if here { String::new() } else { format!("{file}, ") };
        let message = format!("is there twice, first at {file}line {first}");
        section.problem(id.offset, message, "ids are unique; remove one entry, or make a new key");
    }
    Some(id)
}

/// Reads the text of a digest field.
fn read_digest(
    section: &Section<'_, '_>,
    name: &str,
    text: At<String>,
    id: &str,
    seen: &mut Seen,
) -> Option<Digest> {
    if looks_like_a_key(&text.value) {
        leaked(section, text.offset);
        return None;
    }
    let Some(digest) = Digest::parse(&text.value) else {
        let help = "a digest is `sha256:` and 64 lower case hexadecimal digits, as \
                    `zonegate key digest` prints it";
        section.problem(text.offset, format!("has a `{name}` that is none"), help);
        return None;
    };
    if let Some(first) = seen.digests.insert(text.value, id.to_owned()) {
        let message = format!("has the `{name}` of the key `{}` again", printable(&first));
        section.problem(
            text.offset,
            message,
            "a digest covers the id, so it belongs to one key, once",
        );
    }
    Some(digest)
}

/// Whether a text in the file could be somebody's key itself.
fn looks_like_a_key(text: &str) -> bool {
    KeyForm::ALL.iter().any(|form| text.trim_start().starts_with(form.prefix()))
}

/// The problem of a key that stands in the file itself.
fn leaked(section: &Section<'_, '_>, offset: usize) {
    let help = "put its digest here (`zonegate key digest`); if this file was shared or committed, \
                the key is no longer secret: make a new one";
    section.problem(offset, "holds a key itself where only its id and digest belong", help);
}

/// Reads the accounts that the key is for.
fn read_accounts(section: &Section<'_, '_>, known: &Known<'_>) -> Vec<String> {
    let help = "name the accounts, as accounts = [\"powerdns/main\"], or [\"*\"] for all";
    let Some(accounts) = section.texts("accounts") else {
        if !section.has("accounts") {
            section.problem(section.offset(), "has no `accounts`", help);
        }
        return Vec::new();
    };
    if section.is_empty_list("accounts") {
        section.problem(section.offset(), "has an empty list of `accounts`", help);
    }
    for account in &accounts {
        let name = account.value.as_str();
        let parts: Vec<&str> = name.split('/').collect();
        let well_formed = parts.len() == 2 && parts.iter().all(|part| is_identifier(part));
        let found = known.accounts.is_none_or(|known| known.iter().any(|one| one == name));
        if name != "*" && !well_formed {
            section.problem(
                account.offset,
                format!("names a bad account `{}`", printable(name)),
                help,
            );
        } else if name != "*" && !found {
            let right = known.accounts.unwrap_or_default().iter().map(String::as_str);
            let message = format!("names an unknown account `{name}`");
            section.problem(account.offset, message, one_of("account", name, right));
        }
    }
    sorted(section, "accounts", accounts)
}

/// Whether this can name a provider, an account or a template.
fn is_identifier(text: &str) -> bool {
    crate::settings::identifier_fault(text).is_none()
}

/// Reads a list of names, each of which must be known.
fn read_names(
    section: &Section<'_, '_>,
    field: &'static str,
    what: &str,
    known: Option<&[String]>,
) -> Vec<String> {
    let names = section.texts(field).unwrap_or_default();
    for name in &names {
        if let Some(known) = known
            && !known.contains(&name.value)
        {
            let message = format!("names an unknown {what} `{}`", printable(&name.value));
            let right = known.iter().map(String::as_str);
            section.problem(name.offset, message, one_of(what, &name.value, right));
        }
    }
    sorted(section, field, names)
}

/// Reads the networks; an empty list would be read as "nowhere" by one and "anywhere" by another.
fn read_networks(section: &Section<'_, '_>, known: &Known<'_>) -> Vec<String> {
    let networks = read_names(section, "networks", "network", Some(known.networks));
    if networks.is_empty() && section.is_empty_list("networks") {
        let help = "leave the field out to allow every address, or set `disabled = true`";
        section.problem(section.offset(), "has an empty list of `networks`", help);
    }
    networks
}

/// The values of a list, sorted; a value that is there twice is a warning.
fn sorted(section: &Section<'_, '_>, field: &str, list: Vec<At<String>>) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for item in list {
        if values.contains(&item.value) {
            let message = format!("has `{}` twice in `{field}`", printable(&item.value));
            section.warning("repeated-entry", item.offset, message, "remove one");
        } else {
            values.push(item.value);
        }
    }
    values.sort();
    values
}

/// Reads the attributes, which policies see as tags.
fn read_attributes(section: &Section<'_, '_>) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    for (name, value) in section.text_map("attributes") {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if name.value.is_empty() || name.value.len() > 64 || !name.value.bytes().all(plain) {
            let message = format!("has a bad attribute name `{}`", printable(&name.value));
            let help = "an attribute's name has 1 to 64 of letters, digits, `_`, `-` and `.`";
            section.problem(name.offset, message, help);
        }
        if value.chars().any(char::is_control) {
            let name_text = printable(&name.value);
            let message = format!("has a control character in the attribute `{name_text}`");
            section.problem(name.offset, message, "attributes are printable text");
        }
        attributes.insert(name.value, value);
    }
    attributes
}

/// Reads both times; a key that is never valid is a problem.
fn read_times(section: &Section<'_, '_>) -> (Option<Timestamp>, Option<Timestamp>) {
    let read = |field: &'static str| {
        let text = section.text_or_datetime(field, "2027-01-01T00:00:00Z")?;
        let time = text.value.parse::<Timestamp>();
        let seconds = time.and_then(|time| Timestamp::from_second(time.as_second()));
        if seconds.is_err() {
            let message = format!("has a `{field}` that is no point in time");
            let help = format!("write date, time and offset: {field} = 2027-01-01T00:00:00Z");
            section.problem(text.offset, message, help);
        }
        Some(At { value: seconds.ok()?, offset: text.offset })
    };
    let (not_before, expires) = (read("not_before"), read("expires"));
    if let (Some(from), Some(to)) = (&not_before, &expires)
        && from.value >= to.value
    {
        let help = "`expires` is later than `not_before`, or the key is never valid";
        section.problem(to.offset, "expires before it begins", help);
    }
    (not_before.map(|time| time.value), expires.map(|time| time.value))
}

/// Reads one grant.
fn read_grant(section: Section<'_, '_>, known: &Known<'_>) -> Grant {
    let line = section.source.line(section.offset());
    let grant = section.required_text("grant", "name a template, or a set of them by its `@grant`");
    if let (Some(grant), Some(known)) = (&grant, known.grants)
        && !known.contains(&grant.value)
    {
        let message = format!("names an unknown grant `{}`", printable(&grant.value));
        let right = known.iter().map(String::as_str);
        section.problem(grant.offset, message, one_of("grant", &grant.value, right));
    }
    let zone = read_name(&section, "zone");
    let domain = read_name(&section, "domain");
    let name = read_name(&section, "name");
    for (field, name) in [("zone", &zone), ("domain", &domain)] {
        if let Some(name) = name.as_ref().filter(|name| name.value.is_wildcard()) {
            let help = format!("write the name without `*.`: a {field} is never a wildcard");
            section.problem(
                name.offset,
                format!("has the wildcard `{}` as `{field}`", name.value),
                help,
            );
        }
    }
    for (field, inner) in [("domain", &domain), ("name", &name)] {
        if let (Some(zone), Some(inner)) = (&zone, inner)
            && !inner.value.is_below_or_equal(&zone.value)
        {
            let message = format!("has the {field} `{}` outside its zone", inner.value);
            let help = format!("names are absolute: write one that ends in `.{}`", zone.value);
            section.problem(inner.offset, message, help);
        }
    }
    section.done();
    let value = |name: Option<At<Name>>| name.map(|name| name.value);
    let grant = grant.map(|grant| grant.value).unwrap_or_default();
    Grant { grant, zone: value(zone), domain: value(domain), name: value(name), line }
}

/// Reads a DNS name, which must be written canonically.
fn read_name(section: &Section<'_, '_>, field: &'static str) -> Option<At<Name>> {
    let text = section.text(field)?;
    match Name::parse(&text.value, NameForm::Fqdn) {
        Ok(name) if name.as_str() == text.value => Some(At { value: name, offset: text.offset }),
        Ok(name) => {
            let message = format!("has the {field} `{}`", printable(&text.value));
            let help = format!("write it in lower case: `{}`", printable(name.as_str()));
            section.problem(text.offset, message, help);
            None
        }
        Err(error) => {
            let message = format!("has a bad {field} `{}`: {error}", printable(&text.value));
            let help = "write the whole name, without a dot at its end: \"www.example.com\"";
            section.problem(text.offset, message, help);
            None
        }
    }
}
