# SPDX-License-Identifier: Apache-2.0
"""The D-Bus object of a TPM: every unique name is a client with objects of its own, which go when
the name goes; cancelling, localities and limits; a TPM that crashes, a bus that dies, names that are
taken, and what hostile callers get."""

import contextlib
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import unittest
import unittest.mock
import time
import xml.etree.ElementTree as xml

import plutond
import private
import tpm_channel as tpm
from bus import ERROR, NO_REPLY, RETURN, SIGNAL, Bus, BusError, Peer
from tpm_channel import TpmChannel

NAME, PATH, INTERFACE = "org.pluton1.Tpm.tpm0", "/org/pluton1/tpm/tpm0", "org.pluton1.Tpm"
PROPERTIES = "org.freedesktop.DBus.Properties"
SERVING, AWAY = f"info: on the bus as {NAME}", f"not on the bus as {NAME}: "
NOBODY = 65534
PATIENCE = 60  # seconds; only what hangs takes so long
QUEUE = 5  # commands of one name: one under way, four that wait
ASIDE = 4

RC_LOCALITY = 0x907
RC_OBJECT_MEMORY = 0x902
RC_REFERENCE_H0 = 0x910
OBJECTS = 3  # transient objects that libtpms has room for


def create_ecc():
    """A P-256 key that signs, outside dictionary attack protection: the first use of one that is
    inside is TPM_RC_RETRY."""
    public = struct.pack(">HHIHHHHHHH", 0x23, tpm.SHA256, 0x00040472, 0, 0x10, 0x10, 3, 0x10, 0, 0)
    return tpm.authorized(0x131, [tpm.NULL], struct.pack(">HHH", 4, 0, 0),
                          struct.pack(">H", len(public)), public, struct.pack(">HI", 0, 0))


def sign(handle):
    return tpm.authorized(0x15d, [handle], struct.pack(">H", 32), bytes(32),
                          struct.pack(">HH", 0x18, tpm.SHA256),
                          struct.pack(">HIH", 0x8024, tpm.NULL, 0))


def flush(handle):
    return tpm.plain(0x165, struct.pack(">I", handle))


def read_public(handle):
    return tpm.plain(0x173, struct.pack(">I", handle))


def code(response):
    return struct.unpack_from(">I", response, 6)[0]


def handle(response):
    return struct.unpack_from(">I", response, 10)[0]


def updates(response):
    """TPM2_PCR_Read's pcrUpdateCounter."""
    return struct.unpack_from(">I", response, 10)[0]


class TpmPeer(Peer):
    """A program on the bus that uses a TPM."""

    def ask(self, member, signature="", *values, interface=INTERFACE, flags=0):
        return self.send(interface, member, signature, *values, to=NAME, path=PATH, flags=flags)

    def call(self, member, signature="", *values, interface=INTERFACE):
        return self.reply(self.ask(member, signature, *values, interface=interface))

    def begin(self, command):
        return self.ask("Transmit", "ay", command)

    def end(self, serial):
        return self.reply(serial)[0]

    def transmit(self, command):
        return self.end(self.begin(command))

    def get(self, name):
        return self.call("Get", "ss", INTERFACE, name, interface=PROPERTIES)[0]

    def info(self):
        return self.call("GetInfo")[0]


