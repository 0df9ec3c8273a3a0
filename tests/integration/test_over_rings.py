# SPDX-License-Identifier: Apache-2.0
"""Programs of tests that know only records or libpluton, once more over rings, and libpluton's also without any."""

import os
import subprocess
import unittest

BUILD = os.environ["PLUTON_BUILD"]
RAW = ("channel_test", "channel_flow_test", "channel_descriptor_test", "hostile_test", "hostile_threads_test",
       "kill_test", "rings_test", "sharing_test")
LIBRARY = ("key_slots_test", "library_test", "restart_test", "services_test")


class OverRings(unittest.TestCase):
    """One test for each program and way."""

    def run_with(self, program, **environment):
        """All tests of a program pass, as its exit status says."""
        done = subprocess.run([os.path.join(BUILD, program)], cwd=BUILD, env={**os.environ, **environment},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        failures = [line for line in done.stdout.splitlines() if not line.startswith("ok ")]
        self.assertEqual(done.returncode, 0, "\n".join(failures[-40:]))


def add(program, name, **environment):
    """A test method that runs it so."""
    setattr(OverRings, f"test_{program}_passes_{name}", lambda self: self.run_with(program, **environment))


for each in RAW:
    add(each, "over_rings", PLUTON_TEST_RINGS="1")
for each in LIBRARY:
    add(each, "over_rings", PLUTON_RINGS="1")
    add(each, "without_rings", PLUTON_RINGS="0")

if __name__ == "__main__":
    unittest.main()
