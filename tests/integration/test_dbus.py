# SPDX-License-Identifier: Apache-2.0
"""plutond on a bus: every capsule's interface, data in messages and in memfds, errors in words,
channels by Connect, and what hostile, dying and silent clients leave behind: nothing."""

import contextlib
import fcntl
import hashlib
import hmac
import mmap
import os
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml

import plutond
import private
from bus import ERROR, NO_REPLY, RETURN, SIGNAL, Bus, BusError, Peer
from client import Client

MIB = 1 << 20
MESSAGE_MAX = 65536
F_ADD_SEALS, F_SEAL_SHRINK = 1033, 2
CANCELLED = 8  # TRD104's number
PATIENCE = 60  # seconds; only what hangs takes so long


def memory(data, seals=F_SEAL_SHRINK):
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, max(len(data), 1))
    with mmap.mmap(fd, max(len(data), 1)) as mapped:
        mapped[:len(data)] = data
    if seals:
        fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def openssl(*arguments, data):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True,
                          check=True).stdout


def make_daemon(config, bus):
    """Without apps: one that starts by itself would be counted among what is there."""
    daemon = plutond.Daemon(arguments=["--bus", bus])
    os.mkdir(f"{daemon.directory}/app.d")
    daemon.configure(f"[app]\nfolders = {daemon.directory}/app.d\n{config}")
    return daemon


class OnBus(unittest.TestCase):
    """One bus and one daemon for each test, and a client that does no harm."""

    CONFIG = ""
    LIMITS = ""  # of the bus

    def setUp(self):
        self.bus = self.enter(Bus(self.LIMITS))
        self.daemon = self.enter(self.make_daemon())
        self.channel = self.enter(Client(self.daemon.address))
        self.peer = self.join()

    def enter(self, context):
        entered = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return entered

    def make_daemon(self, config=None, bus=None):
        return make_daemon(self.CONFIG if config is None else config, bus or self.bus.address)

    def join(self):
        peer = Peer(self.bus.address)
        self.addCleanup(peer.close)
        return peer

    def memory(self, data, seals=F_SEAL_SHRINK):
        fd = memory(data, seals)
        self.addCleanup(os.close, fd)
        return fd

    def refused(self, error, pattern, *call, peer=None):
        with self.assertRaises(BusError) as caught:
            (peer or self.peer).call(*call)
        self.assertRegex(caught.exception.name, rf"^org\.pluton1\.Error\.({error})$")
        self.assertRegex(caught.exception.text, pattern)

    # What the daemon keeps is asked through a channel, so that asking changes nothing on the bus.

    def status(self):
        row = self.channel.perform(0x80000001, 1, (), (144,))[2]
        number = {"processes": 48, "pool_taken": 64, "pool_committed": 72}
        return {name: int.from_bytes(row[at:at + (4 if name == "processes" else 8)], "little")
                for name, at in number.items()}

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    def settled(self, kept):
        """The daemon keeps what it kept before, to the byte; what is under way may take a
        moment."""
        end = time.monotonic() + PATIENCE
        while self.keeps() != kept and time.monotonic() < end:
            select.select([], [], [], 0.01)
        self.assertEqual(self.keeps(), kept)

    def keeps(self):
        return self.status() | {"descriptors": self.descriptors()}

    def works(self, peer=None):
        self.assertEqual(len((peer or self.peer).call("Random", "Get", "u", 16)[0]), 16)


class Interfaces(OnBus):
    def interfaces(self):
        tree = xml.fromstring(self.peer.introspect())
        return {each.get("name").removeprefix("org.pluton1."): each for each in tree
                if each.tag == "interface" and each.get("name").startswith("org.pluton1")}

    def capsules(self):
        return self.peer.call("Manager", "ListCapsules")[0]

    def test_every_capsule_is_an_interface_and_nothing_else_is(self):
        capsules = {row["interface"] for row in self.capsules()}
        self.assertGreater(len(capsules), 3)
        self.assertEqual(set(self.interfaces()), capsules)

    def test_every_argument_has_a_name_of_its_own_that_programs_can_use(self):
        for name, interface in self.interfaces().items():
            self.assertGreater(len(interface.findall("method")), 0, name)
            for method in interface.findall("method") + interface.findall("signal"):
                for direction in "in", "out":
                    names = [each.get("name") for each in method
                             if each.get("direction", "out") == direction]
                    self.assertEqual(len(names), len(set(names)), (name, method.get("name")))
                    for each in names:
                        self.assertRegex(each or "", r"^\w+$", (name, method.get("name")))

    def test_a_command_that_takes_much_data_has_a_memfd_method_too(self):
        for name in "EncryptMemfd", "DecryptMemfd", "UpdateMemfd":
            method = self.interfaces()["Aes"].find(f"method[@name='{name}']")
            types = [each.get("type") for each in method if each.get("direction") == "in"]
            self.assertIn("(htt)", types)

    def test_a_repeating_command_comes_with_a_signal_and_a_cancel(self):
        alarm = self.interfaces()["Alarm"]
        self.assertEqual([each.get("type") for each in alarm.find("signal[@name='Upcall']")],
                         list("uiuuub"))
        self.assertIsNotNone(alarm.find("method[@name='Cancel']"))
        self.assertIsNone(self.interfaces()["Random"].find("signal"))

    def test_the_version_is_a_property(self):
        serial = self.peer.send("org.freedesktop.DBus.Properties", "Get", "ss",
                                "org.pluton1.Manager", "Version")
        version = subprocess.run([plutond.PROGRAM, "--version"], capture_output=True, text=True,
                                 check=True).stdout
        self.assertIn(self.peer.reply(serial)[0], version)

    def test_lists_and_status_are_rows_with_names(self):
        status = self.peer.call("Manager", "GetStatus")[0]
        self.assertEqual(status["pid"], self.daemon.pid)
        limits = {row["name"]: row["value"] for row in self.peer.call("Manager", "ListLimits")[0]}
        self.assertEqual(limits["window_max"], 64 * MIB)
        self.assertIn("openssl", {row["name"] for row in self.peer.call("Manager", "ListEngines")[0]})
        self.assertIn("dbus", {row["name"] for row in self.peer.call("Manager", "ListHandlers")[0]})

    def test_self_tests_are_made_and_listed(self):
        passed, failed = self.peer.call("Manager", "SelfTest", "ay", b"openssl")
        self.assertEqual(failed, 0)
        rows, first = self.peer.call("Manager", "ListSelfTests", "u", 0)
        self.assertEqual((len(rows), first), (passed, 0))
        self.assertEqual({row["state"] for row in rows}, {2})
        self.assertIn(("openssl", "aes", "aes-gcm"),
                      {(row["engine"], row["hil"], row["algorithm"]) for row in rows})

    def test_a_list_of_processes_says_where_to_go_on(self):
        channels = [self.enter(Client(self.daemon.address)) for _ in range(70)]
        found, first = [], 0
        while True:
            rows, first = self.peer.call("Manager", "ListProcesses", "u", first)
            self.assertLessEqual(len(rows), 64)
            found += [(row["index"], row["generation"]) for row in rows]
            if not first:
                break
        self.assertEqual(len(found), len(set(found)))
        self.assertLessEqual({(each.index, each.generation) for each in channels}, set(found))


