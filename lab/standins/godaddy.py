"""GoDaddy Domains API v1, its DNS part, as its own description has it: arrays of single records without ids.

Lenient as there: PUT of a type replaces that type at every name, items may repeat type and name of the path (the path counts),
and X-Shopper-Id chooses another customer, so the stand-in answers as if all domains belonged to that one.
"""

from .base import Response, StandIn, demo_records, demo_zones, route, unquoted

TYPES = ["A", "AAAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT"]


def error(status: int, code: str, message: str) -> Response:
    """An error as GoDaddy writes it."""
    return Response(status, {"code": code, "message": message})


def split(kind: str, name: str, value: str) -> dict:
    """A value as in a zone file, in GoDaddy's fields."""
    record = {"data": value.rstrip(".") if kind in ("CNAME", "NS") else value, "name": name, "ttl": 3600, "type": kind}
    if kind == "TXT":
        record["data"] = unquoted(value)
    elif kind == "MX":
        priority, target = value.split(" ", 1)
        record.update(data=target.rstrip("."), priority=int(priority))
    return record


class Api(StandIn):
    """`zones`: domain to its records, dicts with type, name, data and the rest."""

    prefix = "/v1"

    def seed(self):
        """The demo zones, as far as GoDaddy has the types."""
        self.zones = {zone: [{"data": "ns1.domaincontrol.com", "name": "@", "ttl": 3600, "type": "NS"}] for zone in demo_zones()}
        for zone, name, kind, value in demo_records():
            if kind in TYPES:
                self.zones[zone].append(split(kind, name, value))

    def credential(self, headers, body):
        """Key and secret in one header."""
        return headers.get("authorization") == f"sso-key {self.secret}"

    def unauthorized(self, request):
        """No credential, or a wrong one."""
        return error(401, "UNABLE_TO_AUTHENTICATE", "Unauthorized : Could not authenticate API key/secret")

    def not_found(self, request):
        """No such path."""
        return error(404, "NOT_FOUND", "Not Found : The requested resource does not exist")

    def handle(self, request):
        """Every path below a domain is a 404 where there is no such domain, or it belongs to somebody else."""
        parts = request.path.split("/")
        below = len(parts) > 3 and parts[2] == "domains"
        foreign = "x-shopper-id" in request.headers or (below and parts[3].lower() not in self.zones)
        if below and foreign and self.credential(request.headers, request.body):
            return error(404, "NOT_FOUND" if len(parts) == 4 else "UNKNOWN_DOMAIN", "The given domain is not registered, or has no zone file")
        return super().handle(request)

    def _zone(self, request):
        """The domain of a path."""
        return request.path_args["zone"].lower()

    def _read(self, request, **given):
        """The records of a body, or an error; what the path says counts."""
        items = request.json()
        if not isinstance(items, list):
            return error(400, "INVALID_BODY", "Request body doesn't fulfill schema, see details in `fields`")
        records = []
        for item in items:
            record = {**item, **given} if isinstance(item, dict) else {}
            if record.get("type") not in TYPES or not isinstance(record.get("name"), str) or not isinstance(record.get("data"), str):
                return error(422, "INVALID_BODY", "Request body doesn't fulfill schema, see details in `fields`")
            records.append({"data": record["data"], "name": record["name"] or "@", "ttl": record.get("ttl", 3600), "type": record["type"],
                            **{key: record[key] for key in ("port", "priority", "protocol", "service", "weight") if key in record}})
        return records

    def _shown(self, request, **wanted):
        """A part of the records, by `offset` and `limit`."""
        records = [record for record in self.zones[self._zone(request)] if all(record[key] == value for key, value in wanted.items())]
        start = request.number("offset", 0)
        return Response(200, records[start:start + request.number("limit", len(records) or 1)])

    def _replace(self, request, **wanted):
        """New records in the place of all that have these fields."""
        records = self._read(request, **wanted)
        if isinstance(records, Response):
            return records
        if not records:
            return error(422, "INVALID_BODY", "At least one record is required")
        zone = self._zone(request)
        kept = [record for record in self.zones[zone] if not all(record[key] == value for key, value in wanted.items())]
        self.zones[zone] = kept + records
        return Response(200, b"", {"Content-Type": "application/json"})

    @route("GET", "/domains")
    def domains(self, request):
        """All domains of the customer."""
        if "x-shopper-id" in request.headers:
            return Response(200, [])
        return Response(200, [{"domain": zone, "domainId": 1000 + number, "status": "ACTIVE", "authCode": f"secret-{number}"}
                              for number, zone in enumerate(self.zones)])

    @route("GET", "/domains/{zone}")
    def domain(self, request):
        """One domain, with the code that moves it and the people behind it."""
        return Response(200, {"authCode": "secret-0", "contactAdmin": {"email": "admin@example.com"}, "domain": self._zone(request),
                              "domainId": 1000, "locked": True, "nameServers": ["ns1.domaincontrol.com"], "status": "ACTIVE"})

    @route("GET", "/domains/{zone}/records")
    def records(self, request):
        """All records."""
        return self._shown(request)

    @route("PATCH", "/domains/{zone}/records")
    def add(self, request):
        """More records; one that is there already is refused."""
        records = self._read(request)
        if isinstance(records, Response):
            return records
        there = self.zones[self._zone(request)]
        if any(record["data"] == have["data"] and record["name"] == have["name"] and record["type"] == have["type"]
               for record in records for have in there):
            return error(422, "DUPLICATE_RECORD", "Another record with the same attributes already exists")
        there.extend(records)
        return Response(200, b"", {"Content-Type": "application/json"})

    @route("PUT", "/domains/{zone}/records")
    def replace(self, request):
        """All records."""
        return self._replace(request)

    @route("GET", "/domains/{zone}/records/{kind}")
    def typed(self, request):
        """The records of a type."""
        return self._shown(request, type=request.path_args["kind"])

    @route("PUT", "/domains/{zone}/records/{kind}")
    def replace_typed(self, request):
        """All records of a type."""
        return self._replace(request, type=request.path_args["kind"])

    @route("GET", "/domains/{zone}/records/{kind}/{name}")
    def named(self, request):
        """The records of a type and name."""
        return self._shown(request, type=request.path_args["kind"], name=request.path_args["name"])

    @route("PUT", "/domains/{zone}/records/{kind}/{name}")
    def replace_named(self, request):
        """All records of a type and name."""
        return self._replace(request, type=request.path_args["kind"], name=request.path_args["name"])

    @route("DELETE", "/domains/{zone}/records/{kind}/{name}")
    def delete_named(self, request):
        """The records of a type and name go."""
        zone, kind, name = self._zone(request), request.path_args["kind"], request.path_args["name"]
        kept = [record for record in self.zones[zone] if (record["type"], record["name"]) != (kind, name)]
        if len(kept) == len(self.zones[zone]):
            return error(404, "NOT_FOUND", "No records found for the given name and type")
        self.zones[zone] = kept
        return Response(204)
