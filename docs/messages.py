#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the journal's messages for docs/operations.md: the ids are those of the headers, the words
those of the catalog, which journalctl -x shows too.

usage: messages.py CATALOG HEADER...
"""
import re
import sys


def entries(path):
    """{id: (subject, paragraphs)} of a file as catalog(5) describes it."""
    with open(path, encoding="utf-8") as file:
        text = "".join(line for line in file if not line.startswith("#"))
    found = {}
    for id_, entry in re.findall(r"(?ms)^-- ([0-9a-f]{32})\n(.*?)(?=^-- |\Z)", text):
        head, _, body = entry.partition("\n\n")
        if id_ in found:
            sys.exit(f"messages.py: {path} has {id_} twice")
        found[id_] = (re.search(r"(?m)^Subject: (.*)$", head)[1], body.strip())
    return found


def ids(path):
    """[(name, id)] that a header defines."""
    with open(path, encoding="utf-8") as file:
        return re.findall(r'(?m)^#define (\w+_ID_\w+)\s+"([0-9a-f]{32})"', file.read())


def main(catalog, *headers):
    words = entries(catalog)
    for header in headers:
        program = "pluton-tpmd" if "tpm" in header else "plutond"
        for name, id_ in ids(header):
            if id_ not in words:
                sys.exit(f"messages.py: {catalog} has no entry for {name}, {id_}, of {header}")
            subject, body = words.pop(id_)
            # what journalctl -x fills in, @FIELD@, is a field's name to a reader
            subject, body = (re.sub(r"@(\w+)@", r"`\1`", text) for text in (subject, body))
            # a list of exit statuses, as a list
            body = re.sub(r"(?m)^ ?(\d+): ", r"- \1: ", body)
            print(f"\n**{subject}** ({program})\n`{id_}`\n\n{body}")
    if words:
        sys.exit(f"messages.py: no header has {', '.join(words)} of {catalog}")


if __name__ == "__main__":
    main(*sys.argv[1:])
