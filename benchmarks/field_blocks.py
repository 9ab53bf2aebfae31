"""Measure what a block of fields costs to decode and to encode, beside the pure Python codecs `hpack` and `jh2.hpack`.

    python benchmarks/field_blocks.py

A server of each kind answers 1,000 requests on one connection. Kinds differ in what they put into the table: nothing
(nginx), what is likely to come again (nghttpd, h2o, envoy), or everything (Go, hypercorn). In `same` all answers are
alike; in `sizes` each has its own content-length, and the date goes on every 100 answers; in `all` each has its own
etag and request id, too. `cold` is the first block of a connection, decoder and all.

Times are CPU time a block, the best of several runs. Codecs that are not installed are left out.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

from httpx._protocols.h2.hpack_decoder import HpackDecoder
from httpx._protocols.h2.hpack_encoder import HpackEncoder
from httpx._protocols.h2.hpack_huffman import encode_huffman
from httpx._protocols.h2.hpack_integers import encode_integer
from httpx._protocols.h2.hpack_tables import STATIC_TABLE, EncoderTable

Fields = list[tuple[bytes, bytes]]

BLOCKS = 1000
RUNS = 7

UNSTEADY = frozenset({b"content-length", b"etag", b"set-cookie", b"location", b"age"})


def main() -> None:
    codecs = ["httpx", *(name for name in ("hpack", "jh2.hpack") if is_installed(name))]
    print(f"{'us a block':36}" + "".join(f"{name:>12}" for name in codecs))
    for kind, is_indexed in SERVERS.items():
        for case in ("same", "sizes", "all"):
            blocks = list(encode_as_server(make_responses(case), is_indexed))
            report(f"decode, {kind}, {case}", [measure(decode_all(name, blocks), BLOCKS) for name in codecs])
        report(f"decode, {kind}, cold", [measure(decode_cold(name, blocks[0]), 1) for name in codecs])
    for case, requests in make_requests().items():
        report(f"encode, {case}", [measure(encode_all(name, requests), BLOCKS) for name in codecs])
        report(f"encode, {case}, cold", [measure(encode_all(name, requests[:1]), 1) for name in codecs])
        encode = make_encode("httpx")
        sizes = [len(encode(fields)) for fields in requests]
        print(f"{'':36}{sizes[0]} bytes, then {sum(sizes[2:]) / len(sizes[2:]):.0f}")


def report(title: str, times: list[float]) -> None:
    print(f"{title:36}" + "".join(f"{duration * 1e6:12.2f}" for duration in times))


def measure(run: Callable[[], None], blocks: int) -> float:
    """Return seconds a block."""
    repeat = BLOCKS // blocks
    best = float("inf")
    for _ in range(RUNS):
        begin = time.process_time()
        for _ in range(repeat):
            run()
        best = min(best, time.process_time() - begin)
    return best / repeat / blocks


# What servers send.


def index_nothing(name: bytes) -> bool:
    return False


def index_steady(name: bytes) -> bool:
    return name not in UNSTEADY


def index_everything(name: bytes) -> bool:
    return True


SERVERS = {"nginx": index_nothing, "nghttpd": index_steady, "Go": index_everything}


def make_responses(case: str) -> Iterator[Fields]:
    for number in range(BLOCKS):
        count = number if case != "same" else 0
        identity = number if case == "all" else 0
        yield [
            (b":status", b"200"),
            (b"server", b"example/1.26.2"),
            (b"date", b"Sun, 22 Nov 2026 10:%02d:%02d GMT" % divmod(count // 100, 60)),
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", b"%d" % (1024 + count)),
            (b"last-modified", b"Sat, 21 Nov 2026 08:15:03 GMT"),
            (b"etag", b'"6740a1f7-%x"' % (1024 + identity)),
            (b"accept-ranges", b"bytes"),
            (b"vary", b"Accept-Encoding"),
            (b"cache-control", b"max-age=3600, public"),
            (b"x-request-id", b"5f3c1a9e-77d0-4b8e-9a51-%012x" % (identity * 7919)),
            (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
            (b"x-content-type-options", b"nosniff"),
        ]


def encode_as_server(responses: Iterable[Fields], is_indexed: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Encode as a server does, all strings in Huffman code."""
    table = EncoderTable()
    for fields in responses:
        block = b""
        for field in fields:
            index = STATIC_TABLE.index(field) + 1 if field in STATIC_TABLE else table.find(field)
            if index is not None:
                block += encode_integer(index, mask=0x7F, pattern=0x80)
                continue
            mask, pattern = (0x3F, 0x40) if is_indexed(field[0]) else (0x0F, 0)
            name_index = find_static_name(field[0]) or table.find_name(field[0]) or 0
            block += encode_integer(name_index, mask=mask, pattern=pattern)
            for string in field[1:] if name_index else field:
                encoded = encode_huffman(string)
                block += encode_integer(len(encoded), mask=0x7F, pattern=0x80) + encoded
            if pattern:
                table.insert(field)
        yield block


def find_static_name(name: bytes) -> int | None:
    return next((index for index, field in enumerate(STATIC_TABLE, 1) if field[0] == name), None)


# What clients send.


def make_requests() -> dict[str, list[Fields]]:
    def make(path: bytes, *more: tuple[bytes, bytes]) -> Fields:
        return [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":authority", b"api.example.com"),
            (b":path", path),
            (b"accept", b"*/*"),
            (b"accept-encoding", b"gzip, deflate, br, zstd"),
            (b"user-agent", b"python-httpx/0.28.100"),
            *more,
        ]

    cookie = b"cookie", b"session=d2f1c9f4a8b34c0e9d7a6b5c4d3e2f10; theme=dark"
    token = b"authorization", b"Bearer " + b"eyJhbGciOiJSUzI1NiJ9." * 20
    return {
        "GET /": [make(b"/") for _ in range(BLOCKS)],
        "GET, one path": [make(b"/v1/items?limit=50&offset=100") for _ in range(BLOCKS)],
        "GET, many paths": [make(b"/v1/items/%d?fields=name,size" % number) for number in range(BLOCKS)],
        "GET, token": [make(b"/v1/items/%d" % number, token) for number in range(BLOCKS)],
        "GET, token, cookie, id": [
            make(b"/v1/items/%d" % number, token, cookie, (b"x-request-id", b"5f3c1a9e-%026x" % number))
            for number in range(BLOCKS)
        ],
    }


# The codecs.


def is_installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def decode_all(name: str, blocks: list[bytes]) -> Callable[[], None]:
    def run() -> None:
        decode = make_decode(name)
        for block in blocks:
            decode(block)

    return run


def decode_cold(name: str, block: bytes) -> Callable[[], None]:
    def run() -> None:
        make_decode(name)(block)

    return run


def encode_all(name: str, requests: list[Fields]) -> Callable[[], None]:
    def run() -> None:
        encode = make_encode(name)
        for fields in requests:
            encode(fields)

    return run


def make_decode(name: str) -> Callable[[bytes], object]:
    if name == "httpx":
        return HpackDecoder().decode
    decoder = load(name).Decoder(max_header_list_size=1 << 20)
    return lambda block: decoder.decode(block, raw=True)


def make_encode(name: str) -> Callable[[Fields], bytes]:
    if name == "httpx":
        return HpackEncoder().encode
    encoder = load(name).Encoder()
    return encoder.encode  # type: ignore[no-any-return]  # it ships no types


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


if __name__ == "__main__":
    main()
