//! The numbers of the proxy-wasm ABI 0.2.1, as types.
//!
//! A guest speaks in integers; here each set of integers becomes an enum, once, so that the rest
//! of the simulator never compares with a bare number.
//! Source: the ABI specification v0.2.1 of the proxy-wasm project.

use std::fmt;

/// What a host call answers to the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// There is no such header, property, buffer or function.
    NotFound = 1,
    /// The arguments make no sense here, or the map is out of reach now.
    BadArgument = 2,
    /// A value cannot be written as bytes, such as a whole property subtree.
    SerializationFailure = 3,
    /// Bytes of the guest cannot be read.
    ParseFailure = 4,
    /// A pointer or length lies outside the guest's memory.
    InvalidMemoryAccess = 6,
    /// A queue has nothing in it.
    Empty = 7,
    /// Shared data has changed since it was read.
    CasMismatch = 8,
    /// The host could not do it, or does not allow it.
    InternalFailure = 10,
    /// The other side closed the connection.
    BrokenConnection = 11,
    /// This host does not have the function.
    Unimplemented = 12,
}

impl Status {
    /// The number that the guest sees.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the client to the upstream.
    Request,
    /// From the upstream to the client.
    Response,
}

impl fmt::Display for Direction {
    /// Writes `request` or `response`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Response => "response",
        })
    }
}

/// Which part of a message a header map belongs to, or a map of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKind {
    /// Headers of the request or the response of a stream.
    Headers(Direction),
    /// Trailers of the request or the response of a stream.
    Trailers(Direction),
    /// Metadata of a gRPC call, which this host never has.
    Grpc,
    /// Headers of the answer to a callout.
    CalloutHeaders,
    /// Trailers of the answer to a callout.
    CalloutTrailers,
}

impl MapKind {
    /// The map that a guest means by `number`.
    pub(crate) const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Headers(Direction::Request),
            1 => Self::Trailers(Direction::Request),
            2 => Self::Headers(Direction::Response),
            3 => Self::Trailers(Direction::Response),
            4 | 5 => Self::Grpc,
            6 => Self::CalloutHeaders,
            7 => Self::CalloutTrailers,
            _ => return None,
        })
    }
}

/// A buffer that a guest can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferKind {
    /// The body of the request or the response of a stream.
    Body(Direction),
    /// Data of a TCP connection, which this host never has.
    Network,
    /// The body of the answer to a callout.
    CalloutBody,
    /// A gRPC message, which this host never has.
    Grpc,
    /// The configuration of the VM.
    VmConfiguration,
    /// The configuration of the plugin, readable inside `proxy_on_configure` only.
    PluginConfiguration,
    /// Arguments of a foreign function that the host calls, which this host never does.
    CallData,
}

impl BufferKind {
    /// The buffer that a guest means by `number`.
    pub(crate) const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Body(Direction::Request),
            1 => Self::Body(Direction::Response),
            2 | 3 => Self::Network,
            4 => Self::CalloutBody,
            5 => Self::Grpc,
            6 => Self::VmConfiguration,
            7 => Self::PluginConfiguration,
            8 => Self::CallData,
            _ => return None,
        })
    }
}

/// How severe a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum LogLevel {
    /// Every step.
    Trace = 0,
    /// For a developer.
    Debug = 1,
    /// For an operator, all well.
    Info = 2,
    /// For an operator, to look at.
    Warn = 3,
    /// For an operator, something failed.
    Error = 4,
    /// For an operator, the plugin cannot go on.
    Critical = 5,
}

impl LogLevel {
    /// The level that a guest means by `number`.
    pub(crate) const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Trace,
            1 => Self::Debug,
            2 => Self::Info,
            3 => Self::Warn,
            4 => Self::Error,
            5 => Self::Critical,
            _ => return None,
        })
    }

    /// The number that the guest sees.
    pub(crate) const fn number(self) -> u32 {
        self as u32
    }
}

/// What a guest's stream callback asks the proxy to do next, as the proxy understands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Continue,
    /// Hold this part, keep calling for the following parts.
    Hold,
    /// Hold everything, call no more until continued.
    HoldAll,
    /// Drop this part, keep calling for the following parts.
    Drop,
}

impl Verdict {
    /// Reads the value returned by a headers callback.
    ///
    /// `stop_iteration_allowed` is Envoy's `allow_on_headers_stop_iteration`; without it a pause
    /// holds the whole stream and no body callback comes.
    pub(crate) const fn of_headers(returned: u32, stop_iteration_allowed: bool) -> Self {
        match returned {
            0 | 2 => Self::Continue, // 2 is of older ABIs; Envoy goes on
            1 if stop_iteration_allowed => Self::Hold,
            _ => Self::HoldAll,
        }
    }

    /// Reads the value returned by a body callback.
    pub(crate) const fn of_body(returned: u32) -> Self {
        match returned {
            0 => Self::Continue,
            1 | 2 => Self::Hold,
            _ => Self::Drop,
        }
    }

    /// Reads the value returned by a trailers callback.
    pub(crate) const fn of_trailers(returned: u32) -> Self {
        match returned {
            0 => Self::Continue,
            _ => Self::Hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_at_headers_depends_on_the_flag() {
        assert_eq!(Verdict::of_headers(1, true), Verdict::Hold);
        assert_eq!(Verdict::of_headers(1, false), Verdict::HoldAll);
        assert_eq!(Verdict::of_headers(0, false), Verdict::Continue);
        assert_eq!(Verdict::of_headers(99, true), Verdict::HoldAll);
    }

    #[test]
    fn numbers_outside_the_abi_have_no_meaning() {
        assert_eq!(MapKind::from_number(8), None);
        assert_eq!(BufferKind::from_number(9), None);
        assert_eq!(LogLevel::from_number(6), None);
    }
}
