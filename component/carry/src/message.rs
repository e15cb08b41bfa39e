//! Messages as values: what arrived, what is sent on, what came back.

use std::net::IpAddr;

use zonegate_engine::provider::Lookup;
use zonegate_engine::request::Method;
use zonegate_engine::session::{Answer, Facts, Grant};

use crate::settings::{Client, Settings};

/// A header: name and value.
pub type Header = (Vec<u8>, Vec<u8>);

/// The header in which the engine finds the request's id.
const REQUEST_ID: &[u8] = b"x-request-id";

/// The head of a client's request, as the host tells it.
#[derive(Clone, Debug, Default)]
pub struct Arrived {
    /// The method.
    pub method: String,
    /// The authority; empty where the host says it in the header `Host` alone.
    pub authority: String,
    /// Path and query; empty where there are none.
    pub path: String,
    /// Whether the client's connection is encrypted.
    pub tls: bool,
    /// All headers, in order.
    pub headers: Vec<Header>,
    /// What the gate calls this request: its own random number.
    pub id: u64,
}

/// What goes on: a lookup, or what a session allows, with the credential where the gate adds it.
///
/// INVARIANT: made by [`crate::Exchange`] alone, of a grant or of a lookup.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sent {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// All headers but the host, with lower-case names.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Got {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<Header>,
    /// The whole body; none where it is over the cap.
    pub body: Option<Vec<u8>>,
}

impl Arrived {
    /// What the session is told. Provider and account are the settings'.
    pub(crate) fn facts(self, settings: &Settings) -> Facts {
        Facts {
            provider: Some(settings.provider.clone()),
            account: Some(settings.account.clone()),
            client: self.client(&settings.client),
            tls: self.tls,
            headers: self.told(),
        }
    }

    /// The client's address, where the settings say that it stands.
    fn client(&self, stands: &Client) -> Option<IpAddr> {
        match stands {
            Client::Fixed(address) => address.parse().ok(),
            Client::Header(name) => std::str::from_utf8(self.only(name)?).ok()?.trim().parse().ok(),
        }
    }

    /// The header map of the session.
    fn told(self) -> Vec<Header> {
        let authority = match self.authority.as_str() {
            "" => self.only("host").unwrap_or_default().to_vec(),
            said => said.as_bytes().to_vec(),
        };
        let mut told: Vec<Header> = vec![
            (b":authority".to_vec(), authority),
            (b":method".to_vec(), self.method.into_bytes()),
            (b":path".to_vec(), self.path.into_bytes()),
            (REQUEST_ID.to_vec(), format!("{:016x}", self.id).into_bytes()),
        ];
        for (mut name, value) in self.headers {
            name.make_ascii_lowercase();
            // These are said above; what a client writes there is not asked.
            let ours = name == REQUEST_ID || name == b"host" || name.starts_with(b":");
            if !ours {
                told.push((name, value));
            }
        }
        told
    }

    /// The value of a header that is there once.
    fn only(&self, name: &str) -> Option<&[u8]> {
        let named = |header: &&Header| header.0.eq_ignore_ascii_case(name.as_bytes());
        let mut values = self.headers.iter().filter(named);
        match (values.next(), values.next()) {
            // SECURITY: two values are one too many: one of them may be the client's own.
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

impl Sent {
    /// What a grant lets go on, of a client's headers.
    pub(crate) fn granted(settings: &Settings, grant: &Grant, client: &[Header]) -> Sent {
        let mut headers = Vec::new();
        for (name, value) in client {
            match std::str::from_utf8(name) {
                // SECURITY: the grant names what passes; the client's credential is never among it.
                Ok(name) if grant.passes(name) => headers.push((name.to_owned(), value.clone())),
                Ok(_) | Err(_) => {}
            }
        }
        if let (Some(content_type), true) = (grant.content_type(), grant.body().is_some()) {
            headers.push(("content-type".to_owned(), content_type.as_bytes().to_vec()));
        }
        let body = grant.body().unwrap_or_default().to_vec();
        Sent { method: grant.method(), path: grant.path().to_owned(), headers, body }
            .finished(settings)
    }

    /// A lookup. The provider is where the settings say, also where its file names a host.
    pub(crate) fn lookup(settings: &Settings, lookup: &Lookup) -> Sent {
        let header = |name: &str| (name.to_owned(), b"application/json".to_vec());
        let (mut headers, mut body) = (vec![header("accept")], Vec::new());
        if lookup.method == Method::Post {
            headers.push(header("content-type"));
            body = b"{}".to_vec();
        }
        let path = lookup.path.clone();
        Sent { method: lookup.method, path, headers, body }.finished(settings)
    }

    /// With credential and length. A length always, or a host sends an empty body in chunks.
    fn finished(mut self, settings: &Settings) -> Sent {
        self.headers.extend(settings.credential.clone());
        let length = self.body.len().to_string().into_bytes();
        self.headers.push(("content-length".to_owned(), length));
        self
    }
}

/// The answer where the settings are wrong: closed.
pub fn unconfigured() -> Answer {
    fail(503, "not-configured")
}

/// The answer where the client's request broke off.
pub fn broken() -> Answer {
    fail(502, "broken")
}

/// The answer where the client's request did not come to its end in time.
pub fn late() -> Answer {
    fail(408, "late")
}

/// The answer where the provider gave none.
pub fn no_answer() -> Answer {
    fail(502, "no-answer")
}

/// An answer where there is no session, or where it cannot go on.
fn fail(status: u16, reason: &str) -> Answer {
    let body = format!(r#"{{"error":"this gate cannot answer","reason":"{reason}"}}"#);
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Answer { status, headers, body: body.into_bytes() }
}

#[cfg(test)]
mod tests;
