//! The form of a provider file.
//!
//! Everything here is data that a contributor writes; [`super::check`] holds what these types
//! cannot say. Every table refuses keys that it does not know, because a rule under a misspelt
//! key would be a rule that nobody applies.

use std::collections::BTreeMap;

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::name::NameForm;
use crate::operation::Action;

/// A whole provider file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The provider's name in configuration, policies and logs.
    pub(super) provider: String,
    /// The API's name for people.
    pub(super) title: String,
    /// How the API writes absolute names.
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

/// One place for a credential; exactly one of `header` and `basic` is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    /// Where the fact is from.
    pub(super) source: String,
    /// The header that holds it.
    pub(super) header: Option<String>,
    /// What stands before it in the header, the blank included.
    pub(super) prefix: Option<String>,
    /// The part of HTTP Basic that holds it.
    pub(super) basic: Option<BasicPart>,
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
    /// JSON with `{sentence}`, `{code}` and `{request_id}` inside its strings.
    pub(super) body: String,
    /// Errors of the provider whose text may be passed on.
    #[serde(default)]
    pub(super) harmless: Vec<Harmless>,
}

/// An error of the provider whose text may be passed on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Harmless {
    /// The HTTP status.
    pub(super) status: u16,
    /// The field of the JSON object that holds the text.
    pub(super) field: String,
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
    /// The kind of the metadata that the request is about.
    #[serde(rename = "metadata-kind")]
    Metadata,
    /// A list of rrsets, read by the batch that `of` names.
    Batch,
    /// A list of objects of the shape that `of` names.
    Objects,
}

/// The shape of a JSON object in requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    /// Where the facts are from.
    pub(super) source: String,
    /// The fields; any other denies the request.
    pub(super) field: BTreeMap<String, Field>,
}

/// What is done with a field or query parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Use {
    /// It is part of what the request means, and goes on.
    Used,
    /// It goes on; it cannot do harm.
    Pass,
    /// The provider is known not to read it; it does not go on.
    Inert,
    /// It denies the request, like one that is not declared; it stands here to say why.
    Forbidden,
}

/// A field of a body, or a query parameter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Field {
    /// What is done with it.
    #[serde(rename = "use")]
    pub(super) usage: Use,
    /// What it may be; empty only where it does not go on.
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) is: Vec<Kind>,
    /// Whether the request is denied without it.
    #[serde(default)]
    pub(super) required: bool,
    /// The set that holds all its values.
    pub(super) one_of: Option<String>,
    /// The object or batch inside.
    pub(super) of: Option<String>,
    /// What must be allowed besides, if the field is there.
    #[serde(default)]
    pub(super) ask: Vec<Asked>,
    /// What the value must be like for `ask` to apply.
    #[serde(default)]
    pub(super) when: When,
    /// The set that the value must be in for `ask` to apply.
    pub(super) when_in: Option<String>,
}

/// What a value must be like for `ask` to apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum When {
    /// It is there.
    #[default]
    Present,
    /// It is there, and neither an empty text nor an empty list.
    NotEmpty,
    /// It is there, and not `false`.
    NotFalse,
}

/// An action by its policy name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Asked(pub(super) Action);

impl TryFrom<String> for Asked {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Action::from_name(&name)
            .map(Asked)
            .ok_or_else(|| format!("there is no action `{name}`, such as `record.create`"))
    }
}

/// How a list of rrsets is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// Where the facts are from.
    pub(super) source: String,
    /// The object with the other fields of each item.
    pub(super) item: String,
    /// The field with the owner name.
    pub(super) name: String,
    /// The field with the record type.
    #[serde(rename = "type")]
    pub(super) rtype: String,
    /// The field with the list of values.
    pub(super) values: String,
    /// The object with the other fields of each value; without it, each value is a text.
    pub(super) element: Option<String>,
    /// The field of each value that holds its text.
    pub(super) value: Option<String>,
    /// The field with a list of remarks that can be changed without any value.
    pub(super) notes: Option<String>,
    /// The field that says what is done.
    pub(super) change: Option<String>,
    /// Its words, exactly.
    #[serde(default)]
    pub(super) changes: BTreeMap<String, Change>,
    /// What is done with every item, whatever it says.
    pub(super) always: Option<Means>,
    /// What must be allowed for a list without items.
    #[serde(default)]
    pub(super) when_empty: Vec<Asked>,
}

