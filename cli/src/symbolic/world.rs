//! What the solver must know of a bundle besides its policies: lists, networks, patterns, routes.
//!
//! A bundle cannot be shared between threads; this can, and it can stand for two bundles that are
//! compared. Where both define one name differently (a network has other ranges), the name of the
//! first gets a mark, so that the two are two to the solver.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::pattern::Reads;
use zonegate_engine::policy::Lists;

use super::shape::{Shape, shape};

/// What marks a name of the first of two bundles that the second one defines differently.
const BEFORE: &str = " (before)";

/// A named pattern, as far as the solver knows it.
#[derive(Clone, Debug)]
pub(crate) struct KnownPattern {
    /// Which text it reads.
    pub(crate) reads: Reads,
    /// What its expression says in `like`s.
    pub(crate) shape: Shape,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownRoute {
    /// Its provider.
    pub(crate) provider: String,
    /// Its HTTP method.
    pub(crate) method: String,
}

/// Names of one bundle that stand for something else in another, as type and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renamed(BTreeSet<(&'static str, String)>);

impl Renamed {
    /// The name that the solver knows.
    pub(crate) fn name(&self, kind: &str, name: &str) -> String {
        let is_renamed = self.0.iter().any(|(one, other)| *one == kind && other == name);
        if is_renamed { format!("{name}{BEFORE}") } else { name.to_owned() }
    }

    /// A policy with the names that the solver knows.
    pub(crate) fn policy(&self, policy: &Value) -> Value {
        let mut policy = policy.clone();
        if !self.0.is_empty() {
            let mut pending = vec![&mut policy];
            while let Some(value) = pending.pop() {
                self.node(value);
                match value {
                    Value::Object(object) => pending.extend(object.values_mut()),
                    Value::Array(items) => pending.extend(items),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                }
            }
        }
        policy
    }

    /// Renames one node, if it is an entity.
    fn node(&self, value: &mut Value) {
        let Some(object) = value.as_object_mut() else { return };
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let (Some(kind), Some(id)) = (text("type"), text("id")) else { return };
        let name = self.name(kind, id);
        if name != id {
            object.insert("id".to_owned(), Value::from(name));
        }
    }
}

/// One bundle, or two that are compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// The closed lists of both.
    pub(crate) lists: Lists,
    /// The ranges of each network.
    pub(crate) networks: BTreeMap<String, Vec<String>>,
    /// The patterns by name.
    pub(crate) patterns: BTreeMap<String, KnownPattern>,
    /// The routes by their path.
    pub(crate) routes: BTreeMap<String, KnownRoute>,
}

impl World {
    /// The world of one bundle.
    pub(crate) fn of(bundle: &Bundle) -> World {
        let mut world = World::default();
        world.add(bundle, &Renamed::default());
        world
    }

    /// The world of two bundles, and what the names of the first are in it.
    pub(crate) fn of_two(before: &Bundle, after: &Bundle) -> (World, Renamed) {
        let renamed = differing(before, after);
        let mut world = World::default();
        world.add(before, &renamed);
        world.add(after, &Renamed::default());
        (world, renamed)
    }

    /// Adds what a bundle defines.
    fn add(&mut self, bundle: &Bundle, renamed: &Renamed) {
        let lists = &bundle.lists;
        let rename = |kind: &str, names: &[String]| -> Vec<String> {
            names.iter().map(|name| renamed.name(kind, name)).collect()
        };
        merge(&mut self.lists.roles, &lists.roles);
        merge(&mut self.lists.routes, &lists.routes);
        merge(&mut self.lists.patterns, &rename("Pattern", &lists.patterns));
        merge(&mut self.lists.networks, &rename("Network", &lists.networks));
        merge(&mut self.lists.windows, &rename("Window", &lists.windows));
        for network in bundle.networks.iter() {
            let ranges = network.ranges.iter().map(ToString::to_string).collect();
            self.networks.insert(renamed.name("Network", &network.name), ranges);
        }
        for pattern in bundle.patterns.iter() {
            let known = KnownPattern { reads: pattern.reads(), shape: shape(pattern.regex()) };
            self.patterns.insert(renamed.name("Pattern", pattern.name()), known);
        }
        for provider in bundle.providers() {
            for route in provider.routes() {
                let method = route.pattern().split(' ').next().unwrap_or_default();
                let known =
                    KnownRoute { provider: provider.name().to_owned(), method: method.to_owned() };
                self.routes.insert(format!("{}/{}", provider.name(), route.id()), known);
            }
        }
    }
}

/// Adds the names that are not there yet.
fn merge(names: &mut Vec<String>, more: &[String]) {
    let new = more.iter().filter(|name| !names.contains(name)).cloned();
    let new: Vec<String> = new.collect();
    names.extend(new);
}

/// The names that two bundles define differently.
fn differing(before: &Bundle, after: &Bundle) -> Renamed {
    let mut renamed = BTreeSet::new();
    for old in before.networks.iter() {
        let new = after.networks.iter().find(|one| one.name == old.name);
        if new.is_some_and(|new| new.ranges != old.ranges) {
            renamed.insert(("Network", old.name.clone()));
        }
    }
    for old in before.patterns.iter() {
        let new = after.patterns.iter().find(|one| one.name() == old.name());
        if new.is_some_and(|new| (new.reads(), new.regex()) != (old.reads(), old.regex())) {
            renamed.insert(("Pattern", old.name().to_owned()));
        }
    }
    for old in before.windows.iter() {
        let new = after.windows.iter().find(|one| one.name == old.name);
        if new.is_some() && !before.windows.is_alike(&after.windows, &old.name) {
            renamed.insert(("Window", old.name.clone()));
        }
    }
    Renamed(renamed)
}
