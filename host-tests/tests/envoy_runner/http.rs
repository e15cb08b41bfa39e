//! HTTP/1.1 as bytes: just enough to send what no ordinary client would, and to keep what came.

use std::io::{self, BufRead, Read};
use zonegate_cases::Header;

/// The longest line of a head, in bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// One request or response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// The three parts of its first line; the last may be empty.
    pub(crate) start: [String; 3],
    /// Its headers, names in lower case.
    pub(crate) headers: Vec<Header>,
    /// Its body, without the framing.
    pub(crate) body: Vec<u8>,
    /// Every byte of it, as it came.
    pub(crate) raw: Vec<u8>,
    /// Whether it ended before its framing said so.
    pub(crate) cut: bool,
}

/// What a message may be, as far as that says where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request: without a length it has no body.
    Request,
    /// A response: without a length its body ends with the connection.
    Response,
    /// A response to HEAD, which has no body whatever its length says.
    ResponseToHead,
}

impl Message {
    /// The only value of a header as text; the first of several.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(have, _)| have == name.as_bytes());
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.start[1].parse().ok()
    }
}

/// Reads one message; `None` where the peer closed before the first byte.
pub(crate) fn read(from: &mut impl BufRead, kind: Kind) -> io::Result<Option<Message>> {
    let mut message = Message::default();
    let first = line(from, &mut message.raw)?;
    if first.is_empty() && message.raw.is_empty() {
        return Ok(None);
    }
    for (part, text) in message.start.iter_mut().zip(first.splitn(3, |byte| *byte == b' ')) {
        *part = String::from_utf8_lossy(text).into_owned();
    }
    loop {
        let field = line(from, &mut message.raw)?;
        let Some(colon) = field.iter().position(|byte| *byte == b':') else { break };
        let (name, value) = field.split_at(colon);
        message.headers.push((name.to_ascii_lowercase(), value[1..].trim_ascii().to_vec()));
    }
    let length = message.text("content-length").and_then(|text| text.parse::<u64>().ok());
    let chunked = message.text("transfer-encoding").as_deref() == Some("chunked");
    let bare = matches!(message.status(), Some(100..=199 | 204 | 304)) && kind != Kind::Request;
    if bare || kind == Kind::ResponseToHead {
        return Ok(Some(message));
    }
    match (chunked, length) {
        (true, _) => chunks(from, &mut message)?,
        (false, Some(length)) => {
            from.take(length).read_to_end(&mut message.body)?;
            message.cut = u64::try_from(message.body.len()).ok() != Some(length);
            message.raw.extend_from_slice(&message.body);
        }
        (false, None) if kind == Kind::Request => {}
        (false, None) => {
            from.read_to_end(&mut message.body)?;
            message.raw.extend_from_slice(&message.body);
        }
    }
    Ok(Some(message))
}

/// Reads a body in chunks, and its trailers.
fn chunks(from: &mut impl BufRead, message: &mut Message) -> io::Result<()> {
    loop {
        let size = line(from, &mut message.raw)?;
        let size = String::from_utf8_lossy(&size);
        let digits = size.split(';').next().unwrap_or_default().trim();
        let Ok(size) = u64::from_str_radix(digits, 16) else {
            message.cut = true;
            return Ok(());
        };
        if size == 0 {
            while !line(from, &mut message.raw)?.is_empty() {}
            return Ok(());
        }
        let begin = message.body.len();
        from.take(size).read_to_end(&mut message.body)?;
        message.raw.extend_from_slice(&message.body[begin..]);
        line(from, &mut message.raw)?;
    }
}

/// Reads one line without its end; every byte of it goes to `raw` too.
fn line(from: &mut impl BufRead, raw: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
    raw.extend_from_slice(&bytes);
    let end = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    Ok(end.strip_suffix(b"\r").unwrap_or(end).to_vec())
}

/// Writes a message: its first line, its headers as they are, a length if asked for, and its body.
pub(crate) fn write(start: &[u8], headers: &[Header], body: &[u8], with_length: bool) -> Vec<u8> {
    let mut bytes = start.to_vec();
    bytes.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    if with_length {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}
