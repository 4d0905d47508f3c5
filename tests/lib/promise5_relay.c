// SPDX-License-Identifier: MIT
/*
 * Promise 5 for subscriptions through the library: a stuck receiver affects only itself. Events
 * that can't be sent stay queued in order. They are sent once the target can accept signals again.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/resource.h>

#include "source.h"

#define OTHERS 10
#define EVENTS 100

/* large enough that unrelated events on the machine don't fill the queue */
#define ROOM 4096

/* state shared by the test's processes */
static struct shared {
	uint64_t values[EVENTS];
	int received;
} *shared;

static void check_value(const siginfo_t *info, int i)
{
	CHECK_EQ(ksig_siginfo_value(info), shared->values[i]);
	CHECK_EQ(info->si_errno, 0);
}

/* Accepts no signals until the parent calls child_go(), then accepts all of them in order. */
static void stuck(struct child *self, void *arg)
{
	struct ksig_sub *sub = subscribe(ROOM);
	uint64_t start = 0, sent;
	struct ksig_sub_stats st;
	siginfo_t info;
	int i;

	(void)arg;
	block(SIG);
	CHECK_EQ(arm_each(sub, 0, 0), 0);
	child_say(self);
	child_wait_go(self);
	UNTIL(sub_stats(sub).deferred);
	st = sub_stats(sub);
	sent = st.signals;
	CHECK(sent >= 1 && sent <= 32);
	CHECK_EQ(st.lost + st.refused, 0);
	for (i = 0; i < EVENTS; i++) {
		if (i == (int)sent - 1)
			start = now();	/* from now on the target can accept signals */
		info = take(SIG);
		check_value(&info, i);
		if (i == (int)sent)
			printf(": %s: the first queued event arrived %llu us after it could be sent\n",
			       source.provider,
			       (unsigned long long)(now() - start) / 1000);
	}
	CHECK_EQ(settled(sub, EVENTS).delivered, EVENTS);
	ksig_sub_close(sub);
}

/* Checks that a receiver that is not stuck receives each event immediately. */
static void awake(struct child *self, void *arg)
{
	struct ksig_sub *sub = subscribe(ROOM);
	struct ksig_arm_opts o = each_to(0, 0);
	siginfo_t info;
	int i;

	(void)arg;
	o.signo = SIG + 1;
	block(o.signo);
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	child_say(self);
	child_wait_go(self);
	for (i = 0; i < EVENTS; i++) {
		info = take(o.signo);
		UNTIL(__atomic_load_n(&shared->values[i], __ATOMIC_ACQUIRE));
		check_value(&info, i);
		__atomic_add_fetch(&shared->received, 1, __ATOMIC_RELAXED);
	}
	CHECK_EQ(settled(sub, EVENTS).delivered, EVENTS);
	ksig_sub_close(sub);
}

static void test_stuck(void)
{
	struct child others[OTHERS], s = child_start(stuck, NULL);
	int i;

	memset(shared, 0, sizeof(*shared));
	child_hear(&s);
	for (i = 0; i < OTHERS; i++) {
		others[i] = child_start(awake, NULL);
		child_hear(&others[i]);
	}
	for (i = 0; i < OTHERS; i++)
		child_go(&others[i]);
	for (i = 0; i < EVENTS; i++) {
		__atomic_store_n(&shared->values[i], produce_one(i + 1),
				 __ATOMIC_RELEASE);
		/* keep few signals pending, so that only the stuck process is at the limit */
		if (i % 10 == 9)
			UNTIL(__atomic_load_n(&shared->received,
					      __ATOMIC_RELAXED) ==
			      OTHERS * (i + 1));
	}
	for (i = 0; i < OTHERS; i++)
		child_join(&others[i]);
	child_go(&s);
	child_join(&s);
}

/* Checks that exactly @n signals arrive, in order and without gaps. */
static void take_values(const uint64_t *values, int n, int signo)
{
	siginfo_t info;
	int i;

	for (i = 0; i < n; i++) {
		info = take(signo);
		CHECK_EQ(info.si_errno, 0);
		if (signo >= 32)
			CHECK_EQ(ksig_siginfo_value(&info), values[i]);
	}
	CHECK(nothing_to_take(signo));
}

static void takes_many(struct child *self, void *arg)
{
	block(SIG);
	child_say(self);
	child_wait_go(self);
	take_values(arg, 20, SIG);
}

/*
 * Check that a stopped process has at most max_pending signals pending, and that it receives all
 * signals after SIGCONT.
 */
