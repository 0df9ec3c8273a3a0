# SPDX-License-Identifier: Apache-2.0
"""plutond under a service manager: a listening socket that was passed in, notifications, watchdog,
exit statuses, what is told to those who wait, and what the journal's catalog says."""

import contextlib
import fcntl
import glob
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from bus import Bus, Peer
from client import HEADER, HELLO, Client, Refused
from plutond import PROGRAM, TIMEOUT_S, Daemon
from private import is_sanitized

SOURCE = os.environ["PLUTON_SOURCE"]
NOBODY = 65534
FAILED, USAGE, CANTCREAT, TEMPFAIL, CONFIG = 1, 2, 73, 75, 78
FOR_OTHERS = "plutond cannot start; the administrator finds the reason with: journalctl -u plutond"
BEFORE, BEHIND = "plutond cannot start: ", "; see journalctl -u plutond"
TEXT_MAX = 160  # of a refusal, docs/protocol.md

# As a service manager does it: descriptors from 3 on, and whose they are.
ACTIVATE = """
import fcntl, os, sys
count = int(sys.argv[1])
given, command = [int(fd) for fd in sys.argv[2:2 + count]], sys.argv[2 + count:]
copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in given]
for fd in given: os.set_inheritable(fd, False)
for at, fd in enumerate(copies): os.dup2(fd, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count), LISTEN_FDNAMES="x" + ":x" * (count - 1))
os.execv(command[0], command)
"""

# Tells what it was given and ends when it is killed, and not before.
DEAF_APP = """#!{python}
import os, signal, socket
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
    out.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
with open({told!r}, "w") as out: out.write(repr(dict(os.environ)))
while True: signal.pause()
"""

# For LD_PRELOAD: a machine whose clock battery is empty; a filter of system calls.
CLOCK = """
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int r = (int)syscall(SYS_clock_gettime, clock, now);
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		*now = (struct timespec){86400, 0};
	return r;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	(void)zone;
	*now = (struct timeval){86400, 0};
	return 0;
}
time_t time(time_t *now)
{
	if (now)
		*now = 86400;
	return 86400;
}
"""
NO_SETRLIMIT = """
#include <errno.h>
int setrlimit(int resource, const void *limit)
{
	(void)resource;
	(void)limit;
	errno = EPERM;
	return -1;
}
int setrlimit64(int resource, const void *limit) { return setrlimit(resource, limit); }
"""


def activated(descriptors, command):
    return [sys.executable, "-I", "-c", ACTIVATE, str(len(descriptors)),
            *[str(fd.fileno()) for fd in descriptors], *command]


class Activated(Daemon):
    """One whose socket is the test's."""

    def __init__(self, config="", **options):
        super().__init__(config, **options)
        os.mkdir(f"{self.directory}/app.d")
        self.configure(f"[app]\nfolders = {self.directory}/app.d\n{config}")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.socket)
        self.listener.listen(64)
        self.pass_fds = (self.listener.fileno(),)

    def __exit__(self, *arguments):
        self.listener.close()
        super().__exit__(*arguments)

    def plain_command(self):
        return [PROGRAM, "--config", self.config, "--state", self.state, *self.arguments]

    def command(self):
        return activated([self.listener], self.plain_command())

    def fail(self, *more):
        """Of one that is expected not to start: what it did, and said."""
        return run(self.command() + list(more), [self.listener])

    def visit(self, uid=None):
        """A connection, another user's perhaps, that waits until somebody serves it."""
        guest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        guest.settimeout(TIMEOUT_S)
        if uid is None:
            guest.connect(self.socket)
            return guest
        os.chmod(self.directory, 0o711)
        os.chmod(self.socket, 0o666)
        child = os.fork()
        if child == 0:  # who connected stays who it was, whoever has the descriptor
            with contextlib.suppress(OSError):
                os.setresuid(uid, uid, uid)
                guest.connect(self.socket)
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        return guest


def run(command, descriptors=(), **options):
    return subprocess.run(command, pass_fds=[fd.fileno() for fd in descriptors],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False, **options)


