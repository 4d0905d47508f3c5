// SPDX-License-Identifier: GPL-2.0-only
/* /dev/ksig/test: write(2) of a 64-bit number emits an event with that value. */
#include "../channel.h"
#include "events.h"

struct ksig_builtin ksig_test = {
	.desc = {
		.name = "test",
		.description = "an event is written to the device, for testing",
		.flags = KSIG_CHANNEL_WRITABLE,
	},
};
