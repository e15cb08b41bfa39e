//! `zonegate key digest`: is this a key, and which?

use std::io::Read as _;

use zonegate_engine::key::{KeyError, KeyForm, KeyText};

use crate::arguments::Format;
use crate::exit::Exit;
use crate::output::{columns, failure, json, line};

/// The most bytes that are read; a key has 64.
const INPUT_BYTES_MAX: u64 = 4096;

/// Recognise the key on standard input: typing errors, id, digest.
///
/// The key is read from standard input, so that it stands in no process list and no history:
/// `zonegate key digest < file`. White space around it is ignored.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Recognises a key.
pub(super) fn run(_: &Arguments, format: Format) -> Exit {
    let mut input = Vec::new();
    if let Err(error) = std::io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut input) {
        failure(format!("cannot read standard input: {error}"));
        return Exit::Failure;
    }
    let text = input.trim_ascii();
    if text.is_empty() {
        failure("there is no key on standard input; try `zonegate key digest < file`");
        return Exit::Failure;
    }
    match KeyText::parse(text) {
        Ok(key) => {
            let (form, bits) = (key.form(), key.form().secret_bits());
            let digest = key.digest().to_string();
            if format == Format::Json {
                json(&serde_json::json!({ "ok": true, "id": key.id(), "digest": digest,
                    "form": form_name(form), "secret_bits": bits }));
            } else {
                let length = form.length();
                let form =
                    format!("{}, {length} characters, {bits} bits of secret", form_name(form));
                let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
                let rows = [
                    row("key", "fine"),
                    row("id", key.id()),
                    row("form", &form),
                    row("digest", &digest),
                ];
                columns(&rows).iter().for_each(line);
            }
            Exit::Ok
        }
        Err(error) => {
            let typo = error == KeyError::Checksum;
            if format == Format::Json {
                json(&serde_json::json!({ "ok": false, "typo": typo, "error": error.to_string() }));
            } else {
                failure(format!("this is not a key: {error}"));
            }
            Exit::Failure
        }
    }
}

/// The name of a form.
fn form_name(form: KeyForm) -> &'static str {
    match form {
        KeyForm::Long => "long",
        KeyForm::Short => "short",
    }
}
