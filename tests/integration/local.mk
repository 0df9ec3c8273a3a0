# SPDX-License-Identifier: Apache-2.0
# Python modules that use the built programs as a user would. One test_*.py a line.
INTEGRATION_TESTS = \
	tests/integration/test_config_manual.py
TESTS += $(INTEGRATION_TESTS)
EXTRA_DIST += $(INTEGRATION_TESTS)
