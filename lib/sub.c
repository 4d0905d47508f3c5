// SPDX-License-Identifier: MIT
/* Public functions of subscriptions: options, opening, receiving, arming, counters. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sub.h"

/* ------------------------------------------------------------------- opening */

/*
 * Copies and checks the options. The caller's pointers for errors are valid only until
 * ksig_sub_openv() returns, so they are moved to @e and @err_spec.
 */
static int sub_set_opts(struct ksig_sub *sub, const struct ksig_sub_opts *opts,
			struct ksig_error *e, unsigned int **err_spec)
{
	struct ksig_sub_opts *o = &sub->opts;
	const char *provider, *value_field;
	unsigned int len;

	if (opts && ksig_take_opts(o, sizeof(*o), opts, opts->sz)) {
		memset(o, 0, sizeof(*o));
		return ksig_fail(e, 0, EINVAL,
				 "invalid options: compiled for another version of libksig");
	}
	*e = (struct ksig_error) {
		.buf = o->err, .size = o->err_size, .column = o->err_column,
	};
	*err_spec = o->err_spec;
	if (o->err_spec)
		*o->err_spec = 0;
	o->err = NULL;
	o->err_size = 0;
	o->err_column = NULL;
	o->err_spec = NULL;
	if (e->buf && e->size)
		*e->buf = '\0';
	if (e->column)
		*e->column = 0;
	/* from here on, both strings are copies that are freed with the subscription */
	provider = o->provider;
	value_field = o->value_field;
	o->provider = provider ? strdup(provider) : NULL;
	o->value_field = value_field ? strdup(value_field) : NULL;
	if ((provider && !o->provider) || (value_field && !o->value_field))
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	len = o->queue_len;
	if (len && (len < KSIG_QUEUE_MIN || len > KSIG_QUEUE_MAX ||
		    len & (len - 1)))
		return ksig_fail(e, 0, EINVAL,
				 "invalid queue length %u: expected a power of two from %u to %u",
				 len, KSIG_QUEUE_MIN, KSIG_QUEUE_MAX);
	if (o->flags & ~(KSIG_SUB_SKIP_OWN | KSIG_SUB_INITIAL | KSIG_SUB_GONE))
		return ksig_fail(e, 0, EINVAL, "unknown flags 0x%x", o->flags);
	return o->provider ? ksig_provider_check_name(o->provider, e) : 0;
}

/* Adds the initial state of all events, once no change can be missed. */
static int sub_initial(struct ksig_sub *sub, unsigned int *err_spec, struct ksig_error *e)
{
	unsigned int i, states = 0;
	struct ksig_stream *s;
	char line[128];
	int err;

	if (!(sub->opts.flags & KSIG_SUB_INITIAL))
		return 0;
	for (i = 0; i < sub->n; i++)
		states += ksig_stream_wants_initial(&sub->streams[i]);
	if (err_spec)
		*err_spec = 0;
	if (!states)
		return ksig_fail(e, 1, EINVAL,
				 "%s has no initial state%s", sub->streams->spec.name,
				 sub->streams->desc->state ? " unless pid=N names a process" : "");
	for (i = 0; i < sub->n; i++) {
		s = &sub->streams[i];
		if (!ksig_stream_wants_initial(s)) {
			snprintf(line, sizeof(line),
				 "%s has no initial state; only changes are reported",
				 s->spec.name);
			if (sub->opts.log)
				sub->opts.log(sub->opts.log_ctx, line);
			continue;
		}
		err = s->provider->initial ? s->provider->initial(s) : 0;
		if (err && err_spec)
			*err_spec = i;
		if (err)
			return ksig_fail(e, 0, -err, "%s: cannot read the initial state: %s",
					 s->spec.name, strerror(-err));
	}
	return 0;
}

static void sub_free(struct ksig_sub *sub)
{
	unsigned int i;

	if (sub->wake >= 0)
		close(sub->wake);
	if (sub->epoll >= 0)
		close(sub->epoll);
	free(sub->buffers);
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
	size_t size = 0, needed;
	struct ksig_sub *sub;
	int err;

	if (!events || !out || !n || n > KSIG_SUB_SPECS)
		return -EINVAL;
	sub = calloc(1, sizeof(*sub) + n * sizeof(sub->streams[0]));
	if (!sub)
		return -ENOMEM;
	sub->epoll = -1;
	sub->wake = -1;
	err = sub_set_opts(sub, opts, &e, &err_spec);
	for (i = 0; !err && i < n; i++) {
		if (err_spec)
			*err_spec = i;
		if (!events[i]) {
			err = -EINVAL;
			break;
		}
		sub->streams[i].first = sub->streams;
		sub->n++;
		err = ksig_stream_open(&sub->streams[i], events[i], &sub->opts, &e);
	}
	if (!err)
		err = sub_initial(sub, err_spec, &e);
	if (err)
		goto free;
	err = ksig_sub_make_epoll(sub);
	if (err) {
		ksig_fail(&e, 0, -err, "cannot create the descriptor to wait on: %s",
			  strerror(-err));
		goto free;
	}
	/* the streams exchange their buffers, so all buffers must have the same size */
	for (i = 0; i < n; i++) {
		needed = ksig_record_size(sub->streams[i].desc);
		size = needed > size ? needed : size;
	}
	sub->buffers = calloc(n > 1 ? 2 + n : 2, size);
	if (!sub->buffers) {
		err = ksig_fail(&e, 0, ENOMEM, "out of memory");
		goto free;
	}
	sub->record = sub->buffers;
	sub->prefetched = sub->buffers + size;
	for (i = 0; n > 1 && i < n; i++)
		sub->streams[i].next = sub->buffers + (2 + i) * size;
	for (i = 0; i < n; i++)
		ksig_status_open(&sub->streams[i], events[i]);
	*out = sub;
	return 0;

free:
	sub_free(sub);
	return err;
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
	sub_free(sub);
}

