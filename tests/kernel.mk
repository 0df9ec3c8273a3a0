# SPDX-License-Identifier: Apache-2.0
# Tests of the kernel, the channel and the capsules, and of what capsules may not do.
KERNEL_TESTS = \
	access_test arena_test bad_capsules_test capsules_test capsules_aes_test \
	capsules_aes_modes_test capsules_ecc_test capsules_hwkey_test capsules_kdf_test capsules_mac_test \
	capsules_rsa_test channel_test \
	channel_descriptor_test channel_flow_test closer_test connect_test costs_test deferred_test \
	engine_test expiry_test grant_test interrupt_test loop_test manager_test parameters_test \
	pool_test process_test refusals_test request_test trd104_test upcall_test users_test \
	window_test withdrawn_test
KERNEL_PYTHON_TESTS = tests/capsules/test_isolation.py tests/unit/test_kernel_includes.py
check_PROGRAMS += $(KERNEL_TESTS)
TESTS += $(KERNEL_TESTS) $(KERNEL_PYTHON_TESTS)
THREADED_TESTS += closer_test connect_test interrupt_test capsules_test capsules_aes_test \
	capsules_aes_modes_test capsules_hwkey_test capsules_kdf_test capsules_mac_test \
	capsules_rsa_test refusals_test
EXTRA_DIST += $(KERNEL_PYTHON_TESTS) tests/capsules/isolation.sh tests/capsules/allowed-symbols \
	tests/capsules/foreign_symbol.c tests/capsules/uses_malloc.c \
	tests/capsules/writable_global.c

KERNEL_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS) $(EVENT_CFLAGS)
KERNEL_TEST_LIBS = librig.la libplutond.la libsuite.la $(EVENT_LIBS)

# A whole daemon (rig, and its guests) or a kernel alone (bare) inside a test.
check_LTLIBRARIES += librig.la
librig_la_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
librig_la_SOURCES = \
	tests/bare.c tests/bare.h \
	tests/guests.c tests/guests.h \
	tests/lingering.c tests/lingering.h \
	tests/puppet.c tests/puppet.h \
	tests/rig.c tests/rig.h \
	tests/rig_rings.c tests/rig_rings.h

access_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
access_test_SOURCES = tests/unit/access_test.c
access_test_LDADD = $(KERNEL_TEST_LIBS)

arena_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
arena_test_SOURCES = tests/unit/arena_test.c
arena_test_LDADD = $(KERNEL_TEST_LIBS)

bad_capsules_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
bad_capsules_test_SOURCES = tests/unit/bad_capsules_test.c \
	tests/capsules/enters_twice.c tests/capsules/keeps_pointer.c
bad_capsules_test_LDADD = $(KERNEL_TEST_LIBS)

capsules_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
capsules_test_SOURCES = tests/unit/capsules_test.c
capsules_test_LDADD = $(KERNEL_TEST_LIBS)

capsules_aes_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
capsules_aes_test_SOURCES = tests/unit/capsules_aes_test.c
capsules_aes_test_LDADD = $(KERNEL_TEST_LIBS)

capsules_aes_modes_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
capsules_aes_modes_test_SOURCES = tests/unit/capsules_aes_modes_test.c
capsules_aes_modes_test_LDADD = $(KERNEL_TEST_LIBS)

capsules_ecc_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
capsules_ecc_test_SOURCES = tests/unit/capsules_ecc_test.c
capsules_ecc_test_LDADD = $(KERNEL_TEST_LIBS)

capsules_hwkey_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
capsules_hwkey_test_SOURCES = tests/unit/capsules_hwkey_test.c
capsules_hwkey_test_LDADD = $(KERNEL_TEST_LIBS)

capsules_kdf_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
capsules_kdf_test_SOURCES = tests/unit/capsules_kdf_test.c
capsules_kdf_test_LDADD = $(KERNEL_TEST_LIBS)

