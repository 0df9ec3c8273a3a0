# SPDX-License-Identifier: Apache-2.0
"""pluton-tpmd as systemd runs it: the socket `control` and its words, the descriptors that are kept,
what the service manager is told. Here the test is systemd; plutond is real, and to it this TPM is a
program like any other, as units are systemd's alone to tell: tests/system has both."""

import array
import os
import resource
import select
import socket
import subprocess
import sys
import tempfile
import unittest

import plutond
import private

TPMD = f"{os.environ['PLUTON_BUILD']}/pluton-tpmd"
PATIENCE = 60  # seconds; only what hangs takes so long
STOPPED, RESTART = 0, 75
CALLERS_MAX = 16  # of apps/tpm/words.h

# As a service manager does it: descriptors from 3 on, and whose they are.
ACTIVATE = """
import fcntl, os, sys
given, command = [int(fd) for fd in sys.argv[2].split(",")], sys.argv[3:]
copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in given]
for fd in given: os.set_inheritable(fd, False)
for at, fd in enumerate(copies): os.dup2(fd, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)), LISTEN_FDNAMES=sys.argv[1])
os.execv(command[0], command)
"""


class Service:
    """A pluton-tpmd and its service manager."""

    def __init__(self, case, daemon):
        self.case, self.daemon = case, daemon
        self.directory = case.enterContext(tempfile.TemporaryDirectory(prefix="pluton-test-"))
        self.path = f"{self.directory}/control"
        self.listener = case.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        self.listener.bind(self.path)
        self.listener.listen(128)
        self.notifications = case.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.notifications.bind(f"{self.directory}/notify")
        self.notifications.settimeout(PATIENCE)
        self.kept = []
        case.addCleanup(self.forget)
        self.process = None

    def forget(self):
        for fd in self.kept:
            os.close(fd)
        self.kept = []

    def start(self, more=(), **changes):
        """`more`: (name, descriptor) besides the socket and what is kept."""
        given = [("control", self.listener.fileno()), *(("snapshot", fd) for fd in self.kept), *more]
        fds = [fd for _, fd in given]
        self.log = open(f"{self.directory}/log", "wb")
        self.case.addCleanup(self.log.close)
        env = private.environment(NOTIFY_SOCKET=f"{self.directory}/notify",
                                  PLUTON_ADDRESS=self.daemon.address, **changes)
        self.process = subprocess.Popen(
            [sys.executable, "-c", ACTIVATE, ":".join(name for name, _ in given),
             ",".join(str(fd) for fd in fds), TPMD], pass_fds=fds, env=env,
            stdin=subprocess.DEVNULL, stderr=self.log)
        self.case.addCleanup(self.end)
        return self

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)

    def expect(self, wanted):
        """Reads what it says, and keeps what it stores, until it has said that."""
        said = ""
        while wanted not in said.split("\n"):
            data, rights, _, _ = self.notifications.recvmsg(4096, socket.CMSG_SPACE(64))
            said = data.decode()
            fds = [fd for _, _, given in rights for fd in array.array("i", given)]
            if "FDSTOREREMOVE=1" in said:
                self.forget()
            for fd in fds:
                if any(os.path.sameopenfile(fd, kept) for kept in self.kept):
                    os.close(fd)
                else:
                    self.kept.append(fd)
        return said

    def ready(self, *arguments, **changes):
        self.start(*arguments, **changes).expect("READY=1")
        return self

    def connect(self):
        caller = self.case.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        caller.settimeout(PATIENCE)
        caller.connect(self.path)
        return caller

    def say(self, word):
        caller = self.connect()
        caller.send(word)
        return caller

    def status(self):
        return self.process.wait(PATIENCE)

    def read_log(self):
        with open(f"{self.directory}/log", encoding="utf-8", errors="replace") as log:
            return log.read()


