# SPDX-License-Identifier: Apache-2.0
"""pluton-cli on a terminal: the progress bar, and that everything else is as in a pipe."""

import hashlib
import os
import pty
import signal
import subprocess
import termios
import unittest

from private import CLI, DEADLINE, Private, hear

MIB = 1 << 20
GONE = b"\r\x1b[K"  # how the bar is taken away
KEY = ["--key-hex", "00" * 32]


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


class Terminal:
    """A terminal of 80 columns that collects what is written to it."""

    def __init__(self, columns=80):
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (24, columns))
        os.set_blocking(self.master, False)
        self.text = b""

    def look(self):
        """All that is there by now."""
        try:
            self.text += os.read(self.master, 1 << 16)
        except BlockingIOError:
            pass
        return self.text

    def rest(self):
        """All of it, once no program has it open any more."""
        os.close(self.slave)
        os.set_blocking(self.master, True)
        try:
            while piece := hear(self.master):
                self.text += piece
        except OSError:  # EIO is the end
            pass
        os.close(self.master)
        return self.text


def start(terminal, *arguments, kind="xterm", **options):
    return daemon.start(*arguments, stderr=terminal.slave, stdin=subprocess.PIPE,
                        env=daemon.environment(TERM=kind), **options)


def feed(terminal, *processes):
    """Writes to all until the terminal shows something; returns how many MiB."""
    count = 0
    while not terminal.look():
        for process in processes:
            process.stdin.write(bytes(MIB))
            process.stdin.flush()
        count += 1
    return count


class Bar(unittest.TestCase):
    def finish(self, process):
        out, _ = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 0)
        return out

    def test_a_long_hash_shows_how_far_it_is_and_takes_the_bar_away(self):
        terminal = Terminal()
        process = start(terminal, "hash", "sha256", stdout=subprocess.PIPE)
        count = feed(terminal, process)
        out = self.finish(process)
        text = terminal.rest()
        self.assertRegex(text, rb"\A\r\d+ MiB  \d+ MiB/s\x1b\[K")
        self.assertTrue(text.endswith(GONE))
        self.assertNotIn(b"\n", text)
        self.assertEqual(out[:64].decode(), hashlib.sha256(bytes(count * MIB)).hexdigest())

    def test_a_known_length_shows_its_part_in_the_width_of_the_terminal(self):
        for columns in (80, 200, 44, 20):
            terminal = Terminal(columns)
            process = start(terminal, "random", "--raw", str(1 << 50), stdout=subprocess.PIPE)
            while not terminal.look():
                process.stdout.read(MIB)
            process.stdout.close()
            process.stdin.close()
            self.assertEqual(process.wait(DEADLINE), -signal.SIGPIPE)
            text = terminal.rest()
            self.assertRegex(text, rb"  0 %  \d+ of 1073741824 MiB  \d+ MiB/s")
            self.assertEqual(b"[" in text.replace(b"\x1b[K", b""), columns > 42)

    def test_encryption_shows_it_too(self):
        terminal = Terminal()
        process = start(terminal, "aes", "encrypt", "--mode", "ctr", *KEY, "--iv-hex", "00" * 16,
                        "--out", "/dev/null")
        feed(terminal, process)
        self.finish(process)
        self.assertTrue(terminal.rest().endswith(GONE))

    def seconds_of(self, *arguments):
        """What the terminal showed; some are done before anything is."""
        text = b""
        while not text:
            terminal = Terminal()
            process = start(terminal, *arguments, stdout=subprocess.DEVNULL)
            process.stdin.close()
            self.assertEqual(process.wait(DEADLINE), 0)
            text = terminal.rest()
        return text

    def test_seconds_are_shown_while_a_key_is_made_and_then_gone(self):
        for arguments in (("rsa", "generate", "--bits", "4096", "--out", "/dev/null"),
                          ("key", "generate", "rsa4096", "--policy", "this-boot")):
            text = self.seconds_of(*arguments)
            self.assertRegex(text, rb"^\rmaking a key  0 s\x1b\[K")
            self.assertTrue(text.endswith(GONE))

    def test_seconds_are_shown_while_a_password_is_derived_and_then_gone(self):
        text = self.seconds_of("kdf", "pbkdf2", "--key-hex", "00" * 16, "--salt-hex",
                               "11" * 16, "--iterations", "3000000", "--length", "32")
        self.assertRegex(text, rb"^\rderiving a key  0 s\x1b\[K")
        self.assertTrue(text.endswith(GONE))

    def test_quiet_dumb_terminals_and_pipes_show_nothing(self):
        shown, quiet, dumb = Terminal(), Terminal(), Terminal()
        processes = [start(shown, "hash", "sha256", stdout=subprocess.DEVNULL),
                     start(quiet, "hash", "sha256", "--quiet", stdout=subprocess.DEVNULL),
                     start(dumb, "hash", "sha256", kind="dumb", stdout=subprocess.DEVNULL),
                     daemon.start("hash", "sha256", stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)]
        feed(shown, *processes)
        for process in processes:
            self.assertIn(process.communicate(timeout=DEADLINE)[1], (None, b""))
        self.assertEqual((quiet.rest(), dumb.rest()), (b"", b""))
        shown.rest()

    def test_an_error_stands_on_a_clean_line(self):
        terminal = Terminal()
        with Private() as other:
            process = subprocess.Popen(
                [CLI, "hash", "sha256"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=terminal.slave, env=other.environment(TERM="xterm"))
            feed(terminal, process)
            other.kill()
            try:
                process.communicate(bytes(MIB), timeout=DEADLINE)
            except BrokenPipeError:
                process.wait(DEADLINE)
        self.assertEqual(process.returncode, 3)
        self.assertRegex(terminal.rest(), rb"\r\x1b\[Kpluton-cli: [^\r\n]+ \(EOFF\)\r\n\Z")

    def test_random_on_the_terminal_itself_has_no_bar_in_it(self):
        terminal = Terminal()
        process = start(terminal, "random", str(20 * MIB), stdout=terminal.slave)
        process.stdin.close()
        os.set_blocking(terminal.master, True)
        length, text = 0, b""
        while not text.endswith(b"\n"):
            text = hear(terminal.master)
            self.assertNotIn(b"\x1b", text)
            length += len(text)
        self.assertEqual(process.wait(DEADLINE), 0)
        self.assertEqual(length, 40 * MIB + 2)
        self.assertEqual(terminal.rest(), b"")


class Answers(unittest.TestCase):
    def on_terminal(self, *arguments):
        terminal = Terminal()
        process = start(terminal, *arguments, stdout=terminal.slave)
        process.communicate(timeout=DEADLINE)
        return terminal.rest().replace(b"\r\n", b"\n")

    def test_they_are_the_same_on_a_terminal_and_in_a_pipe(self):
        for line in (["limits"], ["limits", "--json"], ["log-level"], ["hash", "sha256"]):
            self.assertEqual(self.on_terminal(*line), daemon.cli(*line).stdout)

    def test_a_short_command_shows_no_bar(self):
        self.assertRegex(self.on_terminal("random", "32"), rb"\A[0-9a-f]{64}\n\Z")


if __name__ == "__main__":
    unittest.main()
