// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deliveries that emitters leave to a worker. Each user has one backlog.
 *
 * A subscription is on the backlog of the user that opened it in these cases:
 *  - its target can't accept signals;
 *  - checking the target is expensive;
 *  - an emit was not permitted to deliver everything;
 *  - a doorbell was sent, and the target may have flushed it.
 * When an emitter leaves work, the worker visits the subscription immediately. Each visit
 * determines the time of the next visit.
 *
 * All costs of a user's stalled subscriptions are charged to that user's credit, which is
 * about 0.5% of a cpu. When the credit is used up, only that user's subscriptions have to
 * wait. Checking a target costs 1, or more if the check scans many threads or signals.
 * KSIG_SKIPS_PER_CHECK visits without a check also cost 1. When credit is scarce, a
 * subscription whose checks cost more than 1 is visited less often, so that it uses at most
 * a tenth of the credit. Sending a signal is free, because the target has to consume signals
 * before more can be sent.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "backlog.h"

/* The credit of a user, in target checks */
#define KSIG_CREDIT_RATE	10000	/* earned per second */
#define KSIG_CREDIT_MAX		1000
#define KSIG_CREDIT_FIRST	600	/* initial value */
/* If the credit is lower than this, expensive subscriptions are visited less often. */
#define KSIG_CREDIT_SCARCE	500
#define KSIG_SKIPS_PER_CHECK	16

#define KSIG_LISTED		0	/* bit number in ksig_backlog_entry.listed */

/**
 * struct ksig_backlog - a user's backlog
 * @node: node in the list of all backlogs; protected by ksig_backlogs_lock
 * @uid: the user
 * @users: number of subscriptions that refer to the backlog; protected by
 *	ksig_backlogs_lock
 * @incoming: new entries, not yet in @waiting; may be added in any context except NMI
 * @work: visits the entries
 * @timer: queues @work
 * @timer_lock: protects @timer_set and @timer_at
 * @timer_set: @timer is going to queue @work
 * @timer_at: expiry time of @timer, CLOCK_MONOTONIC
 * @lock: protects the members below, and waiting and visit_at of each entry. Held while
 *	entries are visited, so that entries on the list are not freed
 * @waiting: entries to visit. If several entries wait for the same target, the first entry
 *	is visited every KSIG_TICK, and the others when the target can accept signals
 * @all_due: visit all entries, because a target could accept signals, or because an entry
 *	was removed and other entries may have waited for it
 * @used_up: the credit was used up in the last run before the first entry of @waiting could
 *	be visited
 * @credit: remaining credit, in target checks
 * @credit_at: CLOCK_MONOTONIC time when @credit was last increased
 */
struct ksig_backlog {
	struct list_head node;
	kuid_t uid;
	unsigned int users;

	struct llist_head incoming;
	struct work_struct work;
	struct hrtimer timer;
	raw_spinlock_t timer_lock;
	bool timer_set;
	u64 timer_at;

	struct mutex lock;
	struct list_head waiting;
	bool all_due;
	bool used_up;
	int credit;
	u64 credit_at;
};

struct workqueue_struct *ksig_wq;

static LIST_HEAD(ksig_backlogs);
static DEFINE_MUTEX(ksig_backlogs_lock);

/* ------------------------------------------------------------------- adding */

/*
 * Make the worker run at time @at or earlier. If the timer is expiring at this moment and
 * misses the change, the worker runs now and finds every entry that was listed before.
 */
static void ksig_backlog_run_at(struct ksig_backlog *backlog, u64 at)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&backlog->timer_lock, flags);
	if (!backlog->timer_set || at < backlog->timer_at) {
		backlog->timer_set = true;
		backlog->timer_at = at;
		hrtimer_start(&backlog->timer, ns_to_ktime(at),
			      HRTIMER_MODE_ABS_SOFT);
	}
	raw_spin_unlock_irqrestore(&backlog->timer_lock, flags);
}

static enum hrtimer_restart ksig_backlog_on_timer(struct hrtimer *timer)
{
	struct ksig_backlog *backlog = container_of(timer, struct ksig_backlog,
						    timer);
	unsigned long flags;

	raw_spin_lock_irqsave(&backlog->timer_lock, flags);
	backlog->timer_set = false;
	raw_spin_unlock_irqrestore(&backlog->timer_lock, flags);
	queue_work(ksig_wq, &backlog->work);
	return HRTIMER_NORESTART;
}

/*
 * Mark an entry as listed. This is a full barrier even if the entry was listed already. It
 * orders the store of the visit's reason before the test of the bit. Pairs with the barrier
 * in ksig_backlog_drop().
 */
static bool ksig_backlog_enlist(struct ksig_backlog_entry *e)
{
	return !test_and_set_bit(KSIG_LISTED, &e->listed);
}

/**
 * ksig_backlog_add() - request that the worker visit an entry immediately
 * @e: an entry whose @wake is set, or for which has_work() returns true
 *
 * Context: any except NMI; on PREEMPT_RT preemptible. All callers for the same entry must
 * hold the same lock, so that a task that is preempted here delays no other emitter.
 */
