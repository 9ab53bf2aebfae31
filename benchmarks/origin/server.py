"""A cheap HTTP/1.1 origin: one loop over non-blocking sockets, in a process of its own.

    python -m benchmarks.origin.server [CERTIFICATE KEY]

Theory of operation. Its core must not be the bottleneck, so it does as little as Python can: a request that came whole,
which is nearly every one, is looked up by its target and answered by one send of bytes that were made before. No event
loop library does that for less: one `recv`, one `send` and one turn of `epoll` a request. TLS works the same, by
non-blocking `SSLSocket`s. It expects clients that behave: no pipelining, no malformed requests.

It prints its port, listens on every address of 127.0.0.0/8, and ends when its standard input does.
"""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Callable

from benchmarks.origin.answers import PART, find_answer, make_head
from benchmarks.processes import pin, raise_file_limit

READ_SIZE = 256 * 1024  # bytes


class Server:
    """Listens, and runs the loop that all connections share."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.context = context
        self.selector = selectors.DefaultSelector()
        self.count = 0  # of unique answers
        self.gates: dict[int, list[Connection]] = {}
        self._listener = socket.create_server(("0.0.0.0", 0), backlog=4096)
        self._listener.setblocking(False)
        self.selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self._stop)
        self.port = self._listener.getsockname()[1]
        self._is_stopped = False

    def run(self) -> None:
        """Serve until standard input ends."""
        select = self.selector.select
        second = 0
        while not self._is_stopped:
            ready = select()
            if second != (second := int(time.time())):
                find_answer.cache_clear()  # they have the Date
            for key, events in ready:
                key.data(events)

    def _stop(self, events: int) -> None:
        self._is_stopped = not os.read(sys.stdin.fileno(), 1024)

    def _accept(self, events: int) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            if self.context is not None:
                sock = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            Connection(self, sock)


class Connection:
    """One client: reads requests, and writes the answers as far as the socket takes them."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._head = b""
        self._upload: Upload | None = None
        self._unsent: memoryview | None = None
        self._parts_left = 0
        self._is_last = False
        server.selector.register(sock, selectors.EVENT_READ, self._take_events)

    def send(self, data: bytes) -> None:
        """Send these bytes, the rest of them when the socket takes more."""
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            sent = 0
        except OSError:
            self._close()
            return
        if sent < len(data):
            self._unsent = memoryview(data)[sent:]
            self._server.selector.modify(self._sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self._take_events)
        elif self._is_last:
            self._close()

    # Private from here on.

    def _take_events(self, events: int) -> None:
        if self._unsent is not None and events & selectors.EVENT_WRITE:
            self._send_more()
        if events & selectors.EVENT_READ:
            self._receive()

    def _receive(self) -> None:
        while self._sock.fileno() >= 0:
            try:
                data = self._sock.recv(READ_SIZE)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                data = b""
            if not data:
                self._close()
                return
            self._take(data)
            if self._server.context is None:
                return  # level-triggered: if there is more, the selector tells; but an SSLSocket may hold some back

    def _take(self, data: bytes) -> None:
        if self._upload is not None:
            self._take_body(data)
            return
        head = self._head + data if self._head else data
        end = head.find(b"\r\n\r\n")
        if end < 0:
            self._head = head
            return
        self._head = b""
        target = head[head.index(b" ") + 1 : head.index(b" ", 5)]
        if head.startswith(b"GET"):
            self._answer(target, head)
            return
        self._upload = Upload(head[:end].lower())
        if len(head) > end + 4:
            self._take_body(head[end + 4 :])

    def _take_body(self, data: bytes) -> None:
        assert self._upload is not None
        if self._upload.take(data):
            body = b"%d" % self._upload.size
            self._upload = None
            self.send(make_head(len(body)) + body)

    def _answer(self, target: bytes, head: bytes) -> None:
        answer = find_answer(target)
        if answer is not None:
            self._is_last = target.startswith(b"/close/")
            self.send(answer)
            return
        route, _, number = target[1:].partition(b"/")
        if route == b"bytes":
            self._parts_left = int(number) // len(PART)
            self.send(make_head(int(number)))
            if self._unsent is None:
                self._send_parts()
        elif route == b"unique":
            self._server.count += 1
            fields = b"X-Request-Id: %016x\r\nConnection: keep-alive\r\n" % self._server.count
            self.send(make_head(int(number), fields=fields) + PART[: int(number)])
        elif route == b"cookies":
            has_cookie = b"c%s=v" % number in head
            self.send(make_head(1024, status=b"200 OK" if has_cookie else b"403 Forbidden") + PART[:1024])
        elif route == b"gate":
            self._wait_at_gate(int(number))
        else:
            self.send(make_head(0, status=b"404 Not Found"))

    def _wait_at_gate(self, size: int) -> None:
        waiting = self._server.gates.setdefault(size, [])
        waiting.append(self)
        if len(waiting) == size:
            del self._server.gates[size]
            for connection in waiting:
                connection.send(make_head(1024) + PART[:1024])

    def _send_parts(self) -> None:
        while self._parts_left and self._unsent is None:
            self._parts_left -= 1
            self.send(PART)

    def _send_more(self) -> None:
        assert self._unsent is not None
        try:
            sent = self._sock.send(self._unsent)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return
        except OSError:
            self._close()
            return
        self._unsent = self._unsent[sent:] if sent < len(self._unsent) else None
        if self._unsent is None:
            self._send_parts()
        if self._unsent is None:
            self._server.selector.modify(self._sock, selectors.EVENT_READ, self._take_events)
            if self._is_last:
                self._close()

    def _close(self) -> None:
        for waiting in self._server.gates.values():
            if self in waiting:
                waiting.remove(self)  # or the next client would be let through early
        if self._sock.fileno() >= 0:
            self._server.selector.unregister(self._sock)
            self._sock.close()
        self._unsent = None
        self._parts_left = 0


class Upload:
    """Counts the body of a request."""

    def __init__(self, head: bytes) -> None:
        self.size = 0
        self._buffer = b""
        self._chunk_left = 0
        self._ends_chunk = False  # the next line ends the data of a chunk
        self._is_last = False  # the last chunk has come
        if b"transfer-encoding: chunked" in head:
            self._length = -1
            self.take: Callable[[bytes], bool] = self._take_chunks
        else:
            start = head.index(b"content-length:") + 15
            self._length = int(head[start:].split(b"\r", 1)[0])
            self.take = self._take_length

    def _take_length(self, data: bytes) -> bool:
        self.size += len(data)
        return self.size >= self._length

    def _take_chunks(self, data: bytes) -> bool:
        data = self._buffer + data
        self._buffer = b""
        start = 0
        while start < len(data):
            if self._chunk_left:
                taken = min(self._chunk_left, len(data) - start)
                self.size += taken
                start += taken
                self._chunk_left -= taken
                self._ends_chunk = not self._chunk_left
                continue
            end = data.find(b"\r\n", start)
            if end < 0:
                self._buffer = data[start:]
                break
            line = data[start:end]
            start = end + 2
            if self._ends_chunk:
                self._ends_chunk = False
            elif self._is_last:
                return True
            else:
                self._chunk_left = int(line, 16)
                self._is_last = not self._chunk_left
        return False


def main() -> None:
    """Serve on a free port until standard input ends."""
    pin("last")
    raise_file_limit()
    context = None
    if len(sys.argv) == 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    server = Server(context)
    print(server.port, flush=True)
    server.run()


if __name__ == "__main__":
    main()
