// SPDX-License-Identifier: MIT
/*
 * process.exit of a single process: uses a pidfd, which requires no privileges.
 *
 * The kernel reports the exit status to the parent. From Linux 6.15 on, it also reports the status
 * to other processes, but only once the process has been reaped. For processes other than the
 * parent, the event is therefore delayed until the process is reaped, but for no longer than
 * REAP_NS. The name and the parent can be read only before the process is reaped. Later they are
 * reported as unknown, because the pid may already belong to another process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* the required part of <linux/pidfd.h> of Linux 6.15 */
struct pidfd_info {
	__u64 mask;
	__u64 cgroupid;
	__u32 ids[11];
	__s32 exit_code;
};

_Static_assert(sizeof(struct pidfd_info) == 64, "the size is part of the ioctl(2) number");

#define GET_INFO	_IOWR(0xFF, 11, struct pidfd_info)
#define INFO_EXIT	(1U << 3)

/* Most parents reap their children immediately, or never. */
#define REAP_NS 1000000000

/**
 * struct pidfd_state - the process
 * @fd: pidfd of the process
 * @timer: timer that limits the wait for the parent; -1 if the wait has not started
 * @pid: pid of the process
 * @ended_at: time at which the exit was noticed; 0 if it has not been noticed yet
 * @st: name and parent at that time
 */
struct pidfd_state {
	int fd;
	int timer;
	pid_t pid;
	uint64_t ended_at;
	struct ksig_proc_stat st;
};

bool ksig_pidfd_status(int fd, uint64_t *status)
{
	struct pidfd_info kinfo = { .mask = INFO_EXIT };
	siginfo_t info = { };

	if (!waitid((idtype_t)P_PIDFD, fd, &info,
		    WEXITED | WNOHANG | WNOWAIT | __WALL) && info.si_pid) {
		*status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 :
			  info.si_code == CLD_DUMPED ? info.si_status | 0x80 :
						       info.si_status;
		return true;
	}
	if (ioctl(fd, GET_INFO, &kinfo) || !(kinfo.mask & INFO_EXIT))
		return false;
	*status = (__u32)kinfo.exit_code;
	return true;
}

/* Return: whether the kernel will report the status once the process has been reaped. */
static bool pidfd_status_pending(int fd)
{
	struct pidfd_info kinfo = { .mask = INFO_EXIT };

	return !ioctl(fd, GET_INFO, &kinfo) && !(kinfo.mask & INFO_EXIT);
}

/* Starts the timer. From then on, the pidfd becomes ready only when the process is reaped. */
static bool pidfd_await_parent(struct ksig_native *n, struct pidfd_state *s)
{
	const struct itimerspec end = { .it_value.tv_sec = REAP_NS / 1000000000 };
	struct epoll_event ev = { .events = 0, .data.fd = s->fd };

	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return s->timer >= 0 && !timerfd_settime(s->timer, 0, &end, NULL) &&
	       !ksig_native_watch(n, s->timer, EPOLLIN) &&
	       !epoll_ctl(n->epoll, EPOLL_CTL_MOD, s->fd, &ev);
}

static int pidfd_pull(struct ksig_native *n)
{
	struct pidfd_state *s = n->state;
	struct ksig_event *ev;
	uint64_t status = 0;
	bool known;

	if (!s->ended_at) {
		if (!ksig_process_ended(s->fd))
			return 0;
		s->ended_at = ksig_now();
		/* the result is valid only if the process still exists, possibly as a zombie */
		if (ksig_proc_read(s->pid, &s->st) ||
		    (syscall(SYS_pidfd_send_signal, s->fd, 0, NULL, 0) && errno != EPERM))
			memset(&s->st, 0, sizeof(s->st));
	}
	known = ksig_pidfd_status(s->fd, &status);
	if (!known && pidfd_status_pending(s->fd)) {
		if (s->timer < 0 && pidfd_await_parent(n, s))
			return 0;
		if (s->timer >= 0 && ksig_now() < (int64_t)s->ended_at + REAP_NS)
			return 0;
	}
	/* the process may have been reaped since the status was first read */
	if (!known)
		known = ksig_pidfd_status(s->fd, &status);
	ev = ksig_native_put(n, s->ended_at);
	if (!ev)
		return -ESHUTDOWN;
	ksig_proc_fill(ev, s->pid, &s->st);
	if (known)
		ev->value = status;
	else
		ev->flags |= KSIG_EVENT_NO_VALUE;
	return -ESHUTDOWN;
}