class Words(unittest.TestCase):
    def setUp(self):
        self.service = Service(self, self.enterContext(plutond.Daemon()))

    def await_line(self, words):
        while words not in self.service.read_log():
            self.assertIsNone(self.service.process.poll())

    def test_stop_ends_it_with_status_0_after_its_orderly_end(self):
        self.service.ready().say(b"stop")
        self.service.expect("STOPPING=1")
        self.assertEqual(self.service.status(), STOPPED)
        self.assertIn("shut down", self.service.read_log())

    def test_restart_ends_it_with_status_75_after_its_orderly_end(self):
        self.service.ready().say(b"restart")
        self.service.expect("STOPPING=1")
        self.assertEqual(self.service.status(), RESTART)
        self.assertIn("shut down", self.service.read_log())

    def test_its_caller_sees_when_it_has_ended_and_not_before(self):
        caller = self.service.ready().say(b"stop")
        self.assertEqual(caller.recv(16), b"")
        self.assertEqual(self.service.status(), STOPPED)

    def test_of_two_words_the_last_counts(self):
        caller = self.service.start().connect()  # it hears them when it is there
        caller.send(b"restart")
        caller.send(b"stop")
        self.assertEqual(self.service.status(), STOPPED)

    def test_a_word_that_was_said_before_it_came_is_heard(self):
        caller = self.service.say(b"restart")
        self.assertEqual(self.service.start().status(), RESTART)
        self.assertEqual(caller.recv(16), b"")

    def test_whenever_it_hears_stop_it_says_that_it_was_ready_before_it_ends(self):
        """Else systemd takes the end for a failed start, and starts it again."""
        self.service.say(b"stop")
        self.service.start().expect("READY=1")
        self.service.expect("STOPPING=1")
        self.assertEqual(self.service.status(), STOPPED)

    def test_a_connection_without_a_word_is_accepted_and_means_nothing(self):
        caller = self.service.connect()
        self.service.ready()
        again = self.service.connect()
        self.service.connect().close()
        self.service.say(b"hello")
        self.await_line("not understood")  # and all before it were accepted, in their order
        self.assertEqual(select.select([self.service.listener], [], [], 0)[0], [])
        self.assertEqual(select.select([caller, again], [], [], 0)[0], [])
        self.assertIsNone(self.service.process.poll())

    def test_what_is_no_word_is_told_and_ends_nothing(self):
        self.service.ready()
        for word in (b"stopp", b"sto", b"stop\n", b"STOP", b"restarts", b"\0" * 16, b"x" * 60000):
            self.service.say(word).close()
        self.await_line("say stop or restart")
        self.service.say(b"restart")
        self.assertEqual(self.service.status(), RESTART)

    def test_of_many_callers_the_oldest_are_hung_up_on_and_none_is_left_waiting(self):
        self.service.ready()
        callers = [self.service.connect() for _ in range(CALLERS_MAX)]
        flood = [self.service.connect() for _ in range(3 * CALLERS_MAX)]
        for caller in callers + flood[:-CALLERS_MAX]:
            self.assertEqual(caller.recv(16), b"")
        newest = flood[-CALLERS_MAX:]
        self.assertEqual(select.select(newest, [], [], 0)[0], [])
        newest[0].send(b"restart")
        self.assertEqual(self.service.status(), RESTART)

    def test_without_descriptors_it_accepts_again_when_there_are_some(self):
        self.service.ready()
        pid = self.service.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
        self.service.say(b"restart")
        self.assertNotEqual(select.select([self.service.listener], [], [], 1)[0], [])
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        self.assertEqual(self.service.status(), RESTART)


class Unknown(unittest.TestCase):
    def test_who_may_use_nothing_ends_for_good_and_says_which_file_to_mend(self):
        daemon = self.enterContext(plutond.Daemon("[access]\ndefault = none\n"))
        service = Service(self, daemon).start()
        self.assertEqual(service.status(), os.EX_CONFIG)
        self.assertIn("mend its file in app.d", service.read_log())


