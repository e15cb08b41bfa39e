"""`make bench`: what the gate costs Envoy, side by side in one run with no filter, a no-op filter and `ext_authz`.

The measure is CPU time of Envoy per request (of Envoy and the authorisation server together for `ext_authz`), against
a fast local upstream, because rates on a shared machine say little and PowerDNS's own cost would hide the rest.
Rounds are interleaved and the median is reported.
"""

import json
import re
import shutil
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import envoy, gate, many, paths, process, term

ROUNDS, SECONDS, CONNECTIONS = 5, 4, 8
"""How often and how long each pair is measured, and with how many connections."""

ZONE_PATH = "/api/v1/servers/localhost/zones/example.com."
"""What is asked for."""

LISTING_PATH = "/api/v1/servers/localhost/zones"
"""Where the zones are listed."""

PATCH, GET = "PATCH one record", "GET a zone of 20 records, filtered"
CREATE, DELETE_BY_NAME = "create an rrset (Gandi), no lookup", "delete an rrset (Gandi), no lookup"
DELETE_BY_ID = "delete by id (DigitalOcean), 1 lookup"
"""What is measured."""

_DIRECT = """
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: fast
          http_filters:
          # Without it Envoy's direct answers close the connection on requests with a body.
          - name: envoy.filters.http.buffer
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 4194304 }}
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
          route_config:
            virtual_hosts:
            - name: fast
              domains: [ "*" ]
              routes:
{routes}
"""

_BODILESS = """\
              - match: {{ prefix: /, headers: [ {{ name: ":method", string_match: {{ exact: {method} }} }} ] }}
                direct_response: {{ status: {status} }}"""

_WITH_BODY = """\
              - match: {{ prefix: /, headers: [ {{ name: ":method", string_match: {{ exact: {method} }} }} ] }}
                direct_response: {{ status: {status}, body: {{ inline_string: {body} }} }}
                response_headers_to_add: [ {{ header: {{ key: content-type, value: application/json }}, append_action: OVERWRITE_IF_EXISTS_OR_ADD }} ]"""

_NO_FILTER = ""

_EXT_AUTHZ = """\
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              with_request_body: { max_request_bytes: 2097152 }
              http_service: { server_uri: { uri: http://authz, cluster: authz, timeout: 5s } }
"""

_AUTHZ_CLUSTER = """\
  - name: authz
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: authz
      endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: PORT } } } } ] } ]

# Metrics:"""


def _zone(name: str, records: int) -> dict:
    """A zone as PowerDNS shows it, with so many records."""
    rrsets = [{"comments": [], "name": f"host{number}.{name}", "records": [{"content": f"192.0.2.{number}", "disabled": False}],
               "ttl": 300, "type": "A"} for number in range(records)]
    return {"account": "", "id": name, "kind": "Native", "name": name, "rrsets": rrsets, "serial": 1,
            "url": f"/api/v1/servers/localhost/zones/{name}"}


class _Fast:
    """An Envoy that answers everything at once: the upstream, and the authorisation server."""

    def __init__(self, folder: Path, answers: dict):
        """Starts it with an answer for each method: a status, and a body or none."""
        self.port, self.host, self.key = process.free_port(), "127.0.0.1", "any"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "fast.yaml"
        routes = [(_BODILESS if body is None else _WITH_BODY).format(method=method, status=status, body=json.dumps(body))
                  for method, (status, body) in answers.items()]
        file.write_text(_DIRECT.format(port=self.port, routes="\n".join(routes)))
        self.program = process.Program("fast upstream", [
            paths.envoy_binary(), "-c", file, "--disable-hot-restart", "--concurrency", 1, "--log-level", "error"],
            folder / "fast.log")
        self.program.wait_until(self._answers, "waiting for its first answer")

    @property
    def api_port(self) -> int:
        """Where it listens."""
        return self.port

    def _answers(self) -> bool:
        """Whether it answers."""
        import http.client
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def stop(self) -> None:
        """Stops it."""
        self.program.stop()


def _noop_module(folder: Path) -> Path:
    """Builds the no-op filter with the same optimisation as the real one."""
    module = folder / "bench_noop.wasm"
    subprocess.run(["rustc", "--edition", "2024", "--target", "wasm32-wasip1", "-O", "-C", "panic=abort", "-C", "strip=debuginfo",
                    "--crate-type", "cdylib", "-o", module, paths.ROOT / "lab" / "bench_noop.rs"], check=True)
    return module


