/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The contract between ksig.ko and user space. This is the only copy: the
 * module, the command and every program that talks to /dev/ksig include it.
 *
 * Every structure has the same layout for 32- and 64-bit callers. Flags that
 * are not defined here and reserved fields must be zero, else -EINVAL. An
 * ioctl number that is not defined here gives -ENOTTY. A structure never
 * grows: an extension is a new structure with a new ioctl number.
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

/* The longest channel name is 47 bytes, and its terminator. */
#define KSIG_NAME_MAX 48

/**
 * struct ksig_event - an event, as a record of a subscription's queue
 * @seq: number among the events offered to this subscription, starting at 1; lost
 *	events are included, so a gap is a loss (or was delivered by signal)
 * @time_ns: time of the event, CLOCK_MONOTONIC of the time namespace in which the
 *	descriptor was opened
 * @value: the value that a signal carries in si_value
 * @subject: what the event is about: a pid, an interface index, a cpu
 * @type: index into the channel's types, 0 to 63
 * @lost_before: number of events lost between the previous record and this one;
 *	saturates
 * @len: number of bytes used in @data
 * @flags: KSIG_EVENT_* bits
 * @data: rest of the record, event_size - 48 bytes; unused bytes are 0
 *
 * A record has event_size bytes (KSIG_IOC_INFO), a multiple of 8 from 64 to 4096, the
 * same for all events of a channel.
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
 * More events than @lost_before may have been lost before this one: up to the number by
 * which ksig_stats.skipped has increased.
 */
#define KSIG_EVENT_LOST_UPTO	(1U << 2)

/**
 * struct ksig_info - properties of a node and of a subscription
 * @abi: KSIG_ABI of the module
 * @features: bits for optional features; none are defined
 * @event_size: size of a record in bytes; 0 on the control node
 * @queue_len: length of this subscription's queue in records; 0 without a subscription
 *	(the control node, a channel opened for writing only)
 * @max_queue_len: maximum of @queue_len; 0 on the control node
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
 * @subject: with KSIG_SUBSCRIBE_SUBJECT: only events about this. On a channel with
 *	KSIG_CHANNEL_PIDS it is a process, as numbered in the pid namespace in which the
 *	descriptor was opened. The process is pinned: one that gets the number later
 *	doesn't match
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
 * On a channel with KSIG_CHANNEL_PIDS: no events about the calling process, nor about
 * processes that it and its descendants start from now on. Ancestors are followed for 64
 * steps. A process whose parent exits remains a descendant only if the caller is its
 * subreaper (prctl(2), PR_SET_CHILD_SUBREAPER). What an NMI emits is checked after it; a
 * process that has exited by then doesn't count as a descendant.
 */
#define KSIG_SUBSCRIBE_SKIP_OWN	(1U << 1)

/**
 * struct ksig_arm - signal delivery settings of a subscription
 * @signo: signal number, 1 to 64
 * @mode: KSIG_MODE_EACH or KSIG_MODE_DOORBELL
 * @flags: KSIG_ARM_* bits
 * @tid: the target, a thread's number in the caller's pid namespace; 0: the calling
 *	thread, or with KSIG_ARM_PROCESS the calling process
 * @max_pending: no signal is sent while this many signals of that number are pending in
 *	the target, from any sender: 1 to KSIG_PENDING_MAX; 0: KSIG_PENDING_DEFAULT. With
 *	KSIG_MODE_DOORBELL and for standard signals it is always 1; with
 *	KSIG_MODE_DOORBELL only 0 and 1 are valid
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
 * Each event is delivered as one signal with the event's value. The first signal after a
 * loss carries the number of lost events in si_errno.
 */
#define KSIG_MODE_EACH		0
/*
 * Events are read or mapped. The signal is sent when the queue becomes non-empty, and when
 * a queue is armed that is not empty. A signal that can't be sent at once is pending until
 * it can, unless the queue is empty by then. If nothing has been consumed about 60 ms later
 * and the signal is no longer pending in the target, it is sent again: the target may have
 * flushed it by ignoring it. Consume until the queue is empty before sleeping, and check
 * the queue after any signal of that number, whatever its value: standard signals do not
 * queue, so another sender's may stand for this one.
 */
#define KSIG_MODE_DOORBELL	1

#define KSIG_ARM_PROCESS	(1U << 0)	/* as KSIG_SEND_PROCESS */
/* KSIG_MODE_EACH: the value is subject << 32 | (value & 0xffffffff). */
#define KSIG_ARM_SUBJECT	(1U << 1)

#define KSIG_PENDING_DEFAULT	32
#define KSIG_PENDING_MAX	1024

