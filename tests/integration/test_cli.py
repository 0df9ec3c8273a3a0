# SPDX-License-Identifier: Apache-2.0
"""pluton-cli as a whole: its command line, its help, its errors and exit statuses."""

import re
import socket
import subprocess
import tempfile
import unittest

from private import CLI, SOURCE, Private, environment, run

NOUNS = ["status", "capsules", "engines", "selftest", "ps", "limits", "trace", "random", "hash",
         "key", "mac", "kdf", "aes", "ecc", "rsa", "tpm", "nv", "app", "alarm", "log", "log-level"]
VERBS = {"kdf": ["hkdf", "sp800-108", "pbkdf2"],
         "aes": ["encrypt", "decrypt"],
         "ecc": ["generate", "public", "sign", "verify", "ecdh"],
         "rsa": ["generate", "public", "sign", "verify", "encrypt", "decrypt"],
         "key": ["list", "generate", "import", "derive", "public", "wrap", "unwrap", "delete"],
         "tpm": ["info", "send", "cancel"],
         "nv": ["list", "status", "put", "get", "define", "write", "read", "lock", "delete"],
         "app": ["list", "status", "start", "stop", "restart"]}
COMMANDS = [[noun] for noun in NOUNS] + [[noun, verb] for noun in VERBS for verb in VERBS[noun]]
# "pluton-cli: what, value, what to do (ENAME)"
ERROR = re.compile(rb"pluton-cli: [^,]+, .+, .+ \(E[A-Z]+\)\n|pluton-cli: .+, .+ \(E[A-Z]+\)\n")


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


class CommandLine(unittest.TestCase):
    def test_without_a_command_it_lists_the_commands_on_stderr_and_exits_2(self):
        done = run(CLI)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        for noun in NOUNS:
            self.assertIn(f"  {noun} ".encode(), done.stderr)
        self.assertLess(len(done.stderr.splitlines()), 28)

    def test_help_needs_no_daemon_and_exits_0(self):
        for command in [[]] + COMMANDS:
            with self.subTest(command=command):
                done = run(CLI, *command, "--help")
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                usage = f"Usage: {' '.join(['pluton-cli', *command])} "
                self.assertTrue(done.stdout.startswith(usage.encode()), done.stdout[:80])

    def test_help_as_a_word_is_the_same_as_the_option(self):
        self.assertEqual(run(CLI, "help").stdout, run(CLI, "--help").stdout)
        for noun in NOUNS:
            self.assertEqual(run(CLI, "help", noun).stdout, run(CLI, noun, "--help").stdout)

    def test_help_fits_a_terminal_of_80_columns(self):
        for command in [[]] + COMMANDS:
            for line in run(CLI, *command, "--help").stdout.decode().splitlines():
                self.assertLess(len(line), 80, line)

    def test_help_names_the_common_options_everywhere(self):
        for command in [[]] + COMMANDS:
            text = run(CLI, *command, "--help").stdout
            for option in (b"--address=ADDRESS", b"--json", b"--quiet", b"--version"):
                self.assertIn(option, text)

    def test_help_of_what_takes_arguments_has_examples(self):
        for command in (["random"], ["hash"], ["aes", "encrypt"], ["aes", "decrypt"]):
            self.assertIn(b"Examples:\n  ", run(CLI, *command, "--help").stdout)

    def test_an_example_that_goes_on_in_another_line_says_so_to_the_shell(self):
        seen = 0
        for command in [[]] + COMMANDS:
            text = run(CLI, *command, "--help").stdout.decode()
            goes_on = False
            for line in text.partition("\nExamples:\n")[2].splitlines():
                self.assertEqual(line.startswith("      " if goes_on else "  "), True, text)
                goes_on = line.endswith("\\")
                seen += goes_on
            self.assertFalse(goes_on)
        self.assertGreater(seen, 3)

    def test_the_manual_has_every_short_form(self):
        with open(f"{SOURCE}/docs/man/pluton-cli.1", encoding="utf-8") as page:
            manual = page.read().replace("\\-", "-")
        forms = set()
        for command in COMMANDS:
            forms.update(re.findall(r"(?m)^  -([a-zA-Z]), --([a-z-]+)",
                                    run(CLI, *command, "--help").stdout.decode()))
        self.assertGreater(len(forms), 8)
        for short, name in forms - {("V", "version")}:
            said = re.search(f'-{short} ", " "?--{name}|--{name} " \\(" -{short} |-{short} \\| --{name}',
                             manual)
            self.assertTrue(said, (short, name))

    def test_version_is_that_of_the_build(self):
        with open(f"{SOURCE}/configure.ac", encoding="utf-8") as file:
            version = re.search(r"AC_INIT\(\[pluton\], \[([^]]+)\]", file.read())[1]
        self.assertEqual(run(CLI, "--version").stdout.decode(), f"pluton-cli (pluton) {version}\n")

    def test_an_unknown_command_suggests_the_one_that_was_meant(self):
        for word, meant in (("hsah", "hash"), ("stat", "status"), ("rnadom", "random"),
                            ("capsule", "capsules"), ("log-leve", "log-level")):
            done = run(CLI, word)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"{word}, did you mean {meant}?".encode(), done.stderr)

    def test_an_unknown_command_like_no_other_suggests_nothing(self):
        for word in ("frobnicate", "", "x" * 1000):
            done = run(CLI, word)
            self.assertEqual(done.returncode, 2)
            self.assertNotIn(b"mean", done.stderr)

    def test_an_unknown_verb_suggests_too(self):
        done = run(CLI, "aes", "decript")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"did you mean decrypt? See `pluton-cli aes --help'", done.stderr)

    def test_a_noun_without_its_verb_lists_the_verbs_and_exits_2(self):
        done = run(CLI, "aes")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"encrypt", done.stderr)
        self.assertIn(b"decrypt", done.stderr)

    def test_an_unknown_option_is_a_usage_error_anywhere(self):
        for command in [[]] + COMMANDS:
            done = run(CLI, *command, "--frobnicate")
            self.assertEqual((done.returncode, done.stdout), (2, b""), command)
            self.assertIn(b"--frobnicate", done.stderr)

    def test_an_argument_too_many_is_a_usage_error_that_names_it(self):
        for command in (["status"], ["capsules"], ["engines"], ["ps"], ["limits"],
                        ["random", "1"], ["hash", "sha256", "-"], ["log-level", "info"],
                        ["aes", "encrypt"]):
            done = daemon.cli(*command, "surplus")
            self.assertEqual((done.returncode, done.stdout), (2, b""), command)
            self.assertIn(b"surplus", done.stderr)
            self.assertRegex(done.stderr, ERROR)

    def test_common_options_may_stand_before_or_after_the_noun(self):
        for line in (["--json", "limits"], ["limits", "--json"], ["-j", "limits"],
                     ["--address", daemon.address, "limits", "-j"],
                     ["limits", f"--address={daemon.address}", "-jq"]):
            done = run(CLI, *line, env=daemon.environment())
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout.startswith(b'{"limits":{'))


