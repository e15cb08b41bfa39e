//! What `make bench` puts behind Envoy's `ext_authz`: a server that decides with the same Cedar policies, natively.
//!
//! There are two, because "the same policies" can mean two things:
//! - `plain FOLDER` is an ordinary Cedar server: it gives each decision every policy of the folder;
//! - `indexed BUNDLE` runs Zonegate's own engine, which looks for candidates first.
//!
//! The first shows what a gate costs that is built in the usual way; the second, what only the
//! way to another process costs. Both answer 200 or 403, from one thread, with connections kept.

mod indexed;
mod plain;
mod record;
mod source;

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::rc::Rc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

/// The header that a client of PowerDNS puts its key into.
const KEY_HEADER: &str = "x-api-key";

/// A request that Envoy asks about.
pub(crate) struct Asked {
    /// Its method.
    pub(crate) method: Method,
    /// Its path and query.
    pub(crate) path: String,
    /// Those of its headers that Envoy passes on.
    pub(crate) headers: HeaderMap,
    /// Its whole body.
    pub(crate) body: Bytes,
}

/// Whoever decides.
enum Server {
    /// Every policy of the folder, each time.
    Plain(Box<plain::Plain>),
    /// The engine.
    Indexed(indexed::Indexed),
}

impl Server {
    /// Reads what it is to decide with.
    fn read(kind: &str, place: &str) -> Result<Server, String> {
        match kind {
            "plain" => plain::Plain::read(place).map(|plain| Server::Plain(Box::new(plain))),
            "indexed" => indexed::Indexed::read(place).map(Server::Indexed),
            _ => Err(format!("there is no server called `{kind}`: plain, indexed")),
        }
    }

    /// Whether this request may go on; what is not understood may not.
    fn allows(&self, asked: &Asked) -> bool {
        match self {
            Server::Plain(plain) => plain.allows(asked).unwrap_or(false),
            Server::Indexed(indexed) => indexed.allows(asked),
        }
    }
}

/// Reads one request to its end and answers it.
async fn answer(
    server: Rc<Server>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let body = body.collect().await?.to_bytes();
    let asked = Asked { method: head.method, path, headers: head.headers, body };
    let mut response = Response::new(Empty::new());
    if !server.allows(&asked) {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    Ok(response)
}

/// Takes connections for ever.
async fn serve(port: u16, server: Rc<Server>) -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let server = Rc::clone(&server);
        let service = service_fn(move |request| answer(Rc::clone(&server), request));
        // A connection that breaks is its client's concern: Envoy opens another.
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        spawn_local(async move { connection.await.ok() });
    }
}

/// Reads the command line, the policies, and serves.
fn run() -> Result<(), String> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [port, kind, place] = given.as_slice() else {
        return Err("usage: zonegate-policy-server PORT plain FOLDER | PORT indexed BUNDLE".into());
    };
    let port = port.parse().map_err(|error| format!("{port}: {error}"))?;
    let server = Rc::new(Server::read(kind, place)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let served = LocalSet::new().block_on(&runtime, serve(port, server));
    served.map_err(|error| format!("port {port}: {error}"))
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
