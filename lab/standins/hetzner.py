"""Hetzner Cloud's zones and rrsets, as https://docs.hetzner.cloud/reference/cloud describes them: zones by id or name, rrsets by
name and type, every write answered by an action.

As there: names are lower case and relative, TXT values are quoted, an rrset without records is refused, `remove_records` deletes
an rrset with its last record, a protected rrset cannot be changed.
"""

import functools
import re

from .base import Response, StandIn, demo_records, demo_zones
from .base import route as plain_route

TYPES = ("A", "AAAA", "CAA", "CNAME", "DS", "HINFO", "HTTPS", "MX", "NS", "PTR", "RP", "SOA", "SRV", "SVCB", "TLSA", "TXT")
"""The record types that there are."""

SERVERS = ("hydrogen.ns.hetzner.com.", "oxygen.ns.hetzner.com.", "helium.ns.hetzner.de.")
"""The name servers of every zone."""

NOW = "2026-06-03T10:00:00Z"
"""When everything happens."""


class Refused(Exception):
    """An answer that ends a handler: its status, code and message."""


def error(status: int, code: str, message: str, details=None) -> Response:
    """An error as Hetzner writes it."""
    return Response(status, {"error": {"code": code, "message": message, "details": details}})


def invalid(field: str, why: str) -> Refused:
    """A field that is not what it should be."""
    return Refused(422, "invalid_input", f"invalid input in field '{field}'", {"fields": [{"name": field, "messages": [why]}]})


def route(method: str, path: str):
    """Registers a handler whose refusals become answers."""
    def mark(handler):
        """Wraps the handler."""
        @plain_route(method, path)
        @functools.wraps(handler)
        def answer(self, request):
            """Its answer, or its refusal."""
            try:
                return handler(self, request)
            except Refused as refused:
                return error(*refused.args)
        return answer
    return mark


