// SPDX-License-Identifier: MIT
/* Finds the fields and the settings of an event by name. */
#include <string.h>

#include "lib.h"

/* Fields that all records have, under generic names */
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

bool ksig_desc_key(const struct ksig_event_desc *d, const char *key, struct ksig_field_desc *fd)
{
	if (!d->keys_size || *key < 'A' || *key > 'Z' ||
	    key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")])
		return false;
	*fd = (struct ksig_field_desc) {
		.name = key, .type = KSIG_FIELD_STRING, .optional = true, .is_key = true,
		.offset = d->keys_offset, .size = d->keys_size,
	};
	return true;
}

const struct ksig_setting_desc *ksig_desc_setting(const struct ksig_event_desc *d,
						  const char *key)
{
	const struct ksig_setting_desc *s;

	for (s = d->settings; s && s->name; s++) {
		if (!strcmp(s->name, key))
			return s;
	}
	return NULL;
}
