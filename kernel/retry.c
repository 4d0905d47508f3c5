// SPDX-License-Identifier: GPL-2.0-only
/*
 * Visits by the backlog's worker. If the target can accept signals again, a visit delivers the
 * records that emitters left undelivered. A visit also checks whether a doorbell was flushed.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "deliver.h"

#define KSIG_BACKOFF_MAX	NSEC_PER_SEC

/*
 * Let emitters deliver again, because all records have been delivered.
 *
 * Return: false if the worker must continue, because a record or doorbell has been added since it
 * found none.
 */
static bool ksig_deliver_resume(struct ksig_delivery *d)
{
	struct ksig_arm_state *arm = ksig_arm_locked(d);

	lockdep_assert_held(&d->lock);
	if (!arm)
		return true;
	WRITE_ONCE(d->deliver_inline, !arm->target.scan_cost);
	WRITE_ONCE(d->stalled, false);
	/*
	 * Order the store to stalled before the load of tail or doorbell_pending. Pairs
	 * with the barrier in ksig_ring_commit(), after which an emitter loads stalled.
	 * Either the emitter delivers its record, or this function finds the record.
	 */
	smp_mb();
	if (!READ_ONCE(d->ring->hup) &&
	    (!ksig_ring_count(d->ring, NULL) ||
	     (arm->doorbell && !READ_ONCE(d->doorbell_pending))))
		return true;
	WRITE_ONCE(d->stalled, true);
	return false;
}

static void ksig_visit_note_full(struct ksig_visit *visit,
				 const struct ksig_target *t, bool checked)
{
	if (READ_ONCE(t->awaits) != KSIG_AWAIT_TARGET)
		return;
	visit->full_checked = checked;
	visit->full_pid = t->pid;
	visit->full_signo = t->signo;
	visit->full_process = t->process;
	visit->full_max = t->max_pending;
}

static u64 ksig_back_off(struct ksig_delivery *d, u64 first)
{
	struct ksig_arm_state *arm = ksig_arm_locked(d);

	lockdep_assert_held(&d->lock);
	if (!arm)
		return 0;
	arm->backoff = clamp_t(u64, 2 * arm->backoff, first, KSIG_BACKOFF_MAX);
	return arm->backoff;
}

/*
 * Send as many signals as the target accepts.
 *
 * Return: nanoseconds until the next visit; 0 for an immediate visit; KSIG_NEVER if nothing is
 * left to send.
 */
static u64 ksig_visit_deliver(struct ksig_delivery *d, struct ksig_visit *visit)
{
	struct ksig_arm_state *arm;
	u64 delay = KSIG_NEVER;
	unsigned long flags;
	int spent = 0, ret;

	do {
		spin_lock_irqsave(&d->lock, flags);
		arm = ksig_arm_locked(d);
		if (!spent && arm)
			ksig_target_note(&arm->target);
		ret = ksig_deliver_one(d, 0);
		/* charge the cost of the check, unless the subscription was disarmed */
		if (arm && arm == ksig_arm_locked(d)) {
			visit->credit -= arm->target.scan_cost;
			if (ret == -EAGAIN)
				ksig_visit_note_full(visit, &arm->target, true);
		}
		if (ret >= 0)
			visit->room = true;
		else
			visit->credit--;
		if (!ret && !ksig_deliver_resume(d))
			ret = 1;
		spent += max(ret, 0);
		if (ret > 0)
			delay = 0;
		else if (ret == -EAGAIN)
			/* a target that has just accepted signals may soon accept more */
			delay = spent ? KSIG_TICK / 4 : KSIG_TICK;
		else if (ret)
			delay = ksig_back_off(d, KSIG_TICK);
		else
			delay = KSIG_NEVER;
		spin_unlock_irqrestore(&d->lock, flags);
	} while (ret > 0 && spent < KSIG_VISIT_SIGNALS && visit->credit > 0);
	return delay;
}

