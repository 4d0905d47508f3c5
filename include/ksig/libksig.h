/* SPDX-License-Identifier: MIT */
/*
 * libksig: kernel events, delivered through a file descriptor or by signal, with or without
 * the module ksig.ko.
 *
 * Functions that can fail return a negative errno on failure, and 0 or a positive value on success.
 * A new object is returned through the last argument, which is written only on success. An options
 * structure begins with its size: set sz to the size of the structure, and unused members to 0. If
 * the structure has a descriptor member, initialize the structure with its KSIG_*_OPTS_INIT,
 * because 0 is a valid descriptor and -1 means no descriptor. ksig_sub_open() also accepts NULL as
 * options, which selects all defaults. ksig-events(7) lists the events and the keys of their
 * fields.
 *
 * Threads: a handle must be used by only one thread at a time. Different handles are independent.
 * The only global state is libbpf's print callback (libbpf_set_print()), which is a function of
 * this library. The library is therefore never unloaded. After fork(2), the child must not use a
 * handle except to close it. All descriptors are close-on-exec.
 */
#ifndef KSIG_LIBKSIG_H
#define KSIG_LIBKSIG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ksig/uapi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Only these symbols are visible in the shared library. */
#pragma GCC visibility push(default)

/* Event types in addition to those in ksig/uapi.h */
#define KSIG_MEMORY_PRESSURE	2	/* @value: stall time in us; data: struct ksig_pressure_data */
#define KSIG_MEMORY_CALM	3	/* as KSIG_MEMORY_PRESSURE */
#define KSIG_CPU_PRESSURE	2	/* as KSIG_MEMORY_PRESSURE */
#define KSIG_CPU_CALM		3	/* as KSIG_MEMORY_PRESSURE */
#define KSIG_IO_PRESSURE	0	/* as KSIG_MEMORY_PRESSURE */
#define KSIG_IO_CALM		1	/* as KSIG_MEMORY_PRESSURE */
#define KSIG_DEVICE_ADD		0	/* no subject, no value */
#define KSIG_DEVICE_REMOVE	1
#define KSIG_DEVICE_CHANGE	2
/*
 * A process was terminated by a signal whose default action is to dump core. @subject: its pid;
 * @value: the signal
 */
#define KSIG_PROCESS_CRASH	3

/* The real-time clock was set. @value: change in ns, accurate to about 20 us, or unknown */
#define KSIG_TIME_SET		0

#define KSIG_POWER_AC		2	/* no subject, no value */
#define KSIG_POWER_BATTERY	3

#define KSIG_NET_RENAME		2	/* as KSIG_NET_UP; data: struct ksig_rename_data */
#define KSIG_NET_ADDRESS	3	/* @subject: the interface's index; @value: length of the prefix */
#define KSIG_NET_ROUTE		4	/* as KSIG_NET_ADDRESS; no subject without an interface */

#define KSIG_CGROUP_CREATE	0	/* no subject, no value */
#define KSIG_CGROUP_REMOVE	1
#define KSIG_CGROUP_POPULATED	2
#define KSIG_CGROUP_EMPTY	3
#define KSIG_CGROUP_FROZEN	4
#define KSIG_CGROUP_THAWED	5
#define KSIG_CGROUP_HIGH	6	/* @value: number of times since the last event */
#define KSIG_CGROUP_MAX		7	/* as KSIG_CGROUP_HIGH */
#define KSIG_CGROUP_OOM		8	/* as KSIG_CGROUP_HIGH */

#define KSIG_KERNEL_LOG		0	/* no subject; @value: level, as in syslog(3) */
#define KSIG_KERNEL_WARN	1	/* no subject, no value */
#define KSIG_KERNEL_OOPS	2
#define KSIG_KERNEL_STALL	3
#define KSIG_KERNEL_HUNG	4	/* @subject: pid of the task; @value: seconds */

#define KSIG_GPIO_RISING	0	/* @subject: number of the line */
#define KSIG_GPIO_FALLING	1

#define KSIG_FS_MOUNT		0	/* no subject, no value */
#define KSIG_FS_UMOUNT		1
#define KSIG_FS_READONLY	2
#define KSIG_FS_WRITABLE	3
#define KSIG_FS_FULL		4	/* @value: free bytes */
#define KSIG_FS_FREE		5	/* as KSIG_FS_FULL */
#define KSIG_FS_ERROR		6	/* @value: an errno, such as EUCLEAN */

