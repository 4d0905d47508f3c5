// SPDX-License-Identifier: MIT
/*
 * power.suspend and power.resume of all providers: the machine is suspended, in a VM only,
 * until the clock wakes it. That is not a time.set.
 */
#define _GNU_SOURCE
#include "events.h"

/* If the clocks don't show that it was suspended, native can't know it. */
static bool sleep_until(const char *alarm)
{
	struct watch suspend = watch("power.suspend");
	struct watch resume = watch("power.resume"), set = watch("time.set");
	struct expected x = { .type = KSIG_POWER_SUSPEND };

	if (!power_sleep(alarm)) {
		printf("not slept, with the alarm at %s\n", alarm);
		watch_drop(&suspend);
		watch_drop(&resume);
		watch_drop(&set);
		return false;
	}
	watch_expect(&suspend, &x);
	x.type = KSIG_POWER_RESUME;
	watch_expect(&resume, &x);
	watch_close(&suspend);
	watch_close(&resume);
	watch_close(&set);
	return true;
}

int main(void)
{
	if (!is_vm())
		skip("a machine is put to sleep in a VM only");
	if (!power_can("mem"))
		skip("no suspend to memory here");
	/*
	 * QEMU's q35 sleeps just once: its firmware forgets where the registers
	 * are. So the alarm must not come before the sleep, however slow it is.
	 */
	CHECK(sleep_until("+15") || sleep_until("+60"));
	return 0;
}
