// SPDX-License-Identifier: MIT
/*
 * Check power.suspend and power.resume with all providers. The test runs only in a VM, which it
 * suspends until the RTC alarm fires. A suspend must not be reported as time.set.
 */
#define _GNU_SOURCE
#include "events.h"

/*
 * Return: false if the clocks show no suspend. In that case, the native provider can't detect one.
 */
static bool sleep_until(const char *alarm)
{
	struct watch suspend = watch("power.suspend");
	struct watch resume = watch("power.resume"), set = watch("time.set");
	struct expected x = { .type = KSIG_POWER_SUSPEND };

	if (!power_sleep(alarm)) {
		printf("not suspended with the alarm at %s\n", alarm);
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
		skip("this test suspends only VMs");
	if (!power_can("mem"))
		skip("no suspend to memory here");
	/*
	 * QEMU's q35 machine can suspend only once because its firmware forgets where the registers
	 * are. Therefore the alarm must not fire before the suspend, even on a slow machine.
	 */
	CHECK(sleep_until("+15") || sleep_until("+60"));
	return 0;
}
