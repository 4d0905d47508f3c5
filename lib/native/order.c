// SPDX-License-Identifier: MIT
/*
 * One time for a message that several subscriptions hear. Netlink messages carry no
 * time, and each subscription has a socket of its own. The kernel gives all sockets
 * of a multicast group the same messages in the same order; so a log of the last
 * that were read in this process tells what time the first reader gave a message,
 * and events of several subscriptions can be merged by time.
 */
#include <linux/netlink.h>
#include <pthread.h>

#include "native.h"

/* What is read by one subscription so far ahead of another gets two times. */
#define LOG_LEN 8192

struct entry {
	uint64_t hash;
	uint64_t time_ns;
};

/**
 * struct stream - a group that is heard
 * @protocol: the netlink protocol; there is one group for each
 * @next: messages that were logged so far
 * @last_ns: time of the last one
 * @log: the last of them
 *
 * @next, @last_ns and @log are protected by @lock.
 */
static struct stream {
	int protocol;
	uint64_t next;
	uint64_t last_ns;
	struct entry log[LOG_LEN];
} streams[] = {
	{ .protocol = NETLINK_ROUTE },
	{ .protocol = NETLINK_KOBJECT_UEVENT },
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct stream *find_stream(int protocol)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(streams); i++) {
		if (streams[i].protocol == protocol)
			return &streams[i];
	}
	return NULL;
}

/* FNV-1a */
static uint64_t hash_message(const unsigned char *msg, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;

	while (len--)
		hash = (hash ^ *msg++) * 0x100000001b3;
	return hash;
}

uint64_t ksig_order_begin(int protocol)
{
	struct stream *s = find_stream(protocol);
	uint64_t next = 0;

	if (!s)
		return 0;
	pthread_mutex_lock(&lock);
	next = s->next;
	pthread_mutex_unlock(&lock);
	return next;
}

/* Caller holds lock. Later than all others: equal times would have no order. */
static struct entry *add_entry(struct stream *s, uint64_t hash)
{
	struct entry *e = &s->log[s->next++ % LOG_LEN];
	uint64_t now = ksig_now();

	s->last_ns = now > s->last_ns ? now : s->last_ns + 1;
	*e = (struct entry) { .hash = hash, .time_ns = s->last_ns };
	return e;
}

uint64_t ksig_order_time(int protocol, uint64_t *position, const void *msg,
			 size_t len)
{
	struct stream *s = find_stream(protocol);
	uint64_t hash, i, time_ns;

	if (!s)
		return ksig_now();
	hash = hash_message(msg, len);
	pthread_mutex_lock(&lock);
	i = *position;
	if (s->next > LOG_LEN && i < s->next - LOG_LEN)
		i = s->next - LOG_LEN;
	/* those of another network namespace are passed over */
	while (i < s->next && s->log[i % LOG_LEN].hash != hash)
		i++;
	if (i < s->next) {
		time_ns = s->log[i % LOG_LEN].time_ns;
		*position = i + 1;
	} else {
		time_ns = add_entry(s, hash)->time_ns;
		*position = s->next;
	}
	pthread_mutex_unlock(&lock);
	return time_ns;
}
