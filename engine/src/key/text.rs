//! The text of a key: reading, checking and making it.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::entry::Digest;

/// The characters of secrets and checksums, in the order of their values.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The characters of ids.
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The two forms of a key; see the module's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyForm {
    /// 64 characters, 244.1 bits of secret: what to use unless a client insists on 40.
    Long,
    /// 40 characters, 160.7 bits of secret.
    Short,
}

impl KeyForm {
    /// Both forms.
    pub const ALL: [KeyForm; 2] = [KeyForm::Long, KeyForm::Short];

    /// How many random bytes are always enough to make an id, or to make a secret.
    pub const RANDOM_BYTES: usize = 128;

    /// What a key of this form begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            KeyForm::Long => "zgk_",
            KeyForm::Short => "zgs_",
        }
    }

    /// Characters of the whole key.
    pub const fn length(self) -> usize {
        self.prefix().len()
            + self.id_length()
            + self.separator().len()
            + self.secret_length()
            + self.checksum_length()
    }

    /// Characters of the id.
    pub const fn id_length(self) -> usize {
        match self {
            KeyForm::Long => 12,
            KeyForm::Short => 6,
        }
    }

    /// What stands between id and secret.
    const fn separator(self) -> &'static str {
        match self {
            KeyForm::Long => "_",
            KeyForm::Short => "",
        }
    }

    /// Characters of the secret.
    pub const fn secret_length(self) -> usize {
        match self {
            KeyForm::Long => 41,
            KeyForm::Short => 27,
        }
    }

    /// Bits of secret, rounded down to a tenth: characters times log2(62).
    pub const fn secret_bits(self) -> f64 {
        match self {
            KeyForm::Long => 244.1,
            KeyForm::Short => 160.7,
        }
    }

    /// Characters of the checksum.
    const fn checksum_length(self) -> usize {
        match self {
            KeyForm::Long => 6,
            KeyForm::Short => 3,
        }
    }

    /// The largest prime below 62 to the power of the checksum's length.
    const fn checksum_modulus(self) -> u64 {
        match self {
            KeyForm::Long => 56_800_235_581,
            KeyForm::Short => 238_321,
        }
    }

    /// The form whose ids have this length.
    pub fn of_id(id: &str) -> Option<KeyForm> {
        KeyForm::ALL.into_iter().find(|form| form.is_id(id))
    }

    /// Whether this is an id of this form.
    pub fn is_id(self, id: &str) -> bool {
        id.len() == self.id_length() && id.bytes().all(|byte| BASE36.contains(&byte))
    }

    /// The checksum of everything before it.
    ///
    /// The text is read as a polynomial at 131, modulo a prime. So one changed character, and two
    /// swapped ones, always change the checksum; a CRC cut down to three characters would miss
    /// some of them.
    fn checksum(self, body: &[u8]) -> Vec<u8> {
        let modulus = self.checksum_modulus();
        let sum = body.iter().fold(0, |sum, byte| (sum * 131 + u64::from(*byte)) % modulus);
        let mut digits = vec![b'0'; self.checksum_length()];
        let mut rest = sum;
        for digit in digits.iter_mut().rev() {
            let value = usize::try_from(rest % 62).unwrap_or_default();
            *digit = BASE62.get(value).copied().unwrap_or(b'0');
            rest /= 62;
        }
        digits
    }
}

/// Why a text is not a key; never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It begins with neither prefix.
    Prefix,
    /// It has another length than its prefix asks for.
    Length {
        /// The length it should have.
        wanted: usize,
        /// The length it has.
        found: usize,
    },
    /// A character is outside the alphabet of its part.
    Alphabet {
        /// The character's position, counted from 1.
        position: usize,
    },
    /// The checksum does not fit: a typing error.
    Checksum,
    /// An id that no key of this form can have.
    Id {
        /// The length it should have.
        wanted: usize,
    },
    /// Too few random bytes were given to make a key.
    Random,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Prefix => f.write_str("a key begins with `zgk_` or `zgs_`"),
            KeyError::Length { wanted, found } => {
                write!(f, "a key with this prefix has {wanted} characters, this has {found}")
            }
            KeyError::Alphabet { position } => {
                write!(f, "character {position} cannot stand there in a key")
            }
            KeyError::Checksum => {
                f.write_str("the key's checksum does not fit: there is a typing error in it")
            }
            KeyError::Id { wanted } => {
                write!(
                    f,
                    "the id of a key of this form has {wanted} of lower case letters and digits"
                )
            }
            KeyError::Random => f.write_str("too few random bytes to make a key"),
        }
    }
}

impl std::error::Error for KeyError {}

