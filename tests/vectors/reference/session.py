"""Datagrams and their messages, and a session one way: sections 9 and 10 of docs/fql-0.4.md."""

from keys import one_way
from repair import rebuild
from sealing import open_sealed
from shards import Gathered, shard
from tracks import track_table
from units import Malformed, Reader

ONE_WAY, ANNOUNCEMENT = 0xF6, 0xF7
WITHOUT_PARITY, SOURCE, PARITY, TABLE, PING, GOODBYE, REPORT, UTC = range(8)


def message(data):
    """What a message says, without the time at which it was sent."""
    reader = Reader(data)
    first = reader.byte()
    kind, extra = first & 15, first >> 4
    if kind > UTC or (extra and kind > PARITY):
        raise Malformed("a kind of message that is not known")
    reader.uint(4)
    found = {"kind": kind}
    if kind <= PARITY:
        found["ceiling"] = extra
    if kind in (SOURCE, PARITY):
        found["block"] = reader.uint(2)
    if kind == SOURCE:
        found["index"] = reader.byte()
    elif kind == PARITY:
        found["sources"], found["row"] = reader.byte(), reader.byte()
    elif kind == TABLE:
        found["version"], found["part"], found["parts"] = reader.uint(2), reader.byte(), reader.byte()
    elif kind == PING:
        found["paused"] = bool(reader.byte() & 1)
    elif kind == GOODBYE:
        found["reason"] = reader.byte()
    elif kind == REPORT:
        found.update(report(reader))
    elif kind == UTC:
        offsets = []
        while not offsets or reader.at < len(data):
            offsets.append((reader.byte(), int.from_bytes(reader.take(8), "big", signed=True)))
        found["offsets"] = offsets
    if kind <= TABLE:
        found["content"] = reader.rest()
    return found


def report(reader):
    """A report: section 11."""
    found = {"counts": [reader.varint() for _ in range(8)], "newest": reader.uint(4)}
    found["values"] = [reader.varint() for _ in range(6)]
    found["highest"], flags, version = reader.byte(), reader.byte(), reader.uint(2)
    found["tracks"] = version if flags & 1 else None
    found["paused"], found["out_of_turn"] = bool(flags & 2), bool(flags & 4)
    count = reader.choice("acknowledgements", 0, 16)
    found["acknowledged"] = [acknowledgement(reader) for _ in range(count)]
    return found


def acknowledgement(reader):
    track, last, count = reader.byte(), reader.uint(4), reader.choice("units", 0, 32)
    pairs = reader.take((count + 1) // 2)
    layers = [half for pair in pairs for half in (pair >> 4, pair & 15)]
    return track, last, layers[:count]


class OneWay:
    """What a receiver of one session makes of its datagrams, without any clock: all of it at the end."""

    def __init__(self, key):
        self.passphrase_key = key
        self.key = None
        self.highest = -1
        self.tables, self.table = {}, None
        self.units, self.sources, self.parities = {}, {}, {}
        self.utc, self.goodbye = {}, None

    def take(self, datagram):
        reader = Reader(datagram)
        first, _session, low = reader.byte(), reader.uint(4), reader.uint(4)
        if first == ANNOUNCEMENT:
            self.key = one_way(self.passphrase_key, reader.take(16))
        elif first != ONE_WAY or self.key is None:
            raise Malformed("a foreign datagram")
        number = nearest(low, self.highest + 1)
        opened = open_sealed(self.key, number, datagram[: reader.at], reader.rest())
        self.highest = max(self.highest, number)
        self.message(opened)

    def message(self, data):
        found = message(data)
        kind = found["kind"]
        if kind in (WITHOUT_PARITY, SOURCE):
            if kind == SOURCE:
                self.sources.setdefault(found["block"], {})[found["index"]] = found["content"]
            self.content(found["content"])
        elif kind == PARITY:
            _, rows = self.parities.setdefault(found["block"], (found["sources"], {}))
            rows[found["row"]] = found["content"]
        elif kind == TABLE:
            parts = self.tables.setdefault((found["version"], found["parts"]), {})
            parts[found["part"]] = found["content"]
            if len(parts) == found["parts"]:
                self.table = track_table(b"".join(parts[part] for part in sorted(parts)))
        elif kind == GOODBYE:
            self.goodbye = found["reason"]
        elif kind == UTC:
            self.utc.update(found["offsets"])

    def content(self, content):
        header, pieces = shard(content)
        gathered = self.units.setdefault((header.track, header.number), Gathered(header))
        if gathered.header != header:
            raise Malformed("shards of one unit with different headers")
        gathered.take(pieces)

    def finish(self):
        """Rebuilds what was lost, where enough came."""
        for block, (count, parity) in self.parities.items():
            for content in rebuild(count, self.sources.get(block, {}), parity) or []:
                self.content(content)


def nearest(low, expected):
    """The packet number with these low 32 bits that is nearest to the one expected."""
    number = expected & ~0xFFFFFFFF | low
    around = (number - (1 << 32), number, number + (1 << 32))
    return min((each for each in around if each >= 0), key=lambda each: abs(each - expected))
