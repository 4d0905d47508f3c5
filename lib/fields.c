// SPDX-License-Identifier: MIT
/* Fields of an event by their keys, and names that may have been meant. */
#include <string.h>

#include "lib.h"

/* What every record has, by names that fit any event. */
static const struct ksig_field_desc header_fields[] = {
	{ "subject", KSIG_FIELD_UNSIGNED, offsetof(struct ksig_event, subject), 8,
	  KSIG_EVENT_NO_SUBJECT, false, false },
	{ "value", KSIG_FIELD_SIGNED, offsetof(struct ksig_event, value), 8,
	  KSIG_EVENT_NO_VALUE, false, false },
};

static const struct ksig_field_desc *
find_field(const struct ksig_field_desc *fields, size_t n, const char *key)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!strcmp(fields[i].name, key))
			return &fields[i];
	}
	return NULL;
}

const struct ksig_field_desc *ksig_desc_field(const struct ksig_event_desc *d,
					      const char *key)
{
	const struct ksig_field_desc *fd;

	fd = find_field(d->fields, d->n_fields, key);
	return fd ? fd : find_field(header_fields, ARRAY_SIZE(header_fields),
				    key);
}

/* -------------------------------------------------------------- did you mean */

#define NAME_MOST 64

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* How many letters to change, add or leave out; two that changed places: one. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][NAME_MOST + 1], *above = rows[0], *row = rows[1];
	unsigned int *before = rows[2], *free_row;
	size_t i, j, len = strlen(b);

	if (strlen(a) > NAME_MOST || len > NAME_MOST)
		return NAME_MOST;
	for (j = 0; j <= len; j++)
		above[j] = j;
	for (i = 1; a[i - 1]; i++) {
		row[0] = i;
		for (j = 1; j <= len; j++) {
			row[j] = least(above[j], row[j - 1]) + 1;
			row[j] = least(row[j], above[j - 1] +
					       (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[len];
}

/* What differs in more than a third, or in more than three, means another. */
struct ksig_nearest ksig_nearest_to(const char *wanted)
{
	return (struct ksig_nearest) {
		.wanted = wanted,
		.distance = least(strlen(wanted) / 3, 3) + 1,
	};
}

/* The beginning of a name is as near as one letter. */
bool ksig_nearer(struct ksig_nearest *n, const char *name)
{
	unsigned int d = distance(n->wanted, name);
	size_t len = strlen(n->wanted);

	if (d > 1 && len >= 3 && !strncmp(n->wanted, name, len))
		d = 1;

	if (d >= n->distance)
		return false;
	n->distance = d;
	n->name = name;
	return true;
}

const char *ksig_desc_nearest_field(const struct ksig_event_desc *d,
				    const char *key)
{
	struct ksig_nearest n = ksig_nearest_to(key);
	size_t i;

	for (i = 0; i < d->n_fields; i++)
		ksig_nearer(&n, d->fields[i].name);
	for (i = 0; i < ARRAY_SIZE(header_fields); i++)
		ksig_nearer(&n, header_fields[i].name);
	return n.name;
}
