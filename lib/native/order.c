// SPDX-License-Identifier: MIT
/*
 * Assigns the same time to a message in all subscriptions that receive it, so that events of
 * several subscriptions can be merged by time. Netlink messages contain no timestamp, and each
 * subscription has its own socket. All sockets of a multicast group receive the same messages in
 * the same order. This process therefore keeps a log of the messages that it has read recently,
 * together with the time at which each was first read.
 */
#include <linux/netlink.h>
#include <pthread.h>

#include "native.h"

/*
 * If a subscription lags behind by more messages than this, its messages are assigned later times.
 */
#define LOG_LEN 8192

struct order_entry {
	uint64_t hash;
	uint64_t time_ns;
};

/**
 * struct order_log - the messages of a group that this process has read
 * @protocol: the netlink protocol; only one group of each protocol is used
 * @next: number of messages logged so far
 * @last_ns: time of the last message
 * @entries: ring buffer of the latest messages
 *
 * @next, @last_ns and @entries are protected by order_lock.
 */
static struct order_log {
	int protocol;
	uint64_t next;
	uint64_t last_ns;
	struct order_entry entries[LOG_LEN];
} order_logs[] = {
	{ .protocol = NETLINK_ROUTE },
	{ .protocol = NETLINK_KOBJECT_UEVENT },
};

static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;

static struct order_log *order_find_log(int protocol)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(order_logs); i++) {
		if (order_logs[i].protocol == protocol)
			return &order_logs[i];
	}
	return NULL;
}

/* FNV-1a */
static uint64_t order_hash(const unsigned char *msg, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;

	while (len--)
		hash = (hash ^ *msg++) * 0x100000001b3;
	return hash;
}

uint64_t ksig_order_begin(int protocol)
{
	struct order_log *log = order_find_log(protocol);
	uint64_t next;

	if (!log)
		return 0;
	pthread_mutex_lock(&order_lock);
	next = log->next;
	pthread_mutex_unlock(&order_lock);
	return next;
}

uint64_t ksig_order_time(int protocol, uint64_t *position, const void *msg,
			 size_t len)
{
	struct order_log *log = order_find_log(protocol);
	uint64_t hash, i, now, time_ns;

	if (!log)
		return ksig_now();
	hash = order_hash(msg, len);
	pthread_mutex_lock(&order_lock);
	i = *position;
	if (log->next > LOG_LEN && i < log->next - LOG_LEN)
		i = log->next - LOG_LEN;
	/* skip messages of other network namespaces */
	while (i < log->next && log->entries[i % LOG_LEN].hash != hash)
		i++;
	if (i == log->next) {
		/* later than all others, because messages with equal times would have no order */
		now = ksig_now();
		log->last_ns = now > log->last_ns ? now : log->last_ns + 1;
		log->entries[log->next++ % LOG_LEN] = (struct order_entry) {
			.hash = hash, .time_ns = log->last_ns,
		};
	}
	time_ns = log->entries[i % LOG_LEN].time_ns;
	*position = i + 1;
	pthread_mutex_unlock(&order_lock);
	return time_ns;
}
