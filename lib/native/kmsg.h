/* SPDX-License-Identifier: MIT */
/* kernel.*: the messages of the kernel's log. */
#ifndef KSIG_NATIVE_KMSG_H
#define KSIG_NATIVE_KMSG_H

#include "native.h"

/**
 * struct ksig_kmsg - a message
 * @seq: its number in the log
 * @level: its level, as in syslog(3): 0 (LOG_EMERG) to 7 (LOG_DEBUG)
 * @facility: its facility; NULL if it has no name
 * @text: text of the message
 * @subsystem: subsystem of the device that it is about, or NULL
 * @device: that device, in the format of Documentation/ABI/testing/dev-kmsg, or NULL
 * @type: KSIG_KERNEL_*, what it announces
 * @comm: name of the task, for KSIG_KERNEL_HUNG
 * @pid: its pid in the initial pid namespace
 * @seconds: for how long the task has been blocked
 */
struct ksig_kmsg {
	uint64_t seq;
	unsigned int level;
	const char *facility;
	const char *text;
	const char *subsystem;
	const char *device;
	uint32_t type;
	char comm[16];
	uint64_t pid;
	uint64_t seconds;
};

/*
 * Parses a message as read from /dev/kmsg. The strings of @m point into @buf, which is changed.
 * Return: whether @buf contains a message.
 */
bool ksig_kmsg_parse(char *buf, struct ksig_kmsg *m);

#endif /* KSIG_NATIVE_KMSG_H */
