// SPDX-License-Identifier: MIT
/*
 * Check how the proc connector handles threads, beyond the cases in promise11_process.c. Each exit
 * must be reported once, regardless of how many threads and processes exit and in which order.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define PROVIDER "native"
#include "subtest.h"

#define PROCESSES 50
#define THREADS 8

static void *do_nothing(void *arg)
{
	return arg;
}

/* Starts several threads that exit at the same time as the group leader. */
static void end_together(struct child *self, void *arg)
{
	pthread_t t[THREADS];
	int i;

	(void)self;
	(void)arg;
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, do_nothing, NULL), 0);
	syscall(SYS_exit, 0);
}

static void each_once(void)
{
	struct ksig_sub *sub = sub_open("process.exit", SUB_OPTS(.queue_len = 65536));
	unsigned int told[PROCESSES] = { };
	struct child c[PROCESSES];
	const struct ksig_event *ev;
	int64_t until;
	int i, status, n = 0;

	for (i = 0; i < PROCESSES; i++)
		c[i] = child_start(end_together, NULL);
	for (i = 0; i < PROCESSES; i++)
		CHECK_EQ(waitpid(c[i].pid, &status, 0), c[i].pid);
	/* receive the exit of every process, then wait a while for events that must not arrive */
	until = now() + 60 * SECOND;
	while (now() < until) {
		if (ksig_sub_next(sub, SECOND / 50, &ev) != 1)
			continue;
		CHECK_EQ(ev->lost_before, 0);
		for (i = 0; i < PROCESSES; i++) {
			if (ev->subject == (uint64_t)c[i].pid) {
				told[i]++;
				if (++n == PROCESSES)
					until = now() + SECOND / 5;
				CHECK_EQ(ev->value, 0);
			}
		}
	}
	for (i = 0; i < PROCESSES; i++) {
		CHECK_EQ(told[i], 1);
		close(c[i].to);
		close(c[i].from);
	}
	sub_stats(sub);
	ksig_sub_close(sub);
}

static pid_t fork_as(pid_t pid)
{
	return syscall(SYS_clone3, (struct clone_args[]) { {
		.exit_signal = SIGCHLD,
		.set_tid = pid ? (uintptr_t)&pid : 0,
		.set_tid_size = pid ? 1 : 0,
	} }, sizeof(struct clone_args));
}

static pid_t forks_on_go(pid_t pid, int go[2])
{
	char byte;

	pid = OK(fork_as(pid));
	if (pid)
		return pid;
	CHECK_EQ(read(go[0], &byte, 1), 1);
	if (!OK(fork()))
		_exit(0);
	OK(wait(NULL));
	_exit(0);
}

/* Check that a process that reuses the pid is not reported. */
static void not_the_next_one(void)
{
	struct ksig_sub *sub;
	char name[80];
	int go[2];
	pid_t pid;

	OK(pipe(go));
	pid = forks_on_go(0, go);
	snprintf(name, sizeof(name), "process.fork:pid=%d", pid);
	sub = sub_open(name, NULL);
	CHECK_EQ(write(go[1], "", 1), 1);
	CHECK_EQ(sub_take(sub)->subject, pid);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(forks_on_go(pid, go), pid);
	CHECK_EQ(write(go[1], "", 1), 1);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(sub_over(sub));
	ksig_sub_close(sub);
	sub_fails(name, ESRCH, 18, "no process");
}

static void execs(struct child *self, void *arg)
{
	(void)arg;
	child_wait_go(self);
	execl("/bin/true", "true", NULL);
	_exit(127);
}

/* more processes than two full queues of 64 events can cover */
#define STRANGERS 135

/* Return: true if the event was received; false if the socket overflowed and lost it. */
static bool told_behind_others(void)
{
	struct child c = child_start(execs, NULL);
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	char name[80];
	pid_t pid;
	int i, got;

	snprintf(name, sizeof(name), "process.exec:pid=%d", c.pid);
	sub = sub_open(name, SUB_OPTS(.queue_len = 64));
	for (i = 0; i < STRANGERS; i++) {
		pid = OK(fork());
		if (!pid)
			_exit(0);
		OK(waitpid(pid, NULL, 0));
	}
	child_go(&c);
	OK(waitpid(c.pid, NULL, 0));
	got = ksig_sub_next(sub, 60 * SECOND, &ev);
	if (got == 1)
		CHECK_EQ(ev->subject, c.pid);
	else
		CHECK(got == -ESHUTDOWN && sub_lost_upto(sub));
	ksig_sub_close(sub);
	close(c.to);
	close(c.from);
	return got == 1;
}

