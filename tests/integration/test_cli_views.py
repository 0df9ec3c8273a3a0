# SPDX-License-Identifier: Apache-2.0
"""What pluton-cli shows of the daemon: status, capsules, engines, ps, limits, log-level."""

import json
import os
import subprocess
import unittest

from bus import Bus
from plutond import Daemon
from private import CLI, CLI_PROGRAM, Private, environment, run

LEVELS = ["off", "error", "warning", "info", "debug", "trace"]
NOBODY = 65534


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


def answer(*line):
    """The JSON of a command, which is one line."""
    done = daemon.cli(*line, "--json")
    assert done.returncode == 0 and done.stderr == b"", done
    assert done.stdout.count(b"\n") == 1 and done.stdout.endswith(b"}\n"), done.stdout
    return json.loads(done.stdout)


def table(text):
    """The rows of an aligned table, by header; checks that the columns are aligned."""
    lines = text.decode().splitlines()
    header = lines[0].split()
    rows = []
    for line in lines[1:]:
        cells = line.split(None, len(header) - 1)
        assert len(cells) == len(header), line
        rows.append(dict(zip(header, cells)))
    return rows


class Status(unittest.TestCase):
    def test_json_has_the_pid_of_the_daemon(self):
        pid = answer("status")["pid"]
        self.assertEqual(os.readlink(f"/proc/{pid}/exe").rsplit("/", 1)[1].removeprefix("lt-"),
                         "plutond")

    def test_json_and_text_say_the_same(self):
        fields = answer("status")
        text = daemon.cli("status").stdout.decode()
        self.assertRegex(text, rf"(?m)^version +{fields['version']}$")
        self.assertRegex(text, rf"(?m)^pid +{fields['pid']}$")
        self.assertRegex(text, rf"(?m)^pool bytes +{fields['pool_size']}$")
        self.assertRegex(text, rf"(?m)^log level +{fields['log_level']}$")
        self.assertRegex(text, rf"(?m)^D-Bus +{fields['bus']}$")
        self.assertRegex(text, rf"(?m)^apps are started by +{', '.join(fields['app_backends'])}$")
        own, apps = text.split("\n\n")
        self.assertEqual(len(own.splitlines()), len(fields) - 1)
        self.assertEqual(len(apps.splitlines()), len(fields["apps"]) + 1)

    def test_a_private_daemon_is_not_the_system_s_and_forks_its_apps(self):
        fields = answer("status")
        self.assertEqual((fields["system"], fields["bus"], fields["app_backends"]),
                         (False, "off", ["fork"]))
        self.assertRegex(daemon.cli("status").stdout.decode(), r"(?m)^the system's +no$")

    def test_it_says_whether_it_is_on_the_bus(self):
        with Bus() as bus, Daemon(arguments=["--bus", bus.address]) as on_bus:
            def said(*line):
                return run(CLI, *line, "status",
                           env=environment(PLUTON_ADDRESS=on_bus.address)).stdout.decode()
            self.assertEqual(json.loads(said("--json"))["bus"], "serving")
            self.assertNotIn("tries again", said())
            bus.kill()
            while json.loads(said("--json"))["bus"] != "away":
                pass
            self.assertIn("\nIt is not on the bus, and tries again; its log says why.\n", said())

    def test_text_is_aligned(self):
        for line in daemon.cli("status").stdout.decode().split("\n\n")[0].splitlines():
            self.assertRegex(line, r"\A\S.{21}  \S")

    def test_it_counts_us_as_a_process(self):
        fields = answer("status")
        self.assertGreaterEqual(fields["processes"], 1)
        self.assertGreaterEqual(fields["processes_max"], fields["processes"])

    def test_operations_are_counted(self):
        before = answer("status")["operations"]
        daemon.cli("random", "4")
        self.assertGreater(answer("status")["operations"], before)


