"""The sync client where gevent has put its own sockets, locks and polls in the place of the standard library's."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
from gevent import monkey

monkey.patch_all()

import socket
import threading
import time

import httpx

listener = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{listener.getsockname()[1]}"


under_way = []
most_at_once = 0


def accept():
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection):
    global most_at_once
    request = b""
    while received := connection.recv(65536):
        request += received
        if request.startswith(b"GET /silent"):
            continue
        if request.startswith(b"POST"):
            if len(request) < 1_000_000:
                continue
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 1000000\\r\\n\\r\\n" + bytes(1_000_000))
        else:
            under_way.append(connection)
            most_at_once = max(most_at_once, len(under_way))
            time.sleep(0.02)
            under_way.remove(connection)
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        request = b""


def elapsed(error, function):
    start = time.monotonic()
    try:
        function()
    except error:
        return time.monotonic() - start
    raise AssertionError(f"no {error}")


threading.Thread(target=accept, daemon=True).start()
assert type(socket.socket()).__module__.startswith("gevent"), "not patched"
with httpx.Client(timeout=10) as client:
    # Many at once, on one thread.
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(client.get(url).text)) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["ok"] * 50
    assert most_at_once > 1, "one after the other"
    for timeout in (0.1, 0.1, httpx.Timeout(10, total=0.2)):
        assert 0.1 <= elapsed(httpx.ReadTimeout, lambda: client.get(url + "/silent", timeout=timeout)) < 5
    assert client.post(url, content=bytes(1_000_000)).content == bytes(1_000_000)

    # A server that lets nobody in: its queue is full.
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(3):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(full.getsockname())
    full_url = f"http://127.0.0.1:{full.getsockname()[1]}"
    assert 0.1 <= elapsed(httpx.ConnectTimeout, lambda: client.get(full_url, timeout=0.1)) < 5
print("done")
"""


def test_many_requests_at_once_and_limits_in_one_patched_program() -> None:
    # In a process of its own: what is patched stays so.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
