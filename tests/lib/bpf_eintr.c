// SPDX-License-Identifier: MIT
/*
 * Check that the kernel can signal the running task at its third write. A program that is already
 * running and blocks in this write gets EINTR. The kernel must count the events exactly, even if
 * several threads cause them at the same time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PROVIDER "bpf"
#include "subtest.h"

#define WRITE "trace.syscalls.sys_enter_write:current.comm=writer"
#define THREADS 4
#define EACH 5000

static void nothing(int signo)
{
	(void)signo;
}

static void catch(int signo)
{
	struct sigaction action = { .sa_handler = nothing };

	OK(sigaction(signo, &action, NULL));
}

/* Fills a pipe so that the third write blocks, and checks that this write is interrupted. */
static void interrupted_third(struct child *self, void *arg)
{
	static char page[65536];
	int to[2];

	(void)arg;
	OK(pipe(to));
	catch(SIGUSR1);
	OK(prctl(PR_SET_NAME, "filler"));
	child_say(self);
	child_wait_go(self);
	OK(prctl(PR_SET_NAME, "writer"));
	CHECK_EQ(write(to[1], page, sizeof(page) / 2), sizeof(page) / 2);
	CHECK_EQ(write(to[1], page, sizeof(page) / 2), sizeof(page) / 2);
	/* the pipe is full, so a write blocks until a signal arrives */
	alarm(60);
	FAILS(write(to[1], page, 1), EINTR);
	OK(prctl(PR_SET_NAME, "filler"));
}

static void test_third_write(void)
{
	struct child c = child_start(interrupted_third, NULL);
	struct ksig_sub *sub = sub_open(WRITE, NULL);
	const struct ksig_event *ev;
	int i;

	child_hear(&c);
	CHECK_EQ(ksig_sub_kill_current(sub, 0, SIGUSR1, 2, 1, 0), 0);
	child_go(&c);
	for (i = 1; i <= 3; i++) {
		ev = sub_take(sub);
		CHECK_EQ(ev->subject, c.pid);
		CHECK_EQ(!!(ev->flags & KSIG_EVENT_SIGNALLED), i == 3);
		CHECK_EQ(ev->flags & KSIG_EVENT_REFUSED, 0);
	}
	child_join(&c);
	CHECK_EQ(sub_stats(sub).signals, 1);
	ksig_sub_close(sub);
}

static volatile unsigned int caught;

static void count_it(int signo)
{
	(void)signo;
	__atomic_fetch_add(&caught, 1, __ATOMIC_SEQ_CST);
}

static void *write_nothing(void *arg)
{
	int i;

	OK(prctl(PR_SET_NAME, "writer"));
	for (i = 0; i < EACH; i++)
		CHECK_EQ(write(*(int *)arg, "", 1), 1);
	return NULL;
}

/*
 * Check that even with several concurrent threads, the kernel skips 100 events, and each of the
 * next 50 either sends a signal or is refused because another signal is pending. Each signal that
 * was sent must arrive.
 */
static void test_exact(unsigned int queue_len)
{
	struct sigaction action = { .sa_handler = count_it };
	int nowhere = OK(open("/dev/null", O_WRONLY | O_CLOEXEC)), i;
	struct ksig_sub *sub = sub_open(WRITE, SUB_OPTS(.queue_len = queue_len));
	uint64_t signalled = 0, refused = 0;
	const struct ksig_event *ev;
	pthread_t threads[THREADS];
	struct ksig_sub_stats st;

	caught = 0;
	OK(sigaction(SIGRTMIN + 3, &action, NULL));
	CHECK_EQ(ksig_sub_kill_current(sub, 0, SIGRTMIN + 3, 100, 50, 0), 0);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, write_nothing,
					&nowhere), 0);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	st = sub_stats(sub);
	CHECK_EQ(st.offered, THREADS * EACH);
	CHECK_EQ(!st.lost, queue_len > THREADS * EACH);
	CHECK_EQ(caught, st.signals);
	CHECK(st.signals && st.signals <= 50);
	while (ksig_sub_next(sub, 0, &ev) == 1) {
		signalled += !!(ev->flags & KSIG_EVENT_SIGNALLED);
		refused += !!(ev->flags & KSIG_EVENT_REFUSED);
	}
	CHECK(signalled <= st.signals && signalled + refused <= 50);
	if (!st.lost) {
		CHECK_EQ(signalled, st.signals);
		CHECK_EQ(signalled + refused, 50);
	}
	ksig_sub_close(sub);
}

