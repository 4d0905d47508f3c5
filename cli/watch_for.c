// SPDX-License-Identifier: MIT
/*
 * ksig watch --for: acts only on a state that lasts. For each event, the event that reports the end
 * of the state is watched as well. An event is held back until the time has passed, or discarded if
 * its state ends first.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "watch.h"

/**
 * struct ksig_pending - a state that has begun and not ended
 * @ev: copy of the event that reported it; NULL once it has been acted on
 * @origin: index of the EVENT
 * @object: values of the identity fields, as text
 * @due: when the state has lasted long enough, CLOCK_MONOTONIC; KSIG_NEVER once it has been acted
 *	on
 * @ended: the state has ended after that
 * @nested: number of states of the same object that began later, such as mounts at the same path
 */
struct ksig_pending {
	struct ksig_event *ev;
	unsigned int origin;
	char *object;
	int64_t due;
	bool ended;
	unsigned int nested;
};

int ksig_for_open(struct ksig_for *f, char *const *names, unsigned int n)
{
	unsigned int i;
	int err = 0;

	f->n = n;
	f->n_specs = n;
	f->specs = calloc(2 * n, sizeof(*f->specs));
	f->origin = calloc(2 * n, sizeof(*f->origin));
	f->identity = calloc(n, sizeof(*f->identity));
	f->resumes = calloc(n, sizeof(*f->resumes));
	f->missed = calloc(2 * n, sizeof(*f->missed));
	if (!f->specs || !f->origin || !f->identity || !f->resumes || !f->missed)
		err = -ENOMEM;
	for (i = 0; i < n && err != -ENOMEM; i++) {
		f->specs[i] = names[i];
		f->origin[i] = i;
		err = ksig_event_end(names[i], &f->specs[f->n_specs], &f->identity[i]);
		f->resumes[i] = err > 0;
		if (err >= 0)
			f->origin[f->n_specs++] = i;
		/* reported later, so that an invalid specification is reported first */
		else
			f->stateless = names[i];
	}
	if (err != -ENOMEM)
		return KSIG_DONE;
	ksig_error("out of memory");
	return KSIG_FAILED;
}

static void forget(struct ksig_for *f, size_t index)
{
	free(f->list[index].ev);
	free(f->list[index].object);
	f->n_pending--;
	memmove(&f->list[index], &f->list[index + 1],
		(f->n_pending - index) * sizeof(*f->list));
}

void ksig_for_close(struct ksig_for *f)
{
	unsigned int i;

	while (f->n_pending)
		forget(f, 0);
	for (i = f->n; f->specs && i < f->n_specs; i++)
		free(f->specs[i]);
	free(f->origin);
	free(f->list);
	free(f->specs);
	free(f->identity);
	free(f->resumes);
	free(f->missed);
	free(f->taken);
}

/*
 * Formats the object's identity, unambiguously. An object may lack a field. Return: NULL if out of
 * memory.
 */
