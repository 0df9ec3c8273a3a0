# SPDX-License-Identifier: Apache-2.0
"""build-aux/setup.sh: what it installs, as whom, and when it fetches lists of packages.

apt-get and the like are scripts of ours that write down how they were called.
"""

import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ["PLUTON_SOURCE"]
TOOLS = ("bash", "cat", "env", "mkdir", "tail")


class Packages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.bin = f"{self.folder}/bin"
        os.mkdir(self.bin)
        with open(f"{self.folder}/calls", "w", encoding="utf-8"):
            pass
        for tool in TOOLS:
            os.symlink(shutil.which(tool), f"{self.bin}/{tool}")
        self.fake("id", "echo 0")
        self.fake("dpkg-query", "echo -n installed")
        self.fake("apt-get", "exit 0")

    def fake(self, name, body):
        path = f"{self.bin}/{name}"
        with open(path, "w", encoding="utf-8") as script:
            script.write(f'#!/bin/sh\necho "{name} $*" >>"{self.folder}/calls"\n{body}\n')
        os.chmod(path, 0o755)

    def missing(self, *packages):
        self.fake("dpkg-query", "case $* in " + "".join(
            f"*' {package}') exit 1;; " for package in packages) + "esac; echo -n installed")

    def setup(self, *arguments):
        self.done = subprocess.run(
            [f"{self.bin}/bash", "-c", f'. "{SOURCE}/build-aux/setup.sh"; setup_packages "$@"',
             "bash", *arguments],
            cwd=self.folder, env={"PATH": self.bin}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False)
        self.assertEqual(self.done.stdout, "")
        with open(f"{self.folder}/calls", encoding="utf-8") as calls:
            return [line.strip() for line in calls
                    if line.startswith(("apt-get", "sudo"))]

    def test_where_nothing_is_missing_nothing_is_said_or_done(self):
        self.assertEqual(self.setup("check"), [])
        self.assertEqual((self.done.returncode, self.done.stderr), (0, ""))

    def test_what_is_missing_is_named_first_and_only_that_is_installed(self):
        self.missing("make", "libinih-dev")
        calls = self.setup()
        self.assertEqual(len(calls), 1)
        self.assertTrue(calls[0].endswith("install --no-install-recommends make libinih-dev"))
        self.assertEqual(self.done.stderr, "Installing from Debian's packages: make libinih-dev \n")
        self.assertEqual(self.done.returncode, 0)

    def test_what_only_the_tests_need_is_not_installed_for_a_build(self):
        self.missing("clang-format")
        self.assertEqual(self.setup(), [])
        self.assertEqual(len(self.setup("check")), 1)

    def test_lists_are_fetched_only_if_the_first_attempt_fails(self):
        self.missing("make")
        self.fake("apt-get", f'case $* in *update*) touch="{self.folder}/updated"; : >"$touch";; '
                             f'*) [ -e "{self.folder}/updated" ];; esac')
        calls = self.setup()
        self.assertEqual([call.split()[-1] for call in calls], ["make", "update", "make"])
        self.assertEqual(self.done.returncode, 0)

    def test_a_failed_installation_is_a_failure_that_shows_why(self):
        self.missing("make")
        self.fake("apt-get", "echo no network; exit 100")
        self.setup()
        self.assertNotEqual(self.done.returncode, 0)
        self.assertIn("no network", self.done.stderr)

    def test_somebody_else_than_root_uses_sudo(self):
        self.missing("make")
        self.fake("id", "echo 1000")
        self.fake("sudo", '"$@"')
        calls = self.setup()
        self.assertTrue(calls[0].startswith("sudo env DEBIAN_FRONTEND=noninteractive apt-get"))
        self.assertEqual(self.done.returncode, 0)

    def test_without_sudo_it_says_what_somebody_must_install(self):
        self.missing("make")
        self.fake("id", "echo 1000")
        self.assertEqual(self.setup(), [])
        self.assertEqual(self.done.returncode, 1)
        self.assertIn("apt-get install make", self.done.stderr)

    def test_on_another_system_it_names_the_packages_and_goes_on(self):
        os.unlink(f"{self.bin}/dpkg-query")
        self.assertEqual(self.setup(), [])
        self.assertEqual(self.done.returncode, 0)
        self.assertIn("libinih-dev", self.done.stderr)


if __name__ == "__main__":
    unittest.main()
