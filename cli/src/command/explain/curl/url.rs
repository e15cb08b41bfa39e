//! A URL as curl sends it: its user, its path without dots, its query.

/// Where a request goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Url {
    /// Whether the connection is encrypted.
    pub(super) tls: bool,
    /// User and password, if they stand in it.
    pub(super) user: Option<String>,
    /// The host, with its port.
    pub(super) host: String,
    /// The path; it begins with a slash.
    path: String,
    /// The query, without its mark.
    query: Option<String>,
}

impl Url {
    /// Reads a URL; `globs` and `as_is` are what `-g` and `--path-as-is` switch.
    pub(super) fn parse(text: &str, globs: bool, as_is: bool) -> Result<Url, String> {
        if globs && text.contains(['{', '}', '[', ']']) {
            let words = "curl would make several requests of it; add -g if it stands for itself";
            return Err(format!("the URL has braces or brackets: {words}"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("the URL has a blank in it; curl refuses that".to_owned());
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => return Err(format!("a URL of the scheme {other} is no request of an API")),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(decoded(user)), host),
            None => (None, authority),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        let path = if as_is { path.to_owned() } else { without_dots(path) };
        Ok(Url { tls, user, host: host.to_owned(), path, query })
    }

    /// Adds to the query.
    pub(super) fn add_query(&mut self, more: &str) {
        self.query = Some(match self.query.take() {
            Some(query) if !query.is_empty() => format!("{query}&{more}"),
            Some(_) | None => more.to_owned(),
        });
    }

    /// Path and query.
    pub(super) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// A path without its segments `.` and `..`, as curl sends it.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => {
                kept.push(other);
                continue;
            }
        }
        if last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// A text with its `%XX` as bytes; what is no text stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|one| u8::try_from(one).ok());
        if let [b'%', high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::parse("https://a%40b:c@h:8443/x/y?z#f", true, false).unwrap();
        assert_eq!((url.tls, url.host.as_str(), url.target().as_str()), (true, "h:8443", "/x/y?z"));
        assert_eq!(url.user.as_deref(), Some("a@b:c"));
        assert_eq!(Url::parse("h?x", true, false).unwrap().target(), "/?x");
    }

    #[test]
    fn dots_go_as_in_curl() {
        for (path, expected) in [
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/..//a", "//a"),
            ("/a.b/..c", "/a.b/..c"),
        ] {
            assert_eq!(without_dots(path), expected, "{path}");
        }
    }
}
