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
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib.h"

/* Linux 6.9; O_EXCL and so the same everywhere */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

/* the kernel's; SIGRTMIN is the C library's */
#define FIRST_REALTIME 32
#define CAP_KILL_BIT 5
#define FIRST_USER_NAMESPACE 0xeffffffdU	/* PROC_USER_INIT_INO */

#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446
#endif

/* So often is looked at a thread that changes under the eyes. */
#define LOOKS 16
/* And so often is such a send put off, before it counts as not ready. */
#define UNSURE_MAX 100

/**
 * struct ksig_target - who is signalled
 * @pid: the thread, or process
 * @tgid: its process
 * @pidfd: of the process
 * @thread_fd: of the thread, where the kernel has such; -1: it is @tid's number
 * @signo: with what
 * @process: process-directed
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
	unsigned int max_pending;
	unsigned int uids[3];
	bool within;
	unsigned int unsure;
};

/* What /proc/PID/status says; sigsets: bit n - 1 is signal n. */
struct status {
	pid_t tgid;
	char state;
	unsigned int uids[3];
	uint64_t thread_pending;
	uint64_t shared_pending;
	uint64_t blocked;
	uint64_t ignored;
	uint64_t caught;
	uint64_t effective_caps;
	unsigned int queued;	/* of the target's user, all of its processes */
	unsigned long long sleeps;	/* how often it went to sleep */
	bool nested;	/* its own pid namespace is not this /proc's */
};

static void take_line(struct status *st, const char *line)
{
	const char *value = strchr(line, ':');
	int second;

	if (!value)
		return;
	value++;
	if (!strncmp(line, "State:", 6))
		sscanf(value, " %c", &st->state);
	else if (!strncmp(line, "Tgid:", 5))
		sscanf(value, "%d", &st->tgid);
	else if (!strncmp(line, "NSpid:", 6))
		st->nested = sscanf(value, "%*d %d", &second) == 1;
	else if (!strncmp(line, "Uid:", 4))
		sscanf(value, "%u %u %u", &st->uids[0], &st->uids[1],
		       &st->uids[2]);
	else if (!strncmp(line, "SigQ:", 5))
		sscanf(value, "%u", &st->queued);
	else if (!strncmp(line, "SigPnd:", 7))
		sscanf(value, "%" SCNx64, &st->thread_pending);
	else if (!strncmp(line, "ShdPnd:", 7))
		sscanf(value, "%" SCNx64, &st->shared_pending);
	else if (!strncmp(line, "SigBlk:", 7))
		sscanf(value, "%" SCNx64, &st->blocked);
	else if (!strncmp(line, "SigIgn:", 7))
		sscanf(value, "%" SCNx64, &st->ignored);
	else if (!strncmp(line, "SigCgt:", 7))
		sscanf(value, "%" SCNx64, &st->caught);
	else if (!strncmp(line, "CapEff:", 7))
		sscanf(value, "%" SCNx64, &st->effective_caps);
	else if (!strncmp(line, "voluntary_ctxt_switches:", 24))
		sscanf(value, "%llu", &st->sleeps);
}

/* What is missing here says nothing of the target: it is to be tried again. */
static int file_error(void)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return -EAGAIN;
	case ENOENT:
		return -ESRCH;
	}
	return -errno;
}

static int read_status(const char *path, struct status *st)
{
	FILE *f = fopen(path, "re");
	char line[512];

	memset(st, 0, sizeof(*st));
	if (!f)
		return file_error();
	while (fgets(line, sizeof(line), f))
		take_line(st, line);
	fclose(f);
	/* half a file is what one gets of a process that is going */
	return st->tgid ? 0 : -ESRCH;
}

static int thread_status(pid_t pid, struct status *st)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return read_status(path, st);
}

static bool dead(const struct status *st)
{
	return st->state == 'Z' || st->state == 'X';
}

/* ------------------------------------------------------------------- pidfds */

bool ksig_process_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static int why_no_pidfd(pid_t pid, unsigned int column, struct ksig_error *e)
{
	struct status st;

	/* EINVAL, and ENOENT since 6.15: the number is another thread's */
	if (errno != ESRCH && !thread_status(pid, &st) && st.tgid != pid)
		return ksig_fail(e, column, EINVAL,
				 "%d is a thread of process %d: give %d", pid,
				 st.tgid, st.tgid);
	if (errno == ESRCH || errno == EINVAL || errno == ENOENT)
		return ksig_fail(e, column, ESRCH, "there is no process %d",
				 pid);
	return ksig_fail(e, column, errno, "no pidfd of process %d: %s", pid,
			 strerror(errno));
}

