// SPDX-License-Identifier: MIT
/*
 * Two drivers take their own locks and their channels' locks in different orders. lockdep must not
 * report a deadlock; the VM's init checks the kernel log.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "ktest.h"

int main(void)
{
	if (access("/proc/lockdep", F_OK))
		skip("this kernel is built without lockdep");
	context_load();
	/* start, and later stop, take the driver's lock under the channel's lock */
	close(OK(chan_open("locking", 0)));
	/* the same driver lock is taken before the lock of another driver's channel */
	CHECK_EQ(context_do("locked_destroy 1"), 0);
	context_unload();
	return 0;
}
