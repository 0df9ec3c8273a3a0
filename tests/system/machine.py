# SPDX-License-Identifier: Apache-2.0
"""The booted machine as scenarios use it: units, users, the journal, pluton's programs.

A scenario is a class on Scenario. It finds plutond.socket listening, plutond and the TPM as they are
after a boot, and leaves the machine so: what it changes it hands to addCleanup.
"""

import contextlib
import json
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
DEADLINE = 20  # seconds after which something hangs
PAUSE = 0.02  # between two looks at what cannot be waited for

PLUTOND = "plutond.service"
SOCKET = "plutond.socket"
TPM = "pluton-tpmd@tpm0.service"
TPM_SOCKET = "pluton-tpmd@tpm0.socket"
UNITS = (PLUTOND, SOCKET, TPM, TPM_SOCKET)
ADDRESS = "/run/pluton/pluton.sock"
STATE = pathlib.Path("/var/lib/pluton")

MEMBER = "alice"  # of group pluton
STRANGER = "mallory"

BUS_CALL = ("busctl", "--system", "call", "org.pluton1", "/org/pluton1")


def directories():
    """Where `make install` put things, by automake's names."""
    with open(HERE / "directories", encoding="utf-8") as file:
        return dict(re.findall(r"^(\w+)=(/.*)$", file.read(), re.M))


def manual(page):
    """The source of an installed manual page."""
    paths = done("find", "/usr", "-path", f"*/man{page[-1]}/{page}").split()
    return pathlib.Path(paths[0]).read_text(encoding="utf-8").replace("\\-", "-")


def tell(text):
    """A line for who reads the run."""
    print(f"#! {text}", file=told, flush=True)


told = sys.stderr  # guest.py puts the results there


# --- programs ---------------------------------------------------------------------------------------

def environment(**changes):
    paths = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
    return {"PATH": ":".join(paths), "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0",
            "TPM2TOOLS_TCTI": "pluton", **changes}


def as_user(name):
    """What subprocess needs to run as somebody, with the groups that a login would give."""
    if name == "root":
        return {}
    user = pwd.getpwnam(name)
    return {"user": user.pw_uid, "group": user.pw_gid,
            "extra_groups": os.getgrouplist(name, user.pw_gid)}


def run(*argv, user="root", **options):
    """Runs to the end. Output is text, unless text=False."""
    options.setdefault("env", environment())
    options.setdefault("timeout", DEADLINE * 2)
    options.setdefault("text", True)
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          **as_user(user), **options)


def done(*argv, **options):
    """Standard output of what must work."""
    answer = run(*argv, **options)
    if answer.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit status {answer.returncode}: "
                             f"{answer.stderr or answer.stdout!r}")
    return answer.stdout


def start(*argv, user="root", **options):
    """Runs on; `communicate` ends its standard input."""
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment(), **as_user(user),
                            **options)


def wait_until(condition, what, seconds=DEADLINE):
    """For what systemd has no call to wait for. Returns what the condition is at last."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} seconds it is still not so that {what}")
        time.sleep(PAUSE)


def await_end(pid):
    """Waits until a process that need not be our child is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([fd], [], [], DEADLINE)[0]:
            raise AssertionError(f"process {pid} is still there after {DEADLINE} seconds")
    finally:
        os.close(fd)


# --- units ------------------------------------------------------------------------------------------

def systemctl(*arguments):
    return done("systemctl", *arguments)


def show(unit, name):
    return systemctl("show", "--value", "-p", name, unit).strip()


def main_pid(unit):
    return int(show(unit, "MainPID"))


def is_active(unit):
    return show(unit, "ActiveState") == "active"


def limit(unit, name):
    """(soft, hard) of the main process, such as of "Max open files"."""
    with open(f"/proc/{main_pid(unit)}/limits", encoding="ascii") as file:
        soft, hard = re.search(rf"^{name} +(\w+) +(\w+)", file.read(), re.M).groups()
    return int(soft), int(hard)


def await_state(unit, state):
    wait_until(lambda: show(unit, "ActiveState") == state, f"{unit} is {state}")


def await_running(unit, but=0):
    """The main process of a unit that is ready, and not process `but` any more."""
    wait_until(lambda: is_active(unit) and main_pid(unit) not in (0, but), f"{unit} runs")
    return main_pid(unit)


def kill(unit, number=signal.SIGKILL):
    """To the main process, which is waited for; which it was."""
    pid = main_pid(unit)
    os.kill(pid, number)
    await_end(pid)
    return pid


def forget_failures():
    """Also how often a unit was started lately, which systemd limits."""
    run("systemctl", "reset-failed", *UNITS)


def settle():
    """The machine as it is after a boot."""
    forget_failures()
    systemctl("start", SOCKET)
    systemctl("start", PLUTOND)
    forget_failures()
    await_state(TPM, "active")


def wait_for_boot():
    """Until all that the boot starts has started."""
    run("systemctl", "is-system-running", "--wait", timeout=DEADLINE * 4)


# --- the journal ------------------------------------------------------------------------------------

