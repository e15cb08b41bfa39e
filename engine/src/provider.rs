//! Providers as data: what a request to a DNS API means, and what of its answer may be seen.
//!
//! A provider file declares routes, fields, answers and lookups; this module reads a request by
//! it into operations, and into exactly what is forwarded. Nothing that a file does not declare
//! gets through, and no module here knows a provider by name: what one API needs and others may
//! need too (the `=XX` of zone ids, lists of rrsets) is an ability with a name, which files use.
//!
//! The order of one request: [`Provider::find`] by method and path, [`Matched::plan`] with the
//! body, lookups if the plan's deletions need them, and [`Provider::filter`] for the answer.

use crate::decision::Reason;
use crate::json::{Json, JsonLimits};
use crate::name::Name;
use crate::operation::{Action, Operation};
use crate::problem::Problem;
use crate::request::{Method, Target};

mod batch;
mod body;
mod check;
mod error;
mod file;
mod filter;
mod lookup;
mod query;
mod record;
mod refusal;
mod route;
mod text;
mod value;

#[cfg(test)]
mod tests;

pub use error::ErrorReply;
pub use filter::{Answer, Filtered, ResponseRule, Treatment};
pub use lookup::{Found, Lookup, Purpose};
pub use refusal::Refusal;

use body::Reading;
use file::{File, RouteForm};
use route::{Parameters, Pattern};

/// The PowerDNS Authoritative HTTP API, as this engine ships it.
pub const POWERDNS: &str = include_str!("../providers/powerdns.toml");

/// The headers that may go on for every provider; `host` and those of the body are set anew.
const HEADERS_ALWAYS: [&str; 1] = ["user-agent"];

/// A checked provider file.
#[derive(Debug)]
pub struct Provider {
    /// The file.
    pub(in crate::provider) file: File,
    /// The routes, in the file's order.
    routes: Vec<Route>,
    /// Where a client puts its credential.
    credentials: Vec<CredentialScheme>,
}

/// One route of a provider.
#[derive(Debug)]
pub struct Route {
    /// What the file says of it.
    form: RouteForm,
    /// Its method and path.
    pattern: Pattern,
    /// The address of its documentation.
    docs: String,
    /// The day, `2026-11-20`, on which that was checked.
    verified: String,
}

/// Where a client of a provider puts its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialScheme {
    /// A header holds it.
    Header {
        /// The header's name, in lower case.
        name: String,
        /// What stands before it, the blank included.
        prefix: Option<String>,
    },
    /// It is the password of HTTP Basic, whoever the user is.
    BasicPassword,
}

/// The most that one request may hold.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// The most operations.
    pub operations_max: usize,
    /// The limits of its body's JSON.
    pub json: JsonLimits,
}

/// A request whose route, path and query are understood.
#[derive(Clone, Debug)]
pub struct Matched<'p> {
    /// The provider.
    provider: &'p Provider,
    /// The route.
    route: &'p Route,
    /// What the path says.
    parameters: Parameters,
    /// The query as it goes on, with its question mark.
    query: String,
}

/// What a request means, and what becomes of it if that is allowed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What must be allowed, all of it; never empty.
    pub operations: Vec<Operation>,
    /// Indexes of deletions whose values the request does not show.
    pub unseen: Vec<usize>,
    /// A new zone's name, which is also to be checked against every zone around it.
    pub enclosing: Option<Name>,
    /// What is forwarded.
    pub forward: Forward,
    /// What is done with the answer.
    pub response: ResponseRule,
    /// Whether a denied `zone.read` is answered as an unknown zone.
    pub denied_zone_is_404: bool,
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

impl Provider {
    /// Reads a provider file, or gives all its problems; `file` is its name in them.
    pub fn parse(file: &str, text: &str) -> Result<Provider, Vec<Problem>> {
        check::parse(file, text)
    }

    /// Reads a provider file that a bundle carries, or gives all its problems.
    pub fn from_json(json: serde_json::Value) -> Result<Provider, Vec<Problem>> {
        check::from_json(json)
    }

    /// A provider file as a bundle carries it, or all its problems.
    pub fn to_json(file: &str, text: &str) -> Result<serde_json::Value, Vec<Problem>> {
        check::to_json(file, text)
    }

