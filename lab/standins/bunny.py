"""bunny.net's DNS API, as its OpenAPI description and published answers of the real one have it.

Lenient where the real one is: keys, paths and type names in any case, bodies in XML, a `Type` that an update ignores, an `Id`
in an addition that nobody reads, partial updates.
"""

import json
import xml.etree.ElementTree

from .base import Request, Response, StandIn, absolute, demo_records, demo_zones, relative, route, unquoted

TYPES = ["A", "AAAA", "CNAME", "TXT", "MX", "Redirect", "Flatten", "PullZone", "SRV", "CAA", "PTR", "Script", "NS", "SVCB",
         "HTTPS", "TLSA"]
"""The types by their number."""

RECORD = {"Id": 0, "Type": 0, "Ttl": 300, "Value": "", "Name": "", "Weight": 100, "Priority": 0, "Port": 0, "Flags": 0, "Tag": "",
          "Accelerated": False, "AcceleratedPullZoneId": 0, "LinkName": "", "IPGeoLocationInfo": None, "GeolocationInfo": None,
          "MonitorStatus": 0, "MonitorType": 0, "GeolocationLatitude": 0, "GeolocationLongitude": 0, "EnviromentalVariables": [],
          "LatencyZone": None, "SmartRoutingType": 0, "Disabled": False, "Comment": "", "AutoSslIssuance": True,
          "AccelerationStatus": 0}
"""A record's fields in the order of answers, with what they are if nobody says."""

WRITABLE = {"Ttl", "Value", "Name", "Weight", "Priority", "Port", "Flags", "Tag", "Accelerated", "MonitorType",
            "GeolocationLatitude", "GeolocationLongitude", "EnviromentalVariables", "LatencyZone", "SmartRoutingType", "Disabled",
            "Comment", "AutoSslIssuance"}
"""The fields that an addition and an update read, besides `Type` of an addition."""

SETTINGS = {"CustomNameserversEnabled": bool, "Nameserver1": str, "Nameserver2": str, "SoaEmail": str, "LoggingEnabled": bool,
            "LogAnonymizationType": int, "CertificateKeyType": int, "LoggingIPAnonymizationEnabled": bool}
"""The settings of a zone that can be changed."""

DATE = "2026-06-03T10:00:00"
"""When everything was made."""


