"""DigitalOcean API v2, its domains and records, as https://docs.digitalocean.com/reference/api/digitalocean/ describes them: records by
number, pages with absolute addresses, PUT and PATCH alike.

Lenient as there: a slash may follow a path, a name that ends in a dot is absolute (lego writes it so), absent fields stay as they
are, and an unknown field is not read. Its domains are answered with their whole zone file.
"""

from .base import Response, StandIn, demo_records, demo_zones, route, unquoted

TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT")
"""The record types that there are."""

NUMBERS = ("priority", "port", "ttl", "weight", "flags")
"""The fields of a record that are numbers."""


def error(status: int, code: str, message: str) -> Response:
    """An error as DigitalOcean writes it."""
    return Response(status, {"id": code, "message": message, "request_id": "4d9d8375-3c56-4925-a3e7-eb137fed17e9"})


def unprocessable(message: str) -> Response:
    """What cannot be stored."""
    return error(422, "unprocessable_entity", message)


def split(kind: str, value: str) -> dict:
    """A value as in a zone file, as fields."""
    if kind == "MX":
        priority, data = value.split(" ")
        return {"data": data, "priority": int(priority)}
    if kind == "SRV":
        priority, weight, port, data = value.split(" ")
        return {"data": data, "priority": int(priority), "weight": int(weight), "port": int(port)}
    if kind == "CAA":
        flags, tag, data = value.split(" ", 2)
        return {"data": unquoted(data), "flags": int(flags), "tag": tag}
    return {"data": unquoted(value) if kind == "TXT" else value}


