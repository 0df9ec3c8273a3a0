# SPDX-License-Identifier: Apache-2.0
"""The TCTI library as a file, and what a user of tpm2-tools sees of it before there is a TPM."""

import re
import shutil
import unittest

import private

LIBRARY = f"{private.BUILD}/.libs/libtss2-tcti-pluton.so.0"


def readelf(*arguments):
    return private.run("readelf", "-W", *arguments, LIBRARY).stdout.decode()


class Library(unittest.TestCase):
    def test_its_soname_is_what_the_loader_makes_of_pluton(self):
        self.assertIn("soname: [libtss2-tcti-pluton.so.0]", readelf("-d"))

    def test_it_exports_the_two_functions_of_a_tcti(self):
        exported = {line.split()[7] for line in readelf("--dyn-syms").splitlines()
                    if re.search(r" GLOBAL DEFAULT +\d+ ", line)}
        self.assertEqual(exported, {"Tss2_Tcti_Info", "Tss2_Tcti_Pluton_Init"})

    @unittest.skipIf(private.is_sanitized(), "a sanitizer brings libraries of its own")
    def test_it_needs_libpluton_and_the_c_library_alone(self):
        needed = set(re.findall(r"Shared library: \[(.*?)\]", readelf("-d")))
        self.assertEqual(needed, {"libpluton.so.0", "libc.so.6"})

    def test_its_header_is_a_header(self):
        for compiler, language in (("cc", "c"), ("c++", "c++")):
            if not shutil.which(compiler):
                continue
            result = private.run(
                compiler, "-x", language, "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                f"{private.SOURCE}/client-lib/tcti/tss2_tcti_pluton.h")
            self.assertEqual(result.returncode, 0, result.stderr.decode())


@unittest.skipIf(private.is_sanitized(), "tpm2 itself has no sanitizer")
@unittest.skipUnless(shutil.which("tpm2"), "tpm2-tools is not installed")
class Tools(unittest.TestCase):
    def tpm2(self, tcti, **changes):
        env = private.environment(TPM2TOOLS_TCTI=tcti, **changes)
        return private.run("tpm2", "getrandom", "--hex", "8", env=env)

    def test_a_daemon_that_is_not_there_is_named(self):
        result = self.tpm2("pluton:address=unix:/nowhere/socket")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("ERROR:tcti:pluton: nobody listens at unix:/nowhere/socket",
                      result.stderr.decode())

    def test_without_an_address_the_environment_says_it(self):
        result = self.tpm2("pluton", PLUTON_ADDRESS="unix:/nowhere/else")
        self.assertIn("nobody listens at unix:/nowhere/else", result.stderr.decode())

    def test_a_mistake_in_the_configuration_is_named(self):
        result = self.tpm2("pluton:socket=/x")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn('"socket" is no key of the configuration', result.stderr.decode())

    def test_an_instance_that_is_not_there_is_named(self):
        daemon = private.Private()
        self.addCleanup(daemon.close)
        result = self.tpm2(f"pluton:instance=tpm7,address={daemon.address}")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("tpm7", result.stderr.decode())


if __name__ == "__main__":
    unittest.main()
