// SPDX-License-Identifier: MIT
/* The native provider: its subscriptions, and the queue of each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "native.h"

/* -------------------------------------------------------------------- queue */

static uint32_t queued(const struct ksig_native *n)
{
	return n->tail - n->head;
}

/* Has the descriptor tell what only we know. */
static void set_wake(struct ksig_native *n)
{
	bool wanted = n->over || n->again || queued(n);
	uint64_t count = 1;

	if (wanted == n->woken)
		return;
	/* neither can fail: the counter is 0 or 1 */
	if (wanted ? write(n->wake, &count, sizeof(count)) < 0 :
		     read(n->wake, &count, sizeof(count)) < 0)
		return;
	n->woken = wanted;
}

static int native_next(struct ksig_stream *stream, const struct ksig_event **ev)
{
	struct ksig_native *n = stream->priv;
	int err = n->over ? n->over : n->source->pull(n);

	if (err == -ESHUTDOWN)
		n->over = err;
	n->again = err && !n->over;
	if (queued(n)) {
		memcpy(n->given, ksig_native_record(n, n->head), n->desc->event_size);
		n->head++;
		n->delivered++;
		*ev = n->given;
		err = 1;
	}
	set_wake(n);
	return err;
}

static int native_stats(const struct ksig_stream *stream, struct ksig_stats *st)
{
	const struct ksig_native *n = stream->priv;

	memset(st, 0, sizeof(*st));
	st->offered = n->offered;
	st->delivered = n->delivered;
	st->queued = queued(n);
	st->lost = n->lost;
	st->flags = n->over ? KSIG_STATS_HUP : 0;
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
	free(n->given);
	free(n->records);
	free(n);
}

static int native_init(struct ksig_native *n)
{
	n->records = calloc(n->len, n->desc->event_size);
	n->given = calloc(1, n->desc->event_size);
	if (!n->records || !n->given)
		return -ENOMEM;
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (n->epoll < 0)
		return -errno;
	n->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->wake < 0)
		return -errno;
	return ksig_native_watch(n, n->wake, EPOLLIN);
}

/* One process's end needs no right; that of all comes from elsewhere. */
static const struct ksig_native_source *choose_source(struct ksig_stream *stream)
{
	if (!strcmp(stream->desc->name, "process.exit") &&
	    ksig_native_subject(stream))
		return &ksig_native_pidfd;
	return stream->desc->native;
}

static int native_open(struct ksig_stream *stream, struct ksig_error *e)
{
	const struct ksig_native_source *source = choose_source(stream);
	struct ksig_native *n;
	int err;

	if (!source)
		return ksig_fail(e, 0, ENOENT, "native doesn't provide the event '%s'",
				 stream->desc->name);
	n = calloc(1, sizeof(*n));
	if (!n)
		return ksig_native_fail(e, -ENOMEM, "a subscription");
	n->source = source;
	n->desc = stream->desc;
	n->owner = getpid();
	n->len = stream->opts->queue_len ? stream->opts->queue_len : KSIG_QUEUE_DEFAULT;
	n->epoll = -1;
	n->wake = -1;
	err = native_init(n);
	if (err)
		err = ksig_native_fail(e, err, "a subscription's queue");
	else
		err = source->open(n, stream, e);
	if (err) {
		native_free(n);
		return err;
	}
	stream->priv = n;
	stream->fd = n->epoll;
	return 0;
}

static void native_close(struct ksig_stream *stream)
{
	struct ksig_native *n = stream->priv;

	n->source->close(n);
	native_free(n);
	stream->priv = NULL;
	stream->fd = -1;
}

/*
 * By trying, for what the kernel allows depends on its version, on capabilities,
 * namespaces and mounts.
 */
static int native_check(const struct ksig_event_desc *d, struct ksig_error *e)
{
	static const struct ksig_sub_opts defaults;
	struct ksig_stream probe = { .desc = d, .opts = &defaults, .fd = -1 };
	int err;

	err = native_open(&probe, e);
	if (!err)
		native_close(&probe);
	/* that of one process is there in any case; open() tells who lacks it */
	else if (err != -ENOENT && !strcmp(d->name, "process.exit"))
		err = 0;
	return err;
}

const struct ksig_provider ksig_provider_native = {
	.name = "native",
	.check = native_check,
	.open = native_open,
	.close = native_close,
	.next = native_next,
	.stats = native_stats,
	.lost_upto = native_lost_upto,
};
