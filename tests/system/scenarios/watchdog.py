# SPDX-License-Identifier: Apache-2.0
"""A program that is stuck is found by systemd's watchdog, and all goes on."""

import signal

import machine
from machine import PLUTOND, TPM, Scenario, Stayer

SHORT = "[Service]\nWatchdogSec=1s\nTimeoutAbortSec=1s\n"


class Watchdog(Scenario):
    def is_found(self, unit):
        self.drop_in(unit, SHORT)
        machine.systemctl("restart", unit)
        self.addCleanup(machine.forget_failures)
        with Stayer() as stayer:
            stuck = machine.main_pid(unit)
            machine.os.kill(stuck, signal.SIGSTOP)
            machine.await_running(unit, stuck)
            stayer.round()
        text = machine.journal_text(self.cursor)
        self.assertRegex(text, rf"{unit}: Watchdog timeout")
        self.assertEqual(machine.show(unit, "NRestarts"), "1")

    def test_plutond_that_is_stuck_is_killed_and_started_again(self):
        self.is_found(PLUTOND)

    def test_a_tpm_that_is_stuck_is_killed_and_started_again(self):
        self.is_found(TPM)

    def test_the_installed_units_have_one(self):
        for unit in (PLUTOND, TPM):
            self.assertNotIn(machine.show(unit, "WatchdogUSec"), ("0", "infinity", ""), unit)

    def test_a_program_with_nothing_to_do_is_not_taken_for_stuck(self):
        for unit in (PLUTOND, TPM):
            self.drop_in(unit, "[Service]\nWatchdogSec=200ms\n")
            machine.systemctl("restart", unit)
        before = [machine.main_pid(unit) for unit in (PLUTOND, TPM)]
        machine.done("sleep", "1.5")
        self.assertEqual([machine.main_pid(unit) for unit in (PLUTOND, TPM)], before)
