"""`python3 -m lab setup|run|tables|bench|pytest`: the lab's commands, behind the Makefile's."""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from . import install, newer, paths


def main() -> int:
    """Reads the command line and does it."""
    parser = argparse.ArgumentParser(prog="python3 -m lab", description="Real servers and clients around Zonegate.")
    commands = parser.add_subparsers(dest="command", required=True)
    setup = commands.add_parser("setup", help="get Envoy, PowerDNS and what the tests need (idempotent)")
    setup.add_argument("--run-only", action="store_true", help="only what `run` needs, without the test clients")
    setup.add_argument("--powerdns", choices=newer.SUITES, help="get the newer PowerDNS of this Debian suite, for PDNS=")
    run = commands.add_parser("run", help="start the gate in front of a PowerDNS with demo zones, until Ctrl-C")
    run.add_argument("--check", action="store_true", help="start, try the three printed requests, stop")
    tables = commands.add_parser("tables", help="start Envoy and PowerDNS for the decision tables' runner")
    tables.add_argument("--provider-port", type=int, required=True, help="where Envoy finds its provider: the runner")
    tables.add_argument("--bundle", type=Path, required=True, help="what `zonegate bundle` wrote for Envoy")
    tables.add_argument("--route", action="append", default=[], metavar="PROVIDER/ACCOUNT=PORT",
                        help="likewise where Envoy finds a provider in the cloud; once for each account")
    commands.add_parser("bench", help="measure what the gate costs Envoy, and how long the command takes on a large folder")
    commands.add_parser("pytest", help="run the tests of lab/tests; all further arguments go to pytest")
    chosen, arguments = parser.parse_known_args()
    if arguments and chosen.command != "pytest":
        parser.error(f"unrecognized arguments: {' '.join(arguments)}")

    if chosen.command == "setup":
        install.setup(for_tests=not chosen.run_only)
        if chosen.powerdns:
            newer.setup(chosen.powerdns)
    elif chosen.command == "pytest":
        return subprocess.call([paths.VENV / "bin" / "python", "-m", "pytest", *(arguments or ["lab/tests"])],
                               cwd=paths.ROOT, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    elif chosen.command == "bench":
        from . import bench, bench_author
        return bench.run() or bench_author.run()
    elif chosen.command == "tables":
        if not importlib.util.find_spec("yaml") and Path(sys.executable) != paths.VENV / "bin" / "python":
            # Envoy's configuration for several accounts is put together from YAML, which the lab's own environment can read.
            os.execv(paths.VENV / "bin" / "python", ["python", "-m", "lab", *sys.argv[1:]])
        from . import tables as runner
        pairs = (each.rpartition("=") for each in chosen.route)
        return runner.serve(chosen.provider_port, chosen.bundle,
                            {tuple(which.split("/", 1)): int(port) for which, _, port in pairs})
    else:
        from . import demo
        return demo.run(check=chosen.check)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
