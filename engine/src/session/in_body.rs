//! Keys that arrive in a body: as a field of every request, or in a login.

use super::{Answer, JSON_LIMITS};
use crate::decision::Reason;
use crate::json::Json;
use crate::key::KeyText;
use crate::provider::{Login, Provider};

/// Takes the key out of a JSON body: the key, and the body without it and what goes with it.
///
/// SECURITY: strictly parsed, so that no second key hides in the first one's shadow
/// (case `a-key-twice-in-the-body`).
pub(super) fn take(provider: &Provider, body: &[u8]) -> Result<(KeyText, Vec<u8>), Reason> {
    let (field, beside) = provider.body_key().ok_or(Reason::NoKey)?;
    let Ok(Json::Object(fields)) = Json::parse(body, &JSON_LIMITS) else {
        return Err(Reason::NoKey);
    };
    let (mut key, mut rest) = (None, Vec::with_capacity(fields.len()));
    for (name, value) in fields {
        if name == field {
            key = value.as_text().map(str::to_owned);
        } else if beside != Some(name.as_str()) {
            rest.push((name, value));
        }
    }
    let key = key.ok_or(Reason::NoKey)?;
    let key = KeyText::parse(key.as_bytes()).map_err(|_| Reason::MalformedKey)?;
    Ok((key, Json::Object(rest).to_bytes()))
}

/// The text in a login's body that should be a key: as JSON, or as a form.
pub(super) fn login(login: &Login, body: &[u8]) -> Result<Vec<u8>, Reason> {
    let fields: Vec<(String, String)> = if body.first() == Some(&b'{') {
        let Ok(Json::Object(fields)) = Json::parse(body, &JSON_LIMITS) else {
            return Err(Reason::NoKey);
        };
        let text = |(name, value): (String, Json)| Some((name, value.as_text()?.to_owned()));
        fields.into_iter().filter_map(text).collect()
    } else {
        // A form is written like a query.
        let target = [b"/login?", body].concat();
        let target = crate::request::Target::parse(&target).map_err(|_| Reason::NoKey)?;
        if !target.query_repeats().is_empty() {
            return Err(Reason::ManyKeys);
        }
        target.query().to_vec()
    };
    if fields.iter().any(|(name, _)| !login.knows(name)) {
        return Err(Reason::NoKey);
    }
    let mut keys = fields.into_iter().filter(|(name, _)| login.is_key(name));
    keys.next().map(|(_, text)| text.into_bytes()).ok_or(Reason::NoKey)
}

/// The answer to a login: a token with the authority of the key, because it is the key.
pub(super) fn token(login: &Login, key: &[u8]) -> Answer {
    // A key that was found consists of letters, digits and underscores.
    let key = String::from_utf8_lossy(key);
    Answer::json(200, login.answer_with(&key).into_bytes())
}
