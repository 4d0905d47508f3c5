// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deliveries that emitters leave behind, a backlog for each user.
 *
 * A subscription is on its opener's backlog while its target has no room, while
 * checking the target takes long, while one emit had more to deliver than it may,
 * and for a moment after a doorbell. A worker visits it: at once when an emitter
 * leaves something, then as often as ksig_sub_visit() says.
 *
 * All that a user's stalled subscriptions cost is paid from the user's credit, some
 * 0.5 % of a cpu: when it is used up they wait, and nobody else does. A check of a
 * target costs 1, or more if it walks many threads or signals; so do
 * KSIG_SKIPS_A_CHECK visits that need no check. When credit is scarce, a subscription
 * whose checks cost more than 1 is visited less often, and takes a tenth at most.
 * What is sent costs nothing: the target must accept it first.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "ksig.h"

/* What a user's checks may come to in a second, and at most at a time. */
#define KSIG_CREDIT_RATE	10000
#define KSIG_CREDIT_MAX		1000
#define KSIG_CREDIT_FIRST	600
/* With less than this, what costs more than others is visited less often. */
#define KSIG_CREDIT_SCARCE	500
#define KSIG_SKIPS_A_CHECK	16

#define KSIG_LISTED		0	/* in sub->listed */

/**
 * struct ksig_backlog - what a user's subscriptions have left to deliver
 * @node: among all; under ksig_backlogs_lock
 * @uid: the user
 * @subs: how many subscriptions refer to it; under ksig_backlogs_lock
 * @incoming: subscriptions on their way to @waiting; any context but NMI adds
 * @work: visits the subscriptions
 * @timer: queues @work
 * @timer_lock: protects @timer_set and @timer_at
 * @timer_set: @timer is going to queue @work
 * @timer_at: CLOCK_MONOTONIC, when
 * @lock: the members below, and each subscription's waiting and visit_at. Held
 *	while subscriptions are visited: those on the list are not freed
 * @waiting: subscriptions to visit. Of those that wait for one target the first
 *	is visited every KSIG_TICK, the others with it once there is room
 * @all_due: visit all: there was room, or one that others waited behind has gone
 * @used_up: the last run had no credit left; it ended before the first of @waiting
 * @credit: how many checks the user may still cause
 * @credit_at: CLOCK_MONOTONIC, when @credit was last renewed
 */