class Services(OnBus):
    def test_random_bytes_come_as_many_as_were_asked_for(self):
        for length in 1, 16, 1024, 1025, MESSAGE_MAX:
            data, = self.peer.call("Random", "Get", "u", length)
            self.assertEqual(len(data), length)
        self.assertNotEqual(self.peer.call("Random", "Get", "u", 32),
                            self.peer.call("Random", "Get", "u", 32))

    def test_digests_are_right_where_data_is_inline_and_where_it_is_not(self):
        for length in 0, 1, 991, 992, 993, 1024, 5000, MESSAGE_MAX - 32:
            data = os.urandom(length)
            digest, size = self.peer.call("Digest", "Digest", "sayu", "sha256", data, 32)
            self.assertEqual((digest, size), (hashlib.sha256(data).digest(), 32))

    def test_gcm_is_as_in_the_specification_of_gcm(self):
        # McGrew and Viega, The Galois/Counter Mode of Operation, test case 4.
        key = bytes.fromhex("feffe9928665731c6d6a8f9467308308")
        iv = bytes.fromhex("cafebabefacedbaddecaf888")
        aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        text = bytes.fromhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                             "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        secret = bytes.fromhex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                               "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091")
        tag = bytes.fromhex("5bc94fbc3221a5db94fae95ae7121a47")
        done = self.peer.call("Aes", "Encrypt", "suayayayayuu", "gcm", 0, key, iv, aad, text, 60,
                              16)
        self.assertEqual(done, (secret, tag))
        done = self.peer.call("Aes", "Decrypt", "suayayayayuay", "gcm", 0, key, iv, aad, secret,
                              60, tag)
        self.assertEqual(done, (text,))

    def test_a_wrong_tag_is_refused_and_no_byte_of_plaintext_comes(self):
        key, iv = bytes(16), bytes(12)
        secret, tag = self.peer.call("Aes", "Encrypt", "suayayayayuu", "gcm", 0, key, iv, b"",
                                     b"abc", 3,
                                     16)
        self.refused("Inval", "Decrypt: a wrong value", "Aes", "Decrypt", "suayayayayuay", "gcm",
                     0, key,
                     iv, b"", secret, 3, bytes(16))
        self.assertEqual(self.peer.call("Aes", "Decrypt", "suayayayayuay", "gcm", 0, key, iv, b"",
                                        secret,
                                        3, tag), (b"abc",))

    def test_rsa_keys_are_made_and_used(self):
        key, size = self.peer.call("Rsa", "Generate", "uuu", 2048, 0, 1160)
        self.assertEqual((size, len(key)), (1160, 1160))
        digest = hashlib.sha256(b"abc").digest()
        signature, size = self.peer.call("Rsa", "Sign", "ssayayayu", "pss", "sha256", key, b"",
                                         digest, 256)
        self.assertEqual(size, 256)
        self.assertEqual(self.peer.call("Rsa", "Verify", "ssayayayay", "pss", "sha256", key[:264],
                                        b"", digest, signature), ())
        self.refused("Inval", "the signature does not match", "Rsa", "Verify",
                     "ssayayayay", "pkcs1", "sha256", key[:264], b"", digest, signature)
        secret, _ = self.peer.call("Rsa", "Encrypt", "ssayayayayu", "oaep", "sha1", key[:264], b"",
                                   b"label", b"abc", 256)
        message, size = self.peer.call("Rsa", "Decrypt", "ssayayayayu", "oaep", "sha1", key, b"",
                                       b"label", secret, 256)
        self.assertEqual(message[:size], b"abc")

    def test_ctr_is_as_openssl_has_it_for_a_large_message(self):
        key, counter, data = os.urandom(32), os.urandom(16), os.urandom(30_001)
        secret, tag = self.peer.call("Aes", "Encrypt", "suayayayayuu", "ctr", 0, key, counter, b"",
                                     data,
                                     len(data), 0)
        self.assertEqual(tag, b"")
        self.assertEqual(secret, openssl("enc", "-aes-256-ctr", "-K", key.hex(), "-iv",
                                         counter.hex(), data=data))

    def test_curves_sign_agree_and_refuse_as_on_the_socket(self):
        key, public = self.peer.call("Ecc", "Generate", "suu", "ed25519", 32, 32)
        signature, = self.peer.call("Ecc", "Sign", "suayayu", "ed25519", 0, key, b"abc",
                                    64)
        self.assertEqual(self.peer.call("Ecc", "Verify", "sayayay", "ed25519", public, b"abc",
                                        signature), ())
        self.refused("Inval", "the signature does not match", "Ecc", "Verify", "sayayay", "ed25519",
                     public, b"abd", signature)
        self.refused("Size", "ed25519 signs at most 16384", "Ecc", "Sign", "suayayu", "ed25519", 0,
                     key, bytes(16385), 64)
        keys = [self.peer.call("Ecc", "Generate", "suu", "p256", 32, 64) for _ in range(2)]
        secrets = [self.peer.call("Ecc", "Agree", "suayayu", "p256", 0, keys[i][0], keys[1 - i][1],
                                  32) for i in range(2)]
        self.assertEqual(secrets[0], secrets[1])
        self.refused("Inval", "no point of the curve", "Ecc", "Agree", "suayayu", "p256", 0,
                     keys[0][0], bytes(64), 32)
        self.refused("NoSupport", "no ecc engine signs with x25519", "Ecc", "Sign", "suayayu",
                     "x25519", 0, key, b"abc", 64)

    def test_keys_in_slots_are_used_by_number(self):
        def fill(kind, usage):
            return self.peer.call("HwKey", "Generate", "uay", 0,
                                  struct.pack("<4I", kind, usage, 2, 0))[0]

        slot = fill(5, 4)  # p256, to sign
        digest = hashlib.sha256(b"abc").digest()
        public, = self.peer.call("Ecc", "PublicKey", "suayu", "p256", slot, b"", 64)
        signature, = self.peer.call("Ecc", "Sign", "suayayu", "p256", slot, b"", digest, 64)
        self.peer.call("Ecc", "Verify", "sayayay", "p256", public, digest, signature)
        self.refused("Inval", "its usage forbids it", "Ecc", "Agree", "suayayu", "p256", slot, b"",
                     public, 32)
        self.refused("Inval", "two keys", "Ecc", "Sign", "suayayu", "p256", slot, bytes(32), digest,
                     64)
        self.refused("Inval", "another curve than p384", "Ecc", "Sign", "suayayu", "p384", slot,
                     b"", bytes(48), 96)
        self.refused("NoDevice", "key slot 999 is empty", "Ecc", "Sign", "suayayu", "p256", 999,
                     b"", digest, 64)
        rsa = fill(10, 4 | 2)  # rsa2048, to sign and to decrypt
        key, size = self.peer.call("HwKey", "Public", "uu", rsa, 264)
        signature, size = self.peer.call("Rsa", "SlotSignPss", "usayayu", rsa, "sha256", b"", digest,
                                         256)
        self.peer.call("Rsa", "Verify", "ssayayayay", "pss", "sha256", key, b"", digest, signature)
        number = bytes(255) + b"\2"
        power, _ = self.peer.call("Rsa", "Private", "uayayu", rsa, b"", number, 256)
        self.assertEqual(self.peer.call("Rsa", "Public", "ayayu", key, power, 256)[0], number)
        sealed, _ = self.peer.call("Rsa", "Encrypt", "ssayayayayu", "pkcs1", "none", key, b"", b"",
                                   b"abc", 256)
        message, size = self.peer.call("Rsa", "SlotDecryptPkcs1", "usayu", rsa, "none", sealed, 256)
        self.assertEqual(message[:size], b"abc")
        self.refused("Size", "numbers from 1", "Rsa", "SlotSignPss", "usayayu", 0, "sha256", b"",
                     digest, 256)
        for number in (slot, rsa):
            self.peer.call("HwKey", "Delete", "u", number)

    def test_a_stream_by_slot_ends_with_its_slot(self):
        for mode, iv in ("gcm", bytes(12)), ("cbc", bytes(16)), ("ctr", bytes(16)):
            slot, = self.peer.call("HwKey", "Generate", "uay", 0, struct.pack("<4I", 3, 1, 2, 0))
            charged = self.status()
            stream, = self.peer.call("Aes", "BeginEncrypt", "suayayay", mode, slot, b"", iv, b"")
            self.peer.call("Aes", "Update", "uayu", stream, bytes(32), 32)
            self.peer.call("HwKey", "Delete", "u", slot)
            again = self.peer.call("HwKey", "Generate", "uay", slot,
                                   struct.pack("<4I", 3, 1, 2, 0))
            self.assertEqual(again, (slot,))  # another key, of the same number
            self.refused("NoDevice", "the key slot was emptied", "Aes", "Update", "uayu", stream,
                         bytes(32), 32)
            self.refused("Reserve", "is not open", "Aes", "Update", "uayu", stream, bytes(32), 32)
            self.assertEqual(self.status(), charged)
            self.peer.call("HwKey", "Delete", "u", slot)

    def test_a_mac_by_slot_ends_with_its_slot(self):
        slot, = self.peer.call("HwKey", "Generate", "uay", 0, struct.pack("<4I", 4, 8, 2, 32))
        stream, = self.peer.call("Hmac", "Begin", "suay", "sha256", slot, b"")
        self.peer.call("Hmac", "Update", "uay", stream, bytes(64))
        self.peer.call("HwKey", "Delete", "u", slot)
        self.refused("NoDevice", "the key slot was emptied", "Hmac", "Update", "uay", stream,
                     bytes(64))

    def test_a_key_crosses_the_bus_once_when_its_owner_sends_it(self):
        monitor = self.join()
        monitor.reply(monitor.send("org.freedesktop.DBus.Monitoring", "BecomeMonitor", "asu", [], 0,
                                   to="org.freedesktop.DBus", path="/org/freedesktop/DBus"))
        key, usage = os.urandom(32), 8 | 16  # to authenticate, to derive from
        slot, = self.peer.call("HwKey", "Import", "uayay", 0, struct.pack("<4I", 4, usage, 2, 0), key)
        self.assertEqual(self.peer.call("Hmac", "Mac", "suayayu", "sha256", slot, b"", b"abc", 32),
                         (hmac.new(key, b"abc", "sha256").digest(), 32))
        self.peer.call("Kdf", "Hkdf", "suayayayu", "sha256", slot, b"", b"", b"", 42)
        stream, = self.peer.call("Hmac", "Begin", "suay", "sha256", slot, b"")
        self.peer.call("Hmac", "Update", "uay", stream, bytes(1000))
        self.peer.call("Hmac", "Finish", "uu", stream, 32)
        self.peer.call("HwKey", "List", "u", 0)
        self.refused("Inval", "its usage forbids it|another type", "Aes", "BeginEncrypt", "suayayay",
                     "gcm", slot, b"", bytes(12), b"")
        self.refused("Already", "taken|is there|holds", "HwKey", "Import", "uayay", slot,
                     struct.pack("<4I", 4, usage, 2, 0), os.urandom(32))
        self.peer.call("HwKey", "Delete", "u", slot)
        end = os.urandom(16)
        self.peer.call("Digest", "Digest", "sayu", "sha256", end, 32)
        traffic = b""
        while end not in traffic:
            traffic += monitor.read(1)
        self.assertEqual(traffic.count(key), 1)
        for at in range(0, len(key), 8):
            self.assertEqual(traffic.count(key[at:at + 8]), 1)

    def test_a_stream_lives_from_call_to_call(self):
        stream, = self.peer.call("Digest", "Begin", "s", "sha256")
        for piece in b"a" * 100, b"b" * 3000, b"c":
            self.assertEqual(self.peer.call("Digest", "Update", "uay", stream, piece), (stream,))
        digest, _ = self.peer.call("Digest", "Finish", "uu", stream, 32)
        self.assertEqual(digest, hashlib.sha256(b"a" * 100 + b"b" * 3000 + b"c").digest())

    def test_macs_are_made_and_verified_at_once_and_in_pieces(self):
        key, data = bytes(range(32)), b"message" * 1000
        wanted = hmac.new(key, data, "sha512").digest()
        self.assertEqual(self.peer.call("Hmac", "Mac", "suayayu", "sha512", 0, key, data, 64),
                         (wanted, 64))
        self.assertEqual(self.peer.call("Hmac", "Verify", "suayayay", "sha512", 0, key, data,
                                        wanted), ())
        self.refused("Inval", "Verify: a wrong value", "Hmac", "Verify", "suayayay", "sha512", 0,
                     key,
                     data, bytes(64))
        cmac = bytes.fromhex(openssl("mac", "-cipher", "AES-256-CBC", "-macopt", f"hexkey:{key.hex()}",
                                     "-in", "-", "CMAC", data=data).decode())
        stream, = self.peer.call("Cmac", "Begin", "suay", "aes", 0, key)
        for piece in data[:5], data[5:]:
            self.assertEqual(self.peer.call("Cmac", "Update", "uay", stream, piece), (stream,))
        self.assertEqual(self.peer.call("Cmac", "Finish", "uu", stream, 16), (cmac, 16))
        fd = memory(data)
        self.addCleanup(os.close, fd)
        self.assertEqual(self.peer.call("Cmac", "MacMemfd", "suay(htt)u", "aes", 0, key,
                                        (fd, 0, len(data)), 16), (cmac, 16))

    def test_keys_are_derived(self):
        key, salt = bytes(range(32)), b"salt"
        wanted = bytes.fromhex(openssl("kdf", "-keylen", "42", "-kdfopt", "digest:SHA512", "-kdfopt",
                                       f"hexkey:{key.hex()}", "-kdfopt", "salt:salt", "-kdfopt",
                                       "info:info", "HKDF", data=b"").decode().replace(":", ""))
        self.assertEqual(self.peer.call("Kdf", "Hkdf", "suayayayu", "sha512", 0, key, salt, b"info",
                                        42), (wanted, 42))
        wanted = bytes.fromhex(openssl("kdf", "-keylen", "42", "-kdfopt", "mac:CMAC", "-kdfopt",
                                       "cipher:AES-256-CBC", "-kdfopt", f"hexkey:{key.hex()}",
                                       "-kdfopt", "salt:label", "-kdfopt", "info:context",
                                       "KBKDF", data=b"").decode().replace(":", ""))
        self.assertEqual(self.peer.call("Kdf", "Counter", "suayayayu", "cmac", 0, key, b"label",
                                        b"context", 42), (wanted, 42))
        wanted = hashlib.pbkdf2_hmac("sha256", b"password", salt, 3000)
        self.assertEqual(self.peer.call("Kdf", "Pbkdf2", "suayayu", "sha256", 3000, b"password", salt,
                                        32), (wanted, 32))
        self.refused("Size", "pbkdf2_rounds_max", "Kdf", "Pbkdf2", "suayayu", "sha256", 4000000000,
                     b"password", salt, 32)
        slot, = self.peer.call("HwKey", "Import", "uayay", 0, struct.pack("<4I", 4, 16, 2, 0),
                               b"password")
        self.addCleanup(self.peer.call, "HwKey", "Delete", "u", slot)
        self.assertEqual(self.peer.call("Kdf", "SlotPbkdf2", "suayuay", "sha256", slot, salt, 32,
                                        struct.pack("<I", 3000)), (wanted, 32))
        self.refused("NoDevice", "key slot 77", "Kdf", "SlotPbkdf2", "suayuay", "sha256", 77, salt,
                     32, struct.pack("<I", 3000))
        self.refused("Size", "numbers from 1", "Kdf", "SlotPbkdf2", "suayuay", "sha256", 0, salt, 32,
                     struct.pack("<I", 3000))
        self.refused("Size", "0 iterations", "Kdf", "SlotPbkdf2", "suayuay", "sha256", slot, salt,
                     32, bytes(4))
        self.refused("Size", "HKDF gives at most 5100", "Kdf", "Hkdf", "suayayayu", "sha1", 0, key,
                     salt, b"", 5101)

    def test_a_stream_is_its_clients_alone(self):
        stream, = self.peer.call("Digest", "Begin", "s", "sha256")
        self.refused("Reserve", "not open", "Digest", "Update", "uay", stream, b"x", peer=self.join())

    def test_calls_are_answered_in_any_order_and_each_once(self):
        serials = {self.peer.send("org.pluton1.Digest", "Digest", "sayu", "sha256",
                                  bytes([i]) * (i * 100), 32): i for i in range(16)}
        for serial, i in reversed(serials.items()):
            self.assertEqual(self.peer.reply(serial)[0],
                             hashlib.sha256(bytes([i]) * (i * 100)).digest())

    def test_what_is_written_to_an_area_is_there_and_listed_by_its_fields(self):
        self.peer.call("NvMem", "Define", "uay", 5000, b"letter")
        data = os.urandom(5000)
        self.peer.call("NvMem", "Write", "uayay", 0, b"letter", data)
        read, length, _ = self.peer.call("NvMem", "Read", "uayu", 1000, b"letter", 4000)
        self.assertEqual((read, length), (data[1000:], 4000))
        row, = self.peer.call("NvMem", "Status", "ay", b"letter")
        self.assertEqual((row["name"], row["capacity"], row["length"]), ("letter", 5000, 5000))
        self.assertEqual(self.peer.call("NvMem", "List", "u", 0), ([row], 0))
        self.refused("Reserve|Inval|NoDevice|Fail", "area nobody", "NvMem", "Status", "ay", b"nobody")

    def test_who_is_no_app_takes_no_channels(self):
        self.assertEqual(self.peer.call("App", "List", "u", 0)[1], 0)
        self.refused("NoSupport", "only an app", "App", "Accept")

    def test_the_log_level_is_set_by_its_name(self):
        self.assertEqual(self.peer.call("Manager", "SetLogLevel", "s", "debug"), ())
        self.assertEqual(self.peer.call("Manager", "GetStatus")[0]["log_level"], 4)


