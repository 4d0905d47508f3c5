// SPDX-License-Identifier: MIT
/* The queue to which the sources of the native provider add their events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "native.h"

int ksig_native_fail(struct ksig_error *e, int err, const char *what)
{
	return ksig_fail(e, 0, -err, "%s: %s", what, strerror(-err));
}

void *ksig_native_grow(void *list, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 16;

	if (n < *room)
		return list;
	list = realloc(list, more * size);
	if (list)
		*room = more;
	return list;
}

struct ksig_cond *ksig_native_subject(struct ksig_stream *stream)
{
	unsigned int i;

	for (i = 0; i < stream->spec.n_conds; i++) {
		struct ksig_cond *c = &stream->spec.conds[i];

		/* conditions on current.* have no field */
		if (c->op == KSIG_OP_EQ && c->field &&
		    c->field->offset == offsetof(struct ksig_event, subject))
			return c;
	}
	return NULL;
}

int ksig_native_watch(struct ksig_native *n, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(n->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

void ksig_native_unwatch(struct ksig_native *n, int fd)
{
	if (n->owner == getpid())
		epoll_ctl(n->epoll, EPOLL_CTL_DEL, fd, NULL);
	close(fd);
}

uint32_t ksig_native_room(const struct ksig_native *n)
{
	return n->len - (n->tail - n->head);
}

void ksig_native_lose(struct ksig_native *n, uint64_t count)
{
	n->offered += count;
	n->lost += count;
	n->gap += count;
}

void ksig_native_lose_upto(struct ksig_native *n, uint64_t count)
{
	n->lost_upto += count;
	n->gap_upto = KSIG_EVENT_LOST_UPTO;
}

struct ksig_event *ksig_native_put(struct ksig_native *n, uint64_t time_ns)
{
	struct ksig_event *ev;

	if (!ksig_native_room(n)) {
		ksig_native_lose(n, 1);
		return NULL;
	}
	ev = ksig_native_record(n, n->tail++);
	memset(ev, 0, n->desc->event_size);
	ev->seq = ++n->offered;
	ev->time_ns = time_ns;
	ev->type = n->desc->type;
	ev->lost_before = n->gap < UINT32_MAX ? n->gap : UINT32_MAX;
	ev->flags = n->gap_upto;
	n->gap = 0;
	n->gap_upto = 0;
	return ev;
}

void ksig_native_set_text(const struct ksig_native *n, struct ksig_event *ev,
			  const char *key, const char *text)
{
	const struct ksig_field_desc *fd = ksig_desc_field(n->desc, key);

	if (!text || strlen(text) >= fd->size)
		return;
	strcpy((char *)ev + fd->offset, text);
	ev->len = n->desc->event_size - sizeof(*ev);
}
