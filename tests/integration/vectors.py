# SPDX-License-Identifier: Apache-2.0
"""Published vectors: where they lie, and the books that a module of their tests keeps of them. Each
vector is used, or refused because of a capability that the refusal's own sentence names, or apart,
because there is no way to ask for it at all."""

import collections
import os
import re
import unittest

from client import Refused

DEBIAN = "/usr/lib/python3/dist-packages/cryptography_vectors"
WYCHEPROOF = os.path.join(os.environ["PLUTON_SOURCE"], "../shared/vectors")

CAPABILITY_ERRORS = ("NOSUPPORT", "SIZE")


def need(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise unittest.SkipTest(f"no {path}")
    return path


def fields(path, end):
    """A dictionary of all that stood before each of the fields `end`, names in upper case."""
    known = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            for name, value in re.findall(r"(\w+) *= *(\w*)", line.partition("#")[0]):
                known[name.upper()] = value
                if name.upper() in end:
                    yield dict(known)


class Books:
    def __init__(self, name):
        self.name = name
        self.used, self.refused, self.apart = (collections.Counter() for _ in range(3))

    def use(self, what, count=1):
        self.used[what] += count

    def set_apart(self, why):
        self.apart[why] += 1

    def refuse(self, test, capability, perform, *arguments):
        """The daemon must refuse it in these words (a regular expression)."""
        try:
            perform(*arguments)
        except Refused as refused:
            test.assertIn(refused.error, CAPABILITY_ERRORS)
            test.assertRegex(refused.text, capability)
            self.refused[re.sub(r"\b\d+\b", "N", refused.text, count=1)] += 1
            return
        test.fail(f"not refused: {capability}")

    def __str__(self):
        def told(counter):
            each = ", ".join(f"{count} {what}" for what, count in sorted(counter.items()))
            return f"{counter.total()} ({each})" if counter else "0"

        return (f"{self.name}: used {told(self.used)}; refused by caps {told(self.refused)}; "
                f"cannot be asked {told(self.apart)}")

    def print(self):
        """One line, for who reads the log; the harness takes it for a comment."""
        print(f"# vectors of {self}", flush=True)
