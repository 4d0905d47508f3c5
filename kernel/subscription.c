// SPDX-License-Identifier: GPL-2.0-only
/*
 * Subscriptions: filter, arming, and the pump that turns records into signals.
 *
 * Emitters call ksig_queue_offer() under RCU, in any context. It queues the event,
 * and ksig_sub_tell() wakes readers and runs the pump. Where siglock and wait
 * queues may not be touched (NMI, and what can't sleep on PREEMPT_RT) an irq_work
 * does that. What would cost an emitter too much, and what the target has no room
 * for, is left to the user's backlog: the subscription is stalled, and until its
 * worker has delivered everything nobody else sends. All of them, and DISARM, meet
 * at sub->pump: signals go one at a time, in the queue's order, and none after arm
 * is NULL.
 */
#include <linux/fs.h>
#include <linux/hardirq.h>
#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/preempt.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <net/net_namespace.h>
#include <trace/events/sched.h>

#include "ksig.h"

/*
 * So many signals are sent, or refused, in one go by an emitter, which may have
 * interrupts off, and by the backlog's worker, which then serves others.
 */
#define KSIG_INLINE_BUDGET	4
#define KSIG_VISIT_BUDGET	64

/* An emitter checks a target with so many threads, or pending signals, at most. */
#define KSIG_INLINE_WALK	64

/*
 * A doorbell that was rung is checked after so long, if nothing has been consumed;
 * the time doubles up to the second. One that the target is not ready for is
 * tried again likewise, starting with a tick.
 */
#define KSIG_RING_CHECK_MS	64
#define KSIG_RING_CHECK		(KSIG_RING_CHECK_MS * NSEC_PER_MSEC)
#define KSIG_BACKOFF_MAX	NSEC_PER_SEC

/* KSIG_FILTER_SKIP_OWN: a descendant is recognised up to this distance. */
#define KSIG_ANCESTORS		64

/* ----------------------------------------------- targets that come to an end */

/* Everything armed, by the target's struct pid; walked under RCU. */
static DEFINE_HASHTABLE(ksig_armed, 8);
/* Serializes changes of ksig_armed; inside sub->pump. */
static DEFINE_SPINLOCK(ksig_armed_lock);

/*
 * Was one armed that is not closed yet? Then a probe sits on every exit. It stays
 * for a while after the last one has been closed, as a channel's hooks do.
 */
static DEFINE_MUTEX(ksig_watch_lock);
static unsigned int ksig_watchers;
static bool ksig_watching;

/* Somebody will ask ksig_target_gone(), once this is over. */
static void ksig_look_at(struct pid *pid)
{
	struct ksig_arm_state *arm;

	hash_for_each_possible_rcu(ksig_armed, arm, node, (unsigned long)pid) {
		if (arm->target.pid == pid)
			irq_work_queue(&arm->sub->irq_work);
	}
}

/* The current thread is on its way out: PF_EXITING is set. */
static void ksig_on_exit(struct task_struct *task)
{
	rcu_read_lock();
	ksig_look_at(task_pid(task));
	if (!thread_group_leader(task))
		ksig_look_at(task_tgid(task));
	rcu_read_unlock();
}
KSIG_DEFINE_EXIT_PROBE(ksig_on_exit)

static struct ksig_hook ksig_exit_hook =
	KSIG_HOOK(sched_process_exit, KSIG_EXIT_PROBE(ksig_on_exit), true);

/* Where there is no such tracepoint, an end shows when it is signalled. */
static int ksig_watch(struct ksig_sub *sub)
{
	int err = 0;

	mutex_lock(&ksig_watch_lock);
	if (!ksig_watching) {
		err = ksig_hooks_add(&ksig_exit_hook, 1);
		ksig_watching = !err;
	}
	if (!err && !sub->watched) {
		ksig_watchers++;
		sub->watched = true;
	}
	mutex_unlock(&ksig_watch_lock);
	return err;
}

static void ksig_stop_watching(struct work_struct *work)
{
	mutex_lock(&ksig_watch_lock);
	if (ksig_watching && !ksig_watchers) {
		ksig_hooks_remove(&ksig_exit_hook, 1);
		ksig_watching = false;
	}
	mutex_unlock(&ksig_watch_lock);
}
static DECLARE_DELAYED_WORK(ksig_watch_linger, ksig_stop_watching);

static void ksig_unwatch(struct ksig_sub *sub)
{
	mutex_lock(&ksig_watch_lock);
	if (sub->watched && !--ksig_watchers)
		ksig_linger_later(&ksig_watch_linger);
	mutex_unlock(&ksig_watch_lock);
}

int __init ksig_sub_init(void)
{
	return ksig_backlog_init();
}

void ksig_sub_exit(void)
{
	ksig_backlog_exit();
	/* now rather than later */
	flush_delayed_work(&ksig_watch_linger);
}

/* -------------------------------------------------------------------- armed */

static struct ksig_arm_state *ksig_arm_locked(const struct ksig_sub *sub)
{
	return rcu_dereference_protected(sub->arm, lockdep_is_held(&sub->pump));
}

/* The backlog's worker may compare the target under RCU: it is kept until then. */
static void ksig_arm_free(struct rcu_head *rcu)
{
	struct ksig_arm_state *arm = container_of(rcu, struct ksig_arm_state,
						  rcu);

	ksig_target_release(&arm->target);
	kfree(arm);
}

