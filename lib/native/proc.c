// SPDX-License-Identifier: MIT
/* Reads the name, parent and start time of a process from /proc. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

/* "PID (COMM) STATE PPID ... STARTTIME": the fields from STATE to STARTTIME */
#define STAT_FORMAT \
	" %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d" \
	" %*d %ld %*d %" SCNu64

int ksig_proc_read(pid_t pid, struct ksig_proc_stat *st)
{
	char path[40], buf[1024], *name, *end;
	ssize_t n;
	size_t len;
	int fd, err;

	memset(st, 0, sizeof(*st));
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf) - 1);
	err = n < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	buf[n] = '\0';
	/* a name may contain blanks and parentheses, so look for the last parenthesis */
	name = strchr(buf, '(');
	end = strrchr(buf, ')');
	if (!name || !end || end < name)
		return -ESRCH;
	name++;
	len = end - name;
	if (len > sizeof(st->comm) - 1)
		len = sizeof(st->comm) - 1;
	if (sscanf(end + 1, STAT_FORMAT, &st->state, &st->parent, &st->threads,
		   &st->start) != 4)
		return -ESRCH;
	memcpy(st->comm, name, len);
	return 0;
}

/*
 * /proc shows the offsets of the time namespace in which children are created. After unshare(2),
 * that namespace differs from the one of the process itself. The process is then assumed to be in
 * the initial time namespace.
 */
int64_t ksig_proc_time_offset(void)
{
	struct stat own, childrens;
	int64_t seconds, ns;
	char line[128];
	bool found;
	FILE *f;

	if (stat("/proc/self/ns/time", &own) ||
	    stat("/proc/self/ns/time_for_children", &childrens) ||
	    own.st_ino != childrens.st_ino)
		return 0;
	f = fopen("/proc/self/timens_offsets", "re");
	if (!f)
		return 0;
	found = fgets(line, sizeof(line), f) &&
		sscanf(line, "monotonic %" SCNd64 " %" SCNd64, &seconds, &ns) == 2;
	fclose(f);
	return found ? seconds * 1000000000 + ns : 0;
}

/* The start time is in ticks of CLOCK_BOOTTIME, rounded down. */
bool ksig_proc_began_before(const struct ksig_proc_stat *st, uint64_t time_ns)
{
	int64_t slept = -ksig_clock_offset(CLOCK_MONOTONIC);
	uint64_t tick = 1000000000 / sysconf(_SC_CLK_TCK);

	return st->start <= (time_ns + slept) / tick;
}

void ksig_proc_read_at(pid_t pid, uint64_t time_ns, struct ksig_proc_stat *st)
{
	if (ksig_proc_read(pid, st) || !ksig_proc_began_before(st, time_ns))
		memset(st, 0, sizeof(*st));
}

void ksig_proc_fill(struct ksig_event *ev, pid_t pid,
		    const struct ksig_proc_stat *st)
{
	struct ksig_process_data *data = (void *)ev->data;

	ev->subject = pid;
	ev->len = sizeof(*data);
	memcpy(data->comm, st->comm, sizeof(data->comm));
	data->tgid = pid;
	data->parent = st->parent;
	if (!st->state)
		ev->flags |= KSIG_EVENT_NO_COMM;
	if (!st->state && !st->parent)
		ev->flags |= KSIG_EVENT_NO_PARENT;
}
