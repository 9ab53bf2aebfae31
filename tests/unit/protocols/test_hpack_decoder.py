"""Decoding blocks of fields: the examples of RFC 7541 appendix C, every error, and what hostile peers send."""

from __future__ import annotations

import tracemalloc

import pytest

from httpx._protocols.h2 import hpack_decoder
from httpx._protocols.h2.hpack_decoder import HeaderListTooLarge, HpackDecoder, HpackError
from httpx._protocols.h2.hpack_tables import Field, entry_size

from .hpack_blocks import (
    NEVER_INDEXED,
    WITH_INDEXING,
    dynamic_entries,
    indexed,
    literal,
    size_update,
)

GET, HTTP, HTTPS, SLASH, INDEX = (
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
)
AUTHORITY = b":authority", b"www.example.com"
NO_CACHE = b"cache-control", b"no-cache"
CUSTOM = b"custom-key", b"custom-value"

REQUESTS = [
    ([GET, HTTP, SLASH, AUTHORITY], [AUTHORITY], 57),
    ([GET, HTTP, SLASH, AUTHORITY, NO_CACHE], [NO_CACHE, AUTHORITY], 110),
    ([GET, HTTPS, INDEX, AUTHORITY, CUSTOM], [CUSTOM, NO_CACHE, AUTHORITY], 164),
]

FOUND, MOVED, OK = ((b":status", code) for code in (b"302", b"307", b"200"))
PRIVATE = b"cache-control", b"private"
DATE, LATER = ((b"date", b"Mon, 21 Oct 2013 20:13:%b GMT" % second) for second in (b"21", b"22"))
LOCATION = b"location", b"https://www.example.com"
GZIP = b"content-encoding", b"gzip"
COOKIE = b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"

RESPONSES = [
    ([FOUND, PRIVATE, DATE, LOCATION], [LOCATION, DATE, PRIVATE, FOUND], 222),
    ([MOVED, PRIVATE, DATE, LOCATION], [MOVED, LOCATION, DATE, PRIVATE], 222),
    ([OK, PRIVATE, LATER, LOCATION, GZIP, COOKIE], [COOKIE, GZIP, LATER], 215),
]


@pytest.mark.parametrize(
    ("block", "field", "is_inserted"),
    [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", (b"custom-key", b"custom-header"), True),  # C.2.1
        ("040c2f73616d706c652f70617468", (b":path", b"/sample/path"), False),  # C.2.2
        ("100870617373776f726406736563726574", (b"password", b"secret"), False),  # C.2.3
        ("82", GET, False),  # C.2.4
    ],
)
def test_forms_of_a_field(block: str, field: Field, is_inserted: bool) -> None:
    decoder = HpackDecoder()
    assert decoder.decode(bytes.fromhex(block)) == [field]
    assert dynamic_entries(decoder) == ([field] if is_inserted else [])


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param(
            [
                "828684410f7777772e6578616d706c652e636f6d",
                "828684be58086e6f2d6361636865",
                "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
            ],
            id="C.3",
        ),
        pytest.param(
            [
                "828684418cf1e3c2e5f23a6ba0ab90f4ff",
                "828684be5886a8eb10649cbf",
                "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
            ],
            id="C.4",
        ),
    ],
)
def test_requests_of_the_rfc(blocks: list[str]) -> None:
    decoder = HpackDecoder()
    for block, (fields, entries, size) in zip(blocks, REQUESTS, strict=True):
        assert decoder.decode(bytes.fromhex(block)) == fields
        assert dynamic_entries(decoder) == entries
        assert decoder._table.size == size


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param(
            [
                "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
                "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
                "4803333037c1c0bf",
                "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f"
                "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076"
                "657273696f6e3d31",
            ],
            id="C.5",
        ),
        pytest.param(
            [
                "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff"
                "6e919d29ad171863c78f0b97c8e9ae82ae43d3",
                "4883640effc1c0bf",
                "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
                "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
            ],
            id="C.6",
        ),
    ],
)
def test_responses_of_the_rfc(blocks: list[str]) -> None:
    decoder = HpackDecoder()
    # The examples begin with a table of 256 bytes.
    assert decoder.decode(size_update(256)) == []
    for block, (fields, entries, size) in zip(blocks, RESPONSES, strict=True):
        assert decoder.decode(bytes.fromhex(block)) == fields
        assert dynamic_entries(decoder) == entries
        assert decoder._table.size == size


