# SPDX-License-Identifier: Apache-2.0
"""The second boot: what the first one's shutdown did, and what survived it."""

import machine
from machine import PLUTOND, TPM, Scenario

STOPPING = "de5b426a63be47a7b6ac3eaac82e2f6f"  # systemd: a unit begins to stop
STOPPED = "9d1aaa27d60140bd96365438aad20286"  # and has
POWERED_OFF = "MESSAGE_ID=e71c9267b9314c35a3f625cb82103d49"


def before(*matches):
    """Entries of the boot before this one."""
    text = machine.done("journalctl", "-q", "--no-pager", "-o", "json", "-b", "-1", *matches)
    return [machine.json.loads(line) for line in text.splitlines()]


class Reboot(Scenario):
    def test_at_shutdown_the_tpm_stops_before_plutond(self):
        ended = [entry["UNIT"] for entry in before(f"MESSAGE_ID={STOPPED}") if entry["UNIT"] in (PLUTOND, TPM)]
        self.assertEqual(ended[-2:], [TPM, PLUTOND])

    def test_at_shutdown_the_tpm_stored_its_state(self):
        last = before(f"_SYSTEMD_UNIT={TPM}")[-1]
        self.assertEqual(f"MESSAGE_ID={last.get('MESSAGE_ID')}", POWERED_OFF, last["MESSAGE"])

    def test_both_ended_well_at_shutdown(self):
        for unit in (PLUTOND, TPM):
            entries = before(f"UNIT={unit}")
            last = max(i for i, entry in enumerate(entries) if entry.get("MESSAGE_ID") == STOPPING)
            self.assertEqual([entry["MESSAGE"].split(" ", 1)[1] for entry in entries[last + 1:]
                              if entry.get("MESSAGE_ID") != STOPPED], ["Deactivated successfully."])

    def test_nv_memory_of_the_first_boot_is_there_and_pcrs_are_not(self):
        self.assertEqual(self.tpm("nvread", "-C", "o", "0x1500020"), "kept over the reboot")
        self.assertEqual(self.pcr(), "00" * 32)
