# SPDX-License-Identifier: Apache-2.0
"""Where something around plutond is missing or wrong that it can do without, it serves, and says so."""

import os

import machine
from machine import BUS_CALL, HERE, MEMBER, PLUTOND, TPM, Scenario

OWNER = """
import ctypes, sys
sd = ctypes.CDLL("libsystemd.so.0")
bus = ctypes.c_void_p()
assert sd.sd_bus_open_system(ctypes.byref(bus)) >= 0
r = sd.sd_bus_request_name(bus, b"org.pluton1", ctypes.c_uint64(0))
print(r, flush=True)
sys.stdin.read()
"""
CLOCK_DROP_IN = "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/old_clock.so\n"


class Degraded(Scenario):
    def worse_lines(self, unit):
        return [entry["MESSAGE"] for entry in machine.journal(self.cursor, f"_SYSTEMD_UNIT={unit}")
                if int(entry["PRIORITY"]) <= 4]

    def serves(self):
        self.random(user=MEMBER)
        self.assertRegex(self.tpm("getrandom", "--hex", "8"), "^[0-9a-f]{16}$")
        self.assertEqual(machine.show(PLUTOND, "NRestarts"), "0")

    def comes_to_the_bus(self):
        machine.wait_until(lambda: machine.run(*BUS_CALL, "org.pluton1.Random", "Get", "u",
                                               "8").returncode == 0, "it is on the bus", 40)
        machine.wait_until(lambda: machine.show(PLUTOND, "StatusText") == "serving",
                           "its status is the normal one")

    def occupant(self):
        owner = machine.start("/usr/bin/python3", "-c", OWNER, user="pluton")
        self.assertGreaterEqual(int(owner.stdout.readline()), 0)
        return owner

    def test_a_bus_name_that_another_program_has_is_said_once_and_taken_later(self):
        machine.systemctl("stop", PLUTOND)
        owner = self.occupant()
        try:
            machine.systemctl("start", PLUTOND)
            self.serves()
            self.assertRegex(machine.show(PLUTOND, "StatusText"), "degraded.*bus")
            lines = [line for line in self.worse_lines(PLUTOND) if "org.pluton1" in line]
            self.assertEqual(len(lines), 1, lines)
        finally:
            owner.communicate(timeout=machine.DEADLINE)
        self.comes_to_the_bus()

    def without_bus(self):
        units = ("dbus.socket", "dbus.service")
        machine.systemctl("mask", "--runtime", *units)
        machine.systemctl("stop", *units)

    def with_bus(self):
        units = ("dbus.socket", "dbus.service")
        machine.systemctl("unmask", "--runtime", *units)
        machine.systemctl("start", "dbus.socket")
        machine.systemctl("start", "dbus.service")

    def test_without_a_bus_the_socket_is_served_and_the_bus_is_joined_when_it_comes(self):
        machine.systemctl("stop", PLUTOND)
        self.without_bus()
        try:
            machine.systemctl("start", PLUTOND)
            self.serves()
            self.assertRegex(machine.show(PLUTOND, "StatusText"), "degraded.*bus")
            self.assertEqual(len(self.worse_lines(PLUTOND)), 1, self.worse_lines(PLUTOND))
        finally:
            self.with_bus()
        self.comes_to_the_bus()

    def test_a_bus_that_is_restarted_is_joined_again(self):
        with machine.Stayer() as stayer:
            self.without_bus()
            self.with_bus()
            self.comes_to_the_bus()
            stayer.round()

    def fill(self, path):
        """Until not one byte more can be written there."""
        filler = f"{path}/filler"
        self.addCleanup(os.unlink, filler)
        with open(filler, "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with machine.contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def resize(self, path, size):
        machine.done("mount", "-o", f"remount,size={size}", path)

    def test_a_full_run_is_no_reason_not_to_start(self):
        machine.systemctl("stop", PLUTOND)
        sizes = os.statvfs("/run")
        used = (sizes.f_blocks - sizes.f_bavail) * sizes.f_frsize
        self.resize("/run", used + (1 << 20))
        self.addCleanup(self.resize, "/run", sizes.f_blocks * sizes.f_frsize)
        self.fill("/run")
        machine.systemctl("start", PLUTOND)
        self.serves()

    def test_a_clock_before_the_year_2000_does_no_harm(self):
        machine.done("cp", HERE / "old_clock.so", "/usr/lib/old_clock.so")
        self.addCleanup(os.unlink, "/usr/lib/old_clock.so")
        for unit in (PLUTOND, TPM):
            self.drop_in(unit, CLOCK_DROP_IN)
        machine.systemctl("restart", PLUTOND, TPM)
        with open(f"/proc/{machine.main_pid(PLUTOND)}/maps", encoding="utf-8") as maps:
            self.assertIn("old_clock", maps.read())
        self.serves()
        machine.systemctl("restart", PLUTOND)
        self.serves()

    def test_state_of_a_wrong_owner_or_mode_is_put_right_by_systemd(self):
        machine.systemctl("stop", PLUTOND)
        for command in (("chmod", "0777"), ("chown", "-R", "root:root")):
            machine.done(*command, machine.STATE)
            machine.systemctl("start", PLUTOND)
            self.serves()
            answer = machine.done("stat", "-c", "%U %a", machine.STATE)
            self.assertEqual(answer.strip(), "pluton 700")
            machine.systemctl("stop", PLUTOND)

    def test_a_wrong_app_definition_is_that_app_s_failure_only(self):
        path = machine.pathlib.Path(machine.directories()["sysconfdir"]) / "pluton/app.d/bad.conf"
        machine.write(path, "[app]\nnonsense = yes\n")
        self.addCleanup(path.unlink)
        machine.systemctl("restart", PLUTOND)
        self.serves()
        self.assertRegex(self.cli("app", "status", "bad"), "failed")
