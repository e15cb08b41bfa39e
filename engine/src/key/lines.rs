//! Keys as JSON lines, for lists that another system writes: one object for each key.
//!
//! ```json
//! {"id":"k3m9x2p7q1ab","digest":"sha256:...","description":"host 17","accounts":["powerdns/main"],
//!  "grant":[{"grant":"ddns","zone":"example.com","name":"h17.example.com"}]}
//! ```
//!
//! (on one line). The fields are those of `keys.toml`, times are texts. A line becomes the tree
//! that the same key would be in TOML, so that there is one reader with one set of checks; all of
//! it stands at its line.

use std::borrow::Cow;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::settings::Source;

/// What some editors put before a text; in TOML it may stand there too.
pub(super) const BYTE_ORDER: char = '\u{feff}';
/// Objects and lists inside one another; a key has two.
const NEST_MAX: usize = 8;

/// The tree of a file of JSON lines: what its tables would be in TOML.
pub(super) fn tree<'t>(source: &Source<'t>) -> Spanned<DeTable<'t>> {
    let mut keys = DeArray::new();
    let text = source.text().strip_prefix(BYTE_ORDER).unwrap_or(source.text());
    let mut begin = source.text().len() - text.len();
    for line in text.split_inclusive('\n') {
        let at = begin..begin + line.trim_end().len();
        begin += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let mut reader = serde_json::Deserializer::from_str(line.trim_end());
        let seed = Node { at: &at, depth: 0 };
        match seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)) {
            Ok(value) if value.get_ref().is_table() => keys.push(value),
            Ok(_) => source.problem(at.start, "this line is no JSON object", HELP),
            // SECURITY: the reader's words could quote a text of the line.
            Err(error) => {
                let wrong = match error.classify() {
                    serde_json::error::Category::Data => {
                        "has a field twice, a number, `null` or too many brackets"
                    }
                    serde_json::error::Category::Syntax
                    | serde_json::error::Category::Eof
                    | serde_json::error::Category::Io => "is not JSON",
                };
                let message = format!("this line {wrong}, near its column {}", error.column());
                source.problem(at.start, message, HELP);
            }
        }
    }
    let mut root = DeTable::new();
    let all = 0..source.text().len();
    let name = Spanned::new(0..0, Cow::Borrowed("key"));
    root.insert(name, Spanned::new(all.clone(), DeValue::Array(keys)));
    Spanned::new(all, root)
}

/// What to write instead.
const HELP: &str = "write one object with the fields of a key on each line";

/// A value of JSON as one of TOML, at a line.
struct Node<'l> {
    /// The line.
    at: &'l std::ops::Range<usize>,
    /// How deep it stands.
    depth: usize,
}

impl Node<'_> {
    /// What stands in it.
    fn inner<E: serde::de::Error>(&self) -> Result<Node<'_>, E> {
        if self.depth >= NEST_MAX {
            return Err(E::custom("it is nested too deeply"));
        }
        Ok(Node { at: self.at, depth: self.depth + 1 })
    }

    /// A value at the line.
    fn spanned<T>(&self, value: T) -> Spanned<T> {
        Spanned::new(self.at.clone(), value)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Spanned<DeValue<'static>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Spanned<DeValue<'static>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("texts, true or false, lists and objects")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.spanned(DeValue::Boolean(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.spanned(DeValue::String(Cow::Owned(value.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = DeArray::new();
        while let Some(item) = list.next_element_seed(self.inner()?)? {
            items.push(item);
        }
        Ok(self.spanned(DeValue::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut table = DeTable::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(self.inner()?)?;
            // SECURITY: of two fields with one name, one would be ignored, perhaps a restriction.
            if table.insert(self.spanned(Cow::Owned(name)), value).is_some() {
                return Err(serde::de::Error::custom("a field is there twice"));
            }
        }
        Ok(self.spanned(DeValue::Table(table)))
    }
}