/**
 * struct ksig_rename_data - data[] of net.rename
 * @ifname: the interface's new name
 * @old_ifname: its previous name
 */
struct ksig_rename_data {
	char ifname[16];
	char old_ifname[16];
};

/**
 * struct ksig_pressure_data - data[] of the events about pressure
 * @over_us: length of the measured interval in microseconds. The interval begins at the
 *	previous event, or when the subscription was opened. For calm, it begins when the threshold
 *	was last reached
 * @reserved: 0
 */
struct ksig_pressure_data {
	uint64_t over_us;
	uint64_t reserved;
};

/*
 * Event flags in addition to those in ksig/uapi.h. The native provider reads a process's name and
 * parent from /proc after the event. The name and parent are unknown if the process no longer
 * exists.
 */
#define KSIG_EVENT_NO_COMM	(1U << 28)	/* comm is unknown */
#define KSIG_EVENT_NO_PARENT	(1U << 29)	/* parent is unknown */
/*
 * The event matches the specification with index n, counted from 0, that was passed to
 * ksig_sub_openv(). An event that matches several specifications is returned once for each of them.
 */
#define KSIG_EVENT_SPEC(n)	((uint32_t)(n) << 16)
#define KSIG_SUB_SPECS		256	/* maximum number of specifications */
static inline unsigned int ksig_event_spec(const struct ksig_event *ev)
{
	return ev->flags >> 16 & (KSIG_SUB_SPECS - 1);
}

/* The event reports the state at the start of the subscription (KSIG_SUB_INITIAL), not a change. */
#define KSIG_EVENT_INITIAL	(1U << 26)
/*
 * The event reports only the end of the opposite state, because the object no longer exists
 * (KSIG_SUB_GONE).
 */
#define KSIG_EVENT_GONE		(1U << 25)

/*
 * memory.kill: the path in the field "cgroup" is unknown. The kernel reports the cgroup's ID, and
 * the library looks up the cgroup's directory when it reads the event. The lookup fails if the
 * cgroup has been removed or is outside the mounted hierarchy, or if no cgroup2 filesystem is
 * mounted.
 */
#define KSIG_EVENT_NO_CGROUP	(1U << 27)

/* A subscription to one or more events. */
struct ksig_sub;
/* A pinned process or thread, to which signals are sent. */
struct ksig_target;
/* An iterator over the available events and their providers. */
struct ksig_catalog;

/**
 * struct ksig_sub_opts - options of a subscription
 * @sz: sizeof(struct ksig_sub_opts)
 * @provider: "module", "bpf" or "native"; NULL: the first one that is available
 * @queue_len: length of the queue in records, a power of two from 16 to 65536; 0: 256. Each
 *	specification has its own queue
 * @value_field: numeric field whose content becomes the value of a signal (0 if unknown). For
 *	trace.* events it also becomes the record's value. NULL: signals carry the record's
 *	value
 * @err: buffer for an error message of one line without a newline; may be NULL
 * @err_size: size of @err
 * @err_column: set to the position of the error in the event specification, counted from 1, or
 *	to 0 if the error has no position; may be NULL
 * @log: called with messages that are not errors; may be NULL. The calls come from functions
 *	that use this handle, and from the handle's relay thread
 * @log_ctx: passed to @log
 * @flags: KSIG_SUB_* bits
 * @err_spec: set to the index of the specification that caused the error; may be NULL
 */
struct ksig_sub_opts {
	size_t sz;
	const char *provider;
	unsigned int queue_len;
	const char *value_field;
	char *err;
	size_t err_size;
	unsigned int *err_column;
	void (*log)(void *ctx, const char *line);
	void *log_ctx;
	unsigned int flags;
	unsigned int *err_spec;
};

/*
 * Skip events about the calling process, about children that it has started since it subscribed,
 * and about the descendants of these children. This applies to process.* and memory.kill, and to
 * trace.* events that happen while one of these processes runs. The flag has no effect if the
 * filter selects one process ("pid=N").
 *
 * With module and bpf, a process is a descendant if its chain of parents reaches the caller within
 * 64 steps. A process whose parent exits remains a descendant only if the caller is its subreaper
 * (prctl(2), PR_SET_CHILD_SUBREAPER). The native provider tracks forks. After netlink messages were
 * lost, this provider skips events about processes whose parents it doesn't know, and counts these
 * events as possibly lost (struct ksig_sub_stats, @lost_upto). Its memory.kill doesn't report the
 * process, so no memory.kill event is skipped. The module supports this flag only for the first
 * subscriptions of a channel. If no other provider is available, the error is -EUSERS.
 */
