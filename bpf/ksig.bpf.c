// SPDX-License-Identifier: GPL-2.0-only
/*
 * Produces events without the module. Each subscription loads its own instance, with only the
 * programs that it needs, and with its filter as constants.
 *
 * A matching record is added to the ring or counted as lost. Until user space reads the record, its
 * seq is the number of events lost before the record was reserved. That number never decreases, so
 * the first record after a gap shows the gap, regardless of which CPU lost the events.
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

/*
 * Finds the number of a system call. @fd: perf event for the system call's tracepoint, opened by
 * the calling process.
 */
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
 * Runs once, in the subscriber's context. Looks up the subscriber's pid and time namespaces, the
 * processes named by the filter, and the system call. The subscriber has pidfds of those processes,
 * so their struct pid is not reused.
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

/*
 * Return: space for a record in the ring; NULL if the ring is full, in which case the event is
 * counted as lost.
 */
static __always_inline struct ksig_event *reserve(void)
{
	/*
	 * Read the clock before reserving. User space merges rings by time, so within a ring no
	 * record may be later than its successor.
	 */
	__u64 now = bpf_ktime_get_ns();
	struct ksig_event *ev = NULL;

	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < queue_bytes)
		ev = bpf_ringbuf_reserve(&ring, event_size + sizeof(__u64), 0);
	if (!ev) {
		__sync_fetch_and_add(&lost, 1);
		return NULL;
	}
	/* read after the reservation, which takes a lock, so that earlier losses are included */
	ev->seq = *(volatile __u64 *)&lost;
	ev->time_ns = now + time_offset;
	ev->type = event_type;
	ev->lost_before = 0;
	return ev;
}

/*
 * Adds @rec to the ring if it matches the filter. The caller has set value, subject, len, flags and
 * data of @rec; the rest is 0.
 */
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
	if (crash_signals) {
		rec.ev.value = value & 0x7f;
		rec.ev.len += sizeof(__u64);
		*(__u64 *)(data + 1) = value >> 7 & 1;
	}
	bpf_core_read(data->comm, sizeof(data->comm), &leader->comm);
	data->tgid = nr;
	parent = process_of(BPF_CORE_READ(leader, real_parent));
	number_of(parent, &nr);
	data->parent = nr;
	return offer(&rec);
}

/*
 * Since Linux 7.0, a program on a raw tracepoint can be preempted. Until the program continues, the
 * kernel skips it for all other events on that CPU. Programs that receive perf's entry of a
 * tracepoint run with preemption disabled, so each of the frequent events also has such a program.
 * These programs return 1, because 0 would hide the entry from all other perf users.
 */
static __always_inline int offer_fork(struct task_struct *parent,
				      struct task_struct *child)
{
	__u32 nr;

	/* the child is a thread, not a process */
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
	/* the child has not run yet, so its pid has not been reused */
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

/* Processes whose exit has been reported. An entry exists as long as the leader's task. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, int);
} reported SEC(".maps");

/*
 * Several threads that exit at the same time may all find that no thread is alive. Before 6.16, the
 * tracepoint does not report which thread was the last, so the first thread that calls this
 * function reports the exit.
 */
static __always_inline bool first_to_report(void)
{
	/* use the BTF variant, because task storage requires a typed pointer to the exiting task */
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *leader = task->group_leader;
	/*
	 * read nr_threads before the storage, because threads that have exited have already set the
	 * storage
	 */
	bool alone = task == leader && task->signal->nr_threads == 1;
	int *said;

	said = bpf_task_storage_get(&reported, leader, NULL, 0);
	if (!said && alone)
		return true;
	if (!said)
		said = bpf_task_storage_get(&reported, leader, NULL,
					    BPF_LOCAL_STORAGE_GET_F_CREATE);
	/* another CPU may have created the entry between the two calls */
	if (!said)
		said = bpf_task_storage_get(&reported, leader, NULL, 0);
	/* without memory, a duplicate event is better than a lost one */
	return !said || !__sync_lock_test_and_set(said, 1);
}

/*
 * SIGNAL_GROUP_EXIT and its exit code are set before the last thread decrements the live count, so
 * any exiting thread can read the status.
 */
static __always_inline __u64 wait_status(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);

	if (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT)
		return (__u32)BPF_CORE_READ(signal, group_exit_code);
	return (__u32)BPF_CORE_READ(task, group_leader, exit_code);
}

static __always_inline int offer_exit(struct task_struct *task)
{
	const __u32 status = wait_status(task);

	if (crash_signals && !(crash_signals >> (status & 0x3f) & 1))
		return 0;
	return offer_process(task, status);
}

SEC("raw_tp/sched_process_exit")
int ksig_exit(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	if (has_group_dead) {
		if (!ctx[1])
			return 0;
	} else if (BPF_CORE_READ(task, signal, live.counter) ||
		   !first_to_report()) {
		return 0;
	}
	return offer_exit(task);
}

/*
 * Used on kernels with preemptible probes, where the tracepoint reports which thread is the last.
 */
SEC("tracepoint")
int ksig_exit_entry(void *entry)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (number_at(entry + entry_at, 1, false))
		offer_exit(task);
	return 1;
}

/* -------------------------------------------------------------- other events */

/* Return: the ID of the cgroup2 cgroup, as in /proc/PID/cgroup; 0 if unknown. */
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
	/* the tracepoint does not report whether the machine or a cgroup is out of memory */
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

/* Older kernels report only a pid. */
SEC("raw_tp/mark_victim")
int ksig_kill_pid(__u64 *ctx)
{
	struct task_struct *task = find_task(ctx[0]);

	return task ? offer_kill(task) : 0;
}

/* Protected by system_transition_mutex. */
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
 * A suspend is reported at freeze_processes, before processes are frozen. Hibernation does not have
 * that step, so it is reported at dpm_prepare.
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
 * When a CPU comes online, @state equals the completed @step. When a CPU goes offline, @state is
 * below @step. The difference depends on which steps the CPU has performed itself.
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

/* Modules that have been loaded but whose init function has not succeeded yet */
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

/* Once the module is live, the loader drops its reference, which triggers this tracepoint. */
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
	/* the module was never live, because its init function failed */
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

/* Return: KSIG_BPF_* flags for the event. */
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
	/*
	 * send only if the signal is not pending, because queued signals count towards the user's
	 * limit
	 */
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

/* Return: whether the task is in a 32-bit system call. The numbers of such calls are different. */
static __always_inline bool is_compat(struct task_struct *task)
{
	if (bpf_core_field_exists(task->thread_info.status))
		return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
	return BPF_CORE_READ(task, thread_info.flags) & (1UL << TIF_32BIT);
}

/*
 * @entry: entry of the raw_syscalls tracepoint, which begins with the same fields as the entry of
 * the system call's own tracepoint
 */
static __always_inline bool is_only_syscall(const void *entry)
{
	return *(__u32 *)(entry + 8) + 1 == only_syscall &&
	       !is_compat((void *)bpf_get_current_task());
}

/* The conditions that are cheap and reject most events are checked first. */
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
