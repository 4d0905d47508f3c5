// SPDX-License-Identifier: MIT
/*
 * Check what a subscription reports to `ksig status`. Its memfd can't be resized and contains the
 * relay's target and the counters that ksig_sub_stats() returns. A forked child must never write to
 * it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#define PROVIDER "native"
#include "subtest.h"
#include "../../lib/status.h"

/* Returns the descriptor of the status memfd, the only one in this process. */
static int find_memfd(void)
{
	char path[64], name[64];
	int fd, found = -1;

	for (fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		memset(name, 0, sizeof(name));
		if (readlink(path, name, sizeof(name) - 1) < 0 ||
		    strcmp(name, "/memfd:" KSIG_STATUS_NAME " (deleted)"))
			continue;
		CHECK_EQ(found, -1);
		found = fd;
	}
	CHECK(found >= 0);
	CHECK_EQ(fcntl(found, F_GETFD), FD_CLOEXEC);
	return found;
}

static struct ksig_status status(int fd)
{
	struct ksig_status s;

	CHECK_EQ(OK(pread(fd, &s, sizeof(s), 0)), sizeof(s));
	return s;
}

static pid_t start_child(void)
{
	pid_t child = OK(fork());

	if (!child) {
		pause();
		_exit(0);
	}
	return child;
}

static void end_child(pid_t child)
{
	OK(kill(child, SIGKILL));
	OK(waitpid(child, NULL, 0));
}

static void is_as_told(const struct ksig_sub *sub, int fd)
{
	struct ksig_sub_stats st = sub_stats(sub);
	struct ksig_status s = status(fd);

	CHECK_EQ(s.stats.offered, st.offered);
	CHECK_EQ(s.stats.delivered, st.delivered);
	CHECK_EQ(s.stats.queued, st.queued);
	CHECK_EQ(s.stats.lost, st.lost);
	CHECK_EQ(s.stats.refused, st.refused);
	CHECK_EQ(s.stats.signals, st.signals);
	CHECK_EQ(s.stats.deferred, st.deferred);
	CHECK_EQ(s.stats.flags, st.flags);
	CHECK_EQ(s.lost_upto, st.lost_upto);
}

/* Waits until the relay's thread, which sets this flag, is running. */
static void armed(int fd)
{
	UNTIL(status(fd).stats.flags & KSIG_STATS_ARMED);
}

int main(void)
{
	pid_t child = start_child();
	struct ksig_arm_opts arm = {
		.sz = sizeof(arm), .pid = getpid(), .pidfd = -1, .signo = SIGRTMIN,
		.mode = KSIG_MODE_EACH, .flags = KSIG_ARM_PROCESS,
	};
	struct timespec limit = { .tv_sec = 60 };
	struct ksig_status s;
	struct ksig_sub *sub;
	char event[64];
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	OK(sigprocmask(SIG_BLOCK, &set, NULL));
	snprintf(event, sizeof(event), "process.exit:pid=%d", child);
	sub = sub_open(event, NULL);
	fd = find_memfd();
	s = status(fd);
	CHECK(!memcmp(s.magic, KSIG_STATUS_MAGIC, sizeof(s.magic)));
	CHECK(!strcmp(s.provider, "native"));
	CHECK(!strcmp(s.event, event));
	CHECK_EQ(s.filter, ksig_sub_in_kernel(sub, 0) ? KSIG_STATUS_KERNEL :
						     KSIG_STATUS_LIBRARY);
	CHECK_EQ(s.fd, -1);
	CHECK_EQ(s.stats.flags & KSIG_STATS_ARMED, 0);
	CHECK_EQ(ftruncate(fd, 0), -1);
	CHECK_EQ(errno, EPERM);

	CHECK_EQ(ksig_sub_arm(sub, &arm), 0);
	armed(fd);
	end_child(child);
	CHECK_EQ(OK(sigtimedwait(&set, NULL, &limit)), SIGRTMIN);
	CHECK_EQ(ksig_sub_disarm(sub), 0);
	is_as_told(sub, fd);
	s = status(fd);
	CHECK_EQ(s.stats.offered, 1);
	CHECK(s.stats.signals >= 1);
	CHECK_EQ(s.target, getpid());
	CHECK_EQ(s.signo, SIGRTMIN);
	CHECK_EQ(s.flags, KSIG_ARM_PROCESS);

	child = OK(fork());
	if (!child) {
		ksig_sub_close(sub);
		_exit(0);
	}
	OK(waitpid(child, NULL, 0));
	is_as_told(sub, fd);
	ksig_sub_close(sub);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	return 0;
}
