// SPDX-License-Identifier: MIT
/* NAME[:KEY OP VALUE,...] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define NAME_CHARS LOWER UPPER DIGITS "_-."
#define KEY_CHARS LOWER UPPER DIGITS "_."

/* Its settings are none of these conditions: the provider reads them. */
#define HAS_SETTINGS "memory.pressure"

/* Longest first. */
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

/* What is read, and how far. */
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

static char *take(struct text *t, size_t len)
{
	char *s = strndup(t->at, len);

	t->at += len;
	return s;
}

static const struct operator *find_operator(const char *s)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(operators); i++) {
		if (!strncmp(s, operators[i].text, strlen(operators[i].text)))
			return &operators[i];
	}
	return NULL;
}

static int parse_key(struct text *t, struct ksig_cond *c)
{
	size_t len = strspn(t->at, KEY_CHARS);

	c->column = column(t);
	if (!len)
		return *t->at ?
		       ksig_fail(t->e, c->column, EINVAL,
				 "missing field name before '%.16s'",
				 t->at) :
		       ksig_fail(t->e, c->column, EINVAL,
				 "missing field name at the end");
	c->key = take(t, len);
	return c->key ? 0 : no_memory(t);
}

static int parse_op(struct text *t, struct ksig_cond *c)
{
	const struct operator *o = find_operator(t->at);

	if (!o)
		return ksig_fail(t->e, column(t), EINVAL,
				 "expected one of " OPERATORS " and a value after '%s'%s",
				 c->key, *t->at && *t->at != ',' ?
				 "; found something else" : "");
	c->op = o->op;
	t->at += strlen(o->text);
	return 0;
}

static int parse_text(struct text *t, struct ksig_cond *c)
{
	size_t len = strcspn(t->at, ",");

	c->text_column = column(t);
	if (!len)
		return ksig_fail(t->e, c->text_column, EINVAL,
				 "missing value after '%s'", c->key);
	c->text = take(t, len);
	return c->text ? 0 : no_memory(t);
}

static int parse_cond(struct text *t, struct ksig_spec *spec)
{
	struct ksig_cond *conds;
	int err;

	conds = realloc(spec->conds, (spec->n_conds + 1) * sizeof(*conds));
	if (!conds)
		return no_memory(t);
	spec->conds = conds;
	conds += spec->n_conds++;
	memset(conds, 0, sizeof(*conds));
	err = parse_key(t, conds);
	if (!err)
		err = parse_op(t, conds);
	return err ? err : parse_text(t, conds);
}

static int parse_conds(struct text *t, struct ksig_spec *spec)
{
	int err;

	do {
		t->at++;
		err = parse_cond(t, spec);
	} while (!err && *t->at == ',');
	return err;
}

static int parse_name(struct text *t, struct ksig_spec *spec)
{
	size_t len = strspn(t->at, NAME_CHARS);

	if (t->at[len] && t->at[len] != ':') {
		t->at += len;
		return ksig_fail(t->e, column(t), EINVAL,
				 "invalid character '%c' in an event's name (a filter begins with ':')",
				 *t->at >= ' ' && *t->at < 0x7f ? *t->at : '?');
	}
	if (!len)
		return ksig_fail(t->e, 1, EINVAL,
				 "missing event name");
	spec->name = take(t, len);
	return spec->name ? 0 : no_memory(t);
}

static int parse_settings(struct text *t, struct ksig_spec *spec)
{
	t->at++;
	spec->settings_column = column(t);
	spec->settings = strdup(t->at);
	return spec->settings ? 0 : no_memory(t);
}

int ksig_spec_parse(const char *event, struct ksig_spec *spec,
		    struct ksig_error *e)
{
	struct text t = { .start = event, .at = event, .e = e };
	int err;

