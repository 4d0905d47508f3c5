// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks whether a target is ready for a signal, and whether a full target has changed since the
 * last check.
 *
 * A target is ready for a real-time signal if it handles the signal, blocks it or waits for
 * it. Otherwise the signal would kill the target or be ignored. For standard signals, readiness is
 * not checked, as with kill(2).
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/user_namespace.h>

#include "readiness.h"

/* Maximum number of pending signals that are scanned; a longer list counts as full. */
#define KSIG_SCAN_LIMIT		2048

/* Context switches are compared only for processes with at most this many threads. */
#define KSIG_THREADS_COMPARED	4

/* Stands for the context-switch count if the target is running or has too many threads. */
#define KSIG_RUNS		U64_MAX

/* ---------------------------------------------------------------------- ready? */

/* A thread that sleeps in sigtimedwait() keeps its normal mask in real_blocked. */
static bool ksig_blocks(struct task_struct *task, int signo)
{
	return sigismember(&task->blocked, signo) ||
	       sigismember(&task->real_blocked, signo);
}

/* Charge a scan of all threads. Return: false if the target has more threads than scan_max. */
static bool ksig_charge_scan(struct ksig_target *t, struct task_struct *task)
{
	unsigned int threads = get_nr_threads(task);

	if (t->scan_max && threads > t->scan_max)
		return false;
	t->scan_cost += threads / KSIG_SCANS_PER_SIGNAL;
	return true;
}

static noinline int ksig_other_live(struct ksig_target *t,
				    struct task_struct *task)
{
	struct task_struct *thread;

	if (!ksig_charge_scan(t, task))
		return -E2BIG;
	for_each_thread(task, thread) {
		if (ksig_task_live(thread))
			return 0;
	}
	return -ESRCH;
}

/* Return: 0; -EAGAIN if max_pending signals are pending; -E2BIG if the scan is too long. */
static noinline int ksig_count_pending(struct ksig_target *t,
				       struct sigpending *pending)
{
	u32 limit = min_not_zero(t->scan_max, (u32)KSIG_SCAN_LIMIT);
	u32 scanned = 0, found = 0;
	struct sigqueue *q;

	if (t->max_pending == 1)
		return -EAGAIN;
	list_for_each_entry(q, &pending->list, list) {
		if (q->info.si_signo == t->signo && ++found == t->max_pending)
			break;
		if (++scanned == limit)
			break;
	}
	t->scan_cost += scanned / KSIG_SCANS_PER_SIGNAL;
	if (found == t->max_pending || scanned == KSIG_SCAN_LIMIT)
		return -EAGAIN;
	return scanned == limit ? -E2BIG : 0;
}

/* Check a target that has no handler, or whose handler is reset by the first signal. */
static noinline int ksig_check_blocked(struct ksig_target *t,
				       struct task_struct *task,
				       const struct k_sigaction *action)
{
	struct task_struct *thread;

	if (ksig_handles(action)) {
		/* a signal that is already pending in any thread will reset the handler */
		if (sigismember(&task->signal->shared_pending.signal, t->signo))
			return -ECONNREFUSED;
		for_each_thread(task, thread) {
			if (sigismember(&thread->pending.signal, t->signo))
				return -ECONNREFUSED;
		}
		return 0;
	}
	if (!t->process)
		return ksig_blocks(task, t->signo) ? 0 : -ECONNREFUSED;
	/* the kernel checks the mask of the leader, even if the leader has exited */
	if (action->sa.sa_handler == SIG_IGN && !ksig_blocks(task, t->signo))
		return -ECONNREFUSED;
	for_each_thread(task, thread) {
		if (ksig_task_live(thread) && !ksig_blocks(thread, t->signo))
			return -ECONNREFUSED;
	}
	return 0;
}

/*
 * Check whether the readiness check or the kernel, when it sends the signal, scans all threads. The
 * kernel scans them to stop, continue or kill the process. It also scans them to find a thread to
 * wake up if the leader blocks a process-directed signal.
 */
static bool ksig_scans_threads(const struct ksig_target *t,
			       struct task_struct *task,
			       const struct k_sigaction *action)
{
	if (likely(ksig_handles(action)))
		return (t->process && ksig_blocks(task, t->signo)) ||
		       action->sa.sa_flags & SA_RESETHAND ||
		       t->signo == SIGCONT || sig_kernel_stop(t->signo);
	return t->process || t->signo < SIGRTMIN;
}

/**
 * ksig_check_ready() - the slow path of ksig_task_ready()
 * @t: the target
 * @task: task found by @t's pid
 * @action: action of @t's signal
 *
 * Context: as ksig_task_ready(), with siglock held. siglock protects handlers, masks, pending sets
 * and the list of threads.
 *
 * Return: as ksig_task_ready().
 */
