# SPDX-License-Identifier: Apache-2.0
"""The unit files as systemd itself judges them."""

import re

import machine
from machine import PLUTOND, TPM, UNITS, Scenario

THRESHOLD = 3.0  # of systemd-analyze security; the last issue's will be 1.5


class Units(Scenario):
    def test_systemd_finds_nothing_wrong_with_them(self):
        answer = machine.run("systemd-analyze", "verify", "--man=no", *UNITS)
        ours = [line for line in answer.stderr.splitlines() if "pluton" in line]
        self.assertEqual((answer.returncode, ours), (0, []), answer.stderr)

    def test_their_manual_pages_are_installed(self):
        for unit in UNITS:
            for page in re.findall(r"man:(\S+)\((\d)\)", machine.show(unit, "Documentation")):
                found = machine.run("find", "/usr", "-path", f"*/man{page[1]}/{page[0]}.{page[1]}*")
                self.assertNotEqual(found.stdout, "", page)

    def test_their_exposure_is_low(self):
        for unit in (PLUTOND, TPM):
            text = machine.run("systemd-analyze", "security", "--no-pager", unit).stdout
            figure = float(re.search(r"exposure level for \S+ *: *([0-9.]+)", text)[1])
            machine.tell(f"systemd-analyze security {unit}: {figure} (at most {THRESHOLD})")
            self.assertLessEqual(figure, THRESHOLD, text)

    def test_systemd_analyze_is_content_at_the_same_threshold(self):
        machine.done("systemd-analyze", "security", "--no-pager", f"--threshold={THRESHOLD * 10:.0f}",
                     PLUTOND, TPM)
