#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a page for every further name that the NAME sections of manual pages have, so that man finds
each function and unit by its own name. Such a page is one line that leads to the real one.

usage: man-aliases.py --list PAGE...             prints NAME.SECTION and the page, a line each
       man-aliases.py --install MANDIR PAGE...   writes MANDIR/manSECTION/NAME.SECTION
       man-aliases.py --uninstall MANDIR PAGE... removes them
"""
import os
import re
import sys


def names(path):
    """What stands before the dash in the NAME section."""
    with open(path, encoding="utf-8") as file:
        section = re.search(r"(?ms)^\.SH NAME\n(.*?)^\.SH ", file.read())[1]
    before = re.split(r"\s\\-\s", re.sub(r"(?m)^\.\w+ ?", "", section))[0]
    return [name.strip().replace("\\-", "-") for name in before.split(",")]


def aliases(pages):
    """{NAME.SECTION: PAGE} of all that have no page of their own."""
    found, taken = {}, {os.path.basename(path): path for path in pages}
    for path in pages:
        page = os.path.basename(path)
        section = page.rpartition(".")[2]
        for name in names(path):
            if name + "." + section == page:
                continue
            alias = f"{name}.{section}"
            if alias in taken:
                sys.exit(f"man-aliases.py: {path} and {taken[alias]} both have {alias}")
            found[alias] = page
            taken[alias] = path
    return found


def folder(mandir, alias):
    return os.path.join(mandir, "man" + alias.rpartition(".")[2])


def install(mandir, found):
    for alias, page in found.items():
        section = page.rpartition(".")[2]
        with open(os.path.join(folder(mandir, alias), alias), "w", encoding="utf-8") as file:
            file.write(f".so man{section}/{page}\n")
            os.fchmod(file.fileno(), 0o644)


def uninstall(mandir, found):
    for alias in found:
        try:
            os.unlink(os.path.join(folder(mandir, alias), alias))
        except FileNotFoundError:
            pass


def main(action, *arguments):
    if action == "--list":
        for alias, page in aliases(arguments).items():
            print(alias, page)
    elif action == "--install":
        install(arguments[0], aliases(arguments[1:]))
    elif action == "--uninstall":
        uninstall(arguments[0], aliases(arguments[1:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
