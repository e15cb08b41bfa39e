"""A gate as an ASGI application: keys are judged, allowed requests go on to the provider with the real credential.

    COMPONENT=zonegate_component.wasm BUNDLE=zonegate.bundle PROVIDER=powerdns ACCOUNT=main \\
    UPSTREAM=http://127.0.0.1:8081 CREDENTIAL="X-API-Key: secret" uvicorn gate:app --port 8053

What a host must do to be safe stands in docs/component.md; the comments below repeat it where it is done.
"""

import asyncio
import http.client
import os
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from zonegate import Bundle, Engine, Message, Request, now

SECONDS_MAX = 5
"""How long the provider may take."""

FAILED = Message(502, [(b"content-type", b"application/json")], b'{"error":"the DNS provider did not answer"}')
"""What the client gets where the provider was not reached."""


@dataclass
class Provider:
    """The DNS provider's API, and the credential that no client ever sees."""

    origin: str
    credential: tuple
    bytes_max: int

    def _ask(self, method: str, path: str, headers: list, body: bytes | None) -> Message | None:
        """One request: exactly these headers and this body, and the real credential. Redirects are not followed."""
        parts = urlsplit(self.origin)
        secure = parts.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(parts.hostname, parts.port, timeout=SECONDS_MAX)
        try:
            # `http.client` adds `Host` and the length; it must not ask for compression, which cannot be judged.
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name.decode("latin-1"), value)
            connection.putheader(*self.credential)
            if body is not None or method in ("POST", "PUT", "PATCH"):
                connection.putheader("content-length", str(len(body or b"")))
            connection.endheaders(body)
            answer = connection.getresponse()
            whole = answer.read(self.bytes_max + 1)
            got = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.getheaders()]
            return Message(answer.status, got, whole)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    async def ask(self, asked) -> Message | None:
        """The same for a lookup or for what a session lets go on, without blocking others."""
        return await asyncio.to_thread(self._ask, asked.method, asked.path, asked.headers, asked.body)


class Gate:
    """The application."""

    def __init__(self, bundle: Bundle, provider: Provider, name: str, account: str):
        """`name` and `account` say whose API this is; no request can change that."""
        self.bundle, self.provider, self.name, self.account = bundle, provider, name, account
        self.limits = bundle.engine.limits()

    async def __call__(self, scope, receive, send) -> None:
        """One request, from its headers to its answer."""
        if scope["type"] != "http":
            raise RuntimeError(f"this gate does not speak {scope['type']}")
        answer = await self._answer(self._request(scope), receive)
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        if answer.status in (204, 304):
            headers = answer.headers
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    def _request(self, scope) -> Request:
        """What is known of a request: provider and account are ours, the address is the connection's."""
        query = scope["query_string"]
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        headers = [tuple(header) for header in scope["headers"] if header[0] != b"host"]
        names = {name for name, _ in headers}
        return Request(
            provider=self.name, account=self.account, method=scope["method"],
            path=scope["raw_path"] + (b"?" + query if query else b""), authority=hosts[0] if len(hosts) == 1 else b"",
            headers=headers, client=scope["client"][0], encrypted=scope["scheme"] == "https",
            request_id=str(uuid.uuid4()), body_follows=bool(names & {b"content-length", b"transfer-encoding"}))

    async def _answer(self, request: Request, receive) -> Message:
        """Walks a session to its end, and writes its record."""
        session, step = self.bundle.begin(request, now())
        with session:
            try:
                return await self._walk(session, step, receive)
            finally:
                print(session.audit(), file=sys.stderr, flush=True)

    async def _walk(self, session, step, receive) -> Message:
        """Does what each step says."""
        while True:
            match step.tag:
                case "need-body":
                    body = await self._body(receive)
                    step = session.body_too_large() if body is None else session.body(body, now())
                case "need-lookups":
                    asked = await asyncio.gather(*(self._look(lookup) for lookup in step.payload))
                    step = session.answers(asked, now())
                case "allow":
                    # Exactly what the session says goes on, and nothing else of the request.
                    answer = await self.provider.ask(step.payload)
                    if answer is None:
                        return FAILED
                    large = len(answer.body) > self.provider.bytes_max
                    return session.response_too_large() if large else session.response(answer)
                case "deny":
                    return step.payload.response
                case "reply":
                    return step.payload
                case other:
                    raise RuntimeError(f"a step that this gate does not know: {other}")

    async def _look(self, lookup) -> tuple:
        """Asks the provider a lookup, where requests go too."""
        return lookup.id, await self.provider.ask(lookup)

    async def _body(self, receive) -> bytes | None:
        """The whole body; none if it is larger than a session reads."""
        body = b""
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise ConnectionError("the client went away")
            body += event.get("body", b"")
            if len(body) > getattr(self.limits, "body-bytes-max"):
                return None
            if not event.get("more_body"):
                return body


def from_environment() -> Gate:
    """The gate that the environment describes."""
    engine = Engine(Path(os.environ["COMPONENT"]))
    bundle = engine.load(Path(os.environ["BUNDLE"]).read_bytes())
    name, _, value = os.environ["CREDENTIAL"].partition(":")
    limit = getattr(engine.limits(), "response-bytes-max")
    provider = Provider(os.environ["UPSTREAM"], (name.strip(), value.strip()), limit)
    return Gate(bundle, provider, os.environ["PROVIDER"], os.environ["ACCOUNT"])


if "COMPONENT" in os.environ:
    app = from_environment()
