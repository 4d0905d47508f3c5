// SPDX-License-Identifier: MIT
/*
 * Two drivers that take their locks and their channels' locks in different orders: lockdep must
 * not report a deadlock. The VM's init checks the kernel's log.
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
	/* the channel's lock, then its driver's, by start; later by stop */
	close(OK(chan_open("locking", 0)));
	/* the same driver's lock, then that of another one's channel */
	CHECK_EQ(context_do("locked_destroy 1"), 0);
	context_unload();
	return 0;
}
