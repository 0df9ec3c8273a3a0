# SPDX-License-Identifier: Apache-2.0
"""pluton-cli aes in CBC and ECB, beside openssl both ways and with their padding, and in CCM."""

import os
import unittest

from private import Private, pattern, run

try:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM
except ImportError:
    AESCCM = None

MIB = 1 << 20
SIZES = [0, 1, 15, 16, 17, 31, 32, 4095, 4096, MIB - 16, MIB - 1, MIB, MIB + 1, 2 * MIB,
         3 * MIB + 5]
KEYS = {size: bytes(range(size)).hex() for size in (16, 24, 32)}
KEY = KEYS[32]
IV = "000102030405060708090a0b0c0d0e0f"


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


def aes(verb, mode, *options, key=KEY, iv=IV, **more):
    options += () if mode == "ecb" else ("--iv-hex", iv)
    return daemon.cli("aes", verb, "--mode", mode, "--key-hex", key, *options, **more)


def openssl(mode, data, *options, key=KEY):
    options += () if mode == "ecb" else ("-iv", IV)
    return run("openssl", "enc", f"-aes-{len(key) * 4}-{mode}", "-K", key, *options,
               input=data).stdout


class Blocks(unittest.TestCase):
    def test_known_answers(self):
        # SP 800-38A, F.2.5 and F.1.5: AES-256, the first two blocks.
        key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
        plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
        for mode, cipher in (
                ("cbc", "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"),
                ("ecb", "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870")):
            done = aes("encrypt", mode, "--padding", "none", key=key, input=plain)
            self.assertEqual((done.stdout.hex(), done.stderr), (cipher, b""))
            done = aes("decrypt", mode, "--padding", "none", key=key, input=done.stdout)
            self.assertEqual(done.stdout, plain)

    def test_it_is_what_openssl_makes_of_any_size_and_comes_back(self):
        for mode in ("cbc", "ecb"):
            for size in SIZES:
                sealed = aes("encrypt", mode, input=pattern(size))
                self.assertEqual((sealed.returncode, sealed.stderr), (0, b""))
                self.assertEqual(sealed.stdout, openssl(mode, pattern(size)), (mode, size))
                done = aes("decrypt", mode, input=sealed.stdout)
                self.assertEqual((done.returncode, done.stdout), (0, pattern(size)), (mode, size))

    def test_openssl_decrypts_it_and_it_decrypts_openssls_with_any_key_size(self):
        for mode in ("cbc", "ecb"):
            for key in KEYS.values():
                sealed = aes("encrypt", mode, key=key, input=pattern(1000)).stdout
                self.assertEqual(openssl(mode, sealed, "-d", key=key), pattern(1000))
                sealed = openssl(mode, pattern(1000), key=key)
                self.assertEqual(aes("decrypt", mode, key=key, input=sealed).stdout, pattern(1000))

    def test_files_are_read_and_written(self):
        plain, sealed, again = (daemon.path(name) for name in ("plain", "sealed", "again"))
        for size in (0, 5, 16, MIB, 3 * MIB + 5):
            with open(plain, "wb") as file:
                file.write(pattern(size))
            done = aes("encrypt", "cbc", "--in", plain, "--out", sealed)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            done = aes("decrypt", "cbc", "--in", sealed, "--out", again)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            with open(again, "rb") as file:
                self.assertEqual(file.read(), pattern(size))

    def test_without_padding_whole_blocks_are_what_openssl_makes(self):
        for mode in ("cbc", "ecb"):
            for size in (0, 16, 4096, MIB, 2 * MIB + 32):
                done = aes("encrypt", mode, "--padding", "none", input=pattern(size))
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(done.stdout, openssl(mode, pattern(size), "-nopad"))
                done = aes("decrypt", mode, "--padding", "none", input=done.stdout)
                self.assertEqual(done.stdout, pattern(size))

    def test_without_padding_half_a_block_is_refused_and_nothing_is_written(self):
        out = daemon.path("out")
        for verb in ("encrypt", "decrypt"):
            for size in (1, 15, 17, MIB + 8):
                done = aes(verb, "cbc", "--padding", "none", "--out", out, input=bytes(size))
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertIn(b"no whole number of 16-byte blocks", done.stderr)
                self.assertIn(b"(ESIZE)", done.stderr)
                self.assertFalse(os.path.exists(out))


