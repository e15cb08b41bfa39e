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
use crate::json::JsonLimits;
use crate::operation::Action;
use crate::problem::Problem;
use crate::request::{Method, Target};

mod batch;
mod body;
#[cfg(feature = "author")]
mod check;
mod dynamic;
mod error;
#[cfg_attr(
    not(feature = "author"),
    expect(dead_code, reason = "where facts are from is read by the check alone")
)]
mod file;
mod filter;
mod known;
mod load;
mod lookup;
mod narrow;
mod plan;
mod query;
mod record;
mod refusal;
mod route;
mod text;
mod update;
mod value;

#[cfg(test)]
mod tests;

pub use error::ErrorReply;
pub use filter::{Answer, Filtered, ResponseRule, Treatment};
pub use known::{Knowledge, Needs};
pub use lookup::{Answered, Lookup, Purpose};
pub use plan::{Forward, Found, Matched, Plan, Read};
pub use refusal::Refusal;

pub use file::Login;
use file::{File, RouteForm};
use route::Pattern;

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
        /// Whether it is the second of two parts joined by a colon.
        after_colon: bool,
        /// A credential header that goes with it and is not looked at.
        beside: Option<String>,
    },
    /// It is the password of HTTP Basic, whoever the user is.
    BasicPassword,
}

/// What the headers of a request say of the form of its body and of the answer: by that, some
/// routes of one method and path are told apart. A header that stands there twice says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forms<'h> {
    /// The header `content-type`.
    pub content_type: Option<&'h [u8]>,
    /// The header `accept`.
    pub accept: Option<&'h [u8]>,
}

/// The most that one request may hold.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// The most operations.
    pub operations_max: usize,
    /// The limits of its body's JSON.
    pub json: JsonLimits,
}

impl Provider {
    /// Reads a provider file, or gives all its problems; `file` is its name in them.
    #[cfg(feature = "author")]
    pub fn parse(file: &str, text: &str) -> Result<Provider, Vec<Problem>> {
        check::parse(file, text)
    }

    /// Reads a provider file that a bundle carries; it was checked when that was packed.
    pub fn from_json(json: serde_json::Value) -> Result<Provider, Vec<Problem>> {
        load::from_json(json)
    }

    /// A provider file as a bundle carries it, or all its problems.
    #[cfg(feature = "author")]
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

    /// Finds the route of a request without any headers, and reads its path and query.
    pub fn find(&self, method: Method, target: &Target) -> Result<Matched<'_>, Refusal> {
        self.find_for(method, target, Forms::default())
    }

    /// Finds the route of a request and reads its path and query.
    pub fn find_for(
        &self,
        method: Method,
        target: &Target,
        forms: Forms<'_>,
    ) -> Result<Matched<'_>, Refusal> {
        // SECURITY: whichever route a header tells, what goes on says the same: the content type is
        // the route's own (case `a-lying-content-type-is-judged-as-what-goes-on`).
        let told = self.routes.iter().enumerate().find(|(_, route)| {
            route.form.told_by.as_ref().is_some_and(|told_by| told_by.is_told(forms))
                && route.pattern.method == method
                && route.pattern.has_form(&self.file, target)
        });
        if let Some((at, route)) = told {
            return self.matched(at, route, target);
        }
        let mut path_exists = false;
        for (at, route) in self.routes.iter().enumerate() {
            if route.form.told_by.is_some() || !route.pattern.has_form(&self.file, target) {
                continue;
            }
            path_exists = true;
            if route.pattern.method == method {
                return self.matched(at, route, target);
            }
        }
        if path_exists {
            let detail = format!("not {} here", method.as_str());
            return Err(Refusal::new(Reason::UnknownMethod, detail));
        }
        Err(route::unknown_path(target))
    }

    /// Whether a header, by its name in lower case, tells routes of this method and path apart.
    #[cfg(feature = "author")]
    pub fn tells_apart(&self, header: &str, method: Method, target: &Target) -> bool {
        self.routes.iter().any(|route| {
            route.form.told_by.as_ref().is_some_and(|told_by| told_by.header() == header)
                && route.pattern.method == method
                && route.pattern.has_form(&self.file, target)
        })
    }

    /// A request whose route is found, with its path and query read.
    fn matched<'p>(
        &'p self,
        at: usize,
        route: &'p Route,
        target: &Target,
    ) -> Result<Matched<'p>, Refusal> {
        let parameters = route::read(&self.file, &route.pattern, target)?;
        let mut query = query::read(&self.file, &route.form.query, target)?;
        if let Some(addresses) = &route.form.addresses {
            addresses.settle(&mut query)?;
        }
        let found = Found { route: at, parameters, query, narrowing: None };
        Ok(Matched { provider: self, route, found })
    }
}

impl Provider {
    /// For how many seconds the name of a zone may be kept that was asked for by its id; 0 where
    /// zones can be renamed.
    pub fn zone_names_keep_s(&self) -> u32 {
        self.file.lookup.zone.as_ref().map_or(0, |form| form.keep_s)
    }

    /// The host of the API, for lookups; none where it is the operator's own server.
    pub fn host(&self) -> Option<&str> {
        self.file.origin.as_ref()?.split_once("://").map(|(_, host)| host)
    }

    /// The login that the gate answers itself, if this is one, with its route's name.
    pub fn login(&self, method: Method, target: &Target) -> Option<(&str, &Login)> {
        let logins = self.routes.iter().filter(|route| route.pattern.method == method);
        let mut found = logins.filter(|route| route.pattern.has_form(&self.file, target));
        found.find_map(|route| Some((route.id(), route.form.login.as_ref()?)))
    }

    /// The field of a body that holds the key, and the one beside it, if this API has that.
    pub fn body_key(&self) -> Option<(&str, Option<&str>)> {
        self.file.credential.iter().find_map(|credential| {
            Some((credential.body.as_deref()?, credential.body_beside.as_deref()))
        })
    }

    /// The route of what was found before by this same provider; none for another's.
    pub fn again(&self, found: &Found) -> Option<Matched<'_>> {
        let route = self.routes.get(found.route)?;
        Some(Matched { provider: self, route, found: found.clone() })
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

    /// The header and its value that tell it from another route of the same method and path, such
    /// as `accept: text/plain`.
    pub fn told_by(&self) -> Option<String> {
        self.form.told_by.as_ref().map(ToString::to_string)
    }

    /// Whether it reads a body; whatever comes for another route is dropped.
    pub fn reads_body(&self) -> bool {
        self.form.reads_body()
    }
}
