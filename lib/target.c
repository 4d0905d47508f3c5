// SPDX-License-Identifier: MIT
/*
 * Who is signalled by this process itself, where no kernel code does it.
 *
 * The same three questions as in kernel/signal.c: is the target there, may it
 * be signalled, is it ready. A pidfd answers the first for good. The kernel
 * answers the second at every send; that the uids are still those of when it
 * was pinned, and the third, are read in /proc just before, and the target may
 * have changed by the time that the signal comes.
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

/* the kernel's; SIGRTMIN is the C library's */
#define FIRST_REALTIME 32
#define CAP_KILL_BIT 5
#define FIRST_USER_NAMESPACE 0xeffffffdU	/* PROC_USER_INIT_INO */

/* Sends put off because readiness is unknown, before the target counts as not ready */
#define UNSURE_MAX 100

/**
 * struct ksig_target - who is signalled
 * @pid: the thread, or process
 * @tgid: its process
 * @pidfd: of the process
 * @thread_fd: of the thread, where the kernel has such; -1: it is @tid's number
 * @signo: with what
 * @process: process-directed
 * @ready: standard signals are sent only if it is ready, too: KSIG_SEND_READY
 * @max_pending: so many signals may wait
 * @uids: real, effective, saved, as they were when it was pinned
 * @within: its user namespace is the caller's, or below
 * @unsure: how often in a row it could not be told whether it is ready
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

static int takes(const struct ksig_target *t, const struct ksig_thread_status *st)
{
	if (ksig_in_sigset(st->caught, t->signo))
		return 1;
	/* of what is ignored the kernel asks the first thread's mask, dead or not */
	if (t->process && ksig_is_dead(st) &&
	    ksig_in_sigset(st->ignored, t->signo) &&
	    !ksig_in_sigset(st->blocked, t->signo))
		return 0;
	if (t->process)
		return ksig_process_takes(t->tgid, t->signo);
	return ksig_thread_takes(t->tgid, t->pid, st, t->signo);
}

/*
 * /proc tells of each number whether one waits, and how many signals of any
 * number the user has waiting: where one waits, so many may be all of it.
 */
static bool has_max_pending(const struct ksig_target *t,
			    const struct ksig_thread_status *st)
{
	uint64_t pending = t->process ? st->shared_pending :
					st->thread_pending;

	if (!ksig_in_sigset(pending, t->signo))
		return false;
	return t->max_pending == 1 || st->queued >= t->max_pending;
}

/*
 * CAP_KILL counts in the user namespace where it is had, and those within. Where
 * a process is it stays, or goes within: so this is asked when it is pinned.
 */
static bool is_within(pid_t pid)
{
	struct stat ours, its;
	char path[32];

	if (stat("/proc/self/ns/user", &ours))
		return false;
	if (ours.st_ino == FIRST_USER_NAMESPACE)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	return !stat(path, &its) && ours.st_dev == its.st_dev &&
	       ours.st_ino == its.st_ino;
}

static bool may_kill_all(const struct ksig_target *t)
{
	struct ksig_thread_status self;

	return t->within && !ksig_thread_status(getpid(), &self) &&
	       ksig_in_sigset(self.effective_caps, CAP_KILL_BIT + 1);
}

/*
 * To be polled for its end; -1: nothing tells of that. The first thread's end may
 * be another one's exec, which goes on in its place.
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

/* -EBUSY: it lives, and /proc says nothing of it */
static int check(const struct ksig_target *t, struct ksig_thread_status *st)
{
	int err = ksig_thread_status(t->pid, st);

	if (ksig_target_ended(t))
		return -ESRCH;
	/* before 6.9 a thread's absence there is all that tells of its end */
	if (err == -ESRCH && (t->process || t->thread_fd >= 0))
		return -EBUSY;
	if (err)
		return err;
	/* a dead leader has threads that live: a process it is still */
	if (st->tgid != t->tgid || (ksig_is_dead(st) && !t->process))
		return -ESRCH;
	if (memcmp(st->uids, t->uids, sizeof(t->uids)) && !may_kill_all(t))
		return -EPERM;
	return 0;
}

