# SPDX-License-Identifier: Apache-2.0
"""pluton-cli aes: GCM with its tag and limit, CTR beside openssl, and files that appear whole."""

import json
import os
import signal
import stat
import subprocess
import unittest

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from private import CLI, DEADLINE, Files, Private, is_sanitized, pattern, peak_kib, run

MIB = 1 << 20
SIZES = [0, 1, 15, 16, 17, 1024, 4095, MIB - 1, MIB]
STREAM_SIZES = SIZES + [MIB + 1, 2 * MIB, 3 * MIB + 5]
KEYS = {size: bytes(range(size)).hex() for size in (16, 24, 32)}
KEY = KEYS[32]
NONCE = "cafebabefacedbaddecaf888"
COUNTER = "000102030405060708090a0b0c0d0e0f"
NAME = b"pluton-cli: cannot "


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


def aes(verb, mode, *options, key=KEY, iv=None, client=None, **more):
    iv = iv or (NONCE if mode == "gcm" else COUNTER)
    return (client or daemon).cli("aes", verb, "--mode", mode, "--key-hex", key, "--iv-hex", iv,
                                  *options, **more)


def openssl_ctr(data, key=KEY, iv=COUNTER):
    return run("openssl", "enc", f"-aes-{len(key) * 4}-ctr", "-K", key, "-iv", iv,
               input=data).stdout


class Gcm(Files):
    def test_a_known_answer(self):
        # The GCM specification's test case 16: AES-256, with additional data.
        done = aes("encrypt", "gcm", "--aad-hex", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                   key="feffe9928665731c6d6a8f9467308308" * 2,
                   input=bytes.fromhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d"
                                       "8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
                                       "ba637b39"))
        self.assertEqual(done.stdout.hex(),
                         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48"
                         "590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                         "76fc6ece0f4e1768cddf8853bb2d551b")

    def test_output_is_ciphertext_and_then_the_tag_and_decrypts_again(self):
        for size in SIZES:
            for key in KEYS.values():
                sealed = aes("encrypt", "gcm", key=key, input=pattern(size))
                self.assertEqual((sealed.returncode, len(sealed.stdout)), (0, size + 16))
                done = aes("decrypt", "gcm", key=key, input=sealed.stdout)
                self.assertEqual((done.returncode, done.stdout), (0, pattern(size)))

    def test_files_are_read_and_written(self):
        for size in SIZES:
            plain = self.write("plain", pattern(size))
            done = aes("encrypt", "gcm", "--in", plain, "--out", self.path("sealed"))
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            done = aes("decrypt", "gcm", "-i", self.path("sealed"), "-o", self.path("again"))
            self.assertEqual((done.returncode, self.read("again")), (0, pattern(size)))

    def test_one_changed_bit_anywhere_is_refused_and_nothing_is_written(self):
        sealed = aes("encrypt", "gcm", "--aad-hex", "0102", input=b"attack at dawn").stdout
        for at in range(len(sealed)):
            forged = bytearray(sealed)
            forged[at] ^= 1
            self.refused(bytes(forged), "--aad-hex", "0102")

    def test_another_key_iv_or_additional_data_is_refused_and_nothing_is_written(self):
        sealed = aes("encrypt", "gcm", "--aad-hex", "0102", input=b"attack at dawn").stdout
        self.refused(sealed, "--aad-hex", "0103")
        self.refused(sealed, "--aad-hex", "")
        self.refused(sealed)
        self.refused(sealed, "--aad-hex", "0102", key=KEY[:-1] + "0")
        self.refused(sealed, "--aad-hex", "0102", iv=NONCE[:-1] + "0")

    def refused(self, sealed, *options, **more):
        done = aes("decrypt", "gcm", *options, "--out", self.path("plain"), input=sealed, **more)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"its tag does not match", done.stderr)
        self.assertIn(b"(EINVAL)", done.stderr)
        self.assertEqual(self.names(), [])
        done = aes("decrypt", "gcm", *options, input=sealed, **more)
        self.assertEqual((done.returncode, done.stdout), (1, b""))

    def test_a_refused_decryption_keeps_what_was_in_the_output_file(self):
        self.write("plain", b"precious")
        done = aes("decrypt", "gcm", "--out", self.path("plain"), input=bytes(40))
        self.assertEqual((done.returncode, self.read("plain")), (1, b"precious"))
        self.assertEqual(self.names(), ["plain"])

    def test_less_than_a_tag_is_refused(self):
        for size in (0, 1, 15):
            done = aes("decrypt", "gcm", input=bytes(size))
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(f"it has {size} bytes".encode(), done.stderr)
            self.assertIn(b"(ESIZE)", done.stderr)

    def test_more_than_the_limit_is_refused_both_ways_naming_it(self):
        long = self.write("long", bytes(MIB + 1))
        longer = self.write("longer", bytes(MIB + 17))
        for verb, path, data in (("encrypt", long, bytes(MIB + 1)),
                                 ("decrypt", longer, bytes(MIB + 17))):
            for options in (["--in", path], ["--in", path, "--out", self.path("out")]):
                self.too_long(aes(verb, "gcm", *options), verb)
            self.too_long(aes(verb, "gcm", "--out", self.path("out"), input=data), verb)
        self.assertEqual(self.names(), ["long", "longer"])

    def too_long(self, done, verb):
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertTrue(done.stderr.startswith(NAME + verb.encode()))
        for part in (b"aead_scratch", b"1048576 bytes", b"--mode gcm-stream", b"(ESIZE)"):
            self.assertIn(part, done.stderr)

    def test_a_huge_input_is_refused_before_it_is_read(self):
        path = self.path("huge")
        with open(path, "wb") as file:
            file.truncate(1 << 40)
        self.too_long(aes("encrypt", "gcm", "--in", path), "encrypt")

    def test_the_limit_is_the_daemons(self):
        for config, limit in (("4K", 4096), ("3M", 3 * MIB)):
            with Private(config=f"[hil]\naead_scratch = {config}\n") as other:
                sealed = aes("encrypt", "gcm", client=other, input=pattern(limit))
                self.assertEqual(len(sealed.stdout), limit + 16, sealed.stderr)
                done = aes("decrypt", "gcm", client=other, input=sealed.stdout)
                self.assertEqual(done.stdout, pattern(limit))
                done = aes("encrypt", "gcm", client=other, input=bytes(limit + 1))
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertIn(f"{limit} bytes".encode(), done.stderr)

    def test_long_additional_data_is_authenticated(self):
        aad = pattern(20000).hex()
        sealed = aes("encrypt", "gcm", "--aad-hex", aad, input=b"x").stdout
        self.assertEqual(aes("decrypt", "gcm", "--aad-hex", aad, input=sealed).stdout, b"x")
        changed = aad[:-1] + ("0" if aad[-1] != "0" else "1")
        self.assertEqual(aes("decrypt", "gcm", "--aad-hex", changed, input=sealed).returncode, 1)


