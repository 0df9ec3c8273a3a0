# SPDX-License-Identifier: Apache-2.0
"""Tracing: what pluton-cli trace shows, who may, and that it ends with who began it."""

import json
import os
import re
import resource
import signal
import subprocess
import unittest

from client import RNG, Client, Refused
from private import CLI_PROGRAM, DEADLINE, Files, Private

MANAGER = 0x80000001
TRACE_BEGIN, TRACE_READ, TRACE_END = 9, 10, 11
ROW = 64
NOBODY = 65534


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


def connect():
    return Client(daemon.environment()["PLUTON_ADDRESS"])


def command_name():
    with open("/proc/self/comm", encoding="utf-8") as comm:
        return comm.read().strip()


class Watching:
    """pluton-cli trace, under way: its first line has come."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [CLI_PROGRAM, "trace", *options], env=daemon.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def lines_until(self, wanted):
        """All lines up to the first that `wanted` says yes to."""
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if wanted(line):
                return lines
        raise AssertionError(f"the trace ended: {lines} {self.process.stderr.read()}")

    def await_begun(self):
        """Until it traces, and a signal ends it as it should."""
        with connect() as client:
            await_tracing_of(client)
        await_blocking(self.process.pid, signal.SIGINT)

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


def await_blocking(pid, number):
    """Until a program takes a signal when it likes to."""
    blocked = 0
    while not blocked >> number - 1 & 1:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            blocked = int(re.search(r"SigBlk:\s+([0-9a-f]+)", status.read())[1], 16)


def await_tracing_of(client):
    """Until somebody traces. With no room, a begin of ours never succeeds."""
    while True:
        try:
            client.perform(MANAGER, TRACE_BEGIN, (0,))
        except Refused as refused:
            if refused.error == "BUSY":
                return


class Lines(unittest.TestCase):
    def steps_of(self, capsule, work, *options):
        watching = Watching("--json", "--capsule", capsule, *options)
        watching.await_begun()
        with connect() as client:  # still there when the tracer asks who it is
            work(client)
            lines = watching.lines_until(lambda line: "upcall-sent" in line)
        self.assertEqual(watching.end()[0], 0)
        return [json.loads(line) for line in lines]

    def test_a_request_for_random_numbers_is_seen_from_end_to_end(self):
        steps = self.steps_of("rng", lambda client: client.random(48))
        self.assertEqual([step["step"] for step in steps],
                         ["operation-made", "operation-accepted", "engine-requested",
                          "engine-granted", "push", "engine-released", "operation-done",
                          "upcall-posted", "upcall-sent"])
        written = steps[4]
        self.assertEqual((written["capsule"], written["command"], written["bytes"],
                          written["offset"], written["engine"]),
                         ("rng", "Get", 48, 0, "openssl"))
        times = [step["time_ns"] for step in steps]
        self.assertEqual(times, sorted(times))
        self.assertEqual({step["program"] for step in steps}, {command_name()})

    def test_pulls_of_a_digest_are_seen_with_their_places(self):
        def work(client):
            client.perform(0x40005, 1, (3,), (b"x" * 700, 32))

        steps = self.steps_of("digest", work)
        pulled = [(s["offset"], s["bytes"]) for s in steps if s["step"] == "pull"]
        self.assertEqual(sum(size for _, size in pulled), 700)
        self.assertEqual(pulled[0][0], 0)

    def test_a_refusal_is_seen_with_its_error(self):
        def work(client):
            with self.assertRaises(Refused):
                client.perform(0x40005, 3, (99,), (b"x",))
            client.perform(0x40005, 1, (3,), (b"x", 32))

        steps = self.steps_of("digest", work)
        refused = [step for step in steps if step["step"] == "operation-refused"]
        self.assertEqual([step["command"] for step in refused], ["Update"])
        self.assertEqual(refused[0]["error"], "ERESERVE")

    def test_no_byte_of_data_or_keys_is_in_a_trace(self):
        key, secret = b"\x5a\xc3" * 16, b"\x99\x1e\xd7\x42" * 64
        watching = Watching("--json")
        watching.await_begun()
        with connect() as client:
            client.gcm_encrypt(key, bytes(12), secret)
        lines = "".join(watching.lines_until(lambda line: "aes" in line and "upcall-sent" in line))
        watching.end()
        for planted in (key, secret):
            self.assertNotIn(planted[:4].hex(), lines.lower())
            self.assertNotIn(str(int.from_bytes(planted[:8], "little")), lines)

    def test_a_line_for_people_has_time_process_operation_step_and_sizes(self):
        watching = Watching("--capsule", "rng")
        watching.await_begun()
        daemon.cli("random", "5")
        lines = watching.lines_until(lambda line: "upcall-sent" in line)
        watching.end()
        written = [line.split() for line in lines if " push " in line][0]
        self.assertRegex(written[0], r"^\d+\.\d{6}$")
        self.assertRegex(written[1], r"^\d+\.\d+$")
        self.assertRegex(written[2], r"^rng\.Get#\d+$")
        self.assertEqual(written[3:], ["push", "slot", "0,", "5", "bytes", "at", "0"])

    def test_it_ends_after_count_steps(self):
        watching = Watching("--count", "3", "--capsule", "rng")
        watching.await_begun()
        daemon.cli("random", "1")
        out, _ = watching.process.communicate(timeout=30)
        self.assertEqual((watching.process.returncode, out.count("\n")), (0, 3))

    def test_it_ends_after_its_duration(self):
        done = daemon.cli("trace", "--duration", "0.05")
        self.assertEqual(done.returncode, 0)

    def test_wrong_options_are_usage_errors(self):
        for options in (["--duration", "0"], ["--duration", "x"], ["--count", "0"],
                        ["--count", "-1"], ["--capsule", "nothing"], ["extra"]):
            done = daemon.cli("trace", *options)
            self.assertEqual(done.returncode, 2, options)
            self.assertTrue(done.stderr)


class File(unittest.TestCase):
    def trace_to_file(self, work):
        path = daemon.path("trace.json")
        watching = Watching("--output", path)
        watching.await_begun()
        work()
        with connect():  # what came before is read before this one is
            pass
        code, out, err = watching.end()
        self.assertEqual((code, out, err), (0, "", ""))
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def test_it_is_a_trace_event_file_with_a_track_for_each_client_capsule_and_engine(self):
        events = self.trace_to_file(lambda: daemon.cli("random", "32"))
        tracks = {event["args"]["name"] for event in events if event["ph"] == "M"}
        self.assertLessEqual({"clients", "capsules", "engines", "plutond", "event loop", "rng",
                              "rng/openssl", "aes/openssl"}, tracks)
        self.assertTrue([name for name in tracks if "pid" in name])
        for event in events:
            self.assertIn(event["ph"], "MbeiX")
            if event["ph"] != "M":
                self.assertGreater(event["ts"], 0)

    def test_every_operation_that_begins_ends_on_the_same_track(self):
        def work():
            for _ in range(20):
                daemon.cli("random", "32")

        events = self.trace_to_file(work)
        for category in ("operation", "capsule", "engine"):
            begun = [(e["id"], e["pid"], e["tid"]) for e in events
                     if e["ph"] == "b" and e.get("cat") == category and e["name"] == "rng.Get"]
            ended = [(e["id"], e["pid"], e["tid"]) for e in events
                     if e["ph"] == "e" and e.get("cat") == category and e["name"] == "rng.Get"]
            self.assertEqual((len(begun), sorted(begun)), (20, sorted(ended)))
        pushes = [e["args"]["bytes"] for e in events if e["name"] == "push" and e["args"]["bytes"] == 32]
        self.assertGreaterEqual(len(pushes), 20)

    def test_handlers_of_the_loop_follow_one_another_without_overlap(self):
        def work():
            for _ in range(20):
                daemon.cli("random", "32")

        handlers = [(event["ts"], event["ts"] + event["dur"]) for event in self.trace_to_file(work)
                    if event["ph"] == "X"]
        self.assertGreater(len(handlers), 20)
        for (_, end), (start, _) in zip(handlers, handlers[1:]):
            self.assertGreaterEqual(start, end - 0.0005)  # a double's rounding

    def test_programs_that_were_gone_when_it_looked_have_tracks_too(self):
        path = daemon.path("gone.json")
        watching = Watching("--output", path)
        watching.await_begun()
        watching.process.send_signal(signal.SIGSTOP)
        for _ in range(5):
            daemon.cli("random", "32")
        watching.process.send_signal(signal.SIGCONT)
        with connect():
            pass
        self.assertEqual(watching.end()[0], 0)
        with open(path, encoding="utf-8") as file:
            events = json.load(file)
        named = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}
        seen = {(e["pid"], e["tid"]) for e in events if e["ph"] != "M"}
        self.assertEqual(seen - named, set())

    def test_what_cannot_be_written_is_refused_before_anything_is_traced(self):
        done = daemon.cli("trace", "--output", "/nowhere/trace.json", "--duration", "5")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/nowhere", done.stderr)


class FileThatWasThere(Files):
    """A trace that cannot be made leaves the file as it was, and nothing beside it."""

    def setUp(self):
        super().setUp()
        self.trace = self.write("trace.json", b"an older trace")

    def limited(self, size, *options):
        """pluton-cli trace, which cannot write a file of more than so many bytes."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        return subprocess.Popen([CLI_PROGRAM, "trace", "--output", self.trace, *options],
                                env=daemon.environment(), stderr=subprocess.PIPE,
                                preexec_fn=limit)

    def stays(self):
        self.assertEqual(self.read("trace.json"), b"an older trace")
        self.assertEqual(self.names(), ["trace.json"])

    def test_it_stays_when_somebody_else_traces(self):
        watching = Watching()
        watching.await_begun()
        done = daemon.cli("trace", "--output", self.trace, "--duration", "1")
        watching.end()
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"traces; one at a time", done.stderr)
        self.stays()

    def test_it_stays_when_not_even_the_beginning_can_be_written(self):
        for size in (0, 1, 2, 100):
            process = self.limited(size, "--duration", "5")
            said = process.communicate(timeout=DEADLINE)[1]
            self.assertEqual(process.returncode, 1)
            self.assertEqual(said.count(b"cannot write the output"), 1, said)
            self.stays()

    def test_it_stays_when_there_is_no_room_for_a_step_and_that_is_said_once(self):
        process = self.limited(1 << 16)
        with connect() as client:
            while process.poll() is None:
                client.random(8)
        said = process.communicate(timeout=DEADLINE)[1]
        self.assertEqual(process.returncode, 1)
        self.assertEqual(said.count(b"cannot write the output"), 1, said)
        self.stays()

    def test_a_device_without_room_is_refused_once(self):
        done = daemon.cli("trace", "--output", "/dev/full", "--duration", "5")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count(b"cannot write the output"), 1, done.stderr)

    def test_what_was_traced_before_the_daemon_went_away_takes_its_place(self):
        mortal = Private()
        self.addCleanup(mortal.close)
        process = subprocess.Popen([CLI_PROGRAM, "trace", "--output", self.trace],
                                   env=mortal.environment(), stderr=subprocess.PIPE)
        with Client(mortal.environment()["PLUTON_ADDRESS"]) as client:
            await_tracing_of(client)
            client.random(8)
        mortal.kill()
        process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 3)
        self.assertIsInstance(json.loads(self.read("trace.json")), list)
        self.assertEqual(self.names(), ["trace.json"])