#define KSIG_SUB_SKIP_OWN	(1U << 0)

/*
 * Return the initial state first, as events with KSIG_EVENT_INITIAL in their flags: for net.up, one
 * event for each interface that is up. Then each change is returned. No change is missed in
 * between, and none is returned twice. ksig-events(7) lists the events that have a state. Fails
 * with -EINVAL if none of the events has an initial state. The queue grows to hold the state,
 * whatever its configured length is.
 */
#define KSIG_SUB_INITIAL	(1U << 1)

/*
 * An event that reports the end of a state (ksig_event_end()) is also returned when the state ends
 * because the object no longer exists, with KSIG_EVENT_GONE in its flags: fs.free, when a file
 * system that was full has been unmounted from this path; if it is still mounted elsewhere, fs.full
 * is returned again with that path. This applies to the events cgroup.populated, cgroup.frozen,
 * cgroup.thawed, fs.full, fs.free, fs.readonly and fs.writable. Other events are returned anyway,
 * their objects always exist, or their subscription ends (ksig_sub_ended()).
 */
#define KSIG_SUB_GONE		(1U << 2)

/**
 * ksig_sub_open() - subscribe to an event
 * @event: "NAME[:KEY OP VALUE,...]", where OP is one of = != < <= > >= &. NAME is
 *	CHANNEL.TYPE ("process.exit"), a channel with one nameless type ("test"), or a
 *	tracepoint ("trace.sched.sched_switch"). KEY is a field or, with =, a setting of the
 *	event. The value of a string may be a pattern, as in fnmatch(3), or several alternatives
 *	separated by '|'. A backslash removes the special meaning of the next character
 * @opts: options, or NULL
 * @sub: set on success; close it with ksig_sub_close()
 *
 * Return: 0; -EINVAL if @event or @opts is invalid; -ENOENT if the event does not exist;
 * -EOPNOTSUPP if it is not available on this system; -EACCES or -EPERM if it is not permitted;
 * -ESRCH if the process that the filter selects has exited; -ENOMEM and others. @opts->err is set
 * to an explanation of the error.
 */
int ksig_sub_open(const char *event, const struct ksig_sub_opts *opts,
		  struct ksig_sub **sub);

/**
 * ksig_sub_openv() - subscribe to several events
 * @events: specifications in the syntax of ksig_sub_open()
 * @n: number of @events, 1 to KSIG_SUB_SPECS
 * @opts: options that apply to all specifications, or NULL
 * @sub: set on success; close it with ksig_sub_close()
 *
 * Events are returned in the order of the times in their records, as far as the providers have
 * reported them. A process.exit event from the native provider can be up to a second late. If a
 * user has more than 8 subscriptions to a channel of the module, or a channel has more than 32,
 * the events of the later subscriptions can also be late. If one specification can't be read
 * (-ENOMEM, -EMFILE, -ENFILE), the events of the others wait for up to 100 ms. ksig_event_spec()
 * returns the index of the specification that an event matches. seq and lost_before are counted
 * separately for each specification. Each specification is served by the first provider that is
 * available for it.
 *
 * Return: as ksig_sub_open(). On failure no event is subscribed to.
 */
int ksig_sub_openv(const char *const *events, unsigned int n,
		   const struct ksig_sub_opts *opts, struct ksig_sub **sub);

/* Unsubscribe. No signal is sent after this returns. Passing NULL is a no-op. */
void ksig_sub_close(struct ksig_sub *sub);

/*
 * Return: a descriptor that poll(2) reports as readable when ksig_sub_next() has something to
 * return. The descriptor is owned by the subscription; don't read from it.
 */
int ksig_sub_fd(const struct ksig_sub *sub);

/*
 * The following functions refer to one specification. @spec is the index of the specification, or
 * 0 if there is only one.
 */

/* Return: "module", "bpf" or "native", valid until @sub is closed; NULL if @spec is invalid. */
const char *ksig_sub_provider(const struct ksig_sub *sub, unsigned int spec);

/* Return: the event's name without filter, valid until @sub is closed; NULL if @spec is invalid. */
const char *ksig_sub_event(const struct ksig_sub *sub, unsigned int spec);

/* Return: 1 if the kernel applies the whole filter, 0 if not; -EINVAL if @spec is invalid. */
int ksig_sub_in_kernel(const struct ksig_sub *sub, unsigned int spec);

