//! The provider's response: cut down to what the key may read, or replaced.
//!
//! Every response is held to its end, because only a whole one can be judged: what is over the
//! cap, compressed, partial or of an unexpected shape becomes a 502 and never passes unfiltered.
//! Of its headers only the content type survives, and what the provider file says of pages, made
//! true again; cookies, redirects and validators do not.

use std::rc::Rc;

use super::{RESPONSE_BYTES_MAX, Session, State};
use crate::decision::Reason;
use crate::provider::{self, Provider};

/// What a client is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers, with lower-case names; the length is the proxy's business.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer in JSON that no cache keeps.
    pub(super) fn json(status: u16, body: Vec<u8>) -> Answer {
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("cache-control".to_owned(), "no-store".to_owned()),
        ];
        Answer { status, headers, body }
    }
}

/// What the proxy does with a response whose headers have arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseStep {
    /// Buffer the body and call [`Session::response`] at its end.
    Hold,
    /// Answer this instead.
    Replace(Answer),
    /// The gate's own answer, or not a request of this session: leave it as it is.
    Leave,
}

impl Session {
    /// The response's headers have arrived, as bytes, with `:status`.
    pub fn response_headers(&mut self, headers: &[(Vec<u8>, Vec<u8>)]) -> ResponseStep {
        if !matches!(self.state, State::Response(..)) {
            return ResponseStep::Leave;
        }
        let find =
            |name: &[u8]| headers.iter().find(|(one, _)| one == name).map(|(_, value)| value);
        let encoded =
            find(b"content-encoding").is_some_and(|value| !value.eq_ignore_ascii_case(b"identity"));
        let length = find(b"content-length")
            .and_then(|value| std::str::from_utf8(value).ok())
            .and_then(|text| text.parse::<usize>().ok());
        if encoded {
            ResponseStep::Replace(self.refuse_response(Reason::ResponseNotUnderstood))
        } else if length.is_some_and(|bytes| bytes > RESPONSE_BYTES_MAX) {
            ResponseStep::Replace(self.refuse_response(Reason::ResponseTooLarge))
        } else {
            ResponseStep::Hold
        }
    }

    /// The whole response has arrived: what the client gets instead of it.
    ///
    /// `content_type` is the response's, if it has one that is text.
    pub fn response(&mut self, status: u16, content_type: Option<&str>, body: &[u8]) -> Answer {
        let content_type = content_type.map(|text| (b"content-type".to_vec(), text.into()));
        self.response_with(status, content_type.as_slice(), body)
    }

    /// The whole response has arrived, with its headers as bytes and with lower-case names: what
    /// the client gets instead of it.
    pub fn response_with(
        &mut self,
        status: u16,
        headers: &[(Vec<u8>, Vec<u8>)],
        body: &[u8],
    ) -> Answer {
        let State::Response(known, plan, asking) = std::mem::replace(&mut self.state, State::Over)
        else {
            return self.refuse_response(Reason::Internal);
        };
        if body.len() > RESPONSE_BYTES_MAX {
            return self
                .refuse_response_of(Some(&known.account.provider), Reason::ResponseTooLarge);
        }
        let bundle = Rc::clone(&self.bundle);
        let Some(provider) = bundle.provider(&known.account.provider) else {
            return self.refuse_response(Reason::Internal);
        };
        let mut may = |operation: &crate::operation::Operation| {
            bundle.policies.allows(&bundle.patterns, &asking, operation)
        };
        let request_id = self.audit.request_id.clone();
        let headers = texts(headers);
        let content_type = headers.iter().find(|(name, _)| *name == "content-type");
        let content_type = content_type.map(|(_, value)| *value);
        let whole = provider::Answer { status, content_type, headers: &headers, body };
        match provider.filter(&plan.response, whole, &request_id, &mut may) {
            Ok(responded) => {
                // A listing that passes teaches which zones ids stand for; never a write's records.
                for (id, name) in &responded.learnt {
                    let keep_s = provider.zone_names_keep_s();
                    let (names, id) = (&bundle.zone_names, id.clone());
                    names.keep(&known.account, id, name, keep_s, self.now);
                }
                self.responded(responded)
            }
            Err(reason) => self.refuse_response_of(Some(&known.account.provider), reason),
        }
    }

    /// Passes on what is left of a response.
    fn responded(&mut self, responded: provider::Filtered) -> Answer {
        self.audit.left_out = responded.left_out + responded.not_understood;
        let mut headers = vec![("cache-control".to_owned(), "no-store".to_owned())];
        if let Some(content_type) = responded.content_type {
            headers.push(("content-type".to_owned(), content_type));
        }
        headers.extend(responded.headers);
        Answer { status: responded.status, headers, body: responded.body }
    }

    /// Whether what has arrived of the response is over the cap.
    pub fn response_is_too_large(&self, bytes: usize) -> bool {
        bytes > RESPONSE_BYTES_MAX
    }

    /// Replaces a response that cannot be judged.
    pub fn refuse_response(&mut self, reason: Reason) -> Answer {
        let provider = self.audit.provider.clone();
        self.refuse_response_of(provider.as_deref(), reason)
    }

    /// Replaces a response, in the error shape of a provider.
    fn refuse_response_of(&mut self, provider: Option<&str>, reason: Reason) -> Answer {
        self.state = State::Over;
        self.audit.response_reason = Some(reason.code());
        let provider = provider.and_then(|name| self.bundle.provider(name));
        denial(provider, reason, None, &self.audit.request_id)
    }
}

/// The answer to a denied request, in the provider's own error shape where there is a provider.
pub(super) fn denial(
    provider: Option<&Provider>,
    reason: Reason,
    detail: Option<&str>,
    request_id: &str,
) -> Answer {
    match provider {
        Some(provider) => {
            let error = provider.error_body_about(reason, detail, request_id);
            let mut headers = error.headers;
            headers.push(("cache-control".to_owned(), "no-store".to_owned()));
            Answer { status: error.status, headers, body: error.body }
        }
        None => {
            let body = serde_json::json!({
                "error": reason.sentence(),
                "reason": reason.public_code(),
                "request_id": request_id,
            });
            Answer::json(reason.status(), body.to_string().into_bytes())
        }
    }
}

/// The headers that are text.
fn texts(headers: &[(Vec<u8>, Vec<u8>)]) -> Vec<(&str, &str)> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    headers.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
}
