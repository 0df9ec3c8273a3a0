# SPDX-License-Identifier: Apache-2.0
"""plutond is started by who needs it: a connection, a call on the bus."""

import machine
from machine import BUS_CALL, PLUTOND, SOCKET, TPM, Scenario


class Activation(Scenario):
    def setUp(self):
        super().setUp()
        machine.systemctl("stop", PLUTOND)
        self.assertFalse(machine.is_active(PLUTOND))

    def test_a_connection_to_the_socket_starts_it_and_is_served(self):
        self.assertTrue(machine.is_active(SOCKET))
        self.random()
        machine.await_state(PLUTOND, "active")

    def test_a_call_on_the_bus_starts_it_and_is_answered(self):
        answer = machine.done(*BUS_CALL, "org.pluton1.Random", "Get", "u", "16")
        self.assertRegex(answer, r"^ay 16( \d+){16}$")
        machine.await_state(PLUTOND, "active")

    def test_a_tpm_command_starts_plutond_and_the_tpm(self):
        machine.await_state(TPM, "inactive")
        self.assertRegex(self.tpm("getrandom", "--hex", "16"), r"^[0-9a-f]{32}$")
        machine.await_state(TPM, "active")

    def test_a_call_of_the_tpm_on_the_bus_starts_nothing_as_the_bus_lets_anybody_start_services(self):
        machine.await_state(TPM, "inactive")
        for user in (machine.MEMBER, machine.STRANGER):
            answer = machine.run("busctl", "--system", "call", "org.freedesktop.DBus",
                                 "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                 "StartServiceByName", "su", "org.pluton1.Tpm.tpm0", "0", user=user)
            self.assertNotEqual(answer.returncode, 0)
        self.assertFalse(machine.is_active(TPM))

    def test_many_that_connect_at_once_are_all_served_by_the_one_that_starts(self):
        clients = [machine.start("pluton-cli", "random", "16") for _ in range(20)]
        numbers = {client.communicate(timeout=machine.DEADLINE)[0] for client in clients}
        self.assertEqual([client.returncode for client in clients], [0] * 20)
        self.assertEqual(len(numbers), 20)
        self.assertEqual(machine.show(PLUTOND, "NRestarts"), "0")

    def test_systemd_is_told_when_it_is_ready_and_how_it_is(self):
        machine.systemctl("start", PLUTOND)
        self.assertRegex(machine.show(PLUTOND, "StatusText"), "^serving")
        self.assertEqual(machine.show(PLUTOND, "Type"), "notify")

    def test_the_name_on_the_bus_is_the_units_own(self):
        self.random()
        owner = machine.done("busctl", "--system", "call", "org.freedesktop.DBus", "/",
                             "org.freedesktop.DBus", "GetConnectionUnixProcessID", "s", "org.pluton1")
        self.assertEqual(int(owner.split()[1]), machine.main_pid(PLUTOND))
