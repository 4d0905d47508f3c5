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

#define KSIG_ABI 2

/* The longest channel name is 47 bytes, and its terminator. */
#define KSIG_NAME_MAX 48

/**
 * struct ksig_event - one thing that happened
 * @seq: number among the events offered to this subscription, from 1; lost
 *	ones are counted too, so a gap shows here as well
 * @time_ns: when, CLOCK_MONOTONIC of the time namespace in which the descriptor
 *	was opened
 * @value: what a signal carries in si_value
 * @subject: what it is about: a pid, an interface index, a cpu
 * @type: index into the channel's types, 0 to 63
 * @lost_before: events lost between the previous record and this one; stays
 *	at the highest number if there were more
 * @len: bytes used in @data
 * @flags: KSIG_EVENT_* bits
 * @data: the rest of the record, event_size - 48 bytes; unused ones are 0
 *
 * A record is event_size bytes (KSIG_IOC_INFO), a multiple of 8 from 64 to
 * 4096, the same for all events of a channel.
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

#define KSIG_EVENT_NO_VALUE	(1U << 0)	/* @value is not known */
#define KSIG_EVENT_NO_SUBJECT	(1U << 1)	/* @subject is not known */
/*
 * Further events may have been lost before this one, beyond @lost_before: at most
 * as many as ksig_stats.skipped has grown by.
 */
#define KSIG_EVENT_LOST_UPTO	(1U << 2)

/**
 * struct ksig_info - what answers on the other side of a descriptor
 * @abi: KSIG_ABI of the module
 * @features: bits for optional abilities; none are defined in ABI 1
 * @event_size: size of a record in bytes; 0 on the control node
 * @queue_len: this subscription's queue in records; 0 without one (the control
 *	node, a channel opened for writing only)
 * @max_queue_len: the longest queue that may be asked for; 0 on the control
 *	node
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

/**
 * struct ksig_queue - how long the queue is to be
 * @len: records, a power of two from KSIG_QUEUE_MIN to KSIG_QUEUE_MAX
 * @flags: 0
 */
struct ksig_queue {
	__u32 len;
	__u32 flags;
};
KSIG_ASSERT(sizeof(struct ksig_queue) == 8);

#define KSIG_QUEUE_MIN		16
#define KSIG_QUEUE_DEFAULT	256
#define KSIG_QUEUE_MAX		65536

/**
 * struct ksig_filter - which events are offered
 * @types: bit mask of types; 0: all
 * @subject: with KSIG_FILTER_SUBJECT: only events about this; on a channel
 *	with KSIG_CHANNEL_PIDS a process, by its number in the pid namespace
 *	of whoever opened the descriptor; the process is pinned, and one that
 *	gets the number later is another
 * @flags: KSIG_FILTER_* bits
 * @reserved: 0
 */
struct ksig_filter {
	__u64 types;
	__u64 subject;
	__u32 flags;
	__u32 reserved;
};
KSIG_ASSERT(sizeof(struct ksig_filter) == 24);

#define KSIG_FILTER_SUBJECT	(1U << 0)
/*
 * On a channel with KSIG_CHANNEL_PIDS: no events about the calling process, nor
 * about processes that it and its descendants start from now on. Ancestors are
 * followed for 64 steps. A process whose parent exits stays a descendant only if
 * the caller is its subreaper (prctl(2), PR_SET_CHILD_SUBREAPER).
 */
#define KSIG_FILTER_SKIP_OWN	(1U << 1)

/**
 * struct ksig_arm - who is told by signal, and how
 * @signo: signal number, 1 to 64
 * @mode: KSIG_MODE_EACH or KSIG_MODE_DOORBELL
 * @flags: KSIG_ARM_* bits
 * @tid: the target, a thread's number in the caller's pid namespace; 0: the
 *	calling thread (with KSIG_ARM_PROCESS: process)
 * @max_pending: ksig adds no signal while so many of that number wait in the
 *	target, whoever sent them: 1 to KSIG_PENDING_MAX, 0 means 32. With
 *	KSIG_MODE_DOORBELL only 0 and 1 are allowed, which mean 1, and for
 *	@signo 1 to 31 it is always 1
 * @reserved: 0
 * @value: what a doorbell's signal carries; 0 with KSIG_MODE_EACH
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
 * Each event leaves the queue as one signal with the event's value. The first
 * signal after a gap carries the number of lost events in si_errno.
 */
