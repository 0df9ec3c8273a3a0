# SPDX-License-Identifier: Apache-2.0
# How tests run: C programs on libsuite (tests/suite.h) and Python modules through tests/tap.py,
# all as TAP. A fragment below adds programs to check_PROGRAMS and names to TESTS.
check_LTLIBRARIES += libsuite.la
libsuite_la_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
libsuite_la_SOURCES = tests/one_cpu.c tests/one_cpu.h tests/suite.c tests/suite.h
libsuite_la_LIBADD = $(CUNIT_LIBS)

TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/generated/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_COMPILER = $(PYTHON) $(srcdir)/tests/tap.py
EXTRA_DIST += tests/soak.py tests/tally.py tests/tap.py

# A test finds what was built and what it was built from here, and leaves no cache in the sources.
AM_TESTS_ENVIRONMENT = \
	PLUTON_BUILD='$(abs_top_builddir)'; export PLUTON_BUILD; \
	PLUTON_SOURCE='$(abs_top_srcdir)'; export PLUTON_SOURCE; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE; \
	ASAN_OPTIONS="abort_on_error=0:detect_stack_use_after_return=1:$$ASAN_OPTIONS"; \
	export ASAN_OPTIONS; \
	UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"; export UBSAN_OPTIONS; \
	TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:$$TSAN_OPTIONS"; export TSAN_OPTIONS; \
	unset PLUTON_ADDRESS JOURNAL_STREAM NOTIFY_SOCKET;

# Those that start threads: `./check` runs them under ThreadSanitizer too.
THREADED_TESTS =

include $(srcdir)/tests/kernel.mk
include $(srcdir)/tests/nv/local.mk
include $(srcdir)/tests/daemon.mk
include $(srcdir)/tests/dbus.mk
include $(srcdir)/tests/backends.mk
include $(srcdir)/tests/client.mk
include $(srcdir)/tests/tcti.mk
include $(srcdir)/tests/tpm.mk
include $(srcdir)/tests/tpm_system.mk
include $(srcdir)/tests/fuzz/local.mk
include $(srcdir)/tests/hil/local.mk
include $(srcdir)/tests/alarm.mk
include $(srcdir)/tests/apps.mk
include $(srcdir)/tests/hostile.mk
include $(srcdir)/tests/integration/local.mk
include $(srcdir)/tests/system/local.mk

check-threaded:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(THREADED_TESTS)'
