//! Sets of circumstances in an author's words: networks, windows, patterns, domains; and clauses.

use zonegate_engine::bundle::Bundle;
use zonegate_engine::name::Name;
use zonegate_engine::pattern::{Pattern, Reads, Subject};
use zonegate_engine::value;

use super::depends::{Dimension, Speak, Value};

/// Values that are listed before the rest is counted.
const LISTED_MAX: usize = 4;
/// Record types that are listed.
const TYPES_MAX: usize = 12;

/// Speaks with the names that a bundle has for things.
#[derive(Debug)]
pub(super) struct Words<'b> {
    /// The bundle.
    bundle: &'b Bundle,
    /// Networks, windows and patterns that the key's own policies name: these come first.
    mentioned: Vec<&'b str>,
}

impl<'b> Words<'b> {
    /// Words for a key; `mentions` says which named things its policies, or itself, mention.
    pub(super) fn of(bundle: &'b Bundle, mentions: &dyn Fn(&str, &str) -> bool) -> Words<'b> {
        let networks = bundle.networks.iter().map(|one| ("Network", one.name.as_str()));
        let windows = bundle.windows.iter().map(|one| ("Window", one.name.as_str()));
        let patterns = bundle.patterns.iter().map(|one| ("Pattern", one.name()));
        let all = networks.chain(windows).chain(patterns);
        let mentioned = all.filter(|(kind, id)| mentions(kind, id)).map(|(_, id)| id).collect();
        Words { bundle, mentioned }
    }

    /// Names, the mentioned ones first.
    fn ordered<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
        let mut names: Vec<&str> = names.collect();
        names.sort_by_key(|name| !self.mentioned.contains(name));
        names
    }

    /// Addresses of clients.
    fn froms(&self, some: &[&Value], all: &[&Value]) -> String {
        let has = |name: &str, value: &Value| {
            let Value::From(from) = value else { return false };
            self.bundle.networks.containing(*from).contains(&name)
        };
        let names = self.ordered(self.bundle.networks.iter().map(|one| one.name.as_str()));
        match named(&names, some, all, &has) {
            Some((false, names)) => format!("from {}", plural("the network", &names)),
            Some((true, names)) => format!("from outside {}", plural("the network", &names)),
            None => listed("from", "from anywhere but", some, all),
        }
    }

    /// Times.
    fn times(&self, some: &[&Value], all: &[&Value]) -> String {
        let has = |name: &str, value: &Value| {
            let Value::Time(at) = value else { return false };
            self.bundle.windows.open(*at).contains(&name)
        };
        let names = self.ordered(self.bundle.windows.iter().map(|one| one.name.as_str()));
        match named(&names, some, all, &has) {
            Some((false, names)) => format!("in {}", plural("the window", &names)),
            Some((true, names)) => format!("outside {}", plural("the window", &names)),
            None => listed("at", "at any time but", some, all),
        }
    }

    /// Owner names.
    fn names(&self, some: &[&Value], all: &[&Value]) -> String {
        let rest: Vec<&Value> = all.iter().filter(|one| !some.contains(one)).copied().collect();
        let parts: Vec<(&Name, &Name)> = some.iter().filter_map(|one| owner(one)).collect();
        if let [(_, name)] = parts.as_slice() {
            return format!("at the name {name}");
        }
        for (not, wanted, others) in [("", some, &*rest), ("not ", &*rest, some)] {
            if let Some(text) = self.name_sets(wanted, others) {
                return format!("{not}{text}");
            }
        }
        listed("at", "at any name but", some, all)
    }

    /// What all the wanted names and none of the others are.
    fn name_sets(&self, wanted: &[&Value], others: &[&Value]) -> Option<String> {
        let owners = |list: &[&Value]| -> Vec<(Name, Name)> {
            let pairs = list.iter().filter_map(|one| owner(one));
            pairs.map(|(zone, name)| (zone.clone(), name.clone())).collect()
        };
        let (inside, outside) = (owners(wanted), owners(others));
        let is_exactly = |test: &dyn Fn(&Name, &Name) -> bool| {
            inside.iter().all(|(zone, name)| test(zone, name))
                && !outside.iter().any(|(zone, name)| test(zone, name))
        };
        let (_, first) = inside.first()?;
        if is_exactly(&|zone, name| zone == name) {
            return Some("at the apex".to_owned());
        }
        if inside.len() == 1 {
            return Some(format!("at the name {first}"));
        }
        let patterns = self.bundle.patterns.iter().filter(|one| one.reads() != Reads::Value);
        let names = self.ordered(patterns.map(Pattern::name));
        for pattern in names.into_iter().filter(|one| self.mentioned.contains(one)) {
            if is_exactly(&|zone, name| self.matches(pattern, zone, name, None)) {
                return Some(format!("at names that match the pattern {pattern}"));
            }
        }
        if is_exactly(&|_, name| name.leftmost() == first.leftmost()) {
            return Some(format!("at names whose first label is {}", first.leftmost()));
        }
        let domain = first.ancestors().find(|domain| {
            let below = format!(".{domain}");
            is_exactly(&|_, name| name.as_str() == *domain || name.as_str().ends_with(&below))
        });
        domain.map(|domain| format!("at {domain} and below"))
    }

