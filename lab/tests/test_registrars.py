"""Gandi, GoDaddy, Porkbun, Vultr and Name.com misbehave while the gate asks them about a write: the write does not happen."""

import json

import pytest

WRITES = {
    "gandi": ("DELETE", "/v5/livedns/domains/example.org/records", None),
    "godaddy": ("PUT", "/v1/domains/example.com/records/TXT", [{"name": "new", "data": "hello"}]),
    "namecom": ("DELETE", "/v4/domains/example.com/records/1008", None),
    "porkbun": ("POST", "/api/json/v3/dns/delete/example.com/508", {}),
    "vultr": ("DELETE", "/v2/domains/example.com/records/cb676a46-66fd-4dfb-b839-000000000008", None),
}
"""For each provider a write that the gate must ask about first."""

KEYS = {"gandi": "demoanyall01"}
"""Who writes; otherwise the key for the records of example.com."""

FAULTS = {
    "429": {"status": 429, "body": {"message": "slow down"}},
    "500": {"status": 500, "body": "oops"},
    "302": {"status": 302, "headers": {"location": "https://elsewhere.example/"}, "body": ""},
    "no answer": {"close": True},
    "no HTTP": {"garbage": True},
    "half an answer": {"cut": True},
    "no JSON": {"status": 200, "body": "<html>"},
    "another shape": {"status": 200, "body": {"items": []}},
    "too much": {"oversized": 20_000_000},
}
"""What a provider may do instead of answering."""


def write(many, keys, provider: str):
    """The write, through the gate."""
    method, path, body = WRITES[provider]
    return many.ask(provider, method, path, keys[KEYS.get(provider, "demoanyrecs1")], body=None if body is None else json.dumps(body).encode())


def written(stand_in) -> list:
    """The requests that came and were no questions."""
    return [each.method for each in stand_in.log if each.method != "GET"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("provider", WRITES)
def test_a_question_without_an_answer_denies(many, keys, provider, fault):
    """503 with the reason, in the provider's own form, and nothing is written; afterwards it works again."""
    stand_in = many.fresh(provider)
    stand_in.fail(count=99, method="GET", **FAULTS[fault])
    answer = write(many, keys, provider)
    assert answer.status == 503 and "could not be asked" in answer.text, answer.text
    assert stand_in.log and written(stand_in) == []
    stand_in.faults.clear()
    answer = write(many, keys, provider)
    assert answer.status in (200, 204), answer.text
    assert written(stand_in) == [WRITES[provider][0]]


@pytest.mark.parametrize("provider", ["namecom", "porkbun", "vultr"])
def test_an_answer_about_another_record_denies(many, keys, provider):
    """The answer must repeat the id that was asked for."""
    stand_in = many.fresh(provider)
    stand_in.fail(count=99, method="GET", swap={"namecom": ('"id":1008', '"id":1009'), "porkbun": ('"id":"508"', '"id":"509"'),
                                                "vultr": ("000000000008", "000000000009")}[provider])
    answer = write(many, keys, provider)
    assert answer.status == 503 and written(stand_in) == [], answer.text


@pytest.mark.parametrize("provider", ["namecom", "porkbun", "vultr"])
def test_a_foreign_record_looks_like_none(many, keys, provider):
    """The id of a record that the key may not touch, and one that nobody has: the same answer, but for its number."""
    stand_in = many.fresh(provider)
    method, path, body = WRITES[provider]
    ask = lambda path: many.ask(provider, method, path, keys["demoanyhost1"], body=None if body is None else json.dumps(body).encode())
    foreign = ask(path)
    stand_in.fail(count=1, method="GET", status=404, body={})
    missing = ask(path)
    assert (foreign.status, missing.status) == (404, 404) and written(stand_in) == []
    bare = [sorted(text.replace(answer.headers.get("x-request-id", "-"), "") for text in answer.text.split('"') if len(text) < 30)
            for answer in (foreign, missing)]
    assert bare[0] == bare[1]
