//! One VM: an instance of the guest with its state.
//!
//! Every call into the guest goes through [`Vm::call`]: it gives the guest its instructions,
//! notes how many it took, turns a trap into the end of the VM, and then does what the guest
//! asked for while it ran ([`crate::flow`]).

use crate::abi::Direction;
use crate::config::HostConfig;
use crate::fault::{Reason, Refused, Trap};
use crate::half::Half;
use crate::module::Module;
use crate::state::{State, StreamState};
use std::collections::BTreeMap;
use wasmtime::{Func, Store, StoreLimitsBuilder, Val};

/// What came of calling the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    /// The guest has no such callback.
    Absent,
    /// The guest returned this (zero where it returns nothing).
    Returned(u32),
    /// The guest sent a local reply; what it returned does not count.
    Stopped,
    /// The guest trapped, now or before.
    Failed,
}

/// One VM.
#[derive(Debug)]
pub(crate) struct Vm {
    /// The guest's instance and the host's state.
    store: Store<State>,
    /// Exported functions, with the number of their results.
    exports: BTreeMap<String, (Func, usize)>,
    /// How the VM ended, if it did.
    pub(crate) trap: Option<Trap>,
    /// The context id given last.
    last_context: u32,
    /// The root context of new streams.
    pub(crate) root: u32,
    /// Streams that are over, for a test that still looks at them.
    pub(crate) closed: BTreeMap<u32, StreamState>,
    /// Instructions that the last call took.
    pub(crate) last_fuel: u64,
    /// Instructions that starting and configuring took.
    pub(crate) load_fuel: u64,
}

impl Vm {
    /// Instantiates, starts and configures a guest.
    pub(crate) fn start(module: &Module, config: HostConfig) -> Result<Self, Refused> {
        let limits = StoreLimitsBuilder::new().memory_size(config.memory_bytes_max).build();
        let configuration = config.configuration.clone();
        let load_fuel_max = config.load_fuel_max;
        let mut store = Store::new(module.pre().module().engine(), State::new(config, limits));
        store.limiter(|state| &mut state.limits);
        store.set_fuel(load_fuel_max).map_err(Refused::module)?;
        let instance =
            module.pre().instantiate(&mut store).map_err(|e| Refused::module(format!("{e:#}")))?;
        let mut exports = BTreeMap::new();
        let functions: Vec<(String, Func)> = instance
            .exports(&mut store)
            .filter_map(|export| Some((export.name().to_owned(), export.into_func()?)))
            .collect();
        for (name, function) in functions {
            let results = function.ty(&store).results().len();
            exports.insert(name, (function, results));
        }
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        let malloc = ["malloc", "proxy_on_memory_allocate"]
            .into_iter()
            .find_map(|name| instance.get_typed_func(&mut store, name).ok());
        if malloc.is_none() {
            return Err(Refused::module("the module exports no allocator"));
        }
        store.data_mut().malloc = malloc;
        let mut vm = Self {
            store,
            exports,
            trap: None,
            last_context: 0,
            root: 0,
            closed: BTreeMap::new(),
            last_fuel: 0,
            load_fuel: 0,
        };
        vm.run_start_functions()?;
        vm.root = vm.add_root(&configuration)?;
        Ok(vm)
    }

    /// Runs the guest's own start: a reactor's `_initialize` and `main`, or a command's `_start`.
    fn run_start_functions(&mut self) -> Result<(), Refused> {
        self.state().starting = true;
        if self.call("_initialize", 0, &[]) == Called::Absent {
            self.call("_start", 0, &[]);
        } else if self.call("main", 0, &[0, 0]) == Called::Absent {
            self.call("__main_void", 0, &[]);
        }
        self.state().starting = false;
        self.refuse_after_trap()
    }

