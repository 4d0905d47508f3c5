// SPDX-License-Identifier: MIT
/* Subscriptions, the public calls: options, opening, receiving, arming, counters. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sub.h"

/* ------------------------------------------------------------------- options */

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

static int check_opts(const struct ksig_sub_opts *o, struct ksig_error *e)
{
	unsigned int len = o->queue_len;

	if (len && (len < KSIG_QUEUE_MIN || len > KSIG_QUEUE_MAX ||
		    len & (len - 1)))
		return ksig_fail(e, 0, EINVAL,
				 "invalid queue length %u: expected a power of two from %u to %u",
				 len, KSIG_QUEUE_MIN, KSIG_QUEUE_MAX);
	if (o->flags & ~KSIG_SUB_SKIP_OWN)
		return ksig_fail(e, 0, EINVAL, "unknown flags 0x%x", o->flags);
	return o->provider ? ksig_provider_check_name(o->provider, e) : 0;
}

/* ------------------------------------------------------------------- opening */

/* @e is where errors go: to the caller's buffer during this call only. */
static int init_sub(struct ksig_sub *sub, const struct ksig_sub_opts *opts,
		    struct ksig_error *e, unsigned int **err_spec)
{
	struct ksig_sub_opts *o = &sub->opts;

	sub->epoll = -1;
	sub->wake = -1;
	if (opts && ksig_take_opts(o, sizeof(*o), opts, opts->sz)) {
		memset(o, 0, sizeof(*o));
		return ksig_fail(e, 0, EINVAL,
				 "invalid options: compiled for another version of libksig");
	}
	*e = (struct ksig_error) {
		.buf = o->err, .size = o->err_size, .column = o->err_column,
	};
	*err_spec = o->err_spec;
	o->err = NULL;
	o->err_size = 0;
	o->err_column = NULL;
	o->err_spec = NULL;
	if (e->buf && e->size)
		*e->buf = '\0';
	if (e->column)
		*e->column = 0;
	if (copy_opts(sub, opts))
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	return check_opts(o, e);
}

static int open_streams(struct ksig_sub *sub, const char *const *events,
			unsigned int n, struct ksig_error *e,
			unsigned int *err_spec)
{
	int err = 0;

	for (; !err && sub->n < n; sub->n++) {
		if (err_spec)
			*err_spec = sub->n;
		err = events[sub->n] ?
		      ksig_stream_open(&sub->streams[sub->n], events[sub->n],
				       &sub->opts, e) : -EINVAL;
	}
	return err;
}

static int make_buffers(struct ksig_sub *sub)
{
	struct ksig_stream *stream;
	size_t size = 0;
	unsigned int i;

	/* of one size, for they are exchanged */
	for (i = 0; i < sub->n; i++) {
		if (ksig_record_size(sub->streams[i].desc) > size)
			size = ksig_record_size(sub->streams[i].desc);
	}
	sub->record = calloc(1, size);
	sub->prefetched = calloc(1, size);
	if (!sub->record || !sub->prefetched)
		return -ENOMEM;
	for (i = 0; sub->n > 1 && i < sub->n; i++) {
		stream = &sub->streams[i];
		stream->next = calloc(1, size);
		if (!stream->next)
			return -ENOMEM;
	}
	return 0;
}

static void close_sub(struct ksig_sub *sub)
{
	unsigned int i;

	if (sub->wake >= 0)
		close(sub->wake);
	if (sub->epoll >= 0)
		close(sub->epoll);
	free(sub->record);
	free(sub->prefetched);
	for (i = 0; i < sub->n; i++)
		ksig_stream_close(&sub->streams[i]);
	free((char *)sub->opts.provider);
	free((char *)sub->opts.value_field);
	free(sub);
}

int ksig_sub_openv(const char *const *events, unsigned int n,
		   const struct ksig_sub_opts *opts, struct ksig_sub **out)
{
	unsigned int *err_spec = NULL, i;
	struct ksig_error e = { };
	struct ksig_sub *sub;
	int err;

	if (!events || !out || !n || n > KSIG_SUB_SPECS)
		return -EINVAL;
	sub = calloc(1, sizeof(*sub) + n * sizeof(sub->streams[0]));
	if (!sub)
		return -ENOMEM;
	err = init_sub(sub, opts, &e, &err_spec);
	if (!err)
		err = open_streams(sub, events, n, &e, err_spec);
	if (!err) {
		err = ksig_sub_make_epoll(sub);
		if (err)
			ksig_fail(&e, 0, -err, "cannot create the descriptor to wait on: %s",
				  strerror(-err));
	}
	if (!err) {
		err = make_buffers(sub);
		if (err)
			ksig_fail(&e, 0, -err, "out of memory");
	}
	if (err) {
		close_sub(sub);
		return err;
	}
	for (i = 0; i < n; i++)
		ksig_status_open(&sub->streams[i], events[i]);
	*out = sub;
	return 0;
}

