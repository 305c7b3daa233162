"""Keys: "Keys" in section 10 of docs/fql-0.4.md, and the X25519 of RFC 7748. (Argon2id takes a library.)"""

import base64
import hashlib
import hmac

PRIME = 2**255 - 19


def hkdf(salt, secret, info, length):
    """HKDF-SHA256 (RFC 5869) for up to 32 bytes."""
    key = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(key, info + b"\1", "sha256")[:length]


def one_way(key, salt):
    return hkdf(salt, key, b"FQL 0.4 one way", 32)


def stream_key(text):
    """A stream key's key and its id."""
    base64.b32decode(text.removeprefix("sk_").upper())
    secret = text.encode()
    return hkdf(b"", secret, b"FQL 0.4 stream key", 32), hkdf(b"", secret, b"FQL 0.4 stream key id", 8)


def server_key(private):
    """A server key's public half, and how it is written."""
    public = x25519(private, (9).to_bytes(32, "little"))
    return public, base64.urlsafe_b64encode(public).decode().rstrip("=")


def x25519(private, point):
    """Scalar multiplication on Curve25519 by Montgomery's ladder."""
    scalar = int.from_bytes(private, "little")
    scalar = (scalar & ~7 & (1 << 255) - 1) | 1 << 254
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for bit in reversed(range(255)):
        now = scalar >> bit & 1
        if swap ^ now:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = now
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % PRIME, c * b % PRIME, a * a % PRIME, b * b % PRIME
        x3, z3 = (da + cb) ** 2 % PRIME, x1 * (da - cb) ** 2 % PRIME
        e = aa - bb
        x2, z2 = aa * bb % PRIME, e * (aa + 121665 * e) % PRIME
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, PRIME - 2, PRIME) % PRIME).to_bytes(32, "little")


def sha256(data):
    return hashlib.sha256(data).digest()
