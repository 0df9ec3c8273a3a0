/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of capsules become bits here, where both sides are known.
 */
#include "daemon/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALWAYS_ALLOWED "manager"

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

/* The daemon need not run, so nobody can be asked: the message itself lists the names. */
static int complain(const struct access_rule *rule, const struct kernel *kernel, const char *name,
		    size_t length, struct config_error *error)
{
	int at = snprintf(error->message, sizeof(error->message),
			  "%.200s:%u: \"%.*s\" is no capsule; write all, none, or some of: ",
			  rule->file, rule->line, length < 60 ? (int)length : 60, name);
	const char *before = "";

	for (unsigned i = 0; i < kernel->driver_count; i++) {
		const char *known = kernel->drivers[i].capsule->name;

		if (is_word(known, ALWAYS_ALLOWED) || (size_t)at >= sizeof(error->message))
			continue;
		at += snprintf(error->message + at, sizeof(error->message) - (size_t)at, "%s%s",
			       before, known);
		before = ", ";
	}
	return -PLUTON_EINVAL;
}

int rules_mask(const struct kernel *kernel, const char *list, uint64_t *ret,
	       const char **ret_unknown, size_t *ret_length)
{
	uint64_t mask = bit_of(kernel, ALWAYS_ALLOWED, strlen(ALWAYS_ALLOWED));
	const char *cursor = list;

	while ((*ret_length = config_list_next(&cursor, ret_unknown))) {
		uint64_t bit = bit_of(kernel, *ret_unknown, *ret_length);

		if (!bit)
			return -PLUTON_EINVAL;
		mask |= bit;
	}
	*ret = mask;
	return 0;
}

static int parse(const struct access_rule *rule, const struct kernel *kernel, uint64_t *ret,
		 struct config_error *error)
{
	const char *name;
	size_t length;

	if (is_word(rule->text, "all")) {
		*ret = ~UINT64_C(0);
		return 0;
	}
	if (is_word(rule->text, "none")) {
		*ret = 0;
		return 0;
	}
	if (rules_mask(kernel, rule->text, ret, &name, &length))
		return complain(rule, kernel, name, length, error);
	return 0;
}

/* The one to join: that may use everything, or else something. NULL: there is none. */
static const char *find_group(const struct config *config)
{
	const char *group = NULL;

	for (size_t i = 0; i < config->access_rule_count; i++) {
		const struct access_rule *rule = &config->access_rules[i];
		const char *name = rule->key + strlen("group.");

		if (rule->kind != ACCESS_GROUP || is_word(rule->text, "none"))
			continue;
		if (is_word(rule->text, "all"))
			return name;
		if (!group)
			group = name;
	}
	return group;
}

void rules_advise(const struct config *config, char *text, size_t size)
{
	const char *group = find_group(config);
	int length = -1;

	if (!group) {
		snprintf(text, size, "add it to [access] of plutond.conf(5)");
		return;
	}
	/* adduser takes no numbers. */
	if (*group < '0' || *group > '9')
		length = snprintf(text, size,
				  "add it to the group %s (adduser NAME %s; from the next login "
				  "on), or to [access] of plutond.conf(5)",
				  group, group);
	if (length < 0 || (size_t)length >= size)
		snprintf(text, size,
			 "add it to the group %s (from the next login on), or to [access] of "
			 "plutond.conf(5)",
			 group);
}

int rules_make(const struct config *config, const struct kernel *kernel, struct access_entry **ret,
	       size_t *ret_count, struct config_error *ret_error)
{
	struct access_entry *entries = calloc(config->access_rule_count, sizeof(*entries));

	if (!entries) {
		snprintf(ret_error->message, sizeof(ret_error->message),
			 "no memory for the rules of [access]; free some");
		return -PLUTON_ENOMEM;
	}
	for (size_t i = 0; i < config->access_rule_count; i++) {
		const struct access_rule *rule = &config->access_rules[i];
		int r = parse(rule, kernel, &entries[i].drivers, ret_error);

		if (r < 0) {
			free(entries);
			return r;
		}
		entries[i].id = rule->id;
		entries[i].kind = rule->kind == ACCESS_USER    ? ACCESS_ONE_USER
				  : rule->kind == ACCESS_GROUP ? ACCESS_ONE_GROUP
							       : ACCESS_EVERYBODY;
	}
	*ret = entries;
	*ret_count = config->access_rule_count;
	return 0;
}