class Service(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pluton-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def enter(self, context):
        entered = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return entered

    def make(self, config="", **options):
        """Not started; stopped in the end if it was."""
        daemon = Activated(config, directory=self.folder, **options)
        self.addCleanup(daemon.__exit__)
        return daemon

    def compile(self, program):
        if not shutil.which("cc") or is_sanitized():
            self.skipTest("needs a compiler, and no sanitizer")
        path = f"{self.folder}/preloaded.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-o", path, "-"], input=program, text=True,
                       check=True)
        return path

    def assert_failed(self, done, status, pattern):
        """With one line, which is the reason."""
        self.assertEqual(done.returncode, status, done.stderr)
        errors = [line for line in done.stderr.splitlines() if " error: " in line]
        self.assertEqual(len(errors), 1, done.stderr)
        self.assertRegex(errors[0], pattern)

    def assert_told(self, guest, pattern):
        with self.assertRaises(Refused) as refused:
            Client(connected=guest)
        self.assertEqual(refused.exception.error, "FAIL")
        self.assertRegex(refused.exception.text, f"^{BEFORE}.*{pattern}.*{BEHIND}$")


class Socket(Service):
    def test_a_passed_socket_is_served_and_is_neither_locked_nor_removed(self):
        daemon = self.make()
        daemon.start()
        with Client(daemon.address) as client:
            self.assertEqual(len(client.random(8)), 8)
        self.assertFalse(os.path.exists(f"{daemon.socket}.lock"))
        ours = os.readlink(f"/proc/self/fd/{daemon.listener.fileno()}")
        self.assertEqual(self.links(daemon).count(ours), 1)
        self.assertEqual(daemon.stop(), 0)
        self.assertTrue(os.path.exists(daemon.socket))
        self.assertIn(f"is ready (socket={daemon.socket} ", daemon.log)

    def links(self, daemon):
        """What its descriptors are; some come and go meanwhile."""
        links = []
        for path in glob.glob(f"/proc/{daemon.pid}/fd/[0-9]*"):
            with contextlib.suppress(FileNotFoundError):
                links.append(os.readlink(path))
        return links

    def test_who_connected_before_the_start_and_between_two_is_served(self):
        daemon = self.make()
        for _ in range(2):
            guest = daemon.visit()
            daemon.start()
            with Client(connected=guest) as client:
                self.assertEqual(len(client.random(8)), 8)
            self.assertEqual(daemon.stop(), 0)

    def test_a_socket_that_would_wait_is_made_not_to(self):
        daemon = self.make()
        self.assertFalse(fcntl.fcntl(daemon.listener, fcntl.F_GETFL) & os.O_NONBLOCK)
        daemon.start()
        for _ in range(3):  # where accept waits, the first is greeted and never answered
            with Client(daemon.address) as client:
                self.assertEqual(len(client.random(8)), 8)

    def test_apps_are_told_of_the_passed_socket_and_not_that_it_was_passed(self):
        daemon = self.make()
        told = define_deaf_app(daemon)
        daemon.start()
        with open(told, encoding="utf-8") as fifo:
            environment = fifo.read()
        self.assertIn(f"'PLUTON_ADDRESS': 'unix:{daemon.socket}'", environment)
        self.assertNotIn("LISTEN_", environment)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.expect("STOPPING=1")
        daemon.stop()  # the second signal kills it

    def test_a_socket_that_was_passed_to_somebody_else_is_not_taken(self):
        with Daemon() as daemon:
            daemon.stop()
            daemon.environment = {"LISTEN_FDS": "1", "LISTEN_PID": "1"}
            daemon.start()
            with Client(daemon.address) as client:
                self.assertEqual(len(client.random(8)), 8)

    def test_with_listen_beside_it_nothing_is_started(self):
        daemon = self.make()
        guest = daemon.visit()
        done = daemon.fail("--listen", "/elsewhere/pluton.sock")
        self.assert_failed(done, CONFIG, "--listen /elsewhere/pluton.sock: the service manager passed "
                           f"its socket at {daemon.socket}; leave out --listen")
        self.assert_told(guest, "--listen /elsewhere")

    def test_a_path_in_the_configuration_is_not_used_and_that_is_said(self):
        daemon = self.make("[daemon]\nsocket = /elsewhere/pluton.sock\n")
        daemon.start()
        self.assertIn(f"{daemon.config}:4: daemon.socket: /elsewhere/pluton.sock is not used: the "
                      f"service manager's socket is at {daemon.socket}", daemon.read_log())
        daemon.reload()
        daemon.stop()
        self.assertNotIn("needs a restart", daemon.log)

    def refuse(self, pattern, *descriptors):
        command = activated(descriptors, [PROGRAM, "--config", "/dev/null", "--state",
                                          f"{self.folder}/state"])
        self.assert_failed(run(command, descriptors), CONFIG, pattern)

    def test_anything_else_that_is_passed_is_named_and_refused(self):
        def listening(family, kind, address):
            made = self.enter(socket.socket(family, kind))
            made.bind(address)
            if kind != socket.SOCK_DGRAM:
                made.listen()
            return made

        unix, sequence = socket.AF_UNIX, socket.SOCK_SEQPACKET
        at = f"{self.folder}/at-"
        pipe = [self.enter(os.fdopen(fd)) for fd in os.pipe()[:1]]
        for what, passed in (
                ("a stream socket", listening(unix, socket.SOCK_STREAM, at + "stream")),
                ("a datagram socket", listening(unix, socket.SOCK_DGRAM, at + "datagram")),
                ("a socket that does not listen", socket.socketpair(unix, sequence)[0]),
                ("a socket, but of no Unix", listening(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))),
                ("a socket without a path", listening(unix, sequence, f"\0{self.folder}")),
                ("a file", self.enter(open(f"{self.folder}/file", "w", encoding="utf-8"))),
                ("a pipe", pipe[0]),
                ("a device", self.enter(open("/dev/null", "rb")))):
            with self.subTest(what):
                self.refuse(rf"what was passed \(LISTEN_FDS\) is {what}.*; pass one "
                            "ListenSequentialPacket=", passed)

    def test_two_sockets_are_refused_and_whoever_waits_in_them_is_told(self):
        first = self.make()
        with tempfile.TemporaryDirectory() as folder, \
                contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as second, \
                contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as guest:
            second.bind(f"{folder}/second")
            second.listen()
            guest.connect(f"{folder}/second")
            guests = (first.visit(), guest)
            self.refuse("2 descriptors were passed", first.listener, second)
            for told in guests:
                self.assert_told(told, "2 descriptors were passed")

    def test_nonsense_in_the_environment_is_refused(self):
        done = run(["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=many exec "$@"', "sh", PROGRAM])
        self.assert_failed(done, CONFIG, "LISTEN_FDS cannot be read")


def define_deaf_app(daemon):
    """An app that starts at boot and does not stop. Returns the fifo that it tells its environment."""
    told, program = f"{daemon.directory}/told", f"{daemon.directory}/deaf.py"
    os.mkfifo(told)
    with open(program, "w", encoding="utf-8") as out:
        out.write(DEAF_APP.format(python=sys.executable, told=told))
    with open(f"{daemon.directory}/app.d/deaf.conf", "w", encoding="utf-8") as out:
        out.write(f"[app]\nexec = {sys.executable} {program}\nstart = boot\nstop_timeout = 1h\n")
    return told


class TurnedAway(Service):
    def test_all_who_wait_are_told_why_it_does_not_start_and_nobody_is_left(self):
        daemon = self.make("[kernel]\npool = lots\n")
        guests = [daemon.visit() for _ in range(3)]
        guests[1].send(HEADER.pack(HELLO, 0, HEADER.size + 8, 0, 0) + b"\1" + bytes(7))
        done = daemon.fail()
        self.assert_failed(done, CONFIG, f'{daemon.config}:4: kernel.pool: "lots"')
        daemon.listener.setblocking(False)
        self.assertRaises(BlockingIOError, daemon.listener.accept)
        for guest in guests:
            self.assert_told(guest, r"plutond\.conf:4: kernel\.pool: ")

    def test_who_greeted_and_sent_more_gets_the_reason_before_the_end(self):
        daemon = self.make("[kernel]\npool = lots\n")
        guest = daemon.visit()
        for _ in range(20):
            guest.send(b"x" * 64)
        daemon.fail()
        record = guest.recv(4096)
        self.assertIn(BEFORE.encode(), record)
        self.assertEqual(guest.recv(4096), b"")

    @unittest.skipUnless(os.geteuid() == 0, "needs other users")
    def test_another_user_is_told_who_finds_the_reason_and_not_what_it_is(self):
        daemon = self.make("[kernel]\npool = secret\n")
        other, root = daemon.visit(NOBODY), daemon.visit()
        daemon.fail()
        self.assertEqual(self.refusal(other), FOR_OTHERS)
        self.assert_told(root, "secret")

    @unittest.skipUnless(os.geteuid() == 0, "needs other users")
    def test_a_daemon_that_is_not_root_s_tells_the_reason_to_its_own_user_and_to_root(self):
        daemon = self.make()
        guests = {uid: daemon.visit(uid) for uid in (NOBODY, NOBODY - 1, 0)}
        run(self.as_user(NOBODY, daemon.command() + ["--no-such-option"]), [daemon.listener])
        self.assert_told(guests[NOBODY], "the command line is wrong")
        self.assert_told(guests[0], "the command line is wrong")
        self.assertEqual(self.refusal(guests[NOBODY - 1]), FOR_OTHERS)

    @staticmethod
    def as_user(uid, command):
        return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]

    def refusal(self, guest):
        with self.assertRaises(Refused) as refused:
            Client(connected=guest)
        self.assertEqual(refused.exception.error, "FAIL")
        return refused.exception.text

    def test_a_long_reason_is_cut_and_still_says_where_all_of_it_is(self):
        daemon = self.make()
        guest = daemon.visit()
        daemon.configure("[kernel]\n" + "\n" * 20 + f"pool = {'much' * 40}\n")
        daemon.fail()
        with self.assertRaises(Refused) as refused:
            Client(connected=guest)
        text = refused.exception.text
        self.assertTrue(text.startswith(BEFORE) and text.endswith("..." + BEHIND), text)
        self.assertLess(len(text), TEXT_MAX)
        self.assertGreater(len(text), TEXT_MAX - 10)

    def test_a_wrong_command_line_is_told_too(self):
        daemon = self.make()
        guest = daemon.visit()
        done = daemon.fail("--no-such-option")
        self.assert_failed(done, USAGE, "the command line is wrong")
        self.assert_told(guest, "the command line is wrong")

    def test_after_it_was_mended_those_who_come_are_served(self):
        daemon = self.make("[kernel]\npool = lots\n")
        self.assert_told(self.visit_and_fail(daemon), "kernel.pool")
        daemon.configure("")
        guest = daemon.visit()
        daemon.start()
        with Client(connected=guest) as client:
            self.assertEqual(len(client.random(8)), 8)

    def visit_and_fail(self, daemon):
        guest = daemon.visit()
        daemon.fail()
        return guest

    def test_without_a_passed_socket_the_reason_is_in_the_log_alone(self):
        done = run([PROGRAM, "--config", "/dev/null", "--state", f"{self.folder}/a/b"])
        self.assert_failed(done, CANTCREAT, "cannot be made")


class State(Service):
    """Each in words, and with the status that tells a service manager whether to try again."""

    def fail(self, status, pattern, *prefix, **options):
        command = [*prefix, PROGRAM, "--config", "/dev/null", "--state", f"{self.folder}/state",
                   "--listen", f"{self.folder}/pluton.sock"]
        self.assert_failed(run(command, **options), status, pattern)
        self.assertFalse(os.path.exists(f"{self.folder}/pluton.sock"))

    def test_one_that_another_process_holds_is_temporary(self):
        with Daemon() as holder:
            done = run([PROGRAM, "--config", "/dev/null", "--state", holder.state, "--listen",
                        f"{self.folder}/pluton.sock"])
            self.assert_failed(done, TEMPFAIL, rf"process {holder.pid} \(\S+\) holds this state")

    def test_a_socket_that_another_process_holds_is_temporary(self):
        with Daemon() as holder:
            done = run([PROGRAM, "--config", "/dev/null", "--state", f"{self.folder}/state",
                        "--listen", holder.socket])
            self.assert_failed(done, TEMPFAIL, rf"process {holder.pid} \(\S+\) holds this socket")

    def test_one_that_others_can_write_is_wrong_configuration(self):
        os.mkdir(f"{self.folder}/state")
        os.chmod(f"{self.folder}/state", 0o770)
        self.fail(CONFIG, r"others can write there \(mode 0770\)")

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a directory away")
    def test_one_of_another_user_is_wrong_configuration(self):
        os.mkdir(f"{self.folder}/state", 0o700)
        os.chown(f"{self.folder}/state", NOBODY, -1)
        self.fail(CONFIG, f"belongs to uid {NOBODY}")

    def test_a_file_in_its_place_is_wrong_configuration(self):
        with open(f"{self.folder}/state", "w", encoding="utf-8"):
            pass
        self.fail(CONFIG, "is no directory")

    def test_one_that_cannot_be_made_is_said(self):
        self.folder += "/deep"
        self.fail(CANTCREAT, "deep/state: cannot be made: No such file or directory; make it first")
        self.folder = os.path.dirname(self.folder)

    def test_one_that_exists_and_takes_no_bytes_is_said(self):
        os.mkdir(f"{self.folder}/state", 0o700)
        with open(f"{self.folder}/state/lock", "w", encoding="utf-8"):
            pass
        # Python ignores SIGXFSZ, and so does who is started like this.
        self.fail(CANTCREAT, "state: nothing can be written there: File too large; make room",
                  restore_signals=False,
                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
        self.assertEqual(os.listdir(f"{self.folder}/state"), ["lock"])

    def mounted(self, options):
        """A prefix: with the state directory on a file system of its own."""
        os.mkdir(f"{self.folder}/state", 0o700)
        unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["-r"])
        script = (f"mount -t tmpfs -o mode=0700,size=16k tmpfs {self.folder}/state && "
                  f"touch {self.folder}/state/lock && {options} && exec \"$@\"")
        prefix = [*unshare, "sh", "-c", script, "sh"]
        if not shutil.which("unshare") or run([*prefix, "true"]).returncode:
            self.skipTest("no file system can be mounted here")
        return prefix

    def test_a_full_file_system_is_said(self):
        fill = f"! head -c 64k /dev/zero 2>/dev/null >{self.folder}/state/ballast 2>/dev/null"
        self.fail(CANTCREAT, "nothing can be written there: No space left on device; make room",
                  *self.mounted(f"{{ {fill}; }}"))

    def test_a_read_only_file_system_is_said(self):
        self.fail(CANTCREAT, "state/lock: cannot be opened: Read-only file system",
                  *self.mounted(f"mount -o remount,ro {self.folder}/state"))


class Configuration(Service):
    def test_a_directory_in_place_of_the_file_is_wrong_configuration(self):
        self.assert_failed(run([PROGRAM, "--config", self.folder]), CONFIG,
                           f"{self.folder}: cannot be read")

    def run_as_other(self):
        """Without the rights of root, whom no mode keeps from reading."""
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        os.chmod(self.folder, 0o755)
        command = [PROGRAM, "--config", f"{self.folder}/plutond.conf"]
        try:
            if run([PROGRAM, "--version"], **options).returncode == 0:
                return run(command, **options)
        except PermissionError:
            pass
        return self.skipTest("others may not run what was built here")

    def test_a_file_that_may_not_be_read_is_wrong_configuration(self):
        path = f"{self.folder}/plutond.conf"
        with open(path, "w", encoding="utf-8"):
            os.chmod(path, 0)
        self.assert_failed(self.run_as_other(), CONFIG, f"{path}: cannot be read: Permission denied")

    def test_a_conf_d_that_may_not_be_read_is_wrong_configuration(self):
        path = f"{self.folder}/plutond.conf"
        with open(path, "w", encoding="utf-8"):
            os.mkdir(f"{self.folder}/conf.d", 0o300)
        self.assert_failed(self.run_as_other(), CONFIG,
                           f"{self.folder}/conf.d: cannot be read: Permission denied")

    def test_a_socket_that_cannot_be_made_is_said(self):
        os.mkdir(f"{self.folder}/pluton.sock")
        done = run([PROGRAM, "--config", "/dev/null", "--state", f"{self.folder}/state",
                    "--listen", f"{self.folder}/pluton.sock"])
        self.assert_failed(done, CANTCREAT, "cannot listen: File exists; remove what is there")


class Status(Service):
    def make_on_bus(self, bus):
        return self.make(arguments=["--bus", bus.address])

    def await_status(self, daemon, wanted):
        lines = daemon.hear()
        while lines != [f"STATUS={wanted}"]:
            self.assertTrue(lines[0].startswith("STATUS=degraded: "), lines)
            lines = daemon.hear()

    def test_without_a_bus_it_is_ready_and_serving_and_says_no_more(self):
        daemon = self.make()
        daemon.launch()
        self.assertEqual(daemon.hear(), ["READY=1", "STATUS=serving"])
        daemon.process.send_signal(signal.SIGHUP)
        self.assertEqual(daemon.hear()[0], "RELOADING=1")
        self.assertEqual(daemon.hear(), ["READY=1"])
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.hear(), ["STOPPING=1", "STATUS=stopping"])

    def test_without_the_bus_it_is_ready_and_degraded_until_that_comes(self):
        bus = Bus()
        self.addCleanup(bus.folder.cleanup)
        daemon = self.make_on_bus(bus)
        daemon.launch()
        self.assertEqual(daemon.hear(), [
            "READY=1", "STATUS=degraded: not on the bus: No such file or directory"])
        with bus:
            self.await_status(daemon, "serving")
            bus.kill()
            self.assertRegex(daemon.hear()[0], "^STATUS=degraded: not on the bus: ")
            bus.start()
            self.await_status(daemon, "serving")

    def test_while_the_name_is_taken_it_is_degraded_and_says_so_once(self):
        bus = self.enter(Bus())
        with Peer(bus.address) as other:
            other.bus("RequestName", "su", "org.pluton1", 0)
            other.bus("AddMatch", "s", "type='signal',member='NameOwnerChanged'")
            daemon = self.make_on_bus(bus)
            daemon.launch()
            self.assertEqual(daemon.hear()[1], "STATUS=degraded: not on the bus: the name org.pluton1 "
                             "is taken: stop the other plutond")
            for _ in range(3 * 2):  # it comes to try again, and goes
                other.signal("NameOwnerChanged")
            daemon.notifications.setblocking(False)
            self.assertRaises(BlockingIOError, daemon.hear)
            daemon.notifications.settimeout(TIMEOUT_S)
        self.await_status(daemon, "serving")