class Memory(OnBus):
    def test_eight_mebibytes_are_hashed_in_place(self):
        data = os.urandom(8 * MIB)
        fd = self.memory(data)
        digest, _ = self.peer.call("Digest", "DigestMemfd", "s(htt)u", "sha256", (fd, 0, len(data)),
                                   32)
        self.assertEqual(digest, hashlib.sha256(data).digest())
        digest, _ = self.peer.call("Digest", "DigestMemfd", "s(htt)u", "sha256", (fd, 4097, 100), 32)
        self.assertEqual(digest, hashlib.sha256(data[4097:4197]).digest())

    def test_eight_mebibytes_are_encrypted_from_one_memfd_to_another(self):
        key, counter, data = os.urandom(16), os.urandom(16), os.urandom(8 * MIB)
        source, target = self.memory(data), self.memory(bytes(8 * MIB))
        aad = self.memory(b"")
        tag, = self.peer.call("Aes", "EncryptMemfd", "suayay(htt)(htt)(htt)u", "ctr", 0, key,
                              counter,
                              (aad, 0, 0), (source, 0, len(data)), (target, 0, len(data)), 0)
        self.assertEqual(tag, b"")
        self.assertEqual(os.pread(target, 8 * MIB, 0), openssl(
            "enc", "-aes-128-ctr", "-K", key.hex(), "-iv", counter.hex(), data=data))

    def test_random_bytes_go_where_the_client_says_and_nowhere_else(self):
        fd = self.memory(bytes(8192))
        self.assertEqual(self.peer.call("Random", "GetMemfd", "(htt)", (fd, 100, 4096)), ())
        data = os.pread(fd, 8192, 0)
        self.assertEqual((data[:100], data[4196:]), (bytes(100), bytes(3996)))
        self.assertGreater(len(set(data[100:4196])), 200)

    def test_nothing_stays_mapped_or_open(self):
        fd = self.memory(bytes(8 * MIB))
        small = self.memory(bytes(64))
        self.peer.call("Random", "GetMemfd", "(htt)", (small, 0, 64))  # the table of windows stays
        self.works()
        kept = self.keeps()
        for _ in range(20):
            self.peer.call("Digest", "DigestMemfd", "s(htt)u", "sha256", (fd, 0, MIB), 32)
            self.peer.call("Digest", "Digest", "sayu", "sha256", bytes(60000), 32)
        self.settled(kept)

    def test_what_is_no_sealed_memory_is_refused_with_the_rule_that_it_breaks(self):
        call = ("Random", "GetMemfd", "(htt)")
        ends = socket.socketpair()
        self.addCleanup(ends[0].close)
        self.addCleanup(ends[1].close)
        out, into = os.pipe()
        self.addCleanup(os.close, out)
        self.addCleanup(os.close, into)
        for fd in ends[0].fileno(), into:
            self.refused("Inval", "must be a memfd", *call, (fd, 0, 16))
        self.refused("Inval", "F_SEAL_SHRINK", *call, (self.memory(bytes(16), seals=0), 0, 16))
        fd = self.memory(bytes(4096))
        for offset, length in (0, 4097), (4096, 1), (1, 4096), (2**32 - 1, 2**32 - 1):
            self.refused("Inval", "not inside window", *call, (fd, offset, length))
        for offset, length in (2**32, 1), (0, 2**64 - 1), (2**64 - 1, 1):
            self.refused("Size", "not inside any window", *call, (fd, offset, length))
        self.refused("Size", "output has 0 bytes", *call, (fd, 0, 0))
        huge = os.memfd_create("huge", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.addCleanup(os.close, huge)
        os.ftruncate(huge, 64 * MIB + 4096)
        fcntl.fcntl(huge, F_ADD_SEALS, F_SEAL_SHRINK)
        self.refused("Size", "window_max", *call, (huge, 0, 16))

    def test_a_foreign_descriptor_is_closed_by_a_thread_that_may_take_its_time(self):
        # The last close of this socket waits for its peer, who never reads. It is to be the
        # daemon's.
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as lazy:
                lazy.setblocking(False)
                lazy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                (1).to_bytes(4, "little") + (PATIENCE * 10).to_bytes(4, "little"))
                try:
                    while True:
                        lazy.send(bytes(65536))
                except BlockingIOError:
                    pass
                stranger = self.join()
                os.kill(self.daemon.pid, signal.SIGSTOP)
                for member in "GetMemfd", "NoSuchMethod":
                    stranger.send("org.pluton1.Random", member, "(htt)", (lazy.fileno(), 0, 16))
            os.kill(self.daemon.pid, signal.SIGCONT)
            start = time.monotonic()
            for _ in range(20):
                self.works()
            self.assertLess(time.monotonic() - start, PATIENCE)


