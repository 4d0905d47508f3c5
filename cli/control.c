// SPDX-License-Identifier: MIT
/* Sends a single signal, and opens device nodes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ksig/libksig.h>

#include "../lib/load_hint.h"
#include "cli.h"

int ksig_node_open(const char *path, int flags, int *fd)
{
	*fd = open(path, flags | O_CLOEXEC);
	if (*fd >= 0)
		return KSIG_DONE;
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV) {
		ksig_error("%s doesn't exist: ksig.ko is not loaded%s", path,
			   ksig_load_hint());
		return KSIG_NOT_HERE;
	}
	ksig_error("cannot open %s: %s%s", path, strerror(errno),
		   errno == EACCES ? " (requires root: try sudo)" : "");
	return KSIG_FAILED;
}

static const char *const ways[] = {
	[KSIG_SENT_BY_MODULE] = "module",
	[KSIG_SENT_BY_CALLER] = "caller",
};

#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

int ksig_parse_way(const char *s, unsigned int *flags)
{
	unsigned int i;

	for (i = 0; i < N_WAYS; i++) {
		if (strcmp(ways[i], s))
			continue;
		*flags |= KSIG_SEND_BY(i);
		return 0;
	}
	return -EINVAL;
}

int ksig_send_now(pid_t pid, int signo, uint64_t value, unsigned int flags,
		  const char **by)
{
	unsigned int allowed = flags & ~KSIG_SEND_PROCESS;
	bool module_only = allowed == KSIG_SEND_BY(KSIG_SENT_BY_MODULE);
	struct pollfd pidfd = { .events = POLLIN };
	int ret = ksig_send(pid, signo, value, flags);

	if (ret >= 0) {
		*by = ways[ret];
		ksig_error("sent by %s", *by);
		return KSIG_DONE;
	}
	switch (ret) {
	case -ESRCH:
		/* kill(pid, 0) would also succeed for a zombie */
		pidfd.fd = syscall(SYS_pidfd_open, pid, 0);
		if (pidfd.fd < 0 || poll(&pidfd, 1, 0))
			ksig_error("no process %d", pid);
		else if (flags & KSIG_SEND_PROCESS)
			ksig_error("process %d is exiting", pid);
		else
			ksig_error("the main thread of process %d has exited; try -p",
				   pid);
		if (pidfd.fd >= 0)
			close(pidfd.fd);
		return KSIG_TARGET_GONE;
	case -EOPNOTSUPP:
		if (module_only)
			ksig_error("/dev/ksig/control doesn't exist: ksig.ko is not loaded%s",
				   ksig_load_hint());
		else
			ksig_error("%s; run 'ksig doctor' for the reason, or check that /proc shows process %d (hidepid)",
				   allowed ? "this way of sending is not available here" :
				   "signals cannot be sent here", pid);
		return KSIG_NOT_HERE;
	case -EACCES:
		if (module_only)
			ksig_error("cannot open /dev/ksig/control: %s (requires root: try sudo)",
				   strerror(EACCES));
		else
			ksig_error("process %d may be waiting for signal %d, but you are not permitted to see that (prctl(2), PR_SET_DUMPABLE; kernel.yama.ptrace_scope), or a security module forbids the signal; nothing was sent: try sudo",
				   pid, signo);
		break;
	case -EPERM:
		ksig_error("not permitted to signal process %d", pid);
		break;
	case -ECONNREFUSED:
		ksig_error("process %d is not ready for signal %d: it has no handler for it and does not block it, or handles it only once (SA_RESETHAND) and has one pending; nothing was sent",
			   pid, signo);
		break;
	case -EAGAIN:
		ksig_error("the signal queue of process %d is full (see 'ulimit -i'); nothing was sent",
			   pid);
		break;
	default:
		ksig_error("cannot signal process %d: %s", pid, strerror(-ret));
	}
	return KSIG_FAILED;
}
