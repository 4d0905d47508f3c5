// SPDX-License-Identifier: MIT
/*
 * Parse and resolve an arbitrary event name, and match the filter against a record made of the same
 * bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "../../lib/sub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks that an error has a message, and a column within the text. */
static void check_error(const char *event, const char *text,
			unsigned int column)
{
	if (!*text || column > strlen(event) + 1)
		abort();
}

static void match(const struct ksig_spec *spec,
		  const struct ksig_event_desc *d, const char *event)
{
	size_t len = strlen(event), size = d->event_size;
	/*
	 * the library's copy, in which the fields that the library adds follow the provider's
	 * record
	 */
	struct ksig_event *ev = calloc(1, ksig_record_size(d) + 1);
	struct ksig_sub *sub = calloc(1, sizeof(*sub) + sizeof(sub->streams[0]));
	char line[64];

	if (!ev || !sub)
		abort();
	sub->n = 1;
	sub->streams->desc = d;
	memcpy(ev, event, len < size ? len : size);
	ev->len %= size - sizeof(*ev) + 1;
	ksig_spec_match(spec, ev);
	ksig_event_format(sub, ev, line, sizeof(line));
	free(sub);
	free(ev);
}

static bool has_current(const struct ksig_spec *spec)
{
	unsigned int i;

	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].field)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *event = strndup((const char *)data, size), text[256] = "";
	unsigned int column = 0;
	struct ksig_error e = {
		.buf = text, .size = sizeof(text), .column = &column,
	};
	const struct ksig_event_desc *d;
	struct ksig_spec spec;

	if (!event)
		abort();
	if (ksig_spec_parse(event, &spec, &e)) {
		check_error(event, text, column);
		free(event);
		return 0;
	}
	d = ksig_desc_find(spec.name);
	if (d && ksig_spec_resolve(&spec, d, &e))
		check_error(event, text, column);
	else if (d && !has_current(&spec))
		match(&spec, d, event);
	ksig_spec_free(&spec);
	free(event);
	return 0;
}
