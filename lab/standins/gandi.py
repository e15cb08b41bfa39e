"""Gandi LiveDNS v5 as https://api.gandi.net/docs/livedns/ describes it: rrsets by name and type, plain JSON arrays.

What is lenient there is lenient here: a text without quotes comes back with them, a body may repeat the path's name and type in any spelling (the path counts), a POST
of what is there already is a 200, counters stand in headers, and `Accept: text/plain` turns a listing into a zone file.
"""

import json

from .base import Request, Response, StandIn, demo_records, demo_zones, route

ORIGIN = "https://api.gandi.net"
TYPES = ["A", "AAAA", "ALIAS", "CAA", "CDS", "CNAME", "DNAME", "DS", "HTTPS", "KEY", "LOC", "MX", "NAPTR", "NS", "OPENPGPKEY",
         "PTR", "RP", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "WKS"]
PER_PAGE = 100


def error(status: int, cause: str, message: str) -> Response:
    """An error as Gandi writes it: with blanks, unlike everything else."""
    body = {"object": f"HTTP{cause.replace(' ', '')}", "cause": cause, "code": status, "message": message}
    return Response(status, json.dumps(body), {"Content-Type": "application/json"})


def done(message: str, status: int = 201) -> Response:
    """A confirmation."""
    return Response(status, {"message": message})


