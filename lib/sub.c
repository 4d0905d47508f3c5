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
				 "invalid options: compiled for another version of libksig");
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

/*
 * Opened before the provider pins the process that then has the number: whatever
 * comes in between, this one tells the end. Return: 0, or why it could not be.
 */
static int open_subject(struct ksig_sub *sub)
{
	const struct ksig_cond *c = ksig_spec_named_process(&sub->spec, sub->desc);
	int fd = c ? ksig_process_open(c->number, 0, NULL) : -1;

	if (c && fd < 0)
		return fd;
	sub->subject_fd = fd;
	return 0;
}

/* @err: open_subject()'s. The provider, which was asked since, may have said better. */
static int check_subject(struct ksig_sub *sub, int err, struct ksig_error *e)
{
	const struct ksig_cond *c = ksig_spec_named_process(&sub->spec, sub->desc);

	if (!err)
		return 0;
	if (err != -ESRCH && err != -EINVAL)
		return ksig_fail(e, c->text_column, -err, "process %s: %s",
				 c->text, strerror(-err));
	return ksig_fail(e, c->text_column, ESRCH, "process %s has just exited",
			 c->text);
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
				 "%s has no field '%s'",
				 sub->spec.name, key);
	if (sub->value->type == KSIG_FIELD_STRING)
		return ksig_fail(e, 0, EINVAL,
				 "'%s' is a string: the value must be a number",
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
					 "'%s' is unknown without cgroup2: as root, mount -t cgroup2 none /sys/fs/cgroup",
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
	err = ksig_reader_watch(sub, sub->fd);
	if (err || sub->subject_fd < 0)
		return err;
	/* this source watches the process itself */
	if (sub->ends_itself) {
		close(sub->subject_fd);
		sub->subject_fd = -1;
		return 0;
	}
	return ksig_reader_watch(sub, sub->subject_fd);
}

static int make_room(struct ksig_sub *sub, struct ksig_error *e)
{
	int err = make_epoll(sub);

	if (!err && sub->provider->holds)
		err = ksig_sub_make_wake(sub);
	if (err)
		return ksig_fail(e, 0, -err, "cannot create the descriptor to wait on: %s",
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
		err = ksig_choose_desc(sub, &e);
	if (!err)
		err = ksig_spec_resolve(&sub->spec, sub->desc, &e);
	if (!err)
		err = resolve_value(sub, &e);
	if (!err)
		err = open_cgroups(sub, &e);
	if (!err) {
		subject_err = open_subject(sub);
		err = ksig_choose_open(sub, &e);
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

int ksig_sub_stats(const struct ksig_sub *sub, struct ksig_sub_stats *st)
{
	struct ksig_sub_stats all = { };
	struct ksig_stats counted = { };
	int err;

	/* the relay's lock is no part of what is looked at */
	err = ksig_relay_stats((struct ksig_sub *)sub, &counted, &all.lost_upto);
	if (err)
		return err;
	all.offered = counted.offered;
	all.delivered = counted.delivered;
	all.queued = counted.queued;
	all.lost = counted.lost;
	all.refused = counted.refused;
	all.signals = counted.signals;
	all.deferred = counted.deferred;
	all.flags = counted.flags;
	return ksig_give(st, &all, sizeof(all));
}

int ksig_sub_kill_current(struct ksig_sub *sub, int signo, uint64_t skip,
			  uint64_t count, unsigned int flags)
{
	if (signo < 0 || signo > 64 || flags & ~KSIG_KILL_READY)
		return -EINVAL;
	if (!sub->provider->kill_current || !ksig_spec_in_kernel(&sub->spec))
		return -EOPNOTSUPP;
	return sub->provider->kill_current(sub, signo, skip, count, flags);
}
