# SPDX-License-Identifier: Apache-2.0
"""pluton-cli aes --mode gcm-stream: Tink's own vectors, an implementation written from
docs/aes-gcm-stream.md alone on python3-cryptography in both directions, and what becomes of files that
were changed."""

import os
import stat
import subprocess
import unittest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from private import DEADLINE, SOURCE, Private, is_sanitized, pattern, peak_kib

KIB, MIB = 1 << 10, 1 << 20
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha512": hashes.SHA512}
TAG = 16

# tink-java, src/main/java/com/google/crypto/tink/streamingaead/internal/testing/
# AesGcmHkdfStreamingTestUtil.java: (key, hash, segment size, aad, message, ciphertext)
KEY16, KEY32 = ("6eb56cdc726dfbe5d57f2fcdc6e9345b",
                "00112233445566778899aabbccddeeff6eb56cdc726dfbe5d57f2fcdc6e9345b")
TINK = [
    (KEY16, "sha1", 64, b"aad",
     b"This is a fairly long plaintext. It is of the exact length to create three output blocks. ",
     "1893b3af5e14ab378d065addfc8484da642c0862877baea8"
     "db92d9c77406a406168478821c4298eab3e6d531277f4c1a051714faebcaefcbca7b7be05e9445ea"
     "a0bb2904153398a25084dd80ae0edcd1c3079fcea2cd3770630ee36f7539207b8ec9d754956d486b71cdf989f0ed6fba"
     "6779b63558be0a66e668df14e1603cd2"
     "af8944844078345286d0b292e772e7190775c51a0f83e40c0b75821027e7e538e111"),
    (KEY16, "sha1", 64, b"", b"",
     "18ec99b2c3884194023bd41bb9bff309205354c750fa0cb3c0d02609abf71f88eaeaa48d7deca27f"),
    (KEY16, "sha256", 64, b"", b"",
     "18be78bce0cab6fd38a9041eea8ab0ffc4cf17e3c00b661d3927f5f79069f41a210fedc40b25648c"),
    (KEY16, "sha512", 64, b"", b"",
     "18fec8139ccb406e0f140d7e2bcc41e1b899bc1b121574cc31d1c78ed2ca1cdf324665b8dce21095"),
    (KEY32, "sha1", 64, b"", b"",  # derived key of 16 bytes
     "180880e85a24207a7b72cefde26306ed09d7d76e58104b751d005a3ffd72dd6151f0d9c8ccf163f7"),
    (KEY32, "sha1", 64, b"", b"",
     "28fae780c70a82d1256c8303a1261ac6a98cf557b4e173967a62f3c149517ba5b2431da93b3c6e90f508b34dc14bfda5"
     "9bab05681c6ad3fa"),
    (KEY32, "sha1", 128, b"", b"",
     "28fae780c70a82d1256c8303a1261ac6a98cf557b4e173967a62f3c149517ba5b2431da93b3c6e90f508b34dc14bfda5"
     "9bab05681c6ad3fa"),
    (KEY32, "sha1", 120, bytes(range(4)),
     b"BLOCK 1.BLOCK 2.BLOCK 3.BLOCK 4.BLOCK 5.BLOCK 6.BLOCK 7.BLOCK 8.",
     "28782994617714a80fa085e15051a16854522330d6d0f26c049b2192f09cdd98b2eb90c753bfff277a29e54fa4afb15d"
     "648c28477eb07f012535c767f5fdce24ffffae318480c1d37357d6d3c511159318afa09ef38aa3f5456fd7817c5c02dd"
     "6e1a7fef174c8bd24e38b5982ac105497c0101ac5581fe5b"),
]


def setUpModule():
    global daemon
    daemon = Private(config="[hil]\nchecker = yes\n")


def tearDownModule():
    daemon.close()


class Other:
    """The other implementation, of one message."""

    def __init__(self, key, header, hash_name="sha256", segment_size=MIB, aad=b""):
        size = header[0] - 8
        assert len(header) == header[0] and size in (16, 32)
        self.gcm = AESGCM(HKDF(HASHES[hash_name](), size, header[1:1 + size], aad).derive(
            bytes.fromhex(key)))
        self.header, self.prefix, self.segment_size = header, header[1 + size:], segment_size

    def nonce(self, number, last):
        return self.prefix + number.to_bytes(4, "big") + bytes([last])

    def places(self, length, tag):
        """(number, from, to, whether it is the last) of each segment of so many bytes."""
        number, at, end = 0, 0, self.segment_size - len(self.header) - tag
        while True:
            yield number, at, min(end, length), end >= length
            if end >= length:
                return
            number, at, end = number + 1, end, end + self.segment_size - tag

    def encrypt(self, message):
        return self.header + b"".join(
            self.gcm.encrypt(self.nonce(number, last), message[at:end], None)
            for number, at, end, last in self.places(len(message), TAG))

    def decrypt(self, segments):
        return b"".join(self.gcm.decrypt(self.nonce(number, last), segments[at:end], None)
                        for number, at, end, last in self.places(len(segments), 0))


