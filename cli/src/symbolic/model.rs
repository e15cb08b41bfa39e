//! A request as the solver found it: attributes as they came, whether they fit together or not.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cedar_policy::{Entity, EntityUid, EvalResult};
use cedar_policy_symcc::Env;
use jiff::Timestamp;

/// What the solver says of a request; what it says nothing of is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    /// The key's id.
    pub(crate) key: String,
    /// The key's roles.
    pub(crate) roles: BTreeSet<String>,
    /// The networks that the key lists.
    pub(crate) key_networks: Option<BTreeSet<String>>,
    /// The key's tags.
    pub(crate) tags: Vec<(String, String)>,
    /// The key's owner.
    pub(crate) owner: Option<String>,
    /// When the key expires.
    pub(crate) expires: Option<Timestamp>,
    /// The resource's id.
    pub(crate) resource: String,
    /// `resource.provider`, or the provider that the account is in.
    pub(crate) provider: Option<String>,
    /// `resource.account`.
    pub(crate) account: Option<String>,
    /// `resource.zone`.
    pub(crate) zone: Option<String>,
    /// `resource.metadata`.
    pub(crate) metadata: Option<String>,
    /// `resource.name`.
    pub(crate) name: Option<String>,
    /// `resource.relative`.
    pub(crate) relative: Option<String>,
    /// `resource.leftmost`.
    pub(crate) leftmost: Option<String>,
    /// `resource.depth`.
    pub(crate) depth: Option<i64>,
    /// `resource.wildcard`.
    pub(crate) wildcard: bool,
    /// `resource.type`.
    pub(crate) rtype: Option<String>,
    /// `resource.type_number`.
    pub(crate) type_number: Option<i64>,
    /// `resource.value`.
    pub(crate) value: Option<String>,
    /// `resource.address`.
    pub(crate) address: Option<IpAddr>,
    /// The patterns that the record is in.
    pub(crate) patterns: BTreeSet<String>,
    /// `context.client_ip`.
    pub(crate) from: Option<IpAddr>,
    /// `context.windows`.
    pub(crate) windows: BTreeSet<String>,
    /// `context.now`.
    pub(crate) now: Option<Timestamp>,
    /// `context.weekday`.
    pub(crate) weekday: Option<String>,
    /// `context.time_of_day`, in milliseconds.
    pub(crate) time_of_day_ms: Option<i64>,
    /// `context.date`.
    pub(crate) date: Option<String>,
    /// `context.tls`.
    pub(crate) tls: Option<bool>,
    /// `context.method`.
    pub(crate) method: Option<String>,
    /// `context.route`.
    pub(crate) route: Option<String>,
    /// `context.operations`.
    pub(crate) operations: Option<i64>,
}

impl Model {
    /// Reads what the solver found.
    pub(super) fn read(env: &Env) -> Model {
        let (request, entities) = (&env.request, &env.entities);
        let mut model = Model::default();
        let ancestors = |uid: &EntityUid, kind: &str| -> BTreeSet<String> {
            let all = entities.ancestors(uid).into_iter().flatten();
            { all }.filter(|one| one.type_name().to_string() == kind).map(id).collect()
        };
        if let Some(uid) = request.principal() {
            model.key = id(uid);
            model.roles = ancestors(uid, "Role");
            if let Some(key) = entities.get(uid) {
                model.read_key(key);
            }
        }
        if let Some(uid) = request.resource() {
            model.resource = id(uid);
            model.patterns = ancestors(uid, "Pattern");
            model.provider = ancestors(uid, "Provider").into_iter().next();
            if let Some(resource) = entities.get(uid) {
                model.read_resource(resource);
            }
        }
        if let Some(context) = request.context() {
            let of = |name: &str| context.get(name);
            model.from = of("client_ip").as_ref().and_then(address);
            model.windows = of("windows").as_ref().map(ids).unwrap_or_default();
            model.now = of("now").as_ref().and_then(time);
            model.weekday = of("weekday").as_ref().and_then(uid_id);
            model.time_of_day_ms = of("time_of_day").as_ref().and_then(milliseconds);
            model.date = of("date").as_ref().and_then(text);
            model.tls = of("tls").as_ref().and_then(truth);
            model.method = of("method").as_ref().and_then(text);
            model.route = of("route").as_ref().and_then(uid_id);
            model.operations = of("operations").as_ref().and_then(number);
        }
        model
    }