class Capsules(unittest.TestCase):
    def test_json_is_an_array_named_capsules(self):
        rows = answer("capsules")
        self.assertEqual(list(rows), ["capsules"])
        names = [row["name"] for row in rows["capsules"]]
        for name in ("rng", "digest", "aes"):
            self.assertIn(name, names)

    def test_json_numbers_are_numbers_and_flags_are_booleans(self):
        row = {row["name"]: row for row in answer("capsules")["capsules"]}["digest"]
        self.assertEqual((row["driver"], row["interface"]), (0x40005, "Digest"))
        self.assertIs(row["allowed"], True)
        self.assertGreater(row["grant_size"], 0)

    def test_text_has_the_same_rows(self):
        rows = {row["NAME"]: row for row in table(daemon.cli("capsules").stdout)}
        self.assertEqual(rows["aes"]["DRIVER"], "0x40006")
        self.assertEqual(rows["aes"]["ALLOWED"], "yes")
        self.assertEqual(list(rows), [row["name"] for row in answer("capsules")["capsules"]])

    def test_a_capsule_that_is_not_allowed_says_no_and_refuses_with_a_way_out(self):
        with Private(config="[access]\ndefault = rng\n") as other:
            rows = {row["NAME"]: row for row in table(other.cli("capsules").stdout)}
            self.assertEqual((rows["rng"]["ALLOWED"], rows["aes"]["ALLOWED"]), ("yes", "no"))
            done = other.cli("hash", "sha256")
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"(ENODEVICE)", done.stderr)
            for advice in (b"[access] in plutond.conf", b"`pluton-cli capsules'"):
                self.assertEqual(done.stderr.count(advice), 1, done.stderr)


class Engines(unittest.TestCase):
    def test_json_is_an_array_named_engines(self):
        rows = answer("engines")
        self.assertEqual(list(rows), ["engines"])
        self.assertEqual({row["hil"] for row in rows["engines"]},
                         {"rng", "digest", "aes", "alarm", "console", "nv", "app", "hmac", "cmac",
                          "ecc", "rsa", "kdf", "hwkey"})

    def test_text_has_the_same_rows(self):
        rows = table(daemon.cli("engines").stdout)
        self.assertEqual([(row["HIL"], row["NAME"]) for row in rows],
                         [(row["hil"], row["name"]) for row in answer("engines")["engines"]])


class Top(unittest.TestCase):
    def test_json_is_an_array_named_handlers_the_longest_first(self):
        daemon.cli("random", "32")
        rows = answer("top")
        self.assertEqual(list(rows), ["handlers"])
        self.assertIn("channel", {row["name"] for row in rows["handlers"]})
        longest = [row["longest_us"] for row in rows["handlers"]]
        self.assertEqual(longest, sorted(longest, reverse=True))
        for row in rows["handlers"]:
            self.assertGreater(row["calls"], 0)
            self.assertGreaterEqual(row["total_us"], row["longest_us"])

    def test_text_has_the_same_handlers(self):
        names = {row["name"] for row in answer("top")["handlers"]}
        text = daemon.cli("top").stdout.decode()
        for name in names:
            self.assertIn(name, text)


