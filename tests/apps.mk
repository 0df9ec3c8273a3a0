# SPDX-License-Identifier: Apache-2.0
# Tests of apps: the capsule, and the engine "fork" with real processes.
APP_TESTS = app_capsule_test app_definition_test fork_test
check_PROGRAMS += $(APP_TESTS)
TESTS += $(APP_TESTS)

app_capsule_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
app_capsule_test_SOURCES = tests/unit/app_capsule_test.c
app_capsule_test_LDADD = $(KERNEL_TEST_LIBS)

app_definition_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
app_definition_test_SOURCES = tests/unit/app_definition_test.c
app_definition_test_LDADD = $(KERNEL_TEST_LIBS)

# What it starts is itself, and programs of Debian's every system.
fork_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS) $(CRYPTO_CFLAGS)
fork_test_SOURCES = tests/unit/fork_test.c tests/unit/fork_app.c tests/unit/fork_app.h
fork_test_LDADD = $(KERNEL_TEST_LIBS) $(CRYPTO_LIBS)
fork_test_LDFLAGS = $(AM_LDFLAGS) -no-install
