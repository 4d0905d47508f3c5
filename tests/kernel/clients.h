/* SPDX-License-Identifier: MIT */
/*
 * Kinds of files and helper functions for clients_*.c, which check that standard clients work with
 * a subscription. Code that waits for descriptors, reads them and passes them on must be able to
 * treat a subscription like a timerfd. Each test runs on every kind of file that supports it, with
 * the same expectations.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "ktest.h"

#define LIMIT 20000	/* timeout in ms; expiry is a test failure */

enum { TIMER = 1, EVENT = 2, PIPE = 4, KSIG = 8 };

/* a kind of file, and how to make it readable */
struct kind {
	const char *name;
	unsigned int bit;
	size_t record;	/* bytes that read(2) returns for one event */
	size_t value;	/* offset of a 64-bit 1 in these bytes */
	int (*open)(void);
	void (*event)(int fd);
};

/* the kind of file under test */
static const struct kind *kind;

static inline int timer_open(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

/* Makes the timer expire asynchronously. Earlier expirations that were not read are discarded. */
static inline void timer_event(int fd)
{
	struct itimerspec now = { .it_value.tv_nsec = 1 };

	OK(timerfd_settime(fd, 0, &now, NULL));
}

static inline int event_open(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
}

static inline void event_event(int fd)
{
	OK(eventfd_write(fd, 1));
}

static int pipe_in = -1;

static inline int pipe_open(void)
{
	int fds[2];

	if (pipe_in >= 0)
		close(pipe_in);
	OK(pipe2(fds, O_CLOEXEC));
	pipe_in = fds[1];
	return fds[0];
}

static inline void pipe_event(int fd)
{
	uint64_t one = 1;

	(void)fd;
	CHECK_EQ(write(pipe_in, &one, sizeof(one)), sizeof(one));
}

static inline int ksig_open(void)
{
	return chan_open("test", 0);
}

static inline void ksig_event(int fd)
{
	(void)fd;
	emit(1);
}

static const struct kind kinds[] = {
	{ "timerfd", TIMER, 8, 0, timer_open, timer_event },
	{ "eventfd", EVENT, 8, 0, event_open, event_event },
	{ "pipe", PIPE, 8, 0, pipe_open, pipe_event },
	{ "ksig", KSIG, 64, offsetof(struct event, value), ksig_open,
	  ksig_event },
};

/*
 * Waits for up to @ms milliseconds (-1: no limit; 0: don't wait). Returns true if @fd is readable.
 */
static inline bool by_poll(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI | POLLRDHUP };
	int n = OK(poll(&p, 1, ms));

	CHECK_EQ(p.revents, n ? POLLIN : 0);
	return n;
}

/* Causes an event and waits until it can be read. */
static inline void cause_event(int fd)
{
	kind->event(fd);
	CHECK(by_poll(fd, LIMIT));
}

static inline void check_record(const char *record)
{
	uint64_t value;

	memcpy(&value, record + kind->value, sizeof(value));
	CHECK_EQ(value, 1);
}

static inline void read_one(int fd)
{
	char record[64];

	CHECK_EQ(OK(read(fd, record, kind->record)), kind->record);
	check_record(record);
}

/* Reads all events that are available. */
static inline void drain(int fd)
{
	while (by_poll(fd, 0))
		read_one(fd);
}

/* Checks that each event was read exactly once, and closes the file. */
static inline void finish(int fd)
{
	struct ksig_stats st;

	CHECK(!by_poll(fd, 0));
	if (kind->bit == KSIG) {
		check_identity(fd);
		st = stats_of(fd);
		CHECK_EQ(st.delivered, st.offered);
	}
	close(fd);
}

/* Waits for a child to report that it woke up. The child itself waits without a timeout. */
static inline void wait_for_report(struct child *c)
{
	struct pollfd p = { .fd = c->from, .events = POLLIN };

	CHECK_EQ(OK(poll(&p, 1, LIMIT)), 1);
	child_hear(c);
}

/* Sets O_NONBLOCK, O_ASYNC or neither. */
static inline void set_flags(int fd, int flags)
{
	OK(fcntl(fd, F_SETFL, flags));
	CHECK_EQ(OK(fcntl(fd, F_GETFL)) & (O_NONBLOCK | O_ASYNC), flags);
}

struct test {
	const char *name;
	unsigned int kinds;	/* the kinds of files that support it */
	void (*run)(void);
};

/* Runs each of @n tests on each kind of file that supports it. */
static inline void run_tests(const struct test *tests, size_t n)
{
	size_t i, k;

	setlinebuf(stdout);	/* show the last step even if the test is killed */
	for (i = 0; i < n; i++) {
		for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			kind = &kinds[k];
			if (!(tests[i].kinds & kind->bit))
				continue;
			printf("%s: %s\n", tests[i].name, kind->name);
			tests[i].run();
		}
	}
}

#endif /* CLIENTS_H */
