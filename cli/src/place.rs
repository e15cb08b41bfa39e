//! Where policies can be read from: a folder, a bundle, or a folder as git has it.
//!
//! A place is written as its path, or as `REVISION:PATH`, git's own notation for a file or folder
//! of a revision. Whatever it is, what comes of it is a bundle, packed and checked.

mod git;

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zonegate_engine::bundle::{self, Bundle};
use zonegate_engine::problem::Problem;

use crate::arguments::Format;
use crate::command::refuse;
use crate::delivery::Delivery;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::output::failure;

pub(crate) use self::git::merge_base;

/// A place that policies are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A policies folder.
    Folder(PathBuf),
    /// A bundle, or the file of `zonegate bundle` that Envoy watches.
    File(PathBuf),
    /// A policies folder as it is in a revision.
    Git {
        /// The revision, as git names it.
        revision: String,
        /// The folder, below the present one or absolute.
        folder: PathBuf,
    },
}

/// What was read from a place.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The packed bundle.
    pub(crate) bytes: Vec<u8>,
    /// The bundle, loaded; it holds requests against the schema.
    pub(crate) bundle: Bundle,
}

/// Why a place cannot be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The folder or bundle has problems.
    Problems(Vec<Problem>),
    /// There is nothing of the kind; a sentence.
    Missing(String),
}

impl Place {
    /// Reads a place as it is written: what exists as a path is that path.
    pub(crate) fn of(text: &Path) -> Place {
        if text.is_file() {
            return Place::File(text.to_owned());
        }
        let shown = text.to_string_lossy();
        match shown.split_once(':') {
            Some((revision, folder)) if !text.exists() && !revision.is_empty() => {
                let folder = if folder.is_empty() { "." } else { folder };
                Place::Git { revision: revision.to_owned(), folder: PathBuf::from(folder) }
            }
            Some(_) | None => Place::Folder(text.to_owned()),
        }
    }

    /// Reads and packs what is there.
    pub(crate) fn open(&self) -> Result<Opened, Unread> {
        self.open_with(None)
    }

    /// The same with a key that is not there, as an inline table of what would stand in
    /// `keys.toml`; only a folder can have one.
    pub(crate) fn open_with(&self, key: Option<&str>) -> Result<Opened, Unread> {
        match self {
            Place::Folder(path) => {
                let mut folder = Folder::read(path);
                if let Some(table) = key {
                    folder.add_key(table).map_err(Unread::Missing)?;
                }
                pack(&folder)
            }
            Place::Git { .. } | Place::File(_) if key.is_some() => {
                Err(Unread::Missing("--with-key needs a policies folder".to_owned()))
            }
            Place::Git { revision, folder } => {
                let files = git::files(revision, folder).map_err(Unread::Missing)?;
                pack(&Folder::of(Path::new(&self.to_string()), files))
            }
            Place::File(path) => {
                let bytes = bundle_bytes(path).map_err(Unread::Missing)?;
                let bundle = Bundle::load_checked(bytes.clone()).map_err(Unread::Problems)?;
                Ok(Opened { bytes, bundle })
            }
        }
    }

    /// Says why it cannot be read.
    pub(crate) fn refuse(&self, why: &Unread, format: Format) -> Exit {
        match why {
            Unread::Problems(problems) => refuse(problems, Path::new(&self.to_string()), format),
            Unread::Missing(words) => {
                failure(words);
                Exit::Failure
            }
        }
    }
}

/// As a person writes it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(path) | Place::File(path) => write!(f, "{}", path.display()),
            Place::Git { revision, folder } => write!(f, "{revision}:{}", folder.display()),
        }
    }
}

/// Packs a folder.
fn pack(folder: &Folder) -> Result<Opened, Unread> {
    let checked = folder.pack().map_err(Unread::Problems)?;
    Ok(Opened { bytes: checked.packed.bytes, bundle: checked.bundle })
}

/// The bundle in a file: the whole of it, or what Envoy's discovery file holds.
fn bundle_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("{shown}: {error}"))?;
    let document = serde_json::from_slice::<Value>(&bytes);
    match document {
        Ok(document) if document.get("resources").is_some() => {
            Delivery::read(path).map(|delivery| delivery.bundle)
        }
        Ok(_) | Err(_) if bundle::is_one(&bytes) => Ok(bytes),
        Ok(_) => Err(format!("{shown} is neither a folder nor a bundle")),
        Err(error) => Err(format!("{shown} is neither a folder nor a bundle: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_or_a_revision_and_a_path() {
        let of = |text: &str| Place::of(Path::new(text));
        let git = |revision: &str, folder: &str| Place::Git {
            revision: revision.to_owned(),
            folder: PathBuf::from(folder),
        };
        assert_eq!(of("main:policies"), git("main", "policies"));
        assert_eq!(of("HEAD~2:"), git("HEAD~2", "."));
        assert_eq!(of("src"), Place::Folder(PathBuf::from("src")));
        assert_eq!(of("no-such-folder"), Place::Folder(PathBuf::from("no-such-folder")));
        assert_eq!(of("Cargo.toml"), Place::File(PathBuf::from("Cargo.toml")));
        for text in ["main:policies", "src", "Cargo.toml"] {
            assert_eq!(of(text).to_string(), text);
        }
    }
}