class Api(StandIn):
    """`zones`: name to a zone with its rrsets under `rrsets`, by (name, type)."""

    prefix = "/v1"

    def seed(self):
        """The demo zones, numbered from 42."""
        self.zones, self.actions = {}, {}
        for zone in demo_zones():
            self._new_zone(zone, "primary", 3600, {})
        for zone, name, kind, value in demo_records():
            rrset = self._rrset(self.zones[zone], name, kind, create=True)
            rrset["records"].append({"value": value, "comment": ""})

    def credential(self, headers, body):
        """A token."""
        return headers.get("authorization") == f"Bearer {self.secret}"

    def unauthorized(self, request):
        """No token, or a wrong one."""
        return error(401, "unauthorized", "unable to authenticate")

    def not_found(self, request):
        """No such path."""
        return error(404, "not_found", "not found")

    def wrong_method(self, request):
        """No such method."""
        return error(405, "method_not_allowed", "method not allowed")

    def _new_zone(self, name: str, mode: str, ttl: int, labels: dict) -> dict:
        """A zone with its name servers."""
        zone = {"id": self.take_id("zone", first=42), "name": name, "mode": mode, "status": "ok", "ttl": ttl, "protection": {"delete": False},
                "labels": labels, "primary_nameservers": [], "rrsets": {}}
        self.zones[name] = zone
        self._rrset(zone, "@", "NS", create=True)["records"] = [{"value": server, "comment": ""} for server in SERVERS]
        return zone

    def _shown(self, zone: dict) -> dict:
        """A zone as it is answered."""
        return {"id": zone["id"], "name": zone["name"], "mode": zone["mode"], "status": zone["status"], "ttl": zone["ttl"],
                "record_count": sum(len(rrset["records"]) for rrset in zone["rrsets"].values()), "protection": zone["protection"],
                "labels": zone["labels"], "created": NOW, "registrar": "other",
                "authoritative_nameservers": {"assigned": list(SERVERS), "delegated": [], "delegation_last_check": None,
                                              "delegation_status": "unknown"},
                "primary_nameservers": zone["primary_nameservers"]}

    def _zone(self, request) -> dict:
        """The zone of a path, by its id or name."""
        wanted = request.path_args["zone"]
        found = next((zone for zone in self.zones.values() if wanted in (str(zone["id"]), zone["name"])), None)
        if found is None:
            raise Refused(404, "not_found", f"zone '{wanted}' not found")
        return found

    def _rrset(self, zone: dict, name: str, kind: str, create: bool = False) -> dict:
        """An rrset; a new one where there is none, if it may be created."""
        key = (name, kind)
        if key not in zone["rrsets"]:
            if not create:
                raise Refused(404, "not_found", f"rrset '{name}/{kind}' not found")
            zone["rrsets"][key] = {"id": f"{name}/{kind}", "name": name, "type": kind, "ttl": None, "labels": {},
                                   "protection": {"change": False}, "records": [], "zone": zone["id"]}
        return zone["rrsets"][key]

    def _of_path(self, request, create: bool = False, protected: bool = False) -> tuple:
        """The zone and rrset of a path."""
        zone = self._zone(request)
        self._primary(zone)
        name, kind = request.path_args["name"], request.path_args["type"]
        self._check_name(zone, name, kind)
        rrset = self._rrset(zone, name, kind, create)
        if rrset["protection"]["change"] and not protected:
            raise Refused(423, "protected", f"rrset '{name}/{kind}' is protected")
        return zone, rrset

    @staticmethod
    def _primary(zone: dict) -> None:
        """Only a primary zone has rrsets of its own."""
        if zone["mode"] != "primary":
            raise Refused(422, "incorrect_zone_mode", "this operation is not supported for this zone's mode")

    @staticmethod
    def _check_name(zone: dict, name: str, kind: str) -> None:
        """Names are lower case, without a dot at the end and without the zone."""
        plain = re.fullmatch(r"@|(\*|[a-z0-9_-]{1,63})(\.[a-z0-9_-]{1,63})*", name)
        if not plain or name == zone["name"] or name.endswith("." + zone["name"]):
            raise invalid("name", "is not a valid name")
        if kind not in TYPES:
            raise invalid("type", "is not a valid type")

    @staticmethod
    def _records(body, kind: str) -> list:
        """The records of a body."""
        records = body.get("records") if isinstance(body, dict) else None
        if not isinstance(records, list) or not 1 <= len(records) <= 50:
            raise invalid("records", "must have between 1 and 50 items")
        made = []
        for record in records:
            if not isinstance(record, dict) or not isinstance(record.get("value"), str):
                raise invalid("records", "value is missing")
            if kind == "TXT" and not re.fullmatch(r'"(?:[^"\\]|\\.)*"( "(?:[^"\\]|\\.)*")*', record["value"]):
                raise invalid("records", "TXT records must be quoted")
            made.append({"value": record["value"], "comment": record.get("comment") or ""})
        if len({record["value"] for record in made}) != len(made):
            raise invalid("records", "values must be distinct")
        return made

    @staticmethod
    def _body(request) -> dict:
        """The body, which must be an object."""
        body = request.json()
        if not isinstance(body, dict):
            raise Refused(400, "json_error", "invalid JSON input")
        return body

    def _ttl(self, body: dict):
        """A TTL, or null."""
        ttl = body.get("ttl")
        if ttl is not None and (not isinstance(ttl, int) or isinstance(ttl, bool) or not 60 <= ttl <= 2147483647):
            raise invalid("ttl", "must be between 60 and 2147483647")
        return ttl

    def _action(self, zone: dict, command: str) -> dict:
        """A new action, which is running the first time it is seen and done afterwards."""
        number = self.take_id("action", first=4711)
        self.actions[number] = {"id": number, "command": command, "status": "success", "progress": 100, "started": NOW, "finished": NOW,
                                "resources": [{"id": zone["id"], "type": "zone"}], "error": None}
        return {**self.actions[number], "status": "running", "progress": 0, "finished": None}

    def _done(self, zone: dict, command: str, /, status: int = 201, **more) -> Response:
        """The answer of a write."""
        return Response(status, {**more, "action": self._action(zone, command)})

    def _page(self, request, key: str, items: list, size_max: int = 50) -> Response:
        """One page of a list, with its place in body and header."""
        size = min(max(request.number("per_page", 25), 1), size_max)
        page, last = max(request.number("page", 1), 1), max(-(-len(items) // size), 1)
        near = {"prev": page - 1 if page > 1 else None, "next": page + 1 if page < last else None, "last": last}
        links = [f'<https://api.hetzner.cloud/v1{request.path}?page={number}&per_page={size}>; rel="{rel}"'
                 for rel, number in near.items() if number]
        meta = {"page": page, "per_page": size, "previous_page": near["prev"], "next_page": near["next"], "last_page": last,
                "total_entries": len(items)}
        return Response(200, {key: items[(page - 1) * size:page * size], "meta": {"pagination": meta}}, {"Link": ", ".join(links)})

    @route("GET", "/zones")
    def list_zones(self, request):
        """All zones, or the one of a name."""
        wanted = request.first("name")
        return self._page(request, "zones", [self._shown(zone) for zone in self.zones.values() if wanted in (None, zone["name"])])

    @route("POST", "/zones")
    def create_zone(self, request):
        """A new zone."""
        body = self._body(request)
        name, mode = body.get("name"), body.get("mode")
        if not isinstance(name, str) or not re.fullmatch(r"([a-z0-9_-]{1,63}\.)+[a-z0-9-]{1,63}", name):
            raise invalid("name", "is not a valid name")
        if mode not in ("primary", "secondary"):
            raise invalid("mode", "must be primary or secondary")
        if name in self.zones:
            raise Refused(409, "uniqueness_error", f"zone '{name}' already exists")
        rrsets = [(each.get("name"), each.get("type"), self._records(each, each.get("type")), self._ttl(each), each.get("labels") or {})
                  for each in body.get("rrsets") or []]
        zone = self._new_zone(name, mode, self._ttl(body) or 3600, body.get("labels") or {})
        zone["primary_nameservers"] = body.get("primary_nameservers") or []
        for owner, kind, records, ttl, labels in rrsets if mode == "primary" else []:
            self._check_name(zone, owner, kind)
            self._rrset(zone, owner, kind, create=True).update(records=records, ttl=ttl, labels=labels)
        return self._done(zone, "create_zone", zone=self._shown(zone))

    @route("GET", "/zones/{zone}")
    def zone(self, request):
        """One zone."""
        return Response(200, {"zone": self._shown(self._zone(request))})

    @route("PUT", "/zones/{zone}")
    def update_zone(self, request):
        """Its labels."""
        zone = self._zone(request)
        zone["labels"] = self._body(request).get("labels", zone["labels"])
        return Response(200, {"zone": self._shown(zone)})

    @route("DELETE", "/zones/{zone}")
    def delete_zone(self, request):
        """A zone goes, unless it is protected."""
        zone = self._zone(request)
        if zone["protection"]["delete"]:
            raise Refused(423, "protected", "zone is protected")
        del self.zones[zone["name"]]
        return self._done(zone, "delete_zone")

    @route("GET", "/zones/{zone}/zonefile")
    def zonefile(self, request):
        """All records as text."""
        zone = self._zone(request)
        lines = [f"{rrset['name']}\tIN\t{rrset['type']}\t{record['value']}" for rrset in zone["rrsets"].values() for record in rrset["records"]]
        return Response(200, {"zonefile": "\n".join([f"$ORIGIN\t{zone['name']}.", f"$TTL\t{zone['ttl']}", *lines, ""])})

    @route("POST", "/zones/{zone}/actions/import_zonefile")
    def import_zonefile(self, request):
        """Lines of `name IN type value` in the place of all that there is."""
        zone, text = self._zone(request), self._body(request).get("zonefile")
        if not isinstance(text, str):
            raise invalid("zonefile", "is missing")
        zone["rrsets"] = {}
        for name, kind, value in re.findall(r"^(\S+)\s+IN\s+(\S+)\s+(.+)$", text, re.MULTILINE):
            self._rrset(zone, name, kind, create=True)["records"].append({"value": value, "comment": ""})
        return self._done(zone, "import_zonefile")

    @route("POST", "/zones/{zone}/actions/change_primary_nameservers")
    def change_primaries(self, request):
        """The primaries of a secondary zone."""
        zone = self._zone(request)
        if zone["mode"] != "secondary":
            raise Refused(422, "incorrect_zone_mode", "this operation is not supported for this zone's mode")
        zone["primary_nameservers"] = self._body(request).get("primary_nameservers") or []
        return self._done(zone, "change_primary_nameservers")

    @route("POST", "/zones/{zone}/actions/change_protection")
    def protect_zone(self, request):
        """Against deletion."""
        zone = self._zone(request)
        zone["protection"]["delete"] = bool(self._body(request).get("delete"))
        return self._done(zone, "change_protection")

    @route("POST", "/zones/{zone}/actions/change_ttl")
    def change_zone_ttl(self, request):
        """The TTL of rrsets without one."""
        zone = self._zone(request)
        zone["ttl"] = self._ttl(self._body(request)) or 3600
        return self._done(zone, "change_ttl")

    @route("GET", "/zones/{zone}/rrsets")
    def rrsets(self, request):
        """The rrsets of a zone, of a name, of types."""
        zone = self._zone(request)
        self._primary(zone)
        name, kinds = request.first("name"), request.query.get("type")
        chosen = [rrset for rrset in zone["rrsets"].values() if name in (None, rrset["name"]) and (not kinds or rrset["type"] in kinds)]
        return self._page(request, "rrsets", chosen, 100)

    @route("POST", "/zones/{zone}/rrsets")
    def create_rrset(self, request):
        """A new rrset."""
        zone, body = self._zone(request), self._body(request)
        self._primary(zone)
        name, kind = body.get("name"), body.get("type")
        if not isinstance(name, str) or not isinstance(kind, str):
            raise invalid("name", "is missing")
        self._check_name(zone, name, kind)
        records, ttl = self._records(body, kind), self._ttl(body)
        if (name, kind) in zone["rrsets"]:
            raise Refused(409, "uniqueness_error", f"rrset '{name}/{kind}' already exists")
        rrset = self._rrset(zone, name, kind, create=True)
        rrset.update(records=records, ttl=ttl, labels=body.get("labels") or {})
        return self._done(zone, "create_rrset", rrset=rrset)

    @route("GET", "/zones/{zone}/rrsets/{name}/{type}")
    def rrset(self, request):
        """One rrset."""
        return Response(200, {"rrset": self._of_path(request, protected=True)[1]})

    @route("PUT", "/zones/{zone}/rrsets/{name}/{type}")
    def update_rrset(self, request):
        """Its labels."""
        _, rrset = self._of_path(request, protected=True)
        rrset["labels"] = self._body(request).get("labels", rrset["labels"])
        return Response(200, {"rrset": rrset})

    @route("DELETE", "/zones/{zone}/rrsets/{name}/{type}")
    def delete_rrset(self, request):
        """An rrset goes."""
        zone, rrset = self._of_path(request)
        del zone["rrsets"][rrset["name"], rrset["type"]]
        return self._done(zone, "delete_rrset")

    @route("POST", "/zones/{zone}/rrsets/{name}/{type}/actions/add_records")
    def add_records(self, request):
        """Records are added, to a new rrset if need be."""
        body = self._body(request)
        records, ttl = self._records(body, request.path_args["type"]), self._ttl(body)
        zone, rrset = self._of_path(request, create=True)
        have = {record["value"] for record in rrset["records"]}
        if have & {record["value"] for record in records}:
            raise Refused(409, "uniqueness_error", "record already exists")
        if rrset["records"] and ttl is not None and ttl != rrset["ttl"]:
            raise invalid("ttl", "must be that of the rrset")
        rrset["ttl"] = ttl if not rrset["records"] else rrset["ttl"]
        rrset["records"] += records
        return self._done(zone, "add_rrset_records")

    @route("POST", "/zones/{zone}/rrsets/{name}/{type}/actions/remove_records")
    def remove_records(self, request):
        """Records go, and the rrset with the last of them."""
        zone, rrset = self._of_path(request)
        gone = {record["value"] for record in self._records(self._body(request), rrset["type"])}
        if gone - {record["value"] for record in rrset["records"]}:
            raise Refused(404, "not_found", "record not found")
        rrset["records"] = [record for record in rrset["records"] if record["value"] not in gone]
        if not rrset["records"]:
            del zone["rrsets"][rrset["name"], rrset["type"]]
        return self._done(zone, "remove_rrset_records")

    @route("POST", "/zones/{zone}/rrsets/{name}/{type}/actions/set_records")
    def set_records(self, request):
        """Records in the place of those that are there."""
        zone, rrset = self._of_path(request)
        rrset["records"] = self._records(self._body(request), rrset["type"])
        return self._done(zone, "set_rrset_records")

    @route("POST", "/zones/{zone}/rrsets/{name}/{type}/actions/update_records")
    def update_records(self, request):
        """Comments of records."""
        zone, rrset = self._of_path(request)
        new = {record["value"]: record["comment"] for record in self._records(self._body(request), rrset["type"])}
        for record in rrset["records"]:
            record["comment"] = new.get(record["value"], record["comment"])
        return self._done(zone, "update_rrset_records", status=200)

    @route("POST", "/zones/{zone}/rrsets/{name}/{type}/actions/change_ttl")
    def change_ttl(self, request):
        """An rrset's TTL; null is the zone's."""
        zone, rrset = self._of_path(request)
        rrset["ttl"] = self._ttl(self._body(request))
        return self._done(zone, "change_rrset_ttl")

    @route("POST", "/zones/{zone}/rrsets/{name}/{type}/actions/change_protection")
    def protect_rrset(self, request):
        """Against changes."""
        zone, rrset = self._of_path(request, protected=True)
        rrset["protection"]["change"] = bool(self._body(request).get("change"))
        return self._done(zone, "change_rrset_protection")

    @route("GET", "/actions/{action:int}")
    @route("GET", "/zones/actions/{action:int}")
    def action(self, request):
        """One action."""
        found = self.actions.get(request.path_args["action"])
        return Response(200, {"action": found}) if found else error(404, "not_found", "action not found")

    @route("GET", "/zones/{zone}/actions/{action:int}")
    def action_of_zone(self, request):
        """One action of a zone."""
        zone, found = self._zone(request), self.actions.get(request.path_args["action"])
        mine = found and found["resources"][0]["id"] == zone["id"]
        return Response(200, {"action": found}) if mine else error(404, "not_found", "action not found")

    @route("GET", "/actions")
    def some_actions(self, request):
        """Actions by their ids, and only so."""
        wanted = request.query.get("id")
        if not wanted:
            return error(410, "deprecated_api_endpoint", "listing arbitrary actions was removed")
        return self._page(request, "actions", [self.actions[int(each)] for each in wanted if each.isdecimal() and int(each) in self.actions])

    @route("GET", "/zones/actions")
    def all_actions(self, request):
        """All actions of all zones."""
        wanted = request.query.get("id")
        return self._page(request, "actions", [each for each in self.actions.values() if not wanted or str(each["id"]) in wanted])

    @route("GET", "/zones/{zone}/actions")
    def actions_of_zone(self, request):
        """All actions of a zone."""
        number = self._zone(request)["id"]
        return self._page(request, "actions", [each for each in self.actions.values() if each["resources"][0]["id"] == number])
