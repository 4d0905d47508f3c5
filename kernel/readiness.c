// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a target ready for a signal, and has anything changed since it was not?
 *
 * A target is ready for a real-time signal if it handles it, blocks it or waits for it.
 * Otherwise the signal would kill it or be ignored. Standard signals are sent as kill(2)
 * sends them.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/user_namespace.h>

#include "readiness.h"

/* How far a list of pending signals is scanned; a longer one counts as full. */
#define KSIG_SCAN_LIMIT		2048

/* The context switches of at most this many threads are compared. */
#define KSIG_THREADS_COMPARED	4

/* Instead of a number of switches: the target runs, or has too many threads. */
#define KSIG_RUNS		U64_MAX

/* ---------------------------------------------------------------------- ready? */

/* A thread that sleeps in sigtimedwait() has its own mask in real_blocked. */
static bool ksig_blocks(struct task_struct *task, int signo)
{
	return sigismember(&task->blocked, signo) ||
	       sigismember(&task->real_blocked, signo);
}

/* All threads will be scanned. False: the caller does not permit so many. */
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

/* Return: 0; -EAGAIN if max_pending are pending; -E2BIG if too many others are. */
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

/* The first signal resets the handler, or there is none. */
static noinline int ksig_check_blocked(struct ksig_target *t,
				       struct task_struct *task,
				       const struct k_sigaction *action)
{
	struct task_struct *thread;

	if (ksig_handles(action)) {
		/* one that is pending anywhere will reset it */
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
	/* the kernel checks the first thread's mask, dead or not */
	if (action->sa.sa_handler == SIG_IGN && !ksig_blocks(task, t->signo))
		return -ECONNREFUSED;
	for_each_thread(task, thread) {
		if (ksig_task_live(thread) && !ksig_blocks(thread, t->signo))
			return -ECONNREFUSED;
	}
	return 0;
}

/*
 * Does the check scan all threads, or the kernel when it sends? The kernel does to find
 * a thread to interrupt for a process-directed signal that the first one blocks, and to
 * stop, continue or kill the process.
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
 * ksig_check_ready() - ksig_task_ready(), except for the common case
 * @t: the target
 * @task: found by @t's pid
 * @action: of @t's signal
 *
 * Context: as ksig_task_ready(); siglock is held. It protects handlers, masks, pending sets
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
	/* the kernel accepts a signal to a dead process, and nobody sees it */
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		return -ESRCH;
	if (!t->process && !ksig_task_live(task))
		return ksig_changes_leader(t, task) ? -EAGAIN : -ESRCH;
	if (t->process && unlikely(!ksig_task_live(task)))
		err = ksig_other_live(t, task);
	if (err)
		return err;
	/* before anything that may have to scan all threads */
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

/* ------------------------------------------------- has anything changed since then? */

/*
 * A thread's context switches, or KSIG_RUNS. While their number stays the same the thread
 * has not run, and so has not accepted a signal. No lock: a thread that goes to sleep at
 * this moment is noticed the next time.
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

/* May the target's user have another signal queued? As __sigqueue_alloc() decides. */
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
 * ksig_target_note() - remember the target's state before it is checked
 * @t: set up by ksig_target_init()
 *
 * For ksig_target_unchanged(), in case the check finds no room.
 *
 * Context: any except NMI, RCU read-side section. The owner serializes this and
 * ksig_target_unchanged().
 */
void ksig_target_note(struct ksig_target *t)
{
	struct task_struct *task = pid_task(t->pid, PIDTYPE_PID);

	t->switches = task ? ksig_target_switches(t, task) : KSIG_RUNS;
	t->noted_at = jiffies;
}

/**
 * ksig_target_unchanged() - does the target certainly have no room yet?
 * @t: ksig_target_send() returned -EAGAIN after ksig_target_note()
 *
 * Takes no lock and scans next to nothing, so that many subscriptions may wait. Another
 * thread may flush what is pending in the target while the target sleeps, and another
 * sender fill it up again; so the answer is no once a second.
 *
 * Context: as ksig_target_note().
 *
 * Return: true if a check would find the same.
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
 * ksig_target_pending() - is a signal of that number pending in the target?
 * @t: set up by ksig_target_init()
 *
 * Context: any except NMI, RCU read-side section.
 */
bool ksig_target_pending(const struct ksig_target *t)
{
	struct task_struct *task = pid_task(t->pid, PIDTYPE_PID);

	return task && ksig_is_pending(t, task);
}