/* ------------------------------------------------------------------ an object */

static int check_opts(const struct ksig_target_opts *o)
{
	if (o->pid <= 0 || o->signo < 1 || o->signo > 64 ||
	    o->flags & ~(KSIG_SEND_PROCESS | KSIG_SEND_READY) || o->max_pending > KSIG_PENDING_MAX)
		return -EINVAL;
	if (o->flags & KSIG_SEND_PROCESS)
		return o->pidfd < -1 ? -EINVAL : 0;
	return o->pidfd < -1 || o->pidfd > 0 ? -EINVAL : 0;
}

/* Of the thread itself from Linux 6.9 on. */
static int open_thread(struct ksig_target *t)
{
	t->thread_fd = syscall(SYS_pidfd_open, t->pid, PIDFD_THREAD);
	if (t->thread_fd >= 0 || errno == EINVAL)
		return 0;
	return errno == ENOENT ? -ESRCH : -errno;
}

/* In another pid namespace's /proc a number is somebody else's. */
static bool proc_is_ours(void)
{
	struct ksig_thread_status self;

	return !ksig_read_status("/proc/self/status", &self) && !self.nested;
}

/* SIGCONT may be sent within a session, which 0 can't ask for. */
static bool within_session(const struct ksig_target *t)
{
	return t->signo == SIGCONT && getsid(t->tgid) == getsid(0);
}

/* It is not in /proc: because it is nowhere? */
static bool is_hidden(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);
	bool lives;

	/* of a thread there is no such pidfd */
	if (fd < 0)
		return errno != ESRCH && (!kill(pid, 0) || errno == EPERM);
	lives = !ksig_process_ended(fd);
	close(fd);
	return lives;
}

static int pin(struct ksig_target *t, int pidfd)
{
	struct ksig_thread_status st;
	int err;

	if (!proc_is_ours())
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
	/* alive after the other one was opened: so that is of the same process */
	if (pidfd >= 0)
		err = ksig_pidfd_check(pidfd, t->tgid);
	if (!err && pidfd >= 0 && ksig_process_ended(pidfd))
		err = -ESRCH;
	if (err)
		return err;
	if (!t->process)
		err = open_thread(t);
	if (err)
		return err;
	/* again, now that the number is pinned: whose is it? */
	err = ksig_thread_status(t->pid, &st);
	if (!err && (ksig_process_ended(t->pidfd) || st.tgid != t->tgid ||
		     (ksig_is_dead(&st) && !t->process)))
		err = -ESRCH;
	memcpy(t->uids, st.uids, sizeof(t->uids));
	t->within = is_within(t->tgid);
	if (!err && !within_session(t) &&
	    syscall(SYS_pidfd_send_signal, t->pidfd, 0, NULL, 0))
		err = -errno;
	return err;
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
	err = check_opts(&o);
	if (!err && o.flags & KSIG_SEND_PROCESS)
		err = ksig_pidfd_is_open(o.pidfd);
	if (err)
		return err;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->pid = o.pid;
	t->signo = o.signo;
	/* they concern the process, whomever they are sent to */
	t->process = o.flags & KSIG_SEND_PROCESS || o.signo == SIGKILL ||
		     o.signo == SIGSTOP;
	t->ready = o.flags & KSIG_SEND_READY;
	t->max_pending = o.signo < FIRST_REALTIME ? 1 :
			 o.max_pending ? o.max_pending : KSIG_PENDING_DEFAULT;
	t->pidfd = -1;
	t->thread_fd = -1;
	err = pin(t, o.flags & KSIG_SEND_PROCESS ? o.pidfd : -1);
	if (err) {
		ksig_target_close(t);
		return err;
	}
	*out = t;
	return 0;
}

