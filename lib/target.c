// SPDX-License-Identifier: MIT
/*
 * Sends signals from this process if no kernel code does so.
 *
 * As in kernel/signal.c, three conditions are checked: the target exists, the caller is permitted
 * to signal the target, and the target is ready for the signal. The pidfd ensures that the target
 * is still the same process. The kernel checks the permission whenever a signal is sent. Just
 * before that, /proc is read to check that the target's uids have not changed since the target was
 * opened, and that the target is ready. The target's state may still change before the signal is
 * delivered.
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

/* added in Linux 6.9; the value is O_EXCL on all architectures */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

/* the kernel's first real-time signal; the C library's SIGRTMIN is higher */
#define FIRST_REALTIME 32
#define CAP_KILL_BIT 5
#define FIRST_USER_NAMESPACE 0xeffffffdU	/* PROC_USER_INIT_INO */

/*
 * Maximum number of consecutive attempts with unknown readiness, after which the target counts as
 * not ready
 */
#define UNSURE_MAX 100

/**
 * struct ksig_target - a thread or process to signal
 * @pid: the thread, or the process if @process is set
 * @tgid: the thread group that @pid belongs to
 * @pidfd: pidfd of the process
 * @thread_fd: pidfd of the thread; -1 for a process, or if the kernel does not support pidfds of
 *	single threads and @pid has to identify the thread
 * @signo: the signal
 * @process: the signal is process-directed
 * @ready: KSIG_SEND_READY: check the target's readiness even for a standard signal; for a real-time
 *	signal it is always checked
 * @max_pending: maximum number of pending signals
 * @uids: real, effective and saved uid at the time the target was opened
 * @within: the target's user namespace is the caller's user namespace or a descendant of it
 * @unsure: number of consecutive attempts that failed because the readiness was unknown
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
	/*
	 * For an ignored signal, the kernel checks the signal mask of the thread group leader, even
	 * if the leader has exited.
	 */
	if (t->process && ksig_is_dead(st) &&
	    ksig_in_sigset(st->ignored, t->signo) &&
	    !ksig_in_sigset(st->blocked, t->signo))
		return 0;
	if (t->process)
		return ksig_process_takes(t->tgid, t->signo);
	return ksig_thread_takes(t->tgid, t->pid, st, t->signo);
}

/*
 * Returns a pidfd that can be polled for the exit of the target thread, or -1 if there is none.
 * There is none for a group leader: if another thread calls execve(2), the leader exits and that
 * thread takes over the leader's pid.
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

/*
 * @st: status of the thread @t->pid. A process whose group leader has exited stays alive as long as
 * it has other threads.
 */
static bool has_exited(const struct ksig_target *t, const struct ksig_thread_status *st)
{
	return st->tgid != t->tgid || (ksig_is_dead(st) && !t->process);
}

/*
 * Return: 0 if the target exists and may be signalled; -EBUSY if it is alive but not visible in
 * /proc; -ESRCH; -EPERM.
 */
static int target_check(const struct ksig_target *t, struct ksig_thread_status *st)
{
	int err = ksig_thread_status(t->pid, st);
	struct ksig_thread_status self;

	if (ksig_target_ended(t))
		return -ESRCH;
	/* before Linux 6.9, the exit of a thread is visible only by its absence from /proc */
	if (err == -ESRCH && (t->process || t->thread_fd >= 0))
		return -EBUSY;
	if (err)
		return err;
	if (has_exited(t, st))
		return -ESRCH;
	if (!memcmp(st->uids, t->uids, sizeof(t->uids)))
		return 0;
	/* the target's uids have changed, so CAP_KILL is required */
	if (!t->within || ksig_thread_status(getpid(), &self) ||
	    !ksig_in_sigset(self.effective_caps, CAP_KILL_BIT + 1))
		return -EPERM;
	return 0;
}

/* -------------------------------------------------- opening and closing targets */

