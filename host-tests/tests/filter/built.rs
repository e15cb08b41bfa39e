//! Where the built filter is, or another module, and that it is the one of these sources.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What to do about a filter that is missing or stale.
const BUILD: &str = "run `make build`, or \
    `cargo build --release --target wasm32-wasip1 -p zonegate-filter`";

/// The folder of the whole project.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Cargo's target folder, found from where this test runs: `<target>/<profile>/deps/<test>`.
pub(crate) fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

/// The built filter; a missing one, or one older than its sources, fails the test.
///
/// `ZONEGATE_FILTER` names another one, such as a release's, which is taken as it is.
pub(crate) fn filter() -> PathBuf {
    if let Some(named) = std::env::var_os("ZONEGATE_FILTER") {
        return named.into();
    }
    fresh("wasm32-wasip1/release/zonegate_filter.wasm", BUILD)
}

/// A built module, by its path below the target folder; a missing one, or one older than its
/// sources, fails the test.
pub(crate) fn fresh(path: &str, build: &str) -> PathBuf {
    let wasm = target().join(path);
    assert!(wasm.exists(), "there is no {}: {build}", wasm.display());
    let built = modified(&wasm);
    let newer: Vec<PathBuf> =
        sources(&wasm, build).into_iter().filter(|source| modified(source) > built).collect();
    assert!(newer.is_empty(), "{} is older than {newer:?}: {build}", wasm.display());
    wasm
}

/// The files that a module was compiled from, as the compiler wrote them down.
///
/// A new file that belongs to it is named by an older one, which is then newer itself.
fn sources(wasm: &Path, build: &str) -> Vec<PathBuf> {
    let list = wasm.with_extension("d");
    let text = std::fs::read_to_string(&list)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}; {build}", list.display()));
    let (_, files) = text.split_once(": ").unwrap();
    // Spaces inside names are written with a backslash before them.
    let files = files.replace("\\ ", "\0");
    let files: Vec<PathBuf> =
        files.split_whitespace().map(|name| name.replace('\0', " ").into()).collect();
    let engine = project().join("engine");
    assert!(files.iter().any(|file| file.starts_with(&engine)), "no engine in {files:?}");
    files
}

/// When a file was changed; one that is gone has changed now.
fn modified(file: &Path) -> SystemTime {
    file.metadata().and_then(|data| data.modified()).unwrap_or_else(|_| SystemTime::now())
}
