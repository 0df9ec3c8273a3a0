# SPDX-License-Identifier: Apache-2.0
"""docs/protocol.md by way of client.py, which was written from it: if the document is wrong, or the
daemon no longer does what it says, these fail."""

import hashlib
import os
import struct
import subprocess
import unittest

import client
from client import AES, CALL, CANCEL, CTR, DIGEST, GCM, RNG, SHA256, Client, Refused
from plutond import Daemon

SOURCE = os.environ["PLUTON_SOURCE"]


def openssl_ctr(key, counter, message):
    command = ["openssl", "enc", f"-aes-{8 * len(key)}-ctr", "-K", key.hex(), "-iv", counter.hex()]
    return subprocess.run(command, input=message, capture_output=True, check=True).stdout


class ProtocolTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def setUp(self):
        self.client = Client(self.daemon.address)
        self.addCleanup(self.client.socket.close)

    def refused(self, error, function, *arguments):
        with self.assertRaises(Refused) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.error, error, caught.exception.text)
        return caught.exception.text


class Document(unittest.TestCase):
    def test_a_client_takes_less_than_200_lines(self):
        with open(client.__file__, encoding="utf-8") as file:
            self.assertLess(len(file.readlines()), 200)

    def test_the_example_bytes_are_what_a_client_sends(self):
        sent = []
        asking = Client.__new__(Client)
        asking.op_id = 0
        asking.socket = type("Socket", (), {"sendmsg": lambda _, data, rights: sent.extend(data)})()
        asking.answer = lambda op_id, back: (0, 0, b"")
        asking.random(32)
        with open(f"{SOURCE}/docs/protocol.md", encoding="utf-8") as file:
            example = file.read().split("## 12.")[1]
        lines = [line[4:58].split("   ")[0] for line in example.splitlines()
                 if line.startswith("    ")][:5]
        text = " ".join(lines).replace("00 × 16", "00 " * 16)
        self.assertEqual(b"".join(sent), bytes.fromhex(text))


class Services(ProtocolTest):
    def test_the_greeting_says_who_and_how_much(self):
        self.assertEqual(self.client.version, 1)
        self.assertEqual(self.client.pid, self.daemon.pid)
        self.assertLessEqual(self.client.inline_max, 8192)

    def test_random_bytes_come(self):
        self.assertEqual(len(self.client.random(32)), 32)
        self.assertNotEqual(self.client.random(32), self.client.random(32))

    def test_hashes_are_those_of_hashlib(self):
        for size in (0, 1, 64, 1024, 10000):
            message = os.urandom(size)
            self.assertEqual(self.client.sha256(message), hashlib.sha256(message).digest())

    def test_ctr_is_that_of_openssl(self):
        for key_size in (16, 32):
            key, counter, message = os.urandom(key_size), os.urandom(16), os.urandom(300)
            self.assertEqual(self.client.ctr(key, counter, message),
                             openssl_ctr(key, counter, message))

    def test_gcm_is_that_of_its_specification(self):
        # McGrew and Viega, test case 16
        key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
        iv = bytes.fromhex("cafebabefacedbaddecaf888")
        aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        plain = bytes.fromhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                              "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        sealed, tag = self.client.gcm_encrypt(key, iv, plain, aad)
        self.assertEqual(sealed.hex(), "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555"
                                       "d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662")
        self.assertEqual(tag.hex(), "76fc6ece0f4e1768cddf8853bb2d551b")
        self.assertEqual(self.client.gcm_decrypt(key, iv, sealed, tag, aad), plain)
        self.refused("INVAL", self.client.gcm_decrypt, key, iv, sealed, bytes(16), aad)


class Windows(ProtocolTest):
    def test_what_lies_in_a_window_is_used_there(self):
        number, memory = self.client.add_window(100001)
        memory[5:105] = b"x" * 100
        digest = self.client.perform(DIGEST, 1, (SHA256,), ((number, 5, 100), 32))[2]
        self.assertEqual(digest, hashlib.sha256(b"x" * 100).digest())
        self.client.perform(RNG, 1, (), ((number, 1000, 64),))
        self.assertNotEqual(memory[1000:1064], bytes(64))
        self.client.remove_window(number)
        self.refused("INVAL", self.client.remove_window, number)

    def test_ranges_outside_and_overlapping_are_refused(self):
        number, _ = self.client.add_window(1000)
        key, ctr = bytes(16), bytes(16)
        for outside in ((number, 990, 11), (number, 0xffffffff, 2), (number + 1, 0, 1)):
            self.refused("INVAL", self.client.perform, RNG, 1, (), (outside,))
        slots = (key, ctr, None, (number, 0, 100), (number, 99, 100))
        self.assertIn("overlap", self.refused("INVAL", self.client.perform, AES, 1, (CTR,),
                                              slots))


