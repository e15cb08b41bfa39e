"""Requests that two parsers could read differently: names, types, paths, queries, headers and JSON in odd spellings.

Every generator takes the chances it decides by, so a seed gives the same requests again. Most dimensions of a request
are left as an ordinary client would send them: what is odd in everything is refused for the first oddity.
"""

import contextlib
import http.client
import json
import random
from typing import NamedTuple

from lab import web

SERVER = "/api/v1/servers/localhost"
"""Where PowerDNS keeps everything."""

KINDS = ("A", "AAAA", "TXT", "CNAME", "MX", "NS", "SOA", "DS", "CAA", "LUA", "ANY", "TYPE255", "TYPE16", "TYPE2",
         "TYPE0002", "TYPE65402", "TYPE1234", "HTTPS", "ALIAS", "DNAME", "PTR", "SRV", "ns", "Txt", " TXT", "TYPE", "",
         "TYPE-1", "TYPE65552", "type1", "RRSIG", "ENT", "AXFR", "OPT", "SPF", "CDS")
"""Record types, real ones and others."""

VALUES = ('"x"', "x", '"\\065"', '"a\\010b"', '"a" "b"', "192.0.2.66", "010.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.1 ",
          "ns.evil.example.", "ns.evil.example", ".", "10 mail.evil.example.", '0 issue "ca.evil.example"', "",
          'A "return 1"', "\\# 4 7f000001", "a\nb", '"a"b', "12345 13 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
          "ns1.example.com. admin.example.com. 1 2 3 4 5", '"v=spf1 +all"')
"""Record values, real ones and others."""

ELSEWHERE = ("www.example.com", "example.com", "www.example.net", "example.net", "www.customer.nl", "home.example.com",
             "_acme-challenge.www.example.com", "_acme-challenge.child.example.com", "sub.example.com", "com", "",
             "new.child.example.com", "*.example.com", "*.dev.example.com", "*._acme-challenge.www.example.com",
             "_acme-challenge.*.example.com", "evilexample.com", "x.prod-shop.nl", "mail.example.com", "new.example")
"""Names that belong to some key, to another, or to none."""

ZONES = ("example.com", "example.net", "example.org", "child.example.com", "customer.nl", "prod-shop.nl", "shop-prod.com",
         "com", "nl", "new.example", "www.example.com", "x.customer.nl", "")
"""Zones, also such as are not there."""


