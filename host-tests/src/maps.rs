//! Header maps as the proxy keeps them.
//!
//! Names are lower-case, pseudo-headers (`:method`, `:path`, `:authority`, `:scheme`, `:status`)
//! stand first, and values are bytes: a proxy passes on values that are not UTF-8.
//! Envoy keeps one slot for some names and joins repetitions with a comma (`cookie`: with `; `);
//! all others stay separate. A guest that reads a single value sees the first one only.

/// Names of which Envoy keeps one value, joining repetitions.
const JOINED: &[&str] = &[
    ":authority",
    ":method",
    ":path",
    ":scheme",
    ":status",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];

/// An ordered list of headers or trailers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Lower-case name and value, pseudo-headers first.
    entries: Vec<(String, Vec<u8>)>,
}

impl Headers {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all names and values together.
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Every entry in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The first value of a name, which is all that a guest asking for one value sees.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Every value of a name, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let name = name.to_ascii_lowercase();
        self.entries.iter().filter(move |(n, _)| *n == name).map(|(_, value)| value.as_slice())
    }

    /// The first value of a name as text, bytes that are not UTF-8 replaced.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Whether a name occurs.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Adds a value as Envoy adds one: joined to the present one where Envoy keeps one slot.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let name = name.to_ascii_lowercase();
        let value = value.as_ref();
        if JOINED.contains(&name.as_str())
            && let Some((_, present)) = self.entries.iter_mut().find(|(n, _)| *n == name)
        {
            present.extend_from_slice(if name == "cookie" { b"; " } else { b"," });
            present.extend_from_slice(value);
            return;
        }
        self.insert(name, value.to_vec());
    }

    /// Replaces every value of a name by one value.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.insert(name.to_ascii_lowercase(), value.as_ref().to_vec());
    }

    /// Removes every value of a name.
    pub fn remove(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        self.entries.retain(|(n, _)| *n != name);
    }

    /// The same headers as a client's reach a filter: `host` becomes `:authority`.
    #[must_use]
    pub fn as_received(&self) -> Self {
        let rename =
            |name: &str| if name == "host" { ":authority".into() } else { name.to_owned() };
        self.iter().map(|(name, value)| (rename(name), value.to_vec())).collect()
    }

    /// The status of a response, where there is a readable one.
    pub fn status(&self) -> Option<u16> {
        self.text(":status")?.parse().ok()
    }

    /// Inserts an entry behind the last one of its sort: pseudo-headers stay first.
    fn insert(&mut self, name: String, value: Vec<u8>) {
        let end = self.entries.len();
        let at = if name.starts_with(':') {
            self.entries.iter().position(|(n, _)| !n.starts_with(':')).unwrap_or(end)
        } else {
            end
        };
        self.entries.insert(at, (name, value));
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    /// Adds each pair in turn.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::new();
        for (name, value) in pairs {
            headers.push(name.as_ref(), value);
        }
        headers
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const COUNT: usize> From<[(N, V); COUNT]> for Headers {
    /// Adds each pair in turn.
    fn from(pairs: [(N, V); COUNT]) -> Self {
        pairs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_names_are_joined_or_kept_as_envoy_does() {
        let headers = Headers::from([
            ("Authorization", "Bearer one"),
            ("X-API-Key", "a"),
            ("authorization", "Bearer two"),
            ("x-api-key", "b"),
        ]);
        assert_eq!(headers.text("authorization").unwrap(), "Bearer one,Bearer two");
        assert_eq!(headers.get("x-api-key"), Some(b"a".as_slice()));
        assert_eq!(headers.get_all("x-api-key").count(), 2);
    }

    #[test]
    fn pseudo_headers_stand_first_and_host_becomes_authority() {
        let headers =
            Headers::from([("accept", "*/*"), ("Host", "one"), ("host", "two"), (":path", "/")]);
        let received = headers.as_received();
        let names: Vec<_> = received.iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, [":path", ":authority", "accept"]);
        assert_eq!(received.text(":authority").unwrap(), "one,two");
    }

    #[test]
    fn set_replaces_all_and_remove_removes_all() {
        let mut headers = Headers::from([("x", "1"), ("x", "2"), ("y", "3")]);
        headers.set("X", "4");
        assert_eq!(headers.get_all("x").count(), 1);
        headers.remove("x");
        assert!(!headers.contains("x"));
        assert_eq!((headers.len(), headers.bytes()), (1, 2));
    }
}
