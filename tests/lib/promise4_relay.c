// SPDX-License-Identifier: MIT
/*
 * Promise 4 for subscriptions through the library: a real-time signal is sent only to a target that
 * is ready for it. Otherwise the event is refused and counted. In each case here, the signal's
 * default action would kill the target.
 */
#define _GNU_SOURCE
#include "source.h"
#include "targets.h"

static struct ksig_sub *sub;

/* Emits one event for the target. Return: true if its signal was sent, false if it was refused. */
static bool reaches(pid_t pid, unsigned int flags)
{
	struct ksig_sub_stats before = sub_stats(sub), after;

	CHECK_EQ(arm_each(sub, pid, flags), 0);
	produce_one(VALUE);
	UNTIL((after = sub_stats(sub),
	       after.delivered + after.refused >
	       before.delivered + before.refused));
	CHECK_EQ(after.delivered - before.delivered +
		 after.refused - before.refused, 1);
	CHECK_EQ(after.signals - before.signals,
		 after.delivered - before.delivered);
	CHECK_EQ(ksig_sub_disarm(sub), 0);
	return after.signals > before.signals;
}

static bool thread_reached(pid_t tid)
{
	return reaches(tid, 0);
}

static bool process_reached(pid_t pid)
{
	return reaches(pid, KSIG_ARM_PROCESS);
}

static void test_no_handler(void)
{
	struct child c = child_start(no_handler, NULL);

	child_hear(&c);
	CHECK(!thread_reached(c.pid));
	CHECK(!process_reached(c.pid));
	lives_on(&c);
}

/*
 * Arms the subscription for this process while events are queued. The library blocks signals while
 * it starts the relay's thread, but the relay must not consider the process ready because of that.
 */
static void arms_itself(struct child *self, void *arg)
{
	unsigned long n = how_many(200), i;
	struct ksig_sub_stats st;

	(void)self;
	(void)arg;
	sub = subscribe(0);
	for (i = 1; i <= n; i++) {
		produce_one(i);
		CHECK_EQ(arm_each(sub, 0, i % 2 ? 0 : KSIG_ARM_PROCESS), 0);
		st = settled(sub, i);
		CHECK_EQ(st.refused, i);
		CHECK_EQ(ksig_sub_disarm(sub), 0);
	}
	ksig_sub_close(sub);
}

static void test_arms_itself(void)
{
	struct child c = child_start(arms_itself, NULL);

	child_join(&c);
}

static void test_waits_unblocked(void)
{
	struct child c = child_start(waits_unblocked, NULL);

	child_hear(&c);
	wait_state(c.pid, 'S');
	CHECK(!thread_reached(c.pid));
	CHECK(!process_reached(c.pid));
	lives_on(&c);
}

static void test_waits_blocked(void)
{
	struct child c = child_start(waits_blocked, NULL);

	child_hear(&c);
	wait_state(c.pid, 'S');
	CHECK(thread_reached(c.pid));
	child_hear(&c);
	wait_state(c.pid, 'S');
	CHECK(process_reached(c.pid));
	child_join(&c);
}

static void test_sigsuspend(void)
{
	struct child c = child_start(suspends, NULL);

	child_hear(&c);
	wait_state(c.pid, 'S');
	CHECK(!thread_reached(c.pid));
	CHECK(!process_reached(c.pid));
	lives_on(&c);
}

static void test_leader_blocks(void)
{
	struct child c = child_start(leader_blocks, NULL);

	child_hear(&c);
	CHECK(!process_reached(c.pid));
	CHECK(thread_reached(c.pid));
	CHECK(child_lives(&c));
	child_go(&c);
	child_join(&c);
}

static void test_other_blocks(void)
{
	struct child c = child_start(other_blocks, NULL);
	pid_t tid = hear_tid(&c);

	CHECK(!process_reached(c.pid));
	CHECK(!process_reached(tid));
	CHECK(!thread_reached(c.pid));
	CHECK(thread_reached(tid));
	CHECK(child_lives(&c));
	child_go(&c);
	child_join(&c);
}

static void test_all_block(void)
{
	struct child c = child_start(all_block, NULL);

	child_hear(&c);
	CHECK(process_reached(c.pid));
	child_join(&c);
}

/* Installs a handler with SA_RESETHAND. /proc doesn't show this flag, so the relay can't see it. */
static void resets(struct child *self, void *arg)
{
	(void)arg;
	block(SIG);
	handle(SIG, handler, SA_RESETHAND);
	child_say(self);
	child_wait_go(self);
	unblock_all();
	child_say(self);
	child_wait_go(self);
}

static void test_resethand(void)
{
	struct child c = child_start(resets, NULL);

	child_hear(&c);
	CHECK(process_reached(c.pid));
	if (!source_relays())
		CHECK(!process_reached(c.pid));
	child_go(&c);
	child_hear(&c);
	CHECK(!thread_reached(c.pid));
	CHECK(!process_reached(c.pid));
	CHECK(child_lives(&c));
	child_go(&c);
	child_join(&c);
}

/* Check that a group leader that has exited can't be signalled, but its process still can. */
static void test_dead_leader(void)
{
	struct child c = child_start(leader_exits, NULL);

	child_hear(&c);
	if (source_relays()) {
		CHECK_EQ(arm_each(sub, c.pid, 0), -ESRCH);
	} else {
		CHECK_EQ(arm_each(sub, c.pid, 0), 0);
		produce_one(1);
		UNTIL(sub_stats(sub).flags & KSIG_STATS_TARGET_GONE);
		CHECK_EQ(sub_take(sub)->value, 1);
	}
	CHECK(process_reached(c.pid));
	child_join(&c);
}

static void test_dead_ignorer(void)
{
	struct child c = child_start(ignorer_exits, NULL);

	child_hear(&c);
	wait_state(c.pid, 'Z');
	CHECK(!process_reached(c.pid));
	child_go(&c);
	child_join(&c);
}

static void test_classic_goes(unsigned int flags)
{
	struct child c = child_start(no_handler, NULL);
	struct ksig_arm_opts o = each_to(c.pid, flags);
	int status;

	child_hear(&c);
	o.signo = SIGTERM;
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	produce_one(1);
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	UNTIL(sub_stats(sub).flags & KSIG_STATS_TARGET_GONE);
	CHECK_EQ(ksig_sub_disarm(sub), 0);
}

static void test_all(void)
{
	test_arms_itself();
	sub = subscribe(0);
	test_no_handler();
	test_waits_blocked();
	test_sigsuspend();
	test_leader_blocks();
	test_other_blocks();
	test_all_block();
	test_resethand();
	test_dead_leader();
	test_dead_ignorer();
	test_classic_goes(0);
	test_classic_goes(KSIG_ARM_PROCESS);
	if (!source_relays())
		test_waits_unblocked();
	ksig_sub_close(sub);
}

int main(void)
{
	return run_each_source(test_all);
}
