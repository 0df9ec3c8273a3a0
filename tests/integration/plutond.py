# SPDX-License-Identifier: Apache-2.0
"""A private plutond for a test: own directory, own configuration, ready when start returns."""

import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile

os.umask(0o022)  # what tests write, no group may change: plutond would not believe it
PROGRAM = f"{os.environ['PLUTON_BUILD']}/plutond"
TIMEOUT_S = 60  # only a hang takes so long


class Daemon:
    """With `with`: made, started, stopped and removed. The log is in .log after it has stopped,
    unless `stderr` is somewhere else."""

    def __init__(self, config="", arguments=(), directory=None, stderr=None):
        self.owned = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="pluton-test-")
        self.config = f"{self.directory}/plutond.conf"
        self.state = f"{self.directory}/state"
        self.socket = f"{self.directory}/pluton.sock"
        self.address = f"unix:{self.socket}"
        self.arguments = list(arguments)
        self.stderr = stderr
        self.environment = {}  # variables beside ours
        self.pass_fds = ()
        self.process = None
        self.log = ""
        self.configure(config)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        if self.process:
            self.stop()
        if self.owned:
            shutil.rmtree(self.directory)

    def configure(self, text):
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(text)

    def command(self):
        return [PROGRAM, "--config", self.config, "--state", self.state, "--listen", self.socket,
                *self.arguments]

    def start(self):
        self.launch()
        self.expect("READY=1")
        return self

    def launch(self):
        """Without waiting for it to be ready."""
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.settimeout(TIMEOUT_S)
        path = f"{self.directory}/notify"
        if os.path.exists(path):
            os.unlink(path)
        self.notifications.bind(path)
        self.log_file = open(f"{self.directory}/log", "w+b")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL,
                                        stderr=self.stderr or self.log_file,
                                        pass_fds=self.pass_fds,
                                        env={**os.environ, **self.environment,
                                             "NOTIFY_SOCKET": path})
        self.pid = self.process.pid

    def hear(self):
        """The lines of the next notification."""
        return self.notifications.recv(4096).decode().split("\n")

    def expect(self, *wanted):
        """Waits for one notification after the other and returns the last, as lines. In between,
        the state of the bus and the watchdog may be told."""
        for line in wanted:
            lines = self.hear()
            while line not in lines and all(one.startswith(("STATUS=", "WATCHDOG=1"))
                                            for one in lines):
                lines = self.hear()
            if line not in lines:
                raise AssertionError(f"{lines!r} instead of {line}")
        return lines

    def drain(self):
        """Takes the notifications that are there: nobody hears more than a few at once."""
        while select.select([self.notifications], [], [], 0)[0]:
            self.hear()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        self.expect("RELOADING=1", "READY=1")

    def read_log(self):
        with open(f"{self.directory}/log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self, number=signal.SIGTERM):
        """Returns the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(TIMEOUT_S)
        self.log = self.read_log()
        self.log_file.close()
        self.notifications.close()
        self.process = None
        return status


def run(*arguments, **options):
    """One plutond that is expected to end by itself."""
    return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=TIMEOUT_S, check=False, **options)
