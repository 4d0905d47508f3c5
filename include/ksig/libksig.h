/* SPDX-License-Identifier: MIT */
/*
 * libksig: kernel events, by file descriptor or by signal, with or without the module
 * ksig.ko.
 *
 * Every function returns 0 or more, or a negative errno. Objects are returned through the
 * last argument, which is written only on success. Options begin with their size: set sz to
 * the size of the structure and unused members to 0; for ksig_sub_open(), NULL means all
 * defaults. 0 is a valid descriptor; -1 means none: initialize structures that contain one
 * with their KSIG_*_OPTS_INIT. The events and the keys of their fields are in ksig-events(7).
 *
 * Threads: a handle may be used by one thread at a time; different handles are independent.
 * There is no global state, except that libbpf's messages pass through the library
 * (libbpf_set_print()), which therefore stays loaded. After fork(2) the child may only close
 * a handle. All descriptors are close-on-exec.
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

/* Types beyond those of ksig.ko's channels, which are in ksig/uapi.h */
#define KSIG_MEMORY_PRESSURE	2	/* @value: microseconds stalled since the last event */
/* The wall clock was set. @value: change in ns, accurate to about 20 us, or unknown */
#define KSIG_TIME_SET		0

/*
 * Flags of an event, beyond those of uapi.h. The native provider reads a process's name and
 * parent from /proc after the event; they are unknown if the process no longer exists.
 */
#define KSIG_EVENT_NO_COMM	(1U << 28)	/* comm is unknown */
#define KSIG_EVENT_NO_PARENT	(1U << 29)	/* parent is unknown */
/*
 * Which of the specifications given to ksig_sub_openv() the event matches, from 0. An event that
 * matches several is returned once for each.
 */
#define KSIG_EVENT_SPEC(n)	((uint32_t)(n) << 16)
#define KSIG_SUB_SPECS		256	/* at most */
static inline unsigned int ksig_event_spec(const struct ksig_event *ev)
{
	return ev->flags >> 16 & (KSIG_SUB_SPECS - 1);
}

/*
 * memory.kill: the path in "cgroup" is unknown. The kernel reports a number, and the library
 * looks its directory up when it reads the event. That fails if the cgroup has been removed,
 * if it is outside of the mounted hierarchy, or if no cgroup2 is mounted.
 */
#define KSIG_EVENT_NO_CGROUP	(1U << 27)

/* A subscription to one or several events. */
struct ksig_sub;
/* A pinned process or thread to send signals to. */
struct ksig_target;
/* An iterator over the events that can be subscribed to. */
struct ksig_catalog;

/**
 * struct ksig_sub_opts - options of a subscription
 * @sz: sizeof(struct ksig_sub_opts)
 * @provider: "module", "bpf" or "native"; NULL: the first that is available
 * @queue_len: length of the queue in records, a power of two from 16 to 65536; 0: 256. Each
 *	specification has a queue of its own
 * @value_field: the numeric field that becomes a signal's value (0 where it is unknown); for
 *	trace.* also the record's value. NULL: the record's value
 * @err: buffer for an error message, one line without a newline; may be NULL
 * @err_size: size of @err
 * @err_column: set to the position of the error in the event's name, from 1, or to 0 if it
 *	has none; may be NULL
 * @log: called with messages that are not errors; may be NULL. Called from within calls on
 *	this handle and from its relay thread
 * @log_ctx: passed to @log
 * @flags: KSIG_SUB_* bits
 * @err_spec: set to the index of the specification that the error is about; may be NULL
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
 * Skip events about the calling process and about the processes that it and its descendants
 * have started since it subscribed: process.*, memory.kill, and trace.* while one of them
 * runs. A filter that names one process with "pid=N" is not affected.
 *
 * With module and bpf, a process is a descendant if its chain of parents reaches the caller
 * within 64 steps. A process whose parent exits remains one only if the caller is its
 * subreaper (prctl(2), PR_SET_CHILD_SUBREAPER). The native provider follows the forks. After
 * a loss of messages, an event about a process that can't be attributed is skipped and
 * counted as possibly lost (struct ksig_sub_stats, @lost_upto). With native, memory.kill
 * doesn't report the process, so nothing is skipped. The module supports it for the first
 * subscriptions of a channel only; if no other provider is available, the error is -EUSERS.
 */
