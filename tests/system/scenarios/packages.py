# SPDX-License-Identifier: Apache-2.0
"""Debian's packages in a booted machine: installed, upgraded, removed, purged.

tests/packages/build.sh made them, of two versions. Each test begins with a machine that has none of
them, and installs what it needs.
"""

import os
import pathlib
import re
import subprocess
import unittest

import machine
from machine import MEMBER, PLUTOND, SOCKET, STATE, TPM, TPM_SOCKET

FOLDER = machine.HERE / "packages"
# Images for containers say here that packages start and stop nothing. This machine has booted.
POLICY = pathlib.Path("/usr/sbin/policy-rc.d")
# While it exists, every installation takes seconds to index manual pages.
MAN_DB = pathlib.Path("/var/lib/man-db/auto-update")
PLACES = ("/boot", "/etc", "/opt", "/srv", "/usr")
# Where other services of the machine make files, only what is called like us counts.
BUSY_PLACES = ("/run", "/var")
# What installing anything at all may change, adding users to it, or dh_apparmor.
NOT_OURS = re.compile(r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|/etc/\.pwd\.lock$|"
                      r"/etc/apparmor\.d/(disable|force-complain|local)$|"
                      r"/usr/lib/python3.*/__pycache__|/var/lib/(dpkg|apt|systemd)/|/var/log/|"
                      r"pluton-system-test")
# What is enabled there is configuration, and comes back with the package.
ENABLED = "/etc/systemd/system/"
SECURITYFS = pathlib.Path("/sys/kernel/security")


def version_of(path):
    return machine.done("dpkg-deb", "--field", path, "Version").strip()


def is_older(one, other):
    return machine.run("dpkg", "--compare-versions", one, "lt", other).returncode == 0


def versions():
    """[older, newer], each (version, its files)."""
    found = {}
    for path in sorted(FOLDER.glob("*.deb")):
        found.setdefault(version_of(path), []).append(path)
    one, other = found.items()
    return [one, other] if is_older(one[0], other[0]) else [other, one]


def names(files):
    return [path.name.partition("_")[0] for path in files]


def dpkg(*arguments):
    return machine.done("dpkg", *arguments,
                        env=machine.environment(DEBIAN_FRONTEND="noninteractive"))


def walk(place):
    for folder, folders, files in os.walk(place):
        yield from (f"{folder}/{name}" for name in folders + files)


def paths():
    """Everything where packages put things, and what is called like us elsewhere."""
    found = {path for place in PLACES for path in walk(place)}
    found |= {path for place in BUSY_PLACES for path in walk(place) if "pluton" in path}
    return {path for path in found if not NOT_OURS.search(path)}


def processes_of(user):
    return machine.run("pgrep", "-u", user).stdout.split()


class Packages(machine.Scenario):
    """Without the set-up of those scenarios that find Pluton installed."""

    @classmethod
    def setUpClass(cls):
        POLICY.unlink(missing_ok=True)
        MAN_DB.unlink(missing_ok=True)
        (cls.version, cls.files), (cls.next_version, cls.next_files) = versions()

    def setUp(self):
        self.addCleanup(self.purge)
        self.cursor = machine.journal_cursor()

    def install(self, files=None):
        dpkg("--install", *(files or self.files))
        machine.add_users()

    def upgrade(self):
        dpkg("--install", *self.next_files)

    def purge(self):
        machine.run("dpkg", "--purge", *names(self.files))
        machine.run("userdel", "-r", MEMBER)
        machine.forget_failures()

    def extend(self):
        self.tpm("pcrextend", f"16:sha256={'5a' * 32}")
        return self.pcr()