/* ---------------------------------------------------------------- properties */

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
	/* only the lock is changed */
	struct ksig_sub *locked = (struct ksig_sub *)sub;
	int end = 0;

	if (spec >= sub->n)
		return -EINVAL;
	ksig_relay_lock(locked);
	if (!sub->has_prefetched || ksig_event_spec(sub->prefetched) != spec)
		end = sub->streams[spec].end;
	ksig_relay_unlock(locked, false);
	return end;
}

/* ------------------------------------------------------------------ receiving */

int ksig_sub_next(struct ksig_sub *sub, int64_t timeout_ns,
		  const struct ksig_event **ev)
{
	struct pollfd p = { .fd = sub->epoll, .events = POLLIN };
	int64_t left, now, end = timeout_ns;
	const struct ksig_stream *s = sub->streams;
	struct ksig_stats st = { };
	struct timespec ts;
	bool last;
	int ret;

	/* the provider disarms itself when the target has exited */
	if (sub->each && !s->provider->stats(s, &st))
		sub->each = st.flags & KSIG_STATS_ARMED;
	if (sub->each)
		return -EBUSY;
	if (timeout_ns > 0) {
		now = ksig_now();
		end = timeout_ns > INT64_MAX - now ? -1 : now + timeout_ns;
	}
	for (;;) {
		last = end >= 0 && (!end || ksig_now() >= end);
		ret = ksig_relay_take(sub, last);
		if (ret > 0) {
			*ev = sub->record;
			return 1;
		}
		if (ret < 0 && ret != -EAGAIN)
			return ret;
		if (last)
			return 0;
		if (ret == -EAGAIN)
			continue;
		left = end < 0 ? 0 : end - ksig_now();
		if (end >= 0 && left <= 0)
			return 0;
		ts.tv_sec = left / 1000000000;
		ts.tv_nsec = left % 1000000000;
		if (ppoll(&p, 1, end < 0 ? NULL : &ts, NULL) < 0)
			return -errno;
	}
}

/* -------------------------------------------------------------------- arming */

/* With several streams, only the relay can be armed. */
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
	const struct ksig_provider *p;
	const struct ksig_stream *s;
	struct ksig_arm_opts o;
	int err;

	if (!opts || ksig_take_opts(&o, sizeof(o), opts, opts->sz))
		return -EINVAL;
	if (opts->sz <= offsetof(struct ksig_arm_opts, pidfd))
		o.pidfd = -1;
	err = o.flags & KSIG_ARM_PROCESS ? ksig_pidfd_is_open(o.pidfd) : 0;
	if (err)
		return err;
	/* prevent an armed relay from reading events during the following checks */
	ksig_relay_lock(sub);
	s = sub->streams;
	p = s->provider;
	/*
	 * Use the relay if the provider cannot send signals, or if the signals depend on work that
	 * the library does: merging streams, filtering, selecting the value, or reading ahead.
	 */
	if (sub->n > 1 || !p->arm || sub->has_prefetched || s->value ||
	    (p->has_buffered && p->has_buffered(s)) ||
	    !ksig_spec_in_kernel(&s->spec)) {
		ksig_relay_unlock(sub, false);
		err = ksig_relay_start(sub, &o);
		return err ? err : disarm_provider(sub);
	}
	err = p->arm(sub->streams, &o);
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

static int sub_sum(const struct ksig_sub *sub, unsigned int first, unsigned int n,
		   bool relay, struct ksig_sub_stats *st)
{
	/* only the lock is modified */
	struct ksig_sub *locked = (struct ksig_sub *)sub;
	struct ksig_sub_stats all = { };
	int err;

	ksig_relay_lock(locked);
	err = ksig_stats_sum(sub, first, n, &all);
	if (relay) {
		all.signals += sub->signals;
		all.deferred += sub->deferred;
	}
	ksig_relay_unlock(locked, false);
	return err ? err : ksig_give(st, &all, sizeof(all));
}

int ksig_sub_stats(const struct ksig_sub *sub, struct ksig_sub_stats *st)
{
	return sub_sum(sub, 0, sub->n, true, st);
}

int ksig_sub_spec_stats(const struct ksig_sub *sub, unsigned int spec,
			struct ksig_sub_stats *st)
{
	return spec < sub->n ? sub_sum(sub, spec, 1, false, st) : -EINVAL;
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
