# SPDX-License-Identifier: Apache-2.0
# Tests of apps: the capsule, and the engines "fork" and "systemd" with real processes.
APP_TESTS = app_capsule_test app_definition_test fork_test systemd_test
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
fork_test_SOURCES = tests/unit/fork_test.c tests/unit/fork_app.c tests/unit/fork_app.h \
	tests/unit/app_rig.c tests/unit/app_rig.h
fork_test_LDADD = $(KERNEL_TEST_LIBS) $(CRYPTO_LIBS)
fork_test_LDFLAGS = $(AM_LDFLAGS) -no-install

# It plays systemd itself.
systemd_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
systemd_test_SOURCES = tests/unit/systemd_test.c tests/unit/app_rig.c tests/unit/app_rig.h
systemd_test_LDADD = $(KERNEL_TEST_LIBS)
