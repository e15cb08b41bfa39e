//! `zonegate new folder`: a policies folder of one's own.
//!
//! The library in `policies/` comes with public keys and with tables about them, which nobody wants
//! in production. So the command brings what does not depend on whose folder it is (guardrails,
//! templates, patterns) and empty lists for the rest. Nobody can do anything with it yet.

use std::path::{Path, PathBuf};

use super::{Made, Refused};
use crate::delivery::replace;
use crate::folder::Folder;

/// Begin a policies folder of your own: guardrails and templates, and nobody's keys.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder to make; it must not be there, or be empty
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Files of the library, by their paths in it.
macro_rules! library {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../policies/", $path)))),*]
    };
}

/// Files that the library has too, with another content.
macro_rules! starter {
    ($($path:literal from $file:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("starter/", $file)))),*]
    };
}

/// What is taken as the library has it.
const SHARED: &[(&str, &str)] = library![
    "schema.cedarschema",
    "patterns.toml",
    "guardrails/keys.cedar",
    "guardrails/zones.cedar",
    "roles/base.cedar",
    "roles/break-glass.cedar",
    "roles/hostmasters.cedar",
    "templates/acme-host.cedar",
    "templates/acme-strict.cedar",
    "templates/acme-zone.cedar",
    "templates/ddns.cedar",
    "templates/external-dns.cedar",
    "templates/mail.cedar",
    "templates/previews.cedar",
    "templates/read-only.cedar",
    "templates/site-verification.cedar",
    "templates/subtree.cedar",
    "templates/zone-admin.cedar",
    "templates/zone-as-code.cedar",
    "templates/zone-records.cedar",
];

/// What is made for a folder that has nothing yet.
const OWN: &[(&str, &str)] = starter![
    "manifest.toml" from "manifest.toml",
    "keys.toml" from "keys.toml",
    "networks.toml" from "networks.toml",
    "roles.toml" from "roles.toml",
    "windows.toml" from "windows.toml",
    "cases/first.toml" from "first.toml",
];

impl Arguments {
    /// The folder to make.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Makes it, and reads it back as the gate would.
pub(super) fn make(arguments: &Arguments) -> Result<Made, Refused> {
    let folder = arguments.folder.as_path();
    let shown = folder.display();
    let empty = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if folder.exists() && !empty {
        return Err(Refused::Failure(format!("{shown} is there already, and is not empty")));
    }
    let files: Vec<_> = SHARED.iter().chain(OWN).collect();
    for (file, text) in &files {
        write(&folder.join(file), text)?;
    }
    Folder::read(folder).pack().map_err(Refused::Problems)?;
    let next = format!(
        "nobody may do anything yet; next, a key:\n  zonegate new key --dir {shown} --description \"certificates of www\" \
         --may acme-host --zone example.com --name _acme-challenge.www.example.com\n\
         then `zonegate check {shown}`, `zonegate test {shown}`, and `zonegate bundle {shown}`"
    );
    Ok(Made { files: files.iter().map(|(file, _)| (*file).to_owned()).collect(), next, key: None })
}

/// Writes one file, with the folders that it lies in.
fn write(path: &Path, text: &str) -> Result<(), Refused> {
    if let Some(parent) = path.parent() {
        let made = std::fs::create_dir_all(parent);
        made.map_err(|error| format!("{}: {error}", parent.display()))?;
    }
    Ok(replace(path, text.as_bytes())?)
}
