# SPDX-License-Identifier: Apache-2.0
"""Inside the booted machine: runs scenario modules and writes TAP, with the journal of what failed.

    guest.py RESULTS MODULE,MODULE... [PART-OF-A-NAME...]
"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/scenarios"]

import machine  # noqa: E402
import tap  # noqa: E402

JOURNAL_LINES = 80


class Result(tap.TapResult):
    """With the journal of a test that failed, and the one count of tests over all modules."""

    def startTest(self, test):
        self.cursor = machine.journal_cursor()
        super().startTest(test)

    def explain(self, error):
        super().explain(error)
        for line in machine.journal_text(self.cursor).splitlines()[-JOURNAL_LINES:]:
            print(f"#   {line}", file=self.out, flush=True)


def run(out, names, words):
    count = 0
    for name in names:
        _, suite = tap.load(f"{HERE}/scenarios/{name}.py")
        tests = [test for test in tap.flatten(suite)
                 if not words or any(word in test.id() for word in words)]
        result = Result(out, f"system {name}")
        result.count = count
        unittest.TestSuite(tests).run(result)
        count = result.count


def main():
    path, names, words = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    with open(path, "a", encoding="utf-8") as out:
        machine.told = out
        machine.wait_for_boot()
        run(out, names, words)
    with open(f"{path}.over", "w", encoding="utf-8"):
        pass


if __name__ == "__main__":
    main()
