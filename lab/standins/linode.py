"""Linode's API v4 for domains, as its OpenAPI description and recorded traffic of the real one have it.

Lenient where the real one is: a name that ends like the zone is cut down, `type` of an update is ignored, and so is `name` of an
SRV record, whose name is made of `service` and `protocol`. `X-Filter` is obeyed.
"""

import json

from .base import Request, Response, StandIn, absolute, demo_records, demo_zones, relative, route, unquoted

TYPES = ("A", "AAAA", "NS", "MX", "CNAME", "TXT", "SRV", "PTR", "CAA")
"""The types there are."""

WRITABLE = ("name", "target", "priority", "weight", "port", "service", "protocol", "ttl_sec", "tag")
"""The fields of a record that can be written."""

SETTINGS = ("domain", "type", "status", "soa_email", "description", "tags", "group", "retry_sec", "master_ips", "axfr_ips",
            "expire_sec", "refresh_sec", "ttl_sec")
"""The fields of a domain that can be written."""

DATE = "2026-06-03T10:00:00"
"""When everything was made."""


class Api(StandIn):
    """Domains by their id: `domain` as it is answered, `records` by their id."""

    def seed(self) -> dict:
        """The demo zones: ids from 101, records from 1001."""
        zones = {}
        for name in demo_zones():
            zone = self.new_zone({"domain": name, "type": "master", "soa_email": f"hostmaster@{name}"})
            zones[zone["domain"]["id"]] = zone
            for zone_name, *record in demo_records():
                if zone_name == name:
                    self.add(zone, demo_record(zone_name, *record))
        return zones

    def new_zone(self, given: dict) -> dict:
        """An empty domain."""
        domain = {"id": self.take_id("zone", 101), "type": "master", "domain": "", "tags": [], "group": "", "status": "active",
                  "description": "", "soa_email": "", "retry_sec": 0, "master_ips": [], "axfr_ips": [], "expire_sec": 0,
                  "refresh_sec": 0, "ttl_sec": 0, "created": DATE, "updated": DATE}
        domain.update({key: given[key] for key in SETTINGS if given.get(key) is not None})
        return {"domain": domain, "records": {}}

    def add(self, zone: dict, given: dict) -> dict:
        """A record more."""
        record = {"id": self.take_id("record", 1001), "type": given["type"], "name": "", "target": "", "priority": 0, "weight": 0,
                  "port": 0, "service": None, "protocol": None, "ttl_sec": 0, "tag": None, "created": DATE, "updated": DATE}
        self.write(zone, record, given)
        zone["records"][record["id"]] = record
        return record

    def write(self, zone: dict, record: dict, given: dict) -> None:
        """Writes what is given into a record; what is absent stays."""
        record.update({key: given[key] for key in WRITABLE if given.get(key) is not None})
        if record["type"] == "SRV":
            record["name"] = f"_{(record['service'] or '').strip('_')}._{(record['protocol'] or '').strip('_')}"
        record["name"] = relative(record["name"], zone["domain"]["domain"], "")

    def credential(self, headers: dict, body: bytes) -> bool:
        """A bearer token."""
        return headers.get("authorization") == f"Bearer {self.secret}"

    def unauthorized(self, request: Request) -> Response:
        """As the real one."""
        return errors(401, "Invalid Token")

    def not_found(self, request: Request) -> Response:
        """No such path or thing."""
        return errors(404, "Not found")

    def wrong_method(self, request: Request) -> Response:
        """The path has other methods."""
        return errors(405, "Method Not Allowed")

    def zone(self, request: Request) -> dict | None:
        """The domain that the path is about."""
        return self.zones.get(request.path_args["zone"])

    # Domains.

    @route("GET", "/v4/domains")
    @route("GET", "/v4beta/domains")
    def list_zones(self, request: Request) -> Response:
        """All domains."""
        return page_of(request, [zone["domain"] for zone in self.zones.values()])

    @route("POST", "/v4/domains")
    @route("POST", "/v4beta/domains")
    def add_zone(self, request: Request) -> Response:
        """A domain."""
        given = request.json() or {}
        if not given.get("domain") or given.get("type") not in ("master", "slave"):
            return errors(400, "domain is required" if not given.get("domain") else "type is not valid", "domain")
        if any(zone["domain"]["domain"] == given["domain"] for zone in self.zones.values()):
            return errors(400, "DNS zone already exists.", "domain")
        zone = self.new_zone(given)
        self.zones[zone["domain"]["id"]] = zone
        return Response(200, zone["domain"])

    @route("POST", "/v4/domains/import")
    @route("POST", "/v4beta/domains/import")
    def import_zone(self, request: Request) -> Response:
        """A domain from another server; nothing comes over here."""
        given = request.json() or {}
        if not given.get("domain") or not given.get("remote_nameserver"):
            return errors(400, "remote_nameserver is required", "remote_nameserver")
        zone = self.new_zone({"domain": given["domain"]})
        self.zones[zone["domain"]["id"]] = zone
        return Response(200, zone["domain"])

    @route("GET", "/v4/domains/{zone:int}")
    @route("GET", "/v4beta/domains/{zone:int}")
    def read_zone(self, request: Request) -> Response:
        """One domain, without its records."""
        zone = self.zone(request)
        return Response(200, zone["domain"]) if zone else self.not_found(request)

    @route("PUT", "/v4/domains/{zone:int}")
    @route("PUT", "/v4beta/domains/{zone:int}")
    def update_zone(self, request: Request) -> Response:
        """Its settings, and its name."""
        zone, given = self.zone(request), request.json() or {}
        if not zone:
            return self.not_found(request)
        zone["domain"].update({key: given[key] for key in SETTINGS if given.get(key) is not None})
        return Response(200, zone["domain"])

    @route("DELETE", "/v4/domains/{zone:int}")
    @route("DELETE", "/v4beta/domains/{zone:int}")
    def delete_zone(self, request: Request) -> Response:
        """The domain and everything in it."""
        return Response(200, {}) if self.zones.pop(request.path_args["zone"], None) else self.not_found(request)

    @route("POST", "/v4/domains/{zone:int}/clone")
    @route("POST", "/v4beta/domains/{zone:int}/clone")
    def clone(self, request: Request) -> Response:
        """The domain under another name."""
        zone, given = self.zone(request), request.json() or {}
        if not zone:
            return self.not_found(request)
        copy = self.new_zone({**zone["domain"], "domain": given.get("domain")})
        self.zones[copy["domain"]["id"]] = copy
        for record in zone["records"].values():
            self.add(copy, record)
        return Response(200, copy["domain"])

    @route("GET", "/v4/domains/{zone:int}/zone-file")
    @route("GET", "/v4beta/domains/{zone:int}/zone-file")
    def zone_file(self, request: Request) -> Response:
        """A zone file, line by line."""
        zone = self.zone(request)
        if not zone:
            return self.not_found(request)
        name = zone["domain"]["domain"]
        lines = [f"; {name} [{zone['domain']['id']}]", "$TTL 86400"]
        lines += [f"{absolute(record['name'], name)}.\tIN\t{record['type']}\t{record['target']}"
                  for record in zone["records"].values()]
        return Response(200, {"zone_file": lines})

    # Records.

    @route("GET", "/v4/domains/{zone:int}/records")
    @route("GET", "/v4beta/domains/{zone:int}/records")
    def list_records(self, request: Request) -> Response:
        """A domain's records."""
        zone = self.zone(request)
        return page_of(request, list(zone["records"].values())) if zone else self.not_found(request)

    @route("POST", "/v4/domains/{zone:int}/records")
    @route("POST", "/v4beta/domains/{zone:int}/records")
    def add_record(self, request: Request) -> Response:
        """A record more."""
        zone, given = self.zone(request), request.json() or {}
        if not zone:
            return self.not_found(request)
        if given.get("type") not in TYPES:
            return errors(400, "type is not valid", "type")
        if given["type"] == "SRV" and not given.get("service"):
            return errors(400, "service is required", "service")
        return Response(200, self.add(zone, given))

    @route("GET", "/v4/domains/{zone:int}/records/{record:int}")
    @route("GET", "/v4beta/domains/{zone:int}/records/{record:int}")
    def read_record(self, request: Request) -> Response:
        """One record."""
        record = (self.zone(request) or {"records": {}})["records"].get(request.path_args["record"])
        return Response(200, record) if record else self.not_found(request)

    @route("PUT", "/v4/domains/{zone:int}/records/{record:int}")
    @route("PUT", "/v4beta/domains/{zone:int}/records/{record:int}")
    def update_record(self, request: Request) -> Response:
        """Everything but the type; what is absent stays."""
        zone = self.zone(request)
        record = (zone or {"records": {}})["records"].get(request.path_args["record"])
        if not record:
            return self.not_found(request)
        self.write(zone, record, request.json() or {})
        return Response(200, record)

    @route("DELETE", "/v4/domains/{zone:int}/records/{record:int}")
    @route("DELETE", "/v4beta/domains/{zone:int}/records/{record:int}")
    def delete_record(self, request: Request) -> Response:
        """One record less."""
        zone = self.zone(request) or {"records": {}}
        return Response(200, {}) if zone["records"].pop(request.path_args["record"], None) else self.not_found(request)


