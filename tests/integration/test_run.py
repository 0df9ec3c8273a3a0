# SPDX-License-Identifier: Apache-2.0
"""pluton-run: COMMAND's own streams, directory and status, a daemon of its own, nothing left."""

import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

from private import BUILD, CLI, DEADLINE, RUN, SOURCE, await_end, environment, hear, run

NOBODY = 65534
SHELL = ["/bin/sh", "-c"]

# Daemons that misbehave, as programs for PLUTON_DAEMON.
FAKE = """#!{python}
import os, signal, socket, sys
def tell(text):
    out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    out.connect(os.environ["NOTIFY_SOCKET"])
    out.send(text)
{body}
"""


class Folder(unittest.TestCase):
    """With a folder of its own that is also TMPDIR, so that what is left over is seen."""

    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.folder = kept.name
        self.temporary = os.path.join(self.folder, "t")
        os.mkdir(self.temporary)
        self.env = environment(TMPDIR=self.temporary, XDG_RUNTIME_DIR=None)

    def run_it(self, *line, **options):
        options.setdefault("env", self.env)
        return run(RUN, *line, **options)

    def start(self, *line, **options):
        options.setdefault("env", self.env)
        options.setdefault("stdin", subprocess.PIPE)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([RUN, *line], **options)

    def assertNothingLeft(self):
        self.assertEqual(os.listdir(self.temporary), [])

    def fake_daemon(self, body):
        path = os.path.join(self.folder, "fake-plutond")
        with open(path, "w", encoding="utf-8") as file:
            file.write(FAKE.format(python=sys.executable, body=body))
        os.chmod(path, 0o755)
        self.env["PLUTON_DAEMON"] = path


class Command(Folder):
    def test_standard_input_and_output_are_its_own_and_nothing_else_is_printed(self):
        done = self.run_it("--", "cat", input=b"a\0b\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"a\0b\n", b""))
        self.assertNothingLeft()

    def test_its_errors_go_to_standard_error(self):
        done = self.run_it("--", *SHELL, "echo out; echo error >&2")
        self.assertEqual((done.stdout, done.stderr), (b"out\n", b"error\n"))

    def test_its_arguments_are_its_own(self):
        done = self.run_it("--", "printf", "%s|", "--keep", "", "a b", "--", "-x")
        self.assertEqual(done.stdout, b"--keep||a b|--|-x|")

    def test_the_two_dashes_may_be_left_out(self):
        self.assertEqual(self.run_it("echo", "--state", "x").stdout, b"--state x\n")

    def test_its_working_directory_is_ours(self):
        done = self.run_it("--", "pwd", cwd=self.folder)
        self.assertEqual(done.stdout.decode().strip(), os.path.realpath(self.folder))

    def test_its_exit_status_is_ours(self):
        for status in (0, 1, 2, 3, 77, 125, 126, 127, 255):
            self.assertEqual(self.run_it("--", *SHELL, f"exit {status}").returncode, status)
        self.assertNothingLeft()

    def test_killed_by_a_signal_it_is_128_and_the_signal(self):
        for name, number in (("KILL", 9), ("TERM", 15), ("SEGV", 11)):
            done = self.run_it("--", *SHELL, f"ulimit -c 0; kill -{name} $$")
            self.assertEqual((done.returncode, done.stderr), (128 + number, b""))
        self.assertNothingLeft()

    def test_one_that_is_not_there_is_127(self):
        for name in ("no-such-command", "/nowhere/command"):
            done = self.run_it("--", name)
            self.assertEqual((done.returncode, done.stdout), (127, b""))
            self.assertIn(f"pluton-run: cannot run, {name}: ".encode(), done.stderr)
            self.assertIn(b"(ENOENT)", done.stderr)
        self.assertNothingLeft()

    def test_one_that_cannot_be_executed_is_126(self):
        done = self.run_it("--", "/etc/passwd")
        self.assertEqual(done.returncode, 126)
        self.assertEqual(done.stderr, b"pluton-run: cannot run, /etc/passwd: Permission denied, "
                                      b"name a program, or make it executable (EACCES)\n")
        self.assertNothingLeft()

    def test_it_has_no_descriptor_of_ours(self):
        listing = ["ls", "/proc/self/fd"]
        self.assertEqual(self.run_it("--", *listing).stdout, run(*listing).stdout)

    def test_its_signals_are_as_ours_were(self):
        masks = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]
        self.assertEqual(self.run_it("--", *masks).stdout, run(*masks).stdout)

    def test_its_environment_is_ours_and_where_pluton_is(self):
        script = "import os, json; print(json.dumps(dict(os.environ)))"
        inner = json.loads(self.run_it("--", sys.executable, "-c", script).stdout)
        outer = json.loads(run(sys.executable, "-c", script, env=self.env).stdout)
        changed = {key for key in inner.keys() | outer.keys() if inner.get(key) != outer.get(key)}
        self.assertEqual(changed, {"PLUTON_ADDRESS", "TPM2TOOLS_TCTI"})

    def test_pluton_cli_is_found_and_works(self):
        env = dict(self.env, PATH="/usr/bin:/bin")
        env.pop("LD_LIBRARY_PATH")
        done = self.run_it("--", "pluton-cli", "random", "4", env=env)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertRegex(done.stdout, rb"\A[0-9a-f]{8}\n\Z")
        done = self.run_it("--", *SHELL, 'echo "$PATH"', env=env)
        self.assertEqual(done.stdout.decode(), f"{os.path.realpath(BUILD)}:/usr/bin:/bin\n")

    def test_an_address_from_outside_is_replaced(self):
        env = dict(self.env, PLUTON_ADDRESS="unix:/nowhere/sock")
        self.assertEqual(self.run_it("--", CLI, "status", env=env).returncode, 0)


