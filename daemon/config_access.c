/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [access]: whose programs may use which capsules. Names of users and groups become numbers here,
 * once, so that a request is judged without asking the user database; names of capsules are left
 * to those who know them.
 */
#include "daemon/config_keys.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ini_value.h"

#define SYSTEM_GROUP "pluton" /* whose members may use the system's plutond */
#define NOBODY UINT32_MAX     /* never a gid */

#define LOOKUP_SIZE ((size_t)16384)		    /* bytes: a line of the user database */
#define LOOKUP_SIZE_MAX ((size_t)16384 * 8 * 8 * 8) /* of a group with very many members */

static int parse_id(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long number;

	if (*text < '0' || *text > '9')
		return -PLUTON_EINVAL;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || number >= UINT32_MAX)
		return -PLUTON_EINVAL;
	*ret = (uint32_t)number;
	return 0;
}

static int find_user(const char *name, uint32_t *ret)
{
	struct passwd entry;
	struct passwd *found = NULL;
	char *buf = malloc(LOOKUP_SIZE);

	if (!buf)
		return -PLUTON_ENOMEM;
	if (getpwnam_r(name, &entry, buf, LOOKUP_SIZE, &found) == 0 && found)
		*ret = found->pw_uid;
	free(buf);
	return found ? 0 : parse_id(name, ret);
}

/* 1: it is there. 0: it is not. -PLUTON_ESIZE: it has more members than fit. */
static int look_up_group(const char *name, size_t size, uint32_t *ret)
{
	struct group entry;
	struct group *found = NULL;
	char *buf = malloc(size);
	int error;

	if (!buf)
		return -PLUTON_ENOMEM;
	error = getgrnam_r(name, &entry, buf, size, &found);
	if (found)
		*ret = found->gr_gid;
	free(buf);
	return error == ERANGE ? -PLUTON_ESIZE : found != NULL;
}

static int find_group(const char *name, uint32_t *ret)
{
	int r = -PLUTON_ESIZE;

	for (size_t size = LOOKUP_SIZE; r == -PLUTON_ESIZE && size <= LOOKUP_SIZE_MAX; size *= 8)
		r = look_up_group(name, size, ret);
	if (r == -PLUTON_ENOMEM)
		return r;
	return r > 0 ? 0 : parse_id(name, ret);
}

static int parse_subject(const char *key, struct access_rule *rule, char *problem)
{
	const char *what = "user";
	int r;

	if (strcmp(key, "default") == 0) {
		rule->kind = ACCESS_DEFAULT;
		return 0;
	}
	if (strncmp(key, "user.", 5) == 0) {
		rule->kind = ACCESS_USER;
		r = find_user(key + 5, &rule->id);
	} else if (strncmp(key, "group.", 6) == 0) {
		what = "group";
		rule->kind = ACCESS_GROUP;
		r = find_group(key + 6, &rule->id);
	} else {
		snprintf(problem, CONFIG_TEXT_SIZE,
			 "there is no such key in [access]; "
			 "write default, user.NAME or group.NAME");
		return -PLUTON_EINVAL;
	}
	if (r == -PLUTON_EINVAL)
		snprintf(problem, CONFIG_TEXT_SIZE,
			 "there is no %s of this name; write one that exists, or a number", what);
	return r;
}

/* "all" and "none" are no names: beside others they would say two things at once. */
static bool is_plain_list(const char *list)
{
	const char *cursor = list;
	const char *name;
	size_t length;

	while ((length = config_list_next(&cursor, &name)) > 0) {
		bool whole = name == list && name[length] == '\0';
		bool reserved = (length == 3 && memcmp(name, "all", 3) == 0) ||
				(length == 4 && memcmp(name, "none", 4) == 0);

		if (reserved && !whole)
			return false;
	}
	return true;
}

/*
 * The service's group is missing. That is no reason to stop for who has said that it is to have
 * nothing; anybody else is told how to make it.
 */
static int parse_missing_group(struct access_rule *rule, const char *text, char *problem)
{
	if (strcmp(text, "none") == 0) {
		rule->id = NOBODY;
		return 0;
	}
	snprintf(problem, CONFIG_TEXT_SIZE,
		 "there is no group " SYSTEM_GROUP "; make it (systemd-sysusers, or addgroup "
		 "--system " SYSTEM_GROUP "), or write group." SYSTEM_GROUP " = none in [access] "
		 "to go on without it");
	return -PLUTON_EINVAL;
}

