// SPDX-License-Identifier: MIT
/*
 * process.exit of one process: a pidfd, for which nobody needs a right.
 *
 * The kernel gives its status to the parent, and to others only once it was reaped,
 * from Linux 6.15 on: there the event is held back until then, for REAP_NS at most.
 * Its name and parent can be read only before. What can't be known is left out: a
 * pidfd means that process and no other that gets the number.
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

/* <linux/pidfd.h> of 6.15, as far as it is needed here */
struct pidfd_info {
	__u64 mask;
	__u64 cgroupid;
	__u32 ids[11];
	__s32 exit_code;
};

_Static_assert(sizeof(struct pidfd_info) == 64, "as the kernel has it");

#define GET_INFO	_IOWR(0xFF, 11, struct pidfd_info)
#define INFO_EXIT	(1U << 3)

/* Parents reap at once, or never. */
#define REAP_NS 1000000000

/**
 * struct pidfd_state - the process
 * @fd: its pidfd
 * @timer: ends the wait for its parent; -1: that has not begun
 * @pid: its number
 * @ended_at: when it was seen to have ended; 0: not yet
 * @st: its name and parent at that time
 */
struct pidfd_state {
	int fd;
	int timer;
	pid_t pid;
	uint64_t ended_at;
	struct ksig_proc_stat st;
};

/* Still there, if only as a zombie: what /proc said before this was of it. */
static bool is_there(int fd)
{
	return !syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) ||
	       errno == EPERM;
}

static int wait_status(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return (info->si_status & 0xff) << 8;
	case CLD_DUMPED:
		return info->si_status | 0x80;
	default:
		return info->si_status;
	}
}

bool ksig_pidfd_status(int fd, uint64_t *status)
{
	struct pidfd_info kinfo = { .mask = INFO_EXIT };
	siginfo_t info = { };

	if (!waitid((idtype_t)P_PIDFD, fd, &info,
		    WEXITED | WNOHANG | WNOWAIT | __WALL) && info.si_pid) {
		*status = wait_status(&info);
		return true;
	}
	if (ioctl(fd, GET_INFO, &kinfo) || !(kinfo.mask & INFO_EXIT))
		return false;
	*status = (__u32)kinfo.exit_code;
	return true;
}

/* Will the kernel know more once it is reaped? */
static bool may_know_later(int fd)
{
	struct pidfd_info kinfo = { .mask = INFO_EXIT };

	return !ioctl(fd, GET_INFO, &kinfo) && !(kinfo.mask & INFO_EXIT);
}

/* From now on only reaping makes its descriptor ready. */
static bool await_parent(struct ksig_native *n, struct pidfd_state *s)
{
	const struct itimerspec end = { .it_value.tv_sec = REAP_NS / 1000000000 };
	struct epoll_event ev = { .events = 0, .data.fd = s->fd };

	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return s->timer >= 0 && !timerfd_settime(s->timer, 0, &end, NULL) &&
	       !ksig_native_watch(n, s->timer, EPOLLIN) &&
	       !epoll_ctl(n->epoll, EPOLL_CTL_MOD, s->fd, &ev);
}

static void tell(struct ksig_native *n, const struct pidfd_state *s, bool known,
		 uint64_t status)
{
	struct ksig_event *ev = ksig_native_put(n, s->ended_at);

	if (!ev)
		return;
	ksig_proc_fill(ev, s->pid, &s->st);
	if (known)
		ev->value = status;
	else
		ev->flags |= KSIG_EVENT_NO_VALUE;
}

static int pidfd_pull(struct ksig_native *n)
{
	struct pidfd_state *s = n->state;
	uint64_t status = 0;
	bool known;

	if (!s->ended_at) {
		if (!ksig_process_ended(s->fd))
			return 0;
		s->ended_at = ksig_now();
		if (ksig_proc_read(s->pid, &s->st) || !is_there(s->fd))
			memset(&s->st, 0, sizeof(s->st));
	}
	known = ksig_pidfd_status(s->fd, &status);
	if (!known && may_know_later(s->fd)) {
		if (s->timer < 0 && await_parent(n, s))
			return 0;
		if (s->timer >= 0 && ksig_now() < (int64_t)s->ended_at + REAP_NS)
			return 0;
	}
	/* it may have been reaped since it was asked */
	if (!known)
		known = ksig_pidfd_status(s->fd, &status);
	tell(n, s, known, status);
	return -ESHUTDOWN;
}

/* Said before the event that lacks it. Before 6.13 there is no such ioctl(2). */
static void say_unknown(const struct ksig_stream *stream, int fd)
{
	siginfo_t info;

	/* a child of ours, whose status the kernel tells us */
	if (!stream->opts->log || !waitid((idtype_t)P_PIDFD, fd, &info,
				      WEXITED | WNOHANG | WNOWAIT | __WALL))
		return;
	stream->opts->log(stream->opts->log_ctx, may_know_later(fd) ?
		      "process.exit: native does not know the status of a process that its parent does not reap within 1 s" :
		      "process.exit: native does not know the status, which only the parent can read before Linux 6.15");
}

static int open_process(const struct ksig_cond *c, struct ksig_error *e)
{
	if (!c->number || c->number > INT32_MAX)
		return ksig_fail(e, c->text_column, EINVAL,
				 "invalid pid '%s'", c->text);
	return ksig_process_open(c->number, c->text_column, e);
}

static int pidfd_open_source(struct ksig_native *n, struct ksig_stream *stream,
			     struct ksig_error *e)
{
	struct ksig_cond *c = ksig_native_subject(stream);
	struct pidfd_state *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return ksig_native_fail(e, -ENOMEM, "a pidfd");
	s->pid = c->number;
	s->timer = -1;
	s->fd = open_process(c, e);
	err = s->fd < 0 ? s->fd : 0;
	if (!err) {
		err = ksig_native_watch(n, s->fd, EPOLLIN);
		if (err) {
			ksig_native_fail(e, err, "a pidfd");
			close(s->fd);
		}
	}
	if (err) {
		free(s);
		return err;
	}
	c->in_kernel = true;
	stream->ends_itself = true;
	say_unknown(stream, s->fd);
	n->state = s;
	return 0;
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