void ksig_backlog_add(struct ksig_backlog_entry *e)
{
	if (ksig_backlog_enlist(e))
		llist_add(&e->incoming, &e->backlog->incoming);
	queue_work(ksig_wq, &e->backlog->work);
}

/**
 * ksig_backlog_add_later() - request that the worker visit an entry after a delay
 * @e: an entry for which has_work() returns true
 * @delay: delay in nanoseconds. Ignored if the entry is already on the backlog: it will then
 *	be visited within a second
 *
 * Context: as ksig_backlog_add().
 */
void ksig_backlog_add_later(struct ksig_backlog_entry *e, u64 delay)
{
	if (!ksig_backlog_enlist(e))
		return;
	/* after llist_add(), the worker owns the entry */
	e->visit_at = ktime_get_ns() + delay;
	llist_add(&e->incoming, &e->backlog->incoming);
	ksig_backlog_run_at(e->backlog, e->visit_at);
}

/* ----------------------------------------------------------------- visiting */

static void ksig_backlog_collect(struct ksig_backlog *backlog)
{
	struct llist_node *nodes = llist_del_all(&backlog->incoming);
	struct ksig_backlog_entry *e, *next;

	lockdep_assert_held(&backlog->lock);
	nodes = llist_reverse_order(nodes);
	llist_for_each_entry_safe(e, next, nodes, incoming)
		list_add_tail(&e->waiting, &backlog->waiting);
}

/*
 * Remove an entry from the list because it needs no visit. If an emitter adds a reason to
 * visit it at the same time, either this function sees the reason, or the emitter finds that
 * the entry is not listed and lists it again.
 *
 * Return: false if the entry stays on the list.
 */
static bool ksig_backlog_drop(struct ksig_backlog *backlog,
			      struct ksig_backlog_entry *e)
{
	lockdep_assert_held(&backlog->lock);
	list_del_init(&e->waiting);
	clear_bit(KSIG_LISTED, &e->listed);
	/* unlist the entry before checking the reasons: pairs with ksig_backlog_enlist() */
	smp_mb__after_atomic();
	if ((!READ_ONCE(e->wake) && !e->ops->has_work(e)) ||
	    !ksig_backlog_enlist(e))
		return true;
	list_add_tail(&e->waiting, &backlog->waiting);
	return false;
}

/* Return: true if the entry stays on the list. */
static bool ksig_backlog_visit(struct ksig_backlog *backlog,
			       struct ksig_backlog_entry *e,
			       struct ksig_visit *visit)
{
	int before = visit->credit;
	u64 delay = e->ops->visit(e, visit);
	u32 into_tick = 0;

	lockdep_assert_held(&backlog->lock);
	if (delay == KSIG_NEVER) {
		e->visit_at = visit->now;
		return !ksig_backlog_drop(backlog, e);
	}
	if (before - visit->credit > 1 && visit->credit < KSIG_CREDIT_SCARCE)
		delay = max_t(u64, delay, 10 * div_u64((u64)NSEC_PER_SEC *
				(before - visit->credit), KSIG_CREDIT_RATE));
	/*
	 * Round the time down to a multiple of a tick, so that one run visits all
	 * stalled subscriptions, however many there are and whenever they stalled.
	 */
	if (delay >= KSIG_TICK)
		div_u64_rem(visit->now + delay, KSIG_TICK, &into_tick);
	e->visit_at = visit->now + delay - into_tick;
	return true;
}

/*
 * Visit the entries that are due, or all entries if @all is true.
 *
 * Context: RCU read-side section, which is left from time to time so that other tasks can
 * run.
 *
 * Return: CLOCK_MONOTONIC time of the next run, or KSIG_NEVER.
 */
static u64 ksig_backlog_visit_all(struct ksig_backlog *backlog,
				  struct ksig_visit *visit, bool all)
{
	struct ksig_backlog_entry *e, *next, *first = NULL;
	u64 soonest = KSIG_NEVER;
	unsigned int visited = 0;
	bool due;

	lockdep_assert_held(&backlog->lock);
	list_for_each_entry_safe(e, next, &backlog->waiting, waiting) {
		/* the plain load avoids most calls of xchg(), which is expensive */
		if (READ_ONCE(e->wake) && xchg(&e->wake, false))
			e->ops->wake(e);
		if (unlikely(visit->credit <= 0)) {
			/* the next run starts with this entry */
			if (!first)
				first = e;
			continue;
		}
		if (!(++visited % KSIG_SKIPS_PER_CHECK)) {
			visit->credit--;
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
			/* this pid may have been freed, and another pid allocated at its address */
			visit->full_pid = NULL;
		}
		due = all || visit->now >= e->visit_at;
		if (READ_ONCE(e->urgent) && xchg(&e->urgent, false))
			due = true;
		if (due && !ksig_backlog_visit(backlog, e, visit)) {
			visit->room = true;
			continue;
		}
		soonest = min(soonest, e->visit_at);
	}
	backlog->used_up = first;
	if (first) {
		list_rotate_to_front(&first->waiting, &backlog->waiting);
		soonest = min(soonest, visit->now + KSIG_TICK);
	}
	return soonest;
}

