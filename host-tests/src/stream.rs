//! A stream: one request and its response, part by part.

use crate::abi::Direction;
use crate::callouts::{Callout, CalloutResponse};
use crate::half::{Half, Iteration};
use crate::maps::Headers;
use crate::properties::Properties;
use crate::state::StreamState;
use crate::vm::Vm;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What reached the upstream of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Headers.
    pub headers: Headers,
    /// Body, as far as it went out.
    pub body: Vec<u8>,
    /// Trailers, if they went out.
    pub trailers: Option<Headers>,
    /// Whether the end of the request went out.
    pub complete: bool,
}

/// What reached the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status; zero if there is no readable one.
    pub status: u16,
    /// Headers.
    pub headers: Headers,
    /// Body, as far as it went out.
    pub body: Vec<u8>,
    /// Trailers, if they went out.
    pub trailers: Option<Headers>,
    /// Whether the end of the response went out.
    pub complete: bool,
    /// Whether it was made in the proxy: by the guest, or by the proxy because the VM failed.
    pub from_filter: bool,
    /// Response code details of such a response.
    pub details: String,
}

impl Response {
    /// The body as text, bytes that are not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One stream of a host. Dropping it is a client that goes away.
#[derive(Debug)]
pub struct Stream {
    /// The VM.
    vm: Rc<RefCell<Vm>>,
    /// The context id.
    id: u32,
}

impl Stream {
    /// A handle of a stream that the VM knows.
    pub(crate) const fn new(vm: Rc<RefCell<Vm>>, id: u32) -> Self {
        Self { vm, id }
    }

    /// The stream's context id.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Changes the properties of this stream.
    pub fn properties(&self, edit: impl FnOnce(&mut Properties)) {
        if let Some(stream) = self.vm.borrow_mut().state().streams.get_mut(&self.id) {
            edit(&mut stream.properties);
        }
    }

    /// The client's request headers arrive; `end`: nothing follows.
    pub fn request_headers(&self, headers: &Headers, end: bool) {
        let headers = headers.as_received();
        self.vm.borrow_mut().headers_arrive(self.id, Direction::Request, headers, end);
    }

    /// A part of the request's body arrives; `end`: nothing follows.
    pub fn request_body(&self, part: &[u8], end: bool) {
        self.vm.borrow_mut().body_arrives(self.id, Direction::Request, part, end);
    }

    /// The request's trailers arrive and end it.
    pub fn request_trailers(&self, trailers: &Headers) {
        self.vm.borrow_mut().trailers_arrive(self.id, Direction::Request, trailers.clone());
    }

    /// The upstream's response headers arrive; `end`: nothing follows.
    pub fn response_headers(&self, headers: &Headers, end: bool) {
        self.vm.borrow_mut().headers_arrive(self.id, Direction::Response, headers.clone(), end);
    }

    /// A part of the response's body arrives; `end`: nothing follows.
    pub fn response_body(&self, part: &[u8], end: bool) {
        self.vm.borrow_mut().body_arrives(self.id, Direction::Response, part, end);
    }

    /// The response's trailers arrive and end it.
    pub fn response_trailers(&self, trailers: &Headers) {
        self.vm.borrow_mut().trailers_arrive(self.id, Direction::Response, trailers.clone());
    }

    /// The callouts of this stream that wait for their answer.
    pub fn callouts(&self) -> Vec<Callout> {
        let vm = self.vm.borrow();
        vm.peek().callouts.pending().filter(|callout| callout.context == self.id).cloned().collect()
    }

    /// Answers a callout; false if no such callout waits.
    pub fn answer_callout(&self, token: u32, response: CalloutResponse) -> bool {
        self.vm.borrow_mut().answer_callout(token, Some(response))
    }

    /// Cuts a callout off; false if no such callout waits.
    pub fn fail_callout(&self, token: u32) -> bool {
        self.vm.borrow_mut().answer_callout(token, None)
    }

    /// What has reached the upstream so far.
    pub fn forwarded(&self) -> Option<Forwarded> {
        self.look(|stream| {
            let sent = &stream.request.sent;
            Some(Forwarded {
                headers: sent.headers.clone()?,
                body: sent.body.clone(),
                trailers: sent.trailers.clone(),
                complete: sent.ended,
            })
        })
    }

    /// What has reached the client so far.
    pub fn response(&self) -> Option<Response> {
        self.look(|stream| {
            let sent = &stream.response.sent;
            let headers = sent.headers.clone()?;
            Some(Response {
                status: headers.status().unwrap_or(0),
                headers,
                body: sent.body.clone(),
                trailers: sent.trailers.clone(),
                complete: sent.ended,
                from_filter: stream.replied,
                details: stream.details.clone(),
            })
        })
    }

    /// Whether the guest holds what has arrived of a direction.
    pub fn is_paused(&self, direction: Direction) -> bool {
        let held = |half: &Half| half.started && half.iteration != Iteration::Going;
        self.look(|stream| {
            let paused = match direction {
                Direction::Request => held(&stream.request) && !stream.request_over(),
                Direction::Response => held(&stream.response) && !stream.over(),
            };
            Some(paused)
        })
        .unwrap_or(false)
    }

    /// Whether the client has the whole response, or will never get more.
    pub fn is_over(&self) -> bool {
        self.look(|stream| Some(stream.over())).unwrap_or(true)
    }

    /// Whether the stream was reset: the client sees a broken connection.
    pub fn is_reset(&self) -> bool {
        self.look(|stream| Some(stream.reset)).unwrap_or(false)
    }

    /// Filter state by full name, such as `wasm.key`.
    pub fn filter_state(&self) -> BTreeMap<String, Vec<u8>> {
        self.look(|stream| Some(stream.filter_state.clone())).unwrap_or_default()
    }

    /// How often the guest's changes made the proxy choose the route anew.
    pub fn route_clears(&self) -> u32 {
        self.look(|stream| Some(stream.route_clears)).unwrap_or(0)
    }

    /// Instructions that each callback took, in order.
    pub fn fuel(&self) -> Vec<(&'static str, u64)> {
        self.look(|stream| Some(stream.fuel.clone())).unwrap_or_default()
    }

    /// Ends the stream: the guest logs it and forgets it. What was seen of it stays readable.
    pub fn close(&self) {
        self.vm.borrow_mut().close(self.id);
    }

    /// Looks at the stream, open or over.
    fn look<T>(&self, at: impl FnOnce(&StreamState) -> Option<T>) -> Option<T> {
        at(self.vm.borrow().stream(self.id)?)
    }
}

impl Drop for Stream {
    /// Ends the stream and forgets what was seen of it.
    fn drop(&mut self) {
        if let Ok(mut vm) = self.vm.try_borrow_mut() {
            vm.close(self.id);
            vm.closed.remove(&self.id);
        }
    }
}
