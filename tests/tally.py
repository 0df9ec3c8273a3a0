#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts named test functions over several runs of `make check`.

tally.py TREE...: reads the logs that automake's TAP driver left in these build trees and prints
"PASSED FAILED SKIPPED", then one line for each name that failed. A name is counted once: failed if
any run failed it, passed if any passed it, else skipped. A test program that died, or ran none of
what it announced, is a failure under its own name.
"""

import os
import re
import sys

LINE = re.compile(r"^(PASS|FAIL|SKIP|ERROR|XPASS|XFAIL): (\S+)(?: \d+)?(?: -)? ?(.*)$")
RANK = {"SKIP": 0, "PASS": 1, "FAIL": 2}
VERDICT = {"PASS": "PASS", "SKIP": "SKIP"}


def logs_of(tree):
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(f for f in folders if not f.startswith("pluton-"))  # make distcheck's
        for name in sorted(files):
            if name.endswith(".log") and name[:-4] + ".trs" in files:
                yield os.path.join(folder, name)


def results_of(path):
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            match = LINE.match(line.rstrip("\n"))
            if match:
                kind, program, rest = match.groups()
                name = re.sub(r" # (SKIP|TODO).*", "", rest).strip()
                yield VERDICT.get(kind, "FAIL"), name if ": " in name else f"{program}: {name}"


def main():
    worst = {}
    where = {}
    for tree in sys.argv[1:]:
        for path in logs_of(tree):
            for verdict, name in results_of(path):
                if RANK[verdict] > RANK.get(worst.get(name), -1):
                    worst[name], where[name] = verdict, path
    counts = [sum(v == kind for v in worst.values()) for kind in ("PASS", "FAIL", "SKIP")]
    print(*counts)
    for name in sorted(n for n, v in worst.items() if v == "FAIL"):
        print(f"{name} ({where[name]})")


if __name__ == "__main__":
    main()
