"""Porkbun API v3, its DNS part, as https://porkbun.com/llms/dns describes it: POSTs with the credentials in the body.

As there: the headers X-API-Key and X-Secret-API-Key count only where the body has no credentials; all that reads takes GET
too; a POST must have a JSON body; an edit by name and type gives every record there the same content; answers have full names.
"""

import json

from .base import Response, StandIn, absolute, demo_records, demo_zones, route, unquoted

TYPES = ["A", "AAAA", "ALIAS", "CAA", "CNAME", "HTTPS", "MX", "NS", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"]


def error(status: int, code: str, message: str) -> Response:
    """An error as Porkbun writes it."""
    return Response(status, {"status": "ERROR", "code": code, "message": message})


def success(**more) -> Response:
    """A success with what else there is."""
    return Response(200, {"status": "SUCCESS", **more})


def split(kind: str, value: str) -> tuple:
    """A value as in a zone file, as (content, priority)."""
    if kind in ("MX", "SRV"):
        priority, rest = value.split(" ", 1)
        return rest.rstrip("."), priority
    if kind == "TXT":
        return unquoted(value), "0"
    return (value.rstrip(".") if kind in ("CNAME", "NS", "ALIAS") else value), "0"


class Api(StandIn):
    """`zones`: domain to its records, dicts with id, name (relative, empty for the apex), type, content, ttl, prio, notes."""

    prefix = "/api/json/v3"

    def seed(self):
        """The demo zones."""
        self.zones = {zone: [] for zone in demo_zones()}
        self.nameservers = {zone: ["curitiba.ns.porkbun.com", "fortaleza.ns.porkbun.com"] for zone in self.zones}
        self.glue = {zone: {} for zone in self.zones}
        self.signed = {zone: {} for zone in self.zones}
        for zone, name, kind, value in demo_records():
            content, priority = split(kind, value)
            self._add(zone, {"name": "" if name == "@" else name, "type": kind, "content": content, "prio": priority})

    def credential(self, headers, body):
        """A pair of keys: the body's, or else the headers'."""
        try:
            given = json.loads(body) if body else {}
        except ValueError:
            given = {}
        pair = (given.get("apikey"), given.get("secretapikey")) if isinstance(given, dict) else (None, None)
        if pair == (None, None):
            pair = (headers.get("x-api-key"), headers.get("x-secret-api-key"))
        return pair == tuple(self.secret.split(":", 1))

    def unauthorized(self, request):
        """No keys, or wrong ones."""
        return error(400, "INVALID_API_KEYS_001", "Invalid API key. (001)")

    def not_found(self, request):
        """No such path."""
        return error(404, "INVALID_ENDPOINT", "Invalid endpoint.")

    def handle(self, request):
        """A POST needs JSON; a path about a domain of somebody else is an error; an empty last segment is none."""
        request.path = request.path.rstrip("/")
        if request.method == "POST" and not isinstance(request.json(), dict):
            return error(400, "INVALID_OR_EMPTY_JSON", "Invalid or empty JSON.")
        parts = request.path.removeprefix(self.prefix).split("/")
        if len(parts) > 3 and parts[1] in ("dns", "domain", "ssl") and parts[3].lower() not in self.zones:
            if self.credential(request.headers, request.body):
                return error(400, "INVALID_DOMAIN", "Invalid domain.")
        return super().handle(request)

    def _add(self, zone: str, given: dict) -> dict:
        """A new record."""
        record = {"id": str(self.take_id("record", first=501)), "name": given.get("name") or "", "type": given["type"],
                  "content": given["content"], "ttl": str(given.get("ttl") or 600), "prio": str(given.get("prio") or 0),
                  "notes": given.get("notes") or ""}
        self.zones[zone].append(record)
        return record

    def _zone(self, request) -> str:
        """The domain of a path."""
        return request.path_args["zone"].lower()

    def _records(self, zone: str, records: list) -> Response:
        """Records as they are answered."""
        return success(cloudflare="disabled", records=[{**record, "name": absolute(record["name"], zone)} for record in records])

    def _named(self, request) -> list:
        """The records of a path's type and name."""
        name, kind = request.path_args.get("name", ""), request.path_args["kind"]
        return [record for record in self.zones[self._zone(request)] if (record["name"], record["type"]) == (name, kind)]

    def _by_id(self, request):
        """The record of a path's id, or none."""
        return next((record for record in self.zones[self._zone(request)] if record["id"] == request.path_args["record"]), None)

    @route("GET", "/ping")
    @route("POST", "/ping")
    def ping(self, request):
        """Whether the keys are right, and where the request came from."""
        return success(yourIp="127.0.0.1", credentialsValid=True)

    @route("GET", "/domain/listAll")
    @route("POST", "/domain/listAll")
    def domains(self, request):
        """Up to a thousand domains."""
        given = request.json() or {}
        start = int(given.get("start") or 0) if request.method == "POST" else request.number("start", 0)
        names = list(self.zones)[start:start + 1000]
        return success(domains=[{"domain": zone, "status": "ACTIVE", "tld": zone.rsplit(".", 1)[-1], "notLocal": 0} for zone in names])

    @route("GET", "/domain/getNs/{zone}")
    @route("POST", "/domain/getNs/{zone}")
    def ns(self, request):
        """The name servers at the registry."""
        return success(ns=self.nameservers[self._zone(request)])

    @route("POST", "/domain/updateNs/{zone}")
    def set_ns(self, request):
        """Other name servers."""
        self.nameservers[self._zone(request)] = request.json().get("ns", [])
        return success()

    @route("GET", "/domain/getGlue/{zone}")
    @route("POST", "/domain/getGlue/{zone}")
    def list_glue(self, request):
        """Name servers inside the domain, with their addresses."""
        zone = self._zone(request)
        return success(hosts=[[f"{host}.{zone}", {"v4": ips, "v6": []}] for host, ips in self.glue[zone].items()])

    @route("POST", "/domain/createGlue/{zone}/{host}")
    @route("POST", "/domain/updateGlue/{zone}/{host}")
    def set_glue(self, request):
        """A name server inside the domain."""
        self.glue[self._zone(request)][request.path_args["host"]] = request.json().get("ips", [])
        return success()

    @route("POST", "/domain/deleteGlue/{zone}/{host}")
    def delete_glue(self, request):
        """A name server less."""
        self.glue[self._zone(request)].pop(request.path_args["host"], None)
        return success()

    @route("GET", "/ssl/retrieve/{zone}")
    @route("POST", "/ssl/retrieve/{zone}")
    def certificate(self, request):
        """A certificate with its private key."""
        return success(certificatechain="-----BEGIN CERTIFICATE-----", privatekey="-----BEGIN PRIVATE KEY-----", publickey="")

    @route("GET", "/dns/retrieve/{zone}")
    @route("POST", "/dns/retrieve/{zone}")
    def records(self, request):
        """All records."""
        return self._records(self._zone(request), self.zones[self._zone(request)])

    @route("GET", "/dns/retrieve/{zone}/{record}")
    @route("POST", "/dns/retrieve/{zone}/{record}")
    def record(self, request):
        """The one record with this id, as a list."""
        found = self._by_id(request)
        return self._records(self._zone(request), [found] if found else [])

    @route("GET", "/dns/retrieveByNameType/{zone}/{kind}")
    @route("POST", "/dns/retrieveByNameType/{zone}/{kind}")
    @route("GET", "/dns/retrieveByNameType/{zone}/{kind}/{name}")
    @route("POST", "/dns/retrieveByNameType/{zone}/{kind}/{name}")
    def named(self, request):
        """The records of a type and name."""
        return self._records(self._zone(request), self._named(request))

    @route("POST", "/dns/create/{zone}")
    def create(self, request):
        """A new record."""
        body = request.json()
        if body.get("type") not in TYPES:
            return error(400, "INVALID_TYPE", "Invalid type passed.")
        if not isinstance(body.get("content"), str) or not body["content"]:
            return error(400, "CREATE_ERROR", "Create error: We were unable to create the DNS record.")
        return success(id=int(self._add(self._zone(request), body)["id"]))

    @route("POST", "/dns/edit/{zone}/{record}")
    def edit(self, request):
        """A record's fields; without a name it goes to the apex."""
        found, body = self._by_id(request), request.json()
        if not found:
            return error(400, "INVALID_RECORD_ID", "Invalid record ID.")
        if body.get("type") not in TYPES or not body.get("content"):
            return error(400, "EDIT_ERROR", "Edit error: We were unable to edit the DNS record.")
        found.update(name=body.get("name") or "", type=body["type"], content=body["content"])
        found.update({key: str(body[key]) for key in ("ttl", "prio", "notes") if body.get(key) is not None})
        return success()

    @route("POST", "/dns/editByNameType/{zone}/{kind}")
    @route("POST", "/dns/editByNameType/{zone}/{kind}/{name}")
    def edit_named(self, request):
        """The same content for every record of a type and name; a success also where there is none."""
        found, body = self._named(request), request.json()
        if not body.get("content"):
            return error(400, "EDIT_ERROR", "Edit error: We were unable to edit the DNS record.")
        for record in found:
            record["content"] = body["content"]
            record.update({key: str(body[key]) for key in ("ttl", "prio", "notes") if body.get(key) is not None})
        return success()

    @route("POST", "/dns/delete/{zone}/{record}")
    def delete(self, request):
        """A record goes."""
        found = self._by_id(request)
        if not found:
            return error(400, "INVALID_RECORD_ID", "Invalid record ID.")
        self.zones[self._zone(request)].remove(found)
        return success()

    @route("POST", "/dns/deleteByNameType/{zone}/{kind}")
    @route("POST", "/dns/deleteByNameType/{zone}/{kind}/{name}")
    def delete_named(self, request):
        """Every record of a type and name goes."""
        found = self._named(request)
        if not found:
            return error(400, "DELETE_ERROR", "Delete error: We were unable to delete the DNS record.")
        for record in found:
            self.zones[self._zone(request)].remove(record)
        return success()

    @route("GET", "/dns/getDnssecRecords/{zone}")
    @route("POST", "/dns/getDnssecRecords/{zone}")
    def list_signed(self, request):
        """The DS records at the registry, by their key tags."""
        return success(records=self.signed[self._zone(request)])

    @route("POST", "/dns/createDnssecRecord/{zone}")
    def add_signed(self, request):
        """A new DS record."""
        body = request.json()
        self.signed[self._zone(request)][str(body.get("keyTag"))] = {key: str(body.get(key)) for key in ("keyTag", "alg", "digestType", "digest")}
        return success()

    @route("POST", "/dns/deleteDnssecRecord/{zone}/{keytag}")
    def delete_signed(self, request):
        """A DS record goes."""
        self.signed[self._zone(request)].pop(request.path_args["keytag"], None)
        return success()
