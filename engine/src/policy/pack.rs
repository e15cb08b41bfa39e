//! From checked policies to the form that a bundle has them in.

use std::collections::BTreeMap;
use std::rc::Rc;

use cedar_policy::{Effect, Policy};
use serde_json::Value;

use super::entry::Entry;
use super::load::{self, Loaded, Parsed};
use super::names::Types;
use super::packed::{Packed, Slots};
use super::scope::Scope;
use super::scoping::Groups;
use super::{Lists, Policies, entities, enumerated, facts, spelling, written};
use crate::problem::Problem;
use crate::rows::Rows;

/// Policies as a bundle has them: what is known of each, and the text of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packing {
    /// What is known of each.
    pub(crate) policies: Vec<Packed>,
    /// The text of each.
    pub(crate) texts: Rows,
}

impl Policies {
    /// Parses policy files, given as name and text, without holding them against a schema.
    pub fn parse(files: &[(String, String)]) -> Result<Policies, Vec<Problem>> {
        let (loaded, _, problems) = load::parse_all(files);
        if !problems.is_empty() {
            return Err(problems);
        }
        let Packing { policies, texts } = packing(&loaded)?;
        Policies::load(policies, texts)
    }

    /// Loads policy files, given as name and text, and validates them; returns every problem.
    ///
    /// Requests to what this returns are held against the schema, too.
    pub fn check(files: &[(String, String)], lists: &Lists) -> Result<Policies, Vec<Problem>> {
        Policies::check_and_pack(files, lists).map(|(policies, _)| policies)
    }

    /// The same, with the packed form of the policies.
    pub(crate) fn check_and_pack(
        files: &[(String, String)],
        lists: &Lists,
    ) -> Result<(Policies, Packing), Vec<Problem>> {
        let schema = lists.schema().map_err(|problem| vec![problem])?;
        let (loaded, all, problems) = load::parse_all(files);
        let problems = problems.into_iter().map(|one| spelling::at_its_line(one, files));
        let mut problems: Vec<Problem> = problems.collect();
        // What could be parsed is validated all the same, so that one round shows all problems.
        let found = load::validate(files, &loaded, &all, &schema).into_iter();
        problems.extend(found.map(|problem| enumerated::with_nearest(problem, lists)));
        problems.extend(spelling::problems(files, &loaded, lists));
        problems.extend(written::allow_problems(&loaded));
        if !problems.is_empty() {
            return Err(problems);
        }
        let packing = packing(&loaded)?;
        let policies = Policies::load(packing.policies.clone(), packing.texts.clone())?;
        for (entry, (policy, _)) in policies.entries.iter().zip(loaded.policies) {
            entry.keep(policy);
        }
        Ok((Policies { schema: Some(schema), ..policies }, packing))
    }

    /// What is wrong with the packed form of these policies: each must be parsed as it was, and
    /// what was noted of it must be so.
    ///
    /// SECURITY: a filter believes the notes, so nothing is delivered that was not held against
    /// them (test `a_bundle_whose_notes_are_wrong_is_refused`).
    pub(crate) fn untrue_notes(&self) -> Vec<Problem> {
        let groups = groups();
        let untrue = |entry: &&Rc<Entry>| match (entry.policy(), &groups) {
            (Some(policy), Some(groups)) => {
                let mentions = policy.to_json().map(|json| facts::mentions(&json));
                let permits = policy.effect() == Effect::Permit;
                Scope::of(policy, groups) != entry.scope
                    || mentions.ok().as_ref() != Some(&entry.authored.mentions)
                    || permits != entry.permits
            }
            _ => true,
        };
        let entries = self.entries.iter().filter(untrue).map(|entry| &entry.authored);
        let templates = self.templates.iter().filter(|template| {
            let noted = template.json().zip(groups.as_ref()).and_then(|(json, groups)| {
                let (permits, scope) = blank(json, &template.slots, groups)?;
                let same = permits == template.permits && scope == template.scope;
                Some(same && facts::mentions(json) == template.authored.mentions)
            });
            noted != Some(true)
        });
        let all = entries.chain(templates.map(|template| &template.authored));
        all.map(|authored| {
            let message = format!("the packed form of `{}` is not what was written", authored.id);
            Problem::new(&authored.file, message).at(authored.line)
        })
        .collect()
    }
}

/// The packed form of what was loaded.
fn packing(loaded: &Loaded) -> Result<Packing, Vec<Problem>> {
    let message = "they are too large, or Cedar cannot print them";
    pack(loaded).ok_or_else(|| vec![Problem::new("policies", message)])
}