capsules_mac_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
capsules_mac_test_SOURCES = tests/unit/capsules_mac_test.c
capsules_mac_test_LDADD = $(KERNEL_TEST_LIBS)

capsules_rsa_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
capsules_rsa_test_SOURCES = tests/unit/capsules_rsa_test.c tests/rsa_material.c tests/rsa_material.h
capsules_rsa_test_LDADD = $(KERNEL_TEST_LIBS) $(CRYPTO_LIBS)

channel_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
channel_test_SOURCES = tests/unit/channel_test.c
channel_test_LDADD = $(KERNEL_TEST_LIBS)

channel_descriptor_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
channel_descriptor_test_SOURCES = tests/unit/channel_descriptor_test.c
channel_descriptor_test_LDADD = $(KERNEL_TEST_LIBS)

channel_flow_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
channel_flow_test_SOURCES = tests/unit/channel_flow_test.c
channel_flow_test_LDADD = $(KERNEL_TEST_LIBS)

connect_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
connect_test_SOURCES = tests/unit/connect_test.c
connect_test_LDADD = $(KERNEL_TEST_LIBS)

costs_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
costs_test_SOURCES = tests/unit/costs_test.c
costs_test_LDADD = $(KERNEL_TEST_LIBS)

deferred_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
deferred_test_SOURCES = tests/unit/deferred_test.c
deferred_test_LDADD = $(KERNEL_TEST_LIBS)

engine_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
engine_test_SOURCES = tests/unit/engine_test.c
engine_test_LDADD = $(KERNEL_TEST_LIBS)

expiry_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
expiry_test_SOURCES = tests/unit/expiry_test.c
expiry_test_LDADD = $(KERNEL_TEST_LIBS)

grant_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
grant_test_SOURCES = tests/unit/grant_test.c
grant_test_LDADD = $(KERNEL_TEST_LIBS)

interrupt_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
interrupt_test_SOURCES = tests/unit/interrupt_test.c
interrupt_test_LDADD = $(KERNEL_TEST_LIBS)

loop_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
loop_test_SOURCES = tests/unit/loop_test.c
loop_test_LDADD = $(KERNEL_TEST_LIBS)

manager_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
manager_test_SOURCES = tests/unit/manager_test.c
manager_test_LDADD = $(KERNEL_TEST_LIBS)

parameters_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
parameters_test_SOURCES = tests/unit/parameters_test.c
parameters_test_LDADD = $(KERNEL_TEST_LIBS)

pool_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
pool_test_SOURCES = tests/unit/pool_test.c
pool_test_LDADD = $(KERNEL_TEST_LIBS)

process_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
process_test_SOURCES = tests/unit/process_test.c
process_test_LDADD = $(KERNEL_TEST_LIBS)

refusals_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
refusals_test_SOURCES = tests/unit/refusals_test.c
refusals_test_LDADD = $(KERNEL_TEST_LIBS)

request_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
request_test_SOURCES = tests/unit/request_test.c
request_test_LDADD = $(KERNEL_TEST_LIBS)

trd104_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
trd104_test_SOURCES = tests/unit/trd104_test.c
trd104_test_LDADD = $(KERNEL_TEST_LIBS)

upcall_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
upcall_test_SOURCES = tests/unit/upcall_test.c
upcall_test_LDADD = $(KERNEL_TEST_LIBS)

window_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
window_test_SOURCES = tests/unit/window_test.c
window_test_LDADD = $(KERNEL_TEST_LIBS)

closer_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
closer_test_SOURCES = tests/unit/closer_test.c
closer_test_LDADD = $(KERNEL_TEST_LIBS)

users_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
users_test_SOURCES = tests/unit/users_test.c
users_test_LDADD = $(KERNEL_TEST_LIBS)

withdrawn_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
withdrawn_test_SOURCES = tests/unit/withdrawn_test.c
withdrawn_test_LDADD = $(KERNEL_TEST_LIBS)
