// SPDX-License-Identifier: MIT
/* Chooses the provider of a stream, or explains why no provider is available. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "provider.h"

/* Why no provider is available: the reason for each provider, and the most informative errno. */
struct reasons {
	char text[768];
	unsigned int column;
	int err;
};

/* Ranks errors: permission first, then not supported, then unknown event. */
static int weight(int err)
{
	switch (err) {
	case 0:
		return 0;
	case -ENOENT:
		return 1;
	case -EOPNOTSUPP:
		return 2;
	case -EACCES:
	case -EPERM:
		return 3;
	}
	return 4;
}

static bool is_permitted(const struct ksig_stream *stream, const struct ksig_provider *p)
{
	/*
	 * the process has exited, so nothing has to be watched: any provider with initial() works
	 */
	if (stream->gone)
		return p->initial;
	return !stream->opts->provider || !strcmp(stream->opts->provider, p->name);
}

static int none_will_do(const struct ksig_stream *stream, const struct reasons *r,
			struct ksig_error *e)
{
	int err = r->err && r->err != -ENOENT ? r->err : -EOPNOTSUPP;

	if (!*r->text)
		return ksig_fail(e, 0, -err,
				 "%s is not available here: %s doesn't provide it",
				 stream->spec.name, stream->opts->provider ?: "this build");
	return ksig_fail(e, r->column, -err, "%s is not available here: %s",
			 stream->spec.name, r->text);
}

/*
 * Finds the first provider that knows an event that is not in the catalog. If @permitted is set,
 * searches the providers that the options permit; otherwise searches the remaining providers.
 */
static int find_owner(const struct ksig_stream *stream, bool permitted,
		      const struct ksig_provider **owner,
		      struct ksig_event_desc **d, struct ksig_error *e)
{
	const struct ksig_provider *p;
	unsigned int i;
	int err;

	for (i = 0; (p = ksig_provider_at(i)); i++) {
		if (is_permitted(stream, p) != permitted || !p->desc)
			continue;
		*owner = p;
		err = p->desc(stream->spec.name, stream->opts, d, e);
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

int ksig_choose_desc(struct ksig_stream *stream, struct ksig_error *e)
{
	const struct reasons none = { };
	char text[256] = "";
	struct ksig_error ignored = { }, reason = {
		.buf = text, .size = sizeof(text), .column = e->column,
	};
	const struct ksig_provider *owner;
	struct ksig_event_desc *d;
	int err;

	stream->desc = ksig_desc_find(stream->spec.name);
	if (stream->desc)
		return 0;
	err = find_owner(stream, true, &owner, &d, &reason);
	if (!err) {
		/* this provider defines the layout of the records, so no other can be used */
		stream->provider = owner;
		stream->own_desc = d;
		stream->desc = d;
		return 0;
	}
	if (err != -ENOENT)
		return ksig_fail(e, e->column ? *e->column : 0, -err, "%s",
				 *text ? text : strerror(-err));
	err = find_owner(stream, false, &owner, &d, &ignored);
	if (!err)
		owner->desc_free(d);
	if (err != -ENOENT)
		return none_will_do(stream, &none, e);
	/* prefer the message of the provider that knows the event's channel or category */
	if (*text)
		return ksig_fail(e, e->column && *e->column ? *e->column : 1,
				 ENOENT, "%s", text);
	return ksig_fail(e, 1, ENOENT, "no event '%s'", stream->spec.name);
}

static int open_provider(struct ksig_stream *stream, const struct ksig_provider *p,
			 struct ksig_error *e)
{
	const struct ksig_spec *spec = &stream->spec;
	unsigned int i;
	int err;

	for (i = 0; i < spec->n_conds; i++)
		spec->conds[i].in_kernel = false;
	/* a process that runs has no initial event */
	if (ksig_stream_wants_initial(stream) && !stream->desc->pids && !p->initial) {
		err = p->check(stream->desc, e);
		return err ? err : ksig_fail(e, 0, EOPNOTSUPP,
					     "cannot report the initial state: use the native provider");
	}
	stream->provider = p;
	err = p->open(stream, e);
	if (err) {
		stream->provider = NULL;
		return err;
	}
	/* conditions on the current task can be checked only in the kernel when the event occurs */
	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].field && !spec->conds[i].in_kernel)
			break;
	}
	if (i == spec->n_conds)
		return 0;
	p->close(stream);
	stream->provider = NULL;
	stream->priv = NULL;
	stream->fd = -1;
	stream->ends_itself = false;
	stream->filtered = 0;
	stream->gap = 0;
	stream->gap_upto = 0;
	return ksig_fail(e, spec->conds[i].column, EOPNOTSUPP, "doesn't report %s",
			 spec->conds[i].key);
}

int ksig_choose_open(struct ksig_stream *stream, struct ksig_error *e)
{
	const struct ksig_provider *owner = stream->provider, *p;
	struct reasons r = { };
	char text[256];
	struct ksig_error reason = {
		.buf = text, .size = sizeof(text), .column = &r.column,
	};
	unsigned int i;
	size_t used;
	int err;

	for (i = 0; (p = ksig_provider_at(i)); i++) {
		if (owner ? p != owner : !is_permitted(stream, p))
			continue;
		*text = '\0';
		r.column = 0;
		err = open_provider(stream, p, &reason);
		/* the caller needs the provider for desc_free */
		if (owner)
			stream->provider = owner;
		if (!err)
			return 0;
		/* any other error would also occur with the next provider */
		if (err != -ENOENT && err != -EOPNOTSUPP && err != -EACCES &&
		    err != -EPERM && err != -EUSERS)
			return ksig_fail(e, r.column, -err, "%s", *text ? text :
					 strerror(-err));
		if (weight(err) > weight(r.err))
			r.err = err;
		/* don't mention a provider that lacks the event */
		used = strlen(r.text);
		if (err != -ENOENT)
			snprintf(r.text + used, sizeof(r.text) - used, "%s%s: %s",
				 used ? "; " : "", p->name,
				 *text ? text : strerror(-err));
	}
	return none_will_do(stream, &r, e);
}
