// SPDX-License-Identifier: MIT
/*
 * Promise 8: the subscriber's PID namespace determines which processes are reported to it and which
 * pids the events contain. si_uid is never the uid of an unrelated process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

static struct event read_pids(int fd)
{
	char record[128];
	struct event ev;

	CHECK_EQ(OK(read(fd, record, sizeof(record))), sizeof(record));
	memcpy(&ev, record, sizeof(ev));
	return ev;
}

static void emit_about(pid_t pid, uint64_t value)
{
	char line[64];

	snprintf(line, sizeof(line), "pid %d %llu", pid,
		 (unsigned long long)value);
	CHECK_EQ(context_do(line), 0);
}

/*
 * Check that a record contains nothing of an older record in the same place of the ring, which may
 * have been about another namespace's process.
 */
static void test_data(void)
{
	static const unsigned char zeroes[128];
	int fd = OK(chan_open("pids", O_NONBLOCK)), i;
	unsigned int j;
	unsigned char record[128], *data = record + sizeof(struct event);
	struct event ev;

	/* the queue has 256 records */
	for (i = 0; i < 300; i++) {
		emit_about(getpid(), i < 256 ? 63 : 3);
		CHECK_EQ(OK(read(fd, record, sizeof(record))), sizeof(record));
		memcpy(&ev, record, sizeof(ev));
		CHECK_EQ(ev.len, i < 256 ? 63 : 3);
		for (j = 0; j < ev.len; j++)
			CHECK_EQ(data[j], 0xff);
		CHECK(!memcmp(data + ev.len, zeroes, sizeof(record) - sizeof(ev) - ev.len));
	}
	close(fd);
}

static void idle(struct child *self, void *arg)
{
	(void)arg;
	child_wait_go(self);
}

/* Runs as pid 1 of its own namespace. */
static void inside(struct child *self, void *arg)
{
	int fd = OK(chan_open("pids", O_NONBLOCK));
	struct child c = child_start(idle, NULL);

	CHECK_EQ(c.pid, 2);
	child_say(self);
	child_wait_go(self);
	/* the parent has emitted events about itself (not visible here), this process and c */
	CHECK_EQ(stats_of(fd).offered, 2);
	CHECK_EQ(read_pids(fd).subject, 1);
	CHECK_EQ(read_pids(fd).subject, 2);
	check_identity(fd);
	child_kill(&c);
	(void)arg;
}

static pid_t child_of(pid_t pid)
{
	char path[64];
	pid_t child = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &child) != 1)
		child = 0;
	fclose(f);
	return child;
}

static void in_namespace(struct child *self, void *arg)
{
	struct child c;
	pid_t inner;
	int fd;

	OK(unshare(CLONE_NEWPID));
	c = child_start(inside, NULL);
	fd = OK(chan_open("pids", O_NONBLOCK));
	child_hear(&c);
	inner = child_of(c.pid);
	if (!inner)	/* the tinyconfig kernel has no /proc/PID/task/TID/children */
		inner = c.pid + 1;
	emit_about(getpid(), 1);
	emit_about(c.pid, 2);
	emit_about(inner, 3);
	/* the descriptor was opened outside, so it reports the outer pids */
	CHECK_EQ(read_pids(fd).subject, getpid());
	CHECK_EQ(read_pids(fd).subject, c.pid);
	CHECK_EQ(read_pids(fd).subject, inner);
	child_go(&c);
	child_join(&c);
	(void)self;
	(void)arg;
}

/*
 * Starts a child that reuses @pid. Return: false if the pid could not be reused, possibly because
 * an unrelated process has it.
 */
static bool get_number(pid_t pid, struct child *c)
{
	FILE *last;
	int i;

	for (i = 0; i < 100; i++) {
		last = fopen("/proc/sys/kernel/ns_last_pid", "we");
		fprintf(last, "%d", pid - 1);
		fclose(last);
		*c = child_start(idle, NULL);
		if (c->pid == pid)
			return true;
		child_kill(c);
	}
	return false;
}