/* Under sub->pump. */
static void ksig_replace_arm(struct ksig_sub *sub, struct ksig_arm_state *arm)
{
	struct ksig_arm_state *old = ksig_arm_locked(sub);

	spin_lock(&ksig_armed_lock);
	if (old)
		hash_del_rcu(&old->node);
	if (arm)
		hash_add_rcu(ksig_armed, &arm->node,
			     (unsigned long)arm->target.pid);
	spin_unlock(&ksig_armed_lock);
	if (sub->gap_told) {
		ksig_queue_give_back_gap(sub, sub->gap_told);
		sub->gap_told = 0;
	}
	/*
	 * Release: read(2) takes over where the pump has left off. Pairs with
	 * ksig_read_now(). rcu_assign_pointer() of NULL would be none.
	 */
	smp_store_release(&sub->arm, RCU_INITIALIZER(arm));
	WRITE_ONCE(sub->deliver_inline, arm);
	WRITE_ONCE(sub->stalled, false);
	WRITE_ONCE(sub->rung, false);
	if (old)
		call_rcu(&old->rcu, ksig_arm_free);
}

/* The caller has a full barrier behind what the sleeper is to see. */
static void ksig_wake(struct ksig_sub *sub, __poll_t what, int band)
{
	/* no sleeper is missed: that barrier pairs with prepare_to_wait()'s */
	if (waitqueue_active(&sub->wait))
		wake_up_interruptible_poll(&sub->wait, what);
	if (READ_ONCE(sub->fasync))
		kill_fasync(&sub->fasync, SIGIO, band);
}

/* There are records: ksig_publish() has the barrier. */
static void ksig_wake_readers(struct ksig_sub *sub)
{
	ksig_wake(sub, EPOLLIN | EPOLLRDNORM, POLL_IN);
}

/*
 * Under sub->pump, and so whoever sleeps is woken by the irq_work: kill_fasync()
 * may wait for tasklist_lock, and who has that for an emit.
 */
static void ksig_target_lost(struct ksig_sub *sub)
{
	ksig_replace_arm(sub, NULL);
	WRITE_ONCE(sub->gone, true);
	/* release: gone comes before; pairs with ksig_on_irq_work()'s xchg() */
	smp_store_release(&sub->gone_untold, true);
	irq_work_queue(&sub->irq_work);
}

/* --------------------------------------------------------------------- pump */

/* From here on only the backlog's worker delivers. Under sub->pump. */
static void ksig_stall(struct ksig_sub *sub)
{
	lockdep_assert_held(&sub->pump);
	if (sub->stalled)
		return;
	WRITE_ONCE(sub->stalled, true);
	WRITE_ONCE(sub->urgent, true);
	ksig_backlog_add(sub);
}

/* A signal can't be sent now. Under sub->pump. Return: @err */
static int ksig_hold_back(struct ksig_sub *sub, int err)
{
	lockdep_assert_held(&sub->pump);
	/* with -E2BIG nobody has asked yet */
	if (err != -E2BIG && !sub->target_full) {
		WRITE_ONCE(sub->target_full, true);
		atomic64_inc(&sub->deferred);
	}
	return err;
}

/* Under sub->pump. Return: 0, or ksig_target_send()'s error. */
static int ksig_signal(struct ksig_sub *sub, struct ksig_arm_state *arm,
		       int error, u64 value)
{
	int err = ksig_target_send(&arm->target, error, value);

	if (unlikely(arm->target.cost || err == -E2BIG))
		WRITE_ONCE(sub->deliver_inline, false);
	if (!err) {
		WRITE_ONCE(sub->target_full, false);
		sub->signals++;
	}
	return err;
}

static u64 ksig_each_value(const struct ksig_arm_state *arm,
			   const struct ksig_event *ev)
{
	if (!arm->subject)
		return ev->value;
	return ev->subject << 32 | lower_32_bits(ev->value);
}

/* Return: as ksig_pump_one(). */
static int ksig_pump_each(struct ksig_sub *sub, struct ksig_arm_state *arm,
			  const struct ksig_event *ev)
{
	u64 lost = (u64)sub->gap_told + ev->lost_before;
	bool more;
	int err;

	err = ksig_signal(sub, arm, min_t(u64, lost, INT_MAX),
			  ksig_each_value(arm, ev));
	if (err == -EAGAIN || err == -E2BIG)
		return ksig_hold_back(sub, err);
	if (err == -ESRCH) {
		ksig_target_lost(sub);
		return 0;
	}
	/* A gap before a refused event is reported with the next that is sent. */
	sub->gap_told = err ? min_t(u64, lost, U32_MAX) : 0;
	more = ksig_queue_consume_one(sub, err) || READ_ONCE(sub->hup);
	return more ? 1 + arm->target.cost : 0;
}

/* The reader has been rung: the target may flush the signal before it sees it. */
static void ksig_note_ring(struct ksig_sub *sub)
{
	lockdep_assert_held(&sub->pump);
	sub->rung_at = jiffies;
	sub->rung_head = ksig_queue_head(sub);
	WRITE_ONCE(sub->rung, true);
	ksig_backlog_watch(sub, KSIG_RING_CHECK);
}

