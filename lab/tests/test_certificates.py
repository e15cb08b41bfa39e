"""A provider with a wrong certificate: no request and no credential leaves the gate, neither for a client nor for itself."""

import pytest

from lab import many as several, standins, web
from lab.authority import Authority

from .test_many import SENT_ON_IN_LOOKUPS, is_clean, zone_list

WRONG = ("name", "authority", "expired", "not-yet", "common-name-only", "near-name")
"""What may be wrong."""


def certificates(trusted: Authority, folder, host: str) -> dict:
    """For each way of being wrong the files of such a certificate; those of the right ways have `right` in their name."""
    stranger = Authority(folder / "stranger")
    return {
        "right": trusted.issue("right", [host]),
        "right-wildcard": trusted.issue("wildcard", [f"*.{host.partition('.')[2]}"]),
        "name": trusted.issue("name", ["api.example.net"]),
        "authority": stranger.issue("stranger", [host]),
        "expired": trusted.issue("expired", [host], "20200101000000Z", "20200201000000Z"),
        "not-yet": trusted.issue("not-yet", [host], "20490101000000Z", "20491231235959Z"),
        "common-name-only": trusted.issue("common-name-only", [host], alternative=False),
        "near-name": trusted.issue("near-name", [f"{host}.example.net", f"x.{host}", host.partition(".")[2]]),
    }


@pytest.fixture(scope="module")
def impostors(folder, built):
    """A gate whose provider bunny.net can be made to show any certificate, and the certificates."""
    host = several.PROVIDERS["bunny"].host
    running = several.WithStandIns(folder / "impostors", ["bunny"])
    yield running, certificates(running.authority, folder / "impostors", host)
    running.stop()


def show(running, pair: tuple) -> standins.StandIn:
    """The stand-in, started again with this certificate on the port where the gate expects it."""
    stand_in = running.stand_in("bunny")
    port = stand_in.port
    stand_in.stop()
    stand_in.reset()
    return stand_in.start(port, pair)


def forwarded(running, key: str) -> web.Answer:
    """A request that goes on as it is."""
    return running.ask("bunny", "GET", zone_list("bunny"), key)


def looked_up(running, key: str) -> web.Answer:
    """A request before which the gate asks for itself."""
    record = next(each for each in running.stand_in("bunny").zones[101]["Records"] if each["Name"] == "www")
    return running.ask("bunny", "DELETE", f"/dnszone/101/records/{record['Id']}", key)


@pytest.mark.parametrize("ask", [forwarded, looked_up])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_certificate_gets_nothing(impostors, keys, wrong, ask):
    """503, and the impostor has seen no request, so no credential either."""
    running, made = impostors
    impostor = show(running, made[wrong])
    answer = ask(running, keys["demoanyrecs1"])
    assert answer.status == 503, answer.text
    assert impostor.log == []
    assert impostor.secret not in answer.text


@pytest.mark.parametrize("ask", [forwarded, looked_up])
@pytest.mark.parametrize("right", ["right", "right-wildcard"])
def test_the_right_certificate_gets_it_all(impostors, keys, right, ask):
    """The same requests in front of the provider itself."""
    running, made = impostors
    provider = show(running, made[right])
    answer = ask(running, keys["demoanyrecs1"])
    assert answer.status in (200, 204), answer.text
    assert provider.log
    for logged in provider.log:
        is_clean(logged, "bunny", provider.secret, keys["demoanyrecs1"], SENT_ON_IN_LOOKUPS)
