/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The interface between ksig.ko and user space. There are no other copies of it: the module, the
 * command and all other users of /dev/ksig include this file.
 *
 * Every structure has the same layout for 32-bit and 64-bit callers. Undefined flags and reserved
 * fields must be zero; otherwise the call fails with EINVAL. An undefined ioctl number fails with
 * ENOTTY. Structures never grow. An extension adds a new structure and a new ioctl number.
 */
#ifndef KSIG_UAPI_H
#define KSIG_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#ifdef __KERNEL__
#include <linux/build_bug.h>
#define KSIG_ASSERT(expr) static_assert(expr)
#else
#include <signal.h>
#include <sys/signalfd.h>
#if defined(__cplusplus)
#define KSIG_ASSERT(expr) static_assert(expr, #expr)
#else
#define KSIG_ASSERT(expr) _Static_assert(expr, #expr)
#endif
#endif

#define KSIG_ABI 3

/* A channel name has at most 47 bytes, plus the terminator. */
#define KSIG_NAME_MAX 48

/**
 * struct ksig_event - an event; a record in a subscription's queue
 * @seq: sequence number of the event among all events offered to this subscription,
 *	starting at 1. Events that were lost, or delivered by signal without a record,
 *	appear as gaps
 * @time_ns: CLOCK_MONOTONIC time of the event in nanoseconds, in the time namespace of the
 *	process that opened the descriptor
 * @value: the value that a signal carries in si_value
 * @subject: what the event is about: a pid, an interface index or a cpu number
 * @type: index into the channel's types, 0 to 63
 * @lost_before: number of events lost between the previous record and this one; 0xffffffff if
 *	there are at least that many
 * @len: number of bytes used in @data
 * @flags: KSIG_EVENT_* bits
 * @data: the remaining event_size - 48 bytes of the record; unused bytes are 0
 *
 * All records of a channel have the same size, event_size bytes (see KSIG_IOC_INFO), which
 * is a multiple of 8 from 64 to 4096.
 */
struct ksig_event {
	__u64 seq;
	__u64 time_ns;
	__u64 value;
	__u64 subject;
	__u32 type;
	__u32 lost_before;
	__u32 len;
	__u32 flags;
	__u8  data[];
};
KSIG_ASSERT(sizeof(struct ksig_event) == 48);

#define KSIG_EVENT_NO_VALUE	(1U << 0)	/* @value is unknown */
#define KSIG_EVENT_NO_SUBJECT	(1U << 1)	/* @subject is unknown */
/*
 * In addition to the events counted in @lost_before, other events may have been lost before this
 * one. The increase of ksig_stats.skipped is an upper bound on their number.
 */
#define KSIG_EVENT_LOST_UPTO	(1U << 2)

/**
 * struct ksig_info - properties of a node and of a subscription
 * @abi: KSIG_ABI of the module
 * @features: bits for optional features; none are defined yet
 * @event_size: size of a record in bytes; 0 on the control node
 * @queue_len: length of this subscription's queue in records; 0 on a descriptor without a
 *	subscription (the control node, or a channel opened for writing only)
 * @max_queue_len: maximum value of @queue_len; 0 on the control node
 * @flags: KSIG_CHANNEL_* bits
 * @channel: name of the node below /dev/ksig, NUL-terminated
 */
struct ksig_info {
	__u32 abi;
	__u32 features;
	__u32 event_size;
	__u32 queue_len;
	__u32 max_queue_len;
	__u32 flags;
	char channel[KSIG_NAME_MAX];
};
KSIG_ASSERT(sizeof(struct ksig_info) == 72);

#define KSIG_CHANNEL_PIDS	(1U << 0)	/* subjects are processes */

#define KSIG_QUEUE_MIN		16
#define KSIG_QUEUE_DEFAULT	256
#define KSIG_QUEUE_MAX		65536

/**
 * struct ksig_subscribe - settings of a subscription
 * @types: bit mask of event types; 0: all types of the channel
 * @subject: with KSIG_SUBSCRIBE_SUBJECT, the only subject whose events are offered. On a
 *	channel with KSIG_CHANNEL_PIDS, the subject is a process ID in the pid namespace of
 *	the process that opened the descriptor. This process is pinned: a later process with
 *	the same pid doesn't match
 * @queue_len: length of the queue in records, a power of two from KSIG_QUEUE_MIN to
 *	KSIG_QUEUE_MAX; 0: KSIG_QUEUE_DEFAULT
 * @flags: KSIG_SUBSCRIBE_* bits
 */
