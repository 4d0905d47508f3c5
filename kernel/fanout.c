// SPDX-License-Identifier: GPL-2.0-only
/*
 * The subscriptions of a channel that emitters don't serve themselves.
 *
 * An emit offers its event to a bounded number of subscriptions. If there are more,
 * it leaves a copy here, in a ring that any context may write to, and a worker
 * offers that to the others: in the order of the emits, and with the time of the
 * emit. When the ring is full the event is skipped: nobody can say afterwards which
 * filters it would have passed, so that each of these subscriptions counts it in
 * ksig_stats.skipped, an upper bound, and not as lost.
 */
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "ksig.h"

/* A ring's size, whatever the size of the channel's events. */
#define KSIG_FANOUT_BYTES	(256 * 1024)

/**
 * struct ksig_fanout_slot - a copy of an event
 * @ready: it is complete; the worker's to use
 * @n: the event; its pids are references, its data is @data, its net is NULL
 * @net_cookie: of the network namespace in which it happened, or 0
 * @now: its time
 * @skipped: how many events had been skipped by then
 * @data: what the notice's data pointed at
 */
struct ksig_fanout_slot {
	u32 ready;
	struct ksig_notice n;
	u64 net_cookie;
	u64 now;
	u64 skipped;
	u64 data[];
};

/**
 * struct ksig_fanout - a channel's ring, and the subscriptions behind it
 * @tail: slots taken; emitters compete for it
 * @head: slots given back; the worker's
 * @slots: a power of two
 * @slot_size: bytes
 * @skipped: events that found the ring full
 * @irq_work: queues @work where an emitter can't
 * @work: offers what is in the ring to the subscriptions
 * @lock: protects @subs, and keeps them from being freed
 * @subs: in the order in which they were opened
 * @ring: the slots
 */
struct ksig_fanout {
	atomic_t tail;
	u32 head;
	u32 slots;
	u32 slot_size;
	atomic64_t skipped;
	struct irq_work irq_work;
	struct work_struct work;
	struct mutex lock;
	struct list_head subs;
	void *ring;
};

static struct ksig_fanout_slot *ksig_fanout_slot(const struct ksig_fanout *f,
						 u32 index)
{
	return f->ring + (size_t)(index & (f->slots - 1)) * f->slot_size;
}

/* ----------------------------------------------------------------- emitting */

static void ksig_fanout_copy(struct ksig_fanout_slot *slot,
			     const struct ksig_notice *n)
{
	slot->n = *n;
	slot->n.net = NULL;
	slot->n.data = slot->data;
	memcpy(slot->data, n->data, n->len);
	if (!n->pid)
		return;
	get_pid(n->pid);
	get_pid(n->related[0]);
	get_pid(n->related[1]);
}

/**
 * ksig_fanout_put() - leave an event to the worker
 * @f: the channel's
 * @n: the event
 * @now: its time
 * @net_cookie: of the network namespace in which it happened, or 0
 *
 * Context: any, RCU read-side section.
 *
 * Return: false: the ring is full, and the event is skipped.
 */
bool ksig_fanout_put(struct ksig_fanout *f, const struct ksig_notice *n,
		     u64 now, u64 net_cookie)
{
	struct ksig_fanout_slot *slot;
	unsigned long flags;
	u32 index;

	/* a slot that is taken holds up all behind it: complete it at once */
	local_irq_save(flags);
	/* pairs with the release of head in ksig_fanout_run() */
	if (!ksig_claim(&f->tail, &f->head, f->slots, &index)) {
		local_irq_restore(flags);
		atomic64_inc(&f->skipped);
		return false;
	}
	slot = ksig_fanout_slot(f, index);
	ksig_fanout_copy(slot, n);
	slot->net_cookie = net_cookie;
	slot->now = now;
	slot->skipped = atomic64_read(&f->skipped);
	/* complete: pairs with the acquire in ksig_fanout_run() */
	smp_store_release(&slot->ready, 1);
	local_irq_restore(flags);
	if (ksig_may_tell())
		queue_work(ksig_wq, &f->work);
	else
		irq_work_queue(&f->irq_work);
	return true;
}

/* ------------------------------------------------------------------- worker */

/*
 * Put an event into the queues. Readers are woken, and signals sent, by each user's
 * backlog: that costs far more, and is not to hold up other users' events.
 */
static void ksig_fanout_offer(struct ksig_fanout *f,
			      struct ksig_fanout_slot *slot, u32 index)
{
	struct ksig_sub *sub;
	int left = 0;

	mutex_lock(&f->lock);
	list_for_each_entry(sub, &f->subs, node) {
		if (sub->rear_waits && (s32)(index - sub->rear_from) < 0)
			continue;
		sub->rear_waits = false;
		if (slot->skipped > sub->skipped_seen)
			sub->mark = KSIG_EVENT_LOST_UPTO;
		sub->skipped_seen = max(slot->skipped, sub->skipped_seen);
		rcu_read_lock();
		if (ksig_sub_sees(sub, slot->n.pid, slot->net_cookie) &&
		    ksig_queue_offer(sub, &slot->n, slot->now, &left))
			sub->mark = 0;
		rcu_read_unlock();
		left = 0;
		cond_resched();
	}
	mutex_unlock(&f->lock);
}

