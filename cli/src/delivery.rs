//! What Envoy watches: the discovery file, written whole, and whether Envoy took it.
//!
//! The file is written beside its place and renamed onto it, so that Envoy reads the old one or
//! the new one and never a half. The form of it is `envoy/filter-template.json`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::Address;

/// The form of the discovery file.
const TEMPLATE: &str = include_str!("../../envoy/filter-template.json");
/// Where the template holds the filter's settings.
const CONFIG: &str = "/resources/0/typed_config/config";
/// How long to wait between two questions.
const PAUSE: Duration = Duration::from_millis(50);
/// What the gate answers for itself.
const READY: &str = "/.zonegate/ready";
/// Envoy's counters of the filter's discovery.
const COUNTERS: &str = "/stats?filter=extension_config_discovery.http_filter.zonegate";

/// A bundle on its way to Envoy.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The bundle.
    pub(crate) bundle: Vec<u8>,
    /// Its digest, which becomes the version that Envoy reports.
    pub(crate) digest: String,
    /// The path of the filter's code, as Envoy sees it.
    pub(crate) wasm: String,
}

impl Delivery {
    /// Reads a discovery file back.
    pub(crate) fn read(path: &Path) -> Result<Delivery, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let document: Value = serde_json::from_str(&text)
            .map_err(|error| format!("{shown} is no file of `zonegate bundle`: {error}"))?;
        let text_at = |place: &str| {
            let text = document.pointer(place).and_then(Value::as_str).map(str::to_owned);
            text.ok_or_else(|| format!("{shown} is no file of `zonegate bundle`: no {place}"))
        };
        let bundle = STANDARD.decode(text_at(&format!("{CONFIG}/configuration/value"))?);
        let broken = |_| format!("{shown} is no file of `zonegate bundle`: its bundle is broken");
        Ok(Delivery {
            bundle: bundle.map_err(broken)?,
            digest: text_at("/version_info")?,
            wasm: text_at(&format!("{CONFIG}/vm_config/code/local/filename"))?,
        })
    }

    /// The discovery file's text.
    fn text(&self) -> Result<String, String> {
        let broken = || "the template of the discovery file is broken".to_owned();
        let mut document: Value = serde_json::from_str(TEMPLATE).map_err(|_| broken())?;
        let mut set = |place: &str, name: &str, value: Value| {
            let object = document.pointer_mut(place).and_then(Value::as_object_mut);
            object.map(|object| object.insert(name.to_owned(), value)).ok_or_else(broken)
        };
        set("", "version_info", json!(self.digest))?;
        set(&format!("{CONFIG}/vm_config/code/local"), "filename", json!(self.wasm))?;
        let configuration = json!({
            "@type": "type.googleapis.com/google.protobuf.BytesValue",
            "value": STANDARD.encode(&self.bundle),
        });
        set(CONFIG, "configuration", configuration)?;
        Ok(document.to_string())
    }

    /// Writes the discovery file, atomically.
    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        replace(path, self.text()?.as_bytes())
    }
}

/// Replaces a file by a new one in its folder, atomically; permissions stay as they are.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    // Where the place is a link, what it leads to is replaced, not the link.
    let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let name = place.file_name().ok_or_else(|| format!("{} names no file", path.display()))?;
    let beside = format!(".{}.{}.new", name.to_string_lossy(), std::process::id());
    let beside: PathBuf = place.with_file_name(beside);
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        if let Ok(meta) = std::fs::metadata(&place) {
            file.set_permissions(meta.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&beside, &place));
    renamed.map_err(|error| {
        // The half-written file is of no use; that it is left where even this fails, harms nobody.
        let _ = std::fs::remove_file(&beside);
        failed(error)
    })
}

/// What the places to wait for said before a delivery.
#[derive(Debug)]
pub(crate) struct Before(Vec<(String, Option<Counters>)>);

impl Before {
    /// Asks each place what it has counted so far.
    pub(crate) fn of(places: &[String]) -> Before {
        let counted = |place: &String| {
            let answer = Address::parse(place).ok()?.get(COUNTERS).ok()?;
            counters(&answer.body)
        };
        Before(places.iter().map(|place| (place.clone(), counted(place))).collect())
    }
}

/// What Envoy counts of the filter's discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Counters {
    /// The version in use.
    version: String,
    /// How many were accepted.
    accepted: u64,
    /// How many were refused.
    rejected: u64,
}

/// Reads Envoy's counters; none where this is no admin interface.
///
/// The configuration dump names a version as soon as it arrived, refused or not; only this
/// counter names the one in use.
fn counters(text: &str) -> Option<Counters> {
    let find = |name: &str| {
        let line = text.lines().find(|line| line.contains(&format!("{name}: ")))?;
        line.split_once(": ").map(|(_, value)| value.trim().trim_matches('"').to_owned())
    };
    let accepted = find(".update_success")?.parse().ok()?;
    let rejected = find(".update_rejected")?.parse().ok()?;
    Some(Counters { version: find(".version_text").unwrap_or_default(), accepted, rejected })
}

