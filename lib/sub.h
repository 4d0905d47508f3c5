/* SPDX-License-Identifier: MIT */
/* A subscription: several streams of events, in order, and the relay that sends signals. */
#ifndef KSIG_LIB_SUB_H
#define KSIG_LIB_SUB_H

#include "provider.h"

/**
 * struct ksig_sub - a subscription
 * @opts: with strings that live as long as this
 * @epoll: what ksig_sub_fd() returns: the streams' descriptors, and @wake
 * @record: the event that ksig_sub_next() returned last: the largest event_size, a
 *	word of zero, the inode of its subject, see ksig_record_ino(), and the fields
 *	that the library adds
 * @prefetched: another one, which the relay has read ahead
 * @has_prefetched: there is an event in @prefetched; it comes before all others
 * @wake: eventfd that is readable while there is an event that the streams' descriptors
 *	don't report: read ahead, or buffered by a provider; -1: not needed so far
 * @woken: @wake is readable
 * @signals: number of signals that the relay has sent
 * @deferred: number of times that the relay had to wait for its target
 * @relay: sends signals for a provider that doesn't; NULL: not armed
 * @relay_flags: KSIG_STATS_ARMED: the relay may still send; KSIG_STATS_HUP: it has read the
 *	last event; KSIG_STATS_TARGET_GONE: its target has exited since it was armed
 * @arm: how the relay was armed last
 * @each: armed by the provider itself, with KSIG_MODE_EACH
 * @n: number of @streams
 * @streams: one for each specification
 */
struct ksig_sub {
	struct ksig_sub_opts opts;
	int epoll;
	struct ksig_event *record;
	struct ksig_event *prefetched;
	bool has_prefetched;
	int wake;
	bool woken;
	uint64_t signals;
	uint64_t deferred;
	struct ksig_relay *relay;
	unsigned int relay_flags;
	struct ksig_arm_opts arm;
	bool each;
	unsigned int n;
	struct ksig_stream streams[];
};

/* The stream that a record came from; NULL: none, it was not made by @sub */
static inline const struct ksig_stream *
ksig_sub_stream(const struct ksig_sub *sub, const struct ksig_event *ev)
{
	unsigned int spec = ksig_event_spec(ev);

	return spec < sub->n ? &sub->streams[spec] : NULL;
}

/* ---------------------------------------------------------------- merge.c */

/* Create what is waited on: 0 or -errno */
int ksig_sub_make_epoll(struct ksig_sub *sub);
/* Create @sub->wake, unless it exists: 0 or -errno */
int ksig_sub_make_wake(struct ksig_sub *sub);
/* Make ksig_sub_fd() readable while there are events that the streams' descriptors don't report. */
void ksig_sub_notify(struct ksig_sub *sub);
/*
 * The oldest event of all streams, without waiting: as ksig_stream_take(), but into *@to,
 * which is exchanged for another buffer; and -ESHUTDOWN once all streams have ended.
 */
int ksig_sub_take(struct ksig_sub *sub, struct ksig_event **to);
/* Have all streams ended? */
bool ksig_sub_eof(const struct ksig_sub *sub);

/* ---------------------------------------------------------------- relay.c */

int ksig_relay_start(struct ksig_sub *sub, const struct ksig_arm_opts *opts);
/*
 * Between these two the thread, if there is one, does nothing. With @stop it does nothing
 * afterwards either, and ksig_relay_stop() is to follow.
 */
void ksig_relay_lock(struct ksig_sub *sub);
void ksig_relay_unlock(struct ksig_sub *sub, bool stop);
/* Once it returns no further signal is sent. */
void ksig_relay_stop(struct ksig_sub *sub);
/*
 * ksig_sub_take() into @record, starting with what the relay has read ahead; -EBUSY while
 * events are delivered by signal. @last: the reader won't try again now, so the doorbell rings
 * on the next event.
 */
int ksig_relay_take(struct ksig_sub *sub, bool last);

/* ---------------------------------------------------------------- stats.c */

/* The caller holds the relay's lock, if there is a relay. */

/* Add up the counters of @n streams from @first on: 0 or -errno */
int ksig_stats_sum(const struct ksig_sub *sub, unsigned int first,
		   unsigned int n, struct ksig_sub_stats *sum);
/*
 * For `ksig status`. @ask: also update the number of events that may have been lost, which can
 * take a system call, too much for each event.
 */
void ksig_stats_publish(struct ksig_sub *sub, bool ask);

#endif /* KSIG_LIB_SUB_H */
