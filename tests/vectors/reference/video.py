"""Pictures: section 5 of docs/fql-0.4.md."""

from collections import namedtuple

import ranges
from bands import DIAGONAL, LEVEL, LOW, UPRIGHT, Layout
from exact import decode_exact
from motion import Field, predict
from units import Reader
from wavelet import inverse

# Where the models of the lossy layers begin in their table, and how many each class has.
BLOCKS, BLOCK_MODELS = 0, 15
SIGNIFICANCE, SIGNIFICANCE_MODELS = 26 * 15, 66
TWO_OR_MORE = SIGNIFICANCE + 26 * 66
MAGNITUDE = TWO_OR_MORE + 26 * 6
SIGN = MAGNITUDE + 26 * 6
MORE = SIGN + 8 * 14
MORE_LOW = MORE + 26 * 8
ROWS, ROW_MODELS = MORE_LOW + 2 * 9, 9

# How many of these a sum reaches is its activity; how many of those, its hint.
ACTIVITY = [sum(s >= t for t in (1, 4, 7, 10, 13, 17, 22, 28, 36, 48)) for s in range(64)]
HINT = [sum(s >= t for t in (1, 4, 6, 9, 15)) for s in range(16)]
# Weights of the states left and right, above and below, at the corners.
WEIGHTS = {LOW: (2, 2, 1), DIAGONAL: (2, 2, 1), UPRIGHT: (2, 3, 1), LEVEL: (3, 2, 1)}

MOST = 1 << 20


