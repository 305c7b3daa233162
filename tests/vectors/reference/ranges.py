"""The range coder: section 4 of docs/fql-0.4.md."""

TOP = 1 << 24
FAST_RATE, SLOW_RATE = 5, 7


class Exhausted(Exception):
    """The bytes of a codeword do not say what the next decision is: it was cut here."""


class Models:
    """Adaptive models that stand side by side: two estimates each of the probability of `false`."""

    def __init__(self, first):
        self.fast = list(first)
        self.slow = list(first)

    def probability(self, index):
        return max((self.fast[index] + self.slow[index]) >> 1, 1)

    def learn(self, index, bit):
        fast, slow = self.fast[index], self.slow[index]
        if bit:
            self.fast[index] = fast - (fast >> FAST_RATE)
            self.slow[index] = slow - (slow >> SLOW_RATE)
        else:
            self.fast[index] = fast + ((65535 - fast) >> FAST_RATE)
            self.slow[index] = slow + ((65535 - slow) >> SLOW_RATE)


class Decoder:
    def __init__(self, data):
        self.data = data
        self.at = 0
        self.code = self.unknown = 0
        self.range = 0xFFFFFFFF
        for _ in range(4):
            self._shift()

    def _shift(self):
        known = self.at < len(self.data)
        self.code = self.code << 8 | (self.data[self.at] if known else 0)
        self.unknown = self.unknown << 8 | (0 if known else 0xFF)
        self.at += 1

    def _fill(self):
        while self.range < TOP:
            self.range <<= 8
            self._shift()

    def decide(self, models, index):
        """A decision with a model, which learns from it. (All in one place: nearly all time is spent here.)"""
        fast, slow = models.fast[index], models.slow[index]
        bound = self.range * ((fast + slow >> 1) or 1) >> 16
        if self.code >= bound:
            self.code -= bound
            self.range -= bound
            models.fast[index] = fast - (fast >> FAST_RATE)
            models.slow[index] = slow - (slow >> SLOW_RATE)
            bit = True
        elif bound <= self.code + self.unknown:
            raise Exhausted
        else:
            self.range = bound
            models.fast[index] = fast + (65535 - fast >> FAST_RATE)
            models.slow[index] = slow + (65535 - slow >> SLOW_RATE)
            bit = False
        if self.range < TOP:
            self._fill()
        return bit

    def even(self):
        """A decision of which both outcomes are equally likely."""
        bound = self.range >> 1
        bit = self.code >= bound
        if bit:
            self.code -= bound
            self.range -= bound
        elif bound <= self.code + self.unknown:
            raise Exhausted
        else:
            self.range = bound
        self._fill()
        return bit

    def integer(self, models, first, count):
        """An integer with the `count` models from `first` on."""
        bits = 0
        while bits < 30 and self.decide(models, first + min(bits, count - 1)):
            bits += 1
        value = 1
        for _ in range(bits):
            value = value << 1 | self.even()
        return value - 1


class Encoder:
    def __init__(self):
        self.low = 0
        self.range = 0xFFFFFFFF
        self.bytes = bytearray()

    def _carry(self):
        at = len(self.bytes) - 1
        while self.bytes[at] == 0xFF:
            self.bytes[at] = 0
            at -= 1
        self.bytes[at] += 1

    def _decide(self, bound, bit):
        if bit:
            self.low += bound
            self.range -= bound
            if self.low >> 32:
                self._carry()
                self.low &= 0xFFFFFFFF
        else:
            self.range = bound
        while self.range < TOP:
            self.bytes.append(self.low >> 24)
            self.low = self.low << 8 & 0xFFFFFFFF
            self.range <<= 8

    def decide(self, models, index, bit):
        self._decide((self.range * models.probability(index)) >> 16, bit)
        models.learn(index, bit)

    def even(self, bit):
        self._decide(self.range >> 1, bit)

    def integer(self, models, first, count, value):
        value += 1
        bits = 0
        while bits < 30:
            more = value >> (bits + 1) != 0
            self.decide(models, first + min(bits, count - 1), more)
            if not more:
                break
            bits += 1
        for bit in reversed(range(bits)):
            self.even(bool(value >> bit & 1))

    def finish(self):
        for count in range(5):
            tail = (1 << (32 - 8 * count)) - 1
            value = (self.low + tail) // (tail + 1) * (tail + 1)
            if value + tail < self.low + self.range:
                break
        if value >> 32:
            self._carry()
        top = (value & 0xFFFFFFFF).to_bytes(4, "big")[:count]
        return bytes(self.bytes) + top
