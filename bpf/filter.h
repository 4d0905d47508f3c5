/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter of a subscription: conditions on fields and on processes. */
#ifndef KSIG_FILTER_H
#define KSIG_FILTER_H

/* -------------------------------------------------------------------- filter */

/* Checks a number against condition @i; see struct ksig_bpf_cond. */
static __always_inline bool holds(__u32 i, __u64 v)
{
	if (conds[i].mask)
		return v & conds[i].mask;
	return ((v ^ conds[i].bias) - conds[i].low <= conds[i].span) !=
	       conds[i].negate;
}

static __always_inline __u64 number_at(const void *at, __u32 size,
				       bool is_signed)
{
	__u32 shift = 64 - 8 * size;
	__u64 v = 0;

	/* both supported architectures are little-endian */
	bpf_probe_read_kernel(&v, size, at);
	return is_signed ? (__s64)(v << shift) >> shift : v;
}

struct text {
	__u64 words[KSIG_BPF_TEXT / 8];
};

/* Compares a string with the text of condition @i. Both are padded with zeros. */
static __always_inline bool same_text(const struct text *t, __u32 i, __u32 size)
{
	const volatile __u64 *wanted = (const volatile __u64 *)conds[i].text;
	__u64 differ = 0;
	__u32 word;

#pragma unroll
	for (word = 0; word < KSIG_BPF_TEXT / 8; word++) {
		if (8 * word < size)
			differ |= t->words[word] ^ wanted[word];
	}
	return !differ;
}

static __always_inline bool text_holds(const void *at, __u32 i)
{
	__u32 size = conds[i].size;
	struct text t = { };

	if (size > sizeof(t))
		size = sizeof(t);
	/*
	 * A longer string is truncated. It still differs from the text of the
	 * condition, which is at least one byte shorter than t.
	 */
	bpf_probe_read_kernel_str(&t, size, at);
	return same_text(&t, i, size) != conds[i].negate;
}

static __always_inline const void *locate(const void *entry, __u32 loc,
					  bool relative)
{
	__u32 word = number_at(entry + loc, 4, false);

	return entry + (word & 0xffff) + (relative ? loc + 4 : 0);
}

static __always_inline bool comm_holds(__u32 i)
{
	struct text t = { };

	bpf_get_current_comm(&t, TASK_COMM_LEN);
	return same_text(&t, i, TASK_COMM_LEN) != conds[i].negate;
}

/* Return: false if condition @i applies to the fields of @base and is not satisfied. */
static __always_inline bool field_passes(const void *base, __u32 i)
{
	__u32 offset = conds[i].offset;

	switch (conds[i].source) {
	case KSIG_BPF_NUMBER:
		return holds(i, number_at(base + offset, conds[i].size,
					  conds[i].is_signed));
	case KSIG_BPF_TEXT_AT:
		return text_holds(base + offset, i);
	case KSIG_BPF_TEXT_LOC:
		return text_holds(locate(base, offset, conds[i].relative), i);
	}
	return true;
}

static __always_inline bool fields_pass(const void *base)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < KSIG_BPF_CONDS; i++) {
		if (i < n_conds && !field_passes(base, i))
			return false;
	}
	return true;
}

/* ----------------------------------------------------------------- processes */

static __always_inline struct pid *process_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
}

/*
 * Sets *@nr to the pid in the subscriber's namespace.
 * Return: false if the process has no pid there.
 */
static __always_inline bool number_of(struct pid *pid, __u32 *nr)
{
	struct upid *upid;

	*nr = 0;
	if (BPF_CORE_READ(pid, level) < own_level)
		return false;
	upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       own_level * bpf_core_type_size(struct upid);
	if (BPF_CORE_READ(upid, ns) != own_ns)
		return false;
	*nr = BPF_CORE_READ(upid, nr);
	return true;
}

/*
 * Return: the inode number of the process's pidfd, which is unique from Linux 6.9 on; 0 on older
 * kernels.
 */
static __always_inline __u64 inode_of(struct pid *pid)
{
	return bpf_core_field_exists(pid->ino) ? BPF_CORE_READ(pid, ino) : 0;
}

static __always_inline bool current_visible(struct pid **pid, __u32 *nr)
{
	*pid = process_of((void *)bpf_get_current_task());
	return number_of(*pid, nr);
}

static __always_inline bool pid_passes(bool visible, struct pid *pid, __u32 nr)
{
	__u32 i;

	if (current_pinned && pid != current_pin)
		return false;
#pragma unroll
	for (i = 0; i < KSIG_BPF_CONDS; i++) {
		if (i < n_conds && conds[i].source == KSIG_BPF_CURRENT_PID &&
		    !(visible && holds(i, nr)))
			return false;
	}
	return true;
}

static __always_inline bool comm_passes(void)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < KSIG_BPF_CONDS; i++) {
		if (i < n_conds && conds[i].source == KSIG_BPF_CURRENT_COMM &&
		    !comm_holds(i))
			return false;
	}
	return true;
}

/* Compares the name first, because that is cheaper than finding the pid in the namespace. */
static __always_inline bool current_passes(void)
{
	bool visible, needed = current_pinned;
	struct pid *pid;
	__u32 i, nr;

	if (!comm_passes())
		return false;
#pragma unroll
	for (i = 0; i < KSIG_BPF_CONDS; i++) {
		if (i < n_conds && conds[i].source == KSIG_BPF_CURRENT_PID)
			needed = true;
	}
	if (!needed)
		return true;
	visible = current_visible(&pid, &nr);
	return pid_passes(visible, pid, nr);
}

/*
 * Finds a thread by its ID in the initial pid namespace. struct pid stores this ID in numbers[0].
 */
static __always_inline struct task_struct *find_task(__u32 nr)
{
	struct pid *pid = process_of((void *)bpf_get_current_task());
	struct hlist_node *node;

	pid = find_pid(BPF_CORE_READ(pid, numbers[0].ns), nr);
	node = BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);
	return node ? (void *)node - bpf_core_field_offset(struct task_struct,
							   pid_links[PIDTYPE_PID]) :
		      NULL;
}

/*
 * Checks whether a task belongs to the subscriber, or to a descendant that was started after the
 * subscription was opened. A process whose parent exits gets a new parent. The process then
 * remains a descendant only if the subscriber is its subreaper (prctl(2), PR_SET_CHILD_SUBREAPER).
 */
static __noinline bool is_own(struct task_struct *task)
{
	struct task_struct *parent;
	__u64 began = 0;
	__u32 i;

	task = BPF_CORE_READ(task, group_leader);
	for (i = 0; i < KSIG_BPF_ANCESTORS; i++) {
		if (process_of(task) == own_pid)
			return !i || began >= own_since;
		began = BPF_CORE_READ(task, start_time);
		parent = BPF_CORE_READ(task, real_parent, group_leader);
		if (!parent || parent == task)
			break;
		task = parent;
	}
	return false;
}

#endif /* KSIG_FILTER_H */
