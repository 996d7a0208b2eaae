#!/usr/bin/env python3
"""Looks for byte patterns in a capture.

    search.py CAPTURE CHUNKS SOURCE DESTINATION GENEVE_VNI

Prints JSON: for each kind of pattern how many were looked for, how many of them occur, and how often in all.
CHUNKS is what payload.py wrote. No pattern is shorter than eight bytes: one of those occurs in a gigabyte of random
bytes once in twenty thousand million tries.
"""

import json
import mmap
import socket
import sys


def vxlan_header(vni):
    """RFC 7348 section 5."""
    return bytes([8, 0, 0, 0]) + vni.to_bytes(3, "big") + bytes(1)


def geneve_headers(vni):
    """RFC 8926 section 3.4, for IPv4 inside: with linkveil's option (two words, critical), and without options."""
    rest = bytes.fromhex("0800") + vni.to_bytes(3, "big") + bytes(1)
    return [bytes([2, 0x40]) + rest, bytes([0, 0]) + rest]


def occurrences(capture, pattern):
    count, place = 0, capture.find(pattern)
    while place >= 0:
        count += 1
        place = capture.find(pattern, place + len(pattern))
    return count


def look(capture, patterns):
    assert all(len(pattern) >= 8 for pattern in patterns)
    counts = [occurrences(capture, pattern) for pattern in patterns]
    return {"patterns": len(counts), "found": sum(count > 0 for count in counts), "occurrences": sum(counts)}


def main():
    path, chunks, source, destination, vni = sys.argv[1:]
    line, *samples = [bytes.fromhex(text) for text in open(chunks)]
    source, destination = socket.inet_aton(source), socket.inet_aton(destination)
    kinds = {
        "line": [line],
        "chunks": samples,
        "addresses": [source + destination, destination + source],
        "geneve": geneve_headers(int(vni)),
        "vxlan": [vxlan_header(int(vni))],
    }
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as capture:
        result = {kind: look(capture, patterns) for kind, patterns in kinds.items()}
        result["bytes"] = len(capture)
    print(json.dumps(result))


main()