#define KSIG_MODE_EACH		0
/*
 * Events are read or mapped, and a signal comes when there is something to
 * look at again: the queue goes from empty to not empty, or is not empty when
 * armed. One that can't be sent at once is owed, and comes if the queue is
 * still not empty then. If nothing has been consumed some 60 ms later, and the
 * signal is not pending any more, it is sent again, as the target may have
 * flushed it (by SIG_IGN). Look until the queue is empty before you sleep, and
 * look after any signal of that number, whatever its value: of 1 to 31 only one
 * is pending at a time, and somebody else's may stand for ours.
 */
#define KSIG_MODE_DOORBELL	1

#define KSIG_ARM_PROCESS	(1U << 0)	/* as KSIG_SEND_PROCESS */
/* EACH: the value is subject << 32 | (value & 0xffffffff). */
#define KSIG_ARM_SUBJECT	(1U << 1)

#define KSIG_PENDING_DEFAULT	32
#define KSIG_PENDING_MAX	1024

/**
 * struct ksig_send - one signal from the kernel, now
 * @pid: a thread's number in the caller's pid namespace, above 0. With
 *	KSIG_SEND_PROCESS its process is meant, as by kill(2)
 * @signo: signal number, 1 to 64 (the kernel's numbers: 32 and 33 are
 *	used by the C library itself)
 * @flags: KSIG_SEND_PROCESS or 0
 * @reserved: 0
 * @value: what the receiver finds; see ksig_siginfo_value()
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
 * The process gets the signal and any of its threads may take it. si_code is
 * then SI_ASYNCIO instead of SI_QUEUE and the value is in si_pid (low half)
 * and si_uid (high half).
 */
#define KSIG_SEND_PROCESS	(1U << 0)

/**
 * struct ksig_stats - what became of a subscription's events
 * @offered: passed the filter
 * @delivered: read, consumed from the ring, or taken into the target's queue
 * @queued: still in the queue
 * @lost: the queue was full
 * @refused: the target would not have it, or the sender may not signal it
 *	(KSIG_MODE_EACH)
 * @signals: sent so far, doorbells and hang-up notices included
 * @deferred: how often telling had to wait, for a safe context or for room in
 *	the target
 * @flags: KSIG_STATS_* bits
 * @skipped: events, at most, that were lost before the filter. On a channel with
 *	many subscriptions some are served by a worker, which was too slow then:
 *	those beyond the 32nd, without CAP_SYS_RESOURCE beyond the 16th, or the
 *	8th of one user. They are not in @offered; some of them may not have
 *	passed the filter
 *
 * Whenever it is asked, offered = delivered + queued + lost + refused.
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

#define KSIG_STATS_TARGET_GONE	(1U << 0)	/* since armed last; EPOLLPRI */
#define KSIG_STATS_HUP		(1U << 1)	/* the channel is gone; EPOLLHUP */
#define KSIG_STATS_ARMED	(1U << 2)
#define KSIG_STATS_MAPPED	(1U << 3)

/**
 * struct ksig_ring_consumer - page 0 of a mapping, shared and writable
 * @head: index of the next record to consume; the consumer's to store
 *
 * Indexes run free over 32 bits; a record is in slot index % len. To consume
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
 * The kernel believes a @head only if it lies between the last one that it
 * believed and @tail.
 */
struct ksig_ring_consumer {
	__u32 head;
};

/**
 * struct ksig_ring_producer - page 1 of a mapping, read-only; records follow
 *	from page 2 on
 * @tail: index behind the newest record; stored with release semantics
 * @len: records in the ring
 * @event_size: bytes in a record
 * @flags: KSIG_RING_HUP
 * @lost: events lost so far
 */
