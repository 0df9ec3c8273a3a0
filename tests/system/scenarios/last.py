# SPDX-License-Identifier: Apache-2.0
"""What the first boot leaves for the second one. Must be its last module."""

from machine import Scenario


class Last(Scenario):
    def test_something_is_left_for_the_next_boot(self):
        self.tpm("nvdefine", "-C", "o", "-s", "20", "0x1500020")
        self.tpm("nvwrite", "-C", "o", "-i", "-", "0x1500020", input="kept over the reboot")
        self.tpm("pcrextend", "16:sha256=" + "a5" * 32)
