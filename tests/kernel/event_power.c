// SPDX-License-Identifier: MIT
/* Check that the channel "power" emits one event before a suspend and one after it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ktest.h"

static void expect_pair(int fd)
{
	union record before = expect_record(fd, KSIG_POWER_SUSPEND);
	union record after = expect_record(fd, KSIG_POWER_RESUME);

	CHECK_EQ(before.ev.value, 0);
	CHECK_EQ(before.ev.subject, 0);
	CHECK_EQ(before.ev.len, 0);
	CHECK(after.ev.time_ns >= before.ev.time_ns);
	CHECK_EQ(stats_of(fd).queued, 0);
}

/* Suspends to RAM until the RTC alarm fires. */
static void test_s3(int fd)
{
	bool slept;

	if (!power_can("mem")) {
		printf(": no suspend to memory here\n");
		return;
	}
	/*
	 * Accept a failed suspend because QEMU's q35 can suspend only once.
	 * tests/lib/promise11_power.c checks that a suspend succeeds.
	 */
	slept = power_sleep("+15");
	expect_pair(fd);
	printf(slept ? ": suspended (S3), with both events\n" :
		       ": did not stay in S3, with both events\n");
}

/*
 * Performs a suspend only up to the point at which the devices are stopped. The kernel resumes them
 * after five seconds.
 */
static void test_pm_test(int fd)
{
	if (write_to("/sys/power/pm_test", "devices")) {
		printf(": no pm_test here\n");
		return;
	}
	CHECK_EQ(write_to("/sys/power/state", "freeze"), 0);
	CHECK_EQ(write_to("/sys/power/pm_test", "none"), 0);
	expect_pair(fd);
}

int main(void)
{
	int fd;

	if (access("/sys/power/state", W_OK) || !power_can("freeze"))
		skip("this kernel can't suspend");
	fd = OK(chan_open("power", O_NONBLOCK));
	if (sizeof(long) == 8)
		test_s3(fd);
	if (!access("/sys/power/pm_test", W_OK))
		test_pm_test(fd);
	check_identity(fd);
	return 0;
}
