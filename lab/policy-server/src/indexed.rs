//! Zonegate's engine as an authorisation server: what the filter does, in a process of its own.
//!
//! It decides requests and does not touch them: no header is taken away, no answer is cut down.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::session::{Facts, Session, Step};

use crate::Asked;

/// A loaded bundle.
pub(crate) struct Indexed {
    /// As the filter has it.
    bundle: Rc<Bundle>,
}

impl Indexed {
    /// Loads what `zonegate bundle --bare` has written.
    pub(crate) fn read(place: &str) -> Result<Indexed, String> {
        let bytes = std::fs::read(place).map_err(|error| format!("{place}: {error}"))?;
        let bundle = Bundle::load(bytes).map_err(|problems| format!("{place}: {problems:?}"))?;
        Ok(Indexed { bundle: Rc::new(bundle) })
    }

    /// Whether a request may go on; one that needs a lookup may not, because nobody asks here.
    pub(crate) fn allows(&self, asked: &Asked) -> bool {
        let Some(now) = now() else { return false };
        let bundle = Rc::clone(&self.bundle);
        let (mut session, mut step) =
            Session::begin(bundle, &facts(asked), !asked.body.is_empty(), now);
        if matches!(step, Step::Body) {
            step = session.body(&asked.body, now);
        }
        matches!(step, Step::Forward(_))
    }
}

/// The time.
fn now() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_millisecond(i64::try_from(since.as_millis()).ok()?).ok()
}

/// What the engine wants to know of a request.
fn facts(asked: &Asked) -> Facts {
    let pseudo = [
        (&b":method"[..], asked.method.as_str().as_bytes()),
        (b":path", asked.path.as_bytes()),
        (b":scheme", b"http"),
        (b":authority", b"gate"),
    ];
    let passed = asked.headers.iter().filter(|(name, _)| *name != hyper::header::HOST);
    let passed = passed.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    let headers = pseudo.into_iter().chain(passed);
    Facts {
        headers: headers.map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
        provider: Some("powerdns".to_owned()),
        account: Some("main".to_owned()),
        client: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        tls: false,
    }
}
