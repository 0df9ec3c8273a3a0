/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of capsules become bits here, where both sides are known.
 */
#include "daemon/rules.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"

static bool named(const struct driver *driver, const char *name, size_t length)
{
	return strlen(driver->capsule->name) == length &&
	       memcmp(driver->capsule->name, name, length) == 0;
}

static uint64_t bit_of(const struct kernel *kernel, const char *name, size_t length)
{
	for (unsigned i = 0; i < kernel->driver_count; i++) {
		if (named(&kernel->drivers[i], name, length))
			return UINT64_C(1) << i;
	}
	return 0;
}

static bool is_word(const char *text, const char *word)
{
	return strcmp(text, word) == 0;
}

static int parse(const struct access_rule *rule, const struct kernel *kernel, uint64_t *ret)
{
	const char *cursor = rule->text, *name;
	uint64_t mask = is_word(rule->text, "all") ? ~UINT64_C(0) : 0;
	size_t length;

	if (is_word(rule->text, "all") || is_word(rule->text, "none")) {
		*ret = mask;
		return 0;
	}
	while ((length = config_list_next(&cursor, &name))) {
		uint64_t bit = bit_of(kernel, name, length);

		if (!bit) {
			log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS,
				  "%s:%u: %.*s is no capsule: `pluton-cli capsules` lists them",
				  rule->file, rule->line, (int)length, name);
			return -PLUTON_EINVAL;
		}
		mask |= bit;
	}
	*ret = mask;
	return 0;
}

int rules_make(const struct config *config, struct kernel *kernel, struct access_entry **ret,
	       size_t *ret_count)
{
	uint64_t always = bit_of(kernel, "manager", strlen("manager"));
	struct access_entry *entries = calloc(config->access_rule_count, sizeof(*entries));

	if (!entries)
		return -PLUTON_ENOMEM;
	for (size_t i = 0; i < config->access_rule_count; i++) {
		const struct access_rule *rule = &config->access_rules[i];
		int r = parse(rule, kernel, &entries[i].drivers);

		if (r < 0) {
			free(entries);
			return r;
		}
		entries[i].drivers |= always;
		entries[i].id = rule->id;
		entries[i].kind = rule->kind == ACCESS_USER    ? ACCESS_ONE_USER
				  : rule->kind == ACCESS_GROUP ? ACCESS_ONE_GROUP
							       : ACCESS_EVERYBODY;
	}
	*ret = entries;
	*ret_count = config->access_rule_count;
	return 0;
}
