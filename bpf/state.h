/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings that lib/bpf/load.c sets before it loads the programs, and data that the programs share
 * while they run.
 */
#ifndef KSIG_STATE_H
#define KSIG_STATE_H

/* ---------------------------------------------------------- set before loading */

const volatile __u32 event_type;
/* In the ring, an event is followed by a word with the inode number of its subject. */
const volatile __u32 event_size = sizeof(struct ksig_event);
/* Number of bytes in the ring at which the queue is full */
const volatile __u64 queue_bytes;

const volatile __u32 n_conds;
const volatile struct ksig_bpf_cond conds[KSIG_BPF_CONDS];

/* sched_process_exit reports which thread is the last (6.16 and newer) */
const volatile bool has_group_dead;
/* Report only processes that were terminated by one of these signals: bit n for signal n; 0: all */
const volatile __u64 crash_signals;
/* Match only the subject that the setup has pinned. */
const volatile bool pinned;
/* Match only while the process that the setup has pinned is running. */
const volatile bool current_pinned;
/* Skip the subscriber and its descendants; see is_own(). */
const volatile bool skip_own;

/*
 * For the programs that receive the tracepoint's entry: offset of the new process's pid, or of the
 * flag that the exiting thread is the last one.
 */
const volatile __u32 entry_at;
/* The program may be attached to raw_syscalls; it then matches only the call in only_syscall. */
const volatile bool by_syscall;

/* End of the fields that have a fixed offset in the tracepoint's entry */
const volatile __u32 entry_size = 8;
const volatile __u32 n_strings;
const volatile struct ksig_bpf_string strings[KSIG_BPF_STRINGS];
/* The field that is the value; size 0 if there is none */
const volatile __u32 value_offset;
const volatile __u32 value_size;
const volatile bool value_signed;

/* ------------------------------------------------------ changed while running */

__u64 lost;

/* Pid namespace of the subscriber, set by the setup */
static struct pid_namespace *own_ns;
static unsigned int own_level;
static __s64 time_offset;	/* offset of the subscriber's CLOCK_MONOTONIC */
static struct pid *pin, *current_pin;
static struct pid *own_pid;
static __u64 own_since;

/* One plus the number of the only system call to match, set by the setup; 0 for all calls */
__u32 only_syscall;

/*
 * Signals to the running task. kill_signo is set after the other settings. Events and signals are
 * counted from then on.
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