static void rule_clear(struct access_rule *rule)
{
	free(rule->key);
	free(rule->text);
	free(rule->file);
}

static int rule_fill(struct access_rule *rule, const struct config *config, const char *key,
		     const char *text, const char *file, char *problem)
{
	int r = parse_subject(key, rule, problem);

	if (r == -PLUTON_EINVAL && config->system && strcmp(key, "group." SYSTEM_GROUP) == 0)
		r = parse_missing_group(rule, text, problem);
	if (r < 0)
		return r;
	r = ini_list_copy(text, &rule->text);
	if (r == 0 && !is_plain_list(rule->text))
		r = -PLUTON_EINVAL;
	if (r == -PLUTON_EINVAL)
		snprintf(problem, CONFIG_TEXT_SIZE,
			 "\"%.60s\" is not a list; write all, none, or "
			 "names of capsules with commas between",
			 text);
	if (r < 0)
		return r;
	rule->key = strdup(key);
	rule->file = strdup(file);
	return rule->key && rule->file ? 0 : -PLUTON_ENOMEM;
}

static struct access_rule *find_same(const struct config *config, const struct access_rule *rule)
{
	for (size_t i = 0; i < config->access_rule_count; i++) {
		struct access_rule *other = &config->access_rules[i];

		if (other->kind == rule->kind && other->id == rule->id)
			return other;
	}
	return NULL;
}

static int append(struct config *config, const struct access_rule *rule)
{
	size_t count = config->access_rule_count + 1;
	struct access_rule *rules =
		reallocarray(config->access_rules, count, sizeof(struct access_rule));

	if (!rules)
		return -PLUTON_ENOMEM;
	rules[count - 1] = *rule;
	config->access_rules = rules;
	config->access_rule_count = count;
	return 0;
}

int config_access_set(struct config *config, const char *key, const char *text, const char *file,
		      unsigned line, char problem[CONFIG_TEXT_SIZE])
{
	struct access_rule rule = {.line = line};
	struct access_rule *same;
	int r = rule_fill(&rule, config, key, text, file, problem);

	if (r < 0) {
		rule_clear(&rule);
		return r;
	}
	same = find_same(config, &rule);
	if (same) {
		rule_clear(same);
		*same = rule;
		return 0;
	}
	r = append(config, &rule);
	if (r < 0)
		rule_clear(&rule);
	return r;
}

int config_access_set_defaults(struct config *config, char problem[CONFIG_TEXT_SIZE])
{
	int r;

	if (!config->system)
		return config_access_set(config, "default", "all", "default", 0, problem);
	r = config_access_set(config, "default", "none", CONFIG_SYSTEM_ORIGIN, 0, problem);
	if (r == 0)
		r = config_access_set(config, "user.root", "all", CONFIG_SYSTEM_ORIGIN, 0, problem);
	return r;
}

static bool has_key(const struct config *config, const char *key)
{
	for (size_t i = 0; i < config->access_rule_count; i++) {
		if (strcmp(config->access_rules[i].key, key) == 0)
			return true;
	}
	return false;
}

int config_access_set_group(struct config *config, char problem[CONFIG_TEXT_SIZE])
{
	const char *key = "group." SYSTEM_GROUP;
	struct access_rule rule = {.line = 0};
	int r;

	if (!config->system || has_key(config, key))
		return 0;
	r = rule_fill(&rule, config, key, "all", CONFIG_SYSTEM_ORIGIN, problem);
	if (r == 0 && !find_same(config, &rule)) /* a file can have written its number */
		r = append(config, &rule);
	else
		rule_clear(&rule);
	return r;
}

void config_access_free(struct config *config)
{
	for (size_t i = 0; i < config->access_rule_count; i++)
		rule_clear(&config->access_rules[i]);
	free(config->access_rules);
	config->access_rules = NULL;
	config->access_rule_count = 0;
}

bool config_access_equal(const struct config *a, const struct config *b)
{
	if (a->access_rule_count != b->access_rule_count)
		return false;
	for (size_t i = 0; i < a->access_rule_count; i++) {
		const struct access_rule *rule = &a->access_rules[i];
		const struct access_rule *same = find_same(b, rule);

		if (!same || strcmp(same->text, rule->text) != 0)
			return false;
	}
	return true;
}
