//! The form of a provider file.
//!
//! Everything here is data that a contributor writes; [`super::check`] holds what these types
//! cannot say. Every table refuses keys that it does not know, because a rule under a misspelt
//! key would be a rule that nobody applies.

mod answer;
mod request;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

pub(super) use self::answer::{LookupForm, Lookups, Paging, ResponseForm, Shape};
pub use self::request::Login;
pub(super) use self::request::{
    Asked, Batch, Comparison, Extent, Field, FieldRecord, Means, NarrowForm, Object, QueryRecords,
    RouteForm, Texts, ToldBy, Use, When,
};
use crate::name::NameForm;

/// A whole provider file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The provider's name in configuration, policies and logs.
    pub(super) provider: String,
    /// The API's name for people.
    pub(super) title: String,
    /// The scheme and host of the API, such as `https://api.example.net`: lookups are asked
    /// there, and links that begin so are turned back to the gate. Without it the API is the
    /// operator's own server, and the cluster's name is the host of lookups.
    pub(super) origin: Option<String>,
    /// How the API writes zones and absolute names.
    pub(super) name_form: Form,
    /// Whether the provider takes JSON keys that differ in case for the same key.
    #[serde(default)]
    pub(super) fold_keys: bool,
    /// What a slash behind the last path segment means.
    pub(super) trailing_slash: TrailingSlash,
    /// Where the facts are from, by the name that `source` refers to.
    pub(super) source: BTreeMap<String, Source>,
    /// Where a client of this provider puts its credential.
    pub(super) credential: Vec<Credential>,
    /// What is forwarded of a request besides path, query and body.
    pub(super) forward: ForwardForm,
    /// The provider's shape of an error.
    pub(super) error: ErrorForm,
    /// What the API calls record types, where that is not their mnemonic: its word or number to a
    /// mnemonic or `TYPEnnn`. What is no DNS type (a redirect, a script) gets a private number of
    /// 65280 to 65400, so that policies deny it like any type without a name.
    #[serde(default)]
    pub(super) types: BTreeMap<String, String>,
    /// Sets of words, compared without regard to ASCII case.
    #[serde(default)]
    pub(super) set: BTreeMap<String, Vec<String>>,
    /// The typed parameters of paths.
    #[serde(default)]
    pub(super) parameter: BTreeMap<String, Parameter>,
    /// The shapes of JSON objects in requests.
    #[serde(default)]
    pub(super) object: BTreeMap<String, Object>,
    /// How lists of rrsets are read.
    #[serde(default)]
    pub(super) batch: BTreeMap<String, Batch>,
    /// The shapes of answers.
    pub(super) response: BTreeMap<String, ResponseForm>,
    /// How lists come in pages.
    #[serde(default)]
    pub(super) paging: BTreeMap<String, Paging>,
    /// How clients narrow lists by a header.
    #[serde(default)]
    pub(super) narrow: BTreeMap<String, NarrowForm>,
    /// The questions that the gate asks itself.
    #[serde(default)]
    pub(super) lookup: Lookups,
    /// The routes.
    pub(super) route: Vec<RouteForm>,
}

/// How an API writes absolute names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// `example.com`.
    Fqdn,
    /// `example.com.`.
    FqdnDot,
}

impl Form {
    /// The form of [`crate::name`].
    pub(super) fn name_form(self) -> NameForm {
        match self {
            Form::Fqdn => NameForm::Fqdn,
            Form::FqdnDot => NameForm::FqdnDot,
        }
    }
}

/// What a slash behind the last path segment means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TrailingSlash {
    /// Another path, which is not there.
    Refused,
    /// Every path must have one.
    Required,
    /// Nothing: with one and without, a path is the same, and goes on without.
    Inert,
}

/// Where a fact is from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// The address of the documentation.
    pub(super) docs: String,
    /// The day on which it was checked, best against the real thing.
    pub(super) verified: Day,
}

/// A date as its text; TOML has a type for it, and hands it on as a map with one entry.
#[derive(Debug)]
pub(super) struct Day(pub(super) String);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Takes either form.
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Day;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a day like 2026-11-20")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Day, E> {
                Ok(Day(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Day, A::Error> {
                let entry = map.next_entry::<String, String>()?;
                entry.map(|(_, text)| Day(text)).ok_or_else(|| de::Error::missing_field("day"))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// One place for a credential; exactly one of `header`, `basic` and `body` is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    /// Where the fact is from.
    pub(super) source: String,
    /// The header that holds it.
    pub(super) header: Option<String>,
    /// What stands before it in the header, the blank included.
    pub(super) prefix: Option<String>,
    /// Whether the header has two parts joined by a colon, the second of which is the key.
    #[serde(default)]
    pub(super) after_colon: bool,
    /// A header that goes with it, such as the user's name; it is not looked at.
    pub(super) beside: Option<String>,
    /// The part of HTTP Basic that holds it.
    pub(super) basic: Option<BasicPart>,
    /// The field of a JSON body that holds it; it is taken out of the body.
    pub(super) body: Option<String>,
    /// A field beside it that goes the same way, such as the public half of a pair; not looked at.
    pub(super) body_beside: Option<String>,
}

/// A part of HTTP Basic credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BasicPart {
    /// The password; the user's name is not looked at.
    Password,
}

/// What is forwarded of a request besides path, query and body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForwardForm {
    /// Header names, besides host, user-agent and those of the body.
    pub(super) headers: Vec<String>,
    /// The content type of every forwarded body.
    pub(super) content_type: String,
}

