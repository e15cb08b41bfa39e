"""What can stand where the gate stands: nothing, filters of Envoy's own, an authorisation server, the gate.

Each is the shipped Envoy configuration with the filter replaced, so that all else is the same.
"""

import json
import socket
import subprocess
from pathlib import Path

from .. import envoy, gate, paths, process, term

ZONES = "/api/v1/servers/localhost/zones/"
"""Where zones lie at PowerDNS."""

WIDE = {"max_connections: 8 ": "max_connections: 64 "}
"""A wide cluster: the limit that protects PowerDNS would measure waiting."""

_TYPES = "type.googleapis.com/envoy.extensions.filters.http."

_EXT_AUTHZ = """\
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              with_request_body: { max_request_bytes: 2097152 }
              allowed_headers: { patterns: [ { exact: x-api-key }, { exact: content-type } ] }
              http_service: { server_uri: { uri: http://authz, cluster: authz, timeout: 30s } }
"""

_AUTHZ_CLUSTER = """\
  - name: authz
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: authz
      endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: PORT } } } } ] } ]

# Metrics:"""

_LUA = """\
-- The keys as they are, because this filter has no digests: key and zone, a pair in each line.
local zone_of = {}
for key, zone in ([==[
KEYS]==]):gmatch("(%S+) (%S+)\\n") do zone_of[key] = zone end
local types = { A = true, AAAA = true, CNAME = true, MX = true, SRV = true }

local function may(handle)
  local headers = handle:headers()
  local zone = zone_of[headers:get("x-api-key") or ""]
  if not zone or headers:get(":path") ~= "ZONES" .. zone .. "." then return false end
  local method = headers:get(":method")
  if method == "GET" then return true end
  if method ~= "PATCH" then return false end
  -- There is no JSON here. What looks like a name or a type is looked at, wherever it stands.
  local body = handle:body()
  local text = body and body:getBytes(0, body:length()) or ""
  local suffix = "." .. zone .. "."
  for name in text:gmatch('"name"%s*:%s*"([^"]*)"') do
    if name:sub(-#suffix) ~= suffix then return false end
  end
  for kind in text:gmatch('"type"%s*:%s*"([^"]*)"') do
    if not types[kind] then return false end
  end
  return true
end

function envoy_on_request(handle)
  if not may(handle) then handle:respond({ [":status"] = "403" }, "") end
end
"""


def _filter_part() -> str:
    """The part of the shipped configuration that is the gate."""
    text = (paths.ROOT / "envoy" / "envoy.yaml").read_text()
    return text[text.index("          # The gate. Its code"):text.index("          - name: envoy.filters.http.router")]


def none(folder: Path, upstream) -> envoy.Envoy:
    """No filter at all."""
    return envoy.Envoy(folder, upstream.port, "any", changes={**WIDE, _filter_part(): ""}).start()


def noop(folder: Path, upstream, *options: str) -> envoy.Envoy:
    """A filter that makes the same calls to the host and decides nothing, built with the same optimisation as the real one."""
    made = envoy.Envoy(folder, upstream.port, "any", changes=WIDE)
    packed(made.bundle, paths.ROOT / "policies")
    document = json.loads(made.bundle.read_text())
    config = document["resources"][0]["typed_config"]["config"]
    del config["configuration"]
    module = folder / "noop.wasm"
    subprocess.run(["rustc", "--edition", "2024", "--target", "wasm32-wasip1", "-O", "-C", "panic=abort", "-C", "strip=debuginfo",
                    "--check-cfg", "cfg(hostcalls, lookups)", *options, "--crate-type", "cdylib", "-o", module, paths.ROOT / "lab" / "bench" / "noop.rs"], check=True)
    config["vm_config"]["code"]["local"]["filename"] = str(module)
    made.write_bundle(json.dumps(document))
    return made.start()


def zonegate(folder: Path, upstream, bundle: Path | None = None, workers: int = 1) -> envoy.Envoy:
    """The gate itself, with this discovery file (the shipped policies without one), ready."""
    made = envoy.Envoy(folder, upstream.port, "any", changes=WIDE, workers=workers)
    if bundle:
        made.write_bundle(bundle.read_text())
    else:
        packed(made.bundle, paths.ROOT / "policies")
    return made.start().wait_ready()


def ext_authz(folder: Path, upstream, port: int) -> envoy.Envoy:
    """Envoy asks the authorisation server on this port, with the body."""
    changes = {**WIDE, _filter_part(): _EXT_AUTHZ, "# Metrics:": _AUTHZ_CLUSTER.replace("PORT", str(port))}
    return envoy.Envoy(folder, upstream.port, "any", changes=changes).start()


