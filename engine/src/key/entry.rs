//! What is known of one key: its digests, its grants, when it is valid.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
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

/// Written as its text.
impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Read from its text.
impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Digest::parse(&text).ok_or_else(|| serde::de::Error::custom("not a sha256 digest"))
    }
}

/// "This key, this zone": templates linked to one key, without a policy of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The id of a template, or the name of a set of templates.
    pub grant: String,
    /// The zone that the templates are linked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Name>,
    /// The name at and below which the grant holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Name>,
    /// The one owner name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Its line in the keys file; 0 in a loaded bundle.
    #[serde(skip)]
    pub line: usize,
}

/// What is known of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The public id; its length tells the key's form.
    pub id: String,
    /// The digest of the key's text.
    pub digest: Digest,
    /// The digest of the text that is to replace it: while both are there, both are valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_digest: Option<Digest>,
    /// Who has the key and what for.
    pub description: String,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The accounts it is for, as `provider/account`; `*` is all of them.
    pub accounts: Vec<String>,
    /// Its roles, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// What policies read as tags of the key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The networks it may be used from, sorted; empty: from anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Its template links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// From when on it is valid.
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// From when on it is no longer valid.
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether it was revoked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// Its line in the keys file; 0 in a loaded bundle.
    #[serde(skip)]
    pub line: usize,
}

/// For serde: whether a flag is off.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Times in the bundle: whole seconds since 1970.
mod seconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the seconds.
    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::as_second).serialize(serializer)
    }

    /// Reads the seconds.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let seconds = Option::<i64>::deserialize(deserializer)?;
        seconds.map(Timestamp::from_second).transpose().map_err(serde::de::Error::custom)
    }
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
