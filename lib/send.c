// SPDX-License-Identifier: MIT
/* One signal, now. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib.h"

#define CONTROL "/dev/ksig/control"

#define WAYS (KSIG_SEND_BY(KSIG_SENT_BY_MODULE) | \
	      KSIG_SEND_BY(KSIG_SENT_BY_CALLER))

/* Return: false if there is no module, or it may not be used: @ret is why. */
static bool send_by_module(const struct ksig_send *send, int *ret)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		*ret = errno == ENOENT || errno == ENXIO || errno == ENODEV ?
		       -EOPNOTSUPP : -errno;
		return false;
	}
	*ret = ioctl(fd, KSIG_IOC_SEND, send) ? -errno : 0;
	close(fd);
	return true;
}

/* The credentials are the caller's either way; no access to the node is needed. */
static int send_by_caller(const struct ksig_send *send)
{
	struct ksig_target_opts opts = {
		.sz = sizeof(opts),
		.pid = send->pid,
		.pidfd = -1,
		.signo = send->signo,
		.flags = send->flags,
		.max_pending = KSIG_PENDING_MAX,
	};
	struct ksig_target *target;
	int ret;

	ret = ksig_target_open(&opts, &target);
	if (ret)
		return ret;
	/* there is no later attempt */
	do
		ret = ksig_target_send(target, 0, send->value);
	while (ret == -EAGAIN && ksig_target_unsure(target));
	ksig_target_close(target);
	/* a standard signal is pending: kill(2) would merge them */
	return ret == -EAGAIN && send->signo <= 31 ? 0 : ret;
}

int ksig_send(pid_t pid, int signo, uint64_t value, unsigned int flags)
{
	struct ksig_send send = {
		.pid = pid,
		.signo = signo,
		.flags = flags & ~WAYS,
		.value = value,
	};
	unsigned int allowed = flags & WAYS ? flags & WAYS : WAYS;
	int ret = -EOPNOTSUPP;

	if (pid <= 0 || signo < 1 || signo > 64 ||
	    send.flags & ~KSIG_SEND_PROCESS)
		return -EINVAL;
	if (allowed & KSIG_SEND_BY(KSIG_SENT_BY_MODULE) &&
	    send_by_module(&send, &ret))
		return ret ? ret : KSIG_SENT_BY_MODULE;
	if (!(allowed & KSIG_SEND_BY(KSIG_SENT_BY_CALLER)))
		return ret;
	ret = send_by_caller(&send);
	return ret ? ret : KSIG_SENT_BY_CALLER;
}
