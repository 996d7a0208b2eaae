"""ML-KEM-768 (FIPS 203) with given randomness, as far as a handshake's two messages need it.

For test vectors only: nothing here runs in constant time. Numbers of algorithms and sections are
those of FIPS 203. Where `cryptography` has ML-KEM, `compare` holds the two
against each other.
"""

import hashlib

try:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
except ImportError:
    MLKEM768PrivateKey = None

Q = 3329
BIT_REVERSED = [int(f"{i:07b}"[::-1], 2) for i in range(128)]
ZETAS = [pow(17, exponent, Q) for exponent in BIT_REVERSED]


def ntt(f):
    """Algorithm 9."""
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                t = ZETAS[i] * f[j + length]
                f[j], f[j + length] = (f[j] + t) % Q, (f[j] - t) % Q
            i += 1
        length //= 2
    return f


def inverse_ntt(f):
    """Algorithm 10."""
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                low, high = f[j], f[j + length]
                f[j], f[j + length] = (low + high) % Q, ZETAS[i] * (high - low) % Q
            i -= 1
        length *= 2
    return [x * 3303 % Q for x in f]


def multiply_ntts(f, g):
    """Algorithms 11 and 12."""
    product = []
    for i in range(128):
        gamma = pow(17, 2 * BIT_REVERSED[i] + 1, Q)
        (a0, a1), (b0, b1) = f[2 * i : 2 * i + 2], g[2 * i : 2 * i + 2]
        product += [(a0 * b0 + a1 * b1 * gamma) % Q, (a0 * b1 + a1 * b0) % Q]
    return product


def add(*polynomials):
    return [sum(coefficients) % Q for coefficients in zip(*polynomials, strict=True)]


def dot(f, g):
    return add(*(multiply_ntts(a, b) for a, b in zip(f, g, strict=True)))


def sample_ntt(seed):
    """Algorithm 7. 2,048 bytes are more than twice what it takes."""
    stream = hashlib.shake_128(seed).digest(2049)
    candidates = []
    for a, b, c in zip(stream[::3], stream[1::3], stream[2::3], strict=True):
        candidates += [a + 256 * (b % 16), b // 16 + 16 * c]
    accepted = [x for x in candidates if x < Q]
    return accepted[:256]


def sample_cbd2(key, counter):
    """Algorithm 8 with eta = 2 over the PRF of section 4.1."""
    stream = hashlib.shake_256(key + bytes([counter])).digest(128)
    bits = [byte >> i & 1 for byte in stream for i in range(8)]
    quads = zip(bits[::4], bits[1::4], bits[2::4], bits[3::4], strict=True)
    return [(a + b - c - d) % Q for a, b, c, d in quads]


def byte_decode12(data):
    value = int.from_bytes(data, "little")
    return [value >> 12 * i & 0xFFF for i in range(256)]


def byte_encode(f, d):
    """Algorithm 5."""
    return sum(x << d * i for i, x in enumerate(f)).to_bytes(32 * d, "little")


def compress(f, d):
    """Section 4.2.1."""
    return [((x << d + 1) + Q) // (2 * Q) % 2**d for x in f]


def matrix_entry(rho, row, column):
    return sample_ntt(rho + bytes([column, row]))


def encapsulation_key(seed):
    """Algorithms 16 and 13 without the secret half."""
    g = hashlib.sha3_512(seed[:32] + bytes([3])).digest()
    rho, sigma = g[:32], g[32:]
    s = [ntt(sample_cbd2(sigma, i)) for i in range(3)]
    e = [ntt(sample_cbd2(sigma, 3 + i)) for i in range(3)]
    rows = [[matrix_entry(rho, i, j) for j in range(3)] for i in range(3)]
    t = [add(dot(rows[i], s), e[i]) for i in range(3)]
    return b"".join(byte_encode(f, 12) for f in t) + rho


def encapsulate(ek, message):
    """Algorithms 17 and 14. Returns ciphertext and shared secret."""
    g = hashlib.sha3_512(message + hashlib.sha3_256(ek).digest()).digest()
    shared, r = g[:32], g[32:]
    t = [byte_decode12(ek[384 * i : 384 * (i + 1)]) for i in range(3)]
    rho = ek[1152:]
    y = [ntt(sample_cbd2(r, i)) for i in range(3)]
    e1 = [sample_cbd2(r, 3 + i) for i in range(3)]
    e2 = sample_cbd2(r, 6)
    columns = [[matrix_entry(rho, j, i) for j in range(3)] for i in range(3)]
    u = [add(inverse_ntt(dot(columns[i], y)), e1[i]) for i in range(3)]
    mu = [(message[i // 8] >> i % 8 & 1) * ((Q + 1) // 2) for i in range(256)]
    v = add(inverse_ntt(dot(t, y)), e2, mu)
    parts = [byte_encode(compress(f, 10), 10) for f in u] + [byte_encode(compress(v, 4), 4)]
    return b"".join(parts), shared


def compare(seed, ek, ciphertext, shared):
    """Stops the script if the other implementation, where there is one, disagrees."""
    if MLKEM768PrivateKey is not None:
        key = MLKEM768PrivateKey.from_seed_bytes(seed)
        assert key.public_key().public_bytes_raw() == ek
        assert key.decapsulate(ciphertext) == shared
