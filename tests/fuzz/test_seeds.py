# SPDX-License-Identifier: Apache-2.0
"""The fuzzers' targets on the seeds of seeds.py and on spoiled ones, in every build and without a
fuzzer: so seeds stay good, and sanitizers see what they reach."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(__file__)
PROGRAMS = pathlib.Path(os.environ["PLUTON_BUILD"], "tests/fuzz")
TARGETS = ("channel", "chip_link", "config", "record", "ring")


class Seeds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        subprocess.run([sys.executable, f"{SOURCE}/seeds.py", cls.folder.name], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_every_fuzzer_has_seeds(self):
        self.assertEqual(sorted(os.listdir(self.folder.name)), [f"fuzz_{name}" for name in TARGETS])


def add(name):
    """Its seeds, all in one process: what one breaks the next one finds."""
    def test(self):
        seeds = sorted(pathlib.Path(self.folder.name, f"fuzz_{name}").iterdir())
        done = subprocess.run([PROGRAMS / f"replay_{name}", *seeds], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])

    setattr(Seeds, f"test_seeds_of_the_fuzzer_of_{name}_are_survived_whole_and_spoiled", test)


for each in TARGETS:
    add(each)

if __name__ == "__main__":
    unittest.main()