/*
 * Return: 0 if more events of @spec may be returned; otherwise the reason as a negative errno (see
 * ksig_sub_next()); -EINVAL if @spec is invalid.
 */
int ksig_sub_ended(const struct ksig_sub *sub, unsigned int spec);

/**
 * ksig_sub_next() - get the next event
 * @sub: the subscription
 * @timeout_ns: maximum time to wait; 0: don't wait; negative: wait forever
 * @ev: set to the event, which remains valid until this function returns another event, or
 *	@sub is armed or closed
 *
 * Events that don't match the filter are skipped, one batch at a time. If the timeout expires while
 * a batch is being skipped, the function returns 0 at the end of that batch, even if more events
 * can be read. In this case the descriptor from ksig_sub_fd() remains readable, so use
 * level-triggered polling, not EPOLLET.
 *
 * If there are several specifications and one of them will have no more events (ksig_sub_ended()),
 * events of the others are still returned.
 *
 * Return: 1 with an event; 0 if the timeout expired; -ESHUTDOWN if there will be no more events,
 * because the channel was destroyed or the process that the filter selects (pid=N, current.pid=N)
 * has exited (KSIG_STATS_SUBJECT_GONE); -EBUSY if the subscription is armed with KSIG_MODE_EACH;
 * -EINTR, -ENOMEM, -EMFILE or -ENFILE, after which the call can be repeated.
 */
int ksig_sub_next(struct ksig_sub *sub, int64_t timeout_ns,
		  const struct ksig_event **ev);

/**
 * struct ksig_arm_opts - signal delivery settings
 * @sz: sizeof(struct ksig_arm_opts)
 * @pid: thread ID of the target, or with KSIG_ARM_PROCESS its process ID; 0: the caller
 * @pidfd: with KSIG_ARM_PROCESS, a pidfd that refers to process @pid, or -1. The call fails if
 *	@pid no longer belongs to that process. Without KSIG_ARM_PROCESS: -1 or 0 (unused)
 * @signo: signal number
 * @mode: KSIG_MODE_EACH or KSIG_MODE_DOORBELL
 * @flags: KSIG_ARM_* bits
 * @max_pending: as in struct ksig_arm
 * @value: value of a doorbell's signal
 */
struct ksig_arm_opts {
	size_t sz;
	pid_t pid;
	int pidfd;
	int signo;
	unsigned int mode;
	unsigned int flags;
	unsigned int max_pending;
	uint64_t value;
};

/* Usage: struct ksig_arm_opts o = KSIG_ARM_OPTS_INIT; */
#define KSIG_ARM_OPTS_INIT \
	{ .sz = sizeof(struct ksig_arm_opts), .pidfd = -1 }

/**
 * ksig_sub_arm() - deliver the events by signal
 * @sub: the subscription
 * @opts: target and mode
 *
 * Without the module, a relay thread of the library sends the signals with
 * pidfd_send_signal(2). The thread exists while the subscription is armed, and blocks all
 * signals. With the module, the relay is also used if the kernel doesn't apply the whole filter
 * (ksig_sub_in_kernel()), if there are several specifications, or if ksig_sub_next() has read
 * events ahead.
 *
 * The relay sends each signal with the credentials that the calling process has at that time. The
 * signals carry the pid and uid of this process. If the process is killed, unsent events are lost.
 *
 * The relay can't count the signals with number @signo that are pending in the target. The relay
 * sees only whether such a signal is pending, and the total number of signals that are pending for
 * the target's user. While a signal with number @signo is pending, @max_pending is compared with
 * this total. Other pending signals of the user can therefore make the relay wait until no signal
 * with number @signo is pending in the target.
 *
 * Return: 0; -EINVAL if @opts is invalid or @pidfd does not refer to @pid; -EBADF if @pidfd is not
 * open; -ESRCH if the target has exited; -EPERM; -ENOMEM; -EAGAIN if no thread can be created. If
 * the library sends the signals, also -EOPNOTSUPP in the same cases as ksig_target_open(). On
 * error, earlier settings remain in effect. However, if the process that @pidfd refers to exits
 * during the call, the subscription is disarmed.
 */
int ksig_sub_arm(struct ksig_sub *sub, const struct ksig_arm_opts *opts);

/* No signal is sent after this returns 0. Disarming succeeds even if @sub is not armed. */
int ksig_sub_disarm(struct ksig_sub *sub);

