/* SPDX-License-Identifier: MIT */
/*
 * libksig: kernel events, by file descriptor or by signal, with the module
 * ksig.ko or without it.
 *
 * Every call returns 0 or more, or a negative errno. Objects come back through
 * the last argument, which is written on success only. Options begin with their
 * size: set sz to sizeof of the structure, all that you don't use to 0; NULL
 * means all of it. A descriptor of 0 is a descriptor, and "none" is -1: begin
 * structures that have one with their KSIG_*_OPTS_INIT. Keys of the same name as
 * in the manual of ksig(1).
 *
 * Threads: one handle is one thread's at a time; different handles are
 * independent, and there is no global state, but that libbpf's messages pass
 * through the library (libbpf_set_print()), which therefore stays loaded. After
 * fork(2) the child may only close a handle. All descriptors are close-on-exec.
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

/* In the shared library nothing else is visible. */
#pragma GCC visibility push(default)

/* Types beyond those of ksig.ko's channels; see ksig/uapi.h for the others. */
#define KSIG_MEMORY_PRESSURE	2	/* value: microseconds stalled since the last */
/* The wall clock was set. @value: by how many ns, to about 20 us; or not known */
#define KSIG_TIME_SET		0

/*
 * Names that a process leaves behind at its end: flags as those of uapi.h. By
 * native they are those of the moment when it is read of the event.
 */
#define KSIG_EVENT_NO_COMM	(1U << 28)	/* comm is not known */
#define KSIG_EVENT_NO_PARENT	(1U << 29)	/* parent is not known */
/*
 * memory.kill: the path in "cgroup" is not known. The kernel gives a number, and
 * the library finds its directory when it reads the event: not if the cgroup has
 * been removed by then, is outside of what is mounted here, or no cgroup2 is.
 */
#define KSIG_EVENT_NO_CGROUP	(1U << 27)

/* A subscription: a stream of events. */
struct ksig_sub;
/* A process or thread that is to be signalled, and no other by its number. */
struct ksig_target;
/* A walk over what can be subscribed to. */
struct ksig_catalog;

/**
 * struct ksig_sub_opts - how to subscribe
 * @sz: sizeof(struct ksig_sub_opts)
 * @provider: "module", "bpf" or "native"; NULL: the best that works here
 * @queue_len: records, a power of two, 16 to 65536; 0: 256
 * @value_field: which numeric field is a signal's value, 0 where it is not known;
 *	of trace.* it is the record's value as well. NULL: the record's value
 * @err: where to say what was wrong, a line without a newline; may be NULL
 * @err_size: bytes at @err
 * @err_column: where in the event's name it was wrong, from 1, or 0 where that
 *	makes no sense; may be NULL
 * @log: called for what is worth knowing and no error; may be NULL. Only from
 *	within calls on this handle, and from its relay thread
 * @log_ctx: handed to @log
 * @flags: KSIG_SUB_* bits
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
};

/*
 * Leave out events about the calling process and about the processes that it
 * and its descendants have started since it subscribed: process.*, memory.kill,
 * and trace.* while one of them runs. A filter that names one process by
 * "pid=N" is not affected.
 *
 * By module and bpf, a process is a descendant if its chain of parents leads to
 * the caller within 64 steps. A process whose parent exits stays one only if
 * the caller is its subreaper (prctl(2), PR_SET_CHILD_SUBREAPER). By native it
 * is known from the forks. After messages were lost, an event about a process
 * that cannot be attributed is left out, and counts in ksig_sub_lost_upto().
 * memory.kill by native does not know the process, so nothing is left out there.
 * The module can't do it for more than the first subscriptions of a channel; if no
 * other provider will do either, that is -EUSERS.
 */
#define KSIG_SUB_SKIP_OWN	(1U << 0)

