// SPDX-License-Identifier: MIT
/* ksig watch: text with placeholders, such as "{ifname}", for what is known of an event. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "watch.h"

#define KEY_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."

/* What every event has, in addition to its fields */
static const char *const common[] = {
	"time", "event", "spec", "provider", "subject", "value", "lost", "merged", "initial",
};

/*
 * Takes the text up to the next '{', a placeholder, or "{{".
 * Return: the length of what was taken; *@key is the name in the placeholder, or empty.
 */
static size_t take(const char *s, char key[64])
{
	size_t len = *s == '{' ? strspn(s + 1, KEY_CHARS) : 0;

	*key = '\0';
	if (s[0] == '{' && s[1] == '{')
		return 2;
	if (len && len < 64 && s[len + 1] == '}') {
		memcpy(key, s + 1, len);
		key[len] = '\0';
		return len + 2;
	}
	return 1 + strcspn(s + 1, "{");
}

/* Return: whether one of the watched events has the field @key. */
static bool is_known(const struct ksig_sub *sub, const char *key)
{
	struct ksig_field f = { .sz = sizeof(f) };
	struct ksig_event ev = { };
	unsigned int i;

	for (i = 0; i < sizeof(common) / sizeof(*common); i++) {
		if (!strcmp(key, common[i]))
			return true;
	}
	for (i = 0; ksig_sub_event(sub, i); i++) {
		ev.flags = KSIG_EVENT_SPEC(i);
		if (!ksig_event_get(sub, &ev, key, &f))
			return true;
	}
	return false;
}

int ksig_template_check(const char *text, const struct ksig_sub *sub)
{
	struct ksig_field f = { .sz = sizeof(f) };
	const struct ksig_event ev = { };
	char key[64], has[512] = "";
	size_t used = 0, i;

	for (; *text; text += take(text, key)) {
		take(text, key);
		if (!*key || is_known(sub, key))
			continue;
		for (i = 0; !ksig_event_field(sub, &ev, i, &f) && used < sizeof(has); i++)
			used += snprintf(has + used, sizeof(has) - used, "%s, ", f.name);
		for (i = 0; i < sizeof(common) / sizeof(*common) && used < sizeof(has); i++)
			used += snprintf(has + used, sizeof(has) - used, "%s%s", i ? ", " : "",
					 common[i]);
		ksig_error(ksig_sub_event(sub, 1) ?
			   "--format: no EVENT has a field '%s'; %s has: %s" :
			   "--format: unknown field '%s': %s has: %s",
			   key, ksig_sub_event(sub, 0), has);
		return KSIG_USAGE;
	}
	return KSIG_DONE;
}

static void write_key(FILE *out, const char *key, const struct ksig_happening *h, bool safe)
{
	struct ksig_field f = {
		.sz = sizeof(f), .type = KSIG_FIELD_UNSIGNED, .known = true,
	};
	const unsigned int spec = ksig_event_spec(h->ev);
	char time[KSIG_TIME_MAX];

	if (!strcmp(key, "value")) {
		ksig_happening_value(h, &f);
	} else if (!ksig_event_get(h->sub, h->ev, key, &f)) {
		/* a field of the event, which may have the name of one of the following */
	} else if (!strcmp(key, "time")) {
		ksig_happening_time(h, time);
		f.type = KSIG_FIELD_STRING;
		f.str = time;
	} else if (!strcmp(key, "event") || !strcmp(key, "spec") || !strcmp(key, "provider")) {
		f.type = KSIG_FIELD_STRING;
		f.str = *key == 'e' ? ksig_sub_event(h->sub, spec) :
			*key == 's' ? h->spec : ksig_sub_provider(h->sub, spec);
	} else if (!strcmp(key, "lost")) {
		f.u = h->lost;
	} else if (!strcmp(key, "merged")) {
		f.u = h->merged;
	} else if (!strcmp(key, "initial")) {
		f.u = !!(h->ev->flags & KSIG_EVENT_INITIAL);
	} else {
		/* a field that only another of the watched events has */
		f.known = false;
	}
	if (!f.known)
		return;
	if (f.type == KSIG_FIELD_STRING && safe)
		ksig_write_plain(out, f.str);
	else if (f.type == KSIG_FIELD_STRING)
		fputs(f.str, out);
	else if (f.type == KSIG_FIELD_SIGNED)
		fprintf(out, "%" PRId64, f.s);
	else
		fprintf(out, "%" PRIu64, f.u);
}

char *ksig_template_expand(const char *text, const struct ksig_happening *h, bool print)
{
	char key[64], *result = NULL, last = '\0';
	size_t size, len;
	FILE *out = open_memstream(&result, &size);

	if (!out)
		return NULL;
	for (; *text; last = text[len - 1], text += len) {
		len = take(text, key);
		/* in a command, "${name}" is a variable of a script */
		if (*key && (print || last != '$') && is_known(h->sub, key))
			write_key(out, key, h, print);
		else
			fwrite(text, 1, print && !strncmp(text, "{{", 2) ? 1 : len, out);
	}
	if (!fclose(out))
		return result;
	free(result);
	return NULL;
}
