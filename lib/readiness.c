// SPDX-License-Identifier: MIT
/*
 * Reads the state of a thread from /proc, and checks whether the thread accepts a signal without a
 * handler. It does if it blocks the signal, which then stays pending, or if it sleeps in a system
 * call that waits for the signal.
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

/* Maximum number of attempts to read a thread's state while the state keeps changing */
#define LOOKS 16

/*
 * Returns -EAGAIN if this process lacks memory or descriptors, because such an error says nothing
 * about the target.
 */
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
	char line[512], *value;
	int second;

	memset(st, 0, sizeof(*st));
	if (!f)
		return file_error();
	while (fgets(line, sizeof(line), f)) {
		value = strchr(line, ':');
		if (!value)
			continue;
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
	fclose(f);
	/* the file may be incomplete if the process is exiting */
	return st->tgid ? 0 : -ESRCH;
}

int ksig_thread_status(pid_t pid, struct ksig_thread_status *st)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return ksig_read_status(path, st);
}

/* Writes the path of a thread's file in /proc to @path. */
static const char *task_path(char path[64], pid_t tgid, pid_t tid, const char *file)
{
	snprintf(path, 64, "/proc/%d/task/%d/%s", tgid, tid, file);
	return path;
}

/*
 * Checks whether a thread waits for signals, for callers that are not permitted to trace the
 * thread. Such a caller may still be permitted to read the name of the kernel function in which the
 * thread sleeps (wchan); "0" means unknown.
 *
 * Return: 0 if the thread does not wait for signals; -EACCES if it waits for an unknown set of
 * signals, or if the function is unknown; -EAGAIN if this process lacks resources.
 */
static int waits_untraced(pid_t tgid, pid_t tid)
{
	char path[64], where[32] = "0";
	FILE *f;

	f = fopen(task_path(path, tgid, tid, "wchan"), "re");
	if (!f)
		return file_error() == -ESRCH ? 0 : file_error();
	if (!fgets(where, sizeof(where), f))
		*where = '\0';
	fclose(f);
	return !strcmp(where, "0") || !strncmp(where, "do_sigtimedwait", 15) ?
	       -EACCES : 0;
}

/*
 * The signals for which a thread waits in rt_sigtimedwait(2) are not in the blocked set that /proc
 * shows. If the caller is permitted to trace the thread, it can also read the arguments of the call
 * from /proc: NUMBER 0xSET ...
 *
 * Return: 1 if the thread waits for @signo; 0 if it does not; -EACCES if the caller is not
 * permitted to know; -EAGAIN if this process lacks resources.
 */
static int waits_for(pid_t tgid, pid_t tid, int signo)
{
	unsigned long long at;
	char path[64];
	uint64_t set;
	long number;
	bool denied;
	ssize_t len;
	FILE *f;
	int n, fd;

	f = fopen(task_path(path, tgid, tid, "syscall"), "re");
	/* kernels without CONFIG_HAVE_ARCH_TRACEHOOK lack this file */
	if (!f && errno != EACCES && errno != EPERM)
		return file_error() == -EAGAIN ? -EAGAIN : 0;
	if (!f)
		return waits_untraced(tgid, tid);
	n = fscanf(f, "%ld 0x%llx", &number, &at);
	/* the owner can open the file, but reading it requires permission to trace the process */
	denied = ferror(f) && (errno == EPERM || errno == EACCES);
	fclose(f);
	if (denied)
		return waits_untraced(tgid, tid);
	/* the numbers of rt_sigtimedwait(2): native, and for 32-bit programs on amd64 and arm64 */
	if (n != 2 ||
	    (number != SYS_rt_sigtimedwait && number != 177 && number != 421))
		return 0;
	fd = open(task_path(path, tgid, tid, "mem"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return file_error() == -EAGAIN ? -EAGAIN : 0;
	len = pread64(fd, &set, sizeof(set), at);
	close(fd);
	return len == sizeof(set) && ksig_in_sigset(set, signo);
}

/*
 * The thread's files "status" and "syscall" cannot be read atomically. Between the two reads, the
 * thread may wake up and then block the signal. It is therefore known not to be ready only if it
 * slept the whole time. A running thread is checked a few more times.
 */
int ksig_thread_takes(pid_t tgid, pid_t tid, const struct ksig_thread_status *st,
			 int signo)
{
	struct ksig_thread_status before = *st, after;
	char path[64];
	int tries = LOOKS, ret;

	task_path(path, tgid, tid, "status");
	while (tries--) {
		ret = ksig_in_sigset(before.blocked, signo) ? 1 :
						   waits_for(tgid, tid, signo);
		if (ret)
			return ret;
		ret = ksig_read_status(path, &after);
		if (ret)
			return ret == -EAGAIN ? ret : 0;
		if (!ksig_in_sigset(after.blocked, signo) && before.state != 'R' &&
		    after.state != 'R' && before.sleeps == after.sleeps)
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
