#!/usr/bin/env python3
"""Captures every frame of an interface to a file that tcpdump and Wireshark read, until SIGINT.

    spy.py INTERFACE FILE

Says `listening` on stderr when it begins and `N frames dropped by the kernel` when it ends. In place of tcpdump, which
insists on changing its groups and so does not run as the root of a plain user's namespace.
"""

import signal
import socket
import struct
import sys
import time

ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS, SO_RCVBUFFORCE = 3, 263, 6, 33
# A frame that receive offload has merged, with its headers.
FRAME = 1 << 17
BUFFER = 128 << 20
# libpcap's file format: magic, version 2.4, snapshot length, Ethernet.
FILE_HEADER = struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, FRAME, 1)


class Stopped(Exception):
    """SIGINT came."""


def stop(_signal, _frame):
    raise Stopped


def main():
    interface, path = sys.argv[1:]
    # A program in the background of a script starts with SIGINT ignored.
    signal.signal(signal.SIGINT, stop)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as sock, open(path, "wb") as out:
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.bind((interface, 0))
        out.write(FILE_HEADER)
        print("listening", file=sys.stderr, flush=True)
        try:
            while True:
                frame = sock.recv(FRAME)
                seconds, rest = divmod(time.time_ns(), 1_000_000_000)
                out.write(struct.pack("=IIII", seconds, rest // 1000, len(frame), len(frame)) + frame)
        except Stopped:
            pass
        _, dropped = struct.unpack("II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    print(f"{dropped} frames dropped by the kernel", file=sys.stderr)


main()
