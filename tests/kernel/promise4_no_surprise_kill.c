// SPDX-License-Identifier: MIT
/*
 * Promise 4: a real-time signal is sent only to a target that is ready for it. In each case here
 * the signal's default action would kill the target.
 */
#define _GNU_SOURCE
#include <sys/wait.h>
#include <unistd.h>

#include "targets.h"

static int control;

static int send_thread(pid_t tid)
{
	return send_signal(control, tid, SIG, 0, VALUE);
}

static int send_process(pid_t pid)
{
	return send_signal(control, pid, SIG, KSIG_SEND_PROCESS, VALUE);
}

static void test_no_handler(void)
{
	struct child c = child_start(no_handler, NULL);

	child_hear(&c);
	FAILS(send_thread(c.pid), ECONNREFUSED);
	FAILS(send_process(c.pid), ECONNREFUSED);
	lives_on(&c);
}

static void test_waits_unblocked(void)
{
	struct child c = child_start(waits_unblocked, NULL);

	child_hear(&c);
	wait_state(c.pid, 'S');
	FAILS(send_thread(c.pid), ECONNREFUSED);
	FAILS(send_process(c.pid), ECONNREFUSED);
	lives_on(&c);
}

static void test_waits_blocked(void)
{
	static uint64_t values[] = { VALUE_HERE, VALUE };
	struct child c = child_start(waits_blocked, values);

	child_hear(&c);
	wait_state(c.pid, 'S');
	OK(send_thread(c.pid));
	child_hear(&c);
	wait_state(c.pid, 'S');
	OK(send_process(c.pid));
	child_join(&c);
}

static void test_sigsuspend(void)
{
	struct child c = child_start(suspends, NULL);

	child_hear(&c);
	wait_state(c.pid, 'S');
	FAILS(send_thread(c.pid), ECONNREFUSED);
	FAILS(send_process(c.pid), ECONNREFUSED);
	lives_on(&c);
}

static void test_leader_blocks(void)
{
	struct child c = child_start(leader_blocks, NULL);

	child_hear(&c);
	FAILS(send_process(c.pid), ECONNREFUSED);
	OK(send_thread(c.pid));
	CHECK(child_lives(&c));
	child_go(&c);
	child_join(&c);
}

static void test_other_blocks(void)
{
	struct child c = child_start(other_blocks, NULL);
	pid_t tid = hear_tid(&c);

	FAILS(send_process(c.pid), ECONNREFUSED);
	FAILS(send_process(tid), ECONNREFUSED);
	FAILS(send_thread(c.pid), ECONNREFUSED);
	OK(send_thread(tid));
	CHECK(child_lives(&c));
	child_go(&c);
	child_join(&c);
}

static void test_all_block(void)
{
	struct child c = child_start(all_block, NULL);

	child_hear(&c);
	OK(send_process(c.pid));
	child_join(&c);
}

/* Uses SA_RESETHAND: the first signal resets the handler, a second one would kill the process. */
static void resets(struct child *self, void *arg)
{
	pid_t tid;

	(void)arg;
	block(SIG);
	tid = start_thread();
	handle(SIG, handler, SA_RESETHAND);
	say_tid(self, tid);
	child_wait_go(self);
	/* the handler runs here and is reset */
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	child_say(self);
	child_wait_go(self);
}

static void test_resethand(bool to_thread)
{
	struct child c = child_start(resets, NULL);
	pid_t tid = hear_tid(&c);

	OK(to_thread ? send_thread(c.pid) : send_process(c.pid));
	/*
	 * whichever thread handles the first signal resets the handler, so a second signal would
	 * kill the process
	 */
	FAILS(send_thread(c.pid), ECONNREFUSED);
	FAILS(send_thread(tid), ECONNREFUSED);
	FAILS(send_process(c.pid), ECONNREFUSED);
	child_go(&c);
	child_hear(&c);
	FAILS(send_thread(c.pid), ECONNREFUSED);
	FAILS(send_process(c.pid), ECONNREFUSED);
	CHECK(child_lives(&c));
	child_go(&c);
	child_join(&c);
}

/* Check that a group leader that has exited can't be signalled, but its process still can. */
static void test_dead_leader(void)
{
	struct child c = child_start(leader_exits, NULL);

	child_hear(&c);
	FAILS(send_thread(c.pid), ESRCH);
	OK(send_process(c.pid));
	child_join(&c);
}

static void test_dead_ignorer(void)
{
	struct child c = child_start(ignorer_exits, NULL);

	child_hear(&c);
	wait_state(c.pid, 'Z');
	FAILS(send_process(c.pid), ECONNREFUSED);
	child_go(&c);
	child_join(&c);
}

static void test_classic_goes(void)
{
	struct child c = child_start(no_handler, NULL);
	int status;

	child_hear(&c);
	OK(send_signal(control, c.pid, SIGTERM, KSIG_SEND_PROCESS, 0));
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

	c = child_start(no_handler, NULL);
	child_hear(&c);
	OK(send_signal(control, c.pid, SIGTERM, 0, 0));
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

int main(void)
{
	control = control_open();
	test_no_handler();
	test_waits_unblocked();
	test_waits_blocked();
	test_sigsuspend();
	test_leader_blocks();
	test_other_blocks();
	test_all_block();
	test_resethand(true);
	test_resethand(false);
	test_dead_leader();
	test_dead_ignorer();
	test_classic_goes();
	return 0;
}
