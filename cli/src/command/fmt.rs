//! `zonegate fmt`: policies in the one form that Cedar's formatter gives them.
//!
//! A formatter that loses a comment or changes a policy is worse than none. So what it gives back is
//! read again: the same policies with the same annotations, the same comments, and the same text
//! when it is formatted once more; else the file stays as it is.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use cedar_policy::PolicySet;
use cedar_policy_formatter::{Config, policies_str_to_pretty};
use similar::TextDiff;

use crate::arguments::Format;
use crate::command::counted;
use crate::delivery::replace;
use crate::exit::Exit;
use crate::output::{Ink, Paint, failure, json, line};

/// The longest line that the formatter makes where it can.
const LINE_WIDTH: usize = 100;
/// The blanks of one level.
const INDENT_WIDTH: isize = 2;
/// How deep folders may be nested.
const DEPTH_MAX: usize = 8;
/// The path that stands for standard input and output.
const STDIN: &str = "-";

/// Format policy files as Cedar's formatter does; comments stay.
///
/// Files whose meaning or comments would change are refused and stay as they are. Settings files
/// (TOML) are left alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Policy files, or folders with them; `-` formats standard input
    #[arg(default_value = "policies", value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Change nothing; say what would change, and fail (exit code 1) if anything would
    #[arg(long)]
    check: bool,
}

/// Formats the files.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    if let [path] = arguments.paths.as_slice()
        && path == Path::new(STDIN)
    {
        return standard(arguments.check);
    }
    let mut files = Vec::new();
    for path in &arguments.paths {
        if let Err(error) = collect(path, 0, &mut files) {
            failure(format!("{}: {error}", path.display()));
            return Exit::Failure;
        }
    }
    files.sort();
    let mut results = Vec::new();
    for file in &files {
        results.push((file, one(file, arguments.check)));
    }
    report(&results, arguments.check, format);
    let bad = |result: &Result<Option<String>, String>| match result {
        Ok(changed) => arguments.check && changed.is_some(),
        Err(_) => true,
    };
    if results.iter().any(|(_, result)| bad(result)) { Exit::Failure } else { Exit::Ok }
}

/// Formats standard input to standard output.
fn standard(check: bool) -> Exit {
    let mut text = String::new();
    if let Err(error) = std::io::stdin().read_to_string(&mut text) {
        failure(format!("standard input: {error}"));
        return Exit::Failure;
    }
    match formatted(&text) {
        Ok(pretty) if check => {
            if pretty == text {
                Exit::Ok
            } else {
                Exit::Failure
            }
        }
        Ok(pretty) => {
            let written = std::io::stdout().lock().write_all(pretty.as_bytes());
            if written.is_ok() { Exit::Ok } else { Exit::Failure }
        }
        Err(error) => {
            failure(format!("standard input: {error}"));
            Exit::Failure
        }
    }
}

/// Adds the policy files at and below a path.
fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if meta.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth > DEPTH_MAX {
        return Err("folders are nested too deeply".to_owned());
    }
    for entry in std::fs::read_dir(path).map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        let below = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with(['.', '#']);
        let is_policy = below.extension().is_some_and(|end| end == "cedar");
        if !hidden && (is_policy || below.is_dir()) {
            collect(&below, depth + 1, files)?;
        }
    }
    Ok(())
}

/// Formats one file; gives the difference where there is one.
fn one(file: &Path, check: bool) -> Became {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let pretty = formatted(&text)?;
    if pretty == text {
        return Ok(None);
    }
    if !check {
        replace(file, pretty.as_bytes())?;
    }
    let name = file.display().to_string();
    let diff = TextDiff::from_lines(&text, &pretty);
    Ok(Some(diff.unified_diff().context_radius(2).header(&name, &name).to_string()))
}

/// The text in its one form, if that is certainly the same.
fn formatted(text: &str) -> Result<String, String> {
    let config = Config { line_width: LINE_WIDTH, indent_width: INDENT_WIDTH };
    let pretty = |text: &str| {
        let pretty = policies_str_to_pretty(text, &config).map_err(|error| format!("{error:#}"))?;
        let pretty = pretty.trim_end();
        let pretty = if pretty.is_empty() { String::new() } else { format!("{pretty}\n") };
        Ok(with_heading(&pretty, heading(text)))
    };
    let before = policies(text)?;
    let once: String = pretty(text).map_err(|error: String| error.replace('\n', " "))?;
    if policies(&once)? != before {
        return Err("formatted, it would not be the same policies; left as it is".to_owned());
    }
    if comments(&once) != comments(text) {
        return Err("formatted, it would lose or move a comment; left as it is".to_owned());
    }
    if pretty(&once) != Ok(once.clone()) {
        return Err("formatted twice, it would change again; left as it is".to_owned());
    }
    Ok(once)
}