struct ksig_ring_producer {
	__u32 tail;
	__u32 len;
	__u32 event_size;
	__u32 flags;
	__u64 lost;
};
KSIG_ASSERT(sizeof(struct ksig_ring_producer) == 24);

#define KSIG_RING_HUP		(1U << 0)	/* the channel is gone */

/*
 * The built-in channels: their types, by number, and what is in data[]. Names
 * are NUL-terminated. A channel is there even where the kernel has no hook for
 * it; opening it for reading then gives EOPNOTSUPP.
 */

/*
 * /dev/ksig/process, KSIG_CHANNEL_PIDS. @subject is a process, never one of its
 * other threads, by its number in the opener's pid namespace. Kernel threads
 * count as processes, as they do for ps(1): children of process 2.
 */
/* @value: the child's number. Not told where the parent has none: nsenter(1) */
#define KSIG_PROCESS_FORK	0
#define KSIG_PROCESS_EXEC	1	/* @value: 0 */
/*
 * The last thread has ended. @value: the status as wait(2) will give it. The
 * parent can't wait for the process yet.
 */
#define KSIG_PROCESS_EXIT	2

/**
 * struct ksig_process_data - data[] of the channel process
 * @comm: the process's name: that of its first thread
 * @tgid: the process, as @subject
 * @parent: its parent process; 0: not in the opener's pid namespace
 */
struct ksig_process_data {
	char comm[16];
	__s32 tgid;
	__s32 parent;
};
KSIG_ASSERT(sizeof(struct ksig_process_data) == 24);

/* /dev/ksig/memory, KSIG_CHANNEL_PIDS */

/*
 * The machine is out of memory; a process may be killed next. @subject, @value:
 * 0; no data.
 */
#define KSIG_MEMORY_OOM		0
/* The OOM killer has chosen @subject. @value: KSIG_KILL_* */
#define KSIG_MEMORY_KILL	1

#define KSIG_KILL_GLOBAL	0	/* the machine is, or the nodes it may use */
#define KSIG_KILL_CGROUP	1	/* a cgroup has reached its limit */

/**
 * struct ksig_memory_data - data[] of KSIG_MEMORY_KILL
 * @comm: the victim's name
 * @cgroup_id: the victim's cgroup in the cgroup2 hierarchy: the inode number of
 *	its directory, and the handle that open_by_handle_at(2) accepts there
 *	(type 0xfe); 0: not known
 */
struct ksig_memory_data {
	char comm[16];
	__u64 cgroup_id;
};
KSIG_ASSERT(sizeof(struct ksig_memory_data) == 24);

/*
 * /dev/ksig/power. @subject, @value: 0; no data. Suspend comes before processes
 * are frozen, resume once they run again; of an attempt that fails, too.
 */
#define KSIG_POWER_SUSPEND	0	/* to memory, to idle, to disk */
#define KSIG_POWER_RESUME	1

/*
 * /dev/ksig/net. @subject: the interface's index; @value: 0. Only interfaces of
 * the network namespace in which the descriptor was opened.
 */
#define KSIG_NET_UP		0	/* it is up, and has a carrier */
#define KSIG_NET_DOWN		1	/* not any more */

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
 * /dev/ksig/kmod. @subject, @value: 0. Of a module whose init function fails
 * nothing is told, unless it was running already when the first subscriber came.
 */
#define KSIG_KMOD_LOAD		0	/* its init function has succeeded */
#define KSIG_KMOD_UNLOAD	1	/* its exit function has returned */

/**
 * struct ksig_kmod_data - data[] of the channel kmod
 * @name: the module
 */
struct ksig_kmod_data {
	char name[56];
};
KSIG_ASSERT(sizeof(struct ksig_kmod_data) == 56);

