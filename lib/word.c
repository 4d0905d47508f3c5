// SPDX-License-Identifier: MIT
/* Checks the strings that a filter compares with a field, and converts them to the field's form. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cond.h"

/* Replaces the text of a word. Return: 0 or -errno. */
static int word_replace(struct ksig_word *w, const char *text, struct ksig_error *e)
{
	char *copy = strdup(text);

	if (!copy)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	free(w->text);
	w->text = copy;
	return 0;
}

static int word_choice(const struct ksig_cond *c, struct ksig_word *w, struct ksig_error *e)
{
	struct ksig_cond one = { .words = w, .n_words = 1 };
	const char *const *value = c->field->values;
	char list[256];
	size_t used = 0;

	for (; value && *value; value++) {
		if (ksig_words_match(&one, *value, SIZE_MAX))
			return 0;
		used += snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", *value);
	}
	return !used ? 0 :
	       ksig_fail(e, c->text_column, EINVAL, "invalid value '%s' for '%s': expected one of %s",
			 w->text, c->key, list);
}

/* An address can be written in several ways. */
static int word_address(const struct ksig_cond *c, struct ksig_word *w, struct ksig_error *e)
{
	int family = strchr(w->text, ':') ? AF_INET6 : AF_INET;
	char text[INET6_ADDRSTRLEN];
	unsigned char address[16];

	if (w->pattern || (c->field->values && !word_choice(c, w, NULL)))
		return 0;
	if (inet_pton(family, w->text, address) != 1)
		return ksig_fail(e, c->text_column, EINVAL,
				 "invalid address '%s': expected an address without a prefix length, or a pattern",
				 w->text);
	return word_replace(w, inet_ntop(family, address, text, sizeof(text)), e);
}

static int word_unit(const struct ksig_cond *c, struct ksig_word *w, struct ksig_error *e)
{
	char name[NAME_MAX + 1];
	int err = ksig_unit_name(w->text, c->text_column, name, e);

	if (err || w->pattern)
		return err;
	if (!strcmp(name, "-.slice"))
		return ksig_fail(e, c->text_column, EINVAL,
				 "invalid unit '-.slice': no events are reported for the root slice");
	return word_replace(w, name, e);
}

/* As the library writes cgroups: from the root, with a '/' in front of each name. */
static int word_cgroup(const struct ksig_cond *c, struct ksig_word *w, struct ksig_error *e)
{
	char mount[KSIG_CGROUP_PATH_MAX], root[KSIG_CGROUP_PATH_MAX] = "";
	const char *s = w->text;
	char *path, *to;
	size_t len;
	int err;

	(void)c;
	/* the path may begin with the mount point */
	if (!ksig_cgroup_mount(mount, root) && *mount) {
		len = strlen(mount);
		if (strncmp(s, mount, len) || (s[len] && s[len] != '/'))
			*root = '\0';
		else
			s += len;
	}
	/* these wildcards also match a '/' */
	if (asprintf(&path, "%s%s%s", root, w->pattern && strchr("*?", *s) ? "" : "/", s) < 0)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	for (to = path, s = path; *s; s++) {
		if (*s != '/' || to == path || to[-1] != '/')
			*to++ = *s;
	}
	to -= to > path + 1 && to[-1] == '/';
	*to = '\0';
	err = word_replace(w, path, e);
	free(path);
	return err;
}

int ksig_word_resolve(const struct ksig_cond *c, struct ksig_word *w, struct ksig_error *e)
{
	static int (*const resolve[])(const struct ksig_cond *, struct ksig_word *,
				      struct ksig_error *) = {
		[KSIG_TEXT_PLAIN] = word_choice,
		[KSIG_TEXT_ADDRESS] = word_address,
		[KSIG_TEXT_UNIT] = word_unit,
		[KSIG_TEXT_CGROUP] = word_cgroup,
	};

	return resolve[c->field->text](c, w, e);
}
