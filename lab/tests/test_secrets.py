"""The real credential: rotated live, never shown, and nothing goes up without it."""

import os
import re
import time

from lab import packed, paths, powerdns

from .conftest import ADDRESS, CHALLENGE, ZONES


def wait_for(condition, seconds: float = 5) -> bool:
    """Whether it becomes true in time."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_rotation_is_live(another_gate, keys):
    """A new secret file is in force within seconds, without a restart."""
    gate = another_gate()
    read = lambda: gate.ask("GET", f"{ZONES}/example.com.", key=keys["demoacmezone"]).status
    assert read() == 200
    gate.rotate_secret("a-credential-that-powerdns-does-not-know")
    assert wait_for(lambda: read() != 200)
    assert read() in (500, 502, 503), "the provider's refusal of the gate must not look like a refusal of the client's key"
    gate.rotate_secret(powerdns.API_KEY)
    assert wait_for(lambda: read() == 200)


def test_without_a_credential_nothing_goes_up(another_gate, keys, folder):
    """An empty secret file: 503, never the request without, or with the client's, credential."""
    gate = another_gate()
    gate.stop()
    gate.secret.write_text("resources: []\n")
    gate.start()
    assert wait_for(gate.ready, 20)
    answer = gate.ask("GET", f"{ZONES}/example.com.", key=keys["demoacmezone"])
    assert answer.status in (500, 502, 503), answer.text
    gate.rotate_secret(powerdns.API_KEY)
    assert wait_for(lambda: gate.ask("GET", f"{ZONES}/example.com.", key=keys["demoacmezone"]).status == 200, 15)


def test_no_credential_in_any_log_or_dump(another_gate, keys, zones):
    """Neither the real one nor any scoped key, in what Envoy and the filter write, at debug level too."""
    gate = another_gate()
    gate.ask_admin("/logging?wasm=debug", "POST")
    for key in [*keys.values(), "wrong-" + keys["demoacmezone"]]:
        gate.ask("GET", ZONES, key=key)
        gate.ask("PATCH", f"{ZONES}/example.com.", key=key, body=CHALLENGE)
        gate.ask("PATCH", f"{ZONES}/example.com.?api-key={key}", key=key, body=ADDRESS)
        gate.ask("GET", f"/{key}", key=key)
    assert wait_for(lambda: len(gate.audit_records()) >= 4 * len(keys), 10)
    # One of the demo "keys" is no secret but a word that somebody might try.
    secrets = [powerdns.API_KEY, *(key for key in keys.values() if len(key) >= 40)]
    assert len(secrets) > 10
    for name, text in {
        "audit log": "\n".join(line for line in gate.audit.read_text().splitlines()),
        "envoy log": gate.program.output(),
        "config dump": gate.ask_admin("/config_dump?include_eds").text,
        "discovery file": gate.bundle.read_text(),
        "bundle": packed.Bundle.of(gate.bundle.read_text()).data().decode("latin-1"),
        "stats": gate.ask_admin("/stats/prometheus").text,
    }.items():
        for secret in secrets:
            # The path of a request is in the audit record: a key that a client puts there is its own doing,
            # but not even that one is printed whole.
            assert secret not in text, f"{name} shows a credential"


def test_the_admin_socket_is_private(gate):
    """Only its owner can open it."""
    assert os.stat(gate.admin).st_mode & 0o777 == 0o600


def test_audit_records_have_their_fields(gate, keys, zones):
    """One line per request, with everything that an auditor asks for."""
    answer = gate.ask("PATCH", f"{ZONES}/example.com.?a=b", key=keys["demoacmezone"], body=ADDRESS)
    good = gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoacmezone"], body=CHALLENGE)
    assert (answer.status >= 400, good.status) == (True, 204)
    mine: list = []

    def both_are_there() -> bool:
        """Whether the denial and an allowed write have been logged."""
        records = [each for each in gate.audit_records() if "zonegate" in each]
        denials = [each for each in records if each["zonegate"]["request_id"] == answer.json["request_id"]]
        mine[:] = denials[:1] + [each for each in records if each["status"] == 204][-1:]
        return len(mine) == 2

    assert wait_for(both_are_there, 10)
    denied, allowed = mine
    for record in (denied, allowed):
        facts = record["zonegate"]
        missing = {"key", "decision", "reason", "policies", "operations", "provider", "account", "client", "path",
                   "bundle", "decision_us", "lookups", "request_id"} - set(facts)
        assert not missing, missing
        assert facts["key"] == "demoacmezone" and facts["provider"] == "powerdns" and facts["account"] == "main"
        assert facts["client"] == "127.0.0.1" and "?" not in facts["path"]
        assert record["method"] == "PATCH" and re.match(r"\d{4}-\d\d-\d\dT", record["time"])
    assert denied["zonegate"]["decision"] == "deny" and denied["zonegate"]["reason"] == answer.reason
    assert allowed["zonegate"]["decision"] == "allow" and allowed["zonegate"]["policies"]
    assert allowed["zonegate"]["operations"]


def test_no_value_floods_the_audit_log(gate, keys):
    """What collects logs cuts long lines or drops them: a denial with 200 KB in it is a line like any other."""
    value = '"' + '\\"' * 100_000 + '"'
    rrset = {"name": "www.example.com.", "type": "TXT", "ttl": 60, "changetype": "EXTEND", "records": [{"content": value}]}
    answer = gate.ask("PATCH", f"{ZONES}/example.com.", key=keys["demoacmezone"], body={"rrsets": [rrset]})
    assert answer.status == 403, answer.text
    mine = lambda: [line for line in gate.audit.read_text().splitlines() if answer.json["request_id"] in line]
    assert wait_for(mine, 12)
    assert len(mine()[0]) < 4096 and "www.example.com TXT" in mine()[0]


def test_metrics_are_good_prometheus(gate, keys):
    """The names and labels that the documentation promises."""
    gate.ask("GET", ZONES, key="wrong")
    gate.ask("GET", ZONES, key=keys["demoacmezone"])
    assert gate.ask("GET", ZONES, key=keys["demooverflow"]).status == 403
    text = gate.ask_admin("/stats/prometheus").text
    assert re.search(r'^zonegate_decisions_total\{reason="[a-z-]+"\} [1-9]', text, re.M), text[-2000:]
    assert re.search(r'^zonegate_lookups_total\{result="answered"\} \d', text, re.M)
    assert re.search(r"^zonegate_policy_errors_total(\{\})? [1-9]", text, re.M)
    assert re.search(r"^zonegate_bundle_version(\{\})? [1-9]", text, re.M)
    assert re.search(r"^zonegate_bundle_loads_total(\{\})? [1-9]", text, re.M)
    assert re.search(r"^zonegate_bundle_load_microseconds(\{\})? [1-9]", text, re.M)


def test_the_example_of_a_secret_is_what_the_lab_writes(gate):
    """envoy/secret.example.yaml has the form that was tested here."""
    example = (paths.ROOT / "envoy" / "secret.example.yaml").read_text()
    kept = [line.strip() for line in example.splitlines() if not line.startswith("#")]
    written = [line.strip() for line in gate.secret.read_text().splitlines()]
    assert [line.split("inline_string")[0] for line in kept] == [line.split("inline_string")[0] for line in written]