class CommandLine(Folder):
    def test_without_a_command_it_is_a_usage_error(self):
        for line in ([], ["--"], ["--keep"], ["--keep", "--"]):
            done = self.run_it(*line)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(b"Usage: pluton-run", done.stderr)
        self.assertNothingLeft()

    def test_an_unknown_option_is_a_usage_error(self):
        done = self.run_it("--frobnicate", "--", "true")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"--frobnicate", done.stderr)

    def test_without_dbus_daemon_the_dbus_option_says_what_to_install(self):
        done = self.run_it("--dbus", "--", "true", env={**self.env, "PATH": self.folder})
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertIn(b"dbus-daemon is not there, install it", done.stderr)
        self.assertNothingLeft()

    def test_a_configuration_or_log_level_that_is_none_is_a_usage_error_with_a_way_out(self):
        missing = "No such file or directory"
        for option, value, what, name in (
                ("--config", "/nowhere/conf",
                 f"cannot use --config, /nowhere/conf: {missing}, name a file that is there and "
                 "readable", "ENOENT"),
                ("--config", "/etc/passwd/conf",
                 "cannot use --config, /etc/passwd/conf: Not a directory, name a file that is "
                 "there and readable", "ENOTDIR"),
                ("--state", "/nowhere/state",
                 f"cannot make the folder for --state, /nowhere/state: {missing}, name one whose "
                 "parent is there and writable", "ENOENT"),
                ("--log-level", "loud", "no such log level, loud, use off, ", "EINVAL")):
            done = self.run_it(option, value, "--", "true")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertTrue(done.stderr.startswith(f"pluton-run: {what}".encode()), done.stderr)
            self.assertTrue(done.stderr.endswith(f" ({name})\n".encode()), done.stderr)
        self.assertNothingLeft()

    def test_help_and_version_start_nothing(self):
        done = run(RUN, "--help", env=environment(PLUTON_DAEMON="/nowhere"))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"Examples:\n  pluton-run -- ", done.stdout)
        for line in done.stdout.splitlines():
            self.assertLess(len(line), 80)
        self.assertRegex(run(RUN, "--version").stdout, rb"\Apluton-run \(pluton\) \d")

    def test_the_manual_has_every_option_of_the_help_and_no_other(self):
        with open(f"{SOURCE}/docs/man/pluton-run.1", encoding="utf-8") as file:
            manual = set(re.findall(r"--[a-z][a-z-]+", file.read().replace("\\-", "-")))
        shown = set(re.findall(r"--[a-z][a-z-]+", run(RUN, "--help").stdout.decode()))
        self.assertEqual(manual, shown)