class AesModes(OnBus):
    """Known answers: SP 800-38A, F.1.1 and F.2.1; SP 800-38C, C.1."""

    KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    PLAIN = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")

    def aes(self, method, mode, *arguments):
        signature = "suayayayayuu" if method == "Encrypt" else "suayayayayuay"
        return [bytes(part) for part in self.peer.call("Aes", method, signature, mode, 0,
                                                         *arguments)]

    def test_ecb_and_cbc_both_ways(self):
        for mode, iv, cipher in (("ecb", b"", "3ad77bb40d7a3660a89ecaf32466ef97"),
                                 ("cbc", bytes(range(16)), "7649abac8119b246cee98e9b12e9197d")):
            cipher = bytes.fromhex(cipher)
            self.assertEqual(self.aes("Encrypt", mode, self.KEY, iv, b"", self.PLAIN, 16, 0)[0],
                             cipher)
            self.assertEqual(self.aes("Decrypt", mode, self.KEY, iv, b"", cipher, 16, b"")[0],
                             self.PLAIN)

    def test_ccm_both_ways_with_a_tag_of_4_bytes(self):
        key, nonce, aad = bytes(range(0x40, 0x50)), bytes(range(0x10, 0x17)), bytes(range(8))
        cipher, tag = bytes.fromhex("7162015b"), bytes.fromhex("4dac255d")
        self.assertEqual(self.aes("Encrypt", "ccm", key, nonce, aad, b"\x20\x21\x22\x23", 4, 4),
                         [cipher, tag])
        call = ("Aes", "Decrypt", "suayayayayuay", "ccm", 0, key, nonce, aad, cipher, 4)
        self.assertEqual(bytes(self.peer.call(*call, tag)[0]), b"\x20\x21\x22\x23")
        self.refused("Inval", "Decrypt: a wrong value", *call, b"\x4d\xac\x25\x5c")

    def test_half_blocks_and_other_tags_are_refused_with_the_capsules_sentence(self):
        self.refused("Size", "cbc needs whole blocks of 16", "Aes", "Encrypt", "suayayayayuu",
                     "cbc", 0,
                     self.KEY, bytes(16), b"", bytes(15), 15, 0)
        self.refused("Size", "ccm needs 4, 6, 8", "Aes", "Encrypt", "suayayayayuu", "ccm", 0,
                     self.KEY,
                     bytes(12), b"", bytes(16), 16, 5)