def test_empty_block() -> None:
    assert HpackDecoder().decode(b"") == []


def test_empty_strings() -> None:
    block = literal(b"", b"") + literal(b"", b"", is_huffman=True) + literal(58, b"", is_huffman=True)
    assert HpackDecoder().decode(block) == [(b"", b""), (b"", b""), (b"user-agent", b"")]


@pytest.mark.parametrize("size", [126, 127, 128, 254, 255, 300, 20_000])
@pytest.mark.parametrize("is_huffman", [False, True])
def test_strings_whose_size_takes_more_bytes(size: int, is_huffman: bool) -> None:
    # Names and values of known literals are measured by one byte only; more than that must be read anew.
    decoder = HpackDecoder()
    field = b"n" * size, b"v" * size
    block = literal(*field, is_huffman=is_huffman) + literal(b"x", field[1]) + literal(58, field[1])
    for extra in (b"\x88", b"\x89", b"\x8a"):
        assert decoder.decode(block + extra)[:3] == [field, (b"x", field[1]), (b"user-agent", field[1])]


@pytest.mark.parametrize("name_size", [0, 1, 126, 127, 128, 240, 300])
@pytest.mark.parametrize("value_size", [0, 1, 126, 127, 128, 240, 300])
@pytest.mark.parametrize("letter", [b"\x00", b"n", b"\x7f", b"\xff"])
def test_literal_at_the_end_of_a_block_is_measured_right(name_size: int, value_size: int, letter: bytes) -> None:
    decoder = HpackDecoder()
    block = literal(letter * name_size, letter * value_size)
    for before in (b"", b"\x88", b"\x88", b"\x89"):
        assert decoder.decode(before + block)[-1] == (letter * name_size, letter * value_size)


# Errors.


@pytest.mark.parametrize("block", [b"\x80", b"\x82\x80", b"\xff\x80\x80\x80\x80\x80\x00"])
def test_index_zero_is_refused(block: bytes) -> None:
    with pytest.raises(HpackError):
        HpackDecoder().decode(block)


@pytest.mark.parametrize("index", [63, 126, 127, 128, 2**30])
@pytest.mark.parametrize("form", ["index", "name with indexing", "name without indexing", "name never indexed"])
def test_index_beyond_the_table_is_refused(index: int, form: str) -> None:
    decoder = HpackDecoder()
    decoder.decode(literal(b"name", b"value", WITH_INDEXING))
    blocks = {
        "index": indexed(index),
        "name with indexing": literal(index, b"value", WITH_INDEXING),
        "name without indexing": literal(index, b"value"),
        "name never indexed": literal(index, b"value", NEVER_INDEXED),
    }
    with pytest.raises(HpackError, match=f"Field has index {index}, but the last one of the table is 62"):
        decoder.decode(b"\x88" + blocks[form])


def test_index_of_an_evicted_entry_is_refused() -> None:
    decoder = HpackDecoder()
    decoder.decode(literal(b"name", b"value", WITH_INDEXING))
    assert decoder.decode(b"\xbe") == [(b"name", b"value")]
    decoder.decode(size_update(0))
    with pytest.raises(HpackError, match="Field has index 62, but the last one of the table is 61"):
        decoder.decode(b"\xbe")


@pytest.mark.parametrize(
    "field",
    [
        indexed(200),
        literal(58, b"value"),
        literal(58, b"value", is_huffman=True),
        literal(3, b"v" * 200),
        literal(b"name", b"value"),
        literal(b"n" * 200, b"v" * 200),
        literal(b"name", b"value", NEVER_INDEXED),
        literal(b"name", b"value", WITH_INDEXING, is_huffman=True),
        size_update(4000),
    ],
)
def test_block_that_ends_too_early_is_refused(field: bytes) -> None:
    for end in range(1, len(field)):
        for before in [b"", b"\x88"] if field[0] & 0xE0 != 0x20 else [b"", b"\x20"]:
            with pytest.raises(HpackError, match=r"Block ends"):
                HpackDecoder().decode(before + field[:end])


