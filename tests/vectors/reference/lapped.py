"""The lapped transform of sound in integers: "Transform" in section 6 of docs/fql-0.4.md."""

from functools import lru_cache
from math import cos, isqrt, pi, sin

FRACTION = 23


def fixed(value):
    """A sine or cosine with 23 fractional bits."""
    return round(value * (1 << FRACTION))


def rounded(product):
    """A product with a sine or cosine, or a sum of such products."""
    return (product + (1 << (FRACTION - 1))) >> FRACTION


def turn(numerator, denominator):
    """`exp(-2 pi i numerator / denominator)`."""
    angle = 2 * pi * numerator / denominator
    return fixed(cos(angle)), fixed(-sin(angle))


def times(z, w):
    return rounded(z[0] * w[0] - z[1] * w[1]), rounded(z[0] * w[1] + z[1] * w[0])


def plus(a, b):
    return a[0] + b[0], a[1] + b[1]


def minus(a, b):
    return a[0] - b[0], a[1] - b[1]


def turned(z):
    """`-i` times it, exactly."""
    return z[1], -z[0]


def mixed(a, b, x, y):
    """`a x + b y` for real `a` and `b`, rounded once."""
    return rounded(a * x[0] + b * y[0]), rounded(a * x[1] + b * y[1])


NOTHING = (0, 0)
HALF = fixed(0.5)
SIN3 = fixed(sin(2 * pi / 3))
COS5, SIN5 = [fixed(cos(2 * pi * k / 5)) for k in (1, 2)], [fixed(sin(2 * pi * k / 5)) for k in (1, 2)]


def butterfly(a):
    if len(a) == 2:
        return plus(a[0], a[1]), minus(a[0], a[1])
    if len(a) == 4:
        e, f, g = plus(a[0], a[2]), minus(a[0], a[2]), plus(a[1], a[3])
        h = turned(minus(a[1], a[3]))
        return plus(e, g), plus(f, h), minus(e, g), minus(f, h)
    if len(a) == 3:
        s = plus(a[1], a[2])
        m = minus(a[0], mixed(HALF, 0, s, NOTHING))
        d = turned(mixed(SIN3, 0, minus(a[1], a[2]), NOTHING))
        return plus(a[0], s), plus(m, d), minus(m, d)
    o, n, x, y = plus(a[1], a[4]), plus(a[2], a[3]), minus(a[1], a[4]), minus(a[2], a[3])
    m1, m2 = plus(a[0], mixed(COS5[0], COS5[1], o, n)), plus(a[0], mixed(COS5[1], COS5[0], o, n))
    d1, d2 = turned(mixed(SIN5[0], SIN5[1], x, y)), turned(mixed(SIN5[1], -SIN5[0], x, y))
    return plus(a[0], plus(o, n)), plus(m1, d1), plus(m2, d2), minus(m2, d2), minus(m1, d1)


@lru_cache
def turns(count):
    return [turn(8 * n + 1, 16 * count) for n in range(count // 2)]


@lru_cache
def twiddles(rest, radix):
    return [[turn(p * k, rest) for k in range(radix)] for p in range(rest // radix)]


def dct4(v):
    """An orthonormal DCT-IV, which is its own inverse."""
    count = len(v)
    half = count // 2
    around = turns(count)
    z = [times((v[2 * n], v[count - 1 - 2 * n]), around[n]) for n in range(half)]
    rest, stride = half, 1
    while rest > 1:
        radix = next(r for r in (4, 2, 3, 5) if rest % r == 0)
        z = stage(z, rest, stride, radix)
        rest //= radix
        stride *= radix
    norm = isqrt((1 << 60) // half)
    out = [0] * count
    for k in range(half):
        re, im = times(z[k], around[k])
        out[2 * k] = (re * norm + (1 << 29)) >> 30
        out[count - 1 - 2 * k] = (-im * norm + (1 << 29)) >> 30
    return out


def stage(z, rest, stride, radix):
    new = [None] * len(z)
    apart = len(z) // radix
    for p, around in enumerate(twiddles(rest, radix)):
        for q in range(stride):
            parts = butterfly([z[p * stride + q + k * apart] for k in range(radix)])
            at = p * radix * stride + q
            new[at] = parts[0]
            for k in range(1, radix):
                new[at + k * stride] = times(parts[k], around[k])
    return new


@lru_cache
def slopes(frame):
    """Sine and cosine for each pair around an edge, innermost first."""
    angles = [pi / 2 * sin(pi / 2 * (2 * i + 1) / (frame // 2)) ** 2 for i in range(frame // 8, frame // 4)]
    return [(fixed(sin(t)), fixed(cos(t))) for t in angles]


def unfold(before, after, frame):
    """Undoes the folding of what lies before an edge (ending at it) and after it."""
    for i, (s, c) in enumerate(slopes(frame)):
        a, b = before[-1 - i], after[i]
        before[-1 - i] = rounded(s * a + c * b)
        after[i] = rounded(s * b - c * a)


def frame_values(coefficients, blocks):
    """A frame's values, folded at both ends."""
    if not blocks:
        return dct4(coefficients)
    frame = len(coefficients)
    parts = [dct4(coefficients[block::4]) for block in range(4)]
    for left, right in zip(parts, parts[1:]):
        unfold(left, right, frame)
    return [value for part in parts for value in part]


def rotated(first, second, angle):
    """What two channels were before they were rotated by an encoder."""
    s, c = fixed(sin(2 * pi * angle / 128)), fixed(cos(2 * pi * angle / 128))
    pairs = list(zip(first, second))
    return [rounded(c * f - s * g) for f, g in pairs], [rounded(c * g + s * f) for f, g in pairs]