class Processes(unittest.TestCase):
    def test_json_is_an_array_named_processes_with_us_in_it(self):
        rows = answer("ps")
        self.assertEqual(list(rows), ["processes"])
        own = next(row for row in rows["processes"] if "pluton-cli" in row["command"])
        self.assertEqual((own["uid"], own["gid"]), (os.getuid(), os.getgid()))
        self.assertIs(own["dying"], False)

    def test_a_client_is_shown_with_its_pid_and_what_it_holds(self):
        client = daemon.start("hash", "sha256", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        client.stdin.write(bytes(3 << 20))
        client.stdin.flush()
        rows = {row["pid"]: row for row in answer("ps")["processes"]}
        text = {row["PID"]: row for row in table(daemon.cli("ps").stdout)}
        client.communicate()
        row = rows[client.pid]
        self.assertEqual(row["grants"], 1)
        self.assertGreaterEqual(row["window_bytes"], 2 << 20)
        self.assertGreaterEqual(row["arena_taken"], 1)
        self.assertEqual(text[str(client.pid)]["WINDOW-BYTES"], str(row["window_bytes"]))

    def test_a_client_that_is_gone_is_not_shown(self):
        done = daemon.start("random", "4", stdout=subprocess.DEVNULL)
        done.wait()
        self.assertNotIn(done.pid, [row["pid"] for row in answer("ps")["processes"]])

    def test_a_program_cannot_print_escapes_by_its_name(self):
        name = daemon.path("\x1b[31m\x07evil")
        os.symlink(CLI_PROGRAM, name)
        text = run(name, "ps", env=daemon.environment()).stdout
        self.assertNotIn(b"\x1b", text)
        self.assertNotIn(b"\x07", text)
        self.assertIn(b"?[31m?evil", text)
        rows = json.loads(run(name, "ps", "--json", env=daemon.environment()).stdout)
        self.assertIn("\x1b[31m\x07evil", [row["command"] for row in rows["processes"]])

    def test_json_is_utf_8_whatever_a_program_is_called(self):
        name = daemon.path("x").encode() + b"\xff\xc3\xa4\xe2\x82"
        os.symlink(CLI_PROGRAM, name)
        text = run(name, "ps", "--json", env=daemon.environment()).stdout
        rows = json.loads(text.decode("utf-8", "strict"))
        self.assertIn("x?ä??", [row["command"] for row in rows["processes"]])


class Limits(unittest.TestCase):
    def test_json_is_an_object_of_names_and_numbers(self):
        limits = answer("limits")
        self.assertEqual(list(limits), ["limits"])
        self.assertEqual(limits["limits"]["aead_scratch"], 1 << 20)
        self.assertTrue(all(isinstance(value, int) for value in limits["limits"].values()))

    def test_text_has_the_same_rows_in_bytes(self):
        rows = {row["LIMIT"]: int(row["VALUE"]) for row in table(daemon.cli("limits").stdout)}
        self.assertEqual(rows, answer("limits")["limits"])

    def test_the_configuration_shows(self):
        with Private(config="[hil]\naead_scratch = 4K\n") as other:
            limits = json.loads(other.cli("limits", "--json").stdout)["limits"]
            self.assertEqual(limits["aead_scratch"], 4096)


class LogLevel(unittest.TestCase):
    def tearDown(self):
        daemon.cli("log-level", "error")

    def test_it_is_shown_as_one_word(self):
        self.assertEqual(daemon.cli("log-level").stdout, b"error\n")
        self.assertEqual(answer("log-level"), {"log_level": "error"})

    def test_every_level_can_be_set_and_is_then_in_force(self):
        for level in LEVELS:
            done = daemon.cli("log-level", level)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            self.assertEqual(daemon.cli("log-level").stdout.decode(), f"{level}\n")
            self.assertEqual(answer("status")["log_level"], level)

    def test_an_unknown_level_is_a_usage_error_that_names_those_there_are(self):
        for level in ("loud", "", "INFO", "3"):
            done = daemon.cli("log-level", level)
            self.assertEqual(done.returncode, 2)
            for name in LEVELS:
                self.assertIn(name.encode(), done.stderr)

    @unittest.skipUnless(os.getuid() == 0, "needs root, to be somebody else")
    def test_another_user_may_see_it_but_not_set_it(self):
        os.chmod(os.path.dirname(daemon.address.removeprefix("unix:")), 0o711)
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            done = daemon.cli("log-level", **as_nobody)
        except PermissionError:
            self.skipTest("nobody cannot reach the build tree")
        self.assertEqual((done.returncode, done.stdout), (0, b"error\n"))
        done = daemon.cli("log-level", "debug", **as_nobody)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"(ENOSUPPORT)", done.stderr)
        self.assertIn(b"as root", done.stderr)
        self.assertEqual(daemon.cli("log-level").stdout, b"error\n")


if __name__ == "__main__":
    unittest.main()
