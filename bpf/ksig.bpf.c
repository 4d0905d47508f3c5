// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events without the module. Each subscription loads an instance of its own,
 * with the one program that it needs, and its filter as constants.
 *
 * A record that passes goes to the ring, or is counted as lost. Until user space
 * reads it, its seq holds how many were lost when it got its place: that number
 * never falls, so the first record behind a gap tells it, on whatever cpu the
 * others were lost.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include <ksig/uapi.h>

#include "shared.h"
#include "state.h"
#include "task.h"
#include "filter.h"

char LICENSE[] SEC("license") = "GPL";

/* --------------------------------------------------------------------- setup */

/* @fd: of the caller, who has opened the system call's tracepoint by it */
static __always_inline int find_syscall_nr(__u64 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	struct syscall_metadata *meta;
	struct perf_event *event;

	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	event = BPF_CORE_READ(file, private_data);
	meta = BPF_CORE_READ(event, tp_event, data);
	return meta ? BPF_CORE_READ(meta, syscall_nr) : -1;
}

/*
 * Run once, by the subscriber: which pid and time namespaces he sees with, which
 * processes his filter names, and which system call. He holds pidfds of those
 * processes, so that their struct pid can't become another's.
 */
SEC("raw_tp")
int ksig_setup(__u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct upid *upid = own_upid(&own_level);
	struct time_namespace *ns = BPF_CORE_READ(task, nsproxy, time_ns);

	time_offset = BPF_CORE_READ(ns, offsets.monotonic.tv_sec) * 1000000000LL +
		      BPF_CORE_READ(ns, offsets.monotonic.tv_nsec);
	own_ns = BPF_CORE_READ(upid, ns);
	own_pid = process_of((void *)bpf_get_current_task());
	own_since = bpf_ktime_get_ns();
	pin = find_pid(own_ns, ctx[0]);
	current_pin = find_pid(own_ns, ctx[1]);
	if (by_syscall && (int)ctx[2] >= 0)
		only_syscall = find_syscall_nr(ctx[2]) + 1;
	return 0;
}

/* -------------------------------------------------------------------- records */

/* A place in the ring, or the event is lost. */
static __always_inline struct ksig_event *reserve(void)
{
	/*
	 * Before it gets its place: records of several rings are merged by it, and
	 * none may be later than one that comes after it in the same ring.
	 */
	__u64 now = bpf_ktime_get_ns();
	struct ksig_event *ev = NULL;

	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < queue_bytes)
		ev = bpf_ringbuf_reserve(&ring, event_size + sizeof(__u64), 0);
	if (!ev) {
		__sync_fetch_and_add(&lost, 1);
		return NULL;
	}
	/* behind reserve's lock: who was lost before is counted */
	ev->seq = *(volatile __u64 *)&lost;
	ev->time_ns = now + time_offset;
	ev->type = event_type;
	ev->lost_before = 0;
	return ev;
}

/* @rec: value, subject, len, flags and data are set, what isn't used is 0 */
static __noinline int offer(union record *rec)
{
	struct ksig_event *ev;
	__u32 word;

	if (!fields_pass(rec) || !current_passes())
		return 0;
	ev = reserve();
	if (!ev)
		return 0;
	ev->value = rec->ev.value;
	ev->subject = rec->ev.subject;
	ev->len = rec->ev.len;
	ev->flags = rec->ev.flags;
#pragma unroll
	for (word = sizeof(*ev) / 8; word < KSIG_BPF_RECORD / 8; word++) {
		if (8 * word < event_size)
			((__u64 *)ev)[word] = rec->words[word];
	}
	*(__u64 *)((void *)ev + event_size) = rec->ino;
	bpf_ringbuf_submit(ev, 0);
	return 0;
}

