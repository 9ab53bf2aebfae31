"""Encoding lists of fields: what goes into the table, how secrets are sent, and updates of the table's size."""

from __future__ import annotations

import pytest

from httpx._protocols.h2 import hpack_encoder
from httpx._protocols.h2.hpack_decoder import HpackDecoder
from httpx._protocols.h2.hpack_encoder import MAX_KEPT_BLOCKS, HpackEncoder
from httpx._protocols.h2.hpack_tables import Field

from .hpack_blocks import NEVER_INDEXED, WITH_INDEXING, dynamic_entries, indexed, literal, size_update, string

GET: list[Field] = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]


def test_requests_of_the_rfc() -> None:
    # RFC 7541 C.4.1 and C.4.2; an encoder is free in what it inserts.
    encoder = HpackEncoder()
    assert encoder.encode(GET).hex() == "828684418cf1e3c2e5f23a6ba0ab90f4ff"
    assert encoder.encode([*GET, (b"cache-control", b"no-cache")]).hex() == "828684be5886a8eb10649cbf"
    assert dynamic_entries(encoder) == [(b"cache-control", b"no-cache"), GET[3]]
    assert encoder._table.size == 110


def test_no_fields() -> None:
    assert HpackEncoder().encode([]) == b""


def test_any_iterable_is_taken() -> None:
    assert HpackEncoder().encode(iter(GET)) == HpackEncoder().encode(tuple(GET))


def test_request_that_comes_again_is_a_byte_a_field() -> None:
    fields = [*GET, (b"accept", b"*/*"), (b"accept-encoding", b"gzip, deflate, br"), (b"user-agent", b"python-httpx/1")]
    encoder = HpackEncoder()
    encoder.encode(fields)
    assert encoder.encode(fields) == encoder.encode(fields) == b"\x82\x86\x84\xc1\xc0\xbf\xbe"


def test_field_of_unknown_name_is_inserted_when_it_comes_again() -> None:
    encoder = HpackEncoder()
    field = b"x-api-version", b"2"
    assert encoder.encode([field]) == literal(*field)
    encoded = b"\x40" + string(field[0], is_huffman=True) + string(b"2")
    assert encoder.encode([field]) == encoded
    assert encoder.encode([field]) == indexed(62)


def test_name_of_an_entry_is_used_for_other_values() -> None:
    encoder = HpackEncoder()
    encoder.encode([(b"x-trace", b"1"), (b"x-trace", b"1")])
    assert encoder.encode([(b"x-trace", b"2")]) == literal(62, b"2")


def test_field_with_a_value_of_its_own_in_each_request_never_fills_the_table() -> None:
    encoder = HpackEncoder()
    encoder.encode(GET)
    for number in range(1000):
        encoder.encode([*GET, (b"x-request-id", b"%d" % number), (b"content-length", b"%d" % (number % 5))])
    assert dynamic_entries(encoder) == [GET[3]]
    assert len(encoder._representations._seen) <= hpack_encoder._MAX_SEEN


@pytest.mark.parametrize(
    "name", [b":path", b"content-length", b"range", b"if-none-match", b"if-modified-since", b"if-range", b"date"]
)
def test_transient_fields_are_never_inserted(name: bytes) -> None:
    encoder = HpackEncoder()
    blocks = {encoder.encode([(name, b"value")]) for _ in range(3)}
    assert len(blocks) == 1
    assert dynamic_entries(encoder) == []


@pytest.mark.parametrize(
    ("field", "index"),
    [
        ((b"authorization", b"Bearer " + b"x" * 500), 23),
        ((b"proxy-authorization", b"Basic dTpw"), 49),
        ((b"cookie", b"a=0123456789012345"), 32),
    ],
)
def test_secrets_are_never_indexed(field: Field, index: int) -> None:
    encoder = HpackEncoder()
    for _ in range(3):
        assert encoder.encode([field]) == literal(index, field[1], NEVER_INDEXED)
    assert dynamic_entries(encoder) == []
    assert not encoder._representations
    assert not encoder._representations._seen


def test_long_cookie_is_inserted_when_it_comes_again() -> None:
    encoder = HpackEncoder()
    field = b"cookie", b"session=0123456789abcdef"
    assert encoder.encode([field]) == literal(32, field[1])
    assert encoder.encode([field]) == literal(32, field[1], WITH_INDEXING, is_huffman=True)
    assert encoder.encode([field]) == b"\xbe"


