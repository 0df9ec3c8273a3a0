# SPDX-License-Identifier: Apache-2.0
"""Restarts and crashes of either program: NV memory, PCRs and connected clients go on."""

import re

import machine
from machine import PLUTOND, TPM, Scenario, Stayer

INDEX = "0x1500016"
TIMES = 3


class Restarts(Scenario):
    def setUp(self):
        super().setUp()
        self.tpm("pcrextend", "16:sha256=" + "a5" * 32)
        self.tpm("nvdefine", "-C", "o", "-s", "32", INDEX)
        self.addCleanup(self.tpm, "nvundefine", "-C", "o", INDEX)
        self.tpm("nvwrite", "-C", "o", "-i", "-", INDEX, input="remember this, please, daemon...")
        self.cli("nv", "put", "kept", input="by plutond", user=machine.MEMBER)
        self.addCleanup(self.cli, "nv", "delete", "kept", user=machine.MEMBER)
        self.before = (self.pcr(), self.clock())

    def goes_on(self):
        self.assertEqual((self.pcr(), self.clock()), self.before)
        self.assertEqual(self.tpm("nvread", "-C", "o", INDEX), "remember this, please, daemon...")
        self.assertEqual(self.cli("nv", "get", "kept", user=machine.MEMBER), "by plutond")

    def while_clients_stay(self, interrupt):
        with Stayer() as first, Stayer(user="root") as second:
            for _ in range(TIMES):
                interrupt()
                first.round()
                second.round()
                machine.forget_failures()
        self.goes_on()

    def test_plutond_restarted_by_an_administrator(self):
        pid = machine.main_pid(TPM)
        self.while_clients_stay(lambda: machine.systemctl("restart", PLUTOND))
        self.assertEqual(machine.main_pid(TPM), pid, "the TPM was restarted as well")

    def test_the_tpm_restarted_by_an_administrator(self):
        pid = machine.main_pid(PLUTOND)
        self.while_clients_stay(lambda: machine.systemctl("restart", TPM))
        self.assertEqual(machine.main_pid(PLUTOND), pid)

    def test_both_restarted_in_one_go(self):
        self.while_clients_stay(lambda: machine.systemctl("restart", PLUTOND, TPM))

    def test_plutond_killed(self):
        pid = machine.main_pid(TPM)
        self.while_clients_stay(lambda: machine.await_running(PLUTOND, machine.kill(PLUTOND)))
        self.assertEqual(machine.main_pid(TPM), pid, "the TPM was restarted as well")

    def test_the_tpm_killed(self):
        self.while_clients_stay(lambda: machine.await_running(TPM, machine.kill(TPM)))

    def test_the_tpm_restarted_by_pluton_cli(self):
        def restart():
            pid = machine.main_pid(TPM)
            self.cli("app", "restart", "tpm0")
            machine.await_running(TPM, pid)
        self.while_clients_stay(restart)

    def test_configuration_read_again(self):
        pid = machine.main_pid(PLUTOND)
        self.while_clients_stay(lambda: machine.systemctl("reload", PLUTOND))
        self.assertEqual(machine.main_pid(PLUTOND), pid)

    def test_a_loaded_key_and_an_open_session_live_on_in_their_connection(self):
        """Stock programs save contexts in files: another connection loads what the first one saved."""
        folder = self.folder()
        (folder / "letter").write_text("Dear Pluton")
        self.tpm("createprimary", "-c", "primary.ctx", "-G", "ecc", cwd=folder)
        self.tpm("create", "-C", "primary.ctx", "-G", "ecc", "-u", "pub", "-r", "priv", cwd=folder)
        self.tpm("load", "-C", "primary.ctx", "-u", "pub", "-r", "priv", "-c", "key.ctx", cwd=folder)
        machine.await_running(TPM, machine.kill(TPM))
        machine.await_running(PLUTOND, machine.kill(PLUTOND))
        self.tpm("sign", "-c", "key.ctx", "-g", "sha256", "-o", "sig", "letter", cwd=folder)

    def test_pluton_tpmd_says_that_it_resumed_and_is_stirred(self):
        machine.await_running(TPM, machine.kill(TPM))
        self.assertTrue(any(re.search("resum", text) for text in machine.messages(self.cursor, TPM)))
