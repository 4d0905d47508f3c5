/* SPDX-License-Identifier: MIT */
/* A subscription: streams of events merged in order, and the relay that sends signals. */
#ifndef KSIG_LIB_SUB_H
#define KSIG_LIB_SUB_H

#include "provider.h"

/**
 * struct ksig_sub - a subscription
 * @opts: options; the strings are copies owned by the subscription
 * @epoll: epoll descriptor returned by ksig_sub_fd(); watches the streams' descriptors and @wake
 * @buffers: one block that contains the buffers for @record, @prefetched and the streams' next
 *	events. The pointers to the buffers are swapped, and a child created by fork(2) may see a
 *	half-finished swap, so they must not be used to free memory.
 * @record: the event last returned by ksig_sub_next(). The buffer has space for a record of the
 *	largest event_size, a word of zeros, the inode number of the subject (see
 *	ksig_record_ino()), and the fields that the library adds.
 * @prefetched: event that the relay has read ahead
 * @has_prefetched: @prefetched contains an event, which is delivered before all others
 * @wake: eventfd that is readable while an event has been read ahead or is buffered by a provider,
 *	because the streams' descriptors do not report such events; -1 until it is needed for the
 *	first time
 * @woken: @wake is readable
 * @signals: number of signals sent by the relay
 * @deferred: number of times that the relay had to wait for its target
 * @relay: sends the signals if the provider does not; NULL if not armed
 * @relay_flags: KSIG_STATS_ARMED: the relay may still send signals; KSIG_STATS_HUP: the relay has
 *	read the last event; KSIG_STATS_TARGET_GONE: the target has exited since the relay was armed
 * @arm: settings with which the relay was last armed
 * @each: the provider itself is armed with KSIG_MODE_EACH
 * @n: number of @streams
 * @streams: one stream for each specification
 */
struct ksig_sub {
	struct ksig_sub_opts opts;
	int epoll;
	void *buffers;
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

/* Returns the stream that a record came from; NULL if @sub did not create the record. */
static inline const struct ksig_stream *
ksig_sub_stream(const struct ksig_sub *sub, const struct ksig_event *ev)
{
	unsigned int spec = ksig_event_spec(ev);

	return spec < sub->n ? &sub->streams[spec] : NULL;
}

/* ---------------------------------------------------------------- merge.c */

/* Creates @sub->epoll. Return: 0 or -errno. */
int ksig_sub_make_epoll(struct ksig_sub *sub);
/* Creates @sub->wake, unless it exists. Return: 0 or -errno. */
int ksig_sub_make_wake(struct ksig_sub *sub);
/*
 * Updates @sub->wake, which makes the descriptor returned by ksig_sub_fd() readable while there are
 * events that no stream's descriptor reports.
 */
void ksig_sub_notify(struct ksig_sub *sub);
/*
 * Reads the oldest event of all streams without waiting. On success, stores the event's buffer in
 * *@to and reuses the buffer that *@to pointed to before.
 * Return: the same as ksig_stream_take(); -ESHUTDOWN once all streams have ended.
 */
int ksig_sub_take(struct ksig_sub *sub, struct ksig_event **to);
/* Return: whether all streams have ended. */
bool ksig_sub_eof(const struct ksig_sub *sub);

/* ---------------------------------------------------------------- relay.c */

int ksig_relay_start(struct ksig_sub *sub, const struct ksig_arm_opts *opts);
/*
 * Blocks the relay thread, if there is one, between the two calls. If @stop is set, the thread
 * remains inactive after ksig_relay_unlock(), and the caller must then call ksig_relay_stop().
 */
void ksig_relay_lock(struct ksig_sub *sub);
void ksig_relay_unlock(struct ksig_sub *sub, bool stop);
/* Stops the relay. No signal is sent after it returns. */
void ksig_relay_stop(struct ksig_sub *sub);
/*
 * Reads the next event into @sub->record, beginning with the event that the relay has read ahead.
 * @last: the reader will not retry after -EAGAIN, so the doorbell must ring on the next event.
 * Return: the same as ksig_sub_take(); -EBUSY while events are delivered by signal.
 */
int ksig_relay_take(struct ksig_sub *sub, bool last);

/* ---------------------------------------------------------------- stats.c */

/* Context: callers of the functions below hold the relay's lock if there is a relay. */

/* Adds up the counters of @n streams, starting with @first. Return: 0 or -errno. */
int ksig_stats_sum(const struct ksig_sub *sub, unsigned int first,
		   unsigned int n, struct ksig_sub_stats *sum);
/*
 * Updates the counters that `ksig status` shows. If @ask is set, also updates the number of events
 * that may have been lost. This can require a system call, which would be too expensive for every
 * event.
 */
void ksig_stats_publish(struct ksig_sub *sub, bool ask);

#endif /* KSIG_LIB_SUB_H */