def _start_variants(folder: Path, upstream: _Fast, authz: _Fast) -> dict:
    """The four gates, by name."""
    text = (paths.ROOT / "envoy" / "envoy.yaml").read_text()
    begin = text.index("          # The gate. Its code")
    filter_part = text[begin:text.index("          - name: envoy.filters.http.router")]
    # A wide cluster: the limit that protects PowerDNS would measure waiting.
    wide = {"max_connections: 8 ": "max_connections: 64 "}
    variants = {
        "no filter": envoy.Envoy(folder / "none", upstream.port, "any", changes={**wide, filter_part: _NO_FILTER}),
        "no-op filter": envoy.Envoy(folder / "noop", upstream.port, "any", changes=wide),
        "Zonegate": envoy.Envoy(folder / "zonegate", upstream.port, "any", changes=wide),
        "ext_authz": envoy.Envoy(folder / "authz", upstream.port, "any", changes={
            **wide, filter_part: _EXT_AUTHZ, "# Metrics:": _AUTHZ_CLUSTER.replace("PORT", str(authz.port))}),
    }
    packed = gate.pack(variants["Zonegate"].bundle)
    if packed.returncode:
        raise term.fail(f"the demo policies cannot be packed:\n{packed.stdout}{packed.stderr}")
    noop = json.loads(variants["Zonegate"].bundle.read_text())
    noop["resources"][0]["typed_config"]["config"]["vm_config"]["code"]["local"]["filename"] = str(_noop_module(folder))
    variants["no-op filter"].write_bundle(json.dumps(noop))
    for variant in variants.values():
        variant.start()
    variants["Zonegate"].wait_ready()
    return variants


def _wrk(port: int, script: Path, path: str) -> tuple:
    """Runs the load generator: number of requests, requests per second, 99th percentile in ms."""
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", script,
                          f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise term.fail(f"the load generator met errors:\n{out}")
    latency = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    scale = {"us": 0.001, "ms": 1, "s": 1000}[latency[2]]
    return int(re.search(r"(\d+) requests in", out)[1]), float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), \
        float(latency[1]) * scale


def _script(folder: Path, name: str, headers: dict, method: str = "GET", body: str | None = None) -> Path:
    """A wrk script with these headers and this body."""
    file = folder / f"{name}.lua"
    lines = [f'wrk.method = "{method}"', *(f"wrk.headers[{json.dumps(each)}] = {json.dumps(value)}" for each, value in headers.items())]
    if body is not None:
        lines += [f"wrk.body = {json.dumps(body)}"]
    file.write_text("\n".join(lines) + "\n")
    return file


@dataclass(frozen=True)
class _Measure:
    """One thing that is measured: what is asked, of whom, and whose CPU time counts."""

    work: str
    name: str
    programs: tuple
    port: int
    script: Path
    path: str

    def take(self) -> tuple:
        """CPU time per request in microseconds, requests per second, 99th percentile in ms."""
        before = sum(each.cpu_seconds() for each in self.programs)
        count, rate, latency = _wrk(self.port, self.script, self.path)
        return (sum(each.cpu_seconds() for each in self.programs) - before) / count * 1e6, rate, latency


def _of_powerdns(folder: Path, variants: dict, authz: _Fast) -> list:
    """The two requests of PowerDNS, through each of the gates."""
    key = {"X-API-Key": gate.demo_keys()["demoallzones"]}
    change = json.dumps({"rrsets": [{"name": "www.example.com.", "type": "A", "ttl": 60, "changetype": "REPLACE",
                                     "records": [{"content": "192.0.2.80", "disabled": False}]}]}, separators=(",", ":"))
    works = {PATCH: _script(folder, "patch", key, "PATCH", change), GET: _script(folder, "get", key)}
    return [_Measure(work, name, (variant.program, authz.program) if name == "ext_authz" else (variant.program,),
                     variant.port, script, ZONE_PATH)
            for work, script in works.items() for name, variant in variants.items()]


def _of_providers(folder: Path, providers: many.Many) -> list:
    """Requests of other providers, through the gate: without a lookup, and with one."""
    key = {"Authorization": f"Bearer {gate.demo_keys()['demoanyall01']}"}
    rrset = json.dumps({"rrset_values": ["192.0.2.80"], "rrset_ttl": 300}, separators=(",", ":"))
    by_name = "/v5/livedns/domains/example.com/records/www/A"
    asked = [(CREATE, "gandi", by_name, "POST", rrset), (DELETE_BY_NAME, "gandi", by_name, "DELETE", None),
             (DELETE_BY_ID, "digitalocean", "/v2/domains/example.com/records/28448439", "DELETE", None)]
    return [_Measure(work, "Zonegate", (providers.program,), providers.ports[provider, "main"],
                     _script(folder, f"{provider}-{method.lower()}", key, method, body), path)
            for work, provider, path, method, body in asked]


