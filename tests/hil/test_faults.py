# SPDX-License-Identifier: Apache-2.0
"""The table of calls that hil_faults_test makes fail is whole, and reaches every place."""

import os
import re
import shutil
import subprocess
import unittest

SOURCE = os.environ.get("PLUTON_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("PLUTON_BUILD", os.getcwd())
TABLE = os.path.join(SOURCE, "tests", "hil", "fault_calls.h")

# What must stand in the table: all of libcrypto, and what of the C library can lack something.
LIBCRYPTO = re.compile(r"^(EVP|OSSL|BN|EC|ECDSA|RSA|CRYPTO|RAND|HMAC|CMAC|AES|SHA\d*|X509|ASN1|PEM|"
                       r"BIO|i2[a-z]|d2i|[A-Z]+_PARAM)_|^OPENSSL_|^ERR_")
C_LIBRARY = {
    "malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup", "asprintf", "vasprintf",
    "aligned_alloc", "posix_memalign", "memalign", "mmap", "mremap", "mlock", "mlock2", "madvise",
    "eventfd", "socketpair", "pipe", "pipe2", "epoll_create1", "timerfd_create", "memfd_create",
    "event_new", "event_base_new"}


def table():
    with open(TABLE, encoding="utf-8") as file:
        return set(re.findall(r"^(?:FAULT\w*|WATCHED|NO_FAULT)\((\w+)", file.read(), re.MULTILINE))


def objects():
    """The engines', their workers' and the chip's host side's."""
    found = []
    for folder, _, names in os.walk(os.path.join(BUILD, "backends")):
        found += [os.path.join(folder, name) for name in names if name.endswith(".o")]
    return sorted(path for path in found
                  if re.search(r"/(openssl|chip)/(\.libs/)?[^/]*\.o$|-worker\.o$", path))


def symbols(path, option):
    done = subprocess.run(["nm", option, "--format=posix", path], stdout=subprocess.PIPE,
                          text=True, check=True)
    return [line.split()[0] for line in done.stdout.splitlines()]


def must_be_known(name):
    return LIBCRYPTO.match(name) or name in C_LIBRARY or \
        re.match(r"pthread_(?!getspecific)", name)


def unknown(names):
    return sorted(name for name in set(names) if must_be_known(name) and name not in table())


def places(program):
    """Every call of a wrapper in the program: {address behind the call: (function, callee)}."""
    done = subprocess.run(["objdump", "--disassemble", "--no-show-raw-insn", program],
                          stdout=subprocess.PIPE, text=True, check=True)
    found, function, waiting = {}, "", None
    for line in done.stdout.splitlines():
        head = re.match(r"^[0-9a-f]+ <(\w+)", line)
        here = re.match(r"^\s*([0-9a-f]+):", line)
        if head:
            function = head[1]
        elif here:
            if waiting:
                found[int(here[1], 16)] = waiting
            call = re.search(r"\s(?:call|callq|bl)\s+[0-9a-f]+ <__wrap_(\w+)>", line)
            waiting = (function, call[1]) if call else None
    return found


class Faults(unittest.TestCase):
    NOT_FAILING = ("free", "munmap", "interrupt_raise", "malloc")

    def test_the_table_knows_every_call_that_can_fail(self):
        self.assertGreater(len(objects()), 25)
        for path in objects():
            self.assertEqual(unknown(symbols(path, "--undefined-only")), [],
                             f"{os.path.basename(path)}: add a line to tests/hil/fault_calls.h")

    def test_a_call_that_is_new_is_noticed(self):
        self.assertEqual(unknown(["EVP_PKEY_new_thing", "memcpy", "pthread_new_thing", "OSSL_new",
                                  "free", "calloc", "mremap"]),
                         ["EVP_PKEY_new_thing", "OSSL_new", "mremap", "pthread_new_thing"])

    def test_the_table_has_nothing_that_nobody_calls(self):
        called = set()
        for path in objects():
            called.update(symbols(path, "--undefined-only"))
        # the kernel's interrupts belong to the workers
        called.update(("eventfd", "ERR_clear_error"))
        self.assertEqual(sorted(table() - called), [])

    @unittest.skipUnless(shutil.which("objdump"), "no objdump")
    def test_places_that_are_never_made_to_fail_are_listed(self):
        program = os.path.join(BUILD, "hil_faults_test")
        done = subprocess.run([program, "any_call", "chip", "every_call"], stdout=subprocess.PIPE,
                              text=True, env=dict(os.environ, PLUTON_FAULT_SITES="1"), check=False)
        reached = {int(address, 16) for address in
                   re.findall(r"^site ([0-9a-f]+) ", done.stdout, re.MULTILINE)}
        mine = set()
        for path in objects():
            mine.update(symbols(path, "--defined-only"))
        theirs = {address: place for address, place in places(program).items()
                  if place[0].split(".")[0] in mine and place[1] not in self.NOT_FAILING}
        missed = sorted(set(theirs[address] for address in theirs if address not in reached))
        for function, callee in missed:
            print(f"# never made to fail: {callee} in {function}")
        print(f"# {len(theirs) - len([a for a in theirs if a not in reached])} of {len(theirs)} "
              "places were made to fail")
        self.assertGreater(len(reached), 100, done.stdout)


if __name__ == "__main__":
    unittest.main()
