"""Weights and planes of bits of a unit of sound: section 6 of docs/fql-0.4.md."""

import ranges
from units import Malformed

NEAR = [sum(s >= t for t in (1, 2, 3, 4, 5, 7, 10, 15, 23, 41, 81)) for s in range(82)]
BESIDE = [sum(s >= t for t in (1, 3, 7)) for s in range(8)]
MARGIN = 2
LOUDEST = 1 << 24
MAX_WEIGHT, FIRST_WEIGHT = 15, 4
MODELS = ("weight_other", "weight_less", "weight_more", "band", "significant", "refine")


def bands_of(frame):
    """Where each band begins, and the last one ends."""
    return [*range(0, 16, 4), *range(16, 64, 8), *range(64, frame + 1, 16)]


def group_of(band):
    if band < 16:
        return band
    if band < 26:
        return 16 + (band - 16) // 2
    if band < 54:
        return 21 + (band - 26) // 4
    return 28 + (band - 54) // 16


class Coefficients:
    """What is known of the coefficients of a unit."""

    def __init__(self, channels, frame, params, tables):
        self.params = params
        self.edges = bands_of(frame)
        self.bands = len(self.edges) - 1
        self.groups = group_of(self.bands - 1) + 1
        self.weights = [[0] * self.groups for _ in range(channels)]
        self.magnitudes = [[0] * (frame + 2 * MARGIN) for _ in range(channels)]
        self.negative = [[False] * frame for _ in range(channels)]
        # Down to which plane each is known.
        self.known = [[0] * (frame + 2 * MARGIN) for _ in range(channels)]
        # Whether a band has something, with one band more at either end.
        self.live = [[False] * (self.bands + 2) for _ in range(channels)]
        self.beside = pairs(channels, params.rotations)
        self.models = {name: ranges.Models(tables[name]) for name in MODELS}

    def decode(self, unit, layers):
        """Takes layers. Says whether all steps came that were coded, and gives the decoder of the residual where it is
        its turn."""
        params = self.params
        last = params.planes if params.exact else min(params.layers + 2, params.planes)
        whole = params.silent
        for layer in range(min(layers, unit.coded_layers)):
            segment = unit.segments[layer][0]
            exact = params.exact and layer == params.layers - 1
            decoder = ranges.Decoder(segment.data)
            first = -MAX_WEIGHT if layer == 0 else layer + 2
            end = params.planes if exact else min(layer + 3, params.planes)
            try:
                if layer == 0 and not params.silent:
                    self.decode_weights(decoder)
                for step in range(first, end) if not params.silent else ():
                    self.step(decoder, step)
            except ranges.Exhausted:
                break
            whole = whole or end == last
            if exact:
                return whole, decoder
        return whole, None

    def decode_weights(self, decoder):
        for channel, weights in enumerate(self.weights):
            other = self.beside[channel]
            before = self.weights[other] if other is not None and other < channel else None
            below = FIRST_WEIGHT
            for group in range(self.groups):
                below = self.weight(decoder, below, self.weight_context(before, group))
                weights[group] = below

    def weight_context(self, before, group):
        """How the weight in the channel beside changes, where it is known."""
        if before is None:
            return 3
        below = before[group - 1] if group else FIRST_WEIGHT
        return 0 if before[group] == below else 1 if before[group] > below else 2

    def weight(self, decoder, below, context):
        if not decoder.decide(self.models["weight_other"], context):
            return below
        less = decoder.decide(self.models["weight_less"], context)
        change = 1 + min(decoder.integer(self.models["weight_more"], 0, 3), MAX_WEIGHT)
        return min(max(below - change if less else below + change, 0), MAX_WEIGHT)

    def step(self, decoder, step):
        for band in range(self.bands):
            for channel, weights in enumerate(self.weights):
                weight = weights[group_of(band)]
                if 0 <= step + weight < self.params.planes:
                    self.band(decoder, step + weight, band, channel, weight)

    def band(self, decoder, plane, band, channel, weight):
        live = self.live[channel]
        if not live[band + 1]:
            other = self.beside[channel]
            below = live[band] if band else True
            below2 = live[band - 1] if band > 1 else True
            beside = other is not None and self.live[other][band + 1]
            context = 16 * (plane < weight) + below + 2 * live[band + 2] + 4 * beside + 8 * below2
            if not decoder.decide(self.models["band"], context):
                return
            live[band + 1] = True
        for at in range(self.edges[band], self.edges[band + 1]):
            self.coefficient(decoder, plane, channel, at)

    def coefficient(self, decoder, plane, channel, at):
        i = at + MARGIN
        value = self.magnitudes[channel][i]
        if value >= 16:
            bit = decoder.even()
        elif value:
            context = min(value.bit_length() - 1, 2) * 12 + self.near(channel, i, plane)
            bit = decoder.decide(self.models["refine"], context)
        else:
            context = self.near(channel, i, plane) * 4 + self.class_beside(channel, i, plane)
            bit = decoder.decide(self.models["significant"], context)
            if bit:
                self.negative[channel][at] = decoder.even()
        self.magnitudes[channel][i] = 2 * value + bit
        self.known[channel][i] = plane

    def magnitude(self, channel, i, plane):
        """A magnitude in intervals of a plane."""
        value, known = self.magnitudes[channel][i], self.known[channel][i]
        return value << (plane - known) if plane >= known else value >> (known - plane)

    def near(self, channel, i, plane):
        left, left2, right, right2 = (self.magnitude(channel, i + k, plane) for k in (-1, -2, 1, 2))
        return NEAR[min(2 * left + left2 + 2 * right + right2, 81)]

    def class_beside(self, channel, i, plane):
        other = self.beside[channel]
        if other is None:
            return 0
        left, here, right = (self.magnitude(other, i + k, plane) for k in (-1, 0, 1))
        return BESIDE[min(left + 2 * here + right, 7)]

    def values(self):
        """The coefficients of each channel, with eight fractional bits."""
        channels = []
        for magnitudes, negative, known in zip(self.magnitudes, self.negative, self.known):
            values = zip(magnitudes[MARGIN:-MARGIN], negative, known[MARGIN:-MARGIN])
            channels.append([self.value(*each) if each[0] else 0 for each in values])
        if sum(x * x for values in channels for x in values) >= (LOUDEST << 8) ** 2:
            raise Malformed("a unit that is too loud")
        return channels

    def value(self, magnitude, negative, plane):
        interval = self.params.interval(plane)
        middle = interval // 16 * 7 if magnitude == 1 else interval // 2
        value = (magnitude * interval + middle) >> 16
        return -value if negative else value


def pairs(channels, rotations):
    """The channel beside each, where there is one."""
    beside = [None] * channels
    for first, second, _ in rotations:
        if beside[first] is None and beside[second] is None:
            beside[first], beside[second] = second, first
    left = [channel for channel in range(channels) if beside[channel] is None]
    for first, second in zip(left[::2], left[1::2]):
        beside[first], beside[second] = second, first
    return beside
