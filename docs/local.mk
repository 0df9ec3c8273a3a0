# SPDX-License-Identifier: Apache-2.0
# Manual pages of the daemon; libpluton's and the programs' are listed beside their sources.
dist_man_MANS += docs/man/org.pluton1.5 docs/man/pluton-app.conf.5 docs/man/plutond.8 docs/man/plutond.conf.5

# The tables of docs/protocol.md are printed by the command tables themselves.
noinst_PROGRAMS += protocol-tables
protocol_tables_CPPFLAGS = $(libplutond_la_CPPFLAGS)
protocol_tables_SOURCES = docs/protocol-tables.c
protocol_tables_LDADD = libplutond.la
protocol_tables_LDFLAGS = $(PROGRAM_LDFLAGS)

update-docs: protocol-tables
	./protocol-tables >protocol-tables.md
	$(PYTHON) $(srcdir)/docs/update-tables.py $(srcdir)/docs/protocol.md protocol-tables.md
check-docs: protocol-tables
	./protocol-tables >protocol-tables.md
	$(PYTHON) $(srcdir)/docs/update-tables.py --check $(srcdir)/docs/protocol.md \
		protocol-tables.md || { echo "docs/protocol.md is old: make update-docs"; exit 1; }
.PHONY: check-docs
CLEANFILES += protocol-tables.md

EXTRA_DIST += docs/architecture.md docs/dbus.md docs/decisions.md docs/nvmem-format.md docs/protocol.md docs/update-tables.py