class Part:
    """The coefficients of a band that lie in a slice, with a frame of zeros around them."""

    def __init__(self, band, first, end):
        self.band, self.first, self.rows = band, first, end - first
        self.width = band.width
        self.stride = band.width + 2
        self.states = [0] * (self.stride * (self.rows + 2))
        self.signs = [0] * (self.stride * (self.rows + 2))
        self.block_columns = -(-self.width // 8)
        self.block_rows = -(-self.rows // 8)
        self.blocks = [0] * ((self.block_columns + 2) * (self.block_rows + 2))
        self.block_lines = [0] * (self.block_rows + 2)

    def line(self, row):
        return self.block_lines[row + 1] if row <= self.block_rows else 0

    def block(self, row, column):
        if row > self.block_rows or column > self.block_columns:
            return 0
        return self.blocks[(row + 1) * (self.block_columns + 2) + column + 1]

    def state(self, row, column):
        if row > self.rows or column > self.width:
            return 0
        return self.states[(row + 1) * self.stride + column + 1]

    def sign(self, row, column):
        if row > self.rows or column > self.width:
            return 0
        return self.signs[(row + 1) * self.stride + column + 1]


class Slice:
    """What is known of a slice, layer after layer."""

    def __init__(self, layout, index, slices, begins):
        self.bits = layout.format.bits
        first, end = layout.slice_rows(index, slices)
        self.parts = {}
        for band in layout.bands:
            # A slice has so many rows of a plane with `n` vertical levels for each row of the coarsest band.
            up = band.plane.rows - band.rows
            rows = [min(row << up, band.height) for row in (first, end)]
            self.parts[band] = Part(band, *rows)
        self.models = ranges.Models(begins)
        self.alpha_models = ranges.Models(begins)
        # Those of a predicted frame, and how many layers are there without a hole, and whether the next one still is.
        self.vectors = None
        self.layers, self.ended = 0, False

    def decode_to(self, layers, unit, index):
        """Takes as many of the lowest layers as there are."""
        while self.layers < min(layers, unit.coded_layers) and not self.ended:
            segment = unit.segments[self.layers][index]
            self.ended = not self.decode(self.layers, segment.data) or not segment.complete
            self.layers += not self.ended

    def decode(self, layer, data):
        """Takes a layer, or as much of it as is there; says whether it is there as a whole."""
        decoder = ranges.Decoder(data)
        try:
            if layer == 0 and self.vectors:
                self.vectors.decode(decoder)
            for band, part in self.parts.items():
                top = self.bits - max(self.bits + band.luma_level - 16, 0)
                if layer <= top:
                    models = self.alpha_models if band.plane.alpha else self.models
                    BandDecoder(self, decoder, models, part, layer, top - layer).decode()
        except ranges.Exhausted:
            return False
        return True


class BandDecoder:
    def __init__(self, slice_, decoder, models, part, layer, shift):
        self.decoder, self.models, self.part = decoder, models, part
        self.first_layer, self.shift = layer == 0, shift
        band = part.band
        self.parent = slice_.parts.get(band.parent)
        self.peers = [slice_.parts[peer] for peer in band.peers]
        self.twin = slice_.parts.get(band.twin)
        self.cls = band.model_class()
        self.weights = WEIGHTS[band.kind]
        self.sign_models = SIGN + (2 * band.kind + band.plane.chroma) * 14

    def decode(self):
        part = self.part
        stride = part.block_columns + 2
        for row in range(part.block_rows):
            if not part.line(row):
                if not self.decoder.decide(self.models, self.line_model(row)):
                    continue
                part.block_lines[row + 1] = 1
            for column in range(part.block_columns):
                at = (row + 1) * stride + column + 1
                if not part.blocks[at]:
                    if not self.decoder.decide(self.models, self.block_model(row, column)):
                        continue
                    part.blocks[at] = 1
                self.decode_block(row * 8, column * 8)

    def line_model(self, row):
        neighbours = self.part.line(row - 1) + self.part.line(row + 1)
        relatives = sum(peer.line(row) for peer in self.peers)
        if self.parent:
            relatives += self.parent.line(row // 2)
        return ROWS + self.cls * ROW_MODELS + neighbours * 3 + min(relatives, 2)

    def block_model(self, row, column):
        part = self.part
        neighbours = sum(part.block(row + y, column + x) for y, x in ((0, -1), (0, 1), (-1, 0), (1, 0)))
        relatives = sum(peer.block(row, column) for peer in self.peers)
        if self.parent:
            relatives += self.parent.block(row // 2, column // 2)
        return BLOCKS + self.cls * BLOCK_MODELS + neighbours * 3 + min(relatives, 2)

    def decode_block(self, first_row, first_column):
        part = self.part
        for row in range(first_row, min(first_row + 8, part.rows)):
            for column in range(first_column, min(first_column + 8, part.width)):
                at = (row + 1) * part.stride + column + 1
                if part.states[at]:
                    self.refine(at)
                else:
                    self.find(at, row, column)

    def activity(self, at):
        states, stride = self.part.states, self.part.stride
        sides, ends, corners = self.weights
        above, below = at - stride, at + stride
        total = (
            sides * (states[at - 1] + states[at + 1])
            + ends * (states[above] + states[below])
            + corners * (states[above - 1] + states[above + 1] + states[below - 1] + states[below + 1])
        )
        return ACTIVITY[min(total >> self.shift, 63)]

    def hint(self, row, column):
        total = sum(peer.state(row, column) for peer in self.peers)
        if self.parent:
            total += self.parent.state(row // 2, column // 2)
        return HINT[min(total >> self.shift, 15)]

    def find(self, at, row, column):
        activity, cls = self.activity(at), self.cls
        model = SIGNIFICANCE + cls * SIGNIFICANCE_MODELS + self.hint(row, column) * 11 + activity
        if not self.decoder.decide(self.models, model):
            return
        magnitude = 1
        model = TWO_OR_MORE + cls * 6 + (3 if self.first_layer else 0) + activity * 3 // 11
        if self.decoder.decide(self.models, model):
            magnitude = 2 + self.decoder.integer(self.models, MAGNITUDE + cls * 6, 6)
        magnitude = min(magnitude, 0x7FFF >> self.shift)
        sign = self.decode_sign(at, row, column)
        self.part.states[at] = (2 * magnitude + 1) << self.shift
        self.part.signs[at] = sign

    def decode_sign(self, at, row, column):
        signs, stride = self.part.signs, self.part.stride
        key = 9 * sgn(signs[at - 1] + signs[at + 1]) + 3 * sgn(signs[at - stride] + signs[at + stride])
        if self.twin:
            key += self.twin.sign(row, column)
        negative = self.decoder.decide(self.models, self.sign_models + abs(key))
        return -1 if negative != (key < 0) else 1

    def refine(self, at):
        part, shift = self.part, self.shift
        state = part.states[at]
        if part.band.kind == LOW:
            model = MORE_LOW + 9 * part.band.plane.chroma + self.mean(at)
        else:
            first = state == 6 << shift
            model = MORE + self.cls * 8 + (4 if first else 0) + self.activity(at) * 4 // 11
        if self.decoder.decide(self.models, model):
            part.states[at] = state + (1 << shift)
        else:
            part.states[at] = state - (1 << shift)

    def mean(self, at):
        states, signs, stride = self.part.states, self.part.signs, self.part.stride
        around = sum(states[i] * signs[i] for i in (at - 1, at + 1, at - stride, at + stride)) * signs[at]
        off = (around - 4 * states[at] + (2 << self.shift)) >> (self.shift + 2)
        return min(max(off, -4), 4) + 4


def sgn(value):
    return (value > 0) - (value < 0)


def value_of(state, sign, half):
    """Where a coefficient is taken to lie in its interval."""
    low = state & -state
    value = 16 * state - (3 * low if state == 3 * low else low)
    return sign * min((value * half) >> 12, MOST)


class Params:
    """The params of a unit; what is wrong is refused."""

    def __init__(self, data):
        reader = Reader(data)
        self.predicted = bool(reader.choice("a kind of frame", 0, 1))
        self.scale, self.number = reader.byte(), reader.byte()
        self.window = reader.choice("a window", 0, 16)
        self.distance = reader.choice("a distance", 1, self.window) if self.predicted else None


Kept = namedtuple("Kept", "planes whole")


class Decoder:
    def __init__(self, format_, tables):
        self.format = format_
        self.tables = tables
        self.layout = Layout(format_)
        # Frames that others may be predicted from, by their numbers.
        self.kept = {}

    def decode(self, unit, layers):
        """The planes that the lowest `layers` of a unit decode to, as lists of samples in rows."""
        params, layout = Params(unit.params), self.layout
        lossy = min(self.format.bits + 1, unit.coded_layers)
        first = self.tables["video"]["predicted" if params.predicted else "lossy"]
        slices = [Slice(layout, index, unit.slices, first) for index in range(unit.slices)]
        prediction, drifts = None, False
        if params.predicted:
            field = self.field(slices)
            base = self.kept.get((params.number - params.distance) & 255)
            drifts = base is None or not base.whole
        shown, kept = self.residuals(unit, slices, params, min(layers, lossy), min(unit.reference_layers, lossy))
        if params.predicted and base:
            prediction = [self.prediction(plane, rows, field) for plane, rows in zip(layout.planes, base.planes)]
        shown, kept = added(shown, prediction), added(kept, prediction)
        whole = not drifts and all(
            unit.complete_layers(index) >= unit.reference_layers for index in range(unit.slices)
        )
        self.keep(params, kept, whole)
        planes = [self.raised(plane, rows) for plane, rows in zip(layout.planes, shown)]
        if self.is_exact(slices, unit, layers) and not drifts:
            self.decode_exact(unit, planes)
        return self.finish([rounded(samples, plane.bits) for samples, plane in zip(planes, layout.planes)])

    def residuals(self, unit, slices, params, shown, kept):
        """What so many layers give: those that are shown, and those that other frames are predicted from."""
        found = {}
        for depth in sorted({shown, kept} if params.window else {shown}):
            for index, slice_ in enumerate(slices):
                slice_.decode_to(depth, unit, index)
            found[depth] = [self.residual(plane, slices, params.scale) for plane in self.layout.planes]
        return found[shown], found.get(kept)

    def is_exact(self, slices, unit, layers):
        """Whether it is the exact layer's turn."""
        lossy = self.format.bits + 1
        return min(layers, unit.coded_layers) > lossy and all(slice_.layers == lossy for slice_ in slices)

    def field(self, slices):
        field = Field(self.format.width, self.format.height)
        for index, slice_ in enumerate(slices):
            slice_.vectors = field.slice(*self.layout.plane_rows(self.layout.planes[0], index, len(slices)))
        return field

    def prediction(self, plane, rows, field):
        halved = plane.chroma and self.format.chroma
        return predict(field, rows, halved in ("4:2:0", "4:2:2"), halved == "4:2:0")

    def keep(self, params, planes, whole):
        if not params.predicted:
            self.kept = {}
        self.kept = {
            number: kept
            for number, kept in self.kept.items()
            if 0 < (params.number - number) & 255 < params.window
        }
        if params.window:
            clamped = [self.clamped(plane, rows) for plane, rows in zip(self.layout.planes, planes)]
            self.kept[params.number] = Kept(clamped, whole)

    def clamped(self, plane, rows):
        middle, one = 1 << (plane.bits - 1 + self.layout.fraction), 1 << self.layout.fraction
        return [[min(max(x, -middle), middle - one) for x in row] for row in rows]

    def raised(self, plane, rows):
        """Samples in 1/64, from 0 up."""
        up, middle = 6 - self.layout.fraction, 1 << (plane.bits - 1)
        return [[(x << up) + (middle << 6) for x in row] for row in rows]

    def residual(self, plane, slices, scale):
        """What a plane's coefficients give, around zero and with the fractional bits of the transform."""
        fraction = self.layout.fraction
        coefficients = plane.shape.empty()
        for slice_ in slices:
            for band, part in slice_.parts.items():
                if band.plane is not plane:
                    continue
                bits = self.format.bits
                half = band.half(scale, fraction) << max(bits + band.luma_level - 16, 0)
                for row in range(part.rows):
                    first = (row + 1) * part.stride + 1
                    states = part.states[first : first + part.width]
                    signs = part.signs[first : first + part.width]
                    values = [value_of(m, s, half) if m else 0 for m, s in zip(states, signs)]
                    coefficients.put(band, part.first + row, values)
        return inverse(coefficients)

    def decode_exact(self, unit, planes):
        segments = unit.segments[self.format.bits + 1]
        for index, segment in enumerate(segments):
            rows = [self.layout.plane_rows(plane, index, unit.slices) for plane in self.layout.planes]
            decode_exact(self.layout.planes, planes, rows, segment.data, self.tables)

    def finish(self, planes):
        if self.format.chroma == "rgb":
            planes[:3] = colours(*planes[:3], self.format.bits)
        return planes


def added(planes, prediction):
    if prediction is None or planes is None:
        return planes
    return [
        [[x + p for x, p in zip(*rows)] for rows in zip(plane, predicted)]
        for plane, predicted in zip(planes, prediction)
    ]


def rounded(samples, bits):
    most = (1 << bits) - 1
    return [[min(max((x + 32) >> 6, 0), most) for x in row] for row in samples]


def colours(luma, difference, orange, bits):
    """Green, blue and red from the three planes of RGB."""
    most, middle = (1 << bits) - 1, 1 << bits
    planes = [[], [], []]
    for rows in zip(luma, difference, orange):
        pixels = [colour(y, d - middle, o - middle, most) for y, d, o in zip(*rows)]
        for plane, row in zip(planes, zip(*pixels)):
            plane.append(list(row))
    return planes


def colour(luma, difference, orange, most):
    middle = luma - (difference >> 1)
    green = difference + middle
    blue = middle - (orange >> 1)
    red = blue + orange
    return [min(max(value, 0), most) for value in (green, blue, red)]
