//! `zonegate bundle`: a folder becomes what Envoy watches, as a whole or not at all.

use std::path::PathBuf;

use zonegate_engine::bundle::digest as digest_of;
use zonegate_engine::problem::Problem;

use super::{counted, refuse};
use crate::arguments::Format;
use crate::delivery::{Before, Delivery, replace, wait_all};
use crate::exit::Exit;
use crate::folder::{Checked, Folder};
use crate::http::Address;
use crate::output::{Ink, Paint, failure, json, line, note};
use crate::show::problem_text;

/// What the ids of public demonstration keys begin with.
const DEMO: &str = "demo";

/// Pack a policies folder into the file that Envoy watches.
///
/// The file appears whole, by a rename. A folder with a problem is refused, and the file stays
/// as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What is packed and where it goes.
    #[command(flatten)]
    pub(super) target: Target,

    /// Wait until it is served: the address of the gate, or of Envoy's admin interface
    /// (http://host:port, or the path of a unix socket)
    #[arg(long, value_name = "ADDR")]
    wait: Vec<String>,

    /// How many seconds to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait_seconds: u64,
}

/// What is packed, and where it goes; `bundle` and `watch` have it alike.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The policies folder
    #[arg(default_value = "policies", value_name = "DIR")]
    pub(super) dir: PathBuf,

    /// The file that Envoy watches
    #[arg(long, value_name = "FILE")]
    pub(super) output: PathBuf,

    /// The filter's code, as a path that Envoy can read
    #[arg(long, value_name = "PATH", required_unless_present = "bare")]
    pub(super) wasm: Option<PathBuf>,

    /// Write the bundle itself, for hosts of the component that are not Envoy
    #[arg(long, conflicts_with = "wasm")]
    pub(super) bare: bool,

    /// Accept the public demonstration keys, whose ids begin with `demo`
    #[arg(long)]
    pub(super) demo: bool,
}

/// Packs a folder and delivers it.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let target = &arguments.target;
    let checked = match target.pack() {
        Ok(checked) => checked,
        Err(problems) => return refuse(&problems, &target.dir, format),
    };
    for place in &arguments.wait {
        if let Err(error) = Address::parse(place) {
            failure(error);
            return Exit::Failure;
        }
    }
    let done = deliver(arguments, &checked);
    let digest = &checked.packed.digest;
    if format == Format::Json {
        json(&serde_json::json!({ "ok": done.is_ok(), "digest": digest,
            "bytes": checked.packed.bytes.len(), "error": done.as_ref().err() }));
        return if done.is_ok() { Exit::Ok } else { Exit::Failure };
    }
    let paint = Paint::stderr();
    for warning in &checked.packed.warnings {
        note(problem_text(warning, &target.dir, Ink::Doubt, paint));
    }
    // The code may exist for Envoy alone, in a container for instance.
    if let Some(wasm) = target.wasm.as_ref().filter(|wasm| !wasm.is_file()) {
        let wasm = wasm.display();
        let doubt = paint.ink(Ink::Doubt, "warning:");
        note(format!("{doubt} there is no file {wasm} here; Envoy must be able to read it"));
    }
    match done {
        Ok(()) => {
            let size = counted(checked.packed.bytes.len(), "byte");
            let served = if arguments.wait.is_empty() { "" } else { ", served" };
            line(format!("{}: {digest}, {size}{served}", target.output.display()));
            Exit::Ok
        }
        Err(error) => {
            failure(error);
            Exit::Failure
        }
    }
}

/// Writes the file and waits for it; what Envoy refuses is taken back.
fn deliver(arguments: &Arguments, checked: &Checked) -> Result<(), String> {
    let target = &arguments.target;
    let old = std::fs::read(&target.output).ok();
    let before = Before::of(&arguments.wait);
    target.deliver(checked)?;
    let waited = wait_all(&before, &checked.packed.digest, arguments.wait_seconds);
    waited.map_err(|unserved| {
        // An Envoy that starts again must find what it goes on with now.
        let restored =
            unserved.rejected && old.is_some_and(|old| replace(&target.output, &old).is_ok());
        let restored = if restored { "; the file is the old one again" } else { "" };
        format!("{}{restored}", unserved.words)
    })
}

impl Target {
    /// Packs the folder; demonstration keys are a problem unless they are accepted.
    pub(super) fn pack(&self) -> Result<Checked, Vec<Problem>> {
        let checked = Folder::read(&self.dir).pack()?;
        let demo = |id: &str| id.starts_with(DEMO);
        let keys = checked.bundle.keys.iter().filter(|key| demo(&key.id) && !self.demo);
        let problem = |id: &str| {
            Problem::new("keys.toml", format!("`{id}` is a public demonstration key"))
                .help("delete it, or accept it with --demo where nothing is at stake")
        };
        let problems: Vec<Problem> = keys.map(|key| problem(&key.id)).collect();
        if problems.is_empty() { Ok(checked) } else { Err(problems) }
    }

    /// The code's path for Envoy, which runs in another folder.
    pub(super) fn wasm_path(&self) -> Result<String, String> {
        let wasm = self.wasm.as_ref().ok_or("--wasm is missing")?;
        let absolute = std::path::absolute(wasm).map_err(|error| format!("--wasm: {error}"))?;
        let text = absolute.to_str().ok_or_else(|| "--wasm: the path is not UTF-8".to_owned())?;
        Ok(text.to_owned())
    }

    /// Whether the file has the bundle with this digest already.
    pub(super) fn is_delivered(&self, digest: &str) -> bool {
        if self.bare {
            let old = std::fs::read(&self.output).unwrap_or_default();
            return digest_of(&old).is_ok_and(|old| old == digest);
        }
        let same =
            |old: &Delivery| old.digest == digest && Ok(&old.wasm) == self.wasm_path().as_ref();
        Delivery::read(&self.output).is_ok_and(|old| same(&old))
    }

    /// Writes the file that Envoy watches, or the bundle itself.
    pub(super) fn deliver(&self, checked: &Checked) -> Result<(), String> {
        let packed = &checked.packed;
        if self.bare {
            return replace(&self.output, &packed.bytes);
        }
        let (bundle, digest) = (packed.bytes.clone(), packed.digest.clone());
        Delivery { bundle, digest, wasm: self.wasm_path()? }.write(&self.output)
    }
}
