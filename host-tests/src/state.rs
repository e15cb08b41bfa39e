//! Everything that one VM's host functions read and change.
//!
//! It is the data of the wasmtime store: contexts with their streams, callouts, metrics, logs,
//! clock, shared data. Host functions change it at once; what a real proxy defers until the guest
//! has returned (continuing, replying, resetting) is queued here as an [`Action`].

use crate::abi::{Direction, LogLevel, Status};
use crate::callouts::{CalloutResponse, Callouts};
use crate::config::HostConfig;
use crate::fault::{Fault, LogLine, RefusedCall};
use crate::half::Half;
use crate::maps::Headers;
use crate::metrics::Metrics;
use crate::properties::Properties;
use std::collections::{BTreeMap, VecDeque};
use wasmtime::{Memory, StoreLimits, TypedFunc};

/// Most refused calls that are kept; what comes after is like them.
const REFUSED_CALLS_MAX: usize = 10_000;

/// A reply that the guest, or the proxy for it, gives in the place of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u32,
    /// Headers that the guest adds.
    pub(crate) headers: Headers,
    /// Body.
    pub(crate) body: Vec<u8>,
    /// Envoy's response code details.
    pub(crate) details: String,
    /// Whether the guest asked for it; otherwise the proxy itself did.
    pub(crate) from_guest: bool,
}

/// What is done once the guest has returned.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send a local reply.
    Reply(u32, Reply),
    /// Let a direction of a stream go on.
    Continue(u32, Direction),
    /// Reset a stream.
    Reset(u32),
}

/// One HTTP stream.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as the proxy keeps them")]
pub(crate) struct StreamState {
    /// The root context that it belongs to.
    pub(crate) root: u32,
    /// Whether the guest knows the context.
    pub(crate) created: bool,
    /// From the client.
    pub(crate) request: Half,
    /// To the client.
    pub(crate) response: Half,
    /// Properties given by the test.
    pub(crate) properties: Properties,
    /// Filter state, by full name.
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    /// Whether a local reply was sent; no request callback comes after it.
    pub(crate) replied: bool,
    /// Whether the guest itself sent one.
    pub(crate) guest_replied: bool,
    /// Whether the reply says that the VM failed; no callback comes after it.
    pub(crate) failed: bool,
    /// Response code details of the reply.
    pub(crate) details: String,
    /// Whether the stream was reset.
    pub(crate) reset: bool,
    /// How often the route was to be chosen anew.
    pub(crate) route_clears: u32,
    /// Instructions that each callback took, in order.
    pub(crate) fuel: Vec<(&'static str, u64)>,
}

impl StreamState {
    /// One of the directions.
    pub(crate) fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    /// Whether no request callback comes any more.
    pub(crate) fn request_over(&self) -> bool {
        self.replied || self.reset
    }

    /// Whether the client has everything, or will never get more.
    pub(crate) fn over(&self) -> bool {
        self.reset || self.response.sent.ended
    }
}

/// The data of a store.
pub(crate) struct State {
    /// The guest's memory, once instantiated.
    pub(crate) memory: Option<Memory>,
    /// The guest's allocator, once instantiated.
    pub(crate) malloc: Option<TypedFunc<u32, u32>>,
    /// Limits of memory and tables.
    pub(crate) limits: StoreLimits,
    /// Whether the guest's start functions run, in which few host functions may be called.
    pub(crate) starting: bool,
    /// What the host was started with.
    pub(crate) config: HostConfig,
    /// Root contexts.
    pub(crate) roots: Vec<u32>,
    /// Streams by context id.
    pub(crate) streams: BTreeMap<u32, StreamState>,
    /// The configuration, while `proxy_on_configure` runs.
    pub(crate) configuring: Option<Vec<u8>>,
    /// The context that is called.
    pub(crate) current: u32,
    /// The context that the guest chose instead; zero: none.
    pub(crate) effective: u32,
    /// Callouts.
    pub(crate) callouts: Callouts,
    /// The answer to a callout, while the guest is told of it.
    pub(crate) answer: Option<CalloutResponse>,
    /// Code and text of the last failed callout.
    pub(crate) call_status: (u32, &'static str),
    /// Metrics.
    pub(crate) metrics: Metrics,
    /// The guest's log.
    pub(crate) logs: Vec<LogLine>,
    /// Wall clock, nanoseconds since 1970.
    pub(crate) time_ns: u64,
    /// Monotonic clock, nanoseconds.
    pub(crate) monotonic_ns: u64,
    /// State of the random generator.
    pub(crate) random: u64,
    /// The tick period that the guest asked for, in milliseconds; zero: none.
    pub(crate) tick_ms: u32,
    /// What to do once the guest has returned.
    pub(crate) actions: VecDeque<Action>,
    /// Whether the guest's answer is to be taken for "hold everything".
    pub(crate) stop_next: bool,
    /// Faults.
    pub(crate) faults: Vec<Fault>,
    /// Host calls that were refused.
    pub(crate) refused_calls: Vec<RefusedCall>,
}

impl std::fmt::Debug for State {
    /// Writes what identifies a VM; the rest is too much to print.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plugin = &self.config.plugin_name;
        f.debug_struct("State").field("plugin", plugin).finish_non_exhaustive()
    }
}

impl State {
    /// The state of a VM that has not begun.
    pub(crate) fn new(config: HostConfig, limits: StoreLimits) -> Self {
        Self {
            memory: None,
            malloc: None,
            limits,
            starting: true,
            time_ns: config.time_ns,
            random: config.random_seed,
            config,
            roots: Vec::new(),
            streams: BTreeMap::new(),
            configuring: None,
            current: 0,
            effective: 0,
            callouts: Callouts::default(),
            answer: None,
            call_status: (0, ""),
            metrics: Metrics::default(),
            logs: Vec::new(),
            monotonic_ns: 0,
            tick_ms: 0,
            actions: VecDeque::new(),
            stop_next: false,
            faults: Vec::new(),
            refused_calls: Vec::new(),
        }
    }

    /// The state of no VM, to ask a linker what it holds.
    pub(crate) fn blank() -> Self {
        Self::new(HostConfig::default(), StoreLimits::default())
    }

    /// Whether a context exists.
    pub(crate) fn knows(&self, context: u32) -> bool {
        self.roots.contains(&context) || self.streams.contains_key(&context)
    }

    /// The context that a host call speaks for.
    pub(crate) fn context(&self) -> u32 {
        if self.effective != 0 && self.knows(self.effective) {
            self.effective
        } else {
            self.current
        }
    }

    /// The stream that a host call speaks for, unless it speaks for a root.
    pub(crate) fn stream(&mut self) -> Option<&mut StreamState> {
        let context = self.context();
        self.streams.get_mut(&context)
    }

    /// The root context that a host call speaks for.
    pub(crate) fn root(&self) -> u32 {
        let context = self.context();
        self.streams.get(&context).map_or(context, |stream| stream.root)
    }

    /// Adds a log line of the guest, if its level is wanted.
    pub(crate) fn log(&mut self, level: LogLevel, text: &[u8]) {
        if level >= self.config.log_level {
            self.logs.push(LogLine { level, text: String::from_utf8_lossy(text).into_owned() });
        }
    }

    /// Notes a host call that was refused.
    pub(crate) fn refuse(&mut self, call: &'static str, status: Status) {
        if self.refused_calls.len() < REFUSED_CALLS_MAX {
            self.refused_calls.push(RefusedCall { call, status });
        }
    }

    /// The next eight random bytes (the `SplitMix64` generator).
    pub(crate) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
