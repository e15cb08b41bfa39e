//! From a request whose route is known to what it means and what goes on.
//!
//! [`Matched::read`] reads a request with what is known so far. It gives a [`Plan`], or says what
//! must be looked up first; then it is called again with more knowledge.

use std::collections::BTreeSet;

use super::body::Reading;
use super::file::{Batch, Extent, Means, RouteForm, ToldBy};
use super::filter::ResponseRule;
use super::known::{Knowledge, Needs, Rest, Sought};
use super::narrow::Narrowing;
use super::query::Query;
use super::refusal::Refusal;
use super::route::Parameters;
use super::{Caps, HEADERS_ALWAYS, Provider, Route, text};
use crate::decision::Reason;
use crate::json::{Json, JsonLimits};
use crate::name::Name;
use crate::operation::{Action, Operation};
use crate::request::Method;

/// A request whose route, path and query are understood.
#[derive(Clone, Debug)]
pub struct Matched<'p> {
    /// The provider.
    pub(super) provider: &'p Provider,
    /// The route.
    pub(super) route: &'p Route,
    /// What was understood.
    pub(super) found: Found,
}

/// What a provider has understood of a request's path and query; it finds its route again by it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The route's place in the file.
    pub(super) route: usize,
    /// What the path says.
    pub(super) parameters: Parameters,
    /// The query as it goes on.
    pub(super) query: Query,
    /// What the entries of the answer must be like besides.
    pub(super) narrowing: Option<Narrowing>,
}

/// What a request means, and what becomes of it if that is allowed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What must be allowed, all of it; never empty.
    pub operations: Vec<Operation>,
    /// Indexes of deletions whose values the request does not show.
    pub unseen: Vec<usize>,
    /// Indexes of operations on records that the request names by an id: where such a record may
    /// not be seen, it looks like one that is not there.
    pub by_id: Vec<usize>,
    /// The zone that the request names by its id; the same holds for it.
    pub zone_by_id: Option<Name>,
    /// A new zone's name, which is also to be checked against every zone around it.
    pub enclosing: Option<Name>,
    /// What is forwarded.
    pub forward: Forward,
    /// What is done with the answer.
    pub response: ResponseRule,
    /// Whether a denied `zone.read` is answered as an unknown zone.
    pub denied_zone_is_404: bool,
}

/// A request as far as it could be read.
#[derive(Clone, Debug)]
pub enum Read {
    /// All of it.
    Plan(Box<Plan>),
    /// Something must be looked up first.
    Needs(Needs),
}

/// What is forwarded: made from what was read, never copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The method.
    pub method: Method,
    /// The path and query, canonical.
    pub path_and_query: String,
    /// Names of the request's headers that may go on, in lower case.
    pub headers_pass: Vec<String>,
    /// The content type of the body, where there is one.
    pub content_type: Option<String>,
    /// The body; none for a route that reads none.
    pub body: Option<Vec<u8>>,
}

/// A body as it goes on, with its content type.
type Sent = Option<(Vec<u8>, String)>;