class Watchdog(Service):
    def test_the_loop_pings_while_it_turns_and_not_while_it_stands(self):
        daemon = self.make()
        daemon.environment = {"WATCHDOG_USEC": "60000"}
        daemon.start()
        for _ in range(3):
            self.assertEqual(daemon.hear(), ["WATCHDOG=1"])
        daemon.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, daemon.pid, os.WSTOPPED | os.WNOWAIT)
        self.drain(daemon)
        daemon.notifications.settimeout(0.3)  # 15 pings
        self.assertRaises(TimeoutError, daemon.hear)
        daemon.notifications.settimeout(TIMEOUT_S)
        daemon.process.send_signal(signal.SIGCONT)
        self.assertEqual(daemon.hear(), ["WATCHDOG=1"])
        daemon.process.send_signal(signal.SIGTERM)

    def drain(self, daemon):
        daemon.notifications.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                daemon.hear()
        daemon.notifications.settimeout(TIMEOUT_S)

    def test_a_period_that_is_no_number_is_refused(self):
        daemon = self.make()
        environment = {**os.environ, "WATCHDOG_USEC": "soon"}
        done = run(daemon.command(), [daemon.listener], env=environment)
        self.assert_failed(done, CONFIG, "WATCHDOG_USEC cannot be read")

    def test_a_watchdog_of_somebody_else_is_not_ours(self):
        daemon = self.make()
        daemon.environment = {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
        daemon.start()
        daemon.process.send_signal(signal.SIGHUP)
        self.assertEqual(daemon.hear()[0], "RELOADING=1")


class Stop(Service):
    def test_the_stop_is_told_when_it_begins_and_a_reload_then_does_nothing(self):
        daemon = self.make()
        told = define_deaf_app(daemon)
        daemon.start()
        with open(told, encoding="utf-8") as fifo:
            fifo.read()
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.hear(), ["STOPPING=1", "STATUS=stopping"])
        self.assertIsNone(daemon.process.poll())
        daemon.process.send_signal(signal.SIGHUP)
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(TIMEOUT_S), 0)
        daemon.notifications.setblocking(False)
        self.assertRaises(BlockingIOError, daemon.hear)
        self.assertIn("info: stopped", daemon.read_log())

    def test_many_signals_at_once_end_it_as_one_does(self):
        daemon = self.make()
        daemon.start()
        with Client(daemon.address):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGHUP) * 5:
                daemon.process.send_signal(number)
            self.assertEqual(daemon.process.wait(TIMEOUT_S), 0)

    def test_stopped_while_it_waits_for_the_bus_it_was_never_ready(self):
        dumb = self.enter(socket.socket(socket.AF_UNIX))
        dumb.bind(f"{self.folder}/dumb")
        dumb.listen()
        daemon = self.make(arguments=["--bus", f"unix:path={self.folder}/dumb"])
        daemon.launch()
        with Client(daemon.address) as client:  # so the loop turns
            daemon.process.send_signal(signal.SIGHUP)
            client.random(8)
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.hear(), ["STOPPING=1", "STATUS=stopping"])
            self.assertEqual(daemon.process.wait(TIMEOUT_S), 0)
        self.assertNotIn("is ready", daemon.read_log())