/*
 * A channel is /dev/ksig/NAME. To open it for reading is to subscribe: the
 * queue exists from then on, and events count as offered.
 *
 * open(2): ENOBUFS the queue would take the user over RLIMIT_MEMLOCK (all
 * queues of a user count, as mlock(2)ed memory does; CAP_IPC_LOCK exempts);
 * ENODEV the channel is going; EOPNOTSUPP the kernel has no hook for a built-in
 * channel; ENOMEM; or what the channel's driver says.
 *
 * read(2): as many whole records as there are and fit. EINVAL the buffer is
 * smaller than a record; EAGAIN empty, and O_NONBLOCK; EBUSY mapped, or armed
 * with KSIG_MODE_EACH; 0 the channel is gone and the queue empty.
 *
 * write(2), /dev/ksig/test only: 8 bytes, a native 64-bit number, emit an event
 * with that value. EINVAL anything else.
 *
 * poll(2): EPOLLIN there are records; EPOLLHUP the channel is gone; EPOLLPRI
 * the target is gone; EPOLLOUT always, on a descriptor of /dev/ksig/test that
 * is open for writing. F_SETOWN, F_SETSIG and O_ASYNC work as on any file.
 *
 * mmap(2), shared, of a descriptor opened for reading and writing: page 0 is
 * struct ksig_ring_consumer; from page 1 on, read-only, for ever, are struct
 * ksig_ring_producer and the records. EINVAL other ranges or private; EACCES
 * writable from page 1 on; EBUSY armed with KSIG_MODE_EACH; ENOMEM. A mapping
 * is not inherited by fork(2), and keeps the subscription as an open
 * descriptor does.
 */

/*
 * KSIG_IOC_INFO, on every node: fills in struct ksig_info.
 *
 * Errors: EFAULT.
 */
#define KSIG_IOC_INFO		_IOR(0xBE, 0x00, struct ksig_info)

/*
 * KSIG_IOC_QUEUE, on a subscription: sets the queue's length. The memory is
 * charged to the caller's memory cgroup; for a moment both queues count against
 * RLIMIT_MEMLOCK.
 *
 * Errors: EINVAL len, flags; EBUSY mapped, armed or not empty; ENOBUFS and
 * ENOMEM as open(2), and the queue stays as it was; EFAULT; EBADF not opened
 * for reading.
 */
#define KSIG_IOC_QUEUE		_IOW(0xBE, 0x01, struct ksig_queue)

/*
 * KSIG_IOC_FILTER, on a subscription: which events are offered from now on. It
 * replaces the filter that was, by which no event goes any more once this has
 * returned: so it waits for an RCU grace period, and no signal interrupts that.
 * What is queued stays.
 *
 * Errors: EINVAL types that the channel hasn't, subject without its flag,
 * flags (KSIG_FILTER_SKIP_OWN where subjects are not processes), reserved; ESRCH
 * no such process, or only a thread has that number; EUSERS KSIG_FILTER_SKIP_OWN,
 * and the channel has so many subscriptions that a worker serves this one; ENOMEM;
 * EFAULT; EBADF.
 */
#define KSIG_IOC_FILTER		_IOW(0xBE, 0x02, struct ksig_filter)

/*
 * KSIG_IOC_ARM, on a subscription: have its events told to a thread or process
 * by signal. The target is pinned. It is signalled by the right that the
 * caller has now: kill(2)'s rule and the security module are asked at every
 * send that finds the target with other credentials than the last, and at the
 * first send a second after they were asked last. Unless the caller holds
 * CAP_KILL over the target, its uids must stay what they are now. SIGKILL and
 * SIGSTOP do at the init of a pid namespace what the caller's kill(2) would do.
 * Arming again replaces; counters go on.
 *
 * Whether the target is ready is asked at every send, as by KSIG_IOC_SEND: one
 * that is not, or may not be signalled any more, makes an event count as
 * refused (KSIG_MODE_EACH), and a doorbell owed. Those of 1 to 31 go as kill(2)
 * sends them: also one that the target ignores counts as delivered, and one that
 * finds RLIMIT_SIGPENDING reached, and so comes without its value and what was
 * lost before it.
 *
 * As with KSIG_IOC_SEND, the check and the sending are two steps: a target that
 * resets its handler of a real-time signal while the subscription is armed can
 * be killed by that signal. Disarm first, or block the signal before the handler
 * is reset.
 *
 * When the target ends, the
 * subscription is disarmed (when it is a thread that calls exec and so gets its
 * process's number: with the next event). When the channel goes, one last signal comes with
 * si_errno -ESHUTDOWN, behind all that is queued; a target that is not ready
 * then goes without.
 *
 * Errors: EINVAL a field out of range; ESRCH no such thread; EPERM the caller
 * may not signal it; EBUSY mapped, and KSIG_MODE_EACH; ENODEV the channel is
 * gone; ENOMEM; EFAULT; EBADF. What was armed before stays armed then.
 */
