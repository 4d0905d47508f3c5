// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signal delivery: sends the records of a ring as signals to the armed target.
 *
 * If delivering is cheap, emitters deliver queued records themselves. Otherwise the delivery
 * is stalled: emitters only queue records, and the worker of the user's backlog delivers
 * until no record is left. The delivery's lock serializes emitters, the worker and DISARM.
 * Signals are therefore sent one at a time in the ring's order, and no signal is sent once
 * @arm is NULL.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "deliver.h"

/* An emitter checks a target only if at most this many threads or pending signals are scanned. */
#define KSIG_INLINE_SCAN	64

/* --------------------------------------------------------- arming, disarming */

static bool ksig_arm_valid(const struct ksig_arm *a)
{
	if (a->signo < 1 || !valid_signal(a->signo) || a->tid < 0 ||
	    a->reserved || a->flags & ~(KSIG_ARM_PROCESS | KSIG_ARM_SUBJECT))
		return false;
	switch (a->mode) {
	case KSIG_MODE_EACH:
		return a->max_pending <= KSIG_PENDING_MAX && !a->value;
	case KSIG_MODE_DOORBELL:
		return a->max_pending <= 1 && !(a->flags & KSIG_ARM_SUBJECT);
	}
	return false;
}

/**
 * ksig_arm_create() - validate the settings and pin the target
 * @a: settings from user space
 *
 * Context: process, may sleep. Signals will be sent with current's credentials.
 *
 * Return: the state, to be passed to ksig_deliver_arm() or ksig_arm_destroy(); an ERR_PTR:
 * -EINVAL, -ESRCH, -EPERM (or another error of the security module), -ENOMEM.
 */
struct ksig_arm_state *ksig_arm_create(const struct ksig_arm *a)
{
	struct ksig_arm_state *arm;
	struct task_struct *task;
	struct pid *pid;
	int err = -ESRCH;

	if (!ksig_arm_valid(a))
		return ERR_PTR(-EINVAL);
	arm = kzalloc_obj(*arm, GFP_KERNEL_ACCOUNT);
	if (!arm)
		return ERR_PTR(-ENOMEM);
	arm->value = a->value;
	arm->doorbell = a->mode == KSIG_MODE_DOORBELL;
	arm->by_subject = a->flags & KSIG_ARM_SUBJECT;
	arm->target.signo = a->signo;
	/* SIGKILL and SIGSTOP always affect the whole process */
	arm->target.process = a->flags & KSIG_ARM_PROCESS ||
			      sig_kernel_only(a->signo);
	arm->target.persistent = true;
	/* standard signals do not queue: a second signal would be merged with the first */
	arm->target.max_pending = arm->doorbell || a->signo < SIGRTMIN ? 1 :
				  a->max_pending ?: KSIG_PENDING_DEFAULT;

	rcu_read_lock();
	/* keep the pid that was looked up, because exec may change task_pid(task) */
	pid = a->tid ? find_vpid(a->tid) : task_pid(current);
	task = pid_task(pid, PIDTYPE_PID);
	if (!task)
		pid = NULL;
	else if (arm->target.process)
		/* a process is pinned by the pid of its leader */
		pid = task_tgid(task);
	get_pid(pid);
	rcu_read_unlock();
	if (pid)
		err = ksig_target_init(&arm->target, pid);
	put_pid(pid);
	if (err) {
		kfree(arm);
		return ERR_PTR(err);
	}
	arm->watch.pid = arm->target.pid;
	err = ksig_target_check(&arm->target);
	if (err) {
		ksig_arm_destroy(arm);
		return ERR_PTR(err);
	}
	return arm;
}

/* The caller must have the only reference, or an RCU grace period must have passed. */
void ksig_arm_destroy(struct ksig_arm_state *arm)
{
	ksig_target_release(&arm->target);
	kfree(arm);
}

static void ksig_arm_on_rcu(struct rcu_head *rcu)
{
	ksig_arm_destroy(container_of(rcu, struct ksig_arm_state, rcu));
}

/* Passing NULL as @arm disarms. For KSIG_MODE_EACH, the caller must have claimed the ring. */
static void ksig_arm_replace(struct ksig_delivery *d, struct ksig_arm_state *arm)
{
	struct ksig_arm_state *old = ksig_arm_locked(d);

	lockdep_assert_held(&d->lock);
	ksig_exit_watch_replace(old ? &old->watch : NULL,
				arm ? &arm->watch : NULL);
	rcu_assign_pointer(d->arm, arm);
	if (old && !old->doorbell && (!arm || arm->doorbell))
		ksig_ring_release(d->ring);
	WRITE_ONCE(d->deliver_inline, arm);
	WRITE_ONCE(d->stalled, false);
	WRITE_ONCE(d->rung, false);
	/* the backlog's worker compares the target's members under RCU */
	if (old)
		call_rcu(&old->rcu, ksig_arm_on_rcu);
}