static void ksig_backlog_run(struct work_struct *work)
{
	struct ksig_backlog *backlog = container_of(work, struct ksig_backlog,
						    work);
	struct ksig_visit visit = { .now = ktime_get_ns() };
	u64 passed, checks, at;
	bool all;

	mutex_lock(&backlog->lock);
	ksig_backlog_collect(backlog);
	passed = min_t(u64, visit.now - backlog->credit_at, NSEC_PER_SEC);
	checks = div_u64(passed * KSIG_CREDIT_RATE, NSEC_PER_SEC);
	if (checks) {
		backlog->credit_at = visit.now;
		backlog->credit = min(backlog->credit + (int)checks,
				      KSIG_CREDIT_MAX);
	}
	visit.credit = backlog->credit;
	all = backlog->all_due;
	/* rotate, so that the same entry isn't always the first to use a target's free space */
	if (all && !backlog->used_up)
		list_rotate_left(&backlog->waiting);
	rcu_read_lock();
	at = ksig_backlog_visit_all(backlog, &visit, all);
	rcu_read_unlock();
	backlog->credit = visit.credit;
	/* visit all entries in the next run if a target accepted signals or this run ended early */
	backlog->all_due = visit.room || (all && backlog->used_up);
	if (visit.room && !list_empty(&backlog->waiting))
		at = min(at, visit.now + (all ? KSIG_TICK / 4 : 0));
	mutex_unlock(&backlog->lock);
	if (at != KSIG_NEVER)
		ksig_backlog_run_at(backlog, at);
}

/* ----------------------------------------------------------------- lifetime */

/**
 * ksig_backlog_remove() - remove an entry before it is freed
 * @e: the entry; only the worker can still reach it
 *
 * Context: process, may sleep.
 */
void ksig_backlog_remove(struct ksig_backlog_entry *e)
{
	struct ksig_backlog *backlog = e->backlog;

	mutex_lock(&backlog->lock);
	ksig_backlog_collect(backlog);
	if (!list_empty(&e->waiting)) {
		/* other entries may have waited for this entry */
		backlog->all_due = true;
		list_del_init(&e->waiting);
		queue_work(ksig_wq, &backlog->work);
	}
	mutex_unlock(&backlog->lock);
}

/**
 * ksig_backlog_get() - get or create the backlog of a user
 * @uid: the user
 *
 * Context: process, may sleep.
 *
 * Return: the backlog, to be released with ksig_backlog_put(); NULL if memory can't be
 * allocated.
 */
struct ksig_backlog *ksig_backlog_get(kuid_t uid)
{
	struct ksig_backlog *backlog, *created;

	/* allocate without the lock, because a cgroup at its limit would block all users */
	created = kzalloc_obj(*created, GFP_KERNEL_ACCOUNT);
	if (!created)
		return NULL;
	created->uid = uid;
	init_llist_head(&created->incoming);
	INIT_WORK(&created->work, ksig_backlog_run);
	hrtimer_setup(&created->timer, ksig_backlog_on_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);
	raw_spin_lock_init(&created->timer_lock);
	mutex_init(&created->lock);
	INIT_LIST_HEAD(&created->waiting);
	created->credit = KSIG_CREDIT_FIRST;
	created->credit_at = ktime_get_ns();
	mutex_lock(&ksig_backlogs_lock);
	list_for_each_entry(backlog, &ksig_backlogs, node) {
		if (uid_eq(backlog->uid, uid))
			goto found;
	}
	backlog = created;
	created = NULL;
	list_add(&backlog->node, &ksig_backlogs);
found:
	backlog->users++;
	mutex_unlock(&ksig_backlogs_lock);
	kfree(created);
	return backlog;
}

/**
 * ksig_backlog_put() - undo ksig_backlog_get()
 * @backlog: the backlog; the caller's entry must not be on it
 *
 * Context: process, may sleep.
 */
void ksig_backlog_put(struct ksig_backlog *backlog)
{
	bool last;

	mutex_lock(&ksig_backlogs_lock);
	last = !--backlog->users;
	if (last)
		list_del(&backlog->node);
	mutex_unlock(&ksig_backlogs_lock);
	if (!last)
		return;
	/* the work item may be running and set the timer; a later run won't, as no entry is left */
	cancel_work_sync(&backlog->work);
	hrtimer_cancel(&backlog->timer);
	cancel_work_sync(&backlog->work);
	kfree(backlog);
}

int __init ksig_backlog_init(void)
{
	/* WQ_MEM_RECLAIM is set because a waiting event may report that memory is short */
	ksig_wq = alloc_workqueue("ksig", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return ksig_wq ? 0 : -ENOMEM;
}

void ksig_backlog_exit(void)
{
	/* wait for queue_rcu_work() of subscriptions that were just closed */
	rcu_barrier();
	/* freeing the subscriptions stops the backlog's timer before the workqueue is destroyed */
	flush_workqueue(ksig_wq);
	destroy_workqueue(ksig_wq);
}
