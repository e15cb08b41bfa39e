"""TLS on both sides: keys do not travel in clear, and the real credential only goes to whom the certificate names."""

import http.client
import os
import shutil
import ssl
import warnings

import pytest

from lab import gate as whole, tls, upstream, web

from .conftest import ZONES
from .test_secrets import wait_for


def serial(port: int, context: ssl.SSLContext) -> str:
    """The serial number of the certificate that a listener shows; it must be a trusted one."""
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=10)
    connection.connect()
    try:
        return connection.sock.getpeercert()["serialNumber"]
    finally:
        connection.close()


def test_the_listener_speaks_tls_only(server, folder, keys):
    """tls.yaml: a request in clear gets nothing; by TLS everything works; a renewed certificate is served at once."""
    certificates = tls.Certificates(folder / "tls-listener")
    changes = tls.listener_changes(folder / "tls-listener")
    running = whole.prepare(server, folder / "tls-gate", configuration="tls.yaml", changes=changes)
    trusting = ssl.create_default_context(cafile=str(certificates.authority))

    def ask(path: str) -> int:
        """The status of a request by TLS."""
        connection = http.client.HTTPSConnection("localhost", running.port, context=trusting, timeout=10)
        connection.request("GET", path, headers={"X-API-Key": keys["demoacmezone"]})
        try:
            return connection.getresponse().status
        finally:
            connection.close()

    try:
        running.start()
        assert wait_for(lambda: ask("/.zonegate/ready") == 200, 30)
        assert ask(ZONES) == 200
        with pytest.raises((OSError, http.client.HTTPException)):
            web.ask(running.port, "GET", ZONES, key=keys["demoacmezone"])
        old_context = ssl.create_default_context(cafile=str(certificates.authority))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old_context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(OSError):
            serial(running.port, old_context)
        before = serial(running.port, trusting)
        renewed = tls.Certificates(folder / "tls-renewed")
        trusting.load_verify_locations(str(renewed.authority))
        for file, name in ((renewed.key, "gate.key"), (renewed.certificate, "gate.crt")):
            shutil.copy(file, folder / "tls-listener" / ".new")
            os.replace(folder / "tls-listener" / ".new", folder / "tls-listener" / name)
        assert wait_for(lambda: serial(running.port, trusting) != before, 10)
    finally:
        running.stop()


@pytest.mark.parametrize("presented", ["right", "unknown-authority", "another-name"])
def test_the_provider_must_prove_its_name(folder, keys, built, presented):
    """sidecar.yaml: the real credential goes to the provider with the right certificate and to nobody else."""
    trusted = tls.Certificates(folder / "tls-provider")
    shown = tls.Certificates(folder / "tls-impostor") if presented == "unknown-authority" else trusted
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)

    class Provider(upstream.FaultyUpstream):
        """A provider with an empty list of zones."""
        host, key = "127.0.0.1", "the-real-one"

        @property
        def api_port(self) -> int:
            """Where it listens."""
            return self.port

    provider = Provider(lambda connection, _: connection.sendall(upstream.answer("200 OK", b"[]")), context)
    expected = "localhost" if presented != "another-name" else "somewhere-else"
    running = whole.start(provider, folder / f"sidecar-{presented}", configuration="sidecar.yaml", changes={
        "/etc/ssl/certs/ca-certificates.crt": str(trusted.authority),
        "sni: dns-api.example.com": f"sni: {expected}", "exact: dns-api.example.com": f"exact: {expected}"})
    try:
        answer = running.ask("GET", ZONES, key=keys["demoacmezone"])
    finally:
        running.stop()
        provider.stop()
    if presented == "right":
        assert answer.status == 200 and len(provider.requests) == 1
        assert b"x-api-key: the-real-one" in provider.requests[0].lower()
    else:
        assert answer.status in (502, 503) and provider.requests == []
