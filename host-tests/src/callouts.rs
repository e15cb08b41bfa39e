//! Callouts: requests that the guest sends through the proxy to some cluster.
//!
//! A callout belongs to the root context, as in Envoy: it outlives the stream that made it, and
//! its answer is then delivered to the root context. Nothing here answers by itself; a test does,
//! at once, late or never.

use crate::abi::Status;
use crate::maps::Headers;
use std::collections::BTreeMap;
use std::time::Duration;

/// A request that the guest sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// The number by which the guest knows it.
    pub token: u32,
    /// The context that was in effect when it was sent: the stream's id, or the root's.
    pub context: u32,
    /// The root context that gets the answer.
    pub root: u32,
    /// The cluster that it goes to.
    pub cluster: String,
    /// Its headers, with `:method`, `:path` and `:authority`.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
    /// Its trailers.
    pub trailers: Headers,
    /// How long the proxy waits for the answer; nothing: for ever.
    pub timeout: Option<Duration>,
}

/// A response to a callout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalloutResponse {
    /// Headers, with `:status`.
    pub headers: Headers,
    /// Body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Headers,
}

impl CalloutResponse {
    /// A response with a status and a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            headers: Headers::from([(":status", status.to_string())]),
            body: body.into(),
            trailers: Headers::new(),
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    /// What the guest sees when the callout's own timeout ends it.
    pub fn timed_out() -> Self {
        Self::new(504, "upstream request timeout").header("content-type", "text/plain")
    }

    /// What the guest sees when the cluster cannot be reached.
    pub fn unreachable() -> Self {
        let text = "upstream connect error or disconnect/reset before headers. \
                    reset reason: connection failure";
        Self::new(503, text).header("content-type", "text/plain")
    }
}

/// The callouts of one VM.
#[derive(Debug, Default)]
pub(crate) struct Callouts {
    /// The token given last.
    last: u32,
    /// Sent and not yet answered.
    pending: BTreeMap<u32, Callout>,
}

impl Callouts {
    /// Accepts a callout and gives its token, or refuses it as Envoy does.
    pub(crate) fn send(&mut self, mut callout: Callout) -> Result<u32, Status> {
        let needed = [":method", ":path", ":authority"];
        let received = callout.headers.as_received();
        if needed.iter().any(|name| !received.contains(name)) {
            return Err(Status::BadArgument);
        }
        if !callout.body.is_empty() {
            callout.headers.set("content-length", callout.body.len().to_string());
        }
        self.last += 1;
        callout.token = self.last;
        self.pending.insert(self.last, callout);
        Ok(self.last)
    }

    /// Every callout that waits for its answer.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Callout> {
        self.pending.values()
    }

    /// Takes a callout out, because it is answered now.
    pub(crate) fn take(&mut self, token: u32) -> Option<Callout> {
        self.pending.remove(&token)
    }
}
