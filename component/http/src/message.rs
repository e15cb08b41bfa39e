//! `wasi:http` messages: read whole, written whole.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method as WasiMethod,
    OutgoingBody, OutgoingRequest, OutgoingResponse, RequestOptions, ResponseOutparam, Scheme,
};
use wasip2::io::streams::StreamError;
use zonegate_carry::{Answer, Got, Header, Method, RESPONSE_BYTES_MAX, Sent, Settings};

/// How long the provider may take, in nanoseconds: well within a request's 30 seconds.
const PROVIDER_NS_MAX: u64 = 5_000_000_000;
/// Bytes that are read, or written, at once; the most that an output stream takes.
const PART_BYTES: usize = 4096;

/// A body, if it is not over a cap; an error where it breaks off.
pub(crate) fn whole(body: &IncomingBody, bytes_max: usize) -> Result<Option<Vec<u8>>, ()> {
    let stream = body.stream()?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(PART_BYTES as u64 * 16) {
            Ok(part) => bytes.extend(part),
            Err(StreamError::Closed) => return Ok(Some(bytes)),
            Err(StreamError::LastOperationFailed(_)) => return Err(()),
        }
        if bytes.len() > bytes_max {
            return Ok(None);
        }
    }
}

/// All headers, as bytes.
pub(crate) fn headers(fields: &Fields) -> Vec<Header> {
    fields.entries().into_iter().map(|(name, value)| (name.into_bytes(), value)).collect()
}

/// Writes a body.
fn write(body: OutgoingBody, bytes: &[u8]) -> Option<()> {
    {
        let stream = body.write().ok()?;
        for part in bytes.chunks(PART_BYTES) {
            stream.blocking_write_and_flush(part).ok()?;
        }
    }
    OutgoingBody::finish(body, None).ok()
}

/// Sends a request; nothing is read of its answer yet.
pub(crate) fn send(settings: &Settings, sent: &Sent) -> Option<FutureIncomingResponse> {
    let request = OutgoingRequest::new(Fields::from_list(&sent.headers).ok()?);
    request.set_method(&method(sent.method)).ok()?;
    let scheme = if settings.secure { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).ok()?;
    request.set_authority(Some(&settings.authority)).ok()?;
    request.set_path_with_query(Some(&sent.path)).ok()?;
    let options = RequestOptions::new();
    options.set_connect_timeout(Some(PROVIDER_NS_MAX)).ok()?;
    options.set_first_byte_timeout(Some(PROVIDER_NS_MAX)).ok()?;
    options.set_between_bytes_timeout(Some(PROVIDER_NS_MAX)).ok()?;
    let body = request.body().ok()?;
    let future = outgoing_handler::handle(request, Some(options)).ok()?;
    write(body, &sent.body)?;
    Some(future)
}

/// Waits for an answer; none where the provider was not reached, or not in time.
pub(crate) fn receive(future: &FutureIncomingResponse) -> Option<Got> {
    future.subscribe().block();
    let response: IncomingResponse = future.get()?.ok()?.ok()?;
    let headers = headers(&response.headers());
    let body = whole(&response.consume().ok()?, RESPONSE_BYTES_MAX).ok()?;
    Some(Got { status: response.status(), headers, body })
}

/// Answers the client.
pub(crate) fn answer(out: ResponseOutparam, answer: &Answer) {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in &answer.headers {
        all.push((name.clone(), value.clone().into_bytes()));
    }
    if !matches!(answer.status, 204 | 304) {
        all.push(("content-length".to_owned(), answer.body.len().to_string().into_bytes()));
    }
    // What cannot be said becomes the host's own 500: never less strict than the answer.
    let fields = Fields::from_list(&all).unwrap_or_else(|_| Fields::new());
    let response = OutgoingResponse::new(fields);
    let _ = response.set_status_code(answer.status);
    let body = response.body();
    ResponseOutparam::set(out, Ok(response));
    if let Ok(body) = body {
        // A client that has gone away needs no answer.
        let _ = write(body, &answer.body);
    }
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
