# SPDX-License-Identifier: Apache-2.0
"""pluton-cli nv, app, alarm, log and tpm, as a user types them."""

import json
import os
import signal
import unittest

import private
from plutond import Daemon

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

    def test_an_input_longer_than_an_area_can_be_is_refused_at_its_first_byte_too_many(self):
        path = self.daemon.path("long")
        for size in (32 * 1024, 32 * 1024 + 1):
            with open(path, "wb") as out:
                out.truncate(size)
            for options, name in ((["--in", path], "long"), ([], "-")):
                with open(path, "rb") as file:
                    if size == 32 * 1024:
                        self.cli("nv", "put", "area", *options, stdin=file)
                        continue
                    for line in (["put", "area"], ["write", "area"]):
                        self.refused(1, f"{name}: .*at most 32768 bytes.*ESIZE", "nv", *line,
                                     *options, stdin=file)
        self.assertEqual(self.object("nv", "status", "area")["length"], 32 * 1024)

    def test_an_input_without_an_end_is_refused_as_well(self):
        self.refused(1, "/dev/zero: .*at most 32768 bytes.*ESIZE", "nv", "put", "area", "--in",
                     "/dev/zero")
        with open("/dev/zero", "rb") as zeros:
            self.refused(1, "-: .*at most 32768 bytes.*ESIZE", "nv", "put", "area", stdin=zeros)
        self.assertEqual(self.object("nv", "list")["areas"], [])

    def test_json_has_the_data_in_hexadecimal_or_the_name_of_the_file(self):
        for data in (b"", b"\0\xffJSON\n", os.urandom(32 * 1024)):
            self.cli("nv", "put", "area", input=data)
            self.assertEqual(self.object("nv", "get", "area"), {"data": data.hex()})
            self.assertEqual(self.object("nv", "get", "area", "--out", "-"), {"data": data.hex()})
        self.assertEqual(self.object("nv", "read", "area", "--offset", "3", "--length", "5"),
                         {"data": data[3:8].hex()})
        for verb in ("get", "read"):
            path = self.daemon.path(verb)
            self.assertEqual(self.object("nv", verb, "area", "--out", path), {"out": path})
            with open(path, "rb") as file:
                self.assertEqual(file.read(), data)
        self.refused(1, "ENOENT", "--json", "nv", "get", "area", "--out", "/nowhere/file")

    def test_advice_fits_what_was_wrong(self):
        self.cli("nv", "put", "area", input=b"123")
        self.refused(1, "zz of .* does not exist, see `pluton-cli nv list' ", "nv", "get", "zz")
        self.refused(1, "exists already, delete it first, or use another name ", "nv", "define",
                     "area", "8")
        self.refused(1, "ends before .*, see `pluton-cli nv status NAME' ", "nv", "read", "area",
                     "--offset", "4")
        self.refused(1, "has less room .*, see `pluton-cli nv status NAME' ", "nv", "write", "area",
                     input=b"1234")
        self.refused(1, "area_max is 32768, see `pluton-cli limits' ", "nv", "define", "b", "32769")
        self.cli("nv", "define", "b", "32768")
        self.refused(1, "bytes_per_owner .*, delete an area, or raise the limit in plutond.conf ",
                     "nv", "define", "c", "32768")

    def test_nobody_is_told_to_try_again_what_a_lock_forbids(self):
        with private.Private() as other:
            other.cli("nv", "put", "area", input=b"123")
            other.cli("nv", "lock", "area", "write")
            for line in (["delete", "area"], ["put", "area"], ["write", "area"]):
                done = other.cli("nv", *line, input=b"x")
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr.decode(), "for good, use another area .ERESERVE")

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

    def test_an_unknown_app_is_named_and_the_way_to_the_others_once(self):
        for verb in ("status", "start", "stop", "restart"):
            self.refused(1, "no app nothere; pluton-cli app list shows those there are .ENODEVICE",
                         "app", verb, "nothere")

    def test_status_leaves_out_what_is_not_ours_to_see(self):
        with private.Private(config="[access]\ndefault = rng\n") as other:
            done = other.cli("--json", "status")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertNotIn("apps", json.loads(done.stdout))
            self.assertNotIn(b"tpm0", other.cli("status").stdout)


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

    def test_a_line_arrives_in_the_log_with_its_level_and_who_wrote_it(self):
        who = f"uid={os.getuid()} gid={os.getgid()} pid=[0-9]+ command=(lt-)?pluton-cli"
        with Daemon(arguments=["--log-level", "info"]) as daemon:
            env = private.environment(PLUTON_ADDRESS=daemon.address)
            for level in ("error", "warning", "notice", "info", "debug"):
                done = private.run(private.CLI, "log", "--level", level, f"hello {level}", env=env)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            private.run(private.CLI, "log", "hello\x1b[31m\nplutond[1] error: no", env=env)
            daemon.stop()
            for level in ("error", "warning", "notice", "info"):
                self.assertRegex(daemon.log, rf"(?m)^plutond\[\d+\] {level}: hello {level} "
                                             rf"\(process=\S+ {who}\)$")
            self.assertNotIn("hello debug", daemon.log)  # more than this daemon writes down
            self.assertRegex(daemon.log, r"(?m)^plutond\[\d+\] info: hello\\x1b\[31m\\x0aplutond")

    def test_a_line_of_no_length_and_one_too_long_are_refused(self):
        self.assertEqual(self.cli("log", "x" * 1024), b"")
        for text in ("", "x" * 1025):
            self.refused(1, "1 to 1024 .*, write a line of such a length .ESIZE", "log", text)

    def test_a_wrong_line_is_refused(self):
        self.refused(2, "EINVAL", "log", "--level", "loud", "hello")
        self.refused(2, "EINVAL", "alarm", "--every", "0")
        self.refused(2, "EINVAL", "alarm", "--every", "--count", "0", "1")
        self.refused(2, "--count without --every, 3,.*EINVAL", "alarm", "10", "--count", "3")
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

    def test_json_has_the_response_or_the_name_of_the_file_that_has_it(self):
        path = self.daemon.path("response")
        self.assertEqual(self.object("tpm", "send", RANDOM_COMMAND, "--out", path), {"out": path})
        with open(path, "rb") as file:
            self.assertRegex(file.read().hex(), "^8001000000140000000000[0-9a-f]{18}$")
        for options in ([], ["--out", "-"]):
            self.assertRegex(self.object("tpm", "send", RANDOM_COMMAND, *options)["response"],
                             "^8001000000140000000000[0-9a-f]{18}$")
        self.refused(1, "ENOENT", "--json", "tpm", "send", RANDOM_COMMAND, "--out", "/nowhere/file")

    def test_what_the_tpm_refuses_is_a_response_too(self):
        self.assertEqual(self.cli("tpm", "send", "80010000000a00000fff").strip(),
                         b"80010000000a00000143")  # TPM_RC_COMMAND_CODE
        self.assertEqual(self.cli("tpm", "send", "80010000000b0000017b0008").strip(),
                         b"80010000000a00000142")  # TPM_RC_COMMAND_SIZE

    def test_what_is_no_command_is_refused(self):
        self.refused(1, "10 to 4096 bytes, not 2, send one whole command .ESIZE", "tpm", "send",
                     "8001")
        self.refused(2, "EINVAL", "tpm", "send", "xyz")
        self.refused(2, f"two commands, {RANDOM_COMMAND} and --in /dev/null,.*EINVAL", "tpm", "send",
                     "--in", "/dev/null", RANDOM_COMMAND)
        self.refused(1, "ESIZE", "tpm", "send", input=bytes(4097))
        self.refused(1, "no app nothere; pluton-cli app list shows those there are .ENODEVICE",
                     "tpm", "send", "--instance", "nothere", RANDOM_COMMAND)

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
