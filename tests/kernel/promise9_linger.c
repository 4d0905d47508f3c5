// SPDX-License-Identifier: MIT
/*
 * Promise 9: opening and closing in a loop is cheap. A channel is stopped only after it has had no
 * subscription for a second. The probe that armed subscriptions need is removed with the same
 * delay. A loop therefore installs the hooks only once.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"

#define LOOPS 100
#define LINGER 1000000000LL

static int64_t now(void)
{
	struct timespec ts;

	OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long count(const char *name)
{
	char path[64];
	long n;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/ksig_context/%s", name);
	f = fopen(path, "re");
	CHECK(f && fscanf(f, "%ld", &n) == 1);
	fclose(f);
	return n;
}

/* Returns the number of function-call IPIs that all CPUs have received. */
static unsigned long ipis(void)
{
	FILE *f = fopen("/proc/interrupts", "re");
	unsigned long sum = 0, n;
	char line[4096], *end, *p;

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		p = strstr(line, "CAL:");
		if (!p)
			continue;
		for (p += 4; n = strtoul(p, &end, 10), end != p; p = end)
			sum += n;
	}
	fclose(f);
	return sum;
}

static int cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/*
 * Opens and closes the channel in a loop. Return: how many times the channel stayed closed for so
 * long that it may have been stopped.
 */
static int loop(const char *channel, bool armed)
{
	int64_t closed = now();
	int fd, i, stalls = 0;

	for (i = 0; i < LOOPS; i++) {
		fd = OK(chan_open(channel, 0));
		/*
		 * after a delay of this length, the channel may have been stopped and the probe
		 * removed
		 */
		if (now() - closed >= LINGER)
			stalls++;
		if (armed)
			OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
		closed = now();
		close(fd);
	}
	return stalls;
}

static void test_start_and_stop(void)
{
	long starts;
	int stalls;

	context_load();
	CHECK_EQ(count("starts"), 0);
	stalls = loop("context", false);
	starts = count("starts");
	CHECK(starts >= 1 && starts <= 1 + stalls);
	/* the channel is stopped eventually */
	UNTIL(count("stops") == starts);
	close(OK(chan_open("context", 0)));
	CHECK_EQ(count("starts"), starts + 1);
	/* unloading stops the channel immediately; the module itself checks this */
	context_unload();

	/* the subscription outlives its driver */
	context_load();
	stalls = OK(chan_open("context", 0));
	close(OK(chan_open("context", 0)));
	CHECK_EQ(count("stops"), 0);
	context_unload();
	close(stalls);
}

static void test_ipis(const char *channel, bool armed)
{
	unsigned long before, each;
	int stalls;

	/* warm up: install the hooks */
	loop(channel, armed);
	before = ipis();
	stalls = loop(channel, armed);
	each = (ipis() - before) * 100 / LOOPS;
	printf(": %s%s: %lu.%02lu IPIs for an open and close\n", channel,
	       armed ? ", armed" : "", each / 100, each % 100);
	/*
	 * if each round installed and removed the hooks of "memory", a round would take 43 IPIs on
	 * two CPUs
	 */
	if (!stalls)
		CHECK(each <= 300);
}

int main(void)
{
	block(SIG);
	test_start_and_stop();
	if (cpus() < 2)
		skip("nothing to interrupt on a single cpu; all else passed");
	test_ipis("process", false);
	test_ipis("memory", false);
	test_ipis("net", false);
	test_ipis("cpu", false);
	test_ipis("test", true);
	return 0;
}
