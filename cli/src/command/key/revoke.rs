//! `zonegate key revoke`: a key stops working now.
//!
//! Two things are changed: the keys file, so that the key stays revoked, and the bundle that Envoy
//! has, so that it is revoked at once. The bundle is the last good one with that one change: an
//! edit of somebody else that is broken, or not finished, neither stops this nor goes out with it.

use std::path::{Path, PathBuf};

use zonegate_engine::bundle::revoke as revoke_in_bundle;
use zonegate_engine::key::revoke as revoke_in_file;

use crate::arguments::Format;
use crate::delivery::{Delivery, replace, wait_all};
use crate::exit::Exit;
use crate::folder::{KEYS, is_leftover, now};
use crate::output::{failure, json, line, note};

/// Disable a key now, even while the policies folder is broken.
///
/// The key is set to `disabled = true` in `keys.toml` or the file of `keys/` that has it, and the
/// delivered bundle is packed again with that one change and nothing else.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The public id of the key
    #[arg(value_name = "ID")]
    id: String,

    /// The policies folder: `policies`, unless --bundle is given alone
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// The file that Envoy watches; without it only the keys file is changed
    #[arg(long, visible_alias = "output", value_name = "FILE")]
    bundle: Option<PathBuf>,

    /// Wait until the gate serves it: the address of the gate or of Envoy's admin interface
    #[arg(long, value_name = "ADDR", requires = "bundle")]
    wait: Vec<String>,

    /// How many seconds to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait_seconds: u64,
}

/// Revokes a key.
pub(super) fn run(arguments: &Arguments, format: Format) -> Exit {
    // The bundle first: it is what stops the key. Each is tried whatever becomes of the other.
    let delivered = arguments.bundle.as_ref().map(|output| deliver(arguments, output));
    let default = arguments.bundle.is_none().then(|| PathBuf::from("policies"));
    let file = arguments.dir.clone().or(default).map(|dir| edit(&dir, &arguments.id));
    let (only_bundle, only_file) = (file.is_none(), delivered.is_none());
    let mut exit = Exit::Ok;
    let mut said = Vec::new();
    for (what, done) in [("bundle", delivered), ("keys file", file)] {
        match done {
            Some(Ok(text)) => said.push(serde_json::json!({ "what": what, "done": text })),
            Some(Err(error)) => {
                exit = Exit::Failure;
                said.push(serde_json::json!({ "what": what, "error": error }));
            }
            None => {}
        }
    }
    if format == Format::Json {
        json(&serde_json::json!({ "ok": exit == Exit::Ok, "id": arguments.id, "changes": said }));
        return exit;
    }
    for one in said {
        match (one.get("done").and_then(|text| text.as_str()), one.get("error")) {
            (Some(text), _) => line(text),
            (None, error) => failure(error.and_then(|text| text.as_str()).unwrap_or_default()),
        }
    }
    if exit == Exit::Ok && only_bundle {
        note(
            "warning: the keys file is as it was, so the next `zonegate bundle` brings the key back",
        );
        note("  help: name the policies folder too: zonegate key revoke ID DIR --bundle FILE");
    }
    if exit == Exit::Ok && only_file {
        note("warning: no bundle was changed, so the key still works");
        note("  help: name the file that Envoy watches with --bundle, or run `zonegate bundle`");
    }
    exit
}

/// Disables the key in the keys file that has it; in all of them, where there is one too many,
/// because whoever corrects that may keep either.
fn edit(dir: &Path, id: &str) -> Result<String, String> {
    let (mut done, mut failed, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for path in keys_files(dir) {
        let shown = path.display();
        match std::fs::read_to_string(&path) {
            Ok(text) => match edit_file(dir, &path, &text, id) {
                Ok(words) => done.extend(words),
                Err(error) => failed.push(error),
            },
            Err(error) => unread.push(format!("{shown}: {error}")),
        }
    }
    if done.is_empty() && failed.is_empty() {
        // The key may stand in a file that cannot be read.
        let nowhere = format!("{}: no keys file has a key with the id `{id}`", dir.display());
        failed.extend(std::iter::once(nowhere).chain(unread));
    }
    if failed.is_empty() { Ok(done.join("\n")) } else { Err([failed, done].concat().join("; ")) }
}

/// Disables the key in one file, and says so; `None` where the file does not have it.
fn edit_file(dir: &Path, path: &Path, text: &str, id: &str) -> Result<Option<String>, String> {
    let shown = path.display();
    let name = path.strip_prefix(dir).unwrap_or(path).to_string_lossy();
    let changed = revoke_in_file(&name, text, id).map_err(|problem| problem.to_string())?;
    let Some(changed) = changed else { return Ok(None) };
    if changed == text {
        return Ok(Some(format!("{shown}: the key was disabled already")));
    }
    replace(path, changed.as_bytes())?;
    Ok(Some(format!("{shown}: `disabled = true` for {id}")))
}

/// The keys files of a folder, as `zonegate bundle` reads them.
fn keys_files(dir: &Path) -> Vec<PathBuf> {
    let more = std::fs::read_dir(dir.join(KEYS)).into_iter().flatten().flatten();
    let named = more.filter(|entry| !is_leftover(&entry.file_name().to_string_lossy()));
    let mut files: Vec<PathBuf> = named.map(|entry| entry.path()).collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml" || end == "jsonl"));
    std::iter::once(dir.join("keys.toml")).chain(files).collect()
}

/// Packs the delivered bundle again without the key.
fn deliver(arguments: &Arguments, output: &Path) -> Result<String, String> {
    let shown = output.display();
    let delivery = Delivery::read(output)?;
    let packed = revoke_in_bundle(&delivery.bundle, &arguments.id, now());
    let packed = packed.map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        format!("{shown}: {}", texts.join("; "))
    })?;
    let before = crate::delivery::Before::of(&arguments.wait);
    Delivery { bundle: packed.bytes, digest: packed.digest.clone(), wasm: delivery.wasm }
        .write(output)?;
    wait_all(&before, &packed.digest, arguments.wait_seconds).map_err(|unserved| unserved.words)?;
    Ok(format!("{shown}: delivered {} without {}", packed.digest, arguments.id))
}
