/* SPDX-License-Identifier: GPL-2.0-only */
/* Deliveries that emitters leave to a worker. Each user has one backlog. */
#ifndef KSIG_BACKLOG_H
#define KSIG_BACKLOG_H

#include <linux/llist.h>
#include <linux/list.h>
#include <linux/time64.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

struct ksig_backlog;
struct ksig_backlog_entry;
struct pid;

/*
 * Interval in nanoseconds at which stalled subscriptions are visited. When a target can
 * accept signals again, a visit must follow within 10 ms.
 */
#define KSIG_TICK	(8 * NSEC_PER_MSEC)
#define KSIG_NEVER	U64_MAX
/* Delay of an entry that waits for another entry with the same target; see ksig_visit.room. */
#define KSIG_BEHIND	NSEC_PER_SEC

/**
 * struct ksig_visit - one run of a backlog's worker
 * @credit: the user's remaining credit, in target checks
 * @now: CLOCK_MONOTONIC time at the start of the run
 * @full_pid: pid of a target that this run has found full; only compared. NULL: none yet
 * @full_max: at least this many signals are pending in the target @full_pid
 * @full_signo: signal number of these signals
 * @full_process: these signals are process-directed
 * @full_checked: the run has checked the target itself; false if the run has only found that
 *	the target is unchanged
 * @room: a target can accept signals again, so entries that wait for other entries must be
 *	visited as well
 */
struct ksig_visit {
	int credit;
	u64 now;
	const struct pid *full_pid;
	u32 full_max;
	int full_signo;
	bool full_process;
	bool full_checked;
	bool room;
};

/**
 * struct ksig_backlog_ops - operations of an entry, called in an RCU read-side section
 * @visit: deliver as many signals as possible. Returns the delay until the next visit in
 *	nanoseconds; 0 for an immediate visit; KSIG_NEVER if no visit is needed
 * @wake: wake readers; called after a full barrier, and not charged to the user's credit
 * @has_work: check whether a visit is needed for a reason other than @wake
 */
struct ksig_backlog_ops {
	u64 (*visit)(struct ksig_backlog_entry *e, struct ksig_visit *visit);
	void (*wake)(struct ksig_backlog_entry *e);
	bool (*has_work)(const struct ksig_backlog_entry *e);
};

/**
 * struct ksig_backlog_entry - entry of one subscription in a backlog
 * @ops: set by the owner
 * @backlog: set by the owner, from ksig_backlog_get()
 * @incoming: node in the backlog's list of new entries
 * @waiting: node in the backlog's list of entries to visit; protected by the backlog's lock
 * @listed: bit 0: the entry is in one of these lists
 * @visit_at: time of the next visit, CLOCK_MONOTONIC; protected by the backlog's lock
 * @urgent: visit the entry in the next run regardless of @visit_at
 * @wake: wake readers in the next run
 */
struct ksig_backlog_entry {
	const struct ksig_backlog_ops *ops;
	struct ksig_backlog *backlog;
	struct llist_node incoming;
	struct list_head waiting;
	unsigned long listed;
	u64 visit_at;
	bool urgent;
	bool wake;
};

/* Workqueue that runs the backlogs and the channels' fanouts, and frees subscriptions. */
extern struct workqueue_struct *ksig_wq;

int ksig_backlog_init(void);
void ksig_backlog_exit(void);
struct ksig_backlog *ksig_backlog_get(kuid_t uid);
void ksig_backlog_put(struct ksig_backlog *backlog);
void ksig_backlog_add(struct ksig_backlog_entry *e);
void ksig_backlog_add_later(struct ksig_backlog_entry *e, u64 delay);
void ksig_backlog_remove(struct ksig_backlog_entry *e);

#endif /* KSIG_BACKLOG_H */