static int check_subject(const struct ksig_target *t, uint64_t ino,
			 uint64_t time_ns)
{
	struct stat st;
	int ret;

	if (ino && ksig_pidfd_in_pidfs(t->pidfd))
		return fstat(t->pidfd, &st) ? -errno :
		       st.st_ino == ino ? 0 : -ESRCH;
	ret = ksig_started_before(t->pid, time_ns);
	/* the number was its while that was read */
	if (ksig_process_ended(t->pidfd))
		return -ESRCH;
	return ret < 0 ? ret : ret ? 0 : -ESRCH;
}

int ksig_target_open_subject(const struct ksig_sub *sub,
			     const struct ksig_event *ev,
			     const struct ksig_target_opts *opts,
			     struct ksig_target **out)
{
	const struct ksig_stream *stream;
	struct ksig_target_opts o;
	struct ksig_target *t;
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
	/* it has ended, and native knows no better than when that was seen */
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
	err = check_subject(t, *ksig_record_ino(stream, ev), ev->time_ns);
	if (err) {
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
	int err = check(t, &st);

	if (err)
		return err == -EBUSY ? -EOPNOTSUPP : err;
	if (ksig_in_sigset(st.ignored, t->signo))
		return 0;
	err = takes(t, &st);
	return err == 1 ? 0 : err == -EACCES ? err : -ECONNREFUSED;
}

static int send_now(const struct ksig_target *t, siginfo_t *info)
{
	if (t->process)
		return syscall(SYS_pidfd_send_signal, t->pidfd, t->signo, info,
			       0);
	if (t->thread_fd >= 0)
		return syscall(SYS_pidfd_send_signal, t->thread_fd, t->signo,
			       info, 0);
	/*
	 * Before 6.9 a thread has a number only. It can become another's once
	 * the thread has ended, within this process, for @tgid must fit.
	 */
	if (info)
		return syscall(SYS_rt_tgsigqueueinfo, t->tgid, t->pid,
			       t->signo, info);
	return syscall(SYS_tgkill, t->tgid, t->pid, t->signo);
}

static int send(const struct ksig_target *t, int error, uint64_t value)
{
	siginfo_t info = {
		.si_signo = t->signo,
		.si_errno = error,
		.si_code = SI_QUEUE,
	};

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)(uintptr_t)value;
	if (send_now(t, t->signo < FIRST_REALTIME ? NULL : &info))
		return -errno;
	return 0;
}

static int check_takes(struct ksig_target *t, const struct ksig_thread_status *st)
{
	int ret = 1;

	if (t->signo >= FIRST_REALTIME)
		ret = takes(t, st);
	/* unlike a real-time signal, one that is ignored leaves nothing behind */
	else if (t->ready && !ksig_in_sigset(st->ignored, t->signo))
		ret = takes(t, st);
	if (ret < 0)
		return ret;
	return ret == 1 ? 0 : -ECONNREFUSED;
}

/* Of one that can't be told, later may tell more; but not for ever. */
static int unless_unsure(struct ksig_target *t, int err, int then)
{
	if (err == -EBUSY && t->unsure < UNSURE_MAX) {
		t->unsure++;
		return -EAGAIN;
	}
	t->unsure = 0;
	return err == -EBUSY ? then : err;
}

bool ksig_target_unsure(const struct ksig_target *t)
{
	return t->unsure;
}

int ksig_target_send(struct ksig_target *t, int error, uint64_t value)
{
	struct ksig_thread_status st;
	int err = check(t, &st);

	if (err)
		return unless_unsure(t, err, -EOPNOTSUPP);
	err = unless_unsure(t, check_takes(t, &st), -ECONNREFUSED);
	if (err)
		return err;
	if (has_max_pending(t, &st))
		return -EAGAIN;
	return send(t, error, value);
}

int ksig_target_deliver(struct ksig_target *t, uint64_t *lost, uint64_t value)
{
	int err = ksig_target_send(t, *lost < INT_MAX ? (int)*lost : INT_MAX,
				   value);

	if (!err)
		*lost = 0;
	return err;
}
