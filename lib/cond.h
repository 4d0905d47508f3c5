/* SPDX-License-Identifier: MIT */
/* The conditions of a filter: declarations shared by spec.c, cond.c, word.c and match.c. */
#ifndef KSIG_LIB_COND_H
#define KSIG_LIB_COND_H

#include "lib.h"

/* ----------------------------------------------------------------- cond.c */

/* Return: the operator as written in a specification. */
const char *ksig_op_text(enum ksig_op op);
/*
 * Parses an operator at the start of @s.
 * Return: its length; 0 if there is none.
 */
size_t ksig_op_parse(const char *s, enum ksig_op *op);
#define KSIG_OPERATORS "= != < <= > >= &"

/*
 * Parses the number or the string of a condition. @field of the condition must be set, unless the
 * key begins with "current.".
 * Return: 0, or -errno with the reason in @e: -EINVAL if the value is invalid, or if no event can
 * satisfy the condition.
 */
int ksig_cond_resolve(struct ksig_cond *c, struct ksig_error *e);
/* Checks whether both conditions can be true for the same event. Return: as ksig_cond_resolve(). */
int ksig_cond_check_pair(const struct ksig_cond *a, const struct ksig_cond *b,
			 struct ksig_error *e);

/* ----------------------------------------------------------------- word.c */

/*
 * Checks a word against the strings that the field can contain, and converts it to the form that
 * the field has. Return: as ksig_cond_resolve().
 */
int ksig_word_resolve(const struct ksig_cond *c, struct ksig_word *w, struct ksig_error *e);

/* ---------------------------------------------------------------- match.c */

/*
 * Splits @c->text at each '|' that is not escaped.
 * Return: 0 or -ENOMEM.
 */
int ksig_words_parse(struct ksig_cond *c);
/* Removes the backslashes that escape other characters. */
void ksig_unescape(char *s);
/* Return: the length of the shortest string that matches the word. */
size_t ksig_word_least(const struct ksig_word *w);
/* Return: whether one of the words of @c matches @s, a string of at most @size bytes. */
bool ksig_words_match(const struct ksig_cond *c, const char *s, size_t size);

#endif /* KSIG_LIB_COND_H */
