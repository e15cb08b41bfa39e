"""Every Envoy configuration that is shipped: read as data, and tried with `envoy --mode validate`."""

import json
import re
import subprocess

import pytest
import yaml

from lab import envoy, gate as whole, many as several, module, paths, tls

SHIPPED = sorted([*(paths.ROOT / "envoy").rglob("*.yaml"), *(paths.ROOT / "examples").rglob("*.yaml"),
                  *(paths.ROOT / "envoy").rglob("*.json"), *(paths.ROOT / "examples").rglob("*.json")])
"""All YAML and JSON files of envoy/ and examples/."""

HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
"""The type of an HTTP connection manager's settings."""


CALLBACKS = {"proxy_on_memory_allocate", "malloc", "_initialize", "_start", "proxy_on_done", "proxy_on_log",
             "proxy_on_delete", "proxy_on_http_call_response",
             *(f"proxy_on_{part}" for part in ("vm_start", "configure", "context_create")),
             *(f"proxy_on_{side}_{part}" for side in ("request", "response") for part in ("headers", "body", "trailers"))}
"""What Envoy calls in an HTTP filter; the SDK exports callbacks of other kinds of plugin too, which nobody calls."""


def documents(file) -> list:
    """The documents of a YAML or JSON file."""
    return list(yaml.safe_load_all(file.read_text()))