def other_encrypt(key, message, **how):
    salt = os.urandom(len(key) // 2)
    return Other(key, bytes([len(salt) + 8]) + salt + os.urandom(7), **how).encrypt(message)


def other_decrypt(key, file, **how):
    return Other(key, file[:file[0]], **how).decrypt(file[file[0]:])


def stream(verb, data, *options, key=KEY, other=None, **how):
    return (other or daemon).cli("aes", verb, "--mode", "gcm-stream", "--key-hex", key, *options,
                                 input=data, **how)


class Stream(unittest.TestCase):
    def path(self, name):
        path = os.path.join(daemon.folder.name, name)
        self.addCleanup(lambda: os.path.exists(path) and os.remove(path))
        return path

    def file(self, name, data):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def done(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def refused(self, done, *sentences, status=1):
        self.assertEqual(done.returncode, status, done)
        for sentence in sentences:
            self.assertIn(sentence.encode(), done.stderr)


class Format(Stream):
    def test_tinks_own_vectors_are_decrypted(self):
        for key, hash_name, size, aad, message, ciphertext in TINK:
            options = ["--hash", hash_name, "--segment-size", str(size), "--aad-hex", aad.hex()]
            file = bytes.fromhex(ciphertext)
            self.assertEqual(self.done(stream("decrypt", file, *options, key=key)), message)
            # and by the implementation that all else here is held against
            self.assertEqual(other_decrypt(key, file, hash_name=hash_name, segment_size=size,
                                           aad=aad), message)

    def test_it_is_what_another_implementation_reads_and_writes_at_every_size(self):
        size = 100
        for key in (KEY[:32], KEY):
            header = 8 + len(key) // 2
            first, next_ = size - header - TAG, size - TAG
            for length in {0, 1, first - 1, first, first + 1, first + next_ - 1, first + next_,
                           first + next_ + 1, first + 20 * next_, first + 20 * next_ + 1, 5000}:
                for hash_name in ("sha256", "sha512"):
                    how = {"hash_name": hash_name, "segment_size": size, "aad": b"about"}
                    options = ["--hash", hash_name, "--segment-size", str(size), "--aad-hex",
                               b"about".hex()]
                    message = pattern(length)
                    file = self.done(stream("encrypt", message, *options, key=key))
                    count = 1 + max(0, -(-(length - first) // next_))
                    self.assertEqual(len(file), header + length + TAG * count)
                    self.assertEqual(other_decrypt(key, file, **how), message)
                    file = other_encrypt(key, message, **how)
                    self.assertEqual(self.done(stream("decrypt", file, *options, key=key)), message)

    def test_tinks_templates_of_4_kib_and_1_mib(self):
        for size in (4096, MIB):
            for length in (0, size - 40 - TAG, size - 40 - TAG + 1, 5 * size + 77):
                options = [] if size == MIB else ["--segment-size", str(size)]
                message = pattern(length)
                file = self.done(stream("encrypt", message, *options))
                self.assertEqual(other_decrypt(KEY, file, segment_size=size), message)
                file = other_encrypt(KEY, message, segment_size=size)
                self.assertEqual(self.done(stream("decrypt", file, *options)), message)

    def test_two_encryptions_have_nothing_in_common(self):
        files = [self.done(stream("encrypt", bytes(200), "--segment-size", "100")) for _ in "ab"]
        self.assertEqual(files[0][0], files[1][0])
        self.assertFalse(any(files[0][at:at + 8] == files[1][at:at + 8] for at in range(1, 200)))

    def test_the_example_of_the_page_is_tinks(self):
        with open(f"{SOURCE}/docs/aes-gcm-stream.md", encoding="utf-8") as page:
            shown = "".join(part for line in page.read().partition("    header     ")[2].split("\n\n")[
                0].splitlines() for part in line.split() if part not in ("segment", "0", "1", "2"))
        self.assertEqual(shown, TINK[0][5])


class Large(Stream):
    def test_a_file_over_64_mib_comes_back(self):
        plain, sealed, again = (self.path(name) for name in ("plain", "sealed", "again"))
        with open(plain, "wb") as file:
            for number in range(70):
                file.write(bytes([number]) * MIB)
            file.write(b"the end")
        for verb, in_, out in (("encrypt", plain, sealed), ("decrypt", sealed, again)):
            self.done(stream(verb, None, "--in", in_, "--out", out))
        self.assertEqual(subprocess.run(["cmp", plain, again], check=False).returncode, 0)
        with open(sealed, "rb") as file:
            self.assertEqual(other_decrypt(KEY, file.read())[-7:], b"the end")

    def peaks(self, verb, paths):
        for path in paths:
            process = daemon.start("aes", verb, "--mode", "gcm-stream", "--key-hex", KEY, "--in",
                                   path, stdout=subprocess.PIPE)
            for _ in range(os.path.getsize(path) // MIB - 1):
                process.stdout.read(MIB)
            yield peak_kib(process.pid)
            process.stdout.read()
            process.stdout.close()
            self.assertEqual(process.wait(DEADLINE), 0)

    @unittest.skipIf(is_sanitized(), "a sanitizer takes memory of its own")
    def test_16_mib_and_256_mib_take_the_same_memory_both_ways(self):
        plain = [self.path(f"plain-{size}") for size in (16, 256)]
        sealed = [self.path(f"sealed-{size}") for size in (16, 256)]
        for i, size in enumerate((16, 256)):
            with open(plain[i], "wb") as file:
                file.truncate(size * MIB)
            self.done(stream("encrypt", None, "--in", plain[i], "--out", sealed[i]))
        for verb, paths in (("encrypt", plain), ("decrypt", sealed)):
            small, large = self.peaks(verb, paths)
            self.assertLess(abs(large - small), 1024)

    def test_a_small_window_or_scratch_makes_it_slower_not_wrong(self):
        message = pattern(3 * MIB + 5)
        for config, size in (("[kernel]\nwindow_max = 64K\n", "4096"),
                             ("[kernel]\nwindow_max = 4K\n", "4096"),
                             ("[kernel]\nwindows_per_process = 1\n", "1048576"),
                             ("[kernel]\nprofile = pluton\n", "4096"),
                             ("[kernel]\nwindow_max = 1M\nwindows_per_user = 1M\n", "4096"),
                             ("[hil]\naead_scratch = 64K\n", "1048576"),
                             ("[hil]\naead_scratch = 4K\n", "5000")):
            with Private(config=config) as other:
                file = self.done(stream("encrypt", message, "--segment-size", size, other=other))
                self.assertEqual(other_decrypt(KEY, file, segment_size=int(size)), message)
                self.assertEqual(self.done(stream("decrypt", file, "--segment-size", size,
                                                  other=other)), message)


class Changed(Stream):
    SIZE = 100
    OPTIONS = ["--segment-size", "100"]

    def setUp(self):
        self.message = pattern(44 + 84 * 3 + 30)  # segments 0 to 4, the last is not full
        self.sealed = other_encrypt(KEY, self.message, segment_size=self.SIZE)

    def check(self, data, *sentences, key=KEY, options=None):
        """No output file appears, and on a pipe there is nothing but the true beginning."""
        out = self.path("out")
        options = self.OPTIONS if options is None else options
        done = stream("decrypt", data, *options, "--out", out, key=key)
        self.refused(done, "cannot decrypt", *sentences)
        self.assertEqual([name for name in os.listdir(daemon.folder.name) if "out" in name], [])
        done = stream("decrypt", data, *options, key=key)
        self.refused(done, "cannot decrypt", *sentences)
        self.assertTrue(self.message.startswith(done.stdout))
        self.assertLess(len(done.stdout), len(self.message))

    def test_the_file_itself_is_right(self):
        self.assertEqual(self.done(stream("decrypt", self.sealed, *self.OPTIONS)), self.message)

    def test_a_changed_bit_anywhere_is_refused(self):
        for at in [*range(0, 60, 3), *range(60, len(self.sealed), 17), len(self.sealed) - 1]:
            data = bytearray(self.sealed)
            data[at] ^= 0x10
            self.check(bytes(data))

    def test_a_file_that_was_cut_anywhere_is_refused(self):
        for length in [*range(0, 60), *range(60, len(self.sealed), 13), 100, 200, 300, 400,
                       len(self.sealed) - 1]:
            self.check(self.sealed[:length], "segment" if length in (100, 200, 300, 400) else "")

    def test_a_file_with_something_behind_it_is_refused(self):
        for more in (b"\0", self.sealed[-46:], self.sealed[100:200], bytes(100), self.sealed):
            self.check(self.sealed + more, "segment")

    def test_segments_in_another_order_are_refused(self):
        parts = [self.sealed[at:at + 100] for at in range(0, len(self.sealed), 100)]
        for order in ([0, 2, 1, 3, 4], [0, 1, 3, 4], [0, 1, 1, 2, 3, 4], [0, 1, 2, 3, 3],
                      [0, 4], [0, 1, 2, 4, 3]):
            self.check(b"".join(parts[i] for i in order), "does not match its tag")

    def test_segments_of_another_file_with_the_same_key_are_refused(self):
        other = other_encrypt(KEY, self.message, segment_size=self.SIZE)
        self.check(self.sealed[:200] + other[200:], "segment 2")
        self.check(other[:40] + self.sealed[40:], "segment 0")

    def test_an_empty_last_segment_is_none(self):
        """It would be another ciphertext of the same message."""
        header = self.sealed[:40]
        maker = Other(KEY, header, segment_size=self.SIZE)
        message = pattern(44)
        data = header + maker.gcm.encrypt(maker.nonce(0, 0), message, None) + maker.gcm.encrypt(
            maker.nonce(1, 1), b"", None)
        self.check(data, "it ends too early")

    def test_another_key_hash_aad_or_segment_size_is_refused(self):
        self.check(self.sealed, "segment 0", key=KEY[:-2] + "00")
        self.check(self.sealed, "segment 0", options=["--segment-size", "100", "--hash", "sha512"])
        self.check(self.sealed, "segment 0", options=["--segment-size", "100", "--aad-hex", "00"])
        for size in ("99", "101", "4096", "1048576"):
            self.check(self.sealed, "segment 0", "--segment-size", options=["--segment-size", size])

    def test_what_is_no_such_file_is_refused_by_its_first_byte(self):
        self.check(b"", "it ends too early")
        self.check(b"PK\3\4", "a header begins with 24 or 40, not with 80")
        self.check(self.sealed, "that of a longer key", key=KEY[:32])

    def test_the_other_implementation_refuses_the_same(self):
        for data in (self.sealed[:200], self.sealed + bytes(17), self.sealed[:-1]):
            with self.assertRaises(InvalidTag):
                other_decrypt(KEY, data, segment_size=self.SIZE)

    def test_an_output_file_that_was_there_stays_as_it_was(self):
        out = self.file("out-before", b"before")
        done = stream("decrypt", self.sealed[:-1], *self.OPTIONS, "--out", out)
        self.refused(done, "cannot decrypt")
        with open(out, "rb") as file:
            self.assertEqual(file.read(), b"before")


class CommandLine(Stream):
    def test_files_and_json(self):
        plain, sealed, again = self.file("a", pattern(1000)), self.path("b"), self.path("c")
        done = stream("encrypt", None, "--in", plain, "--out", sealed, "--json")
        self.assertEqual(self.done(done).decode().replace(" ", ""),
                         '{"mode":"gcm-stream","in":"%s","out":"%s"}\n' % (plain, sealed))
        self.done(stream("decrypt", None, "--in", sealed, "--out", again))
        with open(again, "rb") as file:
            self.assertEqual(file.read(), pattern(1000))
        self.assertTrue(stat.S_ISREG(os.stat(again).st_mode))

    def test_what_the_mode_has_not_is_a_usage_error(self):
        for options, said in ((["--iv-hex", "00" * 12], "it has no iv"),
                              (["--tag-size", "16"], "only ccm has a choice"),
                              (["--padding", "none"], "--padding with gcm-stream"),
                              (["--hash", "sha384"], "no such --hash, sha384"),
                              (["--segment-size", "56"], "too small, 56"),
                              (["--segment-size", "99999999"], "too large"),
                              (["--segment-size", "x"], "not a number")):
            self.refused(stream("encrypt", b"", *options), said, status=2)
        self.refused(stream("encrypt", b"", key=KEY[:48]), "give 32 or 64", status=2)
        for mode, iv in (("gcm", "00" * 12), ("ctr", "00" * 16)):
            for option in (["--hash", "sha256"], ["--segment-size", "4096"]):
                done = daemon.cli("aes", "encrypt", "--mode", mode, "--key-hex", KEY, "--iv-hex", iv,
                                  *option, input=b"")
                self.refused(done, "only gcm-stream has a choice", status=2)

    def test_aad_that_is_too_long_is_refused(self):
        self.done(stream("encrypt", b"", "--aad-hex", "00" * 1024))
        self.refused(stream("encrypt", b"", "--aad-hex", "00" * 1025), "1025 bytes")


if __name__ == "__main__":
    unittest.main()