/* Check that an event that follows many other events is reported even if its process has exited. */
static void behind_others(void)
{
	int tries = 20;

	while (!told_behind_others())
		CHECK(--tries);
}

/*
 * Check that a child can close an inherited subscription without affecting the parent's
 * subscription.
 */
static void child_closes(void)
{
	struct ksig_sub *sub;
	char name[80];
	pid_t child;

	snprintf(name, sizeof(name), "process.fork:pid=%d", getpid());
	sub = sub_open(name, NULL);
	child = OK(fork());
	if (!child) {
		ksig_sub_close(sub);
		_exit(0);
	}
	CHECK_EQ(sub_take(sub)->value, child);
	OK(waitpid(child, NULL, 0));
	child = OK(fork());
	if (!child)
		_exit(0);
	CHECK_EQ(sub_take(sub)->value, child);
	OK(waitpid(child, NULL, 0));
	ksig_sub_close(sub);
}

static void *wait_and_end(void *self)
{
	child_say(self);
	child_wait_go(self);
	return NULL;
}

/* Lets the group leader exit. The second thread runs until the parent calls child_go(). */
static void end_first(struct child *self, void *arg)
{
	pthread_t t;

	(void)arg;
	CHECK_EQ(pthread_create(&t, NULL, wait_and_end, self), 0);
	syscall(SYS_exit, 0);
}

static bool is_zombie(pid_t pid)
{
	char path[40], stat[200] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	CHECK(f && fgets(stat, sizeof(stat), f));
	fclose(f);
	return strstr(stat, ") Z ");
}

/* Returns the exit event of @pid and discards the exit events of other processes. */
static const struct ksig_event *take_exit(struct ksig_sub *sub, pid_t pid)
{
	const struct ksig_event *ev;
	int64_t until = now() + 60 * SECOND;

	do {
		CHECK(now() < until);
		ev = sub_take(sub);
	} while (ev->subject != (uint64_t)pid);
	return ev;
}

static bool gets_quiet(struct ksig_sub *sub);

/* Check that an exit is reported if the group leader exited before the subscription was opened. */
static void ended_before(void)
{
	struct child c = child_start(end_first, NULL);
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	int64_t before;

	child_hear(&c);
	UNTIL(is_zombie(c.pid));
	/*
	 * wait: the connector's message is sent after the process becomes a zombie, and nothing
	 * indicates when
	 */
	usleep(100000);
	sub = sub_open("process.exit", NULL);
	before = now();
	child_go(&c);
	ev = take_exit(sub, c.pid);
	CHECK((int64_t)ev->time_ns >= before);
	CHECK_EQ(ev->flags, 0);
	CHECK_EQ(ev->value, 0);
	OK(waitpid(c.pid, NULL, 0));
	ksig_sub_close(sub);
}

/*
 * How the threads exit. The group leader exits with status @first (SIGSYS: this signal kills only
 * the leader). Then the last thread calls exit_group(@group) or, if @group is -1, exits with status
 * @last.
 */
static struct {
	int first;
	int last;
	int group;
	int fd;
} ends;

static void *end_last(void *self)
{
	child_say(self);
	child_wait_go(self);
	if (ends.group >= 0)
		_exit(ends.group);
	syscall(SYS_exit, ends.last);
	return NULL;
}

/* Kills only the calling thread. */
static void die_of_sigsys(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
	};
	struct sock_fprog prog = { .len = 1, .filter = filter };

	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
	getppid();
}

static void first_then_last(struct child *self, void *arg)
{
	pthread_t t;

	(void)arg;
	CHECK_EQ(pthread_create(&t, NULL, end_last, self), 0);
	if (ends.first == SIGSYS)
		die_of_sigsys();
	syscall(SYS_exit, ends.first);
	for (;;)
		pause();
}

/*
 * Starts the process to be watched, so that the subscriber is not its parent. A subscriber that is
 * the parent could get the status from the kernel.
 */
