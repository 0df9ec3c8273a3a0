# SPDX-License-Identifier: Apache-2.0
# Tests of libpluton's TPM and of the TCTI, most of them against a fake plutond and TPM app.
TCTI_TESTS = tpm_test tcti_test
check_PROGRAMS += $(TCTI_TESTS)
TESTS += $(TCTI_TESTS)
THREADED_TESTS += $(TCTI_TESTS)

tpm_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
tpm_test_SOURCES = tests/unit/tpm_test.c tests/unit/fake_tpm.c tests/unit/fake_tpm.h
tpm_test_LDADD = libsuite.la libclient.la

# It loads the built libraries by itself, as tpm2-tss would.
tcti_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
tcti_test_SOURCES = tests/unit/tcti_test.c tests/unit/fake_tpm.c tests/unit/fake_tpm.h
tcti_test_LDADD = libsuite.la librows.la librecord.la -ldl
EXTRA_tcti_test_DEPENDENCIES = libtss2-tcti-pluton.la

TESTS += tests/integration/test_tcti.py
EXTRA_DIST += tests/integration/test_tcti.py

# ESYS on the TCTI on the real TPM app: it starts itself again under pluton-run.
if HAVE_ESYS
check_PROGRAMS += tcti_esys_test
TESTS += tcti_esys_test
tcti_esys_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS) $(ESYS_CFLAGS)
tcti_esys_test_SOURCES = tests/integration/tcti_esys_test.c $(PRIVATELY)
tcti_esys_test_LDADD = libsuite.la $(ESYS_LIBS)
endif
