"""The residual of sound, which makes it exact: "The residual" in section 6 of docs/fql-0.4.md."""

import ranges


def decode_residual(decoder, lines, samples, overlap, fits, bits, tables):
    """Turns samples into those of the source as far as the bytes reach. `lines` are their values with eight fractional
    bits by channel; the first `overlap` come last, where the tail fits, and stay as they are where it does not."""
    if not decoder.data:
        return
    count = len(lines[0])
    order = list(range(overlap, count)) + (list(range(min(overlap, count))) if fits else [])
    coder = (Near if bits == 16 else Wide)(decoder, tables, len(lines))
    try:
        for at in order:
            for channel, line in enumerate(samples):
                line[at] += coder.off(channel, lines[channel][at], line[at])
    except ranges.Exhausted:
        pass


class Near:
    """Of 16 bits."""

    def __init__(self, decoder, tables, channels):
        self.decoder = decoder
        self.models = {name: ranges.Models(tables[name]) for name in ("zero", "sign", "one", "more")}
        self.last = [(0, 0)] * channels

    def off(self, channel, value, nearest):
        last, before = self.last[channel]
        around = 2 * last + before
        activity = (around >= 1) + (around >= 4)
        offset = value - 256 * nearest
        distance = min(abs(offset) * 16 >> 8, 7)
        off = self.magnitude(distance, activity, offset)
        self.last[channel] = abs(off), last
        return off

    def magnitude(self, distance, activity, offset):
        decide = self.decoder.decide
        if not decide(self.models["zero"], distance * 3 + activity):
            return 0
        away = decide(self.models["sign"], distance)
        magnitude = 1
        if decide(self.models["one"], away * 3 + activity):
            magnitude = 2 + self.decoder.integer(self.models["more"], 0, 16)
        return magnitude if away == (offset < 0) else -magnitude


class Wide:
    """Of 24 bits."""

    def __init__(self, decoder, tables, channels):
        self.decoder = decoder
        self.models = {name: ranges.Models(tables[name]) for name in ("above", "wide_more")}
        self.last = [(0, 0)] * channels

    def off(self, channel, _value, _nearest):
        last, before = self.last[channel]
        around = 2 * last + before
        spread = (around >= 6) + (around >= 13)
        magnitude = 0
        while magnitude < 12 and self.decoder.decide(self.models["above"], spread * 12 + magnitude):
            magnitude += 1
        if magnitude == 12:
            magnitude += self.decoder.integer(self.models["wide_more"], 0, 16)
        self.last[channel] = magnitude, last
        return -magnitude if magnitude and self.decoder.even() else magnitude
