//! What a request that cannot happen teaches the solver.
//!
//! The solver knows names as texts. Where its request has a name that does not end in its zone,
//! or matches no expression that it says it matches, what is true of these very texts is told it,
//! and it is asked again. Each lesson is true of every request, so nothing is lost by it.

use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::{Action, ResourceKind};
use zonegate_engine::pattern::{Patterns, Subject};

use crate::symbolic::{Model, entity, quoted};

/// What is true of the texts of a request of the solver's.
pub(crate) fn lessons(action: Action, model: &Model, patterns: &Patterns) -> Vec<String> {
    if action.kind() == ResourceKind::Account {
        return Vec::new();
    }
    let mut lessons = Vec::new();
    let zone = model.zone.as_deref().unwrap_or_default();
    spelling("zone", zone, &mut lessons);
    if action.kind() == ResourceKind::Record {
        let name = model.name.as_deref().unwrap_or_default();
        let relative = model.relative.as_deref().unwrap_or_default();
        spelling("name", name, &mut lessons);
        if relative != "@" {
            spelling("relative", relative, &mut lessons);
        }
        spelling("leftmost", model.leftmost.as_deref().unwrap_or_default(), &mut lessons);
        place(zone, name, relative, &mut lessons);
        matches(model, patterns, &mut lessons);
    }
    lessons
}

/// That a text is no name, if it is none: no name has its odd character.
fn spelling(attribute: &str, text: &str, lessons: &mut Vec<String>) {
    let is_name = Name::parse(text, NameForm::Fqdn).is_ok_and(|name| name.as_str() == text);
    // The root has no leftmost label.
    if is_name || (attribute == "leftmost" && text.is_empty()) {
        return;
    }
    lessons.push(format!("resource.{attribute} != {}", quoted(text)));
    let odd = |c: &char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.*".contains(*c));
    if let Some(odd) = text.chars().find(odd) {
        let like = crate::symbolic::like(&[None, Some(odd.to_string()), None]);
        lessons
            .push(format!("!(resource.{attribute} like {like}) || resource.{attribute} == \"@\""));
    }
}

/// How zone, name and relative name belong together.
fn place(zone: &str, name: &str, relative: &str, lessons: &mut Vec<String>) {
    let (zone_is, name_is, relative_is) = (
        format!("resource.zone == {}", quoted(zone)),
        format!("resource.name == {}", quoted(name)),
        format!("resource.relative == {}", quoted(relative)),
    );
    let parse = |text: &str| Name::parse(text, NameForm::Fqdn).ok();
    let (in_zone, owner) = (parse(zone), parse(name));
    if let Some(zone) = in_zone.as_ref().filter(|zone| !zone.is_root()) {
        let below = crate::symbolic::like(&[None, Some(format!(".{zone}"))]);
        lessons.push(format!(
            "!({zone_is}) || resource.name == {} || resource.name like {below}",
            quoted(zone.as_str())
        ));
        if let Ok(whole) = Name::parse_relative(relative, zone, "@") {
            lessons.push(format!(
                "!({zone_is} && {relative_is}) || resource.name == {}",
                quoted(whole.as_str())
            ));
        }
    }
    if let Some(owner) = &owner {
        lessons.push(format!(
            "!({name_is}) || (resource.leftmost == {} && resource.wildcard == {})",
            quoted(owner.leftmost()),
            owner.is_wildcard()
        ));
        let within = in_zone
            .as_ref()
            .and_then(|zone| Some((owner.relative_to(zone)?, owner.depth_below(zone)?)));
        if let Some((relative, depth)) = within {
            lessons.push(format!(
                "!({zone_is} && {name_is}) || (resource.relative == {} && resource.depth == {depth})",
                quoted(&relative)
            ));
        }
    }
    if relative != "@"
        && let Some(labels) = parse(relative)
    {
        lessons.push(format!(
            "!({relative_is}) || (resource.leftmost == {} && resource.depth == {})",
            quoted(labels.leftmost()),
            labels.labels().count()
        ));
    }
}

/// Which expressions the texts match.
fn matches(model: &Model, patterns: &Patterns, lessons: &mut Vec<String>) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (relative, name) = (text(&model.relative), text(&model.name));
    let subject = Subject { relative: &relative, name: &name, value: model.value.as_deref() };
    for pattern in patterns.iter() {
        let of_text = match pattern.reads() {
            zonegate_engine::pattern::Reads::Relative => {
                format!("resource.relative == {}", quoted(&relative))
            }
            zonegate_engine::pattern::Reads::Name => {
                format!("resource.name == {}", quoted(&name))
            }
            zonegate_engine::pattern::Reads::Value => match &model.value {
                Some(value) => {
                    format!("(resource has value && resource.value == {})", quoted(value))
                }
                None => continue,
            },
        };
        let is_in = format!("(resource in {})", entity("Pattern", pattern.name()));
        let matches = pattern.matches(&subject);
        lessons.push(format!("!({of_text}) || {is_in} == {matches}"));
    }
}
