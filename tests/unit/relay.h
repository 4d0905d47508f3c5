/* SPDX-License-Identifier: MIT */
/*
 * Helper functions for the tests of the relay, relay*.c. The provider is a fake. The test's process
 * and its children are the targets.
 */
#ifndef KSIG_TEST_RELAY_H
#define KSIG_TEST_RELAY_H

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

#define SIGNO 44

/* limits for take(): for a signal that must arrive, and for one that must not */
static const struct timespec soon = { .tv_sec = 60 };
static const struct timespec moment = { .tv_nsec = 50000000 };

static inline void block(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	CHECK(!pthread_sigmask(SIG_BLOCK, &set, NULL));
}

/* Waits for SIGNO for up to @timeout. Returns SIGNO, or -1 if it does not arrive. */
static inline int take(const struct timespec *timeout, siginfo_t *info)
{
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGNO);
	do {
		ret = sigtimedwait(&set, info, timeout);
	} while (ret < 0 && errno == EINTR);
	return ret;
}

/* Returns the options for EACH mode, in which @pid (0: the calling thread) is the target. */
static inline struct ksig_arm_opts each(pid_t pid)
{
	return (struct ksig_arm_opts) {
		.sz = sizeof(struct ksig_arm_opts), .pid = pid, .pidfd = -1,
		.signo = SIGNO, .mode = KSIG_MODE_EACH,
		.flags = pid ? KSIG_ARM_PROCESS : 0,
	};
}

/* Waits until @expr is true; fails the test after 30 seconds. */
#define EVENTUALLY(expr) do { \
	int tries_ = 0; \
	while (!(expr)) { \
		CHECK(tries_++ < 3000); \
		/* wait: interval between two checks of a condition */ \
		nanosleep(&(struct timespec) { .tv_nsec = 10000000 }, NULL); \
	} \
} while (0)

/*
 * Forks a child and returns when it is about to call what(). The wait is needed because TSan's
 * runtime blocks signals in a child of fork(2).
 */
static inline pid_t child(void (*what)(void))
{
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t one = 1;
	pid_t pid;

	CHECK(fd >= 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		CHECK(write(fd, &one, sizeof(one)) == sizeof(one));
		close(fd);
		what();
		_exit(0);
	}
	CHECK(read(fd, &one, sizeof(one)) == sizeof(one));
	close(fd);
	return pid;
}

static inline void sleep_on(void)
{
	for (;;)
		pause();
}

/* Kills a child and waits for its exit. */
static inline void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

#endif /* KSIG_TEST_RELAY_H */
