# SPDX-License-Identifier: Apache-2.0
# Apps: programs that plutond starts. Each folder's part is its local.mk, which adds the app's
# definition in the build tree to APP_DEFINITIONS; a plutond that runs from there uses these.
pkglibexec_PROGRAMS =
APP_DEFINITIONS =
include $(srcdir)/apps/example/local.mk
include $(srcdir)/apps/tpm/local.mk

noinst_DATA = $(APP_DEFINITIONS)
CLEANFILES += $(APP_DEFINITIONS)
