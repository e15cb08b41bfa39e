"""`python3 -m lab.big DIR`: a large policies folder that is always the same, to measure with.

Its policies are of the kinds that `policies/` has: roles for a zone, for zones by a pattern of their names, for record
names by a regular expression, with rules about values, windows, networks and attributes; templates; guardrails.
Each team has a role, a zone and up to eight policies; keys belong to teams, and every other one has a grant as well.
The tables are true: `zonegate test DIR` passes.
"""

import argparse
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

TEAMS_PER_FILE, ROWS_PER_TABLE = 10, 1000
"""How many teams share a policy file, and how many rows a table."""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM_MODULUS = 56_800_235_581
"""What the end of a key is made with; see engine/src/key/text.rs."""

_GUARDS = '''\
@id("every-key")
@doc("For every key: see the list of the zones it can read, and ask what it may do.")
permit (principal, action in [Action::"zone.list", Action::"key.describe"], resource);

@id("key-networks")
@doc("For every key that lists networks: it works from there only.")
forbid (principal, action, resource)
when { principal has networks && !principal.networks.containsAny(context.networks) };

@id("no-apex-ns-or-soa")
@doc("For everybody: who serves a zone, and its SOA, stay as they are.")
forbid (principal, action in Action::"write", resource)
when { resource.type == RecordType::"SOA" || (resource.type == RecordType::"NS" && resource.apex) };

@id("no-caa")
@doc("For everybody: who may issue certificates stays as it is.")
forbid (principal, action in Action::"write", resource)
when { resource.type == RecordType::"CAA" };

@id("no-wildcards")
@doc("For everybody: no wildcard names.")
forbid (principal, action == Action::"record.wildcard", resource);
'''
"""What holds for everybody, in every folder."""

_TEMPLATES = '''
@id("acme-host-read")
@grant("acme-host")
@binds("zone")
@doc("For the ACME client of one host: read the zone.")
permit (principal == ?principal, action == Action::"zone.read", resource == ?resource);

@id("acme-host-write")
@grant("acme-host")
@binds("name")
@doc("For the ACME client of one host: TXT records at its challenge name.")
permit (
  principal == ?principal,
  action in [Action::"record.read", Action::"record.create", Action::"record.delete"],
  resource in ?resource
)
when { resource.type == RecordType::"TXT" && resource.leftmost == "_acme-challenge" };

@id("ddns-read")
@grant("ddns")
@binds("zone")
@doc("For a host that updates its own address: read the zone.")
permit (principal == ?principal, action == Action::"zone.read", resource == ?resource);

@id("ddns-create")
@grant("ddns")
@binds("name")
@doc("For a host that updates its own address: only to the address that it asks from.")
permit (principal == ?principal, action == Action::"record.create", resource in ?resource)
when { [RecordType::"A", RecordType::"AAAA"].contains(resource.type) }
when { resource has address && resource.address == context.client_ip };

@id("ddns-replace")
@grant("ddns")
@binds("name")
@doc("For a host that updates its own address: read and replace the old ones.")
permit (principal == ?principal, action in [Action::"record.read", Action::"record.delete"], resource in ?resource)
when { [RecordType::"A", RecordType::"AAAA"].contains(resource.type) };

@id("zone-records")
@grant("zone-records")
@binds("zone")
@doc("For a deployment: read and write the records of one zone.")
permit (
  principal == ?principal,
  action in [Action::"zone.read", Action::"record.read", Action::"record.create", Action::"record.delete"],
  resource in ?resource
);
'''
"""What grants link; a very small folder has none."""

_RECORDS = '[Action::"record.read", Action::"record.create", Action::"record.delete"]'

