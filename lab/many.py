"""One gate in front of many providers: a listener for each account, one for all their names, and a proxy for clients
that know no other address. The pieces are those of envoy/providers.yaml and examples/unmodified-clients/envoy.yaml,
with the providers' stand-ins behind them, by verified TLS."""

import base64
import copy
import json
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from . import envoy, gate, paths, process, standins, term, web
from .authority import Authority


@dataclass(frozen=True)
class Provider:
    """A provider: its host, and the headers of a credential, as clients send theirs and as the gate sends the real one.

    In a header `{secret}` is the credential, `{key}` and `{part}` what stands before and after its colon, `{basic}` its Base64.
    """

    host: str
    client_headers: dict
    real_headers: dict
    halves: bool

    def real(self, secret: str) -> dict:
        """The headers with the real credential in them."""
        return _filled(self.real_headers, secret)

    def scoped(self, key: str) -> dict:
        """The headers of a client with a scoped key, which stands where the secret half of a credential stands."""
        return _filled(self.client_headers, f"scoped:{key}" if self.halves else key)


def _filled(headers: dict, secret: str) -> dict:
    """Headers with a credential in them."""
    key, _, part = secret.partition(":")
    values = {"secret": secret, "key": key, "part": part, "basic": base64.b64encode(secret.encode()).decode()}
    return {name: form.format(**values) for name, form in headers.items()}


REAL = {"dnsservices": {"authorization": "Basic {basic}"}}
"""Headers of the real credential where they are others than a client's: a bearer token of DNS.services does not last."""


def _provider(file: Path) -> Provider | None:
    """What a provider file says of all this; none where the API is the operator's own server."""
    facts = tomllib.loads(file.read_text())
    if "origin" not in facts:
        return None
    place = next(each for each in facts["credential"] if "header" in each or "basic" in each)
    if "basic" in place:
        headers = {"authorization": "Basic {basic}"}
    elif "beside" in place:
        headers = {place["beside"].lower(): "{key}", place["header"].lower(): "{part}"}
    else:
        headers = {place["header"].lower(): place.get("prefix", "") + "{secret}"}
    halves = "basic" in place or "beside" in place or place.get("after_colon", False)
    return Provider(urlsplit(facts["origin"]).hostname, headers, REAL.get(file.stem, headers), halves)


PROVIDERS = {file.stem: found for file in sorted((paths.ROOT / "engine" / "providers").glob("*.toml")) if (found := _provider(file))}
"""The providers in the cloud, and what makes each of them different for Envoy."""



def facts_of(name: str) -> Provider:
    """A provider by its name; one without a file is nobody's, for tests of what the gate says then."""
    nobody = {"authorization": "Bearer {secret}"}
    return PROVIDERS.get(name) or Provider(f"{name}.invalid", nobody, nobody, False)


SECOND = {"bunny": "second", "cloudflare": "second"}
"""Providers that the shared gate of the tests has two accounts of, and the other account's name."""

SECRET = """\
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: %s
  generic_secret:
    secret: { inline_string: %s }
"""
"""A secret file, as in envoy/secret.example.yaml."""


@dataclass(frozen=True)
class Account:
    """One account of a provider, and where Envoy finds the provider for it."""

    provider: str
    account: str
    upstream_port: int
    secret: str

    @property
    def cluster(self) -> str:
        """The name of its cluster."""
        return f"{self.provider}-{self.account}"

    def secrets(self) -> dict:
        """Its secret files: name to the header that each is for, and the header's value."""
        sent = facts_of(self.provider).real(self.secret)
        return {self.cluster if len(sent) == 1 else f"{self.cluster}-{header}": (header, value) for header, value in sent.items()}