def fresh(verb, *options, key=KEY, client=None, **more):
    """GCM without an iv of one's own."""
    return (client or daemon).cli("aes", verb, "--mode", "gcm", "--key-hex", key, *options, **more)


class FreshIv(Files):
    """The iv's 12 bytes, the ciphertext, the tag's 16: each that python's cryptography knows."""

    def test_cryptography_opens_what_it_writes_of_any_size_and_key(self):
        for size in SIZES:
            for key in KEYS.values():
                sealed = fresh("encrypt", "--aad-hex", "0102", key=key, input=pattern(size))
                self.assertEqual((sealed.returncode, sealed.stderr), (0, b""))
                self.assertEqual(len(sealed.stdout), 12 + size + 16)
                self.assertEqual(AESGCM(bytes.fromhex(key)).decrypt(
                    sealed.stdout[:12], sealed.stdout[12:], b"\1\2"), pattern(size))
                done = fresh("decrypt", "--aad-hex", "0102", key=key, input=sealed.stdout)
                self.assertEqual((done.returncode, done.stdout), (0, pattern(size)))

    def test_it_reads_what_cryptography_writes(self):
        iv = bytes.fromhex(NONCE)
        sealed = AESGCM(bytes.fromhex(KEY)).encrypt(iv, pattern(1000), None)
        path = self.write("sealed", iv + sealed)
        done = fresh("decrypt", "--in", path, "--out", self.path("plain"))
        self.assertEqual((done.returncode, self.read("plain")), (0, pattern(1000)))

    def test_it_is_what_the_same_iv_makes_when_it_is_given(self):
        sealed = fresh("encrypt", input=b"attack at dawn").stdout
        iv = sealed[:12].hex()
        self.assertEqual(aes("encrypt", "gcm", iv=iv, input=b"attack at dawn").stdout, sealed[12:])
        self.assertEqual(aes("decrypt", "gcm", iv=iv, input=sealed[12:]).stdout, b"attack at dawn")

    def test_no_two_messages_have_one_iv(self):
        ivs = [fresh("encrypt", input=b"the same").stdout[:12] for _ in range(30)]
        self.assertEqual(len(set(ivs)), 30)
        for half in (slice(0, 6), slice(6, 12)):  # nor is it a counter
            self.assertEqual(len({iv[half] for iv in ivs}), 30)

    def test_one_changed_bit_anywhere_is_refused_and_nothing_is_written(self):
        sealed = fresh("encrypt", input=b"attack at dawn").stdout
        for at in range(len(sealed)):
            forged = bytearray(sealed)
            forged[at] ^= 1
            done = fresh("decrypt", "--out", self.path("plain"), input=bytes(forged))
            self.assertEqual((done.returncode, done.stdout, self.names()), (1, b"", []))
            self.assertIn(b"its tag does not match", done.stderr)

    def test_a_message_without_its_iv_is_refused_with_a_hint(self):
        done = fresh("decrypt", input=aes("encrypt", "gcm", input=b"attack at dawn").stdout)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"its tag does not match", done.stderr)
        self.assertIn(b"whether it was encrypted with --iv-hex", done.stderr)

    def test_less_than_an_iv_and_a_tag_is_refused(self):
        for size in (0, 11, 12, 27):
            done = fresh("decrypt", input=bytes(size))
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            for part in (f"it has {size} bytes", "its iv and tag alone need 28", "without --iv-hex", "(ESIZE)"):
                self.assertIn(part.encode(), done.stderr)

    def test_the_limit_is_the_messages_without_its_iv(self):
        done = fresh("encrypt", input=bytes(MIB + 1))
        self.assertIn(b"1048576 bytes", done.stderr)
        done = fresh("decrypt", input=bytes(MIB + 29))
        self.assertIn(b"1048576 bytes", done.stderr)
        self.assertIn(b"tag does not match", fresh("decrypt", input=bytes(MIB + 28)).stderr)

    def test_no_other_mode_makes_an_iv(self):
        for mode in ("ccm", "ctr", "cbc"):
            for verb in ("encrypt", "decrypt"):
                done = daemon.cli("aes", verb, "--mode", mode, "--key-hex", KEY, input=b"")
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertIn(b"the iv is missing, --iv-hex", done.stderr)


