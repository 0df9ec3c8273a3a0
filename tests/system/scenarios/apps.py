# SPDX-License-Identifier: Apache-2.0
"""Apps as units: pluton-cli's verbs, and a second TPM."""

import json
import os
import signal

import machine
from machine import MEMBER, PLUTOND, TPM, Scenario

DEFINITION = """[app]
description = a second TPM
unit = pluton-tpmd@tpm1.service
activation = /run/pluton/apps/tpm1
drivers = nvmem
start = boot
"""


class Verbs(Scenario):
    def state(self, name="tpm0"):
        rows = json.loads(self.cli("--json", "app", "list"))["apps"]
        return {row["name"]: row["state"] for row in rows}.get(name)

    def test_the_tpm_is_listed_as_running_with_its_pid(self):
        row = json.loads(self.cli("--json", "app", "status", "tpm0"))
        row = row.get("apps", [row])[0]
        self.assertEqual((row["state"], row["pid"]), ("running", machine.main_pid(TPM)))

    def test_stop_ends_the_unit_and_start_starts_it(self):
        self.cli("app", "stop", "tpm0")
        machine.await_state(TPM, "inactive")
        self.assertEqual(machine.show(TPM, "Result"), "success")
        self.assertEqual(self.state(), "stopped")
        self.cli("app", "start", "tpm0")
        machine.await_state(TPM, "active")
        self.assertEqual(self.state(), "running")

    def test_stop_and_start_are_a_power_cycle(self):
        self.tpm("pcrextend", "16:sha256=" + "a5" * 32)
        self.cli("app", "stop", "tpm0")
        self.cli("app", "start", "tpm0")
        self.assertEqual(self.pcr(), "00" * 32)

    def test_a_stopped_one_is_started_by_who_asks_for_it(self):
        self.cli("app", "stop", "tpm0")
        machine.await_state(TPM, "inactive")
        self.tpm("getrandom", "--hex", "8")
        machine.await_state(TPM, "active")

    def test_restart_is_another_process_and_no_failure(self):
        pid = machine.main_pid(TPM)
        self.cli("app", "restart", "tpm0")
        machine.await_running(TPM, pid)
        self.assertEqual(machine.systemctl("list-units", "--failed", "--plain", "--no-legend"), "")

    def marks(self):
        """What changes with every start of the TPM, and whether systemd has one in mind."""
        names = ("NRestarts", "InvocationID", "ActiveEnterTimestampMonotonic", "SubState", "Job")
        return {name: machine.show(TPM, name) for name in names}

    def assert_stays_stopped(self):
        """Not even a restart is due ("auto-restart"): then nothing but a request starts it."""
        machine.await_state(TPM, "inactive")
        before = self.marks()
        self.assertEqual(before["SubState"], "dead")
        machine.done("systemd-run", "--quiet", "--wait", "/bin/true")  # another job, to its end
        self.assertEqual(self.marks(), before)
        self.assertEqual(self.state(), "stopped")
        self.tpm("getrandom", "--hex", "8")  # and that does
        self.assertEqual(self.state(), "running")

    def test_one_stopped_right_after_a_crash_stays_stopped(self):
        machine.kill(TPM)
        self.cli("app", "stop", "tpm0")
        self.assert_stays_stopped()

    def test_one_stopped_while_systemd_is_about_to_restart_it_stays_stopped(self):
        machine.kill(TPM)
        machine.wait_until(lambda: machine.show(TPM, "SubState") == "auto-restart", "it is due")
        self.cli("app", "stop", "tpm0")
        self.assert_stays_stopped()

    def test_one_stopped_before_its_restart_is_over_stays_stopped(self):
        for _ in range(5):  # the stop meets now the end of the old process, now the new one
            restart = machine.start("pluton-cli", "app", "restart", "tpm0")
            while self.state() == "running" and restart.poll() is None:
                pass
            self.cli("app", "stop", "tpm0")
            restart.communicate(timeout=machine.DEADLINE)
            self.assert_stays_stopped()
            machine.forget_failures()

    def test_one_that_hears_restart_and_stop_stays_stopped(self):
        pid = machine.main_pid(TPM)
        os.kill(pid, signal.SIGSTOP)  # it hears nothing until both are said
        restart = machine.start("pluton-cli", "app", "restart", "tpm0")
        machine.wait_until(lambda: self.state() == "stopping", "it is told to restart")
        stop = machine.start("pluton-cli", "app", "stop", "tpm0")
        restart.communicate(timeout=machine.DEADLINE)
        self.assertNotEqual(restart.returncode, 0)  # the stop has overtaken it
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(stop.communicate(timeout=machine.DEADLINE)[1], "")
        self.assertEqual(stop.returncode, 0)
        self.assert_stays_stopped()

    def test_a_user_may_look_and_not_touch(self):
        pid = machine.main_pid(TPM)
        self.cli("app", "list", user=MEMBER)
        for verb in ("stop", "start", "restart"):
            self.refused("root|administrator", "pluton-cli", "app", verb, "tpm0", user=MEMBER, status=1)
        self.assertEqual(machine.main_pid(TPM), pid)

    def test_an_app_stopped_by_systemctl_is_known_to_be(self):
        machine.systemctl("stop", TPM)
        machine.wait_until(lambda: self.state() == "stopped", "plutond knows")
        machine.systemctl("start", TPM)
        machine.wait_until(lambda: self.state() == "running", "plutond knows")

    def test_a_client_with_no_app_of_its_own_is_none(self):
        """The TPM's user runs another program: it is a stranger, not the app."""
        self.refused("group pluton|may use nothing", "pluton-cli", "random", "8", user="pluton-tpm")


class SecondTpm(Scenario):
    def setUp(self):
        super().setUp()
        folder = machine.pathlib.Path(machine.directories()["sysconfdir"]) / "pluton/app.d"
        path = folder / "tpm1.conf"
        machine.write(path, DEFINITION)
        machine.systemctl("enable", "--now", "pluton-tpmd@tpm1.socket")
        self.addCleanup(machine.systemctl, "reload-or-restart", PLUTOND)
        self.addCleanup(path.unlink)
        self.addCleanup(machine.systemctl, "disable", "--now", "pluton-tpmd@tpm1.socket",
                        "pluton-tpmd@tpm1.service")
        machine.systemctl("reload", PLUTOND)

    def second(self, tool, *arguments):
        return machine.done(f"tpm2_{tool}", *arguments, user=MEMBER,
                            env=machine.environment(TPM2TOOLS_TCTI="pluton:instance=tpm1"))

    def test_an_instance_enabled_and_defined_is_another_tpm(self):
        self.tpm("pcrextend", "16:sha256=" + "33" * 32)
        self.assertRegex(self.second("pcrread", "sha256:16"), r"0x0{64}")
        self.assertNotEqual(self.pcr(), "00" * 32)

    def test_its_keys_are_others(self):
        texts = []
        for tool in (self.tpm, self.second):
            folder = self.folder()
            tool("createprimary", "-G", "ecc", "-c", folder / "ctx")
            tool("readpublic", "-c", folder / "ctx", "-o", folder / "pub")
            texts.append((folder / "pub").read_bytes())
        self.assertNotEqual(*texts)

    def test_it_is_stopped_with_plutond_as_well(self):
        self.second("getrandom", "--hex", "8")
        machine.systemctl("stop", PLUTOND)
        self.assertFalse(machine.is_active("pluton-tpmd@tpm1.service"))
