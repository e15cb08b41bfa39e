"""Newer versions of PowerDNS than Debian 12 has, from later Debian suites, unpacked into a folder of the lab.

`python3 -m lab setup --powerdns trixie`, then `PDNS=.lab/pdns-trixie/usr/sbin/pdns_server.sh make e2e`.
Nothing is installed: the packages and all that they depend on are unpacked, and a script runs the server with the
dynamic loader and the libraries of that suite.
"""

import shutil
from pathlib import Path

from . import install, paths, term

SUITES = ("trixie", "sid")
"""Debian suites: 4.9 and 5.1 at the time of writing."""

PACKAGES = ("pdns-server", "pdns-backend-sqlite3", "pdns-backend-lmdb")
"""What is wanted of them."""

_RUN = """\
#!/bin/sh
# Runs this suite's PowerDNS with this suite's own libraries.
exec {root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {root}/usr/lib/x86_64-linux-gnu \\
    {root}/usr/sbin/pdns_server --module-dir={root}/usr/lib/x86_64-linux-gnu/pdns "$@"
"""


def setup(suite: str) -> None:
    """Unpacks the suite's PowerDNS, if it is not there."""
    root = paths.LAB / f"pdns-{suite}"
    script = root / "usr" / "sbin" / "pdns_server.sh"
    if not script.exists():
        with term.Steps(1).step(f"PowerDNS of Debian {suite}"):
            _unpack(suite, root)
            script.write_text(_RUN.format(root=root))
            script.chmod(0o755)
    term.say(f"Use it so: PDNS={script.relative_to(paths.ROOT)} make e2e")


def _unpack(suite: str, root: Path) -> None:
    """Downloads the packages with an apt of their own, which knows only that suite and no installed package."""
    shutil.rmtree(root, ignore_errors=True)
    apt = root / "apt"
    for part in ("etc/apt/apt.conf.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg"):
        (apt / part).mkdir(parents=True)
    (apt / "var/lib/dpkg/status").touch()
    (apt / "etc/apt/sources.list").write_text(f"deb {install.debian_mirror()} {suite} main\n")
    options = [f"-oDir={apt}", f"-oDir::State::status={apt}/var/lib/dpkg/status", "-oDir::Etc::parts=/etc/apt/apt.conf.d",
               "-oDir::Etc::trustedparts=/usr/share/keyrings", "-oAPT::Sandbox::User=root",
               "-oAcquire::Check-Valid-Until=false"]
    install.command(["apt-get", *options, "update"], f"pdns-{suite}-update")
    install.command(["apt-get", *options, "install", "--yes", "--no-install-recommends", "--download-only", *PACKAGES],
                    f"pdns-{suite}-download")
    for package in sorted((apt / "var/cache/apt/archives").glob("*.deb")):
        install.command(["dpkg-deb", "-x", package, root], f"pdns-{suite}-unpack")
    shutil.rmtree(apt)
