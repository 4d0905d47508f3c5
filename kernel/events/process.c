// SPDX-License-Identifier: GPL-2.0-only
/* /dev/ksig/process: processes (not threads) that fork, exec and exit. */
#include <linux/bitmap.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/threads.h>
#include <linux/vmalloc.h>
#include <trace/events/sched.h>

#include "../hook.h"
#include "events.h"

/*
 * One bit for each pid, set when the exit of the process with this pid is reported. If several
 * threads exit at the same time, each of them may find that no live thread is left. The first
 * thread that sets the bit reports the exit. The bit is cleared when a new process gets the pid.
 */
static unsigned long *ksig_ended;

/* Indexes into related[] of a notice */
#define KSIG_PARENT	0
#define KSIG_CHILD	1

/* Write the notice's pids as numbered in the pid namespace @ns. */
static void ksig_process_fill(struct ksig_event *ev,
			      const struct ksig_notice *n,
			      struct pid_namespace *ns)
{
	struct ksig_process_data *data = (void *)ev->data;

	data->tgid = ev->subject;
	data->parent = pid_nr_ns(n->related[KSIG_PARENT], ns);
	if (n->related[KSIG_CHILD])
		ev->value = pid_nr_ns(n->related[KSIG_CHILD], ns);
}

/*
 * Called from a tracepoint. @task is current, and @child is the pid of a task that doesn't run yet,
 * so both pids stay valid. RCU keeps the leader and the parent's pid from being freed.
 */
static void ksig_process_emit(u32 type, struct task_struct *task,
			      struct pid *child, u64 value)
{
	struct task_struct *leader = task->group_leader;
	struct ksig_process_data data = { };
	struct ksig_notice n = {
		.type = type,
		.len = sizeof(data),
		.subject = task->tgid,
		.value = value,
		.pid = task_tgid(task),
		.related[KSIG_CHILD] = child,
		.data = &data,
	};

	rcu_read_lock();
	n.related[KSIG_PARENT] =
		task_tgid(rcu_dereference(leader->real_parent));
	/* get_task_comm() would take a sleeping lock on PREEMPT_RT */
	strscpy_pad(data.comm, leader->comm, sizeof(data.comm));
	ksig_emit_notice(ksig_process.chan, &n);
	rcu_read_unlock();
}

static void ksig_on_fork(void *data, struct task_struct *parent,
			 struct task_struct *child)
{
	if (!thread_group_leader(child))
		return;
	/* the child does not run yet, so it can't exit before its bit is cleared */
	clear_bit(child->tgid, ksig_ended);
	ksig_process_emit(KSIG_PROCESS_FORK, parent, task_pid(child),
			  child->tgid);
}

/* At this point @task is the leader, regardless of which thread called exec. */
static void ksig_on_exec(void *data, struct task_struct *task, pid_t old_pid,
			 struct linux_binprm *bprm)
{
	ksig_process_emit(KSIG_PROCESS_EXEC, task, NULL, 0);
}

static void ksig_on_process_exit(struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;

	if (atomic_read(&signal->live) ||
	    test_and_set_bit(task->tgid, ksig_ended))
		return;
	/* the status that wait(2) will return */
	ksig_process_emit(KSIG_PROCESS_EXIT, task, NULL,
			  signal->flags & SIGNAL_GROUP_EXIT ?
			  signal->group_exit_code :
			  task->group_leader->exit_code);
}
KSIG_DEFINE_EXIT_PROBE(ksig_on_process_exit)

/* fork is registered before exit: if a fork is missed, the process's bit can't be set yet. */
static struct ksig_hook ksig_process_hooks[] = {
	KSIG_HOOK(sched_process_fork, ksig_on_fork, false),
	KSIG_HOOK(sched_process_exec, ksig_on_exec, false),
	KSIG_HOOK(sched_process_exit, KSIG_EXIT_PROBE(ksig_on_process_exit),
		  false),
};

static int ksig_process_start(void *ctx)
{
	int err;

	ksig_ended = __vmalloc(BITS_TO_LONGS(PID_MAX_LIMIT) * sizeof(long),
			       GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (!ksig_ended)
		return -ENOMEM;
	err = ksig_hooks_add(ksig_process_hooks,
			     ARRAY_SIZE(ksig_process_hooks));
	if (err)
		vfree(ksig_ended);
	return err;
}

static void ksig_process_stop(void *ctx)
{
	ksig_hooks_remove(ksig_process_hooks, ARRAY_SIZE(ksig_process_hooks));
	vfree(ksig_ended);
}

static const char *const ksig_process_types[] = {
	"fork", "exec", "exit", NULL
};

struct ksig_builtin ksig_process = {
	.desc = {
		.name = "process",
		.description = "a process forks, executes a program or exits",
		.types = ksig_process_types,
		.event_size = sizeof(struct ksig_event) +
			      sizeof(struct ksig_process_data),
		.flags = KSIG_CHANNEL_PIDS,
		.start = ksig_process_start,
		.stop = ksig_process_stop,
		.fill = ksig_process_fill,
	},
};