class Ctr(Files):
    def test_it_is_what_openssl_makes_of_any_size(self):
        for size in STREAM_SIZES:
            done = aes("encrypt", "ctr", input=pattern(size))
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(done.stdout, openssl_ctr(pattern(size)), size)

    def test_it_is_what_openssl_makes_with_any_key_size(self):
        for key in KEYS.values():
            self.assertEqual(aes("encrypt", "ctr", key=key, input=pattern(1000)).stdout,
                             openssl_ctr(pattern(1000), key))

    def test_all_128_bits_of_the_counter_count(self):
        for iv in ("00000000000000000000ffffffffffff", "000000000000ffffffffffffffffffff",
                   "0123456789abcdefffffffffffffffff"):
            self.assertEqual(aes("encrypt", "ctr", iv=iv, input=pattern(MIB + 40)).stdout,
                             openssl_ctr(pattern(MIB + 40), iv=iv))

    def test_openssl_decrypts_it_and_it_decrypts_openssls(self):
        data = pattern(3 * MIB + 5)
        self.assertEqual(openssl_ctr(aes("encrypt", "ctr", input=data).stdout), data)
        self.assertEqual(aes("decrypt", "ctr", input=openssl_ctr(data)).stdout, data)

    def test_files_are_read_and_written(self):
        for size in STREAM_SIZES:
            plain = self.write("plain", pattern(size))
            done = aes("encrypt", "ctr", "--in", plain, "--out", self.path("sealed"))
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            self.assertEqual(self.read("sealed"), openssl_ctr(pattern(size)))
            done = aes("decrypt", "ctr", "--in", self.path("sealed"), "--out", self.path("again"))
            self.assertEqual(self.read("again"), pattern(size))

    def test_a_file_can_be_encrypted_onto_itself(self):
        path = self.write("file", pattern(3 * MIB))
        self.assertEqual(aes("encrypt", "ctr", "--in", path, "--out", path).returncode, 0)
        self.assertEqual(self.read("file"), openssl_ctr(pattern(3 * MIB)))

    def test_a_counter_that_would_start_again_is_refused_and_nothing_is_written(self):
        for iv, size in (("f" * 32, 17), ("f" * 28 + "0000", 3 * MIB)):
            done = aes("encrypt", "ctr", "--out", self.path("out"), iv=iv, input=bytes(size))
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"its counter would start again", done.stderr)
            self.assertIn(b"(ESIZE)", done.stderr)
            self.assertEqual(self.names(), [])
        self.assertEqual(aes("encrypt", "ctr", iv="f" * 32, input=bytes(16)).returncode, 0)

    @unittest.skipIf(is_sanitized(), "a sanitizer takes memory of its own")
    def test_16_mib_and_1_gib_take_the_same_memory(self):
        peaks = []
        for mebibytes in (16, 1024):
            path = self.path("sparse")
            with open(path, "wb") as file:
                file.truncate(mebibytes * MIB)
            process = daemon.start("aes", "encrypt", "--mode", "ctr", "--key-hex", KEY, "--iv-hex",
                                   COUNTER, "--in", path, stdout=subprocess.PIPE)
            for _ in range(mebibytes - 1):
                process.stdout.read(MIB)
            peaks.append(peak_kib(process.pid))
            self.assertEqual(len(process.stdout.read()), MIB)
            process.stdout.close()
            self.assertEqual(process.wait(DEADLINE), 0)
        self.assertLess(abs(peaks[1] - peaks[0]), 1024)

    def test_small_limits_of_the_daemon_make_it_slower_not_wrong(self):
        for config in ("window_max = 4K", "windows_per_process = 1", "profile = pluton",
                       "window_max = 1M\nwindows_per_user = 1M"):
            with Private(config=f"[kernel]\n{config}\n") as other:
                done = aes("encrypt", "ctr", client=other, input=pattern(MIB + 5))
                self.assertEqual((done.stderr, done.stdout), (b"", openssl_ctr(pattern(MIB + 5))))


