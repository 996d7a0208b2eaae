#!/usr/bin/env python3
"""Generates linkveil's test vectors, independently of linkveil.

This is a second implementation of docs/protocol.md, written from that text alone: the handshake
(Noise IKpsk2, payloads, MACs, cookie, ML-KEM hybrid, key schedule) and the data datagrams. X25519
and the AEADs come from the Python package `cryptography`, hashes from the standard library. The
inputs are fixed, so that every run writes the same bytes. The handshake is in handshake_vectors.py,
MACsec ports are in port_vectors.py, MACsec frames in macsec_vectors.py.

    scripts/vectors.py            write the vector files
    scripts/vectors.py --check    compare them with what would be written; exit 1 if they differ

Needs Python 3.10 or later and Debian's python3-cryptography. ML-KEM-768 is written out in
ml_kem_768.py; where `cryptography` is new enough to have it, the two are compared.

All byte strings are hexadecimal. Section numbers are those of docs/protocol.md.
"""

import argparse
import ipaddress
import json
import pathlib
import struct
import sys

import macsec_vectors
import port_vectors
from handshake_vectors import (
    DIRECTIONS,
    INITIATOR,
    RESPONDER,
    SUITES,
    cookies,
    epoch_secret,
    fixed,
    handshakes,
    lane_keys,
    xor,
)

ROOT = pathlib.Path(__file__).resolve().parent.parent
HANDSHAKES = "crates/noise/vectors"
DATA = "crates/sa/vectors/data.json"
PORT = "crates/noise/vectors/port.json"
SAK = "crates/sa/vectors/sak.json"
MACSEC = "crates/macsec/vectors/forms.json"


# Sections 3 and 6: data datagrams.

GENEVE_PROTOCOL = {"ipv4": 0x0800, "ipv6": 0x86DD, "ethernet": 0x6558}


