# SPDX-License-Identifier: Apache-2.0
"""What is installed has a manual page that names it: programs, units, files, libraries, functions,
interfaces on D-Bus. And the pages are well formed."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

import private

BUILD = os.environ["PLUTON_BUILD"]
SOURCE = os.environ["PLUTON_SOURCE"]

INSTALLED = ("bin_PROGRAMS sbin_PROGRAMS pkglibexec_PROGRAMS dist_appdefinition_DATA pkgconfig_DATA "
             "dist_systemdsystemunit_DATA nodist_systemdsystemunit_DATA dist_catalog_DATA "
             "dist_dbuspolicy_DATA dist_dbusactivation_DATA dist_man_MANS").split()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def text_of(path):
    """A page's words, as far as names go: without the escapes that hyphens have in them."""
    return read(path).replace("\\-", "-").replace('\\"', '"')


def installed():
    """{variable: [base names]} of the makefile."""
    rules = "include Makefile\nprint-installed:\n" + "".join(
        f"\t@echo {name} $({name})\n" for name in INSTALLED)
    out = subprocess.run(["make", "-s", "--no-print-directory", "-o", "Makefile", "-f", "-",
                          "print-installed"],
                         cwd=BUILD, input=rules, capture_output=True, text=True, check=True,
                         env={"PATH": os.environ["PATH"]}).stdout
    found = {}
    for line in out.splitlines():
        variable, *paths = line.split()
        found[variable] = [os.path.basename(path) for path in paths]
    return found


PAGES = sorted(glob.glob(f"{SOURCE}/docs/man/*.[0-9]"))


def aliases():
    """{name.section: page}, as they are installed."""
    out = subprocess.run([sys.executable, f"{SOURCE}/docs/man-aliases.py", "--list", *PAGES],
                         capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in out.splitlines())


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.things = installed()
        cls.pages = {os.path.basename(path): text_of(path) for path in PAGES}
        cls.all = "\n".join(cls.pages.values())
        cls.found = set(cls.pages) | set(aliases())

    def test_every_page_is_installed(self):
        self.assertEqual(sorted(self.things["dist_man_MANS"]), sorted(self.pages))

    def test_every_program_has_a_page_or_is_an_example_that_one_names(self):
        programs = (self.things["bin_PROGRAMS"] + self.things["sbin_PROGRAMS"]
                    + self.things["pkglibexec_PROGRAMS"])
        self.assertGreater(len(programs), 3)
        for program in programs:
            self.assertTrue({f"{program}.1", f"{program}.8"} & self.found
                            or f"exec = {program}" in self.pages["pluton-app.conf.5"], program)

    def test_every_unit_has_a_page_of_its_name(self):
        units = sum((names for variable, names in self.things.items()
                     if variable.endswith("systemdsystemunit_DATA")), [])
        self.assertGreater(len(units), 3)
        self.assertEqual([unit for unit in units if f"{unit}.8" not in self.found], [])

    def test_every_configuration_file_is_named_by_a_page(self):
        files = sum((self.things[name] for name in INSTALLED if name.endswith("_DATA")
                     and name != "pkgconfig_DATA"),
                    ["plutond.conf", "conf.d", "app.d", "sysusers.d/pluton.conf",
                     "tmpfiles.d/pluton.conf"])
        self.assertGreater(len(files), 10)
        self.assertEqual([name for name in files if name not in self.all], [])

    def test_every_library_is_named_by_a_page_of_section_3(self):
        for package in self.things["pkgconfig_DATA"]:
            name = package.rpartition(".")[0]
            self.assertTrue(any(f"--libs {name})" in text for page, text in self.pages.items()
                                if page.endswith(".3")), name)

    def test_every_function_of_the_headers_is_found_by_its_name(self):
        functions = set()
        for path in glob.glob(f"{SOURCE}/client-lib/pluton/*.h"):
            text = re.sub(r"(?s)/\*.*?\*/", "", read(path))
            functions.update(re.findall(r"(?<!\*)\b(pluton_\w+)\(", text))
        self.assertGreater(len(functions), 80)
        self.assertEqual([name for name in sorted(functions) if f"{name}.3" not in self.found], [])

    def test_every_name_in_the_pages_of_section_3_is_a_function(self):
        headers = "".join(map(read, glob.glob(f"{SOURCE}/client-lib/**/*.h", recursive=True)))
        names = [alias[:-2] for alias in aliases() if alias.endswith(".3")]
        self.assertEqual([name for name in names if f"{name}(" not in headers], [])

    def test_every_function_of_the_tcti_is_named_by_its_page(self):
        exported = re.findall(r"\bTss2_\w+", read(f"{SOURCE}/client-lib/tcti/tcti-pluton.map"))
        self.assertGreater(len(exported), 1)
        for name in exported:
            self.assertIn(name, self.pages["tss2-tcti-pluton.3"])