def walk(value):
    """All mappings in a document, from the outside in."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def bootstraps() -> list:
    """The shipped files that configure a whole Envoy, with their content."""
    found = [(file, document) for file in SHIPPED for document in documents(file)
             if isinstance(document, dict) and "static_resources" in document]
    assert len(found) >= 5
    return found


def managers(document) -> list:
    """All HTTP connection managers of a document."""
    return [each for each in walk(document) if each.get("@type") == HCM]


def internal(document, cluster: str) -> str | None:
    """The listener inside the same Envoy that a cluster leads to, if all its endpoints lead there."""
    settings = next(each for each in document["static_resources"]["clusters"] if each["name"] == cluster)
    addresses = [each["address"] for each in walk(settings["load_assignment"]) if "address" in each and isinstance(each["address"], dict)]
    names = {(each.get("envoy_internal_address") or {}).get("server_listener_name") for each in addresses
             if set(each) & {"envoy_internal_address", "socket_address", "pipe"}}
    return names.pop() if len(names) == 1 else None


def routes(manager) -> list:
    """All routes of a connection manager, each with its host."""
    return [(host, route) for host in manager["route_config"]["virtual_hosts"] for route in host["routes"]]


def is_proxy(document, manager) -> bool:
    """Whether a connection manager only hands on tunnels, all of them to listeners inside the same Envoy."""
    return all("connect_matcher" in route["match"] and internal(document, route["route"]["cluster"]) for _, route in routes(manager))


def gates(document) -> list:
    """The connection managers of a document that must have the gate: all but proxies."""
    found = [each for each in managers(document) if not is_proxy(document, each)]
    assert found
    return found


def is_router(http_filter) -> bool:
    """Whether an HTTP filter is the one that sends requests on, whatever it is called."""
    return http_filter.get("typed_config", {}).get("@type", "").endswith(".http.router.v3.Router")


def provider_clusters(document) -> list:
    """The clusters of a document that lead to a provider."""
    return [each for each in document["static_resources"]["clusters"] if not internal(document, each["name"])]


def name(pair) -> str:
    """A file's name, for pytest's output."""
    return str(pair[0].relative_to(paths.ROOT)) if isinstance(pair, tuple) else ""


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(paths.ROOT)))
def test_no_failure_policy_opens_the_gate(file):
    """A trapped filter answers 503; it never lets requests through."""
    text = file.read_text()
    assert "FAIL_OPEN" not in text.replace("never FAIL_OPEN", "")
    for each in (part for document in documents(file) for part in walk(document)):
        assert not each.get("fail_open") and each.get("failOpen") is not True
        assert each.get("failStrategy", "FAIL_RELOAD") == "FAIL_RELOAD"
        if "vm_config" in each:
            assert each["failure_policy"] == "FAIL_RELOAD"
            assert each["allow_on_headers_stop_iteration"] is True, "without it Envoy hangs where a body decides"


@pytest.mark.parametrize("pair", bootstraps(), ids=name)
def test_every_listener_has_the_gate(pair):
    """Paths are normalised, addresses are true, and the gate stands right before the router in every listener."""
    _, document = pair
    for manager in gates(document):
        filters = [each["name"] for each in manager["http_filters"]]
        assert is_router(manager["http_filters"][-1]) and "zonegate" in (filters[-2], filters[0]), filters
        gate = next(each for each in manager["http_filters"] if each["name"] == "zonegate")
        assert not gate.get("disabled") and not gate.get("is_optional")
        assert "default_config" not in gate["config_discovery"]
        assert manager["normalize_path"] is True and manager["merge_slashes"] is True
        assert manager["path_with_escaped_slashes_action"] == "REJECT_REQUEST"
        assert manager["common_http_protocol_options"]["headers_with_underscores_action"] == "REJECT_REQUEST"
        assert manager["use_remote_address"] is True and manager["skip_xff_append"] is True
        assert manager["xff_num_trusted_hops"] == 0
        assert manager["request_timeout"] == "30s" and manager["stream_idle_timeout"]
        assert "request_headers_to_add" not in manager["route_config"]


@pytest.mark.parametrize("pair", bootstraps(), ids=name)
def test_no_route_passes_the_gate_by(pair):
    """Each route says its provider and account, retries nothing, and switches no filter off."""
    _, document = pair
    for manager in gates(document):
        assert "typed_per_filter_config" not in manager["route_config"]
        for host, route in routes(manager):
            assert "typed_per_filter_config" not in host and "retry_policy" not in host
            assert "typed_per_filter_config" not in route
            facts = route["metadata"]["filter_metadata"]["zonegate"]
            assert facts["provider"] and facts["account"] and facts["cluster"] == route["route"]["cluster"]
            assert "retry_policy" not in route["route"] and "request_headers_to_add" not in route
            assert route["route"]["timeout"] == "30s"
    # Nothing else may forward at all: every network filter is an HTTP connection manager.
    for listener in document["static_resources"]["listeners"]:
        for chain in listener["filter_chains"]:
            assert [each["typed_config"]["@type"] for each in chain["filters"]] == [HCM]


@pytest.mark.parametrize("pair", bootstraps(), ids=name)
def test_every_cluster_gets_its_credential_and_nothing_else_does(pair):
    """The real credential is injected behind the decision; without one nothing goes up; off this machine only by TLS."""
    _, document = pair
    secrets = []
    for cluster in provider_clusters(document):
        options = cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
        *injectors, codec = options["http_filters"]
        assert injectors and codec["name"] == "envoy.filters.http.upstream_codec"
        for injector in injectors:
            settings = injector["typed_config"]
            assert settings["@type"].endswith("credential_injector.v3.CredentialInjector")
            assert settings["overwrite"] is True and settings["allow_request_without_credential"] is False
            assert "inline_string" not in str(settings), "the credential stands in the secret file, not here"
            secret = settings["credential"]["typed_config"]["credential"]
            assert secret["sds_config"]["path_config_source"]["path"] == f"/etc/zonegate/secrets/{secret['name']}.yaml"
            assert secret["name"].startswith(cluster["name"])
            secrets.append(secret["name"])
        addresses = [each["address"] for each in walk(cluster["load_assignment"]) if "port_value" in each]
        for address in addresses:
            if address != "127.0.0.1":
                context = cluster["transport_socket"]["typed_config"]
                checks = context["common_tls_context"]["validation_context"]
                assert checks["trusted_ca"] and context["sni"] == address
                assert checks["match_typed_subject_alt_names"] == [{"san_type": "DNS", "matcher": {"exact": address}}]
                assert not checks.get("allow_expired_certificate") and "trust_chain_verification" not in checks
    assert len(set(secrets)) == len(secrets), "two accounts with one credential"


@pytest.mark.parametrize("pair", bootstraps(), ids=name)
def test_a_provider_on_the_network_gets_its_own_name_as_host(pair):
    """Where hosts choose among routes, the provider is told the name that its certificate has, never the client's."""
    _, document = pair
    addresses = {cluster["name"]: [each["address"] for each in walk(cluster["load_assignment"]) if "port_value" in each]
                 for cluster in provider_clusters(document)}
    for manager in gates(document):
        several = len(manager["route_config"]["virtual_hosts"]) > 1
        for host, route in routes(manager):
            if several:
                assert "*" not in host["domains"]
                assert [route["route"]["host_rewrite_literal"]] == addresses[route["route"]["cluster"]]


