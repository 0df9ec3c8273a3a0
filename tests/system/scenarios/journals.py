# SPDX-License-Identifier: Apache-2.0
"""What the programs say to the journal, for people and for programs."""

import pwd

import machine
from machine import MEMBER, PLUTOND, TPM, Scenario

STARTED = "a22aa9b26ae242dd8fbc910f99b284f4"
STOPPED = "d8875bc1f98843b08d06a25e28660979"
RELOADED = "d29f6a7320b643f1bb642e9ba64cb756"
POWERED_ON = "e1dbfffadc5744b29428f3cebba5afd6"
POWERED_OFF = "e71c9267b9314c35a3f625cb82103d49"
RESUMED = "d5425227239f4f2e95d87cd34eb150eb"


class Journals(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        machine.done("journalctl", "--update-catalog")

    def with_id(self, unit, message_id):
        return machine.journal(self.cursor, f"_SYSTEMD_UNIT={unit}", f"MESSAGE_ID={message_id}")

    def test_start_stop_and_reload_can_be_looked_for(self):
        machine.systemctl("reload", PLUTOND)
        machine.systemctl("restart", PLUTOND)
        for message_id in (RELOADED, STOPPED, STARTED):
            self.assertEqual(len(self.with_id(PLUTOND, message_id)), 1, message_id)

    def test_the_tpm_s_power_cycles_and_resumes_can_be_looked_for(self):
        machine.systemctl("restart", TPM)
        self.assertEqual(len(self.with_id(TPM, RESUMED)), 1)
        self.cursor = machine.journal_cursor()
        machine.systemctl("stop", TPM)
        self.tpm("getrandom", "--hex", "8")
        for message_id in (POWERED_OFF, POWERED_ON):
            self.assertEqual(len(self.with_id(TPM, message_id)), 1, message_id)

    def test_lines_have_fields_of_their_own(self):
        machine.systemctl("restart", PLUTOND)
        machine.systemctl("restart", TPM)
        for unit in (PLUTOND, TPM):
            entries = machine.journal(self.cursor, f"_SYSTEMD_UNIT={unit}")
            fields = {name for entry in entries for name in entry if name.startswith("PLUTON_")}
            self.assertNotEqual(fields, set(), unit)

    def test_journalctl_explains_every_message_of_a_start_and_a_stop(self):
        machine.systemctl("restart", PLUTOND)
        machine.systemctl("stop", PLUTOND)
        machine.systemctl("start", PLUTOND)
        for message_id in (STARTED, STOPPED, POWERED_ON, POWERED_OFF):
            text = machine.done("journalctl", "-q", "-x", "--no-pager", "-b", "-n", "1",
                                f"MESSAGE_ID={message_id}")
            self.assertRegex(text, r"(?m)^░░ Subject: \S", message_id)

    def test_every_id_that_the_manual_names_is_in_the_catalog(self):
        catalog = machine.done("journalctl", "--dump-catalog")
        for page in ("plutond.8", "pluton-tpmd.8"):
            text = machine.manual(page)
            for message_id in machine.re.findall(r"\b[0-9a-f]{32}\b", text):
                self.assertIn(message_id, catalog, page)

    def test_a_client_s_line_says_whose_it_is(self):
        self.cli("log", "hello from a client", user=MEMBER)
        entry, = machine.journal(self.cursor, "MESSAGE=hello from a client")
        self.assertEqual(entry["_SYSTEMD_UNIT"], PLUTOND)
        self.assertEqual(entry["PLUTON_UID"], str(pwd.getpwnam(MEMBER).pw_uid))
        self.assertIn("PLUTON_PROCESS", entry)

    def test_a_client_cannot_write_as_somebody_else(self):
        machine.run("pluton-cli", "log", "two\nPLUTON_UID=0\nMESSAGE_ID=" + STARTED, user=MEMBER)
        own = str(pwd.getpwnam(MEMBER).pw_uid)
        for entry in machine.journal(self.cursor, f"_SYSTEMD_UNIT={PLUTOND}"):
            self.assertEqual((entry["PLUTON_UID"], entry.get("MESSAGE_ID")), (own, None))

    def test_a_served_client_leaves_no_line_at_level_info(self):
        self.random(user=MEMBER)
        self.tpm("getrandom", "--hex", "8")
        self.assertEqual(machine.messages(self.cursor, PLUTOND), [])