class Daemon(Folder):
    def test_it_is_private(self):
        pids = set()
        for _ in range(3):
            done = self.run_it("--", CLI, "status", "--json")
            pids.add(json.loads(done.stdout)["pid"])
        self.assertEqual(len(pids), 3)

    def test_two_at_once_do_not_meet(self):
        script = ['echo "$PLUTON_ADDRESS"; read line; exec pluton-cli status --json']
        first, second = (self.start("--", *SHELL, *script) for _ in range(2))
        addresses = {first.stdout.readline(), second.stdout.readline()}
        pids = {json.loads(one.communicate(b"\n", timeout=DEADLINE)[0])["pid"]
                for one in (first, second)}
        self.assertEqual((len(addresses), len(pids)), (2, 2))
        self.assertNothingLeft()

    def test_one_inside_another_works(self):
        script = "pluton-cli status --json; pluton-run -- pluton-cli status --json"
        done = self.run_it("--", *SHELL, script)
        outer, inner = (json.loads(line)["pid"] for line in done.stdout.splitlines())
        self.assertNotEqual(outer, inner)

    def test_it_is_gone_afterwards(self):
        done = self.run_it("--", CLI, "status", "--json")
        with self.assertRaises(ProcessLookupError):
            os.kill(json.loads(done.stdout)["pid"], 0)

    def test_it_dies_with_pluton_run_even_by_sigkill(self):
        process = self.start("--", *SHELL, "pluton-cli status --json; cat; echo goes on")
        pid = json.loads(process.stdout.readline())["pid"]
        process.kill()
        await_end(pid)
        # What the manual says of COMMAND and the folder.
        self.assertEqual(process.communicate(timeout=DEADLINE)[0], b"goes on\n")
        self.assertEqual(len(os.listdir(self.temporary)), 1)

    def test_one_that_dies_meanwhile_is_reported_and_the_status_is_still_commands(self):
        script = ("kill -9 $(pluton-cli status --json | sed 's/,\"log_level.*//; s/.*\"pid\"://'); "
                  "while pluton-cli status >/dev/null 2>&1; do :; done; exit 5")
        done = self.run_it("--", *SHELL, script)
        self.assertEqual(done.returncode, 5)
        self.assertIn(b"plutond ended while COMMAND ran, by signal 9", done.stderr)
        self.assertNothingLeft()

    def test_one_that_does_not_start_is_reported_with_its_status_and_125(self):
        self.fake_daemon('sys.exit(7)')
        done = self.run_it("--", "echo", "ran")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertIn(b"plutond ended before it was ready, with status 7", done.stderr)
        self.assertNothingLeft()

    def test_one_that_cannot_be_executed_is_125(self):
        self.fake_daemon("")
        with open(self.env["PLUTON_DAEMON"], "w", encoding="utf-8") as file:
            file.write("#!/nowhere/interpreter\n")
        done = self.run_it("--", "echo", "ran")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertIn(b"fake-plutond", done.stderr)

    def test_one_that_is_named_and_not_there_is_125(self):
        for name in ("/nowhere/plutond", self.folder, "/etc/passwd"):
            done = self.run_it("--", "true", env=dict(self.env, PLUTON_DAEMON=name))
            self.assertEqual(done.returncode, 125)
            self.assertIn(f"PLUTON_DAEMON={name}".encode(), done.stderr)

    def test_it_gets_its_options_and_no_streams_of_command(self):
        self.fake_daemon('print(sys.argv[1:], os.getcwd(), sys.stdin.read() == "",\n'
                         '      os.getsid(0) == os.getpid(), os.path.getsize(sys.argv[2]))\n'
                         'sys.exit(1)')
        done = self.run_it("--", "true", input=b"for COMMAND")
        self.assertEqual(done.stdout, b"")
        line = done.stderr.splitlines()[0].decode()
        folder = re.escape(self.temporary) + r"/pluton-run\.\w{6}"
        self.assertRegex(line, rf"\['--config', '{folder}/conf', '--state', '{folder}/state', "
                               rf"'--listen', '{folder}/pluton.sock', '--log-level', 'error'\] / "
                               "True True 0")

    def test_words_of_readiness_among_others_are_understood(self):
        self.fake_daemon('tell(b"STATUS=READY=1"); tell(b"READY=10\\nX=1"); '
                         'tell(b"STATUS=x\\nREADY=1\\n"); signal.pause()')
        self.assertEqual(self.run_it("--", "echo", "ran").stdout, b"ran\n")

    def test_a_daemon_that_says_much_is_never_held_up(self):
        said = os.path.join(self.folder, "said")
        os.mkfifo(said)
        self.fake_daemon(f'tell(b"READY=1")\nfor _ in range(3000): tell(b"STATUS=busy")\n'
                         f'open("{said}", "w").write("all")\nsignal.pause()')
        self.assertEqual(self.run_it("--", "cat", said).stdout, b"all")

    def test_a_daemon_that_does_not_stop_is_killed(self):
        self.fake_daemon('signal.signal(signal.SIGTERM, signal.SIG_IGN); tell(b"READY=1")\n'
                         'while True: signal.pause()')
        done = self.run_it("--", *SHELL, "exit 4")
        self.assertEqual(done.returncode, 4)
        self.assertIn(b"plutond does not stop", done.stderr)
        self.assertNothingLeft()

    def test_a_signal_while_it_starts_stops_it(self):
        self.fake_daemon('print("starting", flush=True)\nwhile True: signal.pause()')
        process = self.start("--", "echo", "ran")
        self.assertEqual(process.stderr.readline(), b"starting\n")
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, out, error), (128 + 15, b"", b""))
        self.assertNothingLeft()