@pytest.mark.parametrize("pair", bootstraps(), ids=name)
def test_a_proxy_leads_to_the_gate_and_nowhere_else(pair):
    """It takes CONNECT to named hosts, which all are hosts of a listener with the gate, and tells it who the client is."""
    _, document = pair
    listeners = {each["name"]: each for each in document["static_resources"]["listeners"]}
    for manager in managers(document):
        if not is_proxy(document, manager):
            continue
        assert [each["name"] for each in manager["http_filters"]] == ["envoy.filters.http.router"]
        for host, route in routes(manager):
            inner = listeners[internal(document, route["route"]["cluster"])]
            behind, = (each for each in gates(document) if each in list(walk(inner)))
            assert {f"{domain}:443" for each, _ in routes(behind) for domain in each["domains"]} == set(host["domains"])
            assert [each["name"] for each in inner["listener_filters"]] == ["envoy.filters.listener.proxy_protocol"]
            assert "address" not in inner, "reached by the proxy only: whoever else could connect would choose a client's address"


@pytest.mark.parametrize("pair", bootstraps(), ids=name)
def test_admin_is_a_private_unix_socket(pair):
    """Mode 0600, and no TCP."""
    _, document = pair
    assert set(document["admin"]["address"]) == {"pipe"}
    assert document["admin"]["address"]["pipe"]["mode"] == 0o600


@pytest.mark.parametrize("pair", bootstraps(), ids=name)
def test_the_audit_log_prints_no_header_that_could_hold_a_credential(pair):
    """Of the request's headers only the method; after the filter they hold the real credential."""
    file, _ = pair
    logged = [line for line in file.read_text().splitlines() if "%REQ" in line]
    assert logged
    for line in logged:
        assert line.replace("%REQ(:METHOD)%", "").count("%REQ") == 0, line
    assert "DYNAMIC_METADATA" not in file.read_text() and "%RESP(" not in file.read_text()


def test_the_variants_differ_only_where_they_say():
    """All have the same connection manager as envoy.yaml; those with several providers have other routes."""
    managed = {file.name if file.parent.name == "envoy" else file.parent.name: gates(document)[0] for file, document in bootstraps()}
    plain = managed.pop("envoy.yaml")
    assert managed.keys() == {"tls.yaml", "sidecar.yaml", "providers.yaml", "unmodified-clients"}
    assert managed["tls.yaml"] == managed["sidecar.yaml"] == plain
    for several in ("providers.yaml", "unmodified-clients"):
        assert {**managed[several], "route_config": None} == {**plain, "route_config": None}
        assert managed[several]["route_config"].keys() - plain["route_config"].keys() == {"ignore_port_in_host_matching"}


def test_envoy_holds_more_than_the_filter_does():
    """The listener's limit governs requests and responses alike, and lies above the filter's caps (2 and 16 MiB)."""
    for _, document in bootstraps():
        for listener in document["static_resources"]["listeners"]:
            if any(manager in list(walk(listener)) for manager in gates(document)):
                assert listener["per_connection_buffer_limit_bytes"] >= 18 * 1024 * 1024