static int pidfd_open_source(struct ksig_native *n, struct ksig_stream *stream,
			     struct ksig_error *e)
{
	struct ksig_cond *c = ksig_native_subject(stream);
	struct pidfd_state *s;
	siginfo_t info;
	int err;

	if (!c->number || c->number > INT32_MAX)
		return ksig_fail(e, c->text_column, EINVAL, "invalid pid '%s'", c->text);
	s = calloc(1, sizeof(*s));
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "cannot watch the pidfd");
	s->pid = c->number;
	s->timer = -1;
	s->fd = ksig_process_open(c->number, c->text_column, e);
	if (s->fd < 0) {
		err = s->fd;
		goto free;
	}
	err = ksig_native_watch(n, s->fd, EPOLLIN);
	if (err) {
		ksig_native_fail(e, err, "cannot watch the pidfd");
		goto close;
	}
	c->in_kernel = true;
	stream->ends_itself = true;
	/*
	 * Log in advance what will be unknown. The status of the caller's own children is always
	 * known. The ioctl(2) does not exist before Linux 6.13.
	 */
	if (stream->opts->log && waitid((idtype_t)P_PIDFD, s->fd, &info,
					WEXITED | WNOHANG | WNOWAIT | __WALL))
		stream->opts->log(stream->opts->log_ctx, pidfd_status_pending(s->fd) ?
			"process.exit: native does not know the status of a process that its parent does not reap within 1 s" :
			"process.exit: native does not know the status, which only the parent can read before Linux 6.15");
	n->state = s;
	return 0;

close:
	close(s->fd);
free:
	free(s);
	return err;
}

static void pidfd_close(struct ksig_native *n)
{
	struct pidfd_state *s = n->state;

	close(s->fd);
	if (s->timer >= 0)
		close(s->timer);
	free(s);
}

const struct ksig_native_source ksig_native_pidfd = {
	.open = pidfd_open_source,
	.close = pidfd_close,
	.pull = pidfd_pull,
};

/* ------------------------------------------------- a process that has exited already */

static int gone_open(struct ksig_native *n, struct ksig_stream *stream,
		     struct ksig_error *e)
{
	struct ksig_cond *c = ksig_native_subject(stream);
	struct pidfd_state *s;

	if (c->number > INT32_MAX)
		return ksig_fail(e, c->text_column, EINVAL, "invalid pid '%s'", c->text);
	s = calloc(1, sizeof(*s));
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "cannot report the process");
	s->pid = c->number;
	s->timer = -1;
	/* a zombie still has a name, and a parent that can read its status */
	s->fd = syscall(SYS_pidfd_open, s->pid, 0);
	if (s->fd >= 0 && (!ksig_process_ended(s->fd) || ksig_proc_read(s->pid, &s->st))) {
		/* another process has got the pid since, or the zombie has been reaped */
		close(s->fd);
		s->fd = -1;
		memset(&s->st, 0, sizeof(s->st));
	}
	c->in_kernel = true;
	stream->ends_itself = true;
	n->state = s;
	return 0;
}

static int gone_initial(struct ksig_native *n)
{
	struct pidfd_state *s = n->state;
	struct ksig_event *ev;
	uint64_t status;

	if (ksig_native_reserve(n, 1))
		return -ENOMEM;
	ev = ksig_native_put_initial(n, ksig_now());
	ksig_proc_fill(ev, s->pid, &s->st);
	if (s->fd >= 0 && ksig_pidfd_status(s->fd, &status))
		ev->value = status;
	else
		ev->flags |= KSIG_EVENT_NO_VALUE;
	return 0;
}

static int gone_pull(struct ksig_native *n)
{
	(void)n;
	return -ESHUTDOWN;
}

static void gone_close(struct ksig_native *n)
{
	struct pidfd_state *s = n->state;

	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

const struct ksig_native_source ksig_native_gone = {
	.open = gone_open,
	.initial = gone_initial,
	.close = gone_close,
	.pull = gone_pull,
};