/**
 * ksig_sub_open() - subscribe
 * @event: "NAME[:KEY OP VALUE,...]" with OP one of = != < <= > >= &; NAME is
 *	CHANNEL.TYPE ("process.exit"), a channel that has one nameless type
 *	("test"), or a tracepoint ("trace.sched.sched_switch")
 * @opts: or NULL
 * @sub: out
 *
 * Return: 0; -EINVAL @event or @opts, -ENOENT no such event, -EOPNOTSUPP not
 * available here, -EACCES or -EPERM not allowed, -ESRCH the process that a
 * filter names is gone, -ENOMEM, ... With @opts->err it says why in words.
 */
int ksig_sub_open(const char *event, const struct ksig_sub_opts *opts,
		  struct ksig_sub **sub);

/* Unsubscribe. No signal is sent once it returns. NULL is let pass. */
void ksig_sub_close(struct ksig_sub *sub);

/*
 * Return: a descriptor that poll(2) finds readable when ksig_sub_next() has
 * something to say; it stays the subscription's. Not for reading from.
 */
int ksig_sub_fd(const struct ksig_sub *sub);

/* Return: "module", "bpf" or "native". Lives as long as @sub. */
const char *ksig_sub_provider(const struct ksig_sub *sub);

/* Return: the event's name without filter. Lives as long as @sub. */
const char *ksig_sub_event(const struct ksig_sub *sub);

/* Return: 1 if the whole filter runs in the kernel, else 0. */
int ksig_sub_in_kernel(const struct ksig_sub *sub);

/**
 * ksig_sub_next() - the next event
 * @sub: the subscription
 * @timeout_ns: how long to wait; 0: not at all, negative: for ever
 * @ev: out; valid until the next call on @sub
 *
 * Events that the filter leaves out are read in batches. When the time is over
 * it returns 0 after the batch it is at, with more to read perhaps: ksig_sub_fd()
 * stays readable then, so wait for its level and not for an edge (EPOLLET).
 *
 * Return: 1 an event; 0 the time is over; -ESHUTDOWN there will be no more: the
 * channel was destroyed, or the process that the filter names (pid=N, or
 * current.pid=N) has exited, which KSIG_STATS_SUBJECT_GONE tells apart;
 * -EBUSY armed with KSIG_MODE_EACH: events leave as signals; -EINTR.
 */
int ksig_sub_next(struct ksig_sub *sub, int64_t timeout_ns,
		  const struct ksig_event **ev);

/**
 * struct ksig_arm_opts - whom to tell by signal
 * @sz: sizeof(struct ksig_arm_opts)
 * @pid: the target: a thread, or with KSIG_ARM_PROCESS a process; 0: the caller
 * @pidfd: with KSIG_ARM_PROCESS: a pidfd of @pid, or -1. @pid must still be the
 *	number of that process. Without KSIG_ARM_PROCESS not used, and -1 or 0
 * @signo: signal number
 * @mode: KSIG_MODE_EACH or KSIG_MODE_DOORBELL
 * @flags: KSIG_ARM_* bits
 * @max_pending: as in struct ksig_arm
 * @value: what a doorbell's signal carries
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
 * ksig_sub_arm() - have the events told by signal
 * @sub: the subscription
 * @opts: whom and how
 *
 * Without the module a thread of the library's relays: it lives as long as it is
 * armed, blocks all signals, and signals by pidfd_send_signal(2).
 *
 * It sends by the right that the calling process has at the time, and its
 * signals carry that process's pid and uid. If it is killed, what was not sent
 * yet goes with it.
 *
 * A filter that the kernel does not see to as a whole (ksig_sub_in_kernel())
 * makes the library relay in any case, and so do events that it has read from
 * the module already, as it does together with one that ksig_sub_next() gave.
 *
 * The relay can't tell how many of one signal wait at a target, but only whether
 * one does, and how many signals of any number wait for its user in all: while
 * one waits, @max_pending is compared with those. So what others of this user
 * leave waiting makes it wait for an empty queue.
 *
 * Return: 0; -EINVAL, also if @pidfd is not a pidfd of @pid; -EBADF @pidfd is not
 * open; -ESRCH the target is gone, -EPERM, -ENOMEM, -EAGAIN no
 * thread could be made, -EOPNOTSUPP as ksig_target_open(), where the library sends. What was armed before stays armed then; but if the
 * process of @pidfd ends within the call nothing is.
 */