class Keys(Files):
    def test_a_key_file_is_the_bytes_of_the_key(self):
        for size, key in KEYS.items():
            path = self.write("key", bytes.fromhex(key))
            done = daemon.cli("aes", "encrypt", "--mode", "ctr", "--key-file", path, "--iv-hex",
                              COUNTER, input=pattern(100))
            self.assertEqual(done.stdout, openssl_ctr(pattern(100), key), size)

    def test_a_key_file_of_another_size_is_refused_naming_it(self):
        for size in (0, 15, 17, 31, 33, 5000):
            path = self.write("key", bytes(size))
            done = daemon.cli("aes", "encrypt", "--mode", "ctr", "--key-file", path, "--iv-hex",
                              COUNTER, input=b"x")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(f"{min(size, 33)} bytes".encode(), done.stderr)
            self.assertIn(b"16, 24 or 32", done.stderr)

    def test_a_key_file_that_is_not_there_is_refused_by_name(self):
        done = daemon.cli("aes", "encrypt", "--mode", "ctr", "--key-file", "/nowhere/key",
                          "--iv-hex", COUNTER)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/nowhere/key", done.stderr)

    def test_a_key_of_a_wrong_length_is_refused_naming_it_but_not_the_key(self):
        for digits in ("", "ab", "ab" * 15, "ab" * 17, "ab" * 33, "ab" * 16 + "a", "a"):
            done = aes("encrypt", "gcm", key=digits, input=b"")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(f"{len(digits)} digits, give 32, 48 or 64".encode(), done.stderr)
            self.assertNotIn(b"abab", done.stderr)

    def test_a_key_that_is_not_hexadecimal_is_refused_without_showing_it(self):
        for bad in ("g" + "ab" * 15 + "b", "ab" * 15 + "a ", "ab" * 15 + "xy", "0x" + "ab" * 15,
                    "ab" * 15 + "a\xe4"[:2], "ab" * 15 + "@f", "ab" * 15 + "`f", "ab" * 15 + ":f",
                    "ab" * 15 + "/f"):
            done = aes("encrypt", "gcm", key=bad, input=b"")
            self.assertEqual((done.returncode, done.stdout), (2, b""), bad)
            self.assertNotIn(b"abab", done.stderr)

    def test_hexadecimal_may_be_of_either_case(self):
        self.assertEqual(aes("encrypt", "gcm", key="AB" * 16, iv=NONCE.upper(), input=b"x").stdout,
                         aes("encrypt", "gcm", key="ab" * 16, iv=NONCE, input=b"x").stdout)

    def test_the_key_is_not_in_the_command_line_that_others_see(self):
        process = daemon.start("aes", "encrypt", "--mode", "ctr", "--key-hex", KEY, "--iv-hex",
                               COUNTER, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        process.stdin.write(bytes(3 * MIB))  # more than fits the pipe: it has begun
        process.stdin.flush()
        with open(f"/proc/{process.pid}/cmdline", "rb") as file:
            line = file.read()
        process.communicate(timeout=DEADLINE)
        self.assertIn(b"--key-hex\0" + b"x" * 64, line)

    def test_an_iv_of_a_wrong_length_is_refused_naming_what_is_needed(self):
        for mode, iv, needed in (("gcm", COUNTER, 24), ("gcm", NONCE[:-1], 24), ("ctr", NONCE, 32),
                                 ("ctr", COUNTER + "00", 32)):
            done = aes("encrypt", mode, iv=iv, input=b"")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(f"{len(iv)} digits, give {needed} for {mode}".encode(), done.stderr)

    def test_an_iv_or_additional_data_that_is_not_hexadecimal_is_refused(self):
        self.assertEqual(aes("encrypt", "gcm", iv="x" * 24, input=b"").returncode, 2)
        for aad in ("xy", "0", "012"):
            self.assertEqual(aes("encrypt", "gcm", "--aad-hex", aad, input=b"").returncode, 2)


class CommandLine(Files):
    def test_each_missing_option_is_named(self):
        given = {"--mode": "ctr", "--key-hex": KEY, "--iv-hex": COUNTER}
        for missing, shown in (("--mode", b"--mode"), ("--key-hex", b"--key-file"),
                               ("--iv-hex", b"--iv-hex")):
            line = [part for pair in given.items() if pair[0] != missing for part in pair]
            done = daemon.cli("aes", "encrypt", *line)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(b"is missing, " + shown, done.stderr)

    def test_an_unknown_mode_is_refused_naming_those_there_are(self):
        for mode in ("xts", "GCM", ""):
            done = daemon.cli("aes", "encrypt", "--mode", mode)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"use gcm, gcm-stream, ccm, ctr, cbc or ecb", done.stderr)

    def test_what_is_given_twice_or_in_vain_is_refused(self):
        for words, line in (
                (b"two ivs", ("gcm", "--key-hex", "00" * 16, "--iv-hex", "00" * 12,
                              "--nonce-hex", "11" * 12)),
                (b"key and data both from standard input", ("gcm", "--key-file", "-")),
                (b"whose key is bytes", ("gcm-stream", "--key-slot", "1"))):
            done = daemon.cli("aes", "encrypt", "--mode", *line, input=b"")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(words, done.stderr)

    def test_two_keys_are_refused(self):
        done = aes("encrypt", "gcm", "--key-file", "/dev/null", input=b"")
        self.assertEqual(done.returncode, 2)

    def test_additional_data_without_gcm_is_refused(self):
        self.assertEqual(aes("encrypt", "ctr", "--aad-hex", "00", input=b"").returncode, 2)

    def test_json_tells_of_an_output_file(self):
        plain = self.write("plain", b"x")
        done = aes("encrypt", "gcm", "--in", plain, "--out", self.path("sealed"), "--json")
        self.assertEqual(json.loads(done.stdout),
                         {"mode": "gcm", "in": plain, "out": self.path("sealed")})

    def test_json_with_the_data_on_standard_output_is_refused(self):
        done = aes("encrypt", "gcm", "--json", input=b"x")
        self.assertEqual((done.returncode, done.stdout), (2, b""))


