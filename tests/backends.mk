# SPDX-License-Identifier: Apache-2.0
# Tests of the engines. They bring their own hil_charge_*: of the kernel only its queues are used.
BACKEND_TESTS = openssl_test openssl_aes_test openssl_ecc_test openssl_kdf_test openssl_mac_test \
	openssl_pairs_test openssl_rsa_test openssl_stream_test stacked_test openssl_hwkey_test \
	fuses_test
check_PROGRAMS += $(BACKEND_TESTS)
TESTS += $(BACKEND_TESTS)
THREADED_TESTS += $(BACKEND_TESTS)

BACKEND_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(CUNIT_CFLAGS) $(NETTLE_CFLAGS)
BACKEND_TEST_LIBS = libbackends.la libhil.la libkernel.la librecord.la libsuite.la \
	$(CRYPTO_LIBS) $(NETTLE_LIBS) $(EVENT_LIBS)
OPENSSL_MACHINE = tests/unit/openssl_machine.c tests/unit/openssl_machine.h

openssl_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
openssl_test_SOURCES = tests/unit/openssl_test.c $(OPENSSL_MACHINE)
openssl_test_LDADD = $(BACKEND_TEST_LIBS)

openssl_aes_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
openssl_aes_test_SOURCES = tests/unit/openssl_aes_test.c $(OPENSSL_MACHINE)
openssl_aes_test_LDADD = $(BACKEND_TEST_LIBS)

openssl_ecc_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
openssl_ecc_test_SOURCES = tests/unit/openssl_ecc_test.c $(OPENSSL_MACHINE)
openssl_ecc_test_LDADD = $(BACKEND_TEST_LIBS)

KEY_WATCH = tests/unit/key_watch.c tests/unit/key_watch.h
openssl_kdf_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
openssl_kdf_test_SOURCES = tests/unit/openssl_kdf_test.c $(OPENSSL_MACHINE) $(KEY_WATCH)
openssl_kdf_test_LDADD = $(BACKEND_TEST_LIBS)

openssl_hwkey_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
openssl_hwkey_test_SOURCES = tests/unit/openssl_hwkey_test.c tests/key_store.c tests/key_store.h \
	$(OPENSSL_MACHINE)
openssl_hwkey_test_LDADD = $(BACKEND_TEST_LIBS)

openssl_mac_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
openssl_mac_test_SOURCES = tests/unit/openssl_mac_test.c $(OPENSSL_MACHINE) $(KEY_WATCH)
openssl_mac_test_LDADD = $(BACKEND_TEST_LIBS)

openssl_pairs_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
openssl_pairs_test_SOURCES = tests/unit/openssl_pairs_test.c
openssl_pairs_test_LDADD = $(BACKEND_TEST_LIBS)
openssl_pairs_test_LDFLAGS = -Wl,--wrap=EVP_PKEY_get_params \
	-Wl,--wrap=EVP_PKEY_get_octet_string_param -Wl,--wrap=EVP_PKEY_get_raw_public_key \
	-Wl,--wrap=EVP_PKEY_sign

openssl_rsa_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
openssl_rsa_test_SOURCES = tests/unit/openssl_rsa_test.c tests/rsa_material.c tests/rsa_material.h \
	$(OPENSSL_MACHINE)
openssl_rsa_test_LDADD = $(BACKEND_TEST_LIBS)

openssl_stream_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
openssl_stream_test_SOURCES = tests/unit/openssl_stream_test.c $(OPENSSL_MACHINE)
openssl_stream_test_LDADD = $(BACKEND_TEST_LIBS)

# The native link's two ends in one process; and one end, with a chip that lies at the other.
check_PROGRAMS += chip_link_test chip_lying_test chip_transport_test
TESTS += chip_link_test chip_lying_test chip_transport_test
chip_link_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
chip_link_test_SOURCES = tests/unit/chip_link_test.c
chip_link_test_LDADD = libchip-firmware.la $(BACKEND_TEST_LIBS)

stacked_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
stacked_test_SOURCES = tests/unit/stacked_test.c
stacked_test_LDADD = $(BACKEND_TEST_LIBS)

chip_lying_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
chip_lying_test_SOURCES = tests/unit/chip_lying_test.c
chip_lying_test_LDADD = $(BACKEND_TEST_LIBS)

# libevent has no memory where the test says so.
chip_transport_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
chip_transport_test_SOURCES = tests/unit/chip_transport_test.c
chip_transport_test_LDADD = $(BACKEND_TEST_LIBS)
chip_transport_test_LDFLAGS = -Wl,--wrap=event_add

# Its system calls are the test's.
fuses_test_CPPFLAGS = $(BACKEND_TEST_CPPFLAGS)
fuses_test_SOURCES = tests/unit/fuses_test.c backends/fuses/fuses.c
fuses_test_LDADD = libsuite.la
fuses_test_LDFLAGS = -Wl,--wrap=open,--wrap=openat,--wrap=read,--wrap=write,--wrap=fdatasync \
	-Wl,--wrap=fsync,--wrap=linkat,--wrap=unlinkat,--wrap=fstat,--wrap=fstatat \
	-Wl,--wrap=getrandom,--wrap=close
