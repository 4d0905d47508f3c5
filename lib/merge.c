// SPDX-License-Identifier: MIT
/* Several streams of events, read as one: oldest first, and one descriptor to wait on. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sub.h"

/* ------------------------------------------------------------ the descriptor */

static int watch(struct ksig_sub *sub, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return fd >= 0 && epoll_ctl(sub->epoll, EPOLL_CTL_ADD, fd, &ev) ?
	       -errno : 0;
}

/* Else a stream that has ended would keep the descriptor readable. */
static void unwatch(struct ksig_sub *sub, const struct ksig_stream *stream)
{
	if (ksig_sub_eof(sub))
		return;
	epoll_ctl(sub->epoll, EPOLL_CTL_DEL, stream->fd, NULL);
	if (stream->subject_fd >= 0)
		epoll_ctl(sub->epoll, EPOLL_CTL_DEL, stream->subject_fd, NULL);
}

int ksig_sub_make_epoll(struct ksig_sub *sub)
{
	unsigned int i;
	int err = 0;

	sub->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sub->epoll < 0)
		return -errno;
	for (i = 0; !err && i < sub->n; i++) {
		err = watch(sub, sub->streams[i].fd);
		if (!err)
			err = watch(sub, sub->streams[i].subject_fd);
		if (!err && (sub->n > 1 ||
			     sub->streams[i].provider->has_buffered))
			err = ksig_sub_make_wake(sub);
	}
	return err;
}

int ksig_sub_make_wake(struct ksig_sub *sub)
{
	int fd, err;

	if (sub->wake >= 0)
		return 0;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = watch(sub, fd);
	if (err) {
		close(fd);
		return err;
	}
	sub->wake = fd;
	return 0;
}

static bool has_buffered(const struct ksig_stream *stream)
{
	return stream->has_next ||
	       (stream->provider->has_buffered &&
		stream->provider->has_buffered(stream));
}

void ksig_sub_notify(struct ksig_sub *sub)
{
	bool wanted = sub->has_prefetched;
	unsigned int i;

	for (i = 0; !wanted && i < sub->n; i++)
		wanted = has_buffered(&sub->streams[i]);
	if (wanted == sub->woken)
		return;
	sub->woken = wanted;
	if (wanted)
		ksig_event_set(sub->wake);
	else
		ksig_event_clear(sub->wake);
}

/* -------------------------------------------------------------------- reading */

bool ksig_sub_eof(const struct ksig_sub *sub)
{
	unsigned int i;

	for (i = 0; i < sub->n; i++) {
		if (!sub->streams[i].end)
			return false;
	}
	return true;
}

/* Return: ksig_stream_take()'s, or 1 if there is an event already. */
static int prefetch(struct ksig_sub *sub, struct ksig_stream *stream)
{
	int ret;

	if (stream->has_next)
		return 1;
	if (stream->end)
		return -ESHUTDOWN;
	ret = ksig_stream_take(stream, stream->next);
	stream->has_next = ret == 1;
	stream->more = ret == -EAGAIN;
	if (stream->end)
		unwatch(sub, stream);
	return ret;
}

/*
 * Reads the streams that have no event yet. Return: whether one was found; @err: the first
 * error that isn't an end.
 */
static bool prefetch_all(struct ksig_sub *sub, int *err)
{
	bool found = false, had;
	unsigned int i;
	int ret;

	*err = 0;
	for (i = 0; i < sub->n; i++) {
		had = sub->streams[i].has_next;
		ret = prefetch(sub, &sub->streams[i]);
		found |= ret == 1 && !had;
		/* -EAGAIN means most: there is more to look at right away */
		if (ret < 0 && !sub->streams[i].end && *err != -EAGAIN)
			*err = ret;
	}
	return found;
}

static struct ksig_stream *oldest(struct ksig_sub *sub)
{
	struct ksig_stream *stream, *found = NULL;
	unsigned int i;

	for (i = 0; i < sub->n; i++) {
		stream = &sub->streams[i];
		if (stream->has_next &&
		    (!found || stream->next->time_ns < found->next->time_ns))
			found = stream;
	}
	return found;
}

/* May a stream that the filter makes us read through have an older event? */
static bool may_be_older(const struct ksig_sub *sub, uint64_t time_ns)
{
	unsigned int i;

	for (i = 0; i < sub->n; i++) {
		const struct ksig_stream *s = &sub->streams[i];

		if (!s->has_next && !s->end && s->more &&
		    s->read_upto_ns < time_ns)
			return true;
	}
	return false;
}

/*
 * An event that caused another one comes first: when the later one was found, the earlier
 * one had been queued. So after each that is found, the streams that had none are read
 * again.
 */
int ksig_sub_take(struct ksig_sub *sub, struct ksig_event **to)
{
	struct ksig_stream *stream;
	struct ksig_event *ev;
	int err;

	if (sub->n == 1)
		return ksig_stream_take(sub->streams, *to);
	while (prefetch_all(sub, &err))
		;
	stream = oldest(sub);
	if (!stream && !err && ksig_sub_eof(sub))
		return -ESHUTDOWN;
	if (!stream)
		return err;
	if (may_be_older(sub, stream->next->time_ns))
		return -EAGAIN;
	ev = stream->next;
	stream->next = *to;
	stream->has_next = false;
	ev->flags |= KSIG_EVENT_SPEC(stream - sub->streams);
	*to = ev;
	return 1;
}
