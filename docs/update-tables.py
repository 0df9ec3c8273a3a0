#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts generated tables between the markers of a document.

usage: update-tables.py DOCUMENT TABLES       rewrites DOCUMENT
       update-tables.py --check DOCUMENT TABLES   exit status 1 if it would change
"""
import sys

BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"


def main(arguments):
    check = arguments[0] == "--check"
    document, tables = arguments[-2:]
    with open(document, encoding="utf-8") as file:
        old = file.read()
    with open(tables, encoding="utf-8") as file:
        generated = file.read()
    head, rest = old.split(BEGIN)
    tail = rest.split(END)[1]
    new = head + BEGIN + generated + "\n" + END + tail
    if check:
        return int(new != old)
    with open(document, "w", encoding="utf-8") as file:
        file.write(new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
