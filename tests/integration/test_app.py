# SPDX-License-Identifier: Apache-2.0
"""Apps of a real daemon: the example, and apps that end, hang, eat, lie and outlive plutond."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from bus import Bus
from client import OPERATION, RECORD_MAX, RETURN, UPCALL, Client, Refused
from client import FIXED_OPERATION, FIXED_UPCALL, HEADER, RANGE
from plutond import Daemon
from private import BUILD, CLI, DEADLINE, SOURCE, await_end, environment, is_sanitized, run

APP = 0x80000002
LIST, STATUS, START, STOP, RESTART, CONNECT, ACCEPT = range(1, 8)
PEER = struct.Struct("<16s32s6I")
ROW = struct.Struct("<32s96s4I2Q")
STATES = "stopped starting running stopping waiting failed".split()

LINE = re.compile(r"visit (\d+) of (\S+) \(pid (\d+), uid (\d+)\), [0-9.]+ s after the secure "
                  r"processor's clock began\n")

# An app in Python; `body` runs once it has connected to plutond.
PYTHON_APP = """
import os, signal, socket, sys
sys.path.insert(0, {tests!r})
from client import Client, Refused
def notify(message):
    out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    out.connect(os.environ["NOTIFY_SOCKET"])
    out.send(message)
client = Client()
{body}
"""


class AppClient(Client):
    """With the commands of the app capsule."""

    def named(self, command, name):
        return self.perform(APP, command, (), (name.encode(),))

    def connect_app(self, name):
        """A socket straight to the app."""
        return self.take(self.ask(CONNECT, (name.encode(),)))[0]

    def ask(self, command, slots):
        self.op_id += 1
        inline = b"".join(slot for slot in slots if isinstance(slot, bytes))
        back = sum(slot for slot in slots if isinstance(slot, int))
        fixed = FIXED_OPERATION.pack(command, 0, 0, 0, 0, len(inline), back, len(slots), 0, 0)
        self.send(OPERATION, fixed + RANGE.pack(0, 0, len(inline) + back) + inline, self.op_id,
                  APP)
        return self.op_id

    def take(self, op_id):
        """(socket, output) of an answer that brings a descriptor."""
        record, descriptors, _, _ = socket.recv_fds(self.socket, RECORD_MAX, 1)
        kind, _, _, answered, _ = HEADER.unpack_from(record)
        body = record[HEADER.size:]
        assert (kind, answered) in ((RETURN, op_id), (UPCALL, op_id)), (kind, answered)
        if kind == RETURN:
            self.raise_return(body)
        error = FIXED_UPCALL.unpack_from(body)[1]
        if error:
            assert not descriptors
            raise Refused(error, body[FIXED_UPCALL.size:].decode())
        return socket.socket(fileno=descriptors[0]), body[FIXED_UPCALL.size:]

    def status(self, name):
        row = ROW.unpack(self.perform(APP, STATUS, (), (name.encode(), ROW.size))[2])
        text = [field.rstrip(b"\0").decode() for field in row[:2]]
        return dict(zip(("name", "reason", "state", "pid", "starts", "failures"),
                        (*text, STATES[row[2]], *row[3:6])))


def owners(daemon):
    """Who has areas of non-volatile memory."""
    return [name for name in os.listdir(f"{daemon.state}/nv") if not name.startswith(".")]


def hear(channel):
    channel.settimeout(DEADLINE)
    return channel.recv(256).decode()


class Apps(unittest.TestCase):
    config = ""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pluton-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(f"{self.folder}/app.d")

    def define(self, name, *lines):
        with open(f"{self.folder}/app.d/{name}.conf", "w", encoding="utf-8") as out:
            out.write("\n".join(("[app]",) + lines) + "\n")

    def define_counter(self, *lines):
        self.define("counter", "exec = pluton-counter", "drivers = nvmem, alarm",
                    "restart_delay = 10ms", *lines)

    def define_python(self, name, body, *lines):
        path = f"{self.folder}/{name}.py"
        with open(path, "w", encoding="utf-8") as out:
            out.write(PYTHON_APP.format(tests=f"{SOURCE}/tests/integration", body=body))
        self.define(name, f"exec = {sys.executable} {path}", *lines)

    def daemon(self, *lines, arguments=()):
        config = "\n".join(("[app]", f"folders = {self.folder}/app.d") + lines)
        daemon = Daemon(config, directory=self.folder, arguments=arguments)
        self.addCleanup(lambda: daemon.process and daemon.stop())
        return daemon.start()

    def client(self, daemon):
        client = AppClient(daemon.address)
        self.addCleanup(client.socket.close)
        return client

    def visit(self, client):
        """(count, name, pid, uid) from the example app."""
        with client.connect_app("counter") as channel:
            found = LINE.fullmatch(hear(channel))
            self.assertIsNotNone(found)
            self.assertEqual(channel.recv(256), b"")
        return int(found[1]), found[2], int(found[3]), int(found[4])

    def assert_refused(self, error, function, *arguments):
        with self.assertRaises(Refused) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.error, error)
        return caught.exception.text


class Example(Apps):
    def test_it_is_started_on_demand_counts_and_knows_who_visits(self):
        self.define_counter()
        client = self.client(self.daemon())
        self.assertEqual(client.status("counter")["state"], "stopped")
        count, _, pid, uid = self.visit(client)
        self.assertEqual((count, pid, uid), (1, os.getpid(), os.getuid()))
        self.assertEqual(self.visit(client)[0], 2)
        self.assertEqual(client.status("counter")["starts"], 1)

    def test_it_knows_two_clients_apart(self):
        self.define_counter()
        daemon = self.daemon()
        script = ("import sys; sys.path.insert(0, sys.argv[1]); import test_app; "
                  "c = test_app.AppClient(sys.argv[2]); "
                  "print(c.socket and test_app.hear(c.connect_app('counter')), end='')")
        other = subprocess.Popen(
            [sys.executable, "-c", script, f"{SOURCE}/tests/integration", daemon.address],
            stdout=subprocess.PIPE, env=environment())
        line = other.communicate(timeout=DEADLINE)[0].decode()
        self.assertEqual(int(LINE.fullmatch(line)[3]), other.pid)
        self.assertEqual(self.visit(self.client(daemon))[2], os.getpid())

    def test_its_count_outlives_the_app_and_the_daemon(self):
        self.define_counter("restart = always")
        daemon = self.daemon()
        self.assertEqual(self.visit(self.client(daemon))[0], 1)
        daemon.stop()
        daemon.start()
        self.assertEqual(self.visit(self.client(daemon))[0], 2)

    def test_killed_it_is_started_again_and_nobody_notices(self):
        self.define_counter("restart = always")
        client = self.client(self.daemon())
        pids = set()
        for count in range(1, 6):
            self.assertEqual(self.visit(client)[0], count)
            pid = client.status("counter")["pid"]
            pids.add(pid)
            os.kill(pid, signal.SIGKILL)
            await_end(pid)
        self.assertEqual(len(pids), 5)

    def test_it_outlives_a_daemon_that_is_killed_and_the_next_one_takes_it_over(self):
        self.define_counter()
        daemon = self.daemon()
        client = self.client(daemon)
        self.visit(client)
        pid = client.status("counter")["pid"]
        daemon.stop(signal.SIGKILL)
        daemon.start()
        client = self.client(daemon)
        self.assertEqual(self.visit(client)[0], 2)
        status = client.status("counter")
        self.assertEqual((status["pid"], status["starts"]), (pid, 0))
        daemon.stop()
        self.assertIn(f"taken over (app=counter pid={pid})", daemon.log)
        await_end(pid)

    def test_many_clients_that_come_at_once_are_all_counted(self):
        self.define_counter()
        daemon = self.daemon()
        client = self.client(daemon)
        asked = [client.ask(CONNECT, (b"counter",)) for _ in range(client.operations_max)]
        counts = set()
        for op_id in asked:
            with client.take(op_id)[0] as channel:
                counts.add(int(LINE.fullmatch(hear(channel))[1]))
        self.assertEqual(counts, set(range(1, len(asked) + 1)))

    def test_the_example_file_is_good_and_lies_in_the_build_tree(self):
        with open(f"{SOURCE}/docs/examples/counter.conf", encoding="utf-8") as example, \
                open(f"{BUILD}/app.d/counter.conf", encoding="utf-8") as built:
            self.assertEqual(example.read(), built.read())
        daemon = Daemon("", directory=self.folder)
        self.addCleanup(lambda: daemon.process and daemon.stop())
        daemon.start() # without folders: the build tree's own
        self.assertEqual(self.visit(self.client(daemon))[0], 1)

    def test_pluton_cli_shows_starts_and_stops_it(self):
        self.define_counter()
        daemon = self.daemon()
        env = environment(PLUTON_ADDRESS=daemon.address)
        self.assertEqual(run(CLI, "app", "start", "counter", env=env).returncode, 0)
        listed = run(CLI, "--json", "app", "list", env=env)
        if listed.returncode == 2:
            listed = run(CLI, "app", "list", "--json", env=env)
        self.assertIn(b"counter", listed.stdout)
        self.assertIn("running", json.dumps(listed.stdout.decode()))
        self.assertEqual(run(CLI, "app", "stop", "counter", env=env).returncode, 0)
        self.assertEqual(self.client(daemon).status("counter")["state"], "stopped")


class Trouble(Apps):
    """Apps that go wrong; the example beside them goes on, and so does plutond."""

    def assert_others_go_on(self, daemon):
        client = self.client(daemon)
        self.visit(client)
        self.assertEqual(len(client.random(16)), 16)

    def trouble(self, *lines, config=()):
        self.define("bad", *lines)
        self.define_counter()
        return self.daemon(*config)

    def test_one_that_ends_at_once_fails_its_clients(self):
        daemon = self.trouble("exec = /bin/false", "restart = no")
        client = self.client(daemon)
        text = self.assert_refused("FAIL", client.connect_app, "bad")
        status = client.status("bad")
        self.assertEqual(status["state"], "failed")
        self.assertEqual(status["reason"], "ended with status 1; its messages say why")
        self.assertEqual(text, "the app bad: ended with status 1; its messages say why")
        self.assert_others_go_on(daemon)

    def test_one_that_crashes_in_a_loop_holds_up_nobody(self):
        daemon = self.trouble("exec = /bin/false", "restart = always", "start = boot",
                              "restart_delay = 1ms", "restart_delay_max = 1ms")
        client = self.client(daemon)
        while client.status("bad")["starts"] < 20:
            self.assertEqual(len(client.random(16)), 16)
        self.assert_others_go_on(daemon)
        client.named(STOP, "bad")
        self.assertEqual(client.status("bad")["state"], "stopped")

    def test_one_that_hangs_at_its_start_is_killed(self):
        daemon = self.trouble("exec = /bin/sleep 1000", "restart = no", "start_timeout = 100ms")
        client = self.client(daemon)
        asked = client.ask(CONNECT, (b"bad",))
        pid = self.client(daemon).status("bad")["pid"]
        self.assert_others_go_on(daemon)
        self.assert_refused("FAIL", client.take, asked)
        self.assertIn("READY=1 in 100 ms", client.status("bad")["reason"])
        if pid:
            await_end(pid)

    def test_one_that_takes_no_channels_is_busy_after_connect_timeout(self):
        self.define_python("bad", 'notify(b"READY=1")\nsignal.pause()')
        client = self.client(self.daemon("connect_timeout = 100ms"))
        client.named(START, "bad")
        text = self.assert_refused("BUSY", client.connect_app, "bad")
        self.assertEqual(text, "the app bad did not take the channel within 100 ms")

    @unittest.skipIf(is_sanitized(), "a sanitizer takes terabytes of address space")
    def test_one_that_eats_memory_ends_at_its_limit(self):
        self.define_python("bad", 'notify(b"READY=1")\nhoard = []\n'
                           "while True: hoard.append(bytearray(1 << 22))",
                           "memory_max = 256M", "restart = no")
        self.define_counter()
        daemon = self.daemon()
        client = self.client(daemon)
        client.named(START, "bad")
        while client.status("bad")["state"] != "failed":
            self.assertEqual(len(client.random(16)), 16)
        self.assert_others_go_on(daemon)
        status = client.status("bad")
        self.assertEqual(status["state"], "failed")
        self.assertIn("memory_max?", status["reason"])

    def test_one_that_shouts_garbage_is_not_listened_to(self):
        self.define_python("bad", """
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
out.connect(os.environ["NOTIFY_SOCKET"])
files = [os.memfd_create("garbage") for _ in range(200)]
for n in range(3000):
    out.send(os.urandom(n))
    socket.send_fds(out, [b"FDSTORE=1"], files[:1 + n % 200])