struct ksig_subscribe {
	__u64 types;
	__u64 subject;
	__u32 queue_len;
	__u32 flags;
};
KSIG_ASSERT(sizeof(struct ksig_subscribe) == 24);

#define KSIG_SUBSCRIBE_SUBJECT	(1U << 0)
/*
 * On a channel with KSIG_CHANNEL_PIDS: skip events about the calling process, about children that
 * it starts after this call, and about the descendants of these children. A descendant is
 * recognized if its chain of parents reaches the caller within 64 steps. A process whose parent
 * exits remains a descendant only if the caller is its subreaper (prctl(2),
 * PR_SET_CHILD_SUBREAPER). Events emitted by an NMI are checked after the NMI. A process that has
 * exited by then doesn't count as a descendant.
 */
#define KSIG_SUBSCRIBE_SKIP_OWN	(1U << 1)

/**
 * struct ksig_arm - signal delivery settings of a subscription
 * @signo: signal number, 1 to 64
 * @mode: KSIG_MODE_EACH or KSIG_MODE_DOORBELL
 * @flags: KSIG_ARM_* bits
 * @tid: thread ID of the target in the caller's pid namespace. 0: the calling thread, or with
 *	KSIG_ARM_PROCESS the calling process
 * @max_pending: no signal is sent while this many signals with number @signo, from any
 *	sender, are pending in the target. 1 to KSIG_PENDING_MAX; 0: KSIG_PENDING_DEFAULT.
 *	For standard signals and with KSIG_MODE_DOORBELL the limit is always 1.
 *	KSIG_MODE_DOORBELL requires a value of 0 or 1
 * @reserved: 0
 * @value: value of a doorbell's signal; 0 with KSIG_MODE_EACH
 */
struct ksig_arm {
	__s32 signo;
	__u32 mode;
	__u32 flags;
	__s32 tid;
	__u32 max_pending;
	__u32 reserved;
	__u64 value;
};
KSIG_ASSERT(sizeof(struct ksig_arm) == 32);

/*
 * Each event is delivered as one signal that carries the event's value. The first signal
 * after a loss carries the number of lost events in si_errno.
 */
#define KSIG_MODE_EACH		0
/*
 * The program reads the events or maps the queue. The signal is sent when the queue becomes
 * non-empty, or when the subscription is armed while the queue is non-empty. If the signal can't be
 * sent immediately, it is sent as soon as possible, unless the queue is empty by then. If nothing
 * has been consumed after about 60 ms and the signal is no longer pending in the target, the signal
 * is sent again, because the target may have flushed it by ignoring it.
 *
 * Consume all records before sleeping. After any signal with this number, check the queue
 * regardless of the signal's value. Standard signals do not queue, so a doorbell may have been
 * merged with a signal from another sender.
 */
#define KSIG_MODE_DOORBELL	1

#define KSIG_ARM_PROCESS	(1U << 0)	/* like KSIG_SEND_PROCESS */
/* KSIG_MODE_EACH: the value is subject << 32 | (value & 0xffffffff). */
#define KSIG_ARM_SUBJECT	(1U << 1)

#define KSIG_PENDING_DEFAULT	32
#define KSIG_PENDING_MAX	1024

/**
 * struct ksig_send - a signal to be sent immediately
 * @pid: thread ID of the target in the caller's pid namespace, greater than 0. With
 *	KSIG_SEND_PROCESS, the signal is sent to that thread's process, as by kill(2)
 * @signo: signal number, 1 to 64 in the kernel's numbering (the C library reserves 32 and 33)
 * @flags: KSIG_SEND_PROCESS or 0
 * @reserved: 0
 * @value: the signal's value; see ksig_siginfo_value()
 */
struct ksig_send {
	__s32 pid;
	__s32 signo;
	__u32 flags;
	__u32 reserved;
	__u64 value;
};
KSIG_ASSERT(sizeof(struct ksig_send) == 24);

/*
 * The signal is process-directed: any thread of the process may receive it. si_code is
 * SI_ASYNCIO instead of SI_QUEUE, and the value is split between si_pid (low half) and
 * si_uid (high half).
 */
#define KSIG_SEND_PROCESS	(1U << 0)