static __always_inline int offer_process(struct task_struct *task, __u64 value)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	union record rec = { };
	struct ksig_process_data *data = (void *)rec.ev.data;
	struct pid *pid = process_of(leader), *parent;
	__u32 nr;

	if ((pinned && pid != pin) || !number_of(pid, &nr) ||
	    (skip_own && is_own(leader)))
		return 0;
	rec.ev.subject = nr;
	rec.ev.value = value;
	rec.ino = inode_of(pid);
	rec.ev.len = sizeof(*data);
	bpf_core_read(data->comm, sizeof(data->comm), &leader->comm);
	data->tgid = nr;
	parent = process_of(BPF_CORE_READ(leader, real_parent));
	number_of(parent, &nr);
	data->parent = nr;
	return offer(&rec);
}

/*
 * A program on a raw tracepoint is skipped while it is preempted on that cpu, which
 * can be since Linux 7.0. Those that take the tracepoint's entry, as perf makes it,
 * run with preemption off: there is one for each event that many cause at once. They
 * return 1, for 0 would hide the entry from all others who listen through perf.
 */
static __always_inline int offer_fork(struct task_struct *parent,
				      struct task_struct *child)
{
	__u32 nr;

	/* a thread */
	if (BPF_CORE_READ(child, group_leader) != child)
		return 0;
	number_of(process_of(child), &nr);
	return offer_process(parent, nr);
}

SEC("raw_tp/sched_process_fork")
int BPF_PROG(ksig_fork, struct task_struct *parent, struct task_struct *child)
{
	return offer_fork(parent, child);
}

SEC("tracepoint")
int ksig_fork_entry(void *entry)
{
	__u32 nr = number_at(entry + entry_at, 4, false);
	/* it has not run yet, so the number is its own */
	struct task_struct *child = find_task(nr);

	if (child)
		offer_fork((void *)bpf_get_current_task(), child);
	return 1;
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(ksig_exec, struct task_struct *task)
{
	return offer_process(task, 0);
}

SEC("tracepoint")
int ksig_exec_entry(void *entry)
{
	offer_process((void *)bpf_get_current_task(), 0);
	return 1;
}

/* Processes whose exit was told; there while their leader is. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, int);
} told SEC(".maps");

/*
 * Several threads that exit together may all find that none is left alive, and
 * which of them was the last, nobody says before 6.16: the first that gets here
 * tells.
 */
static __always_inline bool first_to_tell(void)
{
	/* the one that exits; task storage takes typed pointers only */
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *leader = task->group_leader;
	/* before the look at what they said: those that are gone have said it */
	bool alone = task == leader && task->signal->nr_threads == 1;
	int *said;

	said = bpf_task_storage_get(&told, leader, NULL, 0);
	if (!said && alone)
		return true;
	if (!said)
		said = bpf_task_storage_get(&told, leader, NULL,
					    BPF_LOCAL_STORAGE_GET_F_CREATE);
	/* another cpu may just have made it */
	if (!said)
		said = bpf_task_storage_get(&told, leader, NULL, 0);
	/* no memory: rather twice than never */
	return !said || !__sync_lock_test_and_set(said, 1);
}

/*
 * SIGNAL_GROUP_EXIT and its code are set before the last thread counts itself
 * out, so the status is known whoever tells it.
 */
static __always_inline __u64 wait_status(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);

	if (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT)
		return (__u32)BPF_CORE_READ(signal, group_exit_code);
	return (__u32)BPF_CORE_READ(task, group_leader, exit_code);
}

SEC("raw_tp/sched_process_exit")
int ksig_exit(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	if (has_group_dead) {
		if (!ctx[1])
			return 0;
	} else if (BPF_CORE_READ(task, signal, live.counter) ||
		   !first_to_tell()) {
		return 0;
	}
	return offer_process(task, wait_status(task));
}

/* Where preemption matters, the tracepoint says who is last. */
SEC("tracepoint")
int ksig_exit_entry(void *entry)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (number_at(entry + entry_at, 1, false))
		offer_process(task, wait_status(task));
	return 1;
}

/* -------------------------------------------------------------- other events */

/* As /proc/PID/cgroup has it. 0: not known */
static __always_inline __u64 cgroup_of(struct task_struct *leader)
{
	if (!bpf_core_field_exists(leader->cgroups))
		return 0;
	return BPF_CORE_READ(leader, cgroups, dfl_cgrp, kn, id);
}

