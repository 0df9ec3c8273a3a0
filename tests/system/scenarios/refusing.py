# SPDX-License-Identifier: Apache-2.0
"""Starts that cannot succeed: one line that says why, the exit status that says what kind, no second
try by itself, and who waits at the socket is told."""

import os
import shutil

import machine
from machine import MEMBER, PLUTOND, SOCKET, STATE, TPM, Scenario

CANNOT_CREATE, TEMPORARY, CONFIGURATION, NO_USER = 73, 75, 78, 217
BASES = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")


class Refusing(Scenario):
    def setUp(self):
        super().setUp()
        machine.systemctl("stop", PLUTOND)
        self.addCleanup(machine.forget_failures)
        self.cursor = machine.journal_cursor()

    def starts(self):
        """How often systemd began to start it."""
        entries = machine.journal(self.cursor, "_PID=1", f"UNIT={PLUTOND}", "JOB_TYPE=start",
                                  "MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5")
        return len(entries)

    def fails(self, status, says):
        """By an administrator's start."""
        answer = machine.run("systemctl", "start", PLUTOND)
        self.assertNotEqual(answer.returncode, 0)
        self.failed_once(status, says)

    def failed_once(self, status, says):
        machine.wait_until(lambda: machine.show(PLUTOND, "ActiveState") == "failed", "it has failed")
        self.assertEqual((machine.show(PLUTOND, "ExecMainStatus"), machine.show(PLUTOND, "NRestarts")),
                         (str(status), "0"))
        worse = [entry["MESSAGE"] for entry in
                 machine.journal(self.cursor, f"_SYSTEMD_UNIT={PLUTOND}", "_COMM=plutond")
                 if int(entry["PRIORITY"]) <= 4]
        self.assertEqual(len(worse), 1, worse)
        self.assertRegex(worse[0], says)

    def client_is_told(self, says):
        """One who came to the socket, with nothing running."""
        machine.forget_failures()
        self.cursor = machine.journal_cursor()
        text = self.refused(says, "pluton-cli", "random", "8")
        self.assertRegex(text, "journalctl -u plutond")
        machine.wait_until(lambda: machine.show(PLUTOND, "ActiveState") == "failed", "it has failed")
        self.assertLessEqual(self.starts(), 2)
        self.assertTrue(machine.is_active(SOCKET))
        machine.forget_failures()
        self.refused("the administrator finds the reason with: journalctl -u plutond", "pluton-cli",
                     "random", "8", user=MEMBER)
        machine.wait_until(lambda: machine.show(PLUTOND, "ActiveState") == "failed", "it has failed")

    def works_again(self):
        self.random(user=MEMBER)
        self.tpm("getrandom", "--hex", "8")

    def test_a_wrong_configuration_is_named_with_file_and_line(self):
        path = self.configure("[kernel]\npool = plenty\n")
        self.fails(CONFIGURATION, rf"{path}:2: .*plenty")
        self.client_is_told("plenty")
        path.write_text("")
        self.works_again()

    def test_a_wrong_configuration_while_a_tpm_runs_is_no_storm_and_heals_at_once(self):
        self.works_again()
        tpm = machine.main_pid(TPM)
        path = self.configure("[kernel]\npool = plenty\n")
        machine.run("systemctl", "restart", PLUTOND)
        machine.wait_until(lambda: "does not take this TPM in" in machine.journal_text(self.cursor),
                           "the TPM was told")
        before, clients = self.starts(), 40
        for _ in range(clients):  # some seconds; each of them is a start, and the TPM adds none
            self.refused("cannot start", "pluton-cli", "random", "8", user=MEMBER)
        self.assertLessEqual(self.starts() - before, clients + 1)
        path.write_text("")
        self.works_again()
        self.assertEqual(machine.main_pid(TPM), tpm)

    def test_a_configuration_that_cannot_be_read(self):
        path = self.configure("[daemon]\nlog_level = info\n")
        path.chmod(0)
        self.fails(CONFIGURATION, rf"{path}.*(Permission|permission)")
        self.client_is_told("90-test.conf")
        path.chmod(0o644)
        self.works_again()

    def test_a_wrong_configuration_at_a_reload_leaves_all_as_it_was(self):
        machine.systemctl("start", PLUTOND)
        pid = machine.main_pid(PLUTOND)
        path = self.configure("[kernel]\npool = plenty\n")
        machine.run("systemctl", "reload", PLUTOND)
        machine.wait_until(lambda: machine.journal(self.cursor, f"_SYSTEMD_UNIT={PLUTOND}",
                                                   "MESSAGE_ID=3829a867ca024d7181451aad6f8212dd"),
                           "it says that it was not read")
        self.random()
        self.assertEqual(machine.main_pid(PLUTOND), pid)
        path.write_text("")

    def test_a_missing_user(self):
        for path in BASES:
            shutil.copy2(path, f"{path}.kept")
            self.addCleanup(os.rename, f"{path}.kept", path)
        machine.done("sed", "-i", "/^pluton:/d", *BASES)
        machine.run("systemctl", "start", PLUTOND)
        self.assertEqual((machine.show(PLUTOND, "ActiveState"), machine.show(PLUTOND, "ExecMainStatus"),
                          machine.show(PLUTOND, "NRestarts")), ("failed", str(NO_USER), "0"))
        self.assertRegex(machine.journal_text(self.cursor), "user credentials")

    def test_who_comes_to_the_socket_while_the_user_is_missing_starts_no_storm(self):
        for path in BASES:
            shutil.copy2(path, f"{path}.kept")
            self.addCleanup(os.rename, f"{path}.kept", path)
        machine.done("sed", "-i", "/^pluton:/d", *BASES)
        machine.run("pluton-cli", "random", "8")
        machine.wait_until(lambda: machine.show(PLUTOND, "ActiveState") == "failed", "it has failed")
        self.assertLessEqual(self.starts(), 5)
        self.addCleanup(machine.systemctl, "start", SOCKET)

    def test_state_that_is_read_only(self):
        user = machine.done("id", "-u", "pluton").strip()
        group = machine.done("id", "-g", "pluton").strip()
        machine.done("mount", "-t", "tmpfs", "-o", f"mode=0700,uid={user},gid={group},size=8m",
                     "tmpfs", STATE)
        self.addCleanup(machine.run, "umount", STATE)
        machine.done("mount", "-o", "remount,ro", STATE)
        self.fails(CANNOT_CREATE, rf"{STATE}.*[Rr]ead-only")
        self.client_is_told("[Rr]ead-only")
        machine.done("umount", STATE)
        self.works_again()

    def test_state_whose_parts_belong_to_somebody_else(self):
        for name in os.listdir(STATE):
            machine.done("chown", "root:root", STATE / name)
            machine.done("chmod", "0700" if (STATE / name).is_dir() else "0600", STATE / name)
        self.addCleanup(machine.done, "chown", "-R", "pluton:pluton", STATE)
        answer = machine.run("systemctl", "start", PLUTOND)
        self.assertNotEqual(answer.returncode, 0)
        status = int(machine.show(PLUTOND, "ExecMainStatus"))
        self.assertIn(status, (CANNOT_CREATE, CONFIGURATION))
        self.failed_once(status, str(STATE))

    def test_state_that_another_plutond_holds(self):
        other = machine.start("plutond", "--state", STATE, "--listen", "/tmp/other.sock",
                              user="pluton")
        machine.wait_until(lambda: os.path.exists("/tmp/other.sock"), "the other one runs")
        try:
            self.fails(TEMPORARY, rf"{STATE}.*{other.pid}")
            self.client_is_told(str(other.pid))
        finally:
            other.terminate()
            other.communicate(timeout=machine.DEADLINE)
        self.works_again()

    def test_a_tpm_whose_state_is_damaged_is_not_started_again_and_plutond_serves(self):
        self.configure("[app]\nconnect_timeout = 500ms\n")
        machine.systemctl("start", PLUTOND)
        machine.systemctl("stop", TPM)
        areas = [path for path in (STATE / "nv").rglob("*") if path.is_file() and "tpm0" in str(path)]
        self.assertNotEqual(areas, [])
        machine.systemctl("stop", PLUTOND)
        kept = machine.pathlib.Path(machine.done("mktemp", "-d").strip())
        machine.done("cp", "-a", STATE, kept)

        def put_back():
            machine.systemctl("stop", PLUTOND)
            shutil.rmtree(STATE / "nv")
            machine.done("cp", "-a", kept / STATE.name / "nv", STATE / "nv")
            shutil.rmtree(kept)
        self.addCleanup(put_back)
        for path in areas:
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 0xFF
            path.write_bytes(data)
        machine.systemctl("start", PLUTOND)
        self.random()
        machine.wait_until(lambda: machine.show(TPM, "ActiveState") == "failed", "the TPM has failed")
        self.assertEqual((machine.show(TPM, "ExecMainStatus"), machine.show(TPM, "NRestarts")),
                         ("78", "0"))
        self.refused(".", "tpm2_getrandom", "--hex", "8", user=MEMBER)
        self.random()
