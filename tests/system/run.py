#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The system test: what `make install` leaves, in a booted systemd.

    run.py BUILD [--packages DIR] [--seconds N] [SCENARIO...]

Boots an overlay of this machine's / with systemd-nspawn, with BUILD installed in it (or, with
--packages, with DIR's Debian packages lying there), and runs the modules of scenarios/ inside.
Nothing outside the overlay changes; it lies in memory, in a mount and process namespace of its own,
and is gone when this program is, however that ends.

SCENARIO is a module's name, or a part of a test's. TAP on stdout, progress on stderr; the results
are also left where tests/tally.py finds them. Exit status: 0 all passed, 1 not, 77 this machine
boots not even an unmodified overlay; the last line says why.
"""

import argparse
import contextlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
INSIDE = "opt/pluton-system-test"  # of the overlay; everybody can read it
SECONDS = 420  # of one boot; it takes a quarter of that
BARE_SECONDS = 60  # of one that does nothing
GROUP_SECONDS = 10  # until processes that were killed have left
PREFIX = "pluton-system-test."  # of the folders that a run makes; then its process id
GOOD_END = 42  # nspawn's exit status after a shutdown that the runner asked for
TOOLS = ("systemd-nspawn", "unshare", "setpriv", "mount")
COMPILER = "gcc"

# What is run in which boot of the same machine. The last boot sees what the first one's shutdown left.
BOOTS = (
    ("boot", "units", "activation", "access", "restarts", "stopping", "watchdog", "journals",
     "confinement", "credentials", "apps", "degraded", "refusing", "last"),
    ("reboot",),
)
PACKAGE_BOOTS = (("packages",),)

CONSOLE_LINES = 60
JOURNAL_LINES = 400

UNIT = """[Unit]
Description=Pluton's system test
[Service]
Type=exec
ExecStart={command}
StandardInput=null
StandardOutput=file:/{inside}/output
StandardError=inherit
ExecStopPost=systemctl --no-block exit {status}
TimeoutStartSec=60
[Install]
WantedBy=multi-user.target
"""
JOURNAL = "[Journal]\nStorage=persistent\nRateLimitBurst=0\nSystemMaxUse=200M\nForwardToConsole=no\n"
# A service of this machine that hangs at the end is not ours to wait for.
MANAGER = "[Manager]\nDefaultTimeoutStartSec=30s\nDefaultTimeoutStopSec=10s\n"
WANTS = ("multi-user", "graphical", "timers", "default")


class Failed(Exception):
    """The test cannot be run, which is a failure."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def call(*command, **options):
    """Runs one and expects that it works; what it printed."""
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            stdin=subprocess.DEVNULL, check=False, **options)
    if answer.returncode != 0:
        raise Failed(f"{shlex.join(map(str, command))}: exit status {answer.returncode}\n"
                     f"{answer.stdout}")
    return answer.stdout


# --- the machine ------------------------------------------------------------------------------------