	memset(spec, 0, sizeof(*spec));
	err = parse_name(&t, spec);
	if (!err && *t.at == ':') {
		if (!strcmp(spec->name, HAS_SETTINGS))
			err = parse_settings(&t, spec);
		else
			err = parse_conds(&t, spec);
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

/* ----------------------------------------------------------------- resolving */

/* Decimal, negative or 0x, 64 bits; nothing else that strtoull() would take. */
static bool parse_number(const char *s, uint64_t *res)
{
	bool negative = *s == '-', hex;
	const char *digits = DIGITS;
	unsigned long long n;

	s += negative;
	hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	if (hex) {
		s += 2;
		digits = DIGITS "abcdefABCDEF";
	}
	if (!*s || s[strspn(s, digits)])
		return false;
	errno = 0;
	n = strtoull(s, NULL, hex ? 16 : 10);
	if (errno || (negative && n > (uint64_t)INT64_MAX + 1))
		return false;
	*res = negative ? -n : n;
	return true;
}

static int resolve_number(struct ksig_cond *c, enum ksig_field_type type,
			  struct ksig_error *e)
{
	if (!parse_number(c->text, &c->number))
		return ksig_fail(e, c->text_column, EINVAL,
				 "invalid value '%2$s' for '%1$s': expected a number (decimal, negative or 0x, 64 bits)",
				 c->key, c->text);
	if (type != KSIG_FIELD_UNSIGNED || c->text[0] != '-')
		return 0;
	if (c->op != KSIG_OP_NE && c->op != KSIG_OP_GT && c->op != KSIG_OP_GE)
		return ksig_fail(e, c->text_column, EINVAL,
				 "'%s' is never negative, so it is never %s",
				 c->key, c->text);
	/* it always is */
	c->op = KSIG_OP_GE;
	c->number = 0;
	return 0;
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

static int resolve_current(struct ksig_cond *c, struct ksig_error *e)
{
	if (!strcmp(c->key, "current.pid"))
		return resolve_number(c, KSIG_FIELD_UNSIGNED, e);
	if (!strcmp(c->key, "current.comm"))
		return resolve_string(c, 16, e);
	return ksig_fail(e, c->column, EINVAL,
			 "unknown key '%s': expected current.pid or current.comm",
			 c->key);
}

static void list_fields(const struct ksig_event_desc *d, char *buf, size_t size)
{
	size_t used = 0;
	unsigned int i;

	*buf = '\0';
	for (i = 0; i < d->n_fields; i++) {
		const char *name = d->fields[i].name;

		if (used + strlen(name) + sizeof(", , ...") > size) {
			strcpy(buf + used, ", ...");
			break;
		}
		strcpy(buf + used, i ? ", " : "");
		strcat(buf + used, name);
		used += strlen(buf + used);
	}
}

static int no_field(const struct ksig_cond *c, const struct ksig_event_desc *d,
		    struct ksig_error *e)
{
	char list[256];

	list_fields(d, list, sizeof(list));
	return ksig_fail(e, c->column, EINVAL,
			 "%s has no field '%s'%s%s", d->name, c->key,
			 *list ? "; it has: " : ", only subject and value",
			 list);
}

static int resolve(struct ksig_cond *c, const struct ksig_event_desc *d,
		   struct ksig_error *e)
{
	if (!strncmp(c->key, "current.", 8))
		return resolve_current(c, e);
	c->field = ksig_desc_field(d, c->key);
	if (!c->field)
		return no_field(c, d, e);
	if (c->field->type == KSIG_FIELD_STRING)
		return resolve_string(c, c->field->size, e);
	return resolve_number(c, c->field->type, e);
}

/* ------------------------------------------------------------ can any match? */

/**
 * struct range - the numbers that pass some conditions
 * @low: the least, with @bias
 * @high: the greatest, with @bias
 * @bias: makes the order that of unsigned numbers, by xor
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

/* All numbers that the field can hold. */
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

/* False: none is left. */
static bool narrow(struct range *r, const struct ksig_cond *c)
{
	uint64_t n = c->number ^ r->bias, low, high;

	if (c->op == KSIG_OP_NE)
		return r->low != r->high || r->low != n;
	/* a single number has the bit or not; of several it isn't worked out */
	if (c->op == KSIG_OP_AND)
		return r->low == r->high ? (r->low ^ r->bias) & c->number :
					   c->number;
	if (!ksig_op_range(c->op, n, &low, &high))
		return false;
	r->low = r->low > low ? r->low : low;
	r->high = r->high < high ? r->high : high;
	return r->low <= r->high;
}

/* Either order: a range is narrow only once it has been narrowed. */
static bool numbers_agree(const struct ksig_cond *a, const struct ksig_cond *b)
{
	struct range r = field_range(a), s = r;

	return narrow(&r, a) && narrow(&r, b) && narrow(&s, b) && narrow(&s, a);
}

static bool strings_agree(const struct ksig_cond *a, const struct ksig_cond *b)
{
	bool same = !strcmp(a->text, b->text);

	if (a->op == KSIG_OP_EQ && b->op == KSIG_OP_EQ)
		return same;
	return a->op == b->op || !same;
}

static const char *operator_text(enum ksig_op op)
{
	size_t i = 0;

	while (operators[i].op != op)
		i++;
	return operators[i].text;
}

/* Some fields have two names. */
static bool same_place(const struct ksig_cond *a, const struct ksig_cond *b)
{
	if (!a->field || !b->field)
		return a->field == b->field && !strcmp(a->key, b->key);
	return a->field->offset == b->field->offset &&
	       a->field->size == b->field->size &&
	       a->field->type == b->field->type;
}

static int check_pair(const struct ksig_cond *a, const struct ksig_cond *b,
		      struct ksig_error *e)
{
	if (!same_place(a, b) ||
	    (is_string(a) ? strings_agree(a, b) : numbers_agree(a, b)))
		return 0;
	return ksig_fail(e, b->column, EINVAL,
			 "no event matches both %s%s%s and %s%s%s: give each alternative its own event specification",
			 a->key, operator_text(a->op), a->text,
			 b->key, operator_text(b->op), b->text);
}

static int check_number(const struct ksig_cond *c, struct ksig_error *e)
{
	struct range r = field_range(c);
	const struct range all = r;

	/* the kernel's mask has no more bits than the field */
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

/* The kernel has '_' where a module's file has '-'. */
static int check_module_name(const struct ksig_cond *c,
			     const struct ksig_event_desc *d,
			     struct ksig_error *e)
{
	char name[64];
	size_t i;

	if (strncmp(d->name, "kmod.", 5) || !c->field || !is_string(c) ||
	    c->op != KSIG_OP_EQ || !strchr(c->text, '-'))
		return 0;
	for (i = 0; c->text[i] && i < sizeof(name) - 1; i++)
		name[i] = c->text[i] == '-' ? '_' : c->text[i];
	name[i] = '\0';
	return ksig_fail(e, c->text_column, EINVAL,
			 "the kernel's module names have no '-': use %s%s%s",
			 c->key, operator_text(c->op), name);
}

/* A condition by itself, and with those before it. */
static int check_possible(const struct ksig_spec *spec, unsigned int index,
			  const struct ksig_event_desc *d,
			  struct ksig_error *e)
{
	const struct ksig_cond *c = &spec->conds[index];
	unsigned int i;
	int err = is_string(c) ? check_module_name(c, d, e) :
				 check_number(c, e);

	for (i = 0; !err && i < index; i++)
		err = check_pair(&spec->conds[i], c, e);
	return err;
}

int ksig_spec_resolve(struct ksig_spec *spec, const struct ksig_event_desc *d,
		      struct ksig_error *e)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < spec->n_conds; i++) {
		err = resolve(&spec->conds[i], d, e);
		if (!err)
			err = check_possible(spec, i, d, e);
	}
	return err;
}

/* ------------------------------------------------------------------ matching */

static int compare(uint64_t a, uint64_t b, bool is_signed)
{
	if (is_signed)
		return ((int64_t)a > (int64_t)b) - ((int64_t)a < (int64_t)b);
	return (a > b) - (a < b);
}

static bool holds(enum ksig_op op, int order, uint64_t both)
{
	switch (op) {
	case KSIG_OP_EQ:
		return !order;
	case KSIG_OP_NE:
		return order;
	case KSIG_OP_LT:
		return order < 0;
	case KSIG_OP_LE:
		return order <= 0;
	case KSIG_OP_GT:
		return order > 0;
	case KSIG_OP_GE:
		return order >= 0;
	case KSIG_OP_AND:
		return both;
	}
	return false;
}

static bool match(const struct ksig_cond *c, const struct ksig_event *ev)
{
	struct ksig_field f;
	uint64_t number;

	ksig_field_read(c->field, ev, &f);
	if (!f.known)
		return false;
	if (f.type == KSIG_FIELD_STRING)
		return !strncmp(f.str, c->text, c->field->size) ==
		       (c->op == KSIG_OP_EQ);
	number = f.type == KSIG_FIELD_SIGNED ? (uint64_t)f.s : f.u;
	return holds(c->op, compare(number, c->number,
				    f.type == KSIG_FIELD_SIGNED),
		     number & c->number);
}

bool ksig_spec_match(const struct ksig_spec *spec, const struct ksig_event *ev)
{
	unsigned int i;

	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].in_kernel && !match(&spec->conds[i], ev))
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
		/* 0: the idle tasks */
		if (names && c->op == KSIG_OP_EQ && c->number)
			return c;
	}
	return NULL;
}
