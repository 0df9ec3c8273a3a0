# SPDX-License-Identifier: Apache-2.0
# Python modules that use the built programs as a user would. One test_*.py a line.
INTEGRATION_TESTS = \
	tests/integration/test_apparmor.py \
	tests/integration/test_access.py \
	tests/integration/test_app.py \
	tests/integration/test_bench.py \
	tests/integration/test_chip.py \
	tests/integration/test_cli.py \
	tests/integration/test_cli_aes.py \
	tests/integration/test_cli_aes_gcm_stream.py \
	tests/integration/test_cli_aes_modes.py \
	tests/integration/test_cli_answers.py \
	tests/integration/test_cli_ecc.py \
	tests/integration/test_cli_hash.py \
	tests/integration/test_cli_kdf.py \
	tests/integration/test_cli_mac.py \
	tests/integration/test_cli_random.py \
	tests/integration/test_cli_rsa.py \
	tests/integration/test_cli_terminal.py \
	tests/integration/test_cli_things.py \
	tests/integration/test_cli_views.py \
	tests/integration/test_trace.py \
	tests/integration/test_completion.py \
	tests/integration/test_daemon.py \
	tests/integration/test_dbus.py \
	tests/integration/test_hwkey.py \
	tests/integration/test_manual.py \
	tests/integration/test_operations.py \
	tests/integration/test_pages.py \
	tests/integration/test_quickstart.py \
	tests/integration/test_rsa_vectors.py \
	tests/integration/test_run.py \
	tests/integration/test_selftest.py \
	tests/integration/test_service.py \
	tests/integration/test_setup.py \
	tests/integration/test_stacked.py \
	tests/integration/test_tally.py \
	tests/integration/test_vectors.py \
	tests/integration/test_vectors_digest.py \
	tests/integration/test_vectors_ecc.py \
	tests/integration/test_vectors_kdf.py \
	tests/integration/test_vectors_mac.py
TESTS += $(INTEGRATION_TESTS)
EXTRA_DIST += $(INTEGRATION_TESTS) tests/integration/bus.py tests/integration/fake_plutond.py \
	tests/integration/faulty_crypto.c tests/integration/plutond.py tests/integration/private.py \
	tests/integration/vectors.py