class WhoMay(unittest.TestCase):
    def test_only_one_program_traces_at_a_time(self):
        watching = Watching()
        watching.await_begun()
        done = daemon.cli("trace", "--duration", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"traces; one at a time", done.stderr)
        watching.end()

    def test_a_tracer_that_is_killed_makes_room_for_the_next(self):
        watching = Watching()
        watching.await_begun()
        watching.end(signal.SIGKILL)
        with connect() as client:
            while True:
                try:
                    client.perform(MANAGER, TRACE_BEGIN, (1024,))
                    break
                except Refused as refused:
                    self.assertEqual(refused.error, "BUSY")
            client.perform(MANAGER, TRACE_END)

    @unittest.skipIf(os.getuid() != 0, "needs root, to be somebody else")
    def test_other_users_may_not(self):
        def drop():
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        socket_path = daemon.environment()["PLUTON_ADDRESS"].removeprefix("unix:")
        os.chmod(os.path.dirname(socket_path), 0o711)
        os.chmod(socket_path, 0o666)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                drop()
                with connect() as client:
                    client.perform(MANAGER, TRACE_BEGIN, (1024,))
            except Refused as refused:
                status = 0 if refused.error == "NOSUPPORT" and "root" in refused.text else 2
            finally:
                os._exit(status)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)