/*
 * Disarm, because the target has exited. Pollers are woken by the irq_work, because
 * kill_fasync() may wait for tasklist_lock, and the task that holds tasklist_lock may wait
 * for the delivery's lock in an emit.
 */
static void ksig_target_lost(struct ksig_delivery *d)
{
	lockdep_assert_held(&d->lock);
	ksig_arm_replace(d, NULL);
	WRITE_ONCE(d->target_gone, true);
	/* release: target_gone was set before; pairs with the xchg() in the irq_work */
	smp_store_release(&d->target_gone_notify, true);
	irq_work_queue(&d->irq_work);
}

/* Disarm the delivery if its target has exited. */
void ksig_deliver_check_target(struct ksig_delivery *d)
{
	struct ksig_arm_state *arm;
	unsigned long flags;

	spin_lock_irqsave(&d->lock, flags);
	arm = ksig_arm_locked(d);
	if (arm && ksig_target_gone(&arm->target))
		ksig_target_lost(d);
	spin_unlock_irqrestore(&d->lock, flags);
}

/**
 * ksig_deliver_arm() - start delivering by signal
 * @d: the delivery
 * @arm: from ksig_arm_create(); replaces the current settings
 *
 * Context: process. The caller must have called ksig_exit_watch_start().
 *
 * Return: 0; -ENODEV after hang-up; -EBUSY for KSIG_MODE_EACH if the ring is mapped.
 * On error nothing has changed, and the caller still owns @arm.
 */
int ksig_deliver_arm(struct ksig_delivery *d, struct ksig_arm_state *arm)
{
	unsigned long flags;
	int err;

	arm->watch.work = &d->irq_work;
	spin_lock_irqsave(&d->lock, flags);
	err = READ_ONCE(d->ring->hup) ? -ENODEV : 0;
	if (!err && !arm->doorbell)
		err = ksig_ring_claim(d->ring);
	if (!err) {
		ksig_arm_replace(d, arm);
		WRITE_ONCE(d->target_gone, false);
		/* also deliver records that are already queued */
		WRITE_ONCE(d->doorbell_pending, true);
	}
	spin_unlock_irqrestore(&d->lock, flags);
	if (err)
		return err;
	/*
	 * Order the store to d->arm before the checks of the target and the ring. Pairs with
	 * atomic_dec_and_test() in do_exit(), which comes between setting PF_EXITING
	 * and the exit probe, and with ksig_ring_commit().
	 */
	smp_mb();
	/* the exit watch doesn't report a target that exited before the watch was added */
	ksig_deliver_check_target(d);
	rcu_read_lock();
	ksig_deliver(d, KSIG_VISIT_SIGNALS);
	rcu_read_unlock();
	return 0;
}

/* No signal is sent after this returns. */
void ksig_deliver_disarm(struct ksig_delivery *d)
{
	unsigned long flags;

	spin_lock_irqsave(&d->lock, flags);
	ksig_arm_replace(d, NULL);
	WRITE_ONCE(d->target_gone, false);
	spin_unlock_irqrestore(&d->lock, flags);
}

/* ----------------------------------------------------------------- delivering */

/* Stop inline delivery: from now on only the backlog's worker delivers. */
static void ksig_deliver_stall(struct ksig_delivery *d)
{
	lockdep_assert_held(&d->lock);
	if (d->stalled)
		return;
	WRITE_ONCE(d->stalled, true);
	WRITE_ONCE(d->entry.urgent, true);
	ksig_backlog_add(&d->entry);
}

/* Count a signal as deferred, because it can't be sent now. Return: @err */
int ksig_deliver_hold(struct ksig_delivery *d, int err)
{
	lockdep_assert_held(&d->lock);
	/* -E2BIG means that the target was not checked */
	if (err != -E2BIG && !d->target_full) {
		WRITE_ONCE(d->target_full, true);
		atomic64_inc(&d->deferred);
	}
	return err;
}

/* Return: 0, or the error of ksig_target_send(). */
static int ksig_deliver_signal(struct ksig_delivery *d,
			       struct ksig_arm_state *arm, int error, u64 value)
{
	int err = ksig_target_send(&arm->target, error, value);

	lockdep_assert_held(&d->lock);
	if (unlikely(arm->target.scan_cost))
		WRITE_ONCE(d->deliver_inline, false);
	if (likely(!err)) {
		WRITE_ONCE(d->target_full, false);
		d->signals++;
	} else if (err == -E2BIG) {
		WRITE_ONCE(d->deliver_inline, false);
	}
	return err;
}

static u64 ksig_each_value(const struct ksig_arm_state *arm, u64 subject,
			   u64 value)
{
	return arm->by_subject ? subject << 32 | lower_32_bits(value) : value;
}

