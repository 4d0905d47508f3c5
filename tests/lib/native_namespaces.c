// SPDX-License-Identifier: MIT
/*
 * Check that subscriptions that can't work in new namespaces fail with an error that states the
 * reason, instead of remaining silent.
 */
#define _GNU_SOURCE
#include <sched.h>

#define PROVIDER "native"
#include "subtest.h"

static void in_pid_namespace(struct child *self, void *arg)
{
	(void)self;
	(void)arg;
	sub_fails("process.fork", EPERM, 0, "pid namespace");
	sub_fails("process.exit", EPERM, 0, "process.exit:pid=N");
}

static void pid_namespace(struct child *self, void *arg)
{
	struct child c;

	(void)self;
	(void)arg;
	if (unshare(CLONE_NEWPID))
		skip("no pid namespace: %m");
	c = child_start(in_pid_namespace, NULL);
	child_join(&c);
}

static void user_namespace(struct child *self, void *arg)
{
	(void)self;
	(void)arg;
	OK(unshare(CLONE_NEWUSER));
	/* the missing privilege depends on the kernel version */
	sub_fails("process.exec", EPERM, 0, "process.exit:pid=N");
	OK(unshare(CLONE_NEWNET));
	sub_fails("process.exec", EOPNOTSUPP, 0, "network namespace");
	sub_fails("kmod.load", EOPNOTSUPP, 0, "network namespace");
	sub_fails("cpu.offline", EOPNOTSUPP, 0, "nsenter");
	ksig_sub_close(sub_open("net.up", NULL));
	ksig_sub_close(sub_open("time.set", NULL));
	ksig_sub_close(sub_open("power.resume", NULL));
}

int main(void)
{
	struct child c;

	sub_or_skip("process.fork");
	sub_fails("memory.oom", EOPNOTSUPP, 0, "native doesn't provide it");
	sub_fails("power.suspend", EOPNOTSUPP, 0, "native doesn't provide it");
	if (getuid())
		skip("only root can create namespaces on every system");
	c = child_start(pid_namespace, NULL);
	child_join(&c);
	c = child_start(user_namespace, NULL);
	child_join(&c);
	return 0;
}
