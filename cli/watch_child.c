// SPDX-License-Identifier: MIT
/*
 * ksig watch: reaps its own children and those that it adopts.
 *
 * Processes that the command leaves running must remain descendants of this process, so that a
 * watch for process events recognises them. This process adopts them when their parents exit.
 * SIGCHLD is blocked except while waiting for events, so the handler never reaps a child while
 * other code is using its pid.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cli.h"
#include "watch.h"

static bool adopting;
static sigset_t others_mask;

/* The running command. The handler accesses these while SIGCHLD is not blocked. */
static pid_t command;
static bool command_reaped;
static int command_status;

static void reap_children(int signo)
{
	int err = errno, status;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		command_reaped = true;
		command_status = status;
	}
	errno = err;
}

int ksig_children_adopt(void)
{
	const struct sigaction action = { .sa_handler = reap_children };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &mask, &others_mask) ||
	    sigaction(SIGCHLD, &action, NULL) ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		ksig_error("cannot adopt the command's children: %s",
			   strerror(errno));
		return KSIG_FAILED;
	}
	adopting = true;
	return KSIG_DONE;
}

void ksig_children_reap(void)
{
	if (adopting)
		reap_children(SIGCHLD);
}

const sigset_t *ksig_children_mask(void)
{
	return adopting ? &others_mask : NULL;
}

void ksig_child_begun(pid_t pid)
{
	command = pid;
	command_reaped = false;
}

int ksig_child_wait(pid_t pid, int *status)
{
	if (command_reaped && pid == command) {
		*status = command_status;
		return 0;
	}
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}
