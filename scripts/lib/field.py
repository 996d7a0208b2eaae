#!/usr/bin/env python3
"""Prints one value out of JSON on stdin: field.py KEY [KEY ...], where a number is an index."""

import json
import sys

value = json.load(sys.stdin)
for key in sys.argv[1:]:
    value = value[int(key)] if isinstance(value, list) else value[key]
print("" if value is None else value)
