"""What the tests of Gandi, GoDaddy, Porkbun, Vultr and Name.com have in common: their clients, and what must be true of all."""

import json
import subprocess

from lab import paths

from .unmodified import Unmodified

LEXICON = """
import json, sys
from lexicon.client import Client
from lexicon.config import ConfigResolver
config, action, options = (json.loads(word) for word in sys.argv[1:])
with Client(ConfigResolver().with_dict(config)) as operations:
    print(json.dumps(getattr(operations, action + ("_records" if action == "list" else "_record"))(**options)))
"""
"""Lexicon as the library that other programs use; prints its result as JSON."""

ACME_SH = """
. "$1" --version >/dev/null 2>&1
_initpath
_sleep() { :; }
. "$2"
"$3" "$4" "$5"
"""
"""One function of a DNS script of acme.sh, as acme.sh calls it; it does not wait for the provider's rate limit."""


def lexicon(client: Unmodified, provider: str, credential: dict, action: str, **options) -> subprocess.CompletedProcess:
    """One action of Lexicon on example.com; `provider` is its own word for it."""
    config = {"provider_name": provider, "domain": "example.com", "delegated": "example.com", "action": action,
              "type": options.get("rtype", "TXT"), "ttl": 600, provider: credential}
    return client.python(LEXICON, *map(json.dumps, (config, action, options)), folder=paths.LEXICON,
                         LEXICON_TLDEXTRACT_CACHE=str(client.folder / "suffixes"))


def acme_sh(client: Unmodified, script: str, credential: dict, action: str, name: str, value: str) -> subprocess.CompletedProcess:
    """`add` or `rm` of a DNS script of acme.sh."""
    home = client.folder / "acme.sh"
    home.mkdir(exist_ok=True)
    file = paths.ACME_SH.parent / "dnsapi" / f"{script}.sh"
    return client.run("sh", "-c", ACME_SH, "sh", paths.ACME_SH, file, f"{script}_{action}", name, value,
                      LE_WORKING_DIR=str(home), LE_CONFIG_HOME=str(home), **credential)


def succeeded(done: subprocess.CompletedProcess) -> str:
    """The output of a client that did what it was asked."""
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def failed(done: subprocess.CompletedProcess) -> str:
    """The output of a client that could not."""
    assert done.returncode != 0, done.stdout[-3000:]
    return done.stdout


def only_the_real_credential(stand_in, key: str) -> None:
    """Nothing that came to the provider has the scoped key in it."""
    assert stand_in.log, "nothing came to the provider"
    for each in stand_in.log:
        assert key not in each.raw() and key.split("_")[-1] not in each.raw(), each.raw()