class OnBus(unittest.TestCase):
    ARGUMENTS = ""  # of pluton-tpmd
    POLICY = ""  # of the bus

    def setUp(self):
        self.bus = self.enterContext(Bus(self.POLICY))
        self.daemon = self.make_daemon()
        self.addCleanup(self.check_log)  # after it has stopped
        self.enterContext(self.daemon)
        self.peer = self.join()
        self.await_log(SERVING)

    def make_daemon(self):
        daemon = plutond.Daemon(arguments=["--bus", self.bus.address])
        folder = f"{daemon.directory}/app.d"
        os.mkdir(folder)
        with open(f"{folder}/tpm0.conf", "w", encoding="utf-8") as file:
            file.write(f"[app]\nexec = {private.BUILD}/pluton-tpmd --instance tpm0 "
                       f"{self.ARGUMENTS}\ndrivers = nvmem\nstart = boot\nrestart = always\n"
                       "restart_delay = 10ms\nrestart_delay_max = 10ms\n")
        daemon.configure(f"[app]\nfolders = {folder}\n")
        return daemon

    def check_log(self):
        """No sanitizer had anything to say, nor the TPM about itself."""
        self.assertNotRegex(self.daemon.log, "Sanitizer|runtime error|failure mode")
        self.assertIn("the TPM was shut down", self.daemon.log)

    def join(self):
        peer = TpmPeer(self.bus.address)
        self.addCleanup(peer.close)
        return peer

    def channel(self):
        return self.enterContext(TpmChannel(self.daemon.address))

    def until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), end, what)
            select.select([], [], [], 0.01)

    def await_log(self, text, times=1):
        self.until(lambda: self.daemon.read_log().count(text) >= times, text)

    def refused(self, error, pattern, peer, *call):
        with self.assertRaises(BusError) as caught:
            peer.call(*call)
        self.assertRegex(caught.exception.name, rf"^org\.pluton1\.Error\.{error}$")
        self.assertRegex(caught.exception.text, pattern)

    def works(self, peer=None):
        response = (peer or self.peer).transmit(tpm.get_random(16))
        self.assertEqual((code(response), len(response)), (0, 10 + 2 + 16))

    def create(self, peer):
        response = peer.transmit(create_ecc())
        self.assertEqual(code(response), 0)
        return handle(response)

    def has_room(self, peer):
        """The TPM has no object: all its places are to be had."""
        handles = []
        for _ in range(OBJECTS):
            response = peer.transmit(create_ecc())
            if code(response) == 0:
                handles.append(handle(response))
        for each in handles:
            self.assertEqual(code(peer.transmit(flush(each))), 0)
        return len(handles) == OBJECTS

    def kill(self):
        """SIGKILL for the TPM; returns when the next one is there."""
        before = self.daemon.read_log().count(SERVING)
        os.kill(self.info()["pid"], signal.SIGKILL)
        self.await_log(SERVING, before + 1)

    def info(self):
        """By somebody who is not there before and after."""
        with TpmPeer(self.bus.address) as peer:
            return peer.info()


class Object(OnBus):
    def test_its_interface_can_be_read_with_the_names_of_all_arguments(self):
        serial = self.peer.ask("Introspect", interface="org.freedesktop.DBus.Introspectable")
        tree = xml.fromstring(self.peer.reply(serial)[0])
        interface = tree.find(f"interface[@name='{INTERFACE}']")
        said = {method.get("name"): [(each.get("direction"), each.get("type"), each.get("name"))
                                     for each in method] for method in interface.findall("method")}
        self.assertEqual(said, {
            "Transmit": [("in", "ay", "command"), ("out", "ay", "response")],
            "Cancel": [("out", "b", "cancelled")],
            "CancelRunning": [("out", "b", "cancelled")],
            "SetLocality": [("in", "u", "locality")],
            "GetInfo": [("out", "a{sv}", "info")]})
        self.assertEqual({each.get("name"): each.get("type")
                          for each in interface.findall("property")},
                         {"Instance": "s", "Version": "s", "Library": "s", "Connections": "u"})

    def test_its_properties_say_who_it_is(self):
        self.assertEqual(self.peer.get("Instance"), "tpm0")
        self.assertEqual(self.peer.get("Version"), self.info()["version"])
        self.assertRegex(self.peer.get("Library"), r"^libtpms \d")

    def test_a_name_is_a_connection_from_its_first_command_until_it_goes(self):
        self.assertEqual(self.peer.get("Connections"), 0)
        self.works()
        self.assertEqual(self.peer.get("Connections"), 1)
        other = self.join()
        self.works(other)
        self.works(other)
        self.assertEqual(self.peer.get("Connections"), 2)
        other.close()
        self.until(lambda: self.peer.get("Connections") == 1, "the connection stays")

    def test_info_has_the_fields_that_channels_have(self):
        channel = self.channel()
        self.works()
        info, other = self.peer.info(), channel.info()
        self.assertEqual(set(info), set(other))
        for name in "instance", "version", "library", "pid", "connections_max", "commands":
            self.assertEqual(info[name], other[name], name)

    def test_pluton_tpmd_serves_channels_beside_it(self):
        channel = self.channel()
        self.works()
        self.assertEqual(len(channel.run(tpm.get_random(8))), 2 + 8)