#define KSIG_IOC_ARM		_IOW(0xBE, 0x03, struct ksig_arm)

/*
 * KSIG_IOC_DISARM, on a subscription: once it returns, no further signal is
 * sent. Signals already pending in the target stay there and queued events stay
 * readable. Disarming a subscription that is not armed succeeds. The ioctl has
 * no argument; a third argument of ioctl(2) is ignored.
 *
 * Errors: EBADF.
 */
#define KSIG_IOC_DISARM		_IO(0xBE, 0x04)

/*
 * KSIG_IOC_STATS, on a subscription: fills in struct ksig_stats. What was emitted
 * before the call is counted, and is in the queue if it was not lost.
 *
 * Errors: EFAULT; EBADF.
 */
#define KSIG_IOC_STATS		_IOR(0xBE, 0x05, struct ksig_stats)

/*
 * KSIG_IOC_SEND, on /dev/ksig/control: sends one signal before it returns,
 * with the permission that kill(2) would have: no more, whoever opened the
 * descriptor. A real-time signal (32 and up) is sent only to a target that is
 * ready for it: a handler is set, or the signal is blocked (process-directed
 * without a handler: by every live thread), and no earlier one is about to
 * reset the handler (SA_RESETHAND). 1 to 31 go as asked.
 *
 * The check and the sending are two steps. A target that resets its handler or
 * unblocks the signal between them is killed by it, so it must not do so while
 * somebody may send: block the signal first and keep it blocked, or disarm the
 * subscription first. Delivery is later still: exec keeps pending signals and
 * resets handlers. Of 1 to 31 one is pending at a time, as with kill(2): another is merged with it, and its value
 * lost; without room for its value such a signal comes without.
 *
 * Errors: EINVAL pid, signo, flags or reserved out of range; ESRCH no such
 * thread, or it is exiting; EPERM as kill(2), or what else the security module
 * says; ECONNREFUSED not ready: the signal would kill the target or be ignored;
 * EAGAIN the target's user has RLIMIT_SIGPENDING signals pending, there is no
 * memory for one more, or the thread is about to be replaced by one that calls
 * exec; EFAULT; ENOMEM. Nothing was sent then.
 */
#define KSIG_IOC_SEND		_IOW(0xBE, 0x10, struct ksig_send)

#ifndef __KERNEL__
/* SI_ASYNCIO, which <signal.h> does not define in strict ISO C */
#define KSIG_SI_PROCESS		(-4)

/*
 * With -std=c11 and the like <signal.h> has a siginfo_t, and so this file has
 * ksig_siginfo_value(), only with -D_POSIX_C_SOURCE=200809L.
 */
#ifdef SI_ASYNCIO
KSIG_ASSERT(SI_ASYNCIO == KSIG_SI_PROCESS);

/**
 * ksig_siginfo_value() - the value that came with a signal from ksig
 * @info: what an SA_SIGINFO handler or sigwaitinfo(2) got
 *
 * Reads both ways of sending. A thread-directed signal carries its value in
 * si_value: 64 bits for a 64-bit program, the low 32 for a 32-bit one. A
 * process-directed one carries all 64 bits in si_pid and si_uid.
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
 * ksig_signalfd_value() - the value that came with a signal from ksig
 * @info: what read(2) on a signalfd gave
 *
 * As ksig_siginfo_value(), but all 64 bits for 32-bit programs too.
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