static void test_stopped(uint32_t flags)
{
	struct child c = child_start(takes_many, shared->values);
	struct ksig_sub *sub = subscribe(ROOM);
	struct ksig_arm_opts o = each_to(c.pid, flags);
	struct ksig_sub_stats st;

	child_hear(&c);
	OK(kill(c.pid, SIGSTOP));
	wait_state(c.pid, 'T');
	o.max_pending = 3;
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	produce(1, 20, shared->values);
	UNTIL(sub_stats(sub).deferred);
	st = sub_stats(sub);
	CHECK(st.signals >= 1 && st.signals <= 3);
	CHECK_EQ(st.refused + st.lost, 0);
	OK(kill(c.pid, SIGCONT));
	child_go(&c);
	st = settled(sub, 20);
	CHECK_EQ(st.delivered, 20);
	CHECK_EQ(st.signals, 20);
	child_join(&c);
	ksig_sub_close(sub);
}

/*
 * Check that after the target is killed, its unsent events can be read. A dying process still
 * accepts signals, and /proc doesn't distinguish it from a living process.
 */
static void test_killed(uint32_t flags)
{
	struct child c = child_start(takes_many, NULL);
	struct ksig_sub *sub = subscribe(ROOM);
	struct ksig_arm_opts o = each_to(c.pid, flags);
	uint64_t values[5], i;

	child_hear(&c);
	o.max_pending = 1;
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	produce(1, 5, values);
	UNTIL(sub_stats(sub).deferred);
	CHECK_EQ(sub_stats(sub).signals, 1);
	child_kill(&c);
	UNTIL(sub_stats(sub).flags & KSIG_STATS_TARGET_GONE);
	for (i = sub_stats(sub).signals; i < 5; i++)
		CHECK_EQ(sub_take(sub)->value, values[i]);
	CHECK(sub_empty(sub));
	CHECK_EQ(sub_stats(sub).refused, 0);
	ksig_sub_close(sub);
}

/* Check that signals from other senders count towards the limit, which is per signal number. */
static void test_counts_everybodys(void)
{
	struct ksig_sub *sub = subscribe(0);
	struct ksig_sub_stats st;
	uint64_t value;
	siginfo_t info;
	int i;

	for (i = 0; i < 40; i++)
		OK(sigqueue(getpid(), SIG, (union sigval) { .sival_int = i }));
	CHECK_EQ(arm_each(sub, 0, KSIG_ARM_PROCESS), 0);
	value = produce_one(77);
	UNTIL(sub_stats(sub).deferred);
	CHECK_EQ(sub_stats(sub).signals, 0);
	/* with a filter in the library, queued events are counted even if they don't match */
	st = sub_stats(sub);
	CHECK(ksig_sub_in_kernel(sub, 0) ? st.queued == 1 : st.queued >= 1);
	for (i = 0; i < 40; i++)
		take(SIG);
	info = take(SIG);
	CHECK_EQ(ksig_siginfo_value(&info), value);
	ksig_sub_close(sub);
}

/*
 * Check that no event is lost with a standard signal, although only one instance of the signal can
 * be pending at a time.
 */
static void test_classic(void)
{
	struct ksig_sub *sub = subscribe(0);
	struct ksig_arm_opts o = each_to(0, 0);
	uint64_t values[5];

	o.signo = SIGUSR1;
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	produce(1, 5, values);
	take_values(values, 5, SIGUSR1);
	CHECK_EQ(settled(sub, 5).signals, 5);
	ksig_sub_close(sub);
}

/* Checks that at RLIMIT_SIGPENDING, events stay queued and are not lost. */
static void limited(struct child *self, void *arg)
{
	struct rlimit limit, none;
	struct ksig_sub *sub = subscribe(0);
	uint64_t values[3];

	(void)self;
	(void)arg;
	OK(getrlimit(RLIMIT_SIGPENDING, &limit));
	none = limit;
	none.rlim_cur = 0;
	OK(setrlimit(RLIMIT_SIGPENDING, &none));
	CHECK_EQ(arm_each(sub, 0, 0), 0);
	produce(1, 3, values);
	UNTIL(sub_stats(sub).deferred);
	CHECK_EQ(sub_stats(sub).signals, 0);
	CHECK(nothing_to_take(SIG));
	OK(setrlimit(RLIMIT_SIGPENDING, &limit));
	take_values(values, 3, SIG);
	CHECK_EQ(settled(sub, 3).delivered, 3);
	ksig_sub_close(sub);
}

static void test_limited(void)
{
	struct child c = child_start(limited, NULL);

	child_join(&c);
}

static void test_all(void)
{
	uint32_t flags;

	shared = OK(mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	block(SIG);
	block(SIGUSR1);
	test_stuck();
	for (flags = 0; flags <= KSIG_ARM_PROCESS; flags++) {
		test_stopped(flags);
		test_killed(flags);
	}
	test_counts_everybodys();
	test_classic();
	test_limited();
}

int main(void)
{
	return run_each_source(test_all);
}
