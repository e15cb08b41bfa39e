"""Cloudflare API v4, its DNS part, as https://developers.cloudflare.com/api/resources/dns/ describes it.

As there: relative names and `@` are completed; structured types are read from `data` alone, whatever `content` says;
`priority` is ignored where it means nothing; PATCH keeps what is absent, PUT does not; a batch is one transaction in the order
deletes, patches, puts, posts; read-only fields of a body are ignored; a body must be called JSON (9207).
"""

import copy
import functools
import ipaddress
import re

from .base import Response, StandIn, absolute, demo_records, demo_zones, route

WHEN = "2026-06-03T10:00:00.000000Z"
BATCH_MAX = 200
FIELDS = {
    "SRV": ["priority", "weight", "port", "target"], "CAA": ["flags", "tag", "value"], "URI": ["weight", "target"],
    "TLSA": ["usage", "selector", "matching_type", "certificate"], "SMIMEA": ["usage", "selector", "matching_type", "certificate"],
    "SSHFP": ["algorithm", "type", "fingerprint"], "DS": ["key_tag", "algorithm", "digest_type", "digest"],
    "DNSKEY": ["flags", "protocol", "algorithm", "public_key"], "CERT": ["type", "key_tag", "algorithm", "certificate"],
    "NAPTR": ["order", "preference", "flags", "service", "regex", "replacement"], "HTTPS": ["priority", "target", "value"],
    "SVCB": ["priority", "target", "value"],
    "LOC": ["lat_degrees", "lat_minutes", "lat_seconds", "lat_direction", "long_degrees", "long_minutes", "long_seconds",
            "long_direction", "altitude", "size", "precision_horz", "precision_vert"],
}
"""The parts of the structured types, in their order."""
TYPES = ["A", "AAAA", "CNAME", "MX", "NS", "OPENPGPKEY", "PTR", "TXT", *FIELDS]
WRITABLE = ["type", "name", "content", "data", "priority", "ttl", "proxied", "settings", "comment", "tags", "private_routing"]
PATTERNS = {"exact": lambda have, want: have == want, "contains": lambda have, want: want in have,
            "startswith": lambda have, want: have.startswith(want), "endswith": lambda have, want: have.endswith(want)}


class Refused(Exception):
    """A request that Cloudflare does not accept."""

    def __init__(self, status: int, code: int, message: str, *chain: tuple):
        """With the chain of causes as (code, message)."""
        self.status, self.error = status, {"code": code, "message": message}
        if chain:
            self.error["error_chain"] = [{"code": code, "message": message} for code, message in chain]


def done(result, info: dict | None = None, status: int = 200) -> Response:
    """A success."""
    answer = {"result": result, "success": True, "errors": [], "messages": []}
    return Response(status, {**answer, "result_info": info} if info else answer)


def failed(error: Refused) -> Response:
    """An error."""
    return Response(error.status, {"result": None, "success": False, "errors": [error.error], "messages": []})


def invalid(code: int, message: str) -> Refused:
    """A record that cannot be."""
    return Refused(400, 1004, "DNS Validation Error", (code, message))


def refusing(handler):
    """A handler whose refusals are answers."""
    @functools.wraps(handler)
    def answer(request):
        """Its answer."""
        try:
            return handler(request)
        except Refused as error:
            return failed(error)
    return answer


