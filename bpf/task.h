/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks, their pids and namespaces. */
#ifndef KSIG_TASK_H
#define KSIG_TASK_H

/*
 * Returns the struct upid with the caller's pid in its own pid namespace, and sets *@level to the
 * level of that namespace.
 */
static __always_inline struct upid *own_upid(unsigned int *level)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(task, group_leader, signal,
					pids[PIDTYPE_TGID]);

	*level = BPF_CORE_READ(pid, level);
	return (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       *level * bpf_core_type_size(struct upid);
}

/* Looks up a pid in the radix tree, as idr_find() does. All programs here run under RCU. */
static __always_inline struct pid *find_pid(struct pid_namespace *ns, __u32 nr)
{
	__u32 slots = bpf_core_field_size(struct xa_node, slots) / 8, shift;
	__u64 entry = (__u64)BPF_CORE_READ(ns, idr.idr_rt.xa_head);
	struct xa_node *node;
	int depth;

	for (depth = 0; depth < 12; depth++) {
		if ((entry & 3) != 2)
			break;
		node = (void *)(entry - 2);
		shift = BPF_CORE_READ(node, shift) & 31;
		if (!depth && nr >> shift >= slots)
			return NULL;
		bpf_core_read(&entry, sizeof(entry),
			      &node->slots[0] + (nr >> shift & (slots - 1)));
		if (!shift)
			return (void *)entry;
	}
	return nr ? NULL : (void *)entry;
}

static __always_inline bool has_bit(const sigset_t *set, __u32 signo)
{
	unsigned long bits = 0;

	bpf_core_read(&bits, sizeof(bits), &set->sig[0]);
	return bits >> (signo - 1) & 1;
}

/*
 * Checks whether a task is ready for a signal. A task is ready if it handles, blocks or waits for
 * the signal, or ignores a standard signal. A handler that is reset on use does not count if the
 * signal is already pending. If @process is set and there is no handler, all threads must block or
 * wait for the signal. Only one thread can be checked here, so the process must then be
 * single-threaded.
 */
static __always_inline bool ready_for(struct task_struct *task, __u32 signo,
				      bool process)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct k_sigaction *action;
	unsigned long handler;

	action = (void *)BPF_CORE_READ(task, sighand) +
		 bpf_core_field_offset(struct sighand_struct, action) +
		 (signo - 1) * bpf_core_type_size(struct k_sigaction);
	handler = (unsigned long)BPF_CORE_READ(action, sa.sa_handler);
	if (handler == 1 && signo < SIGRTMIN)
		return true;
	if (handler > 1)
		return !(BPF_CORE_READ(action, sa.sa_flags) & SA_RESETHAND) ||
		       !(has_bit(&signal->shared_pending.signal, signo) ||
			 has_bit(&task->pending.signal, signo));
	if (process && BPF_CORE_READ(signal, nr_threads) != 1)
		return false;
	return has_bit(&task->blocked, signo) ||
	       has_bit(&task->real_blocked, signo);
}

#endif /* KSIG_TASK_H */