class Api(StandIn):
    """Zones by their id, each as it is answered."""

    def seed(self) -> dict:
        """The demo zones: ids from 101, records from 1001."""
        self.scanned = set()
        zones = {}
        for name in demo_zones():
            zone = self.new_zone(name)
            zones[zone["Id"]] = zone
            zone["Records"] = [self.demo_record(zone_name, *record) for zone_name, *record in demo_records() if zone_name == name]
        return zones

    def new_zone(self, name: str) -> dict:
        """An empty zone."""
        return {"Id": self.take_id("zone", 101), "Domain": name, "Records": [], "DateModified": DATE, "DateCreated": DATE,
                "NameserversDetected": True, "CustomNameserversEnabled": False, "Nameserver1": "kiki.bunny.net",
                "Nameserver2": "coco.bunny.net", "SoaEmail": "hostmaster@bunny.net", "NameserversNextCheck": DATE,
                "LoggingEnabled": False, "LoggingIPAnonymizationEnabled": True, "LogAnonymizationType": 0,
                "DnsSecEnabled": False, "CertificateKeyType": 0}

    def demo_record(self, zone: str, name: str, kind: str, value: str) -> dict:
        """A row of lab/zones.toml as a record: names relative, values taken apart, no final dots."""
        given = {"Type": TYPES.index(kind), "Name": relative(absolute(name, zone), zone, ""), "Value": value.rstrip(".")}
        if kind == "TXT":
            given["Value"] = unquoted(value)
        elif kind == "MX":
            priority, given["Value"] = value.rstrip(".").split()
            given["Priority"] = int(priority)
        elif kind == "CAA":
            flags, given["Tag"], quoted = value.split()
            given["Flags"], given["Value"] = int(flags), unquoted(quoted)
        return self.new_record(given)

    def new_record(self, given: dict) -> dict:
        """A record of these fields."""
        record = {**RECORD, "Id": self.take_id("record", 1001), "Type": given.get("Type", 0)}
        record.update({key: value for key, value in given.items() if key in WRITABLE and value is not None})
        number = given.get("PullZoneId") or given.get("ScriptId")
        if number:
            record["LinkName"] = str(number)
        return record

    def credential(self, headers: dict, body: bytes) -> bool:
        """The key stands in a header of its own."""
        return headers.get("accesskey") == self.secret

    def handle(self, request: Request) -> Response:
        """Paths in any case, with or without a final slash."""
        request.path = request.path.lower().rstrip("/")
        return super().handle(request)

    def unauthorized(self, request: Request) -> Response:
        """As the real one."""
        return Response(401, {"ErrorKey": "unauthorized", "Message": "The request authorization header is not valid.\r"})

    def not_found(self, request: Request) -> Response:
        """No such path."""
        return Response(404)

    def wrong_method(self, request: Request) -> Response:
        """The path has other methods."""
        return Response(405, {"Message": "The requested resource does not support this http method."})

    # Zones.

    @route("GET", "/dnszone")
    def list_zones(self, request: Request) -> Response:
        """All zones with all their records."""
        wanted = request.first("search", "")
        return page_of(request, [zone for zone in self.zones.values() if wanted in zone["Domain"]])

    @route("POST", "/dnszone")
    def add_zone(self, request: Request) -> Response:
        """A zone, perhaps with its first records."""
        given = fields(request)
        name = (given or {}).get("domain")
        if not name:
            return invalid("Domain", "The domain is required")
        if any(zone["Domain"] == name for zone in self.zones.values()):
            return invalid("Domain", "The domain is already added")
        zone = self.new_zone(name)
        for item in given.get("records") or []:
            record, error = self.checked(spelt(item))
            if error:
                return error
            zone["Records"].append(self.new_record(record))
        self.zones[zone["Id"]] = zone
        return Response(201, zone)

    @route("POST", "/dnszone/checkavailability")
    def availability(self, request: Request) -> Response:
        """Whether nobody has the zone."""
        name = (fields(request) or {}).get("name")
        return Response(200, {"Available": all(zone["Domain"] != name for zone in self.zones.values())})

    @route("GET", "/dnszone/{zone:int}")
    def read_zone(self, request: Request) -> Response:
        """One zone with all its records."""
        zone = self.zones.get(request.path_args["zone"])
        return Response(200, zone) if zone else missing_zone()

    @route("POST", "/dnszone/{zone:int}")
    def update_zone(self, request: Request) -> Response:
        """Its settings; what is absent stays."""
        zone, given = self.zones.get(request.path_args["zone"]), fields(request) or {}
        if not zone:
            return missing_zone()
        for key in SETTINGS:
            if given.get(key.lower()) is not None:
                zone[key] = given[key.lower()]
        return Response(200, zone)

    @route("DELETE", "/dnszone/{zone:int}")
    def delete_zone(self, request: Request) -> Response:
        """The zone and everything in it."""
        return Response(204) if self.zones.pop(request.path_args["zone"], None) else missing_zone()

    @route("GET", "/dnszone/{zone:int}/export")
    def export(self, request: Request) -> Response:
        """A zone file; SRV is missing in the real one as well."""
        zone = self.zones.get(request.path_args["zone"])
        if not zone:
            return missing_zone()
        lines = [f";; Zone: {zone['Domain']}"]
        lines += [f"{absolute(record['Name'], zone['Domain'])}.\t{record['Ttl']}\tIN\t{TYPES[record['Type']]}\t{record['Value']}"
                  for record in zone["Records"] if TYPES[record["Type"]] != "SRV"]
        return Response(200, "\n".join(lines) + "\n", {"Content-Type": "application/octet-stream"})

    @route("POST", "/dnszone/{zone:int}/import")
    def import_records(self, request: Request) -> Response:
        """Lines of `name ttl IN type value`."""
        zone = self.zones.get(request.path_args["zone"])
        if not zone:
            return missing_zone()
        done = failed = 0
        for line in request.body.decode(errors="replace").splitlines():
            words = line.split()
            if not words or words[0].startswith(";"):
                continue
            if len(words) < 5 or not words[1].isdecimal() or words[3] not in TYPES:
                failed += 1
                continue
            zone["Records"].append(self.new_record({"Type": TYPES.index(words[3]), "Name": relative(words[0], zone["Domain"], ""),
                                                    "Ttl": int(words[1]), "Value": " ".join(words[4:])}))
            done += 1
        return Response(200, {"RecordsSuccessful": done, "RecordsFailed": failed, "RecordsSkipped": 0})

    @route("GET", "/dnszone/{zone:int}/statistics")
    def statistics(self, request: Request) -> Response:
        """Counts of queries."""
        if request.path_args["zone"] not in self.zones:
            return missing_zone()
        return Response(200, {"TotalQueriesServed": 28, "QueriesServedChart": {}, "NormalQueriesServedChart": {},
                              "SmartQueriesServedChart": {}, "QueriesByTypeChart": {"1": 28}})

    @route("POST", "/dnszone/{zone:int}/dnssec")
    @route("DELETE", "/dnszone/{zone:int}/dnssec")
    def dnssec(self, request: Request) -> Response:
        """Signs, or stops signing."""
        zone, on = self.zones.get(request.path_args["zone"]), request.method == "POST"
        if not zone:
            return missing_zone()
        zone["DnsSecEnabled"] = on
        shown = {"DsRecord": f"{zone['Domain']}. 3600 IN DS 12345 13 2 AABB", "Digest": "AABB", "DigestType": "SHA256 (2)",
                 "Algorithm": 13, "PublicKey": "AAAA", "KeyTag": 12345, "Flags": 257}
        if not on:
            shown = {key: 0 if isinstance(value, int) else None for key, value in shown.items()}
        return Response(200, {"Enabled": on, **shown, "DsConfigured": False})

    @route("POST", "/dnszone/{zone:int}/certificate/issue")
    def certificate(self, request: Request) -> Response:
        """A wildcard certificate; nothing of it is answered here."""
        return Response(200) if request.path_args["zone"] in self.zones else missing_zone()

    @route("POST", "/dnszone/records/scan")
    def scan(self, request: Request) -> Response:
        """Looks for records of a zone or of any domain."""
        given = fields(request) or {}
        if (given.get("zoneid") is None) == (given.get("domain") is None):
            return Response(400)
        found = [zone["Id"] for zone in self.zones.values() if given.get("zoneid", zone["Id"]) == zone["Id"]
                 and given.get("domain", zone["Domain"]) == zone["Domain"]]
        if "zoneid" in given and not found:
            return Response(404)
        self.scanned.update(found)
        return Response(200, {"JobId": "00000000-0000-4000-8000-000000000001", "Status": 1})

    @route("GET", "/dnszone/{zone:int}/records/scan")
    def scan_result(self, request: Request) -> Response:
        """What was found: here, what is there."""
        zone = self.zones.get(request.path_args["zone"])
        if not zone or zone["Id"] not in self.scanned:
            return Response(404)
        found = [{"Name": record["Name"], "Type": record["Type"], "Ttl": record["Ttl"], "Value": record["Value"],
                  "Priority": None, "Weight": None, "Port": None, "IsProxied": False} for record in zone["Records"]]
        return Response(200, {"JobId": "00000000-0000-4000-8000-000000000001", "ZoneId": zone["Id"], "Domain": None,
                              "AccountId": None, "Status": 2, "CreatedAt": DATE, "CompletedAt": DATE, "Records": found,
                              "Error": None})

    # Records.

    @route("GET", "/dnszone/{zone:int}/records")
    def list_records(self, request: Request) -> Response:
        """A zone's records, page by page."""
        zone = self.zones.get(request.path_args["zone"])
        if not zone:
            return missing_zone()
        wanted, kind = request.first("search", ""), request.first("type")
        return page_of(request, [record for record in zone["Records"]
                                 if (wanted in record["Name"] or wanted in record["Value"])
                                 and kind in (None, str(record["Type"]))])

    @route("PUT", "/dnszone/{zone:int}/records")
    def add_record(self, request: Request) -> Response:
        """One record more; without `Type` it is number 0, an A record."""
        zone = self.zones.get(request.path_args["zone"])
        if not zone:
            return missing_zone()
        given, error = self.checked(spelt(fields(request) or {}))
        if error:
            return error
        record = self.new_record(given)
        zone["Records"].append(record)
        return Response(201, record)

    @route("POST", "/dnszone/{zone:int}/records/{record:int}")
    def update_record(self, request: Request) -> Response:
        """Everything but the type; what is absent stays."""
        zone = self.zones.get(request.path_args["zone"])
        if not zone:
            return missing_zone()
        record = find(zone, request.path_args["record"])
        if not record:
            return missing_record()
        given = spelt(fields(request) or {})
        given["Type"] = record["Type"]
        given, error = self.checked({**record, **{key: value for key, value in given.items() if value is not None}})
        if error:
            return error
        record.update({key: value for key, value in given.items() if key in WRITABLE})
        return Response(204)

    @route("DELETE", "/dnszone/{zone:int}/records/{record:int}")
    def delete_record(self, request: Request) -> Response:
        """One record less."""
        zone = self.zones.get(request.path_args["zone"])
        if not zone:
            return missing_zone()
        record = find(zone, request.path_args["record"])
        if not record:
            return missing_record()
        zone["Records"].remove(record)
        return Response(204)

    def checked(self, given: dict) -> tuple:
        """The fields of a record, with its type as a number, or the answer that it is wrong."""
        kind = given.get("Type", 0)
        if isinstance(kind, str):
            names = [name.lower() for name in TYPES]
            kind = int(kind) if kind.isdecimal() else names.index(kind.lower()) if kind.lower() in names else -1
        if not isinstance(kind, int) or not 0 <= kind < len(TYPES):
            return None, invalid("Type", "The record type is not valid")
        name = given.get("Name") or ""
        if not given.get("Value") and TYPES[kind] not in ("PullZone", "Script"):
            return None, invalid("Value", "The value is required")
        return {**given, "Type": kind, "Name": "" if name == "@" else name.lower()}, None


