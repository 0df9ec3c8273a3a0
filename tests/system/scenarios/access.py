# SPDX-License-Identifier: Apache-2.0
"""Members of group pluton use everything; others are told why not, and what to do."""

import pwd

import machine
from machine import BUS_CALL, MEMBER, STRANGER, Scenario

TPM_OBJECT = ("org.pluton1.Tpm.tpm0", "/org/pluton1/tpm/tpm0", "org.pluton1.Tpm")


class Members(Scenario):
    def test_a_member_uses_the_socket(self):
        self.random(user=MEMBER)

    def test_a_member_uses_the_bus(self):
        machine.done(*BUS_CALL, "org.pluton1.Random", "Get", "u", "16", user=MEMBER)

    def test_a_member_uses_the_tpm_on_the_bus(self):
        machine.done("busctl", "--system", "call", *TPM_OBJECT, "GetInfo", user=MEMBER)

    def test_root_needs_no_group(self):
        self.random()
        machine.done(*BUS_CALL, "org.pluton1.Random", "Get", "u", "16")
        machine.done("busctl", "--system", "call", *TPM_OBJECT, "GetInfo")
        self.tpm("getrandom", "--hex", "8", user="root")

    def test_a_member_makes_loads_and_uses_a_key_with_stock_programs(self):
        folder = self.folder()
        (folder / "letter").write_text("Dear Pluton")
        for line in ("createprimary -c primary.ctx", "create -C primary.ctx -G ecc -u pub -r priv",
                     "load -C primary.ctx -u pub -r priv -c key.ctx",
                     "sign -c key.ctx -g sha256 -o signature letter",
                     "verifysignature -c key.ctx -g sha256 -s signature -m letter"):
            self.tpm(*line.split(), cwd=folder)

    def test_a_member_extends_a_pcr(self):
        before = self.pcr()
        self.tpm("pcrextend", "16:sha256=" + "5a" * 32)
        self.assertNotEqual(self.pcr(), before)

    def test_a_member_added_now_is_one_from_the_next_login_on(self):
        machine.done("gpasswd", "-a", STRANGER, "pluton")
        self.addCleanup(machine.done, "gpasswd", "-d", STRANGER, "pluton")
        self.random(user=STRANGER)


class Strangers(Scenario):
    def is_the_sentence(self, text):
        """Who is refused, why, and what an administrator can do about it."""
        self.assertRegex(text, rf"user {pwd.getpwnam(STRANGER).pw_uid}\b")
        self.assertRegex(text, r"group pluton")
        self.assertRegex(text, r"adduser|gpasswd|usermod")
        self.assertRegex(text, r"\[access\]")

    def test_on_the_socket_a_stranger_is_told_why_and_what_to_do(self):
        self.is_the_sentence(self.refused(".", "pluton-cli", "random", "16", user=STRANGER, status=1))

    def test_on_the_bus_a_stranger_is_told_why_and_what_to_do(self):
        self.is_the_sentence(self.refused(".", *BUS_CALL, "org.pluton1.Random", "Get", "u", "16",
                                          user=STRANGER))

    def test_a_stranger_gets_no_channel_from_the_bus(self):
        self.is_the_sentence(self.refused(".", *BUS_CALL, "org.pluton1.Manager", "Connect",
                                          user=STRANGER))

    def test_the_bus_keeps_a_stranger_from_the_tpm(self):
        self.refused("[Aa]ccess.*denied|not allowed|[Rr]ejected", "busctl", "--system", "call",
                     *TPM_OBJECT, "GetInfo", user=STRANGER)

    def test_a_stranger_gets_no_tpm(self):
        self.refused("may use nothing.*group pluton", "tpm2_getrandom", "--hex", "8",
                     user=STRANGER)

    def test_nobody_takes_the_names_on_the_bus(self):
        for name in ("org.pluton1.Other", "org.pluton1.Tpm.tpm9"):
            answer = machine.run("busctl", "--system", "call", "org.freedesktop.DBus", "/",
                                 "org.freedesktop.DBus", "RequestName", "su", name, "0", user=MEMBER)
            self.assertNotEqual(answer.returncode, 0, name)

    def test_only_plutond_reaches_the_socket_that_starts_and_stops_the_tpm(self):
        for user in (MEMBER, STRANGER):
            self.refused("Permission", "/usr/bin/python3", "-c",
                         "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
                         "s.connect('/run/pluton/apps/tpm0')", user=user)

    def test_a_rule_in_access_lets_a_stranger_use_just_that(self):
        self.addCleanup(machine.systemctl, "reload", machine.PLUTOND)
        self.configure(f"[access]\nuser.{STRANGER} = rng\n")
        machine.systemctl("reload", machine.PLUTOND)
        self.random(user=STRANGER)
        self.refused("ENOSUPPORT|may not", "pluton-cli", "hash", "sha256", user=STRANGER, input="x")
