// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emitting: offers an event to the channel's subscriptions.
 *
 * An NMI must not take locks that the interrupted code may hold. Therefore the NMI stores a copy of
 * the event in the channel's stash, and an irq_work offers the copy. To preserve the order, other
 * emitters offer the events in the stash before their own event.
 */
#include <linux/export.h>
#include <linux/hardirq.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/timekeeping.h>

#include "channel.h"
#include "fanout.h"
#include "offer.h"
#include "trace.h"

/* Size of a stash in bytes: enough for 128 events of 64 bytes, or 4 of the maximum size. */
#define KSIG_STASH_BYTES	16384
/* Number of stashed events that an emitter offers; the irq_work offers the rest. */
#define KSIG_STASH_INLINE	8

/*
 * Offer the oldest event in the stash to all subscriptions, without notifying them.
 *
 * Return: false if the stash is empty or the oldest event is still being written.
 */
static bool ksig_stash_take_one(struct ksig_chan *chan)
{
	struct ksig_stash *stash = &chan->stash;
	const struct ksig_filter *f;
	struct ksig_notice_slot *slot;
	struct ksig_emission em;
	struct ksig_notice n;
	struct ksig_sub *sub;
	unsigned long flags;

	raw_spin_lock_irqsave(&stash->lock, flags);
	slot = ksig_notice_ring_peek(&stash->ring);
	if (!slot) {
		raw_spin_unlock_irqrestore(&stash->lock, flags);
		return false;
	}
	em = (struct ksig_emission){
		.n = &slot->n, .now = slot->now, .skipped = slot->skipped,
	};
	list_for_each_entry_rcu(sub, &chan->subs, node) {
		if (!ksig_sub_in_namespaces(sub, slot->n.pid, slot->net_cookie))
			continue;
		f = rcu_dereference(sub->filter);
		if (!f || ksig_filter_match(f, &slot->n))
			ksig_sub_push(sub, f, &em);
	}
	/* pairs with the release in ksig_join(): chan->fanout is set */
	if (unlikely(smp_load_acquire(&chan->rear)))
		ksig_fanout_put(chan->fanout, &slot->n, slot->now,
				slot->net_cookie, slot->skipped);
	n = slot->n;
	ksig_notice_ring_next(&stash->ring);
	raw_spin_unlock_irqrestore(&stash->lock, flags);
	/* drop the references after unlocking: put_pid() may free memory */
	ksig_notice_put_pids(&n);
	return true;
}

/*
 * Notify the subscriptions that have records.
 *
 * Context: RCU read-side section; ksig_notify_allowed() is true, or in the stash's irq_work.
 */
static void ksig_stash_notify(struct ksig_chan *chan, int *budget)
{
	struct ksig_sub *sub;

	list_for_each_entry_rcu(sub, &chan->subs, node) {
		if (ksig_ring_count(&sub->ring, NULL) &&
		    ksig_sub_needs_notify(sub))
			ksig_sub_notify(sub, (*budget)-- > 0);
	}
}

/*
 * Offer the events in the stash and notify the subscriptions. Offers at most as many events as
 * the stash has slots, because NMIs may continue to emit.
 *
 * Context: as ksig_stash_notify().
 */
static void ksig_stash_empty(struct ksig_chan *chan)
{
	int budget = KSIG_INLINE_NOTIFY;
	u32 n = chan->stash.ring.slots;

	while (n && ksig_stash_take_one(chan))
		n--;
	if (!n)
		irq_work_queue(&chan->stash.irq_work);
	ksig_stash_notify(chan, &budget);
}

/*
 * Try to offer all events in the stash. If this context does not permit notification, the
 * irq_work notifies the subscriptions. In this case events with pids are not offered, because
 * dropping the last reference to a pid frees the pid, which this context doesn't permit either.
 *
 * Return: false if the caller's event must be stashed because other events remain in the stash.
 * This happens if the stash contains too many events, if this context doesn't permit offering them,
 * or if an NMI on another cpu is still writing an event.
 */
static noinline bool ksig_stash_try_empty(struct ksig_chan *chan, int *budget)
{
	bool notify = ksig_notify_allowed();
	unsigned int n = KSIG_STASH_INLINE;

	if (in_nmi() || (!notify && chan->flags & KSIG_CHANNEL_PIDS))
		return false;
	while (n && ksig_stash_take_one(chan))
		n--;
	if (notify)
		ksig_stash_notify(chan, budget);
	return ksig_notice_ring_is_empty(&chan->stash.ring);
}

static void ksig_stash_on_irq_work(struct irq_work *work)
{
	struct ksig_chan *chan = container_of(work, struct ksig_chan,
					      stash.irq_work);

	rcu_read_lock();
	ksig_stash_empty(chan);
	rcu_read_unlock();
}