class Sent(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: dict
    body: bytes


class Fields(list):
    """A JSON object as a list of pairs, so that a key can stand in it twice."""


def often(chance: random.Random, usual, *odd, odds: float = 0.12):
    """The usual, or now and then something odd."""
    return chance.choice(odd) if odd and chance.random() < odds else usual


def spell_name(chance: random.Random, name: str) -> str:
    """A name as PowerDNS writes it, or nearly so."""
    dotted = f"{name}."
    return often(chance, dotted, name, dotted.upper(), dotted.title(), dotted.replace("_", "\\095"), dotted + ".",
                 dotted.replace(".", "\\.", 1), dotted.replace(".", "\\046", 1), "." + dotted, "*." + dotted, " " + dotted,
                 dotted + " ", dotted.replace("s", "ſ"), dotted.replace(".", "。", 1), "x." + dotted, dotted + dotted,
                 dotted.replace(".", "..", 1), dotted.partition(".")[2], dotted + "\0", "@", dotted.replace(".", "\\000.", 1),
                 "a" * 64 + "." + dotted, dotted.replace("e", "\\101"), odds=0.15)


def zone_id(chance: random.Random, zone: str) -> str:
    """A zone in a path, as clients write it, or nearly so."""
    dotted = f"{zone}."
    return often(chance, dotted, zone, dotted.upper(), dotted.replace(".", "=2E"), dotted.replace(".", "=2e", 1), zone + "=2E",
                 "=" + dotted.encode()[:1].hex().upper() + dotted[1:], "%" + dotted.encode()[:1].hex() + dotted[1:],
                 dotted.replace(".", "%2E"), dotted.replace(".", "%3D2E"), dotted + "%2f..%2fexample.net.", dotted + "/",
                 dotted + ";x", dotted + "%00", dotted + "=00", dotted + "/../example.net.", dotted + "/./", dotted + "%20",
                 dotted + "#", dotted + "?", dotted + ".", dotted + ".internal", "../zones/" + dotted, dotted + "%3Frrsets=true",
                 "=2E", "%2e%2e", "x=5C=2E" + dotted, dotted.replace(".", "=5C=2E", 1), "*." + dotted, odds=0.2)


def fits(kind: str, value: str) -> bool:
    """Whether PowerDNS would take this value for this type, roughly."""
    shape = "TXT" if value.startswith('"') else "MX" if " " in value else "AAAA" if ":" in value else \
        "A" if value[0].isdigit() else "NAME"
    return kind == shape or (shape == "NAME" and kind in ("CNAME", "NS"))


def rrset(chance: random.Random, reach, zone: str = "") -> Fields:
    """One rrset of a change, mostly of the key's own names in the zone."""
    name = often(chance, chance.choice([name for name in reach.names if name.endswith(zone)] or reach.names), *ELSEWHERE)
    kind = often(chance, chance.choice(reach.kinds), *KINDS)
    own = [value for value in reach.values if fits(kind, value)] or reach.values
    values = [often(chance, chance.choice(own), *VALUES) for _ in range(chance.choice((1, 1, 1, 2, 0)))]
    records = [Fields([("content", value), *often(chance, [("disabled", False)], [], [("disabled", True)],
                                                  [("disabled", "true")], [("set-ptr", True)], [("name", "www.example.com.")],
                                                  [("type", "NS")], [("content", "192.0.2.66")], odds=0.2)]) for value in values]
    changetype = often(chance, chance.choice(("REPLACE", "REPLACE", "DELETE")), "EXTEND", "PRUNE", "replace", "Delete",
                       "", None, 1, odds=0.15)
    fields = Fields([("name", spell_name(chance, name)), ("type", kind), ("ttl", often(chance, 60, "60", -1, 0, 2**32, 1.5, None)),
                     ("changetype", changetype), ("records", often(chance, records, None, {}, "x", [None], odds=0.06))])
    fields += often(chance, [], [("comments", [])], [("comments", [Fields([("content", "note"), ("account", "me")])])],
                    [("comments", None)], [("name", "www.example.com.")], [("type", "A")], [("Name", "www.example.com.")],
                    [("changetype", "DELETE")], [("records", [])], [("priority", 0)], [("zone", "example.net.")], odds=0.25)
    if chance.random() < 0.15:
        fields.pop(chance.randrange(len(fields)))
    if chance.random() < 0.2:
        chance.shuffle(fields)
    return fields


def new_zone(chance: random.Random, reach) -> Fields:
    """A zone to be created, or the settings of one."""
    zone = often(chance, chance.choice(reach.zones), *ZONES, odds=0.4)
    fields = Fields([("name", spell_name(chance, zone)), ("kind", often(chance, "Native", "Slave", "master", "Consumer", "x")),
                     ("nameservers", often(chance, ["ns1.example.com."], [], ["x"], None, "ns1.example.com."))])
    extra = [("rrsets", [rrset(chance, reach) for _ in range(chance.choice((1, 2)))]), ("masters", ["192.0.2.66"]),
             ("zone", "$ORIGIN example.com.\nwww A 192.0.2.66\n"), ("dnssec", True), ("catalog", "example.net."),
             ("account", "x"), ("soa_edit_api", "INCREASE"), ("api_rectify", True), ("nsec3param", "1 0 0 -"),
             ("master_tsig_key_ids", ["transfer."]), ("presigned", True), ("id", "example.net."), ("name", "example.net."),
             ("type", "Zone"), ("unknown", 1)]
    return Fields(fields + chance.sample(extra, chance.choice((0, 0, 1, 2))))


def body_of(chance: random.Random, reach, method: str, path: str, zone: str):
    """The tree of a body that fits method and path, mostly."""
    if method == "PATCH":
        fields = Fields([("rrsets", [rrset(chance, reach, zone) for _ in range(chance.choice((1, 1, 1, 2, 3, 0)))])])
        return Fields(fields + often(chance, [], [("rrsets", [])], [("rrsets", [rrset(chance, reach)])], [("zone", "x")],
                                     [("name", "example.net.")], [("masters", ["192.0.2.66"])], [("kind", "Slave")],
                                     [("RRsets", [rrset(chance, reach)])], [("dnssec", True)], odds=0.15))
    if "metadata" in path:
        return Fields([("kind", chance.choice(("ALLOW-AXFR-FROM", "X-mine", "SOA-EDIT", "allow-dnsupdate-from"))),
                       ("metadata", ["0.0.0.0/0"])])
    if "keys" in path:
        return Fields([("keytype", "ksk"), ("active", True), ("name", "x."), ("algorithm", "hmac-sha256"), ("key", "")][
            chance.randrange(3):])
    if "autoprimaries" in path:
        return Fields([("ip", "192.0.2.66"), ("nameserver", "ns.evil.example."), ("account", "")])
    return new_zone(chance, reach)


def render(chance: random.Random, tree, odd: bool) -> str:
    """A tree as JSON, in plain or in odd spelling."""
    gap = chance.choice(("", "", " ", "\n\t")) if odd else ""
    if isinstance(tree, Fields):
        inside = (gap + text(chance, key, odd) + gap + ":" + gap + render(chance, value, odd) for key, value in tree)
        return "{" + ",".join(inside) + gap + "}"
    if isinstance(tree, list):
        return "[" + gap + ",".join(render(chance, item, odd) for item in tree) + "]"
    if isinstance(tree, str):
        return text(chance, tree, odd)
    return json.dumps(tree)


def text(chance: random.Random, plain: str, odd: bool) -> str:
    """A text as JSON, now and then with needless escapes."""
    if not odd or chance.random() < 0.6:
        return json.dumps(plain)
    return '"' + "".join(f"\\u{ord(one):04x}" if chance.random() < 0.3 and ord(one) < 0x10000 else json.dumps(one)[1:-1]
                         for one in plain) + '"'


def spoil(chance: random.Random, body: bytes) -> bytes:
    """A body with something wrong in its bytes."""
    at = chance.randrange(len(body) + 1)
    return chance.choice((
        body + b"x", body + body, b"\xef\xbb\xbf" + body, body[:at], body[:at] + b"\x00" + body[at:], body[:at] + b"\xff" + body[at:],
        body.replace(b"}", b",}", 1), body.replace(b"{", b"{/**/", 1), body.replace(b":", b":NaN,\"a\":", 1), body.replace(b'"', b"'"),
        body.decode().encode("utf-16"), body.replace(b"[", b"[[", 1), b"[" * 2000, body + b"\n", b" " + body, b"", b"{}", b"null"))


ROUTES = (
    *[("PATCH", "/zones/{z}")] * 22, *[("POST", "/zones")] * 4, *[("PUT", "/zones/{z}")] * 3, ("DELETE", "/zones/{z}"),
    *[("GET", "/zones/{z}")] * 4, *[("GET", "/zones")] * 2, ("PUT", "/zones/{z}/notify"), ("PUT", "/zones/{z}/axfr-retrieve"),
    ("PUT", "/zones/{z}/rectify"), ("GET", "/zones/{z}/export"), ("GET", "/zones/{z}/metadata"), ("POST", "/zones/{z}/metadata"),
    ("GET", "/zones/{z}/metadata/ALLOW-AXFR-FROM"), ("PUT", "/zones/{z}/metadata/ALLOW-AXFR-FROM"),
    ("DELETE", "/zones/{z}/metadata/ALLOW-AXFR-FROM"), ("GET", "/zones/{z}/cryptokeys"), ("POST", "/zones/{z}/cryptokeys"),
    ("GET", "/zones/{z}/cryptokeys/1"), ("DELETE", "/zones/{z}/cryptokeys/1"), ("PUT", "/zones/{z}/cryptokeys/1"),
    ("GET", "/tsigkeys"), ("GET", "/tsigkeys/transfer."), ("POST", "/tsigkeys"), ("DELETE", "/tsigkeys/transfer."),
    ("GET", "/search-data"), ("GET", "/search-data"), ("GET", "/config"), ("GET", "/statistics"), ("POST", "/autoprimaries"),
    ("PUT", "/cache/flush"), ("GET", ""), ("TRACE", "/zones/{z}"), ("OPTIONS", "/zones/{z}"))
"""Methods and paths; a change of records is the most frequent."""

QUERIES = ("?rrsets=false", "?rrsets=true", "?rrset_name=www.example.com.&rrset_type=A", "?api-key=x", "?rrsets=true&rrsets=false",
           "?_method=DELETE", "?", "?x", "?zone=example.net.", "?zone=example.com.", "?rrset_name=example.com.&rrset_type=TYPE16",
           "?include_disabled=true", "?rrset_name=hidden.example.com.", "?dnssec=true", "?rrset_type=TXT", "?RRSETS=true")
"""Query strings."""

HEADERS = ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {"X-HTTP-Method-Override": "DELETE"},
           {"Content-Encoding": "gzip"}, {"Content-Encoding": "identity"}, {"X-Original-URL": f"{SERVER}/zones/example.net."},
           {"Authorization": "Basic eDp5"}, {"X-Forwarded-For": "192.0.2.1"}, {"Connection": "X-API-Key"}, {"Accept": "text/plain"},
           {"Accept": "text/html"}, {"Range": "bytes=0-9"}, {"If-None-Match": "*"}, {"Accept-Encoding": "gzip"},
           {"Expect": "100-continue"}, {"Host": "example.net"}, {"Cookie": "a=b"}, {"Upgrade": "websocket", "Connection": "Upgrade"},
           {"Transfer-Encoding": "chunked", "Content-Length": "3"}, {"X-Request-Id": 'a"b\\'})
