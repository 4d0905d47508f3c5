// SPDX-License-Identifier: MIT
/* Sends a single signal immediately. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib.h"

#define CONTROL "/dev/ksig/control"

#define WAYS (KSIG_SEND_BY(KSIG_SENT_BY_MODULE) | \
	      KSIG_SEND_BY(KSIG_SENT_BY_CALLER))

int ksig_send(pid_t pid, int signo, uint64_t value, unsigned int flags)
{
	struct ksig_send send = {
		.pid = pid,
		.signo = signo,
		.flags = flags & ~WAYS,
		.value = value,
	};
	struct ksig_target_opts opts = {
		.sz = sizeof(opts),
		.pid = pid,
		.pidfd = -1,
		.signo = signo,
		.flags = send.flags,
		.max_pending = KSIG_PENDING_MAX,
	};
	unsigned int allowed = flags & WAYS ? flags & WAYS : WAYS;
	struct ksig_target *target;
	int ret = -EOPNOTSUPP, fd;

	if (pid <= 0 || signo < 1 || signo > 64 ||
	    send.flags & ~KSIG_SEND_PROCESS)
		return -EINVAL;
	if (allowed & KSIG_SEND_BY(KSIG_SENT_BY_MODULE)) {
		fd = open(CONTROL, O_RDWR | O_CLOEXEC);
		if (fd >= 0) {
			ret = ioctl(fd, KSIG_IOC_SEND, &send) ? -errno :
								KSIG_SENT_BY_MODULE;
			close(fd);
			return ret;
		}
		if (errno != ENOENT && errno != ENXIO && errno != ENODEV)
			ret = -errno;
	}
	if (!(allowed & KSIG_SEND_BY(KSIG_SENT_BY_CALLER)))
		return ret;
	/*
	 * The same credentials apply as with the module, but no access to the device node is
	 * required.
	 */
	ret = ksig_target_open(&opts, &target);
	if (ret)
		return ret;
	/* retry here, because nothing will retry later */
	do
		ret = ksig_target_send(target, 0, value);
	while (ret == -EAGAIN && ksig_target_unsure(target));
	ksig_target_close(target);
	/* a standard signal may already be pending: kill(2) would succeed and merge the signals */
	if (ret && !(ret == -EAGAIN && signo <= 31))
		return ret;
	return KSIG_SENT_BY_CALLER;
}
