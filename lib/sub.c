// SPDX-License-Identifier: MIT
/*
 * Subscriptions: which provider, what it leaves to the library to filter, and
 * the counters over both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"

/* So many events are passed over before the clock is looked at again. */
#define BATCH 64

static const struct ksig_provider *const providers[] = {
	&ksig_provider_module,
#ifdef KSIG_HAVE_BPF
	&ksig_provider_bpf,
#endif
#ifdef KSIG_HAVE_NATIVE
	&ksig_provider_native,
#endif
};

static const char *const all_providers[] = { "module", "bpf", "native" };

int ksig_fail(struct ksig_error *e, unsigned int column, int err,
	      const char *fmt, ...)
{
	va_list ap;

	if (e && e->buf && e->size) {
		va_start(ap, fmt);
		vsnprintf(e->buf, e->size, fmt, ap);
		va_end(ap);
	}
	if (e && e->column)
		*e->column = column;
	return -err;
}

int64_t ksig_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

void ksig_event_set(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void ksig_event_clear(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

const struct ksig_provider *ksig_provider_at(unsigned int index)
{
	return index < ARRAY_SIZE(providers) ? providers[index] : NULL;
}

/* ------------------------------------------------------------------- options */

int ksig_take_opts(void *to, size_t size, const void *from, size_t sz)
{
	const unsigned char *bytes = from;
	size_t i;

	if (sz < sizeof(size_t))
		return -EINVAL;
	for (i = size; i < sz; i++) {
		if (bytes[i])
			return -EINVAL;
	}
	memset(to, 0, size);
	memcpy(to, from, sz < size ? sz : size);
	return 0;
}

static int copy_opts(struct ksig_sub *sub, const struct ksig_sub_opts *opts)
{
	struct ksig_sub_opts *o = &sub->opts;
	bool copied;

	o->provider = o->provider ? strdup(o->provider) : NULL;
	o->value_field = o->value_field ? strdup(o->value_field) : NULL;
	copied = opts && ((opts->provider && !o->provider) ||
			  (o->sz > offsetof(struct ksig_sub_opts, value_field) &&
			   opts->value_field && !o->value_field));
	return copied ? -ENOMEM : 0;
}

static int check_provider(const char *name, struct ksig_error *e)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(providers); i++) {
		if (!strcmp(providers[i]->name, name))
			return 0;
	}
	for (i = 0; i < ARRAY_SIZE(all_providers); i++) {
		if (!strcmp(all_providers[i], name))
			return ksig_fail(e, 0, EOPNOTSUPP,
					 "the provider '%s' is not built in",
					 name);
	}
	return ksig_fail(e, 0, EINVAL,
			 "no provider '%s': there are module, bpf and native",
			 name);
}

static int check_opts(const struct ksig_sub_opts *o, struct ksig_error *e)
{
	unsigned int len = o->queue_len;

	if (len && (len < KSIG_QUEUE_MIN || len > KSIG_QUEUE_MAX ||
		    len & (len - 1)))
		return ksig_fail(e, 0, EINVAL,
				 "a queue of %u is not possible: give a power of two from %u to %u",
				 len, KSIG_QUEUE_MIN, KSIG_QUEUE_MAX);
	if (o->flags & ~KSIG_SUB_SKIP_OWN)
		return ksig_fail(e, 0, EINVAL, "unknown flags 0x%x", o->flags);
	return o->provider ? check_provider(o->provider, e) : 0;
}

/* ------------------------------------------------------------------- opening */

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

static bool wanted(const struct ksig_sub *sub, const struct ksig_provider *p)
{
	return !sub->opts.provider || !strcmp(sub->opts.provider, p->name);
}

/* Only who runs in the kernel then knows which task was running. */
static int check_current(const struct ksig_sub *sub, struct ksig_error *e)
{
	const struct ksig_spec *spec = &sub->spec;
	unsigned int i;

	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].field && !spec->conds[i].in_kernel)
			return ksig_fail(e, spec->conds[i].column, EOPNOTSUPP,
					 "it can't tell %s",
					 spec->conds[i].key);
	}
	return 0;
}

static void close_provider(struct ksig_sub *sub)
{
	sub->provider->close(sub);
	sub->provider = NULL;
	sub->priv = NULL;
	sub->fd = -1;
	sub->ends_itself = false;
	sub->filtered = 0;
	sub->gap = 0;
	sub->gap_upto = 0;
}

static int open_provider(struct ksig_sub *sub, const struct ksig_provider *p,
			 struct ksig_error *e)
{
	unsigned int i;
	int err;