notify(b"READY=1")
while True: out.send(b"STATUS=and so on")
""", "start_timeout = 5m", "fd_store_max = 2")
        self.define_counter()
        daemon = self.daemon()
        client = self.client(daemon)
        client.named(START, "bad")
        self.assert_others_go_on(daemon)
        client.named(STOP, "bad")
        daemon.stop()
        self.assertEqual(daemon.log.count("an app stores more than 2 descriptors"), 1)

    def test_one_with_another_hash_is_never_run(self):
        with open("/bin/true", "rb") as program:
            right = hashlib.sha256(program.read()).hexdigest()
        daemon = self.trouble("exec = /bin/true", f"sha256 = {right[:-1]}{int(right[-1], 16) ^ 1:x}",
                              "restart = always")
        client = self.client(daemon)
        self.assert_refused("FAIL", client.connect_app, "bad")
        status = client.status("bad")
        self.assertEqual((status["state"], status["starts"]), ("failed", 0))
        self.assertIn("is not what sha256 says", status["reason"])
        self.assert_others_go_on(daemon)

    def test_a_wrong_file_is_told_with_its_line_and_can_be_corrected(self):
        daemon = self.trouble("exec = pluton-counter", "drivers = nvmem, alarm, teleport")
        client = self.client(daemon)
        self.assert_refused("FAIL", client.connect_app, "bad")
        self.assertIn('"teleport" is no capsule', client.status("bad")["reason"])
        self.assert_others_go_on(daemon)
        self.define("bad", "exec = pluton-counter", "drivers = nvmem, alarm")
        daemon.reload()
        with client.connect_app("bad") as channel:
            self.assertEqual(int(LINE.fullmatch(hear(channel))[1]), 1) # its own memory
        self.assertIn("bad.conf: drivers:", daemon.read_log())

    def test_an_unknown_app_is_no_device_and_the_sentence_names_it(self):
        daemon = self.trouble("exec = /bin/true")
        client = self.client(daemon)
        text = self.assert_refused("NODEVICE", client.connect_app, "tpm7")
        self.assertIn("there is no app tpm7", text)
        self.assert_refused("INVAL", client.connect_app, "../bad")

    def test_an_app_that_plutond_has_no_room_for_fails(self):
        self.define_counter("restart = no")
        daemon = self.daemon("[kernel]", "processes_max = 1")
        client = self.client(daemon)
        self.assert_refused("FAIL", client.connect_app, "counter")
        daemon.stop()
        daemon.configure(f"[app]\nfolders = {self.folder}/app.d\n[kernel]\nprocesses_max = 2\n")
        daemon.start()
        self.assertEqual(self.visit(self.client(daemon))[0], 1)


class Identity(Apps):
    def test_who_is_no_app_takes_no_channels_whatever_its_environment_says(self):
        self.define_counter()
        daemon = self.daemon()
        client = self.client(daemon)
        self.visit(client)
        os.environ["PLUTON_APP"] = "counter"
        self.addCleanup(os.environ.pop, "PLUTON_APP")
        stranger = self.client(daemon)
        asked = stranger.ask(ACCEPT, (PEER.size,))
        text = self.assert_refused("NOSUPPORT", stranger.take, asked)
        self.assertIn("only an app", text)

    def test_a_stranger_cannot_say_that_an_app_is_ready_or_store_descriptors(self):
        self.define("slow", "exec = /bin/sleep 1000", "start_timeout = 5m")
        daemon = self.daemon()
        client = self.client(daemon)
        client.ask(START, (b"slow",))
        ours, theirs = socket.socketpair()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.connect(f"{daemon.socket}.notify")
            socket.send_fds(out, [b"READY=1\nFDSTORE=1"], [theirs.fileno()])
        theirs.close()
        ours.settimeout(DEADLINE)
        self.assertEqual(ours.recv(1), b"") # it was closed
        ours.close()
        self.assertEqual(self.client(daemon).status("slow")["state"], "starting")

    def test_an_app_may_use_only_what_its_file_says(self):
        self.define_python("bad", f"""
