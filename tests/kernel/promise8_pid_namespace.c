// SPDX-License-Identifier: MIT
/*
 * Promise 8 for SEND: a process in a PID namespace can signal only the processes in its namespace,
 * by their pids in that namespace.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

static int control;

static void takes(struct child *self, void *arg)
{
	siginfo_t info;

	block(SIG);
	child_say(self);
	child_wait_go(self);
	info = take(SIG);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(ksig_siginfo_value(&info), 7);
	take(SIG);
	CHECK(nothing_to_take(SIG));
	(void)arg;
}

/* Runs as pid 1 of its own namespace. */
static void inside(struct child *self, void *arg)
{
	pid_t outsider = *(pid_t *)arg, nr;
	char line[32];
	struct child c;

	(void)self;
	CHECK_EQ(getpid(), 1);
	c = child_start(takes, NULL);
	child_hear(&c);
	CHECK_EQ(c.pid, 2);	/* outside, pid 2 is kthreadd */
	OK(send_signal(control, c.pid, SIG, 0, 7));
	snprintf(line, sizeof(line), "%d 7", c.pid);
	OK(conf_puts(line));
	child_go(&c);
	child_join(&c);

	/* no pid reaches a process outside the namespace */
	for (nr = 3; nr <= outsider + 10; nr++) {
		FAILS(send_signal(control, nr, SIG, 0, 1), ESRCH);
		FAILS(send_signal(control, nr, SIG, KSIG_SEND_PROCESS, 1),
		      ESRCH);
	}
	snprintf(line, sizeof(line), "%d", outsider);
	FAILS(conf_puts(line), ESRCH);
	/* this process, the namespace's init, has no handler */
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	FAILS(send_signal(control, 1, SIG, 0, 1), ECONNREFUSED);
}

/* Waits for the signal as pid 1 of its namespace. Outside, the process has a different pid. */
static void waits(struct child *self, void *arg)
{
	siginfo_t info;

	(void)arg;
	CHECK_EQ(getpid(), 1);
	block(SIG);
	child_say(self);
	info = take(SIG);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(ksig_siginfo_value(&info), 9);
}

static void unshared(void (*body)(struct child *, void *), void *arg,
		     pid_t *seen_here)
{
	struct child c;

	OK(unshare(CLONE_NEWPID));
	c = child_start(body, arg);
	if (seen_here) {
		child_hear(&c);
		*seen_here = c.pid;
		OK(send_signal(control, c.pid, SIG, 0, 9));
	}
	child_join(&c);
}

/*
 * Checks that SIGKILL has the same effect as with kill(2). Sent from outside the namespace, it also
 * affects the namespace's init process.
 */
static void is_killed(struct child *self, void *arg)
{
	(void)arg;
	/* from inside the namespace, SIGKILL has no effect on the init process */
	OK(kill(1, SIGKILL));
	OK(send_signal(control, 1, SIGKILL, 0, 0));
	OK(send_signal(control, 1, SIGKILL, KSIG_SEND_PROCESS, 0));
	child_say(self);
	for (;;)
		pause();
}

static void killers_view(struct child *self, void *arg)
{
	struct child c;
	int status;

	(void)self;
	OK(unshare(CLONE_NEWPID));
	c = child_start(is_killed, NULL);
	child_hear(&c);
	OK(send_signal(control, c.pid, SIGKILL, *(unsigned int *)arg, 0));
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* A process can unshare its PID namespace only once, so each case runs in a separate process. */
static void outsiders_view(struct child *self, void *arg)
{
	pid_t nr = 0;

	(void)self;
	(void)arg;
	unshared(waits, NULL, &nr);
	CHECK(nr > 2);
}

static void insiders_view(struct child *self, void *arg)
{
	(void)self;
	unshared(inside, arg, NULL);
}

int main(void)
{
	pid_t pid = getpid();
	unsigned int flags;
	struct child c;

	control = control_open();
	block(SIG);
	c = child_start(insiders_view, &pid);
	child_join(&c);
	c = child_start(outsiders_view, NULL);
	child_join(&c);
	for (flags = 0; flags <= KSIG_SEND_PROCESS; flags++) {
		c = child_start(killers_view, &flags);
		child_join(&c);
	}
	CHECK(nothing_to_take(SIG));
	return 0;
}
