# SPDX-License-Identifier: Apache-2.0
"""docs/protocol.md section 10 by way of ring_client.py, which was written from it: if the section is
wrong, or the daemon no longer does what it says, these fail."""

import errno
import fcntl
import hashlib
import os
import struct
import time
import unittest

import client
import plutond
from client import CALL, CANCEL, DIGEST, OPERATION, RNG, SHA256, Client, Refused
from ring_client import DOORBELL, RINGS, RingClient

F_GET_SEALS, F_SEAL_SHRINK, F_SEAL_GROW = 1034, 2, 4
MEMOP, WINDOWS = 5, 0x102  # a call that is answered at once
CALL_SIZE = RETURN_SIZE = 48  # in a ring
SIZE = 16384  # of a ring, unless ring_size says something else


def until(condition, what):
    """Waits for what the daemon does by itself and nothing tells of."""
    end = time.monotonic() + plutond.TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.001)


def call(number=WINDOWS):
    return client.HEADER.pack(CALL, 0, 40, 0, 0) + struct.pack("<II4I", MEMOP, number, 0, 0, 0, 0)


def nothing():
    """A record without an answer."""
    return client.HEADER.pack(CANCEL, 0, 16, 4711, 0)


def daemon(settings=""):
    """With limits of the kernel, and nothing that has a timer."""
    return plutond.Daemon(f"[app]\nfolders = /nonexistent\n[kernel]\n{settings}")


class RingTest(unittest.TestCase):
    settings = ""

    @classmethod
    def setUpClass(cls):
        cls.daemon = daemon(cls.settings).start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def connect(self, kind=RingClient):
        connected = kind(self.daemon.address)
        connected.socket.settimeout(plutond.TIMEOUT_S)
        self.addCleanup(connected.__exit__)
        return connected

    def with_rings(self):
        connected = self.connect()
        connected.open_rings()
        return connected

    def refused(self, error, function, *arguments):
        with self.assertRaises(Refused) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.error, error, caught.exception.text)

    def answered(self, connected):
        (kind, *_), body = connected.receive()
        self.assertEqual(kind, client.RETURN)
        return Client.raise_return(body)

    def socket_is_empty(self, connected):
        connected.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            connected.socket.recv(client.RECORD_MAX)
        connected.socket.settimeout(plutond.TIMEOUT_S)

    def serves(self, connected):
        self.assertEqual(len(connected.random(32)), 32)

    def block(self, connected):
        """Puts in calls without taking answers, until the daemon takes no more and the ring of
        requests is full. Returns how many."""
        calls = 0
        while not connected.answers.room.load():
            if connected.requests.put(call()):
                calls += 1
                connected.publish()
        while connected.requests.put(call()):
            calls += 1
        while connected.requests.put(nothing()):
            pass
        connected.publish()
        return calls


class Opening(RingTest):
    def test_who_asks_for_rings_is_offered_them_and_nothing_that_is_not_known(self):
        class Greedy(RingClient):
            asked = 0xffffffff

        self.assertEqual(self.connect(Client).features, 0)
        self.assertEqual(self.connect().features, RINGS)
        self.assertEqual(self.connect(Greedy).features, RINGS)

    def test_rings_that_were_not_asked_for_in_hello_are_refused_and_the_socket_goes_on(self):
        class Modest(RingClient):
            asked = 0

        modest = self.connect(Modest)
        self.refused("NOSUPPORT", modest.open_rings)
        self.serves(modest)

    def test_the_memory_has_the_size_that_was_told_and_cannot_change_it(self):
        connected = self.connect()
        size = connected.open_rings(op_id=99)
        self.assertEqual(size, SIZE)
        self.assertEqual(os.fstat(connected.memfd).st_size, 4096 + 2 * size)
        seals = fcntl.fcntl(connected.memfd, F_GET_SEALS)
        self.assertEqual(seals & (F_SEAL_SHRINK | F_SEAL_GROW), F_SEAL_SHRINK | F_SEAL_GROW)
        for other in (0, 4096, 4096 + 2 * size - 1, 1 << 20):
            with self.assertRaises(PermissionError):
                os.ftruncate(connected.memfd, other)
        self.serves(connected)

    def test_it_begins_as_zeroes_but_for_a_daemon_that_sleeps_already(self):
        connected = self.with_rings()
        self.assertLessEqual(connected.requests.bell.load(), 1)
        connected.requests.bell.store(0)
        self.assertEqual(connected.memory[:], bytes(len(connected.memory)))

    def test_a_second_pair_is_refused_by_the_first(self):
        connected = self.with_rings()
        self.refused("ALREADY", connected.open_rings)
        self.serves(connected)

    def test_after_the_memfd_is_closed_the_rings_go_on(self):
        connected = self.with_rings()
        other = os.open("/dev/null", os.O_RDONLY)
        os.dup2(other, connected.memfd)
        os.close(other)
        self.serves(connected)