int ksig_sub_arm(struct ksig_sub *sub, const struct ksig_arm_opts *opts);

/* No further signal is sent once it returns 0. Nothing armed is no error. */
int ksig_sub_disarm(struct ksig_sub *sub);

/* What became of the signal: in the flags of an event, beside those of uapi.h. */
#define KSIG_EVENT_SIGNALLED	(1U << 30)	/* it was sent */
#define KSIG_EVENT_REFUSED	(1U << 31)	/* it could not, or would kill */

/**
 * ksig_sub_kill_current() - have the kernel signal the running task, at once
 * @sub: a subscription to a tracepoint, by BPF
 * @signo: signal number, 1 to 64; 0: no further one is sent
 * @skip: at so many events from now on it isn't sent yet
 * @count: then it is sent at so many
 * @flags: KSIG_KILL_READY, or 0
 *
 * From within the tracepoint, before what it announces goes on: a signal at
 * trace.syscalls.sys_enter_write interrupts that write(2), if it waits at all.
 * It goes to the process whose thread runs, to that thread unless it blocks it.
 * The kernel counts, so neither more nor less than @count events cause one,
 * read or lost, on whatever cpu.
 *
 * A real-time signal is sent only if there is a handler, or a single thread
 * which blocks it; 1 to 31 go as asked, with KSIG_KILL_READY only if so, or
 * ignored. Neither kernel threads nor the first process of the machine get any.
 * It carries no value, and its si_code is SI_KERNEL. A real-time signal is
 * refused while one is pending. Where the tracepoint lies in a section with
 * interrupts or preemption off (since Linux 7.2 those of system calls, too), it is
 * sent once they are on, and one at a time: another is refused until then.
 *
 * What happens while another BPF program runs on the same cpu no tracepoint
 * tells of: the kernel skips it. ksig_sub_lost_upto() says how often at most.
 *
 * The kernel does not ask who may signal whom: so the caller must have CAP_KILL.
 *
 * Return: 0; -EINVAL signo or flags; -EPERM without CAP_KILL; -EOPNOTSUPP not a
 * tracepoint, not by BPF, or what the kernel does not filter as a whole
 * (ksig_sub_in_kernel()).
 */
#define KSIG_KILL_READY	(1U << 0)
int ksig_sub_kill_current(struct ksig_sub *sub, int signo, uint64_t skip,
			  uint64_t count, unsigned int flags);

/* In the flags of struct ksig_stats, beside those of uapi.h */
#define KSIG_STATS_SUBJECT_GONE	(1ULL << 32)	/* the filter's process has exited */

/*
 * Counters; the identity of struct ksig_stats holds on every provider. What
 * ksig_sub_kill_current() has had sent is in signals.
 */
int ksig_sub_stats(const struct ksig_sub *sub, struct ksig_stats *st);

/**
 * ksig_sub_lost_upto() - losses that cannot be counted exactly
 * @sub: the subscription
 * @count: out
 *
 * Some losses happen before the filter has seen the event: the kernel drops a
 * netlink message, or skips a BPF program. Each of them may have been an event
 * of this subscription. They are not part of struct ksig_stats, of @seq or
 * @lost_before, nor of a signal's si_errno. @count is an upper bound: the number
 * of such losses since the subscription was opened. It never decreases. The next
 * record has KSIG_EVENT_LOST_UPTO in its flags.
 *
 * Return: 0.
 */
int ksig_sub_lost_upto(const struct ksig_sub *sub, uint64_t *count);

