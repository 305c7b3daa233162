"""ChaCha20-Poly1305 (RFC 8439), with which datagrams are sealed."""

import hmac
import struct

MASK = 0xFFFFFFFF
ROUND = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip


class Forged(Exception):
    """A datagram that was not sealed with this key."""


def block(key, counter, nonce):
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    start += struct.unpack("<8L", key) + (counter,) + struct.unpack("<3L", nonce)
    s = list(start)
    for _ in range(10):
        for a, b, c, d in ROUND:
            for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                s[x] = (s[x] + s[y]) & MASK
                turned = s[z] ^ s[x]
                s[z] = (turned << turn | turned >> (32 - turn)) & MASK
    return struct.pack("<16L", *((x + y) & MASK for x, y in zip(s, start)))


def chacha20(key, nonce, data):
    stream = b"".join(block(key, 1 + i, nonce) for i in range(-(-len(data) // 64)))
    return bytes(x ^ y for x, y in zip(data, stream))


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at : at + 16] + b"\1", "little")) * r % (2**130 - 5)
    return (total + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


def tag(key, nonce, clear, sealed):
    def padded(data):
        return data + bytes(-len(data) % 16)

    lengths = struct.pack("<QQ", len(clear), len(sealed))
    return poly1305(block(key, 0, nonce)[:32], padded(clear) + padded(sealed) + lengths)


def nonce_of(number):
    return bytes(4) + number.to_bytes(8, "little")


def open_sealed(key, number, clear, sealed):
    """What was sealed under a number, with `clear` beside it."""
    nonce = nonce_of(number)
    if len(sealed) < 16 or not hmac.compare_digest(tag(key, nonce, clear, sealed[:-16]), sealed[-16:]):
        raise Forged
    return chacha20(key, nonce, sealed[:-16])


def seal(key, number, clear, message):
    nonce = nonce_of(number)
    sealed = chacha20(key, nonce, message)
    return sealed + tag(key, nonce, clear, sealed)