/* Event flags: the result of sending the signal requested by ksig_sub_kill_current() */
#define KSIG_EVENT_SIGNALLED	(1U << 30)	/* the signal was sent */
#define KSIG_EVENT_REFUSED	(1U << 31)	/* the signal was not sent */

/**
 * ksig_sub_kill_current() - have the kernel signal the running task immediately
 * @sub: a BPF subscription to a tracepoint
 * @spec: the index of the tracepoint's specification
 * @signo: signal number, 1 to 64; 0: stop sending signals
 * @skip: number of events to skip first
 * @count: number of events that send a signal after that
 * @flags: KSIG_KILL_READY, or 0
 *
 * The signal is sent from within the tracepoint, before the traced operation continues. A
 * signal sent at trace.syscalls.sys_enter_write, for example, interrupts that write(2) if it
 * blocks. The signal is sent to the process of the running thread, and is delivered to that
 * thread unless the thread blocks it. The kernel counts the events. Exactly @count events try to
 * send a signal, regardless of which cpus they happen on and whether they are read or lost.
 *
 * A real-time signal is sent only if the process has a handler, or consists of a single thread
 * that blocks the signal. Standard signals are sent unconditionally. With KSIG_KILL_READY, a
 * standard signal is sent only if the process is ready for it or ignores it. Kernel threads and the
 * system's init process are never signalled. The signal has no value, and its si_code is SI_KERNEL.
 * A real-time signal is refused while another signal with this number is pending. If interrupts or
 * preemption are disabled at the tracepoint (since Linux 7.2 also at the tracepoints of system
 * calls), the signal is sent once they are enabled. Until then, other signals are refused.
 *
 * The kernel may skip events that happen while another BPF program runs on the same cpu; see
 * struct ksig_sub_stats, @lost_upto.
 *
 * The kernel checks no permissions for these signals, so the caller must have CAP_KILL.
 *
 * Return: 0; -EINVAL if @spec, @signo or @flags is invalid; -EPERM without CAP_KILL;
 * -EOPNOTSUPP if @spec is not a tracepoint with provider "bpf", or if the kernel doesn't apply
 * the whole filter (ksig_sub_in_kernel()).
 */
#define KSIG_KILL_READY	(1U << 0)
int ksig_sub_kill_current(struct ksig_sub *sub, unsigned int spec, int signo,
			  uint64_t skip, uint64_t count, unsigned int flags);

/**
 * struct ksig_sub_stats - counters of a subscription
 * @sz: sizeof(struct ksig_sub_stats), set by the caller
 * @offered: events that passed the filter. If the library applies part of the filter, an event
 *	is included until the library rejects it (ksig_sub_in_kernel())
 * @delivered: events returned by ksig_sub_next(), or accepted into the target's signal queue
 * @queued: events that are still in the queue
 * @lost: events dropped because the queue was full
 * @refused: events dropped because the target was not ready or the caller was not permitted to
 *	signal it (KSIG_MODE_EACH)
 * @signals: number of signals sent, including doorbells, hang-ups and the signals of
 *	ksig_sub_kill_current()
 * @deferred: number of times that a signal was deferred
 * @flags: KSIG_STATS_* bits of uapi.h, and KSIG_STATS_SUBJECT_GONE
 * @lost_upto: upper bound on the number of further events lost. They can't be counted exactly,
 *	because they are lost before the filter is applied: the kernel drops a netlink
 *	message, skips a BPF program, or has no space for an event that is to be offered
 *	later (struct ksig_stats, @skipped). The filter may or may not have matched such an
 *	event. The other counters, seq, lost_before and si_errno don't include these losses.
 *	The next record after a loss has KSIG_EVENT_LOST_UPTO in its flags
 *
 * At any time, offered = delivered + queued + lost + refused, with every provider. No counter
 * except @queued ever decreases.
 */
struct ksig_sub_stats {
	size_t sz;
	uint64_t offered;
	uint64_t delivered;
	uint64_t queued;
	uint64_t lost;
	uint64_t refused;
	uint64_t signals;
	uint64_t deferred;
	uint64_t flags;
	uint64_t lost_upto;
};

#define KSIG_STATS_SUBJECT_GONE	(1ULL << 32)	/* the filter's process has exited */

/* Return: 0; -EINVAL if @st->sz is invalid. Reading @lost_upto may need a system call. */
int ksig_sub_stats(const struct ksig_sub *sub, struct ksig_sub_stats *st);

