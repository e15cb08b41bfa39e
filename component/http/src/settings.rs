//! What an operator sets, as environment variables:
//!
//! | name | meaning |
//! |---|---|
//! | `BUNDLE` | the file that `zonegate bundle --bare` has written |
//! | `PROVIDER`, `ACCOUNT` | whose API this is |
//! | `UPSTREAM` | where the provider is, such as `https://api.example.net` |
//! | `CREDENTIAL` | the real credential, as `Header: value` |
//! | `CLIENT` | the client's address, where there is but one client |
//! | `CLIENT_HEADER` | the header in which a proxy in front puts it; clients must not be able to |
//!
//! Either of the last two must be there. What is missing refuses every request.

use std::cell::RefCell;
use std::rc::Rc;

use wasip2::http::types::Scheme;
use zonegate_engine::bundle::Bundle;

/// What every request is judged and carried with; not to be printed, for it has the credential.
pub(crate) struct Settings {
    /// The bundle.
    pub(crate) bundle: Rc<Bundle>,
    /// The provider.
    pub(crate) provider: String,
    /// The account.
    pub(crate) account: String,
    /// Whether the provider is reached by TLS.
    pub(crate) secure: bool,
    /// The provider's authority.
    pub(crate) authority: String,
    /// The real credential's header, in lower case, and its value.
    pub(crate) credential: (String, Vec<u8>),
    /// Where the client's address stands.
    pub(crate) client: Client,
}

/// Where the client's address stands.
#[derive(Debug)]
pub(crate) enum Client {
    /// It is always this one.
    Fixed(String),
    /// In this header, in lower case.
    Header(String),
}

thread_local! {
    /// The settings, for hosts that give an instance more than one request.
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

impl Settings {
    /// The settings of this instance, or what is wrong with them.
    pub(crate) fn of_instance() -> Result<Rc<Settings>, String> {
        let kept = SETTINGS.with_borrow(Clone::clone);
        if let Some(settings) = kept {
            return Ok(settings);
        }
        let settings = Rc::new(Settings::read()?);
        SETTINGS.set(Some(Rc::clone(&settings)));
        Ok(settings)
    }

    /// Reads them.
    fn read() -> Result<Settings, String> {
        let text = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
        let file = text("BUNDLE")?;
        let bytes = std::fs::read(&file).map_err(|error| format!("BUNDLE={file}: {error}"))?;
        let bundle = Bundle::load(bytes).map_err(|problems| {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })?;
        let upstream = text("UPSTREAM")?;
        let (scheme, authority) = upstream.split_once("://").ok_or("UPSTREAM is no origin")?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("UPSTREAM is neither http:// nor https://".to_owned()),
        };
        let credential = text("CREDENTIAL")?;
        let (name, value) = credential.split_once(':').ok_or("CREDENTIAL is no header")?;
        let client = match (text("CLIENT"), text("CLIENT_HEADER")) {
            (Ok(fixed), Err(_)) => Client::Fixed(fixed),
            (Err(_), Ok(header)) => Client::Header(header.to_ascii_lowercase()),
            (Ok(_), Ok(_)) => return Err("CLIENT and CLIENT_HEADER are both set".to_owned()),
            (Err(_), Err(_)) => return Err("neither CLIENT nor CLIENT_HEADER is set".to_owned()),
        };
        Ok(Settings {
            bundle: Rc::new(bundle),
            provider: text("PROVIDER")?,
            account: text("ACCOUNT")?,
            secure,
            authority: authority.trim_end_matches('/').to_owned(),
            credential: (name.trim().to_ascii_lowercase(), value.trim().as_bytes().to_vec()),
            client,
        })
    }

    /// The provider's scheme.
    pub(crate) fn scheme(&self) -> Scheme {
        if self.secure { Scheme::Https } else { Scheme::Http }
    }
}