/*
 * Check whether it is certain that the target can't accept a signal yet. This takes none of the
 * target's locks, because 500 waiting subscriptions may be visited 100 times per second. RCU keeps
 * the arm state and the target's pid from being freed.
 *
 * Return: as ksig_deliver_visit(); 0 if the target has to be checked.
 */
static u64 ksig_visit_still_full(struct ksig_delivery *d,
				 struct ksig_visit *visit)
{
	struct ksig_arm_state *arm = rcu_dereference(d->arm);
	struct ksig_target *t;
	unsigned long flags;

	if (!arm)
		return 0;
	t = &arm->target;
	if (visit->full_pid == t->pid && visit->full_signo == t->signo &&
	    visit->full_process == t->process &&
	    t->max_pending <= visit->full_max) {
		if (visit->full_checked)
			t->noted_at = jiffies;
		if (unlikely(!READ_ONCE(d->target_full))) {
			spin_lock_irqsave(&d->lock, flags);
			ksig_deliver_hold(d, -EAGAIN);
			spin_unlock_irqrestore(&d->lock, flags);
		}
		return KSIG_BEHIND;
	}
	if (!ksig_target_unchanged(t))
		return 0;
	ksig_visit_note_full(visit, t, false);
	return KSIG_TICK;
}

/*
 * Check a doorbell that was sent. If no record has been consumed since then and the signal is no
 * longer pending, the target may have flushed the signal, so the doorbell is sent again. A slow
 * reader may therefore receive one signal more than necessary.
 *
 * Return: nanoseconds until the next check; 0 to send the doorbell now; KSIG_NEVER if no check
 * is needed.
 */
static u64 ksig_check_doorbell(struct ksig_delivery *d)
{
	struct ksig_arm_state *arm;
	unsigned long flags;
	u64 delay;
	u32 head;

	spin_lock_irqsave(&d->lock, flags);
	arm = ksig_arm_locked(d);
	if (!arm || !d->rung || !ksig_ring_count(d->ring, &head) ||
	    head != d->rung_head) {
		WRITE_ONCE(d->rung, false);
		if (arm)
			arm->backoff = 0;
		delay = KSIG_NEVER;
	} else if (time_before(jiffies, d->rung_at +
			       msecs_to_jiffies(KSIG_RING_CHECK_MS))) {
		/* another doorbell was sent less than KSIG_RING_CHECK_MS ago */
		delay = KSIG_RING_CHECK;
	} else if (ksig_target_pending(&arm->target)) {
		delay = ksig_back_off(d, 2 * KSIG_RING_CHECK);
	} else {
		WRITE_ONCE(d->doorbell_pending, true);
		WRITE_ONCE(d->stalled, true);
		delay = 0;
	}
	spin_unlock_irqrestore(&d->lock, flags);
	return delay;
}

/**
 * ksig_deliver_visit() - deliver the records that emitters left to the backlog's worker
 * @d: the delivery
 * @visit: the current run of the worker
 *
 * Context: process, RCU read-side section. The backlog's lock excludes other visits.
 *
 * Return: nanoseconds until the next visit; 0 for an immediate visit; KSIG_NEVER if no visit
 * is needed.
 */
u64 ksig_deliver_visit(struct ksig_delivery *d, struct ksig_visit *visit)
{
	bool stalled = READ_ONCE(d->stalled);
	struct ksig_arm_state *arm;
	unsigned long flags;
	u64 delay;

	if (stalled)
		delay = ksig_visit_still_full(d, visit);
	else if (READ_ONCE(d->rung))
		delay = ksig_check_doorbell(d);
	else
		return KSIG_NEVER;
	if (!delay)
		delay = ksig_visit_deliver(d, visit);
	else
		return delay;
	if (delay != KSIG_NEVER)
		return delay;
	spin_lock_irqsave(&d->lock, flags);
	arm = ksig_arm_locked(d);
	if (!stalled)
		delay = ksig_back_off(d, 2 * KSIG_RING_CHECK);
	else if (arm)
		arm->backoff = 0;
	if (stalled && d->rung)
		delay = KSIG_RING_CHECK;
	spin_unlock_irqrestore(&d->lock, flags);
	return delay;
}

