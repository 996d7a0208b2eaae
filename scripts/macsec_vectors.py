"""MACsec frames for vectors.py, made independently of linkveil from IEEE Std 802.1AE-2018.

Every suite with every way to name a channel, with and without encryption, with user data of less
than 48 octets, of just 48 and of more. AES-GCM comes from the Python package `cryptography`.
"""

import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SUITES = ("gcm-aes-128", "gcm-aes-256", "gcm-aes-xpn-128", "gcm-aes-xpn-256")
# 9.5: the bits of the TCI that say how the channel is named, and the port that they imply.
FORMS = {"explicit": (0x20, 9), "end_station": (0x40, 1), "single_copy_broadcast": (0x10, 0), "point_to_point": (0, 7)}
PROTECT = {"confidentiality": 0x0C, "integrity": 0}
USER_DATA_LENGTHS = (2, 21, 47, 48, 49, 108)
PACKET_NUMBERS = {
    False: (1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF),
    True: (1, 0xFFFFFFFF, 2**32, 2**32 + 0x80000000, 2**63 + 7, 2**64 - 1),
}
MIN_FRAME = 60  # octets of an Ethernet frame without its check sequence


def nonce(xpn, sci, ssci, salt, number):
    """14.5 and 14.7."""
    if not xpn:
        return sci + struct.pack(">I", number)
    return bytes(a ^ b for a, b in zip(salt, struct.pack(">IQ", ssci, number), strict=True))


def user_data(fixed, length):
    """An EtherType and what follows; those that are long enough begin with a VLAN tag."""
    tag = bytes.fromhex("8100e0050800") if length > 100 else bytes.fromhex("0800")
    return tag + fixed(f"macsec user data {length}", length)[len(tag) :]


def protect(vector, addresses, data):
    """10.5: the secured frame."""
    bits, _ = FORMS[vector["sci_form"]]
    tci = bits | PROTECT[vector["protect"]] | vector["an"]
    xpn = "xpn" in vector["suite"]
    short_length = len(data) if len(data) < 48 else 0
    tag = struct.pack(">HBBI", 0x88E5, tci, short_length, vector["pn"] % 2**32)
    sci, salt = bytes.fromhex(vector["sci"]), bytes.fromhex(vector.get("salt", ""))
    if vector["sci_form"] == "explicit":
        tag += sci
    clear, text = addresses + tag, data
    if vector["protect"] == "integrity":
        clear, text = clear + data, b""
    iv = nonce(xpn, sci, int(vector.get("ssci", "0"), 16), salt, vector["pn"])
    return clear + AESGCM(bytes.fromhex(vector["key"])).encrypt(iv, text, clear)


def form(fixed, serial, suite, sci_form, protection, length):
    xpn = "xpn" in suite
    numbers = PACKET_NUMBERS[xpn]
    source = fixed("macsec source", 6)
    source = bytes([source[0] & 0xFC | 2]) + source[1:]  # a local address of a single station
    addresses = bytes.fromhex("ffffffffffff") + source
    name = f"{suite}, {protection}, {sci_form}, {length}"
    vector = {
        "name": name,
        "suite": suite,
        "protect": protection,
        "sci_form": sci_form,
        "sci": (source + struct.pack(">H", FORMS[sci_form][1])).hex(),
        "an": serial % 4,
        "pn": numbers[serial % len(numbers)],
        "key": fixed(f"macsec key {name}", int(suite.rsplit("-", 1)[1]) // 8).hex(),
    }
    if xpn:
        vector["salt"] = fixed(f"macsec salt {name}", 12).hex()
        vector["ssci"] = fixed(f"macsec ssci {name}", 4).hex()
    data = user_data(fixed, length)
    secured = protect(vector, addresses, data)
    vector["plain_frame"] = (addresses + data).hex()
    vector["secured_frame"] = secured.hex()
    # What the medium makes of a frame that is too short for it.
    vector["received_frame"] = secured.ljust(MIN_FRAME, b"\0").hex()
    return vector


def forms(fixed):
    every = (
        (suite, sci_form, protection, length)
        for suite in SUITES
        for sci_form in FORMS
        for protection in PROTECT
        for length in USER_DATA_LENGTHS
    )
    return {"forms": [form(fixed, serial, *what) for serial, what in enumerate(every)]}
