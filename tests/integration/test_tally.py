# SPDX-License-Identifier: Apache-2.0
"""What ./check counts: tests/tally.py on logs as automake's TAP driver writes them, and tests/tap.py."""

import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ["PLUTON_SOURCE"]


class Tally(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def log(self, tree, name, *lines):
        path = os.path.join(self.folder.name, tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.log", "w", encoding="utf-8") as log:
            log.write("\n".join(lines) + "\n")
        with open(f"{path}.trs", "w", encoding="utf-8"):
            pass

    def tally(self, *trees):
        return subprocess.run([sys.executable, f"{SOURCE}/tests/tally.py", *trees], check=True,
                              cwd=self.folder.name, capture_output=True, text=True).stdout

    def test_names_are_counted_and_not_lines(self):
        self.log("a", "x_test", "1..2", "ok 1 - x: one", "PASS: x_test 1 - x: one",
                 "# PASS: not this", "PASS: x_test 2 - x: two")
        self.log("a", "tests/test_y", "SKIP: tests/test_y.py 1 - y: one # SKIP no root")
        self.assertEqual(self.tally("a"), "2 0 1\n")

    def test_a_name_that_runs_in_two_builds_is_counted_once(self):
        for tree in ("a", "b"):
            self.log(tree, "x_test", "PASS: x_test 1 - x: one")
        self.assertEqual(self.tally("a", "b"), "1 0 0\n")

    def test_the_worst_of_two_builds_counts_but_a_pass_beats_a_skip(self):
        self.log("a", "x_test", "PASS: x_test 1 - x: one", "SKIP: x_test 2 - x: two # SKIP why")
        self.log("b", "x_test", "FAIL: x_test 1 - x: one", "PASS: x_test 2 - x: two")
        self.assertEqual(self.tally("a", "b"), "1 1 0\nx: one (b/x_test.log)\n")

    def test_a_program_that_died_is_a_failure(self):
        self.log("a", "x_test", "PASS: x_test 1 - x: one",
                 "ERROR: x_test - too few tests run (expected 2, got 1)")
        self.assertEqual(self.tally("a").splitlines()[0], "1 1 0")

    def test_an_unexpected_pass_is_a_failure(self):
        self.log("a", "x_test", "XPASS: x_test 1 - x: one # TODO later")
        self.assertEqual(self.tally("a").splitlines()[0], "0 1 0")

    def test_a_log_that_is_no_test_s_is_not_read(self):
        self.log("a", "x_test", "PASS: x_test 1 - x: one")
        with open(f"{self.folder.name}/a/config.log", "w", encoding="utf-8") as log:
            log.write("FAIL: this 1 - is: nothing\n")
        self.assertEqual(self.tally("a"), "1 0 0\n")

    def test_no_tree_is_no_test(self):
        self.assertEqual(self.tally(), "0 0 0\n")


MODULE = """
import unittest
class Inner(unittest.TestCase):
    def test_a_passes(self): print("noise")
    def test_b_fails(self): self.fail("reason")
    def test_c_errs(self): raise OSError("broken")
    def test_d_is_skipped(self): self.skipTest("why")
    def test_e_has_a_bad_part(self):
        for part in range(3):
            with self.subTest(part=part):
                self.assertNotEqual(part, 1)
"""


class Tap(unittest.TestCase):
    def run_module(self, text, *names):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/test_inner.py"
            with open(path, "w", encoding="utf-8") as module:
                module.write(text)
            return subprocess.run([sys.executable, f"{SOURCE}/tests/tap.py", path, *names],
                                  check=False, capture_output=True, text=True)

    def test_every_verdict_has_its_line(self):
        done = self.run_module(MODULE)
        lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
        self.assertEqual(lines, [
            "ok 1 - inner: test_a_passes",
            "not ok 2 - inner: test_b_fails",
            "not ok 3 - inner: test_c_errs",
            "ok 4 - inner: test_d_is_skipped # SKIP why",
            "not ok 5 - inner: test_e_has_a_bad_part [(part=1)]",
            "1..5"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("# AssertionError: reason", done.stdout)

    def test_what_tests_print_is_no_tap(self):
        done = self.run_module(MODULE, "test_a_passes")
        self.assertEqual(done.stdout, "ok 1 - inner: test_a_passes\n1..1\n")
        self.assertEqual((done.returncode, done.stderr), (0, "noise\n"))

    def test_a_module_that_cannot_be_loaded_or_has_no_test_fails(self):
        for text in ("import no_such_module", "x = 1", "syntax error"):
            self.assertNotEqual(self.run_module(text).returncode, 0, text)


if __name__ == "__main__":
    unittest.main()
