# SPDX-License-Identifier: Apache-2.0
# The system test: a booted systemd with what `make install` leaves. Not of `make check`, for it needs
# root, minutes and systemd-nspawn; ./check runs it.
SYSTEM_SCENARIOS = \
	tests/system/scenarios/access.py \
	tests/system/scenarios/activation.py \
	tests/system/scenarios/apps.py \
	tests/system/scenarios/boot.py \
	tests/system/scenarios/confinement.py \
	tests/system/scenarios/credentials.py \
	tests/system/scenarios/degraded.py \
	tests/system/scenarios/journals.py \
	tests/system/scenarios/last.py \
	tests/system/scenarios/reboot.py \
	tests/system/scenarios/refusing.py \
	tests/system/scenarios/restarts.py \
	tests/system/scenarios/stopping.py \
	tests/system/scenarios/units.py \
	tests/system/scenarios/watchdog.py
EXTRA_DIST += $(SYSTEM_SCENARIOS) tests/system/guest.py tests/system/machine.py \
	tests/system/old_clock.c tests/system/run.py tests/system/stayer.c