/**
 * struct ksig_send - one signal, sent at once
 * @pid: a thread's number in the caller's pid namespace, greater than 0. With
 *	KSIG_SEND_PROCESS its process, as with kill(2)
 * @signo: signal number, 1 to 64, as the kernel counts (the C library uses 32 and 33)
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
 * The signal is process-directed: any thread may receive it. si_code is SI_ASYNCIO instead
 * of SI_QUEUE, and the value is in si_pid (low half) and si_uid (high half).
 */
#define KSIG_SEND_PROCESS	(1U << 0)

/**
 * struct ksig_stats - counters of a subscription
 * @offered: events that passed the filter
 * @delivered: read, consumed from the ring, or accepted into the target's signal queue
 * @queued: still in the queue
 * @lost: the queue was full
 * @refused: the target was not ready, or the sender is not permitted to signal it
 *	(KSIG_MODE_EACH)
 * @signals: number of signals sent, doorbells and hang-ups included
 * @deferred: how often a notification had to wait, for a context that permits it or for
 *	room in the target
 * @flags: KSIG_STATS_* bits
 * @skipped: upper bound of the number of events that were lost before the filter; they are
 *	not in @offered. A channel with many subscriptions has a worker serve some of them
 *	(those beyond the 32nd, without CAP_SYS_RESOURCE beyond the 16th, or the 8th of one
 *	user), and the worker was too slow; or more events were emitted by an NMI, or
 *	before its events could be offered, than are kept for that time
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

#define KSIG_STATS_TARGET_GONE	(1U << 0)	/* it exited since KSIG_IOC_ARM; EPOLLPRI */
#define KSIG_STATS_HUP		(1U << 1)	/* the channel is destroyed; EPOLLHUP */
#define KSIG_STATS_ARMED	(1U << 2)
#define KSIG_STATS_MAPPED	(1U << 3)

/**
 * struct ksig_ring_consumer - page 0 of a mapping, shared and writable
 * @head: index of the next record to consume; written by the consumer
 *
 * Indexes are free-running 32-bit numbers; a record is in slot index % len. To consume
 * without a system call::
 *
 *	tail = load-acquire(producer->tail)
 *	while (head != tail)
 *		use record[head % len], then head = head + 1
 *	store-release(consumer->head, head)
 *	full barrier			(pairs with the kernel's, between its
 *					 store of tail and its load of head)
 *	if (load(producer->tail) == tail)
 *		sleep until the signal, or in poll(2)
 *
 * The kernel accepts @head only if it lies between the last accepted value and @tail; other
 * values are ignored.
 */
struct ksig_ring_consumer {
	__u32 head;
};

/**
 * struct ksig_ring_producer - page 1 of a mapping, read-only; the records begin at page 2
 * @tail: index after the newest record; stored with release semantics
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
 * The built-in channels: numbers of their types, and the contents of data[]. Names are
 * NUL-terminated. A channel exists even if the kernel has no hook for it; opening it for
 * reading then fails with EOPNOTSUPP.
 */

/*
 * /dev/ksig/process, KSIG_CHANNEL_PIDS. @subject is a process, never one of its other
 * threads, as numbered in the opener's pid namespace. Kernel threads are processes, as for
 * ps(1): children of process 2.
 */
/* @value: the child's number. Not reported if the parent has no number there (nsenter(1)) */
#define KSIG_PROCESS_FORK	0
#define KSIG_PROCESS_EXEC	1	/* @value: 0 */
/*
 * All threads have exited. @value: the status as wait(2) will return it. The parent can't
 * wait for the process yet.
 */
#define KSIG_PROCESS_EXIT	2

/**
 * struct ksig_process_data - data[] of the channel process
 * @comm: name of the process's first thread
 * @tgid: the process, like @subject
 * @parent: its parent process; 0 if that is not in the opener's pid namespace
 */
struct ksig_process_data {
	char comm[16];
	__s32 tgid;
	__s32 parent;
};
KSIG_ASSERT(sizeof(struct ksig_process_data) == 24);

/* /dev/ksig/memory, KSIG_CHANNEL_PIDS */

/* The machine is out of memory; a process may be killed next. @subject, @value: 0; no data */
#define KSIG_MEMORY_OOM		0
/* The OOM killer has chosen @subject. @value: KSIG_KILL_* */
#define KSIG_MEMORY_KILL	1

#define KSIG_KILL_GLOBAL	0	/* the machine, or the nodes allowed, are out of memory */
#define KSIG_KILL_CGROUP	1	/* a cgroup has reached its limit */

/**
 * struct ksig_memory_data - data[] of KSIG_MEMORY_KILL
 * @comm: the victim's name
 * @cgroup_id: the victim's cgroup in the cgroup2 hierarchy: the inode number of its
 *	directory, and the handle that open_by_handle_at(2) accepts there (type 0xfe);
 *	0 if unknown
 */
