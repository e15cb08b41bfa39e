"""Name.com API v4, its DNS part, as https://www.name.com/api-docs describes it: numeric ids, empty fields left out.

Lenient as there: read-only fields in a body are not read, an update keeps what a body leaves out.
"""

import base64
import binascii

from .base import Response, StandIn, absolute, demo_records, demo_zones, route, unquoted

ORIGIN = "https://api.name.com"
TYPES = ["A", "AAAA", "ANAME", "CNAME", "MX", "NS", "SRV", "TXT"]


def error(status: int, message: str, details: str = "") -> Response:
    """An error as Name.com writes it."""
    return Response(status, {"message": message, "details": details} if details else {"message": message})


def split(kind: str, value: str) -> dict:
    """A value as in a zone file, in Name.com's fields."""
    if kind in ("MX", "SRV"):
        priority, rest = value.split(" ", 1)
        return {"answer": rest.rstrip("."), "priority": int(priority)}
    if kind == "TXT":
        return {"answer": unquoted(value)}
    return {"answer": value.rstrip(".") if kind in ("CNAME", "NS") else value}


class Api(StandIn):
    """`zones`: domain to its records, dicts with id, host, type, answer, ttl and priority."""

    prefix = "/v4"

    def seed(self):
        """The demo zones, as far as Name.com has the types."""
        self.zones = {zone: [] for zone in demo_zones()}
        self.signed = {zone: {} for zone in self.zones}
        for zone, name, kind, value in demo_records():
            if kind in TYPES:
                self._add(zone, {"host": "" if name == "@" else name, "type": kind, **split(kind, value)})

    def credential(self, headers, body):
        """User and token as HTTP Basic."""
        scheme, _, text = headers.get("authorization", "").partition(" ")
        try:
            return scheme == "Basic" and base64.b64decode(text, validate=True).decode() == self.secret
        except (binascii.Error, UnicodeDecodeError):
            return False

    def unauthorized(self, request):
        """No credential, or a wrong one."""
        return error(401, "Unauthenticated", "Missing, invalid, or expired API credentials")

    def not_found(self, request):
        """No such path."""
        return error(404, "Not Found")

    def handle(self, request):
        """Every path below a domain is a 404 where there is no such domain; a body must call itself JSON."""
        parts = request.path.split("/")
        known = len(parts) < 4 or parts[2] != "domains" or parts[3].lower() in self.zones
        if self.credential(request.headers, request.body):
            if request.method in ("POST", "PUT") and request.headers.get("content-type", "").split(";")[0] != "application/json":
                return error(403, "Permission Denied", "Content-Type must be application/json")
            if not known:
                return error(404, "Not Found", "The requested domain does not exist.")
        return super().handle(request)

    def _add(self, zone: str, given: dict) -> dict:
        """A new record."""
        record = {"id": self.take_id("record", first=1001), "host": given.get("host") or "", "type": given["type"], "answer": given["answer"],
                  "ttl": int(given.get("ttl") or 300), "priority": int(given.get("priority") or 0)}
        record["host"] = "" if record["host"] == "@" else record["host"]
        self.zones[zone].append(record)
        return record

    def _shown(self, zone: str, record: dict) -> dict:
        """A record as it is answered: what is empty is left out."""
        shown = {"id": record["id"], "domainName": zone, "host": record["host"], "fqdn": absolute(record["host"], zone) + ".",
                 "type": record["type"], "answer": record["answer"], "ttl": record["ttl"], "priority": record["priority"]}
        return {key: value for key, value in shown.items() if value not in ("", 0)}

    def _page(self, request, key: str, items: list) -> Response:
        """One page; the next and the last one are named where there are more."""
        page, size = max(request.number("page", 1), 1), max(request.number("perPage", 1000), 1)
        last = max(-(-len(items) // size), 1)
        answer, headers = {key: items[(page - 1) * size:page * size]}, {}
        if page < last:
            answer |= {"nextPage": page + 1, "lastPage": last}
            at = f"{ORIGIN}{self.prefix}{request.path}?perPage={size}&page="
            headers["Link"] = f'<{at}{page + 1}>; rel="next", <{at}{last}>; rel="last"'
        return Response(200, {**answer, "totalCount": len(items)}, headers)

    def _zone(self, request) -> str:
        """The domain of a path."""
        return request.path_args["zone"].lower()

    def _record(self, request):
        """The record of a path, or none."""
        return next((record for record in self.zones[self._zone(request)] if record["id"] == request.path_args["record"]), None)

    @route("GET", "/hello")
    def hello(self, request):
        """Who asks."""
        return Response(200, {"serverName": "stand-in", "motd": "hello", "username": self.secret.split(":")[0], "serverTime": "2026-06-03T10:00:00Z"})

    @route("GET", "/domains")
    def domains(self, request):
        """All domains, with less than each by itself."""
        return self._page(request, "domains", [{"domainName": zone, "locked": True, "autorenewEnabled": True} for zone in self.zones])

    @route("GET", "/domains/{zone}")
    def domain(self, request):
        """One domain, with the people behind it."""
        return Response(200, {"domainName": self._zone(request), "nameservers": ["ns1.name.com", "ns2.name.com"],
                              "contacts": {"registrant": {"email": "admin@example.com"}}, "locked": True})

    @route("GET", "/domains/{zone}/records")
    def records(self, request):
        """All records."""
        zone = self._zone(request)
        return self._page(request, "records", [self._shown(zone, record) for record in self.zones[zone]])

    @route("POST", "/domains/{zone}/records")
    def create(self, request):
        """A new record."""
        body, zone = request.json(), self._zone(request)
        if not isinstance(body, dict) or body.get("type") not in TYPES or not body.get("answer"):
            return error(400, "Invalid Argument", "type and answer are required")
        host = "" if body.get("host") in (None, "@") else body["host"]
        if any((host, body["type"], body["answer"]) == (have["host"], have["type"], have["answer"]) for have in self.zones[zone]):
            return error(400, "Invalid Argument", "Parameter Value Error - Duplicate Record")
        return Response(200, self._shown(zone, self._add(zone, body)))

    @route("GET", "/domains/{zone}/records/{record:int}")
    def record(self, request):
        """One record."""
        found = self._record(request)
        return Response(200, self._shown(self._zone(request), found)) if found else error(404, "Not Found")

    @route("PUT", "/domains/{zone}/records/{record:int}")
    def update(self, request):
        """A record's fields."""
        found, body = self._record(request), request.json()
        if not found or not isinstance(body, dict):
            return error(404 if not found else 400, "Not Found" if not found else "Invalid Argument")
        found.update({key: value for key, value in body.items() if key in ("host", "type", "answer", "ttl", "priority") and value is not None})
        found["host"] = "" if found["host"] == "@" else found["host"]
        return Response(200, self._shown(self._zone(request), found))

    @route("DELETE", "/domains/{zone}/records/{record:int}")
    def delete(self, request):
        """A record goes."""
        found = self._record(request)
        if not found:
            return error(404, "Not Found")
        self.zones[self._zone(request)].remove(found)
        return Response(200, {})

    @route("GET", "/domains/{zone}/dnssec")
    def list_signed(self, request):
        """The DS records at the registry."""
        return Response(200, {"dnssec": list(self.signed[self._zone(request)].values())})

    @route("POST", "/domains/{zone}/dnssec")
    def add_signed(self, request):
        """A new DS record."""
        body, zone = request.json() or {}, self._zone(request)
        record = {"domainName": zone, **{key: body.get(key) for key in ("keyTag", "algorithm", "digestType", "digest")}}
        self.signed[zone][str(body.get("digest"))] = record
        return Response(200, record)

    @route("GET", "/domains/{zone}/dnssec/{digest}")
    def signed_one(self, request):
        """One DS record."""
        found = self.signed[self._zone(request)].get(request.path_args["digest"])
        return Response(200, found) if found else error(404, "Not Found")

    @route("DELETE", "/domains/{zone}/dnssec/{digest}")
    def delete_signed(self, request):
        """A DS record goes."""
        found = self.signed[self._zone(request)].pop(request.path_args["digest"], None)
        return Response(200, {}) if found else error(404, "Not Found")
