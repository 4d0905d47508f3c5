// SPDX-License-Identifier: MIT
/*
 * Test process events with BPF, beyond the cases in promise11_process.c: threads that exit
 * simultaneously, pinned processes, current.*, and PID namespaces.
 */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROVIDER "bpf"
#include "subtest.h"

#define THREADS 4

static struct ksig_sub *open_for(const char *event, const char *key, pid_t pid)
{
	char text[64];

	snprintf(text, sizeof(text), "process.%s:%s=%d", event, key, pid);
	return sub_open(text, NULL);
}

static void check_data(struct ksig_sub *sub, const struct ksig_event *ev,
		       pid_t pid, const char *comm, pid_t parent)
{
	CHECK_EQ(ev->subject, pid);
	CHECK_EQ(ev->flags, 0);
	CHECK_EQ(ev->len, sizeof(struct ksig_process_data));
	CHECK_EQ(field(sub, ev, "pid").u, pid);
	CHECK_EQ(field(sub, ev, "tgid").s, pid);
	CHECK_EQ(field(sub, ev, "parent").s, parent);
	if (strcmp(field(sub, ev, "comm").str, comm))
		fail(__FILE__, __LINE__, "comm is %s, not %s",
		     field(sub, ev, "comm").str, comm);
}

/* ------------------------------------------------------------------------ exit */

static pthread_barrier_t together;

static void *end_together(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&together);
	syscall(SYS_exit, 0);
	return NULL;
}

/* All threads, including the group leader, exit simultaneously. */
static void threaded_process(int code)
{
	pthread_t thread;
	int i;

	CHECK_EQ(pthread_barrier_init(&together, NULL, THREADS + 1), 0);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&thread, NULL, end_together, NULL), 0);
	pthread_barrier_wait(&together);
	syscall(SYS_exit, code);
}

static void test_once(void)
{
	struct ksig_sub *sub;
	const struct ksig_event *ev;
	char text[64];
	int n = how_many(1000), i, status;
	pid_t pid;

	snprintf(text, sizeof(text), "process.exit:parent=%d", getpid());
	sub = sub_open(text, NULL);
	for (i = 0; i < n; i++) {
		pid = OK(fork());
		if (!pid)
			threaded_process(i & 0x7f);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		ev = sub_take(sub);
		CHECK_EQ(ev->subject, pid);
		CHECK_EQ(ev->value, status);
		CHECK_EQ(ev->seq, i + 1);
		CHECK(sub_empty(sub));
	}
	CHECK_EQ(sub_stats(sub).offered, n);
	ksig_sub_close(sub);
}

/* --------------------------------------------------- which process is meant */

/*
 * Check that a filter on a pid matches only the original process, not a process that reuses the
 * pid.
 */
static void test_pinned(void)
{
	char text[64];
	pid_t pid = OK(fork()), again;
	struct ksig_sub *sub;

	if (!pid) {
		pause();
		_exit(0);
	}
	sub = open_for("exit", "pid", pid);
	OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(sub_take(sub)->value, SIGKILL);
	again = syscall(SYS_clone3, (struct clone_args[]) { {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	} }, sizeof(struct clone_args));
	if (again < 0)
		skip("a process with a chosen pid can't be created: %m");
	if (!again)
		_exit(0);
	CHECK_EQ(again, pid);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(sub_over(sub));
	ksig_sub_close(sub);
	snprintf(text, sizeof(text), "process.exit:pid=%d", pid);
	sub_fails(text, ESRCH, 18, "no process");
}

static void *sit(void *arg)
{
	*(pid_t *)arg = gettid();
	pthread_barrier_wait(&together);
	pthread_barrier_wait(&together);
	return NULL;
}

static void test_thread_id(void)
{
	pthread_t thread;
	char text[64];
	pid_t tid;

	CHECK_EQ(pthread_barrier_init(&together, NULL, 2), 0);
	CHECK_EQ(pthread_create(&thread, NULL, sit, &tid), 0);
	pthread_barrier_wait(&together);
	snprintf(text, sizeof(text), "process.exit:pid=%d", tid);
	sub_fails(text, EINVAL, 18, "is a thread of process");
	pthread_barrier_wait(&together);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* Check that current.* describes the task that was running. */
static void test_current(void)
{
	char text[64];
	struct ksig_sub *mine, *named;
	pid_t pid;

	OK(prctl(PR_SET_NAME, "forker"));
	snprintf(text, sizeof(text), "process.fork:current.pid=%d", getpid());
	mine = sub_open(text, NULL);
	named = sub_open("process.fork:current.comm=forker", NULL);
	CHECK_EQ(ksig_sub_in_kernel(mine, 0), 1);
	CHECK_EQ(ksig_sub_in_kernel(named, 0), 1);
	pid = OK(fork());
	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(sub_take(mine)->value, pid);
	CHECK_EQ(sub_take(named)->value, pid);
	CHECK(sub_empty(mine));
	ksig_sub_close(mine);
	ksig_sub_close(named);
}

/* ----------------------------------------------------------- PID namespaces */

/*
 * Runs as pid 1 of the namespace. Its child has pid 2 and parent 1. Its own parent is not visible
 * in the namespace.
 */
static void first_process(struct child *self)
{
	struct ksig_sub *sub = sub_open("process.exit", NULL);
	struct ksig_sub *fork_of = sub_open("process.fork:pid=1", NULL);
	const struct ksig_event *ev;
	pid_t pid = OK(fork());

	if (!pid) {
		OK(prctl(PR_SET_NAME, "second"));
		_exit(7);
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(pid, 2);
	ev = sub_take(sub);
	CHECK_EQ(ev->seq, 1);
	CHECK_EQ(ev->value, 7 << 8);
	check_data(sub, ev, 2, "second", 1);
	ev = sub_take(fork_of);
	CHECK_EQ(ev->value, 2);
	CHECK_EQ(field(fork_of, ev, "parent").s, 0);
	child_say(self);
	child_wait_go(self);
	/* while this process waited, many processes outside the namespace exited */
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
	ksig_sub_close(fork_of);
}

static void begin_namespace(struct child *self, void *arg)
{
	int status;
	pid_t pid;

	(void)arg;
	OK(unshare(CLONE_NEWPID));
	pid = OK(fork());
	if (!pid) {
		first_process(self);
		fflush(stdout);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static void test_namespace(void)
{
	struct child c = child_start(begin_namespace, NULL);
	pid_t other;
	int i;

	child_hear(&c);
	for (i = 0; i < 50; i++) {
		other = OK(fork());
		if (!other)
			_exit(99);
		CHECK_EQ(waitpid(other, NULL, 0), other);
	}
	child_go(&c);
	child_join(&c);
}

int main(void)
{
	sub_or_skip("process.exit");
	test_once();
	test_thread_id();
	test_current();
	test_namespace();
	test_pinned();
	return 0;
}
