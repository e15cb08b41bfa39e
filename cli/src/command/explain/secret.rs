//! Keys in requests: how one is shown without its secret, and that no pasted secret is printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::json::{Json, JsonLimits};
use zonegate_engine::key::{Key, KeyError, KeyForm, KeyText};
use zonegate_engine::provider::{CredentialScheme, Provider};
use zonegate_engine::session::takes_credentials;

use super::request::Request;

/// What a printed secret is replaced by.
const MASK: &str = "...";
/// What a stand-in's secret is made of; it never leaves this process, and opens nothing.
const STAND_IN: [u8; KeyForm::RANDOM_BYTES] = [1; KeyForm::RANDOM_BYTES];

/// A text that stands for a key's own, so that a request can be read as if it had been shown.
///
/// The bundle of this process has its digest from then on in the place of the key's.
pub(super) fn stand_in(bundle: &mut Bundle, key: &Key) -> Result<KeyText, String> {
    let form = KeyForm::of_id(&key.id).ok_or("the key's id has no form")?;
    let text = KeyText::generate(&key.id, form, &STAND_IN).map_err(|error| error.to_string())?;
    let known = Key { digest: text.digest(), next_digest: None, ..key.clone() };
    bundle.keys = bundle.keys.with(known).ok_or("there are too many keys")?;
    Ok(text)
}

/// The header in which a provider's clients show a key: its first place.
pub(super) fn header(provider: &Provider, key: &KeyText) -> Option<(String, String)> {
    provider.credential_schemes().first().map(|scheme| match scheme {
        CredentialScheme::Header { name, prefix, after_colon, .. } => {
            let before = if *after_colon { "zonegate:" } else { "" };
            let prefix = prefix.as_deref().unwrap_or_default();
            (name.clone(), format!("{prefix}{before}{}", key.text()))
        }
        CredentialScheme::BasicPassword => {
            let text = STANDARD.encode(format!("zonegate:{}", key.text()));
            ("authorization".to_owned(), format!("Basic {text}"))
        }
    })
}

/// The well-formed keys in a request, wherever they stand.
pub(super) fn shown(request: &Request) -> Vec<KeyText> {
    let mut found: Vec<KeyText> = Vec::new();
    for part in parts(request) {
        if let Ok(key) = KeyText::parse(part.as_bytes())
            && !found.contains(&key)
        {
            found.push(key);
        }
    }
    found
}

/// What is wrong with a text that begins as a key does.
pub(super) fn misspelt(request: &Request) -> Option<KeyError> {
    let errors =
        parts(request).into_iter().filter_map(|part| KeyText::parse(part.as_bytes()).err());
    errors.into_iter().find(|error| *error != KeyError::Prefix)
}

/// The words of a request that have the letters of a key.
fn parts(request: &Request) -> Vec<String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let split =
        |text: String| -> Vec<String> { text.split(|c| !letter(c)).map(str::to_owned).collect() };
    texts(request).into_iter().flat_map(split).collect()
}

/// Takes out of a request what stands where this provider's key would be.
pub(super) fn take_out(request: &mut Request, provider: &Provider) {
    let schemes = provider.credential_schemes();
    let belongs = |header: &str| {
        takes_credentials(header)
            || schemes.iter().any(|scheme| match scheme {
                CredentialScheme::Header { name, beside, .. } => {
                    name == header || beside.as_deref() == Some(header)
                }
                CredentialScheme::BasicPassword => header == "authorization",
            })
    };
    request.headers.retain(|(name, _)| !belongs(name));
    if let Some((field, beside)) = provider.body_key()
        && let Some(body) = &request.body
        && let Some((_, rest)) = without_fields(body, field, beside)
    {
        request.body = Some(rest.body);
    }
}

/// What is left of a body that held a key.
#[derive(Debug)]
pub(super) struct Rest {
    /// The body without the key, and without what stood beside it.
    pub(super) body: Vec<u8>,
    /// Whether something stood beside it.
    pub(super) is_beside: bool,
}

/// Takes the field of a key, and the one beside it, out of a body; none where it is not there, or
/// the gate would not read the body.
pub(super) fn without_fields(
    body: &[u8],
    field: &str,
    beside: Option<&str>,
) -> Option<(Json, Rest)> {
    let limits = JsonLimits { depth_max: 16, nodes_max: 200_000, fold_keys: false };
    let Ok(Json::Object(fields)) = Json::parse(body, &limits) else { return None };
    let (mut taken, mut is_beside, mut kept) = (None, false, Vec::new());
    for (name, value) in fields {
        if name == field {
            taken = Some(value);
        } else if beside == Some(name.as_str()) {
            is_beside = true;
        } else {
            kept.push((name, value));
        }
    }
    Some((taken?, Rest { body: Json::Object(kept).to_bytes(), is_beside }))
}