class State(Folder):
    def test_state_stays_where_it_was_asked_for(self):
        state = os.path.join(self.folder, "state")
        for _ in range(2):
            self.assertEqual(self.run_it("--state", state, "--", "true").returncode, 0)
        self.assertEqual(stat.S_IMODE(os.stat(state).st_mode), 0o700)
        self.assertNothingLeft()

    def test_it_may_be_named_from_where_we_stand(self):
        done = self.run_it("--state", "here", "--", "true", cwd=self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn("here", os.listdir(self.folder))

    def test_a_second_daemon_on_it_is_refused_naming_the_holder(self):
        state = os.path.join(self.folder, "state")
        first = self.start("--state", state, "--", *SHELL, "pluton-cli status --json; exec cat")
        pid = json.loads(first.stdout.readline())["pid"]
        second = self.run_it("--state", state, "--", "echo", "ran")
        self.assertEqual((second.returncode, second.stdout), (125, b""))
        self.assertIn(str(pid).encode(), second.stderr)
        self.assertIn(state.encode(), second.stderr)
        first.communicate(timeout=DEADLINE)
        self.assertEqual(first.returncode, 0)
        self.assertEqual(self.run_it("--state", state, "--", "true").returncode, 0)


class Options(Folder):
    def test_a_configuration_is_used(self):
        path = os.path.join(self.folder, "plutond.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[hil]\naead_scratch = 8K\n")
        done = self.run_it("--config", "plutond.conf", "--", CLI, "limits", "--json",
                           cwd=self.folder)
        self.assertEqual(json.loads(done.stdout)["limits"]["aead_scratch"], 8192)

    def test_a_wrong_configuration_is_125_with_file_and_line(self):
        path = os.path.join(self.folder, "plutond.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[hil]\n\nfrobnicate = 1\n")
        done = self.run_it("--config", path, "--", "echo", "ran")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertIn(f"{path}:3".encode(), done.stderr)
        self.assertNothingLeft()

    def test_keep_leaves_the_folder_and_says_where(self):
        done = self.run_it("--keep", "--", "true")
        left = os.path.join(self.temporary, os.listdir(self.temporary)[0])
        self.assertEqual(done.stderr, f"pluton-run: kept {left}\n".encode())
        self.assertTrue(os.path.isdir(f"{left}/state"))

    def test_log_level_shows_the_daemons_log_on_standard_error(self):
        done = self.run_it("--log-level", "info", "--", "echo", "out")
        self.assertEqual(done.stdout, b"out\n")
        self.assertIn(b"is ready", done.stderr)


class Place(Folder):
    def socket_folder(self, **changes):
        env = environment(**{"TMPDIR": None, "XDG_RUNTIME_DIR": None, **changes})
        done = self.run_it("--", *SHELL, 'echo "$PLUTON_ADDRESS"', env=env)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return re.fullmatch(r"unix:(.*)/pluton-run\.\w{6}/pluton\.sock\n", done.stdout.decode())[1]

    def test_it_is_in_the_runtime_folder_else_tmpdir_else_tmp(self):
        other = os.path.join(self.folder, "other")
        os.mkdir(other)
        self.assertEqual(self.socket_folder(XDG_RUNTIME_DIR=self.temporary, TMPDIR=other),
                         self.temporary)
        self.assertEqual(self.socket_folder(TMPDIR=other), other)
        self.assertEqual(self.socket_folder(), "/tmp")

    def test_one_that_is_missing_relative_or_too_long_is_passed_over(self):
        long = os.path.join(self.folder, "l" * 80)
        os.mkdir(long)
        for bad in ("/nowhere", "relative", "", long, "/etc/passwd"):
            self.assertEqual(self.socket_folder(XDG_RUNTIME_DIR=bad, TMPDIR=self.temporary),
                             self.temporary)

    def test_it_is_for_us_alone(self):
        done = self.run_it("--", *SHELL, 'stat -c %a "$(dirname "${PLUTON_ADDRESS#unix:}")"')
        self.assertEqual(done.stdout, b"700\n")

    @unittest.skipUnless(os.getuid() == 0, "needs root, to be somebody else")
    def test_it_needs_no_privilege(self):
        os.chmod(self.folder, 0o755)
        os.chmod(self.temporary, 0o777)
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            done = self.run_it("--", "pluton-cli", "ps", "--json", **as_nobody)
        except PermissionError:
            self.skipTest("nobody cannot reach the build tree")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(json.loads(done.stdout)["processes"][0]["uid"], NOBODY)
        self.assertNothingLeft()


# Takes signals one by one, uses the daemon after the first, and prints what came.
TAKE = """
import signal, subprocess, sys
those = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, those)
print("waiting", flush=True)
got = [int(signal.sigwait(those))]
alive = [subprocess.run(["pluton-cli", "status"], stdout=subprocess.DEVNULL).returncode
         for _ in range(3)]
while more := signal.sigtimedwait(those, 0):
    got.append(more.si_signo)
print(got, alive, flush=True)
sys.exit(9)
"""


class Signals(Folder):
    def test_one_sent_to_it_reaches_command_once_and_its_status_counts(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
            process = self.start("--", sys.executable, "-c", TAKE)
            self.assertEqual(process.stdout.readline(), b"waiting\n")
            process.send_signal(number)
            out, error = process.communicate(timeout=DEADLINE)
            self.assertEqual((process.returncode, error), (9, b""))
            self.assertEqual(out.decode(), f"[{int(number)}] [0, 0, 0]\n")
            self.assertNothingLeft()

    def test_a_command_that_dies_of_it_is_128_and_the_signal(self):
        process = self.start("--", *SHELL, "echo waiting; exec cat")
        self.assertEqual(process.stdout.readline(), b"waiting\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(DEADLINE), 128 + 15)
        process.communicate()
        self.assertNothingLeft()

    def test_ctrl_c_reaches_command_once_and_the_daemon_not_at_all(self):
        pid, master = pty.fork()
        if pid == 0:
            os.execve(RUN, [RUN, "--", sys.executable, "-c", TAKE], self.env)
        text = b""
        while b"waiting" not in text:
            text += hear(master)
        os.write(master, b"\x03")
        while b"]\r\n" not in text:
            text += hear(master)
        self.assertIn(b"[2] [0, 0, 0]", text)
        _, status = os.waitpid(pid, 0)
        os.close(master)
        self.assertEqual(os.waitstatus_to_exitcode(status), 9)
        self.assertNothingLeft()

    def test_a_terminal_that_goes_away_ends_it_all(self):
        pid, master = pty.fork()
        if pid == 0:
            os.execve(RUN, [RUN, "--", *SHELL, "pluton-cli status --json; exec cat"], self.env)
        text = b""
        while not (match := re.search(rb'"pid":(\d+)', text)):
            text += hear(master)
        os.close(master)
        await_end(int(match[1]))
        os.waitpid(pid, 0)
        self.assertNothingLeft()

    def test_what_our_caller_ignores_stays_ignored(self):
        done = run("/bin/sh", "-c", 'trap "" HUP INT; exec "$@"', "sh", RUN, "--", *SHELL,
                   "kill -HUP $PPID; kill -INT $PPID; kill -HUP $$; pluton-cli random 1",
                   env=self.env)
        self.assertEqual((done.returncode, len(done.stdout)), (0, 3))


class Rest(Folder):
    """What others leave behind ends with pluton-run."""

    def assertEnded(self, *pids):
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)

    def test_what_command_left_running_is_ended(self):
        done = self.run_it("--", *SHELL, "sleep 1000 >/dev/null 2>&1 & echo $!; "
                                         "setsid sleep 1000 >/dev/null 2>&1 & echo $!")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEnded(*map(int, done.stdout.split()))

    def test_what_does_not_hear_is_killed(self):
        done = self.run_it("--", *SHELL, "(trap '' TERM; echo started; "
                                         "while :; do sleep 1000 >/dev/null 2>&1; done) & echo $!; "
                                         "exit 3")
        self.assertEqual((done.returncode, done.stderr), (3, b""))
        self.assertEnded(*[int(word) for word in done.stdout.split() if word.isdigit()])

    def test_those_that_end_early_leave_no_zombies(self):
        script = ("for n in 1 2 3 4 5; do orphan=$(sleep 0 >/dev/null & echo $!); "
                  "while [ -e /proc/$orphan ]; do :; done; done")
        self.assertEqual(self.run_it("--", *SHELL, script).returncode, 0)

    def run_app(self, script):
        """Starts an app for COMMAND; what it said, and the app's process id."""
        os.mkdir(os.path.join(self.folder, "app.d"))
        config = os.path.join(self.folder, "config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[app]\nfolders = {self.folder}/app.d\n")
        with open(os.path.join(self.folder, "app.d", "one.conf"), "w", encoding="utf-8") as file:
            file.write("[app]\nexec = pluton-counter\ndrivers = nvmem, alarm\n")
        done = self.run_it("--config", config, "--", *SHELL,
                           f"{CLI} app start one && {CLI} app status one && {script}")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done, int(re.search(rb"(?m)^PID +([1-9]\d*)$", done.stdout)[1])

    def test_apps_end_with_it(self):
        done, pid = self.run_app("true")
        self.assertEqual(done.stderr, b"")
        self.assertEnded(pid)
        self.assertNothingLeft()

    def test_an_app_that_lost_its_daemon_ends_with_it(self):
        _, pid = self.run_app(f"kill -9 $({CLI} status | sed -n 's/^pid  *//p')")
        self.assertEnded(pid)
        self.assertNothingLeft()


if __name__ == "__main__":
    unittest.main()