class Refusals(OnBus):
    def test_an_unknown_name_is_answered_with_the_names_there_are(self):
        self.refused("Inval", '"sha3" is no algorithm; write .*sha256.*sha3-256', "Digest", "Digest",
                     "sayu", "sha3", b"", 32)
        self.refused("Inval", r'"\?+" is no algorithm', "Digest", "Begin", "s", "€" * 30)

    def test_sizes_are_refused_with_the_kernels_sentence(self):
        self.refused("Size", "digest has 19 bytes, needs 20 to 64", "Digest", "Digest", "sayu",
                     "sha256", b"", 19)
        self.refused("Size", "key has 15 bytes, needs 16 to 32", "Aes", "Encrypt", "suayayayayuu",
                     "ecb", 0, bytes(15), b"", b"", bytes(16), 16, 0)
        self.refused("Size", "output has 0 bytes", "Random", "Get", "u", 0)
        self.refused("Size", "message_max is 65536: use memfds", "Random", "Get", "u",
                     MESSAGE_MAX + 1)
        self.refused("Size", "message_max", "Random", "Get", "u", 2**32 - 1)
        self.refused("Reserve", "not open", "Digest", "Finish", "uu", 12345, 32)

    def test_message_max_counts_both_directions(self):
        half = MESSAGE_MAX // 2
        call = ("Aes", "Encrypt", "suayayayayuu", "ctr", 0, bytes(16), bytes(16), b"")
        self.assertEqual(len(self.peer.call(*call, bytes(half - 16), half - 16, 0)[0]), half - 16)
        self.refused("Size", "message_max", *call, bytes(half - 16), half - 15, 0)

    def test_a_message_far_over_message_max_is_answered_all_the_same(self):
        for size in MESSAGE_MAX - 31, MESSAGE_MAX + 1, MESSAGE_MAX + 5000, 3 * MIB, 20 * MIB:
            self.refused("Size", "message_max", "Digest", "Digest", "sayu", "sha256", bytes(size), 32)
        self.works()

    def test_a_wrong_signature_or_name_is_the_buses_own_error(self):
        for call, error in ((("Random", "Get", "s", "16"), "InvalidArgs"),
                            (("Random", "Get"), "InvalidArgs"),
                            (("Random", "Give", "u", 16), "UnknownMethod"),
                            (("Randomness", "Get", "u", 16), "UnknownMethod")):
            with self.assertRaises(BusError) as caught:
                self.peer.call(*call)
            self.assertIn(error, caught.exception.name)
        self.works()