static void writes_unready(struct child *self, void *arg)
{
	int nowhere = OK(open("/dev/null", O_WRONLY | O_CLOEXEC));

	(void)arg;
	signal(SIGRTMIN + 3, SIG_DFL);
	child_say(self);
	child_wait_go(self);
	OK(prctl(PR_SET_NAME, "writer"));
	/* the signal is first unhandled, then blocked */
	CHECK_EQ(write(nowhere, "", 1), 1);
	block(SIGRTMIN + 3);
	CHECK_EQ(write(nowhere, "", 1), 1);
	OK(prctl(PR_SET_NAME, "filler"));
	take(SIGRTMIN + 3);
}

/* Writes with SIGUSR1 at its default action, ignored, and blocked. */
static void writes_usr1(struct child *self, void *arg)
{
	int nowhere = OK(open("/dev/null", O_WRONLY | O_CLOEXEC));

	(void)arg;
	signal(SIGUSR1, SIG_DFL);
	child_say(self);
	child_wait_go(self);
	OK(prctl(PR_SET_NAME, "writer"));
	CHECK_EQ(write(nowhere, "", 1), 1);
	signal(SIGUSR1, SIG_IGN);
	CHECK_EQ(write(nowhere, "", 1), 1);
	signal(SIGUSR1, SIG_DFL);
	block(SIGUSR1);
	CHECK_EQ(write(nowhere, "", 1), 1);
	OK(prctl(PR_SET_NAME, "filler"));
	take(SIGUSR1);
}

/* Check that with KSIG_KILL_READY, a signal that would kill the process is refused. */
static void test_ready(void)
{
	struct child c = child_start(writes_usr1, NULL);
	struct ksig_sub *sub = sub_open(WRITE, NULL);

	child_hear(&c);
	CHECK_EQ(ksig_sub_kill_current(sub, 0, SIGUSR1, 0, 3, KSIG_KILL_READY), 0);
	child_go(&c);
	CHECK(sub_take(sub)->flags & KSIG_EVENT_REFUSED);
	CHECK(sub_take(sub)->flags & KSIG_EVENT_SIGNALLED);
	CHECK(sub_take(sub)->flags & KSIG_EVENT_SIGNALLED);
	child_join(&c);
	ksig_sub_close(sub);
}

/*
 * Check that a real-time signal that would kill the process is refused, and that the event reports
 * this.
 */
static void test_not_ready(void)
{
	struct child c = child_start(writes_unready, NULL);
	struct ksig_sub *sub = sub_open(WRITE, NULL);

	child_hear(&c);
	CHECK_EQ(ksig_sub_kill_current(sub, 0, SIGRTMIN + 3, 0, 2, 0), 0);
	child_go(&c);
	CHECK(sub_take(sub)->flags & KSIG_EVENT_REFUSED);
	CHECK(sub_take(sub)->flags & KSIG_EVENT_SIGNALLED);
	child_join(&c);
	CHECK_EQ(sub_stats(sub).signals, 1);
	ksig_sub_close(sub);
}

static void test_rejected(void)
{
	struct ksig_sub *sub = sub_open(WRITE, NULL);

	CHECK_EQ(ksig_sub_kill_current(sub, 0, 65, 0, 1, 0), -EINVAL);
	CHECK_EQ(ksig_sub_kill_current(sub, 0, -1, 0, 1, 0), -EINVAL);
	CHECK_EQ(ksig_sub_kill_current(sub, 0, SIGUSR1, 0, 1, 2), -EINVAL);
	ksig_sub_close(sub);
	sub = sub_open("process.exit", NULL);
	CHECK_EQ(ksig_sub_kill_current(sub, 0, SIGUSR1, 0, 1, 0), -EOPNOTSUPP);
	ksig_sub_close(sub);
}

int main(void)
{
	sub_or_skip("trace.syscalls.sys_enter_write");
	test_third_write();
	test_exact(32768);
	test_exact(16);
	test_not_ready();
	test_ready();
	test_rejected();
	return 0;
}