/* Return: as ksig_deliver_one(). */
static int ksig_deliver_record(struct ksig_delivery *d,
			       struct ksig_arm_state *arm,
			       const struct ksig_event *ev)
{
	u32 lost = ev->lost_before;
	bool more;
	int err;

	err = ksig_deliver_signal(d, arm, min_t(u32, lost, INT_MAX),
				  ksig_each_value(arm, ev->subject, ev->value));
	if (err == -EAGAIN || err == -E2BIG)
		return ksig_deliver_hold(d, err);
	if (err == -ESRCH) {
		ksig_target_lost(d);
		return 0;
	}
	more = ksig_ring_consume_one(d->ring, err) || READ_ONCE(d->ring->hup);
	/* the signal of the next event reports the loss instead */
	if (unlikely(err && lost))
		ksig_ring_restore_lost(d->ring, lost);
	return more ? 1 + arm->target.scan_cost : 0;
}

static int ksig_deliver_doorbell(struct ksig_delivery *d,
				 struct ksig_arm_state *arm)
{
	u32 head;
	int err;

	/*
	 * Clear doorbell_pending before the doorbell is sent, so that a record added
	 * after that requests another doorbell. The full barrier orders the store
	 * to doorbell_pending before the load of tail. Pairs with the barrier in
	 * ksig_ring_commit(): an emitter stores tail before the barrier and
	 * doorbell_pending after it. Either this function finds the emitter's record,
	 * or the emitter sets doorbell_pending later and it stays set.
	 */
	smp_store_mb(d->doorbell_pending, false);
	if (!ksig_ring_count(d->ring, &head))
		return 0;
	err = ksig_deliver_signal(d, arm, 0, arm->value);
	if (!err) {
		/* check later whether the target has flushed the signal without handling it */
		d->rung_at = jiffies;
		d->rung_head = head;
		WRITE_ONCE(d->rung, true);
		ksig_backlog_add_later(&d->entry, KSIG_RING_CHECK);
		return 0;
	}
	if (err == -ESRCH) {
		ksig_target_lost(d);
		return 0;
	}
	WRITE_ONCE(d->doorbell_pending, true);
	return ksig_deliver_hold(d, err);
}

/**
 * ksig_deliver_one() - send the next signal, if there is one to send
 * @d: the delivery; its lock is held
 * @scan_max: see struct ksig_target
 *
 * Context: as ksig_deliver().
 *
 * Return: the cost of this call, greater than 0, if there may be more to send (a signal to a
 * process with few threads costs 1); 0 if there is nothing more to send; -EAGAIN, -E2BIG or,
 * for a doorbell, another error of ksig_target_send(), if the call has to be repeated.
 */
int ksig_deliver_one(struct ksig_delivery *d, u32 scan_max)
{
	struct ksig_arm_state *arm = ksig_arm_locked(d);
	/* acquire: load hup before the ring, because hup is set after the last record */
	bool hup = smp_load_acquire(&d->ring->hup);
	const struct ksig_event *ev;
	int err;

	lockdep_assert_held(&d->lock);
	if (!arm)
		return 0;
	arm->target.scan_max = scan_max;
	ev = arm->doorbell ? NULL : ksig_ring_peek(d->ring);
	if (ev)
		return ksig_deliver_record(d, arm, ev);
	if (!hup)
		return READ_ONCE(d->doorbell_pending) && arm->doorbell ?
		       ksig_deliver_doorbell(d, arm) : 0;
	/* the last signal; dropped if the target is not ready */
	err = ksig_deliver_signal(d, arm, -ESHUTDOWN, arm->value);
	if (err == -EAGAIN || err == -E2BIG)
		return ksig_deliver_hold(d, err);
	if (err == -ESRCH)
		ksig_target_lost(d);
	else
		ksig_arm_replace(d, NULL);
	return 0;
}

/**
 * ksig_deliver_direct() - deliver an event without a record
 * @d: the delivery
 * @armed: value of @d->arm when the event passed the filter; only compared
 * @subject: subject of the event
 * @value: value of the event
 *
 * Context: as ksig_deliver().
 *
 * Return: true if the event was delivered or refused. False if the event must be queued, for
 * example because other events are already waiting, the target can't accept the signal now,
 * or the mode is not KSIG_MODE_EACH.
 */