    /// Whether a pattern matches.
    fn matches(&self, pattern: &str, zone: &Name, name: &Name, value: Option<&str>) -> bool {
        let pattern = self.bundle.patterns.index(pattern);
        let pattern = pattern.and_then(|at| self.bundle.patterns.get(at));
        let relative = name.relative_to(zone).unwrap_or_default();
        let subject = Subject { relative: &relative, name: name.as_str(), value };
        pattern.is_some_and(|pattern| pattern.matches(&subject))
    }

    /// Values of records.
    fn values(&self, some: &[&Value], all: &[&Value]) -> String {
        let nowhere = Name::root();
        let has = |name: &str, one: &Value| {
            let Value::Content(rtype, text) = one else { return false };
            let text = value::canonical(*rtype, text);
            self.matches(name, &nowhere, &nowhere, Some(&text))
        };
        let patterns = self.bundle.patterns.iter().filter(|one| one.reads() == Reads::Value);
        let names = self.ordered(patterns.map(Pattern::name));
        match named(&names, some, all, &has) {
            Some((false, names)) => {
                format!("with a value that matches {}", plural("the pattern", &names))
            }
            Some((true, names)) => {
                format!("with a value that does not match {}", plural("the pattern", &names))
            }
            None => listed("with the value", "with any value but", some, all),
        }
    }
}

impl Speak for Words<'_> {
    fn phrase(&self, dimension: Dimension, some: &[&Value], all: &[&Value]) -> String {
        match dimension {
            Dimension::Account => listed("at the account", "at any account but", some, all),
            Dimension::Name => self.names(some, all),
            Dimension::Type => types(some, all),
            Dimension::Metadata => listed("of the kind", "of any kind but", some, all),
            Dimension::Value => self.values(some, all),
            Dimension::From => self.froms(some, all),
            Dimension::Time => self.times(some, all),
            Dimension::Tls if some.contains(&&Value::Tls(true)) => "over TLS".to_owned(),
            Dimension::Tls => "without TLS".to_owned(),
            Dimension::Route => listed("by the route", "by any route but", some, all),
            Dimension::Operations => {
                listed("in requests of so many operations:", "not in requests of", some, all)
            }
        }
    }
}

/// The named sets that make up these values, and whether the values are those outside of them.
fn named<'b>(
    names: &[&'b str],
    some: &[&Value],
    all: &[&Value],
    has: &dyn Fn(&str, &Value) -> bool,
) -> Option<(bool, Vec<&'b str>)> {
    let rest: Vec<&Value> = all.iter().filter(|one| !some.contains(one)).copied().collect();
    for (outside, wanted, others) in [(false, some, &*rest), (true, &*rest, some)] {
        let whole = |name: &str| wanted.iter().all(|one| has(name, one));
        let clear = |name: &str| !others.iter().any(|one| has(name, one));
        if let Some(name) = names.iter().find(|name| whole(name) && clear(name)) {
            return Some((outside, vec![name]));
        }
        let mut inside = names.to_vec();
        inside.retain(|name| clear(name) && wanted.iter().any(|one| has(name, one)));
        if wanted.iter().all(|one| inside.iter().any(|name| has(name, one))) {
            return Some((outside, inside));
        }
    }
    None
}

/// The zone and the name of a value that is one.
fn owner(value: &Value) -> Option<(&Name, &Name)> {
    if let Value::Name { zone, name } = value { Some((zone, name)) } else { None }
}

/// A noun with names: `the network office`, `the networks a or b`.
fn plural(noun: &str, names: &[&str]) -> String {
    let end = if names.len() == 1 { "" } else { "s" };
    format!("{noun}{end} {}", names.join(" or "))
}