/**
 * struct ksig_stats - counters of a subscription
 * @offered: events that passed the filter
 * @delivered: events read, consumed from the ring, or accepted into the target's signal queue
 * @queued: events that are still in the queue
 * @lost: events dropped because the queue was full
 * @refused: events dropped because the target was not ready or the sender was not permitted
 *	to signal it (KSIG_MODE_EACH)
 * @signals: number of signals sent, including doorbells and hang-ups
 * @deferred: number of times that a notification was deferred because the context didn't
 *	permit it, or because the target could not accept more signals
 * @flags: KSIG_STATS_* bits
 * @skipped: upper bound on the number of events lost before the filter was applied. These
 *	events are not included in @offered. They are lost in two cases. (1) A worker serves
 *	some of a channel's subscriptions, and can't keep up. These are the subscriptions
 *	beyond the channel's 32nd and, without CAP_SYS_RESOURCE, those beyond the channel's
 *	16th or the user's 8th. (2) Too many events have to be stored before they can be
 *	offered. An event is stored if it is emitted by an NMI, or while stored events are
 *	waiting to be offered
 *
 * At any time, offered = delivered + queued + lost + refused.
 */
struct ksig_stats {
	__u64 offered;
	__u64 delivered;
	__u64 queued;
	__u64 lost;
	__u64 refused;
	__u64 signals;
	__u64 deferred;
	__u64 flags;
	__u64 skipped;
};
KSIG_ASSERT(sizeof(struct ksig_stats) == 72);

#define KSIG_STATS_TARGET_GONE	(1U << 0)	/* target exited since KSIG_IOC_ARM; EPOLLPRI */
#define KSIG_STATS_HUP		(1U << 1)	/* the channel is destroyed; EPOLLHUP */
#define KSIG_STATS_ARMED	(1U << 2)
#define KSIG_STATS_MAPPED	(1U << 3)

/**
 * struct ksig_ring_consumer - page 0 of a mapping, shared and writable
 * @head: index of the next record to consume; written by the consumer
 *
 * Indexes are free-running 32-bit numbers. The record with index i is in slot i % len. To
 * consume without a system call::
 *
 *	tail = load-acquire(producer->tail)
 *	while (head != tail)
 *		use record[head % len], then head = head + 1
 *	store-release(consumer->head, head)
 *	full barrier			(pairs with the kernel's barrier between its
 *					 store to tail and its load of head)
 *	if (load(producer->tail) == tail)
 *		sleep until the signal arrives, or in poll(2)
 *
 * The kernel accepts @head only if it lies between the last accepted value and @tail; other
 * values are ignored.
 */
struct ksig_ring_consumer {
	__u32 head;
};

/**
 * struct ksig_ring_producer - page 1 of a mapping, read-only; the records begin at page 2
 * @tail: index of the next record to be added; written with a store-release
 * @len: number of records
 * @event_size: bytes per record
 * @flags: KSIG_RING_HUP
 * @lost: number of events lost so far
 */
struct ksig_ring_producer {
	__u32 tail;
	__u32 len;
	__u32 event_size;
	__u32 flags;
	__u64 lost;
};
KSIG_ASSERT(sizeof(struct ksig_ring_producer) == 24);

#define KSIG_RING_HUP		(1U << 0)	/* the channel is destroyed */

/*
 * The event types of the built-in channels, and the contents of data[]. Names are
 * NUL-terminated. A channel exists even if the kernel has no hook for its events. In that
 * case, opening the channel for reading fails with EOPNOTSUPP.
 */

/*
 * /dev/ksig/process, KSIG_CHANNEL_PIDS. @subject is a process ID in the opener's pid namespace,
 * never the ID of a thread other than the leader. Kernel threads count as processes, as in ps(1),
 * and are children of process 2.
 */
/*
 * @value: the child's pid. A fork is not reported if the parent has no pid in the opener's pid
 * namespace, as when nsenter(1) enters that namespace.
 */
#define KSIG_PROCESS_FORK	0
#define KSIG_PROCESS_EXEC	1	/* @value: 0 */
/*
 * All threads of the process have exited. @value: the status that wait(2) will return. At the
 * time of the event, the parent can't wait for the process yet.
 */
#define KSIG_PROCESS_EXIT	2

/**
 * struct ksig_process_data - data[] of the channel process
 * @comm: name of the thread group leader
 * @tgid: pid of the process, equal to @subject
 * @parent: pid of the parent process; 0 if the parent is not in the opener's pid namespace
 */
