/* SPDX-License-Identifier: GPL-2.0-only */
/* A subscription: one open of a channel for reading. */
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
 * struct ksig_sub - a subscription: queue, filter and delivery
 * @chan: the channel; a reference
 * @pid_ns: the opener's; a reference
 * @net_cookie: of the opener's network namespace
 * @time_offset: of the opener's CLOCK_MONOTONIC
 * @rear_skipped: the channel's fanout serves it, and counts here what it skips; NULL:
 *	emitters serve it. Set before anybody can reach it
 * @node: among those of the channel or the fanout; its owner's
 * @filter: NULL: everything passes. Changed under @reader_mutex, the delivery's lock
 *	and the ring's; read under RCU
 * @ring: records
 * @skipped_before: events that the channel had skipped when this subscribed; under the
 *	ring's lock
 * @skipped_seen: of which the newest record gives notice; likewise
 * @delivery: signals
 * @reader_mutex: read(2), and KSIG_IOC_SUBSCRIBE. User memory is accessed under it, so
 *	mmap() doesn't take it
 * @wait: sleepers in read(2) and poll(2)
 * @fasync: owners that want SIGIO
 * @crowded: the irq_work leaves everything to the backlog
 * @exit_watched: ksig_exit_watch_start()'s
 * @fanout_from: events before this one are not for it; the fanout's, like the next
 * @fanout_joining: @fanout_from counts
 * @free: a grace period after close
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
 * ksig_notify_allowed() - may wait queues and siglock be touched here?
 *
 * Context: any.
 */
static inline bool ksig_notify_allowed(void)
{
	if (in_nmi())
		return false;
	/*
	 * On PREEMPT_RT siglock and wait queues have sleeping locks. Lockdep can
	 * be configured to report on other kernels what would be wrong there.
	 */
	return !(IS_ENABLED(CONFIG_PREEMPT_RT) ||
		 IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING)) || preemptible();
}

/**
 * ksig_sub_in_namespaces() - did an event happen in the opener's namespaces?
 * @sub: the subscription
 * @pid: the process that the event is about, or NULL
 * @net_cookie: of the network namespace in which it happened, or 0
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
 * ksig_sub_needs_notify() - is anybody to be notified of the newest record?
 * @sub: the subscription
 *
 * Context: any, RCU read-side section, after ksig_ring_commit().
 */
static inline bool ksig_sub_needs_notify(struct ksig_sub *sub)
{
	/* no waiter is missed: see the full barrier in ksig_ring_commit() */
	return waitqueue_active(&sub->wait) || READ_ONCE(sub->fasync) ||
	       ksig_deliver_needed(&sub->delivery);
}

#endif /* KSIG_SUBSCRIPTION_H */