def journal_cursor():
    """Where it ends now."""
    run("journalctl", "--sync")
    text = run("journalctl", "-q", "-n", "0", "--show-cursor").stdout
    return text.partition("-- cursor: ")[2].strip()


def journal_after(cursor):
    run("journalctl", "--sync")
    return (f"--after-cursor={cursor}",) if cursor else ("-b",)


def journal_text(cursor):
    return run("journalctl", "-q", "--no-pager", "-o", "short-precise", "--no-hostname",
               *journal_after(cursor)).stdout


def journal(cursor, *matches):
    """Entries since `cursor` with all these FIELD=VALUEs, each a dictionary."""
    # journalctl 252 itself skips one entry too many where it is given both cursor and matches.
    text = done("journalctl", "-q", "--no-pager", "-o", "json", "--all", *journal_after(cursor))
    wanted = [match.split("=", 1) for match in matches]
    return [entry for entry in map(json.loads, text.splitlines())
            if all(entry.get(name) == value for name, value in wanted)]


def messages(cursor, unit):
    """What the processes of a unit said themselves."""
    return [entry["MESSAGE"] for entry in journal(cursor, f"_SYSTEMD_UNIT={unit}")]


# --- changes ----------------------------------------------------------------------------------------

def write(path, text, mode=0o644):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def add_users():
    """Two for the tests; once."""
    for name in (MEMBER, STRANGER):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            continue
        done("useradd", "-m", "-s", "/bin/sh", name)
    done("gpasswd", "-a", MEMBER, "pluton")


# --- a client that stays ----------------------------------------------------------------------------

class Stayer:
    """tests/system/stayer.c: one connection to plutond and one to the TPM, never made anew by it."""

    def __init__(self, user=MEMBER):
        self.process = subprocess.Popen(
            [HERE / "stayer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment(), bufsize=1, **as_user(user))

    def round(self):
        """Waits until it has gone round once more from now on: all its services have answered."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail()
        if not select.select([self.process.stdout], [], [], DEADLINE)[0]:
            raise AssertionError(f"the client that stays waits for {DEADLINE} seconds")
        line = self.process.stdout.readline()
        return int(line) if line.strip().isdigit() else self.fail(line)

    def fail(self, said=""):
        raise AssertionError(f"the client that stays: {said}{self.process.communicate()[1]}")

    def close(self):
        """How many rounds went well; fails if one did not."""
        out, err = self.process.communicate(timeout=DEADLINE)
        if self.process.returncode != 0:
            raise AssertionError(f"the client that stays: {out}{err}")
        return int(out.split()[-1])

    def __enter__(self):
        self.round()
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
            self.process.communicate()
        else:
            self.close()


# --- scenarios --------------------------------------------------------------------------------------

class Scenario(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        add_users()

    def setUp(self):
        settle()
        self.cursor = journal_cursor()

    def cli(self, *arguments, user="root", **options):
        """Standard output of pluton-cli that works."""
        return done("pluton-cli", *arguments, user=user, **options)

    def refused(self, says, *argv, user="root", status=None, **options):
        """A program that must fail and say why, in its one line on stderr."""
        answer = run(*argv, user=user, **options)
        self.assertNotEqual(answer.returncode, 0, f"{argv} works: {answer.stdout}")
        if status is not None:
            self.assertEqual(answer.returncode, status, answer.stderr)
        self.assertRegex(answer.stderr, says)
        return answer.stderr

    def random(self, user="root"):
        number = self.cli("random", "16", user=user).strip()
        self.assertRegex(number, r"^[0-9a-f]{32}$")
        return number

    def tpm(self, tool, *arguments, user=MEMBER, **options):
        return done(f"tpm2_{tool}", *arguments, user=user, **options)

    def folder(self, user=MEMBER):
        """One of a user's own, for this test."""
        path = pathlib.Path(done("mktemp", "-d", user=user).strip())
        self.addCleanup(shutil.rmtree, path)
        return path

    def pcr(self, number=16):
        found = re.search(rf"{number} *: 0x([0-9A-F]+)", self.tpm("pcrread", f"sha256:{number}"))
        return found[1]

    def clock(self):
        """resetCount and restartCount of the TPM."""
        text = self.tpm("readclock")
        return tuple(int(re.search(rf"{name}: (\d+)", text)[1])
                     for name in ("reset_count", "restart_count"))

    def drop_in(self, unit, text, reload=True):
        """A drop-in of a unit, for this test."""
        path = pathlib.Path(f"/run/systemd/system/{unit}.d/90-test.conf")
        write(path, text)
        self.addCleanup(systemctl, "daemon-reload")
        self.addCleanup(path.unlink)
        if reload:
            systemctl("daemon-reload")

    def configure(self, text, name="90-test.conf"):
        """A file in plutond's conf.d, for this test; it is not loaded yet."""
        path = pathlib.Path(directories()["sysconfdir"]) / "pluton/conf.d" / name
        write(path, text)
        self.addCleanup(path.unlink)
        return path
