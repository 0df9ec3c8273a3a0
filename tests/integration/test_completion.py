# SPDX-License-Identifier: Apache-2.0
"""Completion for bash knows the commands and options that the programs know."""

import os
import re
import socket
import tempfile
import unittest

from private import CLI, RUN, SOURCE, Private, environment, run

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


def complete(*words, cwd=None, address=None):
    """What may follow; the last word is what was typed of it."""
    env = environment(SOURCE=SOURCE, PLUTON_ADDRESS=address or "unix:/nowhere/pluton.sock")
    done = run("bash", "-c", SCRIPT, "bash", *words, env=env, cwd=cwd)
    assert done.returncode == 0 and done.stderr == b"", done
    return done.stdout.decode().splitlines()


def options_of(program, *command):
    text = run(program, *command, "--help").stdout.decode()
    return set(re.findall(r"(?m)^ .*?(--[a-z-]+)[ =\n]", text))


def commands_of(*command):
    text = run(CLI, *command).stderr.decode()
    return set(re.findall(r"(?m)^  ([a-z0-9-]+) ", text))


class Cli(unittest.TestCase):
    def test_the_first_word_is_any_command(self):
        words = set(complete("pluton-cli", ""))
        self.assertEqual({word for word in words if word[0] != "-"}, commands_of() | {"help"})
        self.assertEqual(complete("pluton-cli", "ra"), ["random"])
        self.assertEqual(set(complete("pluton-cli", "help", "")), commands_of())

    def test_options_are_those_of_the_help(self):
        for command in ([], ["status"], ["selftest"], ["ps"], ["random"], ["hash"], ["mac"],
                        ["kdf", "hkdf"], ["kdf", "sp800-108"], ["kdf", "pbkdf2"], ["aes", "encrypt"],
                        ["aes", "decrypt"], ["ecc", "generate"], ["ecc", "public"],
                        ["ecc", "sign"], ["ecc", "verify"], ["ecc", "ecdh"], ["rsa", "generate"],
                        ["rsa", "public"], ["rsa", "sign"], ["rsa", "verify"],
                        ["rsa", "encrypt"], ["rsa", "decrypt"], ["tpm", "info"],
                        ["tpm", "send"], ["tpm", "cancel"],
                        ["nv", "put"], ["nv", "get"], ["nv", "write"], ["nv", "read"],
                        ["nv", "list"], ["app", "status"], ["alarm"], ["log"], ["log-level"]):
            self.assertEqual(set(complete("pluton-cli", *command, "--")),
                             options_of(CLI, *command), command)

    def test_common_options_before_the_command_do_not_disturb(self):
        self.assertEqual(complete("pluton-cli", "--json", "--address", "unix:/x", "stat"),
                         ["status"])
        self.assertEqual(complete("pluton-cli", "-a", "hash", "ha"), ["hash"])

    def test_ecc_is_followed_by_its_verbs_and_their_values(self):
        words = complete("pluton-cli", "ecc", "")
        self.assertEqual({word for word in words if word[0] != "-"}, commands_of("ecc"))
        self.assertEqual(complete("pluton-cli", "ecc", "generate", "--curve", "p"),
                         ["p256", "p384", "p521"])
        self.assertEqual(complete("pluton-cli", "ecc", "generate", "--format", ""), ["pem", "der"])
        self.assertEqual(complete("pluton-cli", "ecc", "sign", "--format", ""), ["der", "raw"])
        self.assertEqual(complete("pluton-cli", "ecc", "sign", "--hash", "sha3-"),
                         ALGORITHMS[-3:])

    def test_aes_is_followed_by_its_verbs(self):
        words = complete("pluton-cli", "aes", "")
        self.assertEqual({word for word in words if word[0] != "-"}, commands_of("aes"))

    def test_kdf_is_followed_by_its_verbs_and_their_values(self):
        words = complete("pluton-cli", "kdf", "")
        self.assertEqual({word for word in words if word[0] != "-"}, commands_of("kdf"))
        self.assertEqual(complete("pluton-cli", "kdf", "sp800-108", "--prf", "c"), ["cmac"])
        self.assertEqual(complete("pluton-cli", "kdf", "hkdf", "--step", ""), ["extract", "expand"])
        self.assertEqual(complete("pluton-cli", "kdf", "pbkdf2", "--hash", ""), ALGORITHMS)
        for option in ("--salt-hex", "--iterations", "--label", "--info"):
            self.assertEqual(complete("pluton-cli", "kdf", "hkdf", option, ""), [])

    def test_rsa_is_followed_by_its_verbs(self):
        words = complete("pluton-cli", "rsa", "")
        self.assertEqual({word for word in words if word[0] != "-"}, commands_of("rsa"))

    def test_values_are_completed(self):
        self.assertEqual(complete("pluton-cli", "hash", ""), ALGORITHMS)
        self.assertEqual(complete("pluton-cli", "hash", "sha2"), ["sha224", "sha256"])
        self.assertEqual(complete("pluton-cli", "mac", ""),
                         [f"hmac-{name}" for name in ALGORITHMS] + ["cmac"])
        self.assertEqual(complete("pluton-cli", "mac", "--key-hex", "00", "--verify", "00", "c"),
                         ["cmac"])
        self.assertEqual(complete("pluton-cli", "aes", "encrypt", "--mode", ""),
                         ["gcm", "gcm-stream", "ccm", "ctr", "cbc", "ecb"])
        self.assertEqual(complete("pluton-cli", "aes", "decrypt", "--padding", ""),
                         ["pkcs7", "none"])
        self.assertEqual(complete("pluton-cli", "aes", "decrypt", "--tag-size", "1"),
                         ["10", "12", "14", "16"])
        self.assertEqual(complete("pluton-cli", "aes", "encrypt", "--segment-size", ""),
                         ["4096", "1048576"])
        self.assertEqual(complete("pluton-cli", "aes", "encrypt", "--hash", ""),
                         ["sha256", "sha512", "sha1"])
        self.assertEqual(complete("pluton-cli", "rsa", "sign", "--padding", ""), ["pss", "pkcs1"])
        self.assertEqual(complete("pluton-cli", "rsa", "decrypt", "-p", ""), ["oaep", "pkcs1"])
        self.assertEqual(complete("pluton-cli", "rsa", "sign", "--hash", ""), ALGORITHMS)
        self.assertEqual(complete("pluton-cli", "log-level", "")[:6], LEVELS)
        self.assertEqual(complete("pluton-cli", "log", "--level", "n"), ["notice"])
        self.assertEqual(complete("pluton-cli", "tpm", "send", "--locality", ""), list("01234"))
        self.assertEqual(complete("pluton-cli", "nv", "lock", "area", "write"),
                         ["write-until-restart", "write"])

    def test_values_behind_an_equals_sign_are_completed(self):
        # as bash takes the words apart
        self.assertEqual(complete("pluton-cli", "aes", "encrypt", "--mode", "=", "g"), ["gcm", "gcm-stream"])
        self.assertEqual(complete("pluton-cli", "aes", "encrypt", "--mode", "="),
                         ["gcm", "gcm-stream", "ccm", "ctr", "cbc", "ecb"])
        self.assertEqual(complete("pluton-cli", "aes", "encrypt", "--in", "=", "local",
                                  cwd=f"{SOURCE}/cli"), ["local.mk"])
        self.assertEqual(complete("pluton-cli", "--address", "=", "unix", ":", "/x", "stat"),
                         ["status"])

    def test_files_are_completed_where_one_is_meant(self):
        for words in (["hash", "sha256"], ["mac", "cmac"], ["mac", "--key-file"],
                      ["kdf", "pbkdf2", "--password-file"], ["kdf", "hkdf", "--out"],
                      ["aes", "encrypt", "--in"], ["aes", "decrypt", "-o"],
                      ["aes", "encrypt", "--key-file"]):
            self.assertEqual(complete("pluton-cli", *words, "local", cwd=f"{SOURCE}/cli"),
                             ["local.mk"])

    def test_keys_are_not_completed(self):
        for option in ("--key-hex", "--iv-hex", "--nonce-hex", "--aad-hex"):
            self.assertEqual(complete("pluton-cli", "aes", "encrypt", option, ""), [])


