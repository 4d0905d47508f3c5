// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deliveries that emitters leave behind, a backlog for each user.
 *
 * A subscription is on its opener's backlog while its target has no room, while
 * checking the target takes long, while one emit had more to deliver than it may,
 * and for a moment after a doorbell. A worker visits it: at once when it is added,
 * then as often as ksig_sub_visit() says.
 *
 * All that a user's stalled subscriptions cost is paid from the user's credit, some
 * 0.5 % of a cpu: when it is used up they wait, and nobody else does. A check of a
 * target costs 1, or more if it walks many threads or signals; so do
 * KSIG_SKIPS_A_CHECK visits that need no check. What is sent costs nothing: the
 * target must accept it first.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "ksig.h"

/* Checks that a user gets in a second, and at most at a time. */
#define KSIG_CREDIT_RATE	10000
#define KSIG_CREDIT_MAX		1000
#define KSIG_SKIPS_A_CHECK	16

#define KSIG_LISTED		0	/* in sub->listed */

/**
 * struct ksig_backlog - what a user's subscriptions have left to deliver
 * @node: among all; under ksig_backlogs_lock
 * @uid: the user
 * @subs: how many subscriptions refer to it; under ksig_backlogs_lock
 * @incoming: subscriptions on their way to @waiting; any context but NMI adds
 * @kicked: @work is queued to run at once, and has not begun
 * @work: visits the subscriptions
 * @lock: the members below, and each subscription's waiting and visit_at. Held
 *	while subscriptions are visited: those on the list are not freed
 * @waiting: subscriptions to visit
 * @credit: how many checks the user may still cause
 * @credit_at: jiffies, when @credit was last renewed
 */
struct ksig_backlog {
	struct list_head node;
	kuid_t uid;
	unsigned int subs;

	struct llist_head incoming;
	atomic_t kicked;
	struct delayed_work work;

	struct mutex lock;
	struct list_head waiting;
	int credit;
	unsigned long credit_at;
};

/* Sends what emitters left, serves chan->fanout and frees subscriptions. */
struct workqueue_struct *ksig_wq;

static LIST_HEAD(ksig_backlogs);
static DEFINE_MUTEX(ksig_backlogs_lock);

/* ------------------------------------------------------------------- adding */

/*
 * The worker clears kicked before it visits: who finds it set is sure that a run
 * follows. Pairs with ksig_backlog_run().
 */
static void ksig_backlog_kick(struct ksig_backlog *backlog)
{
	if (!atomic_xchg(&backlog->kicked, 1))
		mod_delayed_work(ksig_wq, &backlog->work, 0);
}

/* Return: it was not listed. */
static bool ksig_backlog_list(struct ksig_sub *sub)
{
	if (test_bit(KSIG_LISTED, &sub->listed) ||
	    test_and_set_bit(KSIG_LISTED, &sub->listed))
		return false;
	llist_add(&sub->incoming, &sub->backlog->incoming);
	return true;
}

/**
 * ksig_backlog_add() - have a subscription visited at once
 * @sub: stalled, or with wake_late set
 *
 * Context: any but NMI; on PREEMPT_RT preemptible. RCU read-side section, or
 * sub is open.
 */
void ksig_backlog_add(struct ksig_sub *sub)
{
	WRITE_ONCE(sub->urgent, true);
	ksig_backlog_list(sub);
	ksig_backlog_kick(sub->backlog);
}

/**
 * ksig_backlog_watch() - have a subscription visited some time
 * @sub: with rung set
 * @delay: jiffies; a second at most if the worker is about to come later
 *
 * Context: as ksig_backlog_add().
 */
void ksig_backlog_watch(struct ksig_sub *sub, unsigned long delay)
{
	if (ksig_backlog_list(sub))
		queue_delayed_work(ksig_wq, &sub->backlog->work, delay);
}

/* ----------------------------------------------------------------- visiting */

static void ksig_backlog_collect(struct ksig_backlog *backlog)
{
	struct llist_node *nodes = llist_del_all(&backlog->incoming);
	struct ksig_sub *sub, *next;

	lockdep_assert_held(&backlog->lock);
	nodes = llist_reverse_order(nodes);
	llist_for_each_entry_safe(sub, next, nodes, incoming) {
		sub->visit_at = jiffies;
		list_add_tail(&sub->waiting, &backlog->waiting);
	}
}

