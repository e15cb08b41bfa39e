//! The outer form of a bundle: a head that says what follows, and five sections.
//!
//! ```text
//! "zonegate"  the first 8 bytes
//! format      u32
//! vocabulary  8 bytes: a digest of the names that numbers in the sections stand for
//! built       i64: when it was packed, in seconds since 1970
//! digest      32 bytes: SHA-256 of all that follows
//! lengths     u32 for each section
//! sections    settings (JSON), policies (postcard), their texts, words, keys (rows)
//! ```
//!
//! Numbers are little-endian. The sections are used where they stand: a worker copies the bundle
//! once, out of Envoy.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::key::Digest;
use crate::policy;
use crate::problem::Problem;

/// What a bundle begins with.
const MAGIC: &[u8; 8] = b"zonegate";
/// The format that this engine reads and writes. Format 1 was JSON.
const FORMAT: u32 = 2;
/// Bytes of the head.
const HEAD: usize = 8 + 4 + 8 + 8 + 32;
/// How many sections there are.
pub(super) const SECTIONS: usize = 5;
/// Bytes of a bundle; a larger one is refused before it is looked at.
pub const BUNDLE_BYTES_MAX: usize = 64 << 20;

/// What to do about a bundle that this engine cannot read.
const PACK_AGAIN: &str = "pack the policies folder again with the `zonegate` of this version";

/// A bundle that was looked at from outside.
pub(super) struct Opened {
    /// Its digest.
    pub(super) digest: Digest,
    /// When it was packed, in seconds since 1970.
    pub(super) built: i64,
    /// Where its sections stand.
    pub(super) sections: [Range<usize>; SECTIONS],
}

/// Opens a bundle: nothing in it was changed or is missing, and this engine knows its format.
pub(super) fn open(bytes: &[u8]) -> Result<Opened, Vec<Problem>> {
    let refuse = |message: String, help: &str| vec![Problem::new("bundle", message).help(help)];
    let cut = || refuse("it is cut off".to_owned(), "deliver it again");
    if bytes.len() > BUNDLE_BYTES_MAX {
        let help = "take keys or policies out of the policies folder";
        return Err(refuse(format!("it is larger than {BUNDLE_BYTES_MAX} bytes"), help));
    }
    if bytes.first() == Some(&b'{') {
        let message = "its format is 1 or it is no bundle, this engine reads 2".to_owned();
        return Err(refuse(message, PACK_AGAIN));
    }
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(refuse("it is no bundle".to_owned(), "`zonegate bundle` makes one"));
    };
    let (format, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let format = u32::from_le_bytes(*format);
    if format != FORMAT {
        let message = format!("its format is {format}, this engine reads {FORMAT}");
        return Err(refuse(message, PACK_AGAIN));
    }
    let (known, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    if *known != vocabulary() {
        return Err(refuse("it was packed by another version".to_owned(), PACK_AGAIN));
    }
    let (built, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let (stated, content) = rest.split_first_chunk::<32>().ok_or_else(cut)?;
    let digest = digest_of(content);
    if digest != Digest::new(*stated) {
        let message = "its digest is not that of its content".to_owned();
        return Err(refuse(message, "deliver it again"));
    }
    let sections = sections(content).ok_or_else(cut)?;
    Ok(Opened { digest, built: i64::from_le_bytes(*built), sections })
}

/// Whether these bytes begin as a bundle does.
#[cfg(feature = "author")]
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Where the sections stand in a bundle with this content; they fill it.
fn sections(content: &[u8]) -> Option<[Range<usize>; SECTIONS]> {
    let mut rest = content;
    let mut at = HEAD + 4 * SECTIONS;
    let mut sections: [Range<usize>; SECTIONS] = Default::default();
    for section in &mut sections {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let end = at.checked_add(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        *section = at..end;
        (at, rest) = (end, behind);
    }
    (at == HEAD + content.len()).then_some(sections)
}

/// The digest of a bundle's content.
fn digest_of(content: &[u8]) -> Digest {
    Digest::new(Sha256::digest(content).into())
}

/// A digest of what numbers stand for.
fn vocabulary() -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(policy::vocabulary()).into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// Writes a bundle: its bytes and its digest. `None` where a section is too large.
#[cfg(feature = "author")]
pub(super) fn write(built: i64, sections: [&[u8]; SECTIONS]) -> Option<(Vec<u8>, Digest)> {
    let mut content = Vec::new();
    for section in sections {
        content.extend(u32::try_from(section.len()).ok()?.to_le_bytes());
    }
    content.extend(sections.concat());
    let digest = digest_of(&content);
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend(vocabulary());
    bytes.extend(built.to_le_bytes());
    bytes.extend(digest.bytes());
    bytes.append(&mut content);
    Some((bytes, digest))
}
