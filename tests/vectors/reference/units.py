"""Units and their attachments: section 2 of docs/fql-0.4.md."""

from collections import namedtuple

MAGIC = 0xF4
MAX_LAYERS, MAX_SLICES, MAX_PARAMS = 15, 32, 24
MAX_ATTACHED, MAX_ATTACHMENTS, MAX_CAPTIONS = 4096, 32, 1024


class Malformed(Exception):
    """Bytes that are not what they should be."""


class Reader:
    def __init__(self, data):
        self.data = bytes(data)
        self.at = 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Malformed("the bytes end too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def rest(self):
        return self.take(len(self.data) - self.at)

    def byte(self):
        return self.take(1)[0]

    def uint(self, count):
        return int.from_bytes(self.take(count), "big")

    def varint(self):
        value = 0
        for index in range(10):
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if value >> 64:
                    break
                return value
        raise Malformed("a varint of more than 64 bits")

    def zigzag(self):
        value = self.varint()
        return -(value + 1) // 2 if value & 1 else value // 2

    def string(self, limit):
        length = self.varint()
        if length > limit:
            raise Malformed("a string that is too long")
        return self.take(length)

    def text(self, limit):
        try:
            text = self.string(limit).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("text that is no UTF-8") from error
        if "\0" in text:
            raise Malformed("text with a zero byte")
        return text

    def choice(self, what, low, high):
        value = self.byte()
        if not low <= value <= high:
            raise Malformed(f"{what}: {value}")
        return value


Segment = namedtuple("Segment", "data complete")


class Unit:
    """A unit: `segments[layer][slice]` are its codewords, and `attached` the string before the first of them."""

    def __init__(self, data):
        reader = Reader(data)
        if reader.byte() != MAGIC:
            raise Malformed("no unit")
        flags = reader.byte()
        self.key = bool(flags & 1)
        self.discont = bool(flags & 2)
        self.layers = reader.choice("layers", 1, MAX_LAYERS)
        self.slices = reader.choice("slices", 1, MAX_SLICES)
        self.coded_layers = reader.choice("coded layers", 0, self.layers)
        self.reference_layers = reader.choice("reference layers", 0, self.layers)
        self.params = reader.string(MAX_PARAMS)
        count = self.coded_layers * self.slices
        marks = [reader.varint() for _ in range(count)]
        segments = [Segment(reader.take(mark >> 1), bool(mark & 1)) for mark in marks]
        if reader.rest():
            raise Malformed("bytes after a unit")
        self.segments = [segments[at : at + self.slices] for at in range(0, count, self.slices)]
        self.attached = None
        if flags & 4 and self.segments:
            self._detach()

    def _detach(self):
        first = self.segments[0][0]
        reader = Reader(first.data)
        try:
            self.attached = reader.string(MAX_ATTACHED)
            self.segments[0][0] = Segment(reader.rest(), first.complete)
        except Malformed:
            self.segments[0][0] = Segment(b"", False)

    def complete_layers(self, slice_):
        """How many layers of a slice are complete from layer 0 up."""
        for layer, segments in enumerate(self.segments):
            if not segments[slice_].complete:
                return layer
        return self.coded_layers


def attachments(attached):
    """What the string before a unit's first codeword says, as dictionaries; what makes no sense is skipped."""
    reader, found = Reader(attached), []
    for _ in range(MAX_ATTACHMENTS):
        if reader.at == len(reader.data):
            break
        try:
            kind, content = reader.varint(), Reader(reader.string(MAX_ATTACHED))
        except Malformed:
            break
        parse = {1: _captions, 2: _timecode, 3: _fields}.get(kind)
        try:
            found += [parse(content)] if parse else []
        except Malformed:
            pass
    return found


def _captions(reader):
    kind = reader.choice("captions", 0, 3)
    data = reader.rest()
    if len(data) > MAX_CAPTIONS:
        raise Malformed("too many captions")
    return {"captions": kind, "data": data.hex()}


def _timecode(reader):
    flags = reader.byte()
    code = {"drop": bool(flags & 1), "interlaced": bool(flags & 2)}
    for name in ("hours", "minutes", "seconds", "field"):
        code[name] = reader.byte()
    code["frames"] = reader.varint()
    code["rate"] = [reader.varint(), reader.varint()]
    code["jam"] = [reader.zigzag(), reader.zigzag()] if flags & 4 else None
    return {"timecode": code}


def _fields(reader):
    flags = reader.byte()
    names = ("interlaced", "top_first", "repeat", "one")
    return {"fields": {name: bool(flags >> bit & 1) for bit, name in enumerate(names)}}


def varint(value):
    out = bytearray()
    while value >> 7:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def serialized(gathered):
    """A unit that came in pieces, as bytes."""
    header = gathered.header
    segments = [segment for row in gathered.segments() for segment in row]
    out = bytes([MAGIC, header.flags, header.layers, header.slices, header.coded, header.reference])
    out += varint(len(header.params)) + header.params
    out += b"".join(varint(2 * len(data) + complete) for data, complete in segments)
    return out + b"".join(data for data, _ in segments)