def test_field_that_would_fill_the_table_is_not_inserted() -> None:
    encoder = HpackEncoder()
    encoder.encode(GET)
    for size, is_inserted in ((2048 - 32 - 10 + 1, False), (2048 - 32 - 10, True)):
        encoder.encode([(b"user-agent", b"x" * size)])
        assert (len(dynamic_entries(encoder)) == 2) is is_inserted
    assert GET[3] in dynamic_entries(encoder)


def test_shorter_form_of_a_string_is_sent() -> None:
    # `\` takes 19 bits in Huffman code.
    assert HpackEncoder().encode([(b"user-agent", b"\\\\")]) == literal(58, b"\\\\", WITH_INDEXING)


# Updates of the table's size.


def test_smaller_table_is_told_of_and_kept_to() -> None:
    encoder = HpackEncoder()
    encoder.encode(GET)
    assert encoder.encode(GET) == b"\x82\x86\x84\xbe"
    encoder.set_max_table_size(56)
    plain = literal(1, GET[3][1])
    assert encoder.encode(GET) == size_update(56) + b"\x82\x86\x84" + plain
    assert dynamic_entries(encoder) == []
    assert encoder.encode(GET) == b"\x82\x86\x84" + plain


def test_table_that_still_holds_all_keeps_its_entries() -> None:
    encoder = HpackEncoder()
    encoder.encode(GET)
    encoder.set_max_table_size(57)
    assert encoder.encode(GET) == size_update(57) + b"\x82\x86\x84\xbe"


def test_smallest_size_comes_first() -> None:
    # RFC 7541 4.2
    encoder = HpackEncoder()
    encoder.encode(GET)
    for size in (1000, 0, 2000):
        encoder.set_max_table_size(size)
    assert encoder.encode(GET)[:6] == size_update(0) + size_update(2000) + b"\x82\x86"
    assert encoder.encode(GET) == b"\x82\x86\x84\xbe"


def test_size_that_comes_back_empties_the_table_all_the_same() -> None:
    encoder = HpackEncoder()
    encoder.encode(GET)
    encoder.set_max_table_size(0)
    encoder.set_max_table_size(4096)
    assert encoder.encode(GET)[:5] == size_update(0) + size_update(4096) + b"\x82"
    assert dynamic_entries(encoder) == [GET[3]]


@pytest.mark.parametrize("size", [4096, 65536, 2**32 - 1])
def test_larger_table_is_not_used(size: int) -> None:
    encoder = HpackEncoder()
    encoder.set_max_table_size(size)
    assert encoder.encode(GET[:1]) == b"\x82"


def test_peer_that_allows_no_table() -> None:
    encoder, decoder = HpackEncoder(), HpackDecoder()
    encoder.set_max_table_size(0)
    for _ in range(3):
        assert decoder.decode(encoder.encode(GET)) == GET
    assert dynamic_entries(encoder) == []


# What is kept between blocks.


def test_kept_indices_follow_the_table() -> None:
    encoder, decoder = HpackEncoder(), HpackDecoder()
    agents = [(b"user-agent", b"agent %d " % number + b"x" * 400) for number in range(20)]
    for _ in range(3):
        for agent in agents:
            fields = [*GET, agent, *GET]
            assert decoder.decode(encoder.encode(fields)) == fields
            assert dynamic_entries(decoder) == dynamic_entries(encoder)
    # Indices alone, of which there are no more than entries.
    assert len(encoder._representations) <= 61 + len(dynamic_entries(encoder))


def test_a_block_is_kept_for_a_list_that_stays_the_same() -> None:
    encoder = HpackEncoder()
    fields = [*GET, (b"x-steady", b"1")]
    # The field that comes for the first time is a literal, and put into the table when it comes again.
    first, _, third = (encoder.encode(fields, is_kept=True) for _ in range(3))
    assert len(first) > len(third)
    assert encoder.encode(fields, is_kept=True) is encoder.encode(fields, is_kept=True)
    assert encoder.encode(list(fields)) == third
    # Each insertion moves the indices.
    encoder.encode([(b"user-agent", b"another")])
    assert encoder.encode(fields, is_kept=True) == encoder.encode(list(fields)) != third
    assert encoder.encode([], is_kept=True) == b""


def test_only_so_many_blocks_are_kept() -> None:
    encoder = HpackEncoder()
    lists = [[(b":path", b"/%d" % number)] for number in range(2 * MAX_KEPT_BLOCKS)]
    for fields in (*lists, *lists):
        assert encoder.encode(fields, is_kept=True) == encoder.encode(list(fields))
        assert len(encoder._blocks) <= MAX_KEPT_BLOCKS
