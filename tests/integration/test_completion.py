# SPDX-License-Identifier: Apache-2.0
"""Completion for bash knows the commands and options that the programs know."""

import os
import re
import unittest

from private import CLI, RUN, SOURCE, run

ALGORITHMS = ["sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"]
LEVELS = ["off", "error", "warning", "info", "debug", "trace"]
SCRIPT = """
. "$SOURCE/cli/$1.bash" || exit 1
compopt() { :; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"_${1//-/_}"
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words, cwd=None):
    """What may follow; the last word is what was typed of it."""
    done = run("bash", "-c", SCRIPT, "bash", *words, env=dict(os.environ, SOURCE=SOURCE), cwd=cwd)
    assert done.returncode == 0 and done.stderr == b"", done
    return done.stdout.decode().splitlines()


def options_of(program, *command):
    text = run(program, *command, "--help").stdout.decode()
    return set(re.findall(r"(?m)^ .*?(--[a-z-]+)[ =\n]", text))


def commands_of(*command):
    text = run(CLI, *command).stderr.decode()
    return set(re.findall(r"(?m)^  ([a-z-]+) ", text))


class Cli(unittest.TestCase):
    def test_the_first_word_is_any_command(self):
        words = set(complete("pluton-cli", ""))
        self.assertEqual({word for word in words if word[0] != "-"}, commands_of() | {"help"})
        self.assertEqual(complete("pluton-cli", "ra"), ["random"])
        self.assertEqual(set(complete("pluton-cli", "help", "")), commands_of())

    def test_options_are_those_of_the_help(self):
        for command in ([], ["status"], ["ps"], ["random"], ["hash"], ["aes", "encrypt"],
                        ["aes", "decrypt"], ["rsa", "generate"], ["rsa", "public"],
                        ["rsa", "sign"], ["rsa", "verify"], ["rsa", "encrypt"],
                        ["rsa", "decrypt"], ["tpm", "info"], ["tpm", "send"], ["tpm", "cancel"],
                        ["nv", "put"], ["nv", "get"], ["nv", "write"], ["nv", "read"],
                        ["nv", "list"], ["app", "status"], ["alarm"], ["log"], ["log-level"]):
            self.assertEqual(set(complete("pluton-cli", *command, "--")),
                             options_of(CLI, *command), command)

    def test_common_options_before_the_command_do_not_disturb(self):
        self.assertEqual(complete("pluton-cli", "--json", "--address", "unix:/x", "stat"),
                         ["status"])
        self.assertEqual(complete("pluton-cli", "-a", "hash", "ha"), ["hash"])

    def test_aes_is_followed_by_its_verbs(self):
        words = complete("pluton-cli", "aes", "")
        self.assertEqual({word for word in words if word[0] != "-"}, commands_of("aes"))

    def test_rsa_is_followed_by_its_verbs(self):
        words = complete("pluton-cli", "rsa", "")
        self.assertEqual({word for word in words if word[0] != "-"}, commands_of("rsa"))

    def test_values_are_completed(self):
        self.assertEqual(complete("pluton-cli", "hash", ""), ALGORITHMS)
        self.assertEqual(complete("pluton-cli", "hash", "sha2"), ["sha224", "sha256"])
        self.assertEqual(complete("pluton-cli", "aes", "encrypt", "--mode", ""), ["ctr", "gcm"])
        self.assertEqual(complete("pluton-cli", "rsa", "sign", "--padding", ""), ["pss", "pkcs1"])
        self.assertEqual(complete("pluton-cli", "rsa", "decrypt", "-p", ""), ["oaep", "pkcs1"])
        self.assertEqual(complete("pluton-cli", "rsa", "sign", "--hash", ""), ALGORITHMS)
        self.assertEqual(complete("pluton-cli", "log-level", "")[:6], LEVELS)

    def test_files_are_completed_where_one_is_meant(self):
        for words in (["hash", "sha256"], ["aes", "encrypt", "--in"], ["aes", "decrypt", "-o"],
                      ["aes", "encrypt", "--key-file"]):
            self.assertEqual(complete("pluton-cli", *words, "local", cwd=f"{SOURCE}/cli"),
                             ["local.mk"])

    def test_keys_are_not_completed(self):
        for option in ("--key-hex", "--iv-hex", "--aad-hex"):
            self.assertEqual(complete("pluton-cli", "aes", "encrypt", option, ""), [])


class Run(unittest.TestCase):
    def test_options_are_those_of_the_help(self):
        self.assertEqual(set(complete("pluton-run", "--")), options_of(RUN) | {"--"})

    def test_values_are_completed(self):
        self.assertEqual(complete("pluton-run", "--log-level", ""), LEVELS)
        self.assertEqual(complete("pluton-run", "--config", "local", cwd=f"{SOURCE}/cli"),
                         ["local.mk"])

    def test_after_the_dashes_it_is_no_longer_its_business(self):
        self.assertEqual(complete("pluton-run", "--", "--"), [])


if __name__ == "__main__":
    unittest.main()