    /// The provider's name, such as `powerdns`.
    pub fn name(&self) -> &str {
        &self.file.provider
    }

    /// The API's name for people.
    pub fn title(&self) -> &str {
        &self.file.title
    }

    /// The routes, in the file's order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Where a client of this provider puts its credential.
    pub fn credential_schemes(&self) -> &[CredentialScheme] {
        &self.credentials
    }

    /// Finds the route of a request and reads its path and query.
    pub fn find(&self, method: Method, target: &Target) -> Result<Matched<'_>, Refusal> {
        let mut path_exists = false;
        for route in &self.routes {
            if !route.pattern.has_form(&self.file, target) {
                continue;
            }
            path_exists = true;
            if route.pattern.method == method {
                let parameters = route::read(&self.file, &route.pattern, target)?;
                let query = query::read(&self.file, &route.form.query, target)?;
                return Ok(Matched { provider: self, route, parameters, query });
            }
        }
        if path_exists {
            let detail = format!("not {} here", method.as_str());
            return Err(Refusal::new(Reason::UnknownMethod, detail));
        }
        Err(route::unknown_path(target))
    }
}

impl Route {
    /// Its name in logs and tables, such as `zone-patch`.
    pub fn id(&self) -> &str {
        &self.form.id
    }

    /// Method and path, with parameters in braces.
    pub fn pattern(&self) -> &str {
        &self.form.pattern
    }

    /// The actions that it always asks for.
    pub fn actions(&self) -> Vec<Action> {
        self.form.ask.iter().map(|asked| asked.0).collect()
    }

    /// The address of its documentation.
    pub fn docs(&self) -> &str {
        &self.docs
    }

    /// The day, such as `2026-11-20`, on which the documentation was checked.
    pub fn verified(&self) -> &str {
        &self.verified
    }

    /// Whether it reads a body; whatever comes for another route is dropped.
    pub fn reads_body(&self) -> bool {
        self.form.body.is_some()
    }
}

impl<'p> Matched<'p> {
    /// The route.
    pub fn route(&self) -> &'p Route {
        self.route
    }

    /// The zone that the path names.
    pub fn zone(&self) -> Option<&Name> {
        self.parameters.zone.as_ref()
    }

    /// Whether the body is needed for a plan.
    pub fn reads_body(&self) -> bool {
        self.route.reads_body()
    }

    /// What the request means; `body` is not looked at where the route reads none.
    pub fn plan(&self, body: &[u8], caps: &Caps) -> Result<Plan, Refusal> {
        let file = &self.provider.file;
        let form = &self.route.form;
        let Parameters { zone, metadata, path } = self.parameters.clone();
        let mut reading = Reading::new(file, caps, zone, metadata);
        reading.ask(&form.ask);
        let body = match &form.body {
            None => None,
            Some(object) => {
                let limits = JsonLimits { fold_keys: file.fold_keys, ..caps.json };
                let tree = Json::parse(body, &limits)
                    .map_err(|error| Refusal::body(format!("the body is no JSON: {error}")))?;
                Some(reading.body(object, tree)?.to_bytes())
            }
        };
        let zone = reading.zone.clone();
        let (operations, unseen) = reading.operations(form)?;
        // INVARIANT: a plan without operations would be allowed by nobody's policy.
        if operations.is_empty() {
            return Err(Refusal::body("the request asks for nothing"));
        }
        let content_type = body.as_ref().map(|_| file.forward.content_type.clone());
        let headers = HEADERS_ALWAYS.iter().map(|name| (*name).to_owned());
        Ok(Plan {
            operations,
            unseen,
            enclosing: zone.clone().filter(|_| form.enclosing),
            forward: Forward {
                method: self.route.pattern.method,
                path_and_query: path + &self.query,
                headers_pass: headers.chain(file.forward.headers.iter().cloned()).collect(),
                content_type,
                body,
            },
            response: ResponseRule::new(form.response.clone(), zone),
            denied_zone_is_404: self.parameters.zone.is_some()
                && self.route.actions().contains(&Action::ZoneRead),
        })
    }
}