int ksig_process_open(uint64_t pid, unsigned int column, struct ksig_error *e)
{
	int fd;

	if (!pid || pid > INT_MAX)
		return ksig_fail(e, column, ESRCH,
				 "there is no process %" PRIu64, pid);
	fd = syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fd < 0)
		return why_no_pidfd(pid, column, e);
	if (ksig_process_ended(fd)) {
		close(fd);
		return ksig_fail(e, column, ESRCH,
				 "process %d has ended, and waits for its parent to take note (a zombie)",
				 (pid_t)pid);
	}
	return fd;
}

/* From Linux 6.9 on each process has an inode, which no other one ever gets. */
static bool in_pidfs(int pidfd)
{
	struct statfs fs;

	return !fstatfs(pidfd, &fs) && fs.f_type == PID_FS_MAGIC;
}

static int same_inode(int pidfd, pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);
	struct stat a, b;
	bool same;

	if (fd < 0)
		return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
	same = !fstat(pidfd, &a) && !fstat(fd, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
	close(fd);
	return same ? 0 : -EINVAL;
}

/* Before that /proc shows its number; -1: the process has exited. */
static int same_number(int pidfd, pid_t pid)
{
	char path[48], line[128];
	int number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Pid: %d", &number) == 1)
			break;
	}
	fclose(f);
	return number < 0 ? -ESRCH : number == pid ? 0 : -EINVAL;
}

int ksig_pidfd_is_open(int pidfd)
{
	return pidfd >= 0 && fcntl(pidfd, F_GETFD) < 0 ? -errno : 0;
}

int ksig_pidfd_check(int pidfd, pid_t pid)
{
	bool inodes = in_pidfs(pidfd);
	int err;

	if (fcntl(pidfd, F_GETFD) < 0)
		return -errno;
	err = inodes ? same_inode(pidfd, pid) : same_number(pidfd, pid);
	/* its number can be another process's, or nobody's, only then */
	if (inodes && ksig_process_ended(pidfd))
		err = -ESRCH;
	return err;
}

/* ------------------------------------------------------------------ readiness */

static bool has(uint64_t set, int signo)
{
	return set >> (signo - 1) & 1;
}

/* rt_sigtimedwait(2), and what 32-bit programs call on amd64 and arm64 */
static bool is_sigtimedwait(long number)
{
	return number == SYS_rt_sigtimedwait || number == 177 || number == 421;
}

/*
 * Who may not trace a thread may see in which function of the kernel it sleeps,
 * if it may see anything: "0" is no answer.
 *
 * Return: 0 it does not wait for signals; -EACCES it does, for which ones can't
 * be told, or not even that; -EAGAIN.
 */
static int may_not_look(pid_t tgid, pid_t tid)
{
	char path[64], where[32] = "0";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/wchan", tgid, tid);
	f = fopen(path, "re");
	if (!f)
		return file_error() == -ESRCH ? 0 : file_error();
	if (!fgets(where, sizeof(where), f))
		*where = '\0';
	fclose(f);
	return !strcmp(where, "0") || !strncmp(where, "do_sigtimedwait", 15) ?
	       -EACCES : 0;
}

/* 1; 0 it can't be read; -EAGAIN */
static int read_set(pid_t tgid, pid_t tid, unsigned long long at,
		    uint64_t *set)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", tgid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return file_error() == -EAGAIN ? -EAGAIN : 0;
	len = pread64(fd, set, sizeof(*set), at);
	close(fd);
	return len == sizeof(*set);
}

/*
 * A thread that sleeps in rt_sigtimedwait(2) has the signals that it waits for
 * taken out of the set that /proc calls blocked. Who may trace it finds the
 * call's arguments there, too: NUMBER 0xSET ...
 *
 * Return: 1 it does, 0 it doesn't; -EACCES the caller may not know; -EAGAIN.
 */
static int waits_for(pid_t tgid, pid_t tid, int signo)
{
	unsigned long long at;
	char path[64];
	uint64_t set;
	long number;
	bool denied;
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", tgid, tid);
	f = fopen(path, "re");
	/* a kernel without CONFIG_HAVE_ARCH_TRACEHOOK has no such file */
	if (!f && errno != EACCES && errno != EPERM)
		return file_error() == -EAGAIN ? -EAGAIN : 0;
	if (!f)
		return may_not_look(tgid, tid);
	n = fscanf(f, "%ld 0x%llx", &number, &at);
	/* the file is its user's to open, and asks who may trace when it is read */
	denied = ferror(f) && (errno == EPERM || errno == EACCES);
	fclose(f);
	if (denied)
		return may_not_look(tgid, tid);
	if (n != 2 || !is_sigtimedwait(number))
		return 0;
	n = read_set(tgid, tid, at, &set);
	return n > 0 ? has(set, signo) : n;
}

/* Did it sleep in one and the same place all the time? */
static bool slept_through(const struct status *before,
			  const struct status *after)
{
	return before->state != 'R' && after->state != 'R' &&
	       before->sleeps == after->sleeps;
}

