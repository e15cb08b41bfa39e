"""DNS.services' user API for DNS, as its description and recorded traffic of the real one have it.

Odd where the real one is: most errors come with the status 200, ids are texts, records come as an object keyed by their place,
the content of SOA is a list, TXT comes back in quotes.
"""

import base64
import urllib.parse

from .base import Request, Response, StandIn, absolute, demo_records, demo_zones, route

SERVICES = {"10": "example.", "20": ""}
"""Two services: the first has the zones that begin so, the second all others."""


class Api(StandIn):
    """Zones by their id: `name`, `service` and `records`."""

    prefix = "/api"

    def seed(self) -> dict:
        """The demo zones: ids from 101, records from 1001."""
        zones = {}
        for name in demo_zones():
            zone = self.new_zone(name, "10" if name.startswith(SERVICES["10"]) else "20")
            zones[zone["id"]] = zone
            for zone_name, relative_name, kind, value in demo_records():
                if zone_name == name:
                    given = {"name": absolute(relative_name, name), "type": kind, "content": value.rstrip(".")}
                    if kind == "MX":
                        given["priority"], given["content"] = given["content"].split()
                    self.add(zone, given)
        return zones

    def new_zone(self, name: str, service: str) -> dict:
        """A zone with its SOA, whose id is no record's of the demo zones."""
        zone = {"id": str(self.take_id("zone", 101)), "name": name, "service": service, "records": []}
        zone["records"].append({"id": str(self.take_id("soa", 901)), "domain_id": zone["id"], "name": name, "type": "SOA",
                                "content": ["ns1.dns.services", "post.dns.services", "2026060301", "10800", "3600", "1814400",
                                            "7200"],
                                "ttl": "60", "prio": "0", "change_date": "0", "priority": "0"})
        return zone

    def add(self, zone: dict, given: dict) -> dict:
        """A record more."""
        record = {"id": str(self.take_id("record", 1001)), "domain_id": zone["id"], "name": "", "type": "", "content": "",
                  "ttl": "3600", "prio": "0", "change_date": "0", "priority": "0"}
        write(zone, record, given)
        zone["records"].append(record)
        return record

    def credential(self, headers: dict, body: bytes) -> bool:
        """A token of `login`, or the user's name and password themselves."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            try:
                user, _, password = base64.b64decode(given).decode().partition(":")
            except ValueError:
                return False
            return f"{user}:{password}" == self.secret
        return scheme == "Bearer" and given == self.token()

    def token(self) -> str:
        """What `login` gives: here always the same."""
        return "token-" + base64.urlsafe_b64encode(self.secret.encode()).decode().rstrip("=")

    def unauthorized(self, request: Request) -> Response:
        """No or another credential."""
        return Response(401, {"error": ["unauthorized"]})

    def not_found(self, request: Request) -> Response:
        """No such path."""
        return Response(404, {"error": ["invalid method"]})

    def wrong_method(self, request: Request) -> Response:
        """The path has other methods."""
        return Response(404, {"error": ["invalid method"]})

    def zone(self, request: Request) -> dict | None:
        """The zone that the path is about, if it belongs to the path's service."""
        zone = self.zones.get(request.path_args["zone"])
        return zone if zone and zone["service"] == request.path_args["service"] else None

    @route("POST", "/login", open_to_all=True)
    def login(self, request: Request) -> Response:
        """A token for a name and a password, in a form or in JSON."""
        given = request.json()
        if not isinstance(given, dict):
            given = {key: values[0] for key, values in urllib.parse.parse_qs(request.body.decode()).items()}
        if f"{given.get('username')}:{given.get('password')}" != self.secret:
            return Response(200, {"error": ["login failed"]})
        return Response(200, {"token": self.token(), "refresh": "refresh"})

    @route("GET", "/dns")
    def list_zones(self, request: Request) -> Response:
        """All zones with the ids of their services."""
        zones = [{"domain_id": zone["id"], "name": zone["name"], "service_id": zone["service"]} for zone in self.zones.values()]
        return Response(200, {"service_ids": list(SERVICES), "zones": zones})

    @route("POST", "/service/{service}/dns")
    def add_zone(self, request: Request) -> Response:
        """A zone."""
        name = (request.json() or {}).get("name")
        if request.path_args["service"] not in SERVICES or not name or any(zone["name"] == name for zone in self.zones.values()):
            return failed("An error occurred while adding the DNS zone")
        zone = self.new_zone(name, request.path_args["service"])
        self.zones[zone["id"]] = zone
        return Response(200, {"success": True, "info": [f"Domain zone {name} was created successfully."]})

    @route("GET", "/service/{service}/dns/{zone}")
    def read_zone(self, request: Request) -> Response:
        """A zone with its records, as an object keyed by their place."""
        zone = self.zone(request)
        if not zone:
            return failed("DNS zone not found")
        records = {str(place): record for place, record in enumerate(zone["records"])}
        return Response(200, {"service_id": zone["service"], "name": zone["name"], "records": records})

    @route("DELETE", "/service/{service}/dns/{zone}")
    def delete_zone(self, request: Request) -> Response:
        """The zone and everything in it."""
        zone = self.zone(request)
        if not zone:
            return failed("DNS zone not found")
        del self.zones[zone["id"]]
        return Response(200, {"success": True, "info": [f"Domain zone {zone['name']} was deleted successfully."]})

    @route("POST", "/service/{service}/dns/{zone}/records")
    def add_record(self, request: Request) -> Response:
        """A record more; its id is not answered."""
        zone, given = self.zone(request), request.json() or {}
        if not zone or not given.get("type") or not given.get("content"):
            return failed("An error occurred while adding the DNS record")
        self.add(zone, given)
        return Response(200, {"success": True, "record": shown(given), "info": [["dnsnewrecordadded", given["type"]]]})

    @route("PUT", "/service/{service}/dns/{zone}/records/{record}")
    def update_record(self, request: Request) -> Response:
        """A record anew."""
        zone, given = self.zone(request), request.json() or {}
        record = find(zone, request.path_args["record"])
        if not record:
            return failed("An error occurred while editing the DNS record")
        write(zone, record, given)
        return Response(200, {"success": True, "record": {"id": record["id"], **shown(given)}, "info": ["dnsrecordupdated"]})

    @route("DELETE", "/service/{service}/dns/{zone}/records/{record}")
    def delete_record(self, request: Request) -> Response:
        """A record less."""
        zone = self.zone(request)
        record = find(zone, request.path_args["record"])
        if not record:
            return failed("An error occurred while deleting the DNS record")
        zone["records"].remove(record)
        return Response(200, {"success": True})


def write(zone: dict, record: dict, given: dict) -> None:
    """Writes what is given into a record: the name absolute, TXT in quotes, numbers as texts."""
    name = str(given.get("name") or "").lower().rstrip(".")
    inside = name == zone["name"] or name.endswith(f".{zone['name']}")
    record["name"] = name if inside else absolute(name, zone["name"])
    record["type"] = given.get("type") or record["type"]
    content = str(given.get("content") or "")
    if record["type"] == "TXT" and not content.startswith('"'):
        content = f'"{content}"'
    record["content"] = content
    record["ttl"] = str(given.get("ttl") or record["ttl"])
    record["prio"] = record["priority"] = str(given.get("priority") or 0)


def shown(given: dict) -> dict:
    """A written record as it is answered."""
    return {"name": given.get("name"), "type": given.get("type"), "ttl": given.get("ttl", 3600),
            "priority": given.get("priority", 0), "content": given.get("content")}


def find(zone: dict | None, number: str) -> dict | None:
    """A zone's record by its id."""
    return next((record for record in zone["records"] if record["id"] == number), None) if zone else None


def failed(message: str) -> Response:
    """An error, with the status of success."""
    return Response(200, {"success": False, "error": [message]})