"""Headers."""


def request(chance: random.Random, reach, key: str) -> Sent:
    """One request of a key."""
    method, path = chance.choice(ROUTES)
    method = often(chance, method, "PATCH", "POST", "PUT", "DELETE", "GET", odds=0.04)
    zone = often(chance, chance.choice(reach.zones), *ZONES)
    path = often(chance, SERVER, "/api/v1//servers/localhost", "/api/v1/servers/./localhost", "/API/v1/servers/localhost", "/servers/localhost",
                 "/api/v1/servers/other", "/api/v1/servers/localhost/", odds=0.04) + path.replace("{z}", zone_id(chance, zone))
    if "search-data" in path:
        path += "?q=" + chance.choice(("*", "*example*", "hidden*", "*nobody*", "?????")) + chance.choice(
            ("", "&max=5", "&object_type=comment", "&object_type=all&max=1000", "&object_type=record"))
    elif chance.random() < 0.15:
        path += chance.choice(QUERIES)
    body = b""
    if method not in ("GET", "DELETE") or chance.random() < 0.1:
        body = render(chance, body_of(chance, reach, method, path, zone), chance.random() < 0.3).encode(errors="surrogatepass")
        if chance.random() < 0.06:
            body = spoil(chance, body)
    headers = {"X-API-Key": often(chance, key, key + " ", key.upper(), key[:-1], "", odds=0.03)}
    if chance.random() < 0.15:
        headers |= chance.choice(HEADERS)
    return Sent(method, path, headers, body)


def send(port: int, sent: Sent) -> web.Answer | None:
    """Sends it; none where the connection was closed without an answer. A gate that hangs is a failure."""
    start = "".join(f"{line}\r\n" for line in (
        f"{sent.method} {sent.path} HTTP/1.1", *([] if "Host" in sent.headers else ["Host: gate"]),
        *(f"{name}: {value}" for name, value in sent.headers.items()),
        *([] if "Content-Length" in sent.headers else [f"Content-Length: {len(sent.body)}"]), ""))
    with contextlib.suppress(http.client.HTTPException, ConnectionError):
        return web.ask_raw(port, start.encode() + sent.body, timeout=15)
    return None
