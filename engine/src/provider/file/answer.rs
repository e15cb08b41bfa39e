//! The form of what a provider file says about answers: their shapes, their pages, lookups.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::file::Asked;

/// The shape of an answer.
///
/// Where something stands is a path such as `result.records`; `0` is a list's first item, and the
/// empty path the whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct ResponseForm {
    /// Where the facts are from.
    pub(in crate::provider) source: String,
    /// What is done with it.
    pub(in crate::provider) shape: Shape,
    /// The statuses of success.
    pub(in crate::provider) statuses: Vec<u16>,
    /// For `pass`: the content types without parameters.
    #[serde(default)]
    pub(in crate::provider) content_types: Vec<String>,
    /// Where the thing itself stands: the list of `zones`, `records`, `search`, the object of the
    /// others.
    #[serde(default)]
    pub(in crate::provider) at: String,
    /// For `records`: where other lists of the same kind stand, such as what a batch deleted.
    #[serde(default)]
    pub(in crate::provider) also: Vec<String>,
    /// Whether the list is an object whose keys say nothing.
    #[serde(default)]
    pub(in crate::provider) keyed: bool,
    /// The field with a zone's name.
    pub(in crate::provider) zone: Option<String>,
    /// The field with a zone's id.
    pub(in crate::provider) zone_id: Option<String>,
    /// For `zone` and `zones`: the field of a zone with the list of its records or rrsets.
    pub(in crate::provider) rrsets: Option<String>,
    /// Whether that list is an object whose keys say nothing.
    #[serde(default)]
    pub(in crate::provider) rrsets_keyed: bool,
    /// For `record`, `records` and whatever has `rrsets`: the batch that says how each is written.
    pub(in crate::provider) batch: Option<String>,
    /// For `search`: the field that says `zone`, `record` or `comment`.
    pub(in crate::provider) kind: Option<String>,
    /// For `search`: the field with the owner name.
    pub(in crate::provider) name: Option<String>,
    /// For `search`: the field with the record type.
    #[serde(rename = "type")]
    pub(in crate::provider) rtype: Option<String>,
    /// For `search`: the field with the value.
    pub(in crate::provider) value: Option<String>,
    /// Fields of a zone or of the object that are left out without the action; of a zone, where it
    /// is decided on that zone, otherwise on the account.
    #[serde(default)]
    pub(in crate::provider) hide: BTreeMap<String, Asked>,
    /// How the list comes in pages.
    pub(in crate::provider) paging: Option<String>,
}

/// What is done with an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::provider) enum Shape {
    /// It goes on as it is.
    #[default]
    Pass,
    /// A list of zones, cut to the readable ones; records inside them are cut too.
    Zones,
    /// One zone, its records or rrsets cut to the readable ones.
    Zone,
    /// A list of records or rrsets of the request's zone, cut to the readable ones.
    Records,
    /// One record or rrset of the request's zone; unknown, where it may not be read.
    Record,
    /// A list of zones, records and comments, cut to the readable ones.
    Search,
    /// One object, some of whose fields may be hidden.
    Object,
    /// A list of objects, some of whose fields may be hidden.
    Objects,
}

/// How a list comes in pages: where an answer says what. Counters are paths; all are optional.
///
/// What is left out must not be counted, and a client that pages must come to an end: `count` is
/// what is left on the page; `total` is what is left too where the page is the only one, and
/// otherwise a full last page, which says how many pages there are and no more.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct Paging {
    /// Where the facts are from.
    pub(in crate::provider) source: String,
    /// The number of this page, counted from 1.
    pub(in crate::provider) page: Option<String>,
    /// How many entries a page has at most.
    pub(in crate::provider) per_page: Option<String>,
    /// The query parameter that says so, where the answer does not.
    pub(in crate::provider) per_page_query: Option<String>,
    /// How many entries a page has where nobody says.
    pub(in crate::provider) per_page_default: Option<u64>,
    /// How many entries this page has.
    pub(in crate::provider) count: Option<String>,
    /// How many entries there are.
    pub(in crate::provider) total: Option<String>,
    /// How many pages there are.
    pub(in crate::provider) pages: Option<String>,
    /// Whether there are more: a bool, or the next page's number, cursor or address; `null`, an
    /// empty text and zero mean none.
    pub(in crate::provider) next: Option<String>,
    /// Addresses of pages inside the answer; each begins with the file's `origin` or with `/`, and
    /// is turned back to the gate.
    #[serde(default)]
    pub(in crate::provider) links: Vec<String>,
    /// Whether addresses of pages stand in the header `link` (RFC 8288).
    #[serde(default)]
    pub(in crate::provider) link_header: bool,
    /// Headers with how many entries there are.
    #[serde(default)]
    pub(in crate::provider) total_headers: Vec<String>,
}

/// The questions that the gate asks itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct Lookups {
    /// The name of a zone by its id; the answer is a `zone`, or `zones` in which it is found.
    pub(in crate::provider) zone: Option<LookupForm>,
    /// One record by its id; the answer is a `record`.
    pub(in crate::provider) record: Option<LookupForm>,
    /// All records of a zone; the answer is `records`, or a `zone` with its records. It answers for
    /// several ids at once, for whole extents, and for one id where there is no `record`.
    pub(in crate::provider) records: Option<LookupForm>,
    /// The values of one rrset; the answer is `records` or a `zone`, and may hold others.
    pub(in crate::provider) values: Option<LookupForm>,
    /// The zone that a name lies in, which is `{name}`; the answer is `zones`, that one or none.
    pub(in crate::provider) owner: Option<LookupForm>,
    /// Whether a zone exists; a list whose path has no `{zone}` is of all zones.
    pub(in crate::provider) enclosing: Option<LookupForm>,
}

/// One question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct LookupForm {
    /// Where the facts are from.
    pub(in crate::provider) source: String,
    /// The path: `{zone_id}` is the zone as it stands in paths (its id, or its name), `{zone}` its
    /// name, `{record_id}` a record's id, `{name}` and `{type}` those of a record, `{page}` the
    /// number of a page, and any other parameter of the request's own path by its name.
    pub(in crate::provider) path: String,
    /// Whether it is a `POST` with an empty object, for an API that reads by no other method.
    #[serde(default)]
    pub(in crate::provider) post: bool,
    /// The shape of the answer.
    pub(in crate::provider) response: String,
    /// How names are written in the path.
    #[serde(default)]
    pub(in crate::provider) names: super::Names,
    /// Fields of the entry that must be the same as parameters of the request's path.
    #[serde(default)]
    pub(in crate::provider) same: BTreeMap<String, String>,
    /// For `zone`: for how many seconds the answer may be kept; 0 where zones can be renamed.
    #[serde(default)]
    pub(in crate::provider) keep_s: u32,
}
