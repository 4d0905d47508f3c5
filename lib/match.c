// SPDX-License-Identifier: MIT
/* Compares strings with patterns, and records with the conditions of a filter. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cond.h"

/* ------------------------------------------------------------------- strings */

void ksig_unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		*to++ = *s;
	}
	*to = '\0';
}

/*
 * Return: the length of the bracket expression at @s, which may contain character classes such as
 * [:digit:]; 0 if there is none, because the '[' has no end.
 */
static size_t bracket_len(const char *s)
{
	size_t len = s[1] == '!' || s[1] == '^' ? 2 : 1, first = len;
	const char *end;

	/* a ']' at the beginning is part of the set */
	for (; s[len] && (s[len] != ']' || len == first); len++) {
		end = s[len] == '[' && s[len + 1] == ':' ? strstr(s + len + 2, ":]") : NULL;
		if (end)
			len = end + 1 - s;
		else if (s[len] == '\\' && s[len + 1])
			len++;
	}
	return s[len] ? len + 1 : 0;
}

/* Return: the length of the character, escaped character or bracket expression at @s. */
static size_t unit_len(const char *s)
{
	size_t len = *s == '[' ? bracket_len(s) : 0;

	return len ? len : *s == '\\' && s[1] ? 2 : 1;
}

int ksig_words_parse(struct ksig_cond *c)
{
	const char *s = c->text;
	struct ksig_word *w;
	size_t len;

	for (;; s += len + 1) {
		w = realloc(c->words, (c->n_words + 1) * sizeof(*w));
		if (!w)
			return -ENOMEM;
		c->words = w;
		w += c->n_words;
		w->pattern = false;
		for (len = 0; s[len] && s[len] != '|'; len += unit_len(s + len))
			w->pattern |= s[len] == '*' || s[len] == '?' ||
				      (s[len] == '[' && bracket_len(s + len));
		w->text = strndup(s, len);
		if (!w->text)
			return -ENOMEM;
		c->n_words++;
		if (!w->pattern)
			ksig_unescape(w->text);
		if (!s[len])
			return 0;
	}
}

size_t ksig_word_least(const struct ksig_word *w)
{
	const char *s = w->text;
	size_t least = 0;

	if (!w->pattern)
		return strlen(s);
	for (; *s; s += unit_len(s))
		least += *s != '*';
	return least;
}

bool ksig_words_match(const struct ksig_cond *c, const char *s, size_t size)
{
	const struct ksig_word *w = c->words;
	char copy[KSIG_CGROUP_PATH_MAX + 1];
	unsigned int i;

	/* fnmatch() needs a terminator, which a string that fills its field lacks */
	if (strnlen(s, size) == size) {
		snprintf(copy, sizeof(copy), "%.*s", (int)size, s);
		s = copy;
	}
	for (i = 0; i < c->n_words; i++, w++) {
		if (w->pattern ? !fnmatch(w->text, s, 0) :
				 !strncmp(s, w->text, size))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------- records */

static bool number_matches(const struct ksig_cond *c, const struct ksig_field *f)
{
	bool is_signed = f->type == KSIG_FIELD_SIGNED, less;
	uint64_t a = is_signed ? (uint64_t)f->s : f->u;
	uint64_t b = c->number;

	less = is_signed ? (int64_t)a < (int64_t)b : a < b;
	switch (c->op) {
	case KSIG_OP_EQ:
		return a == b;
	case KSIG_OP_NE:
		return a != b;
	case KSIG_OP_LT:
		return less;
	case KSIG_OP_LE:
		return less || a == b;
	case KSIG_OP_GT:
		return !less && a != b;
	case KSIG_OP_GE:
		return !less;
	case KSIG_OP_AND:
		return a & b;
	}
	return false;
}

bool ksig_cond_match(const struct ksig_cond *c, const struct ksig_event *ev)
{
	struct ksig_field f;

	ksig_field_read(c->field, ev, &f);
	if (!f.known)
		return false;
	if (f.type == KSIG_FIELD_STRING)
		return ksig_words_match(c, f.str, c->field->size) == (c->op == KSIG_OP_EQ);
	return number_matches(c, &f);
}

bool ksig_spec_match(const struct ksig_spec *spec, const struct ksig_event *ev)
{
	unsigned int i;

	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].in_kernel && !ksig_cond_match(&spec->conds[i], ev))
			return false;
	}
	return true;
}
