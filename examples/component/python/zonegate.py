"""Zonegate's engine in Python: the component, run by wasmtime.

    engine = Engine(Path("zonegate_component.wasm"))
    bundle = engine.load(Path("zonegate.bundle").read_bytes())
    session, step = bundle.begin(request, now())

Needs the package `wasmtime`. The interface is `component/wit/policy.wit`, and names here are its names.
One engine does one thing at a time: threads take turns.
"""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import wasmtime
from wasmtime import component

GATE = "zonegate:policy/gate@0.1.0"
"""What the component exports."""


class Problems(Exception):
    """A bundle that was refused, with everything that is wrong with it."""


class Misuse(Exception):
    """A call that a session cannot take; it has changed nothing."""


@dataclass
class Request:
    """What a host knows of a request when its headers have arrived."""

    provider: str
    account: str
    method: str
    path: bytes
    authority: bytes
    headers: list
    client: str
    encrypted: bool
    request_id: str
    body_follows: bool


@dataclass
class Question:
    """Operations that a log tells of, and what else policies can ask about their request."""

    key: str
    provider: str
    account: str
    client: str
    encrypted: bool
    method: str | None
    route: str
    operations: list
    cost: int


@dataclass
class Message:
    """A response, with headers as (bytes, bytes)."""

    status: int
    headers: list = field(default_factory=list)
    body: bytes = b""


def now() -> int:
    """Now, as sessions want it."""
    return time.time_ns() // 1_000_000


def _record(**fields) -> component.Record:
    """A record of the interface; its names have dashes."""
    record = component.Record()
    for name, value in fields.items():
        setattr(record, name.replace("_", "-"), value)
    return record


class Engine:
    """One instance of the component."""

    def __init__(self, file: Path):
        """Compiles and instantiates it; it has no imports, so there is nothing to give it."""
        engine = wasmtime.Engine()
        self._store = wasmtime.Store(engine)
        code = component.Component.from_file(engine, str(file))
        self._instance = component.Linker(engine).instantiate(self._store, code)
        self._gate = self._instance.get_export_index(self._store, GATE)
        self._lock = threading.Lock()
        self._functions = {}

    def call(self, name: str, *arguments):
        """Calls a function of the interface."""
        with self._lock:
            function = self._functions.get(name)
            if function is None:
                index = self._instance.get_export_index(self._store, name, self._gate)
                function = self._functions[name] = self._instance.get_func(self._store, index)
            result = function(self._store, *arguments)
            function.post_return(self._store)
            return result

    def drop(self, resource) -> None:
        """Drops a bundle or a session."""
        with self._lock:
            resource.drop(self._store)

    def limits(self):
        """The most bytes that a session reads."""
        return self.call("get-limits")

    def load(self, json: bytes) -> "Bundle":
        """Loads a bundle, as `zonegate bundle --bare` writes it; raises `Problems`."""
        loaded = self.call("[static]bundle.load", json)
        if isinstance(loaded, list):
            raise Problems("\n".join(f"{one.file}: {one.message}" for one in loaded))
        return Bundle(self, loaded)


class Bundle:
    """A loaded bundle."""

    def __init__(self, engine: Engine, resource):
        """Made by `Engine.load`."""
        self.engine, self._resource = engine, resource

    def digest(self) -> str:
        """The digest of its content."""
        return self.engine.call("[method]bundle.digest", self._resource)

    def begin(self, request: Request, at: int) -> tuple:
        """Begins a session: the session, and the first step."""
        begun = self.engine.call("[method]bundle.begin", self._resource, _record(**vars(request)), at)
        if isinstance(begun, component.Variant):
            raise Misuse(begun)
        resource, step = begun
        return Session(self.engine, resource), step

    def ask(self, question: Question, at: int) -> tuple:
        """What policies would say: whether they allow, the policies that determined it, and why not."""
        said = self.engine.call("[method]bundle.ask", self._resource, _record(**vars(question)), at)
        if isinstance(said, component.Variant):
            raise Misuse(said)
        return (True, said, None) if isinstance(said, list) else (False, said.policies, said.reason)


class Session:
    """One request. A step has a `tag`, such as `need-body`, and a `payload`."""

    def __init__(self, engine: Engine, resource):
        """Made by `Bundle.begin`."""
        self.engine, self._resource = engine, resource

    def __enter__(self) -> "Session":
        """For `with`: at its end the session is dropped."""
        return self

    def __exit__(self, *_) -> None:
        """Drops the session."""
        self.engine.drop(self._resource)

    def _step(self, name: str, *arguments):
        """Calls what gives a step."""
        result = self.engine.call(f"[method]session.{name}", self._resource, *arguments)
        if result.tag == "err":
            raise Misuse(result.payload)
        return result.payload

    def body(self, body: bytes, at: int):
        """The whole body has arrived."""
        return self._step("body", body, at)

    def body_too_large(self):
        """The body is larger than a session reads."""
        return self._step("body-too-large")

    def answers(self, answers: list, at: int):
        """What came of the lookups: (id, Message or None)."""
        found = lambda message: message and _record(status=message.status, body=message.body)
        return self._step("answers", [_record(id=number, found=found(message)) for number, message in answers], at)

    def _filtered(self, name: str, *arguments) -> Message:
        """Calls what gives the client's response."""
        result = self.engine.call(f"[method]session.{name}", self._resource, *arguments)
        if isinstance(result, component.Variant):
            raise Misuse(result)
        return result.response

    def response(self, message: Message) -> Message:
        """The provider's response has arrived: what the client gets in its place."""
        return self._filtered("response", _record(status=message.status, headers=message.headers, body=message.body))

    def response_too_large(self) -> Message:
        """The provider's response is larger than a session reads."""
        return self._filtered("response-too-large")

    def audit(self) -> str:
        """The audit record: one line of JSON."""
        return self.engine.call("[method]session.audit", self._resource)