/* No more than the ring holds at a time: a storm may have no end. */
static void ksig_fanout_run(struct work_struct *work)
{
	struct ksig_fanout *f = container_of(work, struct ksig_fanout, work);
	struct ksig_fanout_slot *slot;
	u32 n;

	for (n = 0; n < f->slots; n++) {
		slot = ksig_fanout_slot(f, f->head);
		/* pairs with the release in ksig_fanout_put() */
		if (!smp_load_acquire(&slot->ready))
			return;
		ksig_fanout_offer(f, slot, f->head);
		if (slot->n.pid) {
			put_pid(slot->n.pid);
			put_pid(slot->n.related[0]);
			put_pid(slot->n.related[1]);
		}
		slot->ready = 0;
		/* the slot is free: pairs with the acquire in ksig_claim() */
		smp_store_release(&f->head, f->head + 1);
		cond_resched();
	}
	queue_work(ksig_wq, &f->work);
}

static void ksig_fanout_on_irq_work(struct irq_work *work)
{
	struct ksig_fanout *f = container_of(work, struct ksig_fanout, irq_work);

	queue_work(ksig_wq, &f->work);
}

/**
 * ksig_fanout_flush() - wait until what has been emitted is offered
 * @f: the channel's
 *
 * What is emitted meanwhile may not be.
 *
 * Context: process, may sleep.
 */
void ksig_fanout_flush(struct ksig_fanout *f)
{
	u32 tail = atomic_read(&f->tail);

	do {
		irq_work_sync(&f->irq_work);
		flush_work(&f->work);
		/* an emitter may just be completing a slot */
		cond_resched();
	} while ((s32)(READ_ONCE(f->head) - tail) < 0);
}

/* ------------------------------------------------------------- subscriptions */

/**
 * ksig_fanout_join() - add a subscription
 * @f: the channel's
 * @sub: on no list
 *
 * It is offered what is emitted from now on.
 *
 * Context: process, may sleep.
 */
void ksig_fanout_join(struct ksig_fanout *f, struct ksig_sub *sub)
{
	mutex_lock(&f->lock);
	sub->rear = true;
	sub->rear_waits = true;
	sub->rear_from = atomic_read(&f->tail);
	sub->skipped_before = atomic64_read(&f->skipped);
	sub->skipped_seen = sub->skipped_before;
	list_add_tail(&sub->node, &f->subs);
	mutex_unlock(&f->lock);
}

/* Undoes ksig_fanout_join(): no event reaches it any more. */
void ksig_fanout_leave(struct ksig_fanout *f, struct ksig_sub *sub)
{
	mutex_lock(&f->lock);
	list_del(&sub->node);
	mutex_unlock(&f->lock);
}

/* The channel is destroyed, and the ring is empty. Context: process. */
void ksig_fanout_hup(struct ksig_fanout *f)
{
	struct ksig_sub *sub;

	mutex_lock(&f->lock);
	list_for_each_entry(sub, &f->subs, node)
		ksig_sub_hup(sub);
	mutex_unlock(&f->lock);
}

/* How many events were skipped since a subscription joined. */
u64 ksig_fanout_skipped(const struct ksig_fanout *f, const struct ksig_sub *sub)
{
	return atomic64_read(&f->skipped) - READ_ONCE(sub->skipped_before);
}

/* ----------------------------------------------------------------- lifetime */

/**
 * ksig_fanout_create() - what a channel needs to have many subscriptions
 * @event_size: of the channel's records
 *
 * Context: process, may sleep.
 *
 * Return: for ksig_fanout_free(); NULL: no memory.
 */
struct ksig_fanout *ksig_fanout_create(u32 event_size)
{
	struct ksig_fanout *f = kzalloc_obj(*f, GFP_KERNEL_ACCOUNT);

	if (!f)
		return NULL;
	f->slot_size = sizeof(struct ksig_fanout_slot) + event_size -
		       sizeof(struct ksig_event);
	f->slots = rounddown_pow_of_two(KSIG_FANOUT_BYTES / f->slot_size);
	f->ring = __vmalloc((size_t)f->slots * f->slot_size,
			    GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
	if (!f->ring) {
		kfree(f);
		return NULL;
	}
	mutex_init(&f->lock);
	INIT_LIST_HEAD(&f->subs);
	init_irq_work(&f->irq_work, ksig_fanout_on_irq_work);
	INIT_WORK(&f->work, ksig_fanout_run);
	return f;
}

/* The channel has no subscription left, and no emitter. */
void ksig_fanout_free(struct ksig_fanout *f)
{
	if (!f)
		return;
	vfree(f->ring);
	kfree(f);
}