/// The provider's shape of an error.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorForm {
    /// Where the fact is from.
    pub(super) source: String,
    /// The content type of an error.
    pub(super) content_type: String,
    /// JSON with `{sentence}`, `{code}` or `{word}`, and `{request_id}` inside its strings, and
    /// perhaps the HTTP status as `{status}`, inside a string or not.
    pub(super) body: String,
    /// What the provider itself calls errors, by HTTP status, for clients that compare it: a
    /// `{word}`. For other statuses it is the code with `_` for `-`.
    #[serde(default)]
    pub(super) words: BTreeMap<String, String>,
    /// The whole body of every 404, for clients that compare it.
    pub(super) not_found: Option<String>,
    /// Errors of the provider whose text may be passed on; of several for one status the first
    /// whose text is there.
    #[serde(default)]
    pub(super) harmless: Vec<Harmless>,
    /// How an answer says that it is an error, although its status is that of a success.
    pub(super) in_success: Option<InSuccess>,
}

/// What makes an answer with the status of a success an error; the client gets one with the status
/// 400.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InSuccess {
    /// The field, as a path such as `status`.
    pub(super) field: String,
    /// What it is in every error, and in nothing else.
    pub(super) is: Scalar,
}

/// A text, or a bool.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    /// A text, in any case.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
}

/// An error of the provider whose text may be passed on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Harmless {
    /// The HTTP status.
    pub(super) status: u16,
    /// Where the text stands, as a path such as `error.message`; `0` is a list's first item.
    pub(super) field: String,
    /// Where a number of the provider's own stands, for clients that compare it: it goes on in the
    /// place of `{status}`.
    pub(super) number: Option<String>,
    /// The longest text that is passed on, in characters.
    pub(super) chars_max: usize,
}

/// A typed parameter of paths.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    /// Where the fact is from.
    pub(super) source: String,
    /// What it is.
    pub(super) is: Kind,
    /// How the provider encodes it inside the segment.
    pub(super) codec: Option<Codec>,
    /// What ids look like: always for a `zone-id` and a `record-id`; for a `zone` that may also be
    /// named by its id, where nothing that looks like an id is a name.
    pub(super) id: Option<IdForm>,
    /// For a `record-name`: how it is written.
    pub(super) names: Option<Names>,
    /// The only values it has, exactly.
    #[serde(default)]
    pub(super) one_of: Vec<String>,
    /// Values that belong to other routes.
    #[serde(default)]
    pub(super) except: Vec<String>,
}

/// Encodings inside a path segment that several providers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Codec {
    /// `=` and two upper-case hexadecimal digits stand for a byte; a name may lack its last dot.
    EqualsHex,
}

/// What ids of a provider look like; nothing else is spliced into a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum IdForm {
    /// A decimal number without sign and leading zeros, in JSON as a number or a text.
    Digits,
    /// 32 lower-case hexadecimal digits.
    Hex32,
    /// A UUID in lower case, with hyphens.
    Uuid,
    /// One to 64 letters, digits, `-` and `_`.
    Word,
}

/// How owner names are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    /// Relative to the zone, absolute, or both.
    pub(super) form: NamesForm,
    /// The texts that stand for the zone itself in relative form, such as `@` and the empty one;
    /// with the empty one, an absent name means the zone itself too.
    #[serde(default)]
    pub(super) apex: Vec<String>,
    /// A text that may follow a relative name and says nothing, such as deSEC's `...`; it goes on.
    pub(super) tail: Option<String>,
    /// Whether a relative name that ends in a dot is absolute; what goes on is relative.
    #[serde(default)]
    pub(super) dot_absolute: bool,
}

/// Whether names are relative to the zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NamesForm {
    /// As the file's `name_form` says.
    #[default]
    Absolute,
    /// Relative: `www` in `example.com`. A name that ends like the zone is completed all the same.
    Relative,
    /// A name in the zone is absolute, any other is completed by the zone. What goes on is
    /// absolute, so that nothing is left to be understood.
    Either,
}

/// What a text, a parameter or a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Any text without control characters.
    Text,
    /// Any text; line ends and tabs are its only control characters.
    Lines,
    /// Letters, digits and `. _ : -`.
    Word,
    /// A decimal number without sign and leading zeros, as text.
    Digits,
    /// `true` or `false`.
    Bool,
    /// A JSON number without fraction.
    Integer,
    /// A JSON number, perhaps with a fraction.
    Number,
    /// A list of texts.
    Texts,
    /// An absolute name.
    Name,
    /// A record type.
    Type,
    /// An IP address.
    Address,
    /// The zone that the request is about.
    Zone,
    /// A second zone, such as the one that a copy of the path's becomes; only in bodies. What its
    /// field asks for is asked of this zone, and the answer is about it.
    OtherZone,
    /// The zone that the request is about, by its id; only in paths.
    ZoneId,
    /// The record that the request is about, by its id; only in paths.
    RecordId,
    /// The owner name of the record that the request is about; only in paths.
    RecordName,
    /// The type of the record that the request is about; only in paths.
    RecordType,
    /// The kind of the metadata that the request is about.
    #[serde(rename = "metadata-kind")]
    Metadata,
    /// A list of records or rrsets, read by the batch that `of` names.
    Batch,
    /// A list of objects of the shape that `of` names.
    Objects,
    /// An object of the shape that `of` names.
    Object,
    /// An object with any keys and texts.
    Map,
}
