//! What is known of one key: its digests, its grants, when it is valid.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use subtle::{Choice, ConstantTimeEq};

use crate::decision::Reason;
use crate::name::Name;

/// What a stored digest begins with.
const DIGEST_PREFIX: &str = "sha256:";

/// The SHA-256 digest of a key's text.
#[derive(Clone, Copy, Debug)]
pub struct Digest([u8; 32]);

impl Digest {
    /// A digest of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// Reads `sha256:` and 64 lower case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Digest> {
        let hex = text.strip_prefix(DIGEST_PREFIX)?.as_bytes();
        let mut bytes = [0; 32];
        if hex.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = 16 * nibble(*high)? + nibble(*low)?;
        }
        Some(Digest(bytes))
    }

    /// The bytes, as a bundle has them.
    #[cfg(feature = "author")]
    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether two digests are the same, in a time that does not depend on where they differ.
    pub(super) fn is(&self, other: &Digest) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// The value of a lower case hexadecimal digit.
const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Compared in constant time.
impl PartialEq for Digest {
    fn eq(&self, other: &Digest) -> bool {
        self.is(other).into()
    }
}

impl Eq for Digest {}

/// The form of the keys file: `sha256:` and hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DIGEST_PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// "This key, this zone": templates linked to one key, without a policy of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The id of a template, or the name of a set of templates.
    pub grant: String,
    /// The zone that the templates are linked to.
    pub zone: Option<Name>,
    /// The name at and below which the grant holds.
    pub domain: Option<Name>,
    /// The one owner name.
    pub name: Option<Name>,
    /// Its line in the keys file; 0 in a loaded bundle.
    pub line: usize,
}

/// What is known of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The public id; its length tells the key's form.
    pub id: String,
    /// The digest of the key's text.
    pub digest: Digest,
    /// The digest of the text that is to replace it: while both are there, both are valid.
    pub next_digest: Option<Digest>,
    /// Who has the key and what for.
    pub description: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The accounts it is for, as `provider/account`; `*` is all of them.
    pub accounts: Vec<String>,
    /// Its roles, sorted.
    pub roles: Vec<String>,
    /// What policies read as tags of the key.
    pub attributes: BTreeMap<String, String>,
    /// The networks it may be used from, sorted; empty: from anywhere.
    pub networks: Vec<String>,
    /// Its template links.
    pub grants: Vec<Grant>,
    /// From when on it is valid.
    pub not_before: Option<Timestamp>,
    /// From when on it is no longer valid.
    pub expires: Option<Timestamp>,
    /// Whether it was revoked.
    pub disabled: bool,
    /// The keys file that it stands in; empty in a loaded bundle.
    pub file: String,
    /// Its line in the keys file; 0 in a loaded bundle.
    pub line: usize,
}

impl Key {
    /// Whether the key may be used at this time.
    ///
    /// All reasons are answered alike; the audit log tells them apart.
    pub fn check(&self, now: Timestamp) -> Result<(), Reason> {
        if self.disabled {
            Err(Reason::DisabledKey)
        } else if self.not_before.is_some_and(|from| now < from) {
            Err(Reason::EarlyKey)
        } else if self.expires.is_some_and(|to| now >= to) {
            Err(Reason::ExpiredKey)
        } else {
            Ok(())
        }
    }

    /// Whether the key is for this account, given as `provider/account`.
    pub fn serves(&self, account: &str) -> bool {
        self.accounts.iter().any(|one| one == "*" || one == account)
    }
}