struct ksig_process_data {
	char comm[16];
	__s32 tgid;
	__s32 parent;
};
KSIG_ASSERT(sizeof(struct ksig_process_data) == 24);

/* /dev/ksig/memory, KSIG_CHANNEL_PIDS */

/* The system is out of memory; a process may be killed next. @subject, @value: 0; no data */
#define KSIG_MEMORY_OOM		0
/* The OOM killer has chosen @subject. @value: KSIG_KILL_* */
#define KSIG_MEMORY_KILL	1

#define KSIG_KILL_GLOBAL	0	/* the system or the allowed NUMA nodes are out of memory */
#define KSIG_KILL_CGROUP	1	/* a cgroup has reached its limit */

/**
 * struct ksig_memory_data - data[] of KSIG_MEMORY_KILL
 * @comm: the victim's name
 * @cgroup_id: ID of the victim's cgroup in the cgroup2 hierarchy, or 0 if unknown. This ID is
 *	the inode number of the cgroup's directory. It is also the directory's file handle
 *	for open_by_handle_at(2), with handle type 0xfe
 */
struct ksig_memory_data {
	char comm[16];
	__u64 cgroup_id;
};
KSIG_ASSERT(sizeof(struct ksig_memory_data) == 24);

/*
 * /dev/ksig/power. @subject, @value: 0; no data. Suspend is reported before processes are
 * frozen, and resume after they are thawed. Both are reported even if suspending fails.
 */
#define KSIG_POWER_SUSPEND	0	/* suspend to RAM or to idle, or hibernation */
#define KSIG_POWER_RESUME	1

/*
 * /dev/ksig/net. @subject: the interface's index; @value: 0. Only interfaces in the network
 * namespace of the process that opened the descriptor are reported.
 */
#define KSIG_NET_UP		0	/* the interface is up and has a carrier */
#define KSIG_NET_DOWN		1	/* the interface is down or has lost its carrier */

/**
 * struct ksig_net_data - data[] of the channel net
 * @ifname: the interface's name at the time of the event
 */
struct ksig_net_data {
	char ifname[16];
};
KSIG_ASSERT(sizeof(struct ksig_net_data) == 16);

/* /dev/ksig/cpu. @subject: the cpu; @value: 0; no data */
#define KSIG_CPU_ONLINE		0
#define KSIG_CPU_OFFLINE	1

/*
 * /dev/ksig/kmod. @subject, @value: 0. A module whose init function fails is not reported,
 * unless that function was already running when the channel was first opened.
 */
#define KSIG_KMOD_LOAD		0	/* the init function has succeeded */
#define KSIG_KMOD_UNLOAD	1	/* the exit function has returned */

/**
 * struct ksig_kmod_data - data[] of the channel kmod
 * @name: name of the module
 */
struct ksig_kmod_data {
	char name[56];
};
KSIG_ASSERT(sizeof(struct ksig_kmod_data) == 56);

/*
 * A channel is a device node /dev/ksig/NAME. Opening it for reading creates a subscription, which
 * has a queue. From then on, the channel's events are offered to the subscription.
 *
 * open(2) fails with
 *  - ENOBUFS if the queue would exceed RLIMIT_MEMLOCK. The sizes of all queues that the user has
 *    opened are added up. CAP_IPC_LOCK lifts the limit;
 *  - ENODEV if the channel is being destroyed;
 *  - EOPNOTSUPP if the kernel has no hook for a built-in channel;
 *  - ENOMEM, or an error returned by the channel's driver.
 *
 * read(2) returns as many whole records as are queued and fit into the buffer. It returns 0
 * if the channel is destroyed and the queue is empty. It fails with
 *  - EINVAL if the buffer is smaller than a record;
 *  - EAGAIN if the queue is empty and O_NONBLOCK is set;
 *  - EBUSY if the ring is mapped, or the subscription is armed with KSIG_MODE_EACH.
 *
 * write(2) is supported by /dev/ksig/test only. It expects 8 bytes, a 64-bit number in native
 * byte order, and emits an event with that value. Any other write fails with EINVAL.
 *
 * poll(2) reports EPOLLIN if records are queued, EPOLLHUP if the channel is destroyed, and
 * EPOLLPRI if the target has exited. A descriptor of /dev/ksig/test that is open for writing
 * always reports EPOLLOUT. F_SETOWN, F_SETSIG and O_ASYNC work as with any file.
 *
 * mmap(2) requires MAP_SHARED and a descriptor that is open for reading and writing. Page 0 is
 * struct ksig_ring_consumer. Page 1 is struct ksig_ring_producer, and the records begin at page 2.
 * Page 1 and the records can never be made writable. A child of fork(2) doesn't inherit the
 * mapping. Like an open descriptor, a mapping keeps the subscription alive. mmap(2) fails with
 *  - EINVAL if the range is invalid or the mapping is private;
 *  - EACCES if a writable mapping includes page 1 or later pages;
 *  - EBUSY if the subscription is armed with KSIG_MODE_EACH;
 *  - ENOMEM.
 */

