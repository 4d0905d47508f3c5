/* SPDX-License-Identifier: MIT */
/*
 * Helpers of the tests of libksig, besides ktest.h. A test that defines PROVIDER before it
 * includes this is about that provider.
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

/* CLOCK_MONOTONIC, in nanoseconds */
static inline int64_t now(void)
{
	struct timespec ts;

	OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* Options of sub_open(): NAME = VALUE, ... besides the provider. */
#define SUB_OPTS(...) (&(struct ksig_sub_opts) { \
	.sz = sizeof(struct ksig_sub_opts), .provider = PROVIDER, __VA_ARGS__ })

/* As ksig_sub_open(), and the reason in @why, which holds 1024 bytes */
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

/* Must fail with that errno, and with a message that has these words and this column */
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

/* The kernel's veth, where it is a module; without it ip(8) fails. */
static inline void load_veth(void)
{
	if (!access("/ksig/veth.ko", F_OK) &&
	    system("insmod /ksig/veth.ko 2>/dev/null"))
		printf("insmod veth.ko failed: it may be loaded already\n");
}

/* Tracefs, for this process and its children. */
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

/* The same, in a process of its own, so that the library's caches aren't filled. */
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

/* The next event, waited for through the descriptor as any program would. */
static inline const struct ksig_event *sub_take(struct ksig_sub *sub)
{
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };
	const struct ksig_event *ev = NULL;
	int64_t until = now() + 60 * SECOND;
	int got = 0;

	/* one that is being written makes the descriptor readable, but can't be read yet */
	while (!got) {
		if (now() > until || OK(poll(&p, 1, 60000)) == 0)
			fail(__FILE__, __LINE__, "%s: nothing comes",
			     ksig_sub_event(sub, 0));
		got = ksig_sub_next(sub, 0, &ev);
	}
	CHECK_EQ(got, 1);
	return ev;
}

/* Is there no event? One that there is, is printed. */
static inline bool sub_empty(struct ksig_sub *sub)
{
	const struct ksig_event *ev;
	int got = ksig_sub_next(sub, 0, &ev);

	if (got == 1)
		printf("%s: subject %llu, value %llu\n", ksig_sub_event(sub, 0),
		       ev->subject, ev->value);
	return !got;
}

/* Has the process that the filter names exited, with no events left? */
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
