"""Shards and pieces: section 7 of docs/fql-0.4.md."""

from collections import namedtuple

from units import MAX_PARAMS, Malformed, Reader, Segment

MORE, COMPLETE, CUT, EMPTY = range(4)

Header = namedtuple("Header", "track number pts duration layers coded flags slices reference params")
Piece = namedtuple("Piece", "layer slice offset kind data")


def shard(content):
    """The header of a shard and its pieces."""
    reader = Reader(content)
    track, number = reader.byte(), reader.uint(4)
    pts, duration = reader.varint(), reader.varint()
    layers, flags = reader.byte(), reader.byte()
    length = reader.byte()
    reference = reader.byte() if length & 32 else 0
    params = reader.take(length & 31)
    header = Header(
        track, number, pts, duration, layers >> 4, layers & 15, flags >> 5, (flags & 31) + 1, reference, params
    )
    if length >> 6 or len(params) > MAX_PARAMS or (length & 32 and reference == 0):
        raise Malformed("the params of a shard")
    if pts >> 63 or header.layers == 0 or max(header.coded, reference) > header.layers:
        raise Malformed("the header of a shard")
    pieces = []
    while reader.at < len(content):
        pieces.append(piece(reader, header))
    return header, pieces


def piece(reader, header):
    first = reader.byte()
    layer, kind = first >> 4, first & 3
    slice_ = reader.byte()
    if layer >= header.coded or slice_ >= header.slices:
        raise Malformed("a piece outside of its unit")
    if kind == EMPTY:
        count = reader.byte()
        if layer * header.slices + slice_ + count > header.coded * header.slices:
            raise Malformed("empty segments past the end")
        return Piece(layer, slice_, 0, kind, count)
    offset = reader.varint() if first & 4 else 0
    data = reader.rest() if first & 8 else reader.take(reader.varint())
    if kind == MORE and not data:
        raise Malformed("an empty piece of a segment that goes on")
    return Piece(layer, slice_, offset, kind, data)


class Gathered:
    """A unit of which pieces come, in any order and again."""

    def __init__(self, header):
        self.header = header
        self.bytes = {}
        self.ends = {}

    def take(self, pieces):
        for each in pieces:
            at = (each.layer, each.slice)
            if each.kind == EMPTY:
                first = each.layer * self.header.slices + each.slice
                for index in range(first, first + each.data):
                    self.ends[divmod(index, self.header.slices)] = (0, COMPLETE)
                continue
            for index, byte in enumerate(each.data):
                self.bytes.setdefault(at, {})[each.offset + index] = byte
            if each.kind != MORE:
                self.ends[at] = (each.offset + len(each.data), each.kind)

    def segment(self, layer, slice_):
        known = self.bytes.get((layer, slice_), {})
        length = 0
        while length in known:
            length += 1
        end, kind = self.ends.get((layer, slice_), (None, CUT))
        return Segment(bytes(known[i] for i in range(length)), kind == COMPLETE and length == end)

    def segments(self):
        """What came, layer by layer."""
        slices = range(self.header.slices)
        return [[self.segment(layer, slice_) for slice_ in slices] for layer in range(self.header.coded)]
