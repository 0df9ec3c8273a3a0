# SPDX-License-Identifier: Apache-2.0
"""pluton-cli with a daemon whose answers a real one gives only by chance."""

import json
import struct
import unittest

from client import CANCEL, ERRORS
from fake_plutond import FakePlutond
from private import CLI, environment, run

MANAGER, ALARM, CONSOLE, NV, APP = 0x80000001, 0x0, 0x1, 0x50001, 0x80000002
STATUS, LIMITS = 1, 5
NOW, EVERY = 1, 3
LIST = 1
KEY_STATUS = 8
AES256, P256, P384, P521, ED25519, X25519, RSA2048, RSA3072, RSA4096 = 3, 5, 6, 7, 8, 9, 10, 11, 12
SIGN = 4


def cli(daemon, *arguments):
    return run(CLI, *arguments, env=environment(PLUTON_ADDRESS=daemon.address))


class Alarm(unittest.TestCase):
    def series(self, at_cancel, *arguments):
        """pluton-cli alarm, where a CANCEL crosses what at_cancel sends."""
        every = []

        def answer(client, request):
            if request.kind == CANCEL:
                at_cancel(client, every[0])
            elif request.command == EVERY:
                every.append(request)
                for time in (1000, 2000):
                    client.upcall(request, (time, 0), more=True)
            else:
                client.upcall(request)
        with FakePlutond(answer) as daemon:
            return cli(daemon, "--json", "alarm", "--every", "1", *arguments)

    def test_an_expiry_that_crosses_the_cancel_is_neither_printed_nor_counted(self):
        def cross(client, every):
            for time in (3000, 4000):
                client.upcall(every, (time, 0), more=True)
            client.upcall(every, error=ERRORS.index("CANCEL"))
        done = self.series(cross, "--count", "1")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(len(done.stdout.splitlines()), 1)

    def test_a_series_that_is_complete_is_well_ended_however_its_alarm_ends(self):
        for error in ("CANCEL", "FAIL"):
            done = self.series(lambda client, every, error=error:
                               client.upcall(every, error=ERRORS.index(error)), "--count", "1")
            self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_series_that_ends_too_early_is_a_failure(self):
        def answer(client, request):
            client.upcall(request, more=request.command == EVERY)
            if request.command == EVERY:
                client.upcall(request, error=ERRORS.index("FAIL"), output=b"the clock is broken")
        with FakePlutond(answer) as daemon:
            done = cli(daemon, "alarm", "--every", "1", "--count", "9")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"the clock is broken", done.stderr)


class Status(unittest.TestCase):
    def status(self, error):
        def answer(client, request):
            failed = request.driver == APP
            client.upcall(request, error=ERRORS.index(error) if failed else 0)
        with FakePlutond(answer) as daemon:
            return cli(daemon, "--json", "status")

    def test_who_cannot_see_apps_sees_the_daemon_alone(self):
        for error in ("NODEVICE", "NOSUPPORT"):
            done = self.status(error)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            fields = json.loads(done.stdout)
            self.assertIn("pid", fields)
            self.assertNotIn("apps", fields)

    def test_a_list_of_apps_that_fails_is_a_failure(self):
        for error in ("FAIL", "BUSY", "NOMEM"):
            done = self.status(error)
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(f"cannot list, apps: ".encode(), done.stderr)
            self.assertIn(f"(E{error})".encode(), done.stderr)


class PublicKey(unittest.TestCase):
    """pluton-cli key public: what a slot has, and its bytes, are two answers."""

    def public(self, kind, length):
        def answer(client, request):
            if request.command == KEY_STATUS:
                client.upcall(request, output=struct.pack("<6I", 1, kind, SIGN, 0, 32, 0))
            else:
                client.upcall(request, (length, 0))
        with FakePlutond(answer) as daemon:
            return cli(daemon, "key", "public", "1", "--format", "der")

    def test_as_many_bytes_as_the_type_has_are_a_public_key(self):
        for kind, length in ((ED25519, 32), (X25519, 32), (RSA2048, 264), (RSA3072, 392),
                             (RSA4096, 520)):
            done = self.public(kind, length)
            self.assertEqual((done.returncode, done.stderr), (0, b""), (kind, length))
            self.assertTrue(done.stdout)

    def test_any_other_length_is_refused_and_nothing_is_written(self):
        for kind, length in ((P256, 520), (P256, 132), (P256, 32), (P256, 0), (P384, 64),
                             (P521, 264), (P521, 520), (ED25519, 64), (ED25519, 520), (X25519, 0),
                             (RSA2048, 0), (RSA2048, 7), (RSA2048, 8), (RSA2048, 64),
                             (RSA2048, 263), (RSA2048, 520), (RSA3072, 264), (RSA4096, 392),
                             (AES256, 0), (AES256, 32), (RSA4096 + 1, 520), (0, 0), (0, 520)):
            done = self.public(kind, length)
            self.assertEqual((done.returncode, done.stdout), (1, b""), (kind, length))
            self.assertEqual(done.stderr.decode(), "pluton-cli: no public key, 1: the key changed "
                             "while it was read, or the daemon's answer is damaged, try again "
                             "(EBADRVAL)\n")


class Advice(unittest.TestCase):
    """What follows the daemon's sentence, and that nothing does where the sentence has advice."""

    def said(self, error, sentence, *line):
        def answer(client, request):
            client.upcall(request, error=ERRORS.index(error), output=sentence.encode())
        with FakePlutond(answer) as daemon:
            done = cli(daemon, *line)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        return done.stderr.decode()

    def test_a_sentence_with_its_own_advice_stands_alone(self):
        sentence = "disk: No space left on device; make room on that disk"
        self.assertEqual(self.said("FAIL", sentence, "nv", "delete", "area"),
                         f"pluton-cli: cannot delete, area: {sentence} (EFAIL)\n")
        self.assertEqual(self.said("RESERVE", "it is locked; wait", "nv", "delete", "area"),
                         "pluton-cli: cannot delete, area: it is locked; wait (ERESERVE)\n")

    def test_a_failure_without_a_sentence_leads_to_the_log(self):
        self.assertEqual(self.said("FAIL", "", "app", "start", "x"),
                         "pluton-cli: cannot start, x: it failed, see the daemon's log (EFAIL)\n")

    def test_a_service_that_is_not_there_leads_to_the_services_and_not_to_its_things(self):
        for line in (["nv", "delete", "area"], ["alarm", "1"], ["log", "x"], ["hash", "sha256"]):
            said = self.said("NODEVICE", "user 5 may not use it: see [access] in plutond.conf", *line)
            self.assertIn("plutond.conf, see `pluton-cli capsules' and `pluton-cli engines' (", said)

    def test_a_line_over_the_rate_is_not_for_trying_again_at_once(self):
        said = self.said("BUSY", "the line is over the rate: 1 at once, then 1 a minute", "log", "x")
        self.assertIn("a minute, wait a while, or raise it in [console] of plutond.conf (EBUSY)",
                      said)

    def test_a_daemon_that_goes_away_is_not_a_lack_of_memory(self):
        def answer(client, request):
            client.upcall(request)
        for what, line in (("no random bytes, 4", ["random", "4"]),
                           ("no shared memory for the data, -", ["hash", "sha256"])):
            with FakePlutond(answer, keeps_windows=False) as daemon:
                done = cli(daemon, *line)
            self.assertEqual(done.stderr.decode(), f"pluton-cli: {what}: the daemon closed the "
                             "connection, start plutond and try again (EOFF)\n")
            self.assertEqual((done.returncode, done.stdout), (3, b""))


if __name__ == "__main__":
    unittest.main()