class Daemon(unittest.TestCase):
    def test_no_daemon_is_status_3_for_every_command(self):
        with tempfile.TemporaryDirectory() as folder:
            env = environment(PLUTON_ADDRESS=f"unix:{folder}/pluton.sock")
            key = ["--key-hex", "00" * 32]
            for line in (["status"], ["capsules"], ["engines"], ["ps"], ["limits"],
                         ["random", "1"], ["hash", "sha256"], ["log-level"],
                         ["log-level", "info"],
                         ["aes", "encrypt", "--mode", "gcm", *key, "--iv-hex", "00" * 12],
                         ["aes", "decrypt", "--mode", "ctr", *key, "--iv-hex", "00" * 16]):
                for json in ([], ["--json"] if line[0] != "aes" else []):
                    done = run(CLI, *line, *json, env=env)
                    self.assertEqual((done.returncode, done.stdout), (3, b""), line)
                    self.assertRegex(done.stderr, ERROR)
                    self.assertIn(b"(EOFF)", done.stderr)
                    self.assertIn(folder.encode(), done.stderr)
                    self.assertIn(b"start plutond", done.stderr)

    def test_a_socket_that_nobody_listens_at_any_more_is_status_3(self):
        with tempfile.TemporaryDirectory() as folder:
            left = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            left.bind(f"{folder}/sock")
            left.close()
            done = run(CLI, "status", "--address", f"unix:{folder}/sock")
            self.assertEqual(done.returncode, 3)

    def test_an_address_that_is_none_is_a_usage_error(self):
        for address in ("", "unix:", "tcp:localhost", "/run/pluton/pluton.sock",
                        "unix:/" + "x" * 200):
            done = run(CLI, "status", "--address", address)
            self.assertEqual((done.returncode, done.stdout), (2, b""), address)
            self.assertIn(b"(EINVAL)", done.stderr)

    def test_an_empty_variable_is_as_if_it_were_unset(self):
        for line in (["status"], ["random", "1"]):
            empty, unset = (run(CLI, *line, env=environment(PLUTON_ADDRESS=value))
                            for value in ("", None))
            self.assertEqual((empty.returncode, empty.stderr), (unset.returncode, unset.stderr))
            self.assertNotEqual(empty.returncode, 2)

    def test_the_option_wins_over_the_environment(self):
        env = environment(PLUTON_ADDRESS="unix:/nowhere/pluton.sock")
        self.assertEqual(run(CLI, "status", env=env).returncode, 3)
        done = run(CLI, "status", "--address", daemon.address, env=env)
        self.assertEqual(done.returncode, 0)

    def test_a_wrong_line_is_status_2_with_and_without_a_daemon(self):
        for line in (["random"], ["random", "x"], ["hash", "md5"], ["log-level", "loud"]):
            self.assertEqual(daemon.cli(*line).returncode, 2)
            env = environment(PLUTON_ADDRESS="unix:/nowhere/pluton.sock")
            self.assertEqual(run(CLI, *line, env=env).returncode, 2)

    def test_a_connection_that_is_lost_is_status_3(self):
        with Private() as other:
            hashing = other.start("hash", "sha256", stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            # More than fits the pipe: when it is written, the stream has begun.
            hashing.stdin.write(bytes(3 << 20))
            hashing.stdin.flush()
            other.kill()
            out, error = hashing.communicate(timeout=60)
            self.assertEqual((hashing.returncode, out), (3, b""))
            self.assertIn(b"(EOFF)", error)


class Output(unittest.TestCase):
    def test_an_answer_that_cannot_be_written_is_a_failure(self):
        for line in (["status"], ["limits", "--json"], ["random", "4"], ["hash", "sha256"],
                     ["random", "--raw", "4"]):
            with open("/dev/full", "wb") as full:
                done = daemon.cli(*line, stdout=full)
            self.assertEqual(done.returncode, 1, line)
            self.assertIn(b"(ENOSPC)", done.stderr)

    def test_closed_standard_descriptors_do_no_harm(self):
        done = run("/bin/sh", "-c", 'exec "$0" status >&- 2>&- <&-', CLI,
                   env=daemon.environment())
        self.assertEqual(done.returncode, 1)
        done = run("/bin/sh", "-c", 'exec "$0" random 4 2>&- <&-', CLI,
                   env=daemon.environment())
        self.assertRegex(done.stdout, rb"\A[0-9a-f]{8}\n\Z")

    def test_a_file_name_cannot_send_escapes_to_the_terminal(self):
        done = daemon.cli("hash", "sha256", "/nowhere/\x1b[31m\x07\x9b\nred")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertNotIn(b"\x07", done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertIn(b"/nowhere/?[31m", done.stderr)

    def test_success_prints_nothing_to_stderr(self):
        for noun in ("status", "capsules", "engines", "ps", "limits", "log-level"):
            self.assertEqual(daemon.cli(noun).stderr, b"", noun)


class Manual(unittest.TestCase):
    def test_the_manual_has_every_command_and_option_of_the_help(self):
        with open(f"{SOURCE}/docs/man/pluton-cli.1", encoding="utf-8") as file:
            manual = file.read().replace("\\-", "-")
        for command in COMMANDS:
            self.assertIn(" ".join(command), manual)
            text = run(CLI, *command, "--help").stdout.decode()
            for option in set(re.findall(r"--[a-z][a-z-]+", text)):
                self.assertIn(option, manual)

    def test_the_manual_has_no_other_option(self):
        with open(f"{SOURCE}/docs/man/pluton-cli.1", encoding="utf-8") as file:
            manual = file.read().replace("\\-", "-")
        known = {"--check"}  # sha256sum's
        for command in COMMANDS:
            text = run(CLI, *command, "--help").stdout.decode()
            known |= set(re.findall(r"--[a-z][a-z-]+", text))
        self.assertEqual(set(re.findall(r"(?<![a-z0-9-])--[a-z][a-z-]+", manual)) - known, set())


if __name__ == "__main__":
    unittest.main()