class Installing(Packages):
    def test_installing_starts_the_socket_and_its_first_client_the_daemon(self):
        self.install()
        self.assertTrue(machine.is_active(SOCKET))
        self.assertEqual(machine.systemctl("is-enabled", SOCKET).strip(), "enabled")
        self.assertFalse(machine.is_active(PLUTOND), "nobody has connected yet")
        self.random(user=MEMBER)
        machine.await_state(PLUTOND, "active")
        self.assertEqual(processes_of("pluton"), [str(machine.main_pid(PLUTOND))])

    def test_tpm2_tools_work_at_once_after_installing(self):
        self.install()
        self.assertRegex(self.tpm("getrandom", "--hex", "8"), "^[0-9a-f]{16}$")
        self.assertEqual(processes_of("pluton-tpm"), [str(machine.main_pid(TPM))])

    def test_the_bus_knows_the_policy_and_starts_the_daemon_after_installing(self):
        self.install()
        answer = machine.done(*machine.BUS_CALL, "org.freedesktop.DBus.Introspectable",
                              "Introspect", user=MEMBER)
        self.assertIn("org.pluton1.Manager", answer)
        machine.await_state(PLUTOND, "active")

    def test_journalctl_explains_messages_after_installing(self):
        self.install()
        self.assertIn("Pluton", machine.done("journalctl", "--dump-catalog", "--no-pager"))

    def test_the_development_package_alone_builds_its_examples(self):
        self.install()
        examples = sorted(pathlib.Path("/usr/share/doc/libpluton-dev/examples").glob("*.c"))
        self.assertTrue(examples)
        flags = machine.done("pkg-config", "--cflags", "--libs", "pluton").split()
        for example in examples:
            program = self.folder() / example.stem
            machine.done("gcc", "-Wall", "-Wextra", "-Werror", "-o", program, example, *flags)
            machine.done(program, user=MEMBER)

    def test_pluton_run_needs_nothing_but_the_packages(self):
        self.install()
        machine.systemctl("stop", SOCKET)
        answer = machine.done("pluton-run", "--", "tpm2_getrandom", "--hex", "8", user=MEMBER)
        self.assertRegex(answer, "^[0-9a-f]{16}$")
        self.assertFalse(machine.is_active(PLUTOND))

    def test_the_daemon_is_of_use_without_the_packages_that_are_only_recommended(self):
        wanted = ("plutond", "libpluton0")
        self.install([path for path in self.files if path.name.partition("_")[0] in wanted])
        machine.done(*machine.BUS_CALL, "org.freedesktop.DBus.Peer", "Ping", user=MEMBER)
        machine.await_state(PLUTOND, "active")

    def test_every_program_and_unit_has_its_manual_page(self):
        self.install()
        for page in ("pluton-cli", "pluton-run", "plutond", "pluton-tpmd", "plutond.conf",
                     "pluton-app.conf", "libpluton", "tss2-tcti-pluton"):
            with self.subTest(page=page):
                machine.done("man", "--where", page)


class Upgrading(Packages):
    def test_an_upgrade_restarts_both_daemons_and_keeps_pcrs_and_clients(self):
        self.install()
        pcr = self.extend()
        clock = self.clock()
        before = {unit: machine.main_pid(unit) for unit in (PLUTOND, TPM)}
        with machine.Stayer() as stayer:
            self.upgrade()
            for unit, pid in before.items():
                machine.await_running(unit, but=pid)
            stayer.round()
        self.assertEqual((self.pcr(), self.clock()), (pcr, clock))

    def test_after_an_upgrade_the_new_programs_run(self):
        self.install()
        self.random()
        self.tpm("getrandom", "--hex", "8")
        self.upgrade()
        for unit in (PLUTOND, TPM):
            program = os.readlink(f"/proc/{machine.await_running(unit)}/exe")
            self.assertFalse(program.endswith("(deleted)"), program)
        self.assertIn(self.next_version, self.cli("status"))

    def test_an_upgrade_restarts_further_tpms_too(self):
        self.install()
        machine.systemctl("enable", "--now", "pluton-tpmd@second.socket")
        machine.write("/etc/pluton/app.d/second.conf",
                      pathlib.Path("/usr/share/pluton/app.d/tpm0.conf").read_text(encoding="utf-8")
                      .replace("tpm0", "second"))
        second = "pluton-tpmd@second.service"
        self.random()
        self.cli("app", "start", "second")
        pid = machine.await_running(second)
        self.upgrade()
        machine.await_running(second, but=pid)

    def test_an_upgrade_keeps_the_socket_so_that_nobody_is_refused(self):
        self.install()
        self.random()
        before = os.stat(machine.ADDRESS).st_ino
        self.upgrade()
        self.assertEqual(os.stat(machine.ADDRESS).st_ino, before)

    def test_an_upgrade_starts_nothing_that_did_not_run(self):
        self.install()
        self.upgrade()
        self.assertFalse(machine.is_active(PLUTOND))
        self.assertFalse(machine.is_active(TPM))

    def test_an_upgrade_leaves_a_socket_disabled_that_the_administrator_disabled(self):
        self.install()
        machine.systemctl("disable", "--now", SOCKET)
        self.upgrade()
        self.assertFalse(machine.is_active(SOCKET))
        self.assertEqual(machine.run("systemctl", "is-enabled", SOCKET).stdout.strip(), "disabled")

    def test_an_upgrade_keeps_the_administrators_configuration(self):
        self.install()
        mine = self.configure("[kernel]\noperations_per_process = 5\n")
        self.upgrade()
        self.assertTrue(mine.exists())
        self.assertIn("5", self.cli("limits"))

    def configure(self, text, name="90-test.conf"):
        path = pathlib.Path("/etc/pluton/conf.d") / name
        machine.write(path, text)
        return path


