# SPDX-License-Identifier: Apache-2.0
"""stop is the end, in order, and the TPM's power-off; the next client starts all of it again."""

import os
import stat

import machine
from machine import ADDRESS, PLUTOND, SOCKET, TPM, TPM_SOCKET, Scenario

INDEX = "0x1500017"
STOPPED = "MESSAGE_ID=9d1aaa27d60140bd96365438aad20286"  # systemd: a unit has stopped


class Stopping(Scenario):
    def test_plutond_stops_the_tpm_and_the_tpm_first(self):
        machine.systemctl("stop", PLUTOND)
        self.assertFalse(machine.is_active(TPM))
        ended = [entry["UNIT"] for entry in machine.journal(self.cursor, STOPPED)
                 if entry["UNIT"] in (PLUTOND, TPM)]
        self.assertEqual(ended, [TPM, PLUTOND])

    def test_both_end_well_and_in_time(self):
        machine.systemctl("stop", PLUTOND)
        for unit in (PLUTOND, TPM):
            self.assertEqual((machine.show(unit, "Result"), machine.show(unit, "ExecMainStatus")),
                             ("success", "0"), unit)

    def test_a_stop_and_a_start_are_a_power_cycle(self):
        self.tpm("pcrextend", "16:sha256=" + "a5" * 32)
        self.tpm("nvdefine", "-C", "o", "-s", "8", INDEX)
        self.addCleanup(self.tpm, "nvundefine", "-C", "o", INDEX)
        self.tpm("nvwrite", "-C", "o", "-i", "-", INDEX, input="12345678")
        resets, _ = self.clock()
        machine.systemctl("stop", PLUTOND)
        machine.systemctl("start", PLUTOND)
        self.assertEqual(self.pcr(), "00" * 32)
        self.assertEqual(self.clock(), (resets + 1, 0))
        self.assertEqual(self.tpm("nvread", "-C", "o", INDEX), "12345678")

    def test_a_stop_of_the_tpm_alone_is_a_power_cycle_too(self):
        self.tpm("pcrextend", "16:sha256=" + "a5" * 32)
        machine.systemctl("stop", TPM)
        self.assertEqual(self.pcr(), "00" * 32)

    def test_the_socket_survives_a_stop_and_a_connection_starts_all_again(self):
        before = os.stat(ADDRESS)
        machine.systemctl("stop", PLUTOND)
        after = os.stat(ADDRESS)
        self.assertTrue(stat.S_ISSOCK(after.st_mode))
        self.assertEqual(after.st_ino, before.st_ino)
        self.random()
        machine.await_state(PLUTOND, "active")
        self.tpm("getrandom", "--hex", "8")

    def test_after_a_stop_nothing_starts_by_itself(self):
        machine.systemctl("stop", PLUTOND)
        machine.systemctl("daemon-reload")
        self.assertEqual([unit for unit in (PLUTOND, TPM) if machine.is_active(unit)], [])

    def test_stop_of_the_socket_as_well_leaves_nobody_who_listens(self):
        machine.systemctl("stop", SOCKET, PLUTOND)
        self.assertFalse(os.path.exists(ADDRESS))
        self.refused("nobody|no such|not there|EOFF", "pluton-cli", "random", "8", status=3)
        machine.systemctl("start", SOCKET)
        self.random()

    def test_no_process_of_ours_is_left(self):
        machine.systemctl("stop", SOCKET, PLUTOND, TPM_SOCKET)
        self.assertEqual(machine.run("ps", "-o", "args=", "-u", "pluton,pluton-tpm").stdout, "")
