// SPDX-License-Identifier: MIT
/*
 * Promise 3: SIGKILL or SIGSTOP from an armed subscription has the same effect on the init process
 * of a PID namespace as kill(2) by the arming process. If the arming process is in an ancestor
 * namespace, the signal kills or stops the init process. If it is in the namespace itself, the
 * signal has no effect. It makes no difference which process emits.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

struct way {
	int signo;
	unsigned int mode, flags;
	bool from_within;	/* true if the init process itself emits */
};

/* Runs as pid 1 of its namespace and emits on request. */
static void is_init(struct child *self, void *arg)
{
	int fd;

	(void)arg;
	CHECK_EQ(getpid(), 1);
	/* like kill(2), arming from within the namespace has no effect on the init process */
	OK(kill(1, SIGKILL));
	fd = OK(chan_open("test", 0));
	OK(arm(fd, SIGKILL, KSIG_MODE_EACH, 0, 1));
	child_say(self);
	child_wait_go(self);	/* continue after an event was emitted from outside */
	CHECK_EQ(stats_of(fd).queued, 0);
	check_identity(fd);
	close(fd);
	child_say(self);
	child_wait_go(self);
	emit(2);
	for (;;)
		pause();
}

/* Waits until the process is killed or stopped. Return: its wait status. */
static int becomes(pid_t pid)
{
	int status;

	UNTIL(OK(waitpid(pid, &status, WNOHANG | WUNTRACED)) == pid);
	return status;
}

static void from_above(struct child *self, void *arg)
{
	struct way *way = arg;
	struct child c;
	int fd, status;

	(void)self;
	OK(unshare(CLONE_NEWPID));
	c = child_start(is_init, NULL);
	child_hear(&c);
	emit(1);
	child_go(&c);
	child_hear(&c);
	CHECK(child_lives(&c));

	fd = OK(chan_open("test", 0));
	OK(arm(fd, way->signo, way->mode, way->flags, c.pid));
	if (way->from_within)
		child_go(&c);
	else
		emit(2);
	status = becomes(c.pid);
	if (way->signo == SIGSTOP) {
		CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
		OK(kill(c.pid, SIGKILL));
		CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	}
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK_EQ(stats_of(fd).signals, 1);
	CHECK_EQ(stats_of(fd).refused, 0);
	check_identity(fd);
	close(fd);
}

int main(void)
{
	static const int signals[] = { SIGKILL, SIGSTOP };
	struct way way;
	struct child c;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		way.signo = signals[i & 1];
		way.flags = i & 2 ? KSIG_ARM_PROCESS : 0;
		way.mode = i & 4 ? KSIG_MODE_DOORBELL : KSIG_MODE_EACH;
		way.from_within = i & 8;
		c = child_start(from_above, &way);
		child_join(&c);
	}
	return 0;
}