class Output(Files):
    def mode_of(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def test_a_new_file_has_the_permissions_that_the_umask_leaves(self):
        for mask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
            aes("encrypt", "gcm", "--out", self.path("out"), input=b"x", umask=mask)
            self.assertEqual(self.mode_of("out"), mode)
            os.remove(self.path("out"))

    def test_an_existing_file_keeps_its_permissions(self):
        for mode in (0o600, 0o640, 0o755):
            self.write("out", b"old")
            os.chmod(self.path("out"), mode)
            done = aes("encrypt", "ctr", "--out", self.path("out"), input=b"x")
            self.assertEqual(done.returncode, 0)
            self.assertEqual((self.mode_of("out"), len(self.read("out"))), (mode, 1))

    def test_a_link_stays_a_link(self):
        self.write("real", b"old")
        os.symlink("real", self.path("link"))
        aes("encrypt", "ctr", "--out", self.path("link"), input=b"x")
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertEqual(len(self.read("real")), 1)

    def test_what_is_no_regular_file_is_written_to_and_not_replaced(self):
        for mode in ("ctr", "gcm"):
            self.assertEqual(aes("encrypt", mode, "--out", "/dev/null", input=b"x").returncode, 0)
            self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        os.mkfifo(self.path("fifo"))
        process = daemon.start("aes", "encrypt", "--mode", "ctr", "--key-hex", KEY, "--iv-hex",
                               COUNTER, "--out", self.path("fifo"), stdin=subprocess.PIPE)
        process.stdin.write(b"abc")
        process.stdin.close()
        self.assertEqual(self.read("fifo"), openssl_ctr(b"abc"))
        self.assertEqual(process.wait(DEADLINE), 0)
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("fifo")).st_mode))

    def test_a_name_without_a_folder_is_meant_from_where_we_stand(self):
        done = aes("encrypt", "ctr", "--out", "here", input=b"x", cwd=self.folder)
        self.assertEqual((done.returncode, self.names()), (0, ["here"]))

    def test_an_output_that_cannot_be_made_is_refused_by_name(self):
        os.mkdir(self.path("folder"))
        for mode in ("ctr", "gcm"):
            for name, error in (("/nowhere/out", b"(ENOENT)"), (self.path("folder"), b"(EISDIR)"),
                                ("", b"(ENOENT)"), ("/proc/out", b"(E"),
                                ("/dev/full", b"(ENOSPC)")):
                done = aes("encrypt", mode, "--out", name, input=b"x")
                self.assertEqual(done.returncode, 1, (mode, name))
                self.assertIn(name.encode(), done.stderr)
                self.assertIn(error, done.stderr)

    def test_an_output_that_cannot_grow_leaves_nothing(self):
        # 8 MiB, in blocks: enough for the shared memory, too little for the output.
        done = run("/bin/sh", "-c", 'ulimit -f 16384; trap "" XFSZ; exec "$@"', "sh", CLI, "aes",
                   "encrypt", "--mode", "ctr", "--key-hex", KEY, "--iv-hex", COUNTER, "--out",
                   self.path("out"), input=bytes(12 * MIB), env=daemon.environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"(EFBIG)", done.stderr)
        self.assertEqual(self.names(), [])

    def test_an_input_that_is_not_there_leaves_an_existing_output(self):
        for mode in ("ctr", "gcm"):
            self.write("out", b"precious")
            done = aes("encrypt", mode, "--in", "/nowhere/in", "--out", self.path("out"))
            self.assertEqual((done.returncode, self.read("out")), (1, b"precious"))

    def started(self, client):
        """Encrypts into "out", and has begun."""
        process = client.start("aes", "encrypt", "--mode", "ctr", "--key-hex", KEY, "--iv-hex",
                               COUNTER, "--out", self.path("out"), stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        process.stdin.write(bytes(3 * MIB))  # more than fits the pipe
        process.stdin.flush()
        return process

    def test_an_ending_signal_leaves_nothing_and_is_what_ends_it(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            process = self.started(daemon)
            self.assertEqual(len(self.names()), 1)
            process.send_signal(number)
            process.communicate(timeout=DEADLINE)
            self.assertEqual((process.returncode, self.names()), (-number, []))

    def test_nothing_appears_under_the_name_before_all_of_it_is_there(self):
        process = self.started(daemon)
        self.assertNotIn("out", self.names())
        process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, self.names()), (0, ["out"]))
        self.assertEqual(len(self.read("out")), 3 * MIB)

    def test_a_daemon_that_dies_meanwhile_is_status_3_and_leaves_nothing(self):
        with Private() as other:
            process = self.started(other)
            other.kill()
            _, error = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 3)
        self.assertIn(b"(EOFF)", error)
        self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