class Objects(OnBus):
    def test_an_object_is_its_own_name_s_and_of_no_other(self):
        mine = self.create(self.peer)
        other = self.join()
        self.assertEqual(code(other.transmit(read_public(mine))), RC_REFERENCE_H0)
        self.assertEqual(code(other.transmit(sign(mine))), RC_REFERENCE_H0)
        self.assertNotEqual(code(other.transmit(flush(mine))), 0)
        self.assertEqual(code(self.peer.transmit(sign(mine))), 0)

    def test_an_object_of_a_name_that_goes_is_flushed(self):
        for _ in range(OBJECTS + 1):
            other = self.join()
            for _ in range(OBJECTS):
                self.assertEqual(code(other.transmit(sign(self.create(other)))), 0)
            self.assertEqual(code(self.peer.transmit(create_ecc())), RC_OBJECT_MEMORY)
            other.close()
            self.until(lambda: self.has_room(self.peer), "its objects stay")

    def test_a_name_that_goes_in_the_middle_of_a_command_leaves_nothing(self):
        for _ in range(OBJECTS + 1):
            other = self.join()
            other.begin(tpm.create_rsa(3072))
            other.begin(create_ecc())
            other.close()
        self.until(lambda: self.has_room(self.peer), "its objects stay")
        self.until(lambda: self.peer.get("Connections") == 1, "its connection stays")


class Cancelling(OnBus):
    POLICY = '<policy context="default"><allow user="*"/></policy>'

    def cancelled(self, cancel):
        """What ends by itself could not be cancelled: then it is tried again."""
        for _ in range(10):
            serial = self.peer.begin(tpm.create_rsa(3072))
            cancel()
            response = self.peer.end(serial)
            if code(response) == tpm.RC_CANCELED:
                return
            self.assertEqual(code(self.peer.transmit(flush(handle(response)))), 0)
        self.fail("not cancelled")

    def test_a_name_cancels_its_own_command(self):
        self.cancelled(lambda: self.assertEqual(self.peer.call("Cancel"), (True,)))
        self.works()

    def test_a_command_that_is_cancelled_before_anything_else_is_known_is_cancelled(self):
        for _ in range(10):
            other = self.join()
            serial, cancel = other.begin(tpm.create_rsa(3072)), other.ask("Cancel")
            self.assertEqual(other.reply(cancel), (True,))
            if code(other.end(serial)) == tpm.RC_CANCELED:
                return
            other.close()
        self.fail("not cancelled")

    def test_what_waits_behind_a_cancelled_command_runs(self):
        serial = self.peer.begin(tpm.create_rsa(3072))
        behind = self.peer.begin(tpm.get_random(8))
        self.assertEqual(self.peer.call("Cancel"), (True,))
        self.peer.end(serial)
        self.assertEqual(code(self.peer.end(behind)), 0)

    def test_nothing_to_cancel_is_told(self):
        self.assertEqual(self.peer.call("Cancel"), (False,))
        self.works()
        self.assertEqual(self.peer.call("Cancel"), (False,))
        self.assertEqual(self.peer.call("CancelRunning"), (False,))

    def test_nobody_cancels_another_name_s_command_by_cancel(self):
        other = self.join()
        self.works(other)
        serial = self.peer.begin(tpm.create_rsa(2048))
        self.assertEqual(other.call("Cancel"), (False,))
        self.assertEqual(code(self.peer.end(serial)), 0)

    def test_another_name_of_the_same_user_cancels_what_runs(self):
        other = self.join()

        def cancel():
            self.until(lambda: other.call("CancelRunning")[0], "nothing runs")
        self.cancelled(cancel)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs another user")
    def test_another_user_does_not_cancel_what_runs(self):
        os.chmod(self.bus.folder.name, 0o755)
        call = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "busctl",
                f"--address={self.bus.address}", "call", NAME, PATH, INTERFACE, "CancelRunning"]
        self.assertEqual(private.run(*call, cwd="/").stdout, b"b false\n")
        for _ in range(10):
            serial = self.peer.begin(tpm.create_rsa(3072))
            done = private.run(*call, cwd="/")
            self.assertEqual((done.stdout, done.stderr), (b"b false\n", b""))
            response = self.peer.end(serial)
            self.assertEqual(code(response), 0)
            self.peer.transmit(flush(handle(response)))


