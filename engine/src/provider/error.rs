//! Errors in the provider's own shape, so that its clients show something sane.

use crate::decision::Reason;

use super::Provider;
use super::file::ResponseForm;
use super::filter::{Answer, Filtered, ResponseRule, number_at, text_at};

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
        let body = match &self.file.error.not_found {
            Some(body) if reason.status() == 404 => body.as_bytes().to_vec(),
            _ => {
                self.error_text(reason.status(), None, &sentence, reason.public_code(), request_id)
            }
        };
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
    fn error_text(
        &self,
        status: u16,
        number: Option<&str>,
        sentence: &str,
        code: &str,
        request_id: &str,
    ) -> Vec<u8> {
        let form = &self.file.error;
        let status = status.to_string();
        let word = match form.words.get(&status) {
            Some(word) => word.clone(),
            None => code.replace('-', "_"),
        };
        let marks = [sentence, code, &word, request_id, number.unwrap_or(&status)];
        fill(&form.body, marks).into_bytes()
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
                // SECURITY: only of what a client has written: what a listing complains about may
                // be others' (test `only_a_write_is_answered_with_the_provider_s_words`).
                let harmless = if rule.wrote { self.harmless(answer) } else { None };
                let number = harmless.as_ref().and_then(|(_, number)| number.as_deref());
                let sentence = match &harmless {
                    Some((text, _)) => text,
                    None if status == 429 => {
                        "the DNS provider asks to wait before the next request"
                    }
                    None if status < 500 => "the DNS provider did not accept this request",
                    None => "the DNS provider failed",
                };
                let body = self.error_text(status, number, sentence, REFUSED, request_id);
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

    /// The provider's own text, where the file says that it is harmless: printable, and cut; and
    /// the number that goes with it.
    fn harmless(&self, answer: Answer<'_>) -> Option<(String, Option<String>)> {
        let mut rules = self.file.error.harmless.iter().filter(|rule| rule.status == answer.status);
        let (rule, text) = rules.find_map(|rule| {
            let text = text_at(answer.body, &rule.field)?;
            Some((rule, text))
        })?;
        let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        let text = text.chars().take(rule.chars_max).map(printable).collect();
        let number = rule.number.as_ref().and_then(|path| number_at(answer.body, path));
        Some((text, number))
    }
}

/// How long the provider asks to wait, in seconds; a date would have to be understood.
fn retry_after(answer: Answer<'_>) -> Option<(String, String)> {
    let named = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    let seconds = named.map(|(_, value)| value.trim())?;
    let is_number = (1..=8).contains(&seconds.len()) && seconds.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| ("retry-after".to_owned(), seconds.to_owned()))
}

/// The placeholders of an error's template, in the order of [`fill`]'s texts.
pub(super) const MARKS: [&str; 5] = ["{sentence}", "{code}", "{word}", "{request_id}", "{status}"];

/// Fills in an error template; one pass, so that no text can hold a placeholder.
pub(super) fn fill(template: &str, texts: [&str; 5]) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    let mut rest = template;
    loop {
        let next = (MARKS.into_iter().zip(texts))
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