#define KSIG_SUB_SKIP_OWN	(1U << 0)

/**
 * ksig_sub_open() - subscribe to an event
 * @event: "NAME[:KEY OP VALUE,...]", where OP is one of = != < <= > >= &. NAME is
 *	CHANNEL.TYPE ("process.exit"), a channel with one nameless type ("test"), or a
 *	tracepoint ("trace.sched.sched_switch")
 * @opts: options, or NULL
 * @sub: set on success; to be closed with ksig_sub_close()
 *
 * Return: 0; -EINVAL if @event or @opts is invalid; -ENOENT if there is no such event;
 * -EOPNOTSUPP if it is not available here; -EACCES or -EPERM if it is not permitted; -ESRCH if
 * the process that the filter names has exited; -ENOMEM, ... @opts->err explains it.
 */
int ksig_sub_open(const char *event, const struct ksig_sub_opts *opts,
		  struct ksig_sub **sub);

/**
 * ksig_sub_openv() - subscribe to several events
 * @events: specifications, each as for ksig_sub_open()
 * @n: number of @events, 1 to KSIG_SUB_SPECS
 * @opts: options for all of them, or NULL
 * @sub: set on success; to be closed with ksig_sub_close()
 *
 * The events are returned in the order in which they happened, by the time in their records.
 * ksig_event_spec() returns the specification that an event matches. seq and lost_before count
 * the events of one specification. Each specification is served by the first provider that is
 * available for it.
 *
 * Return: as ksig_sub_open(); on failure nothing is subscribed to.
 */
int ksig_sub_openv(const char *const *events, unsigned int n,
		   const struct ksig_sub_opts *opts, struct ksig_sub **sub);

/* Unsubscribe. No signal is sent once it returns. Passing NULL is a no-op. */
void ksig_sub_close(struct ksig_sub *sub);

/*
 * Return: a descriptor that is readable for poll(2) when ksig_sub_next() has something to
 * return. It belongs to the subscription and must not be read from.
 */
int ksig_sub_fd(const struct ksig_sub *sub);

/*
 * The following functions are about one specification: @spec is its index, 0 if there is only
 * one.
 */

/* Return: "module", "bpf" or "native"; valid as long as @sub. NULL if @spec is invalid. */
const char *ksig_sub_provider(const struct ksig_sub *sub, unsigned int spec);

/* Return: the event's name without its filter; valid as long as @sub. NULL if @spec is invalid. */
const char *ksig_sub_event(const struct ksig_sub *sub, unsigned int spec);

/* Return: 1 if the kernel applies the whole filter, otherwise 0; -EINVAL if @spec is invalid. */
int ksig_sub_in_kernel(const struct ksig_sub *sub, unsigned int spec);

/*
 * Return: 0; once all events of @spec have been returned and there will be no more of them: the
 * negative errno that is the reason, see ksig_sub_next(); -EINVAL if @spec is invalid.
 */
int ksig_sub_ended(const struct ksig_sub *sub, unsigned int spec);

/**
 * ksig_sub_next() - get the next event
 * @sub: the subscription
 * @timeout_ns: how long to wait; 0: don't wait; negative: wait forever
 * @ev: set to the event, which is valid until this function returns another one, or @sub is
 *	armed or closed
 *
 * Events that don't match the filter are read in batches. When the timeout expires, the
 * function returns 0 after the current batch, possibly with more to read. ksig_sub_fd() remains
 * readable in this case, so wait for its level and not for an edge (EPOLLET).
 *
 * If there will be no more events of one of several specifications (ksig_sub_ended()), those of
 * the others are still returned.
 *
 * Return: 1 with an event; 0 if the timeout expired; -ESHUTDOWN if there will be no more
 * events: the channel was destroyed, or the process that the filter names (pid=N,
 * current.pid=N) has exited (KSIG_STATS_SUBJECT_GONE); -EBUSY if armed with KSIG_MODE_EACH;
 * -EINTR, -ENOMEM, -EMFILE or -ENFILE, after which the call can be repeated.
 */