def demo_record(zone: str, name: str, kind: str, value: str) -> dict:
    """A row of lab/zones.toml as a record: names relative, values taken apart, no final dots."""
    given = {"type": kind, "name": relative(absolute(name, zone), zone, ""), "target": value.rstrip(".")}
    if kind == "TXT":
        given["target"] = unquoted(value)
    elif kind == "MX":
        priority, given["target"] = value.rstrip(".").split()
        given["priority"] = int(priority)
    elif kind == "CAA":
        _flags, given["tag"], quoted = value.split()
        given["target"] = unquoted(quoted)
    return given


def page_of(request: Request, items: list) -> Response:
    """A page of a list, cut to what `X-Filter` says: fields that are equal, all of them."""
    try:
        wanted = json.loads(request.headers.get("x-filter", "{}"))
    except ValueError:
        return errors(400, "Cannot json decode X-Filter header")
    plain = {key: value for key, value in wanted.items() if not key.startswith("+")}
    items = [item for item in items if all(item.get(key) == value for key, value in plain.items())]
    page, size = request.number("page", 1), request.number("page_size", 100)
    if not 25 <= size <= 500:
        return errors(400, "Must be 25-500", "page_size")
    pages = max(-(-len(items) // size), 1)
    if not 1 <= page <= pages:
        return errors(404, "Not found")
    return Response(200, {"data": items[(page - 1) * size:page * size], "page": page, "pages": pages, "results": len(items)})


def errors(status: int, reason: str, field: str | None = None) -> Response:
    """An answer that says what is wrong."""
    return Response(status, {"errors": [{"reason": reason, **({"field": field} if field else {})}]})
