// SPDX-License-Identifier: MIT
/* Check that taking a CPU offline and bringing it online emits events. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "ktest.h"

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

int main(void)
{
	int fd, other;

	if (access(CPU1, W_OK))
		skip("no CPU can be taken offline");
	fd = OK(chan_open("cpu", O_NONBLOCK));
	CHECK_EQ(write_to(CPU1, "0"), 0);
	CHECK_EQ(expect_record(fd, KSIG_CPU_OFFLINE).ev.subject, 1);
	/* a later subscription doesn't report the current state */
	other = OK(chan_open("cpu", O_NONBLOCK));
	CHECK_EQ(write_to(CPU1, "1"), 0);
	CHECK_EQ(expect_record(fd, KSIG_CPU_ONLINE).ev.subject, 1);
	CHECK_EQ(stats_of(other).offered, 1);
	close(other);
	CHECK_EQ(stats_of(fd).offered, 2);
	check_identity(fd);
	close(fd);

	/* subscribe for the first time while one CPU is offline */
	CHECK_EQ(write_to(CPU1, "0"), 0);
	fd = OK(chan_open("cpu", O_NONBLOCK));
	CHECK_EQ(write_to(CPU1, "1"), 0);
	CHECK_EQ(expect_record(fd, KSIG_CPU_ONLINE).ev.subject, 1);
	CHECK_EQ(stats_of(fd).offered, 1);
	return 0;
}