static int ksig_pump_doorbell(struct ksig_sub *sub, struct ksig_arm_state *arm)
{
	int err;

	/*
	 * Taken before it is sent: one that comes meanwhile is another. Store of
	 * owed, full barrier, load of tail; pairs with ksig_publish(), which
	 * stores tail, and after a full barrier owed. Either this sees the
	 * record, or its store comes first and owed stays set.
	 */
	smp_store_mb(sub->owed, false);
	if (!ksig_queue_used(sub))
		return 0;
	err = ksig_signal(sub, arm, 0, arm->value);
	if (!err) {
		ksig_note_ring(sub);
		return 0;
	}
	if (err == -ESRCH) {
		ksig_target_lost(sub);
		return 0;
	}
	WRITE_ONCE(sub->owed, true);
	return ksig_hold_back(sub, err);
}

/* The last signal; a target that is not ready for it goes without. */
static int ksig_pump_hup(struct ksig_sub *sub, struct ksig_arm_state *arm)
{
	int err = ksig_signal(sub, arm, -ESHUTDOWN, arm->value);

	if (err == -EAGAIN || err == -E2BIG)
		return ksig_hold_back(sub, err);
	if (err == -ESRCH)
		ksig_target_lost(sub);
	else
		ksig_replace_arm(sub, NULL);
	return 0;
}

/*
 * Send the next signal, if there is one to send. @walk_max: see ksig_target.
 *
 * Return: above 0 there may be more to do, and what this has cost, in signals to
 * a process of few threads; 0 nothing more to do; -EAGAIN, -E2BIG and, for a
 * doorbell, any other error of ksig_target_send(): to be tried again.
 */
static __always_inline int ksig_pump_one(struct ksig_sub *sub, u32 walk_max)
{
	struct ksig_arm_state *arm = ksig_arm_locked(sub);
	/* acquire: before the look into the queue, for it comes behind all */
	bool hup = smp_load_acquire(&sub->hup);
	const struct ksig_event *ev;

	if (!arm)
		return 0;
	arm->target.walk_max = walk_max;
	ev = arm->doorbell ? NULL : ksig_queue_peek(sub);
	if (ev)
		return ksig_pump_each(sub, arm, ev);
	if (hup)
		return ksig_pump_hup(sub, arm);
	if (READ_ONCE(sub->owed) && arm->doorbell)
		return ksig_pump_doorbell(sub, arm);
	return 0;
}

/*
 * Send a few signals. What is left, or can't be sent now, is the backlog's. The
 * lock is dropped after each signal: interrupts are off under it, except on
 * PREEMPT_RT.
 *
 * Context: any in which siglock may be taken, RCU read-side section.
 */
static void ksig_pump(struct ksig_sub *sub, int budget)
{
	unsigned long flags;
	int ret;

	do {
		spin_lock_irqsave(&sub->pump, flags);
		ret = sub->stalled ? 0 : ksig_pump_one(sub, KSIG_INLINE_WALK);
		budget -= max(ret, 0);
		if (ret < 0 || (ret && budget <= 0))
			ksig_stall(sub);
		spin_unlock_irqrestore(&sub->pump, flags);
	} while (ret > 0 && budget > 0);
}

/* Leave all that waits to the backlog, and what comes until that is delivered. */
static void ksig_leave_to_backlog(struct ksig_sub *sub)
{
	unsigned long flags;

	spin_lock_irqsave(&sub->pump, flags);
	if (ksig_arm_locked(sub))
		ksig_stall(sub);
	if (READ_ONCE(sub->wake_late))
		ksig_backlog_add(sub);
	spin_unlock_irqrestore(&sub->pump, flags);
}

/*
 * Here and now, or by the backlog if the last check of the target took long: the
 * subscriber causes that cost, and no emitter is charged for it. Under RCU.
 */
static void ksig_pump_or_queue(struct ksig_sub *sub)
{
	if (likely(READ_ONCE(sub->deliver_inline)))
		ksig_pump(sub, KSIG_INLINE_BUDGET);
	else if (ksig_sub_armed(sub) && !READ_ONCE(sub->stalled))
		ksig_leave_to_backlog(sub);
}

/* --------------------------------------------- visits of the backlog's worker */

/*
 * Everything is delivered: emitters do it themselves again. Under sub->pump.
 * Return: false: something has come in between.
 */
static bool ksig_resume(struct ksig_sub *sub)
{
	struct ksig_arm_state *arm = ksig_arm_locked(sub);

	if (!arm)
		return true;
	WRITE_ONCE(sub->deliver_inline, !arm->target.cost);
	WRITE_ONCE(sub->stalled, false);
	/*
	 * Store of stalled, load of tail or owed. Pairs with the barrier in
	 * ksig_publish(), after which an emitter reads stalled: it delivers, or
	 * its record is seen here.
	 */
	smp_mb();
	if (!READ_ONCE(sub->hup) &&
	    (!ksig_queue_used(sub) || (arm->doorbell && !READ_ONCE(sub->owed))))
		return true;
	WRITE_ONCE(sub->stalled, true);
	return false;
}

static bool ksig_known_full(const struct ksig_visit *visit,
			    const struct ksig_target *t)
{
	return visit->full_pid == t->pid && visit->full_signo == t->signo &&
	       visit->full_process == t->process &&
	       t->max_pending <= visit->full_max;
}