int ksig_sub_next(struct ksig_sub *sub, int64_t timeout_ns,
		  const struct ksig_event **ev);

/**
 * struct ksig_arm_opts - signal delivery settings
 * @sz: sizeof(struct ksig_arm_opts)
 * @pid: the target: a thread, or with KSIG_ARM_PROCESS a process; 0: the caller
 * @pidfd: with KSIG_ARM_PROCESS: a pidfd of @pid, or -1. @pid must still be the number of that
 *	process. Without KSIG_ARM_PROCESS unused: -1 or 0
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

/* struct ksig_arm_opts o = KSIG_ARM_OPTS_INIT; */
#define KSIG_ARM_OPTS_INIT \
	{ .sz = sizeof(struct ksig_arm_opts), .pidfd = -1 }

/**
 * ksig_sub_arm() - deliver the events by signal
 * @sub: the subscription
 * @opts: target and mode
 *
 * Without the module a relay thread of the library sends the signals with
 * pidfd_send_signal(2). It exists while the subscription is armed and blocks all signals. The
 * library also relays if the kernel doesn't apply the whole filter (ksig_sub_in_kernel()), and
 * if it has read events ahead, as it does with the one that ksig_sub_next() returned last, and
 * always if there are several specifications.
 *
 * The relay sends with the credentials the calling process has at that time, and its signals
 * carry that process's pid and uid. If it is killed, unsent events are lost.
 *
 * The relay can't count the pending signals of one number, only whether one is pending, and
 * how many signals of any number are pending for the target's user: while one is pending,
 * @max_pending is compared with the latter. So other pending signals of that user can make it
 * wait until the target has none of that number pending.
 *
 * Return: 0; -EINVAL, also if @pidfd is not a pidfd of @pid; -EBADF if @pidfd is not open;
 * -ESRCH if the target has exited; -EPERM; -ENOMEM; -EAGAIN if no thread can be created;
 * -EOPNOTSUPP as ksig_target_open(), if the library sends. On error, earlier settings remain in
 * effect; but if the process of @pidfd exits during the call, nothing is armed.
 */
int ksig_sub_arm(struct ksig_sub *sub, const struct ksig_arm_opts *opts);

/* No signal is sent once it returns 0. It succeeds if nothing is armed. */
int ksig_sub_disarm(struct ksig_sub *sub);

/* Flags of an event: what became of the signal of ksig_sub_kill_current() */
#define KSIG_EVENT_SIGNALLED	(1U << 30)	/* it was sent */
#define KSIG_EVENT_REFUSED	(1U << 31)	/* it could not be sent, or would kill */

/**
 * ksig_sub_kill_current() - have the kernel signal the running task immediately
 * @sub: a subscription to a tracepoint, by BPF
 * @spec: the index of the tracepoint's specification
 * @signo: signal number, 1 to 64; 0: send no further one
 * @skip: number of events to skip first
 * @count: after that, send a signal at this many events
 * @flags: KSIG_KILL_READY, or 0
 *
 * The signal is sent from within the tracepoint, before the traced operation continues: a
 * signal at trace.syscalls.sys_enter_write interrupts that write(2) if it blocks. It goes to
 * the process of the running thread, and to that thread unless it blocks the signal. The kernel
 * counts, so exactly @count events cause a signal, on whatever cpu, whether they are read or
 * lost.
 *
 * A real-time signal is sent only if the process has a handler, or a single thread that blocks
 * the signal. Standard signals are sent unconditionally; with KSIG_KILL_READY only if the
 * process is ready or ignores them. Kernel threads and the first process of the machine are
 * never signalled. The signal has no value, and its si_code is SI_KERNEL. A real-time signal is
 * refused while one is pending. If interrupts or preemption are off at the tracepoint (since
 * Linux 7.2 also at those of system calls), the signal is sent once they are on; until then
 * another one is refused.
 *
 * Events that happen while another BPF program runs on the same cpu may be skipped by the
 * kernel; see struct ksig_sub_stats, @lost_upto.
 *
 * The kernel checks no permissions for these signals, so the caller must have CAP_KILL.
 *
 * Return: 0; -EINVAL if @spec, @signo or @flags is invalid; -EPERM without CAP_KILL;
 * -EOPNOTSUPP if it is not a tracepoint by BPF, or if the kernel doesn't apply the whole filter
 * (ksig_sub_in_kernel()).
 */
