// SPDX-License-Identifier: MIT
/*
 * Check that with each provider, an event's time is CLOCK_MONOTONIC in the subscriber's time
 * namespace.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/wait.h>

#include "subtest.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define AHEAD 1000000	/* seconds */

static void check_times(const char *provider, const char *event)
{
	struct ksig_sub_opts opts = *SUB_OPTS();
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	char why[1024];
	int64_t before;
	pid_t pid;
	int err;

	opts.provider = provider;
	before = now();
	err = sub_try(event, &opts, why, NULL, &sub);
	if (err == -EOPNOTSUPP || err == -EPERM || err == -EACCES) {
		printf(": %s: %s left out: %s\n", provider, event, why);
		return;
	}
	if (err)
		fail(__FILE__, __LINE__, "%s by %s: %s", event, provider, why);
	pid = OK(fork());
	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	/* events of other processes may also arrive */
	do {
		CHECK_EQ(ksig_sub_next(sub, 20 * SECOND, &ev), 1);
		if ((int64_t)ev->time_ns < before || (int64_t)ev->time_ns > now())
			fail(__FILE__, __LINE__, "%s by %s at %lld", event,
			     provider, (long long)ev->time_ns);
	} while (ev->subject != (uint64_t)pid && ev->value != (uint64_t)pid);
	ksig_sub_close(sub);
}

static void inside(struct child *self, void *arg)
{
	static const char *const providers[] = { "module", "bpf", "native" };
	unsigned int i;

	(void)self;
	(void)arg;
	CHECK(now() >= AHEAD * SECOND);
	for (i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
		check_times(providers[i], "process.fork");
		check_times(providers[i], "process.exit");
	}
}

int main(void)
{
	char line[64];
	struct child c;

	CHECK(now() < AHEAD * SECOND);
	if (unshare(CLONE_NEWTIME))
		skip("no time namespace: %m");
	snprintf(line, sizeof(line), "monotonic %d 0", AHEAD);
	CHECK_EQ(write_to("/proc/self/timens_offsets", line), 0);
	c = child_start(inside, NULL);
	child_join(&c);
	return 0;
}