static void ksig_remember_full(struct ksig_visit *visit,
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

/* Under sub->pump. */
static u64 ksig_back_off(struct ksig_sub *sub, u64 first)
{
	struct ksig_arm_state *arm = ksig_arm_locked(sub);

	if (!arm)
		return 0;
	arm->backoff = clamp_t(u64, 2 * arm->backoff, first, KSIG_BACKOFF_MAX);
	return arm->backoff;
}

/* One step of ksig_visit_pump(), under sub->pump. Return: as ksig_pump_one(). */
static int ksig_visit_step(struct ksig_sub *sub, struct ksig_visit *visit)
{
	struct ksig_arm_state *arm = ksig_arm_locked(sub);
	int ret = ksig_pump_one(sub, 0);

	/* what it has cost, unless the target is gone */
	if (arm && arm == ksig_arm_locked(sub)) {
		visit->credit -= arm->target.cost;
		if (ret == -EAGAIN)
			ksig_remember_full(visit, &arm->target, true);
	}
	if (ret >= 0)
		visit->room = true;
	else
		visit->credit--;
	if (!ret && !ksig_resume(sub))
		return 1;
	return ret;
}

/*
 * Send what waits, as far as there is room.
 * Return: nanoseconds until the next visit; 0 at once; KSIG_NEVER nothing is left.
 */
static u64 ksig_visit_pump(struct ksig_sub *sub, struct ksig_visit *visit)
{
	u64 delay = KSIG_NEVER;
	unsigned long flags;
	int spent = 0, ret;

	do {
		spin_lock_irqsave(&sub->pump, flags);
		if (!spent && ksig_arm_locked(sub))
			ksig_target_note(&ksig_arm_locked(sub)->target);
		ret = ksig_visit_step(sub, visit);
		spent += max(ret, 0);
		if (ret > 0)
			delay = 0;
		else if (ret == -EAGAIN)
			/* a target that accepts some may soon accept more */
			delay = spent ? KSIG_TICK / 4 : KSIG_TICK;
		else if (ret)
			delay = ksig_back_off(sub, KSIG_TICK);
		else
			delay = KSIG_NEVER;
		spin_unlock_irqrestore(&sub->pump, flags);
	} while (ret > 0 && spent < KSIG_VISIT_BUDGET && visit->credit > 0);
	return delay;
}

/* It waits for room, though nobody has tried to send for it. */
static void ksig_note_full(struct ksig_sub *sub)
{
	unsigned long flags;

	if (likely(READ_ONCE(sub->target_full)))
		return;
	spin_lock_irqsave(&sub->pump, flags);
	ksig_hold_back(sub, -EAGAIN);
	spin_unlock_irqrestore(&sub->pump, flags);
}

/*
 * Is it sure that the target has no room yet? Takes no lock: five hundred that wait
 * come by here a hundred times a second. RCU read-side section, which keeps the arm
 * state and the target's pid; the rest is the worker's.
 * Return: as ksig_sub_visit(); 0 no: a check is needed.
 */
static u64 ksig_still_full(struct ksig_sub *sub, struct ksig_visit *visit)
{
	struct ksig_arm_state *arm = rcu_dereference(sub->arm);
	struct ksig_target *t;

	if (!arm)
		return 0;
	t = &arm->target;
	if (ksig_known_full(visit, t)) {
		if (visit->full_checked)
			t->seen_at = jiffies;
		ksig_note_full(sub);
		return KSIG_BEHIND;
	}
	if (!ksig_target_unchanged(t))
		return 0;
	ksig_remember_full(visit, t, false);
	return KSIG_TICK;
}

static void ksig_forget_backoff(struct ksig_sub *sub)
{
	struct ksig_arm_state *arm;
	unsigned long flags;

	spin_lock_irqsave(&sub->pump, flags);
	arm = ksig_arm_locked(sub);
	if (arm)
		arm->backoff = 0;
	spin_unlock_irqrestore(&sub->pump, flags);
}

static u64 ksig_visit_stalled(struct ksig_sub *sub, struct ksig_visit *visit)
{
	u64 delay = ksig_still_full(sub, visit);

	if (delay)
		return delay;
	delay = ksig_visit_pump(sub, visit);
	if (delay != KSIG_NEVER)
		return delay;
	ksig_forget_backoff(sub);
	return READ_ONCE(sub->rung) ? KSIG_RING_CHECK : KSIG_NEVER;
}

/*
 * A doorbell was rung. If nothing has been consumed since, and the signal is not
 * pending any more, the target may have flushed it: ring again. A reader that is
 * slow gets a signal more than it needs.
 * Return: nanoseconds until the next check; 0 ring now; KSIG_NEVER: none is needed.
 */
static u64 ksig_check_ring(struct ksig_sub *sub)
{
	struct ksig_arm_state *arm;
	unsigned long flags;
	u64 delay;

	spin_lock_irqsave(&sub->pump, flags);
	arm = ksig_arm_locked(sub);
	if (!arm || !sub->rung || !ksig_queue_used(sub) ||
	    ksig_queue_head(sub) != sub->rung_head) {
		WRITE_ONCE(sub->rung, false);
		if (arm)
			arm->backoff = 0;
		delay = KSIG_NEVER;
	} else if (time_before(jiffies, sub->rung_at +
			       msecs_to_jiffies(KSIG_RING_CHECK_MS))) {
		/* again since then: the reader has not had its time yet */
		delay = KSIG_RING_CHECK;
	} else if (ksig_target_pending(&arm->target)) {
		delay = ksig_back_off(sub, 2 * KSIG_RING_CHECK);
	} else {
		WRITE_ONCE(sub->owed, true);
		WRITE_ONCE(sub->stalled, true);
		delay = 0;
	}
	spin_unlock_irqrestore(&sub->pump, flags);
	return delay;
}

static u64 ksig_visit_rung(struct ksig_sub *sub, struct ksig_visit *visit)
{
	u64 delay = ksig_check_ring(sub);
	unsigned long flags;

	if (delay)
		return delay;
	delay = ksig_visit_pump(sub, visit);
	if (delay != KSIG_NEVER)
		return delay;
	spin_lock_irqsave(&sub->pump, flags);
	delay = ksig_back_off(sub, 2 * KSIG_RING_CHECK);
	spin_unlock_irqrestore(&sub->pump, flags);
	return delay;
}

/**
 * ksig_sub_visit() - deliver what emitters have left
 * @sub: a subscription of a backlog, whose lock is held
 * @visit: the worker's run
 *
 * Context: process, RCU read-side section.
 *
 * Return: nanoseconds until the next visit, 0 at once; KSIG_NEVER: none is needed.
 */
u64 ksig_sub_visit(struct ksig_sub *sub, struct ksig_visit *visit)
{
	if (READ_ONCE(sub->stalled))
		return ksig_visit_stalled(sub, visit);
	if (READ_ONCE(sub->rung))
		return ksig_visit_rung(sub, visit);
	return KSIG_NEVER;
}

/* Wake readers, if an emitter has left that. From the backlog's worker, under RCU. */
void ksig_sub_wake_late(struct ksig_sub *sub)
{
	if (xchg(&sub->wake_late, false))
		ksig_wake_readers(sub);
}

/* ------------------------------------------------------------------- telling */

/* From an emit: under RCU. */
static void ksig_tell(struct ksig_sub *sub)
{
	ksig_wake_readers(sub);
	ksig_pump_or_queue(sub);
}

/*
 * One wake-up is for all that wait, and SIGIO for a whole process group: several are
 * not for the emitter to pay.
 */
static bool ksig_is_crowded(struct ksig_sub *sub)
{
	struct list_head *waiters = &sub->wait.head;

	return READ_ONCE(waiters->next) != READ_ONCE(waiters->prev) ||
	       READ_ONCE(sub->fasync);
}

/* By the backlog's worker instead. Under RCU. */
static void ksig_tell_late(struct ksig_sub *sub)
{
	WRITE_ONCE(sub->wake_late, true);
	ksig_leave_to_backlog(sub);
}

static void ksig_check_target(struct ksig_sub *sub)
{
	struct ksig_arm_state *arm;
	unsigned long flags;

	spin_lock_irqsave(&sub->pump, flags);
	arm = ksig_arm_locked(sub);
	if (arm && ksig_target_gone(&arm->target))
		ksig_target_lost(sub);
	spin_unlock_irqrestore(&sub->pump, flags);
}

/* What could not be done where it came up. Hardirq; on PREEMPT_RT a thread. */
static void ksig_on_irq_work(struct irq_work *work)
{
	struct ksig_sub *sub = container_of(work, struct ksig_sub, irq_work);

	ksig_queue_settle(sub);
	ksig_check_target(sub);
	/* full barrier: pairs with the one in ksig_poll() */
	if (xchg(&sub->gone_untold, false))
		ksig_wake(sub, EPOLLPRI, POLL_PRI);
	rcu_read_lock();
	if (xchg(&sub->crowded, false) || ksig_is_crowded(sub)) {
		ksig_tell_late(sub);
	} else {
		if (ksig_queue_used(sub))
			ksig_wake_readers(sub);
		ksig_pump_or_queue(sub);
	}
	rcu_read_unlock();
}

/**
 * ksig_may_tell() - may wait queues and siglocks be touched here?
 *
 * Context: any.
 */
bool ksig_may_tell(void)
{
	if (in_nmi())
		return false;
	/*
	 * On PREEMPT_RT siglock and wait queues have locks that sleep. Lockdep
	 * can be told to find fault elsewhere with what would be wrong there.
	 */
	return !(IS_ENABLED(CONFIG_PREEMPT_RT) ||
		 IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING)) || preemptible();
}

