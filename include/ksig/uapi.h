/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The interface between ksig.ko and user space. This is the only copy: the
 * module, the command and all other users of /dev/ksig include it.
 *
 * Every structure has the same layout for 32- and 64-bit callers. Undefined
 * flags and reserved fields must be zero, otherwise the call fails with
 * EINVAL. An undefined ioctl number fails with ENOTTY. Structures never grow:
 * an extension is a new structure with a new ioctl number.
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
 *	starting at 1. Lost events are counted, so a gap means that events were lost or
 *	delivered by signal without a record
 * @time_ns: time of the event: CLOCK_MONOTONIC in the time namespace of the process that
 *	opened the descriptor
 * @value: the value that a signal carries in si_value
 * @subject: what the event is about: a pid, an interface index or a cpu number
 * @type: index into the channel's types, 0 to 63
 * @lost_before: number of events lost between the previous record and this one; saturates
 *	at the maximum
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
 * More events than @lost_before may have been lost before this one. The upper bound is the
 * increase of ksig_stats.skipped.
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
 *	channel with KSIG_CHANNEL_PIDS it is the pid of a process in the pid namespace of
 *	the process that opened the descriptor. The process is pinned: a later process with
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
 * On a channel with KSIG_CHANNEL_PIDS: skip events about the calling process and about the
 * processes that it and its descendants start after this call. The chain of parents is
 * followed for up to 64 steps. A process whose parent exits remains a descendant only if the
 * caller is its subreaper (prctl(2), PR_SET_CHILD_SUBREAPER). Events emitted by an NMI are
 * checked after the NMI; a process that has exited by that time doesn't count as a
 * descendant.
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
 *	The limit is always 1 for standard signals and with KSIG_MODE_DOORBELL, which
 *	accepts only 0 and 1 here
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
 * non-empty, and when a non-empty queue is armed. A signal that can't be sent immediately
 * stays pending and is sent as soon as possible, unless the queue is empty by that time. If
 * nothing has been consumed after about 60 ms and the signal is no longer pending in the
 * target, the signal is sent again, because the target may have flushed it by ignoring it.
 *
 * Consume all records before sleeping. Check the queue after any signal with this number,
 * whatever its value: standard signals do not queue, so this signal may have been merged
 * with one from another sender.
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
 * @deferred: how often a notification was deferred, either because the context didn't permit
 *	it or because the target could not accept more signals
 * @flags: KSIG_STATS_* bits
 * @skipped: upper bound of the number of events lost before the filter was applied, which
 *	are not included in @offered. There are two causes. (1) Some subscriptions of a
 *	channel are served by a worker: those beyond the 32nd and, without
 *	CAP_SYS_RESOURCE, those beyond the 16th of the channel or the 8th of one user. That
 *	worker may be too slow. (2) An event that is emitted by an NMI, or while such
 *	events are waiting to be offered, is kept for a short time, and only a limited
 *	number of events can be kept
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
 * @tail: index after the newest record; written with a store-release
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
 * The built-in channels: their event types and the contents of data[]. Names are
 * NUL-terminated. A channel exists even if the kernel has no hook for its events; in that
 * case, opening it for reading fails with EOPNOTSUPP.
 */

/*
 * /dev/ksig/process, KSIG_CHANNEL_PIDS. @subject is a process ID, never the ID of another
 * thread, in the pid namespace of the opener. Kernel threads count as processes, as in
 * ps(1): they are children of process 2.
 */
/* @value: the child's pid. Not reported if the parent has no pid in that namespace (nsenter(1)) */
#define KSIG_PROCESS_FORK	0
#define KSIG_PROCESS_EXEC	1	/* @value: 0 */
/*
 * All threads of the process have exited. @value: the status that wait(2) will return. The
 * parent can't wait for the process yet.
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
 * @cgroup_id: ID of the victim's cgroup in the cgroup2 hierarchy, or 0 if unknown. It is the
 *	inode number of the cgroup's directory, and the file handle that
 *	open_by_handle_at(2) accepts there (type 0xfe)
 */
struct ksig_memory_data {
	char comm[16];
	__u64 cgroup_id;
};
KSIG_ASSERT(sizeof(struct ksig_memory_data) == 24);

