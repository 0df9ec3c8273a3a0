# SPDX-License-Identifier: Apache-2.0
# The HIL contract: its suite on every engine, the checker, the broken engines, the arbiter.
HIL_TESTS = contract_test arbiter_test hil_checker_test hil_broken_test hil_chip_test \
	hil_bytewise_test hil_chip_line_test chip_wire_test hil_ecc_broken_test \
	hil_hogweed_test hil_rsa_broken_test hil_kdf_broken_test hil_hwkey_broken_test \
	hil_stacked_chip_test hil_stacked_line_test hil_stacked_openssl_test \
	hil_selftest_test hil_selftest_openssl_test hil_rng_health_test \
	hil_openssl_inline_test hil_openssl_sliced_test hil_openssl_worker_test hil_faults_test
check_PROGRAMS += $(HIL_TESTS)
TESTS += $(HIL_TESTS)
THREADED_TESTS += hil_broken_test hil_hwkey_broken_test hil_openssl_worker_test \
	hil_stacked_openssl_test

HIL_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS) $(JSON_CFLAGS) $(NETTLE_CFLAGS) $(HOGWEED_CFLAGS) \
	$(CRYPTO_CFLAGS)

# Test engines, test client, bench and behaviours. It brings its own hil_charge_*: of the kernel
# only its queues are used.
check_LTLIBRARIES += libhiltest.la
libhiltest_la_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
libhiltest_la_SOURCES = \
	tests/hil/authenticator.c tests/hil/authenticator.h \
	tests/hil/behaviours.c tests/hil/behaviours.h \
	tests/hil/behaviours_aead.c \
	tests/hil/behaviours_blocks.c \
	tests/hil/behaviours_ccm.c \
	tests/hil/behaviours_ctr.c \
	tests/hil/behaviours_digest.c \
	tests/hil/behaviours_ecc.c \
	tests/hil/behaviours_gcm.c \
	tests/hil/behaviours_hwkey.c \
	tests/hil/behaviours_kdf.c \
	tests/hil/behaviours_mac.c \
	tests/hil/behaviours_nist.c \
	tests/hil/behaviours_refusal.c \
	tests/hil/behaviours_rng.c \
	tests/hil/behaviours_rsa.c \
	tests/hil/behaviours_sharing.c \
	tests/hil/behaviours_trouble.c \
	tests/hil/behaviours_vectors.c \
	tests/hil/bench.c tests/hil/bench.h \
	tests/hil/broken.c tests/hil/broken.h tests/hil/broken-half.h tests/hil/broken-chip.h \
	tests/hil/bytewise.c tests/hil/bytewise.h \
	tests/hil/charges.c tests/hil/charges.h \
	tests/hil/chip.c tests/hil/chip.h tests/hil/chip_unit.h \
	tests/hil/chip_bench.c tests/hil/chip_bench.h \
	tests/hil/chip_aes.c \
	tests/hil/chip_digest.c \
	tests/hil/chip_ecc.c \
	tests/hil/chip_hwkey.c \
	tests/hil/chip_kdf.c \
	tests/hil/chip_mac.c \
	tests/hil/chip_rng.c \
	tests/hil/cipher.c tests/hil/cipher.h \
	tests/hil/client.c tests/hil/client.h \
	tests/hil/curves.c tests/hil/curves.h \
	tests/hil/hogweed.c tests/hil/hogweed.h \
	tests/hil/key_wrap.c tests/hil/key_wrap.h \
	tests/hil/keyring.c tests/hil/keyring.h \
	tests/hil/material.c tests/hil/material.h \
	tests/hil/scenarios.c tests/hil/scenarios.h \
	tests/hil/wrong.c tests/hil/wrong.h \
	tests/rsa_material.c tests/rsa_material.h

HIL_TEST_LIBS = libhiltest.la libhil.la libkernel.la librecord.la libsuite.la \
	$(JSON_LIBS) $(HOGWEED_LIBS) $(NETTLE_LIBS) -lgmp $(CRYPTO_LIBS)
OPENSSL_BENCH = tests/hil/openssl_bench.c tests/hil/openssl_bench.h \
	tests/key_store.c tests/key_store.h
OPENSSL_BENCH_LIBS = libbackends.la $(HIL_TEST_LIBS) $(EVENT_LIBS)

arbiter_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
arbiter_test_SOURCES = tests/unit/arbiter_test.c
arbiter_test_LDADD = libhil.la libkernel.la librecord.la libsuite.la

contract_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
contract_test_SOURCES = tests/unit/contract_test.c
contract_test_LDADD = libhil.la libkernel.la librecord.la libsuite.la

hil_checker_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_checker_test_SOURCES = tests/hil/hil_checker_test.c
hil_checker_test_LDADD = $(HIL_TEST_LIBS)

hil_broken_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_broken_test_SOURCES = tests/hil/hil_broken_test.c
hil_broken_test_LDADD = $(HIL_TEST_LIBS)

hil_ecc_broken_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_ecc_broken_test_SOURCES = tests/hil/hil_ecc_broken_test.c
hil_ecc_broken_test_LDADD = $(HIL_TEST_LIBS)

hil_kdf_broken_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_kdf_broken_test_SOURCES = tests/hil/hil_kdf_broken_test.c
hil_kdf_broken_test_LDADD = $(HIL_TEST_LIBS)

