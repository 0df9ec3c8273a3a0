# SPDX-License-Identifier: Apache-2.0
"""pluton-cli nv, app, alarm, log and tpm, as a user types them."""

import json
import os
import signal
import unittest

import private

RANDOM_COMMAND = "80010000000c0000017b0008"  # TPM2_GetRandom of 8 bytes


class Things(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = private.Private(config="[nvmem]\nareas_per_owner = 4\nbytes_per_owner = 64K\n"
                                            "area_max = 32K\n")

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def cli(self, *arguments, **options):
        """Standard output of what is expected to work."""
        done = self.daemon.cli(*arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def refused(self, status, says, *arguments, **options):
        done = self.daemon.cli(*arguments, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr.decode(), says)
        self.assertEqual(done.stdout, b"")

    def object(self, *arguments):
        return json.loads(self.cli("--json", *arguments))


class Nv(Things):
    def tearDown(self):
        for row in self.object("nv", "list")["areas"]:
            self.cli("nv", "delete", row["name"])

    def test_what_is_put_is_got_whatever_its_size(self):
        for data in (b"", b"x", bytes(range(256)) * 16, os.urandom(32 * 1024)):
            self.cli("nv", "put", "area", input=data)
            self.assertEqual(self.cli("nv", "get", "area"), data)

    def test_a_part_is_written_and_read(self):
        self.cli("nv", "define", "area", "16")
        self.cli("nv", "write", "area", "--offset", "4", input=b"hello")
        self.assertEqual(self.cli("nv", "get", "area"), b"\0\0\0\0hello")
        self.assertEqual(self.cli("nv", "read", "area", "--offset", "5", "--length", "3"), b"ell")
        self.refused(1, "ESIZE", "nv", "write", "area", "--offset", "12", input=b"hello")

    def test_files_are_read_and_written_whole(self):
        path = self.daemon.path("letter")
        with open(path, "wb") as out:
            out.write(b"Dear Pluton")
        self.cli("nv", "put", "area", "--in", path)
        self.cli("nv", "get", "area", "--out", path + ".again")
        with open(path + ".again", "rb") as file:
            self.assertEqual(file.read(), b"Dear Pluton")

    def test_the_list_has_names_sizes_and_locks(self):
        self.cli("nv", "define", "b", "100")
        self.cli("nv", "put", "a", input=b"123")
        self.cli("nv", "lock", "b", "write-until-restart")
        rows = self.object("nv", "list")["areas"]
        self.assertEqual([(row["name"], row["length"], row["locks"]) for row in rows],
                         [("a", 3, "none"), ("b", 0, "write-until-restart")])
        self.assertIn(b"CAPACITY", self.cli("nv", "list").splitlines()[0])
        self.assertEqual(self.object("nv", "status", "a")["length"], 3)
        self.refused(1, "ERESERVE", "nv", "put", "b", input=b"x")
        self.daemon_restart_frees("b")

    def daemon_restart_frees(self, name):
        """This lock ends with the daemon only, and so would stay in the way of the other tests."""
        self.refused(1, "ERESERVE", "nv", "delete", name)
        type(self).daemon.close()
        type(self).setUpClass()

    def test_the_quota_holds_at_the_limit_and_is_named_behind_it(self):
        for name in "abcd":
            self.cli("nv", "define", name, "8")
        self.refused(1, "areas_per_owner.*ENOMEM", "nv", "define", "e", "8")
        for name in "abcd":
            self.cli("nv", "delete", name)
        self.cli("nv", "define", "a", str(32 * 1024))
        self.refused(1, "area_max.*ESIZE", "nv", "define", "b", str(32 * 1024 + 1))
        self.cli("nv", "define", "b", str(32 * 1024))
        self.refused(1, "bytes_per_owner.*ENOMEM", "nv", "define", "c", "1")

    def test_wrong_names_and_missing_areas_are_named(self):
        self.refused(1, "nothere.*ENODEVICE", "nv", "get", "nothere")
        self.refused(1, "EINVAL", "nv", "get", "../etc/passwd")
        self.refused(1, "EINVAL", "nv", "define", ".hidden", "8")
        self.cli("nv", "define", "a" * 64, "8")
        self.refused(1, "E(SIZE|INVAL)", "nv", "define", "a" * 65, "8")

    def test_the_command_line_is_checked_before_a_daemon_is_asked(self):
        for line in (["nv", "define", "a"], ["nv", "define", "a", "many"], ["nv", "get"],
                     ["nv", "lock", "a", "shut"], ["nv", "fetch", "a"],
                     ["nv", "read", "a", "--offset", "-1"], ["nv", "define", "a", "4294967296"]):
            self.refused(2, "EINVAL", "--address", "unix:/nowhere", *line)


class Apps(Things):
    def setUp(self):
        self.cli("tpm", "info")  # starts it

    def test_the_tpm_is_an_app_that_runs(self):
        row = self.object("app", "status", "tpm0")
        self.assertEqual((row["name"], row["state"]), ("tpm0", "running"))
        listed = {app["name"]: app for app in self.object("app", "list")["apps"]}
        self.assertEqual(row, {**listed["tpm0"], "since_ms": row["since_ms"]})

    def test_status_lists_the_daemon_and_every_app_with_its_pid(self):
        status = self.object("status")
        self.assertEqual(status["pid"], self.daemon.pid())
        pids = {app["name"]: app["pid"] for app in status["apps"]}
        os.kill(pids["tpm0"], 0)
        self.assertEqual(pids["counter"], 0)  # nobody has asked for it
        self.assertRegex(self.cli("status").decode(), r"(?m)^tpm0 +running +\d+")

    def test_it_is_stopped_started_and_restarted(self):
        before = self.object("app", "status", "tpm0")["pid"]
        self.cli("app", "stop", "tpm0")
        row = self.object("app", "status", "tpm0")
        self.assertEqual((row["state"], row["pid"]), ("stopped", 0))
        self.cli("app", "start", "tpm0")
        middle = self.object("app", "status", "tpm0")["pid"]
        self.cli("app", "restart", "tpm0")
        after = self.object("app", "status", "tpm0")["pid"]
        self.assertEqual(len({before, middle, after}), 3)

    def test_an_unknown_app_is_named(self):
        for verb in ("status", "start", "stop", "restart"):
            self.refused(1, "nothere.*ENODEVICE", "app", verb, "nothere")


class AlarmAndLog(Things):
    def test_an_alarm_takes_as_long_as_it_should_by_the_daemons_clock(self):
        self.assertGreaterEqual(self.object("alarm", "30")["after_us"], 30000)

    def test_a_periodic_one_comes_as_often_as_asked_for(self):
        lines = self.cli("--json", "alarm", "--every", "5", "--count", "4").splitlines()
        times = [json.loads(line)["after_us"] for line in lines]
        self.assertEqual(len(times), 4)
        self.assertEqual(times, sorted(times))
        for number, time in enumerate(times, 1):
            self.assertGreaterEqual(time, number * 5000)

    def test_a_line_is_logged_or_the_command_line_refused(self):
        self.assertEqual(self.cli("log", "--level", "notice", "hello"), b"")
        self.refused(1, "ESIZE", "log", "")
        self.refused(2, "EINVAL", "log", "--level", "loud", "hello")
        self.refused(2, "EINVAL", "alarm", "--every", "0")
        self.refused(2, "EINVAL", "alarm", "soon")


class Tpm(Things):
    def test_a_command_is_sent_and_its_response_printed(self):
        first, second = (self.cli("tpm", "send", RANDOM_COMMAND).decode().strip() for _ in "ab")
        self.assertRegex(first, "^8001000000140000000000[0-9a-f]{18}$")
        self.assertNotEqual(first, second)

    def test_commands_and_responses_may_be_files(self):
        path = self.daemon.path("command")
        with open(path, "wb") as out:
            out.write(bytes.fromhex(RANDOM_COMMAND))
        self.cli("tpm", "send", "--in", path, "--out", path + ".response")
        with open(path + ".response", "rb") as file:
            self.assertEqual(len(file.read()), 20)

    def test_what_the_tpm_refuses_is_a_response_too(self):
        self.assertEqual(self.cli("tpm", "send", "80010000000a00000fff").strip(),
                         b"80010000000a00000143")  # TPM_RC_COMMAND_CODE
        self.assertEqual(self.cli("tpm", "send", "80010000000b0000017b0008").strip(),
                         b"80010000000a00000142")  # TPM_RC_COMMAND_SIZE

    def test_what_is_no_command_is_refused(self):
        self.refused(1, "ESIZE", "tpm", "send", "8001")
        self.refused(2, "EINVAL", "tpm", "send", "xyz")
        self.refused(1, "ESIZE", "tpm", "send", input=bytes(4097))
        self.refused(1, "nothere", "tpm", "send", "--instance", "nothere", RANDOM_COMMAND)

    def test_localities_up_to_the_highest_are_allowed(self):
        highest = self.object("tpm", "info")["locality_max"]
        self.cli("tpm", "send", "--locality", str(highest), RANDOM_COMMAND)
        self.refused(1, "EINVAL", "tpm", "send", "--locality", str(highest + 1), RANDOM_COMMAND)

    def test_info_counts_what_happened(self):
        before = self.object("tpm", "info")
        self.cli("tpm", "send", RANDOM_COMMAND)
        after = self.object("tpm", "info")
        self.assertEqual(after["commands"], before["commands"] + 1)
        self.assertEqual(after["resumes"], before["resumes"])
        self.assertIn("libtpms", after["library"])

    def test_a_crash_is_a_resume_and_no_power_cycle(self):
        before = self.object("tpm", "info")
        os.kill(before["pid"], signal.SIGKILL)
        after = self.object("tpm", "info")
        self.assertEqual(after["resumes"], before["resumes"] + 1)
        self.assertGreaterEqual(after["uptime_ms"], before["uptime_ms"])

    def test_cancel_says_when_there_was_nothing(self):
        self.assertFalse(self.object("tpm", "cancel")["cancelled"])
        self.assertIn(b"nothing", self.cli("tpm", "cancel"))


if __name__ == "__main__":
    unittest.main()