class WellFormed(unittest.TestCase):
    def test_every_page_says_its_own_name_and_section_and_no_version(self):
        for path in PAGES:
            name, section = os.path.basename(path).rsplit(".", 1)
            header = re.search(r'(?m)^\.TH (\S+) (\d) "" "(.*?)" "(.*?)"$', text_of(path))
            self.assertIsNotNone(header, path)
            self.assertEqual(header.groups()[:3], (name.upper(), section, "pluton"))

    def test_every_page_that_one_of_ours_refers_to_is_there(self):
        ours = {os.path.basename(path) for path in PAGES} | set(aliases())
        for path in PAGES:
            text = text_of(path)
            for name, section in re.findall(r"(?m)(?<![\w-])((?:lib)?(?:org\.)?pluton[\w.@-]*) ?\((\d)\)",
                                            text):
                self.assertIn(f"{name}.{section}", ours, path)

    @unittest.skipUnless(shutil.which("man"), "there is no man")
    def test_man_has_no_warning_for_any_page(self):
        env = {**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}
        for path in PAGES:
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path],
                                  env=env, capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""), path)

    @unittest.skipUnless(shutil.which("lexgrog"), "there is no man-db")
    def test_the_index_of_pages_finds_the_same_names(self):
        for path in PAGES:
            out = subprocess.run(["lexgrog", path], capture_output=True, text=True, check=True)
            names = set(re.findall(r'"(\S+) - ', out.stdout))
            page = os.path.basename(path)
            ours = {alias.rpartition(".")[0] for alias, of in aliases().items() if of == page}
            self.assertEqual(names - {page.rpartition(".")[0]}, ours, path)

    def test_an_alias_is_a_page_that_leads_to_the_real_one_and_goes_with_it(self):
        with tempfile.TemporaryDirectory() as folder:
            for section in "13578":
                os.mkdir(f"{folder}/man{section}")
            make = [sys.executable, f"{SOURCE}/docs/man-aliases.py"]
            subprocess.run([*make, "--install", folder, *PAGES], check=True)
            self.assertEqual(read(f"{folder}/man3/pluton_random_async.3"), ".so man3/pluton_random.3\n")
            self.assertEqual(read(f"{folder}/man8/plutond.socket.8"), ".so man8/plutond.service.8\n")
            subprocess.run([*make, "--uninstall", folder, *PAGES], check=True)
            self.assertEqual(sum((files for _, _, files in os.walk(folder)), []), [])


def members(interface):
    return [member.get("name") for member in interface
            if member.tag in ("method", "signal", "property")]


@unittest.skipUnless(shutil.which("dbus-daemon") and shutil.which("busctl"), "there is no bus")
class BusManual(unittest.TestCase):
    """Introspected, so that the pages and what is there cannot differ."""

    @classmethod
    def setUpClass(cls):
        script = """pluton-cli app start tpm0
            busctl --user --xml-interface introspect org.pluton1 /org/pluton1
            echo; echo ----
            busctl --user --xml-interface introspect org.pluton1.Tpm.tpm0 /org/pluton1/tpm/tpm0"""
        out = private.run(private.RUN, "--dbus", "--", "sh", "-c", script).stdout.decode()
        cls.manager, cls.tpm = [
            {interface.get("name"): members(interface)
             for interface in xml.fromstring(text.strip())
             if interface.get("name").startswith("org.pluton1.")}
            for text in out.split("----\n")]

    def test_org_pluton1_has_every_interface_and_every_method(self):
        page = text_of(f"{SOURCE}/docs/man/org.pluton1.5")
        self.assertGreater(len(self.manager), 6)
        for name, found in self.manager.items():
            match = re.search(rf"(?ms)^\.(?:B|SS) {re.escape(name)}\n(.*?)^\.(?:TP\n\.B org\.|S[HS] )",
                              page)
            self.assertIsNotNone(match, name)
            for member in found:
                plain = member.removesuffix("Memfd")  # a rule of the page
                self.assertRegex(match[1], rf"\b{plain}\b", f"{name}.{member}")

    def test_org_pluton1_tpm_has_every_method_and_property(self):
        page = text_of(f"{SOURCE}/docs/man/org.pluton1.Tpm.5")
        self.assertEqual(list(self.tpm), ["org.pluton1.Tpm"])
        self.assertGreater(len(self.tpm["org.pluton1.Tpm"]), 5)
        for member in self.tpm["org.pluton1.Tpm"]:
            self.assertRegex(page, rf"(?m)^\.BR? .*\b{member}\b", member)


if __name__ == "__main__":
    unittest.main()
