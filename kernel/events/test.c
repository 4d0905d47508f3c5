// SPDX-License-Identifier: GPL-2.0-only
/* /dev/ksig/test: write(2) of a 64-bit number emits an event with that value. */
#include "../channel.h"
#include "events.h"

struct ksig_builtin ksig_test = {
	.desc = {
		.name = "test",
		.description = "whatever is written to it; for trying out",
		.flags = KSIG_CHANNEL_WRITABLE,
	},
};
