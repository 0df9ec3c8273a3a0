# SPDX-License-Identifier: Apache-2.0
"""plutond as a program: options, exit status, locks, signals, notifications, hardening."""

import os
import re
import signal
import socket
import stat
import subprocess
import unittest

from plutond import Daemon, PROGRAM, run


def connects(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        return client.connect_ex(path) == 0


class Usage(unittest.TestCase):
    def test_help_and_version_are_printed_and_succeed(self):
        for option, text in (("--help", "--dump-config"), ("--version", "plutond 0.")):
            done = run(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(text, done.stdout)

    def test_a_wrong_command_line_ends_with_2(self):
        for arguments in (["--no-such-option"], ["argument"], ["--config"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn("plutond --help", done.stderr.replace("`", ""))

    def test_a_wrong_value_of_an_option_ends_with_78_and_names_the_option(self):
        done = run("--log-level", "loud")
        self.assertEqual(done.returncode, 78)
        self.assertIn('--log-level: daemon.log_level: "loud"', done.stderr)

    def test_a_dump_into_a_full_device_ends_with_1(self):
        with Daemon() as daemon, open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "--config", daemon.config, "--dump-config"],
                                  stdout=full, check=False)
            self.assertEqual(done.returncode, 1)


class Configuration(unittest.TestCase):
    def test_a_wrong_file_ends_with_78_and_names_file_and_line(self):
        with Daemon() as daemon:
            daemon.configure("[kernel]\npool = lots\n")
            done = run(*daemon.command()[1:])
            self.assertEqual(done.returncode, 78)
            self.assertIn(f'{daemon.config}:2: kernel.pool: "lots"', done.stderr)

    def test_a_backend_that_does_not_exist_ends_with_78(self):
        with Daemon() as daemon:
            daemon.stop()
            daemon.configure("[hil]\naes = abacus\n")
            done = run(*daemon.command()[1:])
            self.assertEqual(done.returncode, 78)
            self.assertIn("abacus", done.stderr)

    def test_a_capsule_that_does_not_exist_ends_with_78_and_names_file_and_line(self):
        with Daemon() as daemon:
            daemon.stop()
            daemon.configure("[access]\n\ndefault = rng, abacus\n")
            done = run(*daemon.command()[1:])
            self.assertEqual(done.returncode, 78)
            self.assertIn(f"{daemon.config}:3: ", done.stderr)
            self.assertIn("abacus", done.stderr)

    def test_options_win_over_the_file_and_relative_paths_are_meant_from_here(self):
        with Daemon("[daemon]\nstate = /nowhere\nlog_level = off\n") as daemon:
            done = run("--config", "plutond.conf", "--state", "here", "--log-level", "debug",
                       "--listen", "./s", "--dump-config", cwd=daemon.directory)
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"# Set by --state\nstate = {daemon.directory}/here\n", done.stdout)
            self.assertIn("socket = " + daemon.directory + "/./s\n", done.stdout)
            self.assertIn("log_level = debug\n", done.stdout)


class Locks(unittest.TestCase):
    def assert_refused(self, daemon, done):
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"process {daemon.pid} (", done.stderr)
        self.assertRegex(done.stderr, r"\(\S*plutond\) holds this")
        self.assertTrue(connects(daemon.socket))

    def test_a_second_daemon_on_the_state_directory_is_refused_and_told_who_has_it(self):
        with Daemon() as daemon:
            done = run("--config", daemon.config, "--state", daemon.state,
                       "--listen", f"{daemon.directory}/other.sock")
            self.assert_refused(daemon, done)
            self.assertIn(daemon.state, done.stderr)

    def test_a_second_daemon_on_the_socket_is_refused_and_told_who_has_it(self):
        with Daemon() as daemon:
            done = run("--config", daemon.config, "--state", f"{daemon.directory}/other",
                       "--listen", daemon.socket)
            self.assert_refused(daemon, done)
            self.assertIn(daemon.socket, done.stderr)

    def test_after_a_kill_the_next_daemon_takes_state_and_socket(self):
        with Daemon() as daemon:
            daemon.stop(signal.SIGKILL)
            self.assertTrue(os.path.exists(daemon.socket))
            daemon.start()
            self.assertTrue(connects(daemon.socket))

    def test_a_state_directory_that_others_can_write_is_refused(self):
        with Daemon() as daemon:
            daemon.stop()
            os.chmod(daemon.state, 0o777)
            done = run(*daemon.command()[1:])
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{daemon.state}: others can write there", done.stderr)


