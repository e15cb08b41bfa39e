"""What the matrix has found, as tables and plots: on the terminal, in docs/performance.md, in docs/plots."""

import statistics

from .. import paths, term
from . import plot
from .names import NONE, NOOP, ONE_KEY, OURS, PATCH, PLAIN, VARIANTS, WORKS
from .table import Table

BEGIN, END = "<!-- bench: begin, written by `make bench` with --write -->", "<!-- bench: end -->"
"""What the tables stand between in docs/performance.md."""

PAGE, PLOTS = paths.ROOT / "docs" / "performance.md", paths.ROOT / "docs" / "plots"
"""Where it is written to."""


class Figures:
    """What was found, to be asked for."""

    def __init__(self, found):
        """Of one run."""
        self.found = found
        self.base = f"{found.base[0]}/{found.base[1]}"
        measured = {each.split("|")[0] for each in found.cost}
        self.names = [each for each in VARIANTS if each in measured]

    def cpu(self, name: str, size: str | None, work: str) -> tuple | None:
        """Median, least and most CPU time per request; a variant without sizes has one for all."""
        rows = self.found.cost.get(f"{name}|{size or self.base}|{work}") or self.found.cost.get(f"{name}||{work}")
        if not rows:
            return None
        column = [row[0] for row in rows]
        return statistics.median(column), min(column), max(column)

    def rate(self, name: str, size: str, work: str) -> float:
        """Requests per second."""
        rows = self.found.cost.get(f"{name}|{size}|{work}") or self.found.cost[f"{name}||{work}"]
        return statistics.median(row[1] for row in rows)

    def added(self, name: str, work: str, at: int) -> float | None:
        """Latency in microseconds above that without a filter; `at` is 2 for the median and 3 for the 99th percentile."""
        rows, without = self.found.latency.get(f"{name}||{work}"), self.found.latency[f"{NONE}||{work}"]
        return None if not rows else statistics.median(row[at] for row in rows) - statistics.median(row[at] for row in without)

    def largest(self, name: str) -> str:
        """The size at which a variant was measured that is not measured at the usual one."""
        if self.cpu(name, self.base, PATCH):
            return self.base
        keys = [each.split("|")[1] for each in self.found.cost if each.startswith(f"{name}|")]
        return max(keys, key=lambda each: int(each.split("/")[0]))

    def sizes(self, by_keys: bool) -> list:
        """The sizes where only keys, or only policies, differ, as `keys/policies`."""
        same = 1 if by_keys else 0
        return [f"{keys}/{policies}" for keys, policies in self.found.sizes
                if (keys, policies)[same] == self.found.base[same] and (keys, policies) != (10, 10)]


def micro(value: float) -> str:
    """Microseconds, or milliseconds where they are many."""
    return f"{value / 1e3:,.1f} ms" if abs(value) >= 10_000 else f"{value:,.0f} µs"


def spread(values: tuple | None) -> str:
    """Median with the least and the most."""
    if not values:
        return "–"
    median, low, high = values
    if median >= 10_000:
        return f"{median / 1e3:,.1f} ms ({low / 1e3:,.1f}–{high / 1e3:,.1f})"
    return f"{median:,.0f} µs ({low:,.0f}–{high:,.0f})"


def named(size: str) -> str:
    """A size for people."""
    keys, policies = map(int, size.split("/"))
    return f"{keys:,} keys, {policies:,} policies"


def _side_by_side(figures: Figures, work: str) -> Table:
    """All variants at the usual size."""
    table = Table(work, "CPU per request", "to the no-op", "requests/s", "and core", "p50 added", "p99 added")
    base = figures.cpu(NOOP, None, work)[0]
    for name in figures.names:
        size = figures.largest(name)
        taken = figures.cpu(name, size, work)
        if not taken:
            continue
        fewer = "" if size == figures.base else f" ({int(size.split('/')[0]):,} keys)"
        added = [figures.added(name, work, at) for at in (2, 3)]
        table.add(name + fewer, spread(taken), f"{taken[0] / base:.2f}", f"{figures.rate(name, size, work):,.0f}",
                  f"{1e6 / taken[0]:,.0f}", *("–" if each is None or name == NONE else micro(each) for each in added))
    return table


def _by_size(figures: Figures, by_keys: bool) -> Table:
    """Zonegate at each size."""
    smallest = "10/10"
    table = Table("Zonegate", *(cell for work in WORKS for cell in (work, "to 10/10")))
    for size in [smallest, *figures.sizes(by_keys)]:
        cells = []
        for work in WORKS:
            taken = figures.cpu(OURS, size, work)
            cells += [spread(taken), f"{taken[0] / figures.cpu(OURS, smallest, work)[0]:.2f}"]
        table.add(named(size), *cells)
    return table


def _footprint(found) -> Table:
    """Memory and start at each size."""
    table = Table("Zonegate, MiB", "bundle file", "RSS, 1 worker", "RSS per worker", "linear memory", "in use", "after reloads",
                  "RSS after reloads", "Envoy ready")
    for size, seen in found.gates.items():
        of_workers = (seen["resident_mib_1"], (seen["resident_mib_3"] - seen["resident_mib_1"]) / 2)
        linear = (seen["linear_start_mib"], seen["linear_mib"], seen["reload_linear_mib"])
        sizes = (seen["bundle_mib"], *of_workers, *linear, seen["reload_resident_mib"])
        table.add(named(size), *(f"{each:.1f}" for each in sizes), f"{seen['ready_s_1']:.1f} s")
    return table


