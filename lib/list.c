// SPDX-License-Identifier: MIT
/*
 * A walk over what can be subscribed to: each event, for each provider; then
 * what drivers have, of which only the module knows.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"

#define CLASS "/sys/class/ksig"

/**
 * struct ksig_catalog - where the walk is
 * @event: the event's number, of those that catalog.c knows
 * @provider: the next provider's
 * @dir: the channels that there are, opened after those
 * @types: of the channel at hand, a line each
 * @channel: which that is, "" for none
 * @name: of an event of that channel's
 * @desc: of @entry, where the module made it
 * @entry: what was given last
 * @reason: why not, for @entry
 * @flags: KSIG_CATALOG_*
 */
struct ksig_catalog {
	unsigned int event;
	unsigned int provider;
	DIR *dir;
	FILE *types;
	char channel[KSIG_NAME_MAX];
	char name[KSIG_NAME_MAX + 128];
	struct ksig_event_desc *desc;
	struct ksig_catalog_entry entry;
	char reason[256];
	unsigned int flags;
};

int ksig_catalog_open(unsigned int flags, struct ksig_catalog **out)
{
	struct ksig_catalog *c;

	if (flags & ~KSIG_CATALOG_NAMES)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->flags = flags;
	*out = c;
	return 0;
}

static void drop_desc(struct ksig_catalog *c)
{
	if (c->desc)
		ksig_provider_module.desc_free(c->desc);
	c->desc = NULL;
}

void ksig_catalog_close(struct ksig_catalog *c)
{
	if (!c)
		return;
	drop_desc(c);
	if (c->types)
		fclose(c->types);
	if (c->dir)
		closedir(c->dir);
	free(c);
}

/* Return: false: it is no event of that provider's */
static bool fill_in(struct ksig_catalog *c, const struct ksig_event_desc *d,
		    const struct ksig_provider *p)
{
	struct ksig_error e = { .buf = c->reason, .size = sizeof(c->reason) };
	int err;

	*c->reason = '\0';
	err = p->check(d, &e);
	if (err == -ENOENT)
		return false;
	if (err && !*c->reason)
		ksig_fail(&e, 0, -err, "%s", strerror(-err));
	if (!err)
		*c->reason = '\0';
	c->entry = (struct ksig_catalog_entry) {
		.name = d->name,
		.description = d->description,
		.provider = p->name,
		.error = err,
		.reason = c->reason,
	};
	return true;
}

static void fill_in_name(struct ksig_catalog *c, const char *name,
			 const char *description)
{
	c->entry = (struct ksig_catalog_entry) {
		.name = name,
		.description = description,
		.reason = "",
	};
}

static bool next_built_in(struct ksig_catalog *c)
{
	const struct ksig_event_desc *d;
	const struct ksig_provider *p;

	if (c->flags & KSIG_CATALOG_NAMES) {
		d = ksig_desc_at(c->event);
		if (!d)
			return false;
		c->event++;
		fill_in_name(c, d->name, d->description);
		return true;
	}
	while ((d = ksig_desc_at(c->event))) {
		p = ksig_provider_at(c->provider++);
		if (!p) {
			c->event++;
			c->provider = 0;
		} else if (fill_in(c, d, p)) {
			return true;
		}
	}
	return false;
}

/* ---------------------------------------------------------- drivers' channels */

static bool is_built_in(const char *channel)
{
	const struct ksig_event_desc *d;
	unsigned int i;

	for (i = 0; (d = ksig_desc_at(i)); i++) {
		if (d->channel && !strcmp(d->channel, channel))
			return true;
	}
	return false;
}

/* The next channel of a driver's, if it is still there once it is looked at. */
static bool next_channel(struct ksig_catalog *c)
{
	struct dirent *entry;
	char path[sizeof(CLASS) + KSIG_NAME_MAX + 16];

	while ((entry = readdir(c->dir))) {
		if (*entry->d_name == '.' || is_built_in(entry->d_name) ||
		    strlen(entry->d_name) >= sizeof(c->channel))
			continue;
		snprintf(c->channel, sizeof(c->channel), "%.*s",
			 (int)sizeof(c->channel) - 1, entry->d_name);
		snprintf(path, sizeof(path), CLASS "/%s/types", c->channel);
		c->types = fopen(path, "re");
		if (c->types)
			return true;
	}
	return false;
}

/* Of the channel at hand; one without types is an event itself, once. */
static bool next_name(struct ksig_catalog *c, char *name, size_t size)
{
	char type[128];
	bool first = !ftell(c->types);

	if (fgets(type, sizeof(type), c->types)) {
		type[strcspn(type, "\n")] = '\0';
		snprintf(name, size, "%s.%s", c->channel, type);
		return true;
	}
	fclose(c->types);
	c->types = NULL;
	snprintf(name, size, "%s", c->channel);
	return first;
}

static bool next_of_driver(struct ksig_catalog *c)
{
	const struct ksig_provider *p = &ksig_provider_module;
	struct ksig_sub_opts none = { .sz = sizeof(none) };

	if (!c->dir)
		c->dir = opendir(CLASS);
	while (c->dir && (c->types || next_channel(c))) {
		drop_desc(c);
		if (!next_name(c, c->name, sizeof(c->name)))
			continue;
		if (c->flags & KSIG_CATALOG_NAMES) {
			fill_in_name(c, c->name, "");
			return true;
		}
		if (!p->desc(c->name, &none, &c->desc, NULL) &&
		    fill_in(c, c->desc, p))
			return true;
	}
	return false;
}

int ksig_catalog_next(struct ksig_catalog *c,
		      const struct ksig_catalog_entry **e)
{
	if (!next_built_in(c) && !next_of_driver(c))
		return 0;
	*e = &c->entry;
	return 1;
}
