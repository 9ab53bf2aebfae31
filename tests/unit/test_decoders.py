"""Content codings: whole, in pieces, truncated, damaged, and as bombs; accepted codings without imports."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpx import _codecs, _decoders
from httpx._decoders import (
    MAX_CHUNK_SIZE,
    SUPPORTED_DECODERS,
    BrotliDecoder,
    ContentDecoder,
    DeflateDecoder,
    GZipDecoder,
    IdentityDecoder,
    MultiDecoder,
    ZStandardDecoder,
    accepted_codings,
    make_decoder,
)
from httpx._exceptions import DecodingError

brotli = pytest.importorskip("brotli")
zstd = pytest.importorskip("backports.zstd" if sys.version_info < (3, 14) else "compression.zstd")

SAMPLE = b"".join(b"line %d of the sample, " % number for number in range(40))
MIB = 1024 * 1024


def compress_raw(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


Compress = Callable[[bytes], bytes]

CODINGS: dict[str, tuple[type[ContentDecoder], Compress]] = {
    "gzip": (GZipDecoder, gzip.compress),
    "zlib": (DeflateDecoder, zlib.compress),
    "raw": (DeflateDecoder, compress_raw),
    "br": (BrotliDecoder, brotli.compress),
    "zstd": (ZStandardDecoder, zstd.compress),
}


@pytest.fixture(params=["first", "fallback", "last"])
def packages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run with each of the packages that can do a coding."""
    hidden = {"first": [], "fallback": ["isal.isal_zlib", "brotli"], "last": ["compression.zstd", "backports.zstd"]}
    for name in hidden[request.param]:
        monkeypatch.setitem(sys.modules, name, None)
    if request.param == "fallback":
        pytest.importorskip("brotlicffi")
    if request.param == "last":
        pytest.importorskip("zstandard")
    clear_caches()
    yield
    clear_caches()


def clear_caches() -> None:
    for function in (_codecs.find_gzip, _codecs.find_brotli, _codecs.find_zstd, _codecs.accepted_codings):
        function.cache_clear()


@pytest.fixture(params=list(CODINGS))
def coding(request: pytest.FixtureRequest, packages: None) -> tuple[type[ContentDecoder], Compress]:
    return CODINGS[request.param]


def decode(decoder: ContentDecoder, *pieces: bytes) -> bytes:
    chunks = [chunk for piece in pieces for chunk in decoder.decode_chunks(piece)]
    chunks += decoder.flush_chunks()
    assert all(0 < len(chunk) <= MIB for chunk in chunks)
    return b"".join(chunks)


