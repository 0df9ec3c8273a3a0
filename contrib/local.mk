# SPDX-License-Identifier: Apache-2.0
# What is of use to administrators and to packages, and is not installed by make install.
EXTRA_DIST += \
	contrib/apparmor/pluton-tpmd contrib/apparmor/plutond \
	contrib/systemd/plutond-serial.conf \
	contrib/udev/60-pluton-serial.rules \
	debian docs/permissions.md tests/packages/build.sh
