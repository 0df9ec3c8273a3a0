# SPDX-License-Identifier: Apache-2.0
"""./quickstart: the tour, the shell, and one command; here without packages and building.

A folder that looks like the source tree holds the real script, a setup.sh that only talks, and
the build tree that is being tested.
"""

import os
import pty
import shutil
import tempfile
import unittest

from private import BUILD, SOURCE, environment, hear, is_sanitized, run

# It prints on both streams and reads its input, as a package manager might.
SETUP = """
setup_packages() { echo packages; echo asked >&2; cat >/dev/null; }
setup_build() { echo built in "$PWD"; }
"""


class Tree(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.top = os.path.join(os.path.realpath(kept.name), "a tree")
        os.makedirs(f"{self.top}/build-aux")
        os.mkdir(f"{self.top}/build")
        os.symlink(BUILD, f"{self.top}/build/default")
        shutil.copy(f"{SOURCE}/quickstart", self.top)
        self.setup(SETUP)
        self.env = environment(PATH="/usr/bin:/bin", LD_LIBRARY_PATH=None)

    def setup(self, text):
        with open(f"{self.top}/build-aux/setup.sh", "w", encoding="utf-8") as file:
            file.write(text)

    def quickstart(self, *line, **options):
        options.setdefault("env", self.env)
        options.setdefault("cwd", "/")
        return run(f"{self.top}/quickstart", *line, **options)


@unittest.skipIf(is_sanitized(), "stock tpm2-tools cannot load a TCTI with a sanitizer")
class Tour(Tree):
    def test_it_shows_each_command_before_its_output_and_succeeds(self):
        done = self.quickstart()
        self.assertEqual(done.returncode, 0, done)
        lines = done.stdout.decode().splitlines()
        for command in ("status", "engines", "capsules", "ps", "random 32", "hash sha256 letter",
                        "aes encrypt --mode gcm ", "aes decrypt --mode gcm ",
                        "aes encrypt --mode ctr "):
            shown = [at for at, line in enumerate(lines)
                     if line.startswith(f"$ pluton-cli {command}")]
            self.assertTrue(shown, command)
        digest = lines.index("$ pluton-cli hash sha256 letter")
        self.assertRegex(lines[digest + 1], r"\A[0-9a-f]{64}  letter\Z")
        self.assertEqual(lines[digest + 2:digest + 4], ["$ sha256sum letter", lines[digest + 1]])
        self.assertIn("$ cmp letter letter.again && echo identical", lines)
        self.assertIn("$ cmp letter.ctr letter.openssl && echo identical", lines)

    def test_it_uses_the_tpm_and_the_bus_and_finds_what_it_left_after_a_restart(self):
        text = self.quickstart().stdout.decode()
        for tool in ("getrandom", "createprimary", "create", "load", "sign", "verifysignature",
                     "nvdefine", "pcrextend", "quote", "checkquote"):
            self.assertRegex(text, rf"(?m)^\$ tpm2_{tool} ", tool)
        self.assertNotIn("flushcontext", text)
        self.assertRegex(text, r"org\.pluton1\.Random Get u 8\nay 8( \d+){8}\n")
        self.assertRegex(text, r"Transmit ay 12 [^\n]+\nay 20 128 1 0 0 0 20( \d+){14}\n")
        self.assertRegex(text, r"tpm2_nvread [^\n]+\nremember Pluton!\n")

    def test_it_shows_refusals_with_their_status_and_ends_with_where_to_go(self):
        text = self.quickstart().stdout.decode()
        self.assertRegex(text, r"\npluton-cli: .*tag does not match.* \(EINVAL\)\n"
                               r"\(exit status 1\)\n")
        self.assertRegex(text, r"\npluton-cli: .* \(EOFF\)\n\(exit status 3\)\n")
        for place in ("./quickstart shell", "./quickstart run", "./check", "README.md"):
            self.assertIn(place, text[text.index("Where to go next"):])

    def test_it_fails_when_a_step_misbehaves(self):
        os.mkdir(f"{self.top}/bin")
        with open(f"{self.top}/bin/sha256sum", "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho something else\n")
        os.chmod(f"{self.top}/bin/sha256sum", 0o755)
        done = self.quickstart(env=dict(self.env, PATH=f"{self.top}/bin:/usr/bin:/bin"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"quickstart: the digests differ", done.stderr)

    def test_it_fails_when_setting_up_fails(self):
        for part in ("packages", "build"):
            self.setup(SETUP + f"setup_{part}() {{ return 7; }}\n")
            done = self.quickstart()
            self.assertEqual((done.returncode, done.stdout), (1, b""))

    def test_it_leaves_nothing_behind(self):
        temporary = f"{self.top}/t"
        os.mkdir(temporary)
        done = self.quickstart(env=dict(self.env, TMPDIR=temporary, XDG_RUNTIME_DIR=temporary))
        self.assertEqual((done.returncode, os.listdir(temporary)), (0, []))


class Run(Tree):
    def test_streams_directory_and_status_are_the_commands(self):
        done = self.quickstart("run", "--", "/bin/sh", "-c",
                               "pwd; cat; pluton-cli random 1 | wc -c; exit 7",
                               input=b"typed\n", cwd=self.top)
        self.assertEqual((done.returncode, done.stdout.decode()), (7, f"{self.top}\ntyped\n3\n"))
        self.assertIn(f"built in {self.top}\n".encode(), done.stderr)

    def test_it_hands_options_to_pluton_run(self):
        done = self.quickstart("run", "--state", "kept", "--", "true", cwd=self.top)
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(os.path.isdir(f"{self.top}/kept"))

    def test_it_works_through_another_path_and_from_anywhere(self):
        os.symlink(self.top, f"{self.top}/link")
        done = run("link/quickstart", "run", "--", "pwd", cwd=self.top, env=self.env)
        self.assertEqual((done.returncode, done.stdout.decode()), (0, f"{self.top}\n"))

    def test_without_a_command_it_is_a_usage_error(self):
        self.assertEqual(self.quickstart("run").returncode, 2)


class Shell(Tree):
    def test_everything_works_in_it_and_its_status_is_ours(self):
        done = self.quickstart("shell", input=b"pluton-cli random 2\nexit 5\n",
                               env=dict(self.env, SHELL="/bin/sh"))
        self.assertEqual(done.returncode, 5)
        self.assertRegex(done.stdout, rb"\A[0-9a-f]{4}\n\Z")

    def test_on_a_terminal_it_is_an_interactive_bash(self):
        pid, master = pty.fork()
        if pid == 0:
            env = dict(self.env, SHELL="/bin/bash", HOME=self.top, TERM="dumb", PS1="$ ")
            os.execve(f"{self.top}/quickstart", ["quickstart", "shell"], env)
        os.write(master, b"echo $((40+2)) $-; pluton-cli hash sha256 /dev/null; exit 6\n")
        text = b""
        try:
            while piece := hear(master):
                text += piece
        except OSError:  # EIO is the end
            pass
        os.close(master)
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 6, text)
        self.assertRegex(text, rb"\n42 \w*i")
        self.assertIn(b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", text)

    def test_it_takes_no_arguments(self):
        self.assertEqual(self.quickstart("shell", "x").returncode, 2)


class Help(Tree):
    def test_help_sets_nothing_up(self):
        self.setup("exit 9\n")
        done = self.quickstart("--help")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        for line in (b"./quickstart shell", b"./quickstart run"):
            self.assertIn(line, done.stdout)

    def test_an_unknown_command_is_a_usage_error_that_names_it(self):
        self.setup("exit 9\n")
        done = self.quickstart("frobnicate")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"frobnicate", done.stderr)


if __name__ == "__main__":
    unittest.main()