static __always_inline int offer_kill(struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	union record rec = { };
	struct ksig_memory_data *data = (void *)rec.ev.data;
	struct pid *pid = process_of(leader);
	__u32 nr;

	if ((pinned && pid != pin) || !number_of(pid, &nr) ||
	    (skip_own && is_own(leader)))
		return 0;
	rec.ev.subject = nr;
	rec.ino = inode_of(pid);
	/* whose memory is short, the tracepoint doesn't say */
	rec.ev.flags = KSIG_EVENT_NO_VALUE;
	rec.ev.len = sizeof(*data);
	bpf_core_read(data->comm, sizeof(data->comm), &leader->comm);
	data->cgroup_id = cgroup_of(leader);
	return offer(&rec);
}

SEC("raw_tp/mark_victim")
int BPF_PROG(ksig_kill, struct task_struct *task)
{
	return offer_kill(task);
}

/* Older kernels give a number only. */
SEC("raw_tp/mark_victim")
int ksig_kill_pid(__u64 *ctx)
{
	struct task_struct *task = find_task(ctx[0]);

	return task ? offer_kill(task) : 0;
}

/* Asleep, or about to: one attempt at a time, system_transition_mutex is held. */
static bool suspended;

#define ACTION_MAX 24

static __always_inline bool is(const char *action, const char *wanted)
{
	int i;

#pragma unroll
	for (i = 0; i < ACTION_MAX; i++) {
		if (action[i] != wanted[i])
			return false;
		if (!wanted[i])
			return true;
	}
	return false;
}

/*
 * Before processes are frozen, where that is announced; on the way to the disk
 * it isn't, and the first that is said is that devices get ready.
 */
SEC("raw_tp/suspend_resume")
int BPF_PROG(ksig_power, const char *action, int val, bool start)
{
	char name[ACTION_MAX] = { };
	union record rec = { };

	bpf_probe_read_kernel_str(name, sizeof(name), action);
	if (start ? is(name, "freeze_processes") || is(name, "dpm_prepare") :
		    is(name, "thaw_processes")) {
		if (suspended == start)
			return 0;
		suspended = start;
		if (event_type == (start ? KSIG_POWER_SUSPEND :
					   KSIG_POWER_RESUME))
			return offer(&rec);
	}
	return 0;
}

/*
 * Going up, a cpu's state is the step that is done; going down, it is one below,
 * how far depends on what the dying cpu has done by itself.
 */
SEC("raw_tp/cpuhp_exit")
int BPF_PROG(ksig_cpu, unsigned int cpu, int state, int step, int ret)
{
	int active = bpf_core_enum_value(enum cpuhp_state, CPUHP_AP_ACTIVE);
	int dead = bpf_core_enum_value(enum cpuhp_state, CPUHP_TEARDOWN_CPU);
	union record rec = { };

	if (ret || !(event_type == KSIG_CPU_ONLINE ?
		     step == active && state == step :
		     step == dead && state < step))
		return 0;
	rec.ev.subject = cpu;
	return offer(&rec);
}

/* Modules that are loaded, but whose init function has not succeeded yet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct module *);
	__type(value, char);
} coming SEC(".maps");

static __always_inline int offer_module(struct module *mod)
{
	union record rec = { };
	struct ksig_kmod_data *data = (void *)rec.ev.data;

	rec.ev.len = sizeof(*data);
	bpf_core_read_str(data->name, sizeof(data->name), &mod->name);
	return offer(&rec);
}

SEC("raw_tp/module_load")
int BPF_PROG(ksig_module_load, struct module *mod)
{
	char one = 1;

	bpf_map_update_elem(&coming, &mod, &one, BPF_ANY);
	return 0;
}

/* Once it is live, who loaded it puts his own reference back. */
SEC("raw_tp/module_put")
int BPF_PROG(ksig_module_put, struct module *mod)
{
	if (BPF_CORE_READ(mod, state) != MODULE_STATE_LIVE ||
	    bpf_map_delete_elem(&coming, &mod))
		return 0;
	return event_type == KSIG_KMOD_LOAD ? offer_module(mod) : 0;
}