class Surroundings(Service):
    def test_with_a_clock_of_1970_it_starts_and_serves(self):
        daemon = self.make()
        daemon.environment = {"LD_PRELOAD": self.compile(CLOCK)}
        shown = run(["date", "+%Y"], env={**os.environ, **daemon.environment})
        self.assertEqual(shown.stdout, "1970\n")
        daemon.start()
        with Client(daemon.address) as client:
            self.assertEqual(len(client.random(32)), 32)
            self.assertEqual(len(client.sha256(b"abc")), 32)
        self.assertEqual(daemon.stop(), 0)

    def start_limited(self, **limits):
        """setrlimit is refused, as by a filter of system calls."""
        daemon = self.make()
        prefix = [shutil.which("prlimit"), *(f"--{name}={value}" for name, value in limits.items()),
                  "env", f"LD_PRELOAD={self.compile(NO_SETRLIMIT)}"]
        plain = daemon.plain_command
        daemon.plain_command = lambda: prefix + plain()
        return daemon

    def test_limits_that_are_right_are_not_asked_for(self):
        daemon = self.start_limited(core="0:0", nofile="256:256")
        daemon.start()
        self.assertNotIn("warning", daemon.read_log())

    def test_fewer_descriptors_are_warned_of(self):
        daemon = self.start_limited(core="0:0", nofile="200:256")
        daemon.start()
        self.assertRegex(daemon.read_log(), "warning: no more than 200 descriptors: .* set LimitNOFILE")

    @unittest.skipIf(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, "there are no core files here")
    def test_where_a_core_file_cannot_be_forbidden_it_does_not_start_and_may_be_tried_again(self):
        daemon = self.start_limited(nofile="256:256")
        guest = daemon.visit()
        self.assert_failed(daemon.fail(), FAILED, "cannot protect the process: Operation not permitted")
        self.assert_told(guest, "cannot protect the process")


