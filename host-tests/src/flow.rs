//! How a message flows through the guest: callbacks in the proxy's order, and what follows from
//! the guest's answers.
//!
//! Three rules make the order. What the guest asked for while it ran (reply, continue, reset) is
//! done as soon as it has returned, before its returned value counts. A local reply ends the
//! request's side: no request callback comes after it, and whatever was to go on does not. A
//! reply runs through the response callbacks if no response had begun; otherwise it replaces the
//! held response, past the guest; and if headers had gone out the stream is reset.

use crate::abi::{Direction, Verdict};
use crate::fault::Fault;
use crate::half::Unseen;
use crate::maps::Headers;
use crate::state::{Action, Reply};
use crate::vm::{Called, Vm, length};

/// Envoy's response code details where the VM failed.
const FAILED_DETAILS: &str = "wasm_fail_stream";

impl Vm {
    /// Headers arrive from the client or the upstream.
    pub(crate) fn headers_arrive(
        &mut self,
        id: u32,
        direction: Direction,
        headers: Headers,
        end: bool,
    ) {
        if self.deaf(id) {
            return;
        }
        if direction == Direction::Request {
            let root = self.state().streams.get(&id).map_or(0, |stream| stream.root);
            let called = self.call("proxy_on_context_create", id, &[id, root]);
            if let Some(stream) = self.state().streams.get_mut(&id) {
                stream.created = called != Called::Failed;
            }
        }
        self.show_headers(id, direction, headers, end);
    }

    /// A part of a body arrives.
    pub(crate) fn body_arrives(&mut self, id: u32, direction: Direction, part: &[u8], end: bool) {
        if self.deaf(id) {
            return;
        }
        let Some(half) = self.half(id, direction) else { return };
        if half.held_unseen() {
            half.arrived_end |= end;
            half.hold(part);
            self.limit_held(id, direction);
        } else {
            self.show_part(id, direction, part.to_vec(), end);
        }
    }

    /// Trailers arrive and end the message.
    pub(crate) fn trailers_arrive(&mut self, id: u32, direction: Direction, trailers: Headers) {
        if self.deaf(id) {
            return;
        }
        let Some(half) = self.half(id, direction) else { return };
        half.trailers_arrive(trailers);
        if !half.held_unseen() {
            self.show_trailers(id, direction);
        }
    }

    /// Does what the guest asked for while it ran.
    pub(crate) fn act(&mut self) {
        while let Some(action) = self.state().actions.pop_front() {
            match action {
                Action::Reply(id, reply) => self.reply(id, reply),
                Action::Continue(id, direction) => self.go_on(id, direction),
                Action::Reset(id) => {
                    if let Some(stream) = self.state().streams.get_mut(&id) {
                        stream.reset |= !stream.over();
                    }
                }
            }
        }
    }

    /// Lets everything held in a direction go on.
    fn go_on(&mut self, id: u32, direction: Direction) {
        let Some(stream) = self.state().streams.get_mut(&id) else { return };
        if stream.over() || (direction == Direction::Request && stream.request_over()) {
            return;
        }
        let unseen = stream.half(direction).go_on();
        self.show_unseen(id, direction, unseen);
    }

    /// Answers the client in the place of the upstream.
    fn reply(&mut self, id: u32, reply: Reply) {
        let Some(stream) = self.state().streams.get_mut(&id) else { return };
        if reply.from_guest && stream.guest_replied {
            self.state().faults.push(Fault::DoubleReply { stream: id });
            return;
        }
        stream.guest_replied |= reply.from_guest;
        if stream.response.sent.headers.is_some() || stream.reset {
            stream.reset |= !stream.over();
            if reply.from_guest {
                self.state().faults.push(Fault::LateReply { stream: id });
            }
            return;
        }
        let head = stream.request.headers.get(":method") == Some(b"HEAD");
        let replaces = stream.response.started;
        stream.replied = true;
        stream.details = reply.details;
        let headers = reply_headers(reply.status, &reply.headers, reply.body.len());
        let body = if head { Vec::new() } else { reply.body };
        if replaces {
            stream.response.send_directly(headers, body);
            return;
        }
        self.show_headers(id, Direction::Response, headers, body.is_empty());
        let Some(half) = self.half(id, Direction::Response) else { return };
        if !body.is_empty() && !half.sent.ended {
            if half.held_unseen() {
                half.arrived_end = true;
                half.hold(&body);
            } else {
                self.show_part(id, Direction::Response, body, true);
            }
        }
    }

    /// Answers 503 because the VM failed.
    fn fail(&mut self, id: u32) {
        let Some(stream) = self.state().streams.get_mut(&id) else { return };
        if std::mem::replace(&mut stream.failed, true) {
            return;
        }
        let reply = Reply {
            status: 503,
            headers: Headers::new(),
            body: Vec::new(),
            details: FAILED_DETAILS.into(),
            from_guest: false,
        };
        self.reply(id, reply);
    }

