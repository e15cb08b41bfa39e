//! The form of what a provider file says about requests: bodies, records in them, routes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};

use super::{Kind, Names, TrailingSlash};
use crate::operation::Action;
use crate::provider::Forms;

/// The shape of a JSON object in requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct Object {
    /// Where the facts are from.
    pub(in crate::provider) source: String,
    /// The fields; any other denies the request.
    pub(in crate::provider) field: BTreeMap<String, Field>,
}

/// What is done with a field or query parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::provider) enum Use {
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
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file by itself")]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct Field {
    /// What is done with it.
    #[serde(rename = "use")]
    pub(in crate::provider) usage: Use,
    /// What it may be; empty only where it does not go on.
    #[serde(default, deserialize_with = "one_or_many")]
    pub(in crate::provider) is: Vec<Kind>,
    /// Whether the request is denied without it.
    #[serde(default)]
    pub(in crate::provider) required: bool,
    /// The set that holds all its values.
    pub(in crate::provider) one_of: Option<String>,
    /// Of a query parameter: the set of texts none of which may stand anywhere in it, because the
    /// provider takes them for something else than a part of the text.
    pub(in crate::provider) without: Option<String>,
    /// The object or batch inside.
    pub(in crate::provider) of: Option<String>,
    /// Whether `null` goes on, where it means something.
    #[serde(default)]
    pub(in crate::provider) null: bool,
    /// Whether a query parameter may stand several times.
    #[serde(default)]
    pub(in crate::provider) repeat: bool,
    /// Of a `zone`, where the API writes this one with a last dot and others without: it may have
    /// one or not, and what goes on has it.
    #[serde(default)]
    pub(in crate::provider) last_dot: bool,
    /// Of `texts`: what the ids look like that they all are.
    pub(in crate::provider) id: Option<super::IdForm>,
    /// A record of the zone that the field's text is the value of.
    pub(in crate::provider) record: Option<FieldRecord>,
    /// What must be allowed besides, if the field is there; of an `other-zone`, on that zone.
    #[serde(default)]
    pub(in crate::provider) ask: Vec<Asked>,
    /// What the value must be like for `ask` to apply.
    #[serde(default)]
    pub(in crate::provider) when: When,
    /// The set that the value must be in for `ask` to apply.
    pub(in crate::provider) when_in: Option<String>,
}

/// A record that a field creates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct FieldRecord {
    /// Its owner name, relative to the zone; `@` for the zone itself.
    pub(in crate::provider) name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(in crate::provider) rtype: String,
}

/// What a value must be like for `ask` to apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::provider) enum When {
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
pub(in crate::provider) struct Asked(pub(in crate::provider) Action);

impl TryFrom<String> for Asked {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Action::from_name(&name)
            .map(Asked)
            .ok_or_else(|| format!("there is no action `{name}`, such as `record.create`"))
    }
}