def read(path):
    with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
        return file.read()


class Messages(unittest.TestCase):
    """Every message with an id is in its program's manual and in the catalog, and no other."""

    HEADERS = {"daemon/log.h": "docs/man/plutond.8", "apps/tpm/messages.h": "docs/man/pluton-tpmd.8"}

    @classmethod
    def setUpClass(cls):
        cls.names = {header: dict(re.findall(r'#define (\w+_ID_\w+)\s+"([0-9a-f]{32})"', read(header)))
                     for header in cls.HEADERS}
        cls.entries = re.findall(r"(?ms)^-- ([0-9a-f]{32})\n(.*?)(?=^-- |^# |\Z)",
                                 read("systemd/pluton.catalog"))

    def test_each_is_in_the_manual(self):
        for header, page in self.HEADERS.items():
            self.assertGreater(len(self.names[header]), 10)
            self.assertEqual(sorted(self.names[header].values()),
                             sorted(re.findall(r"(?m)^\.B ([0-9a-f]{32})$", read(page))), page)

    def test_each_is_in_the_catalog_once(self):
        ids = sorted(id_ for names in self.names.values() for id_ in names.values())
        self.assertEqual(ids, sorted(id_ for id_, _ in self.entries))

    def test_each_is_used_by_a_program_and_no_other_is(self):
        used, written = set(), set()
        for path in glob.glob(f"{SOURCE}/**/*.c", recursive=True):
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            if not path.startswith((f"{SOURCE}/tests/", f"{SOURCE}/build/")):
                used |= set(re.findall(r"\b(?:LOG|TPMD)_ID_[A-Z_]+", text))
                written |= set(re.findall(r'"[0-9a-f]{32}"', text))
        self.assertEqual(sorted(used), sorted(name for names in self.names.values() for name in names))
        self.assertEqual(written, set())

    def test_each_says_what_it_means_and_what_to_do_and_which_page_says_more(self):
        fields = {match.upper() for path in glob.glob(f"{SOURCE}/daemon/**/*.c", recursive=True)
                  + glob.glob(f"{SOURCE}/apps/tpm/*.c") for match in
                  re.findall(r'LOG_(?:TEXT|NUMBER)\("(\w+)"', read(os.path.relpath(path, SOURCE)))}
        for id_, text in self.entries:
            head, _, body = text.partition("\n\n")
            self.assertRegex(head, r"\ASubject: \S.*\nDefined-By: Pluton\nDocumentation: man:\S+\(\d\)", id_)
            self.assertGreaterEqual(len(body.strip().split("\n\n")), 2, id_)
            self.assertLess(max(map(len, text.split("\n"))), 105, id_)
            for page in re.findall(r"man:([\w.-]+\(\d\))", head):
                self.assertTrue(os.path.exists(f"{SOURCE}/docs/man/{page[:-3]}.{page[-2]}"), page)
            for field in re.findall(r"@(\w+)@", text):
                self.assertIn(field.removeprefix("PLUTON_"), fields, id_)

    @unittest.skipUnless(shutil.which("journalctl"), "there is no journalctl")
    def test_journalctl_takes_the_catalog_and_shows_every_entry(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/usr/lib/systemd/catalog")
            os.makedirs(f"{root}/var/lib/systemd/catalog")
            shutil.copy(f"{SOURCE}/systemd/pluton.catalog", f"{root}/usr/lib/systemd/catalog")
            done = run(["journalctl", f"--root={root}", "--update-catalog"])
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            shown = run(["journalctl", f"--root={root}", "--dump-catalog"]).stdout
        self.assertEqual(sorted(re.findall(r"(?m)^-- ([0-9a-f]{32})$", shown)),
                         sorted(id_ for id_, _ in self.entries))


if __name__ == "__main__":
    unittest.main()
