// SPDX-License-Identifier: MIT
/*
 * Check that no event is emitted if a PSI trigger fires without a stall, and that pressure which
 * continues is not reported as its end.
 */
/* renamed because the library also defines this symbol */
#define ksig_native_pressure ksig_native_pressure_tested
#include "../../lib/native/pressure.c"

#include "test.h"

#define SECOND 1000000000LL

/*
 * Lets the timer expire, before the trigger has fired again, with this much stall time since the
 * last alarm. Return: whether the end of the pressure is reported.
 */
static bool ends(uint64_t stalled)
{
	FILE *f = tmpfile();
	struct pressure_state s = {
		.fd = fileno(f), .kind = "some", .stall_us = 200000, .window_us = 2000000,
		.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), .timer_due = true,
	};
	struct ksig_native n = {
		.desc = ksig_desc_find("memory.calm"), .state = &s, .len = 1, .capacity = 1,
	};
	bool reported;

	fprintf(f, "some avg10=0.00 avg60=0.00 avg300=0.00 total=%d\n", (int)stalled);
	fflush(f);
	n.records = calloc(1, n.desc->event_size);
	CHECK(n.records && s.timer >= 0);
	CHECK(!pressure_timer(&n));
	reported = n.tail;
	free(n.records);
	close(s.timer);
	fclose(f);
	return reported;
}

int main(void)
{
	struct pressure_state s = {
		.stall_us = 200000, .window_us = 2000000, .seen = 1000,
	};

	/* the first alarm can count what happened before the subscription */
	CHECK(!pressure_reached(&s, 101000, SECOND / 10));
	s = (struct pressure_state) {
		.stall_us = 200000, .window_us = 2000000, .seen = 1000,
	};

	/* no stall in a whole window, then a stall that is shorter than the threshold */
	CHECK(!pressure_reached(&s, 1000, 2 * SECOND));
	CHECK(!pressure_reached(&s, 101000, 4 * SECOND));
	/* the next total is compared with this one, not with the total at the last event */
	CHECK(!pressure_reached(&s, 201000, 6 * SECOND));
	CHECK(pressure_reached(&s, 401000, 8 * SECOND));
	/*
	 * slightly less than the threshold is tolerated because each total is read some time after
	 * its alarm
	 */
	CHECK(pressure_reached(&s, 401000 + 199000, 10 * SECOND));
	/* the previous read was late, so its total includes part of this window */
	CHECK(pressure_reached(&s, 601000, 11 * SECOND));
	CHECK(!pressure_reached(&s, 601000, 12 * SECOND));

	CHECK(ends(0));
	CHECK(ends(199999));
	CHECK(!ends(200000));
	return 0;
}
