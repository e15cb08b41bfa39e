"""What each call to the host costs a filter in Envoy, for a PATCH of one record."""

import json
import shutil
import tempfile
from pathlib import Path

from .. import gate, paths, term
from . import demo, fast, gates
from .table import Table

TIMES = {"look at the clock": 4, "publish a short value": 2, "read the header map": 2, "put the header map back": 2}
"""How often a PATCH makes a call, where it is not once; header maps are those of request and response."""


def run() -> None:
    """Measures and prints."""
    folder = Path(tempfile.mkdtemp(prefix="hostcalls-", dir=paths.RUN if paths.RUN.exists() else paths.LAB))
    running = []
    try:
        running.append(fast.Fast(folder / "upstream", {}))
        running.append(gates.noop(folder / "noop", running[0], "--cfg", "hostcalls"))
        answer = running[1].ask("PATCH", demo.ZONE_PATH, key=gate.demo_keys()["demoallzones"],
                                body=json.dumps(demo.CHANGE, separators=(",", ":")).encode())
        assert answer.status == 200, answer
        _say([line.split("\t") for line in answer.text.splitlines()])
    finally:
        for each in reversed(running):
            each.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _say(calls: list) -> None:
    """Prints the calls with their sum."""
    table, total = Table("call to the host", "each", "times", "together"), 0
    for name, nanoseconds in calls:
        times = TIMES.get(name, 1)
        total += times * int(nanoseconds)
        table.add(name, f"{int(nanoseconds):,} ns", str(times), f"{times * int(nanoseconds):,} ns")
    table.add("all of a PATCH", "", "", f"{total:,} ns")
    term.say(table.text())
