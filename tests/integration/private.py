# SPDX-License-Identifier: Apache-2.0
"""Private daemons (by pluton-run) and the programs run against them, for the integration tests.

A daemon lives as long as its Private object; nothing outside a temporary folder is touched.
"""

import os
import re
import select
import signal
import subprocess
import tempfile
import unittest

BUILD = os.environ["PLUTON_BUILD"]
SOURCE = os.environ["PLUTON_SOURCE"]
CLI = f"{BUILD}/pluton-cli"
RUN = f"{BUILD}/pluton-run"
DEADLINE = 120  # seconds after which something hangs

# The program itself, where libtool put a script in front of it.
CLI_PROGRAM = f"{BUILD}/.libs/pluton-cli"
if not os.path.exists(CLI_PROGRAM):
    CLI_PROGRAM = CLI


def environment(**changes):
    """Ours, without what would lead to another daemon; None unsets."""
    env = {key: value for key, value in os.environ.items()
           if key not in ("PLUTON_ADDRESS", "NOTIFY_SOCKET", "PLUTON_DAEMON", "JOURNAL_STREAM")}
    env["PATH"] = f"{BUILD}:{env.get('PATH', '/usr/bin:/bin')}"
    env["LC_ALL"] = "C.UTF-8"
    libraries = [f"{BUILD}/.libs", env.get("LD_LIBRARY_PATH")]
    env["LD_LIBRARY_PATH"] = ":".join(filter(None, libraries))
    for key, value in changes.items():
        env.pop(key, None)
        if value is not None:
            env[key] = value
    return env


def run(*argv, **options):
    """Runs to the end; output is bytes."""
    options.setdefault("env", environment())
    options.setdefault("timeout", DEADLINE)
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run(argv, check=False, **options)


def hear(fd):
    """What comes from a descriptor next; fails instead of waiting for ever."""
    if not select.select([fd], [], [], DEADLINE)[0]:
        raise TimeoutError("nothing came")
    return os.read(fd, 1 << 16)


def await_end(pid):
    """Waits until a process that need not be our child is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([fd], [], [], DEADLINE)[0]:
            raise TimeoutError(f"process {pid} is still there")
    finally:
        os.close(fd)


def is_sanitized():
    """A sanitizer takes memory of its own, so that measuring it says little."""
    with open(CLI_PROGRAM, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def peak_kib(pid):
    """The most memory that a process has had resident."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1])


def pattern(size):
    """Bytes with no period that blocks or pieces have."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


class Files(unittest.TestCase):
    """With a folder of its own, `self.folder`."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def names(self):
        return sorted(os.listdir(self.folder))


class Private:
    """A daemon of our own. `config`: the text of its configuration."""

    def __init__(self, *options, config=None):
        self.folder = tempfile.TemporaryDirectory()
        if config is not None:
            path = self.path("plutond.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(config)
            options += ("--config", path)
        self.process = subprocess.Popen(
            [RUN, *options, "--", "/bin/sh", "-c", 'echo "$PLUTON_ADDRESS"; exec cat >/dev/null'],
            env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.address = self.process.stdout.readline().decode().strip()
        if not self.address:
            self.close()
            raise RuntimeError("the daemon did not start")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def environment(self, **changes):
        return environment(PLUTON_ADDRESS=self.address, **changes)

    def cli(self, *arguments, **options):
        options.setdefault("env", self.environment())
        return run(CLI, *arguments, **options)

    def start(self, *arguments, **options):
        """pluton-cli, running."""
        options.setdefault("env", self.environment())
        return subprocess.Popen([CLI, *arguments], **options)

    def pid(self):
        for line in self.cli("status").stdout.decode().splitlines():
            if line.split()[0] == "pid":
                return int(line.split()[1])
        raise RuntimeError("status has no pid")

    def kill(self):
        """Takes the daemon away from its clients."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        await_end(pid)

    def close(self):
        """Returns pluton-run's exit status."""
        self.process.stdin.close()
        status = self.process.wait(DEADLINE)
        self.process.stdout.close()
        self.folder.cleanup()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