	for (i = 0; i < sub->spec.n_conds; i++)
		sub->spec.conds[i].in_kernel = false;
	err = p->check(sub->desc, e);
	if (err)
		return err;
	sub->provider = p;
	err = p->open(sub, e);
	if (err) {
		sub->provider = NULL;
		return err;
	}
	err = check_current(sub, e);
	if (err)
		close_provider(sub);
	return err;
}

/* What another provider may do better. */
static bool may_try_next(int err)
{
	return err == -ENOENT || err == -EOPNOTSUPP || err == -EACCES ||
	       err == -EPERM || err == -EUSERS;
}

static int none_will_do(const struct ksig_sub *sub, const struct reasons *r,
			struct ksig_error *e)
{
	int err = r->err && r->err != -ENOENT ? r->err : -EOPNOTSUPP;

	if (!*r->text)
		return ksig_fail(e, 0, -err,
				 "%s is not available here: %s does not have it",
				 sub->spec.name, sub->opts.provider ?
				 sub->opts.provider : "what is built in");
	return ksig_fail(e, r->column, -err, "%s is not available here: %s",
			 sub->spec.name, r->text);
}

static int choose_provider(struct ksig_sub *sub, struct ksig_error *e)
{
	struct reasons r = { };
	char text[256];
	struct ksig_error reason = {
		.buf = text, .size = sizeof(text), .column = &r.column,
	};
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(providers); i++) {
		if (!wanted(sub, providers[i]))
			continue;
		*text = '\0';
		r.column = 0;
		err = open_provider(sub, providers[i], &reason);
		if (!err)
			return 0;
		if (!may_try_next(err))
			return ksig_fail(e, r.column, -err, "%s", *text ? text :
					 strerror(-err));
		add_reason(&r, providers[i], err, text);
	}
	return none_will_do(sub, &r, e);
}

/* @reason: what a provider has said that knows its channel; or "" */
static int unknown_event(const struct ksig_sub *sub, const char *reason,
			 struct ksig_error *e)
{
	const char *near = ksig_desc_nearest(sub->spec.name);

	if (near)
		return ksig_fail(e, 1, ENOENT,
				 "no event '%s'; did you mean '%s'?",
				 sub->spec.name, near);
	if (*reason)
		return ksig_fail(e, e->column && *e->column ? *e->column : 1,
				 ENOENT, "%s", reason);
	return ksig_fail(e, 1, ENOENT,
			 "no event '%s': 'ksig events' lists what there is",
			 sub->spec.name);
}

/* One that the catalog doesn't know: whose is it? */
static int find_owner(struct ksig_sub *sub, struct ksig_error *e)
{
	struct ksig_event_desc *d;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(providers); i++) {
		if (!wanted(sub, providers[i]) || !providers[i]->desc)
			continue;
		err = providers[i]->desc(sub->spec.name, &sub->opts, &d, e);
		if (!err) {
			/* nobody else's record looks like that */
			sub->provider = providers[i];
			sub->own_desc = d;
			sub->desc = d;
		}
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

/* Is it one of a provider that is not asked for? */
static bool others_have(const struct ksig_sub *sub)
{
	struct ksig_event_desc *d;
	struct ksig_error e = { };
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(providers); i++) {
		if (wanted(sub, providers[i]) || !providers[i]->desc)
			continue;
		err = providers[i]->desc(sub->spec.name, &sub->opts, &d, &e);
		if (!err)
			providers[i]->desc_free(d);
		if (err != -ENOENT)
			return true;
	}
	return false;
}

static int find_desc(struct ksig_sub *sub, struct ksig_error *e)
{
	const struct reasons none = { };
	char text[256] = "";
	struct ksig_error reason = {
		.buf = text, .size = sizeof(text), .column = e->column,
	};
	int err;

	sub->desc = ksig_desc_find(sub->spec.name);
	if (sub->desc)
		return 0;
	err = find_owner(sub, &reason);
	if (err == -ENOENT && others_have(sub))
		return none_will_do(sub, &none, e);
	if (err == -ENOENT)
		return unknown_event(sub, text, e);
	if (err)
		ksig_fail(e, e->column ? *e->column : 0, -err, "%s",
			  *text ? text : strerror(-err));
	return err;
}

