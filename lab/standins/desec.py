"""deSEC API v1, its domains and rrsets, as https://desec.readthedocs.io/ and the server's source describe them: rrsets by subname and
type, lists and single objects on the same routes, pages by cursor with their addresses in the header `Link`.

Lenient as there: five spellings of an rrset's path, a TTL may be a text, read-only and unknown fields are not read, a deletion of what
is not there succeeds. Strict as there: every path ends with a slash, names and types have one case, no TTL below `minimum_ttl`,
a body's `subname` must be the path's, and a list of more than a page needs a cursor.
"""

import base64
import re

from .base import Response, StandIn, demo_records, demo_zones, route

NOW = "2026-06-03T10:00:00.000000Z"
"""When everything happens."""

MINIMUM_TTL, MAXIMUM_TTL = 3600, 86400
"""The TTLs that there may be."""

CALLER = "192.0.2.254"
"""The address of whoever asks: the gate's."""

WRITTEN_ONCE = "Can only be written on create."
"""What is said of a subname or type that would change."""


class Invalid(Exception):
    """Why an rrset is refused: an object of lists of texts."""


class Api(StandIn):
    """`zones`: domain to its rrsets by (subname, type), in the order of their creation."""

    prefix = "/api/v1"
    page_size: int
    """A test may make it smaller."""

    def seed(self):
        """The demo zones."""
        self.page_size = 500
        self.zones = {zone: {} for zone in demo_zones()}
        for zone, rrsets in self.zones.items():
            self._store(zone, "", "NS", ["ns1.desec.io.", "ns2.desec.org."], MINIMUM_TTL)
            for domain, name, kind, value in demo_records():
                if domain == zone:
                    subname = "" if name == "@" else name
                    before = rrsets.get((subname, kind), {}).get("records", [])
                    self._store(zone, subname, kind, [*before, value], MINIMUM_TTL)

    def credential(self, headers, body):
        """A token."""
        return headers.get("authorization") == f"Token {self.secret}"

    def unauthorized(self, request):
        """No token, or a wrong one."""
        given = "authorization" in request.headers
        detail = "Invalid token." if given else "Authentication credentials were not provided."
        return Response(401, {"detail": detail}, {"WWW-Authenticate": "Token"})

    def not_found(self, request):
        """No such path, domain or rrset."""
        return Response(404, {"detail": "Not found."})

    def wrong_method(self, request):
        """No such method."""
        return Response(405, {"detail": f'Method "{request.method}" not allowed.'})

    def handle(self, request):
        """A path without its last slash is one with it, somewhere else."""
        if not request.path.endswith("/") and request.path != f"{self.prefix}/dyndns/update":
            path, mark, query = request.target.partition("?")
            return Response(301, b"", {"Location": f"{path}/{mark}{query}"})
        parts = request.path.removeprefix(self.prefix).split("/")
        if len(parts) > 3 and parts[1] == "domains" and parts[2] not in self.zones and request.method != "DELETE":
            if self.credential(request.headers, request.body):
                return self.not_found(request)
        return super().handle(request)

    def _store(self, zone: str, subname: str, kind: str, records: list, ttl: int) -> dict:
        """An rrset as it is answered."""
        old = self.zones[zone].get((subname, kind), {})
        self.zones[zone][subname, kind] = {
            "created": old.get("created", NOW), "domain": zone, "subname": subname, "name": ".".join(filter(None, [subname, zone])) + ".",
            "records": records, "ttl": ttl, "type": kind, "touched": NOW}
        return self.zones[zone][subname, kind]

    def _domain(self, zone: str, keys: bool) -> dict:
        """A domain; its keys only where it is read alone."""
        shown = {"created": NOW, "published": NOW, "name": zone, "minimum_ttl": MINIMUM_TTL, "touched": NOW}
        return {**shown, "keys": [{"dnskey": "257 3 13 WFRl60==", "ds": [], "flags": 257, "keytype": "csk", "managed": True}]} if keys else shown

    def _page(self, request, items: list) -> Response:
        """All of a list, or a page of it if a cursor is given; the newest come first."""
        items = items[::-1]
        if len(items) <= self.page_size and "cursor" not in request.query:
            return Response(200, items)
        rest = "&".join(f"{key}={value}" for key, values in request.query.items() if key != "cursor" for value in values)
        address = lambda cursor: f"https://desec.io{self.prefix}{request.path}?cursor={cursor}" + (f"&{rest}" if rest else "")
        if "cursor" not in request.query:
            detail = (f"Pagination required. You can query up to {self.page_size} items at a time ({len(items)} total). "
                      "Please use the `first` page link (see Link header).")
            return Response(400, {"detail": detail}, {"Link": f'<{address("")}>; rel="first"'})
        if len(items) <= self.page_size:
            return Response(200, items)
        given = request.first("cursor")
        start = int(base64.urlsafe_b64decode(given).decode()) if given else 0
        links = {"first": ""}
        for rel, other in (("prev", start - self.page_size), ("next", start + self.page_size)):
            if 0 <= other < len(items):
                links[rel] = base64.urlsafe_b64encode(b"%d" % other).decode().replace("=", "%3D")
        header = ", ".join(f'<{address(cursor)}>; rel="{rel}"' for rel, cursor in links.items())
        return Response(200, items[start:start + self.page_size], {"Link": header})

    def _checked(self, zone: str, item, method: str, alone: bool, path: tuple | None = None) -> tuple:
        """What an item means: subname, type, records (none: as they are) and TTL."""
        if not isinstance(item, dict):
            raise Invalid({"non_field_errors": [f"Expected a dictionary, but got {type(item).__name__}."]})
        if path:
            for key, mine in zip(("subname", "type"), path):
                if key in item and item[key] != mine:
                    raise Invalid({key: [WRITTEN_ONCE]})
        subname, kind = path or (item.get("subname", "" if alone else None), item.get("type"))
        required = "This field is required."
        if not isinstance(subname, str):
            raise Invalid({"subname": [required]})
        if not isinstance(kind, str):
            raise Invalid({"type": [required]})
        if subname and not re.fullmatch(r"[*]|([*][.])?([a-z0-9_-]{1,63}[.])*[a-z0-9_-]{1,63}", subname):
            raise Invalid({"subname": ["Subname can only use (lowercase) a-z, 0-9, ., -, and _, may start with a '*.', or just be '*'."]})
        if not re.fullmatch("[A-Z][A-Z0-9]*", kind) or kind in ("SOA", "RRSIG", "NSEC3PARAM"):
            raise Invalid({"type": [f"You cannot tinker with the {kind} RR set. It is managed automatically."]})
        old = self.zones[zone].get((subname, kind))
        records, ttl = item.get("records"), item.get("ttl")
        partial = method == "PATCH" and (old is not None or records == [])
        if (records is None and not partial) or (ttl is None and not partial):
            raise Invalid({"records" if records is None else "ttl": [required]})
        if records is not None and not (isinstance(records, list) and all(isinstance(each, str) and each for each in records)):
            raise Invalid({"records": ["Must be a string."]})
        if method == "POST" and not records:
            raise Invalid({"records": ["This field must not be empty when using POST."]})
        if method == "POST" and old is not None:
            raise Invalid({"non_field_errors": ["Another RRset with the same subdomain and type exists for this domain. (Try modifying it.)"]})
        if kind == "TXT" and not all(each.startswith('"') and each.endswith('"') for each in records or []):
            raise Invalid({"non_field_errors": ["Data for TXT records must be given using quotation marks."]})
        others = [other for name, other in self.zones[zone] if name == subname and (other == "CNAME") != (kind == "CNAME")]
        if records and others:
            raise Invalid({"non_field_errors": [f"RRset with conflicting type present at same subname: database ({', '.join(others)})."]})
        if ttl is not None:
            if not re.fullmatch("[0-9]+", str(ttl)):
                raise Invalid({"ttl": ["A valid integer is required."]})
            if not MINIMUM_TTL <= int(ttl) <= MAXIMUM_TTL:
                raise Invalid({"ttl": [f"Ensure this value is greater than or equal to {MINIMUM_TTL}."]})
        return subname, kind, records, None if ttl is None else int(ttl)

    def _apply(self, zone: str, subname: str, kind: str, records, ttl):
        """Does it; none where the rrset is gone."""
        old = self.zones[zone].get((subname, kind))
        if records == []:
            self.zones[zone].pop((subname, kind), None)
            return None
        records = old["records"] if records is None else records
        return self._store(zone, subname, kind, records, old["ttl"] if ttl is None else ttl)

    def _bulk(self, request, items: list, status: int) -> Response:
        """All items, or none."""
        zone, checked, errors, seen = request.path_args["zone"], [], [], set()
        for item in items:
            try:
                each = self._checked(zone, item, request.method, alone=False)
                if each[:2] in seen:
                    raise Invalid({"non_field_errors": ["Same subname and type as in position(s) 0, but must be unique."]})
                seen.add(each[:2])
                checked.append(each)
                errors.append({})
            except Invalid as invalid:
                errors.append(invalid.args[0])
        if any(errors):
            return Response(400, errors)
        done = [self._apply(zone, *each) for each in sorted(checked, key=lambda each: each[2] != [])]
        return Response(status, [rrset for rrset in done if rrset])

    @route("GET", "/domains/")
    def domains(self, request):
        """All domains, or the one that is responsible for a name."""
        name = request.first("owns_qname")
        if name is None:
            return self._page(request, [self._domain(zone, keys=False) for zone in self.zones])
        owners = [zone for zone in self.zones if f".{name.lower().rstrip('.')}".endswith(f".{zone}")]
        return Response(200, [self._domain(max(owners, key=len), keys=False)] if owners else [])

    @route("GET", "/dyndns/update")
    def update(self, request):
        """The addresses of names. What is not said is made up: the name of an only domain, the address of whoever asks."""
        first = lambda *keys: next((request.first(key) for key in keys if key in request.query), None)
        names = request.first("hostname") or request.first("host_id") or ("" if len(self.zones) > 1 else next(iter(self.zones)))
        wanted = {"A": (".", first("myip", "myipv4", "ip")), "AAAA": (":", first("myipv6", "ipv6", "myip", "ip"))}
        for name in filter(None, names.lower().split(",")):
            owners = [zone for zone in self.zones if f".{name}".endswith(f".{zone}")]
            if not owners:
                return Response(404, "nohost")
            zone = max(owners, key=len)
            for kind, (sign, text) in wanted.items():
                text = CALLER if text is None else text
                if text != "preserve":
                    self._apply(zone, name.removesuffix(zone).rstrip("."), kind, [each for each in text.split(",") if sign in each], 60)
        return Response(200, "good") if names else Response(400, {"detail": "Request does not properly specify domain for update."})

    @route("POST", "/domains/")
    def create_domain(self, request):
        """A new domain, with the records of a zone file."""
        body = request.json()
        name = body.get("name") if isinstance(body, dict) else None
        if not isinstance(name, str) or not re.fullmatch(r"(([a-z0-9_-]{1,63})\.)+[a-z0-9-]{1,63}", name):
            return Response(400, {"name": ["This field is required." if name is None else "Domain names must be labels separated by dots."]})
        if name in self.zones:
            return Response(400, {"name": ["This domain name conflicts with an existing domain, or is disallowed by policy."]})
        self.zones[name] = {}
        self._store(name, "", "NS", ["ns1.desec.io.", "ns2.desec.org."], MINIMUM_TTL)
        for owner, kind, value in re.findall(r"^(\S+)\s+(?:IN\s+)?([A-Z]+)\s+(.+)$", body.get("zonefile") or "", re.MULTILINE):
            self._store(name, "" if owner == "@" else owner, kind, [value], MINIMUM_TTL)
        return Response(201, self._domain(name, keys=True))

    @route("GET", "/domains/{zone}/")
    def domain(self, request):
        """One domain, with its keys."""
        return Response(200, self._domain(request.path_args["zone"], keys=True))

    @route("DELETE", "/domains/{zone}/")
    def delete_domain(self, request):
        """A domain goes, if it is there."""
        self.zones.pop(request.path_args["zone"], None)
        return Response(204)

    @route("GET", "/domains/{zone}/zonefile/")
    def zonefile(self, request):
        """All records as text."""
        zone = request.path_args["zone"]
        lines = [f"{rrset['name']}\t{rrset['ttl']}\tIN\t{rrset['type']}\t{value}" for rrset in self.zones[zone].values() for value in rrset["records"]]
        text = "\n".join([f"; Zonefile for {zone} exported from desec.io at {NOW}", *lines, ""])
        return Response(200, text, {"Content-Type": "text/dns"})

    @route("GET", "/domains/{zone}/rrsets/")
    def rrsets(self, request):
        """The rrsets of a domain, of a subname, of a type."""
        subname, kind = request.first("subname"), request.first("type")
        return self._page(request, [rrset for rrset in self.zones[request.path_args["zone"]].values()
                                    if subname in (None, rrset["subname"]) and kind in (None, rrset["type"])])

    @route("POST", "/domains/{zone}/rrsets/")
    def create(self, request):
        """One rrset, or a list."""
        body = request.json()
        if isinstance(body, list):
            return self._bulk(request, body, 201)
        try:
            each = self._checked(request.path_args["zone"], body, "POST", alone=True)
        except Invalid as invalid:
            return Response(400, invalid.args[0])
        return Response(201, self._apply(request.path_args["zone"], *each))

    @route("PUT", "/domains/{zone}/rrsets/")
    @route("PATCH", "/domains/{zone}/rrsets/")
    def change(self, request):
        """A list of rrsets, as they shall be."""
        body = request.json()
        if not isinstance(body, list):
            return Response(400, {"non_field_errors": [f"Expected a list of items but got {type(body).__name__}."]})
        return self._bulk(request, body, 200)

    def _of_path(self, request) -> tuple:
        """The subname and type of a path, in whichever spelling."""
        subname = request.path_args["subname"]
        for tail in ("...", "@"):
            if subname.endswith(tail):
                return subname.removesuffix(tail), request.path_args["type"]
        return subname, request.path_args["type"]

    @route("GET", "/domains/{zone}/rrsets/{subname}/{type}/")
    def rrset(self, request):
        """One rrset."""
        found = self.zones[request.path_args["zone"]].get(self._of_path(request))
        return Response(200, found) if found else self.not_found(request)

    @route("PUT", "/domains/{zone}/rrsets/{subname}/{type}/")
    @route("PATCH", "/domains/{zone}/rrsets/{subname}/{type}/")
    def change_one(self, request):
        """One rrset that is there."""
        zone, path = request.path_args["zone"], self._of_path(request)
        if path not in self.zones[zone]:
            return self.not_found(request)
        try:
            each = self._checked(zone, request.json(), request.method, alone=True, path=path)
        except Invalid as invalid:
            return Response(400, invalid.args[0])
        after = self._apply(zone, *each)
        return Response(200, after) if after else Response(204)

    @route("DELETE", "/domains/{zone}/rrsets/{subname}/{type}/")
    def delete(self, request):
        """An rrset goes, if it is there."""
        self.zones.get(request.path_args["zone"], {}).pop(self._of_path(request), None)
        return Response(204)