#define KSIG_KILL_READY	(1U << 0)
int ksig_sub_kill_current(struct ksig_sub *sub, unsigned int spec, int signo,
			  uint64_t skip, uint64_t count, unsigned int flags);

/**
 * struct ksig_sub_stats - counters of a subscription
 * @sz: sizeof(struct ksig_sub_stats), set by the caller
 * @offered: events that passed the filter
 * @delivered: returned by ksig_sub_next(), or accepted into the target's signal queue
 * @queued: still in the queue
 * @lost: the queue was full
 * @refused: the target was not ready, or the caller is not permitted to signal it
 *	(KSIG_MODE_EACH)
 * @signals: number of signals sent, doorbells, hang-ups and those of
 *	ksig_sub_kill_current() included
 * @deferred: how often a signal had to wait
 * @flags: KSIG_STATS_* bits, those of uapi.h and KSIG_STATS_SUBJECT_GONE
 * @lost_upto: upper bound of the number of further losses, which can't be counted exactly
 *	because they happen before the filter has seen the event: the kernel drops a netlink
 *	message, skips a BPF program, or has no room for events that are to be offered later
 *	(struct ksig_stats, @skipped). Each may have been an event of this subscription.
 *	They are not included in the other counters, seq, lost_before or a signal's si_errno.
 *	The next record has KSIG_EVENT_LOST_UPTO in its flags
 *
 * At any time, offered = delivered + queued + lost + refused, with every provider. Of these
 * all but @queued and @flags never decrease.
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

/* Return: 0; -EINVAL if @st->sz is invalid. Counting @lost_upto may take a system call. */
int ksig_sub_stats(const struct ksig_sub *sub, struct ksig_sub_stats *st);

/*
 * The counters of one specification. @signals and @deferred don't include those of the relay,
 * which are not counted by specification.
 * Return: as ksig_sub_stats(); -EINVAL also if @spec is invalid.
 */
int ksig_sub_spec_stats(const struct ksig_sub *sub, unsigned int spec,
			struct ksig_sub_stats *st);

/**
 * struct ksig_target_opts - a target, and what is sent to it
 * @sz: sizeof(struct ksig_target_opts)
 * @pid: a thread, or with KSIG_SEND_PROCESS a process; greater than 0
 * @pidfd: with KSIG_SEND_PROCESS: a pidfd of @pid, or -1. Otherwise unused: -1 or 0
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

/* Send standard signals, too, only if the target handles, ignores, blocks or waits for them. */
#define KSIG_SEND_READY	(1U << 16)

/* struct ksig_target_opts o = KSIG_TARGET_OPTS_INIT; */
#define KSIG_TARGET_OPTS_INIT \
	{ .sz = sizeof(struct ksig_target_opts), .pidfd = -1 }

/**
 * ksig_target_open() - pin a target for signals that this process sends
 * @opts: the target
 * @target: set on success; to be closed with ksig_target_close()
 *
 * Return: 0; -EINVAL, also if @pidfd is not a pidfd of @pid; -EBADF if @pidfd is not open;
 * -ESRCH if there is no such process, or the one of @pidfd has exited; -EPERM if it may not be
 * signalled; -ENOMEM; -EOPNOTSUPP if /proc is not mounted, belongs to another pid namespace, or
 * doesn't show the target (proc(5), hidepid).
 */