class Many(envoy.Envoy):
    """One Envoy in front of many accounts; without certificate files it reaches them in clear (for the tables' runner)."""

    def __init__(self, folder: Path, accounts: list, authority: Path | None, certificate: tuple | None = None,
                 workers: int = 1, clock_file: Path | None = None, trusted_hops: int = 0, log_fields: dict | None = None,
                 log_flush_ms: int = 100, mark: str = ""):
        """Writes everything but the bundle. `authority` verifies the providers, `certificate` is the gate's own.

        With `mark` each request that goes on has a header of this name, which lookups have not.
        """
        self.folder, self.workers, self.log_flush_ms, self.clock_file = folder, workers, log_flush_ms, clock_file
        self.accounts = {(each.provider, each.account): each for each in accounts}
        self.ports = {which: process.free_port() for which in self.accounts}
        self.port = next(iter(self.ports.values()))   # which `ready` asks
        self.tls_port, self.proxy_port = process.free_port(), process.free_port()
        self.bundle = folder / "envoy.d" / "zonegate.json"
        self.secrets = folder / "secrets"
        self.audit, self.admin = folder / "audit.log", folder / "admin.sock"
        for part in (self.bundle.parent, self.secrets):
            part.mkdir(parents=True, exist_ok=True)
        if len(str(self.admin)) > 100:   # the address of a unix socket has room for 107 bytes
            self.admin = Path(tempfile.mkdtemp(prefix="zonegate-")) / "admin.sock"
        for each in accounts:
            self.write_secret(each)
        self.program = None
        changes = {"/etc/zonegate/envoy.d": str(self.bundle.parent), "/etc/zonegate/secrets": str(self.secrets),
                   "/run/zonegate/admin.sock": str(self.admin), "/dev/stdout": str(self.audit),
                   "xff_num_trusted_hops: 0": f"xff_num_trusted_hops: {trusted_hops}", **(log_fields or {})}
        self.configuration = folder / "envoy.yaml"
        self.configuration.write_text(json.dumps(_Bootstrap(changes, authority, certificate, mark).of(self), indent=1))

    def write_secret(self, account: Account) -> None:
        """Replaces an account's real credential."""
        for name, (_, value) in account.secrets().items():
            envoy._replace(self.secrets / f"{name}.yaml", SECRET % (name, json.dumps(value)), 0o600)

    def ask_provider(self, provider: str, method: str, path: str, key: str | None = None, account: str = "main",
                     headers: dict | None = None, **options) -> web.Answer:
        """One request to an account's listener, with the key where the provider's clients put theirs."""
        credential = PROVIDERS[provider].scoped(key) if key else {}
        return web.ask(self.ports[provider, account], method, path, headers={**credential, **(headers or {})}, **options)

    def url(self, provider: str, account: str = "main") -> str:
        """The address that a client is given instead of `https://<host of the provider>`."""
        return f"http://127.0.0.1:{self.ports[provider, account]}"


