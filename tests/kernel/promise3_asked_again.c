// SPDX-License-Identifier: MIT
/*
 * Promise 3: while signals are sent, the security module's check is repeated at least once per
 * second because its result can change without a change of credentials. The check is not repeated
 * for each signal. A kprobe counts the calls.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"

#define TRACING "/sys/kernel/debug/tracing/"
#define SECOND 1000000000LL

static int64_t now(void)
{
	struct timespec ts;

	OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static unsigned long asked(void)
{
	FILE *f = fopen(TRACING "trace", "re");
	unsigned long n = 0;
	char line[256];

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, " ksig_asked: ") != NULL;
	fclose(f);
	return n;
}

static void probe(void)
{
	int fd = open(TRACING "kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	char filter[64];

	if (fd < 0)
		skip("this kernel has no kprobe events");
	close(fd);
	CHECK_EQ(write_to(TRACING "kprobe_events",
			  "p:ksig_asked security_task_kill"), 0);
	/* count only calls by this process */
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	CHECK_EQ(write_to(TRACING "events/kprobes/ksig_asked/filter", filter), 0);
	CHECK_EQ(write_to(TRACING "events/kprobes/ksig_asked/enable", "1"), 0);
}

static void unprobe(void)
{
	CHECK_EQ(write_to(TRACING "events/kprobes/ksig_asked/enable", "0"), 0);
	CHECK_EQ(write_to(TRACING "kprobe_events", "-:ksig_asked"), 0);
}

int main(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));
	unsigned long first, before, sent = 0;
	int64_t last;
	int i;

	block(SIG);
	probe();
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	emit(++sent);
	CHECK_EQ(take(SIG).si_int, sent);
	first = asked();
	/* one call by ARM, one by the first signal */
	CHECK_EQ(first, 2);

	for (i = 0; i < 3; i++) {
		before = asked();
		last = now();
		/* the check is repeated during this second, or for the first signal after it */
		do {
			emit(++sent);
			CHECK_EQ(take(SIG).si_int, sent);
		} while (now() - last < SECOND + SECOND / 20);
		emit(++sent);
		CHECK_EQ(take(SIG).si_int, sent);
		CHECK(asked() > before);
	}
	printf(": consulted %lu times for %lu signals in three seconds\n",
	       asked() - first, sent);
	CHECK(sent < 20 || asked() - first < sent);
	CHECK_EQ(stats_of(fd).refused, 0);
	check_identity(fd);
	close(fd);
	unprobe();
	return 0;
}