class Access(OnBus):
    CONFIG = f"[access]\ndefault = none\nuser.{os.geteuid()} = rng\n"

    def test_what_is_not_allowed_is_there_but_refused(self):
        self.works()
        self.refused("NoDevice", r"user \d+ may not use digest: see \[access\]", "Digest", "Digest",
                     "sayu", "sha256", b"abc", 32)
        allowed = {row["name"]: row["allowed"] for row in self.peer.call("Manager", "ListCapsules")[0]}
        self.assertEqual({name for name in allowed if allowed[name]}, {"manager", "rng"})

    def test_a_channel_by_connect_may_use_what_the_caller_may(self):
        fd, = self.peer.call("Manager", "Connect")
        with Client(connected=socket.socket(fileno=fd)) as channel:
            self.assertEqual(len(channel.random(8)), 8)
            with self.assertRaisesRegex(Exception, "may not use digest"):
                channel.sha256(b"abc")


class Groups(OnBus):
    CONFIG = f"[access]\ndefault = none\ngroup.{os.getegid()} = digest\n"

    def test_groups_are_those_that_the_bus_tells(self):
        self.assertEqual(len(self.peer.call("Digest", "Digest", "sayu", "sha256", b"", 32)[0]), 32)
        self.refused("NoDevice", "may not use rng", "Random", "Get", "u", 16)


class Channels(OnBus):
    CONFIG = "[kernel]\nprocesses_per_user = 6\n"

    def test_connect_gives_a_channel_whose_process_is_the_caller(self):
        fd, = self.peer.call("Manager", "Connect")
        with Client(connected=socket.socket(fileno=fd)) as channel:
            data = os.urandom(5000)
            self.assertEqual(channel.sha256(data), hashlib.sha256(data).digest())
            rows, _ = self.peer.call("Manager", "ListProcesses", "u", 0)
            row, = [row for row in rows if row["index"] == channel.index]
            self.assertEqual((row["pid"], row["uid"], row["gid"]),
                             (os.getpid(), os.getuid(), os.getgid()))
            with open("/proc/self/comm", encoding="utf-8") as file:
                self.assertEqual(row["command"], file.read().strip())

    def test_a_channel_outlives_the_callers_place_on_the_bus(self):
        other = self.join()
        fd, = other.call("Manager", "Connect")
        other.close()
        with Client(connected=socket.socket(fileno=fd)) as channel:
            self.assertEqual(len(channel.random(8)), 8)

    def test_channels_count_against_processes_per_user(self):
        self.works()
        kept, fds = self.keeps(), []
        for _ in range(4):  # our channel, our name, and these
            fds += self.peer.call("Manager", "Connect")
        for _ in range(20):
            self.refused("NoMem", "has 6 processes connected, processes_per_user", "Manager",
                         "Connect")
        self.refused("NoMem", "processes_per_user", "Random", "Get", "u", 16, peer=self.join())
        self.works()
        for fd in fds:
            os.close(fd)
        self.settled(kept)
        self.works(self.join())


class Repeating(OnBus):
    CONFIG = "[dbus]\ncalls_per_client = 3\n"

    def test_upcalls_are_signals_until_the_operation_is_cancelled(self):
        other = self.join()
        other.bus("AddMatch", "s", "interface='org.pluton1.Alarm'")
        operation, = self.peer.call("Alarm", "Every", "u", 1)
        for _ in range(3):
            number, status, _, _, _, more = self.peer.signal("Upcall").body
            self.assertEqual((number, status, more), (operation, 0, True))
        self.assertEqual(self.peer.call("Alarm", "Cancel", "u", operation), ())
        while True:
            number, status, _, _, _, more = self.peer.signal("Upcall").body
            if not more:
                break
        self.assertEqual((number, status), (operation, CANCELLED))
        self.refused("Inval", "is not under way at Alarm", "Alarm", "Cancel", "u", operation)
        self.works(other)
        self.assertEqual([each for each in other.signals if each.member == "Upcall"], [])

    def test_only_the_clients_own_operations_can_be_cancelled(self):
        operation, = self.peer.call("Alarm", "Every", "u", 1000)
        self.refused("Inval", "not under way", "Alarm", "Cancel", "u", operation, peer=self.join())
        self.peer.call("Alarm", "Cancel", "u", operation)

    def test_calls_per_client_is_a_limit_for_each(self):
        for _ in range(3):
            self.peer.call("Alarm", "Every", "u", 100000)
        self.refused("Busy", "3 calls are under way, calls_per_client", "Random", "Get", "u", 16)
        self.works(self.join())

    def test_what_a_stranger_sends_at_once_counts_too(self):
        other = self.join()
        serials = [other.send("org.pluton1.Alarm", "After", "u", 100000) for _ in range(40)]
        refused = 0
        for serial in serials[3:]:
            with self.assertRaises(BusError) as caught:
                other.reply(serial)
            refused += caught.exception.name == "org.pluton1.Error.Busy"
        self.assertEqual(refused, 37)
        self.works()


class Endings(OnBus):
    CONFIG = "[dbus]\nidle_timeout = 1s\n"

    def test_who_leaves_leaves_nothing(self):
        kept = self.keeps()
        other = self.join()
        other.call("Digest", "Begin", "s", "sha256")
        other.call("Aes", "Begin", "ssayayay", "gcm", "encrypt", bytes(16), bytes(12), b"")
        other.call("Alarm", "Every", "u", 5)
        other.send("org.pluton1.Alarm", "After", "u", 100000)
        self.assertNotEqual(self.keeps(), kept)
        other.close()
        self.settled(kept)

    def test_who_leaves_in_the_middle_of_an_operation_leaves_nothing(self):
        kept = self.keeps()
        fd = self.memory(bytes(32 * MIB))
        for i in range(30):
            other = Peer(self.bus.address)
            if i % 2:
                self.works(other)
            other.send("org.pluton1.Digest", "DigestMemfd", "s(htt)u", "sha512", (fd, 0, 32 * MIB),
                       64)
            other.send("org.pluton1.Digest", "Digest", "sayu", "sha512", bytes(60000), 64)
            other.close()
        self.works()
        self.peer.close()
        self.settled(kept)

    def test_an_idle_name_is_forgotten_and_known_again_at_its_next_call(self):
        kept = self.keeps()
        self.works()
        self.assertNotEqual(self.keeps(), kept)
        self.settled(kept)
        self.works()

    def test_a_name_with_a_stream_is_not_idle(self):
        other = self.join()
        self.works()
        stream, = other.call("Digest", "Begin", "s", "sha256")
        kept = self.keeps()
        end = time.monotonic() + PATIENCE
        while self.keeps() == kept and time.monotonic() < end:  # until the other one is forgotten
            select.select([], [], [], 0.05)
        digest, _ = other.call("Digest", "Finish", "uu", stream, 32)
        self.assertEqual(digest, hashlib.sha256().digest())


