#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""soak.py [SECONDS]: many short-lived clients of one daemon, a third of them killed at work.

Afterwards nothing of them may be left: the pool is back to the byte, and the daemon's memory and
descriptors have not grown. PLUTON_BUILD says which build; ./check --deep runs it.
"""

import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "integration"))
from plutond import Daemon  # noqa: E402

CLI = f"{os.environ['PLUTON_BUILD']}/pluton-cli"
AT_ONCE = 8
GROWTH_MAX_KB = 16384


def status(daemon):
    done = subprocess.run([CLI, "--address", daemon.address, "status", "--json"], check=True,
                          capture_output=True)
    return json.loads(done.stdout)


def settled(daemon):
    """The status once the last of the killed is buried."""
    for _ in range(1000):
        now = status(daemon)
        if now["processes"] == 1:
            break
    return now


def footprint(daemon):
    """Resident kB and open descriptors."""
    with open(f"/proc/{daemon.pid}/statm", encoding="utf-8") as statm:
        pages = int(statm.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(os.listdir(f"/proc/{daemon.pid}/fd"))


def start_one(daemon, file):
    key = ["--key-hex", "00" * 32, "--in", file, "--out", "/dev/null"]
    work = random.choice([
        ["random", "1000000"],
        ["hash", "sha256", file],
        ["aes", "encrypt", "--mode", "ctr", "--iv-hex", "00" * 16, *key],
        ["aes", "encrypt", "--mode", "gcm", "--iv-hex", "00" * 12, *key],
    ])
    return subprocess.Popen([CLI, "--address", daemon.address, *work], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def end_one(client):
    """Kills every third somewhere in its work; the others must succeed."""
    killed = random.random() < 1 / 3
    if killed:
        time.sleep(random.random() / 100)
        client.kill()
    error = client.communicate()[1].decode()
    if client.returncode != 0 and not killed:
        sys.exit(f"{client.args}: {error}")


def storm(daemon, file, seconds):
    served, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        clients = [start_one(daemon, file) for _ in range(AT_ONCE)]
        for client in clients:
            end_one(client)
        served += AT_ONCE
    return served


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    with Daemon() as daemon:
        file = f"{daemon.directory}/file"
        with open(file, "wb") as out:
            out.write(os.urandom(900_000))
        storm(daemon, file, min(seconds, 20))  # what is kept for good is there after this
        before, memory = settled(daemon), footprint(daemon)
        served = storm(daemon, file, seconds)
        after, grown = settled(daemon), footprint(daemon)
        print(f"{served} clients, {memory} before, {grown} after (kB, descriptors)")
        for name in ("processes", "pool_taken", "pool_committed"):
            if after[name] != before[name]:
                sys.exit(f"{name} was {before[name]} and is {after[name]}")
        if after["grant_reentries"] or grown[1] > memory[1]:
            sys.exit("descriptors are left, or a grant was entered twice")
        if grown[0] > memory[0] + GROWTH_MAX_KB:
            sys.exit("the daemon grew")
        if daemon.stop() != 0:
            sys.exit(daemon.log)


if __name__ == "__main__":
    main()
