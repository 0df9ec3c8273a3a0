# SPDX-License-Identifier: Apache-2.0
# What nobody may get away with: processes that die, spoil, flood and hoard.
HOSTILE_TESTS = contention_test flood_test hostile_test hostile_threads_test kill_test rings_test \
	rings_threads_test sharing_test
check_PROGRAMS += $(HOSTILE_TESTS)
TESTS += $(HOSTILE_TESTS)
THREADED_TESTS += $(HOSTILE_TESTS)

HOSTILE_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS) $(EVENT_CFLAGS)
HOSTILE_LIBS = librig.la libplutond.la libsuite.la $(CRYPTO_LIBS) $(EVENT_LIBS)
ORACLE_SOURCES = tests/integration/oracle.c tests/integration/oracle.h
FORCED_SOURCES = tests/integration/forced.c tests/integration/forced.h
WIRE_SOURCES = tests/integration/wire.c tests/integration/wire.h

hostile_test_CPPFLAGS = $(HOSTILE_CPPFLAGS)
hostile_test_SOURCES = tests/integration/hostile_test.c \
	$(FORCED_SOURCES) $(ORACLE_SOURCES) $(WIRE_SOURCES)
hostile_test_LDADD = $(HOSTILE_LIBS)

hostile_threads_test_CPPFLAGS = $(HOSTILE_CPPFLAGS)
hostile_threads_test_SOURCES = tests/integration/hostile_threads_test.c \
	$(ORACLE_SOURCES) $(WIRE_SOURCES)
hostile_threads_test_LDADD = $(HOSTILE_LIBS)

kill_test_CPPFLAGS = $(HOSTILE_CPPFLAGS)
kill_test_SOURCES = tests/integration/kill_test.c \
	tests/integration/scenarios.c tests/integration/scenarios.h $(WIRE_SOURCES)
kill_test_LDADD = $(HOSTILE_LIBS)

rings_test_CPPFLAGS = $(HOSTILE_CPPFLAGS)
rings_test_SOURCES = tests/integration/rings_test.c
rings_test_LDADD = $(HOSTILE_LIBS)

rings_threads_test_CPPFLAGS = $(HOSTILE_CPPFLAGS)
rings_threads_test_SOURCES = tests/integration/rings_threads_test.c \
	$(ORACLE_SOURCES) $(WIRE_SOURCES)
rings_threads_test_LDADD = $(HOSTILE_LIBS)

sharing_test_CPPFLAGS = $(HOSTILE_CPPFLAGS)
sharing_test_SOURCES = tests/integration/sharing_test.c \
	$(FORCED_SOURCES) $(ORACLE_SOURCES) $(WIRE_SOURCES)
sharing_test_LDADD = $(HOSTILE_LIBS)

contention_test_CPPFLAGS = $(HOSTILE_CPPFLAGS)
contention_test_SOURCES = tests/integration/contention_test.c \
	tests/integration/stack.c tests/integration/stack.h \
	$(ORACLE_SOURCES) $(FORCED_SOURCES)
contention_test_LDADD = $(HOSTILE_LIBS)

flood_test_CPPFLAGS = $(HOSTILE_CPPFLAGS)
flood_test_SOURCES = tests/integration/flood_test.c
flood_test_LDADD = $(HOSTILE_LIBS)