class Limits(RingTest):
    settings = "window_max = 4K\nwindows_per_user = 40K\n"

    def test_over_windows_per_user_rings_are_refused_until_others_have_left(self):
        first, second = self.with_rings(), self.connect()
        self.refused("BUSY", second.open_rings)
        self.serves(second)
        first.socket.close()

        def opened():
            try:
                return second.open_rings()
            except Refused as refusal:
                self.assertEqual(refusal.error, "BUSY")
                self.serves(second)
            return 0

        until(opened, "rings for the second")
        self.serves(second)


class Sizes(unittest.TestCase):
    def test_a_ring_has_the_largest_power_of_two_that_ring_size_allows(self):
        for configured, expected in ((0, 0), (16383, 0), (16384, 16384), (32767, 16384),
                                     (1048575, 524288), (1048576, 1048576)):
            with daemon(f"ring_size = {configured}\n") as own, RingClient(own.address) as connected:
                self.assertEqual(connected.features, RINGS if expected else 0)
                if expected:
                    self.assertEqual(connected.open_rings(), expected)
                self.assertEqual(len(connected.random(32)), 32)


class Requests(RingTest):
    settings = "inline_max = 8192\n"

    def test_answers_are_those_of_the_socket_around_the_end_many_times(self):
        connected = self.with_rings()
        for size in range(400):
            message = os.urandom(size)
            digest = connected.perform(DIGEST, 1, (SHA256,), (message, 32))[2]
            self.assertEqual(digest, hashlib.sha256(message).digest())
            self.assertEqual(len(connected.random(1 + size)), 1 + size)
        for ring in (connected.requests, connected.answers):
            self.assertGreater(ring.mine, 4 * SIZE)
            self.assertGreater(ring.splits, 4)

    def test_the_longest_records_go_both_ways(self):
        connected = self.with_rings()
        message = os.urandom(8192 - 32)
        for _ in range(20):
            digest = connected.perform(DIGEST, 1, (SHA256,), (message, 32))[2]
            self.assertEqual(digest, hashlib.sha256(message).digest())
            self.assertEqual(len(connected.random(8192)), 8192)

    def test_a_ring_takes_as_many_bytes_as_it_has_and_no_more(self):
        connected = self.with_rings()
        calls = SIZE // CALL_SIZE
        for _ in range(calls):
            self.assertTrue(connected.requests.put(call()))
        while connected.requests.put(nothing()):
            pass
        self.assertEqual(connected.requests.mine - connected.requests.head.load(), SIZE)
        connected.publish()
        for _ in range(calls):
            self.assertEqual(self.answered(connected), (129, [0, 0, 0]))
        self.serves(connected)

    def test_what_was_taken_is_overwritten(self):
        connected = self.with_rings()
        secret = os.urandom(24)
        connected.ctr(secret, bytes(16), b"message")
        self.assertEqual(connected.memory.find(secret), -1)
        self.assertEqual(connected.memory[4096:], bytes(2 * SIZE))

    def test_records_that_are_refused_are_answered_as_on_the_socket(self):
        connected, plain = self.with_rings(), self.connect(Client)
        for junk in (client.HEADER.pack(OPERATION, 0, 16, 5, RNG),
                     client.HEADER.pack(CALL, 0, 17, 0, 0) + b"x",
                     client.HEADER.pack(99, 0, 16, 0, 0),
                     client.HEADER.pack(CANCEL, 1, 16, 0, 0),
                     client.HEADER.pack(DOORBELL, 0, 16, 0, 0),
                     client.HEADER.pack(client.HELLO, 0, 24, 0, 0) + struct.pack("<II", 1, 1),
                     client.HEADER.pack(99, 0, 8336, 0, 0) + bytes(8320),
                     call(number=0)):
            self.assertTrue(connected.requests.put(junk))
            connected.publish()
            plain.socket.send(junk)
            self.assertEqual(connected.receive(), plain.receive())
        self.serves(connected)

    def test_a_window_must_come_by_the_socket(self):
        connected = self.with_rings()
        connected.send(client.WINDOW_ADD, struct.pack("<I", 0), 7)
        self.refused("INVAL", self.answered, connected)
        number, memory = connected.add_window(4096)
        connected.perform(RNG, 1, (), ((number, 0, 32),))
        self.assertNotEqual(memory[:32], bytes(32))
        connected.remove_window(number)

    def test_what_comes_by_the_socket_is_answered_by_the_ring_and_after_what_was_there(self):
        connected = self.with_rings()
        for _ in range(20):
            for _ in range(100):
                self.assertTrue(connected.requests.put(call()))
            connected.publish()
            Client.send(connected, client.WINDOW_REMOVE, struct.pack("<I", 77), 5)
            for _ in range(100):
                self.assertEqual(self.answered(connected)[0], 129)
            (kind, _, _, op_id, _), _ = connected.receive()
            self.assertEqual((kind, op_id), (client.RETURN, 5))
        self.serves(connected)

    def test_exit_by_the_ring_ends_the_connection(self):
        connected = self.with_rings()
        connected.send(CALL, struct.pack("<6I", 6, 0, 0, 0, 0, 0))
        with self.assertRaises(EOFError):
            connected.receive()

    def test_what_was_answered_before_the_end_is_found_after_it(self):
        connected = self.with_rings()
        for _ in range(5):
            connected.requests.put(call())
        connected.requests.put(client.HEADER.pack(CALL, 0, 40, 0, 0) +
                               struct.pack("<6I", 6, 0, 0, 0, 0, 0))
        connected.publish()
        self.assertEqual(connected.socket.recv(1), b"")
        for _ in range(5):
            self.assertEqual(self.answered(connected)[0], 129)
        with self.assertRaises(EOFError):
            connected.receive()