class Protocol(unittest.TestCase):
    def test_room_has_its_limits(self):
        with connect() as client:
            for room in (0, 1023, 1048577, 0xffffffff):
                with self.assertRaises(Refused) as caught:
                    client.perform(MANAGER, TRACE_BEGIN, (room,))
                self.assertEqual(caught.exception.error, "INVAL")
            for room in (1024, 1048576):
                client.perform(MANAGER, TRACE_BEGIN, (room,))
                client.perform(MANAGER, TRACE_END)

    def test_reading_without_beginning_is_refused(self):
        with connect() as client:
            for command, slots in ((TRACE_READ, (ROW,)), (TRACE_END, ())):
                with self.assertRaises(Refused) as caught:
                    client.perform(MANAGER, command, (), slots)
                self.assertEqual(caught.exception.error, "INVAL")

    def test_beginning_twice_is_refused(self):
        with connect() as client:
            client.perform(MANAGER, TRACE_BEGIN, (1024,))
            with self.assertRaises(Refused) as caught:
                client.perform(MANAGER, TRACE_BEGIN, (1024,))
            self.assertEqual(caught.exception.error, "ALREADY")

    def test_room_for_less_than_a_row_is_refused(self):
        with connect() as client:
            client.perform(MANAGER, TRACE_BEGIN, (1024,))
            with self.assertRaises(Refused) as caught:
                client.perform(MANAGER, TRACE_READ, (), (ROW - 1,))
            self.assertEqual(caught.exception.error, "SIZE")

    def test_what_is_not_read_in_time_is_lost_and_counted(self):
        with connect() as client, connect() as other:
            client.perform(MANAGER, TRACE_BEGIN, (1024,))
            for _ in range(200):
                other.random(8)  # at least 9 steps each
            first = client.perform(MANAGER, TRACE_READ, (), (ROW,))
            self.assertEqual(first[0], 1)
            self.assertGreaterEqual(first[1], 200 * 9 - 1024)
            self.assertLess(client.perform(MANAGER, TRACE_READ, (), (ROW,))[1], 100)

    def ask(self, client, also=None):
        """A request of the tracing program, which leaves at most a step of the loop. True: the
        answer of `also` came meanwhile."""
        answered = set()
        asked, _ = client.submit(RNG, 0)
        while asked not in answered:
            answered.add(client.receive()[0][3])
        return also in answered

    def read_until_seen(self, client, index):
        seen = set()
        while index not in seen:
            _, _, rows = client.perform(MANAGER, TRACE_READ, (), (15 * ROW,))
            seen |= {int.from_bytes(rows[at + 28:at + 32], "little")
                     for at in range(0, len(rows), ROW)}

    def test_steps_of_the_loop_alone_do_not_keep_out_those_of_others(self):
        with Private() as quiet:
            self.assertEqual(quiet.cli("app", "stop", "tpm0").returncode, 0)
            self.assertEqual(quiet.cli("selftest").returncode, 0)
            address = quiet.environment()["PLUTON_ADDRESS"]
            with Client(address) as client, Client(address) as other:
                client.perform(MANAGER, TRACE_BEGIN, (1024,))
                waits, _ = client.submit(MANAGER, TRACE_READ, (), (ROW,))
                self.assertTrue(any(self.ask(client, waits) for _ in range(20000)))
                for _ in range(100):
                    self.ask(client)
                client.perform(MANAGER, TRACE_READ, (), (15 * ROW,))  # full again: no waiting
                other.random(8)
                self.read_until_seen(client, other.index)

    def test_the_tracing_program_does_not_see_itself(self):
        with connect() as client, connect() as other:
            client.perform(MANAGER, TRACE_BEGIN, (65536,))
            for _ in range(50):
                client.random(8)
            other.random(8)
            count, lost, rows = client.perform(MANAGER, TRACE_READ, (), (15 * ROW,))
            processes = {int.from_bytes(rows[at + 28:at + 32], "little")
                         for at in range(0, count * ROW, ROW)}
            self.assertNotIn(client.index, processes)
            self.assertEqual(lost, 0)

    def test_a_read_that_waits_ends_with_the_trace(self):
        with connect() as client:
            client.perform(MANAGER, TRACE_BEGIN, (1024,))
            waits = client.submit(MANAGER, TRACE_READ, (), (ROW,))
            ends = client.submit(MANAGER, TRACE_END)
            with self.assertRaises(Refused) as caught:
                client.answer(*waits)
            self.assertEqual(caught.exception.error, "CANCEL")
            client.answer(*ends)

    def test_only_one_read_waits_at_a_time(self):
        with connect() as client:
            client.perform(MANAGER, TRACE_BEGIN, (1024,))
            client.submit(MANAGER, TRACE_READ, (), (ROW,))
            with self.assertRaises(Refused) as caught:
                client.perform(MANAGER, TRACE_READ, (), (ROW,))
            self.assertEqual(caught.exception.error, "BUSY")

    def test_a_client_that_leaves_with_a_read_under_way_leaves_nothing(self):
        for _ in range(50):
            with connect() as client:
                while True:
                    try:
                        client.perform(MANAGER, TRACE_BEGIN, (1024,))
                        break
                    except Refused as refused:
                        self.assertEqual(refused.error, "BUSY")
                client.submit(MANAGER, TRACE_READ, (), (ROW,))
        self.assertEqual(daemon.cli("random", "1").returncode, 0)
