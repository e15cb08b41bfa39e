//! A host: one VM with one plugin, and what a test sees and steers of it.

use crate::callouts::{Callout, CalloutResponse};
use crate::config::HostConfig;
use crate::fault::{Fault, LogLine, Refused, RefusedCall, Trap};
use crate::metrics::Metric;
use crate::module::Module;
use crate::properties::Properties;
use crate::shared::SharedData;
use crate::state::StreamState;
use crate::stream::Stream;
use crate::vm::{Called, Vm, length};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// The status that a guest reads after a callout was cut off.
const BROKEN_CONNECTION: (u32, &str) = (crate::abi::Status::BrokenConnection.number(), "reset");

/// One VM with one configured plugin.
#[derive(Debug)]
pub struct Host {
    /// The VM, shared with the streams.
    vm: Rc<RefCell<Vm>>,
    /// What it was made from, to start another one.
    module: Module,
}

impl Host {
    /// Starts a VM and configures its plugin; or says why it was refused.
    pub fn new(module: &Module, config: HostConfig) -> Result<Self, Refused> {
        let vm = Vm::start(module, config)?;
        Ok(Self { vm: Rc::new(RefCell::new(vm)), module: module.clone() })
    }

    /// Delivers a new configuration to the running plugin, as a dynamic update does.
    ///
    /// It is tried in a VM of its own first; refused there, the running one is left as it is.
    /// Streams that are open keep the configuration that they began with.
    pub fn reconfigure(&self, configuration: impl Into<Vec<u8>>) -> Result<(), Refused> {
        let configuration = configuration.into();
        let mut config = self.vm.borrow().peek().config.clone();
        config.configuration.clone_from(&configuration);
        config.shared_data = SharedData::new();
        Vm::start(&self.module, config)?;
        let mut vm = self.vm.borrow_mut();
        let old = vm.root;
        vm.root = vm.add_root(&configuration)?;
        vm.state().config.configuration = configuration;
        vm.retire(old);
        Ok(())
    }

    /// Starts the VM anew with the same configuration, as a proxy does after a trap.
    ///
    /// Streams of the old VM are gone; clocks go on.
    pub fn restart(&self) -> Result<(), Refused> {
        let (mut config, monotonic_ns) = {
            let vm = self.vm.borrow();
            let state = vm.peek();
            let mut config = state.config.clone();
            config.time_ns = state.time_ns;
            (config, state.monotonic_ns)
        };
        config.random_seed = config.random_seed.wrapping_add(1);
        let mut vm = Vm::start(&self.module, config)?;
        vm.state().monotonic_ns = monotonic_ns;
        *self.vm.borrow_mut() = vm;
        Ok(())
    }

    /// Opens a stream; the guest hears of it with its request headers.
    pub fn stream(&self) -> Stream {
        let mut vm = self.vm.borrow_mut();
        let id = vm.next_context();
        let root = vm.root;
        let properties = vm.peek().config.properties.clone();
        let state = StreamState { root, properties, ..StreamState::default() };
        vm.state().streams.insert(id, state);
        Stream::new(Rc::clone(&self.vm), id)
    }

    /// Calls `proxy_on_tick` once for the plugin.
    pub fn tick(&self) {
        let mut vm = self.vm.borrow_mut();
        let root = vm.root;
        vm.call("proxy_on_tick", root, &[root]);
    }

    /// The tick period that the guest asked for.
    pub fn tick_period(&self) -> Option<Duration> {
        let period = self.vm.borrow().peek().tick_ms;
        (period > 0).then(|| Duration::from_millis(period.into()))
    }

