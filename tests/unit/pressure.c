// SPDX-License-Identifier: MIT
/* memory.pressure: a PSI trigger that fires without a stall is not an event. */
/* besides the library's own */
#define ksig_native_pressure ksig_native_pressure_tested
#include "../../lib/native/pressure.c"

#include "test.h"

#define SECOND 1000000000LL

int main(void)
{
	struct pressure_state s = {
		.stall_us = 200000, .window_us = 2000000, .seen = 1000,
	};

	/* nothing, or less than requested, in a whole window */
	CHECK(!pressure_reached(&s, 1000, 2 * SECOND));
	CHECK(!pressure_reached(&s, 101000, 4 * SECOND));
	/* the next is compared with that, not with the last event */
	CHECK(!pressure_reached(&s, 201000, 6 * SECOND));
	CHECK(pressure_reached(&s, 401000, 8 * SECOND));
	/* what is stalled until the number is read belongs to the event before */
	CHECK(pressure_reached(&s, 401000 + 199000, 10 * SECOND));
	/* read late: some of this window's was seen */
	CHECK(pressure_reached(&s, 601000, 11 * SECOND));
	CHECK(!pressure_reached(&s, 601000, 12 * SECOND));
	return 0;
}