/**
 * struct ksig_status - what a subscription tells `ksig status` of itself
 * @magic: KSIG_STATUS_MAGIC, without a terminator: of this structure, for ever
 * @provider: "module", "bpf" or "native"
 * @event: as it was given to ksig_sub_open(), cut off where it is too long
 * @filter: KSIG_STATUS_*: what runs it
 * @fd: "module": the channel's descriptor, whose fdinfo knows more; else -1
 * @target: whom @stats.flags, KSIG_STATS_ARMED, is about, by the number that
 *	the armer's pid namespace has for it. Only where the library relays
 * @signo: as armed
 * @mode: as armed
 * @flags: as armed
 * @seq: odd while @target to @stats change, another one once they have
 * @stats: as ksig_sub_stats(), when the library last looked. "module": zeros,
 *	unless the library relays
 * @lost_upto: as ksig_sub_lost_upto(), at the same time
 *
 * Each subscription keeps one in a memfd, which is found as
 * /proc/PID/fd/N -> "/memfd:ksig (deleted)" by whoever may look there. Believe
 * nothing in it: any process may make one.
 */
#define KSIG_STATUS_NAME	"ksig"
#define KSIG_STATUS_MAGIC	"ksigsub2"
#define KSIG_STATUS_NO_FILTER	0
#define KSIG_STATUS_KERNEL	1
#define KSIG_STATUS_LIBRARY	2	/* at least a part of it */

struct ksig_status {
	char magic[8];
	char provider[16];
	char event[256];
	__u32 filter;
	__s32 fd;
	__s32 target;
	__s32 signo;
	__u32 mode;
	__u32 flags;
	__u64 seq;
	struct ksig_stats stats;
	__u64 lost_upto;
};

/**
 * struct ksig_target_opts - whom to signal
 * @sz: sizeof(struct ksig_target_opts)
 * @pid: a thread, or with KSIG_SEND_PROCESS a process, above 0
 * @pidfd: with KSIG_SEND_PROCESS: a pidfd of @pid, or -1. Without
 *	KSIG_SEND_PROCESS not used, and -1 or 0
 * @signo: signal number, 1 to 64
 * @flags: KSIG_SEND_PROCESS or 0
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

/* struct ksig_target_opts o = KSIG_TARGET_OPTS_INIT; */
#define KSIG_TARGET_OPTS_INIT \
	{ .sz = sizeof(struct ksig_target_opts), .pidfd = -1 }

/**
 * ksig_target_open() - pin who is to be signalled, by this process itself
 * @opts: whom
 * @target: out
 *
 * Return: 0; -EINVAL, also if @pidfd is not a pidfd of @pid; -EBADF @pidfd is not
 * open; -ESRCH no such process, or that of @pidfd has exited; -EPERM may not be
 * signalled, -ENOMEM, -EOPNOTSUPP /proc is not mounted, or that of another pid namespace, or does not
 * show the target (proc(5), hidepid).
 */
int ksig_target_open(const struct ksig_target_opts *opts,
		     struct ksig_target **target);

/**
 * ksig_target_open_subject() - pin the process that an event is about
 * @sub: the subscription
 * @ev: the record that ksig_sub_next() gave last for it, not a copy
 * @opts: as for ksig_target_open(), with KSIG_SEND_PROCESS; pid 0 and pidfd -1
 * @target: out
 *
 * The number in the event can be another process's by now. Events by BPF on Linux
 * 6.9 and newer carry the inode of the process's pidfd, which is compared. Else the
 * process must have begun before the event: that is known to the microsecond with
 * CAP_NET_ADMIN in the initial pid namespace (taskstats), else in clock ticks of
 * /proc (10 ms).
 *
 * Return: as ksig_target_open(); -EINVAL also if @ev is not that record; -ESRCH also
 * if the number is another process's, or the event is about no process, or is
 * process.exit; -ESTALE it cannot be known which process has the number.
 */
int ksig_target_open_subject(const struct ksig_sub *sub,
			     const struct ksig_event *ev,
			     const struct ksig_target_opts *opts,
			     struct ksig_target **target);

/* Return: a descriptor that poll(2) finds readable once the process has ended. */
int ksig_target_fd(const struct ksig_target *target);

/*
 * Is there a handler, is the signal ignored, blocked or waited for? Unlike a
 * send this asks so of 1 to 31 too.
 * Return: 0; -ECONNREFUSED it would kill; -EACCES it may wait for it, and the
 * caller may not know (see ksig_target_send()); -ESRCH
 */
