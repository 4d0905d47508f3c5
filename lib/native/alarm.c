// SPDX-License-Identifier: MIT
/* Waits for POLLPRI by asynchronous I/O; alarm.h says why. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alarm.h"

static int alarm_request(struct ksig_alarm *a)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = a->fd,
		.aio_buf = POLLPRI,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = a->done,
	};
	struct iocb *list[] = { &cb };

	a->requested = syscall(SYS_io_submit, a->ctx, 1, list) == 1;
	return a->requested ? 0 : -errno;
}

int ksig_alarm_take(struct ksig_alarm *a)
{
	struct io_event result = { };
	uint64_t count;
	int err;

	if (!a->requested)
		return alarm_request(a);
	if (read(a->done, &count, sizeof(count)) < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (syscall(SYS_io_getevents, a->ctx, 0, 1, &result, NULL) != 1)
		return 0;
	a->requested = false;
	if (result.res < 0)
		return result.res;
	/* if this fails, the alarm is returned nevertheless, and the next call requests again */
	err = alarm_request(a);
	return result.res ? (int)result.res : err;
}

int ksig_alarm_open(struct ksig_alarm *a, struct ksig_native *n, int fd,
		    struct ksig_error *e)
{
	int err;

	*a = (struct ksig_alarm) { .fd = fd };
	a->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->done < 0)
		return ksig_native_fail(e, -errno, "cannot create an eventfd");
	if (syscall(SYS_io_setup, 1, &a->ctx)) {
		err = errno;
		return ksig_fail(e, 0, err == ENOSYS ? EOPNOTSUPP : err,
				 "cannot set up asynchronous I/O (io_setup): %s%s",
				 strerror(err),
				 err == EAGAIN ? "; raise fs.aio-max-nr" :
				 err == ENOSYS ? ": needs CONFIG_AIO" : "");
	}
	err = alarm_request(a);
	if (!err)
		err = ksig_native_watch(n, a->done, EPOLLIN);
	return err ? ksig_native_fail(e, err, "cannot poll a file for changes") : 0;
}

void ksig_alarm_close(struct ksig_alarm *a)
{
	if (a->ctx)
		syscall(SYS_io_destroy, a->ctx);
	if (a->done >= 0)
		close(a->done);
	*a = (struct ksig_alarm) KSIG_ALARM_INIT;
}
