#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts generated tables between the markers of a document.

usage: update-tables.py DOCUMENT NAME TABLES [NAME TABLES]...          rewrites DOCUMENT
       update-tables.py --check DOCUMENT NAME TABLES [NAME TABLES]...  exit status 1 if it would change

What is in the file TABLES goes between the lines "<!-- NAME: begin -->" and "<!-- NAME: end -->".
"""
import sys


def put(text, name, generated):
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    return head + begin + generated + "\n" + end + tail


def main(arguments):
    check = arguments[0] == "--check"
    document, *tables = arguments[check:]
    with open(document, encoding="utf-8") as file:
        old = file.read()
    new = old
    for name, path in zip(tables[::2], tables[1::2]):
        with open(path, encoding="utf-8") as file:
            new = put(new, name, file.read())
    if check:
        return int(new != old)
    with open(document, "w", encoding="utf-8") as file:
        file.write(new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