/* Add an event to the stash. Return: number of subscriptions, or 0 if the stash is full. */
static noinline int ksig_stash_put(struct ksig_chan *chan,
				   const struct ksig_notice *n, u64 net_cookie)
{
	/* an NMI can't use ktime_get_ns(), because it may have interrupted a clock update */
	u64 now = in_nmi() ? ktime_get_mono_fast_ns() : ktime_get_ns();
	u64 skipped = atomic64_read(&chan->skipped);

	if (!ksig_notice_ring_put(&chan->stash.ring, n, now, net_cookie,
				  skipped)) {
		atomic64_inc(&chan->skipped);
		return 0;
	}
	irq_work_queue(&chan->stash.irq_work);
	return READ_ONCE(chan->pub.subscribers);
}

/* @local: only subscribers in certain pid or network namespaces are offered the event. */
static __always_inline int ksig_emit_to_all(struct ksig_chan *chan,
					    const struct ksig_notice *n,
					    bool local)
{
	struct ksig_emission em = { .n = n, .budget = KSIG_INLINE_NOTIFY };
	/* local copies, because the compiler would reload the members after each call */
	u32 type = n->type, len = n->len;
	int taken = -EINVAL;
	struct ksig_sub *sub;
	unsigned int rear;
	u64 net_cookie;

	/* covers the whole emit: ksig_channel_destroy() waits for emits before freeing chan */
	rcu_read_lock();
	if (unlikely(type >= chan->ntypes ||
		     len > chan->event_size - sizeof(struct ksig_event)))
		goto unlock;

	net_cookie = local && n->net ? ksig_net_cookie(n->net) : 0;
	if (unlikely(in_nmi() || !ksig_notice_ring_is_empty(&chan->stash.ring)) &&
	    !ksig_stash_try_empty(chan, &em.budget)) {
		taken = ksig_stash_put(chan, n, net_cookie);
		goto emitted;
	}
	taken = 0;
	em.skipped = atomic64_read(&chan->skipped);
	list_for_each_entry_rcu(sub, &chan->subs, node) {
		if (!local || ksig_sub_in_namespaces(sub, n->pid, net_cookie))
			taken += ksig_sub_offer(sub, &em);
	}
	/* pairs with the release in ksig_join(): chan->fanout is set */
	rear = smp_load_acquire(&chan->rear);
	if (unlikely(rear) &&
	    ksig_fanout_put(chan->fanout, n, ksig_emission_time(&em), net_cookie,
			    em.skipped))
		taken += rear;
emitted:
	this_cpu_inc(*chan->emitted);
	trace_ksig_emit(chan, n, taken);
unlock:
	rcu_read_unlock();
	return taken;
}

int __ksig_emit(struct ksig_channel *ch, const struct ksig_notice *n)
{
	return ksig_emit_to_all(container_of(ch, struct ksig_chan, pub), n,
				n->pid || n->net);
}
EXPORT_SYMBOL_GPL(__ksig_emit);

/* Builds the notice here, so that a driver's inline code stays small. */
int __ksig_emit_value(struct ksig_channel *ch, u32 type, u64 subject, u64 value)
{
	struct ksig_notice n;

	/* not an initializer, which would first clear the structure with "rep stos" */
	n.type = type;
	n.len = 0;
	n.subject = subject;
	n.value = value;
	n.pid = NULL;
	n.related[0] = NULL;
	n.related[1] = NULL;
	n.net = NULL;
	n.data = NULL;
	return ksig_emit_to_all(container_of(ch, struct ksig_chan, pub), &n,
				false);
}
EXPORT_SYMBOL_GPL(__ksig_emit_value);

/* ------------------------------------------------------------------- flushing */

/*
 * Wait until all events that were stashed before the call have been offered. Context: process, may
 * sleep.
 */
void ksig_stash_flush(struct ksig_chan *chan)
{
	u32 tail = atomic_read(&chan->stash.ring.tail);

	/* acquire: the events were offered; pairs with ksig_notice_ring_next() */
	while ((s32)(smp_load_acquire(&chan->stash.ring.head) - tail) < 0) {
		rcu_read_lock();
		ksig_stash_empty(chan);
		rcu_read_unlock();
		/* an NMI on another cpu may be writing a slot at this moment */
		cond_resched();
	}
}

/**
 * ksig_channel_flush() - wait until all events emitted before the call have been offered
 * @chan: the channel
 * @sub: wait for this subscription only; NULL: for all subscriptions
 *
 * Context: process, may sleep.
 */
void ksig_channel_flush(struct ksig_chan *chan, const struct ksig_sub *sub)
{
	ksig_stash_flush(chan);
	if (sub ? !!sub->rear_skipped : !!chan->fanout)
		ksig_fanout_flush(chan->fanout);
}

/* Return: the number of events emitted while the channel had subscribers. */
u64 ksig_channel_emitted(const struct ksig_chan *chan)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(chan->emitted, cpu));
	return sum;
}

/* Set up an empty stash. Context: process, may sleep. Return: 0 or -ENOMEM. */
int ksig_stash_init(struct ksig_chan *chan)
{
	raw_spin_lock_init(&chan->stash.lock);
	init_irq_work(&chan->stash.irq_work, ksig_stash_on_irq_work);
	return ksig_notice_ring_init(&chan->stash.ring, chan->event_size,
				     KSIG_STASH_BYTES);
}
