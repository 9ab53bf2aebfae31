"""HPACK in random sequences of blocks and sizes: against the package `hpack` both ways, and with and without memory."""

from __future__ import annotations

import copy
from typing import TypeVar

import pytest
from hpack import Decoder, Encoder, HPACKError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from httpx._protocols.h2.hpack_decoder import HeaderListTooLarge, HpackDecoder, HpackError, _Kept
from httpx._protocols.h2.hpack_encoder import HpackEncoder
from httpx._protocols.h2.hpack_tables import FIRST_DYNAMIC_INDEX, Field

from .hpack_blocks import FORMS, dynamic_entries, indexed, literal, size_update

# Few enough to come again, and with sizes that make a table of 200 bytes overflow.
NAMES = st.sampled_from(
    [
        *(b":authority", b":path", b":method", b":status", b"accept", b"content-length", b"cookie", b"authorization"),
        *(b"set-cookie", b"user-agent", b"x-custom", b"y", b"", b"n" * 60, b"n" * 127, b"n" * 130),
    ]
)
VALUES = st.sampled_from(
    [b"", b"/", b"GET", b"200", b"0", b"1024", b"value", b"a longer value, 30 bytes long", b"v" * 127, b"\xff\x00" * 70]
) | st.binary(max_size=8)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=12)
SIZES = st.sampled_from([0, 40, 100, 200, 1000, 4096, 65536])