bool ksig_deliver_direct(struct ksig_delivery *d,
			 const struct ksig_arm_state *armed, u64 subject,
			 u64 value)
{
	struct ksig_arm_state *arm;
	unsigned long flags;
	bool done = false;
	int err;

	/* queue the event instead of waiting for another emitter */
	if (!spin_trylock_irqsave(&d->lock, flags))
		return false;
	arm = ksig_arm_locked(d);
	if (!arm || arm != armed || arm->doorbell || d->stalled ||
	    READ_ONCE(d->ring->hup) || READ_ONCE(d->ring->unreported_lost) ||
	    !ksig_ring_is_empty(d->ring))
		goto unlock;
	arm->target.scan_max = KSIG_INLINE_SCAN;
	err = ksig_deliver_signal(d, arm, 0, ksig_each_value(arm, subject, value));
	if (err == -EAGAIN || err == -E2BIG || err == -ESRCH)
		goto unlock;
	done = true;
	d->direct++;
	if (unlikely(err))
		d->direct_refused++;
unlock:
	spin_unlock_irqrestore(&d->lock, flags);
	return done;
}

/**
 * ksig_deliver() - send a limited number of signals
 * @d: the delivery
 * @budget: maximum number of signals
 *
 * Remaining signals, and signals that can't be sent now, are left to the backlog. The lock
 * is dropped after each signal, because interrupts are disabled while the lock is held,
 * except on PREEMPT_RT.
 *
 * Context: RCU read-side section; ksig_notify_allowed() must be true.
 */
void ksig_deliver(struct ksig_delivery *d, int budget)
{
	unsigned long flags;
	int ret;

	do {
		spin_lock_irqsave(&d->lock, flags);
		ret = d->stalled ? 0 : ksig_deliver_one(d, KSIG_INLINE_SCAN);
		budget -= max(ret, 0);
		if (ret < 0 || (ret && budget <= 0))
			ksig_deliver_stall(d);
		spin_unlock_irqrestore(&d->lock, flags);
	} while (ret > 0 && budget > 0);
}

/**
 * ksig_deliver_leave() - leave the delivery to the backlog's worker
 * @d: the delivery
 * @wake: the worker also has to wake readers
 *
 * Context: as ksig_deliver().
 */
void ksig_deliver_leave(struct ksig_delivery *d, bool wake)
{
	unsigned long flags;

	spin_lock_irqsave(&d->lock, flags);
	if (ksig_arm_locked(d))
		ksig_deliver_stall(d);
	if (wake) {
		WRITE_ONCE(d->entry.wake, true);
		ksig_backlog_add(&d->entry);
	}
	spin_unlock_irqrestore(&d->lock, flags);
}

/**
 * ksig_deliver_or_leave() - send signals in this context if that is cheap
 * @d: the delivery
 *
 * If the last check of the target was expensive, the backlog delivers, because the subscriber
 * causes the cost and the emitter must not have to pay for it.
 *
 * Context: as ksig_deliver().
 */
void ksig_deliver_or_leave(struct ksig_delivery *d)
{
	if (likely(READ_ONCE(d->deliver_inline)))
		ksig_deliver(d, KSIG_INLINE_SIGNALS);
	else if (ksig_delivery_armed(d) && !READ_ONCE(d->stalled))
		ksig_deliver_leave(d, false);
}

/* --------------------------------------------------------------------- state */

/* The caller must initialize the irq_work and set the other members of the backlog entry. */
void ksig_delivery_init(struct ksig_delivery *d, struct ksig_ring *ring)
{
	d->ring = ring;
	spin_lock_init(&d->lock);
	INIT_LIST_HEAD(&d->entry.waiting);
}

/**
 * ksig_deliver_stats() - fill in KSIG_IOC_STATS, except for the channel's counters
 * @d: the delivery
 * @st: filled in. The counters are consistent, because no record can be delivered while the
 *	lock is held
 */
void ksig_deliver_stats(struct ksig_delivery *d, struct ksig_stats *st)
{
	unsigned long flags;

	spin_lock_irqsave(&d->lock, flags);
	ksig_ring_stats(d->ring, st);
	st->offered += d->direct;
	st->delivered += d->direct - d->direct_refused;
	st->refused += d->direct_refused;
	st->signals = d->signals;
	st->deferred = atomic64_read(&d->deferred);
	if (d->target_gone)
		st->flags |= KSIG_STATS_TARGET_GONE;
	if (ksig_arm_locked(d))
		st->flags |= KSIG_STATS_ARMED;
	spin_unlock_irqrestore(&d->lock, flags);
}

/* Show the target for /proc/PID/fdinfo, with its pid in @ns. */
void ksig_deliver_show(struct ksig_delivery *d, struct seq_file *m,
		       struct pid_namespace *ns)
{
	struct ksig_arm_state *arm;
	unsigned long flags;

	spin_lock_irqsave(&d->lock, flags);
	arm = ksig_arm_locked(d);
	if (arm)
		seq_printf(m, "ksig-target:\t%d\nksig-signo:\t%d\nksig-mode:\t%s%s\n",
			   pid_nr_ns(arm->target.pid, ns), arm->target.signo,
			   arm->doorbell ? "doorbell" : "each",
			   arm->target.process ? ",process" : "");
	spin_unlock_irqrestore(&d->lock, flags);
}
