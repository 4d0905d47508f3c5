// SPDX-License-Identifier: MIT
/* The native provider: opens subscriptions and returns records from their queues. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "native.h"

/* -------------------------------------------------------------------- queue */

static uint32_t native_queued(const struct ksig_native *n)
{
	return n->tail - n->head;
}

static void native_update_wake(struct ksig_native *n)
{
	bool wake = n->end || n->retry || native_queued(n);
	uint64_t count = 1;

	/* neither call can fail, because the counter is always 0 or 1 */
	if (wake != n->wake_set &&
	    (wake ? write(n->wake, &count, sizeof(count)) :
		    read(n->wake, &count, sizeof(count))) > 0)
		n->wake_set = wake;
}

static int native_next(struct ksig_stream *stream, const struct ksig_event **ev)
{
	struct ksig_native *n = stream->priv;
	int err = n->end ? n->end : n->source->pull(n);
	unsigned int i;

	if (err == -ESHUTDOWN)
		n->end = err;
	n->retry = err && !n->end;
	if (native_queued(n)) {
		memcpy(n->returned, ksig_native_record(n, n->head), n->desc->event_size);
		n->head++;
		n->delivered++;
		*ev = n->returned;
		err = 1;
	}
	/* the call to pull may have added records to the queues of the other streams */
	for (i = 0; i < n->users->n; i++)
		native_update_wake(n->users->user[i]);
	return err;
}

static int native_stats(const struct ksig_stream *stream, struct ksig_stats *st)
{
	const struct ksig_native *n = stream->priv;

	memset(st, 0, sizeof(*st));
	st->offered = n->offered;
	st->delivered = n->delivered;
	st->queued = native_queued(n);
	st->lost = n->lost;
	st->flags = n->end ? KSIG_STATS_HUP : 0;
	return 0;
}

static uint64_t native_lost_upto(const struct ksig_stream *stream)
{
	const struct ksig_native *n = stream->priv;

	return n->lost_upto;
}

/* ----------------------------------------------------------- open and close */

static void native_free(struct ksig_native *n)
{
	if (n->wake >= 0)
		close(n->wake);
	if (n->epoll >= 0)
		close(n->epoll);
	free(n->returned);
	free(n->records);
	free(n);
}

/* Opens the source of @n, or joins a source that the subscription has opened already. */
static int native_attach(struct ksig_native *n, struct ksig_stream *stream,
			 struct ksig_error *e)
{
	const struct ksig_native *other = NULL, *before;
	const struct ksig_stream *s;
	int err = 0;

	for (s = stream->first; n->source->shared && s && s < stream; s++) {
		before = s->provider == &ksig_provider_native ? s->priv : NULL;
		if (before && before->source == n->source)
			other = before;
	}
	if (other) {
		n->users = other->users;
		n->state = other->state;
	} else {
		n->users = calloc(1, sizeof(*n->users));
		err = n->users ? n->source->open(n, stream, e) :
				 ksig_native_fail(e, -ENOMEM, "cannot allocate the list of streams");
	}
	if (!err && n->source->join && !stream->probe) {
		err = n->source->join(n, e);
		if (err && !other)
			n->source->close(n);
	}
	if (!err)
		n->users->user[n->users->n++] = n;
	else if (!other)
		free(n->users);
	return err;
}

static int native_open(struct ksig_stream *stream, struct ksig_error *e)
{
	const struct ksig_native_source *source = stream->desc->native;
	struct ksig_native *n;
	unsigned int i;
	int err = -ENOMEM;

	/* a pidfd reports the exit of a single process and requires no privileges */
	if (!strcmp(stream->desc->name, "process.exit") && ksig_native_subject(stream))
		source = stream->gone ? &ksig_native_gone : &ksig_native_pidfd;
	if (!source)
		return ksig_fail(e, 0, ENOENT, "native doesn't provide the event '%s'",
				 stream->desc->name);
	/* a condition on the current task can be checked only in the kernel */
	for (i = 0; i < stream->spec.n_conds; i++) {
		if (!stream->spec.conds[i].field)
			return ksig_fail(e, stream->spec.conds[i].column, EOPNOTSUPP,
					 "doesn't report %s", stream->spec.conds[i].key);
	}
	n = calloc(1, sizeof(*n));
	if (!n)
		return ksig_native_fail(e, -ENOMEM, "cannot create a subscription");
	n->source = source;
	n->desc = stream->desc;
	n->stream = stream;
	n->owner = getpid();
	n->len = stream->opts->queue_len ? stream->opts->queue_len : KSIG_QUEUE_DEFAULT;
	n->wake = -1;
	n->epoll = -1;
	n->capacity = n->len;
	n->records = calloc(n->capacity, n->desc->event_size);
	n->returned = calloc(1, n->desc->event_size);
	if (!n->records || !n->returned)
		goto fail_queue;
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	n->wake = n->epoll < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = n->wake < 0 ? -errno : ksig_native_watch(n, n->wake, EPOLLIN);
	if (err)
		goto fail_queue;
	err = native_attach(n, stream, e);
	if (err)
		goto free;
	stream->priv = n;
	stream->fd = n->epoll;
	return 0;

fail_queue:
	ksig_native_fail(e, err, "cannot create the subscription's queue");
free:
	native_free(n);
	return err;
}

static void native_close(struct ksig_stream *stream)
{
	struct ksig_native *n = stream->priv;

	/* the last stream closes the shared state. Once a stream is closed, none is read */
	if (!--n->users->n) {
		n->source->close(n);
		free(n->users);
	}
	native_free(n);
	stream->priv = NULL;
	stream->fd = -1;
}

static int native_initial(struct ksig_stream *stream)
{
	struct ksig_native *n = stream->priv;
	unsigned int i;
	int err = 0;

	if (n->users->has_initial)
		return 0;
	n->users->has_initial = true;
	/* the state supersedes the changes that were noticed when another stream joined */
	for (i = 0; i < n->users->n; i++)
		ksig_native_drop(n->users->user[i]);
	/* the source adds the state for all streams that share it */
	err = n->source->initial ? n->source->initial(n) : 0;
	for (i = 0; i < n->users->n; i++)
		native_update_wake(n->users->user[i]);
	return err;
}

/*
 * Opens an event to check whether it is available, because availability depends on the kernel's
 * version and on capabilities, namespaces and mounts.
 */
static int native_check(const struct ksig_event_desc *d, struct ksig_error *e)
{
	static const struct ksig_sub_opts defaults;
	struct ksig_stream probe = { .desc = d, .opts = &defaults, .fd = -1, .probe = true };
	int err;

	err = native_open(&probe, e);
	if (!err)
		native_close(&probe);
	/*
	 * process.exit may be available for a single process although not for all processes, and
	 * pressure in a cgroup although not in the whole machine
	 */
	else if ((err != -ENOENT && !strcmp(d->name, "process.exit")) ||
		 (ksig_desc_setting(d, "cgroup") && (err == -EPERM || err == -EACCES)))
		err = 0;
	return err;
}

const struct ksig_provider ksig_provider_native = {
	.name = "native",
	.check = native_check,
	.open = native_open,
	.close = native_close,
	.initial = native_initial,
	.next = native_next,
	.stats = native_stats,
	.lost_upto = native_lost_upto,
};
