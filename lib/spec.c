// SPDX-License-Identifier: MIT
/* Parses and matches event specifications: NAME[:KEY OP VALUE,...] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define NAME_CHARS LOWER UPPER DIGITS "_-."
#define KEY_CHARS LOWER UPPER DIGITS "_."

/* The event that has settings instead of conditions; the provider parses them. */
#define HAS_SETTINGS "memory.pressure"

/* Longer operators come first, so that "<=" is not taken for "<". */
static const struct operator {
	const char *text;
	enum ksig_op op;
} operators[] = {
	{ "!=", KSIG_OP_NE },
	{ "<=", KSIG_OP_LE },
	{ ">=", KSIG_OP_GE },
	{ "=", KSIG_OP_EQ },
	{ "<", KSIG_OP_LT },
	{ ">", KSIG_OP_GT },
	{ "&", KSIG_OP_AND },
};

#define OPERATORS "= != < <= > >= &"

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
	size_t len, i;

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

	for (i = 0; i < ARRAY_SIZE(operators); i++) {
		len = strlen(operators[i].text);
		if (!strncmp(t->at, operators[i].text, len))
			break;
	}
	if (i == ARRAY_SIZE(operators))
		return ksig_fail(t->e, column(t), EINVAL,
				 *t->at && *t->at != ',' ?
				 "expected one of " OPERATORS " and a value after '%s', not '%.16s'" :
				 "expected one of " OPERATORS " and a value after '%s'",
				 c->key, t->at);
	c->op = operators[i].op;
	t->at += len;

	len = strcspn(t->at, ",");
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
	if (!*t.at)
		return 0;
	if (!strcmp(spec->name, HAS_SETTINGS)) {
		t.at++;
		spec->settings_column = column(&t);
		spec->settings = strdup(t.at);
		if (!spec->settings)
			err = no_memory(&t);
	} else {
		do {
			t.at++;
			err = parse_cond(&t, spec);
		} while (!err && *t.at == ',');
	}
	if (err)
		ksig_spec_free(spec);
	return err;
}

void ksig_spec_free(struct ksig_spec *spec)
{
	unsigned int i;

	for (i = 0; i < spec->n_conds; i++) {
		free(spec->conds[i].key);
		free(spec->conds[i].text);
	}
	free(spec->conds);
	free(spec->name);
	free(spec->settings);
	memset(spec, 0, sizeof(*spec));
}

/* ------------------------------------------------------------ ranges of numbers */

/**
 * struct range - the numbers that satisfy some conditions
 * @low: minimum, with @bias applied
 * @high: maximum, with @bias applied
 * @bias: mask that is XORed with numbers, so that they can be compared as unsigned
 */
struct range {
	uint64_t low;
	uint64_t high;
	uint64_t bias;
};

static bool is_string(const struct ksig_cond *c)
{
	return c->field ? c->field->type == KSIG_FIELD_STRING :
			  !strcmp(c->key, "current.comm");
}

/* Return: the range of all numbers that the field can contain. */
static struct range field_range(const struct ksig_cond *c)
{
	unsigned int shift = c->field ? 64 - 8 * c->field->size : 32;

	if (c->field && c->field->type == KSIG_FIELD_SIGNED)
		return (struct range) {
			.bias = 1ULL << 63,
			.low = (uint64_t)(INT64_MIN >> shift) ^ 1ULL << 63,
			.high = (uint64_t)(INT64_MAX >> shift) ^ 1ULL << 63,
		};
	return (struct range) { .high = UINT64_MAX >> shift };
}

bool ksig_op_range(enum ksig_op op, uint64_t n, uint64_t *low, uint64_t *high)
{
	*low = 0;
	*high = UINT64_MAX;
	switch (op) {
	case KSIG_OP_EQ:
	case KSIG_OP_NE:
		*low = n;
		*high = n;
		break;
	case KSIG_OP_LT:
		*high = n - 1;
		return n != 0;
	case KSIG_OP_LE:
		*high = n;
		break;
	case KSIG_OP_GT:
		*low = n + 1;
		return n != UINT64_MAX;
	case KSIG_OP_GE:
		*low = n;
		break;
	case KSIG_OP_AND:
		break;
	}
	return true;
}

