// SPDX-License-Identifier: MIT
/*
 * Promise 8: the counters in sysfs are totals for all namespaces, so only root outside of
 * containers can read them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "ktest.h"

static const char *const counters[] = { "emitted", "subscribers", "lost" };
static const char *const properties[] = { "description", "types", "event_size" };

/* Return: 0, or the errno of open(2) or read(2). */
static int try_read(const char *name)
{
	char path[80], buf[256];
	int fd, err;

	snprintf(path, sizeof(path), "/sys/class/ksig/process/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	err = read(fd, buf, sizeof(buf)) < 0 ? errno : 0;
	close(fd);
	return err;
}

static void check(int err)
{
	int i;

	for (i = 0; i < 3; i++) {
		CHECK_EQ(try_read(counters[i]), err);
		CHECK_EQ(try_read(properties[i]), 0);
	}
}

static void plain_user(struct child *self, void *arg)
{
	(void)self;
	(void)arg;
	OK(setuid(1000));
	check(EACCES);
}

static void user_namespace(struct child *self, void *arg)
{
	(void)self;
	(void)arg;
	OK(setuid(1000));
	OK(unshare(CLONE_NEWUSER));
	check(EACCES);
}

static void in_pid_namespace(struct child *self, void *arg)
{
	(void)self;
	(void)arg;
	CHECK_EQ(getpid(), 1);
	check(EPERM);
}

static void pid_namespace(struct child *self, void *arg)
{
	struct child c;

	(void)self;
	(void)arg;
	OK(unshare(CLONE_NEWPID));
	c = child_start(in_pid_namespace, NULL);
	child_join(&c);
}

int main(void)
{
	void (*const bodies[])(struct child *, void *) = {
		plain_user, user_namespace, pid_namespace
	};
	struct child c;
	unsigned int i;

	check(0);
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		c = child_start(bodies[i], NULL);
		child_join(&c);
	}
	return 0;
}