static void ksig_backlog_renew(struct ksig_backlog *backlog)
{
	unsigned long passed = min(jiffies - backlog->credit_at, HZ * 1UL);

	lockdep_assert_held(&backlog->lock);
	backlog->credit_at = jiffies;
	backlog->credit += (int)(passed * KSIG_CREDIT_RATE / HZ);
	backlog->credit = min(backlog->credit, KSIG_CREDIT_MAX);
}

/*
 * No visit is needed. An emitter that stalls it now finds it still listed, or lists
 * it again. Under the backlog's lock.
 */
static void ksig_backlog_drop(struct ksig_sub *sub)
{
	list_del_init(&sub->waiting);
	clear_bit(KSIG_LISTED, &sub->listed);
	/* listed, then the reasons for a visit: pairs with test_and_set_bit() */
	smp_mb__after_atomic();
	if (READ_ONCE(sub->stalled) || READ_ONCE(sub->rung) ||
	    READ_ONCE(sub->wake_late))
		ksig_backlog_add(sub);
}

static bool ksig_backlog_due(struct ksig_sub *sub)
{
	if (READ_ONCE(sub->urgent) && xchg(&sub->urgent, false))
		return true;
	return time_after_eq(jiffies, sub->visit_at);
}

/* Return: jiffies until the next run. */
static unsigned long ksig_backlog_visit(struct ksig_backlog *backlog)
{
	struct ksig_visit visit = { .credit = backlog->credit };
	unsigned long delay, soonest = LONG_MAX;
	struct ksig_sub *sub, *next;
	unsigned int visited = 0;

	list_for_each_entry_safe(sub, next, &backlog->waiting, waiting) {
		if (visit.credit <= 0) {
			/* from here on the next time */
			list_rotate_to_front(&sub->waiting, &backlog->waiting);
			soonest = min(soonest, KSIG_TICK);
			break;
		}
		if (!(++visited % KSIG_SKIPS_A_CHECK))
			visit.credit--;
		if (ksig_backlog_due(sub)) {
			rcu_read_lock();
			delay = ksig_sub_visit(sub, &visit);
			rcu_read_unlock();
			if (delay == LONG_MAX) {
				ksig_backlog_drop(sub);
				continue;
			}
			sub->visit_at = jiffies + delay;
		}
		delay = sub->visit_at - jiffies;
		soonest = min(soonest, (long)delay < 0 ? 0 : delay);
		cond_resched();
	}
	backlog->credit = visit.credit;
	return soonest;
}

static void ksig_backlog_run(struct work_struct *work)
{
	struct ksig_backlog *backlog =
		container_of(to_delayed_work(work), struct ksig_backlog, work);
	unsigned long delay;

	/* full barrier: pairs with the one in ksig_backlog_kick() */
	atomic_xchg(&backlog->kicked, 0);
	mutex_lock(&backlog->lock);
	ksig_backlog_collect(backlog);
	ksig_backlog_renew(backlog);
	/* each in turn is the first */
	list_rotate_left(&backlog->waiting);
	delay = ksig_backlog_visit(backlog);
	mutex_unlock(&backlog->lock);
	if (delay != LONG_MAX)
		mod_delayed_work(ksig_wq, &backlog->work, delay);
	/* that may have put off a run that was to come at once */
	smp_mb();
	if (atomic_read(&backlog->kicked))
		mod_delayed_work(ksig_wq, &backlog->work, 0);
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
	list_del_init(&sub->waiting);
	mutex_unlock(&backlog->lock);
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
	struct ksig_backlog *backlog;

	mutex_lock(&ksig_backlogs_lock);
	list_for_each_entry(backlog, &ksig_backlogs, node) {
		if (uid_eq(backlog->uid, uid))
			goto found;
	}
	backlog = kzalloc(sizeof(*backlog), GFP_KERNEL_ACCOUNT);
	if (!backlog)
		goto unlock;
	backlog->uid = uid;
	init_llist_head(&backlog->incoming);
	INIT_DELAYED_WORK(&backlog->work, ksig_backlog_run);
	mutex_init(&backlog->lock);
	INIT_LIST_HEAD(&backlog->waiting);
	backlog->credit = KSIG_CREDIT_MAX;
	backlog->credit_at = jiffies;
	list_add(&backlog->node, &ksig_backlogs);
found:
	backlog->subs++;
unlock:
	mutex_unlock(&ksig_backlogs_lock);
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
	cancel_delayed_work_sync(&backlog->work);
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
	destroy_workqueue(ksig_wq);
}
