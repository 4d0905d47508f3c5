/* SPDX-License-Identifier: GPL-2.0-only */
/* Signal delivery: sends the records of a ring as signals to the armed target. */
#ifndef KSIG_DELIVER_H
#define KSIG_DELIVER_H

#include <linux/irq_work.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "backlog.h"
#include "exit_watch.h"
#include "ring.h"
#include "signal.h"

/*
 * Maximum number of signals that an emit sends to one target, possibly with interrupts
 * disabled
 */
#define KSIG_INLINE_SIGNALS	4
/* Maximum number of signals that the backlog's worker sends to one target per visit */
#define KSIG_VISIT_SIGNALS	64

/*
 * Delay from sending a doorbell to the first check that it was not flushed. While no record
 * is consumed, the check is repeated at intervals that double up to one second. A doorbell
 * that was refused is retried in the same way, starting with an interval of one tick.
 */
#define KSIG_RING_CHECK_MS	64
#define KSIG_RING_CHECK		(KSIG_RING_CHECK_MS * NSEC_PER_MSEC)

struct pid_namespace;
struct seq_file;

/**
 * struct ksig_arm_state - settings that a delivery is armed with; replaced as a whole
 * @watch: reports the exit of the target
 * @target: receives the signals
 * @value: value of a doorbell's signal
 * @doorbell: true for KSIG_MODE_DOORBELL, false for KSIG_MODE_EACH
 * @by_subject: KSIG_ARM_SUBJECT is set
 * @backoff: current retry delay in nanoseconds; protected by the delivery's lock
 * @rcu: frees the structure after a grace period
 */
struct ksig_arm_state {
	struct ksig_exit_watch watch;
	struct ksig_target target;
	u64 value;
	bool doorbell;
	bool by_subject;
	u64 backoff;
	struct rcu_head rcu;
};

/**
 * struct ksig_delivery - signal delivery of one subscription
 * @ring: the ring that contains the records
 * @lock: serializes signals and protects all members, except as stated below. It is a
 *	sleeping lock on PREEMPT_RT
 * @arm: current settings; NULL if not armed. Written under @lock, read under RCU
 * @stalled: only the backlog's worker delivers
 * @deliver_inline: emitters deliver, because the delivery is armed and checking its target is
 *	cheap
 * @doorbell_pending: a doorbell has to be sent; set under the ring's lock, cleared
 *	under @lock
 * @rung: a doorbell was sent, and the worker has to check that the target did not flush it
 * @target_full: the next signal has been deferred, because it can't be sent yet
 * @target_gone: the target has exited since @arm was last set
 * @target_gone_notify: pollers must be woken because of @target_gone
 * @rung_head: head of the ring when the doorbell was sent
 * @rung_at: jiffies when the doorbell was sent
 * @signals: number of signals sent
 * @direct: number of events that were delivered or refused without a record
 * @direct_refused: number of @direct events that were refused
 * @deferred: number of times that a notification was deferred; atomic
 * @irq_work: wakes pollers, and does the work that an emitter's context does not permit;
 *	set up by the owner
 * @entry: entry of the subscription in its user's backlog
 */
struct ksig_delivery {
	struct ksig_ring *ring;
	spinlock_t lock;
	struct ksig_arm_state __rcu *arm;
	bool stalled;
	bool deliver_inline;
	bool doorbell_pending;
	bool rung;
	bool target_full;
	bool target_gone;
	bool target_gone_notify;
	u32 rung_head;
	unsigned long rung_at;
	u64 signals;
	u64 direct;
	u64 direct_refused;
	atomic64_t deferred;
	struct irq_work irq_work;
	struct ksig_backlog_entry entry;
};

void ksig_delivery_init(struct ksig_delivery *d, struct ksig_ring *ring);
struct ksig_arm_state *ksig_arm_create(const struct ksig_arm *a);
void ksig_arm_destroy(struct ksig_arm_state *arm);
int ksig_deliver_arm(struct ksig_delivery *d, struct ksig_arm_state *arm);
void ksig_deliver_disarm(struct ksig_delivery *d);
void ksig_deliver_check_target(struct ksig_delivery *d);
bool ksig_deliver_direct(struct ksig_delivery *d,
			 const struct ksig_arm_state *armed, u64 subject,
			 u64 value);
void ksig_deliver(struct ksig_delivery *d, int budget);
void ksig_deliver_or_leave(struct ksig_delivery *d);
void ksig_deliver_leave(struct ksig_delivery *d, bool wake);
void ksig_deliver_stats(struct ksig_delivery *d, struct ksig_stats *st);
void ksig_deliver_show(struct ksig_delivery *d, struct seq_file *m,
		       struct pid_namespace *ns);

/* used by retry.c */
int ksig_deliver_hold(struct ksig_delivery *d, int err);
int ksig_deliver_one(struct ksig_delivery *d, u32 scan_max);

/* defined in retry.c */
u64 ksig_deliver_visit(struct ksig_delivery *d, struct ksig_visit *visit);

static inline struct ksig_arm_state *
ksig_arm_locked(const struct ksig_delivery *d)
{
	return rcu_dereference_protected(d->arm, lockdep_is_held(&d->lock));
}

static inline bool ksig_delivery_armed(const struct ksig_delivery *d)
{
	return rcu_access_pointer(d->arm) != NULL;
}

/**
 * ksig_deliver_needed() - check whether the newest record requires a signal
 * @d: the delivery
 *
 * Context: any, RCU read-side section, after ksig_ring_commit().
 */
static inline bool ksig_deliver_needed(const struct ksig_delivery *d)
{
	const struct ksig_arm_state *arm = rcu_dereference(d->arm);

	/* the barrier in ksig_ring_commit() pairs with the one in ksig_deliver_resume() */
	return arm && !READ_ONCE(d->stalled) &&
	       (!arm->doorbell || READ_ONCE(d->doorbell_pending));
}

#endif /* KSIG_DELIVER_H */