/* A network namespace's own number, above 0; no other one ever gets the same. */
u64 ksig_net_cookie(const struct net *net)
{
#ifdef CONFIG_NET
	return net->net_cookie;
#else
	return 0;
#endif
}

/*
 * How far current's CLOCK_MONOTONIC is ahead of the initial time namespace's. It
 * can't be changed once a process is in the namespace.
 */
static s64 ksig_time_offset(void)
{
	struct timespec64 ahead = { };

	timens_add_monotonic(&ahead);
	return timespec64_to_ns(&ahead);
}

/**
 * ksig_sub_sees() - did an event happen in the opener's namespaces?
 * @sub: the subscription
 * @pid: the process that the event is about, or NULL
 * @net_cookie: of the network namespace in which it happened, or 0
 *
 * Context: any.
 */
bool ksig_sub_sees(const struct ksig_sub *sub, struct pid *pid, u64 net_cookie)
{
	if (pid && !pid_nr_ns(pid, sub->pid_ns))
		return false;
	return !net_cookie || net_cookie == sub->net_cookie;
}

/*
 * Is the subject the process that set the filter, or a descendant of it that
 * was started since? Bounded, because the emitter pays for it.
 *
 * Context: any, RCU read-side section, which keeps the tasks.
 */
static bool ksig_is_own(const struct ksig_filter_state *f, struct pid *subject)
{
	struct task_struct *task = pid_task(subject, PIDTYPE_TGID);
	struct task_struct *parent;
	u64 began = 0;
	int i;

	for (i = 0; task && i < KSIG_ANCESTORS; i++) {
		if (task_tgid(task) == f->own)
			return !i || began >= f->own_since;
		began = READ_ONCE(task->start_time);
		parent = READ_ONCE(rcu_dereference(task->real_parent)->group_leader);
		/* the idle task is its own parent */
		if (parent == task)
			break;
		task = parent;
	}
	return false;
}