class WithoutPlutond(unittest.TestCase):
    """systemd may stop plutond first, and start it only after us: waiting for it would be in vain."""

    def setUp(self):
        self.daemon = self.enterContext(plutond.Daemon())
        self.service = Service(self, self.daemon)
        self.service.ready()
        self.daemon.stop()
        while "plutond is gone" not in self.service.read_log():
            self.assertIsNone(self.service.process.poll())

    def test_it_stays_and_goes_on_when_plutond_is_back(self):
        self.daemon.start()
        while "plutond is back" not in self.service.read_log():
            self.assertIsNone(self.service.process.poll())
        self.service.say(b"stop")
        self.assertEqual(self.service.status(), STOPPED)

    def test_a_plutond_that_refuses_it_is_asked_rarely_and_at_once_when_it_calls(self):
        self.daemon.configure("[access]\ndefault = none\n")
        self.daemon.start()
        while "does not take this TPM in" not in self.service.read_log():
            self.assertIsNone(self.service.process.poll())
        self.daemon.stop()
        self.daemon.configure("")
        self.daemon.start()
        self.service.connect()  # as plutond does that asks for it; its own next try is half a minute away
        while "plutond is back" not in self.service.read_log():
            self.assertIsNone(self.service.process.poll())
        self.assertEqual(self.service.read_log().count("does not take this TPM in"), 1)

    def test_asked_to_end_it_does_not_wait_for_plutond_for_long(self):
        self.service.say(b"stop")
        self.assertEqual(self.service.status(), 1)
        self.assertIn("could not be stored: plutond is gone", self.service.read_log())


class Descriptors(unittest.TestCase):
    def setUp(self):
        self.daemon = self.enterContext(plutond.Daemon())
        self.service = Service(self, self.daemon)

    def test_after_restart_what_was_kept_has_it_go_on(self):
        self.service.ready().say(b"restart")
        self.assertEqual(self.service.status(), RESTART)
        self.assertEqual(len(self.service.kept), 1)
        self.service.ready()
        self.assertIn("resumed", self.service.read_log())
        self.assertEqual(len(self.service.kept), 1)

    def test_after_stop_without_it_the_start_is_a_power_on(self):
        self.service.ready().say(b"stop")
        self.assertEqual(self.service.status(), STOPPED)
        self.service.forget()
        self.service.ready()
        self.assertIn("powered on", self.service.read_log())

    def test_unknown_ones_are_told_and_closed_and_a_second_control_is_unknown(self):
        stream = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        ends = self.enterContext(socket.socket()), self.enterContext(socket.socket())
        self.service.ready(more=[("other", ends[0].fileno()), ("control", stream.fileno()),
                                 ("control", self.service.listener.fileno())])
        inside = f"/proc/{self.service.process.pid}/fd"
        opened = [os.readlink(f"{inside}/{fd}") for fd in os.listdir(inside)]
        self.assertNotIn(os.readlink(f"/proc/self/fd/{ends[0].fileno()}"), opened)
        self.assertNotIn(os.readlink(f"/proc/self/fd/{stream.fileno()}"), opened)
        listener = os.readlink(f"/proc/self/fd/{self.service.listener.fileno()}")
        self.assertEqual(opened.count(listener), 1)
        self.assertEqual(self.service.read_log().count("not known: closed"), 3)

    def test_a_control_that_does_not_listen_is_not_used(self):
        self.service.listener = self.enterContext(
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        self.service.ready()
        self.assertIn("not known: closed", self.service.read_log())
        self.service.process.terminate()
        self.assertEqual(self.service.status(), STOPPED)

    def test_asked_to_stop_while_there_is_no_plutond_it_ends_at_once(self):
        self.daemon.stop()
        self.service.start()
        # It blocks the signal before it looks for plutond: until then the signal would kill it.
        status = f"/proc/{self.service.process.pid}/status"
        while True:
            with open(status, encoding="utf-8") as file:
                blocked = [line.split()[1] for line in file if line.startswith("SigBlk:")][0]
            if int(blocked, 16) & 1 << 14:
                break
        self.service.process.terminate()
        self.assertEqual(self.service.status(), STOPPED)
        self.daemon.start()

    def test_core_files_and_new_privileges_are_forbidden(self):
        self.service.ready()
        pid = self.service.process.pid
        self.assertEqual(resource.prlimit(pid, resource.RLIMIT_CORE), (0, 0))
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            self.assertIn("NoNewPrivs:\t1", file.read())


if __name__ == "__main__":
    unittest.main()
