// SPDX-License-Identifier: MIT
/* Which event was probably meant by a name that doesn't exist. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <ksig/libksig.h>

#include "cli.h"

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

/*
 * What differs in more than a third of its letters, or in more than three, means something
 * else. The beginning of a name is as near as one letter, and so is what follows its dot.
 */
static unsigned int how_far(const char *wanted, const char *name)
{
	unsigned int d = distance(wanted, name);
	const char *dot = strchr(name, '.');
	size_t len = strlen(wanted);

	if (len >= 3 && (!strncmp(wanted, name, len) ||
			 (dot && !strcmp(dot + 1, wanted))))
		d = least(d, 1);
	return d <= least(len / 3, 3) ? d : NAME_MOST;
}

/* Return: false: none is near. */
static bool find_nearest(const char *event, char *name, size_t size)
{
	const struct ksig_catalog_entry *e;
	unsigned int best = NAME_MOST, d;
	struct ksig_catalog *c;
	char wanted[NAME_MOST + 1];

	if (ksig_catalog_open(&c))
		return false;
	snprintf(wanted, sizeof(wanted), "%.*s", (int)strcspn(event, ":"), event);
	while (ksig_catalog_next(c, &e) == 1) {
		d = how_far(wanted, e->name);
		if (d >= best)
			continue;
		best = d;
		snprintf(name, size, "%s", e->name);
	}
	ksig_catalog_close(c);
	return best < NAME_MOST;
}

void ksig_suggest(const char *event, char *text, size_t size)
{
	size_t len = strlen(text);
	char name[NAME_MOST];

	/* of a tracepoint the library says where the names are */
	if (!strncmp(event, "trace.", 6))
		return;
	if (find_nearest(event, name, sizeof(name)))
		snprintf(text + len, size - len, "; did you mean '%s'?", name);
	else
		snprintf(text + len, size - len,
			 ": 'ksig events' lists what there is");
}
