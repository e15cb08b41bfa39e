//! `zonegate can --html`: one page that works by itself, a matrix of keys and zones by actions.
//!
//! The page is a fixed document, style and script, and one block of data. Whatever comes from
//! policies and keys is in the block alone, as JSON in which `<`, `>` and `&` are escapes, and the
//! script sets it as text and never as markup. The page's own content security policy allows this
//! very style and script, by their digests, and nothing else: no address, no image, no other script.

mod data;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zonegate_engine::key::Key;
use zonegate_engine::name::Name;

use super::subject::Survey;
use crate::arguments::Format;
use crate::output;

/// The document.
const HTML: &str = include_str!("page.html");
/// Its style.
const CSS: &str = include_str!("page.css");
/// Its script.
const JS: &str = include_str!("page.js");

/// Writes the page to a file; of one key or one zone, where they are given.
pub(super) fn write(
    survey: &Survey<'_>,
    key: Option<&Key>,
    zone: Option<&Name>,
    file: &Path,
    format: Format,
) -> Result<(), String> {
    let data = data::of(survey, key, zone)?;
    let page = page(&serde_json::to_string(&data).map_err(|error| error.to_string())?);
    std::fs::write(file, &page).map_err(|error| format!("{}: {error}", file.display()))?;
    let shown = file.display().to_string();
    match format {
        Format::Json => output::json(&serde_json::json!({
            "ok": true, "file": shown, "bytes": page.len(),
            "keys": data.keys.len(), "rows": data.rows(),
        })),
        Format::Text => output::line(format!(
            "{shown}: {} keys, {} rows, {} kB; open it in a browser",
            data.keys.len(),
            data.rows(),
            page.len().div_ceil(1000)
        )),
    }
    Ok(())
}

/// The page with its data, given as JSON.
fn page(data: &str) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        digest(CSS),
        digest(JS)
    );
    // The parts are put in from the last place to the first, so that none is looked through for
    // the place of another.
    let parts = [
        ("{{policy}}", policy.as_str()),
        ("{{style}}", CSS),
        ("{{data}}", &inert(data)),
        ("{{script}}", JS),
    ];
    let mut page = String::new();
    let mut rest = HTML;
    for (place, part) in parts {
        let (before, after) = rest.split_once(place).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page.push_str(rest);
    page
}

/// JSON in which nothing can end the element around it, or begin another.
///
/// SECURITY: descriptions and documents are anybody's text; test `hostile_texts_are_inert`.
fn inert(json: &str) -> String {
    let mut made = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => made.push_str("\\u003c"),
            '>' => made.push_str("\\u003e"),
            '&' => made.push_str("\\u0026"),
            '\u{2028}' => made.push_str("\\u2028"),
            '\u{2029}' => made.push_str("\\u2029"),
            other => made.push(other),
        }
    }
    made
}

/// The digest of a text as content security policies write it.
fn digest(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_are_inert() {
        let text = "</script><img src=x onerror=alert(1)>{{script}}{{policy}}<!-- & \u{2028}";
        let json = serde_json::to_string(&[text]).unwrap();
        let page = page(&json);
        assert!(!page.contains("<img") && !page.contains("onerror=alert(1)>"));
        assert_eq!(page.matches("</script>").count(), HTML.matches("</script>").count());
        assert_eq!(page.matches(JS).count(), 1);
        let (_, block) = page.split_once("id=\"data\">").unwrap();
        let (block, _) = block.split_once("</script>").unwrap();
        assert_eq!(serde_json::from_str::<Vec<String>>(block).unwrap(), [text]);
    }

    #[test]
    fn the_page_asks_for_nothing() {
        let page = page("{}");
        for word in ["http:", "https:", "src=", "href=", "@import", "url(", "{{"] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(!JS.contains("innerHTML") && !JS.contains("document.write"));
        // A style or script that ended early would be another one than its digest says.
        assert!(!CSS.contains("</") && !JS.contains("</"));
    }
}
