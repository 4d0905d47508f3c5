// SPDX-License-Identifier: MIT
/* Check that the channel "memory" reports an OOM kill in a cgroup and a global OOM kill. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

#define CGROUP "/sys/fs/cgroup/ksig"

static void in_cgroup(struct child *self, void *arg)
{
	(void)arg;
	CHECK_EQ(write_to(CGROUP "/cgroup.procs", "0"), 0);
	prctl(PR_SET_NAME, "greedy");
	child_say(self);
	child_wait_go(self);
	use_memory();
}

static void make_cgroup(void)
{
	write_to("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) || access(CGROUP "/memory.max", F_OK))
		skip("no memory cgroups: %m");
	CHECK_EQ(write_to(CGROUP "/memory.max", "16M"), 0);
	if (!access(CGROUP "/memory.swap.max", F_OK))
		CHECK_EQ(write_to(CGROUP "/memory.swap.max", "0"), 0);
}

static void test_cgroup(int fd)
{
	struct child c;
	struct stat st;
	union record r;

	make_cgroup();
	OK(stat(CGROUP, &st));
	c = child_start(in_cgroup, NULL);
	child_hear(&c);
	child_go(&c);
	r = expect_record(fd, KSIG_MEMORY_KILL);
	CHECK_EQ(r.ev.subject, c.pid);
	CHECK_EQ(r.ev.value, KSIG_KILL_CGROUP);
	CHECK_EQ(strcmp(r.memory.comm, "greedy"), 0);
	CHECK_EQ(r.memory.cgroup_id, st.st_ino);
	child_kill(&c);
	OK(rmdir(CGROUP));
}

static void everywhere(struct child *self, void *arg)
{
	(void)arg;
	/* make this process the OOM killer's first choice */
	CHECK_EQ(write_to("/proc/self/oom_score_adj", "1000"), 0);
	child_wait_go(self);
	use_memory();
}

static void test_global(int fd)
{
	struct child c = child_start(everywhere, NULL);
	unsigned int notices = 0;
	union record r;

	need_no_memory();
	child_go(&c);
	do {
		CHECK(next_record(fd, &r, 240000));
		notices += r.ev.type == KSIG_MEMORY_OOM;
	} while (r.ev.type == KSIG_MEMORY_OOM);
	CHECK(notices > 0);
	CHECK_EQ(r.ev.type, KSIG_MEMORY_KILL);
	CHECK_EQ(r.ev.value, KSIG_KILL_GLOBAL);
	CHECK_EQ(r.ev.subject, c.pid);
	child_kill(&c);
	printf(": %u notices before the global kill\n", notices);
}

int main(void)
{
	int fd = OK(chan_open("memory", O_NONBLOCK));

	/* fail if the kernel has already logged a failure */
	oom_log_clear();
	test_cgroup(fd);
	if (sizeof(long) == 8)
		test_global(fd);
	check_identity(fd);
	oom_log_clear();
	return 0;
}
