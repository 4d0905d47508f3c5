/* SPDX-License-Identifier: MIT */
/* Access to the tracepoints ksig:* through a separate trace instance. */
#ifndef TRACE_SIGNALS_H
#define TRACE_SIGNALS_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ktest.h"

#define INSTANCE "/sys/kernel/debug/tracing/instances/ksig_test"

static inline void trace_remove(void)
{
	rmdir(INSTANCE);
}

/* Starts recording ksig:NAME; skips the test if tracefs is not available. */
static inline void trace_begin(const char *name)
{
	char path[128];

	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		skip("no tracefs: %m");
	atexit(trace_remove);
	CHECK_EQ(write_to(INSTANCE "/buffer_size_kb", "16384"), 0);
	snprintf(path, sizeof(path), INSTANCE "/events/ksig/%s/enable", name);
	CHECK_EQ(write_to(path, "1"), 0);
}

static inline void trace_end(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), INSTANCE "/events/ksig/%s/enable", name);
	CHECK_EQ(write_to(path, "0"), 0);
}

/*
 * Returns the number of recorded lines from this process that contain @text. Sets *@others to the
 * number of such lines from other processes.
 */
static inline long trace_count(const char *text, long *others)
{
	FILE *f = fopen(INSTANCE "/trace", "re");
	long mine = 0, all = 0, pid;
	char line[512], *dash;

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (*line == '#' || !strstr(line, text))
			continue;
		all++;
		/* "            task-123     [000] d..1.  12.345: ksig_..." */
		dash = strchr(line, '[');
		CHECK(dash);
		while (dash > line && dash[-1] == ' ')
			dash--;
		while (dash > line && dash[-1] != '-')
			dash--;
		pid = strtol(dash, NULL, 10);
		mine += pid == getpid();
	}
	fclose(f);
	if (others)
		*others = all - mine;
	return mine;
}

#endif