/*
 * Check that a subject filter matches only the original process, not a process that reuses its pid.
 */
static bool filtered(void)
{
	struct child a = child_start(idle, NULL), b = child_start(idle, NULL);
	int fd = OK(chan_open("pids", O_NONBLOCK));
	struct ksig_subscribe f = {
		.subject = a.pid, .flags = KSIG_SUBSCRIBE_SUBJECT,
	};
	pid_t pid = a.pid;

	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &f));
	emit_about(b.pid, 1);
	emit_about(a.pid, 2);
	CHECK_EQ(read_pids(fd).value, 2);
	CHECK_EQ(stats_of(fd).offered, 1);
	f.subject = 0x100000000ULL + a.pid;
	FAILS(ioctl(fd, KSIG_IOC_SUBSCRIBE, &f), ESRCH);
	f.subject = 0;
	FAILS(ioctl(fd, KSIG_IOC_SUBSCRIBE, &f), ESRCH);
	child_kill(&a);
	f.subject = pid;
	FAILS(ioctl(fd, KSIG_IOC_SUBSCRIBE, &f), ESRCH);
	if (!get_number(pid, &a)) {
		child_kill(&b);
		close(fd);
		return false;
	}
	emit_about(pid, 3);
	CHECK_EQ(stats_of(fd).offered, 1);

	/* also filter by type: this channel has two types */
	f = (struct ksig_subscribe){ .types = 2 };
	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &f));
	emit_about(pid, 4);
	CHECK_EQ(stats_of(fd).offered, 0);
	f.types = 1;
	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &f));
	emit_about(pid, 5);
	CHECK_EQ(read_pids(fd).value, 5);
	f.types = 4;
	FAILS(ioctl(fd, KSIG_IOC_SUBSCRIBE, &f), EINVAL);
	check_identity(fd);
	child_kill(&a);
	child_kill(&b);
	close(fd);
	return true;
}

static void test_filter(void)
{
	int tries = 0;

	while (!filtered())
		CHECK(++tries < 20);
}

/*
 * Runs in a user namespace while interrupts on its CPU emit events that signal the test process.
 * Uid 0 in this namespace is an unprivileged uid outside, and must not appear in si_uid.
 */
static void bystander(struct child *self, void *arg)
{
	cpu_set_t first;

	(void)arg;
	OK(setresuid(1000, 1000, 1000));
	OK(unshare(CLONE_NEWUSER));
	child_say(self);
	child_wait_go(self);
	CHECK_EQ(getuid(), 0);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	OK(sched_setaffinity(0, sizeof(first), &first));
	child_say(self);
	for (;;)
		;
}

static void test_bystander(void)
{
	struct child c = child_start(bystander, NULL);
	int fd = OK(chan_open("context", O_NONBLOCK)), i, round;
	cpu_set_t first;
	siginfo_t info;
	char path[64];
	FILE *map;

	child_hear(&c);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", c.pid);
	map = fopen(path, "we");
	CHECK(map && fputs("0 1000 1", map) >= 0 && !fclose(map));
	child_go(&c);
	child_hear(&c);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	OK(sched_setaffinity(0, sizeof(first), &first));
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	for (round = 0; round < 10; round++) {
		/*
		 * the test process sleeps in context_do(), so the interrupts occur while the
		 * bystander runs
		 */
		CHECK_EQ(context_do("hardirq 20"), 0);
		for (i = 1; i <= 20; i++) {
			info = take(SIG);
			CHECK_EQ(info.si_int, i);
			CHECK_EQ(info.si_pid, 0);
			CHECK(info.si_uid == 0 || info.si_uid == 65534);
		}
	}
	check_identity(fd);
	child_kill(&c);
	close(fd);
}

int main(void)
{
	struct child c;

	context_load();
	block(SIG);
	c = child_start(in_namespace, NULL);
	child_join(&c);
	test_data();
	test_filter();
	test_bystander();
	context_unload();
	return 0;
}