_KINDS = {
    "read": '''permit (
  principal in Role::"{role}",
  action in [Action::"zone.read", Action::"record.read"],
  resource in Zone::"{zone}"
);''',
    "write": '''permit (
  principal in Role::"{role}",
  action in [Action::"record.create", Action::"record.delete"],
  resource in Zone::"{zone}"
)
when {{
  [RecordType::"A", RecordType::"AAAA", RecordType::"CNAME", RecordType::"MX", RecordType::"SRV"].contains(resource.type)
}}
unless {{ resource.relative like "*.preview" }};''',
    "children": '''permit (
  principal in Role::"{role}",
  action in [Action::"zone.read", Action::"record.read", Action::"record.create", Action::"record.delete"],
  resource
)
when {{ resource.zone like "*.{zone}" }};''',
    "acme": '''permit (
  principal in Role::"{role}",
  action in ''' + _RECORDS + ''',
  resource in Pattern::"acme-challenge"
)
when {{ resource.zone == "{zone}" && resource.type == RecordType::"TXT" }};''',
    "notify": '''permit (
  principal in Role::"{role}",
  action == Action::"zone.transfer",
  resource in Zone::"{zone}"
)
when {{ context.route == Route::"powerdns/zone-notify" }};''',
    "hosts": '''permit (
  principal in Role::"{role}",
  action == Action::"record.create",
  resource in Domain::"apps.{zone}"
)
when {{ resource has address && resource.address.isInRange(ip("10.{high}.{low}.0/24")) }};''',
    "nights": '''forbid (
  principal in Role::"{role}",
  action == Action::"record.delete",
  resource in Domain::"prod.{zone}"
)
unless {{ context.networks.contains(Network::"office") && context.windows.contains(Window::"office-hours") }};''',
    "previews": '''permit (
  principal in Role::"{role}",
  action in ''' + _RECORDS + ''',
  resource in Pattern::"preview-host"
)
when {{ resource.zone == "{zone}" }}
when {{ principal.hasTag("environment") && principal.getTag("environment") == "preview" }};''',
}
"""What a team's policies are, by the end of their ids."""

_SMALL = ("read", "write", "children", "acme", "previews", "hosts", "nights", "notify")
"""In which order a folder that has no room for a whole team has them: first those that a change of a record meets."""

_SETTINGS = {
    "patterns.toml": '''\
[pattern.acme-challenge]
description = "any name whose first label is _acme-challenge"
reads = "name"
regex = '_acme-challenge\\..+'

[pattern.preview-host]
description = "pr-17.preview: the host of one pull request"
reads = "relative"
regex = 'pr-[1-9][0-9]{0,5}\\.preview'
''',
    "networks.toml": '''\
[network.office]
description = "the office"
ranges = ["192.0.2.0/24", "2001:db8:0ff1::/48"]
''',
    "windows.toml": '''\
time_zone = "Europe/Amsterdam"

[window.office-hours]
description = "when somebody is in the office"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "09:00"
to = "17:00"
''',
}

_TABLE_HEAD = '''\
provider = "powerdns"
account = "main"
now = "2026-06-03T10:00:00Z"
from = "192.0.2.7"
'''


