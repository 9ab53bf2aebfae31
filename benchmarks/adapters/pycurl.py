"""pycurl, the binding of libcurl: handles that are used again, on one `AsyncCurlMulti` that keeps the connections.

The Content-Type is asked of libcurl, so that no header line need be handed to Python. Sync requests go through one
handle for each thread, as libcurl demands.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pycurl

from .base import UPLOAD_PART, Answer, AsyncAdapter, Settings, SyncAdapter, Unsupported


class Async(AsyncAdapter):
    """`pycurl.AsyncCurlMulti`."""

    async def open(self) -> None:
        self._multi = pycurl.AsyncCurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, self.settings.connections)
        if self.settings.http2:
            self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        self._idle: list[pycurl.Curl] = []
        # Easy handles have cookies of their own, unless they share them.
        self._share = make_share() if self.settings.cookies else None

    async def close(self) -> None:
        await self._multi.aclose()

    async def get(self, url: str) -> Answer:
        return await self._perform(self._take(url))

    async def get_json(self, url: str) -> Answer:
        answer = await self.get(url)
        return answer._replace(body=json.loads(answer.body))

    async def stream(self, url: str) -> Answer:
        curl = self._take(url)
        counter = Counter()
        curl.setopt(pycurl.WRITEFUNCTION, counter.take)
        await self._multi.perform(curl)
        self._idle.append(curl)
        return Answer(curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.CONTENT_TYPE), counter.size)

    async def post(self, url: str, body: bytes) -> Answer:
        curl = self._take(url)
        curl.setopt(pycurl.POSTFIELDS, body)
        try:
            return await self._perform(curl)
        finally:
            curl.setopt(pycurl.HTTPGET, True)

    async def upload(self, url: str, size: int) -> Answer:
        curl = self._take(url)
        prepare_upload(curl, size)
        try:
            return await self._perform(curl)
        finally:
            curl.reset()
            configure(curl, self.settings, self._share)

    async def _perform(self, curl: pycurl.Curl) -> Answer:
        body = BytesIO()
        curl.setopt(pycurl.WRITEDATA, body)
        await self._multi.perform(curl)
        self._idle.append(curl)
        return Answer(curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.CONTENT_TYPE), body.getvalue())

    def _take(self, url: str) -> pycurl.Curl:
        if self._idle:
            curl = self._idle.pop()
        else:
            curl = pycurl.Curl()
            configure(curl, self.settings, self._share)
        curl.setopt(pycurl.URL, url)
        return curl


class Sync(SyncAdapter):
    """`pycurl.Curl`, one for each thread."""

    def open(self) -> None:
        if self.settings.http2:
            raise Unsupported("one handle makes one request at a time")
        self._local = threading.local()

    def get(self, url: str) -> Answer:
        curl = self._take(url)
        body: bytes = curl.perform_rb()
        return Answer(curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.CONTENT_TYPE), body)

    def get_json(self, url: str) -> Answer:
        answer = self.get(url)
        return answer._replace(body=json.loads(answer.body))

    def stream(self, url: str) -> Answer:
        curl = self._take(url)
        counter = Counter()
        curl.setopt(pycurl.WRITEFUNCTION, counter.take)
        curl.perform()
        return Answer(curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.CONTENT_TYPE), counter.size)

    def post(self, url: str, body: bytes) -> Answer:
        curl = self._take(url)
        curl.setopt(pycurl.POSTFIELDS, body)
        content = curl.perform_rb()
        curl.setopt(pycurl.HTTPGET, True)
        return Answer(curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.CONTENT_TYPE), content)

    def upload(self, url: str, size: int) -> Answer:
        curl = self._take(url)
        prepare_upload(curl, size)
        content = curl.perform_rb()
        answer = Answer(curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.CONTENT_TYPE), content)
        curl.reset()
        configure(curl, self.settings, None)
        return answer

    def _take(self, url: str) -> pycurl.Curl:
        curl: pycurl.Curl | None = getattr(self._local, "curl", None)
        if curl is None:
            curl = self._local.curl = pycurl.Curl()
            curl.setopt(pycurl.MAXCONNECTS, self.settings.connections)
            configure(curl, self.settings, None)
        curl.setopt(pycurl.URL, url)
        return curl


class Counter:
    """Counts the bytes that libcurl hands out."""

    def __init__(self) -> None:
        self.size = 0

    def take(self, part: bytes) -> None:
        self.size += len(part)


def configure(curl: Any, settings: Settings, share: Any) -> None:
    curl.setopt(pycurl.NOSIGNAL, True)
    curl.setopt(pycurl.NOPROXY, "*")
    curl.setopt(pycurl.ACCEPT_ENCODING, "")  # all that it can decode
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS if settings.http2 else pycurl.CURL_HTTP_VERSION_1_1)
    if settings.http2:
        curl.setopt(pycurl.PIPEWAIT, True)
    if settings.authority is not None:
        curl.setopt(pycurl.CAINFO, settings.authority)
    if settings.follow_redirects:
        curl.setopt(pycurl.FOLLOWLOCATION, True)
    if share is not None:
        curl.setopt(pycurl.SHARE, share)
    if settings.cookies:
        curl.setopt(pycurl.COOKIEFILE, "")  # switches its cookies on


def make_share() -> Any:
    share = pycurl.CurlShare()
    share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_COOKIE)
    return share


def prepare_upload(curl: Any, size: int) -> None:
    curl.setopt(pycurl.POST, True)
    curl.setopt(pycurl.HTTPHEADER, ["Transfer-Encoding: chunked", "Expect:"])
    curl.setopt(pycurl.UPLOAD_BUFFERSIZE, 2 * len(UPLOAD_PART))
    curl.setopt(pycurl.READFUNCTION, make_reader(size))


def make_reader(size: int) -> Callable[[int], bytes]:
    left = size

    def read(room: int) -> bytes:
        nonlocal left
        part = UPLOAD_PART[: min(room, left)]
        left -= len(part)
        return part

    return read