class Padding(unittest.TestCase):
    def wrong(self, sealed, mode="cbc", **more):
        out = daemon.path("unpadded")
        done = aes("decrypt", mode, "--out", out, input=sealed, **more)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"its padding is wrong", done.stderr)
        self.assertIn(b"(EINVAL)", done.stderr)
        self.assertFalse(os.path.exists(out))
        return done.stderr

    def test_every_wrong_padding_is_the_same_error_and_nothing_is_written(self):
        ends = ["00", "11", "ff", "0102", "020203", "10" * 15, "0f" + "10" * 15]
        errors = set()
        for end in map(bytes.fromhex, ends):
            block = bytes(16 - len(end)) + end
            for data in (block, bytes(4096) + block, bytes(MIB) + block):
                errors.add(self.wrong(openssl("cbc", data, "-nopad")))
        self.wrong(openssl("ecb", bytes(32), "-nopad"), mode="ecb")
        self.assertEqual(len(errors), 1)

    def test_every_right_padding_is_taken_off(self):
        for count in range(1, 17):
            data = b"x" * (32 - count) + bytes([count]) * count
            self.assertEqual(aes("decrypt", "cbc", input=openssl("cbc", data, "-nopad")).stdout,
                             data[:-count])

    def test_nothing_at_all_has_no_padding(self):
        self.wrong(b"")
        self.assertEqual(aes("decrypt", "cbc", "--padding", "none", input=b"").stdout, b"")

    def test_another_key_is_mostly_a_wrong_padding(self):
        sealed = aes("encrypt", "cbc", input=bytes(100)).stdout
        self.wrong(sealed, key="00" * 32)

    def test_a_cut_message_is_refused(self):
        sealed = aes("encrypt", "cbc", input=b"attack at dawn, and do not be late").stdout
        self.wrong(sealed[:-16])
        for length in (1, 15, 17, 47):
            done = aes("decrypt", "cbc", input=sealed[:length])
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"no whole number of 16-byte blocks", done.stderr)


