"""`python3 -m lab bench --author`: how long `check`, `test`, `diff` and `prove` take on large folders.

The command is built as a release ships it, and runs on as many cores as there are; what counts is what a person waits.
"""

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from .. import big, paths, term

POLICIES, KEYS, ROWS = 1000, 10_000, 10_000
"""The size of the folder."""

ROUNDS = 3
"""How often each command runs; the median counts."""

GOAL_SECONDS = 5.0
"""What is promised for two cores."""

CHANGED, DIFF_GOAL_SECONDS = 10, 30.0
"""How many policies differ between the folders that are compared, and what is promised for that."""

PROVE_GOAL_SECONDS = 30.0
"""What is promised for one property in one request environment."""

PROPERTY = """[[never]]
name = "apex-name-servers"
says = "No key changes the name servers of a zone itself."
actions = ["record.create"]
when = 'resource.apex && resource.type == RecordType::"NS"'
keys = "any"
"""
"""A property of all keys, in one request environment."""


def command() -> Path:
    """The `zonegate` command, optimised."""
    if subprocess.call(["cargo", "build", "--release", "--locked", "--quiet", "-p", "zonegate-cli"], cwd=paths.ROOT):
        raise term.fail("the command cannot be built; cargo's message is above")
    return paths.OPTIMISED


def _take(program: Path, subcommand: str, *places: Path, code: int = 0) -> tuple:
    """Seconds that a person waits, seconds of CPU time, and MiB of memory, of one run that ends with this code."""
    began, before = time.monotonic(), os.times()
    with subprocess.Popen([program, subcommand, *places], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        said = running.stdout.read()
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    waited, after = time.monotonic() - began, os.times()
    if running.returncode != code:
        raise term.fail(f"`zonegate {subcommand}` failed on the large folder:\n{said}")
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return waited, spent, used.ru_maxrss / 1024


def run() -> int:
    """Measures and prints."""
    program = command()
    with tempfile.TemporaryDirectory(prefix="zonegate-big-") as folder:
        folder = Path(folder) / "policies"
        big.write(folder, POLICIES, KEYS, ROWS)
        term.say(f"\nA folder of {POLICIES} policies, {KEYS} keys and {ROWS} rows, {os.cpu_count()} cores, median of {ROUNDS}")
        term.say(f"  {'':10}{'waited':>10}{'CPU time':>12}{'memory':>12}")
        for subcommand in ("check", "test"):
            taken = [_take(program, subcommand, folder) for _ in range(ROUNDS)]
            waited, spent, memory = (statistics.median(column) for column in zip(*taken))
            judged = "" if waited <= GOAL_SECONDS else "   over the goal"
            term.say(f"  {subcommand:10}{waited:8.2f} s{spent:10.2f} s{memory:8.0f} MiB   (goal: {GOAL_SECONDS:.0f} s){judged}")
        other = folder.with_name("changed")
        big.write(other, POLICIES, KEYS, ROWS, CHANGED)
        waited, spent, memory = _take(program, "diff", folder, other, code=4)
        judged = "" if waited <= DIFF_GOAL_SECONDS else "   over the goal"
        term.say(f"  {'diff':10}{waited:8.2f} s{spent:10.2f} s{memory:8.0f} MiB   (goal: {DIFF_GOAL_SECONDS:.0f} s, of {CHANGED} "
                 f"changed policies){judged}")
        (folder / "properties.toml").write_text(PROPERTY)
        waited, spent, memory = _take(program, "prove", folder)
        judged = "" if waited <= PROVE_GOAL_SECONDS else "   over the goal"
        term.say(f"  {'prove':10}{waited:8.2f} s{spent:10.2f} s{memory:8.0f} MiB   (goal: {PROVE_GOAL_SECONDS:.0f} s, one property, "
                 f"one request environment){judged}")
    return 0
