/* SPDX-License-Identifier: GPL-2.0-only */
/* The built-in channels. */
#ifndef KSIG_EVENTS_H
#define KSIG_EVENTS_H

#include <ksig/driver.h>

/**
 * struct ksig_builtin - a built-in channel
 * @desc: description of the channel
 * @chan: the channel's handle, for emitting
 */
struct ksig_builtin {
	struct ksig_channel_desc desc;
	struct ksig_channel *chan;
};

extern struct ksig_builtin ksig_test, ksig_process, ksig_memory, ksig_power,
			   ksig_net, ksig_cpu, ksig_kmod;

int ksig_events_init(void);
void ksig_events_exit(void);

#endif /* KSIG_EVENTS_H */
