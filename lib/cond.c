// SPDX-License-Identifier: MIT
/*
 * Checks the conditions of a filter: the syntax of numbers and strings, and whether any event can
 * satisfy a condition, or two conditions at the same time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cond.h"

#define DIGITS "0123456789"

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

const char *ksig_op_text(enum ksig_op op)
{
	size_t i = 0;

	while (operators[i].op != op)
		i++;
	return operators[i].text;
}

size_t ksig_op_parse(const char *s, enum ksig_op *op)
{
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(operators); i++) {
		len = strlen(operators[i].text);
		if (strncmp(s, operators[i].text, len))
			continue;
		*op = operators[i].op;
		return len;
	}
	return 0;
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
					 c->key, ksig_op_text(c->op), c->text, c->key);
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
				 c->key, ksig_op_text(c->op), c->text, c->key,
				 (long long)(all.low ^ all.bias),
				 (long long)(all.high ^ all.bias));
	return ksig_fail(e, c->text_column, EINVAL,
			 "no event matches %s%s%s: '%s' is a number from 0 to %llu",
			 c->key, ksig_op_text(c->op), c->text, c->key,
			 (unsigned long long)all.high);
}

int ksig_cond_resolve(struct ksig_cond *c, struct ksig_error *e)
{
	size_t size = c->field ? c->field->size : 16, least, backslashes = 0;
	const char *end;
	struct ksig_word *w;
	int err;

	if (!is_string(c))
		return resolve_number(c, c->field ? c->field->type : KSIG_FIELD_UNSIGNED, e);
	if (c->op != KSIG_OP_EQ && c->op != KSIG_OP_NE)
		return ksig_fail(e, c->column + strlen(c->key), EINVAL,
				 "'%s' is a string: only = and != apply",
				 c->key);
	for (end = c->text + strlen(c->text); end > c->text && end[-1] == '\\'; end--)
		backslashes++;
	if (backslashes % 2)
		return ksig_fail(e, c->text_column, EINVAL,
				 "'%s' ends with '\\': write '\\\\' for a backslash", c->text);
	if (ksig_words_parse(c))
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	/* conditions on the running task are checked in the kernel, which has no patterns */
	if (!c->field && (c->n_words > 1 || c->words->pattern))
		return ksig_fail(e, c->text_column, EINVAL,
				 "'%s' does not support patterns or alternatives: write '\\' before * ? [ and |",
				 c->key);
	for (w = c->words; w < c->words + c->n_words; w++) {
		least = ksig_word_least(w);
		if (!*w->text)
			return ksig_fail(e, c->text_column, EINVAL,
					 "empty alternative in '%s'", c->text);
		if (least >= size)
			return ksig_fail(e, c->text_column, EINVAL,
					 "'%s' has at most %zu bytes: '%s' has %zu",
					 c->key, size - 1, w->text, least);
		err = c->field ? ksig_word_resolve(c, w, e) : 0;
		if (err)
			return err;
	}
	return 0;
}

/* --------------------------------------------------------------------- pairs */

/*
 * Checks whether a string can satisfy both @a, which lists the possible strings, and @b. If @a
 * contains a pattern, the answer is yes unless the conditions contradict each other literally.
 */
static bool strings_agree(const struct ksig_cond *a, const struct ksig_cond *b)
{
	bool wanted = b->op == KSIG_OP_EQ;
	unsigned int i;

	for (i = 0; i < a->n_words; i++) {
		if (a->words[i].pattern)
			return wanted || strcmp(a->text, b->text);
	}
	for (i = 0; i < a->n_words; i++) {
		if (ksig_words_match(b, a->words[i].text,
				     strlen(a->words[i].text) + 1) == wanted)
			return true;
	}
	return false;
}

int ksig_cond_check_pair(const struct ksig_cond *a, const struct ksig_cond *b,
			 struct ksig_error *e)
{
	bool agree, same;
	struct range r, s;

	/* some fields have two names */
	if (a->field && b->field)
		same = a->field->offset == b->field->offset &&
		       a->field->size == b->field->size &&
		       a->field->type == b->field->type &&
		       (!a->field->is_key || !strcmp(a->key, b->key));
	else
		same = a->field == b->field && !strcmp(a->key, b->key);
	if (!same)
		return 0;
	if (is_string(a)) {
		agree = (a->op != KSIG_OP_EQ || strings_agree(a, b)) &&
			(b->op != KSIG_OP_EQ || strings_agree(b, a));
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
			 "no event matches both %s%s%s and %s%s%s: use a separate event specification for each",
			 a->key, ksig_op_text(a->op), a->text,
			 b->key, ksig_op_text(b->op), b->text);
}