class Localities(OnBus):
    ARGUMENTS = "--locality-max 3"

    def test_a_name_has_the_locality_that_it_has_set_and_others_have_theirs(self):
        other = self.join()
        extend = tpm.pcr_extend(20, bytes(32))  # from locality 1 on
        self.assertEqual(code(self.peer.transmit(extend)), RC_LOCALITY)
        self.peer.call("SetLocality", "u", 3)
        self.assertEqual(code(self.peer.transmit(extend)), 0)
        self.assertEqual(code(other.transmit(extend)), RC_LOCALITY)
        self.kill()
        self.assertEqual(code(self.peer.transmit(extend)), 0)

    def test_a_locality_is_set_between_the_commands_before_and_after(self):
        extend = tpm.pcr_extend(20, bytes(32))
        serials = [self.peer.begin(extend), self.peer.ask("SetLocality", "u", 2),
                   self.peer.begin(extend), self.peer.ask("SetLocality", "u", 0),
                   self.peer.begin(extend)]
        answers = [self.peer.reply(each) for each in serials]
        self.assertEqual([code(each[0]) for each in answers if each], [RC_LOCALITY, 0, RC_LOCALITY])

    def test_a_locality_over_the_highest_is_refused(self):
        self.refused("Inval", "locality 4; this TPM gives its clients 0 to 3", self.peer,
                     "SetLocality", "u", 4)
        self.refused("Inval", "locality 4294967295", self.peer, "SetLocality", "u", 0xffffffff)
        self.works()


class Limits(OnBus):
    ARGUMENTS = "--connections-max 3"

    def test_commands_have_10_to_4096_bytes(self):
        for size in 10, 4096:
            response = self.peer.transmit(tpm.plain(0x17b)[:6] + bytes(size - 6))
            self.assertNotEqual(code(response), 0)
            self.assertEqual(len(response), 10)
        for size in 0, 9, 4097, 300000, 2 << 20:
            self.refused("Size", r"10 to 4096|far longer", self.peer, "Transmit", "ay", bytes(size))
        self.works()

    def test_a_name_has_five_commands_and_the_sixth_is_told_to_wait(self):
        for _ in range(10):
            long = self.peer.begin(tpm.create_rsa(3072))
            behind = [self.peer.begin(tpm.get_random(8)) for _ in range(QUEUE)]
            self.peer.call("Cancel")
            conclusive = code(self.peer.end(long)) == tpm.RC_CANCELED
            for serial in behind[:-1]:
                self.assertEqual(code(self.peer.end(serial)), 0)
            try:
                self.peer.end(behind[-1])
            except BusError as error:
                self.assertEqual(error.name, "org.pluton1.Error.Busy")
                self.assertIn("5 calls are under way", error.text)
                self.works()
                return
            self.assertFalse(conclusive)
        self.fail("never told to wait")

    def test_the_tpm_has_as_many_connections_as_it_was_told_on_the_bus_and_beside_it(self):
        self.channel()
        self.works()
        self.works(self.join())
        late = self.join()
        self.refused("Busy", "3 clients, the most it takes", late, "Transmit", "ay",
                     tpm.get_random(8))
        self.refused("Busy", "3 clients, the most it takes", late, "GetInfo")
        self.works()

    def test_a_place_that_becomes_free_is_to_be_had(self):
        first = self.join()
        self.works(first)
        self.works(self.join())
        self.works()
        first.close()
        late = self.join()

        def served():
            try:
                self.works(late)
            except BusError as error:
                self.assertEqual(error.name, "org.pluton1.Error.Busy")
                return False
            return True
        self.until(served, "no place becomes free")

    def test_a_crowd_is_served_or_told_to_come_again(self):
        crowd = [self.join() for _ in range(100)]
        serials = [each.begin(tpm.get_random(8)) for each in crowd]
        served = 0
        for each, serial in zip(crowd, serials):
            try:
                served += code(each.end(serial)) == 0
            except BusError as error:
                self.assertEqual(error.name, "org.pluton1.Error.Busy")
        self.assertGreater(served, 0)
        for each in crowd:
            each.close()
        self.until(lambda: self.peer.get("Connections") == 0, "somebody stays")
        self.works()