static char *object_of(const struct ksig_for *f, const struct ksig_sub *sub,
		       const struct ksig_event *ev)
{
	const unsigned int origin = f->origin[ksig_event_spec(ev)];
	struct ksig_field field = { .sz = sizeof(field) };
	const char *const *keys, *at;
	char *text = NULL, key[64];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (keys = f->identity[origin]; *keys; keys++) {
		/* the first known one of "IFINDEX|name" */
		field.known = false;
		for (at = *keys; !field.known && *at; at += strcspn(at, "|"), at += *at == '|') {
			snprintf(key, sizeof(key), "%.*s", (int)strcspn(at, "|"), at);
			if (ksig_event_get(sub, ev, key, &field))
				field.known = false;
		}
		if (!field.known)
			fputs(" -", out);
		else if (field.type == KSIG_FIELD_STRING)
			fprintf(out, " %zu:%s", strlen(field.str), field.str);
		else
			fprintf(out, " %" PRIu64, field.u);
	}
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

/* Forgets the states of an EVENT. Return: whether any of them has not been acted on. */
static bool forget_all(struct ksig_for *f, unsigned int origin)
{
	bool any = false;
	size_t i;

	for (i = f->n_pending; i; i--) {
		if (f->list[i - 1].origin != origin)
			continue;
		any |= f->list[i - 1].ev != NULL;
		forget(f, i - 1);
	}
	return any;
}

void ksig_for_check(struct ksig_for *f, const struct ksig_sub *sub)
{
	struct ksig_sub_stats st = { .sz = sizeof(st) };
	const int64_t due = ksig_clock_ns() + f->ns;
	unsigned int spec, origin;
	bool only_maybe;
	size_t i;

	for (spec = f->n; spec < f->n_specs; spec++) {
		origin = f->origin[spec];
		if (ksig_sub_spec_stats(sub, spec, &st) ||
		    (st.lost == f->missed[spec].lost && st.lost_upto == f->missed[spec].lost_upto))
			continue;
		only_maybe = st.lost == f->missed[spec].lost;
		f->missed[spec] = st;
		if ((!only_maybe || !f->resumes[origin]) && forget_all(f, origin))
			ksig_error("%s: events that report the end of the state may have been lost; not acting on the states that have begun",
				   f->specs[origin]);
		/* the states still exist, but may have been interrupted */
		for (i = 0; i < f->n_pending; i++) {
			if (f->list[i].origin == origin && f->list[i].ev && !f->list[i].ended)
				f->list[i].due = due;
		}
	}
}

void ksig_for_end(struct ksig_for *f, unsigned int spec)
{
	forget_all(f, f->origin[spec]);
}

void ksig_for_count(const struct ksig_for *f, uint64_t *n)
{
	const int64_t now = ksig_clock_ns();
	size_t i;

	for (i = 0; i < f->n_pending; i++) {
		if (f->list[i].ev && f->list[i].due <= now)
			n[f->list[i].origin]++;
	}
}

int ksig_for_add(struct ksig_for *f, const struct ksig_sub *sub, const struct ksig_event *ev)
{
	const bool begins = ksig_event_spec(ev) < f->n;
	const unsigned int origin = f->origin[ksig_event_spec(ev)];
	struct ksig_pending *more, *p;
	char *object;
	size_t i;

	/* it ends the opposite state, which is not the one of this EVENT */
	if (begins && ev->flags & KSIG_EVENT_GONE)
		return KSIG_DONE;
	object = object_of(f, sub, ev);
	for (i = 0; object && i < f->n_pending; i++) {
		p = &f->list[i];
		if (p->origin == origin && !strcmp(p->object, object) && !p->ended)
			break;
	}
	p = f->list + i;
	if (object && (i < f->n_pending || !begins)) {
		free(object);
		if (i == f->n_pending)
			return KSIG_DONE;
		/*
		 * The event of a state of the whole machine, such as pressure, may be repeated,
		 * which doesn't restart the time. It may already have been acted on.
		 */
		if (begins || p->nested) {
			p->nested += *f->identity[origin] ? (begins ? 1 : -1) : 0;
			return KSIG_DONE;
		}
		/* it lasted long enough, but could not be acted on yet */
		p->ended = p->ev && (int64_t)ev->time_ns >= p->due;
		if (!p->ended)
			forget(f, i);
		return KSIG_DONE;
	}
	more = object ? realloc(f->list, (f->n_pending + 1) * sizeof(*more)) : NULL;
	if (more) {
		f->list = more;
		p = more + f->n_pending;
		*p = (struct ksig_pending) {
			.origin = origin, .object = object, .due = (int64_t)ev->time_ns + f->ns,
		};
		if (!ksig_event_copy(sub, ev, &p->ev)) {
			f->n_pending++;
			return KSIG_DONE;
		}
	}
	free(object);
	ksig_error("out of memory");
	return KSIG_FAILED;
}

int64_t ksig_for_due(const struct ksig_for *f)
{
	int64_t due = KSIG_NEVER;
	size_t i;

	for (i = 0; i < f->n_pending; i++)
		due = f->list[i].due < due ? f->list[i].due : due;
	return due;
}

const struct ksig_event *ksig_for_take(struct ksig_for *f)
{
	const int64_t due = ksig_for_due(f);
	struct ksig_pending *p = f->list;

	if (due > ksig_clock_ns())
		return NULL;
	while (p->due != due)
		p++;
	free(f->taken);
	f->taken = p->ev;
	p->ev = NULL;
	p->due = KSIG_NEVER;
	/* a state of an object is not reported again before it has ended */
	if (p->ended || *f->identity[p->origin])
		forget(f, p - f->list);
	return f->taken;
}