def _start_providers(folder: Path) -> tuple:
    """The gate in front of two providers in the cloud, and what answers in their place."""
    record = {"id": 28448439, "type": "A", "name": "www", "data": "192.0.2.80", "priority": None, "port": None, "ttl": 300,
              "weight": None, "flags": None, "tag": None}
    upstreams = {
        "gandi": _Fast(folder / "gandi", {"POST": (201, '{"message":"DNS Record Created"}'), "DELETE": (204, None), "GET": (200, "{}")}),
        "digitalocean": _Fast(folder / "digitalocean", {"DELETE": (204, None), "GET": (200, json.dumps({"domain_record": record}))}),
    }
    made = many.Many(folder / "providers", [many.Account(name, "main", each.port, "any") for name, each in upstreams.items()], None)
    packed = gate.pack(made.bundle)
    if packed.returncode:
        raise term.fail(f"the demo policies cannot be packed:\n{packed.stdout}{packed.stderr}")
    made.start().wait_ready()
    return made, list(upstreams.values())


def run() -> int:
    """Measures and prints."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=paths.RUN if paths.RUN.exists() else paths.LAB))
    upstream = _Fast(folder / "upstream", {"PATCH": (204, None), "GET": (200, json.dumps(_zone("example.com.", 20)))})
    authz = _Fast(folder / "authorisation", {each: (200, "ok") for each in ("PATCH", "GET")})
    variants = _start_variants(folder, upstream, authz)
    providers, fast = _start_providers(folder)
    measures = _of_powerdns(folder, variants, authz) + _of_providers(folder, providers)
    found: dict = {}
    try:
        for round_number in range(ROUNDS):
            for each in measures:
                found.setdefault((each.work, each.name), []).append(each.take())
            term.say(f"round {round_number + 1} of {ROUNDS}")
    finally:
        for each in (*variants.values(), providers, upstream, authz, *fast):
            each.stop()
        shutil.rmtree(folder, ignore_errors=True)   # a million audit records
    medians = {key: tuple(statistics.median(column) for column in zip(*taken)) for key, taken in found.items()}
    _say(medians, list(variants))
    return 0


def _say(medians: dict, variants: list) -> None:
    """Prints the medians and how they stand to the goals."""
    term.say(f"\n1 worker, {CONNECTIONS} connections, median of {ROUNDS} rounds of {SECONDS} s")
    for work in (PATCH, GET):
        term.say(f"\n{work}\n  {'':14}{'CPU/request':>14}{'ratio':>8}{'requests/s':>12}{'p99':>10}")
        base = medians[work, "no-op filter"][0]
        for name in variants:
            cpu, rate, latency = medians[work, name]
            term.say(f"  {name:14}{cpu:11.1f} us{cpu / base:8.2f}{rate:12.0f}{latency:7.2f} ms")
        ours, other = medians[work, "Zonegate"][0], medians[work, "ext_authz"][0]
        term.say(f"  Zonegate is {ours / base:.2f} times the no-op filter (goal: at most 2) and {ours / other:.2f} times "
                 "ext_authz with its server (goal: at most 0.5)")
    patch = medians[PATCH, "Zonegate"][0]
    term.say(f"\nOther providers, through the gate\n  {'':36}{'CPU/request':>14}{'to the PATCH':>14}{'requests/s':>12}{'p99':>10}")
    for work in (CREATE, DELETE_BY_NAME, DELETE_BY_ID):
        cpu, rate, latency = medians[work, "Zonegate"]
        term.say(f"  {work:36}{cpu:11.1f} us{cpu / patch:14.2f}{rate:12.0f}{latency:7.2f} ms")
    create, lookup = (medians[work, "Zonegate"][0] for work in (CREATE, DELETE_BY_ID))
    without = medians[DELETE_BY_NAME, "Zonegate"][0]
    term.say(f"  a request without lookups costs {create / patch:.2f} times the PATCH of PowerDNS (goal: at most 1.1), "
             f"a lookup {lookup - without:.0f} us (goal: at most 100)")