def _reloads(found) -> Table:
    """Reloads at each size."""
    table = Table("A reload", "until it is served", "on_configure", "longest wait of others", "without a reload")
    for size, seen in found.gates.items():
        taken = (seen[f"reload_{each}_ms"] for each in ("live", "configure", "stall"))
        cells = [f"{statistics.median(each):,.0f} ms ({min(each):,.0f}–{max(each):,.0f})" for each in taken]
        table.add(named(size), *cells, f"{seen['reload_calm_ms']:,.0f} ms")
    return table


def _goals(figures: Figures) -> Table:
    """How it stands to what was to be reached."""
    found, table = figures.found, Table("To reach", "goal", "found", "")
    seen, few = found.gates[figures.base], found.gates.get(f"10/{found.base[1]}")
    largest = f"{found.base[0]}/{max(policies for keys, policies in found.sizes if keys == found.base[0])}"

    def usual(name: str, work: str) -> float:
        """CPU time at the usual size."""
        return figures.cpu(name, figures.base, work)[0]

    def judge(what: str, goal: float, value: float, unit: str = "", at_least: bool = False) -> None:
        """One goal."""
        kept = value >= goal if at_least else value <= goal
        table.add(what, f"{'at least' if at_least else 'at most'} {goal:g}{unit}",
                  f"{value:,.2f}".rstrip("0").rstrip(".") + unit, "reached" if kept else "missed")

    for work in WORKS:
        judge(f"{work}: CPU to the no-op filter's", 1.5, usual(OURS, work) / usual(NOOP, work))
    for work in WORKS:
        grown = figures.cpu(OURS, largest, work)[0] / figures.cpu(OURS, "10/10", work)[0]
        judge(f"{work}: {named(largest)}, to 10 and 10", 1.15, grown)
    for work in WORKS:
        faster = usual(PLAIN, work) / usual(OURS, work)
        judge(f"{work}: requests per core, to ext_authz with the same policies", 5, faster, at_least=True)
    if few and found.base[0] > 10:
        per_key = (seen["linear_start_mib"] - few["linear_start_mib"]) * (1 << 20) / (found.base[0] - 10)
        judge("memory per key and worker", 150, per_key, " bytes")
    judge("linear memory after start", 40, seen["linear_start_mib"], " MiB")
    judge("linear memory after reloads", 75, seen["reload_linear_mib"], " MiB")
    judge("on_configure in a worker", 150, max(seen["reload_configure_ms"]), " ms")
    judge("longest wait of others in a reload, which contains it", 150, max(seen["reload_stall_ms"]), " ms")
    judge("Envoy ready after its start", 4, seen["ready_s_1"], " s")
    return table


def _sections(found) -> list:
    """Everything, as headings and tables."""
    figures = Figures(found)
    usual = f"{found.base[0]:,} keys, {found.base[1]:,} policies"
    return [(f"Side by side, at {usual}", [_side_by_side(figures, work) for work in WORKS]),
            ("Many keys, many policies", [_by_size(figures, True), _by_size(figures, False)]),
            ("Memory, start and reloads", [_footprint(found), _reloads(found)]),
            (f"Goals, at {usual}", [_goals(figures)])]


def _conditions(found) -> str:
    """How it was measured, in a sentence."""
    options = found.options
    return (f"{found.date}; 1 worker, 8 connections (1 for latencies), the median of {options['rounds']} interleaved rounds of "
            f"{options['seconds']} s, least and most in brackets; {options['reloads']} reloads of each.")


def say(found) -> None:
    """Prints it."""
    term.say(f"\n{_conditions(found)}")
    for heading, tables in _sections(found):
        term.say(f"\n{term.paint(heading, 'bold')}")
        for table in tables:
            term.say(f"\n{table.text()}")


def _plots(found) -> dict:
    """The two pictures, by file name."""
    figures, made = Figures(found), {}
    order = (OURS, *(each for each in VARIANTS if each not in (OURS, ONE_KEY)))
    for by_keys, file in ((True, "cost-by-keys.svg"), (False, "cost-by-policies.svg")):
        lines = {}
        for name in figures.names:
            flat = found.cost.get(f"{name}||{PATCH}")
            across = [(int(size.split("/")[0 if by_keys else 1]), size) for size in figures.sizes(by_keys)]
            points = [(x, figures.cpu(name, size, PATCH)[0]) for x, size in across if f"{name}|{size}|{PATCH}" in found.cost]
            # What is measured once here does not depend on what is drawn across.
            if name != ONE_KEY and (flat or points):
                lines[name] = [(1, figures.cpu(name, None, PATCH)[0])] if flat else points
        what, other = ("keys", f"{found.base[1]:,} policies") if by_keys else ("policies", f"{found.base[0]:,} keys")
        title, up = f"{PATCH}: CPU time, with {other}", "µs per request (logarithmic)"
        made[file] = plot.plot(title, f"{what} (logarithmic)", up, lines, order)
    return made


def write(found) -> None:
    """Puts the tables into docs/performance.md and the pictures into docs/plots."""
    parts = [BEGIN, _conditions(found)]
    for heading, tables in _sections(found):
        parts += [f"### {heading}", *(table.markdown() for table in tables)]
    text = PAGE.read_text()
    if BEGIN not in text or END not in text:
        raise term.fail(f"{PAGE} lacks the lines between which the tables go: {BEGIN} and {END}")
    head, tail = text[:text.index(BEGIN)], text[text.index(END):]
    PAGE.write_text(head + "\n\n".join(parts) + "\n\n" + tail)
    PLOTS.mkdir(exist_ok=True)
    for name, picture in _plots(found).items():
        (PLOTS / name).write_text(picture)
    term.say(f"written: {PAGE.relative_to(paths.ROOT)}, {PLOTS.relative_to(paths.ROOT)}/")
