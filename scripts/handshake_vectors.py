"""Handshakes, for vectors.py: Noise IKpsk2, payloads, MACs, cookie, ML-KEM hybrid and key schedule, from docs/protocol.md alone.

X25519 and the AEADs come from the Python package `cryptography`, hashes from the standard library.
"""

import base64
import hashlib
import hmac
import ipaddress
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import ml_kem_768


# Primitives.


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def hmac_sha256(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def hkdf_expand(prk, info, length):
    """RFC 5869 s2.3."""
    blocks, block = b"", b""
    for counter in range(1, length // 32 + 2):
        block = hmac_sha256(prk, block, info, bytes([counter]))
        blocks += block
    return blocks[:length]


def len16(part):
    return struct.pack(">H", len(part)) + part


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def x25519(secret, public):
    key = X25519PrivateKey.from_private_bytes(secret)
    return key.exchange(X25519PublicKey.from_public_bytes(public))


def x25519_public(secret):
    public = X25519PrivateKey.from_private_bytes(secret).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


@dataclass(frozen=True)
class Suite:
    name: str
    noise_name: str
    id: int
    aead: type
    counter: str  # how Noise writes its counter into a nonce

    def seal(self, key, nonce, aad, plaintext):
        return self.aead(key).encrypt(nonce, plaintext, aad)

    def noise_nonce(self, counter):
        return bytes(4) + struct.pack(self.counter, counter)


SUITES = (
    Suite("aes-256-gcm", "AESGCM", 1, AESGCM, ">Q"),
    Suite("chacha20-poly1305", "ChaChaPoly", 2, ChaCha20Poly1305, "<Q"),
)


def fixed(label, length=32):
    """Arbitrary bytes that nobody chose: the hash of a label."""
    seed = b"linkveil vectors " + label.encode()
    blocks = (sha256(seed, bytes([i])) for i in range(-(-length // 32)))
    return b"".join(blocks)[:length]


# Noise (revision 34), as far as IKpsk2 needs it.


class SymmetricState:
    """Section 5.2 of the Noise specification."""

    def __init__(self, suite, prologue):
        self.suite = suite
        name = f"Noise_IKpsk2_25519_{suite.noise_name}_SHA256".encode()
        self.h = name.ljust(32, b"\0") if len(name) <= 32 else sha256(name)
        self.ck, self.key, self.counter = self.h, None, 0
        self.mix_hash(prologue)

    def hkdf(self, ikm, outputs):
        okm = hkdf_expand(hmac_sha256(self.ck, ikm), b"", 32 * outputs)
        return [okm[32 * i : 32 * (i + 1)] for i in range(outputs)]

    def mix_hash(self, data):
        self.h = sha256(self.h, data)

    def mix_key(self, ikm):
        self.ck, self.key = self.hkdf(ikm, 2)
        self.counter = 0

    def mix_key_and_hash(self, ikm):
        self.ck, temporary, self.key = self.hkdf(ikm, 3)
        self.mix_hash(temporary)
        self.counter = 0

    def encrypt_and_hash(self, plaintext):
        nonce = self.suite.noise_nonce(self.counter)
        sealed = self.suite.seal(self.key, nonce, self.h, plaintext)
        self.counter += 1
        self.mix_hash(sealed)
        return sealed

    def mix_ephemeral(self, public):
        """Token e where a psk is in play (section 9.2 there)."""
        self.mix_hash(public)
        self.mix_key(public)


def noise_message_1(state, initiator, responder, payload):
    e, s = initiator.ephemeral_public, initiator.static_public
    state.mix_hash(responder.static_public)
    state.mix_ephemeral(e)
    state.mix_key(x25519(initiator.ephemeral_secret, responder.static_public))  # es
    sealed_s = state.encrypt_and_hash(s)
    state.mix_key(x25519(initiator.static_secret, responder.static_public))  # ss
    return e + sealed_s + state.encrypt_and_hash(payload)


def noise_message_2(state, initiator, responder, psk, payload):
    e = responder.ephemeral_public
    state.mix_ephemeral(e)
    state.mix_key(x25519(responder.ephemeral_secret, initiator.ephemeral_public))  # ee
    state.mix_key(x25519(responder.ephemeral_secret, initiator.static_public))  # se
    state.mix_key_and_hash(psk)
    return e + state.encrypt_and_hash(payload)


# Section 7: handshake messages.

PROLOGUE = b"linkveil1 vpc"
POST_QUANTUM, ACCEPTS_PARTIAL_CHECKSUM = 1, 2
OK, STALE, POST_QUANTUM_REQUIRED = 0, 1, 2


@dataclass
class Node:
    label: str
    spi: int
    lanes: int
    mtu: int
    flags: int
    static_secret: bytes = field(init=False)
    ephemeral_secret: bytes = field(init=False)

    def __post_init__(self):
        self.static_secret = fixed(f"{self.label} static")
        self.ephemeral_secret = fixed(f"{self.label} ephemeral")
        self.static_public = x25519_public(self.static_secret)
        self.ephemeral_public = x25519_public(self.ephemeral_secret)

    def describe(self):
        return {
            "static_secret": self.static_secret.hex(),
            "static_public": self.static_public.hex(),
            "static_public_base64": base64.b64encode(self.static_public).decode(),
            "ephemeral_secret": self.ephemeral_secret.hex(),
            "spi": self.spi,
            "lanes": self.lanes,
            "mtu": self.mtu,
            "flags": self.flags,
        }


INITIATOR = Node("initiator", 0x1A2B3C4D, 4, 1424, ACCEPTS_PARTIAL_CHECKSUM)
RESPONDER = Node("responder", 0xFEDCBA98, 64, 1404, 0)
KEM_SEED = fixed("kem seed", 64)
KEM_MESSAGE = fixed("kem message")
UNIX_SECONDS, NANOSECONDS = 1_750_000_000, 123_456_789
REFUSAL_SPI = 0x0BADCAFE
COOKIE_NONCE = fixed("cookie nonce", 24)
COOKIE_SECRET = fixed("cookie secret")


def tai64n(seconds, nanoseconds):
    return struct.pack(">QI", 2**62 + 10 + seconds, nanoseconds)


def payload_1(node, encapsulation_key):
    flags = node.flags | (POST_QUANTUM if encapsulation_key else 0)
    timestamp = tai64n(UNIX_SECONDS, NANOSECONDS)
    about = struct.pack(">IBBBBH", node.spi, node.lanes, 1, flags, 0, node.mtu)
    return timestamp + about + encapsulation_key


def payload_2(node, status=OK, last=bytes(12), ciphertext=b""):
    flags = node.flags | (POST_QUANTUM if ciphertext else 0)
    about = struct.pack(">BBBBIHH", status, flags, node.lanes, 1, node.spi, node.mtu, 0)
    return about + last + ciphertext


def with_macs(message, receiver, cookie=None):
    """Section 7.3."""
    key = sha256(b"linkveil1 mac1", receiver.static_public)
    message += hmac_sha256(key, message)[:16]
    return message + (hmac_sha256(cookie, message)[:16] if cookie else bytes(16))


def combine_psk(a, b):
    """Section 7.6."""
    if a is None and b is None:
        return bytes(32)
    flags = (a is not None) | (b is not None) << 1
    return hmac_sha256(b"linkveil1 psk", bytes([flags]), len16(a or b""), len16(b or b""))


def epoch_secret(handshake_hash, k1, k2, shared):
    """Section 8."""
    return hmac_sha256(handshake_hash, len16(k1), len16(k2), len16(shared))


def lane_keys(epoch, suite, hybrid, direction, lane):
    info = b"linkveil1 vpc data " + struct.pack(">BBBH", suite.id, hybrid, direction, lane)
    material = hkdf_expand(epoch, info, 44)
    return material[:32], material[32:]


DIRECTIONS = {"initiator_to_responder": 1, "responder_to_initiator": 2}


def describe_keys(epoch, suite, hybrid):
    """Every lane of the initiator, and the first, a middle and the last one of the responder."""
    lanes = {"initiator_to_responder": range(INITIATOR.lanes), "responder_to_initiator": (0, 7, 63)}
    keys = []
    for name, direction in DIRECTIONS.items():
        for lane in lanes[name]:
            key, iv = lane_keys(epoch, suite, hybrid, direction, lane)
            keys.append({"direction": name, "lane": lane, "key": key.hex(), "iv": iv.hex()})
    return keys


@dataclass(frozen=True)
class Scenario:
    """One handshake: what the nodes want, and what the responder makes of it."""

    name: str
    suite: Suite
    initiator_policy: str
    responder_policy: str
    psk_a: bytes | None = None
    psk_b: bytes | None = None
    cookie: bytes | None = None
    refusal: int = OK

    @property
    def offers_kem(self):
        return self.initiator_policy != "off"

    @property
    def hybrid(self):
        return self.offers_kem and self.responder_policy != "off" and self.refusal == OK


def respond(scenario, encapsulation_key):
    """Payload 2, and the KEM's shared secret if there is one."""
    if scenario.refusal != OK:
        stale = scenario.refusal == STALE
        last = tai64n(UNIX_SECONDS + 60, 999_999_999) if stale else bytes(12)
        nothing = Node("refusal", REFUSAL_SPI, 1, 576, 0)
        return payload_2(nothing, scenario.refusal, last), REFUSAL_SPI, b""
    if not scenario.hybrid:
        return payload_2(RESPONDER), RESPONDER.spi, b""
    ciphertext, shared = ml_kem_768.encapsulate(encapsulation_key, KEM_MESSAGE)
    ml_kem_768.compare(KEM_SEED, encapsulation_key, ciphertext, shared)
    return payload_2(RESPONDER, ciphertext=ciphertext), RESPONDER.spi, shared


def describe_part(part):
    return None if part is None else base64.b64encode(part).decode()


def run(scenario):
    """Both messages of a handshake and everything that comes of it."""
    encapsulation_key = ml_kem_768.encapsulation_key(KEM_SEED) if scenario.offers_kem else b""
    psk = combine_psk(scenario.psk_a, scenario.psk_b)
    state = SymmetricState(scenario.suite, PROLOGUE)

    first = payload_1(INITIATOR, encapsulation_key)
    noise = noise_message_1(state, INITIATOR, RESPONDER, first)
    initiation = struct.pack(">II", 1 << 24, INITIATOR.spi) + noise
    initiation = with_macs(initiation, RESPONDER, scenario.cookie)

    second, spi, shared = respond(scenario, encapsulation_key)
    noise = noise_message_2(state, INITIATOR, RESPONDER, psk, second)
    response = struct.pack(">III", 2 << 24, spi, INITIATOR.spi) + noise
    response = with_macs(response, INITIATOR)

    vector = {
        "name": scenario.name,
        "suite": scenario.suite.name,
        "initiator_policy": scenario.initiator_policy,
        "responder_policy": scenario.responder_policy,
        "psk_a": describe_part(scenario.psk_a),
        "psk_b": describe_part(scenario.psk_b),
        "psk": psk.hex(),
        "cookie": scenario.cookie.hex() if scenario.cookie else None,
        "status": scenario.refusal,
        "payload_1": first.hex(),
        "initiation": initiation.hex(),
        "payload_2": second.hex(),
        "response": response.hex(),
    }
    if scenario.refusal == OK:
        vector["epoch"] = describe_epoch(scenario, state, shared)
    return vector


def describe_epoch(scenario, state, shared):
    k1, k2 = state.hkdf(b"", 2)
    epoch = epoch_secret(state.h, k1, k2, shared)
    return {
        "hybrid": scenario.hybrid,
        "handshake_hash": state.h.hex(),
        "k1": k1.hex(),
        "k2": k2.hex(),
        "shared_secret": shared.hex(),
        "epoch_secret": epoch.hex(),
        "fingerprint": hkdf_expand(epoch, b"linkveil1 fingerprint", 8).hex(),
        "lane_keys": describe_keys(epoch, scenario.suite, scenario.hybrid),
    }


def scenarios(suite):
    a, b = fixed("psk part a"), fixed("psk part b")
    cookie = fixed("cookie", 16)
    on, off, either = "required", "off", "preferred"
    return (
        Scenario("hybrid, no psk", suite, on, on),
        Scenario("hybrid, psk part a", suite, on, on, psk_a=a),
        Scenario("hybrid, psk part b", suite, on, either, psk_b=b),
        Scenario("hybrid, both psk parts", suite, either, on, psk_a=a, psk_b=b),
        Scenario("hybrid, psk parts swapped", suite, either, either, psk_a=b, psk_b=a),
        Scenario("classical, no psk", suite, off, off),
        Scenario("classical, psk part a", suite, off, either, psk_a=a),
        Scenario("classical, psk part b", suite, off, off, psk_b=b),
        Scenario("classical, both psk parts", suite, off, off, psk_a=a, psk_b=b),
        Scenario("offered hybrid, answered classical", suite, either, off, psk_a=a),
        Scenario("hybrid, with a cookie", suite, on, on, psk_a=a, cookie=cookie),
        Scenario("refused as stale", suite, on, on, psk_a=a, refusal=STALE),
        Scenario("refused for want of ml-kem", suite, off, on, refusal=POST_QUANTUM_REQUIRED),
    )


def handshakes(suite):
    return {
        "initiator": INITIATOR.describe(),
        "responder": RESPONDER.describe(),
        "timestamp": {"unix_seconds": UNIX_SECONDS, "nanoseconds": NANOSECONDS},
        "kem_seed": KEM_SEED.hex(),
        "kem_message": KEM_MESSAGE.hex(),
        "refusal_spi": REFUSAL_SPI,
        "handshakes": [run(scenario) for scenario in scenarios(suite)],
    }


def cookie_of(address, port):
    """The cookie itself is the responder's business; this is how ours makes it."""
    ip = ipaddress.ip_address(address)
    octets = ip.packed if ip.version == 6 else ipaddress.IPv6Address(f"::ffff:{address}").packed
    return hmac_sha256(COOKIE_SECRET, octets, struct.pack(">H", port))[:16]


def cookies():
    """Section 7.8: cookie replies, whose AEAD is AES-256-GCM whatever the suite."""
    initiation = bytes.fromhex(run(scenarios(SUITES[0])[0])["initiation"])
    mac1 = initiation[-32:-16]
    prk = hmac_sha256(COOKIE_NONCE, RESPONDER.static_public)
    key = hkdf_expand(prk, b"linkveil1 cookie", 32)
    vectors = []
    for address, port in (("192.0.2.1", 51840), ("192.0.2.1", 51841), ("2001:db8::1", 51840)):
        cookie = cookie_of(address, port)
        sealed = AESGCM(key).encrypt(bytes(12), cookie, mac1)
        reply = struct.pack(">II", 3 << 24, INITIATOR.spi) + COOKIE_NONCE + sealed
        source = {"address": address, "port": port}
        vectors.append({"source": source, "cookie": cookie.hex(), "reply": reply.hex()})
    return {
        "secret": COOKIE_SECRET.hex(),
        "nonce": COOKIE_NONCE.hex(),
        "responder_static_secret": RESPONDER.static_secret.hex(),
        "responder_static_public": RESPONDER.static_public.hex(),
        "initiation": initiation.hex(),
        "replies": vectors,
    }