/* Return: whether @pid exists although this /proc does not show it. */
static bool is_hidden(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);
	bool lives;

	/* pidfd_open(2) without PIDFD_THREAD fails for a thread that is not a group leader */
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

	/* the /proc of another pid namespace would show a different process under this pid */
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
	/*
	 * If the process of the caller's pidfd is still alive now that our pidfd is open, both
	 * pidfds refer to the same process.
	 */
	if (pidfd >= 0)
		err = ksig_pidfd_check(pidfd, t->tgid);
	if (!err && pidfd >= 0 && ksig_process_ended(pidfd))
		err = -ESRCH;
	if (err)
		return err;
	/* Linux 6.9 and later support pidfds that refer to a single thread */
	if (!t->process) {
		t->thread_fd = syscall(SYS_pidfd_open, t->pid, PIDFD_THREAD);
		if (t->thread_fd < 0 && errno != EINVAL)
			return errno == ENOENT ? -ESRCH : -errno;
	}
	/* now that the pidfd pins a process, check again that it is the target */
	err = ksig_thread_status(t->pid, &st);
	if (!err && (ksig_process_ended(t->pidfd) || has_exited(t, &st)))
		err = -ESRCH;
	memcpy(t->uids, st.uids, sizeof(t->uids));
	/*
	 * CAP_KILL applies in the caller's user namespace and its descendants. A process can move
	 * only to a descendant of its current user namespace, so a single check is sufficient.
	 */
	snprintf(path, sizeof(path), "/proc/%d/ns/user", t->tgid);
	t->within = !stat("/proc/self/ns/user", &own) &&
		    (own.st_ino == FIRST_USER_NAMESPACE ||
		     (!stat(path, &its) && own.st_dev == its.st_dev &&
		      own.st_ino == its.st_ino));
	if (err)
		return err;
	/* SIGCONT is always permitted within a session, but the check with signal 0 may fail */
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
	/* a pidfd is accepted only for a process-directed signal */
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
	/* these two signals act on the whole process, even if they are sent to a thread */
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
	/* a copy of the event lacks the inode number stored after the record */
	if (ev != sub->record)
		return -EINVAL;
	stream = ksig_sub_stream(sub, ev);
	if (!stream)
		return -EINVAL;
	/*
	 * The subject of these events has already exited. The native provider knows only when it
	 * noticed the exit, so the timestamp of the event cannot identify the process.
	 */
	if (!strcmp(stream->desc->name, "process.exit") ||
	    !strcmp(stream->desc->name, "process.crash"))
		return -ESRCH;
	if (!stream->desc->pids || ev->flags & KSIG_EVENT_NO_SUBJECT ||
	    !ev->subject || ev->subject > INT_MAX)
		return -ESRCH;
	o.sz = sizeof(o);
	o.pid = ev->subject;
	err = ksig_target_open(&o, &t);
	if (err)
		return err;
	/*
	 * check that the pid still belongs to the process that it identified when the event
	 * occurred
	 */
	ino = *ksig_record_ino(stream, ev);
	if (ino && ksig_pidfd_in_pidfs(t->pidfd)) {
		err = fstat(t->pidfd, &st) ? -errno : st.st_ino == ino ? 0 : -ESRCH;
	} else {
		err = ksig_started_before(t->pid, ev->time_ns);
		/* if the pidfd's process is still alive, the start time is that process's own */
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
 * Unknown readiness is reported as -EAGAIN, because the next attempt may succeed. After UNSURE_MAX
 * consecutive attempts, the result is @final.
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
	/*
	 * a standard signal that the target ignores is harmless; real-time signals are always
	 * checked
	 */
	err = 1;
	if (realtime || (t->ready && !ksig_in_sigset(st.ignored, t->signo)))
		err = target_takes(t, &st);
	if (err >= 0)
		err = err ? 0 : -ECONNREFUSED;
	err = target_unsure(t, err, -ECONNREFUSED);
	if (err)
		return err;
	/*
	 * /proc shows which signals are pending, but not how many instances of each. It shows only
	 * the total number of signals queued for the target's user. If this signal is pending,
	 * assume that all of these are instances of it.
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
	 * Before Linux 6.9, a thread can be identified only by its ID, which may be reused once the
	 * thread has exited. The system call also checks @tgid, so the signal cannot reach another
	 * process.
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