def test_every_callback_of_the_filter_is_a_listed_capability(folder, built):
    """Envoy silently never calls an export that is not listed: for a request callback that would be a bypass."""
    bundle = folder / "capabilities.json"
    packed = whole.pack(bundle)
    assert packed.returncode == 0, packed.stdout + packed.stderr
    shipped = json.loads((paths.ROOT / "envoy" / "filter-template.json").read_text())
    for text in (json.loads(bundle.read_text()), shipped):
        listed = next(each["allowed_capabilities"] for each in walk(text) if "allowed_capabilities" in each)
        exported = set(module.exports(paths.FILTER))
        assert {each for each in CALLBACKS if each in exported} >= {"proxy_on_configure", "proxy_on_request_headers"}
        assert not {each for each in CALLBACKS if each in exported} - set(listed)
        # The SDK imports more than the filter calls; what is not listed is answered with an error.
        called = set(re.findall(r"fn (proxy_\w+)\(", (paths.ROOT / "filter" / "src" / "host.rs").read_text()))
        wasi = {each.split(".")[1] for each in module.imports(paths.FILTER) if each.startswith("wasi")}
        assert len(called) >= 8 and wasi
        assert not (called | wasi | {"proxy_http_call", "proxy_set_effective_context"}) - set(listed)


def test_the_command_writes_what_the_template_says(folder, built):
    """`zonegate bundle` and envoy/filter-template.json agree on everything but the digest, the file and the bundle."""
    bundle = folder / "template.json"
    packed = whole.pack(bundle)
    assert packed.returncode == 0, packed.stdout + packed.stderr

    def settings(text: str) -> dict:
        """The filter's settings without what differs by its nature."""
        resource = json.loads(text)["resources"][0]
        config = resource["typed_config"]["config"]
        config.pop("configuration", None)
        config["vm_config"].pop("code")
        config["vm_config"].pop("capability_restriction_config")
        return resource

    template = (paths.ROOT / "envoy" / "filter-template.json").read_text()
    assert settings(bundle.read_text()) == settings(template)


@pytest.mark.parametrize("configuration", ["envoy.yaml", "tls.yaml", "sidecar.yaml"])
def test_envoy_accepts_the_configuration_and_the_bundle(configuration, folder, built):
    """`envoy --mode validate` loads it, with the demo bundle in place."""
    changes = tls.listener_changes(folder / "validate-tls") if configuration == "tls.yaml" else {}
    prepared = envoy.Envoy(folder / f"validate-{configuration}", 1, "any", configuration=configuration, changes=changes)
    assert whole.pack(prepared.bundle).returncode == 0
    done = subprocess.run([paths.envoy_binary(), "--mode", "validate", "-c", prepared.configuration],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("configuration", ["envoy/providers.yaml", "examples/unmodified-clients/envoy.yaml"])
def test_envoy_accepts_the_configurations_for_several_providers(configuration, folder, built):
    """Likewise, with a certificate of the example's script and a secret file for each account."""
    text = (paths.ROOT / configuration).read_text()
    here = folder / f"validate-{configuration.replace('/', '-')}"
    for part in ("envoy.d", "secrets"):
        (here / part).mkdir(parents=True)
    subprocess.run([paths.ROOT / "examples" / "unmodified-clients" / "certificates.sh", here / "tls"], check=True, capture_output=True)
    for secret in re.findall(r"/etc/zonegate/secrets/(.+)\.yaml$", text, re.MULTILINE):
        (here / "secrets" / f"{secret}.yaml").write_text(several.SECRET % (secret, "any"))
    assert whole.pack(here / "envoy.d" / "zonegate.json").returncode == 0
    (here / "envoy.yaml").write_text(envoy.adapt(text, {"/etc/zonegate": str(here), "/run/zonegate": str(here)}))
    done = subprocess.run([paths.envoy_binary(), "--mode", "validate", "-c", here / "envoy.yaml"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
