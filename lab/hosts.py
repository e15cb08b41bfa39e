"""Gates that are not Envoy: the component in Python and in Node, and the wasi:http gates under `wasmtime serve`."""

import os
import subprocess
from pathlib import Path

from . import gate, paths, process, term, web

EXAMPLES = paths.ROOT / "examples" / "component"
"""The hosts in other languages."""

KINDS = ("python", "node", "wasi-http", "middleware")
"""All of them."""

READY_SECONDS_MAX = 180
"""wasmtime compiles the whole component before it listens, on one core and with others beside it."""


def pack(output: Path, policies: Path = paths.ROOT / "policies") -> None:
    """Packs a folder of policies into a bundle for the component."""
    done = gate.zonegate("bundle", policies, "--demo", "--bare", "--output", output)
    if done.returncode:
        raise term.fail(f"The policies in {policies} cannot be packed:\n{done.stdout}{done.stderr}")


def transpiled() -> Path:
    """The component as JavaScript, made anew where the component is newer."""
    folder = paths.LAB / "transpiled"
    script = folder / "zonegate_component.js"
    if not script.exists() or script.stat().st_mtime < paths.COMPONENT.stat().st_mtime:
        target = paths.TARGET / "transpile"
        subprocess.run(["cargo", "build", "--locked", "--quiet", "--manifest-path", "lab/transpile/Cargo.toml",
                        "--target-dir", target], cwd=paths.ROOT, check=True)
        subprocess.run([target / "debug" / "zonegate-transpile", paths.COMPONENT, folder], check=True)
    return script


def composed() -> Path:
    """The middleware in front of the example's service as one component, made anew where one of them is newer."""
    target = paths.TARGET / "compose"
    output = target / "gate.wasm"
    parts = (paths.MIDDLEWARE, paths.EXAMPLE_SERVICE)
    if not output.exists() or any(output.stat().st_mtime < part.stat().st_mtime for part in parts):
        subprocess.run(["cargo", "build", "--locked", "--quiet", "--manifest-path", "lab/compose/Cargo.toml",
                        "--target-dir", target], cwd=paths.ROOT, check=True)
        subprocess.run([target / "debug" / "zonegate-compose", *parts, output], check=True)
    return output


def replay(bundle: Path, *logs: Path) -> subprocess.CompletedProcess:
    """What a bundle would have decided otherwise, by the example in Python."""
    search = os.pathsep.join(map(str, (paths.COMPONENT_HOSTS, EXAMPLES / "python")))
    environment = {**os.environ, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [paths.VENV / "bin" / "python", EXAMPLES / "python" / "replay.py", paths.COMPONENT, bundle, *logs]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)


class Gate:
    """One running gate in front of a PowerDNS; `port` on 127.0.0.1."""

    def __init__(self, kind: str, server, folder: Path, policies: Path = paths.ROOT / "policies",
                 ready: int = 200, **settings: str):
        """Starts it and waits until it says so with the status `ready`; `settings` are further ones."""
        self.port, self.ready = process.free_port(), ready
        folder.mkdir(parents=True, exist_ok=True)
        pack(folder / "zonegate.bundle", policies)
        environment = {"PROVIDER": "powerdns", "ACCOUNT": "main", "CREDENTIAL": f"X-API-Key: {server.key}",
                       "UPSTREAM": f"http://{server.host}:{server.api_port}", "PORT": str(self.port), **settings}
        argv, environment = getattr(self, "_" + kind.replace("-", "_"))(folder, environment)
        self.program = process.Program(f"the gate in {kind}", argv, folder / "gate.log", environment)
        self.program.wait_until(self._ready, "waiting for it to be ready", READY_SECONDS_MAX)

    def _python(self, folder: Path, environment: dict) -> tuple:
        """The ASGI application under uvicorn."""
        search = os.pathsep.join(map(str, (paths.COMPONENT_HOSTS, EXAMPLES / "python")))
        argv = [paths.VENV / "bin" / "python", "-m", "uvicorn", "gate:app", "--host", "127.0.0.1", "--port", self.port,
                "--no-access-log", "--no-server-header", "--no-proxy-headers"]
        more = {"PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1", "COMPONENT": str(paths.COMPONENT)}
        return argv, environment | more | {"BUNDLE": str(folder / "zonegate.bundle")}

    def _node(self, folder: Path, environment: dict) -> tuple:
        """The reverse proxy in Node."""
        more = {"ENGINE": str(transpiled()), "BUNDLE": str(folder / "zonegate.bundle")}
        return [paths.NODE, EXAMPLES / "node" / "gate.mjs"], environment | more

    def _wasi_http(self, folder: Path, environment: dict) -> tuple:
        """`wasmtime serve` of WASI 0.2."""
        return self._served(folder, environment, paths.HTTP_GATE, "-S", "cli")

    def _middleware(self, folder: Path, environment: dict) -> tuple:
        """`wasmtime serve` of WASI 0.3; the service behind the middleware adds the credential."""
        names = {"CREDENTIAL": "PROVIDER_CREDENTIAL", "GATE_CREDENTIAL": "CREDENTIAL"}
        settings = {names.get(name, name): value for name, value in environment.items()}
        return self._served(folder, settings, composed(), "-S", "p3,cli", "-W", "component-model-async=y")

    def _served(self, folder: Path, environment: dict, component: Path, *options) -> tuple:
        """`wasmtime serve`; the gate sees the folder of the bundle and nothing else."""
        client = {} if "CLIENT_HEADER" in environment else {"CLIENT": "127.0.0.1"}
        settings = {"BUNDLE": "/zonegate.bundle"} | client | environment
        argv = [paths.WASMTIME, "serve", *options, "--addr", f"127.0.0.1:{self.port}", "--dir", f"{folder}::/",
                "--max-instance-reuse-count", 1000]
        for name, value in settings.items():
            argv += ["--env", f"{name}={value}"]
        return [*argv, component], {}

    def _ready(self) -> bool:
        """Whether it answers for itself."""
        try:
            return self.ask("GET", "/.zonegate/ready").status == self.ready
        except OSError:
            return False

    def ask(self, method: str, path: str, key: str | None = None, body=None, headers: dict | None = None) -> web.Answer:
        """One request to the gate."""
        return web.ask(self.port, method, path, key=key, body=body, headers=headers, timeout=60)

    def records(self) -> list:
        """The audit records that it has written, as text."""
        return [line for line in self.program.output().splitlines() if '"decision"' in line]

    def stop(self) -> None:
        """Stops it."""
        self.program.stop()
