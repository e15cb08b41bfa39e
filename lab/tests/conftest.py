"""What the tests share: one PowerDNS and one gate for tests that leave them as they are, and a maker of more gates."""

import os
import shutil
from pathlib import Path

import pytest

from lab import envoy, gate as whole, many as several, paths, pebble, powerdns, tls

ZONES = "/api/v1/servers/localhost/zones"
"""Where PowerDNS keeps its zones."""


def change(name: str, kind: str, *values: str, changetype: str = "REPLACE") -> dict:
    """The body of a PATCH that changes one rrset."""
    return {"rrsets": [{"name": name, "type": kind, "ttl": 60, "changetype": changetype,
                        "records": [{"content": value, "disabled": False} for value in values]}]}


CHALLENGE = change("_acme-challenge.www.example.com.", "TXT", '"token"')
"""What an ACME key may write in example.com."""

ADDRESS = change("www.example.com.", "A", "192.0.2.66")
"""What an ACME key may not write."""


@pytest.fixture(scope="session")
def folder() -> Path:
    """A folder of this run in .lab/run, kept for reading its logs until the next run."""
    base = paths.RUN / "tests"
    base.mkdir(parents=True, exist_ok=True)
    for old in base.iterdir():
        if not Path(f"/proc/{old.name}").exists():
            shutil.rmtree(old)
    mine = base / str(os.getpid())
    mine.mkdir()
    return mine


@pytest.fixture(scope="session")
def built() -> None:
    """The filter and the command must have been built, after their sources last changed."""
    for product in (paths.FILTER, paths.COMMAND):
        assert product.exists(), f"{product} is missing: run `make build` first"
    # Cargo's .d file names the sources of this very build, so dependencies inside the workspace count too.
    for product in (paths.FILTER, paths.COMMAND):
        listed = product.with_suffix(".d").read_text().partition(":")[2].replace("\\ ", "\0").split()
        newer = [source for source in (Path(each.replace("\0", " ")) for each in listed)
                 if source.exists() and source.stat().st_mtime > product.stat().st_mtime]
        assert not newer, f"{product.name} is older than {newer[0]}: run `make build` first"


@pytest.fixture(scope="session")
def component_built(built):
    """The components must have been built, after their sources last changed."""
    for product in (paths.COMPONENT, paths.HTTP_GATE, paths.MIDDLEWARE, paths.EXAMPLE_SERVICE):
        assert product.exists(), f"{product} is missing: run `make component` first"
        listed = product.with_suffix(".d").read_text().partition(":")[2].replace("\\ ", "\0").split()
        for source in (paths.ROOT / each.replace("\0", " ") for each in listed):
            newer = source.exists() and source.stat().st_mtime > product.stat().st_mtime
            assert not newer, f"{product.name} is older than {source}: run `make component` first"


@pytest.fixture(scope="session")
def server(folder, built):
    """A PowerDNS with the demo zones."""
    running = powerdns.PowerDNS(folder / "pdns")
    whole.fill(running)
    yield running
    running.stop()


@pytest.fixture
def zones(server):
    """The same PowerDNS with example.com and example.net as at the start."""
    for name in ("example.com", "example.net"):
        whole.fill(server, only=name)
    return server


@pytest.fixture(scope="session")
def gate(server, folder):
    """A gate with the demo policies, for tests that leave it as it is."""
    running = whole.start(server, folder / "gate")
    yield running
    running.stop()


@pytest.fixture
def another_gate(server, folder, request):
    """Starts further gates that end with the test: `another_gate(policies=..., upstream=..., workers=...)`."""
    running = []

    def start(policies: Path = paths.ROOT / "policies", upstream=None, **options) -> envoy.Envoy:
        """One more gate, in a folder named after the test."""
        name = request.node.name.replace("[", "-").replace("]", "")
        behind = server if upstream is None else upstream
        new = whole.start(behind, folder / f"{name}-{len(running)}", policies, **options)
        running.append(new)
        return new

    yield start
    for each in running:
        each.stop()


@pytest.fixture(scope="session")
def many_running(folder, built):
    """A gate with the demo policies in front of a stand-in of every provider, some of them twice."""
    running = several.WithStandIns(folder / "many", second=several.SECOND)
    yield running
    running.stop()


@pytest.fixture
def many(many_running):
    """The same, every stand-in as at the start, whatever an earlier test did to it."""
    for each in many_running.stand_ins.values():
        each.reset()
    return many_running


@pytest.fixture
def policies(folder, request) -> Path:
    """A copy of policies/ that the test may edit."""
    name = request.node.name.replace("[", "-").replace("]", "")
    return Path(shutil.copytree(paths.ROOT / "policies", folder / f"{name}-policies"))


@pytest.fixture(scope="session")
def keys() -> dict:
    """The demo keys: id to plaintext."""
    return whole.demo_keys()


@pytest.fixture(scope="session")
def authority(server, folder):
    """An ACME authority that validates against the DNS of `server`."""
    running = pebble.Pebble(folder / "pebble", server.dns_port, tls.Certificates(folder / "tls"))
    yield running
    running.stop()