class Refusals(ProtocolTest):
    def test_refusals_have_a_name_and_a_sentence(self):
        for error, driver, command in (("NODEVICE", 0x999, 1), ("NOSUPPORT", RNG, 9)):
            self.assertTrue(self.refused(error, self.client.perform, driver, command))
        self.assertTrue(self.refused("SIZE", self.client.random, 0))
        self.assertTrue(self.refused("INVAL", self.client.perform, AES, 1, (99,), (bytes(16),)))
        self.assertTrue(self.refused("SIZE", self.client.gcm_encrypt, bytes(17), bytes(12), b""))

    def test_another_version_is_refused_and_the_connection_closed(self):
        class Newer(Client):
            def send(self, kind, body, *rest):
                super().send(kind, struct.pack("<II", 2, 0), *rest)

        self.assertIn("version 2", self.refused("NOSUPPORT", Newer, self.daemon.address))

    def test_records_that_are_none_are_refused_and_the_connection_stays(self):
        for error, junk in (("SIZE", b"abc"),
                            ("SIZE", bytes(16)),
                            ("SIZE", b"\xff" * 4240),
                            ("SIZE", client.HEADER.pack(CALL, 0, 16, 0, 0)),
                            ("NOSUPPORT", client.HEADER.pack(99, 0, 16, 0, 0)),
                            ("INVAL", client.HEADER.pack(CANCEL, 1, 16, 0, 0)),
                            ("INVAL", client.HEADER.pack(client.HELLO, 0, 24, 0, 0) + bytes(8))):
            self.client.socket.send(junk)
            (kind, *_), body = self.client.receive()
            self.assertEqual(kind, client.RETURN)
            self.refused(error, Client.raise_return, body)
        self.assertEqual(len(self.client.random(5)), 5)

    def test_an_op_id_in_use_is_refused_and_cancel_ends_what_runs(self):
        number, _ = self.client.add_window(8 << 20)
        fixed = client.FIXED_OPERATION.pack(1, SHA256, 0, 0, 0, 0, 32, 2, 0, 0)
        ranges = client.RANGE.pack(number, 0, 8 << 20) + client.RANGE.pack(0, 0, 32)
        for _ in range(2):
            self.client.send(client.OPERATION, fixed + ranges, 5, DIGEST)
        self.client.send(CANCEL, b"", 5)
        answers = [self.client.receive() for _ in range(2)]
        kinds = sorted(header[0] for header, _ in answers)
        self.assertIn(kinds, [[client.RETURN, client.UPCALL], [client.UPCALL, client.UPCALL]])
        self.assertEqual({header[3] for header, _ in answers}, {5})


class RawCalls(ProtocolTest):
    def call(self, kind, driver=0, number=0, arguments=()):
        arguments = tuple(arguments) + (0,) * (4 - len(arguments))
        self.client.send(CALL, struct.pack("<6I", kind, number, *arguments), 0, driver)
        return self.client.returned(0)

    def test_allow_subscribe_and_command_lead_to_an_upcall(self):
        number, memory = self.client.add_window(4096)
        self.assertEqual(self.call(3, RNG, 0, (number, 0, 32)), (132, [0, 0, 0]))
        self.assertEqual(self.call(1, RNG, 0, (77,)), (129, [0, 0, 0]))
        self.assertEqual(self.call(2, RNG, 0)[0], 128)
        self.assertEqual(self.call(2, RNG, 1)[0], 128)
        (kind, _, _, op_id, driver), body = self.client.receive()
        self.assertEqual((kind, op_id, driver), (client.UPCALL, 0, RNG))
        upcall, *words, _, subscription, length, _, _ = client.FIXED_UPCALL.unpack(body)
        self.assertEqual((upcall, words[0], subscription, length), (0, 0, 77, 0))
        self.assertNotEqual(memory[:32], bytes(32))
        self.refused("BUSY", self.client.remove_window, number)
        self.assertEqual(self.call(3, RNG, 0), (132, [number, 0, 32]))
        self.client.remove_window(number)

    def test_memop_accounts_and_refuses_other_numbers(self):
        limit, used = (self.call(5, 0, number)[1][0] for number in (0x100, 0x101))
        self.assertLess(used, limit)
        self.refused("NOSUPPORT", self.call, 5, 0, 0)

    def test_exit_closes(self):
        with self.assertRaises(EOFError):
            self.call(6)


if __name__ == "__main__":
    unittest.main()
