# SPDX-License-Identifier: Apache-2.0
# Tests of the alarm and the console: capsules, engines, and their halves of the contract checker.
ALARM_TESTS = alarm_test clock_test console_test escape_test hil_alarm_test hil_console_test \
	journal_test
check_PROGRAMS += $(ALARM_TESTS)
TESTS += $(ALARM_TESTS)
THREADED_TESTS += hil_alarm_test hil_console_test

# An alarm engine whose time is the test's.
check_LTLIBRARIES += libfakeclock.la
libfakeclock_la_SOURCES = tests/fake_clock.c tests/fake_clock.h

ALARM_TEST_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS) $(HIL_TEST_CPPFLAGS)

alarm_test_CPPFLAGS = $(ALARM_TEST_CPPFLAGS)
alarm_test_SOURCES = tests/unit/alarm_test.c
alarm_test_LDADD = libfakeclock.la $(KERNEL_TEST_LIBS)

clock_test_CPPFLAGS = $(ALARM_TEST_CPPFLAGS)
clock_test_SOURCES = tests/unit/clock_test.c
clock_test_LDADD = $(KERNEL_TEST_LIBS)

console_test_CPPFLAGS = $(ALARM_TEST_CPPFLAGS)
console_test_SOURCES = tests/unit/console_test.c
console_test_LDADD = libfakeclock.la $(KERNEL_TEST_LIBS)

escape_test_CPPFLAGS = $(ALARM_TEST_CPPFLAGS)
escape_test_SOURCES = tests/unit/escape_test.c
escape_test_LDADD = libbackends.la libsuite.la

hil_alarm_test_CPPFLAGS = $(ALARM_TEST_CPPFLAGS)
hil_alarm_test_SOURCES = tests/hil/hil_alarm_test.c \
	tests/hil/broken_alarm.c tests/hil/broken_alarm.h
hil_alarm_test_LDADD = libfakeclock.la libbackends.la $(HIL_TEST_LIBS) $(CRYPTO_LIBS) $(EVENT_LIBS)

hil_console_test_CPPFLAGS = $(ALARM_TEST_CPPFLAGS)
hil_console_test_SOURCES = tests/hil/hil_console_test.c \
	tests/hil/broken_console.c tests/hil/broken_console.h
hil_console_test_LDADD = libbackends.la $(HIL_TEST_LIBS) $(CRYPTO_LIBS) $(EVENT_LIBS)

journal_test_CPPFLAGS = $(ALARM_TEST_CPPFLAGS)
journal_test_SOURCES = tests/unit/journal_test.c
journal_test_LDADD = $(KERNEL_TEST_LIBS)