/*
 * KSIG_IOC_INFO, on every node: fills in struct ksig_info. Fails with EFAULT if the pointer is
 * invalid, as do all ioctls that have an argument.
 */
#define KSIG_IOC_INFO		_IOR(0xBE, 0x00, struct ksig_info)

/*
 * KSIG_IOC_SUBSCRIBE, on a subscription: replaces its filter and its queue. When the call
 * returns, the queue is empty, all counters are zero, seq starts again at 1, and every record
 * matches the new filter. The queue's memory is charged to the caller's memory cgroup. If the
 * length changes, the old and the new queue both count towards RLIMIT_MEMLOCK during the
 * call. Without this ioctl, a subscription has a queue of KSIG_QUEUE_DEFAULT records and no
 * filter. On error, the subscription is unchanged. The call fails with
 *  - EINVAL if a field is out of range, @types contains a type that the channel doesn't have,
 *    @subject is set without KSIG_SUBSCRIBE_SUBJECT, or KSIG_SUBSCRIBE_SKIP_OWN is set on a
 *    channel without KSIG_CHANNEL_PIDS;
 *  - ESRCH if the subject is not a process;
 *  - EUSERS if KSIG_SUBSCRIBE_SKIP_OWN is set and the channel has so many subscriptions that
 *    a worker serves this one;
 *  - EBUSY if the ring is mapped, or the subscription is armed;
 *  - ENODEV if the channel is destroyed;
 *  - ENOBUFS or ENOMEM, as open(2);
 *  - EINTR if a fatal signal was received;
 *  - EBADF if the descriptor was not opened for reading.
 */
#define KSIG_IOC_SUBSCRIBE	_IOW(0xBE, 0x06, struct ksig_subscribe)

/*
 * KSIG_IOC_ARM, on a subscription: delivers its events to a thread or process by signal. The
 * target is pinned. Signals are sent with the credentials that the caller has at the time of this
 * call. The kill(2) permission check and the security module's check are repeated if the target's
 * credentials have changed since the last send, and at least once per second while signals are
 * being sent. Unless the caller has CAP_KILL over the target, no signal is sent after the target's
 * uids have changed. SIGKILL and SIGSTOP affect the init process of a pid namespace exactly as if
 * the caller had sent them with kill(2). Arming again replaces the settings but does not reset the
 * counters.
 *
 * Before each real-time signal, the target's readiness is checked, as by KSIG_IOC_SEND. Standard
 * signals are sent without this check, as by kill(2). If the target is not ready, or the sender is
 * no longer permitted to signal it, the event counts as refused (KSIG_MODE_EACH) or the doorbell
 * stays pending (KSIG_MODE_DOORBELL). A standard signal counts as delivered even if the target
 * ignores it, or if RLIMIT_SIGPENDING is reached and the signal has lost its value and si_errno.
 *
 * As with KSIG_IOC_SEND, the check and the send are two separate steps. If the target resets its
 * handler for a real-time signal while the subscription is armed, this signal can kill the target.
 * Before resetting the handler, disarm the subscription or block the signal.
 *
 * When the target exits, the subscription is disarmed. If the target is a thread that calls exec
 * and becomes the thread group leader, the subscription is disarmed at the next event. When the
 * channel is destroyed, a last signal with si_errno -ESHUTDOWN is sent after the queued events.
 * This signal is dropped if the target is not ready.
 *
 * On error, earlier settings remain in effect. The call fails with
 *  - EINVAL if a field is out of range;
 *  - ESRCH if the target does not exist;
 *  - EPERM, or another error of the security module, if the caller is not permitted to signal
 *    the target;
 *  - EBUSY if the mode is KSIG_MODE_EACH and the ring is mapped;
 *  - ENODEV if the channel is destroyed;
 *  - EBADF if the descriptor was not opened for reading;
 *  - ENOMEM.
 */