struct ksig_memory_data {
	char comm[16];
	__u64 cgroup_id;
};
KSIG_ASSERT(sizeof(struct ksig_memory_data) == 24);

/*
 * /dev/ksig/power. @subject, @value: 0; no data. Suspend is reported before processes are
 * frozen, resume once they run again, also for an attempt that fails.
 */
#define KSIG_POWER_SUSPEND	0	/* to memory, to idle, to disk */
#define KSIG_POWER_RESUME	1

/*
 * /dev/ksig/net. @subject: the interface's index; @value: 0. Only interfaces of the network
 * namespace in which the descriptor was opened.
 */
#define KSIG_NET_UP		0	/* up, with a carrier */
#define KSIG_NET_DOWN		1	/* no longer so */

/**
 * struct ksig_net_data - data[] of the channel net
 * @ifname: the interface's name at that time
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
 * unless that function was running already when the channel was opened first.
 */
#define KSIG_KMOD_LOAD		0	/* the init function has succeeded */
#define KSIG_KMOD_UNLOAD	1	/* the exit function has returned */

/**
 * struct ksig_kmod_data - data[] of the channel kmod
 * @name: of the module
 */
struct ksig_kmod_data {
	char name[56];
};
KSIG_ASSERT(sizeof(struct ksig_kmod_data) == 56);

/*
 * A channel is /dev/ksig/NAME. Opening it for reading creates a subscription: its queue
 * exists from then on, and events are offered to it.
 *
 * open(2): ENOBUFS the queue would exceed the user's RLIMIT_MEMLOCK (all queues of a user
 * count, as mlock(2)ed memory does; CAP_IPC_LOCK exempts); ENODEV the channel is being
 * destroyed; EOPNOTSUPP the kernel has no hook for a built-in channel; ENOMEM; or an error
 * of the channel's driver.
 *
 * read(2): as many whole records as are queued and fit. EINVAL the buffer is smaller than
 * a record; EAGAIN the queue is empty and O_NONBLOCK is set; EBUSY the ring is mapped, or
 * armed with KSIG_MODE_EACH; 0 the channel is destroyed and the queue is empty.
 *
 * write(2), /dev/ksig/test only: 8 bytes, a native 64-bit number: emits an event with that
 * value. EINVAL anything else.
 *
 * poll(2): EPOLLIN records are queued; EPOLLHUP the channel is destroyed; EPOLLPRI the
 * target has exited; EPOLLOUT always, on a descriptor of /dev/ksig/test that is open for
 * writing. F_SETOWN, F_SETSIG and O_ASYNC work as with any file.
 *
 * mmap(2), shared, on a descriptor opened for reading and writing: page 0 is struct
 * ksig_ring_consumer; page 1, permanently read-only, struct ksig_ring_producer, followed by
 * the records. EINVAL other ranges, or a private mapping; EACCES writable from page 1 on;
 * EBUSY armed with KSIG_MODE_EACH; ENOMEM. A mapping is not inherited by fork(2), and keeps
 * the subscription like an open descriptor.
 */

/*
 * KSIG_IOC_INFO, on every node: fills in struct ksig_info.
 *
 * Errors: EFAULT.
 */
#define KSIG_IOC_INFO		_IOR(0xBE, 0x00, struct ksig_info)

/*
 * KSIG_IOC_SUBSCRIBE, on a subscription: replaces its filter and its queue. When the call
 * returns, the queue is empty, all counters are zero, seq begins at 1, and every record
 * matches the new filter. The queue's memory is charged to the caller's memory cgroup; if
 * its length changes, both queues count against RLIMIT_MEMLOCK during the call. Without
 * this ioctl a subscription has a queue of KSIG_QUEUE_DEFAULT records and no filter.
 *
 * Errors: EINVAL a field is out of range, a type that the channel doesn't have, a subject
 * without its flag, KSIG_SUBSCRIBE_SKIP_OWN where subjects are not processes; ESRCH the
 * subject is not a process; EUSERS KSIG_SUBSCRIBE_SKIP_OWN, and the channel has so many
 * subscriptions that a worker serves this one; EBUSY mapped or armed; ENODEV the channel
 * is destroyed; ENOBUFS and ENOMEM as open(2); EINTR a fatal signal came; EFAULT; EBADF
 * not opened for reading. On error nothing has changed.
 */
#define KSIG_IOC_SUBSCRIBE	_IOW(0xBE, 0x06, struct ksig_subscribe)