class PerUser(OnBus):
    ARGUMENTS = "--connections-max 8 --connections-per-user 1"
    POLICY = '<policy context="default"><allow user="*"/></policy>'
    def as_another(self, run):
        """What `run` says in a process of another user."""
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
                os.write(into, run().encode())
            os._exit(0)
        os.close(into)
        with open(out, encoding="utf-8") as said:
            text = said.read()
        os.waitpid(child, 0)
        return text

    def twice(self):
        with TpmPeer(self.bus.address) as first, TpmPeer(self.bus.address) as second:
            first.transmit(tpm.get_random(8))
            try:
                second.transmit(tpm.get_random(8))
            except BusError as error:
                return str(error)
            return "served"

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_one_user_has_as_many_connections_as_one_may_have(self):
        os.chmod(self.bus.folder.name, 0o755)
        self.assertIn("Error.Busy: user 65534 has 1 connections to this TPM",
                      self.as_another(self.twice))
        self.assertEqual(self.twice(), "served")  # root has as many as there are


class Turns(OnBus):
    def test_many_commands_on_the_bus_and_one_on_a_channel_take_turns(self):
        # A long command holds all others up until they have been sent; it is cancelled then.
        blocker, channel = self.channel(), self.channel()
        names = [self.join() for _ in range(4)]
        for each in names:
            self.works(each)
        for _ in range(10):
            before = updates(channel.response(channel.transmit(tpm.pcr_read(10)))[1])
            long = blocker.transmit(tpm.create_rsa(3072))
            serials = [(each, each.begin(tpm.pcr_extend(10, bytes(32)))) for each in names
                       for _ in range(QUEUE)]
            for each in names:
                each.get("Connections")  # what was sent before is taken
            op_id = channel.transmit(tpm.pcr_read(10))
            blocker.cancel(long)
            result, response = blocker.response(long)
            between = updates(channel.response(op_id)[1]) - before
            for each, serial in serials:
                self.assertEqual(code(each.end(serial)), 0)
            after = updates(channel.response(channel.transmit(tpm.pcr_read(10)))[1]) - before
            self.assertEqual(after, len(serials))
            if result == tpm.RC_CANCELED:
                # Each name had one turn, or two if the channel's came just after its first.
                self.assertLessEqual(between, 2 * len(names))
                return
            blocker.run(flush(handle(response)))
        self.fail("never cancelled in time")


class Crashes(OnBus):
    def test_objects_and_sequences_outlive_a_crash_of_the_tpm(self):
        mine = self.create(self.peer)
        self.kill()
        self.assertEqual(code(self.peer.transmit(sign(mine))), 0)
        self.assertEqual(self.info()["resumes"], 1)
        self.kill()
        self.assertEqual(code(self.peer.transmit(sign(mine))), 0)

    def test_who_says_nothing_after_a_crash_keeps_its_objects_too(self):
        mine = self.create(self.peer)
        self.kill()
        other = self.join()
        self.until(lambda: other.get("Connections") == 1, "nobody is welcomed back")
        self.assertEqual(code(other.transmit(read_public(mine))), RC_REFERENCE_H0)
        self.assertEqual(code(self.peer.transmit(sign(mine))), 0)

    def test_an_object_is_of_no_use_to_who_comes_after_a_crash(self):
        mine = self.create(self.peer)
        self.kill()
        self.assertEqual(code(self.join().transmit(sign(mine))), RC_REFERENCE_H0)

    def test_a_command_under_way_in_a_crash_is_answered_by_the_bus(self):
        self.works()
        pid = self.info()["pid"]
        os.kill(pid, signal.SIGSTOP)
        serial = self.peer.begin(tpm.get_random(8))
        self.peer.bus("GetId")  # the bus has taken it
        os.kill(pid, signal.SIGKILL)
        with self.assertRaises(BusError) as caught:
            self.peer.end(serial)
        self.assertEqual(caught.exception.name, "org.freedesktop.DBus.Error.NoReply")
        self.await_log(SERVING, 2)
        self.works()

    def test_stopped_and_started_it_is_on_the_bus_again_without_objects(self):
        mine = self.create(self.peer)
        for verb in "stop", "start":
            done = private.run(private.CLI, "app", verb, "tpm0",
                               env=private.environment(PLUTON_ADDRESS=self.daemon.address))
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(code(self.peer.transmit(sign(mine))), RC_REFERENCE_H0)
        self.assertTrue(self.has_room(self.peer))


