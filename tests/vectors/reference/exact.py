"""The exact layer of a slice: section 5 of docs/fql-0.4.md."""

import ranges

LUMA_WEIGHTS = (3250, 3250, -750, -750, -2125, -2125)
CHROMA_WEIGHTS = (6750, 7000, -1000, 500, 0, 0)
ACTIVITY = (16, 28, 40, 52, 66, 86, 120)
AWAY, DISTANCE = 128, 256

# What each pair of neighbours adds to its sum: two of the rows `h` (the last), `a` and `b` (the ones above it), and how
# many samples apart. The last of each row is for the neighbour and the sample itself.
CORRELATIONS = (
    ("hh0 ha1 ha0 ha2 hh1 hb1", "hh1"),
    ("aa0 aa1 aa1 ha2 ab0", "ha0"),
    ("aa0 aa2 ha1 ab1", "ha-1"),
    ("aa0 ha3 ab-1", "ha1"),
    ("hh0 hb2", "hh2"),
    ("bb0", "hb0"),
)  # fmt: skip
PAIRS = {
    (row, row + column): name
    for row, (names, _) in enumerate(CORRELATIONS)
    for column, name in enumerate(names.split())
}
TARGETS = [target for _, target in CORRELATIONS]
COUNT = len(TARGETS)


def decode_exact(planes, recon, rows, data, tables):
    """Makes samples in 1/64 those of the source, from the first of a slice on as far as the bytes reach."""
    decoder = ranges.Decoder(data)
    models = ranges.Models(tables["video"]["exact"])
    try:
        for plane, samples, (first, end) in zip(planes, recon, rows):
            if plane.alpha:
                models = ranges.Models(tables["video"]["exact"])
            ExactPlane(plane, decoder, models).decode(samples[first:end])
    except ranges.Exhausted:
        pass


class Weights:
    """How much the error of each neighbour tells of that of a sample; learnt from row to row."""

    def __init__(self, chroma):
        self.first = CHROMA_WEIGHTS if chroma else LUMA_WEIGHTS
        self.now = list(self.first)
        self.sums, self.targets = dict.fromkeys(PAIRS, 0), [0] * COUNT
        self.trust = 1 << 20

    def learn(self, h, a, b):
        rows = {"h": h, "a": a, "b": b}
        products = {}

        def product(name):
            if name not in products:
                products[name] = correlation(rows[name[0]], rows[name[1]], int(name[2:]))
            return products[name]

        for pair, name in PAIRS.items():
            self.sums[pair] += product(name) - (self.sums[pair] >> 5)
        for i, name in enumerate(TARGETS):
            self.targets[i] += product(name) - (self.targets[i] >> 5)
        self.trust -= self.trust >> 5
        for _ in range(2):
            for i in range(COUNT):
                self.solve(i)

    def solve(self, i):
        sums = [self.sums[min(i, j), max(i, j)] for j in range(COUNT)]
        gain = (self.targets[i] << 14) + self.trust * (self.first[i] - self.now[i])
        gain -= sum(s * w for s, w in zip(sums, self.now))
        divisor = sums[i] + self.trust + 1
        step = abs(gain) // divisor
        self.now[i] = min(max(self.now[i] + (step if gain > 0 else -step), -32767), 32767)


def correlation(u, v, apart):
    """The sum of `u[x] * v[x + apart]`."""
    u, v = (u, v[apart:]) if apart >= 0 else (u[-apart:], v)
    return sum(x * y for x, y in zip(u, v))


class ExactPlane:
    def __init__(self, plane, decoder, models):
        self.decoder, self.models = decoder, models
        self.chroma = int(plane.chroma)
        self.most = (1 << plane.bits) - 1

    def decode(self, rows):
        width = len(rows[0]) if rows else 0
        weights = Weights(self.chroma)
        # Rows of errors and of how much was off, with two zeros before and one after the samples.
        blank = [0] * (width + 3)
        errors, off = [blank, blank, blank], blank
        for row in rows:
            weights.learn(*errors)
            error_row, off_row = list(blank), list(blank)
            above, above2 = errors[0], errors[1]
            for x, value in enumerate(row):
                at = x + 2
                near = (
                    error_row[at - 1], above[at], above[at - 1], above[at + 1], error_row[at - 2], above2[at],
                )  # fmt: skip
                about = 2 * off_row[at - 1] + 2 * off[at] + off[at - 1] + off[at + 1]
                expected = (sum(w * n for w, n in zip(weights.now, near)) + (1 << 13)) >> 14
                likely = min(max(value + expected, 0), self.most << 6)
                sample = self.sample(likely, sum(about >= bound for bound in ACTIVITY))
                row[x] = sample << 6
                error_row[at] = min(max((sample << 6) - value, -512), 512)
                off_row[at] = min(abs(likely - (sample << 6)) >> 2, 255)
            errors, off = [error_row, above, above2], off_row

    def sample(self, likely, activity):
        base = (likely + 32) >> 6
        fraction = likely - 64 * base
        up = fraction >= 0
        distance = (fraction if up else -1 - fraction) // 4
        group = self.chroma * 8 + activity
        if not self.decoder.decide(self.models, group * 8 + distance):
            return base
        away = self.decoder.decide(self.models, AWAY + group * 8 + distance)
        off = 1 + min(self.decoder.integer(self.models, DISTANCE + group * 10, 10), self.most)
        return min(max(base + off if up != away else base - off, 0), self.most)
