// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deliveries that emitters leave to a worker: one backlog per user.
 *
 * A subscription is on the backlog of the user who opened it while its target has no
 * room, while checking the target takes long, after an emit that had more to deliver
 * than it is allowed to, and for a while after a doorbell. The worker visits it at
 * once when an emitter leaves something, and after that when the last visit says.
 *
 * Everything that a user's stalled subscriptions cost is paid from that user's credit,
 * about 0.5 % of a cpu. When it is used up only that user's subscriptions wait. A check
 * of a target costs 1, or more if it scans many threads or signals; so do
 * KSIG_SKIPS_PER_CHECK visits that need no check. When credit is scarce, a subscription
 * whose checks cost more than 1 is visited less often and uses at most a tenth of it.
 * Signals that are sent cost nothing, because the target must accept them first.
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

/* Checks per second, what may be saved up, and what a new user has. */
#define KSIG_CREDIT_RATE	10000
#define KSIG_CREDIT_MAX		1000
#define KSIG_CREDIT_FIRST	600
/* Below this, expensive subscriptions are visited less often. */
#define KSIG_CREDIT_SCARCE	500
#define KSIG_SKIPS_PER_CHECK	16

#define KSIG_LISTED		0	/* bit in ksig_backlog_entry.listed */

/**
 * struct ksig_backlog - a user's backlog
 * @node: among all; under ksig_backlogs_lock
 * @uid: the user
 * @users: number of subscriptions that refer to it; under ksig_backlogs_lock
 * @incoming: entries on their way to @waiting; added to from any context except NMI
 * @work: visits the entries
 * @timer: queues @work
 * @timer_lock: protects @timer_set and @timer_at
 * @timer_set: @timer is going to queue @work
 * @timer_at: CLOCK_MONOTONIC, when
 * @lock: protects the members below, and each entry's waiting and visit_at. Held
 *	while entries are visited, so that entries on the list are not freed
 * @waiting: entries to visit. Of those that wait for one target, the first is visited
 *	every KSIG_TICK and the others once there is room
 * @all_due: visit all: there was room, or an entry that others waited behind is gone
 * @used_up: the last run ended before the first entry of @waiting, without credit
 * @credit: number of checks that the user may still cause
 * @credit_at: CLOCK_MONOTONIC, when @credit was last renewed
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
 * Have the worker run at that time, or earlier. If the timer is just expiring and
 * misses this change, the worker runs now and sees what was listed before.
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
 * A full barrier, whether it was listed or not: the reason for the visit, then
 * listed. Pairs with the barrier in ksig_backlog_drop().
 */
static bool ksig_backlog_enlist(struct ksig_backlog_entry *e)
{
	return !test_and_set_bit(KSIG_LISTED, &e->listed);
}

/**
 * ksig_backlog_add() - have an entry visited at once
 * @e: with has_work() true, or @wake set
 *
 * Context: any except NMI; on PREEMPT_RT preemptible. The caller holds a lock that
 * every other caller for @e takes, so that a task that is preempted here delays nobody.
 */
void ksig_backlog_add(struct ksig_backlog_entry *e)
{
	if (ksig_backlog_enlist(e))
		llist_add(&e->incoming, &e->backlog->incoming);
	queue_work(ksig_wq, &e->backlog->work);
}

/**
 * ksig_backlog_add_later() - have an entry visited after a delay
 * @e: with has_work() true
 * @delay: nanoseconds; up to a second if the entry is on the backlog already
 *
 * Context: as ksig_backlog_add().
 */