class Removing(Packages):
    def test_removing_stops_everything_and_leaves_state_and_configuration_only(self):
        before = paths()
        self.install()
        self.extend()
        machine.systemctl("enable", "plutond.service")
        dpkg("--remove", *names(self.files))
        for unit in (PLUTOND, SOCKET, TPM, TPM_SOCKET):
            self.assertEqual(machine.show(unit, "LoadState"), "not-found", unit)
        self.assertEqual(processes_of("pluton") + processes_of("pluton-tpm"), [])
        self.assertFalse(os.path.lexists("/run/pluton"))
        left = {path for path in paths() - before
                if not path.startswith(("/etc/pluton", "/etc/apparmor.d", ENABLED, str(STATE)))}
        self.assertEqual(left, set())
        self.assertTrue(STATE.is_dir())

    def test_what_was_removed_goes_on_where_it_was_when_it_is_installed_again(self):
        self.install()
        self.cli("nv", "put", "note", user=MEMBER, input="kept")
        self.tpm("nvdefine", "0x1500016", "-s", "4", "-C", "o")
        dpkg("--remove", *names(self.files))
        self.install()
        self.assertEqual(self.cli("nv", "get", "note", user=MEMBER), "kept")
        self.assertIn("0x1500016", self.tpm("nvreadpublic"))

    def test_removing_is_not_undone_by_clients_that_are_still_there(self):
        self.install()
        with subprocess.Popen((machine.HERE / "stayer"), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=machine.environment()) as stayer:
            stayer.stdin.write(b"\n")
            stayer.stdin.flush()
            stayer.stdout.readline()
            dpkg("--remove", *names(self.files))
            self.assertEqual(processes_of("pluton") + processes_of("pluton-tpm"), [])
            stayer.kill()

    def test_purging_leaves_nothing(self):
        before = paths()
        self.install()
        self.extend()
        machine.systemctl("enable", "plutond.service", "pluton-tpmd@second.socket")
        machine.write("/etc/pluton/conf.d/mine.conf", "[kernel]\npool = 32M\n")
        dpkg("--purge", *names(self.files))
        self.assertEqual(paths() - before, set())
        self.assertEqual(before - paths(), set())
        self.assertEqual(machine.systemctl("list-units", "--all", "--plain", "--no-legend",
                                           "plutond.*", "pluton-apps.*", "pluton-tpmd@*"), "")


def has_apparmor():
    """Also whether profiles can be loaded from in here."""
    if not (SECURITYFS / "apparmor").is_dir():
        machine.run("mount", "-t", "securityfs", "securityfs", SECURITYFS)
    return os.access(SECURITYFS / "apparmor/.load", os.W_OK)


@unittest.skipUnless(has_apparmor(), "this kernel has no AppArmor")
class Enforcing(Packages):
    PROFILES = {"plutond": PLUTOND, "pluton-tpmd": TPM}

    def setUp(self):
        super().setUp()
        self.install()
        for name in self.PROFILES:
            profile = pathlib.Path(f"/etc/apparmor.d/{name}")
            text = profile.read_text(encoding="utf-8").replace(", complain)", ")")
            profile.write_text(text, encoding="utf-8")
            machine.done("apparmor_parser", "-rKT", profile)
            self.addCleanup(machine.run, "apparmor_parser", "-RKT", profile)

    def test_the_profiles_are_enforced_and_refuse_nothing_that_is_needed(self):
        self.extend()
        self.cli("nv", "put", "note", user=MEMBER, input="kept")
        machine.done(*machine.BUS_CALL, "org.freedesktop.DBus.Introspectable", "Introspect")
        machine.systemctl("reload", PLUTOND)
        machine.systemctl("restart", PLUTOND, TPM)
        self.random()
        self.tpm("getrandom", "--hex", "8")
        for name, unit in self.PROFILES.items():
            with open(f"/proc/{machine.main_pid(unit)}/attr/current", encoding="utf-8") as file:
                self.assertEqual(file.read().strip("\n\0"), f"{name} (enforce)")
        denied = [line for line in machine.journal_text(self.cursor).splitlines()
                  if 'apparmor="DENIED"' in line and "pluton" in line]
        self.assertEqual(denied, [])
