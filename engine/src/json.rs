//! JSON, read strictly: one text has one meaning, whoever reads it.
//!
//! Parsers disagree about repeated keys, lone surrogates, large numbers and what follows the
//! document; whatever they disagree about is refused here. What goes on to a provider is written
//! from the tree again, so it is what was judged. Order is kept, because some clients read
//! listings with regular expressions.
//!
//! [`raw_array`] and [`raw_object`] cut a large answer into its elements without changing a byte
//! of them; an element is then read with [`Json::parse`] before it is believed.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_json::value::RawValue;

#[cfg(test)]
mod tests;

/// One JSON value; objects keep the order of their keys, which are unique.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number whose text and value are each made from the other.
    Number(Number),
    /// A string, unescaped.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// How much a document may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// The most arrays and objects inside one another; at most 127 are ever read.
    pub depth_max: usize,
    /// The most values in all, those inside arrays and objects counted too.
    pub nodes_max: usize,
    /// Whether keys that differ only in case are the same key, as for providers that ignore case.
    pub fold_keys: bool,
}

/// Why a text is not JSON that this gate accepts, in a person's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong: lower case, no full stop.
    message: String,
    /// Line and column, counted from 1, where they are known.
    at: Option<(usize, usize)>,
}

impl Json {
    /// Reads one document: UTF-8 without a byte-order mark, unique keys, nothing behind it.
    ///
    /// SECURITY: keys are unique at every depth, and with `fold_keys` under case folding as well
    /// (tests `a_repeated_key_is_refused`,
    /// `a_repeated_key_in_another_case_is_refused`): a provider that takes the other
    /// one would do what nobody judged.
    pub fn parse(bytes: &[u8], limits: &JsonLimits) -> Result<Json, JsonError> {
        let text = text_of(bytes)?;
        let mut count = Count { limits, nodes: 0, floats: Vec::new() };
        let mut reader = serde_json::Deserializer::from_str(text);
        let tree = Node { count: &mut count, depth: 0 }.deserialize(&mut reader)?;
        reader.end()?;
        check_floats(text, &count.floats)?;
        Ok(tree)
    }