/// Record types: those that are in, or those that are not, whichever is shorter.
fn types(some: &[&Value], all: &[&Value]) -> String {
    let rest: Vec<&Value> = all.iter().filter(|one| !some.contains(one)).copied().collect();
    let (word, list) =
        if some.len() <= rest.len() { ("of type", some) } else { ("of any type but", &*rest) };
    let texts: Vec<String> = list.iter().take(TYPES_MAX).map(|one| text(one)).collect();
    let more = list.len().saturating_sub(TYPES_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{word} {}{more}", texts.join(", "))
}

/// Values one by one: those that are in, or those that are not, whichever is shorter.
fn listed(word: &str, but: &str, some: &[&Value], all: &[&Value]) -> String {
    let rest: Vec<&Value> = all.iter().filter(|one| !some.contains(one)).copied().collect();
    let (word, list) = if some.len() <= rest.len().max(1) { (word, some) } else { (but, &*rest) };
    let texts: Vec<String> = list.iter().take(LISTED_MAX).map(|one| text(one)).collect();
    let more = list.len().saturating_sub(LISTED_MAX);
    let more = if more > 0 { format!(" and {more} more like these") } else { String::new() };
    format!("{word} {}{more}", texts.join(", "))
}

/// One value.
fn text(value: &Value) -> String {
    match value {
        Value::Any => String::new(),
        Value::Account(text)
        | Value::Metadata(text)
        | Value::Content(_, text)
        | Value::Route(text) => text.clone(),
        Value::Name { name, .. } => name.to_string(),
        Value::Type(rtype) => rtype.to_string(),
        Value::From(from) => from.to_string(),
        Value::Time(at) => at.to_string(),
        Value::Tls(tls) => tls.to_string(),
        Value::Operations(number) => number.to_string(),
    }
}

/// A clause in words, where it is one of the usual ones; else as it is written.
pub(super) fn clause(text: &str) -> String {
    let (word, body) = text.split_once(' ').unwrap_or(("when", text));
    let body = bare(body);
    let says = |said: String| if word == "unless" { format!("unless {said}") } else { said };
    usual(body).map_or_else(|| format!("{word} {body}"), says)
}

/// A text without the brackets around the whole of it.
fn bare(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        // The first bracket must be closed by the last one.
        let mut depth = 0i32;
        let closed_early = inner.chars().any(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth < 0
        });
        if closed_early {
            return text;
        }
        text = inner.trim();
    }
    text
}

/// What the usual clauses say.
fn usual(body: &str) -> Option<String> {
    let named = |prefix: &str, suffix: &str| {
        let inner = body.strip_prefix(prefix)?.strip_suffix(suffix)?;
        (!inner.contains('"')).then_some(inner)
    };
    let simple = [
        ("resource.type == RecordType::\"", "\"", "of type"),
        ("(resource.type) == (RecordType::\"", "\")", "of type"),
        ("resource.zone == \"", "\"", "in the zone"),
        ("resource.zone like \"", "\"", "in zones like"),
        ("resource.leftmost == \"", "\"", "at names whose first label is"),
        ("resource.relative == \"", "\"", "at the relative name"),
        ("resource in Pattern::\"", "\"", "matching the pattern"),
        ("context.route == Route::\"", "\"", "by the route"),
        ("context.networks.contains(Network::\"", "\")", "from the network"),
        ("context.windows.contains(Window::\"", "\")", "in the window"),
        ("principal in Role::\"", "\"", "the key has the role"),
    ];
    for (prefix, suffix, words) in simple {
        if let Some(name) = named(prefix, suffix) {
            return Some(format!("{words} {name}"));
        }
    }
    if body == "resource.address == context.client_ip" {
        return Some("the value is the client's own address".to_owned());
    }
    let list = body.strip_prefix('[')?.strip_suffix("].contains(resource.type)")?;
    let types: Option<Vec<&str>> = list
        .split(',')
        .map(|one| one.trim().strip_prefix("RecordType::\"")?.strip_suffix('"'))
        .collect();
    Some(format!("of type {}", types?.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_clauses_are_said_in_words() {
        for (text, expected) in [
            ("when resource.type == RecordType::\"TXT\"", "of type TXT"),
            ("unless context.windows.contains(Window::\"w\")", "unless in the window w"),
            ("when (context.tls)", "when context.tls"),
            ("when ((a) || (b))", "when (a) || (b)"),
            (
                "when [RecordType::\"A\", RecordType::\"AAAA\"].contains(resource.type)",
                "of type A, AAAA",
            ),
            (
                "when resource.zone == \"a\" || resource.zone == \"b\"",
                "when resource.zone == \"a\" || resource.zone == \"b\"",
            ),
        ] {
            assert_eq!(clause(text), expected);
        }
    }
}
