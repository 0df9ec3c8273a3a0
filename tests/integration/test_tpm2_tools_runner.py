# SPDX-License-Identifier: Apache-2.0
"""tests/tpm2-tools/run.py, on scripts that are not tpm2-tools': one that hangs does not hang it."""

import os
import pathlib
import sys
import tempfile
import unittest

from private import BUILD, SOURCE, await_end, environment, run

RUNNER = f"{SOURCE}/tests/tpm2-tools/run.py"

# Neither the signal nor the end of what it waits for ends it; it says who it is, and its child.
HANGS = """
hang() { while :; do sleep 1000 & echo $$ $! >>"$PIDS"; wait $!; done; }
trap hang EXIT
hang
"""


class Runner(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "tests").mkdir()
        (self.folder / "helpers.sh").touch()
        # a build tree of its own, for the logs that it keeps there
        program = self.folder / "pluton-run"
        program.write_text(f'#!/bin/sh\nexec "{BUILD}/pluton-run" "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    def script(self, name, text):
        (self.folder / "tests" / f"{name}.sh").write_text(text, encoding="utf-8")

    def run_scripts(self, *arguments):
        return run(sys.executable, RUNNER, str(self.folder), "--scripts", str(self.folder),
                   *arguments, env=environment(PIDS=str(self.folder / "pids")))

    def test_a_script_that_does_not_end_is_ended_with_all_it_started(self):
        expected = "tests/tpm2-tools/expected"
        with open(f"{SOURCE}/{expected}", encoding="ascii") as file:
            name = next(line.strip() for line in file if line[0] not in "#\n")
        self.script(name, HANGS)
        self.script("passes", "exit 0")
        done = self.run_scripts("--seconds", "2", name, "passes")
        self.assertEqual((done.returncode, done.stderr), (1, b""))
        self.assertIn(f"error: {name}: hangs, it used to pass", done.stdout.decode())
        self.assertIn("passes: passed", done.stdout.decode())
        pids = set((self.folder / "pids").read_text(encoding="ascii").split())
        self.assertGreaterEqual(len(pids), 2)
        for pid in pids:
            await_end(int(pid))

    def test_scripts_pass_fail_and_skip_by_their_exit_status(self):
        for name, text in (("good", "exit 0"), ("bad", "exit 3"), ("absent", "exit 77"),
                           ("tcti", '[ "$TPM2TOOLS_TEST_TCTI" = pluton ] && [ -n "$PLUTON_ADDRESS" ]')):
            self.script(name, text)
        done = self.run_scripts("good", "bad", "absent", "tcti")
        self.assertEqual(done.returncode, 0, done.stdout)
        for line in ("good: passed", "bad: failed (3)", "absent: skipped", "tcti: passed",
                     "2 of 4 pass, 0 are expected to"):
            self.assertIn(line, done.stdout.decode())

    def test_without_scripts_it_says_so_and_is_skipped(self):
        with tempfile.TemporaryDirectory() as empty:
            done = run(sys.executable, RUNNER, str(self.folder), "--scripts", empty)
        self.assertEqual(done.returncode, 77)
        self.assertIn(os.path.realpath(empty).encode(), done.stdout)


if __name__ == "__main__":
    unittest.main()
