# SPDX-License-Identifier: Apache-2.0
"""What is there after a boot, before anybody asked for anything. Must be the first module."""

import os
import stat
import unittest

import machine
from machine import PLUTOND, SOCKET, TPM, TPM_SOCKET


class Boot(unittest.TestCase):
    """Not a Scenario: that would start what is missing."""

    @classmethod
    def setUpClass(cls):
        machine.add_users()

    def test_enabled_units_run_after_a_boot(self):
        for unit in (SOCKET, PLUTOND, TPM_SOCKET):
            self.assertTrue(machine.is_active(unit), unit)

    def test_the_tpm_is_there_after_a_boot_before_anybody_asked_for_it(self):
        machine.await_state(TPM, "active")

    def test_no_unit_of_ours_has_failed_or_was_started_again(self):
        failed = machine.systemctl("list-units", "--failed", "--plain", "--no-legend", "*pluton*")
        self.assertEqual(failed, "")
        for unit in (PLUTOND, TPM):
            self.assertEqual(machine.show(unit, "NRestarts"), "0", unit)

    def test_the_programs_run_as_users_of_their_own(self):
        for unit, user in ((PLUTOND, "pluton"), (TPM, "pluton-tpm")):
            machine.await_state(unit, "active")
            answer = machine.done("ps", "-o", "user:32=", "-p", str(machine.main_pid(unit)))
            self.assertEqual(answer.strip(), user)

    def test_sockets_and_state_belong_to_whom_they_should(self):
        for path, owner, mode in (("/run/pluton", "root", 0o755),
                                  ("/run/pluton/pluton.sock", "root", 0o666),
                                  ("/run/pluton/apps", "root", 0o755),
                                  ("/run/pluton/apps/tpm0", "pluton", 0o600),
                                  ("/var/lib/pluton", "pluton", 0o700)):
            status = os.stat(path)
            found = machine.done("stat", "-c", "%U", path).strip(), stat.S_IMODE(status.st_mode)
            self.assertEqual(found, (owner, mode), path)

    def test_nothing_was_logged_that_is_an_error_or_a_warning(self):
        for unit in (PLUTOND, TPM):
            entries = machine.journal("", f"_SYSTEMD_UNIT={unit}")
            worse = [entry["MESSAGE"] for entry in entries if int(entry["PRIORITY"]) <= 4]
            self.assertEqual(worse, [], unit)