/*
 * Get the counters of one specification. @signals and @deferred don't include the relay's
 * signals, which are not counted for each specification.
 * Return: as for ksig_sub_stats(); also -EINVAL if @spec is invalid.
 */
int ksig_sub_spec_stats(const struct ksig_sub *sub, unsigned int spec,
			struct ksig_sub_stats *st);

/**
 * struct ksig_target_opts - a target and the signal to send to it
 * @sz: sizeof(struct ksig_target_opts)
 * @pid: thread ID, or with KSIG_SEND_PROCESS a process ID; greater than 0
 * @pidfd: with KSIG_SEND_PROCESS, a pidfd that refers to process @pid, or -1. Otherwise: -1 or
 *	0 (unused)
 * @signo: signal number, 1 to 64
 * @flags: KSIG_SEND_PROCESS, KSIG_SEND_READY or 0
 * @max_pending: as in struct ksig_arm; 0: 32
 */
struct ksig_target_opts {
	size_t sz;
	pid_t pid;
	int pidfd;
	int signo;
	unsigned int flags;
	unsigned int max_pending;
};

/* Send a standard signal only if the target handles, ignores, blocks or waits for it. */
#define KSIG_SEND_READY	(1U << 16)

/* Usage: struct ksig_target_opts o = KSIG_TARGET_OPTS_INIT; */
#define KSIG_TARGET_OPTS_INIT \
	{ .sz = sizeof(struct ksig_target_opts), .pidfd = -1 }

/**
 * ksig_target_open() - pin a target for signals sent by this process
 * @opts: the target
 * @target: set on success; close it with ksig_target_close()
 *
 * Return: 0; -EINVAL if @opts is invalid or @pidfd does not refer to @pid; -EBADF if @pidfd is not
 * open; -ESRCH if the process does not exist, or @pidfd refers to a process that has exited; -EPERM
 * if the caller is not permitted to signal it; -ENOMEM; -EOPNOTSUPP if /proc is not mounted,
 * belongs to another pid namespace, or doesn't show the target (proc(5), hidepid).
 */
int ksig_target_open(const struct ksig_target_opts *opts,
		     struct ksig_target **target);

/**
 * ksig_target_open_subject() - pin the process that an event is about
 * @sub: the subscription
 * @ev: the last record that ksig_sub_next() returned for @sub, not a copy of it
 * @opts: as for ksig_target_open(), with KSIG_SEND_PROCESS, pid 0 and pidfd -1
 * @target: set on success; close it with ksig_target_close()
 *
 * The pid in the event may have been reused for another process. On Linux 6.9 and newer, a BPF
 * event carries the inode number of the process's pidfd, which identifies the process. With other
 * events, the process must have started before the event. The start time is known to the
 * microsecond (taskstats) if the caller has CAP_NET_ADMIN in the initial pid namespace. Otherwise
 * the start time is read from /proc, in clock ticks (10 ms).
 *
 * Return: as for ksig_target_open(); also -EINVAL if @ev is not that record; -ESRCH if the pid
 * belongs to another process, if the event is not about a process, or if the event is process.exit;
 * -ESTALE if it can't be determined which process the pid belongs to.
 */
int ksig_target_open_subject(const struct ksig_sub *sub,
			     const struct ksig_event *ev,
			     const struct ksig_target_opts *opts,
			     struct ksig_target **target);

/* Return: a descriptor that poll(2) reports as readable once the process has exited. */
int ksig_target_fd(const struct ksig_target *target);

/*
 * Check whether the target handles, ignores, blocks or waits for the signal. Unlike
 * ksig_target_send(), this also checks standard signals.
 *
 * Return: 0; -ECONNREFUSED if the signal would kill the target; -EACCES if the target may be
 * waiting for the signal and the caller is not permitted to see that (see
 * ksig_target_send()); -ESRCH.
 */
int ksig_target_ready(struct ksig_target *target);

