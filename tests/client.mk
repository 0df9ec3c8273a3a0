# SPDX-License-Identifier: Apache-2.0
# Tests of the record format and of libpluton. They link libpluton's objects, not the shared library:
# some look inside.
CLIENT_TESTS = record_test ring_test rows_test client_test client_services_test client_reconnect_test
check_PROGRAMS += $(CLIENT_TESTS)
TESTS += $(CLIENT_TESTS)
THREADED_TESTS += ring_test client_test client_services_test client_reconnect_test

record_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
record_test_SOURCES = tests/unit/record_test.c
record_test_LDADD = libsuite.la librecord.la

ring_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
ring_test_SOURCES = tests/unit/ring_test.c
ring_test_LDADD = libsuite.la librecord.la

rows_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
rows_test_SOURCES = tests/unit/rows_test.c
rows_test_LDADD = libsuite.la librows.la librecord.la

FAKE_DAEMON = tests/unit/fake_daemon.c tests/unit/fake_daemon.h tests/unit/fake_services.c \
	tests/unit/fake_services.h

client_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
client_test_SOURCES = tests/unit/client_test.c $(FAKE_DAEMON)
client_test_LDADD = libsuite.la libclient.la

client_services_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
client_services_test_SOURCES = tests/unit/client_services_test.c $(FAKE_DAEMON)
client_services_test_LDADD = libsuite.la libclient.la

client_reconnect_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
client_reconnect_test_SOURCES = tests/unit/client_reconnect_test.c $(FAKE_DAEMON)
client_reconnect_test_LDADD = libsuite.la libclient.la

# libpluton with a real plutond: library_test starts itself again under pluton-run, the others have a
# daemon that they can kill.
CLIENT_INTEGRATION_TESTS = batch_test gcm_stream_test kdf_test key_slots_test library_test restart_test \
	rsa_test services_test
check_PROGRAMS += $(CLIENT_INTEGRATION_TESTS)
TESTS += $(CLIENT_INTEGRATION_TESTS)

PRIVATELY = tests/integration/privately.c tests/integration/privately.h
OWN_PLUTOND = tests/integration/own_plutond.c tests/integration/own_plutond.h
OWN_CLIENT = tests/integration/own_client.c tests/integration/own_client.h $(OWN_PLUTOND)

gcm_stream_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
gcm_stream_test_SOURCES = tests/integration/gcm_stream_test.c $(OWN_CLIENT)
gcm_stream_test_LDADD = libsuite.la libclient.la

kdf_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
kdf_test_SOURCES = tests/integration/kdf_test.c $(OWN_CLIENT)
kdf_test_LDADD = libsuite.la libclient.la

key_slots_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
key_slots_test_SOURCES = tests/integration/key_slots_test.c $(OWN_CLIENT)
key_slots_test_LDADD = libsuite.la libclient.la

library_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS) $(CRYPTO_CFLAGS)
library_test_SOURCES = tests/integration/library_test.c $(PRIVATELY)
library_test_LDADD = libsuite.la libclient.la $(CRYPTO_LIBS)

batch_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
batch_test_SOURCES = tests/integration/batch_test.c $(OWN_PLUTOND) $(FAKE_DAEMON)
batch_test_LDADD = libsuite.la libclient.la

restart_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS) $(CRYPTO_CFLAGS)
restart_test_SOURCES = tests/integration/restart_test.c $(OWN_PLUTOND)
restart_test_LDADD = libsuite.la libclient.la $(CRYPTO_LIBS)

rsa_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
rsa_test_SOURCES = tests/integration/rsa_test.c tests/rsa_material.c tests/rsa_material.h \
	$(OWN_CLIENT)
rsa_test_LDADD = libsuite.la libclient.la

services_test_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
services_test_SOURCES = tests/integration/services_test.c $(OWN_CLIENT)
services_test_LDADD = libsuite.la libclient.la

# docs/protocol.md, by way of clients written from it.
PROTOCOL_TESTS = tests/integration/test_over_rings.py tests/integration/test_protocol.py \
	tests/integration/test_protocol_rings.py
TESTS += $(PROTOCOL_TESTS)
EXTRA_DIST += $(PROTOCOL_TESTS) tests/integration/client.py tests/integration/ring_client.py

# A program of tests/integration/test_hwkey.py.
check_PROGRAMS += hwkey_client
hwkey_client_SOURCES = tests/integration/hwkey_client.c
hwkey_client_LDADD = libclient.la