static int open_desc(struct ksig_sub *sub, struct ksig_error *e)
{
	const struct ksig_provider *owner = sub->provider;
	struct reasons r = { };
	char text[256] = "";
	struct ksig_error reason = {
		.buf = text, .size = sizeof(text), .column = &r.column,
	};
	int err;

	if (!owner)
		return choose_provider(sub, e);
	err = open_provider(sub, owner, &reason);
	/* for desc_free */
	sub->provider = owner;
	if (!err)
		return 0;
	if (!may_try_next(err))
		return ksig_fail(e, r.column, -err, "%s", *text ? text :
				 strerror(-err));
	add_reason(&r, owner, err, text);
	return none_will_do(sub, &r, e);
}

static int init_sub(struct ksig_sub *sub, const char *event,
		    const struct ksig_sub_opts *opts, struct ksig_error *e)
{
	int err;

	sub->fd = -1;
	sub->epoll = -1;
	sub->wake = -1;
	sub->status_fd = -1;
	sub->subject_fd = -1;
	err = opts ? ksig_take_opts(&sub->opts, sizeof(sub->opts), opts, opts->sz) :
		     0;
	if (err) {
		memset(&sub->opts, 0, sizeof(sub->opts));
		return ksig_fail(e, 0, EINVAL,
				 "options of another version of libksig");
	}
	*e = (struct ksig_error) {
		.buf = sub->opts.err,
		.size = sub->opts.err_size,
		.column = sub->opts.err_column,
	};
	/* nobody's buffer but for this call */
	sub->opts.err = NULL;
	sub->opts.err_size = 0;
	sub->opts.err_column = NULL;
	if (e->buf && e->size)
		*e->buf = '\0';
	if (e->column)
		*e->column = 0;
	if (copy_opts(sub, opts))
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	err = check_opts(&sub->opts, e);
	if (!err)
		err = ksig_spec_parse(event, &sub->spec, e);
	return err;
}

const struct ksig_cond *ksig_sub_named_process(const struct ksig_sub *sub)
{
	const struct ksig_cond *c;
	bool names;
	unsigned int i;

	for (i = 0; i < sub->spec.n_conds; i++) {
		c = &sub->spec.conds[i];
		names = c->field ? sub->desc->pids && c->field->offset ==
				   offsetof(struct ksig_event, subject) :
				   !strcmp(c->key, "current.pid");
		/* 0: the idle tasks */
		if (names && c->op == KSIG_OP_EQ && c->number)
			return c;
	}
	return NULL;
}

/*
 * Opened before the provider pins the process that then has the number: whatever
 * comes in between, this one tells the end. Return: 0, or why it could not be.
 */
static int open_subject(struct ksig_sub *sub)
{
	const struct ksig_cond *c = ksig_sub_named_process(sub);
	int fd = c ? ksig_process_open(c->number, 0, NULL) : -1;

	if (c && fd < 0)
		return fd;
	sub->subject_fd = fd;
	return 0;
}

/* @err: open_subject()'s. The provider, which was asked since, may have said better. */
static int check_subject(struct ksig_sub *sub, int err, struct ksig_error *e)
{
	const struct ksig_cond *c = ksig_sub_named_process(sub);

	if (!err)
		return 0;
	if (err != -ESRCH && err != -EINVAL)
		return ksig_fail(e, c->text_column, -err, "process %s: %s",
				 c->text, strerror(-err));
	return ksig_fail(e, c->text_column, ESRCH, "process %s has just exited",
			 c->text);
}

