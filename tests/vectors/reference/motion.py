"""Predicted frames: section 5 of docs/fql-0.4.md."""

import ranges

LARGEST = 8192
SPREADS, LENGTHS = 4, 8
CELL = 8

QUARTERS = (
    (0, 0, 0, 64, 0, 0, 0, 0),
    (-1, 4, -10, 58, 17, -5, 1, 0),
    (-1, 4, -11, 40, 40, -11, 4, -1),
    (0, 1, -5, 17, 58, -10, 4, -1),
)
EIGHTHS = (
    (0, 0, 0, 64, 0, 0, 0, 0),
    (0, 0, -2, 58, 10, -2, 0, 0),
    (0, 0, -4, 54, 16, -2, 0, 0),
    (0, 0, -6, 46, 28, -4, 0, 0),
    (0, 0, -4, 36, 36, -4, 0, 0),
    (0, 0, -4, 28, 46, -6, 0, 0),
    (0, 0, -2, 16, 54, -4, 0, 0),
    (0, 0, -2, 10, 58, -2, 0, 0),
)
WEIGHTS = {8: (4, 12, 20, 28, 36, 44, 52, 60), 4: (8, 24, 40, 56)}


class Field:
    """The vectors of a picture: `vectors[row][column]` of each cell."""

    def __init__(self, width, height):
        self.columns, self.rows = 2 * -(-width // 16), 2 * -(-height // 16)
        self.vectors = [[(0, 0)] * self.columns for _ in range(self.rows)]

    def slice(self, first, end):
        """The vectors of a slice that has these rows of luma."""
        return SliceVectors(self.vectors[2 * -(-first // 16) : 2 * -(-end // 16)], self.columns)

    def at(self, column, row):
        return self.vectors[min(max(row, 0), self.rows - 1)][min(max(column, 0), self.columns - 1)]


class VectorModels:
    def __init__(self, median):
        self.median = ranges.Models(median)
        self.near = ranges.Models([32768] * SPREADS)
        self.second = ranges.Models([32768])
        self.difference = [ranges.Models([32768] * SPREADS * LENGTHS) for _ in range(2)]


class SliceVectors:
    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns

    def decode(self, decoder):
        """Takes the vectors of all blocks, as far as the bytes reach."""
        self.decoder = decoder
        self.split = ranges.Models([64000, 60000, 56000, 54000])
        self.of_block = VectorModels([60000, 41000, 33000, 28500])
        self.of_cell = VectorModels([32768] * SPREADS)
        for row in range(0, len(self.rows), 2):
            for column in range(0, self.columns, 2):
                self.block(column, row)

    def block(self, column, row):
        around = self.around(column, row, 2)
        cells = [(column + x, row + y) for y in (0, 1) for x in (0, 1)]
        if self.decoder.decide(self.split, spread_of(around)):
            for x, y in cells:
                self.rows[y][x] = self.vector(self.of_cell, self.around(x, y, 1))
        else:
            vector = self.vector(self.of_block, around)
            for x, y in cells:
                self.rows[y][x] = vector

    def around(self, column, row, size):
        """The vectors left, above and right of so many cells in a row."""
        left = self.rows[row][column - 1] if column else None
        if row == 0:
            return [left or (0, 0)] * 3
        before = self.rows[row - 1]
        is_later = size == 1 and row % 2 == 1 and column % 2 == 1
        if column + size < self.columns and not is_later:
            right = before[column + size]
        else:
            right = before[column - 1] if column else (0, 0)
        return [left or (0, 0), before[column], right]

    def vector(self, models, around):
        decide, spread, middle = self.decoder.decide, spread_of(around), median(around)
        if not decide(models.median, spread):
            return middle
        others = list(dict.fromkeys(vector for vector in around if vector != middle))
        if others and decide(models.near, spread):
            return others[1] if len(others) > 1 and decide(models.second, 0) else others[0]
        x, y = (self.difference(each, spread) for each in models.difference)
        return limited(middle[0] + x), limited(middle[1] + y)

    def difference(self, models, spread):
        magnitude = min(self.decoder.integer(models, spread * LENGTHS, LENGTHS), 4 * LARGEST)
        return -magnitude if magnitude and self.decoder.even() else magnitude


def limited(component):
    return min(max(component, -LARGEST), LARGEST)


def median(vectors):
    return tuple(sorted(components)[1] for components in zip(*vectors))


def spread_of(vectors):
    middle = median(vectors)
    distance = max(abs(v - m) for vector in vectors for v, m in zip(vector, middle))
    return (distance > 0) + (distance > 2) + (distance > 10)


class Displaced:
    """A kept plane, of which vectors take samples."""

    def __init__(self, rows, across, down):
        self.rows, self.across, self.down = rows, across, down
        # Samples between two of a row, by filter and place.
        self.levels = {}

    def sample(self, vector, x, y):
        """What a vector says of a sample."""
        move_x, filter_x = displacement(vector[0], self.across)
        move_y, filter_y = displacement(vector[1], self.down)
        x, y = x + move_x, y + move_y
        if filter_y is None:
            return self._level(filter_x, x, y)
        return weighed(filter_y, [self._level(filter_x, x, y + tap - 3) for tap in range(8)])

    def _level(self, taps, x, y):
        y = min(max(y, 0), len(self.rows) - 1)
        row = self.rows[y]
        last = len(row) - 1
        if taps is None:
            return row[min(max(x, 0), last)]
        at = taps, x, y
        if at not in self.levels:
            self.levels[at] = weighed(taps, [row[min(max(x + tap - 3, 0), last)] for tap in range(8)])
        return self.levels[at]


def displacement(component, halved):
    """Whole samples, and the filter for the rest, where there is one."""
    shift, filters = (3, EIGHTHS) if halved else (2, QUARTERS)
    rest = component & ((1 << shift) - 1)
    return component >> shift, filters[rest] if rest else None


def weighed(taps, samples):
    total = (sum(tap * sample for tap, sample in zip(taps, samples)) + 32) >> 6
    return min(max(total, -32768), 32767)


def predict(field, rows, across, down):
    """A plane from a kept one. `across` and `down` say that it has half of luma's samples in that direction."""
    displaced = Displaced(rows, across, down)
    out = []
    for y in range(len(rows)):
        cell_y, weight_y = between(y, CELL >> down)
        out.append([mixed(displaced, field, x, y, CELL >> across, cell_y, weight_y) for x in range(len(rows[0]))])
    return out


def between(at, cell):
    """Before which cell's middle a sample is, and how much that cell counts."""
    return (at + cell // 2) // cell, WEIGHTS[cell][(at + cell // 2) % cell]


def mixed(displaced, field, x, y, cell, cell_y, weight_y):
    cell_x, weight_x = between(x, cell)
    corners = [field.at(cell_x - 1 + right, cell_y - 1 + lower) for lower in (0, 1) for right in (0, 1)]
    if corners.count(corners[0]) == 4:
        # All four say the same, and so does the mixture.
        return displaced.sample(corners[0], x, y)
    a, b, c, d = (displaced.sample(vector, x, y) for vector in corners)
    return mix(mix(a, b, weight_x), mix(c, d, weight_x), weight_y)


def mix(a, b, weight):
    return ((64 - weight) * a + weight * b + 32) >> 6
