/* SPDX-License-Identifier: GPL-2.0-only */
/* Subscriptions. Opening a channel for reading creates a subscription. */
#ifndef KSIG_SUBSCRIPTION_H
#define KSIG_SUBSCRIPTION_H

#include <linux/hardirq.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/preempt.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "deliver.h"
#include "filter.h"
#include "ring.h"

struct ksig_chan;
struct ksig_notice;
struct net;

/**
 * struct ksig_sub - a subscription with its queue, filter and delivery
 * @chan: the channel; holds a reference
 * @pid_ns: pid namespace of the opener; holds a reference
 * @net_cookie: cookie of the opener's network namespace
 * @time_offset: offset of CLOCK_MONOTONIC in the opener's time namespace
 * @rear_skipped: if the channel's fanout serves this subscription, the counter of events
 *	that the fanout has skipped; NULL if emitters serve the subscription. Set before
 *	the subscription is added to a list
 * @node: node in the channel's or the fanout's list; protected by the lock of that list
 * @filter: the filter; NULL if all events match. Written under @reader_mutex, the
 *	delivery's lock and the ring's lock; read under RCU
 * @ring: the queued records
 * @skipped_before: value of ksig_sub_skipped() when the counters were last zero; protected
 *	by the ring's lock
 * @skipped_seen: value of ksig_sub_skipped() that the records have reported so far; protected
 *	by the ring's lock
 * @delivery: signal delivery
 * @reader_mutex: serializes read(2) and KSIG_IOC_SUBSCRIBE. User memory is accessed under
 *	this mutex, so mmap() must not take it
 * @wait: wait queue of read(2) and poll(2)
 * @fasync: files that have requested SIGIO
 * @crowded: the irq_work must leave all notifications to the backlog
 * @exit_watched: state of ksig_exit_watch_start()
 * @fanout_from: index of the first event in the fanout's ring that is offered to this
 *	subscription; protected by the fanout's lock
 * @fanout_joining: @fanout_from must be checked; protected by the fanout's lock
 * @free: frees the subscription a grace period after close
 *
 * Locks, outermost first: @reader_mutex, the delivery's lock, the ring's lock.
 */
struct ksig_sub {
	struct ksig_chan *chan;
	struct pid_namespace *pid_ns;
	u64 net_cookie;
	s64 time_offset;
	const atomic64_t *rear_skipped;
	struct list_head node;
	struct ksig_filter __rcu *filter;
	struct ksig_ring ring;
	u64 skipped_before;
	u64 skipped_seen;
	struct ksig_delivery delivery;
	struct mutex reader_mutex;
	wait_queue_head_t wait;
	struct fasync_struct *fasync;
	bool crowded;
	bool exit_watched;
	u32 fanout_from;
	bool fanout_joining;
	struct rcu_work free;
};

struct ksig_sub *ksig_sub_create(struct ksig_chan *chan);
void ksig_sub_close(struct ksig_sub *sub);
u64 ksig_net_cookie(const struct net *net);
void ksig_sub_count_lost(struct ksig_sub *sub);
void ksig_sub_notify(struct ksig_sub *sub, bool here);
void ksig_sub_hup(struct ksig_sub *sub);
int ksig_sub_subscribe(struct ksig_sub *sub, const struct ksig_subscribe *s);
int ksig_sub_arm(struct ksig_sub *sub, const struct ksig_arm *a);
u64 ksig_sub_skipped(const struct ksig_sub *sub);
void ksig_sub_stats(struct ksig_sub *sub, struct ksig_stats *st);
void ksig_sub_show(struct ksig_sub *sub, struct seq_file *m);

/**
 * ksig_notify_allowed() - check whether wait queues and siglock may be locked here
 *
 * Context: any.
 */
static inline bool ksig_notify_allowed(void)
{
	if (in_nmi())
		return false;
	/*
	 * On PREEMPT_RT, siglock and the locks of wait queues are sleeping locks. On
	 * other kernels, lockdep can be configured to report uses that would be wrong
	 * on PREEMPT_RT.
	 */
	return !(IS_ENABLED(CONFIG_PREEMPT_RT) ||
		 IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING)) || preemptible();
}

/**
 * ksig_sub_in_namespaces() - check whether an event happened in the opener's namespaces
 * @sub: the subscription
 * @pid: the process that the event is about, or NULL
 * @net_cookie: cookie of the network namespace in which the event happened, or 0
 *
 * Context: any.
 */
static inline bool ksig_sub_in_namespaces(const struct ksig_sub *sub,
					  struct pid *pid, u64 net_cookie)
{
	if (pid && !pid_nr_ns(pid, sub->pid_ns))
		return false;
	return !net_cookie || net_cookie == sub->net_cookie;
}

/**
 * ksig_sub_needs_notify() - check whether a reader or target waits for the newest record
 * @sub: the subscription
 *
 * Context: any, RCU read-side section, after ksig_ring_commit().
 */
static inline bool ksig_sub_needs_notify(struct ksig_sub *sub)
{
	/* no waiter is missed: pairs with the full barrier in ksig_ring_commit() */
	return waitqueue_active(&sub->wait) || READ_ONCE(sub->fasync) ||
	       ksig_deliver_needed(&sub->delivery);
}

#endif /* KSIG_SUBSCRIPTION_H */