static void parent_of_it(struct child *self, void *arg)
{
	struct child c = child_start(first_then_last, NULL);
	int status;

	(void)arg;
	CHECK_EQ(write(ends.fd, &c.pid, sizeof(c.pid)), sizeof(c.pid));
	child_hear(&c);
	UNTIL(is_zombie(c.pid));
	child_say(self);
	child_wait_go(self);
	child_go(&c);
	/*
	 * reap the process only now: until then, only its parent can get the status from the kernel
	 */
	child_wait_go(self);
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK_EQ(write(ends.fd, &status, sizeof(status)), sizeof(status));
}

/*
 * Check that the reported status equals the status from wait(2). Return: false if the status is
 * unknown.
 */
static bool is_right(int first, int last, int group)
{
	struct ksig_sub *sub = sub_open("process.exit", NULL);
	const struct ksig_event *ev;
	struct child p;
	int fds[2], status;
	bool known;
	pid_t pid;

	OK(pipe2(fds, O_CLOEXEC));
	ends.first = first;
	ends.last = last;
	ends.group = group;
	ends.fd = fds[1];
	p = child_start(parent_of_it, NULL);
	CHECK_EQ(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
	child_hear(&p);
	CHECK(gets_quiet(sub));
	child_go(&p);
	ev = take_exit(sub, pid);
	child_go(&p);
	CHECK_EQ(read(fds[0], &status, sizeof(status)), sizeof(status));
	known = !(ev->flags & KSIG_EVENT_NO_VALUE);
	printf(": first thread %d, last %d, group %d: status %d, reported %s%d\n",
	       first, last, group, status, known ? "" : "unknown ",
	       (int)ev->value);
	CHECK_EQ(ev->value, known ? (uint64_t)status : 0);
	child_join(&p);
	close(fds[0]);
	close(fds[1]);
	ksig_sub_close(sub);
	return known;
}

static void status_is_no_guess(void)
{
	is_right(5, 0, -1);
	is_right(5, 7, -1);
	is_right(5, 0, 7);
	is_right(SIGSYS, 0, -1);
	is_right(SIGSYS, 5, -1);
	is_right(SIGSYS, 0, 7);
	/* the status is unambiguous in these cases, so it must be known */
	CHECK(is_right(0, 0, -1));
	CHECK(is_right(0, 0, 7));
	CHECK(is_right(7, 7, -1));
}

#define HEADLESS 100
/* lib/native/connector.c uses at most 64 for processes, and a few more for itself */
#define DESCRIPTORS_MOST 80

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/*
 * Check that the library doesn't keep one descriptor open for each process whose group leader has
 * exited. Any user can start many such processes.
 */
static void descriptors_are_bounded(void)
{
	struct ksig_sub *sub = sub_open("process.exit", NULL);
	int i, before, left = HEADLESS;
	static struct child c[HEADLESS];
	const struct ksig_event *ev;

	for (i = 0; i < HEADLESS; i++) {
		c[i] = child_start(end_first, NULL);
		child_hear(&c[i]);
		UNTIL(is_zombie(c[i].pid));
	}
	before = count_descriptors();
	CHECK(gets_quiet(sub));
	printf(": %d descriptors for %d processes without a leader\n",
	       count_descriptors() - before, HEADLESS);
	CHECK(count_descriptors() - before <= DESCRIPTORS_MOST);
	/* the exit of each process is still reported */
	for (i = HEADLESS; i--;)
		child_go(&c[i]);
	while (left) {
		ev = sub_take(sub);
		for (i = 0; i < HEADLESS; i++) {
			if (ev->subject != (uint64_t)c[i].pid)
				continue;
			CHECK(ev->flags & KSIG_EVENT_NO_VALUE || !ev->value);
			CHECK_EQ(waitpid(c[i].pid, NULL, 0), c[i].pid);
			c[i].pid = 0;
			left--;
		}
	}
	ksig_sub_close(sub);
}

/*
 * Reads all events that have arrived, because the gap is reported after them. One call skips at
 * most as many events as fit in the queue, so it may return before the gap.
 */
static void drain(struct ksig_sub *sub)
{
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };
	uint64_t before = sub_lost_upto(sub);
	const struct ksig_event *ev;

	while (OK(poll(&p, 1, 0)) && sub_lost_upto(sub) == before)
		OK(ksig_sub_next(sub, 0, &ev));
}

