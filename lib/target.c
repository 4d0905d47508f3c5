// SPDX-License-Identifier: MIT
/*
 * Targets that this process itself signals, where no kernel code does.
 *
 * The same three questions as in kernel/signal.c: does the target exist, is the caller
 * permitted to signal it, is it ready? A pidfd answers the first permanently. The kernel
 * answers the second at every send. That the uids have not changed since the target was
 * pinned, and the third, are read in /proc just before; the target may have changed by the
 * time that the signal is delivered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "readiness.h"
#include "sub.h"

/* Linux 6.9; O_EXCL and so the same everywhere */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

/* the kernel's value; SIGRTMIN is the C library's */
#define FIRST_REALTIME 32
#define CAP_KILL_BIT 5
#define FIRST_USER_NAMESPACE 0xeffffffdU	/* PROC_USER_INIT_INO */

/* Sends put off because readiness is unknown, before the target counts as not ready */
#define UNSURE_MAX 100

/**
 * struct ksig_target - a thread or process to signal
 * @pid: the thread, or process
 * @tgid: its process
 * @pidfd: of the process
 * @thread_fd: of the thread, if the kernel supports that; -1: @pid identifies it
 * @signo: the signal
 * @process: process-directed
 * @ready: standard signals, too, are sent only if it is ready: KSIG_SEND_READY
 * @max_pending: number of signals that may be pending
 * @uids: real, effective, saved, as they were when it was pinned
 * @within: its user namespace is the caller's, or below
 * @unsure: number of attempts in a row in which its readiness was unknown
 */
struct ksig_target {
	pid_t pid;
	pid_t tgid;
	int pidfd;
	int thread_fd;
	int signo;
	bool process;
	bool ready;
	unsigned int max_pending;
	unsigned int uids[3];
	bool within;
	unsigned int unsure;
};

static int target_takes(const struct ksig_target *t, const struct ksig_thread_status *st)
{
	if (ksig_in_sigset(st->caught, t->signo))
		return 1;
	/* for an ignored signal the kernel checks the first thread's mask, even a dead one's */
	if (t->process && ksig_is_dead(st) &&
	    ksig_in_sigset(st->ignored, t->signo) &&
	    !ksig_in_sigset(st->blocked, t->signo))
		return 0;
	if (t->process)
		return ksig_process_takes(t->tgid, t->signo);
	return ksig_thread_takes(t->tgid, t->pid, st, t->signo);
}

/*
 * To be polled for its exit; -1 if there is no such descriptor. When the first thread exits,
 * another one may be executing a program and will continue in its place.
 */
int ksig_target_thread_fd(const struct ksig_target *t)
{
	return t->pid == t->tgid ? -1 : t->thread_fd;
}

bool ksig_target_ended(const struct ksig_target *t)
{
	int fd = ksig_target_thread_fd(t);

	return ksig_process_ended(t->pidfd) ||
	       (fd >= 0 && ksig_process_ended(fd));
}

/* @st: of @t's number. A process whose first thread has exited lives on in the other ones. */
static bool has_exited(const struct ksig_target *t, const struct ksig_thread_status *st)
{
	return st->tgid != t->tgid || (ksig_is_dead(st) && !t->process);
}

/* Return: 0 if it exists and may be signalled; -EBUSY if it lives and /proc doesn't show it */
static int target_check(const struct ksig_target *t, struct ksig_thread_status *st)
{
	int err = ksig_thread_status(t->pid, st);
	struct ksig_thread_status self;

	if (ksig_target_ended(t))
		return -ESRCH;
	/* before 6.9 only its absence there shows that a thread has exited */
	if (err == -ESRCH && (t->process || t->thread_fd >= 0))
		return -EBUSY;
	if (err)
		return err;
	if (has_exited(t, st))
		return -ESRCH;
	if (!memcmp(st->uids, t->uids, sizeof(t->uids)))
		return 0;
	/* its uids have changed: needs CAP_KILL */
	if (!t->within || ksig_thread_status(getpid(), &self) ||
	    !ksig_in_sigset(self.effective_caps, CAP_KILL_BIT + 1))
		return -EPERM;
	return 0;
}

/* ------------------------------------------------------------------ an object */

/* A process that is not in this /proc: does it exist, hidden from the caller? */
static bool is_hidden(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);
	bool lives;

	/* no such pidfd can be opened of a thread */
	if (fd < 0)
		return errno != ESRCH && (!kill(pid, 0) || errno == EPERM);
	lives = !ksig_process_ended(fd);
	close(fd);
	return lives;
}

