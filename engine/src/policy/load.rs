//! From policy files to checked policies: all of them, or all that is wrong with them.
//!
//! Files are parsed one by one, so that a problem has a file and a line; ids come from `@id`,
//! because Cedar's own positional ids change when a file is edited. Packing validates the whole set
//! strictly and at level 1, with warnings as errors; a filter that loads a bundle does not do it
//! again, and denies by any policy that cannot be parsed or evaluated.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use cedar_policy::{Policy, PolicyId, PolicySet, Template};
use cedar_policy::{Schema, ValidationMode, ValidationResult, Validator};
use miette::Diagnostic;

use super::depth;
use super::facts;
use super::packed::{Authored, Binds, Slots};
use crate::problem::Problem;

/// Annotations that mean something; any other is a misspelling.
const ANNOTATIONS: [&str; 5] = ["id", "doc", "grant", "binds", "allow_lint"];

/// A template that was parsed.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    /// What its author wrote.
    pub(super) authored: Authored,
    /// What makes it a template.
    pub(super) slots: Slots,
    /// Its JSON form, in which a link's entities replace the slots.
    pub(super) json: serde_json::Value,
    /// Its text.
    pub(super) text: String,
}

/// All policies of a bundle.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// The policies that are not templates.
    pub(super) policies: Vec<(Policy, Authored)>,
    /// The templates.
    pub(super) templates: Vec<Parsed>,
}

/// Parses every file, or returns every problem; the set holds what could be parsed.
pub(super) fn parse_all(files: &[(String, String)]) -> (Loaded, PolicySet, Vec<Problem>) {
    let mut loaded = Loaded::default();
    let mut all = PolicySet::new();
    let mut problems = Vec::new();
    for (file, text) in files {
        match parse(file, text) {
            Ok(set) => take(file, text, &set, &mut loaded, &mut all, &mut problems),
            Err(found) => problems.extend(found),
        }
    }
    (loaded, all, problems)
}

/// Validates what was parsed: strictly, at level 1, and warnings count as errors.
pub(super) fn validate(
    files: &[(String, String)],
    loaded: &Loaded,
    all: &PolicySet,
    schema: &Schema,
) -> Vec<Problem> {
    let texts: BTreeMap<&str, &str> =
        files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let validator = Validator::new(schema.clone());
    let result = validator.validate_with_level(all, ValidationMode::Strict, 1);
    validation_problems(&result, loaded, &texts)
}

/// Parses one file after checking its depth.
fn parse(file: &str, text: &str) -> Result<PolicySet, Vec<Problem>> {
    depth::check(file, text).map_err(|problem| vec![problem])?;
    PolicySet::from_str(text).map_err(|errors| {
        errors.iter().map(|error| diagnostic_problem(file, text, error)).collect()
    })
}

/// Moves the policies of one file into the whole, under their own ids.
fn take(
    file: &str,
    text: &str,
    set: &PolicySet,
    loaded: &mut Loaded,
    all: &mut PolicySet,
    problems: &mut Vec<Problem>,
) {
    let places = places(text, set);
    let mut policies: Vec<&Policy> = set.policies().collect();
    policies.sort_by_key(|policy| number(policy.id()));
    for policy in policies {
        let annotations: Vec<(&str, &str)> = policy.annotations().collect();
        let json = policy.to_json().unwrap_or_default();
        let line = places.get(&number(policy.id())).copied().unwrap_or(1);
        let Some(authored) = authored(file, line, &annotations, &json, problems) else {
            continue;
        };
        let policy = policy.new_id(PolicyId::new(&authored.id));
        match all.add(policy.clone()) {
            Ok(()) => loaded.policies.push((policy, authored)),
            Err(_) => problems.push(duplicate(&authored)),
        }
    }
    let mut templates: Vec<&Template> = set.templates().collect();
    templates.sort_by_key(|template| number(template.id()));
    for template in templates {
        let line = places.get(&number(template.id())).copied().unwrap_or(1);
        if let Some((template, entry)) = take_template(file, line, template, problems) {
            match all.add_template(template) {
                Ok(()) => loaded.templates.push(entry),
                Err(_) => problems.push(duplicate(&entry.authored)),
            }
        }
    }
}

