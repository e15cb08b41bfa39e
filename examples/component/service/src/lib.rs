//! A handler to put behind Zonegate's middleware: it sends each request on to where its scheme and
//! authority say, with the provider's credential, which it alone knows.
//!
//! `PROVIDER_CREDENTIAL` is that credential, as `Header: value`; without it nothing is sent.
//! Bodies pass through as the streams that they are.
#![cfg(target_family = "wasm")]

mod bindings;
mod export;

use crate::bindings::exports::wasi::http::handler::Guest;
use crate::bindings::wasi::http::client;
use crate::bindings::wasi::http::types::{ErrorCode, Request, Response};
use crate::bindings::wit_future;

/// The component.
#[derive(Debug)]
pub struct Service;

impl Guest for Service {
    /// One request, with the credential in the place of whatever stood there.
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (name, value) = credential().ok_or(ErrorCode::ConfigurationError)?;
        let headers = request.get_headers().clone();
        headers.set(&name, &[value.into_bytes()]).map_err(|_| ErrorCode::ConfigurationError)?;
        let method = request.get_method();
        let scheme = request.get_scheme();
        let authority = request.get_authority();
        let path = request.get_path_with_query();
        let options = request.get_options().map(|options| options.clone());
        let (outcome, outcome_told) = wit_future::new(|| Ok(()));
        let (body, trailers) = Request::consume_body(request, outcome_told);
        let (on, transmitted) = Request::new(headers, Some(body), trailers, options);
        // To the one who sent it; and a request whose outcome nobody awaits is called off.
        wit_bindgen::spawn_local(async move {
            let _ = outcome.write(transmitted.await).await;
        });
        let said = on.set_method(&method).is_ok()
            && on.set_scheme(scheme.as_ref()).is_ok()
            && on.set_authority(authority.as_deref()).is_ok()
            && on.set_path_with_query(path.as_deref()).is_ok();
        if !said {
            return Err(ErrorCode::HttpRequestUriInvalid);
        }
        client::send(on).await
    }
}

/// The credential: a header's name and its value.
fn credential() -> Option<(String, String)> {
    let text = std::env::var("PROVIDER_CREDENTIAL").ok()?;
    let (name, value) = text.split_once(':')?;
    Some((name.trim().to_owned(), value.trim().to_owned()))
}
