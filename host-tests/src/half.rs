//! One direction of a stream, as the proxy's filter chain keeps it.
//!
//! What arrives is headers, then body parts, then perhaps trailers. Each part is shown to the
//! guest, which lets it go on or holds it. This module is the bookkeeping between those: what is
//! held, what the guest can see, what has gone out. It follows Envoy's filter manager step by
//! step (`commonHandleAfterHeadersCallback`, `commonHandleAfterDataCallback`, `commonContinue`)
//! and calls no guest itself.

use crate::abi::Verdict;
use crate::maps::Headers;

/// Whether parts go on by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Iteration {
    /// Parts go on.
    #[default]
    Going,
    /// Parts are held; the guest is still called for the following ones.
    Stopped,
    /// Parts are held and the guest is not called.
    StoppedAll,
}

/// What has gone out of the filter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    /// Headers, once they went out.
    pub(crate) headers: Option<Headers>,
    /// All body bytes that went out.
    pub(crate) body: Vec<u8>,
    /// Trailers, once they went out.
    pub(crate) trailers: Option<Headers>,
    /// Whether the end of the message went out.
    pub(crate) ended: bool,
}

/// What remains to be shown to the guest after everything held was let go.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unseen {
    /// A body that was held while the guest was not called; with its end mark.
    pub(crate) body: Option<(Vec<u8>, bool)>,
    /// Whether the trailers were held likewise.
    pub(crate) trailers: bool,
}

/// One direction of a stream.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as the proxy keeps them")]
pub(crate) struct Half {
    /// The live headers.
    pub(crate) headers: Headers,
    /// Whether the guest can reach the headers now.
    pub(crate) headers_visible: bool,
    /// The live trailers.
    pub(crate) trailers: Option<Headers>,
    /// Whether the guest can reach the trailers now.
    pub(crate) trailers_visible: bool,
    /// Whether headers have arrived.
    pub(crate) started: bool,
    /// Whether the end has arrived.
    pub(crate) arrived_end: bool,
    /// The part of the body that the guest is being shown.
    part: Option<Vec<u8>>,
    /// Whether the guest can reach that part now.
    part_visible: bool,
    /// The body that is held.
    held: Option<Vec<u8>>,
    /// Whether the guest held the last body part, so that it sees all that is held.
    holding: bool,
    /// Whether parts go on.
    pub(crate) iteration: Iteration,
    /// What has gone out.
    pub(crate) sent: Sent,
}

impl Half {
    /// Notes headers that arrive.
    pub(crate) fn headers_arrive(&mut self, headers: Headers, end: bool) {
        self.headers = headers;
        self.headers_visible = true;
        self.started = true;
        self.arrived_end = end;
    }

