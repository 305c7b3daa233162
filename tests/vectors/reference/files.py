"""Files: docs/file.md."""

import zlib
from collections import namedtuple

from tracks import MAX_TABLE, between, track_table
from units import MAX_LAYERS, Malformed, Reader

SYNC = b"\xf4FQL"
VERSION, HEADER, MAX_BODY = 1, 20, 268_435_456
KINDS = ("head", "tracks", "tags", "unit", "index", "end")

Record = namedtuple("Record", "at kind body whole")


class OtherVersion(Exception):
    """A file of another version."""


def records(data):
    """The records of a file, damaged ones too, and nothing of what is between them."""
    at, serial = 0, None
    while (at := data.find(SYNC, at)) >= 0 and at + HEADER <= len(data):
        header = Reader(data[at + 4 : at + HEADER])
        version, kind = header.byte(), header.byte()
        its, length, body_sum, header_sum = (header.uint(count) for count in (2, 4, 4, 4))
        right = zlib.crc32(data[at : at + 16]) == header_sum
        if not right or length > MAX_BODY or serial not in (None, its):
            at += 1
            continue
        if version != VERSION:
            raise OtherVersion
        serial = its
        body = data[at + HEADER : at + HEADER + length]
        if len(body) < length:
            return
        if kind < len(KINDS):
            yield Record(at, KINDS[kind], body, zlib.crc32(body) == body_sum)
        at += HEADER + length


def signed(reader, count):
    return int.from_bytes(reader.take(count), "big", signed=True)


def content(record):
    """What a record says, as a dictionary; units stay bytes."""
    reader = Reader(record.body)
    read = {"head": head, "tracks": tracks, "tags": tags, "unit": unit, "index": index, "end": end}
    return {"kind": record.kind} | read[record.kind](reader)


def head(reader):
    return {"created": signed(reader, 8)}


def tracks(reader):
    return {"tracks": [track["id"] for track in track_table(reader.rest())]}


def tags(reader):
    return {"tags": [[reader.text(64), reader.text(65536)] for _ in range(reader.varint())]}


def unit(reader):
    found = {"track": reader.byte()}
    flags = reader.byte()
    for bit, name in enumerate(("key", "discont", "corrupt", "header")):
        found[name] = bool(flags >> bit & 1)
    found["pts"] = reader.zigzag()
    found["ahead"] = reader.zigzag() if flags & 64 else None
    found["duration"] = reader.varint() if flags & 128 else None
    found["unit"] = reader.rest()
    return found


def index(reader):
    found = {"tracks": [track["id"] for track in track_table(reader.string(MAX_TABLE))]}
    found["summaries"] = [summary(reader) for _ in range(between("summaries", reader.varint(), 0, 256))]
    found["points"] = points(reader, between("refresh points", reader.varint(), 0, 131_072))
    return found


def summary(reader):
    found = {"track": reader.byte(), "units": reader.varint(), "keys": reader.varint()}
    found["begin"], found["end"] = reader.zigzag(), reader.zigzag()
    count = between("layers", reader.varint(), 0, MAX_LAYERS)
    found["bytes"] = [reader.varint() for _ in range(count)]
    return found


def points(reader, count):
    found, time, offset = [], 0, 0
    for _ in range(count):
        track = reader.byte()
        time += reader.zigzag()
        offset += reader.varint()
        found.append({"track": track, "pts": time, "offset": offset, "table": offset - reader.varint()})
    return found


def end(reader):
    found = {"index": reader.uint(8)}
    found["begin"], found["end"] = signed(reader, 8), signed(reader, 8)
    found["units"] = reader.uint(8)
    if reader.rest():
        raise Malformed("bytes after an end")
    return found