def test_block_that_ends_too_early_is_refused_after_known_literals() -> None:
    field = literal(58, b"value")
    for end in range(1, len(field)):
        decoder = HpackDecoder()
        decoder.decode(field)
        with pytest.raises(HpackError, match="Block ends"):
            decoder.decode(field + field[:end])


@pytest.mark.parametrize("first", [0x0F, 0x1F, 0x3F, 0x7F, 0xFF])
def test_endless_integer_is_refused(first: int) -> None:
    with pytest.raises(HpackError, match="Integer goes on after 5 further bytes"):
        HpackDecoder().decode(bytes((first,)) + b"\xff" * 100_000)


def test_endless_size_of_a_string_is_refused() -> None:
    with pytest.raises(HpackError, match="Integer goes on after 5 further bytes"):
        HpackDecoder().decode(b"\x04\x7f" + b"\xff" * 1000)


@pytest.mark.parametrize("value", ["00", "ff", "ffffffff", "a8eb10649cbe"])
def test_bad_huffman_code_is_refused(value: str) -> None:
    data = bytes.fromhex(value)
    with pytest.raises(HpackError, match="Huffman"):
        HpackDecoder().decode(b"\x04" + bytes((0x80 | len(data),)) + data)


# Updates of the table's size.


def test_size_may_be_set_up_to_what_was_announced() -> None:
    decoder = HpackDecoder(max_table_size=8192)
    decoder.decode(size_update(8192))
    value = b"v" * 5000
    assert decoder.decode(literal(b"name", value, WITH_INDEXING) + indexed(62)) == [(b"name", value)] * 2
    with pytest.raises(HpackError, match="Table's size is set to 8193, above the announced 8192"):
        decoder.decode(size_update(8193))


def test_size_is_4096_until_it_is_set() -> None:
    # RFC 7541 4.2: what is announced is a maximum, not the size.
    decoder = HpackDecoder(max_table_size=8192)
    decoder.decode(literal(b"name", b"v" * 5000, WITH_INDEXING))
    assert dynamic_entries(decoder) == []


@pytest.mark.parametrize("block", [b"\x88\x20", literal(58, b"value") + b"\x20", b"\x20\x88\x20"])
def test_size_update_after_a_field_is_refused(block: bytes) -> None:
    with pytest.raises(HpackError, match="Update of the table's size comes after a field"):
        HpackDecoder().decode(block)


def test_a_million_size_updates_are_refused_at_the_third() -> None:
    assert HpackDecoder().decode(size_update(0) + size_update(4096) + b"\x88") == [OK]
    with pytest.raises(HpackError, match="or after two others"):
        HpackDecoder().decode(b"\x20" * 1_000_000)


def test_nginx_sets_the_size_to_zero_first() -> None:
    decoder = HpackDecoder()
    assert decoder.decode(b"\x20\x88") == [OK]
    assert decoder.decode(b"\x88") == [OK]


def test_announced_reduction_must_be_confirmed() -> None:
    # RFC 9113 4.3.1
    for block in (b"", b"\x88", literal(58, b"value")):
        decoder = HpackDecoder()
        decoder.set_max_table_size(100)
        with pytest.raises(HpackError, match="Block does not set the table to the announced size of 100"):
            decoder.decode(block)
    decoder = HpackDecoder(max_table_size=100)
    with pytest.raises(HpackError, match="Table's size is set to 101, above the announced 100"):
        decoder.decode(size_update(101) + b"\x88")
    decoder = HpackDecoder(max_table_size=100)
    assert decoder.decode(size_update(99) + b"\x88") == [OK]
    assert decoder.decode(b"\x88") == [OK]


def test_announced_reduction_must_be_confirmed_by_a_known_block() -> None:
    decoder = HpackDecoder()
    assert decoder.decode(b"\x88") == decoder.decode(b"\x88") == [OK]
    decoder.set_max_table_size(0)
    with pytest.raises(HpackError, match="announced size of 0"):
        decoder.decode(b"\x88")


