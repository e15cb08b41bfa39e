//! Names and texts in policies that could never match: a `forbid` about one would forbid nothing.
//!
//! Names are canonical wherever policies see them: lower case, without a trailing dot. Cedar
//! compares texts as they are, so `resource.name == "WWW.example.com."` is never true, and nobody
//! would notice. So what is compared with a name, whether by `==`, `!=`, `like` or `contains`, is
//! held to the form of a name, what is compared with a kind of metadata to upper case, and what is
//! compared with a provider to those that there are.

use serde_json::Value;

use super::Lists;
use super::load::Loaded;
use super::packed::Authored;
use crate::name::{Name, NameForm};
use crate::problem::Problem;

/// What stands for `*` of `like` among the literal characters of a pattern.
const ANYTHING: char = '\0';

/// One comparison of an attribute of the resource with a text.
#[derive(Debug)]
struct Comparison<'p> {
    /// The attribute's name.
    attribute: &'p str,
    /// The text, or the pattern with [`ANYTHING`] for its wildcards.
    text: String,
    /// Whether it is a pattern.
    like: bool,
}

/// Everything in these policies, read from these files, that could never match.
pub(super) fn problems(files: &[(String, String)], loaded: &Loaded, lists: &Lists) -> Vec<Problem> {
    let mut providers: Vec<&str> =
        lists.routes.iter().filter_map(|route| route.split('/').next()).collect();
    providers.dedup();
    let mut problems = Vec::new();
    for (policy, authored) in &loaded.policies {
        judge(authored, &policy.to_json().unwrap_or_default(), &providers, &mut problems);
    }
    for template in &loaded.templates {
        judge(&template.authored, &template.json, &providers, &mut problems);
    }
    problems.into_iter().map(|problem| at_its_line(problem, files)).collect()
}

/// The problem at the line of the text that it quotes first, which stands in or below the line at
/// which its policy begins.
pub(super) fn at_its_line(problem: Problem, files: &[(String, String)]) -> Problem {
    let text = files.iter().find(|(file, _)| *file == problem.file).map(|(_, text)| text);
    let quoted = problem.message.split(['`', '"']).find(|part| part.contains("::"));
    let compared = problem.message.split('"').nth(1);
    let Some(begin) = problem.line else { return problem };
    // An entity is quoted whole, a comparison as its text.
    let sought = match (problem.message.split('`').nth(1), quoted, compared) {
        (Some(entity), Some(_), _) => entity.to_owned(),
        (Some(annotation), ..) if annotation.starts_with('@') => annotation.to_owned(),
        (_, None, Some(text)) => format!("\"{text}\""),
        _ => return problem,
    };
    let lines =
        text.into_iter().flat_map(|text| text.lines()).enumerate().skip(begin.saturating_sub(1));
    // Where the next policy begins, the search has gone too far.
    let own = lines.take_while(|(at, line)| *at < begin || !line.starts_with("@id("));
    let mut own = own.filter(|(_, line)| line.contains(&sought) && !is_remark(line));
    match own.next() {
        Some((at, _)) => problem.at(at + 1),
        None => problem,
    }
}

/// Whether a line is a comment or a `@doc`, which may repeat what is sought.
fn is_remark(line: &str) -> bool {
    line.trim_start().starts_with("//") || line.trim_start().starts_with("@doc")
}

/// Judges the entities and comparisons of one policy.
fn judge(authored: &Authored, json: &Value, providers: &[&str], problems: &mut Vec<Problem>) {
    let mut report = |what: String, help: String| {
        let message = format!("{what} in `{}` can never match", authored.id);
        problems.push(Problem::new(&authored.file, message).at(authored.line).help(help));
    };
    for (kind, id) in &authored.mentions.entities {
        if let Some(help) = entity(kind, id, providers) {
            report(format!("`{kind}::\"{id}\"`"), help);
        }
    }
    if calls_decimal(json) {
        report(
            "`decimal(...)`".to_owned(),
            "the gate has addresses, times and durations, and no decimals".to_owned(),
        );
    }
    for Comparison { attribute, text, like } in comparisons(json) {
        let help = match attribute {
            "provider" if !like => provider(&text, providers),
            _ if like => pattern(attribute, &text),
            _ => plain(attribute, &text),
        };
        if let Some(help) = help {
            let shown = text.replace(ANYTHING, "*");
            report(format!("`resource.{attribute}` compared with \"{shown}\""), help);
        }
    }
}

