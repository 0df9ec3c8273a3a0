# SPDX-License-Identifier: Apache-2.0
# pluton-counter, an example of an app. Installed, but nowhere defined: see its example file.
pkglibexec_PROGRAMS += pluton-counter
pluton_counter_SOURCES = apps/example/counter.c
pluton_counter_LDADD = libpluton.la
pluton_counter_LDFLAGS = $(PROGRAM_LDFLAGS)

dist_examples_DATA += docs/examples/counter.conf
APP_DEFINITIONS += app.d/counter.conf
app.d/counter.conf: docs/examples/counter.conf
	$(AM_V_GEN)$(MKDIR_P) app.d && cp $(srcdir)/docs/examples/counter.conf $@ && chmod go-w $@