/**
 * ksig_sub_wants() - does an event pass the filter?
 * @sub: the subscription
 * @n: the event
 *
 * Context: any, RCU read-side section.
 */
bool ksig_sub_wants(const struct ksig_sub *sub, const struct ksig_notice *n)
{
	const struct ksig_filter_state *f = rcu_dereference(sub->filter);

	if (likely(!f))
		return true;
	if (!(f->types & BIT_ULL(n->type)))
		return false;
	if (f->pid ? f->pid != n->pid :
		     f->by_subject && f->subject != n->subject)
		return false;
	return !f->own || !ksig_is_own(f, n->pid);
}

/**
 * ksig_sub_tell() - there are records to report
 * @sub: the subscription
 * @here: in this context, if it permits that; else by the backlog's worker
 *
 * Context: any, RCU read-side section.
 */
void ksig_sub_tell(struct ksig_sub *sub, bool here)
{
	if (!ksig_may_tell()) {
		if (!here)
			WRITE_ONCE(sub->crowded, true);
		atomic64_inc(&sub->deferred);
		irq_work_queue(&sub->irq_work);
	} else if (here && likely(!ksig_is_crowded(sub))) {
		ksig_tell(sub);
	} else {
		ksig_tell_late(sub);
	}
}

/* The channel is gone, and with it whoever emitted. Context: process. */
void ksig_sub_hup(struct ksig_sub *sub)
{
	ksig_queue_hup(sub);
	smp_mb(); /* pairs with the one in ksig_poll() */
	ksig_wake(sub, EPOLLHUP | EPOLLIN, POLL_HUP);
	rcu_read_lock();
	ksig_pump(sub, KSIG_INLINE_BUDGET);
	rcu_read_unlock();
}

/* -------------------------------------------------------- a subscription's life */

/* No emitter has it, who would compare its pid. */
static void ksig_filter_free(struct ksig_filter_state *f)
{
	if (!f)
		return;
	put_pid(f->pid);
	put_pid(f->own);
	kfree(f);
}

/* A grace period after close: no emitter has it any more. */
static void ksig_sub_free(struct work_struct *work)
{
	struct ksig_sub *sub = container_of(to_rcu_work(work), struct ksig_sub,
					    free);

	irq_work_sync(&sub->irq_work);
	ksig_backlog_remove(sub);
	ksig_backlog_put(sub->backlog);
	ksig_unwatch(sub);
	ksig_filter_free(rcu_dereference_protected(sub->filter, true));
	ksig_queue_free(sub);
	put_pid_ns(sub->pid_ns);
	put_device(&sub->chan->dev);
	kfree(sub);
}

/**
 * ksig_sub_create() - a subscription, which no event reaches yet
 * @chan: the channel; a reference is taken
 *
 * Context: process, may sleep.
 *
 * Return: the subscription, or an ERR_PTR: -ENOBUFS, -ENOMEM.
 */
struct ksig_sub *ksig_sub_create(struct ksig_chan *chan)
{
	struct ksig_sub *sub;
	int err;

	sub = kzalloc_obj(*sub, GFP_KERNEL_ACCOUNT);
	if (!sub)
		return ERR_PTR(-ENOMEM);
	sub->chan = chan;
	sub->backlog = ksig_backlog_get(current_uid());
	if (!sub->backlog) {
		err = -ENOMEM;
		goto free;
	}
	err = ksig_queue_init(sub);
	if (err)
		goto put;
	get_device(&chan->dev);
	sub->pid_ns = get_pid_ns(task_active_pid_ns(current));
	sub->net_cookie = ksig_net_cookie(current->nsproxy->net_ns);
	sub->time_offset = ksig_time_offset();
	spin_lock_init(&sub->pump);
	mutex_init(&sub->consume);
	init_waitqueue_head(&sub->wait);
	init_irq_work(&sub->irq_work, ksig_on_irq_work);
	INIT_LIST_HEAD(&sub->waiting);
	INIT_RCU_WORK(&sub->free, ksig_sub_free);
	return sub;

put:
	ksig_backlog_put(sub->backlog);
free:
	kfree(sub);
	return ERR_PTR(err);
}

/**
 * ksig_sub_close() - the last descriptor and mapping are gone
 * @sub: off its channel's list; freed in a while
 *
 * No signal is sent once it returns.
 *
 * Context: process.
 */
void ksig_sub_close(struct ksig_sub *sub)
{
	ksig_sub_disarm(sub);
	ksig_queue_close(sub);
	queue_rcu_work(ksig_wq, &sub->free);
}

/* --------------------------------------------------------------------- ioctls */

/* The channel's types as a mask. */
static u64 ksig_all_types(const struct ksig_chan *chan)
{
	return GENMASK_ULL(chan->ntypes - 1, 0);
}

/* On a PIDS channel the subject is a process in the opener's namespace. */
static int ksig_filter_pin(const struct ksig_sub *sub,
			   struct ksig_filter_state *f)
{
	struct pid *pid;

