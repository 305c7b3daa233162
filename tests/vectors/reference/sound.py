"""Sound: section 6 of docs/fql-0.4.md."""

from collections import namedtuple

from lapped import frame_values, rotated, unfold
from planes import Coefficients
from residual import decode_residual
from units import Malformed, Reader

Format = namedtuple("Format", "rate channels bits")

MANTISSAS = (
    65536, 68438, 71468, 74632, 77936, 81386, 84990, 88752,
    92682, 96785, 101070, 105545, 110218, 115098, 120194, 125515,
)  # fmt: skip


def frame_length(rate):
    most = rate // 50 * 4 // 5
    return next(length for length in range(most // 16 * 16, 0, -16) if is_smooth(length))


def is_smooth(number):
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1


class Params:
    def __init__(self, data, format_, frame):
        reader = Reader(data)
        flags = reader.byte()
        self.start, self.exact = bool(flags & 1), bool(flags & 2)
        self.silent, self.blocks = bool(flags & 4), bool(flags & 8)
        self.sequence, self.layers = reader.byte(), reader.byte()
        self.samples, self.step = reader.uint(2), reader.uint(2)
        self.rotations = []
        if format_.channels == 2:
            self.rotations = [(0, 1, reader.byte())]
        while reader.at < len(data):
            pair, angle = reader.byte(), reader.byte()
            self.rotations.append((pair >> 3, pair & 7, angle))
        if self.samples > (frame * 3 // 4 if self.start else frame):
            raise Malformed("samples of a unit")
        self.planes = self.step // 16 + 3
        self.finer = 0 if format_.bits == 16 else 5

    def interval(self, plane):
        return MANTISSAS[self.step % 16] << (8 - self.finer + self.planes - 1 - plane)


class Decoder:
    def __init__(self, format_, tables):
        self.format, self.tables = format_, tables["audio"]
        self.frame = frame_length(format_.rate)
        self.next = None
        self.tails = [[0] * (self.frame // 8)] * format_.channels

    def decode(self, unit, layers):
        """The samples of all channels in turn that the lowest `layers` of a unit decode to."""
        params = Params(unit.params, self.format, self.frame)
        coded = Coefficients(self.format.channels, self.frame, params, self.tables)
        whole, decoder = coded.decode(unit, layers)
        channels = coded.values()
        for first, second, angle in reversed(params.rotations):
            channels[first], channels[second] = rotated(channels[first], channels[second], angle)
        if params.start:
            self.tails = [[0] * (self.frame // 8)] * self.format.channels
        fits = params.start or self.next == params.sequence
        lines = [self.output(index, values, params) for index, values in enumerate(channels)]
        # Which unit the tails are those of the encoder for.
        self.next = (params.sequence + 1) & 255 if whole else None
        return self.samples(lines, params, decoder, fits)

    def output(self, channel, coefficients, params):
        """The samples of a channel from `F / 4` before the frame on; keeps its tail."""
        values = frame_values(coefficients, params.blocks)
        before = list(self.tails[channel])
        self.tails[channel] = values[-(self.frame // 8) :]
        unfold(before, values, self.frame)
        return before + values[: -(self.frame // 8)]

    def samples(self, lines, params, decoder, fits):
        skipped = self.frame // 4 if params.start else 0
        lines = [line[skipped : skipped + params.samples] for line in lines]
        overlap = 0 if params.start else self.frame // 4
        bits = self.format.bits
        samples = [nearest(line, bits) for line in lines]
        if decoder is not None:
            decode_residual(decoder, lines, samples, overlap, fits, bits, self.tables)
        return [sample for position in zip(*samples) for sample in position]


def nearest(values, bits):
    """The samples that are nearest to values with eight fractional bits of a sample of 16 bits."""
    most = (1 << (bits - 1)) - 1
    return [min(max((x + 128) >> 8 if bits == 16 else x, -most - 1), most) for x in values]
