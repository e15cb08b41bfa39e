//! What is certain of every request, told to the solver in Cedar's own words.
//!
//! To the solver a record is any bundle of attributes: at an apex with a depth of minus one, in
//! no zone. Each condition here is true of every request that the engine can ask about, so adding
//! it loses no request; what is missing here can only make the solver find requests that cannot
//! happen, never miss one that can. `engine/src/policy/seen.rs` and `entities.rs` are where these
//! truths come from, and the test `facts_hold_for_what_the_engine_asks` holds them together.

use zonegate_engine::operation::{Action, ResourceKind};
use zonegate_engine::pattern::Reads;
use zonegate_engine::record_type::RecordType;
use zonegate_engine::session::OPERATIONS_MAX;

use super::mention::{Like, Mentions};
use super::text::{any, entities, entity, like, quoted};
use super::world::World;

/// Attributes that say in different words where a record is.
const PLACE: [&str; 7] = ["zone", "name", "relative", "leftmost", "depth", "apex", "wildcard"];
/// Pairs of literals that are told apart, at the most.
const PAIRS_MAX: usize = 40;

/// The facts that matter to a question with these mentions; `all` adds those that only make an
/// example one that can happen.
pub(super) fn facts(world: &World, action: Action, mentions: &Mentions, all: bool) -> Vec<String> {
    let mut facts = Facts { world, mentions, all, made: Vec::new() };
    facts.context();
    facts.key();
    match action.kind() {
        ResourceKind::Account => facts.account(),
        ResourceKind::Zone => facts.zone(),
        ResourceKind::Record => facts.record(),
    }
    if action == Action::RecordWildcard {
        facts.add("resource.wildcard");
    }
    facts.made
}

/// Facts, as they are collected.
struct Facts<'w> {
    /// What the bundle defines.
    world: &'w World,
    /// What the question mentions.
    mentions: &'w Mentions,
    /// Whether to say more than the answer needs.
    all: bool,
    /// The conditions.
    made: Vec<String>,
}