void ksig_backlog_add_later(struct ksig_backlog_entry *e, u64 delay)
{
	if (!ksig_backlog_enlist(e))
		return;
	/* the worker's from llist_add() on */
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
 * No visit is needed. An emitter that finds a reason for one now either finds the
 * entry still listed, and the reason is seen here, or lists it again.
 *
 * Return: false if the entry stays on the list.
 */
static bool ksig_backlog_drop(struct ksig_backlog *backlog,
			      struct ksig_backlog_entry *e)
{
	lockdep_assert_held(&backlog->lock);
	list_del_init(&e->waiting);
	clear_bit(KSIG_LISTED, &e->listed);
	/* listed, then the reasons: pairs with ksig_backlog_enlist() */
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
	 * Earlier by less than a tick: stalled subscriptions are visited in the same
	 * run, however many there are and whenever they stalled.
	 */
	if (delay >= KSIG_TICK)
		div_u64_rem(visit->now + delay, KSIG_TICK, &into_tick);
	e->visit_at = visit->now + delay - into_tick;
	return true;
}

/*
 * Called in an RCU read-side section, which is left now and then.
 *
 * Return: when to run again, CLOCK_MONOTONIC, or KSIG_NEVER.
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
		/* the plain test is cheap; xchg() gives the answer */
		if (READ_ONCE(e->wake) && xchg(&e->wake, false))
			e->ops->wake(e);
		if (unlikely(visit->credit <= 0)) {
			/* the next run begins here */
			if (!first)
				first = e;
			continue;
		}
		if (!(++visited % KSIG_SKIPS_PER_CHECK)) {
			visit->credit--;
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
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
	/* the entries take turns in being the first when there is room */
	if (all && !backlog->used_up)
		list_rotate_left(&backlog->waiting);
	rcu_read_lock();
	at = ksig_backlog_visit_all(backlog, &visit, all);
	rcu_read_unlock();
	backlog->credit = visit.credit;
	/* those that were not visited: in another run, and once more if need be */
	backlog->all_due = visit.room || (all && backlog->used_up);
	if (visit.room && !list_empty(&backlog->waiting))
		at = min(at, visit.now + (all ? KSIG_TICK / 4 : 0));
	mutex_unlock(&backlog->lock);
	if (at != KSIG_NEVER)
		ksig_backlog_run_at(backlog, at);
}

/* ----------------------------------------------------------------- lifetime */

/**
 * ksig_backlog_remove() - take an entry off before it is freed
 * @e: only the worker can still reach it
 *
 * Context: process, may sleep.
 */
void ksig_backlog_remove(struct ksig_backlog_entry *e)
{
	struct ksig_backlog *backlog = e->backlog;

	mutex_lock(&backlog->lock);
	ksig_backlog_collect(backlog);
	if (!list_empty(&e->waiting)) {
		/* others may have waited behind it */
		backlog->all_due = true;
		list_del_init(&e->waiting);
		queue_work(ksig_wq, &backlog->work);
	}
	mutex_unlock(&backlog->lock);
}

/**
 * ksig_backlog_get() - a user's backlog
 * @uid: the user
 *
 * Context: process, may sleep.
 *
 * Return: the backlog, to be released with ksig_backlog_put(); NULL if there is no
 * memory.
 */
struct ksig_backlog *ksig_backlog_get(kuid_t uid)
{
	struct ksig_backlog *backlog, *created;

	/* not under the lock: a cgroup at its limit would hold up everybody */
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
 * @backlog: the caller's entry is not on it
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
	/* a run under way may set the timer; one without entries doesn't */
	cancel_work_sync(&backlog->work);
	hrtimer_cancel(&backlog->timer);
	cancel_work_sync(&backlog->work);
	kfree(backlog);
}

int __init ksig_backlog_init(void)
{
	/* what waits for it may be the news that memory is short */
	ksig_wq = alloc_workqueue("ksig", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return ksig_wq ? 0 : -ENOMEM;
}

void ksig_backlog_exit(void)
{
	/* subscriptions that were just closed, on their way to ksig_wq */
	rcu_barrier();
	/* their release stops the backlog's timer before the queue goes */
	flush_workqueue(ksig_wq);
	destroy_workqueue(ksig_wq);
}
