// SPDX-License-Identifier: MIT
/*
 * Promise 3: if a pid and a pidfd are passed together, both must refer to the same process. A pidfd
 * may be descriptor 0.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/syscall.h>

#define PROVIDER "native"
#include "subtest.h"

static int open_target(pid_t pid, int pidfd, unsigned int flags,
		       struct ksig_target **t)
{
	struct ksig_target_opts o = KSIG_TARGET_OPTS_INIT;

	o.pid = pid;
	o.pidfd = pidfd;
	o.signo = SIG;
	o.flags = flags;
	return ksig_target_open(&o, t);
}

/* Checks that opening a target and arming a subscription both return @wanted. */
static void gives(pid_t pid, int pidfd, int wanted)
{
	struct ksig_arm_opts o = KSIG_ARM_OPTS_INIT;
	struct ksig_sub *sub = sub_open("time.set", NULL);
	struct ksig_target *t;
	int err = open_target(pid, pidfd, KSIG_SEND_PROCESS, &t);

	CHECK_EQ(err, wanted);
	if (!err)
		ksig_target_close(t);
	o.pid = pid;
	o.pidfd = pidfd;
	o.signo = SIG;
	o.flags = KSIG_ARM_PROCESS;
	CHECK_EQ(ksig_sub_arm(sub, &o), wanted);
	ksig_sub_close(sub);
}

static void waits(struct child *self, void *arg)
{
	(void)arg;
	child_wait_go(self);
}

static int open_pidfd(pid_t pid)
{
	return OK(syscall(SYS_pidfd_open, pid, 0));
}

/* Starts another process with the same pid. */
static pid_t reuse(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	pid_t child = OK(syscall(SYS_clone3, &args, sizeof(args)));

	if (!child) {
		pause();
		_exit(0);
	}
	return child;
}

/*
 * Checks that a pidfd that the caller has closed is rejected, even if the library reuses its
 * descriptor number for another file.
 */
static void closed(pid_t pid)
{
	struct ksig_sub *sub = sub_open("time.set", NULL);
	struct ksig_arm_opts o = KSIG_ARM_OPTS_INIT;
	struct ksig_target *t;
	int i, fds[2];

	fds[0] = open_pidfd(pid);
	fds[1] = open_pidfd(pid);
	close(fds[0]);
	close(fds[1]);
	o.pid = pid;
	o.signo = SIG;
	o.flags = KSIG_ARM_PROCESS;
	for (i = 0; i < 2; i++) {
		CHECK_EQ(open_target(pid, fds[i], KSIG_SEND_PROCESS, &t),
			 -EBADF);
		o.pidfd = fds[i];
		CHECK_EQ(ksig_sub_arm(sub, &o), -EBADF);
	}
	ksig_sub_close(sub);
}

int main(void)
{
	struct child a = child_start(waits, NULL);
	struct child b = child_start(waits, NULL);
	struct ksig_target *t;
	char path[32];
	int fd;

	/* a pidfd with the pid of its process, then with the pid of another process */
	fd = open_pidfd(a.pid);
	gives(a.pid, fd, 0);
	gives(b.pid, fd, -EINVAL);
	close(fd);
	gives(b.pid, 900, -EBADF);
	gives(b.pid, -2, -EINVAL);
	closed(b.pid);
	/* no pidfd */
	gives(b.pid, -1, 0);
	/*
	 * pidfd_send_signal(2) accepts a /proc/PID directory, but polling it doesn't report the
	 * exit, so the library must reject it
	 */
	snprintf(path, sizeof(path), "/proc/%d", b.pid);
	fd = OK(open(path, O_DIRECTORY));
	gives(b.pid, fd, -EINVAL);
	close(fd);
	/* descriptor 0 is accepted only if it is a pidfd */
	close(0);
	CHECK_EQ(open("/dev/null", O_RDONLY), 0);
	gives(b.pid, 0, -EINVAL);
	close(0);
	CHECK_EQ(open_pidfd(b.pid), 0);
	gives(b.pid, 0, 0);
	gives(a.pid, 0, -EINVAL);
	/* if the target is a thread, the pidfd is ignored */
	CHECK_EQ(open_target(a.pid, 0, 0, &t), 0);
	ksig_target_close(t);
	/* simulate a program built with a header that lacks the member pidfd */
	CHECK_EQ(ksig_target_open(&(struct ksig_target_opts) {
			.sz = offsetof(struct ksig_target_opts, pidfd),
			.pid = a.pid, .signo = SIG,
		}, &t), -EINVAL);
	child_kill(&b);
	gives(b.pid, 0, -ESRCH);
	CHECK_EQ(reuse(b.pid), b.pid);
	gives(b.pid, 0, -ESRCH);
	gives(b.pid, -1, 0);
	OK(kill(b.pid, SIGKILL));
	OK(waitpid(b.pid, NULL, 0));
	child_kill(&a);
	return 0;
}
