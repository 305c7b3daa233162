"""Track tables: section 3 of docs/fql-0.4.md."""

from units import MAX_LAYERS, Malformed, Reader

MAX_TABLE, MAX_TRACKS, MAX_TRACK = 24576, 64, 2560
MAX_TEXT, MAX_DIMENSION, MAX_CAPS, MAX_CONFIG = 64, 8192, 256, 1024

CHROMAS = ("grey", "4:2:0", "4:2:2", "4:4:4", "rgb")
VIDEO_CODECS, AUDIO_CODECS = ("h264", "h265", "av1"), ("aac", "opus")


def track_table(data):
    """The tracks of a table, as dictionaries."""
    if len(data) > MAX_TABLE:
        raise Malformed("a track table that is too long")
    reader = Reader(data)
    count = between("tracks", reader.varint(), 0, MAX_TRACKS)
    tracks = [track(Reader(reader.string(MAX_TRACK))) for _ in range(count)]
    if reader.rest():
        raise Malformed("bytes after a track table")
    tracks = [each for each in tracks if each]
    if len({each["id"] for each in tracks}) != len(tracks):
        raise Malformed("two tracks of one id")
    return tracks


def between(what, value, low, high):
    if not low <= value <= high:
        raise Malformed(f"{what}: {value}")
    return value


def track(reader):
    """A track; nothing where it is of a later kind."""
    found = {"id": reader.byte(), "layers": reader.byte(), "name": reader.text(MAX_TEXT)}
    kinds = dict(enumerate((video, sound, data, encoded_video, encoded_sound)))
    read = kinds.get(reader.byte())
    if read is None:
        return None
    between("layers", found["layers"], 1, MAX_LAYERS)
    return found | read(reader)


def size(reader):
    return [between("a size", reader.varint(), 1, MAX_DIMENSION) for _ in range(2)]


def ratio(reader):
    return [between("a ratio", reader.varint(), low, 0xFFFFFFFF) for low in (0, 1)]


def video(reader):
    found = {"kind": "video", "size": size(reader)}
    found["chroma"] = CHROMAS[reader.choice("chroma", 0, 4)]
    found["bits"] = reader.byte()
    if found["bits"] not in (8, 10, 12):
        raise Malformed("bits a sample")
    flags = reader.byte()
    found["alpha"] = bool(flags & 1)
    found["frame_rate"] = ratio(reader)
    found["pixel_aspect"] = ratio(reader)
    found["interlace"] = reader.choice("interlacing", 0, 2)
    found["field_order"] = reader.choice("the order of fields", 0, 2)
    found["orientation"] = reader.choice("the orientation", 0, 7)
    found["colorimetry"] = reader.text(MAX_TEXT)
    found["chroma_site"] = reader.text(MAX_TEXT)
    found["mastering"] = found["light"] = None
    if flags & 2:
        found["mastering"] = [reader.uint(2) for _ in range(8)] + [reader.uint(4) for _ in range(2)]
    if flags & 4:
        found["light"] = [reader.uint(2) for _ in range(2)]
    return found


def sound(reader):
    found = {"kind": "sound", "rate": between("samples a second", reader.varint(), 8000, 192000)}
    found["channels"] = reader.choice("channels", 1, 8)
    found["bits"] = (16, 24)[reader.choice("a format of sound", 0, 1)]
    found["mask"] = f"{reader.varint():x}"
    return found


def data(reader):
    return {"kind": "data", "caps": reader.text(MAX_CAPS)}


def encoded_video(reader):
    found = {"kind": "encoded video", "codec": VIDEO_CODECS[reader.choice("a codec", 0, 2)]}
    found.update(size=size(reader), frame_rate=ratio(reader))
    return found | configured(reader)


def encoded_sound(reader):
    found = {"kind": "encoded sound", "codec": AUDIO_CODECS[reader.choice("a codec", 0, 1)]}
    found["rate"] = between("samples a second", reader.varint(), 7350, 192000)
    found["channels"] = reader.choice("channels", 1, 8)
    return found | configured(reader)


def configured(reader):
    return {"config": reader.string(MAX_CONFIG).hex(), "caps": reader.text(MAX_CONFIG)}