class Names(unittest.TestCase):
    """Of what the daemon has now."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Private()
        for name in ("disk", "dice", "seal"):
            cls.daemon.cli("nv", "define", name, "16")

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def complete(self, *words):
        return sorted(complete("pluton-cli", *words, address=self.daemon.address))

    def test_areas_are_completed_where_one_is_meant(self):
        for verb in ("status", "put", "get", "write", "read", "lock", "delete"):
            self.assertEqual(self.complete("nv", verb, "di"), ["dice", "disk"])
        self.assertEqual(self.complete("nv", "get", ""), ["dice", "disk", "seal"])

    def test_apps_are_completed_where_one_is_meant(self):
        apps = ["counter", "tpm0"]
        for verb in ("status", "start", "stop", "restart"):
            self.assertEqual(self.complete("app", verb, ""), apps)
        self.assertEqual(self.complete("tpm", "info", "--instance", ""), apps)
        self.assertEqual(self.complete("tpm", "info", "--instance", "=", "t"), ["tpm0"])

    def test_options_stay_options(self):
        self.assertIn("--out", self.complete("nv", "get", "--"))

    def test_the_daemon_asked_is_the_one_on_the_line(self):
        path = self.daemon.address.removeprefix("unix:")
        self.assertEqual(complete("pluton-cli", "-a", "unix", ":", path, "nv", "get", "s"), ["seal"])

    def test_without_a_daemon_there_are_no_names_and_nothing_is_said(self):
        for words in (["nv", "get", ""], ["app", "stop", ""], ["tpm", "info", "--instance", ""]):
            self.assertEqual(complete("pluton-cli", *words), [])

    def test_a_daemon_that_never_answers_does_not_hold_up_the_shell(self):
        with tempfile.TemporaryDirectory() as folder, \
                socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
            silent.bind(f"{folder}/sock")
            silent.listen()
            self.assertEqual(complete("pluton-cli", "nv", "get", "", address=f"unix:{folder}/sock"),
                             [])


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
