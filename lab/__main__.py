"""`python3 -m lab setup|run|tables|bench|soak|pytest`: the lab's commands, behind the Makefile's."""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from . import install, newer, paths


def _bench_arguments(parser: argparse.ArgumentParser) -> None:
    """What `bench` can be told; without a choice it measures everything."""
    parts = parser.add_argument_group("only a part of it")
    parts.add_argument("--demo", action="store_true", help="the demo policies, beside no filter, a no-op filter and ext_authz")
    parts.add_argument("--matrix", action="store_true", help="few and many keys and policies, beside all that could stand there")
    parts.add_argument("--author", action="store_true", help="the command on a large folder")
    parts.add_argument("--hostcalls", action="store_true", help="each call that a filter makes to its host")
    matrix = parser.add_argument_group("of the matrix")
    matrix.add_argument("--rounds", type=int, default=3, help="how often everything is measured (default: 3)")
    matrix.add_argument("--seconds", type=int, default=1, help="how long each time (default: 1)")
    matrix.add_argument("--reloads", type=int, default=6, help="how often each gate is reloaded (default: 6)")
    matrix.add_argument("--keys-max", type=int, default=100_000, help="no more keys than this, to try it")
    matrix.add_argument("--policies-max", type=int, default=5_000, help="no more policies than this, to try it")
    matrix.add_argument("--again", action="store_true", help="measure nothing: show what was measured last")
    matrix.add_argument("--write", action="store_true", help="put tables and plots into docs/")


def _soak_arguments(parser: argparse.ArgumentParser) -> None:
    """What `soak` can be told."""
    parser.add_argument("--reloads", type=int, default=1000, help="how often (default: 1000)")
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--policies", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=1)


def _bench(chosen: argparse.Namespace) -> int:
    """Measures what was chosen."""
    from .bench import author, demo, hostcalls, matrix
    everything = not (chosen.demo or chosen.hostcalls or chosen.matrix or chosen.author or chosen.again)
    if chosen.demo or everything:
        demo.run()
    if chosen.hostcalls or everything:
        hostcalls.run()
    if chosen.author or everything:
        author.run()
    if chosen.matrix or chosen.again or everything:
        options = matrix.Options(chosen.rounds, chosen.seconds, chosen.reloads, chosen.keys_max, chosen.policies_max)
        matrix.run(options, chosen.again, chosen.write)
    return 0


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
    _bench_arguments(commands.add_parser("bench", help="measure what the gate costs Envoy, beside others and at many sizes, and how "
                                         "long the command takes on a large folder"))
    _soak_arguments(commands.add_parser("soak", help="reload a large bundle again and again, under load"))
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
        return _bench(chosen)
    elif chosen.command == "soak":
        from .bench import soak
        return soak.run(chosen.reloads, chosen.keys, chosen.policies, chosen.workers)
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