static int epoll_add(struct ksig_sub *sub, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(sub->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

/* Of a tracepoint the provider sees to it: its records have the value. */
static int resolve_value(struct ksig_sub *sub, struct ksig_error *e)
{
	const char *key = sub->opts.value_field;

	if (!key || !strncmp(sub->desc->name, "trace.", 6))
		return 0;
	sub->value = ksig_desc_field(sub->desc, key);
	if (!sub->value)
		return ksig_fail(e, 0, EINVAL,
				 "%s has no field '%s' to be a signal's value",
				 sub->spec.name, key);
	if (sub->value->type == KSIG_FIELD_STRING)
		return ksig_fail(e, 0, EINVAL,
				 "'%s' is a text: a signal's value must be a number",
				 key);
	return 0;
}

/* A condition on the path would never pass without. */
static int open_cgroups(struct ksig_sub *sub, struct ksig_error *e)
{
	const struct ksig_cond *c;
	unsigned int i;

	if (!sub->desc->cgroup)
		return 0;
	sub->cgroups = ksig_cgroups_open();
	for (i = 0; !sub->cgroups && i < sub->spec.n_conds; i++) {
		c = &sub->spec.conds[i];
		if (c->field && c->field->added)
			return ksig_fail(e, c->column, EOPNOTSUPP,
					 "'%s' is not known without cgroup2: as root, mount -t cgroup2 none /sys/fs/cgroup",
					 c->key);
	}
	return 0;
}

static int make_epoll(struct ksig_sub *sub)
{
	int err;

	sub->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sub->epoll < 0)
		return -errno;
	err = epoll_add(sub, sub->fd);
	if (err || sub->subject_fd < 0)
		return err;
	/* this source watches the process itself */
	if (sub->ends_itself) {
		close(sub->subject_fd);
		sub->subject_fd = -1;
		return 0;
	}
	return epoll_add(sub, sub->subject_fd);
}

int ksig_sub_make_wake(struct ksig_sub *sub)
{
	int fd, err;

	if (sub->wake >= 0)
		return 0;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = epoll_add(sub, fd);
	if (err) {
		close(fd);
		return err;
	}
	sub->wake = fd;
	return 0;
}

void ksig_sub_tell(struct ksig_sub *sub)
{
	bool wanted = sub->has_spare ||
		      (sub->provider->holds && sub->provider->holds(sub));

	if (wanted == sub->woken)
		return;
	sub->woken = wanted;
	if (wanted)
		ksig_event_set(sub->wake);
	else
		ksig_event_clear(sub->wake);
}

static int make_room(struct ksig_sub *sub, struct ksig_error *e)
{
	int err = make_epoll(sub);

	if (!err && sub->provider->holds)
		err = ksig_sub_make_wake(sub);
	if (err)
		return ksig_fail(e, 0, -err, "no descriptor to wait on: %s",
				 strerror(-err));
	/* zeros after it, so that no text runs out of it, and the inode */
	sub->record = calloc(1, ksig_record_size(sub->desc));
	sub->spare = calloc(1, ksig_record_size(sub->desc));
	return sub->record && sub->spare ? 0 :
	       ksig_fail(e, 0, ENOMEM, "out of memory");
}

static void release(struct ksig_sub *sub)
{
	ksig_status_close(sub);
	if (sub->wake >= 0)
		close(sub->wake);
	if (sub->epoll >= 0)
		close(sub->epoll);
	if (sub->subject_fd >= 0)
		close(sub->subject_fd);
	free(sub->record);
	free(sub->spare);
	ksig_cgroups_close(sub->cgroups);
	if (sub->fd >= 0)
		sub->provider->close(sub);
	if (sub->own_desc)
		sub->provider->desc_free(sub->own_desc);
	ksig_spec_free(&sub->spec);
	free((char *)sub->opts.provider);
	free((char *)sub->opts.value_field);
	free(sub);
}

int ksig_sub_open(const char *event, const struct ksig_sub_opts *opts,
		  struct ksig_sub **out)
{
	struct ksig_error e = { };
	int subject_err = 0, err;
	struct ksig_sub *sub;

	if (!event || !out)
		return -EINVAL;
	sub = calloc(1, sizeof(*sub));
	if (!sub)
		return -ENOMEM;
	err = init_sub(sub, event, opts, &e);
	if (!err)
		err = find_desc(sub, &e);
	if (!err)
		err = ksig_spec_resolve(&sub->spec, sub->desc, &e);
	if (!err)
		err = resolve_value(sub, &e);
	if (!err)
		err = open_cgroups(sub, &e);
	if (!err) {
		subject_err = open_subject(sub);
		err = open_desc(sub, &e);
	}
	if (!err)
		err = check_subject(sub, subject_err, &e);
	if (!err)
		err = make_room(sub, &e);
	if (err) {
		release(sub);
		return err;
	}
	ksig_status_open(sub, event);
	*out = sub;
	return 0;
}

void ksig_sub_close(struct ksig_sub *sub)
{
	if (!sub)
		return;
	ksig_relay_stop(sub);
	release(sub);
}

/* -------------------------------------------------------------------- asking */

int ksig_sub_fd(const struct ksig_sub *sub)
{
	return sub->epoll;
}

const char *ksig_sub_provider(const struct ksig_sub *sub)
{
	return sub->provider->name;
}

const char *ksig_sub_event(const struct ksig_sub *sub)
{
	return sub->spec.name;
}

int ksig_sub_in_kernel(const struct ksig_sub *sub)
{
	return ksig_spec_in_kernel(&sub->spec);
}

/* ------------------------------------------------------------------ receiving */

/* It can't pass, whatever it is. Others of its kind may be known. */
static void tell_unknown(struct ksig_sub *sub, const struct ksig_event *ev)
{
	const struct ksig_spec *spec = &sub->spec;
	struct ksig_field f;
	char line[160];
	unsigned int i;

	if (sub->unknown_told || !sub->opts.log)
		return;
	for (i = 0; i < spec->n_conds; i++) {
		if (!spec->conds[i].field)
			continue;
		ksig_field_read(spec->conds[i].field, ev, &f);
		if (f.known)
			continue;
		snprintf(line, sizeof(line),
			 "%s: skipped an event whose %s is unknown to %s (reported once)",
			 spec->name, f.name, sub->provider->name);
		sub->unknown_told = true;
		sub->opts.log(sub->opts.log_ctx, line);
		return;
	}
}

static bool passes(struct ksig_sub *sub, const struct ksig_event *ev)
{
	if (ev->type != sub->desc->type)
		return false;
	if (ksig_spec_match(&sub->spec, ev))
		return true;
	tell_unknown(sub, ev);
	return false;
}

/*
 * The caller's copy: numbered among those that passed the whole filter, with
 * what was lost since the last of those. Texts end within their field.
 */
static void copy_record(struct ksig_sub *sub, const struct ksig_event *ev,
			struct ksig_event *to)
{
	const struct ksig_event_desc *d = sub->desc;
	unsigned int i;

	if (to != ev)
		memcpy(to, ev, d->event_size);
	*ksig_record_ino(sub, to) = sub->provider->subject_ino ?
				    sub->provider->subject_ino(sub) : 0;
	to->lost_before = sub->gap < UINT32_MAX ? sub->gap : UINT32_MAX;
	for (i = 0; i < d->n_fields; i++) {
		if (d->fields[i].type == KSIG_FIELD_STRING)
			((char *)to)[d->fields[i].offset +
				     d->fields[i].size - 1] = '\0';
	}
	to->flags |= sub->gap_upto;
	sub->gap = 0;
	sub->gap_upto = 0;
	sub->taken++;
	/* those that have left as signals are counted, too */
	to->seq = ev->seq - sub->filtered;
}

static bool subject_ended(const struct ksig_sub *sub)
{
	return sub->subject_fd >= 0 && ksig_process_ended(sub->subject_fd);
}

static bool has_queued(const struct ksig_sub *sub)
{
	struct ksig_stats st = { };

	return !sub->provider->stats || sub->provider->stats(sub, &st) ||
	       st.queued;
}

/*
 * An event is offered before its process can be seen to have exited: once that
 * is so and the queue is empty, there will be none any more. What a worker of
 * ksig.ko has yet to queue is so by the time that its counters have been read.
 */
static int next_until_end(struct ksig_sub *sub, const struct ksig_event **ev)
{
	int ret = sub->provider->next(sub, ev);

	if (ret == -ESHUTDOWN)
		sub->subject_gone |= sub->ends_itself;
	if (ret || !subject_ended(sub))
		return ret;
	has_queued(sub);
	ret = sub->provider->next(sub, ev);
	if (ret || has_queued(sub))
		return ret;
	sub->subject_gone = true;
	return -ESHUTDOWN;
}

/*
 * Into the copy, before the filter: now the cgroup is likely to exist still. The
 * provider's own record may be mapped and read-only.
 */
static const struct ksig_event *add_cgroup(struct ksig_sub *sub,
					   const struct ksig_event *ev,
					   struct ksig_event *to)
{
	const struct ksig_memory_data *data = (const void *)to->data;
	char *path = (char *)to + KSIG_RECORD_ADDED(sub->desc->event_size);

	memcpy(to, ev, sub->desc->event_size);
	if (!sub->cgroups ||
	    ksig_cgroups_path(sub->cgroups, data->cgroup_id, path)) {
		to->flags |= KSIG_EVENT_NO_CGROUP;
		*path = '\0';
	}
	return to;
}

int ksig_sub_take(struct ksig_sub *sub, struct ksig_event *to)
{
	const struct ksig_event *ev;
	unsigned int i;
	int ret;

	for (i = 0; i < BATCH; i++) {
		ret = next_until_end(sub, &ev);
		if (ret <= 0)
			return ret;
		sub->gap += ev->lost_before;
		sub->gap_upto |= ev->flags & KSIG_EVENT_LOST_UPTO;
		if (sub->desc->cgroup && ev->type == sub->desc->type)
			ev = add_cgroup(sub, ev, to);
		if (passes(sub, ev)) {
			copy_record(sub, ev, to);
			return 1;
		}
		sub->filtered++;
	}
	return -EAGAIN;
}

static int wait_for(int fd, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec ts, *timeout = NULL;
	int64_t left;

	if (until >= 0) {
		left = until - ksig_now();
		if (left <= 0)
			return 0;
		ts.tv_sec = left / 1000000000;
		ts.tv_nsec = left % 1000000000;
		timeout = &ts;
	}
	return ppoll(&p, 1, timeout, NULL) < 0 ? -errno : 1;
}

static int64_t until(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns <= 0)
		return timeout_ns;
	now = ksig_now();
	return timeout_ns > INT64_MAX - now ? -1 : now + timeout_ns;
}