class Ccm(unittest.TestCase):
    def test_known_answers(self):
        # SP 800-38C, C.1 to C.3.
        key = "404142434445464748494a4b4c4d4e4f"
        for nonce, aad, plain, sealed, tag in (
                (7, 8, 4, "7162015b4dac255d", 4),
                (8, 16, 16, "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd", 6),
                (12, 20, 24, "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951",
                 8)):
            options = ("--tag-size", str(tag), "--aad-hex", bytes(range(aad)).hex(),
                       "--nonce-hex", bytes(range(0x10, 0x10 + nonce)).hex())
            line = ("--mode", "ccm", "--key-hex", key, *options)
            data = bytes(range(0x20, 0x20 + plain))
            done = daemon.cli("aes", "encrypt", *line, input=data)
            self.assertEqual((done.stdout.hex(), done.stderr), (sealed, b""))
            done = daemon.cli("aes", "decrypt", *line, input=done.stdout)
            self.assertEqual((done.stdout, done.stderr), (data, b""))

    @unittest.skipUnless(AESCCM, "no python3-cryptography")
    def test_it_is_what_python_cryptography_makes_both_ways(self):
        for size in (0, 1, 16, 1000, 65535, 65536, MIB):
            for tag, nonce in ((4, 12), (10, 7), (16, 11)):
                iv = bytes(range(nonce))
                theirs = AESCCM(bytes.fromhex(KEY), tag_length=tag)
                options = ("--tag-size", str(tag), "--aad-hex", "0102")
                done = aes("encrypt", "ccm", *options, iv=iv.hex(), input=pattern(size))
                self.assertEqual(theirs.decrypt(iv, done.stdout, b"\1\2"), pattern(size))
                sealed = theirs.encrypt(iv, pattern(size), b"\1\2")
                done = aes("decrypt", "ccm", *options, iv=iv.hex(), input=sealed)
                self.assertEqual(done.stdout, pattern(size))

    def test_one_changed_bit_anywhere_is_refused_and_nothing_is_written(self):
        options = ("--tag-size", "8", "--aad-hex", "0102")
        sealed = aes("encrypt", "ccm", *options, iv="00" * 13, input=b"attack at dawn").stdout
        for at in range(len(sealed)):
            forged = bytearray(sealed)
            forged[at] ^= 1
            self.refused(bytes(forged), *options)
        self.refused(sealed, "--tag-size", "8", "--aad-hex", "0103")
        self.refused(sealed, "--tag-size", "10", "--aad-hex", "0102")

    def refused(self, sealed, *options):
        out = daemon.path("opened")
        done = aes("decrypt", "ccm", *options, "--out", out, iv="00" * 13, input=sealed)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"its tag does not match", done.stderr)
        self.assertFalse(os.path.exists(out))

    def test_a_message_that_is_too_long_for_its_nonce_is_refused_both_ways(self):
        for verb, size in (("encrypt", 65536), ("decrypt", 65536 + 16)):
            done = aes(verb, "ccm", iv="00" * 13, input=bytes(size))
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"longer than 65535 bytes", done.stderr)
            self.assertIn(b"(ESIZE)", done.stderr)
        done = aes("encrypt", "ccm", iv="00" * 13, input=bytes(65535))
        self.assertEqual((done.returncode, len(done.stdout)), (0, 65535 + 16))

    def test_more_than_the_limit_is_refused_naming_it(self):
        for verb, size in (("encrypt", MIB + 1), ("decrypt", MIB + 17)):
            done = aes(verb, "ccm", iv="00" * 12, input=bytes(size))
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"aead_scratch, which is 1048576 bytes", done.stderr)

    def test_less_than_a_tag_is_refused(self):
        done = aes("decrypt", "ccm", "--tag-size", "8", iv="00" * 12, input=bytes(7))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"it has 7 bytes and its tag alone needs 8", done.stderr)


class CommandLine(unittest.TestCase):
    def usage(self, part, *options, **more):
        done = aes("encrypt", *options, input=b"", **more)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(part, done.stderr)

    def test_an_iv_of_a_wrong_length_is_refused_naming_what_is_needed(self):
        self.usage(b"30 digits, give 32 for cbc", "cbc", iv=IV[:-2])
        for digits in (12, 15, 28):
            self.usage(f"{digits} digits, give 14 to 26 for ccm".encode(), "ccm", iv="0" * digits)

    def test_an_iv_for_ecb_is_refused(self):
        self.usage(b"--iv-hex with ecb", "ecb", "--iv-hex", IV)

    def test_options_of_other_modes_are_refused(self):
        self.usage(b"--aad-hex with cbc", "cbc", "--aad-hex", "00")
        self.usage(b"--tag-size with gcm", "gcm", "--tag-size", "8", iv="00" * 12)
        self.usage(b"--padding with ctr", "ctr", "--padding", "none")
        self.usage(b"--padding with ccm", "ccm", "--padding", "pkcs7", iv="00" * 12)

    def test_a_tag_size_or_padding_that_is_none_is_refused(self):
        for size in ("", "0", "2", "5", "18", "016", "8x"):
            self.usage(b"no such --tag-size", "ccm", "--tag-size", size, iv="00" * 12)
        for padding in ("", "zero", "PKCS7"):
            self.usage(b"no such --padding", "cbc", "--padding", padding)


if __name__ == "__main__":
    unittest.main()
