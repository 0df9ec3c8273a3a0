# SPDX-License-Identifier: Apache-2.0
# Unit tests of the D-Bus frontend; tests/integration/test_dbus.py has those with a bus.
DBUS_TESTS = dbus_cost_test dbus_table_test dbus_wire_test
check_PROGRAMS += $(DBUS_TESTS)
TESTS += $(DBUS_TESTS)

DBUS_TEST_CPPFLAGS = $(KERNEL_TEST_CPPFLAGS) $(SYSTEMD_CFLAGS)
DBUS_TEST_LIBS = $(KERNEL_TEST_LIBS) $(SYSTEMD_LIBS)

dbus_cost_test_CPPFLAGS = $(DBUS_TEST_CPPFLAGS)
dbus_cost_test_SOURCES = tests/unit/dbus_cost_test.c
dbus_cost_test_LDADD = $(DBUS_TEST_LIBS)

dbus_table_test_CPPFLAGS = $(DBUS_TEST_CPPFLAGS)
dbus_table_test_SOURCES = tests/unit/dbus_table_test.c
dbus_table_test_LDADD = $(DBUS_TEST_LIBS)

dbus_wire_test_CPPFLAGS = $(DBUS_TEST_CPPFLAGS)
dbus_wire_test_SOURCES = tests/unit/dbus_wire_test.c
dbus_wire_test_LDADD = $(DBUS_TEST_LIBS)
