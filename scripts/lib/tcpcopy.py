#!/usr/bin/env python3
"""Copies a file over TCP.

    tcpcopy.py receive ADDRESS PORT READY   creates the file READY, takes one connection, prints JSON: bytes, sha256
    tcpcopy.py send ADDRESS PORT FILE       sends the file, prints JSON: bytes, sha256, seconds until the receiver had all
"""

import hashlib
import json
import pathlib
import socket
import sys
import time

PATIENCE = 60


def receive(address, port, ready):
    with socket.create_server((address, int(port))) as server:
        server.settimeout(PATIENCE)
        pathlib.Path(ready).touch()
        connection, _ = server.accept()
    received = []
    with connection:
        connection.settimeout(PATIENCE)
        while data := connection.recv(1 << 20):
            received.append(data)
        # The sender's clock stops here; what follows is not the network's time.
        connection.sendall(b"!")
    digest = hashlib.sha256()
    for data in received:
        digest.update(data)
    return {"bytes": sum(map(len, received)), "sha256": digest.hexdigest()}


def send(address, port, path):
    content = pathlib.Path(path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    with socket.create_connection((address, int(port)), PATIENCE) as connection:
        start = time.monotonic()
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        if connection.recv(1) != b"!":
            sys.exit("the receiver closed too early")
        seconds = time.monotonic() - start
    return {"bytes": len(content), "sha256": digest, "seconds": round(seconds, 3)}


def main():
    verbs = {"receive": receive, "send": send}
    print(json.dumps(verbs[sys.argv[1]](*sys.argv[2:])))


main()