def test_the_smallest_announced_size_must_be_confirmed() -> None:
    for blocks in ([size_update(100) + b"\x88"], [size_update(0) + size_update(200) + b"\x88", b"\x88"]):
        decoder = HpackDecoder()
        decoder.set_max_table_size(100)
        decoder.set_max_table_size(200)
        assert [decoder.decode(block) for block in blocks] == [[OK]] * len(blocks)
    decoder = HpackDecoder()
    decoder.set_max_table_size(100)
    decoder.set_max_table_size(200)
    with pytest.raises(HpackError, match="Table's size is set to 200, above the announced 100"):
        decoder.decode(size_update(200) + b"\x88")


def test_reduction_that_the_table_already_keeps_needs_no_confirmation() -> None:
    decoder = HpackDecoder()
    decoder.decode(size_update(50))
    decoder.set_max_table_size(100)
    assert decoder.decode(b"\x88") == [OK]


# Bounds.


def test_as_many_fields_as_allowed() -> None:
    decoder = HpackDecoder(max_fields=3)
    assert decoder.decode(b"\x88" * 3) == [OK] * 3
    with pytest.raises(HeaderListTooLarge, match="Field list has more than 3 fields"):
        decoder.decode(b"\x88" * 4)


def test_a_list_may_have_exactly_the_allowed_size() -> None:
    fields = [(b"name", b"value"), (b"user-agent", b"x" * 50), OK]
    block = literal(b"name", b"value") + literal(58, b"x" * 50) + b"\x88"
    size = sum(map(entry_size, fields))
    assert HpackDecoder(max_list_size=size).decode(block) == fields
    with pytest.raises(HeaderListTooLarge, match=f"Field list has {size} bytes, more than {size - 1}"):
        HpackDecoder(max_list_size=size - 1).decode(block)


@pytest.mark.parametrize("capacity", [0, 40, 4096])
@pytest.mark.parametrize(
    "field",
    [indexed(20), indexed(2), literal(b"name", b"0" * 80, is_huffman=True)],
    ids=["large static", "small static", "huffman"],
)
def test_size_of_a_list_is_never_underestimated(capacity: int, field: bytes) -> None:
    block = size_update(capacity) + field * 10
    size = sum(map(entry_size, HpackDecoder().decode(block)))
    assert len(HpackDecoder(max_list_size=size).decode(block)) == 10
    with pytest.raises(HeaderListTooLarge):
        HpackDecoder(max_list_size=size - 1).decode(block)


@pytest.mark.parametrize(
    "block",
    [
        literal(b"first", b"value", WITH_INDEXING) + b"\xbe" * 20 + literal(b"last", b"value", WITH_INDEXING),
        literal(b"first", b"v" * 3000, WITH_INDEXING) + literal(b"last", b"value", WITH_INDEXING),
        b"".join(literal(b"last", b"value", WITH_INDEXING) for _ in range(20)),
    ],
)
def test_the_table_is_in_step_after_a_list_too_large(block: bytes) -> None:
    decoder = HpackDecoder(max_fields=10, max_list_size=2000)
    for _ in range(2):
        with pytest.raises(HeaderListTooLarge):
            decoder.decode(block)
    assert decoder.decode(b"\xbe") == [(b"last", b"value")]
    generous = HpackDecoder()
    for _ in range(2):
        generous.decode(block)
    assert dynamic_entries(decoder) == dynamic_entries(generous)


def test_error_behind_a_list_too_large_is_found() -> None:
    with pytest.raises(HpackError, match="index 70") as raised:
        HpackDecoder(max_fields=3).decode(b"\x88" * 5000 + indexed(70))
    assert not isinstance(raised.value, HeaderListTooLarge)