try:
    client.random(8)
    said = b"got it"
except Refused as refusal:
    said = refusal.error.encode()
with open({self.folder!r} + "/said", "wb") as out: out.write(said)
notify(b"READY=1")
signal.pause()
""", "drivers = nvmem")
        client = self.client(self.daemon())
        client.named(START, "bad")
        with open(f"{self.folder}/said", encoding="ascii") as said:
            self.assertEqual(said.read(), "NODEVICE")

    def said(self):
        with open(f"{self.folder}/said", encoding="ascii") as said:
            return said.read().split()

    def test_an_app_may_use_no_more_on_the_bus_or_by_a_child(self):
        bus = Bus()
        self.addCleanup(bus.__exit__)
        bus.__enter__()
        self.define_python("bad", f"""
from bus import BusError, Peer
def attempt(client):
    try:
        client.random(8)
        return "got-it"
    except Refused as refusal:
        return refusal.error
peer = Peer({bus.address!r})
said = [attempt(client)]
try:
    peer.call("Random", "Get", "u", 8)
    said.append("got-it")
except BusError:
    said.append("refused")
peer.call("NvMem", "Put", "ayay", b"mine", b"data")
child = os.fork()
if child == 0:
    said.append(attempt(Client()))
    with open({self.folder!r} + "/said", "w") as out: out.write(" ".join(said))
    os._exit(0)
