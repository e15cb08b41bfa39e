"""DNSimple API v2, its DNS part, as https://developer.dnsimple.com/v2/ and the fixtures beside it describe it.

As there: record names are relative, and a full one is completed once more; the type of a record cannot be changed, and a body
that says another one is not looked at; a batch is one transaction in the order deletes, updates, creates; an ALIAS has a TXT
record beside it that goes with it; zones stand in paths by name or number, domains by a number of their own.
"""

import base64
import copy
import functools
import ipaddress

from .base import Response, StandIn, demo_records, demo_zones, route, unquoted

WHEN = "2026-06-03T10:00:00Z"
ACCOUNT = 1010
TYPES = ["A", "AAAA", "ALIAS", "CAA", "CNAME", "DNSKEY", "DS", "HINFO", "MX", "NAPTR", "NS", "POOL", "PTR", "SOA", "SPF", "SRV",
         "SSHFP", "TXT", "URL"]
BATCH_MAX = 200
PER_PAGE, PER_PAGE_MAX = 30, 100
FIRST_DOMAIN = 181984


class Refused(Exception):
    """A request that DNSimple does not accept."""

    def __init__(self, status: int, message: str, errors: dict | None = None):
        """With what is wrong with each field."""
        self.status, self.content = status, {"message": message} if errors is None else {"message": message, "errors": errors}


def refusing(handler):
    """A handler whose refusals are answers."""
    @functools.wraps(handler)
    def answer(request):
        """Its answer."""
        try:
            return handler(request)
        except Refused as error:
            return Response(error.status, error.content)
    return answer


def done(data, status: int = 200) -> Response:
    """A success."""
    return Response(status, {"data": data})


