"""Pebble, a small ACME authority: it validates against the DNS of the lab's PowerDNS."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from . import process, tls


class Pebble:
    """One running authority; its directory is at `url`, served with a certificate of `certificates`."""

    def __init__(self, folder: Path, dns_port: int, certificates: tls.Certificates):
        """Starts it."""
        port = process.free_port()
        self.url = f"https://localhost:{port}/dir"
        self.certificates = certificates
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "pebble.json"
        settings.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{port}", "managementListenAddress": f"127.0.0.1:{process.free_port()}",
            "certificate": str(certificates.certificate), "privateKey": str(certificates.key),
            "httpPort": process.free_port(), "tlsPort": process.free_port(),
            "ocspResponderURL": "", "externalAccountBindingRequired": False}}))
        self.program = process.Program(
            "Pebble", ["pebble", "-config", settings, "-dnsserver", f"127.0.0.1:{dns_port}"], folder / "pebble.log",
            {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})
        self.program.wait_until(self._answers, "waiting for its directory")

    def _answers(self) -> bool:
        """Whether the directory can be read."""
        try:
            context = ssl.create_default_context(cafile=str(self.certificates.authority))
            return urllib.request.urlopen(self.url, context=context, timeout=5).status == 200
        except (OSError, urllib.error.URLError):
            return False

    def stop(self) -> None:
        """Stops it."""
        self.program.stop()
