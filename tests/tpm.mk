# SPDX-License-Identifier: Apache-2.0
# Tests of the TPM app: its parts, and the whole of it in a child process with a double of plutond.
TPM_TESTS = tpm_channel_test tpm_commands_test tpm_objects_test tpm_power_test tpm_serving_test \
	tpm_snapshot_test
check_PROGRAMS += $(TPM_TESTS)
TESTS += $(TPM_TESTS)
THREADED_TESTS += tpm_channel_test tpm_power_test tpm_serving_test

TPM_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS) $(TPMS_CFLAGS) $(CRYPTO_CFLAGS)
TPM_TEST_LIBS = libtpmrig.la libtpmd.la libsuite.la

check_LTLIBRARIES += libtpmrig.la
libtpmrig_la_CPPFLAGS = $(TPM_TEST_CPPFLAGS)
libtpmrig_la_SOURCES = \
	tests/tpm/orders.c tests/tpm/orders.h \
	tests/tpm/rig.c tests/tpm/rig.h

tpm_power_test_CPPFLAGS = $(TPM_TEST_CPPFLAGS)
tpm_power_test_SOURCES = tests/tpm/power_test.c
tpm_power_test_LDADD = $(TPM_TEST_LIBS)

tpm_channel_test_CPPFLAGS = $(TPM_TEST_CPPFLAGS)
tpm_channel_test_SOURCES = tests/tpm/channel_test.c
tpm_channel_test_LDADD = $(TPM_TEST_LIBS)

tpm_commands_test_CPPFLAGS = $(TPM_TEST_CPPFLAGS)
tpm_commands_test_SOURCES = tests/tpm/commands_test.c
tpm_commands_test_LDADD = $(TPM_TEST_LIBS)

tpm_objects_test_CPPFLAGS = $(TPM_TEST_CPPFLAGS)
tpm_objects_test_SOURCES = tests/tpm/objects_test.c
tpm_objects_test_LDADD = $(TPM_TEST_LIBS)

tpm_serving_test_CPPFLAGS = $(TPM_TEST_CPPFLAGS)
tpm_serving_test_SOURCES = tests/tpm/serving_test.c
tpm_serving_test_LDADD = $(TPM_TEST_LIBS)

tpm_snapshot_test_CPPFLAGS = $(TPM_TEST_CPPFLAGS)
tpm_snapshot_test_SOURCES = tests/tpm/snapshot_test.c
tpm_snapshot_test_LDADD = $(TPM_TEST_LIBS)

# The app under a real plutond, by a client that is written from docs/protocol.md.
TESTS += tests/integration/test_tpmd.py tests/integration/test_tpmd_service.py \
	tests/integration/test_dbus_tpm.py
EXTRA_DIST += tests/integration/test_tpmd.py tests/integration/test_tpmd_service.py \
	tests/integration/test_dbus_tpm.py \
	tests/integration/tpm_channel.py