	if (f->subject > INT_MAX)
		return -ESRCH;
	rcu_read_lock();
	pid = find_pid_ns(f->subject, sub->pid_ns);
	/* not of a thread: no event is about one */
	if (pid_task(pid, PIDTYPE_TGID))
		f->pid = get_pid(pid);
	rcu_read_unlock();
	return f->pid ? 0 : -ESRCH;
}

static struct ksig_filter_state *
ksig_filter_create(const struct ksig_sub *sub, const struct ksig_filter *filter)
{
	struct ksig_filter_state *f;
	int err;

	f = kzalloc_obj(*f, GFP_KERNEL_ACCOUNT);
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->types = filter->types ?: ksig_all_types(sub->chan);
	f->subject = filter->subject;
	f->by_subject = filter->flags & KSIG_FILTER_SUBJECT;
	if (f->by_subject && sub->chan->flags & KSIG_CHANNEL_PIDS) {
		err = ksig_filter_pin(sub, f);
		if (err) {
			kfree(f);
			return ERR_PTR(err);
		}
	}
	if (filter->flags & KSIG_FILTER_SKIP_OWN) {
		f->own = get_pid(task_tgid(current));
		f->own_since = ktime_get_ns();
	}
	return f;
}

/* KSIG_IOC_FILTER */
int ksig_sub_set_filter(struct ksig_sub *sub, const struct ksig_filter *filter)
{
	bool by_subject = filter->flags & KSIG_FILTER_SUBJECT;
	bool pids = sub->chan->flags & KSIG_CHANNEL_PIDS;
	struct ksig_filter_state *f = NULL;
	u32 flags = KSIG_FILTER_SUBJECT | (pids ? KSIG_FILTER_SKIP_OWN : 0);

	if (filter->flags & ~flags || filter->reserved ||
	    filter->types & ~ksig_all_types(sub->chan) ||
	    (filter->subject && !by_subject))
		return -EINVAL;
	/* a worker offers the events: whose a process was is not known by then */
	if (filter->flags & KSIG_FILTER_SKIP_OWN && sub->rear)
		return -EUSERS;
	if (filter->types || filter->flags) {
		f = ksig_filter_create(sub, filter);
		if (IS_ERR(f))
			return PTR_ERR(f);
	}
	if (mutex_lock_killable(&sub->consume)) {
		ksig_filter_free(f);
		return -EINTR;
	}
	f = rcu_replace_pointer(sub->filter, f, lockdep_is_held(&sub->consume));
	mutex_unlock(&sub->consume);
	/* no emitter goes by the one before any more, NMIs' stash neither */
	synchronize_rcu();
	ksig_queue_settle(sub);
	ksig_filter_free(f);
	return 0;
}

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

static u32 ksig_max_pending(const struct ksig_arm *a)
{
	/* of 1 to 31 the kernel keeps one */
	if (a->mode == KSIG_MODE_DOORBELL || a->signo < SIGRTMIN)
		return 1;
	return a->max_pending ?: KSIG_PENDING_DEFAULT;
}

/* A reference, or NULL. A process is known by its first thread's pid. */
static struct pid *ksig_find_target(s32 tid, bool process)
{
	struct task_struct *task;
	struct pid *pid;

	rcu_read_lock();
	/* not the task's own, which exec may give to another one meanwhile */
	pid = tid ? find_vpid(tid) : task_pid(current);
	task = pid_task(pid, PIDTYPE_PID);
	if (!task)
		pid = NULL;
	else if (process)
		pid = task_tgid(task);
	get_pid(pid);
	rcu_read_unlock();
	return pid;
}

static struct ksig_arm_state *ksig_arm_create(struct ksig_sub *sub,
					      const struct ksig_arm *a)
{
	bool process = a->flags & KSIG_ARM_PROCESS;
	struct ksig_arm_state *arm;
	struct pid *pid;
	int err = -ESRCH;

	arm = kzalloc_obj(*arm, GFP_KERNEL_ACCOUNT);
	if (!arm)
		return ERR_PTR(-ENOMEM);
	arm->sub = sub;
	arm->value = a->value;
	arm->doorbell = a->mode == KSIG_MODE_DOORBELL;
	arm->subject = a->flags & KSIG_ARM_SUBJECT;
	arm->target.signo = a->signo;
	arm->target.process = process;
	arm->target.lasting = true;
	arm->target.max_pending = ksig_max_pending(a);

	/* SIGKILL and SIGSTOP concern the process in any case */
	pid = ksig_find_target(a->tid, process || sig_kernel_only(a->signo));
	if (pid)
		err = ksig_target_init(&arm->target, pid);
	put_pid(pid);
	if (err)
		goto free;
	err = ksig_target_check(&arm->target);
	if (err)
		goto release;
	return arm;

release:
	ksig_target_release(&arm->target);
free:
	kfree(arm);
	return ERR_PTR(err);
}

/* Under sub->consume: nobody reads meanwhile. */
static int ksig_arm_install(struct ksig_sub *sub, struct ksig_arm_state *arm)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&sub->pump, flags);
	if (READ_ONCE(sub->hup)) {
		err = -ENODEV;
	} else if (!arm->doorbell && sub->ring->maps) {
		err = -EBUSY;
	} else {
		ksig_replace_arm(sub, arm);
		WRITE_ONCE(sub->gone, false);
		/* what is queued already rings, or goes */
		WRITE_ONCE(sub->owed, true);
	}
	spin_unlock_irqrestore(&sub->pump, flags);
	return err;
}