int ksig_target_open(const struct ksig_target_opts *opts,
		     struct ksig_target **target);

/**
 * ksig_target_open_subject() - pin the process that an event is about
 * @sub: the subscription
 * @ev: the record that ksig_sub_next() returned last for it, not a copy
 * @opts: as for ksig_target_open(), with KSIG_SEND_PROCESS; pid 0 and pidfd -1
 * @target: set on success; to be closed with ksig_target_close()
 *
 * The number in the event may belong to another process by now. Events by BPF on Linux 6.9 and
 * newer carry the inode of the process's pidfd, which is compared. Otherwise the process must
 * have started before the event. The start time is known to the microsecond with CAP_NET_ADMIN
 * in the initial pid namespace (taskstats), otherwise in clock ticks of /proc (10 ms).
 *
 * Return: as ksig_target_open(); -EINVAL also if @ev is not that record; -ESRCH also if the
 * number belongs to another process, if the event is not about a process, or if it is
 * process.exit; -ESTALE if it is unknown which process has the number.
 */
int ksig_target_open_subject(const struct ksig_sub *sub,
			     const struct ksig_event *ev,
			     const struct ksig_target_opts *opts,
			     struct ksig_target **target);

/* Return: a descriptor that is readable for poll(2) once the process has exited. */
int ksig_target_fd(const struct ksig_target *target);

/*
 * Does the target handle, ignore or block the signal, or wait for it? Unlike ksig_target_send()
 * this also checks standard signals.
 *
 * Return: 0; -ECONNREFUSED if the signal would kill it; -EACCES if it may be waiting for the
 * signal and the caller may not see that (see ksig_target_send()); -ESRCH.
 */
int ksig_target_ready(struct ksig_target *target);

/**
 * ksig_target_send() - send a signal if the target is ready
 * @target: the target
 * @error: si_errno of the signal
 * @value: si_value of the signal; standard signals carry neither
 *
 * Sends with pidfd_send_signal(2) or rt_tgsigqueueinfo(2) and si_code SI_QUEUE. Readiness is
 * read from /proc just before. A target that resets its handler after that is killed by a
 * real-time signal; it should block the signal first, or no longer be armed. The signals that a
 * thread waits for in sigwaitinfo(2) are visible only with the permission to trace it
 * (ptrace(2), PTRACE_MODE_ATTACH, which kernel.yama.ptrace_scope and PR_SET_DUMPABLE restrict);
 * without it the result is -EACCES, and nothing is sent. /proc doesn't show SA_RESETHAND, nor
 * whether a thread in sigwaitinfo(2) blocks the signal otherwise, as it must: both count as
 * ready. ksig.ko knows better. The target's uids must be what they were when it was opened,
 * unless the caller has CAP_KILL over it. Before Linux 6.9 a thread is identified by its
 * number, which may belong to another thread of the same process by now.
 *
 * Return: 0, or as KSIG_IOC_SEND. -EAGAIN also if max_pending signals are pending, if the
 * target is running and its readiness could not be seen (the hundredth time in a row:
 * -ECONNREFUSED), or if it is not visible in /proc at all, as after chroot(2) (then:
 * -EOPNOTSUPP).
 */
int ksig_target_send(struct ksig_target *target, int error, uint64_t value);

/**
 * ksig_target_deliver() - send an event's signal by the rules of KSIG_MODE_EACH
 * @target: the target
 * @lost: number of events lost that no signal has reported yet, this event's lost_before
 *	included; set to 0 once the signal has reported them in si_errno
 * @value: si_value of the signal
 *
 * After -EAGAIN, call it again for the same event, at most 10 ms later; read no further event
 * meanwhile, so that the order is kept. After another error the event is refused; pass @lost on
 * with the next one. The relay of ksig_sub_arm() and `ksig watch --to` do this.
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
 * @name: its key
 * @type: which of @u, @s and @str holds the value
 * @known: 0 if the provider couldn't know it
 * @u: KSIG_FIELD_UNSIGNED
 * @s: KSIG_FIELD_SIGNED
 * @str: KSIG_FIELD_STRING, NUL-terminated; valid as long as the event
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
 * Get a field of an event by its key; "subject" and "value" always exist.
 * Return: 0; -ENOENT if the event has no such field; -EINVAL if @f->sz is invalid, or if @ev is
 * not an event of @sub.
 */
