// SPDX-License-Identifier: MIT
/*
 * power.suspend and power.resume of all providers: the machine sleeps, in a VM
 * only, until the clock wakes it. That sets no time.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "events.h"

#define ALARM "/sys/class/rtc/rtc0/wakealarm"

static bool can(const char *state)
{
	char states[64] = "";
	int fd = open("/sys/power/state", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	OK(read(fd, states, sizeof(states) - 1));
	close(fd);
	return strstr(states, state);
}

int main(void)
{
	struct expected x = { .type = KSIG_POWER_SUSPEND };
	struct watch suspend, resume, set;

	if (!is_vm())
		skip("a machine is put to sleep in a VM only");
	if (!can("mem") || access(ALARM, W_OK))
		skip("no suspend to memory here");
	suspend = watch("power.suspend");
	resume = watch("power.resume");
	set = watch("time.set");
	CHECK_EQ(write_to(ALARM, "+2"), 0);
	CHECK_EQ(write_to("/sys/power/state", "mem"), 0);
	watch_expect(&suspend, &x);
	x.type = KSIG_POWER_RESUME;
	watch_expect(&resume, &x);
	watch_close(&suspend);
	watch_close(&resume);
	watch_close(&set);
	return 0;
}