os.waitpid(child, 0)
notify(b"READY=1")
signal.pause()
""", "drivers = nvmem")
        daemon = self.daemon(arguments=("--bus", bus.address))
        self.client(daemon).named(START, "bad")
        self.assertEqual(self.said(), ["NODEVICE", "refused", "NODEVICE"])
        # On the bus it is not certain who calls: what is kept there is its user's.
        self.assertEqual(owners(daemon), [f"uid-{os.geteuid()}"])

    def test_an_app_administers_nothing_whoever_it_runs_as(self):
        self.define_python("bad", f"""
said = []
for client in (client, Client()):
    for driver, command, words, slots in (
            (0x80000002, 4, (), (b"counter",)), # Stop
            (0x80000002, 5, (), (b"counter",)), # Restart
            (0x80000002, 6, (), (b"counter",)), # Connect
            (0x80000002, 1, (), (160,)), # List
            (0x80000002, 2, (), (b"counter", 160))): # Status
        try:
            client.perform(driver, command, words, slots)
            said.append("done")
        except Refused as refusal:
            said.append(refusal.error)
with open({self.folder!r} + "/said", "w") as out: out.write(" ".join(said))
notify(b"READY=1")
signal.pause()
""")
        self.define_counter()
        client = self.client(self.daemon())
        self.visit(client)
        pid = client.status("counter")["pid"]
        client.named(START, "bad")
        self.assertEqual(set(self.said()), {"NOSUPPORT"})
        self.assertEqual(client.status("counter")["pid"], pid)

    def test_what_an_app_started_is_not_the_app(self):
        self.define_python("bad", f"""