/// The number that Cedar gives a policy of a file: they count from its beginning.
fn number(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.strip_prefix("policy").and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

/// The lines at which the policies of a file begin, by their numbers.
///
/// Cedar keeps a policy's text as written; each is looked for behind the one before it, so that a
/// file of a thousand policies is gone through once.
fn places(text: &str, set: &PolicySet) -> HashMap<usize, usize> {
    let policies = set.policies().map(|one| (number(one.id()), one.to_string()));
    let templates = set.templates().map(|one| (number(one.id()), one.to_string()));
    let mut sources: Vec<(usize, String)> = policies.chain(templates).collect();
    sources.sort();
    let (mut from, mut line) = (0, 1);
    let mut places = HashMap::new();
    for (number, source) in sources {
        let source = source.trim();
        let rest = text.get(from..).unwrap_or_default();
        let Some(at) = rest.find(source) else { continue };
        line += rest.get(..at).unwrap_or_default().matches('\n').count();
        places.insert(number, line);
        line += source.matches('\n').count();
        from += at + source.len();
    }
    places
}

/// One template under its own id, with what its links need.
fn take_template(
    file: &str,
    line: usize,
    template: &Template,
    problems: &mut Vec<Problem>,
) -> Option<(Template, Parsed)> {
    let annotations: Vec<(&str, &str)> = template.annotations().collect();
    let json = template.to_json().unwrap_or_default();
    let authored = authored(file, line, &annotations, &json, problems)?;
    let find = |name| annotations.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let has_resource = facts::has_slot(&json, "?resource");
    let binds = match (find("binds"), has_resource) {
        (Some("zone"), true) => Binds::Zone,
        (Some("domain"), true) => Binds::Domain,
        (Some("name"), true) => Binds::Name,
        (None, false) => Binds::Nothing,
        _ => {
            problems.push(
                Problem::new(
                    file,
                    format!("template `{}` does not say what `?resource` is", authored.id),
                )
                .at(authored.line)
                .help("add `@binds(\"zone\")`, `@binds(\"domain\")` or `@binds(\"name\")`"),
            );
            return None;
        }
    };
    if !facts::has_slot(&json, "?principal") {
        problems.push(
            Problem::new(file, format!("template `{}` has no `?principal`", authored.id))
                .at(authored.line)
                .help("a template is linked to one key: write `principal == ?principal`"),
        );
        return None;
    }
    let grants = find("grant").unwrap_or(&authored.id).split(',').map(|one| one.trim().to_owned());
    let slots = Slots { grants: grants.collect(), binds };
    let entry = Parsed { slots, json, text: template.to_string(), authored };
    Some((template.new_id(PolicyId::new(&entry.authored.id)), entry))
}

/// Reads a policy's annotations; reports what is missing or unknown.
fn authored(
    file: &str,
    line: usize,
    annotations: &[(&str, &str)],
    json: &serde_json::Value,
    problems: &mut Vec<Problem>,
) -> Option<Authored> {
    let mut known = true;
    for (name, _) in annotations {
        if !ANNOTATIONS.contains(name) {
            let problem = Problem::new(file, format!("unknown annotation `@{name}`")).at(line);
            let near = near_annotation(name).map(|near| format!("did you mean `@{near}`? "));
            let help = format!(
                "{}known annotations: @{}",
                near.unwrap_or_default(),
                ANNOTATIONS.join(", @")
            );
            problems.push(problem.help(help));
            known = false;
        }
    }
    let find = |name| annotations.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let id = find("id").unwrap_or_default();
    if id.is_empty()
        || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    {
        let message = if id.is_empty() {
            "a policy has no `@id`"
        } else {
            "an `@id` has other characters than letters, digits, `-`, `_` and `.`"
        };
        problems.push(
            Problem::new(file, message)
                .at(line)
                .help("begin the policy with `@id(\"a-short-name\")`; logs and tables name it"),
        );
        return None;
    }
    known.then(|| Authored {
        id: id.to_owned(),
        doc: find("doc").unwrap_or_default().to_owned(),
        file: file.to_owned(),
        line,
        allow: find("allow_lint").unwrap_or_default().to_owned(),
        mentions: facts::mentions(json),
    })
}

/// The annotation that a misspelt one was meant to be.
fn near_annotation(name: &str) -> Option<&'static str> {
    crate::problem::nearest(name, ANNOTATIONS.into_iter())
}

/// The problem of two policies with one id.
fn duplicate(authored: &Authored) -> Problem {
    Problem::new(&authored.file, format!("a second policy has the `@id` `{}`", authored.id))
        .at(authored.line)
        .help("ids are unique over all files, because decisions name them")
}

/// Errors and warnings of the validator, with the file and line of their policy.
fn validation_problems(
    result: &ValidationResult,
    loaded: &Loaded,
    texts: &BTreeMap<&str, &str>,
) -> Vec<Problem> {
    let policies = loaded.policies.iter().map(|(_, authored)| authored);
    let templates = loaded.templates.iter().map(|template| &template.authored);
    let by_id: HashMap<&str, &Authored> =
        policies.chain(templates).map(|authored| (authored.id.as_str(), authored)).collect();
    let place = |id: &PolicyId| by_id.get::<str>(id.as_ref()).copied();
    let report = |id: &PolicyId, diagnostic: &dyn Diagnostic| match place(id) {
        Some(authored) => {
            let text = texts.get(authored.file.as_str()).copied().unwrap_or_default();
            let mut problem = diagnostic_problem(&authored.file, text, diagnostic);
            problem.line = problem.line.or(Some(authored.line));
            problem
        }
        None => diagnostic_problem("policies", "", diagnostic),
    };
    let errors = result.validation_errors().map(|error| report(error.policy_id(), error));
    let warnings = result.validation_warnings().map(|warning| report(warning.policy_id(), warning));
    errors.chain(warnings).collect()
}

/// A Cedar diagnostic as a problem: message, line of its first label, help.
fn diagnostic_problem(file: &str, text: &str, diagnostic: &dyn Diagnostic) -> Problem {
    let message = diagnostic.to_string().replace('\n', " ");
    let mut problem = Problem::new(file, message);
    if let Some(label) = diagnostic.labels().and_then(|mut labels| labels.next()) {
        problem = problem.at_offset(text, label.offset());
    }
    if let Some(help) = diagnostic.help() {
        problem = problem.help(help.to_string());
    }
    problem
}
