//! What stands between Envoy and a provider: it writes down all that Envoy sends, and hands it on.
//!
//! Envoy knows no other way to the provider, so what is not written down here went nowhere. Where a
//! row makes up what the provider answers, the relay gives that answer itself: for PowerDNS where
//! the real one cannot be brought to say it, for providers in the cloud always.

use crate::http::{self, Kind, Message};
use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zonegate_cases::{Answer, Failure, LookupAnswer};

/// How long a provider may take for one answer.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(20);
/// A header of a stand-in's answer to what it has no route for.
const NO_ROUTE: &str = "x-stand-in-has-no-route";

/// How the filter's own lookups are told from what it lets go on.
#[derive(Clone, Debug)]
pub(crate) enum Sign {
    /// They call the provider by this name; clients of the tables use another one.
    Authority(&'static str),
    /// They lack this header, which Envoy adds to what goes on.
    Unmarked(String),
}

/// What the relay does with the next requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// Answers to lookups, each once.
    pub(crate) lookups: Vec<LookupAnswer>,
    /// Whether other lookups go to the provider; otherwise they are trouble.
    pub(crate) more_lookups: bool,
    /// The answer to the request itself; without one it goes to the provider.
    pub(crate) upstream: Option<Answer>,
    /// The answer where there is nobody to go to; without one that is trouble.
    pub(crate) nobody: Option<Answer>,
}

/// A request that Envoy sent to the provider.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The request.
    pub(crate) request: Message,
    /// Whether the filter asked for itself.
    pub(crate) is_lookup: bool,
    /// The status that the provider answered; none where it was not asked.
    pub(crate) provider: Option<u16>,
}

/// What the relay's threads share.
#[derive(Debug, Default)]
struct Shared {
    /// What to do.
    script: Script,
    /// What came.
    seen: Vec<Seen>,
    /// Where the provider listens; 0 until that is known, and where there is none.
    provider_port: u16,
    /// What lookups are known by; none until that is known.
    sign: Option<Sign>,
    /// What went wrong.
    trouble: Vec<String>,
}

/// The relay; it ends with the test's process.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// What its threads share.
    shared: Arc<Mutex<Shared>>,
}

impl Relay {
    /// Listens on a free port.
    pub(crate) fn start() -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let threads = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&threads);
                std::thread::spawn(move || {
                    if let Err(error) = serve(connection, &shared) {
                        lock(&shared)
                            .trouble
                            .push(format!("between Envoy and the provider: {error}"));
                    }
                });
            }
        });
        Relay { port, shared }
    }

    /// Says where the provider is, and what lookups are known by.
    pub(crate) fn lead_to(&self, provider_port: u16, sign: Sign) {
        let mut shared = lock(&self.shared);
        shared.provider_port = provider_port;
        shared.sign = Some(sign);
    }

    /// Begins a row: what came before is forgotten.
    pub(crate) fn begin(&self, script: Script) {
        let mut shared = lock(&self.shared);
        shared.script = script;
        shared.seen.clear();
        shared.trouble.clear();
    }

    /// Ends a row: what came, and what went wrong.
    pub(crate) fn end(&self) -> (Vec<Seen>, Vec<String>) {
        let mut shared = lock(&self.shared);
        (std::mem::take(&mut shared.seen), std::mem::take(&mut shared.trouble))
    }
}

/// The shared part, also after a thread died of a failed assertion.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What becomes of one request.
enum Fate {
    /// The row's answer.
    Table(Answer),
    /// No answer, until Envoy gives up.
    Silence,
    /// The connection ends.
    Reset,
    /// The provider, on this port; the number is the request's place among those seen.
    Provider(u16, usize),
}

/// Serves one connection: one request, then it is closed, as PowerDNS does it.
fn serve(mut connection: TcpStream, shared: &Mutex<Shared>) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let Some(request) = http::read(&mut reader, Kind::Request)? else { return Ok(()) };
    match fate(&request, shared) {
        Fate::Table(answer) => {
            // Envoy may hang up before it has read all, as for an answer over the cap.
            let _ = connection.write_all(&response(&answer));
            Ok(())
        }
        Fate::Reset => Ok(()),
        Fate::Silence => {
            // Envoy closes the connection when it gives up.
            http::read(&mut reader, Kind::Request).map(drop).or(Ok(()))
        }
        Fate::Provider(port, at) => {
            let answer = ask(port, &request.raw)?;
            let mut shared = lock(shared);
            if answer.text(NO_ROUTE).is_some() {
                let [method, path, _] = &request.start;
                shared.trouble.push(format!("the stand-in has no route for {method} {path}"));
            }
            if let Some(seen) = shared.seen.get_mut(at) {
                seen.provider = answer.status();
            }
            drop(shared);
            connection.write_all(&answer.raw)
        }
    }
}

/// Writes a request down and says what becomes of it.
fn fate(request: &Message, shared: &Mutex<Shared>) -> Fate {
    let mut shared = lock(shared);
    let mut request = request.clone();
    let is_lookup = match &shared.sign {
        Some(Sign::Authority(name)) => request.text("host").as_deref() == Some(name),
        Some(Sign::Unmarked(mark)) => {
            let is_lookup = request.text(mark).is_none();
            request.headers.retain(|(name, _)| name != mark.as_bytes());
            is_lookup
        }
        None => return Fate::Reset,
    };
    let path = request.start[1].clone();
    shared.seen.push(Seen { request, is_lookup, provider: None });
    let lookups = &mut shared.script.lookups;
    if is_lookup && let Some(at) = lookups.iter().position(|lookup| lookup.path == path) {
        return match lookups.remove(at).result {
            Ok(answer) => Fate::Table(answer),
            Err(Failure::Timeout) => Fate::Silence,
            Err(Failure::Reset) => Fate::Reset,
        };
    }
    if is_lookup && !shared.script.more_lookups {
        shared.trouble.push(format!("the gate asks {path}, of which the table says nothing"));
        return Fate::Reset;
    }
    let (port, nobody) = (shared.provider_port, shared.script.nobody.clone());
    match (&shared.script.upstream, nobody) {
        (Some(answer), _) if !is_lookup => Fate::Table(answer.clone()),
        (_, _) if port != 0 => Fate::Provider(port, shared.seen.len() - 1),
        (_, Some(answer)) => Fate::Table(answer),
        (_, None) => {
            shared.trouble.push("nobody answers: there is no such provider".to_owned());
            Fate::Reset
        }
    }
}

/// Asks a provider with these bytes.
pub(crate) fn ask(port: u16, request: &[u8]) -> io::Result<Message> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PROVIDER_TIMEOUT))?;
    stream.write_all(request)?;
    http::read(&mut BufReader::new(stream), Kind::Response)?
        .ok_or_else(|| io::Error::other("the provider gives no answer"))
}

/// An answer of a table as bytes; a length of the row's own stands alone.
fn response(answer: &Answer) -> Vec<u8> {
    let start = format!("HTTP/1.1 {} Of-The-Table", answer.status);
    let mut headers = answer.headers.clone();
    headers.push((b"connection".to_vec(), b"close".to_vec()));
    let own = |(name, _): &(Vec<u8>, Vec<u8>)| name.eq_ignore_ascii_case(b"content-length");
    let with_length = !matches!(answer.status, 204 | 304) && !answer.headers.iter().any(own);
    http::write(start.as_bytes(), &headers, &answer.body, with_length)
}
