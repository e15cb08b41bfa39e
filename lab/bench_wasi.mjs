// Runs a benchmark of the engine as WebAssembly, in the same machine (V8) that Envoy has: see docs/performance.md.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

// Benchmarks read the demo policies.
const wasi = new WASI({ version: "preview1", args: ["bench"], env: process.env, preopens: { "/": "/" } });
const module = await WebAssembly.compile(await readFile(process.argv[2]));
wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
