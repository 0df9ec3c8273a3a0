# SPDX-License-Identifier: Apache-2.0
"""[access]: who is let in, on the socket and on a bus, who is turned away and with what words, and
that whoever is turned away costs the others nothing. --system: for whom the system's service is."""

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

import plutond
from bus import Bus, BusError, Peer
from client import HEADER, HELLO, Client, Refused
from private import BUILD, CLI, environment, run
from test_app import AppClient, hear

SOMEBODY, OTHER = 65534, 64321  # no users of a machine's own
MEMBERS, STRANGERS = 54321, 54322  # groups, that need no name
ANYBODY_ON_BUS = '<policy context="default"><allow user="*"/></policy>'
REFUSED = "user {} may use nothing here: {}"
TO_MEMBERS = (f"add it to the group {MEMBERS} (from the next login on), or to [access] of "
              "plutond.conf(5)")
TO_ACCESS = "add it to [access] of plutond.conf(5)"
GREETING = HEADER.pack(HELLO, 0, HEADER.size + 8, 0, 0) + struct.pack("<II", 1, 0)
FLOOD = 300  # connections of each who floods


def as_user(uid, function, *arguments, groups=()):
    """What `function` returns in a process of that user and these groups; the first is primary."""
    groups = groups or (uid,)
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(out)
            os.setgroups(groups)
            os.setresgid(groups[0], groups[0], groups[0])
            os.setresuid(uid, uid, uid)
            said = function(*arguments)
        except BaseException as error:  # pylint: disable=broad-except
            said = f"{type(error).__name__}: {error}"
        with contextlib.suppress(OSError):
            os.write(into, json.dumps(said).encode())
        os._exit(0)
    os.close(into)
    with open(out, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return json.loads(said)


def begin_as_user(uid, function, *arguments):
    """The same without waiting: the child's pid."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.setgroups([uid])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            function(*arguments)
        os._exit(0)
    return child


def use(address):
    """What becomes of who wants some random bytes, in a word or the daemon's."""
    try:
        with Client(address) as client:
            return "served" if len(client.random(8)) == 8 else "nothing"
    except Refused as refused:
        return str(refused)


def flood(address):
    """Some speak first, some wait, some leave at once."""
    for i in range(FLOOD):
        with contextlib.suppress(Refused, OSError):
            if i % 3:
                Client(address).socket.close()
            else:
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connected:
                    connected.connect(address.removeprefix("unix:"))
                    if i % 2:
                        connected.send(GREETING)


def call(address):
    """The same on a bus."""
    try:
        with Peer(address) as peer:
            return "served" if len(peer.call("Random", "Get", "u", 8)[0]) == 8 else "nothing"
    except BusError as error:
        return str(error)


class SystemDaemon(plutond.Daemon):
    """`plutond --system`, on a machine that has these groups."""

    def __init__(self, groups, *arguments, **options):
        super().__init__(*arguments, **options)
        with open(f"{self.directory}/group", "w", encoding="utf-8") as out:
            out.write(groups)

    def command(self):
        return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/group && exec "$@"',
                f"{self.directory}/group", *super().command(), "--system"]

    def run(self, *arguments):
        return subprocess.run([*self.command(), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=plutond.TIMEOUT_S, check=False)


def can_have_groups_of_its_own():
    probe = ["unshare", "--mount", "mount", "--bind", "/etc/group", "/etc/group"]
    return os.geteuid() == 0 and shutil.which("unshare") and subprocess.run(
        probe, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


@unittest.skipUnless(os.geteuid() == 0, "needs other users")
class Access(unittest.TestCase):
    def start(self, *lines, arguments=(), make=plutond.Daemon):
        """A daemon with these lines of [access]; no apps."""
        daemon = make(arguments=arguments)
        os.chmod(daemon.directory, 0o711)
        os.mkdir(f"{daemon.directory}/app.d")
        self.configure(daemon, *lines)
        daemon.__enter__()
        self.addCleanup(daemon.__exit__, None, None, None)
        return daemon

    @staticmethod
    def configure(daemon, *lines, more=""):
        daemon.configure("\n".join([f"[app]\nfolders = {daemon.directory}/app.d", more, "[access]",
                                    *lines, ""]))

    def refusal(self, uid, advice):
        return "NODEVICE: " + REFUSED.format(uid, advice)

    def status(self, daemon):
        """As root sees it, who is counted."""
        done = run(CLI, "--json", "status", env=environment(PLUTON_ADDRESS=daemon.address))
        return json.loads(done.stdout)


class OnSocket(Access):
    def test_without_lines_everybody_is_served(self):
        daemon = self.start()
        self.assertEqual(as_user(SOMEBODY, use, daemon.address), "served")

    def test_a_user_is_served_by_a_line_of_its_own_and_others_are_not(self):
        daemon = self.start("default = none", f"user.{SOMEBODY} = rng")
        self.assertEqual(as_user(SOMEBODY, use, daemon.address), "served")
        self.assertEqual(as_user(OTHER, use, daemon.address), self.refusal(OTHER, TO_ACCESS))

    def test_root_is_a_user_like_others(self):
        daemon = self.start("default = none")
        self.assertEqual(use(daemon.address), self.refusal(0, TO_ACCESS))

    def test_members_of_a_group_are_served_by_its_line_whichever_of_theirs_it_is(self):
        daemon = self.start("default = none", f"group.{MEMBERS} = rng")
        for groups in ((MEMBERS,), (STRANGERS, MEMBERS), (MEMBERS, STRANGERS)):
            self.assertEqual(as_user(SOMEBODY, use, daemon.address, groups=groups), "served")
        self.assertIn("may use nothing",
                      as_user(SOMEBODY, use, daemon.address, groups=(STRANGERS,)))

    def test_a_user_s_own_line_refuses_a_member_too_and_the_sentence_sends_to_that_line(self):
        daemon = self.start(f"group.{MEMBERS} = all", f"user.{SOMEBODY} = none")
        self.assertEqual(as_user(SOMEBODY, use, daemon.address, groups=(MEMBERS,)),
                         self.refusal(SOMEBODY, "change its line in [access] of plutond.conf(5)"))

    def test_the_sentence_names_a_group_to_join_only_if_that_helps(self):
        for lines, advice in (
                ((f"group.{MEMBERS} = rng",), TO_MEMBERS),
                ((f"group.{STRANGERS} = rng", f"group.{MEMBERS} = all"), TO_MEMBERS),
                ((f"group.{MEMBERS} = none",), TO_ACCESS)):
            daemon = self.start("default = none", *lines)
            self.assertEqual(as_user(OTHER, use, daemon.address), self.refusal(OTHER, advice))

    def test_who_may_use_something_is_let_in_and_refused_only_the_rest(self):
        daemon = self.start("default = digest")
        self.assertIn("may not use rng", as_user(SOMEBODY, use, daemon.address))

    def test_the_manager_alone_is_something(self):
        daemon = self.start("default = manager", "user.0 = all")
        self.assertIn("may not use rng", as_user(SOMEBODY, use, daemon.address))

    def test_who_is_refused_leaves_no_process_and_is_counted(self):
        daemon = self.start("default = none", "user.0 = all")
        before = self.status(daemon)
        for _ in range(5):
            self.assertIn("may use nothing", as_user(SOMEBODY, use, daemon.address))
        after = self.status(daemon)
        self.assertEqual(after["processes"], before["processes"])
        self.assertEqual(after["processes_refused"], before["processes_refused"] + 5)
        self.assertEqual(after["pool_taken"], before["pool_taken"])
        self.assertEqual(after["pool_committed"], before["pool_committed"])

    def test_after_sighup_it_holds_for_who_comes_from_then_on(self):
        daemon = self.start("default = none", f"user.{SOMEBODY} = all", "user.0 = all")
        with Client(daemon.address) as connected:
            self.configure(daemon, "default = none", f"group.{MEMBERS} = all")
            daemon.reload()
            self.assertEqual(len(connected.random(8)), 8)
            self.assertIn(f"add it to the group {MEMBERS}",
                          as_user(SOMEBODY, use, daemon.address))
            self.assertEqual(as_user(SOMEBODY, use, daemon.address, groups=(MEMBERS,)), "served")

    def test_a_flood_of_refused_disturbs_nobody_and_does_not_fill_the_log(self):
        daemon = self.start("default = none", "user.0 = all")
        before = self.status(daemon)
        with Client(daemon.address) as client:
            crowd = [begin_as_user(uid, flood, daemon.address) for uid in (SOMEBODY, OTHER)]
            for _ in range(200):
                self.assertEqual(len(client.random(8)), 8)
            for child in crowd:
                os.waitpid(child, 0)
            self.assertEqual(len(client.random(8)), 8)
        after = self.status(daemon)
        self.assertEqual(after["processes"], before["processes"])
        self.assertEqual(after["processes_refused"], before["processes_refused"] + 2 * FLOOD)
        daemon.stop()
        self.assertLess(daemon.log.count("connection refused: user"), FLOOD)

    def test_who_opens_a_tpm_gets_the_sentence(self):
        daemon = self.start("default = none")
        done = run(CLI, "tpm", "info", env=environment(PLUTON_ADDRESS=daemon.address))
        self.assertEqual(done.returncode, 1)
        self.assertIn(REFUSED.format(0, TO_ACCESS), done.stderr.decode())

    def test_pluton_cli_ends_with_1_and_the_sentence(self):
        daemon = self.start("default = none", f"group.{MEMBERS} = all")
        done = run(CLI, "status", env=environment(PLUTON_ADDRESS=daemon.address))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.decode(),
                         f"pluton-cli: {REFUSED.format(0, TO_MEMBERS)} (ENODEVICE)\n")


class OnBus(Access):
    def setUp(self):
        self.bus = Bus(ANYBODY_ON_BUS)
        self.bus.__enter__()
        self.addCleanup(self.bus.__exit__, None, None, None)
        os.chmod(self.bus.folder.name, 0o755)

    def on_bus(self, *lines):
        return self.start(*lines, arguments=["--bus", self.bus.address])

    def test_who_may_use_nothing_is_told_why_and_what_to_do(self):
        self.on_bus("default = none", f"group.{MEMBERS} = rng")
        said = as_user(SOMEBODY, call, self.bus.address)
        self.assertEqual(said, "org.pluton1.Error.NoDevice: " + REFUSED.format(
            SOMEBODY, TO_MEMBERS))

    def test_users_and_members_are_served(self):
        daemon = self.on_bus("default = none", f"group.{MEMBERS} = rng")
        self.assertEqual(as_user(SOMEBODY, call, self.bus.address, groups=(OTHER, MEMBERS)),
                         "served")
        self.configure(daemon, "default = none", f"user.{SOMEBODY} = rng")
        daemon.reload()
        self.assertEqual(as_user(SOMEBODY, call, self.bus.address), "served")

    def test_every_call_that_came_before_the_bus_said_who_it_is_is_denied(self):
        def many():
            with Peer(self.bus.address) as peer:
                serials = [peer.send("org.pluton1.Random", "Get", "u", 8) for _ in range(8)]
                denied = 0
                for serial in serials:
                    with contextlib.suppress(BusError):
                        peer.reply(serial)
                        denied -= 1
                    denied += 1
                return denied

        self.on_bus("default = none")
        self.assertEqual(as_user(SOMEBODY, many), 8)

    def test_introspection_is_open_to_everybody(self):
        def look():
            with Peer(self.bus.address) as peer:
                return "org.pluton1.Random" in peer.introspect()

        self.on_bus("default = none")
        self.assertTrue(as_user(SOMEBODY, look))

    def test_who_is_refused_leaves_no_process_and_is_counted(self):
        daemon = self.on_bus("default = none", "user.0 = all")
        before = self.status(daemon)
        for _ in range(3):
            self.assertIn("NoDevice", as_user(SOMEBODY, call, self.bus.address))
        after = self.status(daemon)
        self.assertEqual(after["processes"], before["processes"])
        self.assertEqual(after["processes_refused"], before["processes_refused"] + 3)


class AppsAreKnown(Access):
    def test_an_app_needs_no_rule(self):
        def visit():
            with AppClient(self.daemon.address) as client, \
                    client.connect_app("counter") as channel:
                return hear(channel)

        self.daemon = plutond.Daemon()
        os.chmod(self.daemon.directory, 0o711)
        os.mkdir(f"{self.daemon.directory}/app.d")
        with open(f"{self.daemon.directory}/app.d/counter.conf", "w", encoding="utf-8") as out:
            out.write("[app]\nexec = pluton-counter\ndrivers = nvmem, alarm\n")
        self.configure(self.daemon, "default = none", f"user.{SOMEBODY} = app")
        with self.daemon:
            self.assertIn("may use nothing", use(self.daemon.address))  # its own user is refused
            self.assertRegex(as_user(SOMEBODY, visit), r"^visit 1 of ")


@unittest.skipUnless(can_have_groups_of_its_own(), "needs a mount namespace")
class System(Access):
    GROUPS = f"root:x:0:\npluton:x:{MEMBERS}:\n"

    def system(self, *lines, groups=GROUPS):
        return self.start(*lines, make=lambda arguments: SystemDaemon(
            groups, arguments=["--bus", "off", *arguments]))

    def unstarted(self, groups=GROUPS):
        daemon = SystemDaemon(groups)
        self.addCleanup(shutil.rmtree, daemon.directory)
        return daemon

    def configure(self, daemon, *lines, more="[hil]\napp = fork"):
        super().configure(daemon, *lines, more=more)

    def test_it_is_for_root_and_the_members_of_pluton(self):
        daemon = self.system()
        self.assertEqual(use(daemon.address), "served")
        self.assertEqual(as_user(SOMEBODY, use, daemon.address, groups=(SOMEBODY, MEMBERS)),
                         "served")
        self.assertEqual(as_user(OTHER, use, daemon.address), self.refusal(
            OTHER, "add it to the group pluton (adduser NAME pluton; from the next login on), or "
            "to [access] of plutond.conf(5)"))

    def test_a_long_name_of_a_group_takes_the_place_of_the_command(self):
        name = "g" * 32
        daemon = self.system(f"group.{name} = all", "group.pluton = none",
                             groups=f"{self.GROUPS}{name}:x:{STRANGERS}:\n")
        self.assertEqual(as_user(OTHER, use, daemon.address), self.refusal(
            OTHER, f"add it to the group {name} (from the next login on), or to [access] of "
            "plutond.conf(5)"))

    def test_a_file_gives_more(self):
        daemon = self.system(f"user.{OTHER} = rng")
        self.assertEqual(as_user(OTHER, use, daemon.address), "served")
        self.assertIn("may use nothing", as_user(SOMEBODY, use, daemon.address))

    def test_a_file_takes_it_back(self):
        daemon = self.system("default = all", "group.pluton = none", "user.root = none")
        self.assertEqual(as_user(OTHER, use, daemon.address), "served")
        self.assertIn("may use nothing",
                      as_user(OTHER, use, daemon.address, groups=(MEMBERS,)))
        self.assertIn("change its line", use(daemon.address))

    def test_sighup_keeps_its_defaults(self):
        daemon = self.system(f"user.{OTHER} = rng")
        self.configure(daemon)
        daemon.reload()
        self.assertIn("may use nothing", as_user(OTHER, use, daemon.address))
        self.assertEqual(as_user(OTHER, use, daemon.address, groups=(MEMBERS,)), "served")

    def test_dump_config_shows_what_comes_from_it(self):
        text = self.unstarted().run("--dump-config").stdout
        for line in ("# Set by --system\napp = systemd\n", "# Set by --system\nbus = system\n",
                     "# Set by --system\ndefault = none\n", "# Set by --system\nuser.root = all\n",
                     "# Set by --system\ngroup.pluton = all\n"):
            self.assertIn(line, text)

    def test_without_the_group_it_does_not_start_and_says_how_to_make_it(self):
        daemon = self.unstarted("root:x:0:\n")
        done = daemon.run()
        self.assertEqual(done.returncode, 78)
        self.assertIn("there is no group pluton; make it (systemd-sysusers, or addgroup --system "
                      "pluton), or write group.pluton = none in [access]", done.stderr)

    def test_without_the_group_it_starts_where_a_line_says_so(self):
        daemon = self.system("group.pluton = none", groups="root:x:0:\n")
        self.assertEqual(use(daemon.address), "served")
        self.assertEqual(as_user(OTHER, use, daemon.address), self.refusal(OTHER, TO_ACCESS))


@unittest.skipUnless(can_have_groups_of_its_own(), "needs a mount namespace")
class Nobody(unittest.TestCase):
    """No daemon at the system's own address."""

    def said(self, make_run):
        script = f'mount -t tmpfs none /run && {make_run} && exec "$0" status'
        done = run("unshare", "--mount", "sh", "-c", script, CLI, env=environment())
        self.assertEqual(done.returncode, 3)
        return done.stderr.decode()

    def test_where_systemd_runs_it_is_said_what_to_start(self):
        self.assertEqual(self.said("mkdir -p /run/systemd/system"),
                         "pluton-cli: nobody listens at unix:/run/pluton/pluton.sock; "
                         "systemctl start plutond.socket (EOFF)\n")

    def test_elsewhere_it_is_not(self):
        self.assertNotIn("systemctl", self.said("true"))


class Permissions(unittest.TestCase):
    """Of the socket itself, which are asked before plutond is."""

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_who_may_not_connect_is_told_where_to_look(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(f"{BUILD}/.libs/pluton-cli" if os.path.exists(f"{BUILD}/.libs/pluton-cli")
                        else CLI, f"{folder}/pluton-cli")
            for name in os.listdir(f"{BUILD}/.libs"):
                if name.startswith("libpluton.so"):
                    shutil.copy(f"{BUILD}/.libs/{name}", folder)
            os.chmod(folder, 0o755)
            with plutond.Daemon("[daemon]\nsocket_mode = 0600\n") as daemon:
                os.chmod(daemon.directory, 0o711)
                done = run(f"{folder}/pluton-cli", "status", user=SOMEBODY, group=SOMEBODY,
                           extra_groups=[], cwd="/",
                           env=environment(PLUTON_ADDRESS=daemon.address, LD_LIBRARY_PATH=folder))
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"user {SOMEBODY} may not connect to {daemon.address}; look at the "
                          "permissions of the socket (socket_mode in plutond.conf(5))",
                          done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