/// How many lines of comment a text begins with, if an empty line sets them off from the rest.
fn heading(text: &str) -> usize {
    let comment = text.lines().take_while(|line| line.starts_with("//")).count();
    let apart = text.lines().nth(comment).is_some_and(|line| line.trim().is_empty());
    if apart { comment } else { 0 }
}

/// The text with an empty line below the heading, which the formatter takes for a comment on the
/// first policy.
fn with_heading(text: &str, lines: usize) -> String {
    let comment = text.lines().take(lines).all(|line| line.starts_with("//"));
    if lines == 0 || !comment || text.lines().nth(lines).is_none_or(str::is_empty) {
        return text.to_owned();
    }
    let mut all: Vec<&str> = text.lines().collect();
    all.insert(lines, "");
    all.join("\n") + "\n"
}

/// The policies and templates of a text in Cedar's JSON form, by their place.
fn policies(text: &str) -> Result<BTreeMap<String, serde_json::Value>, String> {
    let set = PolicySet::from_str(text).map_err(|error| error.to_string().replace('\n', " "))?;
    let json = |value: Result<serde_json::Value, _>| {
        value.map_err(|error: cedar_policy::PolicyToJsonError| error.to_string())
    };
    let statics = set.policies().map(|one| Ok((one.id().to_string(), json(one.to_json())?)));
    let templates = set.templates().map(|one| Ok((one.id().to_string(), json(one.to_json())?)));
    statics.chain(templates).collect()
}

/// The comments of a text, in their order.
fn comments(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // A text in quotes, in which `//` is no comment.
            '"' => {
                while let Some(inner) = rest.next() {
                    match inner {
                        '\\' => drop(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '/' if rest.peek() == Some(&'/') => {
                let comment: String = std::iter::from_fn(|| rest.next_if(|c| *c != '\n')).collect();
                found.push(comment.trim().to_owned());
            }
            _ => {}
        }
    }
    found
}

/// What became of a file: the difference, if there was one, or why it could not be formatted.
type Became = Result<Option<String>, String>;

/// Prints what became of the files.
fn report(results: &[(&PathBuf, Became)], check: bool, format: Format) {
    if format == Format::Json {
        let one = |(file, result): &(&PathBuf, Became)| {
            serde_json::json!({
                "file": file.display().to_string(),
                "changed": matches!(result, Ok(Some(_))),
                "error": result.as_ref().err(),
            })
        };
        let ok = results.iter().all(|(_, result)| match result {
            Ok(changed) => !check || changed.is_none(),
            Err(_) => false,
        });
        let files: Vec<_> = results.iter().map(one).collect();
        return json(&serde_json::json!({ "ok": ok, "files": files }));
    }
    let paint = Paint::stdout();
    let mut changed = 0;
    for (file, result) in results {
        match result {
            Ok(None) => {}
            Ok(Some(diff)) => {
                changed += 1;
                if check {
                    diff.lines().for_each(|text| line(paint.ink(ink_of(text), text)));
                } else {
                    line(format!("formatted {}", file.display()));
                }
            }
            Err(error) => failure(format!("{}: {error}", file.display())),
        }
    }
    let files = counted(results.len(), "file");
    line(match (check, changed) {
        (true, 0) | (false, _) => format!("{files}, {changed} changed"),
        (true, _) => format!("{files}, {changed} not formatted; run `zonegate fmt`"),
    });
}

/// The colour of a line of a difference.
fn ink_of(text: &str) -> Ink {
    match text.chars().next() {
        Some('-') => Ink::Bad,
        Some('+') => Ink::Good,
        _ => Ink::Faint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_found_and_texts_are_none() {
        let text = "// a\n@doc(\"no // comment \\\" // here\")\npermit (principal, action, resource); // b\n";
        assert_eq!(comments(text), ["/ a", "/ b"]);
    }

    #[test]
    fn what_is_formatted_stays_and_what_does_not_parse_is_refused() {
        let text = "// why\n@id(\"a\")\npermit(principal,action,resource)when{resource.zone==\"x.y\" // so\n};";
        let once = formatted(text).unwrap();
        assert_ne!(once, text);
        assert_eq!(formatted(&once).unwrap(), once);
        assert!(once.contains("// why") && once.contains("// so"), "{once}");
        assert!(formatted("permit (").is_err());
        assert_eq!(formatted("").unwrap(), "");
    }
}
