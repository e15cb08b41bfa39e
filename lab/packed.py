"""Bundles from outside: what `zonegate bundle` writes taken apart and put together again, for tests of what others could write.

The form is that of engine/src/bundle/container.rs; nothing here is read by the gate.
"""

import base64
import hashlib
import json
import struct
from dataclasses import dataclass

SETTINGS, POLICIES, TEXTS, WORDS, KEYS = range(5)
"""The sections."""

_HEAD = struct.Struct("<8sI8sq32s")
"""Magic, format, vocabulary, time of packing, digest."""

_PLACE = ("resources", 0, "typed_config", "config", "configuration")
"""Where the discovery file has the bundle."""


def _configuration(document: dict) -> dict:
    """The plugin's configuration in a discovery file."""
    for step in _PLACE:
        document = document[step]
    return document


@dataclass
class Bundle:
    """A bundle taken apart."""

    format: int
    vocabulary: bytes
    built: int
    sections: list

    @classmethod
    def read(cls, data: bytes) -> "Bundle":
        """Takes a bundle apart."""
        _, number, vocabulary, built, _ = _HEAD.unpack_from(data)
        at, sections = _HEAD.size + 4 * (KEYS + 1), []
        for length in struct.unpack_from(f"<{KEYS + 1}I", data, _HEAD.size):
            sections.append(data[at:at + length])
            at += length
        return cls(number, vocabulary, built, sections)

    @classmethod
    def of(cls, discovery: str) -> "Bundle":
        """Takes the bundle of a discovery file apart."""
        return cls.read(base64.b64decode(_configuration(json.loads(discovery))["value"]))

    def content(self) -> bytes:
        """What the digest is of."""
        return struct.pack(f"<{KEYS + 1}I", *map(len, self.sections)) + b"".join(self.sections)

    def data(self) -> bytes:
        """The bundle, with a digest that fits."""
        digest = hashlib.sha256(self.content()).digest()
        return _HEAD.pack(b"zonegate", self.format, self.vocabulary, self.built, digest) + self.content()

    def into(self, discovery: str) -> str:
        """A discovery file with this bundle in the place of its own."""
        document = json.loads(discovery)
        _configuration(document)["value"] = base64.b64encode(self.data()).decode()
        return json.dumps({**document, "version_info": "sha256:" + hashlib.sha256(self.content()).hexdigest()})


def later(discovery: str) -> str:
    """A discovery file whose bundle was packed a second later, and is the same otherwise."""
    bundle = Bundle.of(discovery)
    bundle.built += 1
    return bundle.into(discovery)


def broken(discovery: str) -> str:
    """A discovery file whose bundle lost its last byte, so that its digest is not that of its content."""
    document = json.loads(discovery)
    place = _configuration(document)
    place["value"] = base64.b64encode(base64.b64decode(place["value"])[:-1]).decode()
    return json.dumps(document)


def rows(section: bytes) -> list:
    """The rows of a list."""
    count = struct.unpack_from("<I", section)[0]
    ends = struct.unpack_from(f"<{count}I", section, 4)
    begin = 4 + 4 * count
    return [section[begin + start:begin + end] for start, end in zip((0, *ends), ends)]


def list_of(items: list) -> bytes:
    """A list of these rows."""
    ends, end = [], 0
    for item in items:
        end += len(item)
        ends.append(end)
    return struct.pack(f"<{len(items) + 1}I", len(items), *ends) + b"".join(items)