/// How records are written, and what is done with them.
///
/// An item is either an rrset with a list of `values`, or one record whose value `flat` says.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file by itself")]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct Batch {
    /// Where the facts are from.
    pub(in crate::provider) source: String,
    /// The object with the other fields of each item, those of `flat` included.
    pub(in crate::provider) item: String,
    /// The field with the owner name; none where the path has it. Where both have it, they must
    /// agree.
    pub(in crate::provider) name: Option<String>,
    /// How names are written.
    #[serde(default)]
    pub(in crate::provider) names: Names,
    /// For types whose name is made of several fields: type to a template of a relative name,
    /// such as `SRV = "{service}.{protocol}"`, which stands before the name of the name's field.
    #[serde(default)]
    pub(in crate::provider) owner: BTreeMap<String, String>,
    /// Whether names of these types are made of those fields alone, and the name's field is empty.
    #[serde(default)]
    pub(in crate::provider) owner_alone: bool,
    /// The field with the record type; none where the path has it, or where an update cannot
    /// change it.
    #[serde(rename = "type")]
    pub(in crate::provider) rtype: Option<String>,
    /// Whether an update must repeat the type that the record has, if it says one.
    #[serde(default)]
    pub(in crate::provider) type_fixed: bool,
    /// The field with the record's id: in answers, and where an item names its record by it.
    pub(in crate::provider) id: Option<String>,
    /// What the ids look like.
    pub(in crate::provider) id_form: Option<super::IdForm>,
    /// For rrsets: the field with the list of values.
    pub(in crate::provider) values: Option<String>,
    /// The object with the other fields of each value; without it, each value is a text.
    pub(in crate::provider) element: Option<String>,
    /// The field of each value that holds its text.
    pub(in crate::provider) value: Option<String>,
    /// For single records: type to templates of its value in presentation form, `*` for all
    /// others: `MX = ["{priority} {content}"]`. The templates of a type are alternatives (`{data.target}`
    /// is a field of an object inside); exactly one must apply, with all its fields given.
    /// `{priority|0}` says what an absent field means.
    #[serde(default)]
    pub(in crate::provider) flat: BTreeMap<String, Vec<String>>,
    /// Whether an update replaces the whole record: fields of its value that are absent are gone.
    #[serde(default)]
    pub(in crate::provider) replaces: bool,
    /// How TXT values are written.
    #[serde(default)]
    pub(in crate::provider) texts: Texts,
    /// For rrsets that are extended: the field with a second list, of values that go. Values that
    /// stand in neither list stay, unless something else is given besides, such as a TTL: then all
    /// values go and come again, as with `touch`.
    pub(in crate::provider) removes: Option<String>,
    /// Beside `removes`: types of which a name has one value, so that an added one takes the place
    /// of what is there.
    #[serde(default)]
    pub(in crate::provider) single: Vec<String>,
    /// Whether an absent list of values leaves them as they are.
    #[serde(default)]
    pub(in crate::provider) absent_keeps: bool,
    /// The field with a list of remarks that can be changed without any value.
    pub(in crate::provider) notes: Option<String>,
    /// The field that says what is done.
    pub(in crate::provider) change: Option<String>,
    /// Its words, exactly.
    #[serde(default)]
    pub(in crate::provider) changes: BTreeMap<String, Change>,
    /// What is done with every item, whatever it says.
    pub(in crate::provider) always: Option<Means>,
    /// What must be allowed for a list without items.
    #[serde(default)]
    pub(in crate::provider) when_empty: Vec<Asked>,
}

/// How an API writes TXT values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::provider) enum Texts {
    /// As in a zone file: in quotes, or a single word.
    #[default]
    Quoted,
    /// As they are; quotes and backslashes are what they are.
    Raw,
}

/// One word that says what is done with an rrset.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct Change {
    /// What it means.
    pub(in crate::provider) means: Means,
    /// Fields that the provider does not read with it, and that do not go on.
    #[serde(default)]
    pub(in crate::provider) drops: Vec<String>,
}

/// What is done with an rrset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::provider) enum Means {
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
    /// The record with this id becomes what is given; what is absent stays as it is.
    Update,
    /// Something of the rrset changes (its TTL), and no value: all values go and come again.
    Touch,
}

/// A route.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct RouteForm {
    /// Its name in logs and tables.
    pub(in crate::provider) id: String,
    /// Where the facts are from.
    pub(in crate::provider) source: String,
    /// Method and path, with typed parameters in braces.
    #[serde(rename = "match")]
    pub(in crate::provider) pattern: String,
    /// What tells it from another route of the same method and path, which has the requests that
    /// it does not.
    pub(in crate::provider) told_by: Option<ToldBy>,
    /// What must be allowed, whatever the request says.
    #[serde(default)]
    pub(in crate::provider) ask: Vec<Asked>,
    /// What must be allowed besides for some kinds of metadata.
    #[serde(default)]
    pub(in crate::provider) metadata: Vec<MetadataAsk>,
    /// The object in the body. Without it and its like, the body is dropped.
    pub(in crate::provider) body: Option<String>,
    /// The batch of which the body is one item.
    pub(in crate::provider) item: Option<String>,
    /// The batch of whose items the body is a list; beside `item`, the body decides.
    pub(in crate::provider) items: Option<String>,
    /// The content type of a body that goes on unread, such as a zone file. `zone.import` must
    /// then be among `ask`. Of `multipart/form-data` the boundary is taken from the body.
    pub(in crate::provider) opaque: Option<String>,
    /// What is done with the record or rrset that the path names, where no body says it.
    pub(in crate::provider) means: Option<Means>,
    /// What a replacing route deletes besides: everything of this extent that it does not list.
    pub(in crate::provider) whole: Option<Extent>,
    /// Whether the path is about the zone's own name, where it names no other.
    #[serde(default)]
    pub(in crate::provider) apex: bool,
    /// A login whose answer is the key itself: the gate answers, and nothing goes on. Its body has
    /// the key in this field, as JSON or as a form; the answer's template has it at `{key}`.
    pub(in crate::provider) login: Option<Login>,
    /// The shape of the answer.
    pub(in crate::provider) response: String,
    /// Whether the new zone (the `other-zone`, where there is one) is also checked against the
    /// zones around it.
    #[serde(default)]
    pub(in crate::provider) enclosing: bool,
    /// The query parameters; any other denies the request.
    #[serde(default)]
    pub(in crate::provider) query: BTreeMap<String, Field>,
    /// How a header of the request narrows the list that is answered.
    pub(in crate::provider) narrow: Option<String>,
    /// Records that the query names and writes, whatever the method; their zone is looked up.
    pub(in crate::provider) addresses: Option<QueryRecords>,
    /// What a slash behind this path means, where it is not what the file says.
    pub(in crate::provider) trailing_slash: Option<TrailingSlash>,
}