class Hostile(OnBus):
    LIMITS = '<limit name="max_connections_per_user">600</limit>'

    def test_a_flood_of_calls_holds_up_nobody_and_leaves_nothing(self):
        kept = self.keeps()
        flood = self.join()
        for i in range(3000):
            flood.send("org.pluton1.Random", "Get", "u", 64, flags=NO_REPLY if i % 3 else 0)
            if i % 500 == 0:
                self.works()
        flood.close()
        self.peer.close()
        self.settled(kept)

    def test_a_client_that_never_reads_holds_up_nobody(self):
        kept = self.keeps()
        silent = self.join()
        silent.socket.settimeout(1)
        try:
            for _ in range(600):
                silent.send("org.pluton1.Random", "Get", "u", 65536)
        except TimeoutError:
            pass  # the bus has enough of it
        for _ in range(5):
            self.works()
        silent.close()
        self.peer.close()
        self.settled(kept)

    def test_a_flood_of_newcomers_is_served_or_told_to_come_again(self):
        kept = self.keeps()
        crowd = [Peer(self.bus.address) for _ in range(400)]
        serials = [each.send("org.pluton1.Random", "Get", "u", 8) for each in crowd]
        for each, serial in zip(crowd, serials):
            try:
                self.assertEqual(len(each.reply(serial)[0]), 8)
            except BusError as error:
                self.assertEqual(error.name, "org.pluton1.Error.Busy")
        for each in crowd:
            each.close()
        self.settled(kept)

    def test_garbage_is_refused_by_whoever_sees_it_first_and_the_daemon_goes_on(self):
        for body, signature in ((b"\xff\xff\xff\x7f", "ay"), (b"\x01\x00\x00\x00\xff\x00", "s"),
                                (bytes(4), "a{sv}"), (b"\x05", "b"), (b"", "ay")):
            garbage = self.join()
            garbage.serial += 1
            with contextlib.suppress(OSError):  # the bus may hang up at once
                garbage.send_raw("Get", "org.pluton1.Random", signature, body)
            self.works()
        for kind in RETURN, ERROR, SIGNAL, 77:
            other = self.join()
            other.serial += 1
            with contextlib.suppress(OSError):
                other.send_raw("Get", "org.pluton1.Random", "u", bytes(4), kind=kind,
                               reply_to=3 if kind in (RETURN, ERROR) else 0)
            self.works()

    def test_a_header_that_is_far_too_long_is_dropped_alone(self):
        path = "/" + "/".join(["a" * 200] * 500)
        other = self.join()
        other.send("org.pluton1.Random", "Get", "u", 8, path=path, flags=NO_REPLY)
        self.works(other)
        self.works()

    def test_descriptors_that_no_method_takes_do_not_stay_open(self):
        self.works()
        kept = self.keeps()
        out, into = os.pipe()
        fd = self.memory(bytes(4096))
        other = self.join()
        for _ in range(50):
            for member, signature, values in (("Get", "h", (into,)), ("No", "hh", (fd, into)),
                                              ("GetMemfd", "(htt)", ((into, 0, 1),))):
                with self.assertRaises(BusError):
                    other.call("Random", member, signature, *values)
        os.close(into)
        self.assertEqual(os.read(out, 1), b"")  # nobody else has it
        os.close(out)
        other.close()
        self.settled(kept)

    def test_a_process_whose_name_is_no_text_can_be_listed(self):
        script = ("import ctypes, os, sys; ctypes.CDLL(None).prctl(15, b'\\xff\\xfe!');"
                  "from client import Client; c = Client(sys.argv[1]); print(c.index, flush=True);"
                  "sys.stdin.read()")
        with subprocess.Popen(["python3", "-c", script, self.daemon.address], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, cwd=os.path.dirname(__file__)) as child:
            index = int(child.stdout.readline())
            rows, _ = self.peer.call("Manager", "ListProcesses", "u", 0)
            self.assertEqual([row["command"] for row in rows if row["index"] == index], ["??!"])
            child.stdin.close()

    def test_calls_to_ourselves_by_a_name_of_the_bus_change_nothing(self):
        # What only the bus may say: somebody else says it.
        self.works()
        stream, = self.peer.call("Digest", "Begin", "s", "sha256")
        liar = self.join()
        liar.serial += 1
        liar.send_raw("NameOwnerChanged", "org.freedesktop.DBus", "", b"", kind=SIGNAL,
                      path="/org/freedesktop/DBus")
        liar.send("org.freedesktop.DBus", "NameOwnerChanged", "sss", self.peer.name, self.peer.name,
                  "", path="/org/freedesktop/DBus", kind=SIGNAL)
        self.works(liar)
        self.assertEqual(self.peer.call("Digest", "Update", "uay", stream, b"x"), (stream,))


