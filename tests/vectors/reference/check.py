"""Decodes all test vectors by the specification alone, and says which come out as something else."""

import base64
import hashlib
import json
import sys
from pathlib import Path

import bands
import files
import keys
import noise
import ranges
import session
import sound
import tracks
import units
import video

VECTORS = Path(__file__).parent.parent
# The session id of the side that begins, in all handshakes.
SESSION = bytes.fromhex("a1b2c3d4")
TABLES = VECTORS.parent.parent / "docs/fql-0.4/tables.json"


def load(path):
    return json.loads(Path(path).read_text())


def vectors(name):
    return load(VECTORS / name)


def unit(text):
    return units.Unit(base64.b64decode(text))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def check_ranges():
    for vector in vectors("ranges.json"):
        codeword = bytes.fromhex(vector["codeword"])
        encoder, models = ranges.Encoder(), ranges.Models(vector["models"])
        for decision in vector["decisions"]:
            (kind, values), = decision.items()
            if kind == "bit":
                encoder.decide(models, *values)
            elif kind == "even":
                encoder.even(values)
            else:
                encoder.integer(models, *values)
        yield f"ranges, encoded: {vector['name']}", encoder.finish() == codeword
        for length, certain in enumerate(vector["certain"]):
            same = certain_decisions(vector, codeword[:length]) == certain
            yield f"ranges, {length} bytes: {vector['name']}", same


def certain_decisions(vector, prefix):
    decoder, models = ranges.Decoder(prefix), ranges.Models(vector["models"])
    for count, decision in enumerate(vector["decisions"]):
        (kind, values), = decision.items()
        try:
            if kind == "bit":
                found, wanted = decoder.decide(models, values[0]), values[1]
            elif kind == "even":
                found, wanted = decoder.even(), values
            else:
                found, wanted = decoder.integer(models, *values[:2]), values[2]
        except ranges.Exhausted:
            return count
        if found != wanted:
            return None
    return len(vector["decisions"])


def check_units():
    for vector in vectors("units.json"):
        try:
            found = unit_content(unit(vector["unit"]))
        except units.Malformed:
            found = None
        yield f"units: {vector['name']}", found == vector["content"]


def unit_content(found):
    names = ("key", "discont", "layers", "slices", "coded_layers", "reference_layers")
    return {name: getattr(found, name) for name in names} | {
        "params": found.params.hex(),
        "segments": [[segment.data.hex(), segment.complete] for row in found.segments for segment in row],
        "complete_layers": [found.complete_layers(index) for index in range(found.slices)],
        "attachments": units.attachments(found.attached or b""),
    }


def check_tracks():
    for vector in vectors("tracks.json"):
        try:
            found = tracks.track_table(base64.b64decode(vector["table"]))
        except units.Malformed:
            found = None
        yield f"tracks: {vector['name']}", found == vector["tracks"]


def check_files():
    for vector in vectors("files.json"):
        try:
            found = [files.content(each) for each in files.records(base64.b64decode(vector["file"])) if each.whole]
        except files.OtherVersion:
            found = None
        for record in found or []:
            if "unit" in record:
                record["unit"] = sha256(record["unit"])
        yield f"files: {vector['name']}", found == vector["records"]


def check_keys():
    for vector in vectors("keys.json"):
        (kind, (secret, public)), = vector.items()
        if kind == "stream_key":
            found = keys.stream_key(secret)[1].hex()
        else:
            found = keys.server_key(bytes.fromhex(secret))[1]
        yield f"keys: {kind} {secret[:6]}...", found == public