class Buses(OnBus):
    def test_a_bus_that_dies_takes_its_names_with_it_and_is_joined_again(self):
        channel = self.channel()
        for _ in range(OBJECTS):
            self.create(self.peer)
        self.bus.kill()
        self.await_log(AWAY)
        self.assertEqual(channel.info()["connections"], 1)
        self.assertEqual(len(channel.run(tpm.get_random(8))), 2 + 8)
        self.bus.start()
        self.await_log(SERVING, 2)
        self.peer = self.join()
        self.works()
        self.assertTrue(self.has_room(self.peer))
        self.assertEqual(self.daemon.read_log().count(AWAY), 1)

    def test_a_name_of_another_bus_gets_nothing_of_one_with_the_same_name(self):
        mine, pid = self.create(self.peer), self.peer.info()["pid"]
        os.kill(pid, signal.SIGSTOP)  # it does not see that the bus goes
        self.bus.kill()
        os.kill(pid, signal.SIGKILL)
        self.bus.start()
        self.await_log(SERVING, 2)
        for _ in range(8):  # whatever number it had
            self.assertEqual(code(self.join().transmit(sign(mine))), RC_REFERENCE_H0)

    def test_a_name_that_is_taken_is_said_once_and_taken_over_when_it_is_free(self):
        cli = private.environment(PLUTON_ADDRESS=self.daemon.address)
        private.run(private.CLI, "app", "stop", "tpm0", env=cli)
        thief = self.join()
        self.assertEqual(thief.bus("RequestName", "su", NAME, 4), (1,))
        self.assertEqual(private.run(private.CLI, "app", "start", "tpm0", env=cli).returncode, 0)
        self.await_log(AWAY + "the name is taken")
        channel = self.channel()
        self.assertEqual(len(channel.run(tpm.get_random(8))), 2 + 8)
        thief.close()
        self.await_log(SERVING, 2)
        self.works()
        self.assertEqual(self.daemon.read_log().count("the name is taken"), 1)


class Instances(unittest.TestCase):
    def test_a_name_that_d_bus_does_not_allow_is_changed_until_it_does(self):
        with Bus() as bus:
            daemon = plutond.Daemon(arguments=["--bus", bus.address])
            folder = f"{daemon.directory}/app.d"
            os.mkdir(folder)
            with open(f"{folder}/2nd-tpm.conf", "w", encoding="utf-8") as file:
                file.write(f"[app]\nexec = {private.BUILD}/pluton-tpmd --instance 2nd-tpm\n"
                           "drivers = nvmem\nstart = boot\n")
            daemon.configure(f"[app]\nfolders = {folder}\n")
            with daemon:
                private.run(private.CLI, "app", "start", "2nd-tpm",
                            env=private.environment(PLUTON_ADDRESS=daemon.address))
                with Peer(bus.address) as peer:
                    serial = peer.send(PROPERTIES, "Get", "ss", INTERFACE, "Instance",
                                       to="org.pluton1.Tpm._2nd_tpm",
                                       path="/org/pluton1/tpm/_2nd_tpm")
                    self.assertEqual(peer.reply(serial), ("2nd-tpm",))

    def test_without_a_bus_there_is_none(self):
        with plutond.Daemon() as daemon, TpmChannel(daemon.address) as channel:
            self.assertEqual(len(channel.run(tpm.get_random(8))), 2 + 8)
            self.assertNotIn("on the bus", daemon.read_log())

    def test_on_a_bus_it_is_there_without_being_asked_for_and_app_start_waits_for_it(self):
        script = ("pluton-cli app start tpm0 && busctl --user get-property "
                  f"{NAME} {PATH} {INTERFACE} Instance")
        for variable in "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS":
            bus = variable.split("_")[1].lower()
            with Bus() as ours, unittest.mock.patch.dict(os.environ, {variable: ours.address}), \
                    plutond.Daemon(arguments=["--bus", bus]) as daemon:
                done = private.run("/bin/sh", "-c", script.replace("--user", f"--{bus}").replace(
                    "--session", "--user"), env=private.environment(PLUTON_ADDRESS=daemon.address))
                self.assertEqual((done.stdout, done.stderr), (b's "tpm0"\n', b""))


