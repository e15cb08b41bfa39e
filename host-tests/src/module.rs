//! A compiled guest module, to start any number of VMs from.
//!
//! Compiling a filter of some megabytes takes seconds, so a file is compiled once per process and
//! kept; a file that changed is compiled again. Linking against the host's functions happens here
//! too: a module that imports what no proxy provides is refused by name.

use crate::abi::Status;
use crate::fault::Refused;
use crate::imports;
use crate::state::State;
use crate::wasi;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;
use wasmtime::{Config, Engine, ExternType, InstancePre, Linker, Result, Val, format_err};

/// The exports by which a module says that it speaks an ABI that this host speaks.
const ABI_VERSIONS: [&str; 2] = ["proxy_abi_version_0_2_1", "proxy_abi_version_0_2_0"];

/// A compiled and linked module; cloning is cheap.
#[derive(Clone)]
pub struct Module {
    /// Ready to instantiate.
    pre: InstancePre<State>,
    /// Size of the file.
    bytes: usize,
    /// What it imports.
    imports: Vec<String>,
}

impl std::fmt::Debug for Module {
    /// Writes size and number of imports; the rest is machine code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let imports = self.imports.len();
        f.debug_struct("Module")
            .field("bytes", &self.bytes)
            .field("imports", &imports)
            .finish_non_exhaustive()
    }
}

/// Compiled files, by path.
type Cache = Mutex<HashMap<PathBuf, (SystemTime, Module)>>;

impl Module {
    /// Compiles a `.wasm` file, or gives what was compiled of it before.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Refused> {
        static CACHE: OnceLock<Cache> = OnceLock::new();
        let path = path.as_ref();
        let explain =
            |why: &dyn std::fmt::Display| Refused::module(format!("{}: {why}", path.display()));
        let modified =
            path.metadata().and_then(|data| data.modified()).map_err(|error| explain(&error))?;
        let mut cache =
            CACHE.get_or_init(Cache::default).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((compiled, module)) = cache.get(path)
            && *compiled == modified
        {
            return Ok(module.clone());
        }
        let bytes = std::fs::read(path).map_err(|error| explain(&error))?;
        let module = Self::from_bytes(&bytes)?;
        cache.insert(path.to_owned(), (modified, module.clone()));
        Ok(module)
    }

    /// Compiles a module from its bytes, or from its text form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refused> {
        Self::compile(bytes).map_err(|error| Refused::module(format!("{error:#}")))
    }

    /// What the module imports, as `module.name`, sorted.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Bytes of the module.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The module, ready to instantiate.
    pub(crate) const fn pre(&self) -> &InstancePre<State> {
        &self.pre
    }

    /// Compiles and links.
    fn compile(bytes: &[u8]) -> Result<Self> {
        let engine = engine()?;
        let module = wasmtime::Module::new(engine, bytes)?;
        if !ABI_VERSIONS.iter().any(|name| module.get_export(name).is_some()) {
            return Err(format_err!("missing or unknown proxy-wasm ABI version"));
        }
        let mut imports: Vec<String> = module
            .imports()
            .map(|import| format!("{}.{}", import.module(), import.name()))
            .collect();
        imports.sort();
        imports.dedup();
        let mut linker = Linker::new(engine);
        imports::define(&mut linker)?;
        wasi::define(&mut linker)?;
        define_stubs(&mut linker, &module)?;
        let pre = linker.instantiate_pre(&module)?;
        Ok(Self { pre, bytes: bytes.len(), imports })
    }
}

/// Adds stubs for what the module imports and this host knows but does not do.
fn define_stubs(linker: &mut Linker<State>, module: &wasmtime::Module) -> Result<()> {
    let known: Vec<(String, String)> = {
        let mut store = wasmtime::Store::new(module.engine(), State::blank());
        linker.iter(&mut store).map(|(module, name, _)| (module.into(), name.into())).collect()
    };
    for import in module.imports() {
        let name = (import.module().to_owned(), import.name().to_owned());
        let wasi = wasi::MODULES.contains(&import.module());
        let absent = import.module() == "env" && imports::ABSENT.contains(&import.name());
        let ExternType::Func(function) = import.ty() else { continue };
        if known.contains(&name) || !(wasi || absent) {
            continue;
        }
        let number = if wasi { wasi::NOSYS } else { Status::Unimplemented.number() };
        linker.func_new(import.module(), import.name(), function, move |_, _, results| {
            results.fill(Val::I32(number.cast_signed()));
            Ok(())
        })?;
    }
    Ok(())
}

/// The engine of this process: it counts instructions, so that a loop without end ends.
fn engine() -> Result<&'static Engine> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    if let Some(engine) = ENGINE.get() {
        return Ok(engine);
    }
    let mut config = Config::new();
    config.consume_fuel(true);
    let engine = Engine::new(&config)?;
    Ok(ENGINE.get_or_init(|| engine))
}