/// Whether a policy makes decimals, which the filter's Cedar is built without.
///
/// SECURITY: the command's Cedar can have them, because what it compares policies with needs
/// them; a bundle that only the command understands would be refused by every filter.
fn calls_decimal(json: &Value) -> bool {
    let mut pending = vec![json];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(object) => {
                // A record's field of this name has no list of arguments.
                if object.get("decimal").is_some_and(Value::is_array) {
                    return true;
                }
                pending.extend(object.values());
            }
            Value::Array(items) => pending.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}

/// What is wrong with the id of an entity, if anything is.
fn entity(kind: &str, id: &str, providers: &[&str]) -> Option<String> {
    match kind {
        "Domain" if id == "." => {
            Some("leave it out: a rule without a domain is about every name".to_owned())
        }
        "Zone" | "Domain" | "Name" => match Name::parse(id, NameForm::Fqdn) {
            Ok(name) if name.as_str() == id => None,
            Ok(name) => Some(format!("write `{kind}::\"{name}\"`")),
            Err(error) => Some(format!("{error}")),
        },
        "Account" => match id.split('/').collect::<Vec<_>>().as_slice() {
            [name, _] => provider(name, providers),
            _ => Some("write it as `Account::\"provider/account\"`".to_owned()),
        },
        "Provider" => provider(id, providers),
        "Record" => Some("compare `resource.name` and `resource.type` instead".to_owned()),
        _ => None,
    }
}

/// What is wrong with a provider's name, if anything is.
fn provider(name: &str, providers: &[&str]) -> Option<String> {
    let known = providers.is_empty() || providers.contains(&name);
    (!known).then(|| format!("no provider has this name; there is: {}", providers.join(", ")))
}

/// What is wrong with a text that an attribute is compared with, if anything is.
fn plain(attribute: &str, text: &str) -> Option<String> {
    match attribute {
        "relative" if text == "@" => None,
        "leftmost" if text.contains('.') => Some("a label has no dot".to_owned()),
        "zone" | "name" | "relative" | "leftmost" => match Name::parse(text, NameForm::Fqdn) {
            Ok(name) if name.as_str() == text => None,
            Ok(name) => Some(format!("write \"{name}\"")),
            Err(error) => Some(format!("{error}")),
        },
        "metadata" => upper_case(text),
        _ => None,
    }
}

/// What is wrong with a pattern that an attribute is compared with, if anything is.
fn pattern(attribute: &str, text: &str) -> Option<String> {
    let known = |c: char| {
        let of_name = c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '*');
        of_name || c == ANYTHING || (c == '.' && attribute != "leftmost")
    };
    match attribute {
        "relative" if text == "@" => None,
        "zone" | "name" | "relative" | "leftmost" => {
            if text.contains("..") || text.starts_with('.') || text.ends_with('.') {
                Some("a name has no dot at its beginning or end, and no two in a row".to_owned())
            } else {
                let odd = text.chars().find(|c| !known(*c));
                odd.map(|odd| format!("{odd:?} does not occur there: names are in lower case"))
            }
        }
        "metadata" => upper_case(text),
        _ => None,
    }
}

/// What is wrong with a kind of metadata, if anything is.
fn upper_case(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    (upper != text).then(|| format!("write \"{}\"", upper.replace(ANYTHING, "*")))
}

/// Every comparison of an attribute of the resource with a text, in a policy's JSON form.
///
/// The walk keeps its own stack: its depth does not depend on the policy's.
fn comparisons(policy: &Value) -> Vec<Comparison<'_>> {
    let mut found = Vec::new();
    let mut pending = vec![policy];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(object) => {
                for (operator, operands) in object {
                    compare(operator, operands, &mut found);
                }
                pending.extend(object.values());
            }
            Value::Array(items) => pending.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// Notes what one operator compares, if it compares an attribute of the resource with texts.
