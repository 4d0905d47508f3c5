// SPDX-License-Identifier: MIT
/*
 * Eight processes concurrently signal eight targets that keep starting and exiting. Every call must
 * succeed or fail with a documented error, and must not kill the target.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

#define WRITERS 8
#define TARGETS 8

struct shared {
	volatile pid_t pid[TARGETS];
	volatile int over;
	volatile long sent, refused;
};

static struct shared *shared;

static bool documented(int err)
{
	return err == ESRCH || err == ECONNREFUSED || err == EAGAIN;
}

static void writer(struct child *self, void *arg)
{
	int control = control_open(), i = 0;
	char line[32];

	(void)self;
	while (!shared->over) {
		pid_t pid = shared->pid[i % TARGETS];
		int ret, way = i++ % 3;

		if (!pid)
			continue;
		if (way == 2) {
			snprintf(line, sizeof(line), "%d %d", pid, i);
			ret = conf_puts(line);
		} else {
			ret = send_signal(control, pid, SIG,
					  way ? KSIG_SEND_PROCESS : 0, i);
		}
		if (ret && !documented(errno))
			fail(__FILE__, __LINE__, "send: %m");
		__atomic_add_fetch(ret ? &shared->refused : &shared->sent, 1,
				   __ATOMIC_RELAXED);
	}
	(void)arg;
}

/*
 * Runs a target that is first not ready, then ready, and then exits. A signal must never kill it.
 */
static void target(int slot)
{
	struct timespec limit = { .tv_nsec = 300000 };
	siginfo_t info;
	sigset_t set;
	int i;

	shared->pid[slot] = getpid();
	usleep(500);	/* wait: the time during which the target is not ready */
	block(SIG);
	sigemptyset(&set);
	sigaddset(&set, SIG);
	for (i = 0; i < 20; i++)
		sigtimedwait(&set, &info, &limit);
	_exit(0);
}

static void parent_of_targets(struct child *self, void *arg)
{
	int slot = *(int *)arg, status;

	(void)self;
	while (!shared->over) {
		if (!OK(fork()))
			target(slot);
		OK(wait(&status));
		CHECK_EQ(status, 0);
	}
}

int main(int argc, char **argv)
{
	long ms = argc > 1 ? atol(argv[1]) : 1000;
	struct child writers[WRITERS], parents[TARGETS];
	int i;

	shared = OK(mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	for (i = 0; i < TARGETS; i++)
		parents[i] = child_start(parent_of_targets, &i);
	for (i = 0; i < WRITERS; i++)
		writers[i] = child_start(writer, NULL);
	/* on a busy machine, continue until signals were both sent and refused */
	for (i = 0; i < 1000; i++) {
		usleep(ms * 1000);	/* wait: the duration of the storm */
		if (shared->sent && shared->refused)
			break;
	}
	shared->over = 1;
	for (i = 0; i < TARGETS; i++)
		child_join(&parents[i]);
	for (i = 0; i < WRITERS; i++)
		child_join(&writers[i]);
	CHECK(shared->sent > 0);
	CHECK(shared->refused > 0);
	printf(": %ld sent, %ld refused\n", shared->sent, shared->refused);
	return 0;
}