notify(b"READY=1")
if os.fork() == 0:
    child = Client()
    try:
        child.perform(0x80000002, 7, (), (72,))
        said = b"taken"
    except Refused as refusal:
        said = refusal.error.encode()
    with open({self.folder!r} + "/half", "wb") as out: out.write(said)
    os.rename({self.folder!r} + "/half", {self.folder!r} + "/said")
    os._exit(0)
os.wait()
with open({self.folder!r} + "/end", "wb"): pass
os._exit(0)
""", "restart = no", "drivers = app")
        client = self.client(self.daemon())
        client.named(START, "bad")
        pid = client.status("bad")["pid"]
        if pid:
            await_end(pid)
        with open(f"{self.folder}/said", encoding="ascii") as said:
            self.assertEqual(said.read(), "NOSUPPORT")


class MuteBus(Apps):
    """A plutond that was killed comes back, and its bus keeps it waiting."""

    WRITER = """
signal.signal(signal.SIGTERM, lambda *_: (open({folder!r} + "/stopped", "w"), os._exit(0)))
notify(b"READY=1")
while True:
    try:
        client.perform(0x50001, 5, (), (b"secret", b"data"))
        notify(b"READY=1")
    except (OSError, EOFError, AssertionError, Refused, struct.error):
        try:
            client = Client()
        except (OSError, EOFError, AssertionError, struct.error):
            pass
