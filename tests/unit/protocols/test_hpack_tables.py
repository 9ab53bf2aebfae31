"""The tables of HPACK: the static one of RFC 7541 appendix A, and eviction from the dynamic ones."""

from __future__ import annotations

import pytest
from hpack.table import HeaderTable
from hypothesis import given
from hypothesis import strategies as st

from httpx._protocols.h2.hpack_tables import (
    FIRST_DYNAMIC_INDEX,
    STATIC_TABLE,
    DecoderTable,
    EncoderTable,
    Field,
    entry_size,
)

from .hpack_blocks import dynamic_entries


@pytest.mark.parametrize(
    ("index", "field"),
    [
        (1, (b":authority", b"")),
        (2, (b":method", b"GET")),
        (4, (b":path", b"/")),
        (8, (b":status", b"200")),
        (16, (b"accept-encoding", b"gzip, deflate")),
        (32, (b"cookie", b"")),
        (61, (b"www-authenticate", b"")),
    ],
)
def test_static_table(index: int, field: Field) -> None:
    assert STATIC_TABLE[index - 1] == field
    assert DecoderTable().entries[index] == field


def test_static_table_is_that_of_the_oracle() -> None:
    assert HeaderTable.STATIC_TABLE == STATIC_TABLE


def test_entry_size_is_that_of_the_rfc() -> None:
    # RFC 7541 C.3.1: the table holds :authority: www.example.com and has a size of 57.
    assert entry_size((b":authority", b"www.example.com")) == 57


FIELDS = st.tuples(st.sampled_from([b"a", b"bb", b"ccc"]), st.binary(max_size=60))


@given(st.lists(FIELDS | st.integers(0, 200)))
def test_both_tables_hold_what_the_oracle_holds(steps: list[Field | int]) -> None:
    decoder, encoder, oracle = DecoderTable(), EncoderTable(), HeaderTable()
    for step in [100, *steps]:
        if isinstance(step, int):
            decoder.resize(step)
            encoder.resize(step)
            oracle.maxsize = step
        elif encoder.find(step) is None and entry_size(step) <= encoder.capacity:
            decoder.insert(step)
            encoder.insert(step)
            oracle.add(*step)
        entries = list(oracle.dynamic_entries)
        assert decoder.entries[FIRST_DYNAMIC_INDEX:] == entries == dynamic_entries(encoder)
        assert decoder.size == encoder.size == sum(map(entry_size, entries))
        for offset, field in enumerate(entries):
            assert encoder.find(field) == FIRST_DYNAMIC_INDEX + offset
        names = [name for name, _ in entries]
        for name in (b"a", b"bb", b"ccc"):
            expected = FIRST_DYNAMIC_INDEX + names.index(name) if name in names else None
            assert encoder.find_name(name) == expected


def test_field_larger_than_the_table_empties_it() -> None:
    # RFC 7541 4.4
    table = DecoderTable()
    table.insert((b"name", b"value"))
    table.resize(100)
    table.insert((b"name", b"v" * 65))
    assert table.size == 0
    assert len(table.entries) == FIRST_DYNAMIC_INDEX