hil_hwkey_broken_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_hwkey_broken_test_SOURCES = tests/hil/hil_hwkey_broken_test.c
hil_hwkey_broken_test_LDADD = $(HIL_TEST_LIBS)

hil_chip_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_chip_test_SOURCES = tests/hil/hil_chip_test.c
hil_chip_test_LDADD = $(HIL_TEST_LIBS)

# The chip backend on a pseudo-terminal, pluton-chipd at its other end.
CHIP_LINE = tests/hil/chip_line.c tests/hil/chip_line.h
hil_chip_line_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS) $(EVENT_CFLAGS)
hil_chip_line_test_SOURCES = tests/hil/hil_chip_line_test.c $(CHIP_LINE)
hil_chip_line_test_LDADD = $(OPENSSL_BENCH_LIBS)

chip_wire_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS) $(EVENT_CFLAGS)
chip_wire_test_SOURCES = tests/hil/chip_wire_test.c $(CHIP_LINE)
chip_wire_test_LDADD = $(OPENSSL_BENCH_LIBS)

hil_bytewise_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_bytewise_test_SOURCES = tests/hil/hil_bytewise_test.c
hil_bytewise_test_LDADD = $(HIL_TEST_LIBS)

hil_hogweed_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_hogweed_test_SOURCES = tests/hil/hil_hogweed_test.c
hil_hogweed_test_LDADD = $(HIL_TEST_LIBS)

hil_rsa_broken_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_rsa_broken_test_SOURCES = tests/hil/hil_rsa_broken_test.c tests/hil/broken_rsa.c \
	tests/hil/broken_rsa.h
hil_rsa_broken_test_LDADD = $(HIL_TEST_LIBS)

# The self test before wrong engines; and, passed, before good ones, where nobody notices it.
hil_selftest_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_selftest_test_SOURCES = tests/hil/hil_selftest_test.c $(OPENSSL_BENCH)
hil_selftest_test_LDADD = $(OPENSSL_BENCH_LIBS)

hil_rng_health_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_rng_health_test_SOURCES = tests/hil/hil_rng_health_test.c
hil_rng_health_test_LDADD = $(HIL_TEST_LIBS)

hil_selftest_openssl_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_selftest_openssl_test_SOURCES = tests/hil/hil_selftest_openssl_test.c $(OPENSSL_BENCH)
hil_selftest_openssl_test_LDADD = $(OPENSSL_BENCH_LIBS)

hil_openssl_inline_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_openssl_inline_test_SOURCES = tests/hil/hil_openssl_inline_test.c $(OPENSSL_BENCH)
hil_openssl_inline_test_LDADD = $(OPENSSL_BENCH_LIBS)

hil_openssl_sliced_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_openssl_sliced_test_SOURCES = tests/hil/hil_openssl_sliced_test.c $(OPENSSL_BENCH)
hil_openssl_sliced_test_LDADD = $(OPENSSL_BENCH_LIBS)

hil_openssl_worker_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_openssl_worker_test_SOURCES = tests/hil/hil_openssl_worker_test.c $(OPENSSL_BENCH)
hil_openssl_worker_test_LDADD = $(OPENSSL_BENCH_LIBS)

STACKED_BENCH = tests/hil/stacked_bench.c tests/hil/stacked_bench.h
hil_stacked_chip_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_stacked_chip_test_SOURCES = tests/hil/hil_stacked_chip_test.c $(STACKED_BENCH)
hil_stacked_chip_test_LDADD = $(OPENSSL_BENCH_LIBS)

hil_stacked_line_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS) $(EVENT_CFLAGS)
hil_stacked_line_test_SOURCES = tests/hil/hil_stacked_line_test.c $(CHIP_LINE) $(STACKED_BENCH)
hil_stacked_line_test_LDADD = $(OPENSSL_BENCH_LIBS)

hil_stacked_openssl_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS)
hil_stacked_openssl_test_SOURCES = tests/hil/hil_stacked_openssl_test.c $(OPENSSL_BENCH) \
	$(STACKED_BENCH)
hil_stacked_openssl_test_LDADD = $(OPENSSL_BENCH_LIBS)

# Calls of libraries are made to fail: the linker sends those of the table to faults.c.
hil_faults_test_CPPFLAGS = $(HIL_TEST_CPPFLAGS) $(EVENT_CFLAGS)
hil_faults_test_SOURCES = tests/hil/hil_faults_test.c tests/hil/fault_calls.h \
	tests/hil/faults.c tests/hil/faults.h $(OPENSSL_BENCH) $(CHIP_LINE)
hil_faults_test_LDADD = $(OPENSSL_BENCH_LIBS)
hil_faults_test_LDFLAGS = -Wl,@tests/hil/fault_wraps
EXTRA_hil_faults_test_DEPENDENCIES = tests/hil/fault_wraps
CLEANFILES += tests/hil/fault_wraps

tests/hil/fault_wraps: tests/hil/fault_calls.h
	$(AM_V_at)$(MKDIR_P) tests/hil
	$(AM_V_GEN){ sed -n 's/^\(FAULT[A-Z0-9_]*\|WATCHED\)(\([A-Za-z0-9_]*\).*/--wrap=\2/p' $< && \
		echo --wrap=interrupt_raise; } >$@.tmp && mv $@.tmp $@
HIL_PYTHON_TESTS = tests/hil/test_faults.py
TESTS += $(HIL_PYTHON_TESTS)
EXTRA_DIST += $(HIL_PYTHON_TESTS)