static int target_pin(struct ksig_target *t, int pidfd)
{
	struct ksig_thread_status st;
	struct stat own, its;
	char path[32];
	int err;

	/* in the /proc of another pid namespace the number is another process's */
	if (ksig_read_status("/proc/self/status", &st) || st.nested)
		return -EOPNOTSUPP;
	err = ksig_thread_status(t->pid, &st);
	if (err == -ESRCH || err == -EPERM || err == -EACCES)
		return is_hidden(t->pid) ? -EOPNOTSUPP : -ESRCH;
	if (err)
		return err;
	t->tgid = st.tgid;
	if (t->process)
		t->pid = t->tgid;
	t->pidfd = syscall(SYS_pidfd_open, t->tgid, 0);
	if (t->pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	/* still alive after ours was opened: both are of the same process */
	if (pidfd >= 0)
		err = ksig_pidfd_check(pidfd, t->tgid);
	if (!err && pidfd >= 0 && ksig_process_ended(pidfd))
		err = -ESRCH;
	if (err)
		return err;
	/* of the thread itself, from Linux 6.9 on */
	if (!t->process) {
		t->thread_fd = syscall(SYS_pidfd_open, t->pid, PIDFD_THREAD);
		if (t->thread_fd < 0 && errno != EINVAL)
			return errno == ENOENT ? -ESRCH : -errno;
	}
	/* again, now that the number is pinned: is it the same process? */
	err = ksig_thread_status(t->pid, &st);
	if (!err && (ksig_process_ended(t->pidfd) || has_exited(t, &st)))
		err = -ESRCH;
	memcpy(t->uids, st.uids, sizeof(t->uids));
	/*
	 * CAP_KILL applies in the caller's user namespace and those below. A process can
	 * only move to a namespace below its own, so it is enough to check this once.
	 */
	snprintf(path, sizeof(path), "/proc/%d/ns/user", t->tgid);
	t->within = !stat("/proc/self/ns/user", &own) &&
		    (own.st_ino == FIRST_USER_NAMESPACE ||
		     (!stat(path, &its) && own.st_dev == its.st_dev &&
		      own.st_ino == its.st_ino));
	if (err)
		return err;
	/* SIGCONT is permitted within a session, which signal 0 does not check */
	if (t->signo == SIGCONT && getsid(t->tgid) == getsid(0))
		return 0;
	return syscall(SYS_pidfd_send_signal, t->pidfd, 0, NULL, 0) ? -errno : 0;
}

int ksig_target_open(const struct ksig_target_opts *opts,
		     struct ksig_target **out)
{
	struct ksig_target_opts o;
	struct ksig_target *t;
	int err;

	if (!opts || !out || ksig_take_opts(&o, sizeof(o), opts, opts->sz))
		return -EINVAL;
	if (opts->sz <= offsetof(struct ksig_target_opts, pidfd))
		o.pidfd = -1;
	/* only for a process a pidfd can be given */
	if (o.pid <= 0 || o.signo < 1 || o.signo > 64 || o.pidfd < -1 ||
	    (o.pidfd > 0 && !(o.flags & KSIG_SEND_PROCESS)) ||
	    o.flags & ~(KSIG_SEND_PROCESS | KSIG_SEND_READY) ||
	    o.max_pending > KSIG_PENDING_MAX)
		return -EINVAL;
	err = o.flags & KSIG_SEND_PROCESS ? ksig_pidfd_is_open(o.pidfd) : 0;
	if (err)
		return err;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->pid = o.pid;
	t->signo = o.signo;
	/* these two act on the process, even if sent to a thread */
	t->process = o.flags & KSIG_SEND_PROCESS || o.signo == SIGKILL ||
		     o.signo == SIGSTOP;
	t->ready = o.flags & KSIG_SEND_READY;
	t->max_pending = o.signo < FIRST_REALTIME ? 1 :
			 o.max_pending ? o.max_pending : KSIG_PENDING_DEFAULT;
	t->pidfd = -1;
	t->thread_fd = -1;
	err = target_pin(t, o.flags & KSIG_SEND_PROCESS ? o.pidfd : -1);
	if (err) {
		ksig_target_close(t);
		return err;
	}
	*out = t;
	return 0;
}

int ksig_target_open_subject(const struct ksig_sub *sub,
			     const struct ksig_event *ev,
			     const struct ksig_target_opts *opts,
			     struct ksig_target **out)
{
	const struct ksig_stream *stream;
	struct ksig_target_opts o;
	struct ksig_target *t;
	struct stat st;
	uint64_t ino;
	int err;

	if (!sub || !ev || !opts || !out ||
	    ksig_take_opts(&o, sizeof(o), opts, opts->sz) || o.pid ||
	    o.pidfd != -1 || !(o.flags & KSIG_SEND_PROCESS))
		return -EINVAL;
	/* a copy lacks the inode behind the record */
	if (ev != sub->record)
		return -EINVAL;
	stream = ksig_sub_stream(sub, ev);
	if (!stream)
		return -EINVAL;
	/* it has exited, and native knows only when that was noticed */
	if (!strcmp(stream->desc->name, "process.exit"))
		return -ESRCH;
	if (!stream->desc->pids || ev->flags & KSIG_EVENT_NO_SUBJECT ||
	    !ev->subject || ev->subject > INT_MAX)
		return -ESRCH;
	o.sz = sizeof(o);
	o.pid = ev->subject;
	err = ksig_target_open(&o, &t);
	if (err)
		return err;
	/* is it the process that the number meant at the time of the event? */
	ino = *ksig_record_ino(stream, ev);
	if (ino && ksig_pidfd_in_pidfs(t->pidfd)) {
		err = fstat(t->pidfd, &st) ? -errno : st.st_ino == ino ? 0 : -ESRCH;
	} else {
		err = ksig_started_before(t->pid, ev->time_ns);
		/* if it still lives, the number was its own all the time */
		if (!err || ksig_process_ended(t->pidfd))
			err = -ESRCH;
	}
	if (err < 0) {
		ksig_target_close(t);
		return err;
	}
	*out = t;
	return 0;
}

void ksig_target_close(struct ksig_target *t)
{
	if (!t)
		return;
	if (t->pidfd >= 0)
		close(t->pidfd);
	if (t->thread_fd >= 0)
		close(t->thread_fd);
	free(t);
}

int ksig_target_fd(const struct ksig_target *t)
{
	return t->pidfd;
}

/* -------------------------------------------------------------------- sending */

int ksig_target_ready(struct ksig_target *t)
{
	struct ksig_thread_status st;
	int err = target_check(t, &st);

	if (err)
		return err == -EBUSY ? -EOPNOTSUPP : err;
	if (ksig_in_sigset(st.ignored, t->signo))
		return 0;
	err = target_takes(t, &st);
	return err == 1 ? 0 : err == -EACCES ? err : -ECONNREFUSED;
}

/*
 * Readiness that is unknown may be known at the next attempt (-EAGAIN), but not permanently:
 * then it counts as @final.
 */
static int target_unsure(struct ksig_target *t, int err, int final)
{
	if (err == -EBUSY && t->unsure < UNSURE_MAX) {
		t->unsure++;
		return -EAGAIN;
	}
	t->unsure = 0;
	return err == -EBUSY ? final : err;
}

bool ksig_target_unsure(const struct ksig_target *t)
{
	return t->unsure;
}

int ksig_target_send(struct ksig_target *t, int error, uint64_t value)
{
	siginfo_t info = {
		.si_signo = t->signo,
		.si_errno = error,
		.si_code = SI_QUEUE,
	};
	bool realtime = t->signo >= FIRST_REALTIME;
	struct ksig_thread_status st;
	int fd, err = target_check(t, &st);
	uint64_t pending;

	if (err)
		return target_unsure(t, err, -EOPNOTSUPP);
	/* unlike a real-time signal, an ignored standard signal has no effect at all */
	err = 1;
	if (realtime || (t->ready && !ksig_in_sigset(st.ignored, t->signo)))
		err = target_takes(t, &st);
	if (err >= 0)
		err = err ? 0 : -ECONNREFUSED;
	err = target_unsure(t, err, -ECONNREFUSED);
	if (err)
		return err;
	/*
	 * /proc shows for each signal whether it is pending, and how many signals of any number
	 * the user has pending: if it is, all of these may be this one.
	 */
	pending = t->process ? st.shared_pending : st.thread_pending;
	if (ksig_in_sigset(pending, t->signo) &&
	    (t->max_pending == 1 || st.queued >= t->max_pending))
		return -EAGAIN;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)(uintptr_t)value;
	fd = t->process ? t->pidfd : t->thread_fd;
	/*
	 * Before 6.9 a thread has a number only. Once the thread has exited, the number can
	 * become another thread's, but only of this process, since @tgid must fit.
	 */
	if (fd >= 0)
		err = syscall(SYS_pidfd_send_signal, fd, t->signo,
			      realtime ? &info : NULL, 0);
	else if (realtime)
		err = syscall(SYS_rt_tgsigqueueinfo, t->tgid, t->pid, t->signo, &info);
	else
		err = syscall(SYS_tgkill, t->tgid, t->pid, t->signo);
	return err ? -errno : 0;
}

int ksig_target_deliver(struct ksig_target *t, uint64_t *lost, uint64_t value)
{
	int err = ksig_target_send(t, *lost < INT_MAX ? (int)*lost : INT_MAX,
				   value);

	if (!err)
		*lost = 0;
	return err;
}
