# SPDX-License-Identifier: Apache-2.0
# Pluton as a service of the system. Nothing here is started by make install; README.md says how.
dist_systemdsystemunit_DATA = systemd/plutond.socket systemd/pluton-tpmd@.socket \
	systemd/pluton-apps.target
nodist_systemdsystemunit_DATA = systemd/plutond.service systemd/pluton-tpmd@.service
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
catalogdir = $(prefix)/lib/systemd/catalog
dist_catalog_DATA = systemd/pluton.catalog
dist_dbuspolicy_DATA = systemd/org.pluton1.conf
dbusactivationdir = $(datadir)/dbus-1/system-services
dist_dbusactivation_DATA = systemd/org.pluton1.service

$(nodist_systemdsystemunit_DATA): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && sed -e 's|@sbindir[@]|$(sbindir)|' \
		-e 's|@pkglibexecdir[@]|$(pkglibexecdir)|' $< >$@
CLEANFILES += $(nodist_systemdsystemunit_DATA)
EXTRA_DIST += systemd/plutond.service.in systemd/pluton-tpmd@.service.in \
	systemd/pluton.sysusers systemd/pluton.tmpfiles

# Under the one name that both folders' programs go by.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) '$(srcdir)/systemd/pluton.sysusers' '$(DESTDIR)$(sysusersdir)/pluton.conf'
	$(INSTALL_DATA) '$(srcdir)/systemd/pluton.tmpfiles' '$(DESTDIR)$(tmpfilesdir)/pluton.conf'
uninstall-local:
	rm -f '$(DESTDIR)$(sysusersdir)/pluton.conf' '$(DESTDIR)$(tmpfilesdir)/pluton.conf'