"""

    def setUp(self):
        super().setUp()
        self.define_python("writer", "import struct" + self.WRITER.format(folder=self.folder),
                           "drivers = nvmem", "start_timeout = 1h")
        self.daemon = self.daemon()
        client = self.client(self.daemon)
        client.named(START, "writer")
        self.pid = client.status("writer")["pid"]
        self.daemon.stop(signal.SIGKILL)
        mute = socket.socket(socket.AF_UNIX)
        self.addCleanup(mute.close)
        mute.bind(f"{self.folder}/bus")
        mute.listen()
        self.daemon.arguments = ["--bus", f"unix:path={self.folder}/bus"]
        self.mute = mute

    def test_its_apps_are_known_before_the_bus_answers(self):
        starting = threading.Thread(target=self.daemon.start)
        starting.start()
        connection = self.meet_daemon()
        client = self.client(self.daemon)
        while client.status("writer")["state"] != "running":
            pass
        self.assertEqual(client.status("writer")["pid"], self.pid)
        self.assertEqual(owners(self.daemon), ["app-writer"])
        connection.close()
        starting.join()
        status = client.status("writer")
        self.assertEqual((status["pid"], status["starts"]), (self.pid, 0))
        self.assertEqual(owners(self.daemon), ["app-writer"])

    def test_asked_to_stop_it_stops_its_apps_though_the_bus_never_answers(self):
        process = subprocess.Popen(self.daemon.command(), stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        self.meet_daemon()
        client = self.client(self.daemon)
        while client.status("writer")["state"] != "running":
            pass
        process.terminate()
        self.assertEqual(process.wait(DEADLINE), 0)
        await_end(self.pid)
        self.assertTrue(os.path.exists(f"{self.folder}/stopped"))

    def meet_daemon(self):
        """It waits for the bus from now on, and listens already."""
        connection = self.mute.accept()[0]
        self.addCleanup(connection.close)
        return connection


class Services(Apps):
    """[hil] app = systemd. The test listens in systemd's place; who is in which unit only systemd can
    say, so no app comes here: systemd_test and tests/system have that."""

    def setUp(self):
        super().setUp()
        self.define("one", "unit = one.service", f"activation = {self.folder}/one",
                    "drivers = rng")
        self.listener = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        self.listener.settimeout(DEADLINE)
        self.listener.bind(f"{self.folder}/one")

    def test_a_client_has_systemd_start_it_and_a_stop_is_told_to_it(self):
        self.listener.listen()
        daemon = self.daemon("[hil]", "app = systemd")
        env = environment(PLUTON_ADDRESS=daemon.address)
        with subprocess.Popen([CLI, "app", "start", "one"], env=env, stderr=subprocess.PIPE) as cli:
            caller = self.enterContext(self.listener.accept()[0])
            caller.settimeout(DEADLINE)
            self.assertEqual(self.client(daemon).status("one")["state"], "starting")
            with subprocess.Popen([CLI, "app", "stop", "one"], env=env) as stop:
                self.assertEqual(caller.recv(16), b"stop")
                caller.close()
                self.assertEqual(stop.wait(DEADLINE), 0)
            self.assertEqual(cli.wait(DEADLINE), 1)
            self.assertIn(b"CANCEL", cli.stderr.read())
        self.assertEqual(self.client(daemon).status("one")["state"], "stopped")

    def test_where_nobody_listens_its_clients_are_told_what_to_do(self):
        daemon = self.daemon("[hil]", "app = systemd")
        text = self.assert_refused("FAIL", self.client(daemon).connect_app, "one")
        self.assertIn("systemctl start one.socket", text)

    def test_one_without_a_unit_has_failed_and_keeps_no_other_from_its_start(self):
        self.listener.listen()
        self.define("forked", "exec = pluton-counter", "start = boot")
        self.define("two", "unit = two.service", f"activation = {self.folder}/one", "start = boot")
        daemon = self.daemon("[hil]", "app = systemd")
        self.listener.accept()[0].close()
        status = self.client(daemon).status("forked")
        self.assertEqual(status["state"], "failed")
        self.assertIn("unit and activation are missing", status["reason"])

    def test_a_stranger_is_none_of_its_processes(self):
        daemon = self.daemon("[hil]", "app = systemd")
        client = self.client(daemon)
        self.assert_refused("FAIL", client.connect_app, "one")
        self.assertEqual(len(client.random(4)), 4)
        self.assertEqual(client.status("one")["pid"], 0)

    def test_the_end_of_plutond_waits_for_none_that_is_being_started(self):
        self.listener.listen()
        daemon = self.daemon("[hil]", "app = systemd")
        with subprocess.Popen([CLI, "app", "start", "one"], stderr=subprocess.DEVNULL,
                              env=environment(PLUTON_ADDRESS=daemon.address)) as cli:
            caller = self.enterContext(self.listener.accept()[0])
            caller.settimeout(DEADLINE)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(caller.recv(16), b"")
            self.assertNotEqual(cli.wait(DEADLINE), 0)


class Lifetime(Apps):
    def test_one_that_starts_at_boot_runs_without_being_asked(self):
        self.define_counter("start = boot")
        client = self.client(self.daemon())
        client.named(START, "counter") # answers when it runs
        self.assertEqual(client.status("counter")["starts"], 1)

    def test_plutond_serves_its_apps_until_they_have_stopped(self):
        self.define_python("last", f"""
