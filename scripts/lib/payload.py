#!/usr/bin/env python3
"""Makes the file that the demo copies: random bytes with a readable line in every 64 KiB.

    payload.py FILE MEGABYTES CHUNKS    writes FILE, and to CHUNKS what to look for later, one hex string a line

The first line of CHUNKS is the readable one; the others are 32 random bytes each, from places all over the file.
"""

import os
import sys

BLOCK = 65_536
LINE = b"linkveil demo: this line belongs to the tenant alone, and nobody else may read it\n"
SAMPLES = 16
SAMPLE_LEN = 32


def main():
    path, megabytes, chunks = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    blocks = megabytes * 1_000_000 // BLOCK
    spacing = max(1, blocks // SAMPLES)
    samples = []
    with open(path, "wb") as file:
        for number in range(blocks):
            # Not at the block's start, where the copy's reads and writes have their borders.
            random = os.urandom(BLOCK - len(LINE))
            block = random[:1000] + LINE + random[1000:]
            file.write(block)
            if number % spacing == 0 and len(samples) < SAMPLES:
                samples.append(block[30_000 : 30_000 + SAMPLE_LEN])
    with open(chunks, "w") as file:
        file.writelines(f"{pattern.hex()}\n" for pattern in [LINE, *samples])


main()