/* Narrows a range by a condition. Return: false if no number is left. */
static bool narrow(struct range *r, const struct ksig_cond *c)
{
	uint64_t n = c->number ^ r->bias, low, high;

	if (c->op == KSIG_OP_NE)
		return r->low != r->high || r->low != n;
	/* check the bits only if a single number is left */
	if (c->op == KSIG_OP_AND)
		return r->low == r->high ? (r->low ^ r->bias) & c->number :
					   c->number;
	if (!ksig_op_range(c->op, n, &low, &high))
		return false;
	r->low = r->low > low ? r->low : low;
	r->high = r->high < high ? r->high : high;
	return r->low <= r->high;
}

static const char *operator_text(enum ksig_op op)
{
	size_t i = 0;

	while (operators[i].op != op)
		i++;
	return operators[i].text;
}

/* ----------------------------------------------------------------- resolving */

/* Parses the number of a condition. Also fails if no number in the field's range can match. */
static int resolve_number(struct ksig_cond *c, enum ksig_field_type type,
			  struct ksig_error *e)
{
	bool negative = *c->text == '-', hex;
	const char *s = c->text + negative, *digits = DIGITS;
	unsigned long long n = 0;
	struct range all, r;

	hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	if (hex) {
		s += 2;
		digits = DIGITS "abcdefABCDEF";
	}
	errno = 0;
	/* strtoull() would also accept blanks and another sign */
	if (*s && !s[strspn(s, digits)])
		n = strtoull(s, NULL, hex ? 16 : 10);
	else
		errno = EINVAL;
	if (errno || (negative && n > (uint64_t)INT64_MAX + 1))
		return ksig_fail(e, c->text_column, EINVAL,
				 "invalid value '%2$s' for '%1$s': expected a number (decimal, negative or 0x, 64 bits)",
				 c->key, c->text);
	c->number = negative ? -n : n;
	if (negative && type == KSIG_FIELD_UNSIGNED) {
		if (c->op != KSIG_OP_NE && c->op != KSIG_OP_GT && c->op != KSIG_OP_GE)
			return ksig_fail(e, c->text_column, EINVAL,
					 "no event matches %s%s%s: '%s' is never negative",
					 c->key, operator_text(c->op), c->text, c->key);
		/* the condition is always true */
		c->op = KSIG_OP_GE;
		c->number = 0;
	}
	all = field_range(c);
	r = all;
	/* the mask has no bit in common with any number that the field can contain */
	if (c->op == KSIG_OP_AND && !all.bias && c->number &&
	    !(c->number & all.high))
		r.high = 0;
	if (narrow(&r, c) && (r.high || c->op != KSIG_OP_AND))
		return 0;
	if (all.bias)
		return ksig_fail(e, c->text_column, EINVAL,
				 "no event matches %s%s%s: '%s' is a number from %lld to %lld",
				 c->key, operator_text(c->op), c->text, c->key,
				 (long long)(all.low ^ all.bias),
				 (long long)(all.high ^ all.bias));
	return ksig_fail(e, c->text_column, EINVAL,
			 "no event matches %s%s%s: '%s' is a number from 0 to %llu",
			 c->key, operator_text(c->op), c->text, c->key,
			 (unsigned long long)all.high);
}

static int resolve_string(struct ksig_cond *c, size_t size,
			  struct ksig_error *e)
{
	if (c->op != KSIG_OP_EQ && c->op != KSIG_OP_NE)
		return ksig_fail(e, c->column + strlen(c->key), EINVAL,
				 "'%s' is a string: only = and != apply",
				 c->key);
	if (strlen(c->text) >= size)
		return ksig_fail(e, c->text_column, EINVAL,
				 "'%s' has at most %zu bytes: '%s' has %zu",
				 c->key, size - 1, c->text, strlen(c->text));
	return 0;
}

/* Sets the field and the number of a condition. */
static int resolve_cond(struct ksig_cond *c, const struct ksig_event_desc *d,
			struct ksig_error *e)
{
	char list[256] = "";
	const char *name;
	size_t used = 0;
	unsigned int i;

	if (!strcmp(c->key, "current.pid"))
		return resolve_number(c, KSIG_FIELD_UNSIGNED, e);
	if (!strcmp(c->key, "current.comm"))
		return resolve_string(c, 16, e);
	if (!strncmp(c->key, "current.", 8))
		return ksig_fail(e, c->column, EINVAL,
				 "unknown key '%s': expected current.pid or current.comm",
				 c->key);
	c->field = ksig_desc_field(d, c->key);
	if (c->field && c->field->type == KSIG_FIELD_STRING)
		return resolve_string(c, c->field->size, e);
	if (c->field)
		return resolve_number(c, c->field->type, e);
	for (i = 0; i < d->n_fields; i++) {
		name = d->fields[i].name;
		if (used + strlen(name) + sizeof(", , ...") > sizeof(list)) {
			strcpy(list + used, ", ...");
			break;
		}
		strcpy(list + used, i ? ", " : "");
		strcat(list + used, name);
		used += strlen(list + used);
	}
	return ksig_fail(e, c->column, EINVAL,
			 "%s has no field '%s'%s%s", d->name, c->key,
			 *list ? "; it has: " : ", only subject and value",
			 list);
}

