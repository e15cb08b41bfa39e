"""The policies folders that are measured: large, always the same, each packed twice so that one can replace the other."""

import json
from dataclasses import dataclass
from pathlib import Path

from .. import big, gate, paths, term
from . import gates, load, reload
from .names import PATCH, PATCH_MANY, WORKS

SPEAKING_MAX, ZONES_MAX = 300, 32
"""How many keys take turns, and of how many zones: the upstream knows each."""

_RECORDS = {PATCH: 1, PATCH_MANY: 100}
"""How many records a work changes."""


@dataclass(frozen=True)
class Size:
    """How large a folder is."""

    keys: int
    policies: int

    def __str__(self) -> str:
        """For people."""
        return f"{self.keys:,} keys, {self.policies:,} policies"


def body(zone: str, records: int) -> str:
    """A change of so many records."""
    sets = [{"name": f"www{'' if number == 0 else number}.{zone}.", "type": "A", "ttl": 60, "changetype": "REPLACE",
             "records": [{"content": "192.0.2.1", "disabled": False}]} for number in range(records)]
    return json.dumps({"rrsets": sets}, separators=(",", ":"))


def answers(zones) -> dict:
    """What the upstream says: each zone has one record."""
    def zone(name: str) -> dict:
        """One zone as PowerDNS shows it."""
        rrset = {"comments": [], "name": f"www.{name}.", "ttl": 300, "type": "A",
                 "records": [{"content": "192.0.2.1", "disabled": False}]}
        return {"account": "", "id": f"{name}.", "kind": "Native", "name": f"{name}.", "rrsets": [rrset], "serial": 1,
                "url": f"{gates.ZONES}{name}."}
    shown = {f"GET {gates.ZONES}{name}.": (200, json.dumps(zone(name))) for name in sorted(zones)}
    return {"PATCH": (204, None), **shown, "GET": (404, None)}


class Folder:
    """One folder, packed, with those of its keys that speak."""

    def __init__(self, place: Path, size: Size, command: Path = paths.OPTIMISED):
        """Writes it and packs it with this build of the command."""
        self.place, self.size, self.command, self.policies = place, size, command, place / "policies"
        big.write(self.policies, size.policies, size.keys, 0)
        self.keys = big.holders(size.policies, size.keys)
        self.speaking = self._speaking()
        self.bundles = (self._packed("one"), self._repacked())
        if self.bundles[0].digest == self.bundles[1].digest:
            raise term.fail("two different folders have the same digest")
        self.bundle_mib = self.bundles[0].file.stat().st_size / (1 << 20)

    def _speaking(self) -> list:
        """Keys from all over the folder that may ask all that is asked, from anywhere."""
        teams = sorted({key.team for key in self.keys if {"read", "write"} <= set(key.team.kinds)}, key=lambda team: team.number)
        chosen = set(teams[::-(-len(teams) // ZONES_MAX)])
        able = [key for key in self.keys if key.works_anywhere and key.team in chosen]
        count = min(len(able), SPEAKING_MAX)
        return [able[at * len(able) // count] for at in range(count)]

    @property
    def zones(self) -> set:
        """The zones that are asked for."""
        return {key.team.zone for key in self.speaking}

    def _packed(self, name: str) -> reload.Bundle:
        """The discovery file of what is there now."""
        file = self.place / f"{name}.json"
        return reload.Bundle(file, gates.packed(file, self.policies, self.command))

    def _repacked(self) -> reload.Bundle:
        """The same with one sentence changed, so that Envoy takes it for another."""
        file = self.policies / "common.cedar"
        text = file.read_text()
        file.write_text(text.replace("For every key: see", "For each key: see", 1))
        other = self._packed("other")
        file.write_text(text)
        return other

    def bare(self) -> Path:
        """The bundle by itself, for the policy server."""
        file = self.place / "bare.bundle"
        done = gate.zonegate("bundle", self.policies, "--bare", "--output", file, command=self.command)
        if done.returncode:
            raise term.fail(f"{self.policies} cannot be packed:\n{done.stdout}{done.stderr}")
        return file

    def script(self, work: str, one_key: bool = False) -> Path:
        """The load generator's script for this work, with all keys that speak, or the first."""
        file = self.place / f"{WORKS.index(work)}-{'one' if one_key else 'many'}.lua"
        if not file.exists():
            records = _RECORDS.get(work)
            asked = [(key.text, f"{gates.ZONES}{key.team.zone}.", body(key.team.zone, records) if records else "")
                     for key in (self.speaking[:1] if one_key else self.speaking)]
            load.script_in_turn(file, "PATCH" if records else "GET", asked)
        return file
