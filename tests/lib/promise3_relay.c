// SPDX-License-Identifier: MIT
/*
 * Promise 3 for subscriptions through the library: a signal reaches only the process for which the
 * subscription was armed, and is sent with no more privilege than the arming process had. Without
 * the module, signals are sent with the credentials that the relaying process has at that time.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "source.h"

/* since Linux 6.9; older kernels don't report the exit of a thread */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

#define ALICE 1000
#define BOB 1001

static void become(const uid_t uid[3])
{
	OK(syscall(SYS_setresuid, uid[0], uid[1], uid[2]));
}

static void wait_gone(struct ksig_sub *sub)
{
	UNTIL(sub_stats(sub).flags & KSIG_STATS_TARGET_GONE);
	CHECK(!(sub_stats(sub).flags & KSIG_STATS_ARMED));
}

/* Checks that events still arrive and can be read, but cause no signal. */
static void check_disarmed(struct ksig_sub *sub)
{
	uint64_t signals = sub_stats(sub).signals;
	uint64_t value = produce_one(5);

	CHECK_EQ(sub_take(sub)->value, value);
	CHECK(sub_empty(sub));
	CHECK_EQ(sub_stats(sub).signals, signals);
}

static void blocks(struct child *self, void *arg)
{
	(void)arg;
	block(SIG);
	child_say(self);
	child_wait_go(self);
}

/*
 * Check that the subscription is disarmed when the target exits or is killed, both before and after
 * the target is reaped.
 */
static void test_exit(bool by_kill, uint32_t flags)
{
	struct child c = child_start(blocks, NULL);
	struct ksig_sub *sub = subscribe(0);
	siginfo_t info;

	child_hear(&c);
	CHECK_EQ(arm_each(sub, c.pid, flags), 0);
	produce_one(1);
	CHECK_EQ(settled(sub, 1).delivered, 1);
	CHECK(is_pending(c.pid, flags ? "ShdPnd" : "SigPnd", SIG));
	if (by_kill)
		kill(c.pid, SIGKILL);
	else
		child_go(&c);
	OK(waitid(P_PID, c.pid, &info, WEXITED | WNOWAIT));
	wait_gone(sub);
	check_disarmed(sub);
	/* with the module, arming would succeed and the exit would then be detected immediately */
	if (source_relays())
		CHECK_EQ(arm_each(sub, c.pid, flags), -ESRCH);
	if (by_kill)
		child_kill(&c);
	else
		child_join(&c);
	CHECK_EQ(arm_each(sub, c.pid, flags), -ESRCH);
	/* rearming clears the flag */
	CHECK_EQ(arm_each(sub, 0, flags), 0);
	CHECK(!(sub_stats(sub).flags & KSIG_STATS_TARGET_GONE));
	ksig_sub_close(sub);
}

static void *blocking_thread(void *arg)
{
	block(SIG);
	*(volatile pid_t *)arg = gettid();
	while (*(volatile pid_t *)arg)
		sched_yield();
	return NULL;
}

/*
 * Check that the exit of a target thread is detected even if its process continues and no event
 * arrives.
 */