/* KSIG_IOC_ARM */
int ksig_sub_arm(struct ksig_sub *sub, const struct ksig_arm *a)
{
	struct ksig_arm_state *arm;
	int err;

	if (!ksig_arm_valid(a))
		return -EINVAL;
	arm = ksig_arm_create(sub, a);
	if (IS_ERR(arm))
		return PTR_ERR(arm);
	err = ksig_watch(sub);
	/* held while a reader's memory is faulted in, which may take for ever */
	if (!err)
		err = mutex_lock_killable(&sub->consume);
	if (!err) {
		err = ksig_arm_install(sub, arm);
		mutex_unlock(&sub->consume);
	}
	if (err) {
		ksig_target_release(&arm->target);
		kfree(arm);
		return err;
	}
	/* who sleeps in read(2) must not, if events leave as signals now */
	wake_up_interruptible(&sub->wait);
	/*
	 * Armed, then the looks at the target and at the queue: pairs with
	 * atomic_dec_and_test() in do_exit(), which lies between PF_EXITING and
	 * ksig_on_exit(), and with ksig_publish().
	 */
	smp_mb();
	/* If it ended before it was in ksig_armed, nobody else would notice. */
	ksig_check_target(sub);
	rcu_read_lock();
	ksig_pump(sub, KSIG_VISIT_BUDGET);
	rcu_read_unlock();
	return 0;
}

/**
 * ksig_sub_signals_each() - do the records leave as signals?
 * @sub: the subscription
 *
 * Context: process. Without a lock, the answer may be old.
 */
bool ksig_sub_signals_each(struct ksig_sub *sub)
{
	struct ksig_arm_state *arm;
	bool each;

	rcu_read_lock();
	arm = rcu_dereference(sub->arm);
	each = arm && !arm->doorbell;
	rcu_read_unlock();
	return each;
}

/* KSIG_IOC_DISARM: whoever sends has the lock, or finds nothing armed. */
void ksig_sub_disarm(struct ksig_sub *sub)
{
	unsigned long flags;

	spin_lock_irqsave(&sub->pump, flags);
	ksig_replace_arm(sub, NULL);
	WRITE_ONCE(sub->gone, false);
	spin_unlock_irqrestore(&sub->pump, flags);
}

/* KSIG_IOC_STATS: one moment's picture, for nobody sends or queues meanwhile. */
void ksig_sub_stats(struct ksig_sub *sub, struct ksig_stats *st)
{
	unsigned long flags;

	if (sub->rear)
		st->skipped = ksig_fanout_skipped(sub->chan->fanout, sub);
	spin_lock_irqsave(&sub->pump, flags);
	ksig_queue_stats(sub, st);
	st->signals = sub->signals;
	st->deferred = atomic64_read(&sub->deferred);
	st->flags = (sub->gone ? KSIG_STATS_TARGET_GONE : 0) |
		    (sub->hup ? KSIG_STATS_HUP : 0) |
		    (ksig_arm_locked(sub) ? KSIG_STATS_ARMED : 0) |
		    (sub->ring->maps ? KSIG_STATS_MAPPED : 0);
	spin_unlock_irqrestore(&sub->pump, flags);
}

static void ksig_show_arm(struct ksig_sub *sub, struct seq_file *m,
			  struct pid_namespace *ns)
{
	struct ksig_arm_state *arm;
	unsigned long flags;

	/* the target's pid is let go of under this lock */
	spin_lock_irqsave(&sub->pump, flags);
	arm = ksig_arm_locked(sub);
	if (arm)
		seq_printf(m, "ksig-target:\t%d\nksig-signo:\t%d\nksig-mode:\t%s%s\n",
			   pid_nr_ns(arm->target.pid, ns), arm->target.signo,
			   arm->doorbell ? "doorbell" : "each",
			   arm->target.process ? ",process" : "");
	spin_unlock_irqrestore(&sub->pump, flags);
}

/* /proc/PID/fdinfo/FD; pids as that /proc sees them. */
void ksig_sub_show(struct ksig_sub *sub, struct seq_file *m)
{
	struct pid_namespace *ns = proc_pid_ns(file_inode(m->file)->i_sb);
	struct ksig_stats st = { };

	ksig_sub_stats(sub, &st);
	seq_printf(m, "ksig-channel:\t%s\nksig-queue:\t%u\n", sub->chan->name,
		   ksig_queue_len(sub));
	ksig_show_arm(sub, m, ns);
	seq_printf(m, "ksig-offered:\t%llu\nksig-delivered:\t%llu\nksig-queued:\t%llu\n",
		   st.offered, st.delivered, st.queued);
	seq_printf(m, "ksig-lost:\t%llu\nksig-refused:\t%llu\nksig-signals:\t%llu\nksig-deferred:\t%llu\nksig-lost_upto:\t%llu\n",
		   st.lost, st.refused, st.signals, st.deferred, st.skipped);
	seq_printf(m, "ksig-flags:\t%s%s%s\n",
		   st.flags & KSIG_STATS_TARGET_GONE ? " target-gone" : "",
		   st.flags & KSIG_STATS_HUP ? " hup" : "",
		   st.flags & KSIG_STATS_MAPPED ? " mapped" : "");
}
