# SPDX-License-Identifier: Apache-2.0
# NV memory: the engine behind the contract checker, cuts and failures at every step, the capsule.
NV_TESTS = hil_nv_broken_test nv_capsule_test nv_cut_test nv_disk_test nv_engine_test
check_PROGRAMS += $(NV_TESTS)
TESTS += $(NV_TESTS)
THREADED_TESTS += $(NV_TESTS)

NV_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
NV_TEST_LIBS = libbackends.la libhil.la libkernel.la librecord.la libsuite.la $(CRYPTO_LIBS) \
	$(EVENT_LIBS)
NV_BENCH = tests/nv/bench.c tests/nv/bench.h

hil_nv_broken_test_CPPFLAGS = $(NV_TEST_CPPFLAGS)
hil_nv_broken_test_SOURCES = tests/hil/hil_nv_broken_test.c \
	tests/hil/broken_nv.c tests/hil/broken_nv.h $(NV_BENCH)
hil_nv_broken_test_LDADD = $(NV_TEST_LIBS)

nv_capsule_test_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS)
nv_capsule_test_SOURCES = tests/nv/nv_capsule_test.c
nv_capsule_test_LDADD = $(KERNEL_TEST_LIBS)

nv_cut_test_CPPFLAGS = $(NV_TEST_CPPFLAGS)
nv_cut_test_SOURCES = tests/nv/nv_cut_test.c $(NV_BENCH)
nv_cut_test_LDADD = $(NV_TEST_LIBS)

nv_disk_test_CPPFLAGS = $(NV_TEST_CPPFLAGS)
nv_disk_test_SOURCES = tests/nv/nv_disk_test.c $(NV_BENCH)
nv_disk_test_LDADD = $(NV_TEST_LIBS)

nv_engine_test_CPPFLAGS = $(NV_TEST_CPPFLAGS)
nv_engine_test_SOURCES = tests/nv/nv_engine_test.c $(NV_BENCH)
nv_engine_test_LDADD = $(NV_TEST_LIBS)