class ToOracle(RuleBasedStateMachine):
    """What our encoder makes is read by `hpack` and by our decoder, and all three tables stay the same.

    A second encoder of ours keeps nothing, neither fields nor whole blocks, and must make the same blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = HpackEncoder()
        self.forgetful = HpackEncoder()
        self.decoder = HpackDecoder()
        self.oracle = Decoder(max_header_list_size=1 << 20)
        self.sent: list[list[Field]] = []

    @rule(fields=FIELDS)
    def send(self, fields: list[Field]) -> None:
        block = self.encoder.encode(fields, is_kept=True)
        self.forgetful._representations.clear()
        assert self.forgetful.encode(fields) == block
        assert self.oracle.decode(block, raw=True) == fields
        assert self.decoder.decode(block) == fields
        self.sent.append(fields)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        self.send(data.draw(st.sampled_from(self.sent)))

    @rule(sizes=st.lists(SIZES, min_size=1, max_size=3))
    def resize(self, sizes: list[int]) -> None:
        for size in sizes:
            self.encoder.set_max_table_size(size)
            self.forgetful.set_max_table_size(size)
            self.decoder.set_max_table_size(size)
            self.oracle.max_allowed_table_size = size
        self.send([(b":status", b"200")])

    @invariant()
    def tables_are_the_same(self) -> None:
        entries = list(self.oracle.header_table.dynamic_entries)
        assert dynamic_entries(self.encoder) == dynamic_entries(self.decoder) == entries
        assert self.encoder._table.size == self.decoder._table.size


class FromOracle(RuleBasedStateMachine):
    """What `hpack` makes is read by our decoder, and both tables stay the same."""

    def __init__(self) -> None:
        super().__init__()
        self.oracle = Encoder()
        self.decoder = HpackDecoder()
        self.blocks: list[list[Field]] = []

    @rule(fields=FIELDS, is_huffman=st.booleans())
    def send(self, fields: list[Field], is_huffman: bool) -> None:
        block = self.oracle.encode(fields, huffman=is_huffman)
        assert self.decoder.decode(block) == fields
        self.blocks.append(fields)

    @precondition(lambda self: self.blocks)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        self.send(data.draw(st.sampled_from(self.blocks)), is_huffman=True)

    # One between two blocks: of several, `hpack` tells in the order in which they came, not the smallest first.
    @rule(size=SIZES)
    def resize(self, size: int) -> None:
        self.decoder.set_max_table_size(size)
        self.oracle.header_table_size = size
        self.send([(b":status", b"200")], is_huffman=False)

    @invariant()
    def tables_are_the_same(self) -> None:
        assert dynamic_entries(self.decoder) == list(self.oracle.header_table.dynamic_entries)


T = TypeVar("T")


class Forgetful(_Kept[T]):
    """Keep nothing."""

    def keep(self, encoded: bytes, decoded: T) -> None:
        pass


class Memory(RuleBasedStateMachine):
    """Blocks in all forms that a peer may choose mean the same to a decoder that keeps nothing, and to `hpack`."""

    @initialize(size=st.sampled_from([0, 100, 200, 4096]))
    def begin(self, size: int) -> None:
        self.decoder = HpackDecoder()
        self.forgetful = HpackDecoder()
        self.forgetful._literals = Forgetful()
        self.forgetful._blocks = Forgetful()
        self.forgetful._self_contained = Forgetful()
        self.oracle = Decoder(max_header_list_size=1 << 20)
        self.blocks: list[bytes] = []
        self.parts: list[bytes] = []
        self.read(size_update(size))

    @rule(data=st.data())
    def read_block(self, data: st.DataObject) -> None:
        self.read(b"".join(data.draw(st.lists(self.draw_part(), max_size=8))))

    @precondition(lambda self: self.blocks)
    @rule(data=st.data())
    def read_again(self, data: st.DataObject) -> None:
        block = data.draw(st.sampled_from(self.blocks))
        try:
            copy.deepcopy(self.oracle).decode(block, raw=True)
        except HPACKError:
            # An index that is gone. It is gone for all; only, none of them can be used after that.
            for decoder in (self.decoder, self.forgetful):
                with pytest.raises(HpackError):
                    copy.deepcopy(decoder).decode(block)
        else:
            self.read(block)

    @precondition(lambda self: self.blocks)
    @rule(data=st.data(), times=st.integers(2, 40))
    def read_often(self, data: st.DataObject, times: int) -> None:
        """Until one block has filled the table, and longer."""
        block = data.draw(st.sampled_from(self.blocks))
        for _ in range(times):
            self.read(block)
            self.tables_are_the_same()

    @rule(sizes=st.lists(st.sampled_from([0, 40, 100, 200, 4096]), min_size=1, max_size=2))
    def read_resized(self, sizes: list[int]) -> None:
        self.read(b"".join(map(size_update, sizes)) + b"\x88")

    def draw_part(self) -> st.SearchStrategy[bytes]:
        # An insertion evicts before the fields behind it are read, so an index beyond the static table may be gone.
        last = FIRST_DYNAMIC_INDEX - 1
        indices = st.integers(1, last + len(dynamic_entries(self.decoder)))
        literals = st.builds(literal, NAMES | indices, VALUES, st.sampled_from(FORMS), is_huffman=st.booleans())
        known = [st.sampled_from(self.parts)] if self.parts else []
        return st.one_of(indices.map(indexed), literals.map(self.remember), *known)

    def remember(self, part: bytes) -> bytes:
        self.parts.append(part)
        return part

    def read(self, block: bytes) -> None:
        try:
            expected = copy.deepcopy(self.oracle).decode(block, raw=True)
        except HPACKError:
            return
        self.oracle.decode(block, raw=True)
        assert self.forgetful.decode(block) == expected
        fields = self.decoder.decode(block)
        assert fields == expected
        self.blocks.append(block)

    @invariant()
    def tables_are_the_same(self) -> None:
        if hasattr(self, "oracle"):
            entries = list(self.oracle.header_table.dynamic_entries)
            assert dynamic_entries(self.decoder) == dynamic_entries(self.forgetful) == entries


SETTINGS = settings(max_examples=50, stateful_step_count=30, deadline=None)

TestToOracle = ToOracle.TestCase
TestToOracle.settings = SETTINGS
TestFromOracle = FromOracle.TestCase
TestFromOracle.settings = SETTINGS
TestMemory = Memory.TestCase
TestMemory.settings = SETTINGS


@settings(max_examples=500)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_arbitrary_bytes_are_read_as_the_oracle_reads_them(blocks: list[bytes]) -> None:
    decoder, oracle = HpackDecoder(), Decoder(max_header_list_size=1 << 20)
    for block in blocks:
        try:
            fields = decoder.decode(block)
        except HeaderListTooLarge:
            return
        except HpackError as exc:
            # Deliberate: it takes integers of any length, and any number of updates.
            if "Integer goes on" not in str(exc) and "after two others" not in str(exc):
                with pytest.raises(HPACKError):
                    oracle.decode(block, raw=True)
            return
        assert oracle.decode(block, raw=True) == fields
        assert dynamic_entries(decoder) == list(oracle.header_table.dynamic_entries)
