"""An Envoy that answers everything at once: the upstream of what is measured, and an authorisation server that says yes."""

import http.client
import json
from pathlib import Path

from .. import paths, process

_DIRECT = """
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: fast
          http_filters:
          # Without it Envoy's direct answers close the connection on requests with a body.
          - name: envoy.filters.http.buffer
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 4194304 }}
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
          route_config:
            virtual_hosts:
            - name: fast
              domains: [ "*" ]
              routes:
{routes}
"""

_BODILESS = """\
              - match: {{ prefix: {path}, headers: [ {{ name: ":method", string_match: {{ exact: {method} }} }} ] }}
                direct_response: {{ status: {status} }}"""

_WITH_BODY = """\
              - match: {{ prefix: {path}, headers: [ {{ name: ":method", string_match: {{ exact: {method} }} }} ] }}
                direct_response: {{ status: {status}, body: {{ inline_string: {body} }} }}
                response_headers_to_add: [ {{ header: {{ key: content-type, value: application/json }}, append_action: OVERWRITE_IF_EXISTS_OR_ADD }} ]"""


class Fast:
    """An Envoy that answers everything at once: the upstream, and the authorisation server."""

    def __init__(self, folder: Path, answers: dict):
        """Starts it with an answer for each method, or each method and beginning of a path: a status, and a body or none."""
        self.port, self.host, self.key = process.free_port(), "127.0.0.1", "any"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "fast.yaml"
        routes = []
        for asked, (status, body) in answers.items():
            method, _, path = asked.partition(" ")
            form = _BODILESS if body is None else _WITH_BODY
            routes.append(form.format(method=method, path=path or "/", status=status, body=json.dumps(body)))
        file.write_text(_DIRECT.format(port=self.port, routes="\n".join(routes)))
        self.program = process.Program("fast upstream", [
            paths.envoy_binary(), "-c", file, "--disable-hot-restart", "--concurrency", 1, "--log-level", "error"],
            folder / "fast.log")
        self.program.wait_until(self._answers, "waiting for its first answer")

    @property
    def api_port(self) -> int:
        """Where it listens."""
        return self.port

    def _answers(self) -> bool:
        """Whether it answers."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except OSError:
            return False

    def stop(self) -> None:
        """Stops it."""
        self.program.stop()
