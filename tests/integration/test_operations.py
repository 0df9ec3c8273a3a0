# SPDX-License-Identifier: Apache-2.0
"""docs/operations.md says what is there: commands, states, exit statuses, paths with their modes. Its
tables of limits and messages are generated, which `make check-docs` compares."""

import glob
import os
import re
import stat
import subprocess
import tempfile
import unittest

import private

BUILD = os.environ["PLUTON_BUILD"]
SOURCE = os.environ["PLUTON_SOURCE"]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


PAGE = read(f"{SOURCE}/docs/operations.md")


def section(title):
    """What stands under a heading, up to the next one of its level or a higher one."""
    match = re.search(rf"(?ms)^(#+) {re.escape(title)}\n(.*)", PAGE)
    return re.split(rf"(?m)^#{{1,{len(match[1])}}} ", match[2])[0]


def rows(title):
    """The rows of the first table under a heading, without its head: lists of cells."""
    table = re.search(r"(?m)(^\|.*\n)+", section(title))[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def commands(program):
    """Every command line of a program that the page shows, as lists of words."""
    lines = re.findall(r"(?m)^ {4,}(.*?)(?: {2,}#.*)?$", PAGE) + re.findall(r"`([^`\n]+)`", PAGE)
    return [line.split()[1:] for line in lines if line.split()[:1] == [program]]


def help_of(*words):
    return private.run(private.CLI, *words, "--help").stdout.decode()


def words_of(text):
    """The nouns or verbs that a help lists."""
    return set(re.findall(r"(?m)^  ([a-z-]+) ", text))


class Commands(unittest.TestCase):
    def test_every_pluton_cli_line_has_a_noun_and_a_verb_that_exist(self):
        shown = [line for line in commands("pluton-cli") if line]
        self.assertGreater(len(shown), 10)
        nouns = words_of(help_of())
        for line in shown:
            words = [word for word in line if not word.startswith("-")]
            self.assertIn(words[0], nouns, line)
            verbs = words_of(help_of(words[0])) if len(words) > 1 else set()
            text = help_of(*words[:2] if verbs else words[:1])
            self.assertTrue(not verbs or words[1] in verbs, line)
            for option in (word for word in line if word.startswith("--")):
                self.assertIn(option, text, line)

    def test_every_plutond_line_has_options_that_exist(self):
        text = private.run(f"{BUILD}/plutond", "--help").stdout.decode()
        shown = [line for line in commands("plutond") if line and line[0].startswith("-")]
        self.assertGreater(len(shown), 0)
        for option in sum(shown, []):
            self.assertIn(option, text)

    def test_every_unit_that_is_named_is_installed(self):
        there = {re.sub(r"\.in$", "", os.path.basename(path)).replace("@.", "@NAME.")
                 for path in glob.glob(f"{SOURCE}/systemd/*")}
        named = re.findall(r"\b(?:plutond|pluton-tpmd)(?:@\w*)?\.(?:service|socket)\b", PAGE)
        self.assertGreater(len(named), 10)
        for unit in named:
            self.assertIn(re.sub(r"@\w*", "@NAME", unit), there)

    def test_every_message_id_in_a_command_is_one(self):
        known = read(f"{SOURCE}/daemon/log.h") + read(f"{SOURCE}/apps/tpm/messages.h")
        asked = re.findall(r"MESSAGE_ID=(\w+)", PAGE)
        self.assertGreater(len(asked), 0)
        for id_ in asked:
            self.assertIn(id_, known)

    def test_every_link_within_the_page_has_a_heading(self):
        headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
                    for title in re.findall(r"(?m)^#+ (.*)$", PAGE)}
        for anchor in re.findall(r"\]\(#([\w-]+)\)", PAGE):
            self.assertIn(anchor, headings)


class States(unittest.TestCase):
    def test_every_state_of_an_app_is_explained_and_no_other(self):
        words = re.findall(r'\[PLUTON_APP_\w+\] = "(\w+)"', read(f"{SOURCE}/cli/app_rows.c"))
        self.assertEqual(sorted(names(row[0])[0] for row in rows("pluton-cli app list")),
                         sorted(words))

    def test_every_exit_status_that_systemd_does_not_try_again_after_is_explained(self):
        unit = read(f"{SOURCE}/systemd/plutond.service.in")
        prevented = re.search(r"(?m)^RestartPreventExitStatus=(.*)$", unit)[1].split()
        # those from 200 on are systemd's own, of systemd.exec(5)
        ours = sorted(int(status) for status in prevented if int(status) < 200)
        table = re.search(r"(?m)(^\| (?:status|-|\d|by).*\n|^\|---.*\n)+",
                          section("systemctl status plutond").partition("| status |")[2])[0]
        explained = [int(status) for status, again in
                     re.findall(r"(?m)^\| (\d+) \| [^|]* \| (yes|no) \|", table)
                     if again == "no" and status != "0"]
        self.assertEqual(sorted(explained), ours)

    def test_the_defaults_of_a_tpm_are_those_of_its_help(self):
        text = private.run(f"{BUILD}/pluton-tpmd", "--help").stdout.decode()
        most = re.search(r"`--connections-max`, (\d+), up to (\d+)", PAGE)
        self.assertRegex(text, rf"N clients; {most[1]}\b")
        self.assertTrue(f"| {most[2]} | clients of one TPM" in PAGE, "the table of constants")