def test_many_references_to_a_large_entry_are_never_put_together() -> None:
    decoder = HpackDecoder()
    decoder.decode(literal(b"bomb", b"b" * 4000, WITH_INDEXING))
    tracemalloc.start()
    try:
        # 80 MB of fields, and 80 MB from as many literals that share a name of 4,000 bytes.
        with pytest.raises(HeaderListTooLarge, match="more than 1000 fields"):
            decoder.decode(b"\xbe" * 20_000)
        with pytest.raises(HeaderListTooLarge, match="bytes, more than 102400"):
            decoder.decode(b"\xbe" * 1000)
        decoder.decode(literal(b"b" * 4000, b"", WITH_INDEXING))
        with pytest.raises(HeaderListTooLarge, match="more than 1000 fields"):
            decoder.decode(literal(62, b"") * 20_000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_insertions_into_a_table_without_room_leave_it_empty() -> None:
    decoder = HpackDecoder()
    decoder.decode(size_update(0))
    with pytest.raises(HeaderListTooLarge):
        decoder.decode(literal(b"name", b"value", WITH_INDEXING) * 20_000)
    assert dynamic_entries(decoder) == []
    assert decoder._table.size == 0


# What is kept between blocks.


def test_known_block_is_given_again() -> None:
    decoder = HpackDecoder()
    block = b"\x88" + literal(54, b"nginx") + literal(b"x-frame-options", b"DENY", is_huffman=True)
    decoder.decode(block)
    # The second time its literals are known, from the third time on the block itself.
    assert decoder.decode(block) is decoder.decode(block)
    assert decoder.decode(block) == [OK, (b"server", b"nginx"), (b"x-frame-options", b"DENY")]


@pytest.mark.parametrize("size", [10, 127, 1000])
@pytest.mark.parametrize("is_huffman", [False, True])
def test_known_literal_is_not_decoded_again(size: int, is_huffman: bool) -> None:
    decoder = HpackDecoder()
    policy = literal(b"content-security-policy", b"p" * size, is_huffman=is_huffman)
    first = decoder.decode(b"\x88" + policy)[1]
    assert decoder.decode(b"\x89" + policy)[1] is first
    assert decoder.decode(b"\x89" + policy) is decoder.decode(b"\x89" + policy)


def test_known_block_is_forgotten_when_the_table_changes() -> None:
    decoder = HpackDecoder()
    decoder.decode(literal(b"name", b"old", WITH_INDEXING))
    assert decoder.decode(b"\xbe") == decoder.decode(b"\xbe") == [(b"name", b"old")]
    decoder.decode(literal(b"name", b"new", WITH_INDEXING))
    assert decoder.decode(b"\xbe") == [(b"name", b"new")]
    assert decoder.decode(size_update(0) + b"\x88") == [OK]
    with pytest.raises(HpackError):
        decoder.decode(b"\xbe")


def test_block_that_changes_the_table_changes_it_each_time() -> None:
    decoder = HpackDecoder()
    for count in range(1, 4):
        decoder.decode(literal(b"name", b"value", WITH_INDEXING))
        assert dynamic_entries(decoder) == [(b"name", b"value")] * count


def test_literal_with_a_name_of_the_dynamic_table_is_read_anew() -> None:
    decoder = HpackDecoder()
    for name in (b"one", b"two"):
        decoder.decode(literal(name, b"", WITH_INDEXING))
        for _ in range(3):
            assert decoder.decode(literal(62, b"value")) == [(name, b"value")]


@pytest.mark.parametrize(
    "block",
    [
        literal(55, b"secret"),
        literal(55, b"secret", is_huffman=True),
        literal(b"set-cookie", b"secret"),
        literal(54, b"secret", NEVER_INDEXED),
        literal(b"name", b"secret", NEVER_INDEXED, is_huffman=True),
    ],
)
def test_secrets_are_not_kept(block: bytes) -> None:
    decoder = HpackDecoder()
    for _ in range(3):
        assert decoder.decode(b"\x88" + block)[1][1] == b"secret"
    assert not decoder._literals
    assert not decoder._blocks


def test_what_is_kept_is_bounded() -> None:
    decoder = HpackDecoder()
    most = hpack_decoder.MAX_KEPT_SIZE // hpack_decoder.KEPT_OVERHEAD
    for number in range(3 * most):
        block = literal(54, b"%d" % number)
        decoder.decode(block)
        decoder.decode(block)
        assert len(decoder._literals) <= most
        assert len(decoder._blocks) <= most
    for size in (100, 1000, 4000, 40_000):
        for number in range(30):
            block = literal(54, b"%d" % number + b"v" * size)
            decoder.decode(block)
            decoder.decode(block)
            for kept in (decoder._literals, decoder._blocks):
                assert sum(map(len, kept)) <= hpack_decoder.MAX_KEPT_SIZE
    assert max(map(len, decoder._literals)) <= hpack_decoder.MAX_KEPT_ITEM_SIZE