fn compare<'p>(operator: &str, operands: &'p Value, found: &mut Vec<Comparison<'p>>) {
    let (left, right) = (operands.get("left"), operands.get("right"));
    let mut note = |attribute: Option<&'p str>, text: Option<String>, like: bool| {
        if let (Some(attribute), Some(text)) = (attribute, text) {
            found.push(Comparison { attribute, text, like });
        }
    };
    match operator {
        "==" | "!=" => {
            note(attribute(left), literal(right), false);
            note(attribute(right), literal(left), false);
        }
        "contains" => {
            let set = left.and_then(|left| left.get("Set")).and_then(Value::as_array);
            for item in set.into_iter().flatten() {
                note(attribute(right), literal(Some(item)), false);
            }
        }
        "like" => {
            let parts = operands.get("pattern").and_then(Value::as_array);
            let text = parts.map(|parts| {
                let part = |part: &'p Value| part.get("Literal").and_then(Value::as_str);
                parts.iter().map(|one| part(one).unwrap_or("\0")).collect()
            });
            note(attribute(left), text, true);
        }
        _ => {}
    }
}

/// The attribute of the resource that an expression is, if it is one.
fn attribute(expression: Option<&Value>) -> Option<&str> {
    let read = expression?.get(".")?;
    let of_resource = read.get("left")?.get("Var")?.as_str()? == "resource";
    read.get("attr")?.as_str().filter(|_| of_resource)
}

/// The text that an expression is, if it is one.
fn literal(expression: Option<&Value>) -> Option<String> {
    expression?.get("Value")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policies;

    /// The message and help for a condition of a policy about records, if it can never match.
    fn said(condition: &str) -> Option<String> {
        let text = format!(
            "@id(\"p\") @doc(\"x\") forbid (principal, action in Action::\"write\", resource)\nwhen {{ {condition} }};"
        );
        let files = [("p.cedar".to_owned(), text)];
        let routes = ["powerdns/zone-patch", "powerdns/zone-read"].map(str::to_owned).to_vec();
        let problems = Policies::check(&files, &Lists { routes, ..Lists::default() }).err()?;
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Some(said.join("\n"))
    }

    #[test]
    fn what_could_never_match_is_an_error() {
        for (condition, help) in [
            (r#"resource in Domain::".""#, "leave it out"),
            (r#"resource in Domain::"Example.com""#, r#"write `Domain::"example.com"`"#),
            (r#"resource.name == "WWW.example.com""#, r#"write "www.example.com""#),
            (r#""www.example.com." == resource.name"#, "must not end with a dot"),
            (r#"resource.zone != "example.com.""#, "must not end with a dot"),
            (r#"["www", "Mail"].contains(resource.relative)"#, r#"write "mail""#),
            (r#"resource.leftmost == "www.dev""#, "a label has no dot"),
            (r#"resource.zone like "*.NL""#, "'N' does not occur there"),
            (r#"resource.name like "*.example.com.""#, "no dot at its beginning or end"),
            (r#"resource.name like ".example.com*""#, "no dot at its beginning or end"),
            (r#"resource.leftmost like "*.x""#, "'.' does not occur there"),
            (r#"resource in Provider::"PowerDNS""#, "there is: powerdns"),
            (r#"resource in Account::"powerdnss/main""#, "there is: powerdns"),
            (r#"resource in Account::"main""#, "Account::\"provider/account\""),
            (r#"resource.provider != "power-dns""#, "there is: powerdns"),
            (r#"resource.name like "bücher*""#, "'ü' does not occur there"),
        ] {
            let said = said(condition).unwrap_or_default();
            assert!(said.contains("can never match") && said.contains(help), "{condition}: {said}");
        }
    }

    #[test]
    fn what_could_match_is_none() {
        for condition in [
            r#"resource in Domain::"example.com""#,
            r#"resource.name == "*.example.com""#,
            r#"resource.relative == "@" || resource.relative like "@""#,
            r#"resource.zone like "*.nl" || resource.zone like "*prod*""#,
            r#"resource.name like "\*.*.example.com""#,
            r#"["_dmarc", "_domainkey"].contains(resource.leftmost)"#,
            r#"resource has value && resource.value == "Any Text.""#,
            r#"principal has owner && principal.owner == "Web team""#,
            r#"resource.leftmost like "*""#,
            r#"resource in Provider::"powerdns" || resource in Account::"powerdns/main""#,
            r#"resource.provider == "powerdns""#,
        ] {
            assert_eq!(said(condition), None, "{condition}");
        }
    }

    #[test]
    fn kinds_of_metadata_are_upper_case() {
        assert!(upper_case("soa-edit").is_some_and(|help| help.contains("SOA-EDIT")));
        assert!(upper_case("X-MINE").is_none());
    }
}
