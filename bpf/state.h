/* SPDX-License-Identifier: GPL-2.0-only */
/* What lib/bpf/load.c sets before it loads the programs, and what they share while they run. */
#ifndef KSIG_STATE_H
#define KSIG_STATE_H

/* ------------------------------------------------------ set before it is loaded */

const volatile __u32 event_type;
/* A record in the ring has the inode of its subject behind that, as a word. */
const volatile __u32 event_size = sizeof(struct ksig_event);
/* Bytes in the ring that are a full queue. */
const volatile __u64 queue_bytes;

const volatile __u32 n_conds;
const volatile struct ksig_bpf_cond conds[KSIG_BPF_CONDS];

/* sched_process_exit says itself who is last: 6.16 and newer. */
const volatile bool has_group_dead;
/* Only about the process that the setup has pinned. */
const volatile bool pinned;
/* Only while the process that the setup has pinned runs. */
const volatile bool current_pinned;
/* Not about the subscriber, nor what it has started since: see is_own(). */
const volatile bool skip_own;

/*
 * For the programs that take the tracepoint's entry: where the new process's number
 * is, or whether the one that exits is the last of its process.
 */
const volatile __u32 entry_at;
/* Of the system call whose number the setup has found, raw_syscalls tells. */
const volatile bool by_syscall;

/* A tracepoint's entry: where its fields end that have a fixed place. */
const volatile __u32 entry_size = 8;
const volatile __u32 n_strings;
const volatile struct ksig_bpf_string strings[KSIG_BPF_STRINGS];
/* Which field is the value; size 0: none */
const volatile __u32 value_offset;
const volatile __u32 value_size;
const volatile bool value_signed;

/* ------------------------------------------------------------- while it runs */

__u64 lost;

/* The subscriber's pid namespace, by the setup. */
static struct pid_namespace *own_ns;
static unsigned int own_level;
static __s64 time_offset;	/* of the subscriber's CLOCK_MONOTONIC */
static struct pid *pin, *current_pin;
static struct pid *own_pid;
static __u64 own_since;

/* The only system call that counts: its number and one more, by the setup; 0: all */
__u32 only_syscall;

/*
 * Signals to the running task: the rest is set before kill_signo, and counted
 * since then.
 */
__u32 kill_signo;
__u32 kill_ready;
__u64 kill_skip;
__u64 kill_count;
__u64 kill_seen;
__u64 kill_sent;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
} ring SEC(".maps");

union record {
	struct ksig_event ev;
	__u64 words[KSIG_BPF_RECORD / 8];
	__u8 bytes[KSIG_BPF_RECORD];
	struct {
		__u64 before[KSIG_BPF_RECORD / 8];
		__u64 ino;
	};
};

#endif /* KSIG_STATE_H */