/*
 * KSIG_IOC_ARM, on a subscription: delivers its events to a thread or process by signal.
 * The target is pinned. Signals are sent with the credentials that the caller has now:
 * kill(2)'s rule and the security module are consulted for every send that finds the target
 * with other credentials than the last one, and at least once a second while signals are
 * sent. Unless the caller has CAP_KILL over the target, its uids must remain what they are
 * now. SIGKILL and SIGSTOP do to the init of a pid namespace what the caller's kill(2) would
 * do. Arming again replaces the settings; counters continue.
 *
 * Every send checks whether the target is ready, as KSIG_IOC_SEND does. If it is not ready,
 * or may no longer be signalled, an event counts as refused (KSIG_MODE_EACH), and a doorbell
 * stays pending. Standard signals are sent as kill(2) sends them: one that the target
 * ignores counts as delivered, and so does one that is sent without its value and its loss
 * because RLIMIT_SIGPENDING is reached.
 *
 * The check and the sending are two steps, as with KSIG_IOC_SEND: a target that resets its
 * handler of a real-time signal while the subscription is armed can be killed by that
 * signal. Disarm first, or block the signal before the handler is reset.
 *
 * When the target exits, the subscription is disarmed (if it is a thread that calls exec and
 * takes over its process's number: with the next event). When the channel is destroyed, one
 * last signal with si_errno -ESHUTDOWN follows the queued events; a target that is not ready
 * doesn't get it.
 *
 * Errors: EINVAL a field is out of range; ESRCH no such thread; EPERM the caller may not
 * signal it; EBUSY mapped, and KSIG_MODE_EACH; ENODEV the channel is destroyed; ENOMEM;
 * EFAULT; EBADF. On error, earlier settings remain in effect.
 */
#define KSIG_IOC_ARM		_IOW(0xBE, 0x03, struct ksig_arm)

/*
 * KSIG_IOC_DISARM, on a subscription: no signal is sent once it returns. Signals that are
 * pending in the target remain, and queued events can be read. Disarming a subscription that
 * is not armed succeeds. The ioctl has no argument; a third argument of ioctl(2) is ignored.
 *
 * Errors: EBADF.
 */
#define KSIG_IOC_DISARM		_IO(0xBE, 0x04)

/*
 * KSIG_IOC_STATS, on a subscription: fills in struct ksig_stats. Everything that was emitted
 * before the call is counted, and is queued unless it was lost.
 *
 * Errors: EFAULT; EBADF.
 */
#define KSIG_IOC_STATS		_IOR(0xBE, 0x05, struct ksig_stats)

/*
 * KSIG_IOC_SEND, on /dev/ksig/control: sends one signal before it returns, with the
 * permissions that the caller's kill(2) would have, not those of the descriptor's opener. A
 * real-time signal (32 and up) is sent only to a target that is ready for it: it has a
 * handler, or blocks the signal (process-directed without a handler: all live threads do),
 * and no earlier signal is about to reset the handler (SA_RESETHAND). Standard signals are
 * sent unconditionally.
 *
 * The check and the sending are two steps. A target that resets its handler or unblocks the
 * signal in between is killed by it, so it must not do so while signals may be sent: block
 * the signal first and keep it blocked, or disarm the subscription first. Delivery comes
 * later still: exec keeps pending signals and resets handlers. Standard signals do not queue:
 * a second one is merged with the pending one, and its value is lost. If no siginfo can be
 * allocated for a standard signal, it is sent without a value.
 *
 * Errors: EINVAL pid, signo, flags or reserved is out of range; ESRCH no such thread, or it
 * is exiting; EPERM as kill(2), or another error of the security module; ECONNREFUSED not
 * ready: the signal would kill the target or be ignored; EAGAIN the target's user has
 * RLIMIT_SIGPENDING signals pending, there is no memory for one more, or the thread is about
 * to be replaced by one that calls exec; EFAULT; ENOMEM. On error nothing was sent.
 */
#define KSIG_IOC_SEND		_IOW(0xBE, 0x10, struct ksig_send)

#ifndef __KERNEL__
/* SI_ASYNCIO, which <signal.h> does not define in strict ISO C */
#define KSIG_SI_PROCESS		(-4)

/*
 * With -std=c11 and similar, <signal.h> defines siginfo_t, and this file
 * ksig_siginfo_value(), only with -D_POSIX_C_SOURCE=200809L.
 */
#ifdef SI_ASYNCIO
KSIG_ASSERT(SI_ASYNCIO == KSIG_SI_PROCESS);

/**
 * ksig_siginfo_value() - the value of a signal from ksig
 * @info: from an SA_SIGINFO handler or sigwaitinfo(2)
 *
 * A thread-directed signal carries its value in si_value: 64 bits in a 64-bit program, the
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
 * ksig_signalfd_value() - the value of a signal from ksig
 * @info: read from a signalfd
 *
 * As ksig_siginfo_value(), but all 64 bits in 32-bit programs, too.
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
