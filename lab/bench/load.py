"""Closed-loop load by wrk: what it asks, and what came of it."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .. import term


@dataclass(frozen=True)
class Taken:
    """What one run has shown."""

    cpu_us: float
    """CPU time per request, of all the programs that count, in microseconds."""

    rate: float
    """Requests per second."""

    p50_us: float
    """Half of the requests took at most this, in microseconds."""

    p99_us: float
    """All but one of a hundred did."""


@dataclass(frozen=True)
class Measure:
    """One thing that is measured: what is asked, of whom, and whose CPU time counts."""

    work: str
    name: str
    programs: tuple
    port: int
    script: Path
    path: str = "/"
    seconds: int = 4
    connections: int = 8

    def take(self) -> Taken:
        """Runs it once."""
        before = sum(each.cpu_seconds() for each in self.programs)
        out = self._wrk()
        spent = sum(each.cpu_seconds() for each in self.programs) - before
        count = int(re.search(r"(\d+) requests in", out)[1])
        if not count or "Non-2xx" in out or "Socket errors" in out:
            raise term.fail(f"{self.work}, {self.name}: the load generator met errors:\n{out}")
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
        return Taken(spent / count * 1e6, rate, _latency(out, 50), _latency(out, 99))

    def _wrk(self) -> str:
        """What the load generator says."""
        return subprocess.run(["wrk", "-t1", f"-c{self.connections}", f"-d{self.seconds}s", "--timeout", "30s", "--latency",
                               "-s", self.script, f"http://127.0.0.1:{self.port}{self.path}"],
                              capture_output=True, text=True, check=True).stdout


def _latency(out: str, percent: int) -> float:
    """A percentile in microseconds."""
    found = re.search(rf" {percent}%\s+([\d.]+)(us|ms|s|m)\s", out)
    return float(found[1]) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}[found[2]]


def script(folder: Path, name: str, headers: dict, method: str = "GET", body: str | None = None) -> Path:
    """A wrk script that makes one request again and again."""
    file = folder / f"{name}.lua"
    lines = [f'wrk.method = "{method}"']
    lines += [f"wrk.headers[{json.dumps(each)}] = {json.dumps(value)}" for each, value in headers.items()]
    if body is not None:
        lines += [f"wrk.body = {json.dumps(body)}"]
    file.write_text("\n".join(lines) + "\n")
    return file


_IN_TURN = """\
local made, at = {}, 0
function init()
  for key, path, body in (%s):gmatch("(%%S+) (%%S+) ([^\\n]*)\\n") do
    local headers = { ["X-API-Key"] = key }
    if body == "" then body = nil else headers["Content-Type"] = "application/json" end
    made[#made + 1] = wrk.format("%s", path, headers, body)
  end
end
function request()
  at = at %% #made + 1
  return made[at]
end
"""


def script_in_turn(file: Path, method: str, requests: list) -> Path:
    """A wrk script that makes these requests in turn: each is a key, a path, and a body or an empty text."""
    listed = "".join(f"{key} {path} {body}\n" for key, path, body in requests)
    file.write_text(_IN_TURN % (f"[==[\n{listed}]==]", method))
    return file