def page_of(request, items: list, default: int, most: int) -> Response:
    """One page of a list."""
    page, size = max(request.number("page", 1), 1), min(max(request.number("per_page", default), 1), most)
    part = items[(page - 1) * size:page * size]
    return done(part, {"page": page, "per_page": size, "count": len(part), "total_count": len(items),
                       "total_pages": -(-len(items) // size)})


def filtered(query: dict, record: dict) -> list:
    """Whether a record passes each filter of a query; filters of texts do not see case."""
    found = []
    for key, (value, *_) in query.items():
        field, _, how = key.partition(".")
        if field in ("name", "content", "comment"):
            have = (record.get(field) or "").lower()
            if how in ("present", "absent"):
                found.append(bool(have) == (how == "present"))
            else:
                found.append(PATTERNS[how or "exact"](have, value.lower()))
        elif key == "type":
            found.append(record["type"] == value.upper())
        elif key == "proxied":
            found.append(record["proxied"] == (value == "true"))
    return found


def parsed(kind: str, value: str) -> dict:
    """A value as in a zone file, as fields of a record."""
    if kind == "MX":
        priority, target = value.split(" ", 1)
        return {"content": target.rstrip("."), "priority": int(priority)}
    if kind in FIELDS:
        parts = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value)
        texts = [quoted or plain.rstrip(".") for quoted, plain in parts]
        return {"data": {name: int(text) if text.isdecimal() else text for name, text in zip(FIELDS[kind], texts)}}
    return {"content": value.rstrip(".") if kind in ("CNAME", "NS", "PTR") else value}


def checked(kind: str, given: dict) -> dict:
    """The value's fields as they are stored; what does not belong to the type is ignored."""
    if kind in FIELDS:
        data = given.get("data") or {}
        if kind in ("HTTPS", "SVCB"):
            data = {**data, "value": (data.get("value") or "").strip()}   # octoDNS writes it with a blank in front
        for field in FIELDS[kind]:
            if data.get(field) is None:
                raise invalid(9101, f"{field} is a required data field.")
        data = {field: data[field] for field in sorted(FIELDS[kind])}
        texts = [f'"{data[field]}"' if (kind, field) in (("CAA", "value"), ("URI", "target")) else str(data[field])
                 for field in FIELDS[kind]]
        stored = {"content": " ".join(texts).strip(), "data": data}
        if kind == "SRV":
            stored["priority"] = data["priority"]
        if kind == "URI":
            stored["priority"] = given.get("priority") or 0
        return stored
    content = given.get("content")
    if not isinstance(content, str) or not content:
        raise invalid(9020, f"Invalid or missing content for {kind} record.")
    if kind in ("A", "AAAA"):
        try:
            if ipaddress.ip_address(content).version != {"A": 4, "AAAA": 6}[kind]:
                raise ValueError
        except ValueError:
            raise invalid(9005, f"Content for {kind} record is invalid. Must be a valid IPv{4 if kind == 'A' else 6} address.") from None
    if kind == "MX":
        if given.get("priority") is None:
            raise invalid(9100, "priority is a required data field.")
        return {"content": content.rstrip("."), "priority": int(given["priority"])}
    return {"content": content.rstrip(".") if kind in ("CNAME", "NS", "PTR") else content}


class Api(StandIn):
    """`zones`: id to a zone, whose `records` are by id; ids are aaaa...1 for zones, bbbb...1 for records."""

    prefix = "/client/v4"

    def __init__(self, secret=None):
        """As every stand-in, and refusals are answers."""
        super().__init__(secret)
        self._routes = [(*matching, refusing(handler)) for *matching, handler in self._routes]

    def seed(self):
        """The demo zones."""
        self.zones, self.scanned = {}, {}
        ids = {name: self._new_zone(name)["id"] for name in demo_zones()}
        for zone, name, kind, value in demo_records():
            self._add(self.zones[ids[zone]], {"type": kind, "name": absolute(name, zone), "ttl": 300, **parsed(kind, value)})

    def credential(self, headers, body):
        """A token, or the older pair of key and address."""
        if headers.get("x-auth-email") and headers.get("x-auth-key") == self.secret:
            return True
        return headers.get("authorization") == f"Bearer {self.secret}"

    def unauthorized(self, request):
        """No token, or a wrong one."""
        return failed(Refused(403, 10000, "Authentication error"))

    def not_found(self, request):
        """No such path."""
        return failed(Refused(404, 7003, f"Could not route to {request.path}, perhaps your object identifier is invalid?"))

    def wrong_method(self, request):
        """Another method."""
        return failed(Refused(405, 10405, "Method not allowed for this endpoint."))

    def handle(self, request):
        """A body must be called JSON; an import is a form."""
        written = request.method in ("POST", "PUT", "PATCH") and request.body
        called = request.headers.get("content-type", "").split(";")[0]
        if written and called != "application/json" and not request.path.endswith("/dns_records/import"):
            if self.credential(request.headers, request.body):
                return failed(Refused(400, 9207, "Content-type must be application/json."))
        return super().handle(request)

    # Zones.

    def _new_zone(self, name: str) -> dict:
        """A new zone."""
        zone = {"id": f"{'a' * 24}{self.take_id('zone'):08x}", "name": name, "records": {}, "type": "full", "paused": False,
                "dnssec": {"status": "disabled"}, "settings": {"flatten_all_cnames": False, "multi_provider": False, "ns_ttl": 86400}}
        self.zones[zone["id"]] = zone
        return zone

    def _shown(self, zone: dict) -> dict:
        """A zone as it is answered."""
        return {"id": zone["id"], "name": zone["name"], "status": "active", "paused": zone["paused"], "type": zone["type"],
                "development_mode": 0, "name_servers": ["ana.ns.cloudflare.com", "bob.ns.cloudflare.com"],
                "original_name_servers": None, "original_registrar": None, "original_dnshost": None, "modified_on": WHEN,
                "created_on": WHEN, "activated_on": WHEN, "meta": {"step": 4, "custom_certificate_quota": 0, "page_rule_quota": 3,
                                                                  "phishing_detected": False},
                "owner": {"id": "f" * 32, "type": "user", "email": "owner@example.org"},
                "account": {"id": "c" * 32, "name": "Main"}, "tenant": {"id": None, "name": None}, "tenant_unit": {"id": None},
                "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read"],
                "plan": {"id": "0" * 32, "name": "Free Website", "price": 0, "currency": "USD", "frequency": "",
                         "is_subscribed": False, "can_subscribe": False, "legacy_id": "free", "legacy_discount": False,
                         "externally_managed": False}}

    def _zone(self, request) -> dict:
        """The zone of a path."""
        zone = self.zones.get(request.path_args["zone"])
        if zone is None:
            raise Refused(404, 7003, f"Could not route to {request.path}, perhaps your object identifier is invalid?")
        return zone

    def _body(self, request) -> dict:
        """A JSON object."""
        body = request.json()
        if not isinstance(body, dict):
            raise Refused(400, 9207, "Request body is invalid.")
        return body

    @route("GET", "/zones")
    def list_zones(self, request):
        """Zones, perhaps by name; at most 50 on a page."""
        want = request.first("name", "").lower()
        zones = sorted((zone for zone in self.zones.values() if want in ("", zone["name"])), key=lambda zone: zone["name"],
                       reverse=request.first("direction") == "desc")
        return page_of(request, [self._shown(zone) for zone in zones], 20, 50)

    @route("POST", "/zones")
    def create_zone(self, request):
        """A new zone."""
        name = self._body(request).get("name", "").lower()
        if any(zone["name"] == name for zone in self.zones.values()):
            raise Refused(400, 1061, f"{name} already exists")
        return done(self._shown(self._new_zone(name)))

    @route("GET", "/zones/{zone}")
    def read_zone(self, request):
        """One zone."""
        return done(self._shown(self._zone(request)))

    @route("PATCH", "/zones/{zone}")
    def change_zone(self, request):
        """One property of a zone."""
        zone = self._zone(request)
        zone.update({key: value for key, value in self._body(request).items() if key in ("paused", "type")})
        return done(self._shown(zone))

    @route("DELETE", "/zones/{zone}")
    def delete_zone(self, request):
        """A zone with its records."""
        return done({"id": self.zones.pop(self._zone(request)["id"])["id"]})

    @route("PUT", "/zones/{zone}/activation_check")
    def check_activation(self, request):
        """Once more."""
        return done({"id": self._zone(request)["id"]})

    # Records.

    def _made(self, zone: dict, given: dict) -> dict:
        """A record's fields out of what is given, checked."""
        kind, name = str(given.get("type") or "").upper(), given.get("name")
        if kind not in TYPES:
            raise invalid(9004, "Invalid or missing type.")
        if not isinstance(name, str) or not name:
            raise invalid(9000, "DNS name is invalid.")
        name = name.lower().rstrip(".")
        if name != zone["name"] and not name.endswith(f".{zone['name']}"):
            name = absolute(name, zone["name"])
        ttl = int(given.get("ttl") or 1)
        if ttl != 1 and not 30 <= ttl <= 86400:
            raise invalid(9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.")
        value = checked(kind, given)
        return {"name": name, "type": kind, "content": value.pop("content"), **value, "proxiable": kind in ("A", "AAAA", "CNAME"),
                "proxied": bool(given.get("proxied")), "ttl": ttl, "settings": given.get("settings") or {}, "meta": {},
                "comment": given.get("comment") or None, "tags": given.get("tags") or [], "created_on": WHEN, "modified_on": WHEN}

    def _fits(self, zone: dict, record: dict, but: str = "") -> None:
        """Nothing of a zone forbids a record."""
        def value(of: dict) -> tuple:
            """What makes two records the same."""
            return of["name"], of["type"], of["content"], of.get("priority")
        for there in zone["records"].values():
            if there["id"] == but or there["name"] != record["name"]:
                continue
            if value(there) == value(record):
                raise Refused(400, 81058, "An identical record already exists.")
            alias = {"CNAME", "A", "AAAA"}
            if {there["type"], record["type"]} <= alias and "CNAME" in (there["type"], record["type"]):
                raise Refused(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")

    def _add(self, zone: dict, given: dict) -> dict:
        """A new record."""
        record = self._made(zone, given)
        self._fits(zone, record)
        record = {"id": f"{'b' * 24}{self.take_id('record'):08x}", **record}
        zone["records"][record["id"]] = record
        return record

    def _change(self, zone: dict, record: dict, given: dict, keep: bool) -> dict:
        """A record changed; with `keep`, what is absent stays."""
        under = {key: record[key] for key in WRITABLE if key in record} if keep else {}
        over = {key: value for key, value in given.items() if key in WRITABLE and value is not None}
        if keep and isinstance(over.get("data"), dict):
            over["data"] = {**under.get("data", {}), **over["data"]}
        made = self._made(zone, {**under, **over})
        self._fits(zone, made, but=record["id"])
        zone["records"][record["id"]] = {"id": record["id"], **made}
        return zone["records"][record["id"]]

    def _record(self, zone: dict, record_id) -> dict:
        """The record with an id."""
        record = zone["records"].get(record_id)
        if record is None:
            raise Refused(404, 81044, "Record does not exist.")
        return record

    @route("GET", "/zones/{zone}/dns_records")
    def list_records(self, request):
        """Records, filtered, sorted, in pages."""
        join = any if request.first("match") == "any" else all
        records = [record for record in self._zone(request)["records"].values()
                   if not (found := filtered(request.query, record)) or join(found)]
        if (search := request.first("search", "").lower()):
            records = [record for record in records if search in f"{record['name']} {record['content']}".lower()]
        if (order := request.first("order")):
            records.sort(key=lambda record: str(record[order]), reverse=request.first("direction") == "desc")
        return page_of(request, records, 100, 5_000_000)

    @route("POST", "/zones/{zone}/dns_records")
    def create_record(self, request):
        """A new record."""
        return done(self._add(self._zone(request), self._body(request)))

    @route("GET", "/zones/{zone}/dns_records/{record}")
    def read_record(self, request):
        """One record."""
        return done(self._record(self._zone(request), request.path_args["record"]))

    @route("PATCH", "/zones/{zone}/dns_records/{record}")
    @route("PUT", "/zones/{zone}/dns_records/{record}")
    def change_record(self, request):
        """PATCH keeps what is absent, PUT does not; an id in the body is not looked at."""
        zone = self._zone(request)
        record = self._record(zone, request.path_args["record"])
        return done(self._change(zone, record, self._body(request), keep=request.method == "PATCH"))

    @route("DELETE", "/zones/{zone}/dns_records/{record}")
    def delete_record(self, request):
        """Away with it."""
        zone = self._zone(request)
        return done({"id": zone["records"].pop(self._record(zone, request.path_args["record"])["id"])["id"]})

    @route("POST", "/zones/{zone}/dns_records/batch")
    def batch(self, request):
        """All or nothing, in Cloudflare's own order."""
        zone, body = self._zone(request), self._body(request)
        lists = {key: body.get(key) or [] for key in ("deletes", "patches", "puts", "posts")}
        if sum(map(len, lists.values())) > BATCH_MAX:
            raise Refused(400, 81048, f"The maximum number of operations is {BATCH_MAX}.")
        before = copy.deepcopy(zone["records"])
        try:
            answer = {"deletes": [zone["records"].pop(self._record(zone, item.get("id"))["id"]) for item in lists["deletes"]]}
            for key in ("patches", "puts"):
                answer[key] = [self._change(zone, self._record(zone, item.get("id")), item, key == "patches") for item in lists[key]]
            answer["posts"] = [self._add(zone, item) for item in lists["posts"]]
        except Refused:
            zone["records"] = before
            raise
        return done({key: value if key in body else None for key, value in answer.items()})

    @route("GET", "/zones/{zone}/dns_records/export")
    def export(self, request):
        """As a zone file."""
        def line(record: dict) -> str:
            """One record."""
            priority = f"{record['priority']} " if record["type"] == "MX" else ""
            return f"{record['name']}.\t{record['ttl']}\tIN\t{record['type']}\t{priority}{record['content']}\n"
        return Response(200, "".join(map(line, self._zone(request)["records"].values())))

    @route("POST", "/zones/{zone}/dns_records/import")
    def import_records(self, request):
        """A zone file in a form; lines `name ttl IN type value` are enough here."""
        zone, added = self._zone(request), 0
        text = request.body.decode(errors="replace")
        if 'name="file"' not in text:
            raise Refused(400, 9407, "Missing file.")
        lines = [match for match in re.finditer(r"(?m)^(\S+)\s+(\d+)\s+IN\s+(\S+)\s+(.+?)\r?$", text)]
        for match in lines:
            name, ttl, kind, value = match.groups()
            try:
                self._add(zone, {"type": kind, "name": name, "ttl": int(ttl), **parsed(kind, value)})
                added += 1
            except Refused:
                pass
        return done({"recs_added": added, "total_records_parsed": len(lines)})

    @route("POST", "/zones/{zone}/dns_records/scan")
    def scan(self, request):
        """The older scan adds what it finds: nothing here."""
        self._zone(request)
        return done({"recs_added": 0, "total_records_parsed": 0})

    @route("POST", "/zones/{zone}/dns_records/scan/trigger")
    def trigger_scan(self, request):
        """Finds one record, which waits for a review."""
        zone = self._zone(request)
        found = self._made(zone, {"type": "A", "name": f"found.{zone['name']}", "content": "192.0.2.200"})
        self.scanned.setdefault(zone["id"], {})[f"{'d' * 24}{self.take_id('scan'):08x}"] = found
        return Response(200, {"success": True, "errors": [], "messages": []})

    @route("GET", "/zones/{zone}/dns_records/scan/review")
    def list_scan(self, request):
        """What was found."""
        found = self.scanned.get(self._zone(request)["id"], {})
        return done([{"id": record_id, **record} for record_id, record in found.items()])

    @route("POST", "/zones/{zone}/dns_records/scan/review")
    def review_scan(self, request):
        """What is accepted becomes a record, what is rejected is forgotten."""
        zone, body = self._zone(request), self._body(request)
        found = self.scanned.get(zone["id"], {})
        rejected = [item["id"] for item in body.get("rejects") or [] if found.pop(item["id"], None)]
        return done({"accepts": [self._add(zone, item) for item in body.get("accepts") or []], "rejects": rejected})

    @route("GET", "/zones/{zone}/dns_records/usage")
    def usage(self, request):
        """How many records there are."""
        return done({"record_quota": 200, "record_usage": len(self._zone(request)["records"])})

    # Signing, settings, transfers, the token.

    @route("GET", "/zones/{zone}/dnssec")
    def dnssec(self, request):
        """How the zone is signed."""
        return done(self._zone(request)["dnssec"])

    @route("PATCH", "/zones/{zone}/dnssec")
    def change_dnssec(self, request):
        """Signs the zone, or does not."""
        zone = self._zone(request)
        zone["dnssec"].update(self._body(request))
        return done(zone["dnssec"])

    @route("DELETE", "/zones/{zone}/dnssec")
    def delete_dnssec(self, request):
        """No signing any more."""
        self._zone(request)["dnssec"] = {"status": "disabled"}
        return done("")

    @route("GET", "/zones/{zone}/dnssec/zsk")
    def signing_keys(self, request):
        """No keys here."""
        self._zone(request)
        return done([])

    @route("GET", "/zones/{zone}/dns_settings")
    def settings(self, request):
        """The zone's settings."""
        return done(self._zone(request)["settings"])

    @route("PATCH", "/zones/{zone}/dns_settings")
    def change_settings(self, request):
        """Some of them change."""
        zone = self._zone(request)
        zone["settings"].update(self._body(request))
        return done(zone["settings"])

    def _transfers(self, request) -> tuple:
        """The zone's transfers, and which of both a path is about."""
        return self._zone(request).setdefault("transfers", {}), request.path.rsplit("/", 1)[1]

    @route("GET", "/zones/{zone}/secondary_dns/incoming")
    @route("GET", "/zones/{zone}/secondary_dns/outgoing")
    def transfer_set_up(self, request):
        """What was set up."""
        transfers, way = self._transfers(request)
        if way not in transfers:
            raise Refused(404, 8000, "No transfer is set up for this zone.")
        return done(transfers[way])

    @route("POST", "/zones/{zone}/secondary_dns/incoming")
    @route("POST", "/zones/{zone}/secondary_dns/outgoing")
    @route("PUT", "/zones/{zone}/secondary_dns/incoming")
    @route("PUT", "/zones/{zone}/secondary_dns/outgoing")
    def set_up_transfer(self, request):
        """Peers for the zone; the name in the body is taken as it is."""
        (transfers, way), body = self._transfers(request), self._body(request)
        wanted = {"name", "peers"} | ({"auto_refresh_seconds"} if way == "incoming" else set())
        if wanted - body.keys():
            raise Refused(400, 8001, "Missing field.")
        transfers[way] = {"id": self._zone(request)["id"], "soa_serial": 2019102400, "created_time": WHEN, **{key: body[key] for key in wanted}}
        return done(transfers[way])

    @route("DELETE", "/zones/{zone}/secondary_dns/incoming")
    @route("DELETE", "/zones/{zone}/secondary_dns/outgoing")
    def remove_transfer(self, request):
        """Nothing is set up any more."""
        transfers, way = self._transfers(request)
        if transfers.pop(way, None) is None:
            raise Refused(404, 8000, "No transfer is set up for this zone.")
        return done({"id": self._zone(request)["id"]})

    @route("POST", "/zones/{zone}/secondary_dns/force_axfr")
    @route("POST", "/zones/{zone}/secondary_dns/outgoing/enable")
    @route("POST", "/zones/{zone}/secondary_dns/outgoing/disable")
    @route("POST", "/zones/{zone}/secondary_dns/outgoing/force_notify")
    @route("GET", "/zones/{zone}/secondary_dns/outgoing/status")
    def transfer(self, request):
        """OK, and nothing happens."""
        self._zone(request)
        return done("OK")

    @route("GET", "/zones/{zone}/dns_analytics/report")
    @route("GET", "/zones/{zone}/dns_analytics/report/bytime")
    def analytics(self, request):
        """Nobody has asked for anything."""
        self._zone(request)
        return done({"data": [], "data_lag": 0, "max": {}, "min": {}, "query": {}, "rows": 0, "totals": {}})

    @route("GET", "/user/tokens/verify")
    def verify(self, request):
        """The token works, or the request would not be here."""
        return done({"id": "e" * 32, "status": "active"})
