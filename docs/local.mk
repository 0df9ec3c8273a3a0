# SPDX-License-Identifier: Apache-2.0
# Manual pages of the daemon; libpluton's and the programs' are listed beside their sources.
dist_man_MANS += docs/man/org.pluton1.5 docs/man/pluton-app.conf.5 docs/man/plutond.8 \
	docs/man/plutond.conf.5 docs/man/plutond.service.8

# What a page has further names for is found by these, too.
MAN_ALIASES = cd '$(srcdir)' && $(PYTHON) docs/man-aliases.py
install-data-hook:
	$(MAN_ALIASES) --install '$(DESTDIR)$(mandir)' $(dist_man_MANS)
# And what make uninstall leaves: our own folders, if nothing else is in them.
uninstall-hook:
	$(MAN_ALIASES) --uninstall '$(DESTDIR)$(mandir)' $(dist_man_MANS)
	-for folder in '$(pkgdatadir)/app.d' '$(pkgdatadir)' '$(pkglibexecdir)' '$(examplesdir)' \
		'$(docdir)' '$(pkgincludedir)'; do \
		rmdir "$(DESTDIR)$$folder" 2>/dev/null; done
EXTRA_DIST += docs/man-aliases.py

# The tables of docs/protocol.md are printed by the command tables themselves, those of
# docs/operations.md by the configuration's keys, by constants, and by the journal's catalog.
noinst_PROGRAMS += protocol-tables operations-tables
protocol_tables_CPPFLAGS = $(libplutond_la_CPPFLAGS)
protocol_tables_SOURCES = docs/protocol-tables.c
protocol_tables_LDADD = libplutond.la
protocol_tables_LDFLAGS = $(PROGRAM_LDFLAGS)
operations_tables_CPPFLAGS = $(libplutond_la_CPPFLAGS)
operations_tables_SOURCES = docs/operations-tables.c docs/constants.h docs/constants-tpm.c
operations_tables_LDADD = libplutond.la
operations_tables_LDFLAGS = $(PROGRAM_LDFLAGS)

DOCS_TABLES = protocol-tables.md limits.md constants.md messages.md
protocol-tables.md: protocol-tables
	$(AM_V_GEN)./protocol-tables >$@
limits.md constants.md: operations-tables
	$(AM_V_GEN)./operations-tables $(@:.md=) >$@
MESSAGES = docs/messages.py systemd/pluton.catalog daemon/log.h apps/tpm/messages.h
messages.md: $(MESSAGES)
	$(AM_V_GEN)cd '$(srcdir)' && $(PYTHON) $(MESSAGES) >'$(abs_builddir)/$@.new'
	@mv $@.new $@
CLEANFILES += $(DOCS_TABLES) messages.md.new

UPDATE_DOCS = $(PYTHON) $(srcdir)/docs/update-tables.py
IN_PROTOCOL = $(srcdir)/docs/protocol.md tables protocol-tables.md
IN_OPERATIONS = $(srcdir)/docs/operations.md limits limits.md constants constants.md \
	messages messages.md
update-docs: $(DOCS_TABLES)
	$(UPDATE_DOCS) $(IN_PROTOCOL)
	$(UPDATE_DOCS) $(IN_OPERATIONS)
check-docs: $(DOCS_TABLES)
	$(UPDATE_DOCS) --check $(IN_PROTOCOL) || { echo "docs/protocol.md is old: make update-docs"; exit 1; }
	$(UPDATE_DOCS) --check $(IN_OPERATIONS) || { echo "docs/operations.md is old: make update-docs"; exit 1; }
.PHONY: check-docs

EXTRA_DIST += docs/aes-gcm-stream.md docs/architecture.md docs/chip-link.md docs/dbus.md docs/decisions.md \
	docs/hwkey-format.md docs/lazy-vs-static.md docs/lazy-vs-static.svg docs/messages.py \
	docs/nvmem-format.md docs/operations.md docs/protocol.md docs/update-tables.py