int ksig_sub_open(const char *event, const struct ksig_sub_opts *opts,
		  struct ksig_sub **out)
{
	return event ? ksig_sub_openv(&event, 1, opts, out) : -EINVAL;
}

void ksig_sub_close(struct ksig_sub *sub)
{
	if (!sub)
		return;
	ksig_relay_stop(sub);
	close_sub(sub);
}

/* -------------------------------------------------------------------- asking */

int ksig_sub_fd(const struct ksig_sub *sub)
{
	return sub->epoll;
}

const char *ksig_sub_provider(const struct ksig_sub *sub, unsigned int spec)
{
	return spec < sub->n ? sub->streams[spec].provider->name : NULL;
}

const char *ksig_sub_event(const struct ksig_sub *sub, unsigned int spec)
{
	return spec < sub->n ? sub->streams[spec].spec.name : NULL;
}

int ksig_sub_in_kernel(const struct ksig_sub *sub, unsigned int spec)
{
	return spec < sub->n ? ksig_spec_in_kernel(&sub->streams[spec].spec) :
			       -EINVAL;
}

int ksig_sub_ended(const struct ksig_sub *sub, unsigned int spec)
{
	if (spec >= sub->n)
		return -EINVAL;
	if (sub->has_prefetched && ksig_event_spec(sub->prefetched) == spec)
		return 0;
	return sub->streams[spec].end;
}

/* ------------------------------------------------------------------ receiving */

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
	const struct ksig_stream *stream = sub->streams;
	struct ksig_stats st = { };

	if (sub->each && !stream->provider->stats(stream, &st))
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
 * The kernel can't send what only the library can filter, nor does it know what the library
 * has read already. Nor does a provider know of another one's events.
 */
static bool needs_relay(const struct ksig_sub *sub)
{
	const struct ksig_stream *s = sub->streams;
	const struct ksig_provider *p = s->provider;

	return sub->n > 1 || !p->arm || sub->has_prefetched || s->value ||
	       (p->has_buffered && p->has_buffered(s)) ||
	       !ksig_spec_in_kernel(&s->spec);
}

/* Of a subscription with several streams the relay alone is armed. */
static int disarm_provider(struct ksig_sub *sub)
{
	struct ksig_stream *s = sub->streams;
	int err = sub->n == 1 && s->provider->disarm ?
		  s->provider->disarm(s) : 0;

	if (!err)
		sub->each = false;
	return err;
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
		return err ? err : disarm_provider(sub);
	}
	err = sub->streams->provider->arm(sub->streams, &o);
	ksig_relay_unlock(sub, !err);
	if (err)
		return err;
	ksig_relay_stop(sub);
	sub->relay_flags = 0;
	sub->each = o.mode == KSIG_MODE_EACH;
	return 0;
}

int ksig_sub_disarm(struct ksig_sub *sub)
{
	ksig_relay_stop(sub);
	sub->relay_flags = 0;
	return disarm_provider(sub);
}

/* ------------------------------------------------------------------- counters */

static int sum(const struct ksig_sub *sub, unsigned int first, unsigned int n,
	       struct ksig_sub_stats *st)
{
	/* the relay's lock is no part of what is looked at */
	struct ksig_sub *locked = (struct ksig_sub *)sub;
	struct ksig_sub_stats all = { };
	int err;

	ksig_relay_lock(locked);
	err = ksig_stats_sum(sub, first, n, &all);
	if (n == sub->n) {
		all.signals += sub->signals;
		all.deferred += sub->deferred;
	}
	ksig_relay_unlock(locked, false);
	return err ? err : ksig_give(st, &all, sizeof(all));
}

int ksig_sub_stats(const struct ksig_sub *sub, struct ksig_sub_stats *st)
{
	return sum(sub, 0, sub->n, st);
}

int ksig_sub_spec_stats(const struct ksig_sub *sub, unsigned int spec,
			struct ksig_sub_stats *st)
{
	return spec < sub->n ? sum(sub, spec, 1, st) : -EINVAL;
}

int ksig_sub_kill_current(struct ksig_sub *sub, unsigned int spec, int signo,
			  uint64_t skip, uint64_t count, unsigned int flags)
{
	struct ksig_stream *s;

	if (spec >= sub->n || signo < 0 || signo > 64 ||
	    flags & ~KSIG_KILL_READY)
		return -EINVAL;
	s = &sub->streams[spec];
	if (!s->provider->kill_current || !ksig_spec_in_kernel(&s->spec))
		return -EOPNOTSUPP;
	return s->provider->kill_current(s, signo, skip, count, flags);
}