def check_handshakes():
    for vector in vectors("handshakes.json"):
        ephemerals, datagrams, payloads, wanted = (
            [bytes.fromhex(text) for text in vector[name]]
            for name in ("ephemerals", "datagrams", "payloads", "keys")
        )
        if "key" in vector:
            begins, answers = (noise.Side(each, psk=bytes.fromhex(vector["key"])) for each in ephemerals)
            key_id = bytes.fromhex(vector["key_id"])
            heads = b"\xf0" + SESSION + bytes([len(key_id)]) + key_id, b"\xf1" + SESSION
        else:
            private = bytes.fromhex(vector["server_key"])
            begins = noise.Side(ephemerals[0], server=keys.server_key(private)[0])
            answers = noise.Side(ephemerals[1], server=private, begins=False)
            heads = b"\xf5" + SESSION, b"\xf1" + SESSION
        first = heads[0] + begins.write_first(payloads[0])
        read = [answers.read_first(first[len(heads[0]) :])]
        second = heads[1] + answers.write_second(payloads[1])
        read.append(begins.read_second(second[len(heads[1]) :]))
        name = f"handshakes: {vector['name']}"
        yield f"{name}: messages", [first, second] == datagrams and read == payloads
        yield f"{name}: keys", begins.keys() == answers.keys() == wanted


def check_messages():
    for vector in vectors("messages.json"):
        found = session.message(bytes.fromhex(vector["message"]))
        if "content" in found:
            found["content"] = found["content"].decode()
        # Through JSON, for which tuples are lists.
        yield f"messages: {vector['message'][:20]}...", json.loads(json.dumps(found)) == vector["says"]


def check_sessions():
    for vector in vectors("sessions.json"):
        receiver = session.OneWay(bytes.fromhex(vector["key"]))
        for _, datagram in vector["datagrams"]:
            receiver.take(base64.b64decode(datagram))
        receiver.finish()
        name = f"sessions: {vector['name']}"
        yield f"{name}: tracks", [track["id"] for track in receiver.table] == vector["tracks"]
        yield f"{name}: UTC", [list(each) for each in receiver.utc.items()] == vector["utc"]
        yield f"{name}: goodbye", receiver.goodbye == 0
        yield f"{name}: units", len(receiver.units) == len(vector["units"])
        for wanted in vector["units"]:
            gathered = receiver.units.get((wanted["track"], wanted["number"]))
            yield f"{name}: unit {wanted['number']}", gathered is not None and is_unit(gathered, wanted)


def is_unit(gathered, wanted):
    times = gathered.header.pts, gathered.header.duration
    return times == (wanted["pts"], wanted["duration"]) and sha256(units.serialized(gathered)) == wanted["sha256"]


def check_video(tables):
    for vector in vectors("video.json"):
        form = bands.Format(*(vector[name] for name in ("width", "height", "chroma", "bits", "alpha")))
        stored = [unit(text) for text in vector["units"]]
        for decoded in vector["decoded"]:
            decoder = video.Decoder(form, tables)
            for index, (each, picture) in enumerate(zip(stored, decoded["pictures"])):
                planes = decoder.decode(each, decoded["layers"])
                same = sha256(picture_bytes(planes, form.bits)) == picture["sha256"]
                yield f"{vector['name']}, {form}: unit {index}, {decoded['layers']} layers", same


def picture_bytes(planes, bits):
    size = 2 if bits > 8 else 1
    rows = (row for plane in planes for row in plane)
    return b"".join(sample.to_bytes(size, "little") for row in rows for sample in row)


def check_sound(tables):
    for vector in vectors("sound.json"):
        form = sound.Format(*(vector[name] for name in ("rate", "channels", "bits")))
        stored = [unit(text) for text in vector["units"]]
        for decoded in vector["decoded"]:
            decoder = sound.Decoder(form, tables)
            for index, (each, wanted) in enumerate(zip(stored, decoded["sounds"])):
                samples = decoder.decode(each, decoded["layers"])
                data = b"".join(sample.to_bytes(4, "little", signed=True) for sample in samples)
                name = f"sound: {vector['name']}, {form}: unit {index}, {decoded['layers']} layers"
                yield name, sha256(data) == wanted["sha256"]


def main():
    tables = load(TABLES)
    checks = (
        check_ranges(), check_units(), check_tracks(), check_files(), check_keys(), check_handshakes(),
        check_messages(), check_sessions(), check_video(tables), check_sound(tables),
    )  # fmt: skip
    results = [result for check in checks for result in check]
    wrong = [name for name, same in results if not same]
    for name in wrong:
        print("wrong:", name)
    print(f"{len(results) - len(wrong)} of {len(results)} are right")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