/// A text in which every key is cut short, for messages and for excerpts of files.
///
/// SECURITY: people paste keys where only ids and digests belong, and what a command prints ends
/// in the logs of a pipeline (test `a_secret_that_was_pasted_anywhere_is_not_repeated`).
pub fn masked(text: &str) -> String {
    let (mut masked, mut rest) = (String::new(), text);
    let begin = |rest: &str| {
        let places = KeyForm::ALL.into_iter().filter_map(|form| rest.find(form.prefix()));
        places.min()
    };
    while let Some(at) = begin(rest) {
        let (before, key) = rest.split_at(at);
        let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (key, behind) = key.split_at(key.find(|c| !is_key(c)).unwrap_or(key.len()));
        let shown = if key.len() > PREFIX_BYTES { KEY_SHOWN } else { key };
        masked.extend([before, shown]);
        rest = behind;
    }
    masked + rest
}

/// Bytes of what a key begins with.
const PREFIX_BYTES: usize = KeyForm::Long.prefix().len();
/// What stands for a key where it is not shown.
const KEY_SHOWN: &str = "(a key)";

/// A well-formed key, as a client presents it.
///
/// SECURITY: it has no `Display`, and its `Debug` shows the public id alone.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText {
    /// The whole key.
    text: String,
    /// Its form.
    form: KeyForm,
}

/// Shows the id alone.
impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyText").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl KeyText {
    /// Reads a presented key: prefix, length, alphabet, checksum.
    ///
    /// Nothing is trimmed or repaired. The filter answers every error as it answers an unknown
    /// key; tools show it, so that a typing error is told from an unknown key.
    pub fn parse(bytes: &[u8]) -> Result<KeyText, KeyError> {
        let form = KeyForm::ALL
            .into_iter()
            .find(|form| bytes.starts_with(form.prefix().as_bytes()))
            .ok_or(KeyError::Prefix)?;
        if bytes.len() != form.length() {
            return Err(KeyError::Length { wanted: form.length(), found: bytes.len() });
        }
        let id_from = form.prefix().len();
        let id_to = id_from + form.id_length();
        let secret_from = id_to + form.separator().len();
        for (at, byte) in bytes.iter().enumerate().skip(id_from) {
            let fits = if at < id_to {
                BASE36.contains(byte)
            } else if at < secret_from {
                form.separator().as_bytes().contains(byte)
            } else {
                byte.is_ascii_alphanumeric()
            };
            if !fits {
                return Err(KeyError::Alphabet { position: at + 1 });
            }
        }
        let (body, checksum) =
            bytes.split_at_checked(bytes.len() - form.checksum_length()).unwrap_or_default();
        if form.checksum(body) != checksum {
            return Err(KeyError::Checksum);
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| KeyError::Prefix)?;
        Ok(KeyText { text, form })
    }

    /// Makes a key of an id and [`KeyForm::RANDOM_BYTES`] bytes from a secure source.
    ///
    /// Bytes that would favour some characters are skipped, so each has the same chance.
    pub fn generate(id: &str, form: KeyForm, random: &[u8]) -> Result<KeyText, KeyError> {
        if !form.is_id(id) {
            return Err(KeyError::Id { wanted: form.id_length() });
        }
        let secret = draw(BASE62, form.secret_length(), random)?;
        let mut text = format!("{}{id}{}{secret}", form.prefix(), form.separator());
        text.extend(form.checksum(text.as_bytes()).into_iter().map(char::from));
        Ok(KeyText { text, form })
    }

    /// Draws an id of this form from [`KeyForm::RANDOM_BYTES`] random bytes.
    pub fn draw_id(form: KeyForm, random: &[u8]) -> Result<String, KeyError> {
        draw(BASE36, form.id_length(), random)
    }

    /// The public id.
    pub fn id(&self) -> &str {
        let from = self.form.prefix().len();
        // INVARIANT: the text is ASCII and as long as its form.
        self.text.get(from..from + self.form.id_length()).unwrap_or_default()
    }

    /// The form.
    pub fn form(&self) -> KeyForm {
        self.form
    }

    /// The whole key, to be shown to its owner once.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The SHA-256 digest of the whole key, which is what is stored.
    pub fn digest(&self) -> Digest {
        Digest::new(Sha256::digest(self.text.as_bytes()).into())
    }
}

/// Draws `length` characters of an alphabet, each with the same chance.
fn draw(alphabet: &[u8], length: usize, random: &[u8]) -> Result<String, KeyError> {
    let limit = 256 - 256 % alphabet.len();
    let drawn: String = random
        .iter()
        .map(|byte| usize::from(*byte))
        .filter(|byte| *byte < limit)
        .filter_map(|byte| alphabet.get(byte % alphabet.len()).map(|char| char::from(*char)))
        .take(length)
        .collect();
    if drawn.len() == length { Ok(drawn) } else { Err(KeyError::Random) }
}
