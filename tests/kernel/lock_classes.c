// SPDX-License-Identifier: MIT
/*
 * Check that lockdep reports no deadlock for two drivers that acquire their own locks and their
 * channels' locks in different orders. The VM's init process checks the kernel log.
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
	/*
	 * the start callback, and later the stop callback, take the driver's lock while the
	 * channel's lock is held
	 */
	close(OK(chan_open("locking", 0)));
	/* now the reverse order: another channel's lock is taken while the driver's lock is held */
	CHECK_EQ(context_do("locked_destroy 1"), 0);
	context_unload();
	return 0;
}
