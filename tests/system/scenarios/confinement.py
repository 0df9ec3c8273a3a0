# SPDX-License-Identifier: Apache-2.0
"""What the running programs may and may not do."""

import os
import re

import machine
from machine import MEMBER, PLUTOND, TPM, Scenario

CLIENTS = 300


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(re.findall(r"^(\w+):\t(.*)$", file.read(), re.M))


class Confinement(Scenario):
    def test_no_capability_is_held_or_can_be_gained(self):
        for unit in (PLUTOND, TPM):
            status = status_of(machine.main_pid(unit))
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, (unit, name))
            self.assertEqual(status["NoNewPrivs"], "1", unit)

    def test_system_calls_are_filtered(self):
        for unit in (PLUTOND, TPM):
            self.assertEqual(status_of(machine.main_pid(unit))["Seccomp"], "2", unit)

    def test_there_will_be_no_core_dump(self):
        for unit in (PLUTOND, TPM):
            self.assertEqual(machine.limit(unit, "Max core file size"), (0, 0), unit)

    def test_other_processes_of_their_users_cannot_read_their_memory(self):
        for unit, user in ((PLUTOND, "pluton"), (TPM, "pluton-tpm")):
            answer = machine.run("cat", f"/proc/{machine.main_pid(unit)}/environ", user=user)
            self.assertRegex(answer.stderr, "Permission denied", unit)

    def test_a_crash_leaves_no_core_behind(self):
        pid = machine.kill(PLUTOND, machine.signal.SIGABRT)
        machine.await_running(PLUTOND, pid)
        self.assertEqual(machine.run("find", "/var/lib/pluton", "/var/lib/systemd", "/tmp", "-type",
                                     "f", "-name", "core*").stdout, "")

    def test_descriptors_are_limited_as_the_unit_says_and_no_program_raises_that(self):
        for unit in (PLUTOND, TPM):
            soft, hard = machine.limit(unit, "Max open files")
            self.assertEqual(soft, hard, unit)
            self.assertGreaterEqual(soft, 16384, unit)

    def test_some_hundred_clients_are_connected_at_once(self):
        source = ("import socket, sys\n"
                  "held = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)"
                  f" for _ in range({CLIENTS})]\n"
                  f"[one.connect({machine.ADDRESS!r}) for one in held]\n"
                  "print('connected', flush=True)\nsys.stdin.read()\n")
        client = machine.start("/usr/bin/python3", "-c", source, user=MEMBER)
        try:
            self.assertEqual(client.stdout.readline(), "connected\n")
            machine.wait_until(lambda: len(os.listdir(f"/proc/{machine.main_pid(PLUTOND)}/fd"))
                               > CLIENTS, "plutond has them all")
            self.random()
        finally:
            client.communicate()

    def test_they_have_no_socket_of_the_internet(self):
        for unit in (PLUTOND, TPM):
            for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
                with open(f"/proc/{machine.main_pid(unit)}/net/{table}", encoding="ascii") as file:
                    self.assertEqual(file.read().count("\n"), 1, (unit, table))

    def test_they_can_write_nothing_but_their_state(self):
        inside = {PLUTOND: ("/var/lib/pluton",), TPM: ()}
        for unit, places in inside.items():
            pid = machine.main_pid(unit)
            with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
                mounts = [line.split() for line in file]
            writable = {mount[4] for mount in mounts if "rw" in mount[5].split(",")}
            kernel = ("/proc", "/dev", "/sys", "/run", "/tmp", "/var/tmp")
            others = {place for place in writable if not place.startswith(kernel)} - {"/"}
            self.assertEqual(others - set(places), set(), unit)
            root, = [mount for mount in mounts if mount[4] == "/"][-1:]
            self.assertIn("ro", root[5].split(","), unit)

    def test_they_are_the_users_processes_and_nobody_else_is(self):
        for user, unit in (("pluton", PLUTOND), ("pluton-tpm", TPM)):
            pids = machine.run("pgrep", "-u", user).stdout.split()
            self.assertEqual(pids, [str(machine.main_pid(unit))])