/* What the provider has armed it disarms by itself when the target is gone. */
static bool leaves_as_signals(struct ksig_sub *sub)
{
	struct ksig_stats st = { };

	if (sub->each && !sub->provider->stats(sub, &st))
		sub->each = st.flags & KSIG_STATS_ARMED;
	return sub->each;
}

int ksig_sub_next(struct ksig_sub *sub, int64_t timeout_ns,
		  const struct ksig_event **ev)
{
	int64_t end = until(timeout_ns);
	bool last;
	int ret;

	if (leaves_as_signals(sub))
		return -EBUSY;
	for (;;) {
		last = end >= 0 && (!end || ksig_now() >= end);
		ret = ksig_relay_take(sub, last);
		if (ret > 0) {
			*ev = sub->record;
			return 1;
		}
		if (ret < 0 && ret != -EAGAIN)
			return ret;
		if (ret == -EAGAIN && !last)
			continue;
		ret = last ? 0 : wait_for(sub->epoll, end);
		if (ret <= 0)
			return ret;
	}
}

/* -------------------------------------------------------------------- arming */

/*
 * What only the library can tell from the rest can't leave by itself, nor does
 * the kernel know whether it is a reason to ring. And of what the library has
 * read already the kernel knows nothing.
 */
static bool needs_relay(const struct ksig_sub *sub)
{
	return !sub->provider->arm || sub->has_spare || sub->value ||
	       (sub->provider->holds && sub->provider->holds(sub)) ||
	       !ksig_spec_in_kernel(&sub->spec);
}

