"""urllib3: one `PoolManager`, whose pools keep as many connections as the workload uses."""

from __future__ import annotations

import urllib3

from .base import Answer, SyncAdapter, Unsupported, make_parts

STREAM_PART_SIZE = 65536  # bytes; as its documentation has it


class Sync(SyncAdapter):
    """`urllib3.PoolManager`."""

    def open(self) -> None:
        if self.settings.http2:
            raise Unsupported("no HTTP/2 that is ready")
        if self.settings.cookies:
            raise Unsupported("no cookies")
        size = self.settings.connections
        if self.settings.authority is None:
            self._pool = urllib3.PoolManager(num_pools=size, maxsize=size)
        else:
            self._pool = urllib3.PoolManager(num_pools=size, maxsize=size, ca_certs=self.settings.authority)
        self._follow = self.settings.follow_redirects

    def close(self) -> None:
        self._pool.clear()

    def get(self, url: str) -> Answer:
        response = self._pool.request("GET", url, redirect=self._follow)
        return Answer(response.status, response.headers["content-type"], response.data)

    def get_json(self, url: str) -> Answer:
        response = self._pool.request("GET", url)
        return Answer(response.status, response.headers["content-type"], response.json())

    def stream(self, url: str) -> Answer:
        response = self._pool.request("GET", url, preload_content=False)
        count = sum(map(len, response.stream(STREAM_PART_SIZE)))
        response.release_conn()
        return Answer(response.status, response.headers["content-type"], count)

    def post(self, url: str, body: bytes) -> Answer:
        response = self._pool.request("POST", url, body=body)
        return Answer(response.status, response.headers["content-type"], response.data)

    def upload(self, url: str, size: int) -> Answer:
        response = self._pool.request("POST", url, body=make_parts(size))
        return Answer(response.status, response.headers["content-type"], response.data)
