/* SPDX-License-Identifier: MIT */
/*
 * Helper functions for tests of libksig, in addition to ktest.h. A test that defines PROVIDER
 * before including this file subscribes through that provider.
 */
#ifndef SUBTEST_H
#define SUBTEST_H

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ksig/libksig.h>

#include "ktest.h"

#ifndef PROVIDER
#define PROVIDER NULL
#endif

#define SECOND 1000000000LL

/* Returns CLOCK_MONOTONIC in nanoseconds. */
static inline int64_t now(void)
{
	struct timespec ts;

	OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* Options for sub_open(), as NAME = VALUE, ...; also sets the provider. */
#define SUB_OPTS(...) (&(struct ksig_sub_opts) { \
	.sz = sizeof(struct ksig_sub_opts), .provider = PROVIDER, __VA_ARGS__ })

/* Wraps ksig_sub_open(). @why: buffer of 1024 bytes for the error message. */
static inline int sub_try(const char *event, const struct ksig_sub_opts *opts,
			  char *why, unsigned int *column,
			  struct ksig_sub **sub)
{
	struct ksig_sub_opts o = opts ? *opts : *SUB_OPTS();

	*why = '\0';
	o.err = why;
	o.err_size = 1024;
	o.err_column = column;
	return ksig_sub_open(event, &o, sub);
}

static inline struct ksig_sub *sub_open(const char *event,
					const struct ksig_sub_opts *opts)
{
	struct ksig_sub *sub;
	char why[1024];
	int err = sub_try(event, opts, why, NULL, &sub);

	if (err)
		fail(__FILE__, __LINE__, "%s: %d, %s", event, err, why);
	return sub;
}

/*
 * Checks that ksig_sub_open() fails with errno @err and reports @column and a message that contains
 * @words.
 */
static inline void sub_fails(const char *event, int err, unsigned int column,
			     const char *words)
{
	unsigned int at = 99;
	struct ksig_sub *sub;
	char why[1024];
	int got = sub_try(event, NULL, why, &at, &sub);

	if (got != -err || !strstr(why, words) || at != column)
		fail(__FILE__, __LINE__, "%s: %d, column %u, %s", event, got,
		     at, why);
}

/*
 * Loads a driver of the kernel, if tests/vm/build has copied it into the VM. Other machines may
 * have it already.
 */
static inline void load_driver(const char *name, const char *parameters)
{
	char command[160];

	snprintf(command, sizeof(command),
		 "[ ! -e /ksig/%s.ko ] || [ -e /sys/module/%s ] || insmod /ksig/%s.ko %s",
		 name, name, name, parameters);
	if (system(command))
		printf(": %s.ko can't be loaded\n", name);
}

/* Mounts tracefs for this process and its children. */
static inline void tracefs_mount(void)
{
	struct stat st;

	if (!stat("/sys/kernel/tracing/events", &st))
		return;
	OK(unshare(CLONE_NEWNS));
	OK(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL));
	if (mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL))
		skip("tracefs can't be mounted: %m");
}

/* Skips the test if the event is not available to this user on this kernel. */
static inline void sub_or_skip(const char *event)
{
	struct ksig_sub *sub;
	char why[1024];
	int err;

	if (!strncmp(event, "trace.", 6))
		tracefs_mount();
	err = sub_try(event, NULL, why, NULL, &sub);
	if (err == -EOPNOTSUPP || err == -EPERM || err == -EACCES)
		skip("%s", why);
	if (err)
		fail(__FILE__, __LINE__, "%s: %d, %s", event, err, why);
	ksig_sub_close(sub);
}

/* Calls sub_or_skip() in a separate process, so that the library's caches stay empty. */
static inline void sub_or_skip_apart(const char *event)
{
	int status;
	pid_t pid = OK(fork());

	if (!pid) {
		sub_or_skip(event);
		fflush(stdout);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		exit(77);
	CHECK_EQ(status, 0);
}

static inline struct ksig_sub_stats sub_stats(const struct ksig_sub *sub)
{
	struct ksig_sub_stats st = { .sz = sizeof(st) };

	CHECK_EQ(ksig_sub_stats(sub, &st), 0);
	CHECK_EQ(st.offered, st.delivered + st.queued + st.lost + st.refused);
	return st;
}

static inline uint64_t sub_lost_upto(const struct ksig_sub *sub)
{
	return sub_stats(sub).lost_upto;
}

/* Waits for the next event with poll(2), like a typical program, and returns the event. */
static inline const struct ksig_event *sub_take(struct ksig_sub *sub)
{
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };
	const struct ksig_event *ev = NULL;
	int64_t until = now() + 60 * SECOND;
	int got = 0;

	/*
	 * while a record is being written, the descriptor is readable although the record can't be
	 * read yet
	 */
	while (!got) {
		if (now() > until || OK(poll(&p, 1, 60000)) == 0)
			fail(__FILE__, __LINE__, "%s: no event",
			     ksig_sub_event(sub, 0));
		got = ksig_sub_next(sub, 0, &ev);
	}
	CHECK_EQ(got, 1);
	return ev;
}

/* Return: true if no event is queued. If an event is queued, prints it. */
static inline bool sub_empty(struct ksig_sub *sub)
{
	const struct ksig_event *ev;
	int got = ksig_sub_next(sub, 0, &ev);

	if (got == 1)
		printf("%s: subject %llu, value %llu\n", ksig_sub_event(sub, 0),
		       ev->subject, ev->value);
	return !got;
}

/* Return: true if the process named in the filter has exited and no events are left. */
static inline bool sub_over(struct ksig_sub *sub)
{
	const struct ksig_event *ev;

	return ksig_sub_next(sub, 60 * SECOND, &ev) == -ESHUTDOWN &&
	       sub_stats(sub).flags & KSIG_STATS_SUBJECT_GONE;
}

static inline struct ksig_field field(const struct ksig_sub *sub,
				      const struct ksig_event *ev,
				      const char *key)
{
	struct ksig_field f = { .sz = sizeof(f) };

	CHECK_EQ(ksig_event_get(sub, ev, key, &f), 0);
	return f;
}

#endif /* SUBTEST_H */
