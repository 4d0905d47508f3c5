// SPDX-License-Identifier: MIT
/*
 * Promise 8 for a process in a container with its own PID, user and network namespaces. The process
 * is permitted to open the nodes. It must receive only events about processes and links in the
 * container. The subject, value and data must contain the container's own pids.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

static pid_t short_life(void)
{
	pid_t pid = OK(fork());

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void expect_of(int fd, uint32_t type, uint64_t subject, uint64_t value,
		      pid_t parent)
{
	union record r = expect_record(fd, type);

	CHECK_EQ(r.ev.subject, subject);
	CHECK_EQ(r.ev.value, value);
	CHECK_EQ(r.process.tgid, subject);
	CHECK_EQ(r.process.parent, parent);
}

/* Runs as pid 1 of the container. Its parent is outside the container and has no pid in it. */
static void container(struct child *self)
{
	int process = OK(chan_open("process", O_NONBLOCK));
	int net = OK(chan_open("net", O_NONBLOCK));
	union record r;
	pid_t pid;

	CHECK_EQ(getpid(), 1);
	child_say(self);
	child_wait_go(self);	/* continue after processes and a link outside have caused events */
	CHECK_EQ(stats_of(process).offered, 0);
	CHECK_EQ(stats_of(net).offered, 0);

	pid = short_life();
	CHECK(pid > 1 && pid < 10);
	expect_of(process, KSIG_PROCESS_FORK, 1, pid, 0);
	expect_of(process, KSIG_PROCESS_EXEC, pid, 0, 1);
	expect_of(process, KSIG_PROCESS_EXIT, pid, 0, 1);
	CHECK_EQ(stats_of(process).offered, 3);

	CHECK_EQ(system("ip link set lo up"), 0);
	do
		r = expect_record(net, KSIG_NET_UP);
	while (strcmp(r.net.ifname, "lo"));
	CHECK_EQ(r.ev.subject, 1);
	CHECK_EQ(stats_of(net).offered, 1);
	check_identity(process);
	check_identity(net);
}

static void enter(struct child *self, void *arg)
{
	pid_t pid;
	int status;

	(void)arg;
	OK(unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET));
	child_say(self);
	child_wait_go(self);	/* continue after the uid and gid maps are written */
	OK(setgid(0));
	OK(setuid(0));
	pid = OK(fork());
	if (!pid) {
		container(self);
		fflush(stdout);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static void map_root(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	CHECK_EQ(write_to(path, "0 100000 1000"), 0);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	CHECK_EQ(write_to(path, "0 100000 1000"), 0);
}

int main(void)
{
	int fd = OK(chan_open("process", O_NONBLOCK));
	union record r;
	uint64_t before;
	struct child c;
	pid_t pid;

	set_filter(fd, 1 << KSIG_PROCESS_EXIT);
	/* discard events emitted before the filter was set, and exits of kernel threads */
	while (next_record(fd, &r, 0))
		;
	before = stats_of(fd).offered;
	OK(chmod("/dev/ksig/process", 0666));
	OK(chmod("/dev/ksig/net", 0666));
	c = child_start(enter, NULL);
	child_hear(&c);
	map_root(c.pid);
	child_go(&c);
	child_hear(&c);

	pid = short_life();
	short_life();
	child_go(&c);
	child_join(&c);
	OK(chmod("/dev/ksig/process", 0600));
	OK(chmod("/dev/ksig/net", 0640));

	/* outside the container, all these exits are visible, with the outer pids */
	while (expect_record(fd, KSIG_PROCESS_EXIT).ev.subject != (uint64_t)pid)
		;
	CHECK(stats_of(fd).offered - before >= 5);
	check_identity(fd);
	return 0;
}
