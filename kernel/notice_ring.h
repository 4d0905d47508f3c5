/* SPDX-License-Identifier: GPL-2.0-only */
/* Stores copies of events that will be offered to subscriptions later, in another context. */
#ifndef KSIG_NOTICE_RING_H
#define KSIG_NOTICE_RING_H

#include <linux/atomic.h>
#include <linux/types.h>

#include <ksig/driver.h>

/**
 * struct ksig_notice_slot - a copy of an event
 * @ready: the slot is complete, and the consumer may use it
 * @n: the event, with references to its pids. n.data points to @data, and n.net is NULL
 * @net_cookie: cookie of the network namespace in which the event happened, or 0
 * @now: time of the event
 * @skipped: number of events skipped before this event
 * @data: copy of the event's data
 */
struct ksig_notice_slot {
	u32 ready;
	struct ksig_notice n;
	u64 net_cookie;
	u64 now;
	u64 skipped;
	u64 data[];
};

/**
 * struct ksig_notice_ring - a lockless queue with many producers and one consumer
 * @tail: number of slots claimed so far; producers compete for it
 * @head: number of slots freed so far; written by the consumer
 * @slots: number of slots, a power of two
 * @slot_size: size of a slot in bytes
 * @mem: memory of the slots
 */
struct ksig_notice_ring {
	atomic_t tail;
	u32 head;
	u32 slots;
	u32 slot_size;
	void *mem;
};

int ksig_notice_ring_init(struct ksig_notice_ring *r, u32 event_size,
			  size_t bytes);
void ksig_notice_ring_destroy(struct ksig_notice_ring *r);
bool ksig_notice_ring_put(struct ksig_notice_ring *r,
			  const struct ksig_notice *n, u64 now, u64 net_cookie,
			  u64 skipped);
struct ksig_notice_slot *ksig_notice_ring_peek(const struct ksig_notice_ring *r);
void ksig_notice_ring_next(struct ksig_notice_ring *r);

/* Check that the ring contains no events, not even events that are still being written. */
static inline bool ksig_notice_ring_is_empty(const struct ksig_notice_ring *r)
{
	return atomic_read(&r->tail) == READ_ONCE(r->head);
}

/* Drop an event's references to pids. Context: any context that permits put_pid(). */
void ksig_notice_put_pids(const struct ksig_notice *n);

#endif /* KSIG_NOTICE_RING_H */
