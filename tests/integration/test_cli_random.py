# SPDX-License-Identifier: Apache-2.0
"""pluton-cli random: formats, any size, bounded memory."""

import json
import signal
import subprocess
import unittest

from private import DEADLINE, Private, is_sanitized, peak_kib

PIECE = 256 << 10  # what it asks for at once


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


class Random(unittest.TestCase):
    def test_it_is_one_line_of_lower_case_hexadecimal(self):
        done = daemon.cli("random", "32")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertRegex(done.stdout, rb"\A[0-9a-f]{64}\n\Z")

    def test_any_size_is_one_line(self):
        for size in (0, 1, 15, 1000, 1025, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7):
            done = daemon.cli("random", str(size))
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, rb"\A[0-9a-f]{%d}\n\Z" % (2 * size))

    def test_raw_is_exactly_the_bytes(self):
        for size in (0, 1, 32, PIECE, PIECE + 1, 3 * PIECE + 7):
            done = daemon.cli("random", "--raw", str(size))
            self.assertEqual((done.returncode, len(done.stdout)), (0, size))

    def test_the_option_may_stand_before_or_after_the_number(self):
        for line in (["--raw", "40"], ["40", "--raw"], ["-r", "40"]):
            self.assertEqual(len(daemon.cli("random", *line).stdout), 40)

    def test_json_is_an_object_with_the_hexadecimal(self):
        for size in (0, 32, PIECE + 1):
            done = daemon.cli("random", str(size), "--json")
            self.assertEqual(done.stdout.count(b"\n"), 1)
            self.assertRegex(json.loads(done.stdout)["random"], rf"\A[0-9a-f]{{{2 * size}}}\Z")

    def test_no_two_are_the_same(self):
        self.assertEqual(len({daemon.cli("random", "16").stdout for _ in range(20)}), 20)

    def test_no_piece_of_a_long_one_is_the_same(self):
        data = daemon.cli("random", "--raw", str(8 * PIECE)).stdout
        pieces = {data[at:at + 4096] for at in range(0, len(data), 4096)}
        self.assertEqual(len(pieces), len(data) // 4096)

    def test_every_value_of_a_byte_comes(self):
        self.assertEqual(len(set(daemon.cli("random", "--raw", str(PIECE)).stdout)), 256)

    def test_what_is_no_number_of_bytes_is_a_usage_error_that_names_it(self):
        for number in ("x", "1x", "0x10", "1.5", "", " 1", "+1", "1e3", "-1", "-20", "-3x",
                       "18446744073709551616", "9" * 40):
            done = daemon.cli("random", number)
            self.assertEqual((done.returncode, done.stdout), (2, b""), number)
            self.assertIn(f"not a number of bytes, {number},".encode(), done.stderr)
            self.assertEqual(done.stderr.count(b"\n"), 1)

    def test_without_a_number_it_is_a_usage_error(self):
        done = daemon.cli("random")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"pluton-cli random --help", done.stderr)

    def test_raw_and_json_exclude_each_other(self):
        done = daemon.cli("random", "4", "--raw", "--json")
        self.assertEqual((done.returncode, done.stdout), (2, b""))

    def test_the_largest_number_begins_at_once_and_ends_with_its_reader(self):
        process = daemon.start("random", "18446744073709551615", stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        self.assertRegex(process.stdout.read(100), rb"\A[0-9a-f]{100}\Z")
        process.stdout.close()
        error = process.stderr.read()
        process.stderr.close()
        self.assertEqual((process.wait(DEADLINE), error), (-signal.SIGPIPE, b""))

    @unittest.skipIf(is_sanitized(), "a sanitizer takes memory of its own")
    def test_memory_does_not_grow_with_the_number(self):
        process = daemon.start("random", "--raw", str(1 << 40), stdout=subprocess.PIPE)
        process.stdout.read(8 << 20)
        early = peak_kib(process.pid)
        process.stdout.read(256 << 20)
        late = peak_kib(process.pid)
        process.stdout.close()
        process.wait(DEADLINE)
        self.assertLess(late - early, 1024)


if __name__ == "__main__":
    unittest.main()