/**
 * ksig_target_send() - send a signal if the target is ready
 * @target: the target
 * @error: si_errno of a real-time signal
 * @value: si_value of a real-time signal. A standard signal carries neither @error nor @value
 *
 * The signal is sent with pidfd_send_signal(2) or rt_tgsigqueueinfo(2) and si_code SI_QUEUE.
 * Just before sending, the target's readiness is read from /proc. If the target resets its handler
 * after that, a real-time signal kills the target. To avoid this, block the signal in the target
 * before resetting the handler, or stop sending.
 *
 * The set of signals that a thread waits for in sigwaitinfo(2) is visible only to a caller that is
 * permitted to trace the thread (ptrace(2), PTRACE_MODE_ATTACH, restricted by
 * kernel.yama.ptrace_scope and PR_SET_DUMPABLE). If the result depends on this set and the caller
 * lacks the permission, nothing is sent and the function returns -EACCES.
 *
 * /proc doesn't show whether a thread that waits in sigwaitinfo(2) blocks the signal at all other
 * times, as it must, and whether a handler is reset by the first signal (SA_RESETHAND). This
 * function assumes that such a thread or handler is ready. Only ksig.ko checks both conditions.
 *
 * Unless the caller has CAP_KILL over the target, the target's uids must be the same as when it was
 * opened. Before Linux 6.9, a thread is identified only by its thread ID, which may have been
 * reused for another thread of the same process.
 *
 * Return: 0, or an error as KSIG_IOC_SEND. The function also returns -EAGAIN if max_pending signals
 * are pending. It also returns -EAGAIN if the target is running and its readiness could not be read
 * (-ECONNREFUSED the hundredth time in a row), and if the target is not visible in /proc at all,
 * for example after chroot(2) (-EOPNOTSUPP the hundredth time in a row).
 */
int ksig_target_send(struct ksig_target *target, int error, uint64_t value);

/**
 * ksig_target_deliver() - send an event's signal as KSIG_MODE_EACH would
 * @target: the target
 * @lost: number of lost events that no signal has reported yet, including this event's
 *	lost_before; set to 0 once a signal has reported the loss in si_errno
 * @value: si_value of the signal
 *
 * After -EAGAIN, repeat the call for the same event within 10 ms. To preserve the order, don't read
 * another event until the call returns something other than -EAGAIN. After any other error, the
 * event is refused. In this case, pass the same @lost with the next event. The relay of
 * ksig_sub_arm() and `ksig watch --to` work this way.
 *
 * Return: as ksig_target_send().
 */
int ksig_target_deliver(struct ksig_target *target, uint64_t *lost,
			uint64_t value);

/* Passing NULL is a no-op. */
void ksig_target_close(struct ksig_target *target);

enum ksig_field_type {
	KSIG_FIELD_UNSIGNED = 1,
	KSIG_FIELD_SIGNED,
	KSIG_FIELD_STRING,
};

/**
 * struct ksig_field - a field of an event
 * @sz: sizeof(struct ksig_field), set by the caller
 * @name: key of the field
 * @type: which of @u, @s and @str contains the value
 * @known: 0 if the provider could not determine the value, otherwise 1
 * @u: value of a KSIG_FIELD_UNSIGNED
 * @s: value of a KSIG_FIELD_SIGNED
 * @str: value of a KSIG_FIELD_STRING, NUL-terminated; valid as long as the event
 */
struct ksig_field {
	size_t sz;
	const char *name;
	enum ksig_field_type type;
	int known;
	uint64_t u;
	int64_t s;
	const char *str;
};

/*
 * Get a field of an event by its key. The keys "subject" and "value" always exist.
 * Return: 0; -ENOENT if the event has no such field; -EINVAL if @f->sz is invalid, or if @ev is
 * not an event of @sub.
 */
int ksig_event_get(const struct ksig_sub *sub, const struct ksig_event *ev,
		   const char *key, struct ksig_field *f);

/*
 * Get a field of an event by its index, from 0.
 * Return: 0; -ENOENT if the event has no more fields; -EINVAL as ksig_event_get().
 */
int ksig_event_field(const struct ksig_sub *sub, const struct ksig_event *ev,
		     unsigned int index, struct ksig_field *f);

/*
 * Copy an event, which is otherwise valid only until the next call of ksig_sub_next(). The copy can
 * be used like the event as long as @sub is open, except with ksig_target_open_subject(), and is
 * freed with free(3).
 * Return: 0; -EINVAL as ksig_event_get(); -ENOMEM.
 */
int ksig_event_copy(const struct ksig_sub *sub, const struct ksig_event *ev,
		    struct ksig_event **copy);

/*
 * Find the event that reports the end of the state whose beginning @event reports:
 * "net.down:ifindex=2" for "net.up:ifindex=2". Both are specifications. *@end has the settings of
 * @event and those of its conditions that the end of each of its states satisfies, so it may also
 * match other objects. It is freed with free(3). *@identity: names of the fields that identify the
 * object, up to a NULL. "A|B" means the first of the fields A and B that is known. The list must not
 * be freed.
 * Return: 1 if the state is reported again after events may have been lost (struct ksig_sub_stats,
 * @lost_upto), unless it is unchanged; 0 if not; -ENOENT if there is no such event; -EINVAL if
 * @event is invalid; -ENOMEM.
 */
