/* SPDX-License-Identifier: GPL-2.0-only */
/* What state a target is in: alive, ready for a signal, changed since then. */
#ifndef KSIG_READINESS_H
#define KSIG_READINESS_H

#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "signal.h"

/* Scanning this many threads or pending signals costs as much as sending one signal. */
#define KSIG_SCANS_PER_SIGNAL	64

static inline bool ksig_task_live(const struct task_struct *task)
{
	return !(task->flags & PF_EXITING);
}

/*
 * A leader that exits because another of its threads calls exec: that thread becomes the
 * leader and takes over its number.
 */
static inline bool ksig_changes_leader(const struct ksig_target *t,
				       struct task_struct *task)
{
	return READ_ONCE(task->signal->group_exec_task) &&
	       task_tgid(task) == t->pid;
}

int ksig_task_ready(struct ksig_target *t, struct task_struct *task);

#endif /* KSIG_READINESS_H */
