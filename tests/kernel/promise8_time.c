// SPDX-License-Identifier: MIT
/*
 * Promise 8: time_ns is CLOCK_MONOTONIC in the time namespace of the process that opened the
 * channel.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define AHEAD 1000000	/* seconds */

static uint64_t now(void)
{
	struct timespec ts;

	OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void check_event(int fd, uint64_t from, uint64_t to)
{
	struct event ev = read_event(fd);

	CHECK(ev.time_ns >= from);
	CHECK(ev.time_ns <= to);
}

static void inside(struct child *self, void *arg)
{
	int outside = *(int *)arg, fd = OK(chan_open("test", O_NONBLOCK));
	uint64_t before = now();

	CHECK(before >= AHEAD * 1000000000ULL);
	emit(1);
	check_event(fd, before, now());
	/* the opener's time namespace determines the time, not the reader's */
	check_event(outside, before - AHEAD * 1000000000ULL,
		    now() - AHEAD * 1000000000ULL);

	before = now();
	child_say(self);
	child_wait_go(self);	/* continue after an event was emitted outside */
	check_event(fd, before, now());
	check_identity(fd);
}

int main(void)
{
	uint64_t before = now();
	char line[64];
	struct child c;
	int fd;

	CHECK(before < AHEAD * 1000000000ULL);
	fd = OK(chan_open("test", O_NONBLOCK));
	if (unshare(CLONE_NEWTIME))
		skip("this kernel has no time namespaces");
	snprintf(line, sizeof(line), "monotonic %d 0", AHEAD);
	CHECK_EQ(write_to("/proc/self/timens_offsets", line), 0);
	c = child_start(inside, &fd);
	child_hear(&c);
	before = now();
	emit(2);
	check_event(fd, before, now());
	child_go(&c);
	child_join(&c);
	check_identity(fd);
	return 0;
}