int ksig_event_end(const char *event, char **end, const char *const **identity);

/*
 * Format an event as one line without a time or newline: "net.up ifname=eth0". Fields that the
 * object doesn't have, such as the device node of a network interface, are omitted. UTF-8 is
 * copied. A string is quoted if it is empty, is "unknown", or contains blanks, quotes, backslashes,
 * arrows or unprintable characters. Unprintable characters are escaped. Invalid bytes and control
 * characters are written as \xNN. Invisible characters, and characters that change the writing
 * direction, are written as \uNNNN or \UNNNNNNNN.
 * Return: the length, as snprintf(3); -EINVAL if @ev is not an event of @sub.
 */
int ksig_event_format(const struct ksig_sub *sub, const struct ksig_event *ev,
		      char *buf, size_t n);

/**
 * ksig_send() - send one signal immediately
 * @pid: thread ID, or with KSIG_SEND_PROCESS a process ID
 * @signo: signal number
 * @value: the signal's value
 * @flags: KSIG_SEND_PROCESS; KSIG_SEND_BY() for each method that may be used (default: all)
 *
 * Uses the first method that is available and permitted:
 *
 * KSIG_SENT_BY_MODULE: ksig.ko sends the signal, as KSIG_IOC_SEND.
 *
 * KSIG_SENT_BY_CALLER: the calling process sends the signal, as in ksig_target_send(). si_pid is
 * the pid of the caller.
 *
 * Return: KSIG_SENT_BY_*; the same errors as KSIG_IOC_SEND; -EOPNOTSUPP, -EACCES or -EPERM if none
 * of the methods permitted by @flags is available; -EACCES if the method is KSIG_SENT_BY_CALLER and
 * the caller is not permitted to see whether @pid waits for the signal.
 */
#define KSIG_SENT_BY_MODULE	0
#define KSIG_SENT_BY_CALLER	1
#define KSIG_SEND_BY(way)	(1U << (8 + (way)))
int ksig_send(pid_t pid, int signo, uint64_t value, unsigned int flags);

/**
 * struct ksig_catalog_key - a field or a setting of an event
 * @name: its name, as in a specification
 * @type: type of a field
 * @help: description of a setting; or the permitted values of a field, if they are a fixed set;
 *	otherwise ""
 */
struct ksig_catalog_key {
	const char *name;
	enum ksig_field_type type;
	const char *help;
};

/**
 * struct ksig_catalog_entry - an event and one of its providers
 * @name: event name, for ksig_sub_open()
 * @description: description of the event in one line
 * @provider: name of the provider; an event has one entry for each provider
 * @error: 0 if the provider can be used for the event; otherwise the negative errno that
 *	ksig_sub_open() would return
 * @reason: why the event is not available and how to fix that; "" if @error is 0
 * @fields: fields of the event
 * @n_fields: number of @fields
 * @settings: settings of the event
 * @n_settings: number of @settings
 * @has_state: nonzero if the event supports KSIG_SUB_INITIAL
 * @example: a specification of the event, to show how it is used; NULL if there is none
 *
 * Valid until the next call on the catalog.
 */
struct ksig_catalog_entry {
	const char *name;
	const char *description;
	const char *provider;
	int error;
	const char *reason;
	const struct ksig_catalog_key *fields;
	unsigned int n_fields;
	const struct ksig_catalog_key *settings;
	unsigned int n_settings;
	int has_state;
	const char *example;
};

/*
 * List each event only once, without opening it. Only @name and @description are set; @provider is
 * NULL. @description is empty if the event comes from a driver's channel. Without this flag, each
 * event is opened with each provider.
 */
#define KSIG_CATALOG_NAMES	(1U << 0)

/*
 * List the events. @flags: KSIG_CATALOG_NAMES or 0.
 * Return: 0; -EINVAL if @flags is invalid; -ENOMEM.
 */
int ksig_catalog_open(unsigned int flags, struct ksig_catalog **c);
/* Return: 1 with an entry; 0 if there are no more entries. Tracepoints are not listed. */
int ksig_catalog_next(struct ksig_catalog *c,
		      const struct ksig_catalog_entry **e);
void ksig_catalog_close(struct ksig_catalog *c);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* KSIG_LIBKSIG_H */
