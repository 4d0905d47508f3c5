// SPDX-License-Identifier: MIT
/* Suggests the event that was probably meant by a name that does not exist. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ksig/libksig.h>

#include "cli.h"

#define NAME_MOST 64
#define TRACEFS_EVENTS "/sys/kernel/tracing/events"

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * Returns the number of letters to change, insert or delete to turn @a into @b. Swapping two
 * adjacent letters counts as one change.
 */
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
 * @wanted: name that does not exist
 * @name: most similar name so far; "" if none is similar
 * @distance: distance between @wanted and @name
 */
struct nearest {
	char wanted[NAME_MOST + 1];
	char name[NAME_MOST + 1];
	unsigned int distance;
};

/*
 * Remembers @name if it is the most similar name so far. A name that differs in more than three
 * letters, or in more than a third of its letters, is not similar. If @name begins with the wanted
 * name, or is the wanted name prefixed with a category and a dot, the difference counts as one
 * letter.
 */
static void consider(struct nearest *n, const char *name)
{
	unsigned int d = distance(n->wanted, name);
	const char *dot = strchr(name, '.');
	size_t len = strlen(n->wanted);

	if ((dot && !strcmp(dot + 1, n->wanted)) ||
	    (len >= 3 && !strncmp(n->wanted, name, len)))
		d = least(d, 1);
	else if (d > least(len / 3, 3))
		return;
	if (d >= n->distance || strlen(name) > NAME_MOST)
		return;
	n->distance = d;
	snprintf(n->name, sizeof(n->name), "%.*s", NAME_MOST, name);
}

static void consider_folders(struct nearest *n, const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	char enable[NAME_MAX + sizeof("/enable")];

	if (!dir)
		return;
	while ((e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		/* the ftrace directory contains formats of ftrace's own records, not tracepoints */
		snprintf(enable, sizeof(enable), "%s/enable", e->d_name);
		if (!faccessat(dirfd(dir), enable, F_OK, 0))
			consider(n, e->d_name);
	}
	closedir(dir);
}

void ksig_suggest(const char *event, char *text, size_t size)
{
	struct nearest group = { .distance = NAME_MOST };
	struct nearest name = { .distance = NAME_MOST };
	char path[sizeof(TRACEFS_EVENTS) + NAME_MOST + 1];
	const struct ksig_catalog_entry *e;
	size_t len = strlen(text);
	struct ksig_catalog *c;

	if (!strncmp(event, "trace.", 6)) {
		/* find the most similar group, then the most similar name in it */
		if (sscanf(event, "trace.%64[^.:].%64[^.:]", group.wanted,
			   name.wanted) != 2)
			return;
		consider_folders(&group, TRACEFS_EVENTS);
		if (!*group.name)
			return;
		snprintf(path, sizeof(path), "%s/%s", TRACEFS_EVENTS, group.name);
		consider_folders(&name, path);
		if (*name.name)
			snprintf(text + len, size - len,
				 "; did you mean 'trace.%s.%s'?", group.name,
				 name.name);
		return;
	}
	snprintf(name.wanted, sizeof(name.wanted), "%.*s",
		 (int)strcspn(event, ":"), event);
	if (!ksig_catalog_open(KSIG_CATALOG_NAMES, &c)) {
		while (ksig_catalog_next(c, &e) == 1)
			consider(&name, e->name);
		ksig_catalog_close(c);
	}
	if (*name.name)
		snprintf(text + len, size - len, "; did you mean '%s'?",
			 name.name);
	else
		snprintf(text + len, size - len,
			 "; run 'ksig events' for a list");
}
