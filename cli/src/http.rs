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
const ANSWER_BYTES_MAX: u64 = 8 << 20;

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
    /// Reads `http://host:port`, `unix:/path` or `/path`.
    pub(crate) fn parse(text: &str) -> Result<Address, String> {
        let path = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:"));
        if let Some(path) = path.or_else(|| text.starts_with('/').then_some(text)) {
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

/// Sends the question and reads the answer to its end.
fn ask(mut stream: impl Read + Write, host: &str, path: &str) -> Result<Answer, String> {
    let failed = |error: std::io::Error| error.to_string();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    parse(&bytes).ok_or_else(|| "the answer is not HTTP".to_owned())
}

/// Reads an answer that ends with the connection.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let chunked = lines.any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("transfer-encoding:") && line.contains("chunked")
    });
    let body = if chunked { dechunk(body)? } else { body.to_owned() };
    Some(Answer { status, body })
}

/// The body of a chunked answer.
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
        assert_eq!(Address::parse("unix:/run/a"), unix("/run/a"));
        assert_eq!(Address::parse("unix:///run/a"), unix("/run/a"));
        assert_eq!(
            Address::parse("http://127.0.0.1:80/x"),
            Ok(Address::Tcp("127.0.0.1:80".into()))
        );
        assert_eq!(Address::parse("http://gate"), Ok(Address::Tcp("gate:80".into())));
        assert!(Address::parse("https://gate").is_err());
        assert!(Address::parse("http://").is_err());
    }

    #[test]
    fn answers_are_read_whole_or_in_chunks() {
        let answer = |body: &str| Some(Answer { status: 200, body: body.to_owned() });
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\na: b\r\n\r\nhello"), answer("hello"));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
        assert_eq!(parse(chunked), answer("hello"));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhel"), None);
        assert_eq!(parse(b"nonsense"), None);
    }
}