def _discovered(folder: Path, upstream, kind: str, config: dict) -> envoy.Envoy:
    """A filter of Envoy's own, from the file that the gate would come from."""
    made = envoy.Envoy(folder, upstream.port, "any", changes={**WIDE, f"{_TYPES}wasm.v3.Wasm": f"{_TYPES}{kind}"})
    typed = {"@type": f"{_TYPES}{kind}", **config}
    resource = {"@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", "name": "zonegate",
                "typed_config": typed}
    made.write_bundle(json.dumps({"version_info": "1", "resources": [resource]}))
    return made.start()


def lua(folder: Path, upstream, keys: list) -> envoy.Envoy:
    """Envoy's Lua filter: a table of keys, the path, and what can be made out of the body."""
    listed = "".join(f"{key.text} {key.team.zone}\n" for key in keys)
    code = _LUA.replace("ZONES", ZONES).replace("KEYS", listed)
    return _discovered(folder, upstream, "lua.v3.Lua", {"default_source_code": {"inline_string": code}})


def _header(name: str, value: str) -> dict:
    """A header that has this value."""
    return {"header": {"name": name, "string_match": {"exact": value}}}


def rbac(folder: Path, upstream, keys: list) -> envoy.Envoy:
    """Envoy's RBAC filter with a policy for each key: its text, its zone's path, two methods."""
    methods = {"or_rules": {"rules": [_header(":method", "GET"), _header(":method", "PATCH")]}}
    policies = {key.id: {
        "permissions": [{"and_rules": {"rules": [{"url_path": {"path": {"prefix": f"{ZONES}{key.team.zone}."}}}, methods]}}],
        "principals": [_header("x-api-key", key.text)],
    } for key in keys}
    return _discovered(folder, upstream, "rbac.v3.RBAC", {"rules": {"action": "ALLOW", "policies": policies}})


def _input(name: str) -> dict:
    """What a matcher looks at: a header."""
    kind = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
    return {"name": "header", "typed_config": {"@type": kind, "header_name": name}}


def rbac_matcher(folder: Path, upstream, keys: list) -> envoy.Envoy:
    """The same with a matcher that finds the key in a hash map."""
    def judged(key) -> dict:
        """What becomes of a key's requests."""
        action = {"@type": "type.googleapis.com/envoy.config.rbac.v3.Action", "name": key.id, "action": "ALLOW"}
        path = {"single_predicate": {"input": _input(":path"), "value_match": {"prefix": f"{ZONES}{key.team.zone}."}}}
        methods = [{"single_predicate": {"input": _input(":method"), "value_match": {"exact": each}}}
                   for each in ("GET", "PATCH")]
        predicate = {"and_matcher": {"predicate": [path, {"or_matcher": {"predicate": methods}}]}}
        allow = {"action": {"name": "allow", "typed_config": action}}
        return {"matcher": {"matcher_list": {"matchers": [{"predicate": predicate, "on_match": allow}]}}}

    tree = {"input": _input("x-api-key"), "exact_match_map": {"map": {key.text: judged(key) for key in keys}}}
    return _discovered(folder, upstream, "rbac.v3.RBAC", {"matcher": {"matcher_tree": tree}})


def packed(output: Path, policies: Path, command: Path = paths.OPTIMISED) -> str:
    """Packs a folder, or ends with what is wrong with it; returns the digest."""
    done = gate.pack(output, policies, command)
    if done.returncode:
        raise term.fail(f"{policies} cannot be packed:\n{done.stdout}{done.stderr}")
    return done.stdout.split(": ", 1)[1].split(",")[0]


class PolicyServer:
    """An authorisation server that evaluates the same policies natively; see lab/policy-server."""

    def __init__(self, folder: Path, kind: str, place: Path):
        """Starts it and waits until it listens."""
        self.port = process.free_port()
        self.program = process.Program("policy server", [_server_binary(), self.port, kind, place],
                                       folder / f"policy-server-{self.port}.log")
        self.program.wait_until(self._listens, "waiting until it listens", 120)

    def _listens(self) -> bool:
        """Whether it does."""
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Stops it."""
        self.program.stop()


def build_server() -> None:
    """Builds the policy server at the highest level of optimisation."""
    if subprocess.call(["cargo", "build", "--profile", "native", "--locked", "--quiet", "-p", "zonegate-policy-server"],
                       cwd=paths.ROOT):
        raise term.fail("the policy server cannot be built; cargo's message is above")


def _server_binary() -> Path:
    """Where Cargo leaves it."""
    return paths.TARGET / "native" / "zonegate-policy-server"