/*
 * /dev/ksig/power. @subject, @value: 0; no data. Suspend is reported before processes are
 * frozen, and resume after they are thawed. Both are reported even if the attempt fails.
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
 * A channel is a device node /dev/ksig/NAME. Opening it for reading creates a subscription.
 * Its queue exists from this time on, and the channel's events are offered to it.
 *
 * open(2) fails with
 *  - ENOBUFS if the queue would exceed the user's RLIMIT_MEMLOCK. All queues of a user count
 *    towards the limit, as mlock(2)ed memory does. CAP_IPC_LOCK lifts the limit;
 *  - ENODEV if the channel is being destroyed;
 *  - EOPNOTSUPP if the kernel has no hook for a built-in channel;
 *  - ENOMEM, or an error returned by the channel's driver.
 *
 * read(2) returns as many whole records as are queued and fit into the buffer. It returns 0
 * if the channel is destroyed and the queue is empty. It fails with
 *  - EINVAL if the buffer is smaller than a record;
 *  - EAGAIN if the queue is empty and O_NONBLOCK is set;
 *  - EBUSY if the ring is mapped, or armed with KSIG_MODE_EACH.
 *
 * write(2) is supported by /dev/ksig/test only. It expects 8 bytes, a 64-bit number in native
 * byte order, and emits an event with that value. Any other write fails with EINVAL.
 *
 * poll(2) reports EPOLLIN if records are queued, EPOLLHUP if the channel is destroyed, and
 * EPOLLPRI if the target has exited. A descriptor of /dev/ksig/test that is open for writing
 * always reports EPOLLOUT. F_SETOWN, F_SETSIG and O_ASYNC work as with any file.
 *
 * mmap(2) needs a descriptor opened for reading and writing, and MAP_SHARED. Page 0 is struct
 * ksig_ring_consumer. Page 1 is struct ksig_ring_producer, followed by the records; these
 * pages can never be made writable. A mapping is not inherited by fork(2), and keeps the
 * subscription alive as an open descriptor does. mmap(2) fails with
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
 * length changes, the old and the new queue both count against RLIMIT_MEMLOCK during the
 * call. Without this ioctl a subscription has a queue of KSIG_QUEUE_DEFAULT records and no
 * filter. On error nothing has changed. The call fails with
 *  - EINVAL if a field is out of range, the channel doesn't have one of the types, @subject
 *    is set without KSIG_SUBSCRIBE_SUBJECT, or KSIG_SUBSCRIBE_SKIP_OWN is set on a channel
 *    without KSIG_CHANNEL_PIDS;
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
 * target is pinned. Signals are sent with the credentials that the caller has now. The rule of
 * kill(2) and the security module are consulted whenever the target's credentials have changed
 * since the last send, and at least once a second while signals are sent. Unless the caller
 * has CAP_KILL over the target, the target's uids must remain what they are now. SIGKILL and SIGSTOP
 * affect the init process of a pid namespace exactly as if the caller had sent them with
 * kill(2). Arming again replaces the settings but does not reset the counters.
 *
 * Every send checks whether the target is ready, as KSIG_IOC_SEND does. If it is not ready, or
 * the sender is no longer permitted to signal it, an event counts as refused (KSIG_MODE_EACH)
 * and a doorbell stays pending. Standard signals are sent as kill(2) sends them. A standard
 * signal counts as delivered even if the target ignores it, or if it has lost its value and
 * its si_errno because RLIMIT_SIGPENDING is reached.
 *
 * As with KSIG_IOC_SEND, the check and the send are two separate steps: a target that resets
 * its handler of a real-time signal while the subscription is armed can be killed by that
 * signal. Disarm the subscription or block the signal before resetting the handler.
 *
 * When the target exits, the subscription is disarmed. If the target is a thread that calls
 * exec and becomes the thread group leader, the subscription is disarmed with the next event.
 * When the channel is destroyed, one last signal with si_errno -ESHUTDOWN follows the queued
 * events; it is dropped if the target is not ready.
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
 * emitted before the call; none of them is still waiting to be offered. Fails with EBADF if the
 * descriptor was not opened for reading.
 */
#define KSIG_IOC_STATS		_IOR(0xBE, 0x05, struct ksig_stats)

/*
 * KSIG_IOC_SEND, on /dev/ksig/control: sends one signal before it returns. The permissions are
 * those that the caller would have for kill(2); it does not matter which process opened the
 * descriptor. Standard signals are sent unconditionally. A real-time signal (32 and up) is
 * sent only to a target that is ready for it. A target is ready if it has a handler, or if it
 * blocks the signal. For a process-directed signal without a handler, all live threads must
 * block it. A target is not ready while an earlier pending signal is about to reset the
 * handler (SA_RESETHAND).
 *
 * The check and the send are two separate steps. A target that resets its handler or unblocks
 * the signal between them is killed by the signal. Before doing either, make sure that no
 * signal can be sent: block the signal and keep it blocked, or disarm the subscription. The
 * signal is delivered even later, and the check does not cover this time: exec keeps pending
 * signals and resets handlers. Standard signals do not queue: a second one is merged with the
 * pending one, and its value is lost. If no siginfo can be allocated for a standard signal,
 * the signal is sent without a value.
 *
 * On error nothing was sent. The call fails with
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
