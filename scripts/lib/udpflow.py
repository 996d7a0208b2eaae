#!/usr/bin/env python3
"""A UDP flow at a steady pace, numbered, so that a lost packet is seen.

    udpflow.py receive ADDRESS PORT READY                 creates the file READY, then counts until the sender is done
    udpflow.py send SOURCE ADDRESS PORT PER_SECOND SECONDS

The receiver prints JSON: sent, received, lost, duplicates.
"""

import json
import pathlib
import socket
import struct
import sys
import time

# Long enough to look like a packet of somebody's work.
PAYLOAD = 500
HEADER = struct.Struct("!QQ")
DATA, END = 0, 1
PATIENCE = 60


def receive(address, port, ready):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((address, int(port)))
    sock.settimeout(PATIENCE)
    pathlib.Path(ready).touch()
    seen, duplicates = set(), 0
    while True:
        kind, number = HEADER.unpack_from(sock.recv(2048))
        if kind == END:
            break
        duplicates += number in seen
        seen.add(number)
    result = {"sent": number, "received": len(seen), "lost": number - len(seen), "duplicates": duplicates}
    print(json.dumps(result))


def send(source, address, port, per_second, seconds):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((source, 0))
    sock.connect((address, int(port)))
    total = int(per_second) * int(seconds)
    start = time.monotonic()
    for number in range(total):
        delay = start + number / int(per_second) - time.monotonic()
        if delay > 0:
            time.sleep(delay)
        sock.send(HEADER.pack(DATA, number).ljust(PAYLOAD, b"."))
    # Let the last ones arrive; then say so, several times in case one is lost.
    time.sleep(0.5)
    for _ in range(5):
        try:
            sock.send(HEADER.pack(END, total))
        except ConnectionRefusedError:
            # The receiver heard an earlier one and is gone.
            break
        time.sleep(0.05)


def main():
    verbs = {"receive": receive, "send": send}
    verbs[sys.argv[1]](*sys.argv[2:])


main()
