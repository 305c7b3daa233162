"""Forward error correction: section 8 of docs/fql-0.4.md."""

MAX_SOURCE, MAX_PARITY = 40, 60

EXP = [1]
while len(EXP) < 255:
    double = EXP[-1] << 1
    EXP.append(double ^ 0x11D if double & 0x100 else double)
LOG = {value: index for index, value in enumerate(EXP)}


def times(a, b):
    return EXP[(LOG[a] + LOG[b]) % 255] if a and b else 0


def power(base, exponent):
    return 1 if exponent == 0 else EXP[LOG[base] * exponent % 255] if base else 0


def solve(matrix, rows):
    """Solves `matrix * x = rows` by elimination, where rows are byte strings."""
    matrix, rows = [list(row) for row in matrix], [bytearray(row) for row in rows]
    for at in range(len(matrix)):
        pivot = next(i for i in range(at, len(matrix)) if matrix[i][at])
        matrix[at], matrix[pivot], rows[at], rows[pivot] = matrix[pivot], matrix[at], rows[pivot], rows[at]
        factor = EXP[-LOG[matrix[at][at]] % 255]
        matrix[at], rows[at] = scaled(matrix[at], factor), scaled(rows[at], factor)
        for other in range(len(matrix)):
            factor = matrix[other][at]
            if other != at and factor:
                matrix[other] = plus(matrix[other], scaled(matrix[at], factor))
                rows[other] = plus(rows[other], scaled(rows[at], factor))
    return rows


def scaled(row, factor):
    return [times(value, factor) for value in row]


def plus(a, b):
    return [x ^ y for x, y in zip(a, b)]


def vandermonde(count, rows):
    return [[power(row, column) for column in range(count)] for row in rows]


def coefficients(count, rows):
    """Rows of the code's matrix for a block of `count` source shards."""
    square = vandermonde(count, range(count))
    # x * square = wanted, so the transposes solve the other way round.
    transposed = list(zip(*square))
    wanted = list(zip(*vandermonde(count, rows)))
    return list(zip(*solve(transposed, wanted)))


def rebuild(count, source, parity):
    """All contents of a block from those that came (index to bytes) and its parity (row to bytes); `None` where
    there is too little."""
    if len(source) + len(parity) < count:
        return None
    if len(source) < count:
        length = len(next(iter(parity.values())))
        had = [(index, framed(source[index], length)) for index in sorted(source)]
        had += [(count + row, parity[row]) for row in sorted(parity)]
        had = had[:count]
        matrix = coefficients(count, [index for index, _ in had])
        rows = [bytes(row) for row in solve(matrix, [row for _, row in had])]
        return [row[2 : 2 + int.from_bytes(row[:2], "big")] for row in rows]
    return [source[index] for index in range(count)]


def framed(content, length):
    return (len(content).to_bytes(2, "big") + content).ljust(length, b"\0")