class Api(StandIn):
    """`zones`: zone name to {(relative name, type): {"ttl", "values"}}; beside it what belongs to a zone."""

    prefix = "/v5/livedns"

    def seed(self):
        """The demo zones, without the apex NS, which LiveDNS does not list while they are its own."""
        self.zones = {zone: {} for zone in demo_zones()}
        for zone, name, kind, value in demo_records():
            self.zones[zone].setdefault((name, kind), {"ttl": 10800, "values": []})["values"].append(value)
        self.keys = {zone: {} for zone in self.zones}
        self.snapshots = {zone: {} for zone in self.zones}
        self.secondaries = {zone: [] for zone in self.zones}
        self.linked = {zone: [] for zone in self.zones}
        self.settings = {zone: True for zone in self.zones}
        self.tsigs = {}

    def credential(self, headers, body):
        """A personal access token, or the older API key."""
        return headers.get("authorization") in (f"Bearer {self.secret}", f"Apikey {self.secret}")

    def unauthorized(self, request):
        """No token, or a wrong one."""
        return error(401, "Unauthorized", "The server could not verify that you authorized to access the document you requested.")

    def not_found(self, request):
        """No such path."""
        return error(404, "Not Found", "The resource could not be found.")

    def wrong_method(self, request):
        """No such method here."""
        return error(405, "Method Not Allowed", "The method specified is not allowed for this resource.")

    def handle(self, request: Request):
        """Every path below a domain is a 404 where there is no such domain."""
        parts = request.path.removeprefix(f"{self.prefix}/domains/").split("/")
        known = not request.path.startswith(f"{self.prefix}/domains/") or parts[0].lower() in self.zones
        if not known and self.credential(request.headers, request.body):
            return error(404, "Not Found", f"Unknown domain: {parts[0]}")
        return super().handle(request)

    # How things are written.

    def _domain(self, zone: str) -> dict:
        """A domain in a list."""
        href = f"{ORIGIN}/v5/livedns/domains/{zone}"
        return {"fqdn": zone, "domain_href": href, "domain_records_href": f"{href}/records"}

    def _rrset(self, zone: str, key: tuple) -> dict:
        """An rrset."""
        name, kind = key
        rrset = self.zones[zone][key]
        href = f"{ORIGIN}/v5/livedns/domains/{zone}/records/{name.replace('@', '%40')}/{kind}"
        return {"rrset_name": name, "rrset_type": kind, "rrset_ttl": rrset["ttl"], "rrset_values": rrset["values"], "rrset_href": href}

    def _page(self, request: Request, items: list) -> Response:
        """One page of a list, with the counters and links in headers."""
        page, size = max(request.number("page", 1), 1), max(request.number("per_page", PER_PAGE), 1)
        shown = items[(page - 1) * size:page * size]
        headers = {"Total-Count": str(len(items)), "Filtered-Count": str(len(shown))}
        last = max(-(-len(items) // size), 1)
        if page < last:
            at = f"{ORIGIN}{self.prefix}{request.path}?per_page={size}&page="
            headers["Link"] = f'<{at}{page + 1}>; rel="next", <{at}{last}>; rel="last"'
        return Response(200, shown, headers)

    def _text(self, zone: str) -> Response:
        """The zone as a zone file."""
        lines = [f"{name} {rrset['ttl']} IN {kind} {value}" for (name, kind), rrset in self.zones[zone].items() for value in rrset["values"]]
        return Response(200, "\n".join(lines) + "\n")

    def _read(self, item, name=None, kind=None):
        """An rrset of a body as (key, what is stored), or an error; what the path says counts."""
        if not isinstance(item, dict):
            return error(400, "Bad Request", "The request body must be an object")
        name, kind, values = name or item.get("rrset_name"), kind or item.get("rrset_type"), item.get("rrset_values")
        if not name or str(kind).upper() not in TYPES or not isinstance(values, list) or not values:
            return Response(400, {"status": "error", "errors": [{"location": "body", "name": "rrset_values", "description": "Required"}]})
        ttl = item.get("rrset_ttl", 10800)
        if not isinstance(ttl, int) or not 300 <= ttl <= 2592000:
            return Response(400, {"status": "error", "errors": [{"location": "body", "name": "rrset_ttl", "description": "300 to 2592000"}]})
        if kind.upper() in ("TXT", "SPF"):
            values = [value if value.startswith('"') else f'"{value}"' for value in values]
        return (name.lower(), kind.upper()), {"ttl": ttl, "values": values}

    def _create(self, zone, item, name=None, kind=None):
        """A new rrset; the same once more is a 200, another at the same place a 409."""
        read = self._read(item, name, kind)
        if isinstance(read, Response):
            return read
        key, rrset = read
        if key in self.zones[zone]:
            same = self.zones[zone][key]["values"] == rrset["values"]
            return done("A DNS Record already exists with same value", 200) if same else error(409, "Conflict", "Record already exists")
        self.zones[zone][key] = rrset
        location = f"{ORIGIN}{self.prefix}/domains/{zone}/records/{key[0]}/{key[1]}"
        return Response(201, {"message": "DNS Record Created"}, {"Location": location})

    def _replace(self, zone, body, keep, name=None):
        """Rrsets in the place of all that is not kept."""
        items = body.get("items") if isinstance(body, dict) else None
        if not isinstance(items, list) or not items:
            return error(400, "Bad Request", "`items` is required")
        read = [self._read(item, name) for item in items]
        for each in read:
            if isinstance(each, Response):
                return each
        self.zones[zone] = {key: rrset for key, rrset in self.zones[zone].items() if keep(key)} | dict(read)
        return done("DNS Record Created")

    # Domains.

    @route("GET", "/dns/rrtypes")
    def types(self, request):
        """The types that there are."""
        return Response(200, TYPES)

    @route("GET", "/domains")
    def domains(self, request):
        """All domains."""
        return self._page(request, [self._domain(zone) for zone in self.zones])

    @route("POST", "/domains")
    def add_domain(self, request):
        """A new domain, with records perhaps."""
        body = request.json() or {}
        zone = str(body.get("fqdn", "")).lower()
        if not zone or zone in self.zones:
            return error(409, "Conflict", f"The domain {zone} already exists")
        self.zones[zone], self.settings[zone] = {}, True
        self.keys[zone], self.snapshots[zone], self.secondaries[zone], self.linked[zone] = {}, {}, [], []
        for item in (body.get("zone") or {}).get("items", []):
            self._create(zone, item)
        return Response(201, {"message": "Domain Created"}, {"Location": f"{ORIGIN}{self.prefix}/domains/{zone}"})

    @route("GET", "/domains/{zone}")
    def domain(self, request):
        """One domain."""
        zone = request.path_args["zone"].lower()
        shown = self._domain(zone)
        return Response(200, {**shown, "domain_keys_href": f"{shown['domain_href']}/keys", "automatic_snapshots": self.settings[zone]})

    @route("PATCH", "/domains/{zone}")
    def set_domain(self, request):
        """A domain's one setting."""
        self.settings[request.path_args["zone"].lower()] = bool((request.json() or {}).get("automatic_snapshots"))
        return done("Domain updated", 200)

    @route("GET", "/domains/{zone}/nameservers")
    def nameservers(self, request):
        """Who serves it."""
        return Response(200, ["ns-1-a.gandi.net", "ns-2-b.gandi.net", "ns-3-c.gandi.net"])

    # Records.

    @route("GET", "/domains/{zone}/records")
    def records(self, request):
        """All rrsets, of one type perhaps, or the zone file."""
        zone, kind = request.path_args["zone"].lower(), request.first("rrset_type")
        if "text/plain" in request.headers.get("accept", ""):
            return self._text(zone)
        return self._page(request, [self._rrset(zone, key) for key in sorted(self.zones[zone]) if kind in (None, key[1])])

    @route("POST", "/domains/{zone}/records")
    def create(self, request):
        """A new rrset."""
        return self._create(request.path_args["zone"].lower(), request.json())

    @route("PUT", "/domains/{zone}/records")
    def replace(self, request):
        """The whole zone, as JSON or, if the type says so, as a zone file."""
        zone = request.path_args["zone"].lower()
        if not request.headers.get("content-type", "").startswith("text/plain"):
            return self._replace(zone, request.json(), lambda key: False)
        rrsets = {}
        for line in filter(None, map(str.strip, request.body.decode(errors="replace").splitlines())):
            parts = line.split(None, 4)
            if len(parts) < 5 or not parts[1].isdecimal() or parts[2] != "IN" or parts[3] not in TYPES:
                return error(400, "Bad Request", f"Cannot parse the zone file: {line}")
            rrsets.setdefault((parts[0].lower(), parts[3]), {"ttl": int(parts[1]), "values": []})["values"].append(parts[4])
        self.zones[zone] = rrsets
        return done("DNS Record Created")

    @route("DELETE", "/domains/{zone}/records")
    def clear(self, request):
        """All records."""
        self.zones[request.path_args["zone"].lower()] = {}
        return Response(204)

    @route("GET", "/domains/{zone}/records/{name}")
    def named(self, request):
        """The rrsets of a name."""
        zone, name = request.path_args["zone"].lower(), request.path_args["name"].lower()
        found = [self._rrset(zone, key) for key in sorted(self.zones[zone]) if key[0] == name]
        return Response(200, found) if found else error(404, "Not Found", "Can't find a DNS record")

    @route("POST", "/domains/{zone}/records/{name}")
    def create_named(self, request):
        """A new rrset at a name."""
        return self._create(request.path_args["zone"].lower(), request.json(), request.path_args["name"])

    @route("PUT", "/domains/{zone}/records/{name}")
    def replace_named(self, request):
        """All rrsets of a name."""
        name = request.path_args["name"].lower()
        return self._replace(request.path_args["zone"].lower(), request.json(), lambda key: key[0] != name, name)

    @route("DELETE", "/domains/{zone}/records/{name}")
    def clear_named(self, request):
        """All rrsets of a name go."""
        zone, name = request.path_args["zone"].lower(), request.path_args["name"].lower()
        self.zones[zone] = {key: rrset for key, rrset in self.zones[zone].items() if key[0] != name}
        return Response(204)

    @route("GET", "/domains/{zone}/records/{name}/{kind}")
    def rrset(self, request):
        """One rrset."""
        zone, key = self._key(request)
        return Response(200, self._rrset(zone, key)) if key in self.zones[zone] else error(404, "Not Found", "Can't find a DNS record")

    @route("POST", "/domains/{zone}/records/{name}/{kind}")
    def create_rrset(self, request):
        """A new rrset at a name and type."""
        zone, key = self._key(request)
        return self._create(zone, request.json(), *key)

    @route("PUT", "/domains/{zone}/records/{name}/{kind}")
    def replace_rrset(self, request):
        """An rrset in the place of another."""
        zone, key = self._key(request)
        read = self._read(request.json(), *key)
        if isinstance(read, Response):
            return read
        self.zones[zone][key] = read[1]
        return done("DNS Record Created")

    @route("PATCH", "/domains/{zone}/records/{name}/{kind}")
    def change_rrset(self, request):
        """Values come to an rrset and go from it; the answer is the rrset."""
        zone, key = self._key(request)
        body = request.json() or {}
        known = self.zones[zone].get(key, {"ttl": 10800, "values": []})
        gone = [str(value).strip('"') for value in body.get("remove_rrset_values") or []]
        values = [value for value in known["values"] if value.strip('"') not in gone] + (body.get("add_rrset_values") or [])
        if not values:
            self.zones[zone].pop(key, None)
            return Response(200, {"rrset_name": key[0], "rrset_type": key[1], "rrset_ttl": known["ttl"], "rrset_values": []})
        read = self._read({"rrset_values": values, "rrset_ttl": body.get("rrset_ttl", known["ttl"])}, *key)
        if isinstance(read, Response):
            return read
        self.zones[zone][key] = read[1]
        return Response(200, self._rrset(zone, key))

    @route("DELETE", "/domains/{zone}/records/{name}/{kind}")
    def delete_rrset(self, request):
        """One rrset goes."""
        zone, key = self._key(request)
        return Response(204) if self.zones[zone].pop(key, None) else error(404, "Not Found", "Can't find a DNS record")

    def _key(self, request):
        """Zone and key of a path."""
        args = request.path_args
        return args["zone"].lower(), (args["name"].lower(), args["kind"].upper())

    # Signing, transfers, snapshots.

    @route("GET", "/domains/{zone}/keys")
    def list_keys(self, request):
        """The public halves."""
        return Response(200, list(self.keys[request.path_args["zone"].lower()].values()))

    @route("POST", "/domains/{zone}/keys")
    def add_key(self, request):
        """A new key."""
        zone, number = request.path_args["zone"].lower(), f"key-{self.take_id('key'):03}"
        self.keys[zone][number] = {"algorithm": 13, "algorithm_name": "ECDSAP256SHA256", "deleted": False, "fqdn": zone,
                                   "flags": (request.json() or {}).get("flags", 257), "status": "active", "id": number}
        return Response(201, {"message": "Domain Key Created"}, {"Location": f"{ORIGIN}{self.prefix}/domains/{zone}/keys/{number}"})

    @route("GET", "/domains/{zone}/keys/{key}")
    def key(self, request):
        """One key."""
        found = self.keys[request.path_args["zone"].lower()].get(request.path_args["key"])
        return Response(200, found) if found else self.not_found(request)

    @route("PATCH", "/domains/{zone}/keys/{key}")
    def set_key(self, request):
        """A deleted key comes back."""
        found = self.keys[request.path_args["zone"].lower()].get(request.path_args["key"])
        if found:
            found["deleted"] = bool((request.json() or {}).get("deleted"))
        return done("Domain Key updated", 200) if found else self.not_found(request)

    @route("DELETE", "/domains/{zone}/keys/{key}")
    def delete_key(self, request):
        """A key is marked as deleted."""
        found = self.keys[request.path_args["zone"].lower()].get(request.path_args["key"])
        if found:
            found["deleted"] = True
        return Response(204) if found else self.not_found(request)

    @route("GET", "/axfr/tsig")
    def list_tsigs(self, request):
        """All TSIG keys, with their secrets."""
        return Response(200, list(self.tsigs.values()))

    @route("POST", "/axfr/tsig")
    def add_tsig(self, request):
        """A new TSIG key; the answer is without its secret."""
        name = f"00000000-0000-4000-8000-{self.take_id('tsig'):012}"
        shown = {"href": f"{ORIGIN}{self.prefix}/axfr/tsig/{name}", "id": name, "key_name": f"{name}.gandi.net"}
        self.tsigs[name] = {**shown, "secret": "aiG5ji3Necheisho"}
        return Response(201, shown, {"Location": shown["href"]})

    @route("GET", "/axfr/tsig/{tsig}")
    def tsig(self, request):
        """One TSIG key."""
        found = self.tsigs.get(request.path_args["tsig"])
        return Response(200, found) if found else self.not_found(request)

    @route("GET", "/axfr/tsig/{tsig}/config/{software}")
    def tsig_configuration(self, request):
        """A TSIG key as configuration."""
        found = self.tsigs.get(request.path_args["tsig"])
        return Response(200, f'key "{found["key_name"]}" {{ secret "{found["secret"]}"; }};\n') if found else self.not_found(request)

    @route("GET", "/domains/{zone}/axfr/tsig")
    def list_linked(self, request):
        """The TSIG keys of a domain."""
        return Response(200, [{"id": name} for name in self.linked[request.path_args["zone"].lower()]])

    @route("PUT", "/domains/{zone}/axfr/tsig/{tsig}")
    def link(self, request):
        """A TSIG key for a domain."""
        self.linked[request.path_args["zone"].lower()].append(request.path_args["tsig"])
        return done("TSIG key added")

    @route("DELETE", "/domains/{zone}/axfr/tsig/{tsig}")
    def unlink(self, request):
        """A TSIG key no longer for a domain."""
        linked = self.linked[request.path_args["zone"].lower()]
        linked[:] = [name for name in linked if name != request.path_args["tsig"]]
        return Response(204)

    @route("GET", "/domains/{zone}/axfr/slaves")
    def list_secondaries(self, request):
        """Who may copy the zone."""
        return Response(200, self.secondaries[request.path_args["zone"].lower()])

    @route("PUT", "/domains/{zone}/axfr/slaves/{address}")
    def add_secondary(self, request):
        """One more may copy the zone."""
        self.secondaries[request.path_args["zone"].lower()].append(request.path_args["address"])
        return done("Slave added")

    @route("DELETE", "/domains/{zone}/axfr/slaves/{address}")
    def remove_secondary(self, request):
        """One may no longer copy the zone."""
        listed = self.secondaries[request.path_args["zone"].lower()]
        listed[:] = [address for address in listed if address != request.path_args["address"]]
        return Response(204)

    @route("GET", "/domains/{zone}/snapshots")
    def list_snapshots(self, request):
        """Names and dates."""
        shown = [{name: value for name, value in snapshot.items() if name != "zone_data"}
                 for snapshot in self.snapshots[request.path_args["zone"].lower()].values()]
        return self._page(request, shown)

    @route("POST", "/domains/{zone}/snapshots")
    def add_snapshot(self, request):
        """The zone as it is."""
        zone, name = request.path_args["zone"].lower(), f"00000000-0000-4000-9000-{self.take_id('snapshot'):012}"
        rrsets = [self._rrset(zone, key) for key in self.zones[zone]]
        data = [{field: value for field, value in rrset.items() if field != "rrset_href"} for rrset in rrsets]
        self.snapshots[zone][name] = {"id": name, "name": (request.json() or {}).get("name", "2026-06-03"), "automatic": False,
                                      "created_at": "2026-06-03T10:00:00Z", "zone_data": data}
        return Response(201, {"id": name, "message": "Zone Snapshot Created"})

    @route("GET", "/domains/{zone}/snapshots/{snapshot}")
    def snapshot(self, request):
        """All records of that day."""
        found = self.snapshots[request.path_args["zone"].lower()].get(request.path_args["snapshot"])
        return Response(200, found) if found else self.not_found(request)

    @route("PATCH", "/domains/{zone}/snapshots/{snapshot}")
    def rename_snapshot(self, request):
        """Another name for a snapshot."""
        found = self.snapshots[request.path_args["zone"].lower()].get(request.path_args["snapshot"])
        if found:
            found["name"] = (request.json() or {}).get("name", "")
        return done("Snapshot updated", 200) if found else self.not_found(request)

    @route("DELETE", "/domains/{zone}/snapshots/{snapshot}")
    def delete_snapshot(self, request):
        """A snapshot goes."""
        found = self.snapshots[request.path_args["zone"].lower()].pop(request.path_args["snapshot"], None)
        return Response(204) if found else self.not_found(request)