    /// What the wall clock shows, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.vm.borrow().peek().time_ns
    }

    /// Sets the wall clock, in nanoseconds since 1970; the monotonic clock does not move.
    pub fn set_time_ns(&self, time_ns: u64) {
        self.vm.borrow_mut().state().time_ns = time_ns;
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let mut vm = self.vm.borrow_mut();
        let state = vm.state();
        state.time_ns = state.time_ns.saturating_add(by);
        state.monotonic_ns = state.monotonic_ns.saturating_add(by);
    }

    /// Changes the properties that streams opened later begin with.
    pub fn properties(&self, edit: impl FnOnce(&mut Properties)) {
        edit(&mut self.vm.borrow_mut().state().config.properties);
    }

    /// Every callout that waits for its answer, of all streams.
    pub fn callouts(&self) -> Vec<Callout> {
        self.vm.borrow().peek().callouts.pending().cloned().collect()
    }

    /// Answers a callout; false if no such callout waits.
    pub fn answer_callout(&self, token: u32, response: CalloutResponse) -> bool {
        self.vm.borrow_mut().answer_callout(token, Some(response))
    }

    /// Cuts a callout off: the guest is told with no headers; false if no such callout waits.
    pub fn fail_callout(&self, token: u32) -> bool {
        self.vm.borrow_mut().answer_callout(token, None)
    }

    /// Tells the guest of an answer to a callout that it may never have sent.
    ///
    /// No proxy does this on purpose; a guest must survive it.
    pub fn deliver_stray_answer(&self, token: u32, response: CalloutResponse) {
        self.vm.borrow_mut().deliver(token, None, Some(response));
    }

    /// Every metric by name.
    pub fn metrics(&self) -> BTreeMap<String, Metric> {
        self.vm.borrow().peek().metrics.all().clone()
    }

    /// The value of a counter or a gauge; nothing if there is none of that name.
    pub fn metric(&self, name: &str) -> Option<u64> {
        match self.vm.borrow().peek().metrics.all().get(name)? {
            Metric::Counter(value) | Metric::Gauge(value) => Some(*value),
            Metric::Histogram(_) => None,
        }
    }

    /// Every log line of the guest so far.
    pub fn logs(&self) -> Vec<LogLine> {
        self.vm.borrow().peek().logs.clone()
    }

    /// Takes the log lines out, so that the next reading begins anew.
    pub fn take_logs(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.vm.borrow_mut().state().logs)
    }

    /// Everything that the guest must not have done.
    pub fn faults(&self) -> Vec<Fault> {
        self.vm.borrow().peek().faults.clone()
    }

    /// Every host call that was answered with another status than `Ok`.
    pub fn refused_calls(&self) -> Vec<RefusedCall> {
        self.vm.borrow().peek().refused_calls.clone()
    }

    /// How the VM ended, if it did; every later stream is answered with 503.
    pub fn trap(&self) -> Option<Trap> {
        self.vm.borrow().trap.clone()
    }

    /// The data shared with other hosts.
    pub fn shared_data(&self) -> SharedData {
        self.vm.borrow().peek().config.shared_data.clone()
    }

    /// Bytes of the guest's memory; it never shrinks.
    pub fn memory_bytes(&self) -> usize {
        self.vm.borrow().memory_bytes()
    }

    /// Instructions that starting and configuring took.
    pub fn load_fuel(&self) -> u64 {
        self.vm.borrow().load_fuel
    }

    /// Notes a fault found outside the VM.
    pub(crate) fn fault(&self, fault: Fault) {
        self.vm.borrow_mut().state().faults.push(fault);
    }
}

impl Vm {
    /// Answers a waiting callout, or fails it; false if no such callout waits.
    pub(crate) fn answer_callout(&mut self, token: u32, response: Option<CalloutResponse>) -> bool {
        let Some(callout) = self.state().callouts.take(token) else { return false };
        self.deliver(token, Some(&callout), response);
        true
    }

    /// Tells the guest of an answer, or of a failure.
    fn deliver(&mut self, token: u32, of: Option<&Callout>, response: Option<CalloutResponse>) {
        let root = of.map_or(self.root, |callout| callout.root);
        let sizes = response.as_ref().map_or([0; 3], |response| {
            [response.headers.len(), response.body.len(), response.trailers.len()].map(length)
        });
        let state = self.state();
        state.call_status = if response.is_some() { (0, "") } else { BROKEN_CONNECTION };
        state.answer = response;
        let [headers, body, trailers] = sizes;
        let callback = "proxy_on_http_call_response";
        let called = self.call(callback, root, &[root, token, headers, body, trailers]);
        let fuel = self.last_fuel;
        let state = self.state();
        state.answer = None;
        state.call_status = (0, "");
        if called != Called::Absent
            && let Some(stream) = of.and_then(|callout| state.streams.get_mut(&callout.context))
        {
            stream.fuel.push((callback, fuel));
        }
    }

    /// Ends a stream: the guest logs it and forgets it.
    pub(crate) fn close(&mut self, id: u32) {
        let Some(stream) = self.state().streams.get_mut(&id) else { return };
        let created = stream.created;
        stream.request.headers_visible = true;
        stream.response.headers_visible = stream.response.started;
        stream.response.trailers_visible = true;
        if created {
            self.call("proxy_on_log", id, &[id]);
            self.call("proxy_on_done", id, &[id]);
            self.call("proxy_on_delete", id, &[id]);
        }
        let Some(stream) = self.state().streams.remove(&id) else { return };
        let root = stream.root;
        self.closed.insert(id, stream);
        if root != self.root {
            self.retire(root);
        }
    }

    /// Ends a root context that was replaced, once its last stream is over.
    pub(crate) fn retire(&mut self, root: u32) {
        let state = self.state();
        let busy = state.streams.values().any(|stream| stream.root == root);
        if busy || !state.roots.contains(&root) {
            return;
        }
        self.call("proxy_on_done", root, &[root]);
        self.call("proxy_on_delete", root, &[root]);
        self.state().roots.retain(|other| *other != root);
    }
}
