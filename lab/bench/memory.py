"""How much memory an Envoy has, seen from outside."""

import os
from pathlib import Path

_RESERVED_BYTES = 8 << 30
"""What V8 reserves for each linear memory; what of it is in use comes first, and the rest cannot be read."""


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def linear_mib(pid: int) -> list:
    """The size of each linear memory, the largest first: the filter has one for each worker, and two that serve no requests."""
    found = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        where, rights = line.split()[:2]
        begin, end = (int(each, 16) for each in where.split("-"))
        if rights == "---p" and _RESERVED_BYTES // 2 < end - begin < _RESERVED_BYTES:
            found.append((_RESERVED_BYTES - (end - begin)) / (1 << 20))
    return sorted(found, reverse=True)
