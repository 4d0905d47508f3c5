// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fanout: serves a channel's subscriptions that emitters don't serve themselves.
 *
 * An emit offers its event to a limited number of subscriptions. If the channel has more
 * subscriptions, the emit also puts a copy of the event into a ring. A worker offers the copies to
 * the other subscriptions, in the order of the emits and with the times of the emits. If the ring
 * is full, the event is skipped, and it remains unknown which filters it would have passed. Each
 * of the other subscriptions therefore counts the event as skipped rather than lost.
 * ksig_stats.skipped is an upper bound on the number of events lost in this way.
 */
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "fanout.h"
#include "notice_ring.h"
#include "offer.h"

#define KSIG_FANOUT_BYTES	(256 * 1024)

/**
 * struct ksig_fanout - a ring of events, and the subscriptions that are offered these events
 * @ring: the events
 * @skipped: number of events skipped because @ring was full
 * @irq_work: queues @work if the emitter's context does not permit that
 * @work: offers the events in @ring to the subscriptions
 * @lock: protects @subs and keeps the subscriptions on it from being freed
 * @subs: the subscriptions in the order in which they were opened
 */
struct ksig_fanout {
	struct ksig_notice_ring ring;
	atomic64_t skipped;
	struct irq_work irq_work;
	struct work_struct work;
	struct mutex lock;
	struct list_head subs;
};

/**
 * ksig_fanout_put() - leave an event to the worker
 * @f: the fanout of the channel
 * @n: the event
 * @now: time of the event
 * @net_cookie: cookie of the network namespace in which the event happened, or 0
 * @skipped: number of events that the channel has skipped for all subscriptions
 *
 * Context: any except NMI, RCU read-side section.
 *
 * Return: false if the event is skipped because the ring is full.
 */
bool ksig_fanout_put(struct ksig_fanout *f, const struct ksig_notice *n,
		     u64 now, u64 net_cookie, u64 skipped)
{
	skipped += atomic64_read(&f->skipped);
	if (!ksig_notice_ring_put(&f->ring, n, now, net_cookie, skipped)) {
		atomic64_inc(&f->skipped);
		return false;
	}
	if (ksig_notify_allowed())
		queue_work(ksig_wq, &f->work);
	else
		irq_work_queue(&f->irq_work);
	return true;
}

/*
 * Queue an event in each subscription. Waking readers and sending signals is left to each user's
 * backlog, because these cost far more and must not delay events for other users.
 */
static void ksig_fanout_offer(struct ksig_fanout *f,
			      struct ksig_notice_slot *slot, u32 index)
{
	/* the budget is 0, so no subscription is notified here */
	struct ksig_emission em = {
		.n = &slot->n, .now = slot->now, .skipped = slot->skipped,
	};
	struct ksig_sub *sub;

	mutex_lock(&f->lock);
	list_for_each_entry(sub, &f->subs, node) {
		if (sub->fanout_joining && (s32)(index - sub->fanout_from) < 0)
			continue;
		sub->fanout_joining = false;
		rcu_read_lock();
		if (ksig_sub_in_namespaces(sub, slot->n.pid, slot->net_cookie))
			ksig_sub_offer(sub, &em);
		rcu_read_unlock();
		cond_resched();
	}
	mutex_unlock(&f->lock);
}

/*
 * Offer at most as many events as the ring has slots, then requeue the work, because a burst may
 * never end.
 */
static void ksig_fanout_run(struct work_struct *work)
{
	struct ksig_fanout *f = container_of(work, struct ksig_fanout, work);
	struct ksig_notice_slot *slot;
	u32 n;

	for (n = 0; n < f->ring.slots; n++) {
		slot = ksig_notice_ring_peek(&f->ring);
		if (!slot)
			return;
		ksig_fanout_offer(f, slot, f->ring.head);
		ksig_notice_put_pids(&slot->n);
		ksig_notice_ring_next(&f->ring);
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
 * ksig_fanout_flush() - wait until all events put before the call have been offered
 * @f: the fanout of the channel
 *
 * Context: process, may sleep.
 */
void ksig_fanout_flush(struct ksig_fanout *f)
{
	u32 tail = atomic_read(&f->ring.tail);

	/* acquire: the events were offered; pairs with ksig_notice_ring_next() */
	while ((s32)(smp_load_acquire(&f->ring.head) - tail) < 0) {
		irq_work_sync(&f->irq_work);
		flush_work(&f->work);
		/* an emitter may be writing a slot at this moment */
		cond_resched();
	}
}

/* ------------------------------------------------------------- subscriptions */

/**
 * ksig_fanout_join() - add a subscription
 * @f: the fanout of the channel
 * @sub: a subscription that is not on any list
 *
 * The subscription is offered the events that are emitted from now on.
 *
 * Context: process, may sleep.
 */
void ksig_fanout_join(struct ksig_fanout *f, struct ksig_sub *sub)
{
	mutex_lock(&f->lock);
	sub->rear_skipped = &f->skipped;
	sub->fanout_joining = true;
	sub->fanout_from = atomic_read(&f->ring.tail);
	sub->skipped_before = ksig_sub_skipped(sub);
	sub->skipped_seen = sub->skipped_before;
	list_add_tail(&sub->node, &f->subs);
	mutex_unlock(&f->lock);
}

/* Undo ksig_fanout_join(). No event is offered to the subscription after this returns. */
void ksig_fanout_leave(struct ksig_fanout *f, struct ksig_sub *sub)
{
	mutex_lock(&f->lock);
	list_del(&sub->node);
	mutex_unlock(&f->lock);
}

/* Hang up all subscriptions. The ring must be empty. Context: process. */
void ksig_fanout_hup(struct ksig_fanout *f)
{
	struct ksig_sub *sub;

	mutex_lock(&f->lock);
	list_for_each_entry(sub, &f->subs, node)
		ksig_sub_hup(sub);
	mutex_unlock(&f->lock);
}

/* ----------------------------------------------------------------- lifetime */

/**
 * ksig_fanout_create() - create a fanout for a channel with many subscriptions
 * @event_size: size of the channel's records
 *
 * Context: process, may sleep.
 *
 * Return: the fanout, to be freed with ksig_fanout_free(); NULL if memory can't be allocated.
 */
struct ksig_fanout *ksig_fanout_create(u32 event_size)
{
	struct ksig_fanout *f = kzalloc_obj(*f, GFP_KERNEL_ACCOUNT);

	if (!f)
		return NULL;
	if (ksig_notice_ring_init(&f->ring, event_size, KSIG_FANOUT_BYTES)) {
		kfree(f);
		return NULL;
	}
	mutex_init(&f->lock);
	INIT_LIST_HEAD(&f->subs);
	init_irq_work(&f->irq_work, ksig_fanout_on_irq_work);
	INIT_WORK(&f->work, ksig_fanout_run);
	return f;
}

/*
 * Free a fanout that has no subscriptions and no emitters left. NULL is ignored. Context:
 * process, may sleep.
 */
void ksig_fanout_free(struct ksig_fanout *f)
{
	if (!f)
		return;
	/* the worker may still be returning after the last event */
	irq_work_sync(&f->irq_work);
	flush_work(&f->work);
	ksig_notice_ring_destroy(&f->ring);
	kfree(f);
}
