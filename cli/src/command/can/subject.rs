//! One key with everything that its own policies can tell apart.
//!
//! A decision depends on the account, the client's address, the time, encryption, the route and the
//! operation. Of each, one representative is asked for each value that the key's policies could
//! treat differently: what no policy of the key reads has one representative.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::name::Name;
use zonegate_engine::operation::{Action, ResourceKind};
use zonegate_engine::policy::{AccountId, Holding};
use zonegate_engine::problem::Problem;
use zonegate_engine::provider::Route;

use crate::ask::{Scene, Way};
use crate::universe::{Around, Universe, window_times};

/// The account that a key for all accounts is asked about where nothing names another.
const ACCOUNT: (&str, &str) = ("powerdns", "main");

/// A bundle with what is the same for all its keys.
#[derive(Debug)]
pub(super) struct Survey<'b> {
    /// Who decides; loaded without the schema.
    pub(super) bundle: &'b Bundle,
    /// The time to begin with.
    pub(super) now: Timestamp,
    /// The accounts that are asked about.
    accounts: Vec<AccountId>,
    /// Whether these are all that is wanted.
    is_restricted: bool,
    /// The policies that are no templates.
    statics: Vec<Rc<Holding>>,
    /// Moments of windows, by the time they begin with.
    times: RefCell<HashMap<Timestamp, Vec<Timestamp>>>,
}

/// Whether a key works at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It works, until this time where there is one.
    Valid(Option<Timestamp>),
    /// It works from this time on.
    Early(Timestamp),
    /// It has not worked since this time.
    Expired(Timestamp),
    /// It was revoked.
    Disabled,
}

impl State {
    /// The state of a key at this time.
    fn of(key: &Key, now: Timestamp) -> State {
        match (key.expires, key.not_before) {
            _ if key.disabled => State::Disabled,
            (Some(to), _) if now >= to => State::Expired(to),
            (_, Some(from)) if now < from => State::Early(from),
            (until, Some(_) | None) => State::Valid(until),
        }
    }

    /// The state in words, where it is not the usual one.
    pub(super) fn words(self) -> Option<String> {
        match self {
            State::Valid(until) => until.map(|until| format!("until {until}")),
            State::Early(from) => Some(format!("not valid before {from}")),
            State::Expired(to) => Some(format!("expired since {to}")),
            State::Disabled => Some("disabled".to_owned()),
        }
    }

    /// The word for programs.
    pub(super) fn code(self) -> &'static str {
        match self {
            State::Valid(_) => "valid",
            State::Early(_) => "early",
            State::Expired(_) => "expired",
            State::Disabled => "disabled",
        }
    }
}

/// From where, when and by which request somebody asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Circumstance {
    /// Account, address, time, encryption.
    pub(super) scene: Scene,
    /// Route, method, number of operations.
    pub(super) way: Way,
}

/// One key.
#[derive(Debug)]
pub(super) struct Subject<'b> {
    /// The key.
    pub(super) key: &'b Key,
    /// Whether it works.
    pub(super) state: State,
    /// The policies that can match it; its links last.
    pub(super) holdings: Vec<Rc<Holding>>,
    /// Representatives.
    pub(super) universe: Universe,
    /// The accounts it is asked at.
    pub(super) accounts: Vec<AccountId>,
    /// Addresses that its policies can tell apart.
    pub(super) froms: Vec<IpAddr>,
    /// Times at which it is valid, and that its policies can tell apart.
    pub(super) times: Vec<Timestamp>,
    /// Circumstances by action.
    circumstances: RefCell<HashMap<Action, Rc<Vec<Circumstance>>>>,
}