struct ksig_backlog {
	struct list_head node;
	kuid_t uid;
	unsigned int subs;

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

/* Sends what emitters left, serves chan->fanout and frees subscriptions. */
struct workqueue_struct *ksig_wq;

static LIST_HEAD(ksig_backlogs);
static DEFINE_MUTEX(ksig_backlogs_lock);

/* ------------------------------------------------------------------- adding */

/*
 * Have the worker run at that time, or earlier. If the timer is just going off, and
 * does not take note of this, the worker runs now and sees what was listed before.
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
 * A full barrier, listed already or not: the reason for a visit comes before it.
 * Pairs with the one in ksig_backlog_drop().
 */
static bool ksig_backlog_enlist(struct ksig_sub *sub)
{
	return !test_and_set_bit(KSIG_LISTED, &sub->listed);
}

/**
 * ksig_backlog_add() - have a subscription visited at once
 * @sub: stalled just now (urgent is set), or with wake_late set
 *
 * Context: any but NMI; on PREEMPT_RT preemptible. sub->pump is held, so that a task
 * which is preempted here does not leave others waiting for the visit.
 */
void ksig_backlog_add(struct ksig_sub *sub)
{
	lockdep_assert_held(&sub->pump);
	if (ksig_backlog_enlist(sub))
		llist_add(&sub->incoming, &sub->backlog->incoming);
	queue_work(ksig_wq, &sub->backlog->work);
}

/**
 * ksig_backlog_watch() - have a subscription visited later
 * @sub: with rung set
 * @delay: nanoseconds; it may be a second if it is on the backlog already
 *
 * Context: as ksig_backlog_add().
 */
void ksig_backlog_watch(struct ksig_sub *sub, u64 delay)
{
	lockdep_assert_held(&sub->pump);
	if (!ksig_backlog_enlist(sub))
		return;
	/* the worker's from llist_add() on */
	sub->visit_at = ktime_get_ns() + delay;
	llist_add(&sub->incoming, &sub->backlog->incoming);
	ksig_backlog_run_at(sub->backlog, sub->visit_at);
}

/* ----------------------------------------------------------------- visiting */

static void ksig_backlog_collect(struct ksig_backlog *backlog)
{
	struct llist_node *nodes = llist_del_all(&backlog->incoming);
	struct ksig_sub *sub, *next;

	lockdep_assert_held(&backlog->lock);
	nodes = llist_reverse_order(nodes);
	llist_for_each_entry_safe(sub, next, nodes, incoming)
		list_add_tail(&sub->waiting, &backlog->waiting);
}

static void ksig_backlog_renew(struct ksig_backlog *backlog, u64 now)
{
	u64 passed = min_t(u64, now - backlog->credit_at, NSEC_PER_SEC);
	u64 checks = div_u64(passed * KSIG_CREDIT_RATE, NSEC_PER_SEC);

	lockdep_assert_held(&backlog->lock);
	if (!checks)
		return;
	backlog->credit_at = now;
	backlog->credit = min(backlog->credit + (int)checks, KSIG_CREDIT_MAX);
}

/*
 * No visit is needed. An emitter that finds a reason for one now either finds it
 * still listed, and the reason is seen here, or lists it again.
 * Return: false: it stays on the list.
 */
static bool ksig_backlog_drop(struct ksig_backlog *backlog, struct ksig_sub *sub)
{
	lockdep_assert_held(&backlog->lock);
	list_del_init(&sub->waiting);
	clear_bit(KSIG_LISTED, &sub->listed);
	/* not listed, then the reasons: pairs with ksig_backlog_enlist() */
	smp_mb__after_atomic();
	if (!READ_ONCE(sub->stalled) && !READ_ONCE(sub->rung) &&
	    !READ_ONCE(sub->wake_late))
		return true;
	if (!ksig_backlog_enlist(sub))
		return true;
	list_add_tail(&sub->waiting, &backlog->waiting);
	return false;
}

static bool ksig_backlog_due(struct ksig_sub *sub, u64 now)
{
	/* what is tested first is cheap; the answer is xchg()'s */
	if (READ_ONCE(sub->urgent) && xchg(&sub->urgent, false))
		return true;
	return now >= sub->visit_at;
}

/*
 * When a delay is over, or a bit earlier: what is stalled is visited in the same run,
 * however many there are and whenever they stalled.
 */
static u64 ksig_backlog_after(u64 now, u64 delay)
{
	u32 into_tick;

	if (delay < KSIG_TICK)
		return now + delay;
	div_u64_rem(now + delay, KSIG_TICK, &into_tick);
	return now + delay - into_tick;
}

/* Return: it stays on the list. */
static bool ksig_backlog_visit(struct ksig_backlog *backlog,
			       struct ksig_sub *sub, struct ksig_visit *visit)
{
	int before = visit->credit;
	u64 delay = ksig_sub_visit(sub, visit);

	if (delay == KSIG_NEVER) {
		sub->visit_at = visit->now;
		return !ksig_backlog_drop(backlog, sub);
	}
	if (before - visit->credit > 1 && visit->credit < KSIG_CREDIT_SCARCE)
		delay = max_t(u64, delay, 10 * div_u64((u64)NSEC_PER_SEC *
				(before - visit->credit), KSIG_CREDIT_RATE));
	sub->visit_at = ksig_backlog_after(visit->now, delay);
	return true;
}

/*
 * Return: when to run again, CLOCK_MONOTONIC; KSIG_NEVER. In an RCU read-side section
 * that is left now and then.
 */
static u64 ksig_backlog_visit_all(struct ksig_backlog *backlog,
				  struct ksig_visit *visit, bool all)
{
	struct ksig_sub *sub, *next, *first = NULL;
	u64 soonest = KSIG_NEVER;
	unsigned int visited = 0;

