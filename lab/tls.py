"""Certificates for the lab: one authority, and one certificate for localhost."""

import subprocess
from pathlib import Path

from . import paths

_EXTENSIONS = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"


class Certificates:
    """`authority` (to be trusted), `certificate` and `key` of localhost, in a folder."""

    def __init__(self, folder: Path):
        """Makes them, if they are not there yet."""
        self.authority, self.certificate, self.key = (folder / name for name in ("ca.crt", "localhost.crt", "localhost.key"))
        if self.certificate.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "extensions").write_text(_EXTENSIONS)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        for arguments in (
            ["req", "-x509", *curve, "-days", "30", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=lab",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
            ["req", *curve, "-keyout", "localhost.key", "-out", "localhost.csr", "-subj", "/CN=localhost"],
            ["x509", "-req", "-in", "localhost.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "30", "-out", "localhost.crt", "-extfile", "extensions"],
        ):
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def listener_changes(folder: Path) -> dict:
    """A certificate for envoy/tls.yaml in a folder of its own, and what to change in the configuration for it."""
    made = Certificates(folder)
    for ours, documented in ((made.certificate, "gate.crt"), (made.key, "gate.key")):
        (folder / documented).write_bytes(ours.read_bytes())
    example = (paths.ROOT / "envoy" / "tls-certificate.example.yaml").read_text()
    (folder / "gate.yaml").write_text(example.replace("/etc/zonegate/tls", str(folder)))
    return {"/etc/zonegate/tls": str(folder)}
