// SPDX-License-Identifier: GPL-2.0-only
/* Stores copies of events that will be offered to subscriptions later, in another context. */
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "notice_ring.h"

static struct ksig_notice_slot *
ksig_notice_slot(const struct ksig_notice_ring *r, u32 index)
{
	return r->mem + (size_t)(index & (r->slots - 1)) * r->slot_size;
}

/**
 * ksig_notice_ring_init() - allocate the slots
 * @r: zeroed memory
 * @event_size: size of the channel's records
 * @bytes: maximum size of the ring, unless the minimum of four slots needs more
 *
 * Context: process, may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int ksig_notice_ring_init(struct ksig_notice_ring *r, u32 event_size,
			  size_t bytes)
{
	r->slot_size = sizeof(struct ksig_notice_slot) + event_size -
		       sizeof(struct ksig_event);
	r->slots = max_t(u32, 4, rounddown_pow_of_two(bytes / r->slot_size));
	r->mem = kvzalloc((size_t)r->slots * r->slot_size,
			  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return r->mem ? 0 : -ENOMEM;
}

/* The ring must be empty and must not have producers or a consumer. */
void ksig_notice_ring_destroy(struct ksig_notice_ring *r)
{
	kvfree(r->mem);
}

/**
 * ksig_notice_ring_put() - copy an event into the ring
 * @r: the ring
 * @n: the event
 * @now: time of the event
 * @net_cookie: cookie of the network namespace in which the event happened, or 0
 * @skipped: number of events skipped so far
 *
 * Context: any.
 *
 * Return: false if the ring is full.
 */
bool ksig_notice_ring_put(struct ksig_notice_ring *r,
			  const struct ksig_notice *n, u64 now, u64 net_cookie,
			  u64 skipped)
{
	struct ksig_notice_slot *slot;
	unsigned long flags;
	u32 head, tail;

	/* disable interrupts, because a claimed slot blocks all later slots until it is complete */
	local_irq_save(flags);
	do {
		tail = atomic_read(&r->tail);
		/* acquire: the slot is free; pairs with ksig_notice_ring_next() */
		head = smp_load_acquire(&r->head);
		/* the ring is full, unless tail has changed between the two loads */
		if (tail - head >= r->slots && tail == atomic_read(&r->tail)) {
			local_irq_restore(flags);
			return false;
		}
	} while (atomic_cmpxchg(&r->tail, tail, tail + 1) != tail);
	slot = ksig_notice_slot(r, tail);
	slot->n = *n;
	slot->n.net = NULL;
	slot->n.data = slot->data;
	memcpy(slot->data, n->data, n->len);
	if (n->pid) {
		get_pid(n->pid);
		get_pid(n->related[0]);
		get_pid(n->related[1]);
	}
	slot->net_cookie = net_cookie;
	slot->now = now;
	slot->skipped = skipped;
	/* release: the slot is complete; pairs with ksig_notice_ring_peek() */
	smp_store_release(&slot->ready, 1);
	local_irq_restore(flags);
	return true;
}

/**
 * ksig_notice_ring_peek() - get the oldest event
 * @r: the ring
 *
 * Context: the caller must be the ring's consumer.
 *
 * Return: the event; NULL if the ring is empty, or a producer is still writing the event.
 */
struct ksig_notice_slot *ksig_notice_ring_peek(const struct ksig_notice_ring *r)
{
	struct ksig_notice_slot *slot = ksig_notice_slot(r, r->head);

	/* pairs with the release in ksig_notice_ring_put() */
	return smp_load_acquire(&slot->ready) ? slot : NULL;
}

/**
 * ksig_notice_ring_next() - remove the oldest event and free its slot
 * @r: the ring
 *
 * Context: the caller must be the ring's consumer, and must have taken over the event's references
 * to pids.
 */
void ksig_notice_ring_next(struct ksig_notice_ring *r)
{
	ksig_notice_slot(r, r->head)->ready = 0;
	/* release: the event was offered; pairs with ksig_notice_ring_put() and the flushes */
	smp_store_release(&r->head, r->head + 1);
}

void ksig_notice_put_pids(const struct ksig_notice *n)
{
	if (!n->pid)
		return;
	put_pid(n->pid);
	put_pid(n->related[0]);
	put_pid(n->related[1]);
}