def fields(request: Request) -> dict | None:
    """The body's fields by their name in lower case, from JSON or XML."""
    if "xml" in request.headers.get("content-type", ""):
        try:
            root = xml.etree.ElementTree.fromstring(request.body)
        except xml.etree.ElementTree.ParseError:
            return None
        return {child.tag.lower(): child.text for child in root}
    given = request.json()
    return {key.lower(): value for key, value in given.items()} if isinstance(given, dict) else None


def spelt(given: dict) -> dict:
    """A record's fields in the spelling of answers, whatever the case they came in."""
    known = {key.lower(): key for key in [*RECORD, "PullZoneId", "ScriptId"]}
    return {known[key.lower()]: value for key, value in given.items() if key.lower() in known}


def page_of(request: Request, items: list) -> Response:
    """A page of a list."""
    page, size = max(request.number("page", 1), 1), min(max(request.number("perpage", request.number("perPage", 1000)), 5), 1000)
    end = page * size
    return Response(200, json.loads(json.dumps({"Items": items[end - size:end], "CurrentPage": page, "TotalItems": len(items),
                                                "HasMoreItems": end < len(items)})))


def find(zone: dict, number: int) -> dict | None:
    """A zone's record by its id."""
    return next((record for record in zone["Records"] if record["Id"] == number), None)


def invalid(field: str, message: str) -> Response:
    """The answer to a field that is wrong."""
    return Response(400, {"ErrorKey": "validation_error", "Field": field, "Message": f"{message}\r"})


def missing_zone() -> Response:
    """The answer where there is no such zone."""
    return Response(404, {"ErrorKey": "dnszone.zone.not_found", "Field": "Id", "Message": "The requested DNS zone was not found\r"})


def missing_record() -> Response:
    """The answer where there is no such record."""
    return Response(404, {"ErrorKey": "dnszone.record.not_found", "Field": "RecordId",
                          "Message": "The requested DNS zone record was not found\r"})