impl<'p> Matched<'p> {
    /// The route.
    pub fn route(&self) -> &'p Route {
        self.route
    }

    /// The zone that the path names by its name.
    pub fn zone(&self) -> Option<&Name> {
        self.found.parameters.zone.as_ref()
    }

    /// What says where a zone id of the path belongs; none where the path has no zone id.
    pub fn zone_place(&self) -> Option<String> {
        let id = self.found.parameters.zone_id.as_ref()?;
        let alone = self.provider.file.lookup.zone.as_ref()?.same.is_empty();
        // Where an id says it all, listings can teach it, too.
        Some(if alone { id.clone() } else { self.found.parameters.place() })
    }

    /// What was understood, to be kept without the provider.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Whether the body is needed for a plan.
    pub fn reads_body(&self) -> bool {
        self.route.reads_body()
    }

    /// What a request means that names nothing by an id.
    ///
    /// # Errors
    /// A refusal; also where something would have to be looked up.
    pub fn plan(&self, body: &[u8], caps: &Caps) -> Result<Plan, Refusal> {
        match self.read(body, caps, &Knowledge::default())? {
            Read::Plan(plan) => Ok(*plan),
            Read::Needs(_) => Err(Refusal::new(
                Reason::LookupFailed,
                "what the request names must be looked up at the provider",
            )),
        }
    }

    /// What the request means, as far as it is known; `body` is not looked at where the route
    /// reads none.
    pub fn read(&self, body: &[u8], caps: &Caps, known: &Knowledge) -> Result<Read, Refusal> {
        let file = &self.provider.file;
        let form = &self.route.form;
        // SECURITY: a login is answered by the gate. With a key in a header, too, it never goes on: the
        // answer would be a session of the real account (case `a-login-never-goes-on`).
        if form.login.is_some() {
            return Err(Refusal::new(Reason::ManyKeys, "a login has its key in the body alone"));
        }
        let mut parameters = self.found.parameters.clone();
        let by_lookup = parameters.zone_id.is_some() || form.addresses.is_some();
        if by_lookup {
            match &known.zone {
                Sought::Unknown => return Ok(Read::Needs(self.needs_zone())),
                Sought::Missing => {
                    return Err(Refusal::new(Reason::ZoneNotVisible, "no such zone"));
                }
                Sought::Found(_) => {}
            }
        }
        let mut reading = Reading::new(file, caps, &parameters, known);
        reading.name = self.path_name(reading.zone.as_ref(), &mut parameters)?;
        reading.ask(&form.ask);
        let sent = self.body(body, caps, &mut reading)?;
        if let Some(means) = form.means {
            reading.path_record(means)?;
        }
        if let Some(addresses) = &form.addresses {
            reading.of_query(addresses, &self.found.query)?;
        }
        let needs = std::mem::take(&mut reading.needs);
        let listing = form.whole.is_some() && known.listing.rest != Rest::Nothing;
        if !needs.is_empty() || listing {
            let within = reading.zone.clone();
            return Ok(Read::Needs(Needs { records: needs, listing, within, ..self.needs() }));
        }
        if let Some(extent) = form.whole {
            reading.whole(extent)?;
        }
        let zone = reading.zone.clone();
        let about = reading.other.clone().or_else(|| zone.clone());
        let (name, rtype) = (reading.name.clone(), reading.rtype);
        let (operations, unseen, by_id) = reading.operations(form)?;
        // INVARIANT: a plan without operations would be allowed by nobody's policy.
        if operations.is_empty() {
            return Err(Refusal::body("the request asks for nothing"));
        }
        let wrote = writes(self.route.pattern.method, &operations);
        let (body, content_type) = sent.unzip();
        Ok(Read::Plan(Box::new(Plan {
            operations,
            unseen,
            by_id,
            zone_by_id: zone.filter(|_| by_lookup),
            enclosing: about.clone().filter(|_| form.enclosing),
            forward: Forward {
                method: self.route.pattern.method,
                path_and_query: parameters.path() + &self.found.query.written(),
                headers_pass: self.headers_pass(),
                content_type,
                body,
            },
            response: ResponseRule {
                asked: name.zip(rtype),
                query: self.found.query.given.clone(),
                narrowing: self.found.narrowing.clone(),
                wrote,
                ..ResponseRule::new(form.response.clone(), about)
            },
            denied_zone_is_404: (parameters.zone.is_some() || parameters.zone_id.is_some())
                && self.route.actions().contains(&Action::ZoneRead),
        })))
    }

    /// The names of headers that go on.
    fn headers_pass(&self) -> Vec<String> {
        let always = HEADERS_ALWAYS.iter().map(|name| (*name).to_owned());
        let named = self.provider.file.forward.headers.iter().cloned();
        // Where it told the route, it is known to the last letter.
        let accepts = |told_by: &&ToldBy| matches!(told_by, ToldBy::Accept(_));
        let told_by = self.route.form.told_by.iter().filter(accepts);
        always.chain(named).chain(told_by.map(|one| one.header().to_owned())).collect()
    }

    /// The owner name that the path gives; it is written into the path as it goes on.
    fn path_name(
        &self,
        zone: Option<&Name>,
        parameters: &mut Parameters,
    ) -> Result<Option<Name>, Refusal> {
        let Some(written) = parameters.record_name.clone() else {
            return Ok(zone.cloned().filter(|_| self.route.form.apex));
        };
        let file = &self.provider.file;
        let zone = zone.ok_or_else(Refusal::internal)?;
        let parameter = file.parameter.get(&written.parameter).ok_or_else(Refusal::internal)?;
        let names = parameter.names.as_ref().ok_or_else(Refusal::internal)?;
        let name = text::owner(file, names, zone, &written.text)?;
        parameters.write_name(&text::write_owner(file, names, zone, &name, Some(&written.text)));
        Ok(Some(name))
    }

    /// Reads the body and gives it as it goes on.
    fn body(&self, body: &[u8], caps: &Caps, reading: &mut Reading<'p>) -> Result<Sent, Refusal> {
        let file = &self.provider.file;
        let form = &self.route.form;
        if let Some(content_type) = &form.opaque {
            return opaque(content_type, body).map(Some);
        }
        if !self.route.reads_body() {
            return Ok(None);
        }
        let limits = JsonLimits { fold_keys: file.fold_keys, ..caps.json };
        let tree = Json::parse(body, &limits)
            .map_err(|error| Refusal::body(format!("the body is no JSON: {error}")))?;
        let batch = |name: &String| file.batch.get(name).ok_or_else(Refusal::internal);
        let out = match (&form.body, &form.item, &form.items, tree) {
            (Some(object), _, _, tree) => reading.body(object, tree)?,
            (None, _, Some(items), tree @ Json::Array(_)) => reading.batch(items, tree)?,
            (None, Some(item), _, tree) => reading.item_of(batch(item)?, tree)?,
            (None, None, _, _) => return Err(Refusal::body("the body is not a list")),
        };
        Ok(Some((out.to_bytes(), file.forward.content_type.clone())))
    }

    /// What the request will ask for, as far as the route says it.
    fn needs(&self) -> Needs {
        let form = &self.route.form;
        let file = &self.provider.file;
        let batches = form.item.iter().chain(&form.items).filter_map(|name| file.batch.get(name));
        let means = batches.filter_map(|batch: &Batch| batch.always).chain(form.means);
        let mut actions: BTreeSet<Action> = form.ask.iter().map(|asked| asked.0).collect();
        actions.extend(means.flat_map(actions_of));
        if form.whole.is_some() {
            actions.insert(Action::RecordDelete);
        }
        actions.extend(form.addresses.iter().flat_map(|one| one.actions(&self.found.query)));
        Needs { actions: actions.into_iter().collect(), ..Needs::default() }
    }

    /// The same, where the zone's name is needed.
    fn needs_zone(&self) -> Needs {
        Needs { zone: true, ..self.needs() }
    }
}

