// SPDX-License-Identifier: MIT
/* Opens and checks pidfds of processes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "readiness.h"

#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446
#endif

bool ksig_process_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

int ksig_process_open(uint64_t number, unsigned int column, struct ksig_error *e)
{
	struct ksig_thread_status st;
	pid_t pid = number;
	int fd;

	if (!number || number > INT_MAX)
		return ksig_fail(e, column, ESRCH, "no process %" PRIu64, number);
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd >= 0 && ksig_process_ended(fd)) {
		close(fd);
		return ksig_fail(e, column, ESRCH,
				 "process %d has exited but its parent has not reaped it (a zombie)",
				 pid);
	}
	if (fd >= 0)
		return fd;
	/* EINVAL, or ENOENT since 6.15, means that @number is the ID of a thread */
	if (errno != ESRCH && !ksig_thread_status(pid, &st) && st.tgid != pid)
		return ksig_fail(e, column, EINVAL,
				 "%d is a thread of process %d: use %d", pid,
				 st.tgid, st.tgid);
	if (errno == ESRCH || errno == EINVAL || errno == ENOENT)
		return ksig_fail(e, column, ESRCH, "no process %d", pid);
	return ksig_fail(e, column, errno, "cannot open a pidfd of process %d: %s", pid,
			 strerror(errno));
}

bool ksig_pidfd_in_pidfs(int pidfd)
{
	struct statfs fs;

	return !fstatfs(pidfd, &fs) && fs.f_type == PID_FS_MAGIC;
}

int ksig_pidfd_is_open(int pidfd)
{
	return pidfd >= 0 && fcntl(pidfd, F_GETFD) < 0 ? -errno : 0;
}

int ksig_pidfd_check(int pidfd, pid_t pid)
{
	char path[48], line[128];
	struct stat given, own;
	int err, fd, number = 0;
	bool same;
	FILE *f;

	if (fcntl(pidfd, F_GETFD) < 0)
		return -errno;
	if (ksig_pidfd_in_pidfs(pidfd)) {
		fd = syscall(SYS_pidfd_open, pid, 0);
		if (fd < 0) {
			err = errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
		} else {
			same = !fstat(pidfd, &given) && !fstat(fd, &own) &&
			       given.st_dev == own.st_dev && given.st_ino == own.st_ino;
			close(fd);
			err = same ? 0 : -EINVAL;
		}
		/* if the process has exited, its pid may be free or reused, so ignore @err */
		return ksig_process_ended(pidfd) ? -ESRCH : err;
	}
	/* before Linux 6.9, read the pid from /proc; -1 means that the process has exited */
	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Pid: %d", &number) == 1)
			break;
	}
	fclose(f);
	return number < 0 ? -ESRCH : number == pid ? 0 : -EINVAL;
}