class Daemon(unittest.TestCase):
    """What a daemon of our own shows and leaves."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.state = f"{cls.folder.name}/state"
        script = """printf x | pluton-cli nv put area; pluton-cli key generate secret >&2
            pluton-cli status; echo ----; pluton-cli tpm info"""
        out = private.run(private.RUN, "--state", cls.state, "--", "sh", "-c", script)
        cls.status, cls.tpm = out.stdout.decode().split("----\n")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def check_lines(self, title, shown):
        there = set(re.findall(r"(?m)^(\S+(?: \S+)*)", shown))
        explained = sum((names(row[0]) for row in rows(title)), [])
        self.assertGreater(len(explained), 4)
        for name in explained:
            self.assertIn(name, there)

    def test_every_line_of_status_that_is_explained_is_shown(self):
        self.check_lines("pluton-cli status", self.status)

    def test_every_line_of_tpm_info_that_is_explained_is_shown(self):
        there = re.findall(r"(?m)^(.*?) {2,}", self.tpm)
        explained = re.findall(r"(?m)^\| ((?:`[a-z ]+`(?:, )?)+) \|",
                               section("pluton-cli app list").partition("tpm info")[2])
        self.assertGreater(len(explained), 3)
        for name in sum(map(names, explained), []):
            self.assertIn(name, there)

    def test_the_state_folder_has_what_the_table_says_with_the_mode_it_says(self):
        expected = {}
        for row in rows("Where everything lives"):
            for path in names(row[0]):
                if path.startswith("/var/lib/pluton/"):
                    own = path.replace("uid-1000", f"uid-{os.getuid()}")
                    expected[own[len("/var/lib/pluton/"):].rstrip("/")] = row[1].split(", ")[1]
        self.assertGreater(len(expected), 5)
        for path, mode in expected.items():
            found = stat.S_IMODE(os.lstat(f"{self.state}/{path}").st_mode)
            self.assertEqual(f"{found:04o}", mode, path or "the state folder")
        there = {os.path.relpath(os.path.join(root, name), self.state)
                 for root, folders, files in os.walk(self.state) for name in folders + files}
        # of owners and areas one is shown, and run files are gone when their processes are
        self.assertEqual({path for path in there if "/" not in path or ".new" in path}
                         - set(expected), set())


class Paths(unittest.TestCase):
    def paths(self, prefix):
        return {path: row for row in rows("Where everything lives") for path in names(row[0])
                if path.startswith(prefix)}

    def test_every_installed_path_is_one_that_is_installed(self):
        rules = """include Makefile
print-installed:
	@echo $(addprefix $(sbindir)/,$(sbin_PROGRAMS)) $(pkglibexecdir)/
	@echo $(addprefix $(appdefinitiondir)/,$(notdir $(dist_appdefinition_DATA)))
	@echo $(addprefix $(catalogdir)/,$(notdir $(dist_catalog_DATA)))
	@echo $(sysusersdir)/pluton.conf $(tmpfilesdir)/pluton.conf $(dbusactivationdir)/
	@echo $(addprefix $(dbuspolicydir)/,$(notdir $(dist_dbuspolicy_DATA)))
"""
        there = subprocess.run(
            ["make", "-s", "--no-print-directory", "-o", "Makefile", "-f", "-", "print-installed",
             "prefix=/usr"],
            cwd=BUILD, input=rules, capture_output=True, text=True, check=True,
            env={"PATH": os.environ["PATH"]}).stdout.split()
        shown = self.paths("/usr/")
        self.assertGreater(len(shown), 5)
        # what is before the last three depends on options of configure
        there = {"/".join(path.split("/")[-3:]) for path in there}
        for path in shown:
            self.assertIn("/".join(path.split("/")[-3:]), there)

    def test_every_socket_is_one_of_a_unit_and_has_its_owner_and_mode(self):
        sockets = {}
        for path in glob.glob(f"{SOURCE}/systemd/*.socket"):
            unit = read(path)
            address = re.search(r"(?m)^ListenSequentialPacket=(.*)$", unit)[1]
            owner = re.search(r"(?m)^SocketUser=(.*)$", unit)
            mode = re.search(r"(?m)^SocketMode=(.*)$", unit)[1]
            sockets[address.replace("%i", "tpm0")] = f"{owner[1] if owner else 'root'}, {mode}"
        folder = read(f"{SOURCE}/systemd/pluton.tmpfiles")
        for path, row in self.paths("/run/").items():
            if path.endswith("/"):
                self.assertRegex(folder, rf"(?m)^d {path.rstrip('/')} {row[1].split(', ')[1]} root ")
            else:
                self.assertEqual(row[1].replace("`", ""), sockets[path])

    def test_every_path_of_the_configuration_is_in_the_code(self):
        code = "".join(map(read, [f"{SOURCE}/daemon/config.h", f"{SOURCE}/daemon/config.c",
                                  *glob.glob(f"{SOURCE}/backends/apps/*.c")]))
        shown = self.paths("/etc/")
        self.assertGreater(len(shown), 2)
        for path in shown:
            self.assertIn(os.path.basename(path.rstrip("/")), code)


if __name__ == "__main__":
    unittest.main()
