/* SPDX-License-Identifier: MIT */
/*
 * Target processes for the tests of promise 4, independent of the sender. Each is ready or not
 * ready for SIG for a different reason. The functions are bodies for child_start().
 */
#ifndef TARGETS_H
#define TARGETS_H

#include <sys/syscall.h>
#include <unistd.h>

#include "ktest.h"

static inline void handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
}

static inline void lives_on(struct child *c)
{
	CHECK(child_lives(c));
	CHECK(!is_pending(c->pid, "SigPnd", SIG));
	CHECK(!is_pending(c->pid, "ShdPnd", SIG));
	child_kill(c);
}

static inline void no_handler(struct child *self, void *arg)
{
	(void)arg;
	child_say(self);
	child_wait_go(self);
}

/* Waits with SIG unblocked. Outside of sigtimedwait(2) the signal would kill the process. */
static inline void waits_unblocked(struct child *self, void *arg)
{
	(void)arg;
	child_say(self);
	take(SIG);
}

/* Waits for SIG twice. @arg: the two expected values, or NULL. */
static inline void waits_blocked(struct child *self, void *arg)
{
	const uint64_t *values = arg;
	siginfo_t info;
	int i;

	block(SIG);
	for (i = 0; i < 2; i++) {
		child_say(self);
		info = take(SIG);
		if (values)
			CHECK_EQ(ksig_siginfo_value(&info), values[i]);
	}
}

/* Unblocks SIG only for the duration of sigsuspend(2), like a thread in ppoll(2). */
static inline void suspends(struct child *self, void *arg)
{
	sigset_t none;

	(void)arg;
	block(SIG);
	child_say(self);
	sigemptyset(&none);
	sigsuspend(&none);
}

static inline void *pause_thread(void *arg)
{
	*(volatile pid_t *)arg = gettid();
	for (;;)
		pause();
	return NULL;
}

static inline pid_t start_thread(void)
{
	volatile pid_t tid = 0;
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, pause_thread, (void *)&tid), 0);
	UNTIL(tid);
	return tid;
}

static inline void say_tid(struct child *self, pid_t tid)
{
	CHECK_EQ(write(self->to, &tid, sizeof(tid)), sizeof(tid));
}

static inline pid_t hear_tid(struct child *c)
{
	pid_t tid;

	CHECK_EQ(read(c->from, &tid, sizeof(tid)), sizeof(tid));
	return tid;
}

static inline void leader_blocks(struct child *self, void *arg)
{
	start_thread();
	block(SIG);
	child_say(self);
	child_wait_go(self);
	/* accept the signal that was sent only to this thread */
	take(SIG);
	CHECK(nothing_to_take(SIG));
	(void)arg;
}

/* Blocks SIG in the second thread, which inherits the mask, but not in the group leader. */
static inline void other_blocks(struct child *self, void *arg)
{
	pid_t tid;

	(void)arg;
	block(SIG);
	tid = start_thread();
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	say_tid(self, tid);
	child_wait_go(self);
}

static inline void all_block(struct child *self, void *arg)
{
	(void)arg;
	block(SIG);
	start_thread();
	child_say(self);
	take(SIG);
}

static inline void *outlives_leader(void *arg)
{
	struct child *self = arg;

	wait_state(self->pid, 'Z');
	child_say(self);
	take(SIG);
	CHECK(nothing_to_take(SIG));
	_exit(0);
}

static inline void leader_exits(struct child *self, void *arg)
{
	static struct child copy;
	pthread_t thread;

	(void)arg;
	copy = *self;
	block(SIG);
	CHECK_EQ(pthread_create(&thread, NULL, outlives_leader, &copy), 0);
	/* pthread_exit() would unwind into child_start() */
	syscall(SYS_exit, 0);
}

static inline void *blocks_alone(void *self)
{
	block(SIG);
	child_say(self);
	child_wait_go(self);
	_exit(0);
}

/*
 * Ignores SIG and blocks it in the only thread that is still alive. The kernel discards an ignored
 * signal unless the group leader blocks it, even if the leader has exited.
 */
static inline void ignorer_exits(struct child *self, void *arg)
{
	static struct child copy;
	pthread_t thread;

	(void)arg;
	copy = *self;
	signal(SIG, SIG_IGN);
	CHECK_EQ(pthread_create(&thread, NULL, blocks_alone, &copy), 0);
	syscall(SYS_exit, 0);
}

#endif /* TARGETS_H */
