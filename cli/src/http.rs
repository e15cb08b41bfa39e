//! One small HTTP question to the gate or to Envoy's admin interface, on this machine.
//!
//! It speaks just enough HTTP/1.1 for both: GET, no body, one answer, over TCP or a unix socket.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of an answer; what is asked for is short.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Where to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

impl Address {
    /// Reads `http://host:port`, `unix:/path` or a path.
    pub(crate) fn parse(text: &str) -> Result<Address, String> {
        let path = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:"));
        if let Some(path) = path.or_else(|| (!text.contains("://")).then_some(text)) {
            return Ok(Address::Unix(PathBuf::from(path)));
        }
        let Some(rest) = text.strip_prefix("http://") else {
            let help = "write a socket's path, or http://host:port";
            return Err(format!("`{text}` is not an address to wait for: {help}"));
        };
        let host = rest.split('/').next().unwrap_or_default();
        let port = host.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Address::Tcp(host.to_owned())),
            _ if host.is_empty() => Err(format!("`{text}` names no host")),
            _ => Ok(Address::Tcp(format!("{host}:80"))),
        }
    }

    /// Asks for a path.
    pub(crate) fn get(&self, path: &str) -> Result<Answer, String> {
        let failed = |error: std::io::Error| error.to_string();
        match self {
            Address::Unix(socket) => {
                let stream = UnixStream::connect(socket).map_err(failed)?;
                stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
                ask(stream, "localhost", path)
            }
            Address::Tcp(host) => {
                let mut found = host.to_socket_addrs().map_err(failed)?;
                let address = found.next().ok_or_else(|| format!("`{host}` has no address"))?;
                let stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(failed)?;
                stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
                ask(stream, host, path)
            }
        }
    }
}

/// Sends the question and reads the answer.
///
/// Reading ends with the body and not with the connection, which Envoy leaves open for a second.
fn ask(mut stream: impl Read + Write, host: &str, path: &str) -> Result<Answer, String> {
    let failed = |error: std::io::Error| error.to_string();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let (mut bytes, mut part) = (Vec::new(), [0; 16 << 10]);
    while bytes.len() < ANSWER_BYTES_MAX {
        let read = stream.read(&mut part).map_err(failed)?;
        bytes.extend(part.iter().take(read));
        match parse(&bytes, read == 0) {
            Some(answer) => return Ok(answer),
            None if read == 0 => break,
            None => {}
        }
    }
    Err("the answer is not HTTP".to_owned())
}

/// Reads an answer; none where it is not whole yet. `ended` says that no more will come.
fn parse(bytes: &[u8], ended: bool) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let chunked = field("transfer-encoding").is_some_and(|value| value.contains("chunked"));
    let length = field("content-length").and_then(|value| value.parse::<usize>().ok());
    let body = match length {
        _ if chunked => dechunk(body)?,
        Some(length) => body.get(..length)?.to_owned(),
        None if ended => body.to_owned(),
        None => return None,
    };
    Some(Answer { status, body })
}

/// The body of a chunked answer; none where its last chunk is not there.
fn dechunk(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.push_str(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix("\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_sockets_or_urls() {
        let unix = |path: &str| Ok(Address::Unix(PathBuf::from(path)));
        assert_eq!(Address::parse("/run/admin.sock"), unix("/run/admin.sock"));
        assert_eq!(Address::parse("admin.sock"), unix("admin.sock"));
        assert_eq!(Address::parse("unix:/run/a"), unix("/run/a"));
        assert_eq!(Address::parse("unix:///run/a"), unix("/run/a"));
        let tcp = |host: &str| Ok(Address::Tcp(host.to_owned()));
        assert_eq!(Address::parse("http://127.0.0.1:80/x"), tcp("127.0.0.1:80"));
        assert_eq!(Address::parse("http://gate"), tcp("gate:80"));
        assert!(Address::parse("https://gate").is_err());
        assert!(Address::parse("http://").is_err());
    }

    #[test]
    fn answers_are_read_to_the_end_of_their_body() {
        let answer = |body: &str| Some(Answer { status: 200, body: body.to_owned() });
        let plain = b"HTTP/1.1 200 OK\r\na: b\r\n\r\nhello";
        assert_eq!((parse(plain, false), parse(plain, true)), (None, answer("hello")));
        let sized = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(parse(sized, false), answer("hello"));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello", true), None);
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunked = format!("{head}3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
        assert_eq!(parse(chunked.as_bytes(), false), answer("hello"));
        assert_eq!(parse(format!("{head}9\r\nhel").as_bytes(), true), None);
        assert_eq!(parse(b"nonsense", true), None);
    }
}
