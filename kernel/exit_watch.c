// SPDX-License-Identifier: GPL-2.0-only
/*
 * Detects when the target of an armed subscription exits. A probe on sched_process_exit looks up
 * the exiting thread in a table. The probe is registered while it has users, and for some time
 * after its last user has stopped.
 */
#include <linux/hashtable.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <trace/events/sched.h>

#include "exit_watch.h"
#include "hook.h"

/* Hashed by struct pid; looked up under RCU. */
static DEFINE_HASHTABLE(ksig_exit_watches, 8);
/* Serializes changes of ksig_exit_watches. */
static DEFINE_SPINLOCK(ksig_exit_watches_lock);

/* Protects the following two variables and the registration of the probe. */
static DEFINE_MUTEX(ksig_exit_probe_lock);
static unsigned int ksig_exit_probe_users;
static bool ksig_exit_probe_registered;

static void ksig_exit_notify(struct pid *pid)
{
	struct ksig_exit_watch *w;

	hash_for_each_possible_rcu(ksig_exit_watches, w, node,
				   (unsigned long)pid) {
		if (w->pid == pid)
			irq_work_queue(w->work);
	}
}

/* Called by the exiting task after PF_EXITING was set. */
static void ksig_on_exit(struct task_struct *task)
{
	rcu_read_lock();
	ksig_exit_notify(task_pid(task));
	if (!thread_group_leader(task))
		ksig_exit_notify(task_tgid(task));
	rcu_read_unlock();
}
KSIG_DEFINE_EXIT_PROBE(ksig_on_exit)

/* Optional: without this tracepoint, an exit is noticed when the next signal is sent. */
static struct ksig_hook ksig_exit_hook =
	KSIG_HOOK(sched_process_exit, KSIG_EXIT_PROBE(ksig_on_exit), true);

static void ksig_exit_probe_unregister(struct work_struct *work)
{
	mutex_lock(&ksig_exit_probe_lock);
	if (ksig_exit_probe_registered && !ksig_exit_probe_users) {
		ksig_hooks_remove(&ksig_exit_hook, 1);
		ksig_exit_probe_registered = false;
	}
	mutex_unlock(&ksig_exit_probe_lock);
}
static DECLARE_DELAYED_WORK(ksig_exit_probe_linger, ksig_exit_probe_unregister);

/**
 * ksig_exit_watch_start() - detect exits until ksig_exit_watch_stop() is called
 * @started: flag of the caller, initially false; true while the caller is counted as a user
 *
 * Context: process, may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int ksig_exit_watch_start(bool *started)
{
	int err = 0;

	mutex_lock(&ksig_exit_probe_lock);
	if (!ksig_exit_probe_registered) {
		err = ksig_hooks_add(&ksig_exit_hook, 1);
		ksig_exit_probe_registered = !err;
	}
	if (!err && !*started) {
		ksig_exit_probe_users++;
		*started = true;
	}
	mutex_unlock(&ksig_exit_probe_lock);
	return err;
}

/* Undo ksig_exit_watch_start(). Does nothing if *@started is false. */
void ksig_exit_watch_stop(bool *started)
{
	mutex_lock(&ksig_exit_probe_lock);
	if (*started && !--ksig_exit_probe_users)
		ksig_linger_later(&ksig_exit_probe_linger);
	mutex_unlock(&ksig_exit_probe_lock);
}

/* Unregister the probe now. ksig_exit_watch_start() must not be called any more. */
void ksig_exit_watch_flush(void)
{
	flush_delayed_work(&ksig_exit_probe_linger);
}

/**
 * ksig_exit_watch_replace() - replace one watched target with another
 * @old: target to stop watching, or NULL; must not be freed before an RCU grace period
 * @new: target to start watching, or NULL
 *
 * Context: any except NMI; on PREEMPT_RT preemptible.
 */
void ksig_exit_watch_replace(struct ksig_exit_watch *old,
			     struct ksig_exit_watch *new)
{
	unsigned long flags;

	spin_lock_irqsave(&ksig_exit_watches_lock, flags);
	if (old)
		hash_del_rcu(&old->node);
	if (new)
		hash_add_rcu(ksig_exit_watches, &new->node,
			     (unsigned long)new->pid);
	spin_unlock_irqrestore(&ksig_exit_watches_lock, flags);
}