int ksig_sub_arm(struct ksig_sub *sub, const struct ksig_arm_opts *opts)
{
	struct ksig_arm_opts o;
	int err;

	if (!opts || ksig_take_opts(&o, sizeof(o), opts, opts->sz))
		return -EINVAL;
	if (opts->sz <= offsetof(struct ksig_arm_opts, pidfd))
		o.pidfd = -1;
	err = o.flags & KSIG_ARM_PROCESS ? ksig_pidfd_is_open(o.pidfd) : 0;
	if (err)
		return err;
	/* it may be reading what decides */
	ksig_relay_lock(sub);
	if (needs_relay(sub)) {
		ksig_relay_unlock(sub, false);
		err = ksig_relay_start(sub, &o);
		if (!err && sub->provider->disarm)
			err = sub->provider->disarm(sub);
		sub->each = false;
		return err;
	}
	err = sub->provider->arm(sub, &o);
	ksig_relay_unlock(sub, !err);
	if (err)
		return err;
	ksig_relay_stop(sub);
	sub->target_gone = false;
	sub->each = o.mode == KSIG_MODE_EACH;
	return 0;
}

int ksig_sub_disarm(struct ksig_sub *sub)
{
	int err = 0;

	ksig_relay_stop(sub);
	sub->target_gone = false;
	if (sub->provider->disarm)
		err = sub->provider->disarm(sub);
	if (!err)
		sub->each = false;
	return err;
}

/*
 * A provider without counters of its own for what it hands out has handed out
 * what was taken and what was passed over; the rest of what it offers waits.
 */
int ksig_sub_stats(const struct ksig_sub *sub, struct ksig_stats *st)
{
	memset(st, 0, sizeof(*st));
	/* the relay's lock is no part of what is looked at */
	return ksig_relay_stats((struct ksig_sub *)sub, st);
}

int ksig_sub_lost_upto(const struct ksig_sub *sub, uint64_t *count)
{
	struct ksig_sub *s = (struct ksig_sub *)sub;

	ksig_relay_lock(s);
	*count = sub->provider->lost_upto ? sub->provider->lost_upto(sub) : 0;
	ksig_relay_unlock(s, false);
	return 0;
}