    /// Creates a root context and configures it; gives its id.
    pub(crate) fn add_root(&mut self, configuration: &[u8]) -> Result<u32, Refused> {
        let root = self.next_context();
        self.state().roots.push(root);
        self.call("proxy_on_context_create", root, &[root, 0]);
        let size = length(self.state().config.vm_configuration.len());
        if self.call("proxy_on_vm_start", root, &[root, size]) == Called::Returned(0) {
            return Err(self.refused(Reason::VmStart));
        }
        self.state().configuring = Some(configuration.to_vec());
        let called = self.call("proxy_on_configure", root, &[root, length(configuration.len())]);
        self.state().configuring = None;
        self.refuse_after_trap()?;
        if called == Called::Returned(0) {
            return Err(self.refused(Reason::Configuration));
        }
        Ok(root)
    }

    /// The next context id.
    pub(crate) fn next_context(&mut self) -> u32 {
        self.last_context += 1;
        self.last_context
    }

    /// Calls the guest for a context, and does what it asked for meanwhile.
    pub(crate) fn call(
        &mut self,
        callback: &'static str,
        context: u32,
        arguments: &[u32],
    ) -> Called {
        if self.trap.is_some() {
            return Called::Failed;
        }
        let Some((function, results)) = self.exports.get(callback).copied() else {
            return Called::Absent;
        };
        let loading = matches!(
            callback,
            "_initialize"
                | "_start"
                | "main"
                | "__main_void"
                | "proxy_on_vm_start"
                | "proxy_on_configure"
        );
        let state = self.state();
        let limit =
            if loading { state.config.load_fuel_max } else { state.config.callback_fuel_max };
        state.current = context;
        state.effective = 0;
        state.stop_next = false;
        let arguments: Vec<Val> = arguments.iter().map(|n| Val::I32(n.cast_signed())).collect();
        let mut returned = vec![Val::I32(0); results];
        let outcome = self
            .store
            .set_fuel(limit)
            .and_then(|()| function.call(&mut self.store, &arguments, &mut returned));
        let used = limit.saturating_sub(self.store.get_fuel().unwrap_or(0));
        self.last_fuel = used;
        if loading {
            self.load_fuel += used;
        } else if let Some(stream) = self.state().streams.get_mut(&context) {
            stream.fuel.push((callback, used));
        }
        let stopped = std::mem::take(&mut self.state().stop_next);
        self.state().current = 0;
        self.state().effective = 0;
        if let Err(error) = outcome {
            let endless = error.downcast_ref() == Some(&wasmtime::Trap::OutOfFuel);
            let message = format!("{error:?}");
            self.trap = Some(Trap { callback: callback.to_owned(), message, endless });
        }
        self.act();
        let number = returned.first().and_then(Val::i32).unwrap_or(0).cast_unsigned();
        match self.trap {
            Some(_) => Called::Failed,
            None if stopped => Called::Stopped,
            None => Called::Returned(number),
        }
    }

    /// The host's state.
    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// The host's state, to read.
    pub(crate) fn peek(&self) -> &State {
        self.store.data()
    }

    /// A stream, open or over.
    pub(crate) fn stream(&self, id: u32) -> Option<&StreamState> {
        self.peek().streams.get(&id).or_else(|| self.closed.get(&id))
    }

    /// One direction of an open stream.
    pub(crate) fn half(&mut self, id: u32, direction: Direction) -> Option<&mut Half> {
        self.state().streams.get_mut(&id).map(|stream| stream.half(direction))
    }

    /// Bytes of the guest's memory; it never shrinks.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.peek().memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// An error if the guest has trapped.
    fn refuse_after_trap(&mut self) -> Result<(), Refused> {
        match self.trap.clone() {
            Some(trap) => Err(self.refused(Reason::Trap(trap))),
            None => Ok(()),
        }
    }

    /// A refusal with the guest's log.
    fn refused(&mut self, reason: Reason) -> Refused {
        Refused { reason, logs: self.state().logs.clone() }
    }
}

/// A length as the guest sees it.
pub(crate) fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
