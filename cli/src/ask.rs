//! Asking a bundle about single operations, as a session would ask.
//!
//! Commands that explain, compare, draw and prove all end here: a [`Probe`] is everything that a
//! decision depends on, in the author's words, and [`Probe::decide`] is what the gate would say.
//!
//! # What this does not do
//! It reads no request: what a request means is `explain`'s business.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::decision::Reason;
use zonegate_engine::key::Key;
use zonegate_engine::network::canonical_ip;
use zonegate_engine::operation::{Action, Operation, OperationError, Resource, ResourceKind};
use zonegate_engine::policy::{
    AccountId, Asking, Circumstances, Explained, Policies, Subject, Verdict,
};
use zonegate_engine::provider::Provider;
use zonegate_engine::record_type::RecordType;
use zonegate_engine::request::Method;

use crate::nearest::hint;

/// How an operation on a zone is written.
const ZONE_EXAMPLE: &str = "`zone.read example.com`";
/// How one on a record is written.
const RECORD_EXAMPLE: &str = "`record.create example.com www.example.com A \"192.0.2.1\"`";

/// From where, when and at which account somebody asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scene {
    /// The account that is asked.
    pub(crate) account: AccountId,
    /// The client's address.
    pub(crate) from: IpAddr,
    /// The time.
    pub(crate) at: Timestamp,
    /// Whether the client's connection is encrypted.
    pub(crate) tls: bool,
}

/// The request that an operation is a part of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Way {
    /// The HTTP method.
    pub(crate) method: &'static str,
    /// The route, as `provider/route`.
    pub(crate) route: String,
    /// How many operations the request means.
    pub(crate) operations: usize,
}

impl Way {
    /// The way by which an action is usually asked for: the first route that declares it; else the
    /// one that changes records, whose meaning stands in its body.
    pub(crate) fn usual(provider: &Provider, action: Action) -> Way {
        let routes = provider.routes();
        // Records are read by reading their zone.
        let action = if action == Action::RecordRead { Action::ZoneRead } else { action };
        let found = routes
            .iter()
            .find(|route| route.actions().contains(&action))
            .or_else(|| routes.iter().find(|route| route.pattern().starts_with("PATCH ")))
            // One whose meaning stands in its body; policies know no route that does not exist.
            .or_else(|| routes.iter().find(|route| route.actions().is_empty()))
            .or_else(|| routes.first());
        let id = found.map_or("unknown", |route| route.id());
        let method = found.and_then(|route| method_of(route.pattern()));
        Way {
            method: method.unwrap_or("GET"),
            route: format!("{}/{id}", provider.name()),
            operations: 1,
        }
    }

    /// The way by this route, given as `provider/route`.
    pub(crate) fn by(bundle: &Bundle, route: &str) -> Option<Way> {
        let (provider, id) = route.split_once('/')?;
        let found = bundle.provider(provider)?.routes().iter().find(|one| one.id() == id)?;
        let method = method_of(found.pattern())?;
        Some(Way { method, route: route.to_owned(), operations: 1 })
    }
}

/// The method of a route's pattern: `GET /zones`.
fn method_of(pattern: &str) -> Option<&'static str> {
    let (method, _) = pattern.split_once(' ')?;
    Method::parse(method.as_bytes()).map(Method::as_str)
}

/// Everything that a decision depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Probe {
    /// The id of the key that asks.
    pub(crate) key: String,
    /// From where, when, at which account.
    pub(crate) scene: Scene,
    /// By which request.
    pub(crate) way: Way,
    /// What for.
    pub(crate) operation: Operation,
}

impl Probe {
    /// What the gate would say: the key, then the operation, and the right to own a wildcard where
    /// it writes one.
    pub(crate) fn decide(&self, bundle: &Bundle) -> Verdict {
        Inquiry::of(bundle, &self.key, &self.scene, &self.way).decide(&self.operation)
    }

    /// What the gate would say to this key, whether the bundle has it or not.
    ///
    /// INVARIANT: policies remember keys by their ids, so a key that is made up has an id of its
    /// own.
    pub(crate) fn decide_as(&self, bundle: &Bundle, key: &Key) -> Verdict {
        Inquiry::of_key(bundle, Some(key), &self.scene, &self.way).decide(&self.operation)
    }

    /// The `zonegate explain` arguments that ask the same.
    pub(crate) fn explain_arguments(&self) -> String {
        let Scene { account, from, at, tls } = &self.scene;
        let plain = if *tls { "" } else { " --plain" };
        let quoted = format!("'{}'", self.operation.to_string().replace('\'', r"'\''"));
        let cost = match self.way.operations {
            1 => String::new(),
            number => format!(" --cost {number}"),
        };
        format!(
            "--key {} --account {} --from {from} --at {at}{plain} --route {}{cost} --operation {quoted}",
            self.key,
            account.path(),
            self.way.route,
        )
    }
}