	list_for_each_entry_safe(sub, next, &backlog->waiting, waiting) {
		if (unlikely(READ_ONCE(sub->wake_late)))
			ksig_sub_wake_late(sub);
		if (unlikely(visit->credit <= 0)) {
			/* the next run begins here */
			if (!first)
				first = sub;
			continue;
		}
		if (!(++visited % KSIG_SKIPS_A_CHECK)) {
			visit->credit--;
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
		if ((ksig_backlog_due(sub, visit->now) || all) &&
		    !ksig_backlog_visit(backlog, sub, visit)) {
			visit->room = true;
			continue;
		}
		soonest = min(soonest, sub->visit_at);
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
	bool all;
	u64 at;

	mutex_lock(&backlog->lock);
	ksig_backlog_collect(backlog);
	ksig_backlog_renew(backlog, visit.now);
	visit.credit = backlog->credit;
	all = backlog->all_due;
	/* what there is room for each in turn is the first to get */
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
 * ksig_backlog_remove() - a subscription is about to be freed
 * @sub: nobody can reach it any more but the backlog's worker
 *
 * Context: process, may sleep.
 */
void ksig_backlog_remove(struct ksig_sub *sub)
{
	struct ksig_backlog *backlog = sub->backlog;

	mutex_lock(&backlog->lock);
	ksig_backlog_collect(backlog);
	if (!list_empty(&sub->waiting)) {
		/* others may have waited behind it */
		backlog->all_due = true;
		list_del_init(&sub->waiting);
		queue_work(ksig_wq, &backlog->work);
	}
	mutex_unlock(&backlog->lock);
}

static struct ksig_backlog *ksig_backlog_create(kuid_t uid)
{
	struct ksig_backlog *backlog;

	backlog = kzalloc_obj(*backlog, GFP_KERNEL_ACCOUNT);
	if (!backlog)
		return NULL;
	backlog->uid = uid;
	init_llist_head(&backlog->incoming);
	INIT_WORK(&backlog->work, ksig_backlog_run);
	hrtimer_setup(&backlog->timer, ksig_backlog_on_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);
	raw_spin_lock_init(&backlog->timer_lock);
	mutex_init(&backlog->lock);
	INIT_LIST_HEAD(&backlog->waiting);
	backlog->credit = KSIG_CREDIT_FIRST;
	backlog->credit_at = ktime_get_ns();
	return backlog;
}

/**
 * ksig_backlog_get() - a user's backlog
 * @uid: the user
 *
 * Context: process, may sleep.
 *
 * Return: the backlog, for ksig_backlog_put(); NULL: no memory.
 */
struct ksig_backlog *ksig_backlog_get(kuid_t uid)
{
	struct ksig_backlog *backlog, *made = ksig_backlog_create(uid);

	/* not under the lock: a cgroup at its limit would hold up all others */
	if (!made)
		return NULL;
	mutex_lock(&ksig_backlogs_lock);
	list_for_each_entry(backlog, &ksig_backlogs, node) {
		if (uid_eq(backlog->uid, uid))
			goto found;
	}
	backlog = made;
	made = NULL;
	list_add(&backlog->node, &ksig_backlogs);
found:
	backlog->subs++;
	mutex_unlock(&ksig_backlogs_lock);
	kfree(made);
	return backlog;
}

/**
 * ksig_backlog_put() - undoes ksig_backlog_get()
 * @backlog: the caller's subscription is not on it
 *
 * Context: process, may sleep.
 */
void ksig_backlog_put(struct ksig_backlog *backlog)
{
	bool last;

	mutex_lock(&ksig_backlogs_lock);
	last = !--backlog->subs;
	if (last)
		list_del(&backlog->node);
	mutex_unlock(&ksig_backlogs_lock);
	if (!last)
		return;
	/* a run that has begun may set the timer; one without subscriptions won't */
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
	/* subscriptions that were closed a moment ago, on their way to ksig_wq */
	rcu_barrier();
	/* they stop their backlog's timer, which must not queue work any more */
	flush_workqueue(ksig_wq);
	destroy_workqueue(ksig_wq);
}
