# SPDX-License-Identifier: Apache-2.0
"""pluton-cli hash: sha256sum's line, any size, constant memory."""

import hashlib
import json
import os
import subprocess
import unittest

from private import DEADLINE, Private, is_sanitized, pattern, peak_kib, run

MIB = 1 << 20
# Around the pieces in which a message is read, and around the blocks of the algorithm.
SIZES = [0, 1, 55, 56, 63, 64, 65, 1023, 1024, 1025, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 5]


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


class Hash(unittest.TestCase):
    def file(self, name, data=b"abc"):
        path = os.path.join(os.fsencode(daemon.folder.name), os.fsencode(name))
        with open(path, "wb") as file:
            file.write(data)
        self.addCleanup(os.remove, path)
        return path

    def test_a_known_answer(self):
        # FIPS 180-4's example.
        self.assertEqual(daemon.cli("hash", "sha256", input=b"abc").stdout,
                         b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n")

    def test_a_file_of_any_size_gives_the_line_of_sha256sum(self):
        for size in SIZES:
            path = self.file(f"size-{size}", pattern(size))
            done = daemon.cli("hash", "sha256", path)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(done.stdout, run("sha256sum", path).stdout, size)

    def test_standard_input_is_dash_whether_it_is_named_or_not(self):
        for size in SIZES:
            wanted = hashlib.sha256(pattern(size)).hexdigest().encode() + b"  -\n"
            self.assertEqual(daemon.cli("hash", "sha256", input=pattern(size)).stdout, wanted)
        self.assertEqual(daemon.cli("hash", "sha256", "-", input=pattern(size)).stdout, wanted)

    def test_odd_names_are_escaped_as_sha256sum_escapes_them(self):
        for name in ("a b", " a", "a'b\"", "back\\slash", "new\nline", "re\rturn",
                     "\\", "tab\t", "ä€", b"\xff\xfe", "$(x)"):
            path = self.file(name)
            self.assertEqual(daemon.cli("hash", "sha256", path).stdout,
                             run("sha256sum", path).stdout, name)

    def test_a_name_that_begins_with_a_dash_follows_two(self):
        self.file("-x")
        done = daemon.cli("hash", "sha256", "--", "-x", cwd=daemon.folder.name)
        self.assertEqual(done.stdout, hashlib.sha256(b"abc").hexdigest().encode() + b"  -x\n")

    def test_sha256sum_checks_what_it_prints(self):
        lines = b"".join(daemon.cli("hash", "sha256", self.file(name)).stdout
                         for name in ("one", "t\nwo", "th\\ree"))
        done = run("sha256sum", "--check", "--strict", input=lines)
        self.assertEqual((done.returncode, done.stdout.count(b": OK\n")), (0, 3))

    def test_a_pipe_that_comes_in_small_pieces_is_one_message(self):
        process = daemon.start("hash", "sha256", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for at in range(0, 10000, 7):
            process.stdin.write(pattern(10000)[at:at + 7])
            process.stdin.flush()
        out, _ = process.communicate(timeout=DEADLINE)
        self.assertEqual(out[:64].decode(), hashlib.sha256(pattern(10000)).hexdigest())

    def test_standard_input_is_hashed_from_where_it_stands(self):
        path = self.file("partly", pattern(5000))
        with open(path, "rb", buffering=0) as file:
            file.seek(4000)
            done = daemon.cli("hash", "sha256", stdin=file)
        self.assertEqual(done.stdout[:64].decode(),
                         hashlib.sha256(pattern(5000)[4000:]).hexdigest())

    def test_json_names_algorithm_digest_and_file(self):
        path = self.file("x\n\\ä")
        done = daemon.cli("hash", "sha256", path, "--json")
        self.assertEqual(done.stdout.count(b"\n"), 1)
        self.assertEqual(json.loads(done.stdout),
                         {"algorithm": "sha256", "digest": hashlib.sha256(b"abc").hexdigest(),
                          "file": os.fsdecode(path)})

    def test_json_is_utf_8_whatever_a_file_is_called(self):
        done = daemon.cli("hash", "sha256", self.file(b"x\xff"), "--json")
        self.assertTrue(json.loads(done.stdout.decode("utf-8", "strict"))["file"].endswith("/x?"))

    def test_an_unknown_algorithm_is_a_usage_error_that_names_it(self):
        for name in ("md5", "SHA256", "sha-256", ""):
            done = daemon.cli("hash", name, "/dev/null")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(f"no such algorithm, {name},".encode(), done.stderr)

    def test_without_an_algorithm_it_is_a_usage_error(self):
        self.assertEqual(daemon.cli("hash").returncode, 2)

    def test_every_algorithm_gives_what_openssl_gives(self):
        data = bytes(range(256)) * 400 + b"tail"
        for name in ("sha1", "sha224", "sha256", "sha384", "sha512",
                     "sha3-256", "sha3-384", "sha3-512"):
            done = daemon.cli("hash", name, input=data)
            wanted = hashlib.new(name.replace("sha3-", "sha3_"), data).hexdigest()
            self.assertEqual((done.returncode, done.stdout.decode()), (0, f"{wanted}  -\n"))

    def test_what_cannot_be_read_is_refused_by_name(self):
        for path, error in (("/nowhere/file", b"(ENOENT)"), ("/", b"(EISDIR)"), ("", b"(ENOENT)"),
                            ("/proc/self/mem", b"(EIO)")):
            done = daemon.cli("hash", "sha256", path)
            self.assertEqual((done.returncode, done.stdout), (1, b""), path)
            self.assertIn(path.encode(), done.stderr)
            self.assertIn(error, done.stderr)

    def test_a_fifo_can_be_hashed(self):
        path = daemon.path("fifo")
        os.mkfifo(path)
        process = daemon.start("hash", "sha256", path, stdout=subprocess.PIPE)
        with open(path, "wb") as fifo:
            fifo.write(pattern(3 * MIB))
        out, _ = process.communicate(timeout=DEADLINE)
        self.assertEqual(out[:64].decode(), hashlib.sha256(pattern(3 * MIB)).hexdigest())

    def test_many_at_once_do_not_disturb_each_other(self):
        data = [pattern(3 * MIB + number) for number in range(8)]
        paths = [self.file(f"many-{number}", data[number]) for number in range(8)]
        running = [daemon.start("hash", "sha256", path, stdout=subprocess.PIPE) for path in paths]
        for number, process in enumerate(running):
            out, _ = process.communicate(timeout=DEADLINE)
            self.assertEqual(out[:64].decode(), hashlib.sha256(data[number]).hexdigest())

    def test_small_limits_of_the_daemon_make_it_slower_not_wrong(self):
        path = self.file("tight", pattern(MIB + 5))
        for config in ("window_max = 4K", "windows_per_process = 1", "profile = pluton",
                       "window_max = 1M\nwindows_per_user = 1M"):
            with Private(config=f"[kernel]\n{config}\n") as other:
                done = other.cli("hash", "sha256", path)
                self.assertEqual(done.stdout[:64].decode(),
                                 hashlib.sha256(pattern(MIB + 5)).hexdigest(), (config, done))


class Memory(unittest.TestCase):
    def peak_kib_after(self, mebibytes):
        """VmHWM once all but a last byte was taken in, and the digest then."""
        process = daemon.start("hash", "sha256", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(mebibytes):
            process.stdin.write(bytes(MIB))
        process.stdin.flush()
        peak = peak_kib(process.pid)
        out, _ = process.communicate(b"x", timeout=DEADLINE)
        return peak, out[:64].decode()

    @unittest.skipIf(is_sanitized(), "a sanitizer takes memory of its own")
    def test_16_mib_and_1_gib_take_the_same_memory(self):
        small, _ = self.peak_kib_after(16)
        large, digest = self.peak_kib_after(1024)
        self.assertLess(abs(large - small), 1024)
        wanted = hashlib.sha256()
        for _ in range(1024):
            wanted.update(bytes(MIB))
        wanted.update(b"x")
        self.assertEqual(digest, wanted.hexdigest())

    def test_a_sparse_file_of_1_gib_is_hashed_whole(self):
        path = daemon.path("sparse")
        with open(path, "wb") as file:
            file.truncate(1024 * MIB)
        done = daemon.cli("hash", "sha256", path)
        self.assertEqual(done.stdout[:64],
                         b"49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14")


if __name__ == "__main__":
    unittest.main()
