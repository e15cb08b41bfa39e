"""`make run`: everything at once, with demo zones, demo policies and demo keys, until Ctrl-C."""

import json
import os
import shlex
import signal
import subprocess
import threading
import tomllib
from pathlib import Path

from . import gate, install, paths, powerdns, process, term

DEFAULT_PORT = 8053
"""The gate's port; PowerDNS's API gets the next one and its DNS the one after that."""

KEYS_SHOWN = ("demoacmezone", "demoacmehost", "demoddns0001", "demozoneedit", "demoauditor1", "demoallzones")
"""The demo keys that are printed; policies/cases/demo-keys.toml has the others."""


def _ports() -> tuple:
    """The three ports, or an error that says how to choose others."""
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 1 <= int(text) <= 65533:
        raise term.fail(f"PORT={text} is not a port between 1 and 65533.")
    first = process.require_free(int(text), "the gate")
    if os.environ.get("UPSTREAM"):
        return first, 0, 0
    return first, process.require_free(first + 1, "the PowerDNS API"), process.require_free(first + 2, "DNS")


def _folder() -> Path:
    """Where this run keeps its things: one folder for each PORT, so that two runs do not meet."""
    return paths.RUN.with_name(f"run-{os.environ['PORT']}") if os.environ.get("PORT") else paths.RUN


def _watch(envoy) -> process.Program:
    """`zonegate watch`: edits of policies/ go live when they are saved, and bad ones are reported."""
    return process.Program("zonegate watch", [
        paths.COMMAND, "watch", paths.ROOT / "policies", "--demo", "--wasm", paths.FILTER, "--output", envoy.bundle],
        envoy.folder / "watch.log", {"NO_COLOR": "1"})


def _stop_on_signals() -> threading.Event:
    """An event that Ctrl-C or SIGTERM sets."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    return over


def run(check: bool) -> int:
    """Starts everything, says how to use it, and waits for Ctrl-C; with `check` tries what it prints instead."""
    gate_port, api_port, dns_port = _ports()
    if os.environ.get("UPSTREAM"):
        powerdns.from_environment(_folder())   # says what is wrong with it before anything is built
    install.setup(for_tests=False)
    term.say("Building the filter and the `zonegate` command (the first time takes a few minutes) ...")
    gate.build()
    over, folder = _stop_on_signals(), _folder()
    running: list = []
    steps = term.Steps(2)
    try:
        with steps.step("PowerDNS with demo zones"):
            server = powerdns.from_environment(folder / "pdns", api_port, dns_port)
            running.append(server)
            gate.fill(server)
        with steps.step("Envoy with the demo policies"):
            envoy = gate.start(server, folder, port=gate_port)
            running.append(envoy)
        _print_guide(server, envoy)
        if check:
            return _try_requests(envoy)
        watch = _watch(envoy)
        running.append(watch)
        _wait(over, running, watch)
        term.say("\nStopping.")
        return 0
    finally:
        for each in reversed(running):
            each.stop()


def _wait(over: threading.Event, running: list, watch: process.Program) -> None:
    """Waits for the end, and shows what `zonegate watch` says; an error if a program ends by itself."""
    shown = 0
    while not over.wait(0.3):
        text = watch.output()
        if len(text) > shown:
            term.say(text[shown:].rstrip())
            shown = len(text)
        for program in [each if isinstance(each, process.Program) else getattr(each, "program", None) for each in running]:
            if program and not program.runs():
                raise term.fail(f"{program.name} ended by itself; see {program.log}.")


def requests(envoy) -> list:
    """The three requests that are printed: (what it shows, expected status, curl arguments)."""
    keys = gate.demo_keys()
    key = keys["demoacmezone"]
    base = f"http://127.0.0.1:{envoy.port}"
    zone = f"{base}/api/v1/servers/localhost/zones/example.com."

    def patch(name: str, kind: str, value: str) -> list:
        """curl's arguments for writing one record."""
        change = {"rrsets": [{"name": name, "type": kind, "ttl": 60, "changetype": "REPLACE",
                              "records": [{"content": value, "disabled": False}]}]}
        return ["-X", "PATCH", "-H", f"X-API-Key: {key}", zone, "-d", json.dumps(change, separators=(",", ":"))]

    return [
        ("allowed: an ACME key writes its challenge", 204,
         patch("_acme-challenge.www.example.com.", "TXT", '"a-token"')),
        ("denied: the same key touches a web server's address", 403, patch("www.example.com.", "A", "192.0.2.66")),
        ("what this key may do", 200, ["-H", f"X-API-Key: {key}", f"{base}/.zonegate/whoami"]),
    ]


def _print_guide(server, envoy) -> None:
    """Prints the addresses, the demo keys and the requests to try."""
    dns = f"127.0.0.1:{server.dns_port}" if server.dns_port else "of the existing PowerDNS"
    rows = [("gate", f"http://127.0.0.1:{envoy.port}"),
            ("PowerDNS API", f"http://{server.host}:{server.api_port}  (its real credential stays behind the gate)"),
            ("DNS", dns), ("audit log", str(envoy.audit)), ("admin socket", str(envoy.admin)),
            ("policies", f"{paths.ROOT / 'policies'}  (edit them: they are live when saved)")]
    term.say()
    for name, value in rows:
        term.say(f"  {term.paint(name.ljust(14), 'bold')}{value}")
    keys = gate.demo_keys()
    told = {key["id"]: key["description"] for key in tomllib.loads((paths.ROOT / "policies" / "keys.toml").read_text())["key"]}
    term.say(f"\n  {term.paint('Demo keys', 'bold')} (public, for this demo only; all of them: policies/cases/demo-keys.toml)")
    for name in KEYS_SHOWN:
        term.say(f"  {term.paint(keys[name], 'blue')}  {told[name]}")
    for title, status, arguments in requests(envoy):
        term.say(f"\n  {term.paint(title, 'bold')} {term.paint(f'(expect {status})', 'dim')}")
        term.say("  curl -i " + " ".join(shlex.quote(word) for word in arguments))
    term.say(f"\nReady. {term.paint('Ctrl-C stops everything.', 'dim')}")


def _try_requests(envoy) -> int:
    """Runs the printed requests with the real curl and compares their status."""
    wrong = 0
    for title, expected, arguments in requests(envoy):
        done = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", *arguments],
                              capture_output=True, text=True, check=False)
        body, _, status = done.stdout.rpartition("\n")
        good = status == str(expected)
        wrong += not good
        term.say(f"{'ok    ' if good else 'WRONG '} {status} {title} {body[:200]}")
    return 1 if wrong else 0
