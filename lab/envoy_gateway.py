"""What Envoy Gateway makes of envoy/envoy-gateway.yaml: the Gateway's listener, with the patches of the EnvoyPatchPolicy in it.

Envoy Gateway itself cannot be had here. This follows its source (envoyproxy/gateway, 1.9): the listener is that of its own
expected outputs (`internal/xds/translator/testdata/out/xds-ir/simple-tls.listeners.yaml`), the names are those of
`internal/gatewayapi/helpers.go`, and the patches are applied as `internal/xds/translator/jsonpatch.go` does: each by itself,
after everything else, and one that fails is left out. Here that, and one that finds nothing to patch, is an error.
"""

import copy

from . import mesh, paths, term

MANIFEST = paths.ROOT / "envoy" / "envoy-gateway.yaml"
"""The manifest."""

KINDS = {"envoy.config.listener.v3.Listener": "listeners", "envoy.config.cluster.v3.Cluster": "clusters"}
"""What can be patched here."""


def documents(text: str | None = None) -> list:
    """The documents of the manifest, or of another text."""
    return mesh.documents(text or MANIFEST.read_text())


def deployment(manifest: list) -> dict:
    """What the EnvoyProxy says of Envoy's Deployment."""
    return mesh.the(manifest, "EnvoyProxy")["spec"]["provider"]["kubernetes"]["envoyDeployment"]


def volumes(manifest: list) -> list:
    """The volumes of Envoy's pod."""
    return deployment(manifest)["pod"]["volumes"]


def mounts(manifest: list) -> dict:
    """Where Envoy's container has which volume: path to the volume's name."""
    return mesh.mounted(deployment(manifest)["container"])


def route_name(manifest: list) -> str:
    """The name of the listener and of its routes."""
    gateway = mesh.the(manifest, "Gateway")
    listener, = gateway["spec"]["listeners"]
    return f"{gateway['metadata']['namespace']}/{gateway['metadata']['name']}/{listener['name']}"


def generated(manifest: list, _mesh=None) -> dict:
    """What Envoy Gateway makes of everything but the EnvoyPatchPolicy: no route leads anywhere, no cluster has a credential."""
    gateway = mesh.the(manifest, "Gateway")
    listener, = gateway["spec"]["listeners"]
    parameters = gateway["spec"]["infrastructure"]["parametersRef"]
    if parameters != {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": mesh.the(manifest, "EnvoyProxy")["metadata"]["name"]}:
        raise term.fail("the Gateway must have the manifest's EnvoyProxy")
    if listener["protocol"] != "HTTPS" or listener["tls"]["mode"] != "Terminate" or "hostname" in listener or listener["port"] >= 1024:
        raise term.fail("only an HTTPS listener for all hosts, on a low port, is followed here")
    if {each["kind"] for each in manifest} - {"GatewayClass", "EnvoyProxy", "Gateway", "EnvoyPatchPolicy"}:
        raise term.fail("what Envoy Gateway makes of other resources is not followed here")
    port, name = listener["port"] + 10000, route_name(manifest)
    ads = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    manager = {
        "@type": mesh.HCM, "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"},
        "http2_protocol_options": {"initial_connection_window_size": 1048576, "initial_stream_window_size": 65536,
                                   "max_concurrent_streams": 100},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": f"{mesh.TYPES}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True}}],
        "merge_slashes": True, "normalize_path": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "rds": {"config_source": ads, "route_config_name": name},
        "server_header_transformation": "PASS_THROUGH", "stat_prefix": f"https-{port}", "use_remote_address": True,
    }
    secrets = [{"name": f"{gateway['metadata']['namespace']}/{each['name']}", "sds_config": ads} for each in listener["tls"]["certificateRefs"]]
    return {"static_resources": {"clusters": [], "listeners": [{
        "name": name, "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
        "per_connection_buffer_limit_bytes": 32768, "max_connections_to_accept_per_socket_event": 1,
        "filter_chains": [{
            "name": name, "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
                "@type": f"{mesh.TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_certificate_sds_secret_configs": secrets},
                "disable_stateful_session_resumption": True, "disable_stateless_session_resumption": True}}}]}]}}


def apply(resources: list, patch: dict) -> None:
    """One JSON patch (RFC 6902): `add` of a whole resource, `add` or `replace` of a part of a named one."""
    operation = patch["operation"]
    path, value = operation["path"], copy.deepcopy(operation["value"])
    if operation["op"] == "add" and path == "":
        if value["name"] != patch["name"] or patch["name"] in [each["name"] for each in resources]:
            raise term.fail(f"{patch['name']} is added twice, or under another name")
        resources.append(value)
        return
    target, = (each for each in resources if each["name"] == patch["name"])
    *way, last = path.removeprefix("/").split("/")
    for step in way:
        target = target[int(step)] if isinstance(target, list) else target[step]
    if operation["op"] not in ("add", "replace") or not isinstance(target, dict) or (operation["op"] == "replace" and last not in target):
        raise term.fail(f"a patch that is not followed here: {operation['op']} {path}")
    target[last] = value


def configuration(manifest: list, _mesh=None, without: int | None = None) -> dict:
    """Listeners and clusters of the Gateway; `without` leaves one operation of the EnvoyPatchPolicy out."""
    policy, gateway, made = mesh.the(manifest, "EnvoyPatchPolicy"), mesh.the(manifest, "Gateway"), generated(manifest)
    wanted = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway["metadata"]["name"]}
    if policy["spec"]["targetRef"] != wanted or policy["spec"]["type"] != "JSONPatch":
        raise term.fail("the EnvoyPatchPolicy must be for the Gateway")
    if len({each["metadata"]["namespace"] for each in (policy, gateway, mesh.the(manifest, "EnvoyProxy"))}) != 1:
        raise term.fail("Gateway, EnvoyProxy and EnvoyPatchPolicy belong into one namespace")
    for number, each in enumerate(patches(manifest)):
        if number != without:
            apply(made["static_resources"][KINDS[each["type"].removeprefix("type.googleapis.com/")]], each)
    return made


def probe(manifest: list) -> dict:
    """How the kubelet asks whether the gate is ready."""
    container, = deployment(manifest)["patch"]["value"]["spec"]["template"]["spec"]["containers"]
    return container["readinessProbe"]["httpGet"]


def patches(manifest: list) -> list:
    """The operations of the EnvoyPatchPolicy."""
    return mesh.the(manifest, "EnvoyPatchPolicy")["spec"]["jsonPatches"]
