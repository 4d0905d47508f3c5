/* SPDX-License-Identifier: GPL-2.0-only */
/* Deliveries that emitters leave to a worker: one backlog per user. */
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
 * Room in a target must be noticed within 10 ms, so stalled subscriptions are
 * visited this often, in nanoseconds.
 */
#define KSIG_TICK	(8 * NSEC_PER_MSEC)
#define KSIG_NEVER	U64_MAX
/* Another entry waits for the same target: all are visited once that has room. */
#define KSIG_BEHIND	NSEC_PER_SEC

/**
 * struct ksig_visit - one run of a backlog's worker
 * @credit: what the run may still spend, in checks of a target
 * @now: when the run began, CLOCK_MONOTONIC
 * @full_pid: a target without room that this run has found; only compared. NULL:
 *	none yet
 * @full_max: number of signals pending in it
 * @full_signo: their number
 * @full_process: they are process-directed
 * @full_checked: this run has checked the target, not just compared counts
 * @room: a target has room, so entries that wait behind another are visited, too
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
 * struct ksig_backlog_ops - what a worker calls, in an RCU read-side section
 * @visit: deliver what is possible. Return: nanoseconds until the next visit; 0 at
 *	once; KSIG_NEVER if none is needed
 * @wake: wake readers; called after a full barrier, and not charged
 * @has_work: is a visit needed, apart from @wake?
 */
struct ksig_backlog_ops {
	u64 (*visit)(struct ksig_backlog_entry *e, struct ksig_visit *visit);
	void (*wake)(struct ksig_backlog_entry *e);
	bool (*has_work)(const struct ksig_backlog_entry *e);
};

/**
 * struct ksig_backlog_entry - one subscription's place in a backlog
 * @ops: set by the owner
 * @backlog: set by the owner, from ksig_backlog_get()
 * @incoming: on its way to @waiting
 * @waiting: in the backlog; under its lock
 * @listed: bit 0: in either of the two
 * @visit_at: CLOCK_MONOTONIC; under the backlog's lock
 * @urgent: visit it in the next run, whatever @visit_at says
 * @wake: readers have to be woken in the next run
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

/* Runs the backlogs and the channels' fanouts, and frees subscriptions. */
extern struct workqueue_struct *ksig_wq;

int ksig_backlog_init(void);
void ksig_backlog_exit(void);
struct ksig_backlog *ksig_backlog_get(kuid_t uid);
void ksig_backlog_put(struct ksig_backlog *backlog);
void ksig_backlog_add(struct ksig_backlog_entry *e);
void ksig_backlog_add_later(struct ksig_backlog_entry *e, u64 delay);
void ksig_backlog_remove(struct ksig_backlog_entry *e);

#endif /* KSIG_BACKLOG_H */