class _Bootstrap:
    """Envoy's configuration, put together from the shipped ones."""

    def __init__(self, changes: dict, authority: Path | None, certificate: tuple | None, mark: str):
        """Reads the shipped configurations with the documented paths put elsewhere."""
        import yaml   # not in the standard library; the lab's own environment has it
        self.document = yaml.safe_load(envoy.adapt((paths.ROOT / "envoy" / "providers.yaml").read_text(), changes))
        example = paths.ROOT / "examples" / "unmodified-clients" / "envoy.yaml"
        self.example = yaml.safe_load(example.read_text())
        self.authority, self.certificate, self.mark = authority, certificate, mark
        resources = self.document["static_resources"]
        (self.listener,), (self.cluster, *_) = resources["listeners"], resources["clusters"]

    def of(self, many: Many) -> dict:
        """The whole for these accounts."""
        accounts = list(many.accounts.values())
        listeners = [self._listener(f"gate-{each.cluster}", many.ports[each.provider, each.account],
                                    [self._virtual_host(each, "*")]) for each in accounts]
        clusters = [self._cluster(each, many.secrets) for each in accounts]
        if self.certificate:
            # The first account of a provider has the provider's own name, further ones a name below it.
            named = [self._virtual_host(each, self._name(each)) for each in accounts]
            listeners.append(self._listener("gate-by-name", many.tls_port, named, self.certificate))
            proxy, inner = copy.deepcopy(self.example["static_resources"]["listeners"])
            proxy["address"]["socket_address"]["port_value"] = many.proxy_port
            _manager(proxy)["route_config"]["virtual_hosts"][0]["domains"] = [f"{self._name(each)}:443" for each in accounts]
            tunnelled = self._listener("gate", 0, named, self.certificate)
            del tunnelled["address"]
            listeners += [proxy, {**tunnelled, **{name: inner[name] for name in ("internal_listener", "listener_filters")}}]
            clusters.append(next(each for each in self.example["static_resources"]["clusters"] if each["name"] == "gate-itself"))
            self.document["bootstrap_extensions"] = self.example["bootstrap_extensions"]
        self.document["static_resources"] = {"listeners": listeners, "clusters": clusters}
        return self.document

    def _name(self, account: Account) -> str:
        """The host name under which clients reach an account."""
        host = facts_of(account.provider).host
        return host if account.account == "main" else f"{account.account}.{host}"

    def _listener(self, name: str, port: int, virtual_hosts: list, certificate: tuple | None = None) -> dict:
        """A listener with these virtual hosts."""
        made = copy.deepcopy(self.listener)
        made["name"] = name
        made["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
        _manager(made)["route_config"]["virtual_hosts"] = virtual_hosts
        chain = made["filter_chains"][0]
        if certificate:
            context = chain["transport_socket"]["typed_config"]["common_tls_context"]
            del context["tls_certificate_sds_secret_configs"]
            context["tls_certificates"] = [{"certificate_chain": {"filename": str(certificate[0])},
                                            "private_key": {"filename": str(certificate[1])}}]
        else:
            del chain["transport_socket"]
        return made

    def _virtual_host(self, account: Account, domain: str) -> dict:
        """One account's routes."""
        made = copy.deepcopy(_manager(self.listener)["route_config"]["virtual_hosts"][0])
        made["name"], made["domains"] = account.cluster, [domain]
        route = made["routes"][0]
        route["name"] = account.cluster
        route["metadata"]["filter_metadata"]["zonegate"] = {
            "provider": account.provider, "account": account.account, "cluster": account.cluster}
        route["route"].update(cluster=account.cluster, host_rewrite_literal=facts_of(account.provider).host)
        if self.mark:
            route["request_headers_to_add"] = [{"header": {"key": self.mark, "value": "1"}}]
        return made

    def _cluster(self, account: Account, secrets: Path) -> dict:
        """One account's cluster, which leads to this machine but expects the provider's name."""
        made, host = copy.deepcopy(self.cluster), facts_of(account.provider).host
        made["name"] = made["load_assignment"]["cluster_name"] = account.cluster
        made["type"] = "STATIC"
        del made["dns_lookup_family"]
        endpoint = made["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        endpoint["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": account.upstream_port}
        if self.authority:
            context = made["transport_socket"]["typed_config"]
            context["sni"] = host
            checks = context["common_tls_context"]["validation_context"]
            checks["trusted_ca"]["filename"] = str(self.authority)
            checks["match_typed_subject_alt_names"][0]["matcher"]["exact"] = host
        else:
            del made["transport_socket"]
        options = next(iter(made["typed_extension_protocol_options"].values()))
        injector, codec = options["http_filters"]
        options["http_filters"] = [*(_injector(injector, secrets, name, header)
                                     for name, (header, _) in account.secrets().items()), codec]
        return made


def _manager(listener: dict) -> dict:
    """The settings of a listener's HTTP connection manager."""
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def _injector(template: dict, secrets: Path, name: str, header: str) -> dict:
    """An injector of one header from one secret file."""
    made = copy.deepcopy(template)
    settings = made["typed_config"]["credential"]["typed_config"]
    settings["header"], settings["credential"]["name"] = header, name
    settings["credential"]["sds_config"]["path_config_source"]["path"] = str(secrets / f"{name}.yaml")
    return made


class WithStandIns:
    """The gate with a stand-in of each provider behind it; `broken` has the stand-ins that do not start, and why."""

    def __init__(self, folder: Path, providers: list | None = None, second: dict | None = None,
                 policies: Path = paths.ROOT / "policies", certificates: dict | None = None, **options):
        """Starts it. `second`: a further account of some providers. `certificates`: others than the right one, by provider."""
        self.folder, self.stand_ins, self.broken = folder, {}, {}
        self.authority = Authority(folder / "authority")
        trusted = self.authority.certificate
        wanted = [(each, "main") for each in (sorted(standins.names()) if providers is None else providers)]
        wanted += [(each, name) for each, name in (second or {}).items() if (each, "main") in wanted]
        hosts = [provider.host for provider in PROVIDERS.values()]
        right = self.authority.issue("providers", hosts)
        own = self.authority.issue("gate", [*hosts, *(f"{name}.{PROVIDERS[each].host}" for each, name in wanted if name != "main")])
        for provider, account in wanted:
            try:
                made = standins.make(provider, secret=None if account == "main" else f"real-{account}-key:real-{account}-secret")
                self.stand_ins[provider, account] = made.start(tls=(certificates or {}).get(provider, right))
            except Exception as error:   # one that is broken is its own tests' failure, and not everybody's
                self.broken[provider] = error
        accounts = [Account(provider, account, made.port, made.secret) for (provider, account), made in self.stand_ins.items()]
        self.gate = Many(folder, accounts, trusted, own, **options)
        packed = gate.pack(self.gate.bundle, policies)
        if packed.returncode:
            raise term.fail(f"The policies in {policies} cannot be packed:\n{packed.stdout}{packed.stderr}")
        try:
            self.gate.start().wait_ready()
        except BaseException:
            self.stop()
            raise

    def stand_in(self, provider: str, account: str = "main") -> standins.StandIn:
        """A provider's stand-in."""
        if provider in self.broken:
            raise self.broken[provider]
        return self.stand_ins[provider, account]

    def fresh(self, provider: str) -> standins.StandIn:
        """The same as at the start: its zones, an empty log, no faults."""
        made = self.stand_in(provider)
        made.reset()
        return made

    def ask(self, provider: str, method: str, path: str, key: str | None = None, **options) -> web.Answer:
        """One request through the gate; see `Many.ask_provider`."""
        return self.gate.ask_provider(provider, method, path, key, **options)

    def url(self, provider: str, account: str = "main") -> str:
        """The address of an account's listener, which stands for `https://<host of the provider>`."""
        return self.gate.url(provider, account)

    def environment(self) -> dict:
        """What an unmodified client needs: the gate as its HTTPS proxy, and the authority of its certificate."""
        proxy, trusted = f"http://127.0.0.1:{self.gate.proxy_port}", str(self.authority.certificate)
        return {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost",
                **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), trusted)}

    def stop(self) -> None:
        """Stops all of it."""
        self.gate.stop()
        for each in self.stand_ins.values():
            each.stop()