SEC("raw_tp/module_free")
int BPF_PROG(ksig_module_free, struct module *mod)
{
	/* it was never live: its init function has failed */
	if (!bpf_map_delete_elem(&coming, &mod))
		return 0;
	return event_type == KSIG_KMOD_UNLOAD ? offer_module(mod) : 0;
}

/* --------------------------------------------------------------- tracepoints */

static __always_inline bool is_pending(struct task_struct *task, __u32 signo)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);

	return signo >= SIGRTMIN &&
	       has_bit(&signal->shared_pending.signal, signo);
}

/* What became of it, for the event's flags. */
static __always_inline __u32 kill_current(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 signo = kill_signo;
	__u64 nr;

	if (!signo || signo > 64)
		return 0;
	nr = __sync_fetch_and_add(&kill_seen, 1);
	if (nr < kill_skip || nr - kill_skip >= kill_count)
		return 0;
	/* one at a time: a queue of them would be at its user's cost */
	if (((signo >= SIGRTMIN || kill_ready) &&
	     !ready_for(task, signo, true)) ||
	    is_pending(task, signo) || bpf_send_signal(signo))
		return KSIG_BPF_REFUSED;
	__sync_fetch_and_add(&kill_sent, 1);
	return KSIG_BPF_SIGNALLED;
}

static __always_inline void copy_entry(struct ksig_event *ev, const void *entry)
{
	void *to = (void *)ev + sizeof(*ev);
	__u32 i, n, room;

	for (i = sizeof(*ev) / 8; i < 4096 / 8; i++) {
		if (8 * i >= event_size)
			break;
		((__u64 *)ev)[i] = 0;
	}
	bpf_get_current_comm(to, TASK_COMM_LEN);
	if (entry_size > 8)
		bpf_probe_read_kernel(to + TASK_COMM_LEN, entry_size - 8,
				      entry + 8);
#pragma unroll
	for (i = 0; i < KSIG_BPF_STRINGS; i++) {
		if (i >= n_strings)
			break;
		room = strings[i].size;
		n = number_at(entry + strings[i].loc, 4, false) >> 16;
		if (n > room)
			n = room;
		if (n)
			bpf_probe_read_kernel_str((void *)ev + strings[i].to,
						  n, locate(entry, strings[i].loc,
							    strings[i].relative));
	}
}

/* Does it make 32-bit system calls, whose numbers are others? */
static __always_inline bool is_compat(struct task_struct *task)
{
	if (bpf_core_field_exists(task->thread_info.status))
		return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
	return BPF_CORE_READ(task, thread_info.flags) & (1UL << TIF_32BIT);
}

/* @entry: of raw_syscalls. Which begins as that of the system call's tracepoint. */
static __always_inline bool is_only_syscall(const void *entry)
{
	return *(__u32 *)(entry + 8) + 1 == only_syscall &&
	       !is_compat((void *)bpf_get_current_task());
}

/* What tells most events apart at the least cost comes first. */
SEC("tracepoint")
int ksig_trace(void *entry)
{
	struct ksig_event *ev;
	struct pid *pid;
	__u32 nr, flags;

	if ((by_syscall && only_syscall && !is_only_syscall(entry)) ||
	    !fields_pass(entry) || !comm_passes() ||
	    !current_visible(&pid, &nr) || !pid_passes(true, pid, nr) ||
	    (skip_own && is_own((void *)bpf_get_current_task())))
		return 1;
	flags = kill_current();
	ev = reserve();
	if (!ev)
		return 1;
	copy_entry(ev, entry);
	ev->subject = nr;
	ev->len = event_size - sizeof(*ev);
	ev->flags = flags | (value_size ? 0 : KSIG_EVENT_NO_VALUE);
	ev->value = value_size ? number_at(entry + value_offset, value_size,
					   value_signed) : 0;
	*(__u64 *)((void *)ev + event_size) = inode_of(pid);
	bpf_ringbuf_submit(ev, 0);
	return 1;
}