class Buses(unittest.TestCase):
    def await_log(self, daemon, pattern, times=1):
        end = time.monotonic() + PATIENCE
        while len(re.findall(pattern, daemon.read_log())) < times and time.monotonic() < end:
            select.select([], [], [], 0.02)
        self.assertEqual(len(re.findall(pattern, daemon.read_log())), times, daemon.read_log())

    def test_a_bus_that_dies_is_outlived_and_found_again(self):
        with Bus() as bus, make_daemon("", bus.address) as daemon, \
                Client(daemon.address) as channel:
            with Peer(bus.address) as peer:
                peer.call("Digest", "Begin", "s", "sha256")
            bus.kill()
            self.await_log(daemon, "not on the bus: ")
            self.assertEqual(len(channel.random(8)), 8)
            rows, _, _ = channel.perform(0x80000001, 4, (), (1008,))
            self.assertEqual(rows, 1)  # everybody on the bus is gone
            bus.start()
            self.await_log(daemon, r"on the bus as org\.pluton1 ", 2)
            self.await_log(daemon, "not on the bus: ")  # once
            with Peer(bus.address) as peer:
                self.assertEqual(len(peer.call("Random", "Get", "u", 8)[0]), 8)
            self.assertEqual(len(channel.random(8)), 8)

    def test_without_a_bus_the_socket_is_served_and_the_bus_joined_when_it_comes(self):
        bus = Bus()
        with plutond.Daemon(arguments=["--bus", bus.address]) as daemon:
            self.assertIn("not on the bus: No such file or directory; sockets are served",
                          daemon.read_log())
            with Client(daemon.address) as channel:
                self.assertEqual(len(channel.random(8)), 8)
            with bus:
                self.await_log(daemon, r"on the bus as org\.pluton1 ")

    def test_a_name_that_is_taken_is_said_and_taken_over_when_it_is_free(self):
        with Bus() as bus:
            first = plutond.Daemon(arguments=["--bus", bus.address])
            with first, plutond.Daemon(arguments=["--bus", bus.address]) as second:
                self.assertIn("the name org.pluton1 is taken: stop the other plutond",
                              second.read_log())
                first.stop()
                self.await_log(second, r"on the bus as org\.pluton1 ")

    def test_a_bus_that_does_not_let_us_have_the_name_is_quoted(self):
        denied = ('<policy context="default"><deny own="org.pluton1"/></policy>')
        with Bus(denied) as bus, plutond.Daemon(arguments=["--bus", bus.address]) as daemon:
            self.assertRegex(daemon.read_log(), "the name org.pluton1 is refused: .*not allowed")

    def test_a_bus_that_accepts_and_says_nothing_delays_the_start_by_no_more_than_seconds(self):
        with Bus() as folder, socket.socket(socket.AF_UNIX) as dumb:
            path = f"{folder.folder.name}/dumb"
            dumb.bind(path)
            dumb.listen()
            with plutond.Daemon(arguments=["--bus", f"unix:path={path}"]) as daemon:
                self.assertIn("does not answer", daemon.read_log())

    def test_a_bus_that_talks_nonsense_is_left(self):
        for answer in b"NO\r\n" * 5, b"\0" * 100, b"OK x\r\n", b"DATA\r\nOK " + b"1" * 32 + b"\r\n":
            with Bus() as folder, socket.socket(socket.AF_UNIX) as odd:
                path = f"{folder.folder.name}/odd"
                odd.bind(path)
                odd.listen()
                daemon = plutond.Daemon(arguments=["--bus", f"unix:path={path}"])
                talker = subprocess.Popen(
                    ["python3", "-c", "import socket, sys; s = socket.socket(fileno=0);"
                     "c = s.accept()[0]; c.recv(99); c.sendall(eval(sys.argv[1])); c.close();"
                     "s.close()", repr(answer)], stdin=odd.fileno())
                with daemon:
                    self.assertIn("not on the bus: ", daemon.read_log())
                talker.kill()
                talker.wait(PATIENCE)

    def test_an_address_that_is_no_unix_socket_is_a_wrong_configuration(self):
        for address in "tcp:host=localhost,port=1", "unixexec:path=/bin/sh", "Session", "":
            done = plutond.run("--config", "/dev/null", "--bus", address)
            self.assertEqual(done.returncode, 78)
            self.assertIn("write off, session, system", done.stderr)

    def test_the_session_and_system_buses_are_where_the_environment_says(self):
        for name in "session", "system":
            with Bus() as bus:
                os.environ[f"DBUS_{name.upper()}_BUS_ADDRESS"] = (
                    "unix:path=/nonexistent;" + bus.address + ",guid=0")
                try:
                    with plutond.Daemon(arguments=["--bus", name]) as daemon:
                        self.assertIn("on the bus as org.pluton1", daemon.read_log())
                finally:
                    del os.environ[f"DBUS_{name.upper()}_BUS_ADDRESS"]

    def test_limits_of_the_bus_change_with_a_reload(self):
        with Bus() as bus:
            daemon = plutond.Daemon("[dbus]\nmessage_max = 8K\n", ["--bus", bus.address])
            with daemon, Peer(bus.address) as peer:
                self.assertEqual(len(peer.call("Random", "Get", "u", 8192)[0]), 8192)
                daemon.configure("[dbus]\nmessage_max = 4K\n")
                daemon.reload()
                with self.assertRaisesRegex(BusError, "message_max is 4096"):
                    peer.call("Random", "Get", "u", 4097)
                self.assertEqual(len(peer.call("Random", "Get", "u", 4096)[0]), 4096)


class Run(unittest.TestCase):
    """pluton-run --dbus."""

    def test_command_has_the_daemon_on_its_session_bus_and_on_its_system_bus(self):
        call = "call org.pluton1 /org/pluton1 org.pluton1.Random Get u 4"
        done = private.run(private.RUN, "--dbus", "--", "/bin/sh", "-c",
                           f"busctl --user {call} && busctl --system {call} && exit 7")
        self.assertEqual((done.returncode, done.stderr), (7, b""))
        self.assertEqual([line[:5] for line in done.stdout.splitlines()], [b"ay 4 "] * 2)

    def test_a_folder_with_an_odd_name_will_do(self):
        with tempfile.TemporaryDirectory(prefix="a b,c;d=%&<\u00e9") as folder:
            environment = private.environment(TMPDIR=folder, XDG_RUNTIME_DIR=None)
            done = private.run(private.RUN, "--dbus", "--", "busctl", "--user", "call", "org.pluton1",
                               "/org/pluton1", "org.pluton1.Random", "Get", "u", "4", env=environment)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(os.listdir(folder), [])

    def test_a_bus_that_does_not_start_is_told_with_its_own_words(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/dbus-daemon", "w", encoding="utf-8") as fake:
                fake.write("#!/bin/sh\necho no bus today >&2\nexit 3\n")
            os.chmod(f"{folder}/dbus-daemon", 0o755)
            path = f"{folder}:{os.environ['PATH']}"
            done = private.run(private.RUN, "--dbus", "--", "true",
                               env=private.environment() | {"PATH": path})
            self.assertEqual((done.returncode, done.stdout), (125, b""))
            self.assertIn(b"dbus-daemon did not start, it said (EFAIL): no bus today", done.stderr)


class Documentation(unittest.TestCase):
    """docs/dbus.md: what it says to type works, and gives what it says."""

    def test_every_example_runs_and_prints_what_the_page_says(self):
        with open(f"{private.SOURCE}/docs/dbus.md", encoding="utf-8") as file:
            blocks = re.findall(r"(?ms)^```sh\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", file.read())
        self.assertGreater(len(blocks), 8)
        for script, expected in blocks:
            done = private.run(private.RUN, "--dbus", "--", "/bin/sh", "-e", "-c", script)
            self.assertEqual((done.returncode, done.stderr), (0, b""), script)
            lines = [line.rstrip() for line in done.stdout.decode().splitlines()]
            self.assertEqual(lines[:len(expected.splitlines())] if expected else [],
                             expected.splitlines(), script)


if __name__ == "__main__":
    unittest.main()