class Hostile(OnBus):
    def test_garbage_is_refused_by_whoever_sees_it_first_and_the_tpm_goes_on(self):
        for body, signature in ((b"\xff\xff\xff\x7f", "ay"), (b"\x01\x00\x00\x00\xff\x00", "s"),
                                (bytes(4), "a{sv}"), (b"\x05", "b"), (b"", "ay"), (b"", "")):
            garbage = self.join()
            garbage.serial += 1
            with contextlib.suppress(OSError):  # the bus may hang up at once
                garbage.send_raw("Transmit", INTERFACE, signature, body, to=NAME, path=PATH)
            self.works()
        for kind in RETURN, ERROR, SIGNAL, 77:
            other = self.join()
            other.serial += 1
            with contextlib.suppress(OSError):
                other.send_raw("Transmit", INTERFACE, "u", bytes(4), to=NAME, path=PATH, kind=kind,
                               reply_to=3 if kind in (RETURN, ERROR) else 0)
            self.works()

    def test_random_bytes_as_commands_are_the_tpm_s_to_refuse(self):
        for size in 10, 11, 100, 4096:
            for _ in range(20):
                self.assertNotEqual(code(self.peer.transmit(os.urandom(size))), 0)
        self.works()

    def test_arguments_of_another_type_and_methods_that_are_none_are_refused(self):
        for member, signature, values, error in (
                ("Transmit", "s", ("x",), "InvalidArgs"), ("Transmit", "", (), "InvalidArgs"),
                ("SetLocality", "i", (1,), "InvalidArgs"), ("Cancel", "u", (1,), "InvalidArgs"),
                ("No", "", (), "UnknownMethod")):
            with self.assertRaises(BusError) as caught:
                self.peer.call(member, signature, *values)
            self.assertEqual(caught.exception.name, f"org.freedesktop.DBus.Error.{error}")
        self.works()

    def test_descriptors_do_not_stay_open(self):
        out, into = os.pipe()
        memory = os.memfd_create("test")
        for _ in range(20):
            with self.assertRaises(BusError):
                self.peer.call("Transmit", "h", into)
            with self.assertRaises(BusError):
                self.peer.call("Transmit", "h", memory)
        os.close(into)
        os.close(memory)
        self.assertEqual(os.read(out, 1), b"")  # nobody else has it
        os.close(out)
        self.works()

    def test_calls_that_want_no_answer_are_run(self):
        before = updates(self.peer.transmit(tpm.pcr_read(10)))
        for _ in range(QUEUE):
            self.peer.ask("Transmit", "ay", tpm.pcr_extend(10, bytes(32)), flags=NO_REPLY)
            self.works()
        self.assertEqual(updates(self.peer.transmit(tpm.pcr_read(10))) - before, QUEUE)

    def test_a_flood_of_calls_holds_up_nobody_and_leaves_nothing(self):
        flood = self.join()
        for i in range(2000):
            flood.ask("Transmit", "ay", tpm.get_random(8), flags=NO_REPLY if i % 3 else 0)
            flood.ask("GetInfo")
            if i % 500 == 0:
                self.works()
        flood.close()
        self.until(lambda: self.peer.get("Connections") == 1, "the flood stays")

    def test_what_only_the_bus_may_say_is_not_believed_of_others(self):
        mine = self.create(self.peer)
        liar = self.join()
        liar.send("org.freedesktop.DBus", "NameOwnerChanged", "sss", self.peer.name, self.peer.name,
                  "", to=NAME, path="/org/freedesktop/DBus", kind=SIGNAL)
        for serial in range(1, 40):  # an answer to whatever was asked of the bus
            liar.send("", "", "a{sv}", [("UnixUserID", ("u", 0))], to=NAME, kind=RETURN,
                      reply_to=serial)
        self.works(liar)
        self.assertEqual(code(self.peer.transmit(sign(mine))), 0)


if __name__ == "__main__":
    unittest.main()