    /// Shows headers to the guest and acts on its answer.
    fn show_headers(&mut self, id: u32, direction: Direction, headers: Headers, end: bool) {
        let count = length(headers.len());
        let Some(half) = self.half(id, direction) else { return };
        half.headers_arrive(headers, end);
        let callback = match direction {
            Direction::Request => "proxy_on_request_headers",
            Direction::Response => "proxy_on_response_headers",
        };
        let called = self.call_stream(callback, id, &[id, count, u32::from(end)]);
        let allowed = self.state().config.allow_on_headers_stop_iteration;
        let verdict = match called {
            Called::Absent => Verdict::Continue,
            Called::Returned(number) => Verdict::of_headers(number, allowed),
            Called::Stopped | Called::Failed => Verdict::HoldAll,
        };
        self.unless_over(id, direction, |half| {
            half.after_headers(verdict);
            Unseen::default()
        });
    }

    /// Shows a part of a body to the guest and acts on its answer.
    fn show_part(&mut self, id: u32, direction: Direction, part: Vec<u8>, end: bool) {
        let Some(half) = self.half(id, direction) else { return };
        let size = length(half.show_part(part, end));
        if self.limit_held(id, direction) {
            return;
        }
        let callback = match direction {
            Direction::Request => "proxy_on_request_body",
            Direction::Response => "proxy_on_response_body",
        };
        let verdict = match self.call_stream(callback, id, &[id, size, u32::from(end)]) {
            Called::Absent => Verdict::Continue,
            Called::Returned(number) => Verdict::of_body(number),
            Called::Stopped | Called::Failed => Verdict::Drop,
        };
        self.unless_over(id, direction, |half| half.after_part(verdict, end));
        self.limit_held(id, direction);
    }

    /// Shows trailers to the guest and acts on its answer.
    fn show_trailers(&mut self, id: u32, direction: Direction) {
        let Some(half) = self.half(id, direction) else { return };
        half.trailers_visible = true;
        let count = length(half.trailers.as_ref().map_or(0, Headers::len));
        let callback = match direction {
            Direction::Request => "proxy_on_request_trailers",
            Direction::Response => "proxy_on_response_trailers",
        };
        let verdict = match self.call_stream(callback, id, &[id, count]) {
            Called::Absent => Verdict::Continue,
            Called::Returned(number) => Verdict::of_trailers(number),
            Called::Stopped | Called::Failed => Verdict::Hold,
        };
        self.unless_over(id, direction, |half| half.after_trailers(verdict));
    }

    /// Shows what was held while the guest was not called.
    fn show_unseen(&mut self, id: u32, direction: Direction, unseen: Unseen) {
        if let Some((body, end)) = unseen.body {
            self.show_part(id, direction, body, end);
        }
        if unseen.trailers {
            self.show_trailers(id, direction);
        }
    }

    /// Calls the guest for a stream; where the VM has failed the stream fails too.
    fn call_stream(&mut self, callback: &'static str, id: u32, arguments: &[u32]) -> Called {
        if self.state().streams.get(&id).is_some_and(|stream| stream.failed) {
            return Called::Absent;
        }
        let called = self.call(callback, id, arguments);
        if called == Called::Failed {
            self.fail(id);
        }
        called
    }

    /// Applies the guest's answer, unless a reply or a reset has made it void.
    fn unless_over(
        &mut self,
        id: u32,
        direction: Direction,
        apply: impl FnOnce(&mut crate::half::Half) -> Unseen,
    ) {
        let Some(stream) = self.state().streams.get_mut(&id) else { return };
        if stream.over() || (direction == Direction::Request && stream.request_over()) {
            return;
        }
        let unseen = apply(stream.half(direction));
        self.show_unseen(id, direction, unseen);
    }

    /// Ends a stream that holds more than the proxy's buffers take.
    fn limit_held(&mut self, id: u32, direction: Direction) -> bool {
        let Some(max) = self.state().config.buffer_bytes_max else { return false };
        if self.deaf(id) || self.half(id, direction).is_none_or(|half| half.held_bytes() <= max) {
            return false;
        }
        let (status, text, details) = match direction {
            Direction::Request => (413, "Payload Too Large", "request_payload_too_large"),
            Direction::Response => (500, "Internal Server Error", "response_payload_too_large"),
        };
        let reply = Reply {
            status,
            headers: Headers::new(),
            body: text.into(),
            details: details.into(),
            from_guest: false,
        };
        self.reply(id, reply);
        true
    }

    /// Whether what arrives for a stream is ignored: it is gone, replied to, or reset.
    fn deaf(&self, id: u32) -> bool {
        self.peek().streams.get(&id).is_none_or(|stream| stream.request_over() || stream.over())
    }
}

/// The headers of a local reply: the guest's own, completed as Envoy completes them.
fn reply_headers(status: u32, given: &Headers, body_bytes: usize) -> Headers {
    let mut headers = Headers::from([(":status", status.to_string())]);
    for (name, value) in given.iter() {
        headers.push(name, value);
    }
    if body_bytes == 0 {
        headers.remove("content-length");
        headers.remove("content-type");
    } else {
        headers.set("content-length", body_bytes.to_string());
        if !headers.contains("content-type") {
            headers.set("content-type", "text/plain");
        }
    }
    headers
}
