// SPDX-License-Identifier: MIT
/*
 * Lists the events that can be subscribed to. Each event of the catalog is listed once for each
 * provider. Drivers' events, which only the module provides, follow.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"

#define CLASS "/sys/class/ksig"
/* Limits per event: number of fields and settings, and size of the text of their values */
#define KEYS_MAX 64
#define VALUES_MAX 512

/**
 * struct ksig_catalog - the position in the list
 * @event: index of the current event in catalog.c
 * @provider: index of the next provider
 * @dir: directory of ksig.ko's channels, opened after the events of catalog.c have been listed
 * @types: the current channel's list of types, one per line
 * @channel: name of the current channel; "" if there is none
 * @name: name of the current event of that channel
 * @desc: description for @entry, if the module created it
 * @entry: entry that was returned last
 * @reason: why the event of @entry is not available
 * @keys: fields and settings of @entry
 * @values: values of those fields that have only a few
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
	struct ksig_catalog_key keys[KEYS_MAX];
	char values[VALUES_MAX];
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

/* Lists the fields and settings of the event. */
static void fill_in_keys(struct ksig_catalog *c, const struct ksig_event_desc *d)
{
	const struct ksig_setting_desc *setting = d->settings;
	const struct ksig_field_desc *f = d->fields;
	struct ksig_catalog_key *key = c->keys, *end = key + KEYS_MAX;
	const char *const *value;
	size_t used = 0;

	c->entry.fields = key;
	for (; f < d->fields + d->n_fields && key < end; f++, key++) {
		*key = (struct ksig_catalog_key) { .name = f->name, .type = f->type, .help = "" };
		if (!f->values || used + 64 > VALUES_MAX)
			continue;
		key->help = c->values + used;
		for (value = f->values; *value && used + strlen(*value) + 3 < VALUES_MAX; value++)
			used += sprintf(c->values + used, "%s%s",
					c->values + used == key->help ? "" : ", ", *value);
		used++;
	}
	c->entry.n_fields = key - c->entry.fields;
	c->entry.settings = key;
	for (; setting && setting->name && key < end; setting++, key++)
		*key = (struct ksig_catalog_key) {
			.name = setting->name, .type = KSIG_FIELD_STRING, .help = setting->help,
		};
	c->entry.n_settings = key - c->entry.settings;
}

/* Return: false if @p does not provide the event */
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
		.has_state = d->state,
		.example = ksig_example_of(d->name),
	};
	fill_in_keys(c, d);
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

/*
 * Finds the next channel of a driver and opens the channel's list of types. Skips a channel that is
 * destroyed before its list is opened.
 */
static bool next_channel(struct ksig_catalog *c)
{
	char path[sizeof(CLASS) + KSIG_NAME_MAX + 16];
	const struct ksig_event_desc *d;
	struct dirent *entry;
	unsigned int i;

	while ((entry = readdir(c->dir))) {
		/* skip the built-in channels, whose events have been listed already */
		for (i = 0; (d = ksig_desc_at(i)); i++) {
			if (d->channel && !strcmp(d->channel, entry->d_name))
				break;
		}
		if (d || *entry->d_name == '.' ||
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

int ksig_catalog_next(struct ksig_catalog *c,
		      const struct ksig_catalog_entry **e)
{
	struct ksig_sub_opts none = { .sz = sizeof(none) };
	bool names = c->flags & KSIG_CATALOG_NAMES, first;
	const struct ksig_provider *p;
	const struct ksig_event_desc *d;
	char type[128];

	while ((d = ksig_desc_at(c->event))) {
		if (names) {
			c->event++;
			fill_in_name(c, d->name, d->description);
			goto found;
		}
		p = ksig_provider_at(c->provider++);
		if (!p) {
			c->event++;
			c->provider = 0;
		} else if (fill_in(c, d, p)) {
			goto found;
		}
	}
	if (!c->dir)
		c->dir = opendir(CLASS);
	p = &ksig_provider_module;
	while (c->dir && (c->types || next_channel(c))) {
		drop_desc(c);
		first = !ftell(c->types);
		if (fgets(type, sizeof(type), c->types)) {
			type[strcspn(type, "\n")] = '\0';
			snprintf(c->name, sizeof(c->name), "%s.%s", c->channel, type);
		} else {
			/* a channel without types is itself an event */
			fclose(c->types);
			c->types = NULL;
			snprintf(c->name, sizeof(c->name), "%s", c->channel);
			if (!first)
				continue;
		}
		if (names) {
			fill_in_name(c, c->name, "");
			goto found;
		}
		if (!p->desc(c->name, &none, &c->desc, NULL) &&
		    fill_in(c, c->desc, p))
			goto found;
	}
	return 0;

found:
	*e = &c->entry;
	return 1;
}
