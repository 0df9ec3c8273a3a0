# SPDX-License-Identifier: Apache-2.0
"""The AppArmor profiles as far as a kernel without AppArmor can tell; tests/system enforces them."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ["PLUTON_SOURCE"])
PROFILES = sorted((SOURCE / "contrib/apparmor").iterdir())
PARSER = shutil.which("apparmor_parser", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
ABSTRACTIONS = pathlib.Path("/etc/apparmor.d/abstractions/base")


def compiled(path):
    return subprocess.run([PARSER, "-QKT", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)


class Profiles(unittest.TestCase):
    def test_each_is_named_like_its_file_and_by_one_unit(self):
        units = "".join(path.read_text(encoding="utf-8")
                        for path in (SOURCE / "systemd").glob("*.service.in"))
        for path in PROFILES:
            with self.subTest(profile=path.name):
                text = path.read_text(encoding="utf-8")
                self.assertEqual(re.findall(r"^profile (\S+) ", text, re.M), [path.name])
                self.assertEqual(units.count(f"\nAppArmorProfile=-{path.name}\n"), 1)

    def test_none_is_attached_by_path_to_the_daemons_that_users_start(self):
        for path in PROFILES:
            with self.subTest(profile=path.name):
                self.assertNotRegex(path.read_text(encoding="utf-8"), r"(?m)^(profile \S+ )?/.*{$")

    @unittest.skipUnless(PARSER and ABSTRACTIONS.exists(), "apparmor_parser (apparmor) is not here")
    def test_the_parser_compiles_each_of_them(self):
        for path in PROFILES:
            with self.subTest(profile=path.name):
                answer = compiled(path)
                self.assertEqual(answer.returncode, 0, answer.stdout)
                self.assertNotIn("Warning", answer.stdout)

    def test_an_administrators_additions_are_read_last(self):
        for path in PROFILES:
            with self.subTest(profile=path.name):
                words = path.read_text(encoding="utf-8").split()
                self.assertEqual(words[-2:], [f"<local/{path.name}>", "}"])