class Api(StandIn):
    """`zones`: domain to the list of its records, each as it is answered."""

    prefix = "/v2"

    def seed(self):
        """The demo zones; the first record is 28448429, as in the documentation."""
        self.zones = {}
        rows = demo_records()
        for domain in demo_zones():
            self._new(domain)
            for zone, name, kind, value in rows:
                if zone == domain:
                    self._add(domain, {"type": kind, "name": name, **split(kind, value)})

    def credential(self, headers, body):
        """A token."""
        return headers.get("authorization") == f"Bearer {self.secret}"

    def unauthorized(self, request):
        """No token, or a wrong one."""
        return error(401, "unauthorized", "Unable to authenticate you.")

    def not_found(self, request):
        """No such path, domain or record."""
        return error(404, "not_found", "The resource you requested could not be found.")

    def wrong_method(self, request):
        """No such method: the same as no such path."""
        return self.not_found(request)

    def handle(self, request):
        """A slash behind a path says nothing, and below a domain that is not there is nothing."""
        request.path = request.path.rstrip("/")
        parts = request.path.split("/")
        if len(parts) > 3 and parts[2] == "domains" and parts[3] not in self.zones and self.credential(request.headers, request.body):
            return self.not_found(request)
        return super().handle(request)

    def _new(self, domain: str) -> None:
        """A domain with its name servers."""
        self.zones[domain] = []
        for server in ("ns1", "ns2", "ns3"):
            self._add(domain, {"type": "NS", "name": "@", "data": f"{server}.digitalocean.com."})

    def _add(self, domain: str, given: dict) -> dict:
        """A new record; targets are shown without their last dot."""
        record = {"id": self.take_id("record", first=28448429), "type": given["type"], "name": self._name(domain, given["name"]),
                  "data": self._data(given["type"], given["data"]), "priority": None, "port": None, "ttl": 1800, "weight": None,
                  "flags": None, "tag": None}
        self._set(record, given)
        self.zones[domain].append(record)
        return record

    @staticmethod
    def _name(domain: str, name: str) -> str:
        """A name as it is stored: relative, `@` for the domain itself."""
        if not name.endswith("."):
            return name.lower()
        name = name.rstrip(".").lower()
        return "@" if name == domain else name.removesuffix(f".{domain}")

    @staticmethod
    def _data(kind: str, data: str) -> str:
        """Data as it is shown."""
        return data.rstrip(".") if kind in ("CNAME", "MX", "NS", "SRV") and data != "." else data

    @staticmethod
    def _set(record: dict, given: dict) -> None:
        """The fields of a type, as they are given."""
        uses = {"MX": ("priority",), "SRV": ("priority", "port", "weight"), "CAA": ("flags", "tag")}.get(record["type"], ())
        for key in ("ttl", *uses):
            if given.get(key) is not None and not (key == "ttl" and given[key] == 0):
                record[key] = given[key]

    @staticmethod
    def _problem(domain: str, given: dict, kind: str) -> str:
        """What is wrong with fields that are given; empty if nothing is."""
        name, data = given.get("name"), given.get("data")
        if kind not in TYPES:
            return "Type is not included in the list"
        if any(given.get(key) is not None and not isinstance(given[key], int) for key in NUMBERS):
            return "a number is expected"
        if name is not None and (not isinstance(name, str) or not name):
            return "Name can't be blank"
        if name is not None and name.endswith(".") and not f".{name}".endswith(f".{domain}."):
            return "Name is not in the domain"
        if data is not None and (not isinstance(data, str) or not data):
            return "Data can't be blank"
        if data is not None and kind in ("CNAME", "MX", "NS", "SRV") and "." in data and not data.endswith("."):
            return "Data needs to end with a dot (.)"
        return ""

    def _domain(self, domain: str) -> dict:
        """A domain as it is answered: with its whole zone file."""
        lines = [f"$ORIGIN {domain}.", "$TTL 1800",
                 f"{domain}. IN SOA ns1.digitalocean.com. hostmaster.{domain}. 1415982609 10800 3600 604800 1800"]
        for record in self.zones[domain]:
            owner = domain if record["name"] == "@" else f"{record['name']}.{domain}"
            numbers = [str(record[key]) for key in ("priority", "weight", "port", "flags", "tag") if record[key] is not None]
            lines.append(" ".join([f"{owner}.", str(record["ttl"]), "IN", record["type"], *numbers, record["data"]]))
        return {"name": domain, "ttl": 1800, "zone_file": "\n".join([*lines, ""])}

    def _page(self, request, key: str, items: list) -> Response:
        """One page; on the last one there is neither `next` nor `last`."""
        size, page = min(max(request.number("per_page", 20), 1), 200), max(request.number("page", 1), 1)
        last = max(-(-len(items) // size), 1)
        base = f"https://api.digitalocean.com/v2{request.path}"
        tail = f"&per_page={size}" if "per_page" in request.query else ""
        near = {"first": 1, "prev": page - 1} if page > 1 else {}
        near |= {"last": last, "next": page + 1} if page < last else {}
        pages = {rel: f"{base}?page={number}{tail}" for rel, number in near.items()}
        return Response(200, {key: items[(page - 1) * size:page * size], "links": {"pages": pages} if pages else {},
                              "meta": {"total": len(items)}})

    def _record(self, request):
        """The record of a path, or none."""
        wanted = request.path_args["record"]
        return next((record for record in self.zones[request.path_args["domain"]] if record["id"] == wanted), None)

    @route("GET", "/domains")
    def domains(self, request):
        """All domains."""
        return self._page(request, "domains", [self._domain(domain) for domain in self.zones])

    @route("POST", "/domains")
    def create_domain(self, request):
        """A new domain; with an address, an A record for it."""
        body = request.json()
        name = body.get("name") if isinstance(body, dict) else None
        if not isinstance(name, str) or "." not in name or name.endswith("."):
            return unprocessable("Name is invalid")
        if name in self.zones:
            return unprocessable("domain 'name' already exists")
        self._new(name)
        if body.get("ip_address"):
            self._add(name, {"type": "A", "name": "@", "data": body["ip_address"]})
        return Response(201, {"domain": {"name": name, "ttl": 1800, "zone_file": None}})

    @route("GET", "/domains/{domain}")
    def domain(self, request):
        """One domain."""
        return Response(200, {"domain": self._domain(request.path_args["domain"])})

    @route("DELETE", "/domains/{domain}")
    def delete_domain(self, request):
        """A domain goes."""
        del self.zones[request.path_args["domain"]]
        return Response(204)

    @route("GET", "/domains/{domain}/records")
    def records(self, request):
        """The records of a domain, of a full name, of a type."""
        domain, name, kind = request.path_args["domain"], request.first("name"), request.first("type")
        full = lambda record: domain if record["name"] == "@" else f"{record['name']}.{domain}"
        return self._page(request, "domain_records", [record for record in self.zones[domain]
                                                      if name in (None, full(record)) and kind in (None, record["type"])])

    @route("POST", "/domains/{domain}/records")
    def create(self, request):
        """A new record."""
        body, domain = request.json(), request.path_args["domain"]
        if not isinstance(body, dict):
            return error(400, "bad_request", "unable to parse the body")
        if not all(body.get(key) for key in ("type", "name", "data")):
            return unprocessable("Name can't be blank")
        problem = self._problem(domain, body, body["type"])
        return unprocessable(problem) if problem else Response(201, {"domain_record": self._add(domain, body)})

    @route("GET", "/domains/{domain}/records/{record:int}")
    def record(self, request):
        """One record."""
        found = self._record(request)
        return Response(200, {"domain_record": found}) if found else self.not_found(request)

    @route("PUT", "/domains/{domain}/records/{record:int}")
    @route("PATCH", "/domains/{domain}/records/{record:int}")
    def update(self, request):
        """A record's fields; the type is not read."""
        found, body, domain = self._record(request), request.json(), request.path_args["domain"]
        if not found:
            return self.not_found(request)
        if not isinstance(body, dict):
            return error(400, "bad_request", "unable to parse the body")
        problem = self._problem(domain, body, found["type"])
        if problem:
            return unprocessable(problem)
        if body.get("name") is not None:
            found["name"] = self._name(domain, body["name"])
        if body.get("data") is not None:
            found["data"] = self._data(found["type"], body["data"])
        self._set(found, body)
        return Response(200, {"domain_record": found})

    @route("DELETE", "/domains/{domain}/records/{record:int}")
    def delete(self, request):
        """A record goes."""
        found = self._record(request)
        if not found:
            return self.not_found(request)
        self.zones[request.path_args["domain"]].remove(found)
        return Response(204)