@dataclass(frozen=True)
class Team:
    """A team with those of its policies that there are."""

    number: int
    kinds: tuple

    @property
    def role(self) -> str:
        """Its role."""
        return f"team-{self.number:04}"

    @property
    def zone(self) -> str:
        """Its zone."""
        return f"z{self.number:04}.example"

    def policy(self, kind: str) -> str:
        """The id of one of its policies."""
        return f"t{self.number:04}-{kind}"

    def text(self, changed: set) -> str:
        """Its policies, those in `changed` with something taken away or given."""
        values = {"role": self.role, "zone": self.zone, "high": self.number // 256, "low": self.number % 256}
        made = []
        for kind in self.kinds:
            body = _KINDS[kind].format(**values)
            if self.policy(kind) in changed:
                body = _changed(body)
            made.append(f'@id("{self.policy(kind)}")\n@doc("For {self.role}: {kind}.")\n{body}\n')
        return "\n".join(made)


def _changed(body: str) -> str:
    """A policy that decides something else: without deletions or, where it has none, without its last condition."""
    without = body.replace(', Action::"record.delete"', "")
    if without != body:
        return without
    head, found, _ = body.rpartition("\nwhen {")
    return head + ";" if found else body.replace('Action::"record.read"', 'Action::"dnssec.read"')


@dataclass(frozen=True)
class Key:
    """A key, made from its number."""

    number: int
    team: Team
    may_have_grant: bool = True

    @property
    def id(self) -> str:
        """Its id."""
        return f"big{self.number:09}"

    @property
    def text(self) -> str:
        """The whole key."""
        drawn = hashlib.sha512(f"big key {self.number}".encode()).digest()
        body = f"zgk_{self.id}_" + "".join(_BASE62[byte % 62] for byte in drawn[:41])
        total = 0
        for byte in body.encode():
            total = (total * 131 + byte) % _CHECKSUM_MODULUS
        digits = ""
        for _ in range(6):
            total, digit = divmod(total, 62)
            digits = _BASE62[digit] + digits
        return body + digits

    @property
    def own_zone(self) -> str:
        """The zone that its grant is for."""
        return f"g{self.number:06}.example"

    @property
    def grant(self) -> str | None:
        """The grant that it has, if it has one."""
        return None if not self.may_have_grant else (None, "acme-host", None, "ddns", None, "zone-records")[self.number % 6]

    @property
    def works_anywhere(self) -> bool:
        """Whether it works from outside the office, too."""
        return self.number % 5 != 1

    @property
    def has_previews(self) -> bool:
        """Whether it may point previews somewhere."""
        return self.number % 4 == 0

    def entry(self) -> str:
        """Its entry in the keys file."""
        lines = ["[[key]]", f'id = "{self.id}"', f'digest = "sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"',
                 f'description = "key {self.number} of {self.team.role}"', 'accounts = ["powerdns/main"]', f'roles = ["{self.team.role}"]']
        if self.has_previews:
            lines.append('attributes = { environment = "preview" }')
        if not self.works_anywhere:
            lines.append('networks = ["office"]')
        if self.number % 3:
            lines.append(f"expires = {2027 + self.number % 3}-01-01T00:00:00Z")
        if self.grant:
            lines += ["", "[[key.grant]]", f'grant = "{self.grant}"', f'zone = "{self.own_zone}"']
            name = {"acme-host": "_acme-challenge.www", "ddns": "home"}.get(self.grant)
            if name:
                lines.append(f'name = "{name}.{self.own_zone}"')
        return "\n".join(lines) + "\n"


def _path(zone: str, more: str = "") -> str:
    """A zone's path at PowerDNS."""
    return f"/api/v1/servers/localhost/zones/{zone}.{more}"


def _replace(zone: str, name: str, record_type: str, value: str) -> str:
    """A request that replaces one rrset by one value."""
    content = value.replace('"', '\\"')
    body = (f'{{"rrsets":[{{"name":"{name}.{zone}.","type":"{record_type}","ttl":60,"changetype":"REPLACE",'
            f'"records":[{{"content":"{content}","disabled":false}}]}}]}}')
    return f"send = \"PATCH {_path(zone)}\"\nbody = '{body}'\n"


def _delete(zone: str, name: str, record_type: str) -> str:
    """A request that deletes one rrset."""
    body = f'{{"rrsets":[{{"name":"{name}.{zone}.","type":"{record_type}","changetype":"DELETE"}}]}}'
    return f"send = \"PATCH {_path(zone)}\"\nbody = '{body}'\n"


def _allow(*policies: str) -> str:
    """An allow by these policies."""
    return "allow = [" + ", ".join(f'"{each}"' for each in policies) + "]\n"


_NOBODY = 'deny = "no-policy-allows"\n'


def _listing(key: Key) -> str:
    """Every key lists its zones."""
    return 'send = "GET /api/v1/servers/localhost/zones"\nmeans = ["zone.list"]\n' + _allow("every-key")


def _of_team(kind: str, key: Key) -> str | None:
    """A request that is about one of the policies of the key's team; none where the team lacks it."""
    team, zone = key.team, key.team.zone
    if kind not in team.kinds:
        return None
    by = _allow(team.policy(kind))
    if kind == "read":
        return f'send = "GET {_path(zone)}"\nmeans = ["zone.read {zone}"]\n' + by
    if kind == "write":
        means = (f"means = ['record.delete {zone} www.{zone} A', 'record.create {zone} www.{zone} A \"192.0.2.1\"']\n")
        return _replace(zone, "www", "A", "192.0.2.1") + means + by
    if kind == "children":
        return _replace(f"sub.{zone}", f"h{key.number}", "TXT", '"x"') + by
    if kind == "acme":
        return _replace(zone, "_acme-challenge.www", "TXT", '"token"') + by
    if kind == "notify":
        return f'send = "PUT {_path(zone, "/notify")}"\n' + by
    if kind == "hosts":
        address = f"10.{team.number // 256}.{team.number % 256}.{key.number % 250 + 1}"
        return _replace(zone, "x.apps", "A", address) + _allow(team.policy("hosts"), team.policy("write"))
    if kind == "nights":
        return _delete(zone, "db.prod", "A") + f'now = "2026-06-03T22:30:00Z"\ndeny = "policy-forbids"\nby = ["{team.policy("nights")}"]\n'
    return _replace(zone, "pr-7.preview", "CNAME", f"www.{zone}.") + (by if key.has_previews else _NOBODY)


def _of_grant(key: Key) -> str | None:
    """A request that is about the key's grant; none where it has none."""
    zone = key.own_zone
    if key.grant == "acme-host":
        return _replace(zone, "_acme-challenge.www", "TXT", '"token"') + _allow("acme-host-write")
    if key.grant == "ddns":
        return _replace(zone, "home", "A", "192.0.2.7") + _allow("ddns-create", "ddns-replace")
    if key.grant == "zone-records":
        return _delete(zone, "old", "TXT") + _allow("zone-records")
    return None


_ROWS = [*_KINDS, "grant", "foreign", "caa"]
"""The kinds of rows."""


def _row(number: int, key: Key) -> str:
    """One row; each number has its kind of request."""
    kind = _ROWS[number % len(_ROWS)]
    if kind == "grant":
        made = _of_grant(key)
    elif kind == "foreign":
        made = _replace("elsewhere.test", "www", "A", "192.0.2.1") + _NOBODY
    elif kind == "caa":
        made = _delete(key.team.zone, "www", "CAA") + 'deny = "policy-forbids"\nby = ["no-caa"]\n'
    else:
        made = _of_team(kind, key)
    return f'[[case]]\nname = "{number}: {kind}"\nkey = "{key.id}"\n' + (made or _listing(key))


def _is_small(policies: int) -> bool:
    """Whether there is no room for templates and a whole team."""
    return policies < _GUARDS.count("@id(") + _TEMPLATES.count("@id(") + len(_KINDS)


def _teams(policies: int) -> list:
    """The teams that bring the number of policies up to this one."""
    left = policies - _GUARDS.count("@id(")
    if left < 0:
        raise SystemExit(f"a folder has at least {_GUARDS.count('@id(')} policies")
    if not _is_small(policies):
        left -= _TEMPLATES.count("@id(")
    names = _SMALL if _is_small(policies) else tuple(_KINDS)
    whole, rest = divmod(left, len(names))
    return [Team(number, names) for number in range(whole)] + ([Team(whole, names[:rest])] if rest else [])


def holders(policies: int, keys: int) -> list:
    """The keys of a folder of this size."""
    owners = _teams(policies) or [Team(0, ())]
    return [Key(number, owners[number % len(owners)], not _is_small(policies)) for number in range(keys)]


def write(folder: Path, policies: int, keys: int, rows: int, changed: int = 0) -> None:
    """Writes the folder, in the place of what was there; `changed` policies decide otherwise, for comparisons."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("roles", "cases"):
        (folder / part).mkdir(parents=True)
    teams = _teams(policies)
    ids = [team.policy(kind) for team in teams for kind in team.kinds]
    other = {ids[at * len(ids) // changed] for at in range(changed)} if ids else set()
    texts = {"common.cedar": _GUARDS if _is_small(policies) else _GUARDS + _TEMPLATES, **_SETTINGS}
    for at in range(0, len(teams), TEAMS_PER_FILE):
        texts[f"roles/teams-{at // TEAMS_PER_FILE:03}.cedar"] = "\n".join(team.text(other) for team in teams[at:at + TEAMS_PER_FILE])
    owners = teams or [Team(0, ())]
    texts["roles.toml"] = "\n".join(f'[role.{team.role}]\ndescription = "works on {team.zone}"\n' for team in owners)
    made_keys = holders(policies, keys)
    texts["keys.toml"] = "\n".join(key.entry() for key in made_keys)
    if rows:
        texts["cases/demo-keys.toml"] = "".join(f'{key.id} = "{key.text}"\n' for key in made_keys)
    # Keys and kinds of rows take turns in steps that share no divisor, so that each meets each.
    made = [_row(number, made_keys[(number * 6 + number // len(_ROWS)) % keys]) for number in range(rows)] if keys else []
    for at in range(0, len(made), ROWS_PER_TABLE):
        texts[f"cases/rows-{at // ROWS_PER_TABLE:03}.toml"] = _TABLE_HEAD + "\n" + "\n".join(made[at:at + ROWS_PER_TABLE])
    listed = [name for name in texts if not name.startswith("cases/")]
    texts["manifest.toml"] = f"files = [{', '.join(chr(34) + name + chr(34) for name in listed)}]\ncoverage = []\n"
    for name, text in texts.items():
        (folder / name).write_text(text)


def main() -> None:
    """Reads the command line and writes the folder."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.big", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--policies", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--changed", type=int, default=0, help="so many policies decide otherwise than without this; the tables "
                        "are then no longer true")
    chosen = parser.parse_args()
    write(chosen.folder, chosen.policies, chosen.keys, chosen.rows, chosen.changed)


if __name__ == "__main__":
    main()
