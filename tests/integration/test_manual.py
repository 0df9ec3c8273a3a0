# SPDX-License-Identifier: Apache-2.0
"""plutond(8) and plutond.conf(5) say what the daemon is: keys, defaults, options, messages. The pages
of libpluton name its functions, and their examples compile."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ["PLUTON_BUILD"]
SOURCE = os.environ["PLUTON_SOURCE"]


def dump():
    """{(section, key): (value, comment)} of a daemon with an empty configuration."""
    with tempfile.NamedTemporaryFile(suffix=".conf") as empty:
        text = subprocess.run([f"{BUILD}/plutond", "--config", empty.name, "--dump-config"],
                              check=True, capture_output=True, text=True).stdout
    keys, section, comment = {}, None, []
    for line in text.splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = match[1]
        elif line.startswith("#"):
            comment.append(line)
        elif match := re.fullmatch(r"(\w+) = (.*)", line):
            keys[section, match[1]] = (match[2], "\n".join(comment))
            comment = []
    return keys


def manual():
    """The same of the manual page; the comment is the paragraph."""
    keys, section, key = {}, None, None
    with open(f"{SOURCE}/docs/man/plutond.conf.5", encoding="utf-8") as page:
        for line in page.read().splitlines():
            if match := re.fullmatch(r"\.SS \[(\w+)\]", line):
                section, key = match[1], None
            elif match := re.fullmatch(r"\.B (\w+) = (.*)", line):
                key = (section, match[1])
                keys[key] = (match[2], "")
            elif line.startswith((".TP", ".SH", ".BI", ".PP")):
                key = None
            elif key:
                value, comment = keys[key]
                keys[key] = (value, f"{comment} {line}")
    return keys


class ConfigManual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dump = dump()
        cls.manual = manual()

    def test_the_manual_has_every_key_in_its_section_and_no_other(self):
        self.assertEqual(sorted(self.dump), sorted(self.manual))
        self.assertGreater(len(self.dump), 20)

    def test_the_manual_has_the_default_of_every_key(self):
        for key, (value, comment) in self.dump.items():
            self.assertEqual(self.manual[key][0], value, key)
            self.assertIn(f"# Default: {value}", comment, key)

    def test_the_manual_has_the_range_of_every_key_that_has_one(self):
        ranges = 0
        for key, (_, comment) in self.dump.items():
            if match := re.search(r"from (\w+) to (\w+)", comment):
                self.assertIn(f"From {match[1]} to {match[2]}.", self.manual[key][1], key)
                ranges += 1
        self.assertGreater(ranges, 10)

    def test_the_manual_says_of_every_key_whom_a_change_reaches(self):
        said = {"A change needs a restart.": "Needs a restart.",
                "A change holds for who connects from then on.":
                    "Holds for who connects from then on.",
                "A change holds at once.": "Holds at once."}
        seen = set()
        for key, (_, comment) in self.dump.items():
            if key[0] == "access":
                continue  # one sentence for the section
            for dumped, written in said.items():
                self.assertEqual(dumped in comment, written in self.manual[key][1], (key, written))
                seen.update({dumped} if dumped in comment else ())
        self.assertEqual(seen, set(said))


class DaemonManual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(f"{SOURCE}/docs/man/plutond.8", encoding="utf-8") as page:
            cls.page = page.read().replace("\\-", "-")

    def test_the_manual_has_every_option(self):
        text = subprocess.run([f"{BUILD}/plutond", "--help"], check=True, capture_output=True,
                              text=True).stdout
        options = set(re.findall(r"--[a-z-]+", text)) - {"--usage"}
        self.assertGreater(len(options), 5)
        for option in options:
            self.assertIn(option, self.page)

    def test_the_manual_has_every_message_id(self):
        with open(f"{SOURCE}/daemon/log.h", encoding="utf-8") as header:
            ids = re.findall(r'LOG_ID_\w+ "(\w{32})"', header.read())
        self.assertGreater(len(ids), 3)
        self.assertEqual(sorted(ids), sorted(re.findall(r"(?m)^\.B (\w{32})$", self.page)))


def examples():
    """{page: the program in its EXAMPLE}."""
    found = {}
    for path in glob.glob(f"{SOURCE}/docs/man/pluton_*.3"):
        with open(path, encoding="utf-8") as page:
            match = re.search(r"(?ms)^\.SH EXAMPLE.*?^\.EX\n(.*?)^\.EE", page.read())
        if match:
            found[os.path.basename(path)] = match[1].replace("\\e", "\\").replace("\\-", "-")
    return found


class LibraryManual(unittest.TestCase):
    def test_every_function_of_the_headers_has_a_page_and_a_synopsis(self):
        functions, named, shown = set(), set(), set()
        for path in glob.glob(f"{SOURCE}/client-lib/pluton/*.h"):
            with open(path, encoding="utf-8") as header:
                text = re.sub(r"(?s)/\*.*?\*/", "", header.read())
            functions.update(re.findall(r"(?<!\*)\b(pluton_\w+)\(", text))
        for path in glob.glob(f"{SOURCE}/docs/man/*.3"):
            with open(path, encoding="utf-8") as page:
                text = page.read()
            named.update(re.findall(r"pluton_\w+", text.split(".SH SYNOPSIS")[0]))
            shown.update(re.findall(r"pluton_\w+(?=\()", text))
        self.assertGreater(len(functions), 80)
        self.assertEqual(sorted(functions - named), [])
        # pluton_aes(3) shows one of two that differ in their ends only
        self.assertEqual([name for name in sorted(functions - shown)
                          if not name.endswith("_async")], [])

    @unittest.skipUnless(shutil.which("cc"), "there is no compiler")
    def test_every_example_compiles(self):
        self.assertGreaterEqual(set(examples()), {"pluton_alarm.3", "pluton_app.3", "pluton_nv.3",
                                                  "pluton_console.3", "pluton_open.3"})
        for page, program in examples().items():
            done = subprocess.run(["cc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-xc",
                                   "-fsyntax-only", f"-I{SOURCE}/client-lib", "-"],
                                  input=program, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, f"{page}: {done.stderr}")


if __name__ == "__main__":
    unittest.main()
