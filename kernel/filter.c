// SPDX-License-Identifier: GPL-2.0-only
/* Filters select the events that are offered to a subscription. */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <ksig/driver.h>

#include "filter.h"

/* KSIG_SUBSCRIBE_SKIP_OWN: maximum number of steps from a process to its ancestors. */
#define KSIG_ANCESTORS_MAX	64

/**
 * ksig_filter_create() - create a filter from the settings of KSIG_IOC_SUBSCRIBE
 * @s: settings that the caller has validated; types is not 0
 * @pids: subjects are processes
 * @ns: pid namespace of the subjects
 *
 * Context: process, may sleep. KSIG_SUBSCRIBE_SKIP_OWN refers to current.
 *
 * Return: the filter; an ERR_PTR: -ESRCH if the subject is not a process; -ENOMEM.
 */
struct ksig_filter *ksig_filter_create(const struct ksig_subscribe *s,
				       bool pids, struct pid_namespace *ns)
{
	struct ksig_filter *f = kzalloc_obj(*f, GFP_KERNEL_ACCOUNT);
	struct pid *pid;

	if (!f)
		return ERR_PTR(-ENOMEM);
	f->types = s->types;
	f->subject = s->subject;
	f->by_subject = s->flags & KSIG_SUBSCRIBE_SUBJECT;
	if (f->by_subject && pids) {
		rcu_read_lock();
		pid = s->subject <= INT_MAX ? find_pid_ns(s->subject, ns) : NULL;
		/* the subject must be a leader, because no event is about another thread */
		if (pid_task(pid, PIDTYPE_TGID))
			f->pid = get_pid(pid);
		rcu_read_unlock();
		if (!f->pid) {
			kfree(f);
			return ERR_PTR(-ESRCH);
		}
	}
	if (s->flags & KSIG_SUBSCRIBE_SKIP_OWN) {
		f->own = get_pid(task_tgid(current));
		f->own_since = ktime_get_ns();
	}
	return f;
}

/* Free a filter that no emitter uses. NULL is ignored. */
void ksig_filter_free(struct ksig_filter *f)
{
	if (!f)
		return;
	put_pid(f->pid);
	put_pid(f->own);
	kfree(f);
}

static void ksig_filter_on_rcu(struct rcu_head *rcu)
{
	ksig_filter_free(container_of(rcu, struct ksig_filter, rcu));
}

/* Free a filter after a grace period, when no emitter uses it. NULL is ignored. */
void ksig_filter_free_rcu(struct ksig_filter *f)
{
	if (f)
		call_rcu(&f->rcu, ksig_filter_on_rcu);
}

/*
 * Check whether the subject is the process that set the filter, a child that this process has
 * started since then, or a descendant of such a child. The number of steps is limited because this
 * function runs in the emitter's context. RCU keeps the tasks from being freed.
 */
static bool ksig_filter_is_own(const struct ksig_filter *f, struct pid *subject)
{
	struct task_struct *task = pid_task(subject, PIDTYPE_TGID);
	struct task_struct *parent;
	u64 began = 0;
	int i;

	for (i = 0; task && i < KSIG_ANCESTORS_MAX; i++) {
		if (task_tgid(task) == f->own)
			return !i || began >= f->own_since;
		began = READ_ONCE(task->start_time);
		parent = READ_ONCE(rcu_dereference(task->real_parent)->group_leader);
		/* the idle task is its own parent */
		if (parent == task)
			break;
		task = parent;
	}
	return false;
}

/**
 * ksig_filter_match() - check whether an event passes the filter
 * @f: the filter
 * @n: the event
 *
 * Context: any except NMI, RCU read-side section.
 */
bool ksig_filter_match(const struct ksig_filter *f, const struct ksig_notice *n)
{
	if (!(f->types & BIT_ULL(n->type)))
		return false;
	if (f->pid ? f->pid != n->pid :
		     f->by_subject && f->subject != n->subject)
		return false;
	return !f->own || !ksig_filter_is_own(f, n->pid);
}
