// SPDX-License-Identifier: MIT
/*
 * Promise 5: stalled deliveries cost little. Many subscriptions have a target that can't accept
 * signals or is not ready. The target is rarely checked while it sleeps. Once it can accept
 * signals, all events are delivered.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "trace_signals.h"

#define SUBS 100
#define EVENTS 40
#define THREADS 200
/* maximum number of checks per second for each subscription */
#define CHECKS 4
/* time during which the checks are counted */
#define WATCHED_NS 3000000000ULL

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/*
 * Counts the send attempts while all subscriptions are stalled and the targets sleep. On a slow
 * machine, there may be fewer attempts, but not more.
 */
static void count_checks(const char *what)
{
	uint64_t begin, passed;
	long checks, others;

	trace_begin("ksig_signal");
	begin = now();
	while (now() - begin < WATCHED_NS)
		usleep(100000);	/* wait: the period during which checks are counted */
	trace_end("ksig_signal");
	passed = now() - begin;
	checks = trace_count("ksig_signal:", &others) + others;
	printf(": %s: %ld checks of %d stuck subscriptions in %llu ms\n", what,
	       checks, SUBS, (unsigned long long)passed / 1000000);
	CHECK(checks > 0);
	CHECK(checks <= (long)(SUBS * CHECKS * (passed / 1000000000 + 1)));
	write_to(INSTANCE "/trace", "");
}

static void wait_stalled(const int *fds)
{
	int i;

	for (i = 0; i < SUBS; i++)
		UNTIL(stats_of(fds[i]).deferred);
}

static void unblock(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
}

static void open_all(int *fds, uint32_t mode, uint32_t flags)
{
	int i;

	for (i = 0; i < SUBS; i++) {
		fds[i] = OK(chan_open("test", O_NONBLOCK));
		set_queue(fds[i], 64);
		OK(arm(fds[i], SIG, mode, flags, 0));
	}
}

/* One thread that blocks the signal is the target of all subscriptions. */
static void full(struct child *self, void *arg)
{
	uint64_t next[SUBS] = { 0 }, value;
	int fds[SUBS], i, n = 0;
	siginfo_t info;

	(void)arg;
	block(SIG);
	open_all(fds, KSIG_MODE_EACH, 0);
	child_say(self);
	child_wait_go(self);
	wait_stalled(fds);
	child_say(self);
	child_wait_go(self);
	/* the order between subscriptions is undefined, so only count each value */
	while (n++ < SUBS * EVENTS) {
		info = take(SIG);
		value = ksig_siginfo_value(&info);
		CHECK(value >= 1 && value <= EVENTS);
		next[value - 1]++;
	}
	for (i = 0; i < EVENTS; i++)
		CHECK_EQ(next[i], SUBS);
	for (i = 0; i < SUBS; i++) {
		CHECK_EQ(stats_of(fds[i]).delivered, EVENTS);
		check_identity(fds[i]);
	}
}

static void test_full(void)
{
	struct child c = child_start(full, NULL);

	child_hear(&c);
	emit_many(1, EVENTS);
	child_go(&c);
	child_hear(&c);
	wait_state(c.pid, 'S');
	count_checks("no room");
	child_go(&c);
	child_join(&c);
}

static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

/* Runs a process-directed target with many threads, one of which doesn't block the signal. */
static void not_ready(struct child *self, void *arg)
{
	int fds[SUBS], i;
	pthread_attr_t attr;
	pthread_t thread;

	(void)arg;
	block(SIG);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&thread, &attr, sleeper, NULL), 0);
	unblock(SIG);
	open_all(fds, KSIG_MODE_DOORBELL, KSIG_ARM_PROCESS);
	child_say(self);
	child_wait_go(self);
	wait_stalled(fds);
	child_say(self);
	child_wait_go(self);
	/* the process is now ready, so each subscription rings its doorbell */
	block(SIG);
	for (i = 0; i < SUBS; i++) {
		while (!stats_of(fds[i]).signals)
			take(SIG);
	}
}

static void test_not_ready(void)
{
	struct child c = child_start(not_ready, NULL);

	child_hear(&c);
	emit_many(1, 2);
	child_go(&c);
	child_hear(&c);
	wait_state(c.pid, 'S');
	count_checks("not ready");
	child_go(&c);
	child_join(&c);
}

/*
 * Checks subscriptions stalled by RLIMIT_SIGPENDING. Such a stall can end when any process of the
 * user, not only the target, accepts a signal.
 */
static void limited(struct child *self, void *arg)
{
	struct rlimit limit = { 0, 64 };
	int fds[SUBS], i;

	(void)arg;
	block(SIG);
	OK(setrlimit(RLIMIT_SIGPENDING, &limit));
	open_all(fds, KSIG_MODE_EACH, 0);
	child_say(self);
	child_wait_go(self);
	wait_stalled(fds);
	child_say(self);
	child_wait_go(self);
	limit.rlim_cur = 64;
	OK(setrlimit(RLIMIT_SIGPENDING, &limit));
	for (i = 0; i < 2 * SUBS; i++)
		take(SIG);
	for (i = 0; i < SUBS; i++)
		check_identity(fds[i]);
}

static void test_limited(void)
{
	struct child c = child_start(limited, NULL);

	child_hear(&c);
	emit_many(1, 2);
	child_go(&c);
	child_hear(&c);
	wait_state(c.pid, 'S');
	count_checks("RLIMIT_SIGPENDING");
	child_go(&c);
	child_join(&c);
}

int main(void)
{
	test_full();
	test_not_ready();
	test_limited();
	return 0;
}
