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
	uint32_t room = UINT32_MAX, queued, one;
	const struct ksig_native *user;
	unsigned int i;

	for (i = 0; i < n->users->n; i++) {
		user = n->users->user[i];
		queued = user->tail - user->head;
		one = queued < user->len ? user->len - queued : 0;
		room = one < room ? one : room;
	}
	return room;
}

int ksig_native_pulled(const struct ksig_native *n, uint32_t count)
{
	return count == n->len && n->tail == n->head ? -EAGAIN : 0;
}

void ksig_native_drop(struct ksig_native *n)
{
	n->head = n->tail;
	n->offered = 0;
	n->lost = 0;
	n->gap = 0;
	n->lost_upto = 0;
	n->gap_upto = 0;
}

int ksig_native_reserve(struct ksig_native *n, size_t count)
{
	uint32_t queued = n->tail - n->head, capacity = n->capacity, i;
	unsigned char *records;

	while (capacity - queued < count) {
		if (capacity > UINT32_MAX / 4)
			return -ENOMEM;
		capacity *= 2;
	}
	if (capacity == n->capacity)
		return 0;
	records = calloc(capacity, n->desc->event_size);
	if (!records)
		return -ENOMEM;
	for (i = 0; i < queued; i++)
		memcpy(records + (size_t)i * n->desc->event_size,
		       ksig_native_record(n, n->head + i), n->desc->event_size);
	free(n->records);
	n->records = records;
	n->capacity = capacity;
	n->head = 0;
	n->tail = queued;
	return 0;
}

void ksig_native_lose(struct ksig_native *n, uint64_t count)
{
	n->offered += count;
	n->lost += count;
	n->gap += count;
}

void ksig_native_miss(struct ksig_native *user, uint64_t count)
{
	user->lost_upto += count;
	user->gap_upto = KSIG_EVENT_LOST_UPTO;
}

void ksig_native_lose_upto(struct ksig_native *n, uint64_t count)
{
	unsigned int i;

	for (i = 0; i < n->users->n; i++)
		ksig_native_miss(n->users->user[i], count);
}

struct ksig_event *ksig_native_put(struct ksig_native *n, uint64_t time_ns)
{
	struct ksig_event *ev;

	if (n->tail - n->head == n->capacity) {
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

struct ksig_event *ksig_native_put_initial(struct ksig_native *n, uint64_t time_ns)
{
	struct ksig_event *ev = ksig_native_put(n, time_ns);

	ev->flags |= KSIG_EVENT_INITIAL;
	return ev;
}

struct ksig_event *ksig_native_put_gone(struct ksig_native *n, uint64_t time_ns)
{
	struct ksig_event *ev = n->stream->opts->flags & KSIG_SUB_GONE ?
				ksig_native_put(n, time_ns) : NULL;

	if (ev)
		ev->flags |= KSIG_EVENT_GONE;
	return ev;
}

void ksig_native_set_text(const struct ksig_native *n, struct ksig_event *ev,
			  const char *key, const char *text)
{
	const struct ksig_field_desc *fd = ksig_desc_field(n->desc, key);
	char *at = (char *)ev + fd->offset;

	if (!text)
		return;
	ev->len = n->desc->event_size - sizeof(*ev);
	if (strlen(text) < fd->size)
		strcpy(at, text);
	else
		at[1] = KSIG_FIELD_TOO_LONG;
}

void ksig_native_set_number(const struct ksig_native *n, struct ksig_event *ev,
			    const char *key, uint64_t number)
{
	const struct ksig_field_desc *fd = ksig_desc_field(n->desc, key);
	uint32_t u32 = number;

	if (fd->size == 8)
		memcpy((char *)ev + fd->offset, &number, 8);
	else
		memcpy((char *)ev + fd->offset, &u32, 4);
	ev->len = n->desc->event_size - sizeof(*ev);
}
