"""A certificate authority for tests: right certificates, and every kind of wrong one."""

import subprocess
from pathlib import Path

_SETTINGS = """\
[ca]
default_ca = lab
[lab]
database = index
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
"""
"""What `openssl ca` wants to know."""


class Authority:
    """An authority in a folder; `certificate` is what those trust who trust it."""

    def __init__(self, folder: Path):
        """Makes it, if it is not there yet."""
        self.folder, self.certificate = folder, folder / "ca.crt"
        if self.certificate.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "openssl.cnf").write_text(_SETTINGS)
        (folder / "index").write_text("")
        (folder / "serial").write_text("01\n")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                      "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=lab", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name: str, hosts: list, begin: str = "20200101000000Z", end: str = "20491231235959Z",
              alternative: bool = True) -> tuple:
        """A certificate for these hosts: its file and its key's. Without `alternative` only its common name says so."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        if not certificate.exists():
            names = ",".join(f"DNS:{host}" for host in hosts)
            alternatives = f"subjectAltName={names}\n" if alternative else ""
            (self.folder / f"{name}.ext").write_text(f"{alternatives}extendedKeyUsage=serverAuth\n")
            self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                          "-out", f"{name}.csr", "-subj", f"/CN={hosts[0]}")
            self._openssl("ca", "-config", "openssl.cnf", "-batch", "-notext", "-cert", "ca.crt", "-keyfile", "ca.key",
                          "-in", f"{name}.csr", "-out", certificate, "-extfile", f"{name}.ext", "-startdate", begin, "-enddate", end)
        return certificate, key

    def _openssl(self, *arguments) -> None:
        """Runs openssl in the folder."""
        subprocess.run(["openssl", *map(str, arguments)], cwd=self.folder, check=True, capture_output=True)
