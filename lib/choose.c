// SPDX-License-Identifier: MIT
/* Which provider serves a subscription, or why none can. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "provider.h"

/* Why none will do: a reason a provider, and the errno that says most. */
struct reasons {
	char text[768];
	unsigned int column;
	int err;
};

/* Not allowed is worth more than not there; no such event is worth nothing. */
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

static void add_reason(struct reasons *r, const struct ksig_provider *p,
		       int err, const char *text)
{
	size_t used = strlen(r->text);

	if (weight(err) > weight(r->err))
		r->err = err;
	/* which has no such event is not worth a word while others have it */
	if (err != -ENOENT)
		snprintf(r->text + used, sizeof(r->text) - used, "%s%s: %s",
			 used ? "; " : "", p->name,
			 *text ? text : strerror(-err));
}

static bool wanted(const struct ksig_stream *stream, const struct ksig_provider *p)
{
	return !stream->opts->provider || !strcmp(stream->opts->provider, p->name);
}

/* Only who runs in the kernel then knows which task was running. */
static int check_current(const struct ksig_stream *stream, struct ksig_error *e)
{
	const struct ksig_spec *spec = &stream->spec;
	unsigned int i;

	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].field && !spec->conds[i].in_kernel)
			return ksig_fail(e, spec->conds[i].column, EOPNOTSUPP,
					 "doesn't report %s",
					 spec->conds[i].key);
	}
	return 0;
}

static void close_provider(struct ksig_stream *stream)
{
	stream->provider->close(stream);
	stream->provider = NULL;
	stream->priv = NULL;
	stream->fd = -1;
	stream->ends_itself = false;
	stream->filtered = 0;
	stream->gap = 0;
	stream->gap_upto = 0;
}

static int open_provider(struct ksig_stream *stream, const struct ksig_provider *p,
			 struct ksig_error *e)
{
	unsigned int i;
	int err;

	for (i = 0; i < stream->spec.n_conds; i++)
		stream->spec.conds[i].in_kernel = false;
	err = p->check(stream->desc, e);
	if (err)
		return err;
	stream->provider = p;
	err = p->open(stream, e);
	if (err) {
		stream->provider = NULL;
		return err;
	}
	err = check_current(stream, e);
	if (err)
		close_provider(stream);
	return err;
}

/* What another provider may do better. */
static bool may_try_next(int err)
{
	return err == -ENOENT || err == -EOPNOTSUPP || err == -EACCES ||
	       err == -EPERM || err == -EUSERS;
}

static int none_will_do(const struct ksig_stream *stream, const struct reasons *r,
			struct ksig_error *e)
{
	int err = r->err && r->err != -ENOENT ? r->err : -EOPNOTSUPP;

	if (!*r->text)
		return ksig_fail(e, 0, -err,
				 "%s is not available here: %s doesn't provide it",
				 stream->spec.name, stream->opts->provider ?
				 stream->opts->provider : "what is built in");
	return ksig_fail(e, r->column, -err, "%s is not available here: %s",
			 stream->spec.name, r->text);
}

static int choose_provider(struct ksig_stream *stream, struct ksig_error *e)
{
	struct reasons r = { };
	char text[256];
	struct ksig_error reason = {
		.buf = text, .size = sizeof(text), .column = &r.column,
	};
	const struct ksig_provider *p;
	unsigned int i;
	int err;

	for (i = 0; (p = ksig_provider_at(i)); i++) {
		if (!wanted(stream, p))
			continue;
		*text = '\0';
		r.column = 0;
		err = open_provider(stream, p, &reason);
		if (!err)
			return 0;
		if (!may_try_next(err))
			return ksig_fail(e, r.column, -err, "%s", *text ? text :
					 strerror(-err));
		add_reason(&r, p, err, text);
	}
	return none_will_do(stream, &r, e);
}

/* @reason: of a provider that knows its channel or category; or "" */
static int unknown_event(const struct ksig_stream *stream, const char *reason,
			 struct ksig_error *e)
{
	if (*reason)
		return ksig_fail(e, e->column && *e->column ? *e->column : 1,
				 ENOENT, "%s", reason);
	return ksig_fail(e, 1, ENOENT, "no event '%s'", stream->spec.name);
}

/* One that the catalog doesn't know: whose is it? */
static int find_owner(struct ksig_stream *stream, struct ksig_error *e)
{
	struct ksig_event_desc *d;
	const struct ksig_provider *p;
	unsigned int i;
	int err;

	for (i = 0; (p = ksig_provider_at(i)); i++) {
		if (!wanted(stream, p) || !p->desc)
			continue;
		err = p->desc(stream->spec.name, stream->opts, &d, e);
		if (!err) {
			/* nobody else's record looks like that */
			stream->provider = p;
			stream->own_desc = d;
			stream->desc = d;
		}
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

/* Is it one of a provider that is not asked for? */
static bool others_have(const struct ksig_stream *stream)
{
	struct ksig_event_desc *d;
	struct ksig_error e = { };
	const struct ksig_provider *p;
	unsigned int i;
	int err;

	for (i = 0; (p = ksig_provider_at(i)); i++) {
		if (wanted(stream, p) || !p->desc)
			continue;
		err = p->desc(stream->spec.name, stream->opts, &d, &e);
		if (!err)
			p->desc_free(d);
		if (err != -ENOENT)
			return true;
	}
	return false;
}

int ksig_choose_desc(struct ksig_stream *stream, struct ksig_error *e)
{
	const struct reasons none = { };
	char text[256] = "";
	struct ksig_error reason = {
		.buf = text, .size = sizeof(text), .column = e->column,
	};
	int err;

	stream->desc = ksig_desc_find(stream->spec.name);
	if (stream->desc)
		return 0;
	err = find_owner(stream, &reason);
	if (err == -ENOENT && others_have(stream))
		return none_will_do(stream, &none, e);
	if (err == -ENOENT)
		return unknown_event(stream, text, e);
	if (err)
		ksig_fail(e, e->column ? *e->column : 0, -err, "%s",
			  *text ? text : strerror(-err));
	return err;
}

int ksig_choose_open(struct ksig_stream *stream, struct ksig_error *e)
{
	const struct ksig_provider *owner = stream->provider;
	struct reasons r = { };
	char text[256] = "";
	struct ksig_error reason = {
		.buf = text, .size = sizeof(text), .column = &r.column,
	};
	int err;

	if (!owner)
		return choose_provider(stream, e);
	err = open_provider(stream, owner, &reason);
	/* for desc_free */
	stream->provider = owner;
	if (!err)
		return 0;
	if (!may_try_next(err))
		return ksig_fail(e, r.column, -err, "%s", *text ? text :
				 strerror(-err));
	add_reason(&r, owner, err, text);
	return none_will_do(stream, &r, e);
}