def encapsulate(vni, protocol, partial, inner, mtu):
    """Geneve header, linkveil option, inner packet, padding."""
    geneve = struct.pack(">BBHI", 2, 0x40, GENEVE_PROTOCOL[protocol], vni << 8)
    option = struct.pack(">HBBBBH", 0xFF6C, 0x81, 1, int(partial), 0, len(inner))
    plaintext = geneve + option + inner
    padded = -(-len(plaintext) // 16) * 16
    return plaintext.ljust(min(padded, mtu + 16), b"\0")


def control(kind, fields=b""):
    plaintext = bytes([0, 0x80, 0, 0, 0, 0, 0, 0, kind, 0, 0, 0]) + fields
    return plaintext.ljust(-(-len(plaintext) // 16) * 16, b"\0")


def seal_datagram(suite, key, iv, header, plaintext):
    lane, spi, number = header
    aad = struct.pack(">BBHIQ", 4, lane, 0, spi, number)
    nonce = xor(iv, bytes(4) + struct.pack(">Q", number))
    return aad + suite.seal(key, nonce, aad, plaintext)


def ipv4(payload_len):
    """A UDP packet of IPv4 from 10.1.0.1 to 10.2.0.1, with good checksums."""
    src, dst = (ipaddress.ip_address(a).packed for a in ("10.1.0.1", "10.2.0.1"))
    total = 28 + payload_len
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total, 1, 0x4000, 64, 17, 0, src, dst)
    header = header[:10] + checksum(header) + header[12:]
    return header + udp(src + dst + struct.pack(">HH", 17, 8 + payload_len), payload_len)


def ipv6(payload_len):
    """A UDP packet of IPv6 from fd01::1 to fd02::1, with a good checksum."""
    src, dst = (ipaddress.ip_address(a).packed for a in ("fd01::1", "fd02::1"))
    header = struct.pack(">IHBB16s16s", 6 << 28, 8 + payload_len, 17, 64, src, dst)
    return header + udp(src + dst + struct.pack(">II", 8 + payload_len, 17), payload_len)


def udp(pseudo_header, payload_len):
    payload = fixed("payload", payload_len)
    header = struct.pack(">HHHH", 4242, 5353, 8 + payload_len, 0)
    return header[:6] + checksum(pseudo_header + header + payload) + payload


def checksum(data):
    """RFC 1071."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)


INNER_MTU = 1424


def data_frame(vni, protocol, inner, partial=False):
    return {
        "kind": "data",
        "vni": vni,
        "protocol": protocol,
        "partial_checksum": partial,
        "inner": inner.hex(),
        "inner_mtu": INNER_MTU,
        "plaintext": encapsulate(vni, protocol, partial, inner, INNER_MTU).hex(),
    }


def control_frame(kind, fields=b""):
    return {"kind": "control", "plaintext": control(kind, fields).hex()}


def frames():
    """Name, lane, packet number and content of each datagram."""
    token, big = fixed("token", 8), 2**32
    ethernet = fixed("ethernet", 12) + b"\x08\x00" + ipv4(18)
    return (
        ("ipv4, padded", 0, 1, data_frame(5001, "ipv4", ipv4(5))),
        ("ipv4, a multiple of 16 already", 0, 2, data_frame(5001, "ipv4", ipv4(4))),
        ("ipv4, partial checksum", 1, 1, data_frame(5001, "ipv4", ipv4(100), partial=True)),
        ("ipv6, last lane, great number", 63, 2**63 + 9, data_frame(2**24 - 1, "ipv6", ipv6(33))),
        ("ipv4, as large as the mtu", 3, big, data_frame(0, "ipv4", ipv4(INNER_MTU - 28))),
        ("ipv4, just below the mtu", 3, big + 1, data_frame(0, "ipv4", ipv4(INNER_MTU - 31))),
        ("ethernet", 2, 77, data_frame(6001, "ethernet", ethernet)),
        ("confirm", 0, 3, control_frame(1)),
        ("confirm-ack", 0, 4, control_frame(2)),
        ("probe", 0, 5, control_frame(3, token)),
        ("path challenge", 0, 6, control_frame(5, fixed("challenge", 16))),
        ("mtu probe", 0, 7, control_frame(7, token + struct.pack(">H", 1500))),
        ("sa delete", 0, 8, control_frame(9, struct.pack(">I", RESPONDER.spi))),
        ("keepalive", 0, 9, control_frame(10)),
    )


def data():
    """The same frames under both suites, both directions and with and without ML-KEM."""
    vectors = []
    for suite in SUITES:
        for direction, hybrid in (("initiator_to_responder", 1), ("responder_to_initiator", 0)):
            vectors.append(data_epoch(suite, direction, hybrid))
    return {"epochs": vectors}


def data_epoch(suite, direction, hybrid):
    handshake_hash, k1, k2 = (fixed(f"data {name}") for name in ("hash", "k1", "k2"))
    shared = fixed("data shared") if hybrid else b""
    epoch = epoch_secret(handshake_hash, k1, k2, shared)
    spi = {"initiator_to_responder": RESPONDER.spi, "responder_to_initiator": INITIATOR.spi}
    datagrams = []
    for name, lane, number, content in frames():
        key, iv = lane_keys(epoch, suite, hybrid, DIRECTIONS[direction], lane)
        plaintext = bytes.fromhex(content["plaintext"])
        datagram = seal_datagram(suite, key, iv, (lane, spi[direction], number), plaintext)
        keys = {"key": key.hex(), "iv": iv.hex()}
        about = {"name": name, "lane": lane, "packet_number": number}
        datagrams.append(about | keys | content | {"datagram": datagram.hex()})
    return {
        "suite": suite.name,
        "direction": direction,
        "handshake_hash": handshake_hash.hex(),
        "k1": k1.hex(),
        "k2": k2.hex(),
        "shared_secret": shared.hex(),
        "epoch_secret": epoch.hex(),
        "spi": spi[direction],
        "datagrams": datagrams,
    }


# Files.


def files():
    """Path below the root, and content, of each vector file."""
    vectors = {f"{HANDSHAKES}/handshake-{suite.name}.json": handshakes(suite) for suite in SUITES}
    vectors[f"{HANDSHAKES}/cookie.json"] = cookies()
    vectors[DATA] = data()
    vectors[PORT] = port_vectors.handshakes()
    vectors[SAK] = port_vectors.saks()
    vectors[MACSEC] = macsec_vectors.forms(fixed)
    for path, content in vectors.items():
        text = "IEEE Std 802.1AE-2018" if path == MACSEC else "docs/protocol.md"
        source = {"generated_by": f"scripts/vectors.py, from {text}"}
        yield ROOT / path, json.dumps(source | content, indent=1) + "\n"


def write():
    for path, content in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        print(f"wrote {path.relative_to(ROOT)}")


def check():
    stale = [p for p, content in files() if not p.exists() or p.read_text() != content]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what scripts/vectors.py writes", file=sys.stderr)
    return 1 if stale else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if parser.parse_args().check:
        return check()
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
