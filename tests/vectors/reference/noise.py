"""The two handshakes, by revision 34 of the Noise protocol framework: section 10 of docs/fql-0.4.md."""

from hmac import digest

from keys import sha256, x25519
from sealing import open_sealed, seal

BASE = (9).to_bytes(32, "little")
PUBLISHING = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256", b"FQL 0.4 session"
VIEWING = b"Noise_NK_25519_ChaChaPoly_SHA256", b"FQL 0.4 viewing"


class Side:
    """One side of a handshake. `psk` is the shared key of publishing; of viewing `server` is the server's private key,
    or its public one on the viewer's side."""

    def __init__(self, ephemeral, psk=None, server=None, begins=True):
        name, prologue = PUBLISHING if psk else VIEWING
        self.hash = name.ljust(32, b"\0") if len(name) <= 32 else sha256(name)
        self.chaining = self.hash
        self.key, self.number = None, 0
        self.ephemeral, self.psk, self.server = ephemeral, psk, server
        self.mix_hash(prologue)
        if server:
            self.mix_hash(server if begins else x25519(server, BASE))

    def mix_hash(self, data):
        self.hash = sha256(self.hash + data)

    def derive(self, material, count):
        secret, out = digest(self.chaining, material, "sha256"), [b""]
        for index in range(count):
            out.append(digest(secret, out[-1] + bytes([index + 1]), "sha256"))
        return out[1:]

    def mix_key(self, material):
        self.chaining, self.key = self.derive(material, 2)
        self.number = 0

    def mix_psk(self):
        self.chaining, hashed, self.key = self.derive(self.psk, 3)
        self.number = 0
        self.mix_hash(hashed)

    def mix_ephemeral(self, public):
        self.mix_hash(public)
        if self.psk:
            self.mix_key(public)

    def sealed(self, payload):
        out = seal(self.key, self.number, self.hash, payload)
        self.number += 1
        self.mix_hash(out)
        return out

    def opened(self, sealed):
        payload = open_sealed(self.key, self.number, self.hash, sealed)
        self.number += 1
        self.mix_hash(sealed)
        return payload

    def write_first(self, payload):
        if self.psk:
            self.mix_psk()
        public = x25519(self.ephemeral, BASE)
        self.mix_ephemeral(public)
        if self.server:
            self.mix_key(x25519(self.ephemeral, self.server))
        return public + self.sealed(payload)

    def read_first(self, message):
        if self.psk:
            self.mix_psk()
        self.other = message[:32]
        self.mix_ephemeral(self.other)
        if self.server:
            self.mix_key(x25519(self.server, self.other))
        return self.opened(message[32:])

    def write_second(self, payload):
        public = x25519(self.ephemeral, BASE)
        self.mix_ephemeral(public)
        self.mix_key(x25519(self.ephemeral, self.other))
        return public + self.sealed(payload)

    def read_second(self, message):
        self.mix_ephemeral(message[:32])
        self.mix_key(x25519(self.ephemeral, message[:32]))
        return self.opened(message[32:])

    def keys(self):
        """What the side that began seals with, and what the other one does."""
        return self.derive(b"", 2)
