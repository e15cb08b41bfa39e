"""Vultr API v2, its DNS part, as https://www.vultr.com/api/#tag/dns describes it: records by UUID, pages by cursor.

Lenient as there: a `type` in a PATCH is not read, absent fields stay as they are.
"""

import base64

from .base import Response, StandIn, demo_records, demo_zones, route


def error(status: int, message: str) -> Response:
    """An error as Vultr writes it."""
    return Response(status, {"error": message, "status": status})


def identifier(number: int) -> str:
    """The UUID of a record by its number."""
    return f"cb676a46-66fd-4dfb-b839-{number:012x}"


def split(kind: str, value: str) -> tuple:
    """A value as in a zone file, as (data, priority)."""
    if kind in ("MX", "SRV"):
        priority, rest = value.split(" ", 1)
        return rest.rstrip("."), int(priority)
    return (value.rstrip(".") if kind in ("CNAME", "NS") else value), 0


class Api(StandIn):
    """`zones`: domain to {"dns_sec", "soa", "records": list of dicts}."""

    prefix = "/v2"

    def seed(self):
        """The demo zones."""
        self.zones = {zone: self._empty() for zone in demo_zones()}
        for zone, name, kind, value in demo_records():
            data, priority = split(kind, value)
            self._add(zone, {"type": kind, "name": "" if name == "@" else name, "data": data, "priority": priority})

    def credential(self, headers, body):
        """A token."""
        return headers.get("authorization") == f"Bearer {self.secret}"

    def unauthorized(self, request):
        """No token, or a wrong one."""
        return error(401, "Invalid API token.")

    def not_found(self, request):
        """No such path."""
        return error(404, "Invalid API endpoint.")

    def handle(self, request):
        """Every path below a domain is a 404 where there is no such domain."""
        parts = request.path.split("/")
        if len(parts) > 3 and parts[2] == "domains" and parts[3].lower() not in self.zones and self.credential(request.headers, request.body):
            return error(404, "Invalid domain.")
        return super().handle(request)

    def _empty(self) -> dict:
        """A domain without records."""
        return {"dns_sec": "disabled", "soa": {"nsprimary": "ns1.vultr.com", "email": "dnsadm@vultr.com"}, "records": []}

    def _add(self, zone: str, given: dict) -> dict:
        """A new record."""
        record = {"id": identifier(self.take_id("record")), "type": given["type"], "name": given["name"], "data": given["data"],
                  "priority": given.get("priority", 0), "ttl": given.get("ttl", 300)}
        self.zones[zone]["records"].append(record)
        return record

    def _domain(self, zone: str) -> dict:
        """A domain."""
        return {"domain": zone, "date_created": "2026-06-03T10:00:00+00:00", "dns_sec": self.zones[zone]["dns_sec"]}

    def _page(self, request, key: str, items: list) -> Response:
        """One page; a cursor names where it begins."""
        size = min(max(request.number("per_page", 100), 1), 500)
        cursor = request.first("cursor", "")
        start = int(base64.b64decode(cursor).removeprefix(b"next__")) if cursor else 0
        more = start + size < len(items)
        following = base64.b64encode(b"next__%d" % (start + size)).decode() if more else ""
        before = base64.b64encode(b"next__%d" % max(start - size, 0)).decode() if start else ""
        return Response(200, {key: items[start:start + size], "meta": {"total": len(items), "links": {"next": following, "prev": before}}})

    def _zone(self, request) -> dict:
        """The domain of a path."""
        return self.zones[request.path_args["zone"].lower()]

    def _record(self, request):
        """The record of a path, or none."""
        return next((record for record in self._zone(request)["records"] if record["id"] == request.path_args["record"]), None)

    @route("GET", "/domains")
    def domains(self, request):
        """All domains."""
        return self._page(request, "domains", [self._domain(zone) for zone in self.zones])

    @route("POST", "/domains")
    def add_domain(self, request):
        """A new domain; with an address, records that nobody listed."""
        body = request.json() or {}
        zone = str(body.get("domain", "")).lower()
        if not zone or zone in self.zones:
            return error(400, "Domain already exists.")
        self.zones[zone] = self._empty()
        self.zones[zone]["dns_sec"] = body.get("dns_sec", "disabled")
        if body.get("ip"):
            for name in ("", "*"):
                self._add(zone, {"type": "A", "name": name, "data": body["ip"]})
        return Response(200, {"domain": self._domain(zone)})

    @route("GET", "/domains/{zone}")
    def domain(self, request):
        """One domain."""
        return Response(200, {"domain": self._domain(request.path_args["zone"].lower())})

    @route("PUT", "/domains/{zone}")
    def set_domain(self, request):
        """Signing on or off."""
        self._zone(request)["dns_sec"] = (request.json() or {}).get("dns_sec", "disabled")
        return Response(204)

    @route("DELETE", "/domains/{zone}")
    def delete_domain(self, request):
        """A domain goes."""
        del self.zones[request.path_args["zone"].lower()]
        return Response(204)

    @route("GET", "/domains/{zone}/soa")
    def soa(self, request):
        """The SOA's two fields."""
        return Response(200, {"dns_soa": self._zone(request)["soa"]})

    @route("PATCH", "/domains/{zone}/soa")
    def set_soa(self, request):
        """The SOA's two fields."""
        self._zone(request)["soa"].update(request.json() or {})
        return Response(204)

    @route("GET", "/domains/{zone}/dnssec")
    def dnssec(self, request):
        """DNSKEY and DS."""
        return Response(200, {"dns_sec": [f"{request.path_args['zone']} IN DS 27933 13 2 2d9ac457e5c11a104e25d971d0a6254562bddde7"]})

    @route("GET", "/domains/{zone}/records")
    def records(self, request):
        """All records."""
        return self._page(request, "records", self._zone(request)["records"])

    @route("POST", "/domains/{zone}/records")
    def create(self, request):
        """A new record."""
        body = request.json()
        if not isinstance(body, dict) or not all(isinstance(body.get(key), str) for key in ("name", "type", "data")):
            return error(400, "Invalid record: name, type and data are required.")
        return Response(201, {"record": self._add(request.path_args["zone"].lower(), body)})

    @route("GET", "/domains/{zone}/records/{record}")
    def record(self, request):
        """One record."""
        found = self._record(request)
        return Response(200, {"record": found}) if found else error(404, "Invalid record.")

    @route("PATCH", "/domains/{zone}/records/{record}")
    def update(self, request):
        """A record's fields, but for its type."""
        found, body = self._record(request), request.json()
        if not found or not isinstance(body, dict):
            return error(404 if not found else 400, "Invalid record.")
        found.update({key: value for key, value in body.items() if key in ("name", "data", "priority", "ttl")})
        return Response(204)

    @route("DELETE", "/domains/{zone}/records/{record}")
    def delete(self, request):
        """A record goes."""
        found = self._record(request)
        if not found:
            return error(404, "Invalid record.")
        self._zone(request)["records"].remove(found)
        return Response(204)
