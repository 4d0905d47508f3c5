/* SPDX-License-Identifier: MIT */
/* Alarms: kernel files that report each change once, by POLLPRI. */
#ifndef KSIG_NATIVE_ALARM_H
#define KSIG_NATIVE_ALARM_H

#include <linux/aio_abi.h>

#include "native.h"

/**
 * struct ksig_alarm - waits for POLLPRI of a file
 * @fd: the file; not owned
 * @done: eventfd that counts completed requests
 * @ctx: context of the asynchronous request
 * @requested: a request is pending
 *
 * poll(2) consumes the change that such a file reports, and so does polling an epoll set that
 * contains the file. A program that polls the subscription's descriptor would find it readable, but
 * there would be nothing to read. The file is therefore polled by an asynchronous I/O request,
 * whose completion makes an eventfd readable.
 */
struct ksig_alarm {
	int fd;
	int done;
	aio_context_t ctx;
	bool requested;
};

#define KSIG_ALARM_INIT { .fd = -1, .done = -1 }

/*
 * Begins to wait for POLLPRI of @fd, and adds the alarm to the epoll set of @n. The caller must
 * call ksig_alarm_close() even if this fails.
 * Return: 0, or -errno with the reason in @e.
 */
int ksig_alarm_open(struct ksig_alarm *a, struct ksig_native *n, int fd,
		    struct ksig_error *e);
/*
 * Takes an alarm that has occurred, and requests the next one, without waiting. Changes that happen
 * after this call are reported by the next alarm, so read the file's content after the call.
 * Return: the events of poll(2) that have occurred; 0 if there was no alarm; -errno.
 */
int ksig_alarm_take(struct ksig_alarm *a);
/* Must be called before @fd is closed, because a pending request keeps the file open. */
void ksig_alarm_close(struct ksig_alarm *a);

#endif /* KSIG_NATIVE_ALARM_H */
