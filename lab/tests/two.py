"""HTTP/2 over plain TCP, with what ordinary clients do not send: trailers, and bodies in pieces of any size."""

import socket

import h2.config
import h2.connection
import h2.events

from lab import web


def ask(port: int, method: str, path: str, headers: list = (), body: list = (), trailers: list = (),
        timeout: float = 20) -> web.Answer:
    """One request: the body as a list of DATA frames; trailers, if any, end the stream in their place."""
    settings = h2.config.H2Configuration(client_side=True, header_encoding=None, validate_outbound_headers=False,
                                         normalize_outbound_headers=False)
    connection = h2.connection.H2Connection(settings)
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.initiate_connection()
        number = connection.get_next_available_stream_id()
        answer = _Collected()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", f"127.0.0.1:{port}"), (":path", path)]
        connection.send_headers(number, [*pseudo, *headers], end_stream=not body and not trailers)
        stream.sendall(connection.data_to_send())
        for at, piece in enumerate(body):
            while connection.local_flow_control_window(number) < len(piece) and not answer.over:
                _receive(connection, stream, answer)
            if answer.over:
                return answer.result()
            connection.send_data(number, piece, end_stream=at == len(body) - 1 and not trailers)
            stream.sendall(connection.data_to_send())
        if trailers:
            connection.send_headers(number, trailers, end_stream=True)
            stream.sendall(connection.data_to_send())
        while not answer.over:
            _receive(connection, stream, answer)
        return answer.result()


class _Collected:
    """What has come back so far."""

    def __init__(self):
        """Nothing yet."""
        self.headers, self.body, self.over, self.reset = {}, b"", False, None

    def result(self) -> web.Answer:
        """The answer; status 0 if the stream was reset before one came."""
        return web.Answer(int(self.headers.get(":status", 0)), self.headers, self.body)


def _receive(connection, stream, answer: _Collected) -> None:
    """Reads from the socket once and takes note of what came."""
    data = stream.recv(65536)
    if not data:
        answer.over = True
        return
    for event in connection.receive_data(data):
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers = {name.decode(): value.decode() for name, value in event.headers}
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)):
            answer.over = True
    stream.sendall(connection.data_to_send())
