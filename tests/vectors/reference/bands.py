"""What follows from the format of a track: planes, bands, slices. Section 5 of docs/fql-0.4.md."""

from collections import namedtuple

from wavelet import Shape

Format = namedtuple("Format", "width height chroma bits alpha")

LOW, UPRIGHT, LEVEL, DIAGONAL = range(4)

LOW_NORMS = [65536, 74694, 87923, 102124, 117756, 135480, 155778]
HIGH_NORMS = [None, 58149, 64451, 76815, 89800, 103747, 119422]


class Plane:
    """One of the planes that are coded: its size, the bits of a sample, and how often each direction is split."""

    def __init__(self, format_, index, levels):
        wide, high = format_.width, format_.height
        colours = 1 if format_.chroma == "grey" else 3
        self.chroma = 0 < index < colours
        self.alpha = index == colours
        self.columns = self.rows = levels
        if self.chroma and format_.chroma in ("4:2:0", "4:2:2"):
            wide, self.columns = (wide + 1) // 2, levels - 1
        if self.chroma and format_.chroma == "4:2:0":
            high, self.rows = (high + 1) // 2, levels - 1
        self.width, self.height = wide, high
        self.bits = format_.bits + (1 if self.chroma and format_.chroma == "rgb" else 0)
        self.shape = Shape(wide, high, self.columns, self.rows)


class Band:
    """A band of a plane: its place, what its coefficients are worth, and which bands tell something of it."""

    def __init__(self, plane, kind, scale, columns, rows, levels):
        self.plane, self.kind, self.scale = plane, kind, scale
        # How often each direction was split until here, and whether this is its high-pass part.
        self.columns, self.rows = columns, rows
        self.right, self.lower = kind in (UPRIGHT, DIAGONAL), kind in (LEVEL, DIAGONAL)
        self.width = plane.shape.width(columns, self.right)
        self.height = plane.shape.height(rows, self.lower)
        self.luma_level = levels if kind == LOW else scale
        self.parent, self.peers, self.twin = None, [], None

    def model_class(self):
        if self.kind == LOW:
            return 13 if self.plane.chroma else 0
        if not self.plane.chroma:
            return self.scale + (6 if self.kind == DIAGONAL else 0)
        if self.scale == 1:
            return 25 if self.kind == DIAGONAL else 24
        return self.scale + (17 if self.kind == DIAGONAL else 12)

    def half(self, scale, fraction):
        """Half of the interval of layer B."""
        columns = (HIGH_NORMS if self.right else LOW_NORMS)[self.columns]
        rows = (HIGH_NORMS if self.lower else LOW_NORMS)[self.rows]
        columns = 65536 if self.plane.width == 1 else columns
        rows = 65536 if self.plane.height == 1 else rows
        return (((256 + scale) << (fraction + 32)) // (columns * rows)) << self.plane.chroma


class Layout:
    """All that follows from the format of a track."""

    def __init__(self, format_):
        self.format = format_
        longest = max(format_.width, format_.height)
        self.levels = 1
        for levels in range(2, 7):
            if -(-longest >> levels) >= 4:
                self.levels = levels
        colours = 1 if format_.chroma == "grey" else 3
        count = colours + (1 if format_.alpha else 0)
        self.planes = [Plane(format_, index, self.levels) for index in range(count)]
        self.fraction = min(6, 16 - max(plane.bits for plane in self.planes))
        self.bands = []
        self._lay_out()

    def _lay_out(self):
        for plane in self.planes:
            self._add(plane, LOW, self.levels, plane.columns, plane.rows)
        for scale in range(self.levels, 0, -1):
            for plane in self.planes:
                columns = scale - (self.levels - plane.columns)
                rows = scale - (self.levels - plane.rows)
                if columns > 0:
                    self._add(plane, UPRIGHT, scale, columns, rows)
                if rows > 0:
                    self._add(plane, LEVEL, scale, columns, rows)
                if columns > 0 and rows > 0:
                    self._add(plane, DIAGONAL, scale, columns, rows)

    def _add(self, plane, kind, scale, columns, rows):
        band = Band(plane, kind, scale, columns, rows, self.levels)
        if band.width and band.height:
            if kind != LOW:
                band.parent = self._find(plane, kind, scale + 1)
            band.peers = [peer for peer in self._peers(band) if peer]
            if plane.chroma and plane is self.planes[2]:
                band.twin = self._find(self.planes[1], kind, scale)
            self.bands.append(band)

    def _peers(self, band):
        plane, kind, scale = band.plane, band.kind, band.scale
        if plane.chroma:
            before = self.planes[: self.planes.index(plane)]
            return [self._find(other, kind, scale) for other in before]
        if kind == LEVEL:
            return [self._find(plane, UPRIGHT, scale)]
        if kind == DIAGONAL:
            return [self._find(plane, LEVEL, scale), self._find(plane, UPRIGHT, scale)]
        return []

    def _find(self, plane, kind, scale):
        for band in self.bands:
            if (band.plane, band.kind, band.scale) == (plane, kind, scale):
                return band
        return None

    def slice_rows(self, index, slices):
        """The rows of the coarsest luma band that are in a slice."""
        coarse = -(-self.format.height >> self.levels)
        return index * coarse // slices, (index + 1) * coarse // slices

    def plane_rows(self, plane, index, slices):
        first, end = (row << plane.rows for row in self.slice_rows(index, slices))
        return min(first, plane.height), min(end, plane.height)
