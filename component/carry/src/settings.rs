//! What an operator sets, as environment variables:
//!
//! | name | meaning |
//! |---|---|
//! | `BUNDLE` | the file that `zonegate bundle --bare` has written |
//! | `PROVIDER`, `ACCOUNT` | whose API this is |
//! | `UPSTREAM` | where the provider is, such as `https://api.example.net` |
//! | `CREDENTIAL` | the real credential, as `Header: value`; a middleware may leave it to the handler behind it |
//! | `CLIENT` | the client's address, where there is but one client |
//! | `CLIENT_HEADER` | the header in which a proxy in front puts it; clients must not be able to |
//!
//! Either of the last two must be there. What is missing refuses every request.

use std::cell::RefCell;
use std::rc::Rc;

use zonegate_engine::bundle::Bundle;

/// What every request is judged and carried with; not to be printed, for it has the credential.
#[expect(missing_debug_implementations, reason = "it has the credential")]
pub struct Settings {
    /// The bundle.
    pub(crate) bundle: Rc<Bundle>,
    /// The provider.
    pub(crate) provider: String,
    /// The account.
    pub(crate) account: String,
    /// Whether the provider is reached by TLS.
    pub secure: bool,
    /// The provider's authority.
    pub authority: String,
    /// The real credential's header, in lower case, and its value; none where it is added behind.
    pub(crate) credential: Option<(String, Vec<u8>)>,
    /// Where the client's address stands.
    pub(crate) client: Client,
}

/// Where the client's address stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// It is always this one.
    Fixed(String),
    /// In this header, in lower case.
    Header(String),
}

/// What stands behind the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// The provider: the gate must have the credential.
    Provider,
    /// A handler, which may add the credential itself.
    Handler,
}

thread_local! {
    /// The settings, for hosts that give an instance more than one request.
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

impl Settings {
    /// The settings of this instance, or what is wrong with them.
    pub fn of_instance(behind: Behind) -> Result<Rc<Settings>, String> {
        let kept = SETTINGS.with_borrow(Clone::clone);
        if let Some(settings) = kept {
            return Ok(settings);
        }
        let settings = Rc::new(Settings::read(behind, |name| std::env::var(name).ok())?);
        SETTINGS.set(Some(Rc::clone(&settings)));
        Ok(settings)
    }

    /// Reads them: `variable` gives the value of a name.
    fn read(behind: Behind, variable: impl Fn(&str) -> Option<String>) -> Result<Settings, String> {
        let text = |name: &str| variable(name).ok_or_else(|| format!("{name} is not set"));
        let upstream = text("UPSTREAM")?;
        let (scheme, authority) = upstream.split_once("://").ok_or("UPSTREAM is no origin")?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("UPSTREAM is neither http:// nor https://".to_owned()),
        };
        let credential = match (text("CREDENTIAL"), behind) {
            (Ok(text), _) => Some(header(&text).ok_or("CREDENTIAL is no header")?),
            (Err(_), Behind::Handler) => None,
            (Err(problem), Behind::Provider) => return Err(problem),
        };
        let client = match (text("CLIENT"), text("CLIENT_HEADER")) {
            (Ok(fixed), Err(_)) => Client::Fixed(fixed),
            (Err(_), Ok(header)) => Client::Header(header.to_ascii_lowercase()),
            (Ok(_), Ok(_)) => return Err("CLIENT and CLIENT_HEADER are both set".to_owned()),
            (Err(_), Err(_)) => return Err("neither CLIENT nor CLIENT_HEADER is set".to_owned()),
        };
        Ok(Settings {
            provider: text("PROVIDER")?,
            account: text("ACCOUNT")?,
            secure,
            authority: authority.trim_end_matches('/').to_owned(),
            credential,
            client,
            bundle: Rc::new(bundle(&text("BUNDLE")?)?),
        })
    }
}

/// A header as `Name: value`, the name in lower case.
fn header(text: &str) -> Option<(String, Vec<u8>)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().to_ascii_lowercase(), value.trim().as_bytes().to_vec()))
}

/// Loads the bundle.
fn bundle(file: &str) -> Result<Bundle, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("BUNDLE={file}: {error}"))?;
    Bundle::load(bytes)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests;
