# SPDX-License-Identifier: Apache-2.0
# The TPM as a whole: plutond, pluton-tpmd and clients that are killed at random moments; stock
# tpm2-tools; and, from ./check, tpm2-tools' own tests.
TPM_SYSTEM_TESTS = tpm_crash_test
check_PROGRAMS += $(TPM_SYSTEM_TESTS)
TPM_SYSTEM_MODULES = tests/integration/test_tpm2_tools_runner.py \
	tests/integration/test_tpm_tools.py
TESTS += $(TPM_SYSTEM_TESTS) $(TPM_SYSTEM_MODULES)
EXTRA_DIST += $(TPM_SYSTEM_MODULES) tests/tpm2-tools/expected \
	tests/tpm2-tools/run.py

tpm_crash_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS) $(CRYPTO_CFLAGS)
tpm_crash_test_SOURCES = tests/integration/tpm_crash_test.c \
	bench/tpm_commands.c bench/tpm_commands.h
tpm_crash_test_LDADD = libsuite.la libclient.la $(CRYPTO_LIBS)