impl Facts<'_> {
    /// Adds one.
    fn add(&mut self, condition: impl Into<String>) {
        self.made.push(condition.into());
    }

    /// Whether something may turn on an attribute.
    fn reads(&self, attribute: &str) -> bool {
        self.all || self.mentions.reads(attribute)
    }

    /// The circumstances.
    fn context(&mut self) {
        if self.reads("operations") {
            self.add(format!("context.operations >= 1 && context.operations <= {OPERATIONS_MAX}"));
        }
        if self.reads("time_of_day") {
            self.add(
                "context.time_of_day >= duration(\"0ms\") && context.time_of_day < duration(\"1d\")",
            );
        }
        if self.reads("now") || self.reads("expires") {
            self.add(
                "context.now >= datetime(\"2020-01-01\") && context.now < datetime(\"2200-01-01\")",
            );
        }
        if self.reads("networks") || self.reads("client_ip") {
            let networks = &self.world.networks;
            for (name, ranges) in networks {
                let inside: Vec<String> = ranges
                    .iter()
                    .map(|range| format!("context.client_ip.isInRange(ip({}))", quoted(range)))
                    .collect();
                let network = entity("Network", name);
                self.add(format!("context.networks.contains({network}) == {}", any(&inside)));
            }
        }
        let mentioned: Vec<String> = self.mentions.ids("Route").map(str::to_owned).collect();
        for path in mentioned {
            let Some(route) = self.world.routes.get(&path) else { continue };
            let route_is = format!("context.route != {}", entity("Route", &path));
            if self.reads("method") {
                let method = quoted(&route.method);
                self.made.push(format!("{route_is} || context.method == {method}"));
            }
        }
    }

    /// The key.
    fn key(&mut self) {
        if self.reads("networks") {
            self.add("if principal has networks then !(principal.networks.isEmpty()) else true");
        }
        if self.reads("expires") {
            self.add("if principal has expires then context.now < principal.expires else true");
        }
    }

    /// An account.
    fn account(&mut self) {
        for path in self.mentions.ids("Account") {
            let Some((provider, _)) = path.split_once('/') else { continue };
            let (own, provider) = (entity("Account", path), entity("Provider", provider));
            self.made.push(format!("resource != {own} || resource in {provider}"));
        }
        let providers: Vec<&str> = self.mentions.ids("Provider").collect();
        for (at, one) in providers.iter().enumerate() {
            for other in providers.iter().skip(at + 1).take(PAIRS_MAX) {
                let both = [one, other].map(|id| format!("resource in {}", entity("Provider", id)));
                self.made.push(format!("!({})", both.join(" && ")));
            }
        }
        for (path, route) in &self.world.routes {
            if self.mentions.ids("Route").any(|id| id == path) {
                let provider = entity("Provider", &route.provider);
                let route = entity("Route", path);
                self.made.push(format!("context.route != {route} || resource in {provider}"));
            }
        }
    }

    /// What zones and records share: where they are.
    fn place(&mut self) {
        for path in self.mentions.ids("Account") {
            let Some((provider, account)) = path.split_once('/') else { continue };
            let (provider, account) = (quoted(provider), quoted(account));
            let path = entity("Account", path);
            self.made.push(format!(
                "(resource in {path}) == (resource.provider == {provider} && resource.account == {account})"
            ));
        }
        for id in self.mentions.ids("Provider") {
            let (id, text) = (entity("Provider", id), quoted(id));
            self.made.push(format!("(resource in {id}) == (resource.provider == {text})"));
        }
        for (path, route) in &self.world.routes {
            if self.mentions.ids("Route").any(|id| id == path) {
                let provider = quoted(&route.provider);
                let route = entity("Route", path);
                self.made
                    .push(format!("context.route != {route} || resource.provider == {provider}"));
            }
        }
        for zone in self.mentions.ids("Zone") {
            let (zone, text) = (entity("Zone", zone), quoted(zone));
            self.made.push(format!("(resource in {zone}) == (resource.zone == {text})"));
        }
    }

    /// That an attribute is a name.
    fn named(&mut self, attribute: &str) {
        let dots = [".*", "*.", "*..*"].map(|like| format!("resource.{attribute} like \"{like}\""));
        let dots = dots.join(" || ");
        self.add(format!(
            "resource.{attribute} != \"\" && (resource.{attribute} == \".\" || !({dots}))"
        ));
    }

    /// A zone.
    fn zone(&mut self) {
        self.place();
        self.domains("zone");
        if self.reads("zone") || self.mentions.ids("Domain").next().is_some() {
            self.named("zone");
        }
    }

    /// Which domains something is in, by an attribute that is its name.
    fn domains(&mut self, attribute: &str) {
        for domain in self.mentions.ids("Domain") {
            let (own, text) = (entity("Domain", domain), quoted(domain));
            let below = like(&[None, Some(format!(".{domain}"))]);
            let holds = match domain {
                "." => "false".to_owned(),
                _ => {
                    format!("(resource.{attribute} == {text} || resource.{attribute} like {below})")
                }
            };
            self.made.push(format!("(resource in {own}) == {holds}"));
        }
    }

    /// A record.
    fn record(&mut self) {
        self.place();
        self.domains("name");
        for name in self.mentions.ids("Name") {
            let (own, text) = (entity("Name", name), quoted(name));
            self.made.push(format!("(resource in {own}) == (resource.name == {text})"));
        }
        self.add("resource.apex == (resource.depth == 0)");
        self.add("resource.depth >= 0 && resource.depth <= 127");
        if self.is_placed() {
            self.structure();
            self.literals();
            self.prefixes();
        }
        self.types();
        self.values();
        self.patterns();
    }

    /// Whether the words for a record's place matter.
    fn is_placed(&self) -> bool {
        let entities = ["Zone", "Domain", "Name", "Pattern"];
        let read = PLACE.iter().filter(|attribute| self.mentions.reads(attribute)).count();
        let named = entities.iter().filter(|kind| self.mentions.ids(kind).next().is_some()).count();
        self.all || read + named > 0
    }

    /// How the words for a record's place belong together.
    fn structure(&mut self) {
        for attribute in ["name", "zone"] {
            self.named(attribute);
        }
        for fact in [
            "resource.apex == (resource.relative == \"@\")",
            "resource.apex == (resource.name == resource.zone)",
            "resource.wildcard == (resource.name like \"\\**\")",
            "resource.wildcard == (resource.leftmost == \"*\")",
            "resource.apex || resource.wildcard == (resource.relative like \"\\**\")",
            "resource.apex || (resource.depth >= 2) == (resource.relative like \"*.*\")",
            "resource.apex || (resource.depth >= 3) == (resource.relative like \"*.*.*\")",
            "resource.apex || (resource.depth >= 4) == (resource.relative like \"*.*.*.*\")",
            "resource.depth != 1 || resource.relative == resource.leftmost",
            "!(resource.leftmost like \"*.*\")",
            "resource.relative != \"\" && !(resource.relative like \".*\" || resource.relative like \"*.\" || resource.relative like \"*..*\")",
            "resource.zone != \".\" || resource.apex || resource.relative == resource.name",
        ] {
            self.add(fact);
        }
    }

    /// What names that are mentioned say of the other words.
    fn literals(&mut self) {
        let zones: Vec<&str> =
            self.mentions.ids("Zone").chain(self.mentions.texts("zone")).collect();
        for zone in zones.iter().filter(|zone| **zone != ".") {
            let below = like(&[None, Some(format!(".{zone}"))]);
            let zone = quoted(zone);
            self.made.push(format!(
                "resource.zone != {zone} || resource.name == {zone} || resource.name like {below}"
            ));
        }
        let names: Vec<&str> =
            self.mentions.ids("Name").chain(self.mentions.texts("name")).collect();
        for name in names.iter().filter(|name| !name.is_empty()) {
            let first = name.split('.').next().unwrap_or_default();
            let (own, first) = (quoted(name), quoted(first));
            self.made.push(format!("resource.name != {own} || resource.leftmost == {first}"));
        }
        let relatives: Vec<&str> = self.mentions.texts("relative").collect();
        for relative in relatives.iter().filter(|one| !one.is_empty() && **one != "@") {
            let depth = relative.split('.').count();
            let first = quoted(relative.split('.').next().unwrap_or_default());
            let own = quoted(relative);
            self.made.push(format!(
                "resource.relative != {own} || (resource.leftmost == {first} && resource.depth == {depth})"
            ));
        }
        for zone in zones.iter().filter(|zone| **zone != ".").take(PAIRS_MAX) {
            for relative in relatives.iter().filter(|one| **one != "@").take(PAIRS_MAX) {
                let name = quoted(&format!("{relative}.{zone}"));
                let (zone, relative) = (quoted(zone), quoted(relative));
                self.made.push(format!(
                    "resource.zone != {zone} || (resource.relative == {relative}) == (resource.name == {name})"
                ));
            }
        }
    }

    /// What beginnings and ends of names that are mentioned say of the other words.
    fn prefixes(&mut self) {
        for label in self.labels() {
            let behind = like(&[Some(format!("{label}.")), None]);
            let label = quoted(&label);
            self.made.push(format!(
                "(resource.leftmost == {label}) == (resource.name == {label} || resource.name like {behind})"
            ));
            self.made.push(format!(
                "resource.apex || (resource.leftmost == {label}) == (resource.relative == {label} || resource.relative like {behind})"
            ));
        }
        for pattern in self.mentions.likes("zone") {
            let own = like(pattern);
            let below = like(&[&[None], pattern.as_slice()].concat());
            self.made.push(format!(
                "!(resource.zone like {own}) || resource.zone == \".\" || resource.name like {below}"
            ));
        }
        for pattern in self.mentions.likes("relative") {
            let own = like(pattern);
            let before = like(&[pattern.as_slice(), &[Some(".".to_owned()), None]].concat());
            self.made.push(format!(
                "resource.apex || resource.zone == \".\" || !(resource.relative like {own}) || resource.name like {before}"
            ));
        }
        for pattern in self.mentions.likes("leftmost") {
            let own = like(pattern);
            let before = like(&[pattern.as_slice(), &[None]].concat());
            self.made.push(format!(
                "!(resource.leftmost like {own}) || (resource.name like {before} && (resource.apex || resource.relative like {before}))"
            ));
        }
    }

    /// First labels that are compared with, alone or at the beginning of a name.
    fn labels(&self) -> Vec<String> {
        let mut labels: Vec<String> = self.mentions.texts("leftmost").map(str::to_owned).collect();
        let shapes = self.mentions.ids("Pattern").filter_map(|id| self.world.patterns.get(id));
        let shapes = shapes.filter(|pattern| pattern.reads != Reads::Value);
        let shapes = shapes.flat_map(|pattern| &pattern.shape.likes);
        let likes = ["name", "relative"].into_iter().flat_map(|one| self.mentions.likes(one));
        for pattern in shapes.chain(likes) {
            if let Some(Some(text)) = pattern.first()
                && let Some((label, _)) = text.split_once('.')
            {
                labels.push(label.to_owned());
            }
        }
        labels.retain(|label| !label.is_empty() && !label.contains(['.', '*']));
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// Types and their numbers.
    fn types(&mut self) {
        if !self.mentions.reads("type_number") {
            return;
        }
        for (name, number) in RecordType::ALL_NAMED {
            let rtype = entity("RecordType", name);
            self.add(format!("(resource.type == {rtype}) == (resource.type_number == {number})"));
        }
        self.add("resource.type_number >= 0 && resource.type_number <= 65535");
    }

    /// Values and addresses.
    fn values(&mut self) {
        if self.reads("address") {
            let types = entities("RecordType", ["A", "AAAA"].into_iter());
            let v4 = entity("RecordType", "A");
            self.add(format!("!(resource has address) || {types}.contains(resource.type)"));
            self.add("!(resource has address) || resource has value");
            self.add(format!(
                "if resource has address then resource.address.isIpv4() == (resource.type == {v4}) else true"
            ));
        }
    }

    /// Named patterns: what their expressions say for certain.
    fn patterns(&mut self) {
        for id in self.mentions.ids("Pattern") {
            let Some(pattern) = self.world.patterns.get(id) else { continue };
            let attribute = match pattern.reads {
                Reads::Relative => "relative",
                Reads::Name => "name",
                Reads::Value => "value",
            };
            let has = |like_one: &Like| format!("resource.{attribute} like {}", like(like_one));
            let likes: Vec<String> = pattern.shape.likes.iter().map(has).collect();
            let mut shaped = any(&likes);
            if pattern.reads == Reads::Value {
                shaped = format!("(resource has value && {shaped})");
            }
            let own = entity("Pattern", id);
            self.made.push(if pattern.shape.exact {
                format!("(resource in {own}) == {shaped}")
            } else {
                format!("!(resource in {own}) || {shaped}")
            });
        }
    }
}