static void test_thread_ends(void)
{
	volatile pid_t tid = 0;
	struct ksig_sub *sub;
	pthread_t thread;
	int fd;

	CHECK_EQ(pthread_create(&thread, NULL, blocking_thread, (void *)&tid),
		 0);
	UNTIL(tid);
	fd = syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
	if (fd >= 0 || !source_relays()) {
		sub = subscribe(0);
		CHECK_EQ(arm_each(sub, tid, 0), 0);
		CHECK(sub_stats(sub).flags & KSIG_STATS_ARMED);
		tid = 0;
		wait_gone(sub);
		check_disarmed(sub);
		ksig_sub_close(sub);
	} else {
		printf(": nothing reports a thread's exit before Linux 6.9\n");
	}
	if (fd >= 0)
		close(fd);
	tid = 0;
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/*
 * Calls exec after unblocking the signal. The process is still the target but is no longer ready.
 */
static void execs(struct child *self, void *arg)
{
	(void)arg;
	block(SIG);
	child_say(self);
	child_wait_go(self);
	unblock_all();
	execl("/bin/sleep", "sleep", "100", NULL);
}

static char comm_of(pid_t pid)
{
	char path[40], first = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = OK(open(path, O_RDONLY));
	CHECK_EQ(read(fd, &first, 1), 1);
	close(fd);
	return first;
}

static void test_exec(uint32_t flags)
{
	struct child c = child_start(execs, NULL);
	struct ksig_sub *sub = subscribe(0);

	child_hear(&c);
	CHECK_EQ(arm_each(sub, c.pid, flags), 0);
	child_go(&c);
	UNTIL(comm_of(c.pid) == 's');
	produce_one(1);
	CHECK_EQ(settled(sub, 1).refused, 1);
	CHECK_EQ(sub_stats(sub).signals, 0);
	CHECK(child_lives(&c));
	child_kill(&c);
	wait_gone(sub);
	ksig_sub_close(sub);
}

/* Starts a child that reuses @pid. */
static struct child recycle(pid_t pid)
{
	struct child c;
	int64_t until = now() + 60 * SECOND;
	char number[16];

	snprintf(number, sizeof(number), "%d", pid - 1);
	while (now() < until) {
		CHECK_EQ(write_to("/proc/sys/kernel/ns_last_pid", number), 0);
		c = child_start(blocks, NULL);
		child_hear(&c);
		if (c.pid == pid)
			return c;
		child_kill(&c);
		/* another process got the pid first and may keep it for a while */
		UNTIL(kill(pid, 0));
	}
	fail(__FILE__, __LINE__, "pid %d could not be reused", pid);
}

/*
 * Check that no signal is sent to a process that reuses the pid. Events are queued because the
 * target has reached its limit of pending signals. Then the target exits.
 */
static void test_recycled(uint32_t flags)
{
	struct child c = child_start(blocks, NULL), stranger;
	struct ksig_sub *sub = subscribe(0);
	struct ksig_arm_opts o = each_to(c.pid, flags);
	pid_t pid = c.pid;
	uint64_t sent;

	child_hear(&c);
	o.max_pending = 1;
	CHECK_EQ(ksig_sub_arm(sub, &o), 0);
	produce(1, 2, NULL);
	UNTIL(sub_stats(sub).signals == 1 && sub_stats(sub).deferred);
	child_kill(&c);
	stranger = recycle(pid);
	produce_one(3);
	wait_gone(sub);
	CHECK(!is_pending(pid, "SigPnd", SIG));
	CHECK(!is_pending(pid, "ShdPnd", SIG));
	/*
	 * in Linux 7.3, a thread that is exiting has no pending signals any more, and the kernel
	 * drops those that are sent to it
	 */
	sent = sub_stats(sub).signals;
	CHECK(sent == 1 || (sent == 2 && !flags));
	CHECK_EQ(sub_stats(sub).refused, 0);
	for (; sent < 3; sent++)
		sub_take(sub);
	CHECK_EQ(sub_stats(sub).delivered, 3);
	CHECK(child_lives(&stranger));
	child_kill(&stranger);
	ksig_sub_close(sub);
}

static void changes_uid(struct child *self, void *arg)
{
	const uid_t *uid = arg;

	block(SIG);
	become(uid);
	child_say(self);
	child_wait_go(self);
	become(uid + 3);
	child_say(self);
	child_wait_go(self);
}

struct armer {
	pid_t target;
	const uid_t *uid;
	uint32_t flags;
	bool reached;
	struct child *c;
};

/* Checks that alice's credentials are used if root subscribed and alice arms. */
static void arms_stranger(struct child *self, void *arg)
{
	const struct armer *a = arg;
	struct ksig_sub *sub = subscribe(0);

	(void)self;
	become(a->uid);
	CHECK_EQ(arm_each(sub, a->target, a->flags), -EPERM);
	CHECK_EQ(arm_each(sub, getppid(), a->flags), -EPERM);
	CHECK_EQ(arm_each(sub, 1, a->flags), -EPERM);
	produce_one(1);
	sub_take(sub);
	CHECK_EQ(sub_stats(sub).signals, 0);
	ksig_sub_close(sub);
}

static void test_eperm(uint32_t flags)
{
	static const uid_t bobs[] = { BOB, BOB, BOB, BOB, BOB, BOB };
	static const uid_t alice[] = { ALICE, ALICE, ALICE };
	struct child bob = child_start(changes_uid, (void *)bobs), c;
	struct armer a = { .target = bob.pid, .uid = alice, .flags = flags };

	child_hear(&bob);
	c = child_start(arms_stranger, &a);
	child_join(&c);
	CHECK(!is_pending(bob.pid, "SigPnd", SIG));
	CHECK(!is_pending(bob.pid, "ShdPnd", SIG));
	child_kill(&bob);
}

static void arms_and_sends(struct child *self, void *arg)
{
	const struct armer *a = arg;
	struct ksig_sub *sub = subscribe(0);

	if (a->uid)
		become(a->uid);
	CHECK_EQ(arm_each(sub, a->target, a->flags), 0);
	produce_one(1);
	CHECK_EQ(settled(sub, 1).signals, 1);
	child_say(self);
	child_wait_go(self);
	produce(2, 2, NULL);
	CHECK_EQ(settled(sub, 3).signals, a->reached ? 3 : 1);
	CHECK_EQ(sub_stats(sub).refused, a->reached ? 0 : 2);
	ksig_sub_close(sub);
}

/*
 * Lets the armed target change its uids from uid[0..2] to uid[3..5]. Checks that the target still
 * receives signals if @reached, and otherwise receives no more.
 */
static void test_uids(const uid_t uid[6], bool by_alice, bool reached,
		      uint32_t flags)
{
	static const uid_t alice[] = { ALICE, ALICE, ALICE };
	struct child t = child_start(changes_uid, (void *)uid), c;
	struct armer a = {
		.target = t.pid, .uid = by_alice ? alice : NULL, .flags = flags,
		.reached = reached,
	};

	child_hear(&t);
	c = child_start(arms_and_sends, &a);
	child_hear(&c);
	child_go(&t);
	child_hear(&t);
	child_go(&c);
	child_join(&c);
	child_kill(&t);
}

static void test_target_changes(uint32_t flags)
{
	/*
	 * at first, the target's real or saved uid permits kill(2) by alice; the change of the uids
	 * must end this permission
	 */
	const uid_t to_root[] = { ALICE, 0, ALICE, ALICE, 0, 0 };
	const uid_t to_bob[] = { ALICE, 0, 0, BOB, BOB, BOB };
	const uid_t same[] = { ALICE, ALICE, ALICE, ALICE, ALICE, ALICE };
	const uid_t drops[] = { 0, 0, 0, BOB, BOB, BOB };

	test_uids(to_root, true, false, flags);
	test_uids(to_bob, true, false, flags);
	test_uids(same, true, true, flags);
	/* root has CAP_KILL, so its signals stay permitted */
	test_uids(drops, false, true, flags);
	test_uids(to_root, false, true, flags);
}

static void test_all(void)
{
	uint32_t flags;

	/* block the signal so that this process, and a child that reuses a pid, would accept it */
	block(SIG);
	test_thread_ends();
	for (flags = 0; flags <= KSIG_ARM_PROCESS; flags++) {
		test_exit(false, flags);
		test_exit(true, flags);
		test_exec(flags);
		test_recycled(flags);
		test_eperm(flags);
		test_target_changes(flags);
	}
}

int main(void)
{
	return run_each_source(test_all);
}