impl<'b> Survey<'b> {
    /// Prepares questions to a bundle; `account` restricts them to one account.
    pub(super) fn of(bundle: &'b Bundle, now: Timestamp, account: Option<AccountId>) -> Survey<'b> {
        let statics = bundle.policies.statics().into_iter().map(Rc::new).collect();
        let is_restricted = account.is_some();
        let accounts = account.map_or_else(|| known_accounts(bundle), |account| vec![account]);
        Survey { bundle, now, accounts, is_restricted, statics, times: RefCell::default() }
    }

    /// A key with its representatives; `zones` are represented besides those of its own.
    pub(super) fn subject(&self, key: &'b Key, zones: &[Name]) -> Result<Subject<'b>, Problem> {
        let statics = self.statics.iter().filter(|one| one.is_for(key) && !is_idle(one, key));
        let mut holdings: Vec<Rc<Holding>> = statics.map(Rc::clone).collect();
        let linked = self.bundle.policies.linked(key)?;
        holdings.extend(linked.into_iter().map(Rc::new));
        let state = State::of(key, self.now);
        let start = match state {
            State::Early(from) => from,
            State::Valid(_) | State::Expired(_) | State::Disabled => self.now,
        };
        let times = self
            .times
            .borrow_mut()
            .entry(start)
            .or_insert_with(|| window_times(self.bundle, start))
            .clone();
        let around = Around { keys: vec![key], zones: zones.to_vec(), times };
        let universe = Universe::around(self.bundle, holdings.iter().map(|one| &**one), &around);
        let mut subject = Subject {
            key,
            state,
            holdings,
            universe,
            accounts: Vec::new(),
            froms: Vec::new(),
            times: Vec::new(),
            circumstances: RefCell::default(),
        };
        subject.accounts = self.accounts_of(&subject);
        subject.froms = self.froms_of(&subject);
        subject.times = self.times_of(&subject);
        Ok(subject)
    }

    /// The accounts at which a key is asked: all that it serves, where its policies or routes
    /// could tell them apart.
    fn accounts_of(&self, subject: &Subject<'_>) -> Vec<AccountId> {
        let mut all: Vec<AccountId> = self.accounts.clone();
        if !self.is_restricted {
            let named =
                subject.universe.accounts.iter().filter_map(|path| account(self.bundle, path));
            all.extend(named.filter(|one| !self.accounts.contains(one)));
        }
        all.retain(|one| subject.key.serves(&one.path()));
        let reads_account = || {
            let attribute = "\"attr\":\"account\"";
            subject.holdings.iter().any(|one| one.json.to_string().contains(attribute))
        };
        if subject.universe.accounts.is_empty() && !reads_account() {
            all.truncate(1);
        }
        all
    }

    /// The addresses that a key's policies can tell apart.
    fn froms_of(&self, subject: &Subject<'_>) -> Vec<IpAddr> {
        let (exact, named) = (subject.reads(&["client_ip"]), subject.reads(&["networks"]));
        let mut known = HashSet::new();
        let mut froms = subject.universe.froms.clone();
        froms.retain(|from| {
            let networks = if named { self.bundle.networks.containing(*from) } else { Vec::new() };
            known.insert((networks, Some(*from).filter(|_| exact)))
        });
        froms
    }

    /// The times at which a key is valid and that its policies can tell apart.
    fn times_of(&self, subject: &Subject<'_>) -> Vec<Timestamp> {
        let exact = subject.reads(&["now", "weekday", "time_of_day", "date"]);
        let windows = subject.reads(&["windows"]);
        let mut known = HashSet::new();
        let mut times = subject.universe.times.clone();
        times.retain(|at| {
            let open = if windows { self.bundle.windows.open(*at) } else { Vec::new() };
            subject.key.check(*at).is_ok() && known.insert((open, Some(*at).filter(|_| exact)))
        });
        times
    }

    /// All circumstances under which a key could ask for an action.
    pub(super) fn circumstances(
        &self,
        subject: &Subject<'_>,
        action: Action,
    ) -> Rc<Vec<Circumstance>> {
        if let Some(known) = subject.circumstances.borrow().get(&action) {
            return Rc::clone(known);
        }
        let tls: &[bool] = if subject.reads(&["tls"]) { &[true, false] } else { &[true] };
        let mut made = Vec::new();
        for account in &subject.accounts {
            let ways = self.ways(subject, account, action);
            for (at, from) in
                subject.times.iter().flat_map(|at| subject.froms.iter().map(move |from| (at, from)))
            {
                for (way, tls) in ways.iter().flat_map(|way| tls.iter().map(move |tls| (way, tls)))
                {
                    let scene = Scene { account: account.clone(), from: *from, at: *at, tls: *tls };
                    made.push(Circumstance { scene, way: way.clone() });
                }
            }
        }
        let made = Rc::new(made);
        subject.circumstances.borrow_mut().insert(action, Rc::clone(&made));
        made
    }

    /// The ways by which an action can be asked for, as far as the key's policies tell them apart:
    /// each route that they name, one of each method that they could mean, and one beside these.
    fn ways(&self, subject: &Subject<'_>, account: &AccountId, action: Action) -> Vec<Way> {
        let Some(provider) = self.bundle.provider(&account.provider) else { return Vec::new() };
        let usual = Way::usual(provider, action);
        let (by_route, by_method) = (subject.reads(&["route"]), subject.reads(&["method"]));
        let mut routes: Vec<&Route> =
            provider.routes().iter().filter(|route| can_mean(route, action)).collect();
        routes.sort_by_key(|route| !route.actions().contains(&action));
        let ids = routes.into_iter().map(|route| format!("{}/{}", provider.name(), route.id()));
        let others = ids.filter_map(|id| Way::by(self.bundle, &id));
        let mut ways: Vec<Way> = Vec::new();
        let mut methods = BTreeSet::new();
        let mut beside = false;
        for way in [usual].into_iter().chain(others) {
            let is_named = by_route && subject.universe.routes.contains(&way.route);
            let is_new = by_method && methods.insert(way.method);
            if ways.contains(&way) || !(is_named || is_new || !beside) {
                continue;
            }
            beside = beside || !is_named;
            ways.push(way);
        }
        let counts: &[usize] =
            if subject.reads(&["operations"]) { &subject.universe.operations } else { &[1] };
        let of = |way: &Way| {
            let way = way.clone();
            counts.iter().map(move |operations| Way { operations: *operations, ..way.clone() })
        };
        ways.iter().flat_map(of).collect()
    }
}

impl Subject<'_> {
    /// Whether a policy of the key reads one of these attributes of the context.
    fn reads(&self, attributes: &[&str]) -> bool {
        let reads = &self.universe.reads;
        reads.contains("*") || attributes.iter().any(|one| reads.contains(*one))
    }
}

/// Reads `provider/account`, where there is such a provider.
fn account(bundle: &Bundle, path: &str) -> Option<AccountId> {
    let (provider, account) = path.split_once('/')?;
    bundle.provider(provider)?;
    Some(AccountId { provider: provider.to_owned(), account: account.to_owned() })
}

/// The accounts that keys name; one of PowerDNS where they name none.
fn known_accounts(bundle: &Bundle) -> Vec<AccountId> {
    let named: BTreeSet<&str> =
        bundle.keys.iter().flat_map(|key| &key.accounts).map(String::as_str).collect();
    let mut known: Vec<AccountId> =
        named.into_iter().filter_map(|path| account(bundle, path)).collect();
    if known.is_empty() {
        let (provider, account) = ACCOUNT;
        known.push(AccountId { provider: provider.to_owned(), account: account.to_owned() });
    }
    known
}

/// Whether a policy's first clause asks for something that this key has not, so that the policy
/// never matches and never fails.
fn is_idle(holding: &Holding, key: &Key) -> bool {
    let lacks = |attribute: &str| match attribute {
        "networks" => key.networks.is_empty(),
        "expires" => key.expires.is_none(),
        "owner" => key.owner.is_none(),
        _ => false,
    };
    let first =
        holding.clauses.first().and_then(|clause| clause.strip_prefix("when principal has "));
    first.is_some_and(|attribute| lacks(attribute.trim_matches('"')))
}

/// Whether a request of this route could mean this action.
///
/// What is in a body is not known here, so routes with a body count as able to write records.
fn can_mean(route: &Route, action: Action) -> bool {
    let declared = route.actions();
    match action {
        Action::RecordCreate | Action::RecordDelete | Action::RecordWildcard => {
            declared.is_empty() || route.reads_body()
        }
        // Records are read by reading their zone.
        Action::RecordRead => declared.contains(&Action::ZoneRead) || declared.contains(&action),
        Action::ZoneList
        | Action::ZoneRead
        | Action::ZoneCreate
        | Action::ZoneUpdate
        | Action::ZoneDelete
        | Action::ZoneExport
        | Action::ZoneImport
        | Action::ZoneTransfer
        | Action::DnssecRead
        | Action::DnssecWrite
        | Action::MetadataRead
        | Action::MetadataWrite
        | Action::SecretRead
        | Action::SecretWrite
        | Action::CertificateIssue
        | Action::ServerRead
        | Action::ServerWrite
        | Action::Search
        | Action::KeyDescribe => {
            // A body can ask for more than its route always asks for.
            declared.contains(&action)
                || (route.reads_body() && action.kind() == ResourceKind::Zone)
        }
    }
}
