"""The inverse wavelet transform: "Transform" in section 5 of docs/fql-0.4.md."""


class Shape:
    """The sizes of a plane's bands, of which the columns are split `columns` times and the rows `rows` times.

    (`columns` counts levels of the horizontal direction, `rows` those of the vertical one.)
    """

    def __init__(self, width, height, columns, rows):
        self.columns, self.rows = columns, rows
        self.widths = halves(width, columns)
        self.heights = halves(height, rows)

    def width(self, level, high):
        return self.widths[level - 1] // 2 if high else self.widths[level]

    def height(self, level, high):
        return self.heights[level - 1] // 2 if high else self.heights[level]

    def empty(self):
        return Coefficients(self)


def halves(size, levels):
    sizes = [size]
    for _ in range(levels):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


class Coefficients:
    """A transformed plane in which every coefficient stands where its middle is in the picture."""

    def __init__(self, shape):
        self.shape = shape
        self.rows = [[0] * shape.widths[0] for _ in range(shape.heights[0])]

    def put(self, band, row, values):
        x, right = place(band.columns, band.right)
        y, down = place(band.rows, band.lower)
        self.rows[y + row * down][x::right] = values


def place(level, high):
    """The first position of a band's coefficients, and the distance between two."""
    return (1 << (level - 1), 1 << level) if high else (0, 1 << level)


def inverse(coefficients):
    """Samples with the fractional bits that coefficients have, around zero, in rows."""
    shape, rows = coefficients.shape, coefficients.rows
    for level in range(max(shape.columns, shape.rows), 0, -1):
        # Where one direction has fewer levels, it lacks the first ones.
        across = level - (max(shape.columns, shape.rows) - shape.columns)
        down = level - (max(shape.columns, shape.rows) - shape.rows)
        step_across, step_down = 1 << max(across, 1) - 1, 1 << max(down, 1) - 1
        if across > 0:
            for row in rows[::step_down]:
                row[::step_across] = lift(row[::step_across])
        if down > 0:
            kept = rows[::step_down]
            x_step = 1 << max(across - 1, 0)
            columns = [lift(list(column)) for column in zip(*(row[::x_step] for row in kept))]
            for row, values in zip(kept, zip(*columns)):
                row[::x_step] = values
    return rows


def lift(line):
    """Undoes one level of a line in which low-pass and high-pass coefficients take turns."""
    if len(line) == 1:
        return line
    low, high = line[0::2], line[1::2]
    low = [x - ((227 * s + ((s + 2048) >> 3)) >> 9) for x, s in zip(low, around_low(high, len(low)))]
    high = [x - ((113 * s + 64) >> 7) for x, s in zip(high, around_high(low, len(high)))]
    low = [x - ((-217 * s + 2048) >> 12) for x, s in zip(low, around_low(high, len(low)))]
    high = [x - ((-203 * s + 64) >> 7) for x, s in zip(high, around_high(low, len(high)))]
    line[0::2], line[1::2] = low, high
    return line


def around_low(high, count):
    """The sum of the two neighbours of each even sample; outside are those of the other side."""
    return [a + b for a, b in zip([high[0], *high], [*high, high[-1]])][:count]


def around_high(low, count):
    """The same of each odd sample."""
    return [a + b for a, b in zip(low, [*low[1:], low[-1]])][:count]