def each_byte(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def test_body_decodes(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, compress = coding
    decoder = make()
    assert decoder.decode(compress(SAMPLE)) + decoder.flush() == SAMPLE


def test_body_decodes_byte_by_byte(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, compress = coding
    assert decode(make(), *each_byte(compress(SAMPLE))) == SAMPLE
    decoder = make()
    assert b"".join(map(decoder.decode, each_byte(compress(SAMPLE)))) + decoder.flush() == SAMPLE


def test_body_cut_anywhere_is_an_error(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, compress = coding
    body = compress(SAMPLE)
    for size in range(1, len(body)):
        with pytest.raises(DecodingError, match="Truncated"):
            decode(make(), body[:size])


def test_empty_body_is_empty(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, _ = coding
    assert decode(make()) == b""
    assert decode(make(), b"", b"") == b""


def test_coded_nothing_is_empty(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, compress = coding
    assert decode(make(), *each_byte(compress(b""))) == b""


def test_bomb_comes_in_bounded_chunks(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, compress = coding
    body = compress(bytes(10 * MIB))
    sizes = []
    decoder = make()
    for chunk in decoder.decode_chunks(body):
        sizes.append(len(chunk))
        assert not chunk.strip(b"\0")
    assert list(decoder.flush_chunks()) == []
    assert sum(sizes) == 10 * MIB
    assert max(sizes) <= MIB


def test_bomb_takes_bounded_memory(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, compress = coding
    body = compress(bytes(20 * MIB))
    decoder = make()
    tracemalloc.start()
    try:
        size = sum(len(chunk) for chunk in decoder.decode_chunks(body))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == 20 * MIB
    # Two chunks, and with the package zstandard a step of 16 MiB that nothing bounds.
    assert peak < 19 * MIB


def test_chunk_that_fills_the_limit_loses_nothing(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, compress = coding
    for size in (MIB - 1, MIB, MIB + 1, MIB + 200, 2 * MIB, MIB // 2, MIB // 4, MIB // 4 + 1):
        assert decode(make(), compress(b"x" * size)) == b"x" * size


def test_large_incompressible_body(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, compress = coding
    data = zlib.compress(bytes(range(256)) * 1000, 0) * 12
    assert decode(make(), compress(data)) == data


def test_damage_is_a_decoding_error(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, _ = coding
    with pytest.raises(DecodingError) as caught:
        decode(make(), b"\xff\xfe\xfd this was never compressed")
    assert str(caught.value)
    assert caught.value.__cause__ is not None


def test_bomb_left_early_does_not_hang_the_flush(coding: tuple[type[ContentDecoder], Compress]) -> None:
    make, compress = coding
    decoder = make()
    first = next(decoder.decode_chunks(compress(bytes(3 * MIB))))
    assert len(first) + sum(map(len, decoder.flush_chunks())) <= 3 * MIB


@pytest.mark.usefixtures("packages")
def test_gzip_of_several_members() -> None:
    body = gzip.compress(SAMPLE) + gzip.compress(b"") + gzip.compress(b"second")
    assert decode(GZipDecoder(), body) == SAMPLE + b"second"
    assert decode(GZipDecoder(), *each_byte(body)) == SAMPLE + b"second"


@pytest.mark.usefixtures("packages")
def test_gzip_cut_in_a_later_member_is_an_error() -> None:
    first, second = gzip.compress(SAMPLE), gzip.compress(b"second")
    for size in range(1, len(second)):
        with pytest.raises(DecodingError):
            decode(GZipDecoder(), first + second[:size])
        with pytest.raises(DecodingError):
            decode(GZipDecoder(), first, *each_byte(second[:size]))


@pytest.mark.parametrize("garbage", [b"\0", b"\0" * 600, b"garbage", b"\x1f garbage", b"\x1f\x8b garbage"])
@pytest.mark.usefixtures("packages")
def test_gzip_ignores_bytes_that_begin_no_member(garbage: bytes) -> None:
    body = gzip.compress(SAMPLE) + garbage
    assert decode(GZipDecoder(), body) == SAMPLE
    assert decode(GZipDecoder(), *each_byte(body)) == SAMPLE
    assert decode(GZipDecoder(), body, gzip.compress(b"more")) in (SAMPLE, SAMPLE + b"more")


@pytest.mark.usefixtures("packages")
def test_gzip_of_members_with_padding() -> None:
    assert decode(GZipDecoder(), gzip.compress(b"a") + bytes(5) + gzip.compress(b"b")) == b"ab"


@pytest.mark.usefixtures("packages")
def test_gzip_checks_its_checksum() -> None:
    body = bytearray(gzip.compress(SAMPLE))
    body[-6] ^= 1
    with pytest.raises(DecodingError):
        decode(GZipDecoder(), bytes(body))


@pytest.mark.usefixtures("packages")
def test_gzip_of_many_members_takes_linear_time() -> None:
    assert decode(GZipDecoder(), gzip.compress(b"x") * 20_000) == b"x" * 20_000


def test_deflate_ignores_bytes_after_its_end() -> None:
    for body in (zlib.compress(SAMPLE), compress_raw(SAMPLE)):
        assert decode(DeflateDecoder(), body + b"garbage", b"more") == SAMPLE


@given(st.binary(max_size=2000), st.integers(0, 9))
def test_deflate_tells_zlib_from_raw(data: bytes, level: int) -> None:
    compressor = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    assert decode(DeflateDecoder(), compressor.compress(data) + compressor.flush()) == data
    assert decode(DeflateDecoder(), zlib.compress(data, level)) == data


@pytest.mark.usefixtures("packages")
def test_zstd_of_several_frames() -> None:
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    body = zstd.compress(SAMPLE) + skippable + zstd.compress(b"") + zstd.compress(b"second")
    assert decode(ZStandardDecoder(), body) == SAMPLE + b"second"
    assert decode(ZStandardDecoder(), *each_byte(body)) == SAMPLE + b"second"


@pytest.mark.usefixtures("packages")
def test_zstd_cut_in_a_later_frame_is_an_error() -> None:
    first, second = zstd.compress(SAMPLE), zstd.compress(b"second")
    for size in range(1, len(second)):
        with pytest.raises(DecodingError):
            decode(ZStandardDecoder(), first + second[:size])


@pytest.mark.usefixtures("packages")
def test_zstd_with_a_window_above_8_mib_is_refused() -> None:
    def compress(window_log: int) -> bytes:
        options = {zstd.CompressionParameter.window_log: window_log}
        compressor = zstd.ZstdCompressor(options=options)
        return bytes(compressor.compress(SAMPLE) + compressor.flush())

    assert decode(ZStandardDecoder(), compress(23)) == SAMPLE
    with pytest.raises(DecodingError, match="memory"):
        decode(ZStandardDecoder(), compress(24))


def test_several_codings_are_undone_in_reverse() -> None:
    body = zstd.compress(brotli.compress(zlib.compress(gzip.compress(SAMPLE))))
    names = ["gzip", " Deflate", "BR", "zstd"]
    assert decode(make_decoder(names), body) == SAMPLE
    assert decode(make_decoder(names), *each_byte(body)) == SAMPLE
    decoder = MultiDecoder([GZipDecoder(), DeflateDecoder(), BrotliDecoder(), ZStandardDecoder()])
    assert decoder.decode(body) + decoder.flush() == SAMPLE


def test_several_codings_cut_anywhere_are_an_error() -> None:
    body = brotli.compress(gzip.compress(SAMPLE))
    for size in range(1, len(body)):
        with pytest.raises(DecodingError):
            decode(make_decoder(["gzip", "br"]), body[:size])


def test_several_codings_notice_an_inner_truncation() -> None:
    with pytest.raises(DecodingError, match="gzip"):
        decode(make_decoder(["gzip", "br"]), brotli.compress(gzip.compress(SAMPLE)[:-1]))


def test_bomb_in_a_bomb_comes_in_bounded_chunks() -> None:
    body = gzip.compress(gzip.compress(gzip.compress(bytes(100 * MIB), 9), 9), 9)
    assert len(body) < 1000
    decoder = make_decoder(["gzip"] * 3)
    assert sum(len(chunk) for chunk in decoder.decode_chunks(body) if len(chunk) <= MAX_CHUNK_SIZE) == 100 * MIB


def test_at_most_five_codings() -> None:
    body = SAMPLE
    for _ in range(5):
        body = gzip.compress(body)
    assert decode(make_decoder(["gzip"] * 5), body) == SAMPLE
    with pytest.raises(DecodingError, match="6 content codings"):
        make_decoder(["gzip"] * 6)
    with pytest.raises(DecodingError, match="6 content codings"):
        MultiDecoder([IdentityDecoder()] * 6)


def test_unknown_codings_are_passed_over() -> None:
    assert isinstance(make_decoder([]), IdentityDecoder)
    assert isinstance(make_decoder(["identity"]), IdentityDecoder)
    assert isinstance(make_decoder(["identity", "x-unknown"]), IdentityDecoder)
    assert isinstance(make_decoder(["x-unknown", "gzip", "identity"]), GZipDecoder)


def test_coding_without_its_package_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("brotli", "brotlicffi", "compression.zstd", "backports.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    clear_caches()
    assert isinstance(make_decoder(["br"]), IdentityDecoder)
    assert isinstance(make_decoder(["zstd"]), IdentityDecoder)
    with pytest.raises(ImportError, match="brotli"):
        BrotliDecoder()
    with pytest.raises(ImportError, match="zstd"):
        ZStandardDecoder()
    clear_caches()


def test_decoder_of_ones_own_is_cut_into_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Doubling(ContentDecoder):
        def decode(self, data: bytes) -> bytes:
            return data * 2

        def flush(self) -> bytes:
            return b"end"

    monkeypatch.setitem(SUPPORTED_DECODERS, "x-double", Doubling)
    assert decode(make_decoder(["x-double"]), b"x" * MIB) == b"x" * 2 * MIB + b"end"
    assert decode(make_decoder(["x-double", "gzip"]), gzip.compress(b"x")) == b"xxend"
    with pytest.raises(NotImplementedError):
        ContentDecoder().decode(b"")
    with pytest.raises(NotImplementedError):
        ContentDecoder().flush()


def test_brotli_packages_without_a_limit_are_cut_into_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    class OldDecompressor:
        def __init__(self) -> None:
            self._decompressor = brotli.Decompressor()
            self.is_finished = self._decompressor.is_finished

        def process(self, data: bytes) -> bytes:
            return bytes(self._decompressor.process(data))

    class OldModule:
        Decompressor = OldDecompressor
        error = brotli.error

    monkeypatch.setattr(_decoders, "find_brotli", lambda: OldModule)
    assert decode(BrotliDecoder(), brotli.compress(bytes(5 * MIB))) == bytes(5 * MIB)


def test_accepted_codings_lists_what_is_installed() -> None:
    clear_caches()
    assert accepted_codings() == "gzip, deflate, br, zstd"


def test_accepted_codings_without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_caches()
    monkeypatch.setattr(_codecs, "_is_installed", lambda name: False)
    assert accepted_codings() == "gzip, deflate"
    clear_caches()


def test_accepted_codings_imports_nothing() -> None:
    program = (
        "import sys\n"
        "from httpx._decoders import accepted_codings\n"
        "accepted_codings()\n"
        "names = {'brotli', 'brotlicffi', 'isal', 'backports.zstd', 'compression.zstd', '_zstd', 'zstandard'}\n"
        "assert not names & set(sys.modules), names & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


@settings(deadline=None)
@given(body=st.binary(max_size=5000), repeats=st.sampled_from([1, 50]), piece_size=st.integers(1, 700))
@pytest.mark.parametrize("name", CODINGS)
def test_round_trip_in_any_pieces(name: str, body: bytes, repeats: int, piece_size: int) -> None:
    make, compress = CODINGS[name]
    coded = compress(body * repeats)
    pieces = [coded[start : start + piece_size] for start in range(0, len(coded), piece_size)]
    assert decode(make(), *pieces) == body * repeats
