// SPDX-License-Identifier: MIT
/* Parses event specifications: NAME[:KEY OP VALUE,...] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cond.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define NAME_CHARS LOWER UPPER DIGITS "_-."
#define KEY_CHARS LOWER UPPER DIGITS "_."

/* ------------------------------------------------------------------- parsing */

/* Text of a specification, and the current position in it */
struct text {
	const char *start;
	const char *at;
	struct ksig_error *e;
};

static unsigned int column(const struct text *t)
{
	return t->at - t->start + 1;
}

static int no_memory(const struct text *t)
{
	return ksig_fail(t->e, 0, ENOMEM, "out of memory");
}

static char *take_text(struct text *t, size_t len)
{
	char *s = strndup(t->at, len);

	t->at += len;
	return s;
}

/* Parses KEY OP VALUE, up to a comma or the end. */
static int parse_cond(struct text *t, struct ksig_spec *spec)
{
	struct ksig_cond *c;
	size_t len;

	c = realloc(spec->conds, (spec->n_conds + 1) * sizeof(*c));
	if (!c)
		return no_memory(t);
	spec->conds = c;
	c += spec->n_conds++;
	memset(c, 0, sizeof(*c));

	len = strspn(t->at, KEY_CHARS);
	c->column = column(t);
	if (!len && *t->at)
		return ksig_fail(t->e, c->column, EINVAL,
				 "missing field name before '%.16s'", t->at);
	if (!len)
		return ksig_fail(t->e, c->column, EINVAL,
				 "missing field name at the end");
	c->key = take_text(t, len);
	if (!c->key)
		return no_memory(t);

	len = ksig_op_parse(t->at, &c->op);
	if (!len)
		return ksig_fail(t->e, column(t), EINVAL,
				 *t->at && *t->at != ',' ?
				 "expected one of " KSIG_OPERATORS " and a value after '%s', not '%.16s'" :
				 "expected one of " KSIG_OPERATORS " and a value after '%s'",
				 c->key, t->at);
	t->at += len;

	for (len = 0; t->at[len] && t->at[len] != ','; len++)
		len += t->at[len] == '\\' && t->at[len + 1];
	c->text_column = column(t);
	if (!len)
		return ksig_fail(t->e, c->text_column, EINVAL,
				 "missing value after '%s'", c->key);
	c->text = take_text(t, len);
	return c->text ? 0 : no_memory(t);
}

int ksig_spec_parse(const char *event, struct ksig_spec *spec,
		    struct ksig_error *e)
{
	struct text t = { .start = event, .at = event, .e = e };
	size_t len = strspn(event, NAME_CHARS);
	int err = 0;

	memset(spec, 0, sizeof(*spec));
	if (event[len] && event[len] != ':')
		return ksig_fail(e, len + 1, EINVAL,
				 "invalid character '%c' in an event's name (a filter begins with ':')",
				 event[len] >= ' ' && event[len] < 0x7f ?
				 event[len] : '?');
	if (!len)
		return ksig_fail(e, 1, EINVAL, "missing event name");
	spec->name = take_text(&t, len);
	if (!spec->name)
		return no_memory(&t);
	while (!err && *t.at) {
		t.at++;
		err = parse_cond(&t, spec);
	}
	if (err)
		ksig_spec_free(spec);
	return err;
}

static void free_conds(struct ksig_cond *conds, unsigned int n)
{
	struct ksig_cond *c;
	unsigned int i;

	while (n) {
		c = &conds[--n];
		for (i = 0; i < c->n_words; i++)
			free(c->words[i].text);
		free(c->words);
		free(c->key_field);
		free(c->key);
		free(c->text);
	}
	free(conds);
}

void ksig_spec_free(struct ksig_spec *spec)
{
	free_conds(spec->conds, spec->n_conds);
	free_conds(spec->settings, spec->n_settings);
	free(spec->name);
	memset(spec, 0, sizeof(*spec));
}

/* ----------------------------------------------------------------- resolving */

/*
 * Moves the condition at @index to the settings, where it no longer has to match.
 * Return: 0 or -errno.
 */
static int take_setting(struct ksig_spec *spec, unsigned int index, struct ksig_error *e)
{
	struct ksig_cond *c = &spec->conds[index], *settings;

	if (c->op != KSIG_OP_EQ)
		return ksig_fail(e, c->column + strlen(c->key), EINVAL,
				 "'%s' is a setting: use =", c->key);
	if (ksig_spec_setting(spec, c->key))
		return ksig_fail(e, c->column, EINVAL, "'%s' is given twice", c->key);
	settings = realloc(spec->settings, (spec->n_settings + 1) * sizeof(*settings));
	if (!settings)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	spec->settings = settings;
	ksig_unescape(c->text);
	settings[spec->n_settings++] = *c;
	memmove(c, c + 1, (--spec->n_conds - index) * sizeof(*c));
	return 0;
}