/// The addresses of one name, in a query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct QueryRecords {
    /// The parameter with the owner name.
    pub(in crate::provider) name: String,
    /// The word for addresses that stay; nothing stands for addresses that go.
    pub(in crate::provider) keeps: String,
    /// `A` and `AAAA`, and the parameters of which exactly one has each one's address.
    pub(in crate::provider) values: BTreeMap<String, Vec<String>>,
}

/// A header with a JSON filter: an object of fields with the texts that they must have, in `+and`
/// and `+or` as well. It does not go on; the gate itself leaves out what does not fit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct NarrowForm {
    /// Where the facts are from.
    pub(in crate::provider) source: String,
    /// The header's name.
    pub(in crate::provider) header: String,
    /// The fields of an entry that may be asked for; any other denies the request.
    pub(in crate::provider) field: BTreeMap<String, Comparison>,
    /// Query parameters that go on with a filter, unless the client gives them: what is narrowed
    /// here should come on few pages, because some clients read the first one alone.
    #[serde(default)]
    pub(in crate::provider) wide: BTreeMap<String, String>,
}

/// How a field of an entry is compared with the text of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::provider) enum Comparison {
    /// It is exactly that text.
    Text,
    /// It is that text, in any case of its ASCII letters.
    Name,
    /// It is a list, and the text one of its items.
    Among,
}

/// A header that tells a route from another one of the same method and path: it stands in the
/// request once, with nothing else in it. Without it, with more in it or twice, the request is the
/// other route's.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::provider) enum ToldBy {
    /// The content type of the body; what goes on has the same one, which is that of `opaque`.
    ContentType(String),
    /// The content type of the answer; the header goes on, and the answer is of no other.
    Accept(String),
}

impl ToldBy {
    /// The header's name.
    pub(in crate::provider) fn header(&self) -> &'static str {
        match self {
            ToldBy::ContentType(_) => "content-type",
            ToldBy::Accept(_) => "accept",
        }
    }

    /// Whether the headers of a request tell this.
    pub(in crate::provider) fn is_told(&self, forms: Forms<'_>) -> bool {
        let (given, wanted) = match self {
            ToldBy::ContentType(wanted) => (forms.content_type, wanted),
            ToldBy::Accept(wanted) => (forms.accept, wanted),
        };
        given.is_some_and(|given| given.eq_ignore_ascii_case(wanted.as_bytes()))
    }
}

/// The header as it stands in a request.
impl fmt::Display for ToldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ToldBy::ContentType(given) | ToldBy::Accept(given)) = self;
        write!(f, "{}: {given}", self.header())
    }
}

/// A login that the gate answers itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The field of the body that holds the key.
    pub(in crate::provider) key: String,
    /// The other fields, which are not looked at.
    #[serde(default)]
    pub(in crate::provider) beside: Vec<String>,
    /// JSON with `{key}` inside a string.
    pub(in crate::provider) answer: String,
}

impl Login {
    /// Whether this field holds the key.
    pub(crate) fn is_key(&self, field: &str) -> bool {
        self.key == field
    }

    /// Whether this field may be there.
    pub(crate) fn knows(&self, field: &str) -> bool {
        self.is_key(field) || self.beside.iter().any(|one| one == field)
    }

    /// The answer with a key in it.
    pub(crate) fn answer_with(&self, key: &str) -> String {
        self.answer.replace("{key}", key)
    }
}

/// What a replacing route is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::provider) enum Extent {
    /// Every record of the zone.
    Zone,
    /// Every record of the type that the path names.
    Type,
    /// Every record of the name that the path names.
    Name,
}

/// What must be allowed besides for some kinds of metadata.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::provider) struct MetadataAsk {
    /// The set of kinds.
    #[serde(rename = "in")]
    pub(in crate::provider) set: String,
    /// The actions.
    pub(in crate::provider) ask: Vec<Asked>,
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
