"""A whole HTTP/2 server for clients in many hands or under torture, on `h2`, an oracle for frames and states.

GET answers with the path, POST with what it was sent. Some paths mean more: /small is "hello", /large is LARGE_BODY,
/redirect leads to /small, and POST to /length answers with the length of the body.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from tests.torture.server import LARGE_BODY


class EchoServer:
    """A thread a connection."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(0.1)
        self._is_closed = False
        self._scheme = "http" if context is None else "https"
        self._thread = threading.Thread(target=self._accept, name="server", daemon=True)
        self._thread.start()

    def url(self, path: str = "") -> str:
        return f"{self._scheme}://127.0.0.1:{self._listener.getsockname()[1]}{path}"

    def close(self) -> None:
        self._is_closed = True
        self._thread.join()
        self._listener.close()

    # Private from here on.

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                continue
            threading.Thread(target=self._serve, args=(sock,), name="server connection", daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(60)
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            _Connection(sock).serve()
        sock.close()


class _Connection:
    """One connection, and the bodies that go up and down on it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._requests: dict[int, tuple[dict[bytes, bytes], list[bytes]]] = {}
        self._unsent: dict[int, bytes] = {}

    def serve(self) -> None:
        self._connection.initiate_connection()
        self._flush()
        while data := self._socket.recv(65536):
            for event in self._connection.receive_data(data):
                # About a stream that a later event will tell to be reset, nothing can be said any more.
                with contextlib.suppress(h2.exceptions.StreamClosedError):
                    self._take(event)
            for stream_id in list(self._unsent):
                self._send(stream_id)
            self._flush()

    def _flush(self) -> None:
        self._socket.sendall(self._connection.data_to_send())

    def _take(self, event: Any) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._requests[event.stream_id] = dict(event.headers), []
        elif isinstance(event, h2.events.DataReceived):
            self._requests[event.stream_id][1].append(event.data)
            self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._answer(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self._requests.pop(event.stream_id, None)
            self._unsent.pop(event.stream_id, None)

    def _answer(self, stream_id: int) -> None:
        fields, parts = self._requests.pop(stream_id)
        path, body = fields[b":path"], b"".join(parts)
        answer = [(":status", "302" if path == b"/redirect" else "200")]
        if path == b"/redirect":
            answer.append(("location", "/small"))
        elif path == b"/length":
            body = b"%d" % len(body)
        elif path == b"/large":
            body = LARGE_BODY
        elif fields[b":method"] == b"GET":
            body = b"hello" if path == b"/small" else path
        self._connection.send_headers(stream_id, answer)
        self._unsent[stream_id] = body
        self._send(stream_id)

    def _send(self, stream_id: int) -> None:
        body = self._unsent[stream_id]
        while body:
            size = min(
                len(body),
                self._connection.local_flow_control_window(stream_id),
                self._connection.max_outbound_frame_size,
            )
            if size <= 0:
                self._unsent[stream_id] = body
                return
            self._connection.send_data(stream_id, body[:size])
            body = body[size:]
        self._connection.end_stream(stream_id)
        del self._unsent[stream_id]
