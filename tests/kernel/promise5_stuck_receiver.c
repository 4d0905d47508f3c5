// SPDX-License-Identifier: MIT
/*
 * Promise 5: a stuck receiver affects only itself. One process blocks the signal and never accepts
 * it, while 100 other subscriptions of the same user receive every event.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"

#define OTHERS 100
#define EVENTS 200

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Accepts no signals until the parent calls child_go(), then accepts all of them in order. */
static void stuck(struct child *self, void *arg)
{
	uint64_t start = 0, first = 0;
	siginfo_t info;
	int fd, i;

	(void)arg;
	block(SIG);
	fd = OK(chan_open("test", 0));
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	child_say(self);
	child_wait_go(self);
	CHECK_EQ(stats_of(fd).queued, EVENTS - 32);
	CHECK(stats_of(fd).deferred > 0);
	for (i = 1; i <= EVENTS; i++) {
		if (i == 32)
			start = now();	/* from now on the target can accept signals */
		info = take(SIG);
		CHECK_EQ(ksig_siginfo_value(&info), i);
		CHECK_EQ(info.si_errno, 0);
		if (i == 33)
			first = now() - start;
	}
	printf(": the first queued event arrived %llu us after it could be sent\n",
	       (unsigned long long)first / 1000);
	CHECK_EQ(stats_of(fd).delivered, EVENTS);
	check_identity(fd);
	child_say(self);
	child_wait_go(self);
}

/* Checks that a receiver that is not stuck receives each event immediately. */
static void awake(struct child *self, void *arg)
{
	siginfo_t info;
	int fd, i;

	block(SIG + 1);
	fd = OK(chan_open("test", 0));
	OK(arm(fd, SIG + 1, KSIG_MODE_EACH, 0, 0));
	child_say(self);
	for (i = 1; i <= EVENTS; i++) {
		info = take(SIG + 1);
		CHECK_EQ(ksig_siginfo_value(&info), i);
		CHECK_EQ(info.si_errno, 0);
		__atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED);
	}
	check_identity(fd);
}

static void wait_for(int *received, int count)
{
	UNTIL(__atomic_load_n(received, __ATOMIC_RELAXED) >= count);
}

/* Check that signals from other senders count towards the limit, which is per signal number. */
static void test_counts_everybodys(void)
{
	int fd = OK(chan_open("test", 0)), control = control_open(), i;

	for (i = 0; i < 40; i++)
		OK(send_signal(control, getpid(), SIG, 0, i));
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	emit(77);
	CHECK_EQ(stats_of(fd).signals, 0);
	CHECK_EQ(stats_of(fd).queued, 1);
	for (i = 0; i < 40; i++)
		take(SIG);
	CHECK_EQ(take(SIG).si_int, 77);
	check_identity(fd);
	close(fd);
	close(control);
}

/*
 * Check that no event is lost with a standard signal, although only one instance of the signal can
 * be pending at a time.
 */
static void test_classic(void)
{
	int fd = OK(chan_open("test", 0)), i;
	siginfo_t info;

	OK(arm(fd, SIGUSR1, KSIG_MODE_EACH, 0, 0));
	emit_many(1, 5);
	for (i = 1; i <= 5; i++) {
		info = take(SIGUSR1);
		CHECK_EQ(ksig_siginfo_value(&info), i);
	}
	CHECK(nothing_to_take(SIGUSR1));
	check_identity(fd);
	close(fd);
}

/* Checks that at RLIMIT_SIGPENDING, events stay queued and are not lost. */
static void limited(struct child *self, void *arg)
{
	struct rlimit limit = { 0, 64 };
	int fd = OK(chan_open("test", 0));

	(void)self;
	(void)arg;
	OK(setrlimit(RLIMIT_SIGPENDING, &limit));
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	emit_many(1, 3);
	CHECK_EQ(stats_of(fd).queued, 3);
	CHECK(nothing_to_take(SIG));
	limit.rlim_cur = 64;
	OK(setrlimit(RLIMIT_SIGPENDING, &limit));
	CHECK_EQ(take(SIG).si_int, 1);
	CHECK_EQ(take(SIG).si_int, 2);
	CHECK_EQ(take(SIG).si_int, 3);
	check_identity(fd);
}

int main(void)
{
	struct child others[OTHERS], s;
	int *received, i;

	received = OK(mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	s = child_start(stuck, NULL);
	child_hear(&s);
	for (i = 0; i < OTHERS; i++) {
		others[i] = child_start(awake, received);
		child_hear(&others[i]);
	}
	for (i = 1; i <= EVENTS; i++) {
		emit(i);
		/* keep few signals pending, so that only the stuck process is at the limit */
		if (i % 16 == 0)
			wait_for(received, OTHERS * i);
	}
	wait_for(received, OTHERS * EVENTS);
	for (i = 0; i < OTHERS; i++)
		child_join(&others[i]);
	child_go(&s);
	child_hear(&s);
	child_go(&s);
	child_join(&s);

	block(SIG);
	block(SIGUSR1);
	test_counts_everybodys();
	test_classic();
	s = child_start(limited, NULL);
	child_join(&s);
	return 0;
}