def store(*_):
    with open({self.folder!r} + "/stored", "wb") as out: out.write(client.random(32))
    os._exit(0)
signal.signal(signal.SIGTERM, store)
notify(b"READY=1")
while True: signal.pause()
""", "drivers = rng")
        daemon = self.daemon()
        self.client(daemon).named(START, "last")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(os.stat(f"{self.folder}/stored").st_size, 32)

    def test_one_that_does_not_stop_is_killed_and_plutond_ends(self):
        self.define_python("deaf", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                           'notify(b"READY=1")\nwhile True: signal.pause()', "stop_timeout = 100ms")
        daemon = self.daemon()
        client = self.client(daemon)
        client.named(START, "deaf")
        pid = client.status("deaf")["pid"]
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.assertIn("did not end within stop_timeout: killed", daemon.log)

    def test_a_second_signal_ends_all_at_once(self):
        self.define_python("deaf", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                           'notify(b"READY=1")\nwhile True: signal.pause()', "stop_timeout = 1h")
        daemon = self.daemon()
        client = self.client(daemon)
        client.named(START, "deaf")
        pid = client.status("deaf")["pid"]
        daemon.process.send_signal(signal.SIGTERM)
        while client.status("deaf")["state"] != "stopping":
            pass
        daemon.process.send_signal(signal.SIGINT)
        await_end(pid)
        self.assertEqual(daemon.process.wait(DEADLINE), 0)
        daemon.stop()

    def test_what_it_stored_comes_back_after_a_crash(self):
        self.define_python("keeper", f"""
given = os.environ.get("LISTEN_FDS")
if given:
    assert os.environ["LISTEN_PID"] == str(os.getpid())
    assert os.environ["LISTEN_FDNAMES"] == "snapshot"
    with open({self.folder!r} + "/found", "wb") as out: out.write(os.pread(3, 64, 0))
else:
    fd = os.memfd_create("snapshot")
    os.write(fd, b"as it was")
    out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    out.connect(os.environ["NOTIFY_SOCKET"])
    socket.send_fds(out, [b"FDSTORE=1\\nFDNAME=snapshot"], [fd])
notify(b"READY=1")
while True: signal.pause()
""", "restart_delay = 10ms")
        client = self.client(self.daemon())
        client.named(START, "keeper")
        pid = client.status("keeper")["pid"]
        os.kill(pid, signal.SIGKILL)
        await_end(pid)
        client.named(START, "keeper")
        with open(f"{self.folder}/found", "rb") as found:
            self.assertEqual(found.read(), b"as it was")
        self.assertEqual(client.status("keeper")["starts"], 2)

    def test_nothing_runs_after_a_clean_end(self):
        self.define_counter()
        daemon = self.daemon()
        client = self.client(daemon)
        self.visit(client)
        pid = client.status("counter")["pid"]
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.assertEqual(os.listdir(f"{daemon.state}/apps"), [])
        self.assertFalse(os.path.exists(f"{daemon.socket}.notify"))


if __name__ == "__main__":
    unittest.main()