/* Appends NAME to a list in @buf, or "..." if it no longer fits. */
static void list_name(char *buf, size_t size, const char *name)
{
	size_t used = strlen(buf);

	if (used > 3 && !strcmp(buf + used - 3, "..."))
		return;
	if (used + strlen(name) + sizeof(", , ...") > size)
		name = "...";
	snprintf(buf + used, size - used, "%s%s", used ? ", " : "", name);
}

/* Sets the field of a condition, and the number or the words. */
static int resolve_cond(struct ksig_cond *c, const struct ksig_event_desc *d,
			struct ksig_error *e)
{
	bool is_current = !strncmp(c->key, "current.", 8);
	char fields[256] = "", settings[128] = "";
	unsigned int i;
	int err;

	if (is_current && strcmp(c->key, "current.pid") && strcmp(c->key, "current.comm"))
		return ksig_fail(e, c->column, EINVAL,
				 "unknown key '%s': expected current.pid or current.comm",
				 c->key);
	if (!is_current)
		c->field = ksig_desc_field(d, c->key);
	if (!is_current && !c->field) {
		c->key_field = malloc(sizeof(*c->key_field));
		if (!c->key_field)
			return ksig_fail(e, 0, ENOMEM, "out of memory");
		if (ksig_desc_key(d, c->key, c->key_field))
			c->field = c->key_field;
	}
	if (!is_current && !c->field) {
		for (i = 0; i < d->n_fields; i++)
			list_name(fields, sizeof(fields), d->fields[i].name);
		for (i = 0; d->settings && d->settings[i].name; i++)
			list_name(settings, sizeof(settings), d->settings[i].name);
		return ksig_fail(e, c->column, EINVAL, "%s has no field '%s'%s%s%s%s",
				 d->name, c->key,
				 *fields ? "; it has: " : ", only subject and value", fields,
				 *settings ? "; settings: " : "", settings);
	}
	err = ksig_cond_resolve(c, e);
	if (err || !c->field || strncmp(d->name, "kmod.", 5) || c->op != KSIG_OP_EQ)
		return err;
	/* the kernel replaces '-' in the name of a module's file with '_' */
	for (i = 0; i < c->n_words; i++) {
		if (c->words[i].pattern || !strchr(c->words[i].text, '-'))
			continue;
		return ksig_fail(e, c->text_column, EINVAL,
				 "the kernel's module names have '_' instead of '-', so no module is called %s",
				 c->words[i].text);
	}
	return 0;
}

int ksig_spec_resolve(struct ksig_spec *spec, const struct ksig_event_desc *d,
		      struct ksig_error *e)
{
	unsigned int i = 0, j;
	int err = 0;

	while (!err && i < spec->n_conds) {
		if (ksig_desc_setting(d, spec->conds[i].key)) {
			err = take_setting(spec, i, e);
			continue;
		}
		err = resolve_cond(&spec->conds[i], d, e);
		for (j = 0; !err && j < i; j++)
			err = ksig_cond_check_pair(&spec->conds[j], &spec->conds[i], e);
		i++;
	}
	return err;
}

const struct ksig_cond *ksig_spec_setting(const struct ksig_spec *spec, const char *key)
{
	unsigned int i;

	for (i = 0; i < spec->n_settings; i++) {
		if (!strcmp(spec->settings[i].key, key))
			return &spec->settings[i];
	}
	return NULL;
}

/* ------------------------------------------------------------------ questions */

bool ksig_spec_same_filter(const struct ksig_spec *a, const struct ksig_spec *b)
{
	const struct ksig_cond *c = a->conds, *d = b->conds;
	unsigned int i;

	for (i = 0; i < a->n_conds && i < b->n_conds; i++, c++, d++) {
		if (strcmp(c->key, d->key) || c->op != d->op || strcmp(c->text, d->text))
			return false;
	}
	return a->n_conds == b->n_conds;
}

bool ksig_spec_in_kernel(const struct ksig_spec *spec)
{
	unsigned int i;

	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].in_kernel)
			return false;
	}
	return true;
}

const struct ksig_cond *
ksig_spec_named_process(const struct ksig_spec *spec,
			const struct ksig_event_desc *d)
{
	const struct ksig_cond *c;
	bool names;
	unsigned int i;

	for (i = 0; i < spec->n_conds; i++) {
		c = &spec->conds[i];
		names = c->field ? d->pids && c->field->offset ==
				   offsetof(struct ksig_event, subject) :
				   !strcmp(c->key, "current.pid");
		/* 0 is the pid of the idle tasks */
		if (names && c->op == KSIG_OP_EQ && c->number)
			return c;
	}
	return NULL;
}