    /// Acts on the guest's answer to headers.
    pub(crate) fn after_headers(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Continue => {
                self.headers_visible = false;
                self.send_headers();
            }
            Verdict::Hold => self.iteration = Iteration::Stopped,
            Verdict::HoldAll | Verdict::Drop => self.iteration = Iteration::StoppedAll,
        }
    }

    /// Whether an arriving part is held without being shown.
    pub(crate) fn held_unseen(&self) -> bool {
        self.iteration == Iteration::StoppedAll
    }

    /// Holds a body part without showing it.
    pub(crate) fn hold(&mut self, part: &[u8]) {
        self.held.get_or_insert_default().extend_from_slice(part);
    }

    /// Prepares a body part to be shown; gives the size that the guest is told.
    pub(crate) fn show_part(&mut self, part: Vec<u8>, end: bool) -> usize {
        self.arrived_end |= end;
        if self.holding {
            self.hold(&part);
            self.part = Some(Vec::new());
        } else {
            self.part = Some(part);
        }
        self.part_visible = true;
        self.body_mut().map_or(0, |body| body.len())
    }

    /// Acts on the guest's answer to a body part.
    pub(crate) fn after_part(&mut self, verdict: Verdict, end: bool) -> Unseen {
        let part = self.part.take().unwrap_or_default();
        self.holding = verdict == Verdict::Hold;
        match verdict {
            Verdict::Continue if self.iteration == Iteration::Stopped => {
                self.hold(&part);
                self.go_on()
            }
            Verdict::Continue => {
                let held = self.held.take().unwrap_or_default();
                self.sent.body.extend(held);
                self.sent.body.extend(part);
                self.sent.ended |= end;
                Unseen::default()
            }
            Verdict::Hold => {
                self.iteration = Iteration::Stopped;
                self.hold(&part);
                Unseen::default()
            }
            Verdict::HoldAll | Verdict::Drop => {
                self.iteration = Iteration::Stopped;
                if end && self.trailers.is_none() {
                    self.held.get_or_insert_default();
                }
                Unseen::default()
            }
        }
    }

    /// Notes trailers that arrive; with them the message ends.
    pub(crate) fn trailers_arrive(&mut self, trailers: Headers) {
        self.trailers = Some(trailers);
        self.arrived_end = true;
    }

    /// Acts on the guest's answer to trailers.
    pub(crate) fn after_trailers(&mut self, verdict: Verdict) -> Unseen {
        match verdict {
            Verdict::Continue => {
                self.trailers_visible = false;
                if self.iteration == Iteration::Stopped {
                    return self.go_on();
                }
                self.send_trailers();
            }
            Verdict::Hold | Verdict::HoldAll | Verdict::Drop => {
                if self.iteration == Iteration::Going {
                    self.iteration = Iteration::Stopped;
                }
            }
        }
        Unseen::default()
    }

    /// Lets everything that is held go on, as `proxy_continue_stream` does.
    ///
    /// What the guest has not been shown yet is given back to be shown now.
    pub(crate) fn go_on(&mut self) -> Unseen {
        let unseen = self.held_unseen();
        self.iteration = Iteration::Going;
        let held = self.held.take();
        if self.sent.headers.is_none() && self.started {
            self.send_headers_with(self.arrived_end && held.is_none() && self.trailers.is_none());
        }
        let end = self.arrived_end && self.trailers.is_none();
        if unseen {
            return Unseen {
                body: held.map(|body| (body, end)),
                trailers: self.trailers.is_some(),
            };
        }
        if let Some(body) = held {
            self.sent.body.extend(body);
            self.sent.ended |= end;
        }
        if self.trailers.is_some() {
            self.send_trailers();
        }
        Unseen::default()
    }

    /// The body that the guest can reach now.
    pub(crate) fn body_mut(&mut self) -> Option<&mut Vec<u8>> {
        if self.holding {
            Some(self.held.get_or_insert_default())
        } else {
            self.part.as_mut().filter(|_| self.part_visible)
        }
    }

    /// Bytes that are held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.as_ref().map_or(0, Vec::len)
    }

    /// Makes what arrived unreachable, as `proxy_continue_stream` does.
    pub(crate) fn hide(&mut self) {
        self.headers_visible = false;
        self.trailers_visible = false;
        self.part_visible = false;
    }

    /// Sends a whole message past the guest, in the place of whatever was held.
    pub(crate) fn send_directly(&mut self, headers: Headers, body: Vec<u8>) {
        self.headers = headers.clone();
        self.started = true;
        self.arrived_end = true;
        self.held = None;
        self.part = None;
        self.trailers = None;
        self.iteration = Iteration::Going;
        self.sent = Sent { headers: Some(headers), body, trailers: None, ended: true };
    }

    /// Sends the headers; the message ends with them if its end has arrived.
    fn send_headers(&mut self) {
        self.send_headers_with(self.arrived_end);
    }

    /// Sends the headers, saying whether the message ends with them.
    fn send_headers_with(&mut self, end: bool) {
        self.sent.headers = Some(self.headers.clone());
        self.sent.ended |= end;
    }

    /// Sends the trailers, which end the message.
    fn send_trailers(&mut self) {
        self.sent.trailers = self.trailers.clone();
        self.sent.ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A half whose headers arrived and were answered.
    fn started(verdict: Verdict, end: bool) -> Half {
        let mut half = Half::default();
        half.headers_arrive(Headers::from([(":path", "/")]), end);
        half.after_headers(verdict);
        half
    }

    #[test]
    fn nothing_goes_out_while_headers_are_held() {
        let mut half = started(Verdict::Hold, false);
        assert_eq!(half.show_part(b"ab".to_vec(), false), 2);
        half.after_part(Verdict::Hold, false);
        assert_eq!(half.show_part(b"c".to_vec(), true), 3);
        assert!(half.sent.headers.is_none() && half.sent.body.is_empty());
        half.after_part(Verdict::Continue, true);
        assert_eq!(half.sent.body, b"abc");
        assert!(half.sent.headers.is_some() && half.sent.ended);
    }

    #[test]
    fn the_size_is_not_cumulative_where_parts_go_on() {
        let mut half = started(Verdict::Continue, false);
        half.show_part(b"ab".to_vec(), false);
        half.after_part(Verdict::Continue, false);
        assert_eq!(half.show_part(b"c".to_vec(), true), 1);
        half.after_part(Verdict::Continue, true);
        assert_eq!(half.sent.body, b"abc");
    }

    #[test]
    fn what_was_not_shown_is_shown_after_going_on() {
        let mut half = started(Verdict::HoldAll, false);
        assert!(half.held_unseen());
        half.hold(b"ab");
        half.arrived_end = true;
        let unseen = half.go_on();
        assert_eq!(unseen.body, Some((b"ab".to_vec(), true)));
        assert!(half.sent.headers.is_some() && half.sent.body.is_empty());
    }

    #[test]
    fn trailers_end_the_message() {
        let mut half = started(Verdict::Hold, false);
        half.show_part(b"ab".to_vec(), false);
        half.after_part(Verdict::Hold, false);
        half.trailers_arrive(Headers::from([("t", "1")]));
        half.after_trailers(Verdict::Continue);
        assert_eq!(half.sent.body, b"ab");
        assert!(half.sent.trailers.is_some() && half.sent.ended);
    }

    #[test]
    fn a_dropped_part_is_gone() {
        let mut half = started(Verdict::Hold, false);
        half.show_part(b"ab".to_vec(), true);
        half.after_part(Verdict::Drop, true);
        half.go_on();
        assert!(half.sent.body.is_empty() && half.sent.ended);
    }
}