#define KSIG_IOC_ARM		_IOW(0xBE, 0x03, struct ksig_arm)

/*
 * KSIG_IOC_DISARM, on a subscription: no signal is sent after this call returns. Signals that
 * are already pending in the target remain pending, and queued events can be read. The call
 * also succeeds if the subscription is not armed. This ioctl has no argument; a third
 * argument of ioctl(2) is ignored. It fails with EBADF if the descriptor was not opened for
 * reading.
 */
#define KSIG_IOC_DISARM		_IO(0xBE, 0x04)

/*
 * KSIG_IOC_STATS, on a subscription: fills in struct ksig_stats. The counters include all events
 * emitted before the call. Fails with EBADF if the descriptor was not opened for reading.
 */
#define KSIG_IOC_STATS		_IOR(0xBE, 0x05, struct ksig_stats)

/*
 * KSIG_IOC_SEND, on /dev/ksig/control: sends one signal before it returns. The caller needs the
 * same permissions as for kill(2), no matter which process opened the descriptor. Standard signals
 * are sent unconditionally. A real-time signal (32 and up) is sent only if the target is ready for
 * it. A target is ready if it handles or blocks the signal. If a process-directed signal has no
 * handler, all live threads must block it. A target is not ready while an earlier pending signal is
 * about to reset the handler (SA_RESETHAND).
 *
 * The check and the send are two separate steps. A target that resets its handler or unblocks the
 * signal between these steps is killed by the signal. To prevent this, keep the signal blocked in
 * the target, or disarm the subscription first. A pending signal is delivered even later, and by
 * then the result of the check may no longer be valid: exec, for example, keeps pending signals and
 * resets handlers. Standard signals do not queue: a second signal is merged with the pending one,
 * and the second signal's value is lost. If no siginfo can be allocated for a standard signal, the
 * signal is sent without a value.
 *
 * On error, no signal was sent. The call fails with
 *  - EINVAL if pid, signo, flags or reserved is out of range;
 *  - ESRCH if the target does not exist or is exiting;
 *  - EPERM, or another error of the security module, if the caller is not permitted to signal
 *    the target;
 *  - ECONNREFUSED if the target is not ready: the signal would kill it or be ignored;
 *  - EAGAIN if the target's user has RLIMIT_SIGPENDING signals pending, if there is no memory
 *    for another signal, or if the target is about to be replaced by a thread of its process
 *    that calls exec;
 *  - ENOMEM.
 */
#define KSIG_IOC_SEND		_IOW(0xBE, 0x10, struct ksig_send)

#ifndef __KERNEL__
/* The value of SI_ASYNCIO, which <signal.h> does not define in strict ISO C mode */
#define KSIG_SI_PROCESS		(-4)

/*
 * With -std=c11 and similar options, siginfo_t (from <signal.h>) and ksig_siginfo_value() are
 * available only with -D_POSIX_C_SOURCE=200809L.
 */
#ifdef SI_ASYNCIO
KSIG_ASSERT(SI_ASYNCIO == KSIG_SI_PROCESS);

/**
 * ksig_siginfo_value() - get the value of a signal sent by ksig
 * @info: siginfo from an SA_SIGINFO handler or sigwaitinfo(2)
 *
 * A thread-directed signal carries its value in si_value: all 64 bits in a 64-bit program, the
 * low 32 bits in a 32-bit program. A process-directed signal carries all 64 bits in si_pid
 * and si_uid.
 *
 * Async-signal-safe.
 *
 * Return: the value.
 */
static inline __u64 ksig_siginfo_value(const siginfo_t *info)
{
	if (info->si_code == KSIG_SI_PROCESS)
		return (__u32)info->si_pid | (__u64)(__u32)info->si_uid << 32;
	return (unsigned long)info->si_value.sival_ptr;
}
#endif /* SI_ASYNCIO */

/**
 * ksig_signalfd_value() - get the value of a signal sent by ksig
 * @info: structure read from a signalfd
 *
 * Like ksig_siginfo_value(), but returns all 64 bits even in a 32-bit program.
 *
 * Return: the value.
 */
static inline __u64 ksig_signalfd_value(const struct signalfd_siginfo *info)
{
	if (info->ssi_code == KSIG_SI_PROCESS)
		return info->ssi_pid | (__u64)info->ssi_uid << 32;
	return info->ssi_ptr;
}
#endif /* !__KERNEL__ */

#endif /* KSIG_UAPI_H */
