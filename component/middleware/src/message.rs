//! `wasi:http` messages of WASI 0.3, with whole bodies.

use zonegate_carry::{Answer, Got, Header, Method, RESPONSE_BYTES_MAX, Sent, Settings};

use crate::bindings::wasi::http::handler;
use crate::bindings::wasi::http::types::{
    Fields, Method as WasiMethod, Request, RequestOptions, Response, Scheme,
};
use crate::body::{Incoming, Outgoing, whole};
use crate::within::{beside, within};

/// How long the handler behind may take for one request, with its whole answer, in nanoseconds.
const HANDLER_NS_MAX: u64 = 10_000_000_000;
/// How long the provider may be silent, in nanoseconds: told the handler behind.
const SILENT_NS_MAX: u64 = 5_000_000_000;

/// All headers, as bytes.
pub(crate) fn headers(fields: &Fields) -> Vec<Header> {
    fields.copy_all().into_iter().map(|(name, value)| (name.into_bytes(), value)).collect()
}

/// Sends a request to the handler behind, and reads its whole answer; none where there is none.
pub(crate) async fn send(settings: &Settings, sent: &Sent) -> Option<Got> {
    let (body, writing) = Outgoing::of(sent.body.clone());
    let fields = Fields::from_list(&sent.headers).ok()?;
    // Whoever drops `transmitted` calls the request off: wasmtime ends the connection, and what had
    // come of the answer would look like all of it.
    let (request, transmitted) = Request::new(fields, body.stream, body.end, Some(patience()));
    request.set_method(&method(sent.method)).ok()?;
    let scheme = if settings.secure { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).ok()?;
    request.set_authority(Some(&settings.authority)).ok()?;
    request.set_path_with_query(Some(&sent.path)).ok()?;
    let answered = async {
        let response = handler::handle(request).await.ok()?;
        let (status, headers) = (response.get_status_code(), headers(&response.get_headers()));
        let body = whole(Incoming::of_response(response), RESPONSE_BYTES_MAX).await.ok()?;
        Some(Got { status, headers, body })
    };
    let got = within(HANDLER_NS_MAX, beside(writing, answered)).await?;
    drop(transmitted);
    got
}

/// How long to wait for what, for the handler behind; one that does not know it is called off by
/// [`HANDLER_NS_MAX`].
fn patience() -> RequestOptions {
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(SILENT_NS_MAX));
    let _ = options.set_first_byte_timeout(Some(SILENT_NS_MAX));
    let _ = options.set_between_bytes_timeout(Some(SILENT_NS_MAX));
    options
}

/// Answers the client.
pub(crate) fn answer(answer: Answer) -> Response {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in answer.headers {
        all.push((name, value.into_bytes()));
    }
    if !matches!(answer.status, 204 | 304) {
        all.push(("content-length".to_owned(), answer.body.len().to_string().into_bytes()));
    }
    // What cannot be said is left out: never less strict than the answer.
    let fields = Fields::from_list(&all).unwrap_or_else(|_| Fields::new());
    let (body, writing) = Outgoing::of(answer.body);
    let (response, _) = Response::new(fields, body.stream, body.end);
    let _ = response.set_status_code(answer.status);
    // A client that has gone away needs no answer.
    wit_bindgen::spawn_local(writing);
    response
}

/// The method, in the host's form.
fn method(method: Method) -> WasiMethod {
    match method {
        Method::Get => WasiMethod::Get,
        Method::Head => WasiMethod::Head,
        Method::Post => WasiMethod::Post,
        Method::Put => WasiMethod::Put,
        Method::Patch => WasiMethod::Patch,
        Method::Delete => WasiMethod::Delete,
    }
}

/// The method of a request, as text.
pub(crate) fn method_text(method: WasiMethod) -> String {
    match method {
        WasiMethod::Get => "GET".to_owned(),
        WasiMethod::Head => "HEAD".to_owned(),
        WasiMethod::Post => "POST".to_owned(),
        WasiMethod::Put => "PUT".to_owned(),
        WasiMethod::Delete => "DELETE".to_owned(),
        WasiMethod::Connect => "CONNECT".to_owned(),
        WasiMethod::Options => "OPTIONS".to_owned(),
        WasiMethod::Trace => "TRACE".to_owned(),
        WasiMethod::Patch => "PATCH".to_owned(),
        WasiMethod::Other(text) => text,
    }
}