/// A delivery that is not known to be served.
#[derive(Debug)]
pub(crate) struct Unserved {
    /// Whether Envoy refused it, so that it is of no use where it is.
    pub(crate) rejected: bool,
    /// What happened, in words.
    pub(crate) words: String,
}

/// Waits until every place serves the bundle with this digest.
pub(crate) fn wait_all(before: &Before, digest: &str, seconds: u64) -> Result<(), Unserved> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let unserved = |words: String| Unserved { rejected: false, words };
    for (place, counted) in &before.0 {
        let address = Address::parse(place).map_err(unserved)?;
        loop {
            let late = Instant::now() >= end;
            match ask(&address, digest, counted.as_ref()) {
                Ok(true) => break,
                Ok(false) if late => {
                    let why = "rejected, or not watched";
                    let words = format!("{place} does not serve it after {seconds} s: {why}");
                    return Err(unserved(words));
                }
                Err(Refused::Silent(error)) if late => {
                    return Err(unserved(format!("{place}: {error}")));
                }
                Err(Refused::Rejected) => {
                    let what = "Envoy rejected the bundle and goes on with the old one";
                    let words = format!("{place}: {what}; its log says why");
                    return Err(Unserved { rejected: true, words });
                }
                Ok(false) | Err(Refused::Silent(_)) => std::thread::sleep(PAUSE),
            }
        }
    }
    Ok(())
}

/// Why a place does not say that it serves a bundle.
enum Refused {
    /// Envoy counted a refusal.
    Rejected,
    /// It does not answer as it should.
    Silent(String),
}

/// Whether a place serves the bundle with this digest.
fn ask(address: &Address, digest: &str, before: Option<&Counters>) -> Result<bool, Refused> {
    let ready = address.get(READY).map_err(Refused::Silent)?;
    let served = serde_json::from_str::<Value>(&ready.body).ok();
    if let Some(served) = served.as_ref().and_then(|body| body.get("bundle")) {
        return Ok(served.as_str() == Some(digest));
    }
    let answer = address.get(COUNTERS).map_err(Refused::Silent)?;
    match counters(&answer.body) {
        Some(now) if before.is_some_and(|before| now.rejected > before.rejected) => {
            Err(Refused::Rejected)
        }
        // The same bundle again, with other code perhaps, must be accepted again.
        Some(now) if now.version == digest => {
            Ok(before.is_none_or(|before| now.accepted > before.accepted))
        }
        Some(_) => Ok(false),
        None => Err(Refused::Silent(format!(
            "neither the gate nor Envoy's admin interface (status {})",
            ready.status
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_can_be_read_back() {
        let folder = std::env::temp_dir().join(format!("zonegate-delivery-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("filter.json");
        let delivery = Delivery {
            bundle: b"zonegate\xff\0".to_vec(),
            digest: "sha256:00".to_owned(),
            wasm: "/x.wasm".to_owned(),
        };
        delivery.write(&path).unwrap();
        let read = Delivery::read(&path).unwrap();
        let left = std::fs::read_dir(&folder).unwrap().count();
        std::fs::write(&path, "{}").unwrap();
        let broken = Delivery::read(&path).unwrap_err();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            (read.bundle, read.digest, read.wasm),
            (delivery.bundle, delivery.digest, delivery.wasm)
        );
        assert_eq!(left, 1, "nothing is left beside it");
        assert!(broken.contains("is no file of `zonegate bundle`"), "{broken}");
    }

    #[test]
    fn the_delivery_fails_closed() {
        let delivery = Delivery { bundle: Vec::new(), digest: String::new(), wasm: String::new() };
        let document: Value = serde_json::from_str(&delivery.text().unwrap()).unwrap();
        let config = document.pointer(CONFIG).unwrap();
        assert_eq!(config["failure_policy"], "FAIL_RELOAD");
        assert_eq!(config["allow_on_headers_stop_iteration"], true);
        assert_eq!(config["root_id"], "zonegate");
    }

    #[test]
    fn envoys_counters_are_read() {
        let prefix = "extension_config_discovery.http_filter.zonegate";
        let text = format!(
            "{prefix}.version_text: \"sha256:1\"\n{prefix}.update_rejected: 3\n{prefix}.update_success: 2\n"
        );
        let expected = Counters { version: "sha256:1".to_owned(), accepted: 2, rejected: 3 };
        assert_eq!(counters(&text), Some(expected));
        assert_eq!(counters("not found"), None);
    }
}