class Sleeping(RingTest):
    def poll(self, connected):
        """An answer without sleeping for it."""
        record = []
        until(lambda: record.append(connected.take()) or record[-1], "an answer")
        return record[-1]

    def test_who_sleeps_is_rung_for_once(self):
        connected = self.with_rings()
        for _ in range(50):
            self.assertTrue(connected.answers.may_sleep())
            connected.requests.put(call())
            connected.requests.put(call())
            connected.publish()
            self.assertEqual(client.HEADER.unpack(connected.hear()), (DOORBELL, 0, 16, 0, 0))
            self.assertEqual(connected.answers.bell.load(), 0)
            self.poll(connected)
            self.poll(connected)
            self.socket_is_empty(connected)

    def test_who_is_awake_is_not_rung_for(self):
        connected = self.with_rings()
        for _ in range(50):
            connected.requests.put(call())
            connected.publish()
            self.poll(connected)
        self.socket_is_empty(connected)

    def test_an_answer_that_comes_later_wakes_who_sleeps(self):
        connected = self.with_rings()
        message = bytes(8 << 20)
        number, _ = connected.add_window(len(message))
        digest = connected.perform(DIGEST, 1, (SHA256,), ((number, 0, len(message)), 32))[2]
        self.assertEqual(digest, hashlib.sha256(message).digest())

    def test_the_daemon_that_sleeps_is_woken_by_whoever_takes_its_flag(self):
        connected = self.with_rings()
        for _ in range(50):
            until(connected.requests.bell.load, "a daemon that sleeps")
            connected.requests.put(call())
            self.assertTrue(connected.requests.publish())
            self.assertEqual(connected.requests.bell.load(), 0)
            connected.ring()
            self.answered(connected)

    def test_ringing_for_nothing_is_nothing(self):
        connected = self.with_rings()
        for _ in range(100):
            connected.ring()
        self.serves(connected)

    def test_flags_may_have_any_value(self):
        connected = self.with_rings()
        for value in (2, 0x80000000, 0xffffffff):
            for word in (connected.requests.room, connected.answers.room, connected.answers.bell):
                word.store(value)
            connected.requests.put(call())
            connected.requests.publish()
            connected.requests.bell.store(value)
            connected.ring()
            self.poll(connected)
        self.serves(connected)

    def test_a_full_ring_of_answers_stops_the_daemon_and_room_wakes_both(self):
        connected = self.with_rings()
        calls = self.block(connected)
        self.assertEqual(connected.answers.tail.load(), SIZE // RETURN_SIZE * RETURN_SIZE)
        self.assertFalse(connected.requests.has_room(16))
        self.socket_is_empty(connected)
        connected.requests.room.store(1)
        self.assertEqual(self.answered(connected)[0], 129)  # and with that the daemon goes on
        self.assertEqual(client.HEADER.unpack(connected.hear())[0], DOORBELL)
        self.assertEqual(connected.requests.room.load(), 0)
        until(lambda: connected.requests.has_room(CALL_SIZE), "room")
        for _ in range(calls - 1):
            self.assertEqual(self.answered(connected)[0], 129)
        self.serves(connected)

    def test_a_client_that_only_writes_waits_for_room_and_loses_nothing(self):
        connected = self.with_rings()
        body = struct.pack("<II4I", MEMOP, WINDOWS, 0, 0, 0, 0)
        for _ in range(5000):
            connected.send(CALL, body)
        for _ in range(5000):
            self.assertEqual(self.answered(connected), (129, [0, 0, 0]))
        self.socket_is_empty(connected)

    def test_answers_to_operations_wait_in_the_daemon_and_come_once(self):
        connected, neighbour = self.with_rings(), self.with_rings()
        asked = [connected.submit(RNG, 1, (), (1024,)) for _ in range(16)]
        until(connected.answers.room.load, "a ring that is full")
        self.serves(neighbour)
        answers = {op_id for op_id, _ in asked}
        for _ in asked:
            (kind, _, _, op_id, _), _ = connected.receive()
            self.assertEqual(kind, client.UPCALL)
            answers.remove(op_id)
        self.assertEqual(answers, set())


class Idle(RingTest):
    def sleeping(self):
        """Whether every thread of the daemon is in a system call that waits without a time limit:
        epoll_wait's and futex's fourth argument says so."""
        for thread in os.listdir(f"/proc/{self.daemon.pid}/task"):
            with open(f"/proc/{self.daemon.pid}/task/{thread}/syscall", encoding="ascii") as file:
                words = file.read().split()
            if len(words) < 5 or int(words[4], 16) & 0xffffffff not in (0, 0xffffffff):
                return False
            self.waits[thread] = (words[0], int(words[4], 16))
        return True

    def test_a_daemon_whose_clients_are_idle_sleeps_until_one_rings(self):
        clients = [self.with_rings() for _ in range(3)]
        for _ in range(200):
            for each in clients:
                self.serves(each)
        self.waits = {}
        try:
            until(self.sleeping, "a daemon that sleeps")
        except PermissionError:
            self.skipTest("/proc/PID/syscall is not for us")
        self.assertEqual(self.waits[str(self.daemon.pid)][1] & 0xffffffff, 0xffffffff)
        for each in clients:
            self.assertEqual(each.requests.bell.load(), 1)
            self.serves(each)


class Violations(RingTest):
    """Each ends the connection, and nobody else's."""

    def setUp(self):
        self.neighbour = self.with_rings()
        self.client = self.with_rings()
        self.serves(self.client)

    def ends(self):
        self.client.ring()
        with self.assertRaises(OSError) as ended:
            while (record := self.client.socket.recv(client.RECORD_MAX)):
                self.assertEqual(client.HEADER.unpack(record)[0], DOORBELL)
            raise OSError(errno.ESHUTDOWN, "the end")
        self.assertIn(ended.exception.errno, (errno.ESHUTDOWN, errno.ECONNRESET))
        self.serves(self.neighbour)


def add_tail(name, distance):
    """The ring is full of good records, and yet not one is served."""
    def test(self):
        ring = self.client.requests
        end = ring.mine + distance
        while ring.put(call()):
            pass
        ring.tail.store(end)
        self.ends()
        self.assertIsNone(self.client.answers.take())

    setattr(Violations, f"test_a_tail_{name}_ends_the_connection", test)


def add_head(name, distance):
    def test(self):
        self.block(self.client)
        self.client.answers.head.store(self.client.answers.mine + distance)
        self.ends()

    setattr(Violations, f"test_a_head_{name}_ends_the_connection", test)


def add_size(name, size, there):
    def test(self):
        self.client.requests.put(client.HEADER.pack(CANCEL, 0, size, 0, 0) + bytes(there - 16))
        self.client.requests.publish()
        self.ends()
        self.assertIsNone(self.client.answers.take())

    setattr(Violations, f"test_a_record_{name}_ends_the_connection", test)


for where, bytes_off in (("between_records", CALL_SIZE + 8), ("within_a_word", CALL_SIZE + 1)):
    add_tail(where, bytes_off)
    add_head(where, bytes_off)
for where, bytes_off in (("that_moved_backwards", -16), ("of_more_than_the_ring_has", SIZE + 16),
                         ("on_the_other_side_of_all_numbers", 1 << 31)):
    add_tail(where, bytes_off)
    add_head(where, bytes_off)
add_head("past_the_tail", SIZE // RETURN_SIZE * RETURN_SIZE + 16)
add_size("of_no_size", 0, 16)
add_size("shorter_than_its_header", 15, 16)
add_size("longer_than_any", 8337, 8352)
add_size("longer_than_the_ring", 0xffffffff, 64)
add_size("longer_than_what_was_put_in", 17, 16)
add_size("much_longer_than_what_was_put_in", 8336, 64)

if __name__ == "__main__":
    unittest.main()