/// Which actions each group stands for; `None` never happens, and would refuse the folder.
fn groups() -> Option<Groups> {
    Some(Groups::of(&entities::actions(&Types::parse()?)?))
}

/// Packs what was loaded.
fn pack(loaded: &Loaded) -> Option<Packing> {
    let groups = groups()?;
    let policies = loaded.policies.iter().map(|(policy, authored)| {
        let packed = Packed {
            authored: authored.clone(),
            permits: policy.effect() == Effect::Permit,
            scope: Scope::of(policy, &groups),
            slots: None,
        };
        Some((packed, policy.to_string()))
    });
    let templates = loaded.templates.iter().map(|template| packed_template(template, &groups));
    let all = policies.chain(templates).collect::<Option<Vec<(Packed, String)>>>()?;
    let (policies, texts): (Vec<Packed>, Vec<String>) = all.into_iter().unzip();
    Some(Packing { policies, texts: Rows::pack(&texts)? })
}

/// Packs a template.
fn packed_template(template: &Parsed, groups: &Groups) -> Option<(Packed, String)> {
    let (permits, scope) = blank(&template.json, &template.slots, groups)?;
    let (authored, slots) = (template.authored.clone(), Some(template.slots.clone()));
    Some((Packed { authored, permits, scope, slots }, template.text.clone()))
}

/// Whether a template permits, and the scope of its link to nobody and nothing.
fn blank(template: &Value, slots: &Slots, groups: &Groups) -> Option<(bool, Scope)> {
    let resource = slots.binds.slot().map(|kind| (kind, "?resource"));
    let json = facts::link(template, ("Key", "?principal"), resource);
    let linked = Policy::from_json(None, json).ok()?;
    Some((linked.effect() == Effect::Permit, Scope::of(&linked, groups)))
}

impl Packing {
    /// The policy files that these would be in, for a bundle that is validated again; their lines
    /// are not those of the folder.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let mut files: BTreeMap<&str, String> = BTreeMap::new();
        for (packed, text) in self.policies.iter().zip(self.texts.iter()) {
            let file = files.entry(&packed.authored.file).or_default();
            file.push_str(&String::from_utf8_lossy(text));
            file.push('\n');
        }
        files.into_iter().map(|(file, text)| (file.to_owned(), text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The JSON forms of policies that were kept as they were parsed, and of those that were packed
    /// and parsed again.
    fn both(text: &str) -> [Vec<Value>; 2] {
        let files = [("p.cedar".to_owned(), text.to_owned())];
        let lists = Lists { roles: vec!["r".to_owned()], ..Lists::default() };
        let kept = Policies::check(&files, &lists).unwrap();
        let packed = Policies::parse(&files).unwrap();
        assert_eq!(packed.untrue_notes(), [], "{text}");
        [kept, packed].map(|one| one.written().into_iter().map(|one| one.json).collect())
    }

    #[test]
    fn a_policy_that_was_packed_says_what_was_written() {
        let long = format!("resource.name like \"{}*\"", "a".repeat(20_000));
        let conditions = [
            "resource.name like \"\\*.a\\u{2a}*\" // a \"comment\" ; };",
            "principal has owner && principal.owner == \"\\\"; } ; forbid(\" // }\n || resource.apex",
            "resource has value && resource.value == \"\\u{1f600}\\0\\t\\\\ // no comment\"",
            "// one\r\n resource.apex // two\r // three\n\n",
            "resource[\"relative\"] == \"@\" || resource.depth == -9223372036854775808",
            "principal.hasTag(\"\\u{e9}\u{e9}\") && !!resource.wildcard",
            "if resource.apex then {\"a b\": 1}[\"a b\"] == 1 else [1, 2,].contains(1)",
            "context.client_ip.isInRange(ip(\"10.0.0.0/8\")) && resource is Record",
            long.as_str(),
        ];
        let mut number = 0;
        for newline in ["\n", "\r\n"] {
            let mut text = String::new();
            for condition in conditions {
                for scope in ["principal in Role::\"r\",", "principal == ?principal,"] {
                    number += 1;
                    text.extend([
                        format!("// @id(\"no\")\n@id(\"p{number}\") // here\n@doc(\"\\\"é;\")"),
                        format!("permit ({scope} action == Action::\"record.read\", resource)"),
                        format!("when {{ {condition}\n }} unless {{ resource.apex }} ; // after\n"),
                    ]);
                }
            }
            let text = text.replace("\r\n", "\n").replace('\n', newline);
            let [kept, packed] = both(&text);
            assert_eq!(kept.len(), 2 * conditions.len());
            assert_eq!(kept, packed);
        }
    }
}
