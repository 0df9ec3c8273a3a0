# SPDX-License-Identifier: Apache-2.0
"""Capsule isolation: every capsule of svc/ passes, every bad one is caught for what it does."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("PLUTON_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
HERE = os.path.join(SOURCE, "tests", "capsules")
SCRIPT = os.path.join(HERE, "isolation.sh")
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
CAPSULES = sorted(path for path in glob.glob(os.path.join(SOURCE, "svc", "*.c"))
                  if os.path.basename(path) != "table.c")


def isolate(paths, compiler="cc"):
    """The script's exit status and what it said."""
    done = subprocess.run([SCRIPT] + paths, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=dict(os.environ, CC=compiler), check=False)
    return done.returncode, done.stdout


class Isolation(unittest.TestCase):
    def assert_caught(self, name, *reasons):
        for compiler in COMPILERS:
            status, said = isolate([os.path.join(HERE, name)], compiler)
            self.assertEqual(status, 1, said)
            self.assertEqual(len(said.splitlines()), len(reasons), said)
            for reason in reasons:
                self.assertIn(reason, said)
            self.assertIn(name, said)

    def assert_source_caught(self, body, *reasons):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "bad.c")
            with open(path, "w", encoding="utf-8") as file:
                file.write('#include "daemon/kernel/capsule.h"\n' + body)
            for compiler in COMPILERS:
                status, said = isolate([path], compiler)
                self.assertEqual(status, 1, said)
                for reason in reasons:
                    self.assertRegex(said, reason)

    def test_every_capsule_is_isolated(self):
        self.assertGreaterEqual(len(CAPSULES), 3)
        for compiler in COMPILERS:
            self.assertEqual(isolate(CAPSULES, compiler), (0, ""))

    def test_malloc_is_caught(self):
        self.assert_caught("uses_malloc.c", "refers to malloc", "refers to free")

    def test_the_symbol_of_another_capsule_is_caught(self):
        self.assert_caught("foreign_symbol.c", "refers to aes_capsule")

    def test_a_writable_global_is_caught_by_name(self):
        self.assert_caught("writable_global.c", ".bss (last_word)")

    def test_bad_use_of_grants_is_not_what_this_finds(self):
        for name in ("keeps_pointer.c", "enters_twice.c"):
            self.assertEqual(isolate([os.path.join(HERE, name)]), (0, ""))

    def test_an_initialised_global_is_caught(self):
        self.assert_source_caught("uint32_t seed = 7;\n", r"4 bytes in \.data \(seed\)")

    def test_a_static_inside_a_function_is_caught(self):
        self.assert_source_caught("uint32_t next(void);\n"
                                  "uint32_t next(void) { static uint32_t n; return ++n; }\n",
                                  r"4 bytes in \.bss \(n")

    def test_thread_local_memory_is_caught(self):
        self.assert_source_caught("_Thread_local uint32_t mine;\n", r"4 bytes in \.tbss \(mine\)")
        self.assert_source_caught("_Thread_local uint32_t mine = 1;\n", r"4 bytes in \.tdata")

    def test_a_constructor_is_caught(self):
        self.assert_source_caught("static void early(void) __attribute__((constructor));\n"
                                  "static void early(void) { __asm__ volatile(\"\"); }\n", r"in \.init_array")

    def test_a_section_of_another_name_is_caught(self):
        self.assert_source_caught('__attribute__((section("mine"))) uint32_t hidden = 1;\n',
                                  r"4 bytes in mine \(hidden\)")

    def test_a_writable_table_of_functions_is_caught(self):
        self.assert_source_caught("static int run(struct operation *op) { (void)op; return 0; }\n"
                                  "int (*table[])(struct operation *op) = {run};\n",
                                  r"8 bytes in \.data")

    def test_a_const_table_of_functions_is_no_writable_memory(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "good.c")
            with open(path, "w", encoding="utf-8") as file:
                file.write('#include "daemon/kernel/capsule.h"\n'
                           "static int run(struct operation *op) { (void)op; return 0; }\n"
                           "extern int (*const table[])(struct operation *op);\n"
                           "int (*const table[])(struct operation *op) = {run};\n")
            self.assertEqual(isolate([path]), (0, ""))

    def test_libraries_and_kernel_internals_are_caught(self):
        self.assert_source_caught("int printf(const char *, ...);\nvoid say(int);\n"
                                  'void say(int n) { printf("%d", n); }\n', "refers to printf")
        self.assert_source_caught("struct process; void process_kill(struct process *);\n"
                                  "void end(struct process *);\n"
                                  "void end(struct process *p) { process_kill(p); }\n",
                                  "refers to process_kill")

    def test_a_header_that_is_not_for_capsules_is_caught(self):
        self.assert_source_caught('#include "daemon/kernel/process.h"\n',
                                  "includes daemon/kernel/process.h")
        self.assert_source_caught('#include "svc/table.h"\n', "includes svc/table.h")

    def test_a_capsule_that_does_not_compile_is_not_isolated(self):
        self.assert_source_caught("this is not C\n", "does not compile")

    def test_a_bad_capsule_among_good_ones_is_caught(self):
        status, said = isolate(CAPSULES + [os.path.join(HERE, "uses_malloc.c")])
        self.assertEqual(status, 1)
        self.assertNotIn("svc", said)

    def test_nothing_to_look_at_is_an_error(self):
        self.assertEqual(isolate([])[0], 2)
        self.assertEqual(isolate([os.path.join(HERE, "no-such-file.c")])[0], 1)
        self.assertEqual(isolate([HERE])[0], 1)

    def test_every_allowed_symbol_is_declared_where_capsules_may_look(self):
        headers = glob.glob(os.path.join(SOURCE, "hil", "*.h"))
        headers += [os.path.join(SOURCE, "daemon", "kernel", name)
                    for name in ("capsule.h", "deferred.h")]
        text = "".join(open(path, encoding="utf-8").read() for path in headers)
        libc = {"bcmp", "explicit_bzero", "memcmp", "memcpy", "memmove", "memset", "strcmp"}
        with open(os.path.join(HERE, "allowed-symbols"), encoding="utf-8") as file:
            symbols = [line.strip() for line in file if line.strip() and line[0] != "#"]
        for symbol in symbols:
            if symbol not in libc and not symbol.startswith("_"):
                self.assertRegex(text, r"\b%s\(" % re.escape(symbol))
