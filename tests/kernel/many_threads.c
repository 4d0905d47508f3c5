// SPDX-License-Identifier: MIT
/*
 * Signalling a target with many threads costs more, so one delivery run sends fewer signals to it.
 * Check that all signals arrive in order, even if another context sends the remaining signals.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ktest.h"

static pthread_barrier_t end;

static void *sleeper(void *unused)
{
	/* no signal interrupts this wait because SIG is blocked */
	pthread_barrier_wait(&end);
	return unused;
}

static void start(pthread_t *threads, unsigned long n)
{
	pthread_attr_t attr;
	unsigned long i;
	int err;

	CHECK_EQ(pthread_barrier_init(&end, NULL, n + 1), 0);
	CHECK_EQ(pthread_attr_init(&attr), 0);
	CHECK_EQ(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN), 0);
	for (i = 0; i < n; i++) {
		err = pthread_create(&threads[i], &attr, sleeper, NULL);
		CHECK_EQ(err, 0);
	}
	pthread_attr_destroy(&attr);
}

static void stop(pthread_t *threads, unsigned long n)
{
	pthread_barrier_wait(&end);
	while (n--)
		CHECK_EQ(pthread_join(threads[n], NULL), 0);
}

static void take_all(uint64_t first, uint64_t n)
{
	siginfo_t info;
	uint64_t value;

	for (value = first; value < first + n; value++) {
		info = take(SIG);
		CHECK_EQ(ksig_siginfo_value(&info), value);
		CHECK_EQ(info.si_errno, 0);
	}
	CHECK(nothing_to_take(SIG));
}

static void arm_each(int fd, uint32_t max_pending)
{
	struct ksig_arm each = {
		.signo = SIG, .flags = KSIG_ARM_PROCESS,
		.max_pending = max_pending,
	};

	OK(ioctl(fd, KSIG_IOC_ARM, &each));
}

static void check_delivered(int fd, uint64_t n)
{
	struct ksig_stats st = stats_of(fd);

	CHECK_EQ(st.offered, n);
	CHECK_EQ(st.delivered, n);
	CHECK_EQ(st.signals, n);
}

/* Check that the delivery work continues by itself if the target can accept all signals. */
static void test_room(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));

	emit_many(1, 250);
	arm_each(fd, KSIG_PENDING_MAX);
	UNTIL(!stats_of(fd).queued);
	CHECK_EQ(stats_of(fd).deferred, 0);
	take_all(1, 250);
	check_delivered(fd, 250);
	close(fd);
}

static void emitter(struct child *self, void *arg)
{
	(void)self;
	emit_many(*(uint64_t *)arg, 2000);
}

/*
 * Check the order of the signals if the target reaches its limit, so that the timer, the emitter
 * and the delivery work take turns sending.
 */
static void test_burst(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));
	uint64_t first = 2001;
	struct child c;

	set_queue(fd, 4096);
	emit_many(1, 2000);
	arm_each(fd, 100);
	c = child_start(emitter, &first);
	take_all(1, 4000);
	child_join(&c);
	check_delivered(fd, 4000);
	close(fd);
}

/* Check that all process-directed signals are refused if one thread is not ready for them. */
static void test_refused(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));

	emit_many(1, 250);
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	arm_each(fd, 0);
	UNTIL(!stats_of(fd).queued);
	CHECK_EQ(stats_of(fd).refused, 250);
	check_identity(fd);
	block(SIG);
	close(fd);
}

int main(void)
{
	unsigned long n = how_many(1000);
	pthread_t *threads = calloc(n, sizeof(*threads));

	CHECK(threads);
	block(SIG);
	start(threads, n);
	test_room();
	test_burst();
	test_refused();
	stop(threads, n);
	free(threads);
	return 0;
}