/* Checks whether two conditions can both be true. */
static int check_pair(const struct ksig_cond *a, const struct ksig_cond *b,
		      struct ksig_error *e)
{
	bool agree, same;
	struct range r, s;

	/* some fields have two names */
	if (a->field && b->field)
		same = a->field->offset == b->field->offset &&
		       a->field->size == b->field->size &&
		       a->field->type == b->field->type;
	else
		same = a->field == b->field && !strcmp(a->key, b->key);
	if (!same)
		return 0;
	if (is_string(a) && a->op == KSIG_OP_EQ && b->op == KSIG_OP_EQ) {
		agree = !strcmp(a->text, b->text);
	} else if (is_string(a)) {
		agree = a->op == b->op || strcmp(a->text, b->text);
	} else {
		/*
		 * try both orders, because != and & are checked only once the range is a single
		 * number
		 */
		r = field_range(a);
		s = r;
		agree = narrow(&r, a) && narrow(&r, b) && narrow(&s, b) && narrow(&s, a);
	}
	if (agree)
		return 0;
	return ksig_fail(e, b->column, EINVAL,
			 "no event matches both %s%s%s and %s%s%s: give each alternative its own event specification",
			 a->key, operator_text(a->op), a->text,
			 b->key, operator_text(b->op), b->text);
}

int ksig_spec_resolve(struct ksig_spec *spec, const struct ksig_event_desc *d,
		      struct ksig_error *e)
{
	struct ksig_cond *c;
	unsigned int i, j;
	char name[64];
	int err;

	for (i = 0; i < spec->n_conds; i++) {
		c = &spec->conds[i];
		err = resolve_cond(c, d, e);
		if (err)
			return err;
		if (!strncmp(d->name, "kmod.", 5) && c->field && is_string(c) &&
		    c->op == KSIG_OP_EQ && strchr(c->text, '-')) {
			/* the kernel replaces '-' in the name of a module's file with '_' */
			for (j = 0; c->text[j] && j < sizeof(name) - 1; j++)
				name[j] = c->text[j] == '-' ? '_' : c->text[j];
			name[j] = '\0';
			err = ksig_fail(e, c->text_column, EINVAL,
					"the kernel's module names have no '-': use %s%s%s",
					c->key, operator_text(c->op), name);
		}
		for (j = 0; !err && j < i; j++)
			err = check_pair(&spec->conds[j], c, e);
		if (err)
			return err;
	}
	return 0;
}

/* ------------------------------------------------------------------ matching */

bool ksig_spec_match(const struct ksig_spec *spec, const struct ksig_event *ev)
{
	bool is_signed, less, match = false;
	const struct ksig_cond *c;
	struct ksig_field f;
	uint64_t a, b;
	unsigned int i;

	for (i = 0; i < spec->n_conds; i++) {
		c = &spec->conds[i];
		if (c->in_kernel)
			continue;
		ksig_field_read(c->field, ev, &f);
		if (!f.known)
			return false;
		if (f.type == KSIG_FIELD_STRING) {
			match = !strncmp(f.str, c->text, c->field->size);
			if (match != (c->op == KSIG_OP_EQ))
				return false;
			continue;
		}
		is_signed = f.type == KSIG_FIELD_SIGNED;
		a = is_signed ? (uint64_t)f.s : f.u;
		b = c->number;
		less = is_signed ? (int64_t)a < (int64_t)b : a < b;
		switch (c->op) {
		case KSIG_OP_EQ:
			match = a == b;
			break;
		case KSIG_OP_NE:
			match = a != b;
			break;
		case KSIG_OP_LT:
			match = less;
			break;
		case KSIG_OP_LE:
			match = less || a == b;
			break;
		case KSIG_OP_GT:
			match = !less && a != b;
			break;
		case KSIG_OP_GE:
			match = !less;
			break;
		case KSIG_OP_AND:
			match = a & b;
			break;
		}
		if (!match)
			return false;
	}
	return true;
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