    /// Reads the key's attributes and tags.
    fn read_key(&mut self, key: &Entity) {
        let of = |name: &str| key.attr(name).and_then(Result::ok);
        self.key_networks = of("networks").as_ref().map(ids);
        self.owner = of("owner").as_ref().and_then(text);
        self.expires = of("expires").as_ref().and_then(time);
        self.tags = key
            .tags()
            .filter_map(|(name, value)| Some((name.to_owned(), text(&value.ok()?)?)))
            .collect();
    }

    /// Reads the resource's attributes.
    fn read_resource(&mut self, resource: &Entity) {
        let of = |name: &str| resource.attr(name).and_then(Result::ok);
        let words = |name: &str| of(name).as_ref().and_then(text);
        self.provider = words("provider").or(self.provider.take());
        self.account = words("account");
        self.zone = words("zone");
        self.metadata = words("metadata");
        self.name = words("name");
        self.relative = words("relative");
        self.leftmost = words("leftmost");
        self.value = words("value");
        self.depth = of("depth").as_ref().and_then(number);
        self.type_number = of("type_number").as_ref().and_then(number);
        self.wildcard = of("wildcard").as_ref().and_then(truth).unwrap_or_default();
        self.rtype = of("type").as_ref().and_then(uid_id);
        self.address = of("address").as_ref().and_then(address);
    }
}

/// The id of an entity.
fn id(uid: &EntityUid) -> String {
    let id: &str = uid.id().as_ref();
    id.to_owned()
}

/// A text.
fn text(value: &EvalResult) -> Option<String> {
    if let EvalResult::String(text) = value { Some(text.clone()) } else { None }
}

/// A number.
fn number(value: &EvalResult) -> Option<i64> {
    if let EvalResult::Long(number) = value { Some(*number) } else { None }
}

/// A truth value.
fn truth(value: &EvalResult) -> Option<bool> {
    if let EvalResult::Bool(truth) = value { Some(*truth) } else { None }
}

/// The id of an entity.
fn uid_id(value: &EvalResult) -> Option<String> {
    if let EvalResult::EntityUid(uid) = value { Some(id(uid)) } else { None }
}

/// The ids of a set of entities.
fn ids(value: &EvalResult) -> BTreeSet<String> {
    match value {
        EvalResult::Set(set) => set.iter().filter_map(uid_id).collect(),
        EvalResult::Bool(_)
        | EvalResult::Long(_)
        | EvalResult::String(_)
        | EvalResult::EntityUid(_)
        | EvalResult::Record(_)
        | EvalResult::ExtensionValue(_) => BTreeSet::new(),
    }
}

/// The texts between quotes in an extension value: `ip("127.0.0.1/32")`.
fn extension(value: &EvalResult) -> Vec<&str> {
    match value {
        EvalResult::ExtensionValue(text) => text.split('"').skip(1).step_by(2).collect(),
        EvalResult::Bool(_)
        | EvalResult::Long(_)
        | EvalResult::String(_)
        | EvalResult::EntityUid(_)
        | EvalResult::Record(_)
        | EvalResult::Set(_) => Vec::new(),
    }
}

/// An address, without the prefix that the solver may have added.
fn address(value: &EvalResult) -> Option<IpAddr> {
    let text = extension(value).into_iter().next()?;
    text.split('/').next()?.parse().ok()
}

/// A time: `datetime("1970-01-01")`, moved by an offset where there is one.
fn time(value: &EvalResult) -> Option<Timestamp> {
    let words = extension(value);
    let mut words = words.into_iter();
    let text = words.next()?;
    let at = text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse()).ok()?;
    let offset = words.next().map_or(Some(0), duration)?;
    at.checked_add(jiff::SignedDuration::from_millis(offset)).ok()
}

/// A duration in milliseconds.
fn milliseconds(value: &EvalResult) -> Option<i64> {
    duration(extension(value).into_iter().next()?)
}

/// A duration as Cedar writes it: `-1d2h3m4s5ms`.
fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at_checked(digits)?;
        let unit = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(unit)?;
        let each = match unit {
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(each)?)?;
        rest = behind;
    }
    total.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_values_are_read() {
        let value = |text: &str| EvalResult::ExtensionValue(text.to_owned());
        let at = time(&value("(datetime(\"1970-01-01\")).offset(duration(\"1000ms\"))"));
        assert_eq!(at.unwrap().as_second(), 1);
        assert_eq!(time(&value("datetime(\"1970-01-02\")")).unwrap().as_second(), 86_400);
        let ip = address(&value("ip(\"192.0.2.1/32\")")).unwrap();
        assert_eq!(ip.to_string(), "192.0.2.1");
        assert_eq!(duration("-1d2ms"), Some(-86_400_002));
        assert_eq!(duration("5"), None);
    }
}
