// SPDX-License-Identifier: MIT
/*
 * What /proc shows of a thread, and whether it takes a signal: it blocks it, so that the signal
 * waits, or sleeps in a call that takes it.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "readiness.h"

/* Attempts to read the state of a thread that keeps changing */
#define LOOKS 16

static void take_line(struct ksig_thread_status *st, const char *line)
{
	const char *value = strchr(line, ':');
	int second;

	if (!value)
		return;
	value++;
	if (!strncmp(line, "State:", 6))
		sscanf(value, " %c", &st->state);
	else if (!strncmp(line, "Tgid:", 5))
		sscanf(value, "%d", &st->tgid);
	else if (!strncmp(line, "NSpid:", 6))
		st->nested = sscanf(value, "%*d %d", &second) == 1;
	else if (!strncmp(line, "Uid:", 4))
		sscanf(value, "%u %u %u", &st->uids[0], &st->uids[1],
		       &st->uids[2]);
	else if (!strncmp(line, "SigQ:", 5))
		sscanf(value, "%u", &st->queued);
	else if (!strncmp(line, "SigPnd:", 7))
		sscanf(value, "%" SCNx64, &st->thread_pending);
	else if (!strncmp(line, "ShdPnd:", 7))
		sscanf(value, "%" SCNx64, &st->shared_pending);
	else if (!strncmp(line, "SigBlk:", 7))
		sscanf(value, "%" SCNx64, &st->blocked);
	else if (!strncmp(line, "SigIgn:", 7))
		sscanf(value, "%" SCNx64, &st->ignored);
	else if (!strncmp(line, "SigCgt:", 7))
		sscanf(value, "%" SCNx64, &st->caught);
	else if (!strncmp(line, "CapEff:", 7))
		sscanf(value, "%" SCNx64, &st->effective_caps);
	else if (!strncmp(line, "voluntary_ctxt_switches:", 24))
		sscanf(value, "%llu", &st->sleeps);
}

/* What is missing here says nothing of the target: it is to be tried again. */
static int file_error(void)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return -EAGAIN;
	case ENOENT:
		return -ESRCH;
	}
	return -errno;
}

int ksig_read_status(const char *path, struct ksig_thread_status *st)
{
	FILE *f = fopen(path, "re");
	char line[512];

	memset(st, 0, sizeof(*st));
	if (!f)
		return file_error();
	while (fgets(line, sizeof(line), f))
		take_line(st, line);
	fclose(f);
	/* half a file is what one gets of a process that is going */
	return st->tgid ? 0 : -ESRCH;
}

int ksig_thread_status(pid_t pid, struct ksig_thread_status *st)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return ksig_read_status(path, st);
}

/* rt_sigtimedwait(2), and what 32-bit programs call on amd64 and arm64 */
static bool is_sigtimedwait(long number)
{
	return number == SYS_rt_sigtimedwait || number == 177 || number == 421;
}

/*
 * Who may not trace a thread may see in which function of the kernel it sleeps,
 * if it may see anything: "0" is no answer.
 *
 * Return: 0 it does not wait for signals; -EACCES it does, for which ones can't
 * be told, or not even that; -EAGAIN.
 */
static int may_not_look(pid_t tgid, pid_t tid)
{
	char path[64], where[32] = "0";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/wchan", tgid, tid);
	f = fopen(path, "re");
	if (!f)
		return file_error() == -ESRCH ? 0 : file_error();
	if (!fgets(where, sizeof(where), f))
		*where = '\0';
	fclose(f);
	return !strcmp(where, "0") || !strncmp(where, "do_sigtimedwait", 15) ?
	       -EACCES : 0;
}

/* 1; 0 it can't be read; -EAGAIN */
static int read_set(pid_t tgid, pid_t tid, unsigned long long at,
		    uint64_t *set)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", tgid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return file_error() == -EAGAIN ? -EAGAIN : 0;
	len = pread64(fd, set, sizeof(*set), at);
	close(fd);
	return len == sizeof(*set);
}

/*
 * A thread that sleeps in rt_sigtimedwait(2) has the signals that it waits for
 * taken out of the set that /proc calls blocked. Who may trace it finds the
 * call's arguments there, too: NUMBER 0xSET ...
 *
 * Return: 1 it does, 0 it doesn't; -EACCES the caller may not know; -EAGAIN.
 */
static int waits_for(pid_t tgid, pid_t tid, int signo)
{
	unsigned long long at;
	char path[64];
	uint64_t set;
	long number;
	bool denied;
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", tgid, tid);
	f = fopen(path, "re");
	/* a kernel without CONFIG_HAVE_ARCH_TRACEHOOK has no such file */
	if (!f && errno != EACCES && errno != EPERM)
		return file_error() == -EAGAIN ? -EAGAIN : 0;
	if (!f)
		return may_not_look(tgid, tid);
	n = fscanf(f, "%ld 0x%llx", &number, &at);
	/* the file is its user's to open, and asks who may trace when it is read */
	denied = ferror(f) && (errno == EPERM || errno == EACCES);
	fclose(f);
	if (denied)
		return may_not_look(tgid, tid);
	if (n != 2 || !is_sigtimedwait(number))
		return 0;
	n = read_set(tgid, tid, at, &set);
	return n > 0 ? ksig_in_sigset(set, signo) : n;
}

/* Did it sleep in one and the same place all the time? */
static bool slept_through(const struct ksig_thread_status *before,
			  const struct ksig_thread_status *after)
{
	return before->state != 'R' && after->state != 'R' &&
	       before->sleeps == after->sleeps;
}

/*
 * Two files can't be read at once: a thread that wakes up in between blocks the signal again
 * too late to be seen. That it isn't ready is certain only of one that slept meanwhile; one
 * that runs is looked at some more times.
 */
int ksig_thread_takes(pid_t tgid, pid_t tid, const struct ksig_thread_status *st,
			 int signo)
{
	struct ksig_thread_status before = *st, after;
	char path[64];
	int tries = LOOKS, ret;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", tgid, tid);
	while (tries--) {
		ret = ksig_in_sigset(before.blocked, signo) ? 1 :
						   waits_for(tgid, tid, signo);
		if (ret)
			return ret;
		ret = ksig_read_status(path, &after);
		if (ret)
			return ret == -EAGAIN ? ret : 0;
		if (!ksig_in_sigset(after.blocked, signo) && slept_through(&before, &after))
			return 0;
		before = after;
		sched_yield();
	}
	return -EBUSY;
}

int ksig_process_takes(pid_t tgid, int signo)
{
	struct dirent *entry;
	int takes = 1, err;
	struct ksig_thread_status st;
	char path[512];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	dir = opendir(path);
	if (!dir)
		return file_error() == -EAGAIN ? -EAGAIN : 0;
	while (takes == 1 && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", tgid,
			 entry->d_name);
		err = ksig_read_status(path, &st);
		if (err == -EAGAIN)
			takes = err;
		else if (!err && !ksig_is_dead(&st))
			takes = ksig_thread_takes(tgid, atoi(entry->d_name), &st,
					     signo);
	}
	closedir(dir);
	return takes;
}