/// Whether a request changes something, by what it means: some APIs read by POST. A GET can need
/// more than it does, to see how a zone is transferred; only of records it is believed.
fn writes(method: Method, operations: &[Operation]) -> bool {
    let reads = matches!(method, Method::Get | Method::Head);
    operations.iter().any(|one| one.action.changes() && (!reads || one.as_record().is_some()))
}

/// The actions on records that something always asks for.
fn actions_of(means: Means) -> Vec<Action> {
    match means {
        Means::Create | Means::Extend => vec![Action::RecordCreate],
        // A replacement by nothing asks for no creation.
        Means::Replace | Means::Delete | Means::Prune => vec![Action::RecordDelete],
        Means::Update | Means::Touch => vec![Action::RecordDelete, Action::RecordCreate],
    }
}

impl Reading<'_> {
    /// Notes the deletion of everything of an extent that is there.
    ///
    /// SECURITY: also of what the request lists again: whether the provider keeps or replaces it
    /// is not ours to guess (test `a_whole_replacement_deletes_what_is_there`).
    fn whole(&mut self, extent: Extent) -> Result<(), Refusal> {
        let zone = self.zone.clone().ok_or_else(Refusal::internal)?;
        for entry in &self.knowledge.listing.entries {
            let goes = match extent {
                Extent::Zone => true,
                Extent::Type => self.rtype.is_none_or(|rtype| rtype == entry.rtype),
                Extent::Name => self.name.as_ref().is_none_or(|name| *name == entry.name),
            };
            if !goes {
                continue;
            }
            let operation = |action, value: Option<String>| {
                Operation::record(action, zone.clone(), entry.name.clone(), entry.rtype, value)
            };
            if entry.name.is_wildcard() {
                self.record(operation(Action::RecordWildcard, None))?;
            }
            if entry.values.is_empty() {
                self.record(operation(Action::RecordDelete, None))?;
            }
            for value in &entry.values {
                self.record(operation(Action::RecordDelete, Some(value.clone())))?;
            }
        }
        if self.records.is_empty() {
            // Nothing is there and nothing comes: still a replacement of what may come meanwhile.
            self.ask(&[super::file::Asked(Action::ZoneUpdate)]);
        }
        Ok(())
    }
}

/// A body that goes on unread, with its content type.
///
/// The boundary of a multipart body is its own first line, so that the content type of what goes
/// on is made here and not copied.
fn opaque(content_type: &str, body: &[u8]) -> Result<(Vec<u8>, String), Refusal> {
    if body.is_empty() {
        return Err(Refusal::body("the body is empty"));
    }
    if content_type != "multipart/form-data" {
        return Ok((body.to_vec(), content_type.to_owned()));
    }
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let boundary = line.strip_prefix(b"--").and_then(|bytes| std::str::from_utf8(bytes).ok());
    let plain = |text: &&str| {
        (1..=70).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    match boundary.filter(plain) {
        Some(boundary) => Ok((body.to_vec(), format!("{content_type}; boundary={boundary}"))),
        None => Err(Refusal::body("the body is no multipart form")),
    }
}

impl RouteForm {
    /// Whether it reads a body; whatever comes for another route is dropped.
    pub(super) fn reads_body(&self) -> bool {
        self.body.is_some() || self.item.is_some() || self.items.is_some() || self.opaque.is_some()
    }
}