/// One key in one scene, by one way: ready to be asked about many operations.
///
/// What does not depend on the operation is worked out once, so that searches can ask hundreds of
/// thousands of questions. A bundle that holds requests against the schema ([`Bundle::load_checked`])
/// answers them several times more slowly, and not otherwise, than [`Bundle::load`]'s.
#[derive(Debug)]
pub(crate) struct Inquiry<'b> {
    /// Who decides.
    bundle: &'b Bundle,
    /// What operations are asked with, or why the key may not ask at all.
    asking: Result<Asking, Reason>,
}

impl<'b> Inquiry<'b> {
    /// Prepares the questions of a key.
    pub(crate) fn of(bundle: &'b Bundle, key: &str, scene: &Scene, way: &Way) -> Inquiry<'b> {
        Inquiry::of_key(bundle, bundle.keys.by_id(key), scene, way)
    }

    /// The same for a key itself, whether the bundle has it or not ([`Probe::decide_as`]).
    pub(crate) fn of_key(
        bundle: &'b Bundle,
        key: Option<&Key>,
        scene: &Scene,
        way: &Way,
    ) -> Inquiry<'b> {
        let prepare = || {
            let key = key.ok_or(Reason::UnknownKey)?;
            key.check(scene.at)?;
            if !key.serves(&scene.account.path()) {
                return Err(Reason::UnknownKey);
            }
            asking(bundle, key, scene, way).ok_or(Reason::Internal)
        };
        Inquiry { bundle, asking: prepare() }
    }

    /// What the gate would say to an operation.
    pub(crate) fn decide(&self, operation: &Operation) -> Verdict {
        let asking = match &self.asking {
            Ok(asking) => asking,
            Err(reason) => return Verdict::Deny(*reason, Vec::new()),
        };
        let mut by = Vec::new();
        for operation in meant(operation) {
            match self.bundle.policies.decide(&self.bundle.patterns, asking, &operation) {
                Verdict::Allow(ids) => by.extend(ids),
                denied @ Verdict::Deny(..) => return denied,
            }
        }
        by.sort_unstable();
        by.dedup();
        Verdict::Allow(by)
    }

    /// The same, without evaluating anything where no permit's scope fits: then the policies that
    /// forbid it as well are not named.
    pub(crate) fn decide_quickly(&self, operation: &Operation) -> Verdict {
        if self.could_allow(operation) {
            return self.decide(operation);
        }
        Verdict::Deny(Reason::NoPolicyAllows, Vec::new())
    }

    /// Whether some permit's scope fits an operation; what is not known to be hopeless counts.
    pub(crate) fn could_allow(&self, operation: &Operation) -> bool {
        let could = |asking| self.bundle.policies.could_allow(asking, operation);
        self.asking.as_ref().map_or(true, could)
    }

    /// Whether a policy that could decide an operation reads the record's value.
    pub(crate) fn reads_values(&self, operation: &Operation) -> bool {
        let reads =
            |asking| self.bundle.policies.reads_values(&self.bundle.patterns, asking, operation);
        self.asking.as_ref().is_ok_and(reads)
    }

    /// Each policy's part in a decision; nothing where the key may not ask.
    pub(crate) fn explain(&self, operation: &Operation) -> Vec<Explained> {
        let Ok(asking) = &self.asking else { return Vec::new() };
        self.bundle.policies.explain(&self.bundle.patterns, asking, operation)
    }
}

/// One line, for people.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scene { account, from, at, tls } = &self.scene;
        let plain = if *tls { "" } else { ", unencrypted" };
        let account = account.path();
        write!(f, "{}: {} at {account} from {from} at {at}{plain}", self.key, self.operation)
    }
}

/// What an operation is decided as: writing at a wildcard name asks for its own action too.
pub(crate) fn meant(operation: &Operation) -> Vec<Operation> {
    let writes = matches!(operation.action, Action::RecordCreate | Action::RecordDelete);
    let wildcard = operation.as_record().is_some_and(|record| record.name.is_wildcard());
    let mut all = vec![operation.clone()];
    if writes && wildcard {
        let resource: Resource = operation.resource.clone();
        all.push(Operation { action: Action::RecordWildcard, resource });
    }
    all
}

/// What operations are asked with.
pub(crate) fn asking(bundle: &Bundle, key: &Key, scene: &Scene, way: &Way) -> Option<Asking> {
    let subject = bundle.policies.subject(&scene.account, key)?;
    asking_by(&bundle.policies, bundle, &subject, scene, way)
}