int ksig_event_get(const struct ksig_sub *sub, const struct ksig_event *ev,
		   const char *key, struct ksig_field *f);

/*
 * Get a field of an event by its index, from 0.
 * Return: 0; -ENOENT if there are no more; -EINVAL as ksig_event_get().
 */
int ksig_event_field(const struct ksig_sub *sub, const struct ksig_event *ev,
		     unsigned int index, struct ksig_field *f);

/*
 * Format an event as one line without time and newline: "net.up ifname=eth0". UTF-8 is copied.
 * A string is quoted if it is empty, is "unknown", or contains blanks, quotes, backslashes,
 * arrows or unprintable characters. The latter are escaped: invalid bytes and control characters
 * as \xNN, others (invisible ones, and those that change the direction of writing) as \uNNNN or
 * \UNNNNNNNN.
 * Return: the length, as snprintf(3); -EINVAL if @ev is not an event of @sub.
 */
int ksig_event_format(const struct ksig_sub *sub, const struct ksig_event *ev,
		      char *buf, size_t n);

/**
 * ksig_send() - send one signal now
 * @pid: a thread, or with KSIG_SEND_PROCESS a process
 * @signo: signal number
 * @value: the signal's value
 * @flags: KSIG_SEND_PROCESS; KSIG_SEND_BY() for each way that may be used, all of them if
 *	there is none
 *
 * The first way that is available and permitted is used:
 *
 * KSIG_SENT_BY_MODULE: ksig.ko, as KSIG_IOC_SEND.
 *
 * KSIG_SENT_BY_CALLER: the calling process, as ksig_target_send(); si_pid is the caller.
 *
 * Return: KSIG_SENT_BY_*; a negative errno as KSIG_IOC_SEND; -EOPNOTSUPP, -EACCES or -EPERM
 * if no way that @flags allow can be used here; -EACCES also if the caller would have to
 * send and may not see whether @pid waits for the signal.
 */
#define KSIG_SENT_BY_MODULE	0
#define KSIG_SENT_BY_CALLER	1
#define KSIG_SEND_BY(way)	(1U << (8 + (way)))
int ksig_send(pid_t pid, int signo, uint64_t value, unsigned int flags);

/**
 * struct ksig_catalog_entry - an event, with one provider
 * @name: for ksig_sub_open()
 * @description: one line for people
 * @provider: the provider; an event has an entry for each
 * @error: 0 if it is available here; otherwise the negative errno of ksig_sub_open()
 * @reason: why it is not available, and the cure; "" if @error is 0
 *
 * Valid until the next call on the catalog.
 */
struct ksig_catalog_entry {
	const char *name;
	const char *description;
	const char *provider;
	int error;
	const char *reason;
};

/*
 * One entry for each event, with @name and @description alone, which is empty for a driver's
 * event: @provider is NULL, and nothing is opened. Without this flag each event is opened with
 * each provider.
 */
#define KSIG_CATALOG_NAMES	(1U << 0)

/*
 * List the events. @flags: KSIG_CATALOG_NAMES or 0.
 * Return: 0; -EINVAL if @flags is invalid; -ENOMEM.
 */
int ksig_catalog_open(unsigned int flags, struct ksig_catalog **c);
/* Return: 1 with an entry; 0 if there are no more. Tracepoints are not listed. */
int ksig_catalog_next(struct ksig_catalog *c,
		      const struct ksig_catalog_entry **e);
void ksig_catalog_close(struct ksig_catalog *c);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* KSIG_LIBKSIG_H */
