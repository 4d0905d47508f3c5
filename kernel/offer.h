/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Offers an event to a subscription, as a record in the subscription's ring or as a signal. The
 * functions are inline because every emit runs them for every subscription, and a call would
 * increase the cost by a sixth.
 */
#ifndef KSIG_OFFER_H
#define KSIG_OFFER_H

#include <linux/pid.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "channel.h"
#include "subscription.h"

/**
 * struct ksig_emission - an event that is being offered to subscriptions
 * @n: the event
 * @now: time of the event; 0: the clock was not read yet, see ksig_emission_time()
 * @skipped: number of events skipped so far. Each of them may have matched a subscription's
 *	filter
 * @budget: number of subscriptions that may still be notified in this context
 */
struct ksig_emission {
	const struct ksig_notice *n;
	u64 now;
	u64 skipped;
	int budget;
};

/**
 * ksig_emission_time() - get the time of an event
 * @em: the event
 *
 * Context: any except NMI.
 *
 * Return: CLOCK_MONOTONIC time in nanoseconds, the same for all subscriptions.
 */
static __always_inline u64 ksig_emission_time(struct ksig_emission *em)
{
	if (!em->now)
		em->now = ktime_get_ns();
	return em->now;
}

static inline u64 ksig_sub_subject(const struct ksig_sub *sub,
				   const struct ksig_notice *n)
{
	return n->pid ? pid_nr_ns(n->pid, sub->pid_ns) : n->subject;
}

/* Write a record, except for seq and lost_before. */
static __always_inline void ksig_sub_write(const struct ksig_sub *sub,
					   struct ksig_event *ev,
					   const struct ksig_notice *n, u64 now,
					   u32 flags)
{
	const struct ksig_chan *chan = sub->chan;
	u32 room = chan->event_size - sizeof(*ev);
	u64 *data = (u64 *)ev->data;

	ev->time_ns = now + sub->time_offset;
	ev->value = n->value;
	ev->subject = ksig_sub_subject(sub, n);
	ev->type = n->type;
	ev->len = n->len;
	ev->flags = flags;
	if (likely(!n->len && room == 2 * sizeof(*data))) {
		/* fast path: clear two words without a call */
		data[0] = 0;
		data[1] = 0;
	} else {
		memcpy(ev->data, n->data, n->len);
		memset(ev->data + n->len, 0, room - n->len);
	}
	if (chan->fill)
		chan->fill(ev, n, sub->pid_ns);
}

/* Queue an event that has passed the filter @f. Return: true if the event was queued. */
static __always_inline bool ksig_sub_push(struct ksig_sub *sub,
					  const struct ksig_filter *f,
					  struct ksig_emission *em)
{
	const struct ksig_filter *current_filter;
	struct ksig_ring *ring = &sub->ring;
	struct ksig_event *ev = NULL;
	bool wanted, marked;
	unsigned long flags;

	ksig_emission_time(em);
	raw_spin_lock_irqsave(&ring->lock, flags);
	/* KSIG_IOC_SUBSCRIBE may have replaced the filter since it was read */
	current_filter = rcu_dereference(sub->filter);
	wanted = likely(current_filter == f) || !current_filter ||
		 ksig_filter_match(current_filter, em->n);
	if (likely(wanted))
		ev = ksig_ring_reserve(ring);
	if (likely(ev)) {
		marked = unlikely(em->skipped > sub->skipped_seen);
		if (marked)
			sub->skipped_seen = em->skipped;
		ksig_sub_write(sub, ev, em->n, em->now,
			       marked ? KSIG_EVENT_LOST_UPTO : 0);
		if (ksig_ring_commit(ring, ev, ring->offered +
				     READ_ONCE(sub->delivery.direct)))
			WRITE_ONCE(sub->delivery.doorbell_pending, true);
	} else if (wanted) {
		ksig_sub_count_lost(sub);
	}
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return ev;
}

/*
 * Send an event as a signal if it needs no record. The event has passed the filter @f, and the
 * subscription may be armed with KSIG_MODE_EACH.
 *
 * Return: false if the event must be queued as a record.
 */
static __always_inline bool ksig_sub_send(struct ksig_sub *sub,
					  const struct ksig_filter *f,
					  struct ksig_emission *em)
{
	struct ksig_delivery *d = &sub->delivery;
	const struct ksig_arm_state *armed;

	/* chan->fill() writes into a record, and a SIGIO handler expects to find a record */
	if (!READ_ONCE(d->deliver_inline) || em->budget <= 0 ||
	    sub->chan->fill || READ_ONCE(sub->fasync) || !ksig_notify_allowed())
		return false;
	/*
	 * A process that sleeps in poll(2) expects to find a record as well. No barrier is
	 * needed, because processes that go to sleep later don't wait for this event.
	 */
	if (waitqueue_active(&sub->wait))
		return false;
	/* other subscriptions' records must not have a time later than the signal */
	if (READ_ONCE(sub->chan->pub.subscribers) > 1)
		ksig_emission_time(em);
	armed = rcu_access_pointer(d->arm);
	/*
	 * Load d->arm before the filter. The filter is not replaced while the
	 * subscription is armed. Pairs with rcu_assign_pointer() in
	 * ksig_arm_replace(). ksig_deliver_direct() checks under the lock that d->arm
	 * has not changed.
	 */
	smp_rmb();
	if (unlikely(rcu_access_pointer(sub->filter) != f) ||
	    !ksig_deliver_direct(d, armed, ksig_sub_subject(sub, em->n),
				 em->n->value))
		return false;
	em->budget--;
	return true;
}

/**
 * ksig_sub_offer() - offer an event to a subscription
 * @sub: the subscription
 * @em: the event
 *
 * Context: any except NMI, RCU read-side section.
 *
 * Return: true if the event was delivered or queued.
 */
static __always_inline bool ksig_sub_offer(struct ksig_sub *sub,
					   struct ksig_emission *em)
{
	const struct ksig_filter *f = rcu_dereference(sub->filter);
	bool queued;

	if (unlikely(f) && !ksig_filter_match(f, em->n))
		return false;
	if (unlikely(READ_ONCE(sub->ring.claimed)) && ksig_sub_send(sub, f, em))
		return true;
	queued = ksig_sub_push(sub, f, em);
	if (unlikely(ksig_sub_needs_notify(sub)))
		ksig_sub_notify(sub, em->budget-- > 0);
	return queued;
}

#endif /* KSIG_OFFER_H */