    /// The value of a key of an object; none where there is no such key or no object.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// The string, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        if let Json::Array(items) = self { Some(items) } else { None }
    }

    /// The keys and values in order, if this is an object.
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        if let Json::Object(fields) = self { Some(fields) } else { None }
    }

    /// The truth value, if this is one; no other value stands for one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Json::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number, if this is one without sign, fraction and exponent.
    pub fn as_u64(&self) -> Option<u64> {
        if let Json::Number(number) = self { number.as_u64() } else { None }
    }

    /// The document in its compact form, order kept; parsing it gives the same tree.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        self.write(&mut out);
        out.into_bytes()
    }

    /// Appends the compact form.
    fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Number(number) => out.push_str(&number.to_string()),
            Json::Text(text) => write_text(out, text),
            Json::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(fields) => {
                out.push('{');
                for (index, (key, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(out, key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Appends a string in quotes, escaped no more than JSON asks for.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => {
                let code = u32::from(c);
                out.push_str("\\u00");
                out.extend(char::from_digit(code >> 4, 16));
                out.extend(char::from_digit(code & 15, 16));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// The document as text: UTF-8, without a byte-order mark.
fn text_of(bytes: &[u8]) -> Result<&str, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        JsonError { message: "this is not UTF-8".to_owned(), at: Some(position(before)) }
    })?;
    if text.starts_with('\u{feff}') {
        return Err(JsonError::new("a byte-order mark stands before the document"));
    }
    Ok(text)
}

/// Line and column, counted from 1, of the byte behind `before`.
fn position(before: &[u8]) -> (usize, usize) {
    let lines = before.split(|byte| *byte == b'\n');
    lines.fold((0, 0), |(line, _), text| (line + 1, text.len() + 1))
}

/// What is counted while one document is read.
struct Count<'l> {
    /// The document's limits.
    limits: &'l JsonLimits,
    /// Values so far.
    nodes: usize,
    /// The numbers that are no 64-bit integers, in the order of the text.
    floats: Vec<Number>,
}

/// Reads one value at a depth.
struct Node<'c, 'l> {
    /// What is counted so far.
    count: &'c mut Count<'l>,
    /// How many arrays and objects are around the value.
    depth: usize,
}

impl Node<'_, '_> {
    /// The depth inside this value, if the limit allows one more array or object.
    fn inner<E: serde::de::Error>(&self) -> Result<usize, E> {
        let depth_max = self.count.limits.depth_max;
        if self.depth < depth_max {
            Ok(self.depth + 1)
        } else {
            Err(E::custom(format_args!("more than {depth_max} arrays and objects are nested")))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.count.nodes += 1;
        let nodes_max = self.count.limits.nodes_max;
        if self.count.nodes > nodes_max {
            return Err(D::Error::custom(format_args!("there are more than {nodes_max} values")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json, E> {
        let number =
            Number::from_f64(value).ok_or_else(|| E::custom("this number is too large"))?;
        self.count.floats.push(number.clone());
        Ok(Json::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let depth = self.inner()?;
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(Node { count: &mut *self.count, depth })? {
            read.push(item);
        }
        Ok(Json::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let depth = self.inner()?;
        let mut keys = Keys::new(self.count.limits.fold_keys);
        let mut read: Vec<(String, Json)> = Vec::new();
        while let Some(key) = fields.next_key::<String>()? {
            keys.admit(&key, read.iter().map(|(key, _)| key.as_str()))?;
            let value = fields.next_value_seed(Node { count: &mut *self.count, depth })?;
            read.push((key, value));
        }
        Ok(Json::Object(read))
    }
}

/// How many keys of an object are compared one by one before a set of them is made.
const KEYS_COMPARED_MAX: usize = 16;

/// The keys of one object, which must be unique.
struct Keys {
    /// Whether case is ignored.
    fold: bool,
    /// The keys so far, folded, once there are many; an object of any size stays quick.
    seen: BTreeSet<String>,
}

impl Keys {
    /// No keys yet.
    fn new(fold: bool) -> Keys {
        Keys { fold, seen: BTreeSet::new() }
    }

    /// Takes the next key, or says that it is a repetition of one of those `before` it.
    fn admit<'k, E: serde::de::Error>(
        &mut self,
        key: &str,
        before: impl ExactSizeIterator<Item = &'k str>,
    ) -> Result<(), E> {
        let fold = self.fold;
        let repeated = if before.len() < KEYS_COMPARED_MAX {
            let mut before = before;
            before.any(|other| other == key || (fold && folded(other).eq(folded(key))))
        } else {
            let own = |key: &str| if fold { folded(key).collect() } else { key.to_owned() };
            if self.seen.is_empty() {
                self.seen = before.map(own).collect();
            }
            !self.seen.insert(own(key))
        };
        if repeated {
            let case = if fold { ", upper and lower case being alike" } else { "" };
            return Err(E::custom(format_args!("the key {key:?} is repeated{case}")));
        }
        Ok(())
    }
}

/// The characters of a key with case taken away.
///
/// Besides ASCII, the two characters whose simple case folding is an ASCII letter: some readers
/// that ignore case take them for `s` and `k`.
fn folded(key: &str) -> impl Iterator<Item = char> {
    key.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    })
}

/// Refuses numbers that are written otherwise than this crate writes them.
///
/// An integer of 64 bits has one spelling in JSON, so only the others are looked at: `1e1`, `3.00`,
/// `-0`, and integers that no reader holds exactly. `text` is well-formed JSON.
fn check_floats(text: &str, floats: &[Number]) -> Result<(), JsonError> {
    if floats.is_empty() {
        return Ok(());
    }
    let mut floats = floats.iter();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| matches!(c, '"' | '-' | '0'..='9')) {
        let (_, found) = rest.split_at_checked(start).unwrap_or_default();
        if let Some(string) = found.strip_prefix('"') {
            rest = after_string(string);
            continue;
        }
        let end = found.find(|c: char| !matches!(c, '+' | '-' | '.' | 'e' | 'E' | '0'..='9'));
        let (token, after) = found.split_at_checked(end.unwrap_or(found.len())).unwrap_or_default();
        rest = after;
        if is_integer(token) || floats.next().is_some_and(|float| float.to_string() == token) {
            continue;
        }
        let message =
            format!("the number {token} has another usual spelling, or none that is exact");
        let before = text.len().saturating_sub(found.len());
        let at = position(text.as_bytes().get(..before).unwrap_or_default());
        return Err(JsonError { message, at: Some(at) });
    }
    if floats.next().is_some() {
        return Err(JsonError::new("a number could not be read again"));
    }
    Ok(())
}

/// Whether a number of well-formed JSON is an integer of 64 bits, which has one spelling.
fn is_integer(token: &str) -> bool {
    token != "-0" && (token.parse::<u64>().is_ok() || token.parse::<i64>().is_ok())
}

/// What follows a string whose opening quote was just read.
fn after_string(text: &str) -> &str {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => {
                chars.next();
            }
            _ => {}
        }
    }
    chars.as_str()
}

/// The elements of a document that is an array, each byte for byte; none is looked into.
pub fn raw_array(bytes: &[u8]) -> Result<Vec<&RawValue>, JsonError> {
    let mut reader = serde_json::Deserializer::from_str(text_of(bytes)?);
    let items = Vec::<&RawValue>::deserialize(&mut reader)?;
    reader.end()?;
    Ok(items)
}

/// The keys and values of a document that is an object, each value byte for byte; none is looked
/// into, but the object's own keys are unique.
pub fn raw_object(bytes: &[u8]) -> Result<Vec<(String, &RawValue)>, JsonError> {
    let mut reader = serde_json::Deserializer::from_str(text_of(bytes)?);
    let fields = reader.deserialize_map(RawFields(PhantomData))?;
    reader.end()?;
    Ok(fields)
}

/// Reads the fields of one object without looking into their values.
struct RawFields<'a>(PhantomData<&'a RawValue>);

impl<'de: 'a, 'a> Visitor<'de> for RawFields<'a> {
    type Value = Vec<(String, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut keys = Keys::new(false);
        let mut read: Self::Value = Vec::new();
        while let Some(key) = fields.next_key::<String>()? {
            keys.admit(&key, read.iter().map(|(key, _)| key.as_str()))?;
            read.push((key, fields.next_value::<&'de RawValue>()?));
        }
        Ok(read)
    }
}

impl JsonError {
    /// An error of the whole document.
    fn new(message: &str) -> JsonError {
        JsonError { message: message.to_owned(), at: None }
    }

    /// What is wrong: lower case, no full stop, without the position.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Line and column, counted from 1, where they are known.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.at
    }
}

/// Takes the position out of the library's message, which ends with it.
impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> JsonError {
        let (line, column) = (error.line(), error.column());
        let full = error.to_string();
        let suffix = format!(" at line {line} column {column}");
        let message = full.strip_suffix(&suffix).unwrap_or(&full).to_owned();
        JsonError { message, at: (line > 0).then_some((line, column)) }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}, at line {line}, column {column}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for JsonError {}
