//! Errors in the provider's own shape, so that its clients show something sane.

use crate::decision::Reason;

use super::Provider;
use super::file::ResponseForm;
use super::filter::{Answer, Filtered, ResponseRule, text_at};

/// An answer that the gate gives itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReply {
    /// The HTTP status.
    pub status: u16,
    /// Header names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The code of an error whose text is the provider's.
const REFUSED: &str = "provider-refused";

impl Provider {
    /// A denial in the provider's shape.
    pub fn error_body(&self, reason: Reason, request_id: &str) -> ErrorReply {
        self.error_body_about(reason, None, request_id)
    }

    /// A denial in the provider's shape that says what exactly was not understood.
    ///
    /// `detail` is that of a [`super::Refusal`]; it is shown behind the reason's sentence, except
    /// where two reasons must look alike.
    ///
    /// SECURITY: a hidden zone and an unknown one, and all kinds of bad keys, get the same bytes
    /// but for the request id (test `a_denial_has_the_provider_s_shape_and_says_what_it_was`).
    pub fn error_body_about(
        &self,
        reason: Reason,
        detail: Option<&str>,
        request_id: &str,
    ) -> ErrorReply {
        let alike = matches!(reason.status(), 401 | 404);
        let sentence = match (alike, detail) {
            (false, Some(detail)) if !detail.is_empty() => {
                format!("{}: {detail}", reason.sentence())
            }
            (false, _) => reason.sentence().to_owned(),
            (true, _) if reason.status() == 404 => Reason::ZoneNotVisible.sentence().to_owned(),
            (true, _) => Reason::NoKey.sentence().to_owned(),
        };
        let body = self.error_text(reason.status(), &sentence, reason.public_code(), request_id);
        let mut headers = vec![("content-type".to_owned(), self.file.error.content_type.clone())];
        if reason.status() == 401 {
            headers.push(("www-authenticate".to_owned(), self.challenge()));
        }
        ErrorReply { status: reason.status(), headers, body }
    }

    /// How a client is told where its key belongs (RFC 9110, 11.6.1).
    fn challenge(&self) -> String {
        let scheme = self.file.credential.iter().find_map(|credential| credential.header.as_ref());
        format!("{} realm=\"zonegate\"", scheme.map_or("Basic", String::as_str))
    }

    /// Fills in the template; each text stands inside a JSON string.
    fn error_text(&self, status: u16, sentence: &str, code: &str, request_id: &str) -> Vec<u8> {
        fill(&self.file.error.body, status, sentence, code, request_id).into_bytes()
    }

    /// What a client is answered about a zone or record that is not there for it.
    pub(super) fn unknown(&self, request_id: &str) -> Filtered {
        let error = self.error_body(Reason::ZoneNotVisible, request_id);
        self.error_filtered(error.status, error.body)
    }

    /// An error in the provider's shape as what goes on.
    fn error_filtered(&self, status: u16, body: Vec<u8>) -> Filtered {
        let content_type = Some(self.file.error.content_type.clone());
        Filtered { content_type, body, ..Filtered::bare(status) }
    }

    /// What goes on of an answer that is no success.
    ///
    /// How long to wait goes on with a 429, and the address of the first page with a 400; of all
    /// other headers nothing does.
    pub(super) fn error_answer(
        &self,
        form: &ResponseForm,
        rule: &ResponseRule,
        answer: Answer<'_>,
        request_id: &str,
    ) -> Result<Filtered, Reason> {
        match answer.status {
            404 => Ok(self.unknown(request_id)),
            // The gate's own credential is wrong, which is no fault of the client's key; and
            // whatever is neither success nor error leads elsewhere.
            401 | 403 | 407 | ..=399 | 600.. => Err(Reason::ResponseNotUnderstood),
            status => {
                let text = self.harmless(answer);
                let sentence = match &text {
                    Some(text) => text,
                    None if status == 429 => {
                        "the DNS provider asks to wait before the next request"
                    }
                    None if status < 500 => "the DNS provider did not accept this request",
                    None => "the DNS provider failed",
                };
                let body = self.error_text(status, sentence, REFUSED, request_id);
                let mut filtered = self.error_filtered(status, body);
                if status == 400 {
                    filtered.headers = self.links_of_error(form, rule, answer);
                }
                if status == 429 {
                    filtered.headers.extend(retry_after(answer));
                }
                Ok(filtered)
            }
        }
    }

    /// The provider's own text, where the file says that it is harmless: printable, and cut.
    fn harmless(&self, answer: Answer<'_>) -> Option<String> {
        let rule = self.file.error.harmless.iter().find(|rule| rule.status == answer.status)?;
        let text = text_at(answer.body, &rule.field)?;
        let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        Some(text.chars().take(rule.chars_max).map(printable).collect())
    }
}

/// How long the provider asks to wait, in seconds; a date would have to be understood.
fn retry_after(answer: Answer<'_>) -> Option<(String, String)> {
    let named = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    let seconds = named.map(|(_, value)| value.trim())?;
    let is_number = (1..=8).contains(&seconds.len()) && seconds.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| ("retry-after".to_owned(), seconds.to_owned()))
}

/// Fills in an error template; one pass, so that no text can hold a placeholder.
pub(super) fn fill(
    template: &str,
    status: u16,
    sentence: &str,
    code: &str,
    request_id: &str,
) -> String {
    let status = status.to_string();
    let marks = [
        ("{sentence}", sentence),
        ("{code}", code),
        ("{request_id}", request_id),
        ("{status}", &status),
    ];
    let mut out = String::with_capacity(template.len() + sentence.len());
    let mut rest = template;
    loop {
        let next = marks
            .into_iter()
            .filter_map(|(mark, text)| rest.split_once(mark).map(|parts| (parts, text)))
            .min_by_key(|((before, _), _)| before.len());
        let Some(((before, after), text)) = next else {
            out.push_str(rest);
            return out;
        };
        out.push_str(before);
        let quoted = serde_json::Value::from(text).to_string();
        out.push_str(
            quoted.strip_prefix('"').unwrap_or_default().strip_suffix('"').unwrap_or_default(),
        );
        rest = after;
    }
}
