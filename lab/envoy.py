"""Envoy of our own: one of the shipped configurations with the documented addresses and paths put elsewhere."""

import json
import os
import shutil
import struct
import tempfile
from pathlib import Path

from . import paths, process, term, web

SECRET = """\
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: powerdns-main
  generic_secret:
    secret: { inline_string: "%s" }
"""
"""The secret file that Envoy watches, as in envoy/secret.example.yaml."""


_ADDRESSES = {
    "envoy.yaml": ("address: 127.0.0.1, port_value: 8053", "address: 127.0.0.1, port_value: 8081"),
    "tls.yaml": ("address: 0.0.0.0, port_value: 8443", "address: 127.0.0.1, port_value: 8081"),
    "sidecar.yaml": ("address: 127.0.0.1, port_value: 8053", "address: dns-api.example.com, port_value: 443"),
}
"""The documented addresses of listener and provider in each shipped configuration."""


def adapt(text: str, changes: dict) -> str:
    """The configuration with each documented value replaced, in order; one that it does not have is an error."""
    adapted = text
    for documented, ours in changes.items():
        if documented not in text:
            raise term.fail(f"the lab replaces `{documented}`, which the Envoy configuration no longer has")
        adapted = adapted.replace(documented, ours)
    return adapted


class Envoy:
    """One running Envoy with a folder of its own: configuration, watched folders, log, audit log, admin socket."""

    def __init__(self, folder: Path, upstream_port: int, key: str, port: int = 0, host: str = "127.0.0.1",
                 workers: int = 1, clock: bool = False, trusted_hops: int = 0, changes: dict | None = None,
                 configuration: str = "envoy.yaml", log_flush_ms: int = 100):
        """Writes everything that Envoy needs but the bundle; `start` runs it."""
        self.folder, self.workers, self.log_flush_ms = folder, workers, log_flush_ms
        self.port = port or process.free_port()
        self.bundle = folder / "envoy.d" / "zonegate.json"
        self.secret = folder / "secrets" / "powerdns-main.yaml"
        self.audit = folder / "audit.log"
        self.clock_file = folder / "clock" if clock else None
        for part in (self.bundle, self.secret):
            part.parent.mkdir(parents=True, exist_ok=True)
        self.admin = folder / "admin.sock"
        if len(str(self.admin)) > 100:   # the address of a unix socket has room for 107 bytes
            self.admin = Path(tempfile.mkdtemp(prefix="zonegate-")) / "admin.sock"
        text = (paths.ROOT / "envoy" / configuration).read_text()
        listener, provider = _ADDRESSES[configuration]
        text = adapt(text, {
            **(changes or {}),
            listener: f"address: 127.0.0.1, port_value: {self.port}",
            provider: f"address: {host}, port_value: {upstream_port}",
            "/etc/zonegate/envoy.d": str(self.bundle.parent),
            "/etc/zonegate/secrets": str(self.secret.parent),
            "/run/zonegate/admin.sock": str(self.admin),
            "/dev/stdout": str(self.audit),
            "xff_num_trusted_hops: 0": f"xff_num_trusted_hops: {trusted_hops}",
        })
        self.configuration = folder / "envoy.yaml"
        self.configuration.write_text(text)
        self.rotate_secret(key)
        self.program = None

    def rotate_secret(self, key: str) -> None:
        """Replaces the real credential, as an operator would: by rename."""
        _replace(self.secret, SECRET % key, 0o600)

    def write_bundle(self, text: str) -> None:
        """Replaces the discovery file of the filter by this text."""
        _replace(self.bundle, text)

    def start(self, wait: bool = True) -> "Envoy":
        """Starts it and waits until it is live, which says nothing of the bundle: see `ready`."""
        environment = {}
        if self.clock_file:
            self.set_clock_offset(0)
            environment = {"LD_PRELOAD": str(paths.CLOCK_SHIM), "LAB_CLOCK_FILE": str(self.clock_file)}
        self.audit.unlink(missing_ok=True)
        argv = [paths.envoy_binary(), "-c", self.configuration, "--disable-hot-restart",
                "--concurrency", self.workers, "--log-level", "warning",
                "--file-flush-interval-msec", self.log_flush_ms]
        self.program = process.Program("Envoy", argv, self.folder / "envoy.log", environment)
        if wait:
            self.program.wait_until(self.live, "waiting for its admin socket to say LIVE", 60)
        return self

    def live(self) -> bool:
        """Whether Envoy itself is live."""
        try:
            return self.ask_admin("/ready").text.startswith("LIVE")
        except OSError:
            return False

    def ready(self) -> bool:
        """Whether the gate has a bundle and answers."""
        try:
            return self.ask("GET", "/.zonegate/ready").status == 200
        except OSError:
            return False

    def wait_ready(self) -> "Envoy":
        """Waits until the gate is ready."""
        self.program.wait_until(self.ready, "waiting for GET /.zonegate/ready to be 200", 30)
        return self

    def ask(self, method: str, path: str, **options) -> web.Answer:
        """One request through the gate."""
        return web.ask(self.port, method, path, **options)

    def ask_admin(self, target: str, method: str = "GET") -> web.Answer:
        """One request to Envoy's admin interface."""
        return web.ask_unix(self.admin, method, target)

    def counter(self, name: str) -> int:
        """One of Envoy's counters, by its full name; 0 if it was never touched."""
        text = self.ask_admin(f"/stats?filter=^{name}$").text.strip()
        return int(text.rsplit(": ", 1)[1]) if text else 0

    def set_clock_offset(self, seconds: float) -> None:
        """Moves the gate's wall clock to the true time plus this."""
        with self.clock_file.open("r+b" if self.clock_file.exists() else "w+b") as file:
            file.write(struct.pack("=q", int(seconds * 1e9)))

    def audit_records(self) -> list:
        """The audit log so far; Envoy writes it with a delay of up to 0.1 s."""
        if not self.audit.exists():
            return []
        return [json.loads(line) for line in self.audit.read_text().splitlines()]

    def stop(self) -> None:
        """Stops it."""
        if self.program:
            self.program.stop()
        if self.admin.parent != self.folder:
            shutil.rmtree(self.admin.parent, ignore_errors=True)


def _replace(file: Path, text: str, mode: int = 0o644) -> None:
    """Writes a file beside this one and renames it over this one, which is what Envoy watches for."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text)
    fresh.chmod(mode)
    os.replace(fresh, file)