/// The same for a key as it is not in the bundle: with another role, say.
pub(crate) fn asking_as(bundle: &Bundle, key: &Key, scene: &Scene, way: &Way) -> Option<Asking> {
    asking_by(&bundle.policies, bundle, &bundle.policies.supposed(key)?, scene, way)
}

/// What operations are asked with, of other policies than the bundle's own.
pub(crate) fn asking_of(
    policies: &Policies,
    bundle: &Bundle,
    key: &Key,
    scene: &Scene,
    way: &Way,
) -> Option<Asking> {
    asking_by(policies, bundle, &policies.subject(&scene.account, key)?, scene, way)
}

/// What a key's operations are asked with.
fn asking_by(
    policies: &Policies,
    bundle: &Bundle,
    subject: &Rc<Subject>,
    scene: &Scene,
    way: &Way,
) -> Option<Asking> {
    let client_ip = canonical_ip(scene.from);
    let networks = bundle.networks.containing(client_ip);
    let facts = Circumstances {
        client_ip,
        networks: networks.into_iter().map(str::to_owned).collect(),
        clock: bundle.clock(scene.at)?,
        tls: scene.tls,
        method: way.method,
        route: way.route.clone(),
        operations: way.operations,
    };
    policies.asking(subject, &scene.account, &facts)
}

/// Reads `provider/account`; the provider must exist.
pub(crate) fn account(bundle: &Bundle, text: &str) -> Result<AccountId, String> {
    let (provider, account) = text
        .split_once('/')
        .filter(|(_, account)| !account.is_empty())
        .ok_or_else(|| format!("`{text}` is not `provider/account`"))?;
    if bundle.provider(provider).is_none() {
        let names = bundle.providers().iter().map(Provider::name);
        let hint = hint(provider, names);
        return Err(format!("there is no provider `{provider}`{hint}; see `zonegate routes`"));
    }
    Ok(AccountId { provider: provider.to_owned(), account: account.to_owned() })
}

/// The key with this id.
pub(crate) fn key<'b>(bundle: &'b Bundle, id: &str) -> Result<&'b Key, String> {
    bundle.keys.by_id(id).ok_or_else(|| {
        let ids: Vec<&str> = bundle.keys.iter().map(|key| key.id.as_str()).take(20).collect();
        let more = if bundle.keys.len() > ids.len() { ", ..." } else { "" };
        let all: Vec<&str> = bundle.keys.iter().map(|key| key.id.as_str()).collect();
        let hint = hint(id, all.into_iter());
        format!("keys.toml has no key `{id}`{hint}; it has {}{more}", ids.join(", "))
    })
}

/// Reads an operation in the form of logs: `record.create example.com www.example.com A "192.0.2.1"`.
pub(crate) fn operation(text: &str) -> Result<Operation, String> {
    Operation::parse(text).map_err(|error| {
        let more = match &error {
            OperationError::NotAnAction(word) => {
                let all: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
                let hint = hint(word, all.iter().copied());
                format!("{hint}; the actions are {}", all.join(", "))
            }
            OperationError::Missing("record type")
            | OperationError::NotAName(..)
            | OperationError::Outside(..) => String::new(),
            OperationError::Missing(_) => {
                let action = text.split(' ').next().and_then(Action::from_name);
                let example = match action.map(Action::kind) {
                    Some(ResourceKind::Record) => RECORD_EXAMPLE,
                    Some(ResourceKind::Zone | ResourceKind::Account) | None => ZONE_EXAMPLE,
                };
                format!("; write it like {example}")
            }
            OperationError::NotAType(word, _) => {
                hint(word, RecordType::ALL_NAMED.iter().map(|(name, _)| *name))
            }
        };
        format!("--operation `{text}`: {error}{more}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_read_as_they_are_printed() {
        for text in [
            "zone.list",
            "zone.read example.com",
            "metadata.write example.com \"ALLOW-AXFR-FROM\"",
            "record.delete example.com www.example.com A",
            "record.create example.com example.com TXT \"\\\"a b\\\"\"",
        ] {
            assert_eq!(operation(text).unwrap().to_string(), text);
        }
        let bare = operation("record.create example.com www.example.com A 192.0.2.1").unwrap();
        assert!(bare.to_string().ends_with("A \"192.0.2.1\""));
        assert!(operation("search").unwrap().zone_name().is_none());
    }

    #[test]
    fn what_is_no_operation_is_refused_in_words() {
        for (text, part) in [
            (
                "record.make example.com",
                "`record.make` is not an action; the actions are zone.list",
            ),
            ("zone.read", "no zone; write it like"),
            ("zone.read example.com.", "zone `example.com.`"),
            ("record.read example.com example.org A", "example.org is not in the zone example.com"),
            ("record.read example.com example.com ANY", "record.read example.com example.com ANY"),
        ] {
            let error = operation(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