/// One word that says what is done with an rrset.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// What it means.
    pub(super) means: Means,
    /// Fields that the provider does not read with it, and that do not go on.
    #[serde(default)]
    pub(super) drops: Vec<String>,
}

/// What is done with an rrset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Means {
    /// The values are added to nothing.
    Create,
    /// The values take the place of all that is there.
    Replace,
    /// All that is there goes.
    Delete,
    /// The values are added.
    Extend,
    /// The values go.
    Prune,
}

/// The shape of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResponseForm {
    /// Where the facts are from.
    pub(super) source: String,
    /// What is done with it.
    pub(super) shape: Shape,
    /// The statuses of success.
    pub(super) statuses: Vec<u16>,
    /// For `pass`: the content types without parameters.
    #[serde(default)]
    pub(super) content_types: Vec<String>,
    /// The field with a zone's name.
    pub(super) zone: Option<String>,
    /// For `zone`: the field with the list of rrsets.
    pub(super) rrsets: Option<String>,
    /// For `zone`: the batch that says how each rrset is written.
    pub(super) batch: Option<String>,
    /// For `search`: the field that says `zone`, `record` or `comment`.
    pub(super) kind: Option<String>,
    /// For `search`: the field with the owner name.
    pub(super) name: Option<String>,
    /// For `search`: the field with the record type.
    #[serde(rename = "type")]
    pub(super) rtype: Option<String>,
    /// For `search`: the field with the value.
    pub(super) value: Option<String>,
    /// Fields that are left out without the action.
    #[serde(default)]
    pub(super) hide: BTreeMap<String, Asked>,
}

/// What is done with an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Shape {
    /// It goes on as it is.
    #[default]
    Pass,
    /// A list of zones, cut to the readable ones.
    Zones,
    /// One zone, its rrsets cut to the readable ones.
    Zone,
    /// A list of zones, records and comments, cut to the readable ones.
    Search,
    /// One object, some of whose fields may be hidden.
    Object,
}

/// The questions that the gate asks itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lookups {
    /// The values of one rrset.
    pub(super) values: Option<LookupForm>,
    /// Whether a zone exists.
    pub(super) enclosing: Option<LookupForm>,
}

/// One question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookupForm {
    /// Where the facts are from.
    pub(super) source: String,
    /// The path with `{zone_id}`, `{zone}`, `{name}` and `{type}`.
    pub(super) path: String,
    /// The shape of the answer.
    pub(super) response: String,
}

/// A route.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteForm {
    /// Its name in logs and tables.
    pub(super) id: String,
    /// Where the facts are from.
    pub(super) source: String,
    /// Method and path, with typed parameters in braces.
    #[serde(rename = "match")]
    pub(super) pattern: String,
    /// What must be allowed, whatever the request says.
    #[serde(default)]
    pub(super) ask: Vec<Asked>,
    /// What must be allowed besides for some kinds of metadata.
    #[serde(default)]
    pub(super) metadata: Vec<MetadataAsk>,
    /// The object in the body; without it, the body is dropped.
    pub(super) body: Option<String>,
    /// The shape of the answer.
    pub(super) response: String,
    /// Whether the new zone is also checked against the zones around it.
    #[serde(default)]
    pub(super) enclosing: bool,
    /// The query parameters; any other denies the request.
    #[serde(default)]
    pub(super) query: BTreeMap<String, Field>,
}

/// What must be allowed besides for some kinds of metadata.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetadataAsk {
    /// The set of kinds.
    #[serde(rename = "in")]
    pub(super) set: String,
    /// The actions.
    pub(super) ask: Vec<Asked>,
}

/// Reads one value or a list of them.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Kind>, D::Error> {
    /// The two ways to write it.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        /// One.
        One(Kind),
        /// Several.
        Many(Vec<Kind>),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::One(kind) => vec![kind],
        Either::Many(kinds) => kinds,
    })
}
