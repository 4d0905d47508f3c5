/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks whether a target is alive, is ready for a signal, or has changed. */
#ifndef KSIG_READINESS_H
#define KSIG_READINESS_H

#include <linux/lockdep.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "signal.h"

/* Scanning this many threads or pending signals costs as much as sending one signal. */
#define KSIG_SCANS_PER_SIGNAL	64

/* Kernel threads that appear as threads of a user process. They receive no signals. */
#define KSIG_NO_TARGET		(PF_IO_WORKER | PF_USER_WORKER)

static inline bool ksig_task_live(const struct task_struct *task)
{
	return !(task->flags & PF_EXITING);
}

/*
 * Check whether the leader exits because another thread of its process calls exec. The thread that
 * calls exec becomes the leader and takes over the leader's pid.
 */
static inline bool ksig_changes_leader(const struct ksig_target *t,
				       struct task_struct *task)
{
	return READ_ONCE(task->signal->group_exec_task) &&
	       task_tgid(task) == t->pid;
}

static inline bool ksig_handles(const struct k_sigaction *action)
{
	return action->sa.sa_handler != SIG_DFL &&
	       action->sa.sa_handler != SIG_IGN;
}

/*
 * Check for the common case: the target is a thread that handles a real-time signal, and no signal
 * with this number is pending.
 *
 * Context: siglock is held.
 */
static inline bool ksig_simply_ready(const struct ksig_target *t,
				     struct task_struct *task,
				     const struct k_sigaction *action)
{
	lockdep_assert_held(&task->sighand->siglock);
	return !t->process && t->signo >= SIGRTMIN &&
	       !(task->signal->flags & SIGNAL_GROUP_EXIT) &&
	       !(task->flags & (PF_EXITING | KSIG_NO_TARGET)) &&
	       !sigismember(&task->pending.signal, t->signo) &&
	       ksig_handles(action) && !(action->sa.sa_flags & SA_RESETHAND);
}

int ksig_check_ready(struct ksig_target *t, struct task_struct *task,
		     const struct k_sigaction *action);

/**
 * ksig_task_ready() - check whether the target would accept a signal without being killed by it
 * @t: the target
 * @task: task found by @t's pid
 *
 * Context: RCU read-side section; interrupts disabled, except on PREEMPT_RT.
 *
 * Return: 0; -ESRCH; -EAGAIN if the target can't accept a signal now; -ECONNREFUSED if it isn't
 * ready; -E2BIG if the check would scan more than @t permits.
 */
static inline int ksig_task_ready(struct ksig_target *t,
				  struct task_struct *task)
{
	const struct k_sigaction *action;
	struct sighand_struct *sighand;
	int err = 0;

	/*
	 * sighand is freed by RCU and its lock is always valid
	 * (SLAB_TYPESAFE_BY_RCU), but exec may replace the task's sighand.
	 */
again:
	sighand = rcu_dereference(task->sighand);
	if (!sighand)
		return -ESRCH;
	spin_lock(&sighand->siglock);
	if (sighand != rcu_access_pointer(task->sighand)) {
		spin_unlock(&sighand->siglock);
		goto again;
	}
	action = &sighand->action[t->signo - 1];
	if (unlikely(!ksig_simply_ready(t, task, action)))
		err = ksig_check_ready(t, task, action);
	spin_unlock(&sighand->siglock);
	return err;
}

#endif /* KSIG_READINESS_H */
