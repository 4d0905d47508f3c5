// SPDX-License-Identifier: MIT
/*
 * process.exit of one process: a pidfd, for which nobody needs a right.
 *
 * The kernel tells its status to the parent; to others only once it was waited
 * for, from Linux 6.15 on, so that it depends on who is faster. Its name and
 * parent can be read only as long as it was not waited for. What can't be known
 * is left out: a pidfd means that process and no other that gets the number.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
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

struct pidfd_state {
	int fd;
	pid_t pid;
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

static bool get_status(int fd, uint64_t *status)
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

static void tell(struct ksig_native *n, const struct pidfd_state *s)
{
	struct ksig_event *ev = ksig_native_put(n, ksig_now());
	struct ksig_proc_stat st;
	uint64_t status;

	if (!ev)
		return;
	if (ksig_proc_read(s->pid, &st) || !is_there(s->fd))
		memset(&st, 0, sizeof(st));
	ksig_proc_fill(ev, s->pid, &st);
	if (get_status(s->fd, &status))
		ev->value = status;
	else
		ev->flags |= KSIG_EVENT_NO_VALUE;
}

static int pidfd_pull(struct ksig_native *n)
{
	struct pidfd_state *s = n->state;

	if (!ksig_process_ended(s->fd))
		return 0;
	tell(n, s);
	return -ESHUTDOWN;
}

static int open_process(const struct ksig_cond *c, struct ksig_error *e)
{
	if (!c->number || c->number > INT32_MAX)
		return ksig_fail(e, c->text_column, EINVAL,
				 "%s is no process's number", c->text);
	return ksig_process_open(c->number, c->text_column, e);
}

static int pidfd_open_source(struct ksig_native *n, struct ksig_sub *sub,
			     struct ksig_error *e)
{
	struct ksig_cond *c = ksig_native_subject(sub);
	struct pidfd_state *s = malloc(sizeof(*s));
	int err;

	if (!s)
		return ksig_native_fail(e, -ENOMEM, "a pidfd");
	s->pid = c->number;
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
	sub->ends_itself = true;
	n->state = s;
	return 0;
}

static void pidfd_close(struct ksig_native *n)
{
	struct pidfd_state *s = n->state;

	close(s->fd);
	free(s);
}

const struct ksig_native_source ksig_native_pidfd = {
	.open = pidfd_open_source,
	.close = pidfd_close,
	.pull = pidfd_pull,
};
