// SPDX-License-Identifier: MIT
/* Merges several streams into one, oldest event first, with a single descriptor to wait on. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sub.h"

/* ------------------------------------------------------------ the descriptor */

static int merge_watch(struct ksig_sub *sub, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return fd >= 0 && epoll_ctl(sub->epoll, EPOLL_CTL_ADD, fd, &ev) ?
	       -errno : 0;
}

int ksig_sub_make_epoll(struct ksig_sub *sub)
{
	unsigned int i;
	int err = 0;

	sub->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sub->epoll < 0)
		return -errno;
	for (i = 0; !err && i < sub->n; i++) {
		err = merge_watch(sub, sub->streams[i].fd);
		if (!err)
			err = merge_watch(sub, sub->streams[i].subject_fd);
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
	err = merge_watch(sub, fd);
	if (err) {
		close(fd);
		return err;
	}
	sub->wake = fd;
	return 0;
}

void ksig_sub_notify(struct ksig_sub *sub)
{
	bool wanted = sub->has_prefetched;
	const struct ksig_stream *stream;
	unsigned int i;

	for (i = 0; !wanted && i < sub->n; i++) {
		stream = &sub->streams[i];
		wanted = stream->has_next ||
			 (stream->provider->has_buffered &&
			  stream->provider->has_buffered(stream));
	}
	if (wanted == sub->woken)
		return;
	sub->woken = wanted;
	if (wanted)
		ksig_event_set(sub->wake);
	else
		ksig_event_clear(sub->wake);
}

/* -------------------------------------------------------------------- reading */

/* Period during which the other streams' events wait for a stream that can't be read */
#define FAILING_NS 100000000

bool ksig_sub_eof(const struct ksig_sub *sub)
{
	unsigned int i;

	for (i = 0; i < sub->n; i++) {
		if (!sub->streams[i].end)
			return false;
	}
	return true;
}

/*
 * An event must be returned before the events that it caused. By the time an event is found, the
 * event that caused it has been queued, possibly in a stream that was read earlier and was still
 * empty. Therefore the empty streams are read again whenever an event is found.
 */
int ksig_sub_take(struct ksig_sub *sub, struct ksig_event **to)
{
	struct ksig_stream *s, *oldest = NULL;
	struct ksig_event *ev;
	unsigned int i;
	bool found;
	int ret, err;

	if (sub->n == 1)
		return ksig_stream_take(sub->streams, *to);
	do {
		found = false;
		err = 0;
		for (i = 0; i < sub->n; i++) {
			s = &sub->streams[i];
			if (s->has_next || s->end)
				continue;
			ret = ksig_stream_take(s, s->next);
			s->has_next = ret == 1;
			s->more = ret == -EAGAIN;
			if (ret >= 0 || s->more || s->end)
				s->failing_since = 0;
			else if (!s->failing_since)
				s->failing_since = ksig_now();
			found |= ret == 1;
			/* -EAGAIN has priority: the caller must continue to read immediately */
			if (ret < 0 && !s->end && err != -EAGAIN)
				err = ret;
			if (!s->end || ksig_sub_eof(sub))
				continue;
			/* a stream that has ended would keep the epoll descriptor readable */
			epoll_ctl(sub->epoll, EPOLL_CTL_DEL, s->fd, NULL);
			if (s->subject_fd >= 0)
				epoll_ctl(sub->epoll, EPOLL_CTL_DEL, s->subject_fd, NULL);
		}
	} while (found);
	for (i = 0; i < sub->n; i++) {
		s = &sub->streams[i];
		if (s->has_next &&
		    (!oldest || s->next->time_ns < oldest->next->time_ns))
			oldest = s;
	}
	if (!oldest)
		return !err && ksig_sub_eof(sub) ? -ESHUTDOWN : err;
	/*
	 * Another stream may still have an older event, if its last read stopped after a batch of
	 * events that were filtered out, all of them older. That is also possible if reading fails
	 * for lack of memory or descriptors, but only for FAILING_NS, because a permanent failure
	 * must not hide the other streams' events.
	 */
	for (i = 0; i < sub->n; i++) {
		s = &sub->streams[i];
		if (s->has_next || s->end)
			continue;
		if ((s->more && s->read_upto_ns < oldest->next->time_ns) ||
		    (s->failing_since && ksig_now() - s->failing_since < FAILING_NS))
			return s->more ? -EAGAIN : err;
	}
	ev = oldest->next;
	oldest->next = *to;
	oldest->has_next = false;
	ev->flags |= KSIG_EVENT_SPEC(oldest - sub->streams);
	*to = ev;
	return 1;
}