class Machine:
    """An overlay of / below `folder`, which must be empty."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "root"
        self.inside = self.root / INSIDE
        self.starts = 0
        self.console = folder / "console"

    def __enter__(self):
        call("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", self.folder)
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()
        layers = f"lowerdir=/,upperdir={self.folder}/upper,workdir={self.folder}/work"
        call("mount", "-t", "overlay", "overlay", "-o", layers, self.root)
        (self.root / "etc/machine-id").unlink(missing_ok=True)
        self.inside.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        subprocess.run(("umount", "--lazy", self.root, self.folder), check=False)

    def write(self, path, text, mode=0o644):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def quieten(self):
        """Leaves out what this machine starts for itself, and keeps the journal."""
        for target in WANTS:
            shutil.rmtree(self.root / f"etc/systemd/system/{target}.target.wants",
                          ignore_errors=True)
        self.write("etc/systemd/system.conf.d/90-pluton-system-test.conf", MANAGER)
        self.write("etc/systemd/journald.conf.d/90-pluton-system-test.conf", JOURNAL)
        (self.root / "var/log/journal").mkdir(parents=True, exist_ok=True)

    def set_command(self, command):
        name = "pluton-system-test.service"
        self.write(f"etc/systemd/system/{name}",
                   UNIT.format(command=command, inside=INSIDE, status=GOOD_END))
        link = self.root / f"etc/systemd/system/multi-user.target.wants/{name}"
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(f"../{name}")

    def boot(self, seconds, look=lambda: None):
        """Until the command has ended and the machine is down. `look` is called now and then.
        The error, if it did not end well."""
        deadline = time.monotonic() + seconds
        with open(self.console, "wb") as console, subprocess.Popen(
                ("systemd-nspawn", "-D", self.root, "--register=no", "--keep-unit", "--quiet",
                 "--private-network", "--link-journal=no", "-b"),
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT) as process:
            while process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
                look()
            hangs = process.poll() is None
            process.kill()
        look()
        if hangs:
            return f"not down after {seconds} seconds"
        if process.returncode != GOOD_END:
            return f"systemd-nspawn ended with {process.returncode}"
        return None

    def explain(self):
        """What it printed, and the end of its journal."""
        with contextlib.suppress(OSError):
            lines = self.console.read_text(errors="replace").splitlines()
            yield from lines[-CONSOLE_LINES:]
        with contextlib.suppress(OSError):
            yield from (self.inside / "output").read_text(errors="replace").splitlines()
        answer = subprocess.run(("journalctl", "--no-pager", "-q", "-D", self.root / "var/log/journal",
                                 "-n", str(JOURNAL_LINES)), stdout=subprocess.PIPE, text=True,
                                check=False, errors="replace")
        yield from answer.stdout.splitlines()


def bare_boot_error(folder):
    """None: an overlay of / with nothing of ours in it boots."""
    with Machine(folder) as machine:
        machine.quieten()
        machine.set_command("/bin/true")
        error = machine.boot(BARE_SECONDS)
        return error and "; ".join([error, *list(machine.explain())[-3:]])


# --- what is in it ----------------------------------------------------------------------------------

DIRECTORIES = ("sysconfdir",)


def directories_of(build):
    """As the makefile of a build tree has them: NAME=PATH lines."""
    rule = "pluton-directories:" + "".join(f"\n\t@echo '{name}=$({name})'" for name in DIRECTORIES)
    return call("make", "-s", "-C", build, "-f", "Makefile", f"--eval={rule}", "pluton-directories")


def install(machine, build):
    """`make install`, and what an administrator does after it once."""
    call("make", "-C", build, "install", f"DESTDIR={machine.root}")
    machine.write(f"{INSIDE}/directories", directories_of(build))
    call("ldconfig", "-r", machine.root)
    call("systemctl", f"--root={machine.root}", "enable", "plutond.service")


def left_after_uninstall(machine, build):
    """What is named after us, and neither state nor part of the test."""
    call("systemctl", f"--root={machine.root}", "disable", "plutond.service",
         "pluton-tpmd@tpm0.socket")
    call("make", "-C", build, "uninstall", f"DESTDIR={machine.root}")
    configuration = re.search("^sysconfdir=/(.*)$", directories_of(build), re.M)[1] + "/pluton"
    ours = (INSIDE, configuration, "var/lib/pluton", "var/log",
            "etc/systemd/system/plutond.service.wants")
    for path in sorted((machine.folder / "upper").rglob("*pluton*")):
        name = str(path.relative_to(machine.folder / "upper"))
        if "pluton-system-test" not in name and not name.startswith(ours) and \
                os.path.lexists(machine.root / name):
            yield name


def add_packages(machine, folder):
    packages = sorted(folder.glob("*.deb"))
    if not packages:
        raise Failed(f"there is no .deb in {folder}")
    (machine.inside / "packages").mkdir()
    for package in packages:
        shutil.copy(package, machine.inside / "packages")


def pkg_config(*names):
    return call("pkg-config", "--cflags", "--libs", *names).split()


def build_programs(machine, build):
    """The client that stays finds the libraries where they will be installed."""
    call(COMPILER, "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
         "-o", machine.inside / "old_clock.so", HERE / "old_clock.c")
    call(COMPILER, "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror",
         f"-I{SOURCE}/client-lib", "-o", machine.inside / "stayer", HERE / "stayer.c",
         f"-L{build}/.libs", "-lpluton", *pkg_config("tss2-esys", "tss2-tctildr"))


def add_tests(machine):
    for name in ("guest.py", "machine.py"):
        shutil.copy(HERE / name, machine.inside)
    shutil.copy(SOURCE / "tests/tap.py", machine.inside)
    (machine.inside / "scenarios").mkdir()
    for path in (HERE / "scenarios").glob("*.py"):
        shutil.copy(path, machine.inside / "scenarios")


# --- results ----------------------------------------------------------------------------------------

TAP = re.compile(r"(ok|not ok) \d+ - (.*?)(?: # SKIP ?(.*))?$")


class Results:
    """TAP from inside, as it comes; to stdout, and in the form that automake leaves."""

    def __init__(self):
        self.verdicts = []  # (PASS, FAIL or SKIP; name)
        self.lines = []
        self.begun = time.monotonic()

    def take(self, line):
        found = TAP.match(line)
        if not found:
            self.lines.append(line)
            print(line, flush=True)
            if line.startswith("#!"):
                say(line[2:].strip())
            return
        self.add({"ok": "PASS", "not ok": "FAIL"}[found[1]] if found[3] is None else "SKIP",
                 found[2], found[3] or "")

    def add(self, verdict, name, reason=""):
        self.verdicts.append((verdict, name))
        skip = f" # SKIP {reason}" if verdict == "SKIP" else ""
        tap = "not ok" if verdict == "FAIL" else "ok"
        print(f"{tap} {len(self.verdicts)} - {name}{skip}", flush=True)
        self.lines.append(f"{verdict}: tests/system/run.py {len(self.verdicts)} - {name}{skip}")
        say(f"{verdict:4} {time.monotonic() - self.begun:5.1f} s  {name}"
            f"{': ' + reason if reason else ''}")

    def comment(self, lines):
        for line in lines:
            self.lines.append(f"# {line}")
            print(f"# {line}", flush=True)

    def failed(self):
        return any(verdict == "FAIL" for verdict, _ in self.verdicts) or \
            not any(verdict == "PASS" for verdict, _ in self.verdicts)

    def leave(self, build, name):
        folder = build / "tests/system"
        folder.mkdir(parents=True, exist_ok=True)
        overall = "FAIL" if self.failed() else "PASS"
        (folder / f"{name}.log").write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        (folder / f"{name}.trs").write_text(
            "".join(f":test-result: {verdict} {test}\n" for verdict, test in self.verdicts) +
            f":global-test-result: {overall}\n:recheck: {'yes' if self.failed() else 'no'}\n"
            f":copy-in-global-log: {'yes' if self.failed() else 'no'}\n", encoding="utf-8")
        print(f"1..{len(self.verdicts)}", flush=True)


class Follower:
    """New whole lines of a file that somebody else writes."""

    def __init__(self, path, take):
        self.path = path
        self.take = take
        self.offset = 0

    def look(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[:data.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self.take(line)


# --- the run ----------------------------------------------------------------------------------------

def choose(boots, names):
    """[(modules, parts of names)] for each boot: all of it, or what was asked for."""
    modules = {name for boot in boots for name in boot}
    words = [name for name in names if name not in modules]
    wanted = [name for name in names if name in modules]
    return [([name for name in boot if not wanted or name in wanted], words) for boot in boots]


def boot_once(machine, number, modules, words, results, seconds):
    """False: it is of no use to boot again."""
    machine.set_command(shlex.join(("/usr/bin/python3", f"/{INSIDE}/guest.py",
                                    f"/{INSIDE}/results.{number}", ",".join(modules), *words)))
    follower = Follower(machine.inside / f"results.{number}", results.take)
    error = machine.boot(seconds, follower.look)
    over = (machine.inside / f"results.{number}.over").exists()
    if not error and over:
        return True
    results.add("FAIL", f"boot: number {number} runs all its scenarios and shuts down")
    results.comment([error or "its runner ended early", *machine.explain()])
    return False


def prepare(machine, build, packages):
    machine.quieten()
    add_tests(machine)
    build_programs(machine, build)
    if packages:
        add_packages(machine, packages)
    else:
        install(machine, build)


def check_uninstall(machine, build, results):
    left = list(left_after_uninstall(machine, build))
    results.add("FAIL" if left else "PASS",
                "system uninstall: test_make_uninstall_leaves_nothing_but_state")
    results.comment(left)


def run_boots(machine, arguments, results):
    prepare(machine, arguments.build, arguments.packages)
    boots = choose(PACKAGE_BOOTS if arguments.packages else BOOTS, arguments.names)
    for number, (modules, words) in enumerate(boots, 1):
        if modules and not boot_once(machine, number, modules, words, results, arguments.seconds):
            return
    if not arguments.packages and not arguments.names:
        check_uninstall(machine, arguments.build, results)


def run_inside(arguments):
    """In a mount and process namespace of its own."""
    results = Results()
    with Machine(arguments.inside) as machine:
        try:
            run_boots(machine, arguments, results)
        except Failed as error:
            results.add("FAIL", "boot: the machine is made")
            results.comment(str(error).splitlines())
    if not any(verdict == "PASS" for verdict, _ in results.verdicts):
        error = bare_boot_error(arguments.inside)
        if error:
            print(f"not even an unmodified overlay of / boots here: {error}")
            return 77
    results.leave(arguments.build, "packages" if arguments.packages else "system")
    return 1 if results.failed() else 0


def cannot():
    """Why this cannot be run at all; None: it can."""
    if os.geteuid() != 0:
        return "only root can boot an overlay of /"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"no {', '.join(missing)} here (package systemd-container)" if missing else None


def own_groups():
    """The control groups that systemd-nspawn works with, of this process."""
    for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        places = {"": ("unified", "."), "name=systemd": ("systemd",)}.get(controllers, ())
        for place in places:
            folder = pathlib.Path("/sys/fs/cgroup", place, path.lstrip("/"))
            if (folder / "cgroup.procs").exists():
                yield folder
                break


def remove_group(folder):
    """True: it is gone. Not while processes are in it; the last ones may just be ending."""
    for path, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(path)
    return not folder.exists()


def remove_group_soon(folder):
    deadline = time.monotonic() + GROUP_SECONDS
    while not remove_group(folder) and time.monotonic() < deadline:
        time.sleep(0.05)


def remains(parent):
    """Folders of runs that are no more."""
    for folder in parent.glob(f"{PREFIX}*"):
        if not os.path.exists(f"/proc/{folder.name.split('.')[1]}"):
            yield folder


def remove_remains():
    """What a run left that was killed itself: folders, empty by then."""
    for folder in remains(pathlib.Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            folder.rmdir()
    for parent in own_groups():
        for folder in remains(parent):
            remove_group(folder)


@contextlib.contextmanager
def control_group(name):
    """One of our own below that, so that two machines do not meet in one, and none is left."""
    before = list(own_groups())
    ours = [folder / name for folder in before]
    try:
        for folder in ours:
            folder.mkdir()
            (folder / "cgroup.procs").write_text("0")
        yield
    finally:
        for folder in before:
            (folder / "cgroup.procs").write_text("0")
        for folder in ours:
            remove_group_soon(folder)


def isolated(folder):
    """Runs this program again: with it end all its processes and mounts, however it ends."""
    command = ("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork",
               "--kill-child", "--mount-proc", sys.executable, *sys.argv, "--inside", folder)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            return process.wait()
        finally:
            process.kill()


def end(number, _):
    sys.exit(128 + number)


def arguments_of(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--packages", type=lambda path: pathlib.Path(path).resolve(),
                        help="boot without `make install`, but with this folder's .deb files")
    parser.add_argument("--seconds", type=int, default=SECONDS,
                        help="a boot that takes longer hangs (default: %(default)s)")
    parser.add_argument("--inside", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help="only these")
    return parser.parse_intermixed_args(argv)


def main():
    arguments = arguments_of(sys.argv[1:])
    if arguments.inside:
        return run_inside(arguments)
    reason = cannot()
    if reason:
        print(reason)
        return 77
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end)
    remove_remains()
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}.")
    try:
        with control_group(os.path.basename(folder)):
            return isolated(folder)
    finally:
        os.rmdir(folder)


if __name__ == "__main__":
    sys.exit(main())