int ksig_target_ready(struct ksig_target *target);

/**
 * ksig_target_send() - signal it now, if it may be signalled and is ready
 * @target: whom
 * @error: what a receiver finds in si_errno
 * @value: what it finds in si_value; 1 to 31 come without either
 *
 * By pidfd_send_signal(2) or rt_tgsigqueueinfo(2), with si_code SI_QUEUE. Who is
 * ready is read in /proc just before: user space can't do better. A target that
 * resets its handler after that is killed by a real-time signal; it should block
 * the signal first, or not be armed any more. What a thread
 * waits for in sigwaitinfo(2) is shown to whoever may trace it only (ptrace(2),
 * PTRACE_MODE_ATTACH: kernel.yama.ptrace_scope and PR_SET_DUMPABLE restrict it):
 * without that right the answer is -EACCES, and nothing is sent. /proc does not
 * show SA_RESETHAND, nor whether a thread that waits in sigwaitinfo(2) has the
 * signal blocked otherwise, as it must: both count as ready, and ksig.ko knows
 * better. The uids must be those of when it was opened, unless the caller has
 * CAP_KILL over it. Before Linux 6.9 a thread is known by its number, which may
 * have become that of another thread of the same process.
 *
 * Return: 0 or as KSIG_IOC_SEND. -EAGAIN, too: max_pending signals wait there;
 * or it runs, and whether it is ready could not be seen (the hundredth time in
 * a row that is -ECONNREFUSED), or it can't be seen in /proc at all, as after a
 * chroot(2) (then that is -EOPNOTSUPP).
 */
int ksig_target_send(struct ksig_target *target, int error, uint64_t value);

/* NULL is let pass. */
void ksig_target_close(struct ksig_target *target);

enum ksig_field_type {
	KSIG_FIELD_UNSIGNED = 1,
	KSIG_FIELD_SIGNED,
	KSIG_FIELD_STRING,
};

/**
 * struct ksig_field - one fact about an event
 * @name: its key
 * @type: which of the next three it is in
 * @known: 0: the provider could not know it
 * @u: KSIG_FIELD_UNSIGNED
 * @s: KSIG_FIELD_SIGNED
 * @str: KSIG_FIELD_STRING, NUL-terminated; lives as long as the event
 */
struct ksig_field {
	const char *name;
	enum ksig_field_type type;
	int known;
	uint64_t u;
	int64_t s;
	const char *str;
};

/*
 * One field of an event by its key; "subject" and "value" are always there.
 * Return: 0; -ENOENT the event has no such field.
 */
int ksig_event_get(const struct ksig_sub *sub, const struct ksig_event *ev,
		   const char *key, struct ksig_field *f);

/*
 * All fields of an event in turn, from @index 0.
 * Return: 0; -ENOENT there are no more.
 */
int ksig_event_field(const struct ksig_sub *sub, const struct ksig_event *ev,
		     unsigned int index, struct ksig_field *f);

/*
 * "net.up ifname=eth0": the event in a line, without time and newline. UTF-8 is
 * copied. A text is quoted if it is empty, is "unknown", or has blanks, quotes,
 * backslashes, arrows or characters that must not be printed; these are escaped:
 * bytes that are invalid or control characters as \xNN, others (invisible ones,
 * and those that change the direction of writing) as \uNNNN or \UNNNNNNNN.
 * Return: the length, as snprintf(3).
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
 * struct ksig_catalog_entry - an event that there may be
 * @name: to be given to ksig_sub_open()
 * @description: a line for people
 * @provider: which one it is about: an event has an entry for each
 * @error: 0: works here; else the negative errno that ksig_sub_open() gives
 * @reason: why not, and the cure, in words; "" when @error is 0
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

int ksig_catalog_open(struct ksig_catalog **c);
/* Return: 1 an entry, 0 there are no more. Tracepoints are not listed. */
int ksig_catalog_next(struct ksig_catalog *c,
		      const struct ksig_catalog_entry **e);
void ksig_catalog_close(struct ksig_catalog *c);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* KSIG_LIBKSIG_H */
