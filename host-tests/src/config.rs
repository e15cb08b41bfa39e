//! What a host is started with.

use crate::abi::{LogLevel, Status};
use crate::properties::Properties;
use crate::shared::SharedData;
use std::collections::{BTreeMap, BTreeSet};

/// The time that a host's clock shows at first: 2026-01-01T00:00:00Z, in nanoseconds since 1970.
pub const START_TIME_NS: u64 = 1_767_225_600_000_000_000;

/// A function of the proxy that a guest can call by name with bytes.
pub type ForeignFunction = fn(&[u8]) -> Result<Vec<u8>, Status>;

/// Configuration, surroundings and limits of one host.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The plugin's configuration, as the guest reads it in `proxy_on_configure`.
    pub configuration: Vec<u8>,
    /// The VM's configuration, as the guest reads it in `proxy_on_vm_start`.
    pub vm_configuration: Vec<u8>,
    /// The plugin's name, property `plugin_name`.
    pub plugin_name: String,
    /// The root id, property `plugin_root_id`.
    pub root_id: String,
    /// The VM id, property `plugin_vm_id`.
    pub vm_id: String,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Properties that every stream begins with.
    pub properties: Properties,
    /// Envoy's `allow_on_headers_stop_iteration`: a pause at headers still lets bodies come.
    pub allow_on_headers_stop_iteration: bool,
    /// Clusters that callouts can go to; nothing: any name is a cluster.
    pub clusters: Option<BTreeSet<String>>,
    /// Foreign functions by name; `clear_route_cache` is always there.
    pub foreign_functions: BTreeMap<String, ForeignFunction>,
    /// Log lines below this level are dropped.
    pub log_level: LogLevel,
    /// What the clock shows, in nanoseconds since 1970.
    pub time_ns: u64,
    /// The seed of `random_get`: the same seed gives the same bytes.
    pub random_seed: u64,
    /// Data shared with other hosts.
    pub shared_data: SharedData,
    /// Bytes that the proxy holds of one body; above: 413 for requests, 500 for responses.
    pub buffer_bytes_max: Option<usize>,
    /// Bytes of the guest's memory; 1 GiB in Envoy.
    pub memory_bytes_max: usize,
    /// Instructions that one callback may take before it counts as endless.
    pub callback_fuel_max: u64,
    /// Instructions that starting and configuring may take each.
    pub load_fuel_max: u64,
}

impl Default for HostConfig {
    /// No configuration and no properties; flags as a plugin with body policies needs them.
    fn default() -> Self {
        Self {
            configuration: Vec::new(),
            vm_configuration: Vec::new(),
            plugin_name: "plugin".into(),
            root_id: "root".into(),
            vm_id: "vm".into(),
            environment: BTreeMap::new(),
            properties: Properties::new(),
            allow_on_headers_stop_iteration: true,
            clusters: None,
            foreign_functions: BTreeMap::new(),
            log_level: LogLevel::Trace,
            time_ns: START_TIME_NS,
            random_seed: 1,
            shared_data: SharedData::new(),
            buffer_bytes_max: None,
            memory_bytes_max: 1 << 30,
            callback_fuel_max: 2_000_000_000,
            load_fuel_max: 20_000_000_000,
        }
    }
}

impl HostConfig {
    /// The defaults with a plugin configuration.
    pub fn new(configuration: impl Into<Vec<u8>>) -> Self {
        Self { configuration: configuration.into(), ..Self::default() }
    }
}