class Signals(unittest.TestCase):
    def test_sigterm_and_sigint_stop_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Daemon() as daemon:
                daemon.process.send_signal(number)
                daemon.expect("STOPPING=1")
                self.assertEqual(daemon.process.wait(60), 0)
                daemon.process, log = None, daemon.read_log()
                self.assertRegex(log, r"info: plutond \S+ is ready \(socket=")
                self.assertIn("info: stopped", log)

    def test_sighup_takes_over_what_can_change(self):
        with Daemon("[daemon]\nlog_level = info\n") as daemon:
            daemon.configure("[daemon]\nlog_level = warning\n[access]\ndefault = none\n")
            daemon.reload()
            daemon.stop()
            self.assertNotIn("info: stopped", daemon.log)

    def test_sighup_warns_of_what_needs_a_restart(self):
        with Daemon() as daemon:
            daemon.configure("[kernel]\npool = 1M\n")
            daemon.reload()
            daemon.stop()
            self.assertIn("warning: kernel.pool changed in the configuration, but needs a restart",
                          daemon.log)

    def test_sighup_with_a_wrong_file_changes_nothing(self):
        with Daemon() as daemon:
            daemon.configure("[daemon]\nlog_level = off\n[kernel]\npool = lots\n")
            daemon.reload()
            self.assertTrue(connects(daemon.socket))
            daemon.stop()
            self.assertIn(f'error: {daemon.config}:4: kernel.pool: "lots"', daemon.log)
            self.assertIn("info: stopped", daemon.log)

    def test_sighup_keeps_what_the_command_line_said(self):
        with Daemon("[daemon]\nlog_level = info\n", ["--log-level", "info"]) as daemon:
            daemon.configure("[daemon]\nlog_level = off\n")
            daemon.reload()
            daemon.stop()
            self.assertIn("info: stopped", daemon.log)

    def test_many_sighups_in_a_row_do_no_harm(self):
        with Daemon() as daemon:
            for _ in range(20):
                daemon.reload()
            self.assertEqual(daemon.stop(), 0)


class Process(unittest.TestCase):
    def read_proc(self, daemon, name):
        with open(f"/proc/{daemon.pid}/{name}", encoding="utf-8") as file:
            return file.read()

    def test_it_can_write_no_core_and_open_as_many_files_as_allowed(self):
        with Daemon() as daemon:
            limits = self.read_proc(daemon, "limits")
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            soft, hard = re.search(r"Max open files +(\w+) +(\w+)", limits).groups()
            self.assertEqual(soft, hard)

    def test_its_files_are_for_nobody_else(self):
        with Daemon("[daemon]\nsocket_mode = 0620\n") as daemon:
            self.assertRegex(self.read_proc(daemon, "status"), r"(?m)^Umask:\s+0077$")
            self.assertEqual(stat.S_IMODE(os.stat(daemon.state).st_mode), 0o700)
            self.assertEqual(stat.S_IMODE(os.stat(daemon.socket).st_mode), 0o620)

    def test_without_standard_descriptors_none_of_its_own_takes_their_place(self):
        with Daemon() as daemon:
            daemon.stop()
            program = " ".join(f"'{word}'" for word in daemon.command())
            daemon.command = lambda: ["/bin/sh", "-c", f"exec {program} <&- >&- 2>&-"]
            daemon.start()
            for number in range(3):
                self.assertEqual(os.readlink(f"/proc/{daemon.pid}/fd/{number}"), "/dev/null")


if __name__ == "__main__":
    unittest.main()