/* Forks until the socket has overflowed. */
static void lose_messages(struct ksig_sub *sub)
{
	int i, n;
	pid_t pid;

	for (n = 200; !sub_lost_upto(sub); n *= 2) {
		for (i = 0; i < n; i++) {
			pid = OK(fork());
			if (!pid)
				_exit(0);
			OK(waitpid(pid, NULL, 0));
		}
		drain(sub);
	}
}

/*
 * Check that the exit of a process for which no descriptor is open is reported even if the
 * connector's message about the exit is lost.
 */
static void told_without_descriptor(void)
{
	struct ksig_sub *sub = sub_open("process.exit", SUB_OPTS(.queue_len = 64));
	static struct child c[HEADLESS];
	int i;

	for (i = 0; i < HEADLESS; i++) {
		c[i] = child_start(end_first, NULL);
		child_hear(&c[i]);
		UNTIL(is_zombie(c[i].pid));
		CHECK(gets_quiet(sub));
	}
	lose_messages(sub);
	CHECK(gets_quiet(sub));
	child_go(&c[HEADLESS - 1]);
	take_exit(sub, c[HEADLESS - 1].pid);
	for (i = 0; i < HEADLESS; i++) {
		if (i < HEADLESS - 1)
			child_go(&c[i]);
		OK(waitpid(c[i].pid, NULL, 0));
	}
	ksig_sub_close(sub);
}

/* Return: true if the subscription's descriptor becomes idle. */
static bool gets_quiet(struct ksig_sub *sub)
{
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };
	const struct ksig_event *ev;
	int i;

	for (i = 0; i < 1000; i++) {
		while (ksig_sub_next(sub, 0, &ev) == 1)
			;
		if (!OK(poll(&p, 1, 1)))
			return true;
	}
	return false;
}

/*
 * Check that a child that keeps all inherited descriptors open doesn't cause permanent wake-ups in
 * the parent. One of these descriptors refers to a process whose exit the parent is waiting for.
 */
static void child_keeps(void)
{
	struct ksig_sub *sub = sub_open("process.exit", NULL);
	struct child c = child_start(end_first, NULL);
	pid_t child;

	child_hear(&c);
	UNTIL(is_zombie(c.pid));
	/* the parent is now waiting for the exit of the process */
	CHECK(gets_quiet(sub));
	child = OK(fork());
	if (!child) {
		pause();
		_exit(0);
	}
	child_go(&c);
	take_exit(sub, c.pid);
	OK(waitpid(c.pid, NULL, 0));
	CHECK(gets_quiet(sub));
	OK(kill(child, SIGKILL));
	OK(waitpid(child, NULL, 0));
	ksig_sub_close(sub);
}

static void storm(struct child *self, void *arg)
{
	pid_t pid;

	(void)self;
	(void)arg;
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	for (;;) {
		pid = OK(fork());
		if (!pid)
			_exit(0);
		OK(waitpid(pid, NULL, 0));
	}
}

#define ROUNDS 3

/*
 * Check that events lost in the socket are reported as possibly lost because it is unknown whether
 * the subscriber's own processes caused them. In this test, these processes caused all of the lost
 * events, so no matching event was lost.
 */
static void unattributed_is_uncertain(void)
{
	struct ksig_sub *sub = sub_open("process.exit",
					SUB_OPTS(.queue_len = 16,
						 .flags = KSIG_SUB_SKIP_OWN));
	struct child c = child_start(storm, NULL);
	unsigned int wait = 100000;
	uint64_t before;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		before = sub_lost_upto(sub);
		/*
		 * the socket overflows while nothing is read; a slow machine requires a longer wait
		 */
		for (; sub_lost_upto(sub) == before; wait *= 2) {
			usleep(wait);	/* wait: nothing is read during this time */
			drain(sub);
		}
	}
	child_kill(&c);
	printf(": lost %llu, and up to %llu\n",
	       (unsigned long long)sub_stats(sub).lost,
	       (unsigned long long)sub_lost_upto(sub));
	CHECK_EQ(sub_stats(sub).lost, 0);
	ksig_sub_close(sub);
}

int main(void)
{
	sub_or_skip("process.exit");
	each_once();
	child_closes();
	not_the_next_one();
	behind_others();
	ended_before();
	child_keeps();
	status_is_no_guess();
	descriptors_are_bounded();
	unattributed_is_uncertain();
	told_without_descriptor();
	return 0;
}