def page_of(request, items: list) -> Response:
    """One page of a list, sorted as the query says."""
    for rule in reversed(request.first("sort", "").split(",")):
        field, _, order = rule.partition(":")
        if field:
            items = sorted(items, key=lambda item: item[field], reverse=order == "desc")
    page, size = max(request.number("page", 1), 1), min(max(request.number("per_page", PER_PAGE), 1), PER_PAGE_MAX)
    return Response(200, {"data": items[(page - 1) * size:page * size], "pagination": {
        "current_page": page, "per_page": size, "total_entries": len(items), "total_pages": max(-(-len(items) // size), 1)}})


def parsed(kind: str, value: str) -> dict:
    """A value as in a zone file, as fields of a record."""
    if kind in ("MX", "SRV"):
        priority, rest = value.split(" ", 1)
        return {"priority": int(priority), "content": rest.rstrip(".")}
    if kind in ("TXT", "SPF"):
        return {"content": unquoted(value)}
    return {"content": value.rstrip(".") if kind in ("CNAME", "NS", "PTR", "ALIAS") else value}


class Api(StandIn):
    """`zones`: name to a zone, whose `records` are by number."""

    prefix = "/v2"

    def __init__(self, secret=None):
        """As every stand-in, and refusals are answers."""
        super().__init__(secret)
        self._routes = [(*matching, refusing(handler)) for *matching, handler in self._routes]

    def seed(self):
        """The demo zones."""
        self.zones = {}
        for name in demo_zones():
            self._new_zone(name)
        for zone, name, kind, value in demo_records():
            self._add(self.zones[zone], {"name": "" if name == "@" else name, "type": kind, "ttl": 3600, **parsed(kind, value)})

    def credential(self, headers, body):
        """A token, or the address and password of a user."""
        basic = base64.b64encode(self.secret.encode()).decode()
        return headers.get("authorization") in (f"Bearer {self.secret}", f"Basic {basic}")

    def unauthorized(self, request):
        """Neither."""
        return Response(401, {"message": "Authentication failed"})

    def not_found(self, request):
        """No such path."""
        return Response(404, {"message": "Not Found"})

    def wrong_method(self, request):
        """Another method."""
        return Response(405, {"message": "Method not Allowed"})

    # Zones and domains.

    def _new_zone(self, name: str) -> dict:
        """A new zone with its domain."""
        number = self.take_id("zone")
        self.zones[name] = {"id": number, "domain": FIRST_DOMAIN + number - 1, "name": name, "records": {}, "active": True,
                            "dnssec": False, "ds": {}, "secondary": False}
        return self.zones[name]

    def _zone_shown(self, zone: dict) -> dict:
        """A zone as it is answered."""
        return {"id": zone["id"], "account_id": ACCOUNT, "name": zone["name"], "reverse": False, "secondary": zone["secondary"],
                "last_transferred_at": None, "active": zone["active"], "created_at": WHEN, "updated_at": WHEN}

    def _domain_shown(self, zone: dict) -> dict:
        """A domain as it is answered."""
        return {"id": zone["domain"], "account_id": ACCOUNT, "registrant_id": None, "name": zone["name"],
                "unicode_name": zone["name"], "state": "hosted", "auto_renew": False, "private_whois": False, "expires_on": None,
                "expires_at": None, "created_at": WHEN, "updated_at": WHEN}

    def _account(self, request) -> None:
        """The account of a path is the one there is."""
        if request.path_args["account"] != ACCOUNT:
            raise Refused(404, f"Account `{request.path_args['account']}` not found")

    def _found(self, request, what: str, number: str) -> dict:
        """The zone of a path, by its name or a number."""
        self._account(request)
        given = request.path_args[what].lower()
        for zone in self.zones.values():
            if given == zone["name"] or (given.isdecimal() and int(given) == zone[number]):
                return zone
        raise Refused(404, f"{what.capitalize()} `{given}` not found")

    def _zone(self, request) -> dict:
        """The zone of a path."""
        return self._found(request, "zone", "id")

    def _domain(self, request) -> dict:
        """The zone of a path's domain."""
        return self._found(request, "domain", "domain")

    def _body(self, request) -> dict:
        """A JSON object."""
        body = request.json()
        if not isinstance(body, dict):
            raise Refused(400, "Problems parsing JSON")
        return body

    @route("GET", "/whoami")
    def whoami(self, request):
        """The account of the token."""
        return done({"user": None, "account": self._account_shown()})

    @route("GET", "/accounts")
    def accounts(self, request):
        """The one account."""
        return done([self._account_shown()])

    def _account_shown(self) -> dict:
        """The account as it is answered."""
        return {"id": ACCOUNT, "email": "account@example.org", "name": "Example", "plan_identifier": "teams-v1-monthly",
                "created_at": WHEN, "updated_at": WHEN}

    @route("GET", "/{account:int}/domains")
    def list_domains(self, request):
        """Domains, perhaps with a part of a name."""
        self._account(request)
        part = request.first("name_like", "").lower()
        return page_of(request, [self._domain_shown(zone) for name, zone in sorted(self.zones.items()) if part in name])

    @route("POST", "/{account:int}/domains")
    def create_domain(self, request):
        """A domain with its zone."""
        self._account(request)
        name = self._body(request).get("name", "").lower()
        if not name or name in self.zones:
            raise Refused(400, "Validation failed", {"name": ["has already been taken" if name else "can't be blank"]})
        return done(self._domain_shown(self._new_zone(name)), 201)

    @route("GET", "/{account:int}/domains/{domain}")
    def read_domain(self, request):
        """One domain."""
        return done(self._domain_shown(self._domain(request)))

    @route("DELETE", "/{account:int}/domains/{domain}")
    def delete_domain(self, request):
        """A domain with its zone."""
        del self.zones[self._domain(request)["name"]]
        return Response(204)

    @route("GET", "/{account:int}/domains/{domain}/dnssec")
    def dnssec(self, request):
        """Whether the zone is signed."""
        enabled = self._domain(request)["dnssec"]
        return done({"enabled": enabled, "active": enabled, "created_at": WHEN, "updated_at": WHEN})

    @route("POST", "/{account:int}/domains/{domain}/dnssec")
    def enable_dnssec(self, request):
        """Signs the zone."""
        self._domain(request)["dnssec"] = True
        return done({"enabled": True, "active": True, "created_at": WHEN, "updated_at": WHEN}, 201)

    @route("DELETE", "/{account:int}/domains/{domain}/dnssec")
    def disable_dnssec(self, request):
        """Signs it no more."""
        zone = self._domain(request)
        if not zone["dnssec"]:
            raise Refused(428, "DNSSEC is not enabled")
        zone["dnssec"] = False
        return Response(204)

    @route("POST", "/{account:int}/domains/{domain}/templates/{template}")
    @route("POST", "/{account:int}/domains/{domain}/services/{service}")
    @route("DELETE", "/{account:int}/domains/{domain}/services/{service}")
    def apply(self, request):
        """A template or service comes or goes; no records do here."""
        self._domain(request)
        return Response(204)

    @route("GET", "/{account:int}/domains/{domain}/services")
    def list_services(self, request):
        """What is applied: nothing."""
        self._domain(request)
        return page_of(request, [])

    @route("GET", "/{account:int}/domains/{domain}/ds_records")
    def list_ds(self, request):
        """DS records at the registry."""
        return page_of(request, list(self._domain(request)["ds"].values()))

    @route("POST", "/{account:int}/domains/{domain}/ds_records")
    def create_ds(self, request):
        """One more."""
        zone, body = self._domain(request), self._body(request)
        made = {"id": self.take_id("ds"), "domain_id": zone["domain"], **{key: body.get(key) for key in
                ("algorithm", "digest", "digest_type", "keytag", "public_key")}, "created_at": WHEN, "updated_at": WHEN}
        zone["ds"][made["id"]] = made
        return done(made, 201)

    @route("GET", "/{account:int}/domains/{domain}/ds_records/{ds:int}")
    def read_ds(self, request):
        """One of them."""
        found = self._domain(request)["ds"].get(request.path_args["ds"])
        if not found:
            raise Refused(404, f"Delegation signer record `{request.path_args['ds']}` not found")
        return done(found)

    @route("DELETE", "/{account:int}/domains/{domain}/ds_records/{ds:int}")
    def delete_ds(self, request):
        """Away with it."""
        self.read_ds(request)
        del self._domain(request)["ds"][request.path_args["ds"]]
        return Response(204)

    @route("GET", "/{account:int}/zones")
    def list_zones(self, request):
        """Zones, perhaps with a part of a name."""
        self._account(request)
        part = request.first("name_like", "").lower()
        return page_of(request, [self._zone_shown(zone) for name, zone in sorted(self.zones.items()) if part in name])

    @route("POST", "/{account:int}/secondary_dns/zones")
    def create_secondary(self, request):
        """A zone that comes from elsewhere."""
        self._account(request)
        zone = self._new_zone(self._body(request)["name"].lower())
        zone["secondary"] = True
        return done(self._zone_shown(zone), 201)

    @route("GET", "/{account:int}/zones/{zone}")
    def read_zone(self, request):
        """One zone."""
        return done(self._zone_shown(self._zone(request)))

    @route("GET", "/{account:int}/zones/{zone}/file")
    def zone_file(self, request):
        """All of it as one text."""
        zone = self._zone(request)
        lines = [f"$ORIGIN {zone['name']}.", "$TTL 1h"]
        for record in zone["records"].values():
            owner = f"{record['name']}.{zone['name']}." if record["name"] else f"{zone['name']}."
            priority = "" if record["priority"] is None else f"{record['priority']} "
            lines.append(f"{owner} {record['ttl']} IN {record['type']} {priority}{record['content']}")
        return done({"zone": "\n".join(lines) + "\n"})

    @route("GET", "/{account:int}/zones/{zone}/distribution")
    def distribution(self, request):
        """Everywhere at once."""
        self._zone(request)
        return done({"distributed": True})

    @route("PUT", "/{account:int}/zones/{zone}/activation")
    @route("DELETE", "/{account:int}/zones/{zone}/activation")
    def activation(self, request):
        """Switches the zone on or off."""
        zone = self._zone(request)
        zone["active"] = request.method == "PUT"
        return done(self._zone_shown(zone))

    @route("PUT", "/{account:int}/zones/{zone}/ns_records")
    def name_servers(self, request):
        """Other NS records at the apex."""
        zone, names = self._zone(request), self._body(request).get("ns_names") or []
        for number in [number for number, record in zone["records"].items() if (record["name"], record["type"]) == ("", "NS")]:
            del zone["records"][number]
        return done([self._add(zone, {"name": "", "type": "NS", "content": name}) for name in names])

    # Records.

    def _checked(self, record: dict) -> dict:
        """A record that can be."""
        wrong = {}
        if record["type"] not in TYPES:
            wrong["record_type"] = ["unsupported"]
        if not record["content"]:
            wrong["content"] = ["can't be blank"]
        elif record["type"] in ("A", "AAAA"):
            try:
                if ipaddress.ip_address(record["content"]).version != {"A": 4, "AAAA": 6}[record["type"]]:
                    raise ValueError
            except ValueError:
                wrong["content"] = [f"is not a valid IPv{4 if record['type'] == 'A' else 6} address"]
        if not str(record["ttl"]).isdecimal():
            wrong["ttl"] = ["is not a number"]
        if wrong:
            raise Refused(400, "Validation failed", wrong)
        return record

    def _add(self, zone: dict, given: dict) -> dict:
        """A new record; an ALIAS has a text beside it."""
        if given.get("name") is None:
            raise Refused(400, "Validation failed", {"name": ["can't be blank"]})
        kind = str(given.get("type") or "").upper()
        if kind in ("MX", "CNAME", "ALIAS", "SRV"):   # names are shown without their last dot
            given = {**given, "content": (given.get("content") or "").rstrip(".")}
        priority = given.get("priority")
        record = self._checked({
            "id": 0, "zone_id": zone["name"], "parent_id": None, "name": given["name"].lower(), "content": given.get("content"),
            "ttl": given.get("ttl") or 3600, "priority": int(priority or 0) if kind in ("MX", "SRV") else None, "type": kind,
            "regions": given.get("regions") or ["global"], "system_record": False, "created_at": WHEN, "updated_at": WHEN})
        record["id"] = self.take_id("record")
        zone["records"][record["id"]] = record
        if kind == "ALIAS":
            text = {**record, "id": self.take_id("record"), "parent_id": record["id"], "type": "TXT",
                    "content": f"ALIAS for {record['content']}"}
            zone["records"][text["id"]] = text
        return record

    def _record(self, zone: dict, number) -> dict:
        """The record with a number."""
        found = zone["records"].get(int(number)) if str(number).isdecimal() else None
        if found is None:
            raise Refused(404, f"Record `{number}` not found")
        return found

    def _change(self, record: dict, given: dict) -> dict:
        """What is given changes, except for the type."""
        over = {key: given[key] for key in ("name", "content", "ttl", "priority", "regions") if given.get(key) is not None}
        changed = self._checked({**record, **over})
        changed["name"] = changed["name"].lower()
        record.update(changed)
        return record

    def _remove(self, zone: dict, record: dict) -> None:
        """A record goes, and the text of an ALIAS with it."""
        for number in [number for number, other in zone["records"].items() if record["id"] in (number, other["parent_id"])]:
            del zone["records"][number]

    @route("GET", "/{account:int}/zones/{zone}/records")
    def list_records(self, request):
        """Records, filtered, in pages."""
        tests = {"name": lambda record, want: record["name"] == want.lower(), "type": lambda record, want: record["type"] == want,
                 "name_like": lambda record, want: want.lower() in record["name"]}
        chosen = [(test, request.first(key)) for key, test in tests.items() if key in request.query]
        return page_of(request, [record for record in self._zone(request)["records"].values()
                                 if all(test(record, want) for test, want in chosen)])

    @route("POST", "/{account:int}/zones/{zone}/records")
    def create_record(self, request):
        """A new record."""
        return done(self._add(self._zone(request), self._body(request)), 201)

    @route("GET", "/{account:int}/zones/{zone}/records/{record}")
    def read_record(self, request):
        """One record."""
        return done(self._record(self._zone(request), request.path_args["record"]))

    @route("PATCH", "/{account:int}/zones/{zone}/records/{record}")
    def change_record(self, request):
        """What is given changes."""
        return done(self._change(self._record(self._zone(request), request.path_args["record"]), self._body(request)))

    @route("DELETE", "/{account:int}/zones/{zone}/records/{record}")
    def delete_record(self, request):
        """Away with it."""
        zone = self._zone(request)
        self._remove(zone, self._record(zone, request.path_args["record"]))
        return Response(204)

    @route("GET", "/{account:int}/zones/{zone}/records/{record}/distribution")
    def record_distribution(self, request):
        """Everywhere at once."""
        self._record(self._zone(request), request.path_args["record"])
        return done({"distributed": True})

    @route("POST", "/{account:int}/zones/{zone}/batch")
    def batch(self, request):
        """All or nothing, in DNSimple's own order."""
        zone, body = self._zone(request), self._body(request)
        lists = {key: body.get(key) or [] for key in ("creates", "updates", "deletes")}
        if sum(map(len, lists.values())) > BATCH_MAX:
            raise Refused(400, "Validation failed", {"base": [f"no more than {BATCH_MAX} operations"]})
        before, answer = copy.deepcopy(zone["records"]), {"creates": [], "updates": [], "deletes": []}
        steps = {"deletes": self._batch_delete, "updates": lambda zone, item: self._change(self._record(zone, item.get("id")), item),
                 "creates": self._add}
        for key, step in steps.items():
            for index, item in enumerate(lists[key]):
                try:
                    answer[key].append(copy.deepcopy(step(zone, item)))
                except Refused as error:
                    zone["records"] = before
                    raise Refused(400, "Validation failed", {key: [{"index": index, **error.content}]}) from None
        return done(answer)

    def _batch_delete(self, zone: dict, item: dict) -> dict:
        """One record of a batch goes."""
        record = self._record(zone, item.get("id"))
        self._remove(zone, record)
        return {"id": record["id"]}