/*
 * Two files can't be read at once: a thread that wakes up in between blocks the
 * signal again when it is too late to see. That it isn't ready is certain only
 * of one that slept meanwhile; one that runs is looked at some more times.
 *
 * Return: 1 it takes the signal; 0 it does not; -EBUSY it runs, and that can't be
 * told; -EACCES the caller may not know; -EAGAIN it can't be looked at now.
 */
static int thread_takes(pid_t tgid, pid_t tid, const struct status *st,
			 int signo)
{
	struct status before = *st, after;
	char path[64];
	int tries = LOOKS, ret;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", tgid, tid);
	while (tries--) {
		ret = has(before.blocked, signo) ? 1 :
						   waits_for(tgid, tid, signo);
		if (ret)
			return ret;
		ret = read_status(path, &after);
		if (ret)
			return ret == -EAGAIN ? ret : 0;
		if (!has(after.blocked, signo) && slept_through(&before, &after))
			return 0;
		before = after;
		sched_yield();
	}
	return -EBUSY;
}

/* Without a handler a process takes it if each of its threads blocks it. */
static int all_take(pid_t tgid, int signo)
{
	struct dirent *entry;
	int takes = 1, err;
	struct status st;
	char path[512];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	dir = opendir(path);
	if (!dir)
		return file_error() == -EAGAIN ? -EAGAIN : 0;
	while (takes == 1 && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", tgid,
			 entry->d_name);
		err = read_status(path, &st);
		if (err == -EAGAIN)
			takes = err;
		else if (!err && !dead(&st))
			takes = thread_takes(tgid, atoi(entry->d_name), &st,
					     signo);
	}
	closedir(dir);
	return takes;
}

static int takes(const struct ksig_target *t, const struct status *st)
{
	if (has(st->caught, t->signo))
		return 1;
	/* of what is ignored the kernel asks the first thread's mask, dead or not */
	if (t->process && dead(st) && has(st->ignored, t->signo) &&
	    !has(st->blocked, t->signo))
		return 0;
	if (t->process)
		return all_take(t->tgid, t->signo);
	return thread_takes(t->tgid, t->pid, st, t->signo);
}

/*
 * /proc tells of each number whether one waits, and how many signals of any
 * number the user has waiting: where one waits, so many may be all of it.
 */
static bool has_max_pending(const struct ksig_target *t,
			    const struct status *st)
{
	uint64_t pending = t->process ? st->shared_pending :
					st->thread_pending;

	if (!has(pending, t->signo))
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
	struct status self;

	return t->within && !thread_status(getpid(), &self) &&
	       has(self.effective_caps, CAP_KILL_BIT + 1);
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
static int check(const struct ksig_target *t, struct status *st)
{
	int err = thread_status(t->pid, st);

	if (ksig_target_ended(t))
		return -ESRCH;
	/* before 6.9 a thread's absence there is all that tells of its end */
	if (err == -ESRCH && (t->process || t->thread_fd >= 0))
		return -EBUSY;
	if (err)
		return err;
	/* a dead leader has threads that live: a process it is still */
	if (st->tgid != t->tgid || (dead(st) && !t->process))
		return -ESRCH;
	if (memcmp(st->uids, t->uids, sizeof(t->uids)) && !may_kill_all(t))
		return -EPERM;
	return 0;
}

/* ------------------------------------------------------------------ an object */

static int check_opts(const struct ksig_target_opts *o)
{
	if (o->pid <= 0 || o->signo < 1 || o->signo > 64 ||
	    o->flags & ~KSIG_SEND_PROCESS || o->max_pending > KSIG_PENDING_MAX)
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
	struct status self;

	return !read_status("/proc/self/status", &self) && !self.nested;
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
	struct status st;
	int err;

	if (!proc_is_ours())
		return -EOPNOTSUPP;
	err = thread_status(t->pid, &st);
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
	err = thread_status(t->pid, &st);
	if (!err && (ksig_process_ended(t->pidfd) || st.tgid != t->tgid ||
		     (dead(&st) && !t->process)))
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

	if (ino && in_pidfs(t->pidfd))
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
	/* it has ended, and native knows no better than when that was seen */
	if (!strcmp(sub->desc->name, "process.exit"))
		return -ESRCH;
	if (!sub->desc->pids || ev->flags & KSIG_EVENT_NO_SUBJECT ||
	    !ev->subject || ev->subject > INT_MAX)
		return -ESRCH;
	o.sz = sizeof(o);
	o.pid = ev->subject;
	err = ksig_target_open(&o, &t);
	if (err)
		return err;
	err = check_subject(t, *ksig_record_ino(sub, ev), ev->time_ns);
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
	struct status st;
	int err = check(t, &st);

	if (err)
		return err == -EBUSY ? -EOPNOTSUPP : err;
	if (has(st.ignored, t->signo))
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

static int check_takes(struct ksig_target *t, const struct status *st)
{
	int ret = t->signo >= FIRST_REALTIME ? takes(t, st) : 1;

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
	struct status st;
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