/// Every text of a request in which a key may stand; Basic credentials are decoded.
fn texts(request: &Request) -> Vec<String> {
    let headers = request.headers.iter().map(|(_, value)| value.clone());
    let basic = request.headers.iter().filter_map(|(_, value)| password(value));
    let body = request.body.iter().map(|body| String::from_utf8_lossy(body).into_owned());
    headers.chain(basic).chain(body).chain([request.target.clone()]).collect()
}

/// The password of a Basic credential.
pub(super) fn password(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    let decoded =
        STANDARD.decode(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
    let text = String::from_utf8(decoded?).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

/// What must not be printed.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The credentials of a request, whoever's they are.
    pub(super) fn of(request: &Request, provider: Option<&Provider>) -> Secrets {
        let mut found = Vec::new();
        let schemes = provider.map(Provider::credential_schemes).unwrap_or_default();
        let named = |header: &str| {
            schemes.iter().any(
                |scheme| matches!(scheme, CredentialScheme::Header { name, .. } if name == header),
            )
        };
        for (name, value) in &request.headers {
            if takes_credentials(name) || named(name) || name == "cookie" {
                found.extend(password(value));
                found.extend(value.split([' ', ':']).map(str::to_owned));
                found.push(value.clone());
            }
        }
        let field = provider.and_then(Provider::body_key);
        let body = request.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
        if let (Some((field, beside)), Some(serde_json::Value::Object(fields))) = (field, body) {
            let values = [Some(field), beside].into_iter().flatten();
            let values = values.filter_map(|name| fields.get(name)?.as_str().map(str::to_owned));
            found.extend(values);
        }
        // A short word is no secret, and may stand anywhere.
        found.retain(|text| text.len() >= 8);
        found.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Secrets(found)
    }

    /// A text without them, and without the secret part of anything that looks like a key.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for secret in &self.0 {
            // The public id may be said; the rest of a key is cut off below.
            if KeyText::parse(secret.as_bytes()).is_err() {
                shown = shown.replace(secret.as_str(), MASK);
            }
        }
        for form in KeyForm::ALL {
            shown = without_secrets(&shown, form);
        }
        shown
    }
}

/// A text in which keys of a form end after their id.
fn without_secrets(text: &str, form: KeyForm) -> String {
    let mut parts = text.split(form.prefix());
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str(form.prefix());
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (key, rest) = part.split_at_checked(end.unwrap_or(part.len())).unwrap_or((part, ""));
        match key.split_at_checked(form.id_length()) {
            Some((id, secret)) if form.is_id(id) => {
                shown.push_str(id);
                shown.push_str(if secret.is_empty() { "" } else { MASK });
            }
            Some(_) => shown.push_str(MASK),
            None => shown.push_str(key),
        }
        shown.push_str(rest);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A demonstration key.
    const KEY: &str = "zgk_demoeditor01_OHW0Gs8eahqhCwaHdHNDkqnMOtmgJMgWzKjHDasxqu2irtk";

    /// A request with this header and body.
    fn request(header: &str, value: &str, body: &str) -> Request {
        Request {
            method: "GET".to_owned(),
            target: "/".to_owned(),
            headers: vec![(header.to_owned(), value.to_owned())],
            body: Some(body.as_bytes().to_vec()),
            answers: Vec::new(),
        }
    }

    #[test]
    fn keys_are_found_wherever_they_stand() {
        let basic = format!("Basic {}", STANDARD.encode(format!("me:{KEY}")));
        for request in [
            request("x-api-key", KEY, ""),
            request("authorization", &format!("Bearer {KEY}"), ""),
            request("authorization", &format!("sso-key a:{KEY}"), ""),
            request("authorization", &basic, ""),
            request("x", "y", &format!("{{\"secretapikey\":\"{KEY}\"}}")),
        ] {
            let ids: Vec<_> = shown(&request).iter().map(|key| key.id().to_owned()).collect();
            assert_eq!(ids, ["demoeditor01"]);
        }
        assert!(shown(&request("x", "zgk_...", "")).is_empty());
    }

    #[test]
    fn no_secret_is_printed() {
        let secrets = Secrets::of(&request("accesskey", "a-real-credential", ""), None);
        let said = secrets.hide(&format!("{KEY}, a-real-credential; zgk_x zgs_abcdefSECRET"));
        assert_eq!(said, "zgk_demoeditor01..., ...; zgk_x zgs_abcdef...");
        let secrets =
            Secrets::of(&request("authorization", "Basic bWU6c2VjcmV0d29yZA==", ""), None);
        assert_eq!(secrets.hide("secretword bWU6c2VjcmV0d29yZA=="), "... ...");
    }
}