int ksig_check_ready(struct ksig_target *t, struct task_struct *task,
		     const struct k_sigaction *action)
{
	struct sigpending *pending;
	int err = 0;

	lockdep_assert_held(&task->sighand->siglock);
	/* the kernel accepts a signal to an exiting process, but never delivers it */
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		return -ESRCH;
	if (!t->process && !ksig_task_live(task))
		return ksig_changes_leader(t, task) ? -EAGAIN : -ESRCH;
	if (t->process && unlikely(!ksig_task_live(task)))
		err = ksig_other_live(t, task);
	if (err)
		return err;
	/* check the pending signals before anything that may have to scan all threads */
	pending = t->process ? &task->signal->shared_pending : &task->pending;
	if (t->max_pending && sigismember(&pending->signal, t->signo)) {
		err = ksig_count_pending(t, pending);
		if (err == -EAGAIN)
			WRITE_ONCE(t->awaits, KSIG_AWAIT_TARGET);
		if (err)
			return err;
	}
	if (!t->process && (task->flags & KSIG_NO_TARGET) &&
	    t->signo >= SIGRTMIN)
		return -ECONNREFUSED;
	if (ksig_scans_threads(t, task, action) && !ksig_charge_scan(t, task))
		return -E2BIG;
	if (t->signo < SIGRTMIN || (ksig_handles(action) &&
				    !(action->sa.sa_flags & SA_RESETHAND)))
		return 0;
	return ksig_check_blocked(t, task, action);
}

/* ---------------------------------------------------------- changed since a check? */

/*
 * Get the number of a thread's context switches, or KSIG_RUNS. As long as this number is the same,
 * the thread has not run, so it has not consumed a signal. No lock is taken. If the thread goes to
 * sleep during the call, the next check notices that.
 */
static u64 ksig_switches(const struct task_struct *task)
{
	if (READ_ONCE(task->on_rq))
		return KSIG_RUNS;
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

static u64 ksig_target_switches(const struct ksig_target *t,
				struct task_struct *task)
{
	struct task_struct *thread;
	u64 sum = 0, switches;

	if (!t->process)
		return ksig_switches(task);
	if (get_nr_threads(task) > KSIG_THREADS_COMPARED)
		return KSIG_RUNS;
	for_each_thread(task, thread) {
		switches = ksig_switches(thread);
		if (switches == KSIG_RUNS)
			return KSIG_RUNS;
		sum += switches;
	}
	return sum;
}

/* Check whether the user's RLIMIT_SIGPENDING permits another signal, as __sigqueue_alloc() does. */
static bool ksig_user_has_room(struct task_struct *task)
{
	unsigned long max = task_rlimit(task, RLIMIT_SIGPENDING);
	struct ucounts *counts;

	for (counts = task_ucounts(task); counts; counts = counts->ns->ucounts) {
		if (get_rlimit_value(counts, UCOUNT_RLIMIT_SIGPENDING) >=
		    min_t(unsigned long, max, LONG_MAX))
			return false;
		max = get_userns_rlimit_max(counts->ns,
					    UCOUNT_RLIMIT_SIGPENDING);
	}
	return true;
}

static bool ksig_is_pending(const struct ksig_target *t, struct task_struct *task)
{
	struct sigpending *pending = t->process ? &task->signal->shared_pending :
						  &task->pending;

	return sigismember(&pending->signal, t->signo);
}

/**
 * ksig_target_note() - save the target's state before it is checked
 * @t: set up by ksig_target_init()
 *
 * If the check finds that the target is full, ksig_target_unchanged() later compares the target's
 * state with the saved state.
 *
 * Context: any except NMI, RCU read-side section. The owner serializes calls of this function
 * and ksig_target_unchanged().
 */
void ksig_target_note(struct ksig_target *t)
{
	struct task_struct *task = pid_task(t->pid, PIDTYPE_PID);

	t->switches = task ? ksig_target_switches(t, task) : KSIG_RUNS;
	t->noted_at = jiffies;
}

/**
 * ksig_target_unchanged() - check whether it is certain that the target can't accept a signal yet
 * @t: a target for which ksig_target_send() returned -EAGAIN after ksig_target_note()
 *
 * Takes no lock and scans almost nothing, so that many subscriptions can wait. While the target
 * sleeps, another thread may flush the target's pending signals, and another sender may fill the
 * queue again. This function doesn't notice that, so it returns false once per second.
 *
 * Context: as ksig_target_note().
 *
 * Return: true if another check would have the same result.
 */
bool ksig_target_unchanged(const struct ksig_target *t)
{
	struct task_struct *task = pid_task(t->pid, PIDTYPE_PID);

	if (!task || time_after_eq(jiffies, t->noted_at + HZ))
		return false;
	switch (READ_ONCE(t->awaits)) {
	case KSIG_AWAIT_TARGET:
		return t->switches != KSIG_RUNS && ksig_is_pending(t, task) &&
		       ksig_target_switches(t, task) == t->switches;
	case KSIG_AWAIT_USER:
		return !ksig_user_has_room(task);
	}
	return false;
}

/**
 * ksig_target_pending() - check whether a signal with number @t->signo is pending in the target
 * @t: set up by ksig_target_init()
 *
 * Context: any except NMI, RCU read-side section.
 */
bool ksig_target_pending(const struct ksig_target *t)
{
	struct task_struct *task = pid_task(t->pid, PIDTYPE_PID);

	return task && ksig_is_pending(t, task);
}
