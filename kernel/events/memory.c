// SPDX-License-Identifier: GPL-2.0-only
/* /dev/ksig/memory: out-of-memory conditions, and processes that the OOM killer kills. */
#include <linux/cgroup.h>
#include <linux/oom.h>
#include <linux/notifier.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <trace/events/oom.h>
#include <trace/events/vmscan.h>

#include "../hook.h"
#include "events.h"

/*
 * The task that last found the system out of memory; NULL if this task has reclaimed memory for a
 * cgroup since then. Only compared. The OOM killer runs in the context of the task that needs
 * memory. So if a task other than this one chooses a victim, it is a cgroup that is out of memory,
 * not the system. The notifier and the kill both run under the kernel's oom_lock.
 */
static struct task_struct *ksig_oom_by;

/* Called before a global kill, which may turn out to be unnecessary. Context: process. */
static int ksig_on_oom(struct notifier_block *nb, unsigned long unused,
		       void *freed)
{
	WRITE_ONCE(ksig_oom_by, current);
	ksig_emit(ksig_memory.chan, KSIG_MEMORY_OOM, 0, 0);
	return NOTIFY_DONE;
}

static struct notifier_block ksig_oom_notifier = {
	.notifier_call = ksig_on_oom,
};

/* Runs before every kill in a cgroup, and never before a global kill. */
#ifdef CONFIG_MEMCG
static void ksig_on_cgroup_reclaim(void)
{
	if (unlikely(READ_ONCE(ksig_oom_by) == current))
		WRITE_ONCE(ksig_oom_by, NULL);
}
KSIG_DEFINE_RECLAIM_PROBE(ksig_on_cgroup_reclaim)
#endif

/*
 * Get the ID of the leader's cgroup, which is the cgroup that /proc/PID/cgroup shows. Getting the
 * path would require locks that can't be taken here, so user space looks up the path by the ID.
 * Context: RCU read-side section.
 */
static u64 ksig_cgroup_of(struct task_struct *leader)
{
#ifdef CONFIG_CGROUPS
	return cgroup_id(task_dfl_cgroup(leader));
#else
	return 0;
#endif
}

static void ksig_on_victim(void *data, struct task_struct *task, uid_t uid)
{
	struct task_struct *leader = task->group_leader;
	bool global = READ_ONCE(ksig_oom_by) == current;
	struct ksig_memory_data victim;
	const struct ksig_notice n = {
		.type = KSIG_MEMORY_KILL,
		.len = sizeof(victim),
		.subject = task->tgid,
		.value = global ? KSIG_KILL_GLOBAL : KSIG_KILL_CGROUP,
		.pid = task_tgid(task),
		.data = &victim,
	};

	rcu_read_lock();
	/* get_task_comm() would take task_lock(), which is already held */
	strscpy_pad(victim.comm, leader->comm, sizeof(victim.comm));
	victim.cgroup_id = ksig_cgroup_of(leader);
	ksig_emit_notice(ksig_memory.chan, &n);
	rcu_read_unlock();
}

static void ksig_on_victim_nr(void *data, int nr)
{
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(find_pid_ns(nr, &init_pid_ns), PIDTYPE_PID);
	if (task)
		ksig_on_victim(data, task, 0);
	rcu_read_unlock();
}

static struct ksig_hook ksig_memory_hooks[] = {
#ifdef CONFIG_MEMCG
	KSIG_HOOK(mm_vmscan_memcg_reclaim_begin,
		  KSIG_RECLAIM_PROBE(ksig_on_cgroup_reclaim), true),
#endif
	KSIG_HOOK(mark_victim,
		  KSIG_VICTIM_PROBE(ksig_on_victim, ksig_on_victim_nr), false),
};

static int ksig_memory_start(void *ctx)
{
	int err;

	ksig_oom_by = NULL;
	err = ksig_hooks_add(ksig_memory_hooks, ARRAY_SIZE(ksig_memory_hooks));
	if (err)
		return err;
	err = register_oom_notifier(&ksig_oom_notifier);
	if (err)
		ksig_hooks_remove(ksig_memory_hooks,
				  ARRAY_SIZE(ksig_memory_hooks));
	return err;
}

static void ksig_memory_stop(void *ctx)
{
	unregister_oom_notifier(&ksig_oom_notifier);
	ksig_hooks_remove(ksig_memory_hooks, ARRAY_SIZE(ksig_memory_hooks));
}

static const char *const ksig_memory_types[] = { "oom", "kill", NULL };

struct ksig_builtin ksig_memory = {
	.desc = {
		.name = "memory",
		.description = "the machine is out of memory, or the OOM killer kills a process",
		.types = ksig_memory_types,
		.event_size = sizeof(struct ksig_event) +
			      sizeof(struct ksig_memory_data),
		.flags = KSIG_CHANNEL_PIDS,
		.start = ksig_memory_start,
		.stop = ksig_memory_stop,
	},
};
