//! What can go wrong: refused starts, traps, and faults that a real proxy would not survive or
//! would hide.

use crate::abi::{Direction, LogLevel, Status};
use std::fmt;

/// A log line of the guest, by `proxy_log` or by writing to standard output or error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How severe.
    pub level: LogLevel,
    /// The text.
    pub text: String,
}

/// The end of a VM: the guest trapped, ran out of its instructions, or left by `proc_exit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The export that was running.
    pub callback: String,
    /// Why, with the guest's backtrace.
    pub message: String,
    /// Whether the guest was stopped because it would not end.
    pub endless: bool,
}

impl fmt::Display for Trap {
    /// Writes the callback and the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.endless { "did not end" } else { "trapped" };
        write!(f, "{} {how}: {}", self.callback, self.message)
    }
}

/// Why a host did not start or did not take a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The module cannot be read, linked or instantiated.
    Module(String),
    /// `proxy_on_vm_start` returned false.
    VmStart,
    /// `proxy_on_configure` returned false.
    Configuration,
    /// The guest trapped while starting.
    Trap(Trap),
}

/// A start or a configuration that was refused, with what the guest logged meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// The guest's log until then.
    pub logs: Vec<LogLine>,
}

impl Refused {
    /// A refusal before any guest code ran.
    pub(crate) fn module(why: impl fmt::Display) -> Self {
        Self { reason: Reason::Module(why.to_string()), logs: Vec::new() }
    }
}

impl fmt::Display for Refused {
    /// Writes the reason and the log lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Module(why) => write!(f, "the module was refused: {why}"),
            Reason::VmStart => f.write_str("proxy_on_vm_start returned false"),
            Reason::Configuration => f.write_str("proxy_on_configure returned false"),
            Reason::Trap(trap) => write!(f, "{trap}"),
        }?;
        self.logs.iter().try_for_each(|line| write!(f, "\n  {:?}: {}", line.level, line.text))
    }
}

impl std::error::Error for Refused {}

/// Something that a guest must not do, although the call itself was answered with `Ok`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A second local reply on one stream; older proxies crash or hang.
    DoubleReply {
        /// The stream's context id.
        stream: u32,
    },
    /// A local reply after the response's headers went out; the proxy resets the stream.
    LateReply {
        /// The stream's context id.
        stream: u32,
    },
    /// A call that needs a stream, made in a context without one; the proxy drops it silently.
    NoStream {
        /// The host function.
        call: &'static str,
    },
    /// A message whose `content-length` is not the length of its body; the receiver hangs.
    ContentLength {
        /// Which message.
        direction: Direction,
        /// The header.
        declared: String,
        /// Bytes of the body.
        actual: usize,
    },
    /// A list of pairs that cannot be read; the proxy takes it for an empty one.
    Pairs {
        /// The host function.
        call: &'static str,
    },
}

/// A host call that was answered with another status than `Ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedCall {
    /// The host function.
    pub call: &'static str,
    /// The answer.
    pub status: Status,
}
