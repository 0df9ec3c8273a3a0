#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the unittest module at a path and prints TAP: "ok N - suite: name".

The suite is the file's name without "test_". With further arguments, only the tests whose names
contain one of them are run. What a test prints goes to stderr, so that it cannot break the TAP.
"""

import faulthandler
import importlib.util
import os
import signal
import sys
import traceback
import unittest


PATIENCE_S = 300  # only a test that hangs runs so long


def hear_signals():
    """Who runs us in the background has some ignored, and whatever we start would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


class TapResult(unittest.TestResult):
    def __init__(self, out, suite):
        super().__init__()
        self.out = out
        self.suite = suite
        self.count = 0

    def startTest(self, test):
        super().startTest(test)
        faulthandler.dump_traceback_later(PATIENCE_S, exit=True)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()

    def line(self, verdict, test, note=""):
        self.count += 1
        name = getattr(test, "_testMethodName", None) or str(test)
        print(f"{verdict} {self.count} - {self.suite}: {name}{note}", file=self.out, flush=True)

    def explain(self, error):
        for line in "".join(traceback.format_exception(*error)).splitlines():
            print(f"# {line}", file=self.out, flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("ok", test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("not ok", test)
        self.explain(err)

    def addError(self, test, err):
        super().addError(test, err)
        self.line("not ok", test)
        self.explain(err)

    def addSubTest(self, test, subtest, err):
        # A subtest that passed is part of its test; one that failed gets a line of its own, and
        # unittest then reports no success for the whole.
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.line("not ok", test, f" [{subtest._subDescription()}]")
            self.explain(err)


def load(path):
    name = os.path.splitext(os.path.basename(path))[0]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return name, unittest.defaultTestLoader.loadTestsFromModule(module)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: tap.py MODULE.py [NAME]...")
    hear_signals()
    path, wanted = sys.argv[1], sys.argv[2:]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, suite = load(path)
    tests = [test for test in flatten(suite)
             if not wanted or any(word in test.id() for word in wanted)]
    result = TapResult(out, name[5:] if name.startswith("test_") else name)
    unittest.TestSuite(tests).run(result)
    print(f"1..{result.count}", file=out, flush=True)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
