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

static int64_t slept_ns(void)
{
	struct timespec boot, mono;

	OK(clock_gettime(CLOCK_BOOTTIME, &boot));
	OK(clock_gettime(CLOCK_MONOTONIC, &mono));
	return (boot.tv_sec - mono.tv_sec) * SECOND + boot.tv_nsec -
	       mono.tv_nsec;
}

/*
 * Until the alarm, which a slow machine may meet before it sleeps: then it has
 * not slept, as far as its clocks tell, and native can't know better.
 */
static bool sleep_until(const char *alarm)
{
	struct watch suspend = watch("power.suspend");
	struct watch resume = watch("power.resume"), set = watch("time.set");
	struct expected x = { .type = KSIG_POWER_SUSPEND };
	int64_t before = slept_ns();

	/* one that has not come */
	CHECK_EQ(write_to(ALARM, "0"), 0);
	CHECK_EQ(write_to(ALARM, alarm), 0);
	CHECK_EQ(write_to("/sys/power/state", "mem"), 0);
	if (slept_ns() - before < SECOND / 2) {
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
	if (!can("mem") || access(ALARM, W_OK))
		skip("no suspend to memory here");
	CHECK(sleep_until("+2") || sleep_until("+8") || sleep_until("+30"));
	return 0;
}
