#!/usr/bin/env python3
"""Prints the EtherTypes of a capture in ascending order: ethertypes.py CAPTURE"""

import struct
import sys

with open(sys.argv[1], "rb") as capture:
    data = capture.read()
found, place = set(), 24
while place + 16 <= len(data):
    (length,) = struct.unpack_from("=I", data, place + 8)
    frame = data[place + 16 : place + 16 + length]
    found.add(int.from_bytes(frame[12:14], "big"))
    place += 16 + length
print(" ".join(f"{kind:#06x}" for kind in sorted(found)))
