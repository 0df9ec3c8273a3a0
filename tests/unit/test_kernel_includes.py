# SPDX-License-Identifier: Apache-2.0
"""The kernel knows no service and no engine: what its files include says so."""

import glob
import os
import re
import unittest

SOURCE = os.environ.get("PLUTON_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
KERNEL = sorted(glob.glob(os.path.join(SOURCE, "daemon", "kernel", "*.[ch]")))
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)


def includes(path):
    with open(path, encoding="utf-8") as file:
        return INCLUDE.findall(file.read())


class KernelIncludes(unittest.TestCase):
    def assert_none_includes(self, folders, but=()):
        for path in KERNEL:
            for header in includes(path):
                if header.startswith(folders) and header not in but:
                    self.fail(f"{os.path.basename(path)} includes {header}")

    def test_the_kernel_is_there_to_be_looked_at(self):
        self.assertGreater(len(KERNEL), 20)

    def test_the_kernel_includes_no_hil_header_but_the_contract(self):
        self.assert_none_includes(("hil/",), but=("hil/contract.h",))

    def test_the_kernel_includes_no_capsule_engine_frontend_or_app(self):
        self.assert_none_includes(("svc/", "backends/", "apps/", "daemon/frontends/"))

    def test_the_kernel_includes_nothing_of_the_daemon_around_it(self):
        for path in KERNEL:
            for header in includes(path):
                if header.startswith("daemon/"):
                    self.assertTrue(header.startswith("daemon/kernel/"),
                                    f"{os.path.basename(path)} includes {header}")

    def test_only_the_loop_knows_libevent(self):
        for path in KERNEL:
            if os.path.basename(path) != "loop.h":
                self.assertFalse([name for name in includes(path) if name.startswith("event2/")],
                                 path)
