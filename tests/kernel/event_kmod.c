// SPDX-License-Identifier: MIT
/*
 * Check that loading and unloading a module cause events, and that a module whose init function
 * fails causes no event.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktest.h"

static int load(const char *path)
{
	int fd = OK(open(path, O_RDONLY | O_CLOEXEC)), ret;

	ret = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret;
}

static void expect_name(int fd, uint32_t type, const char *name)
{
	union record r = expect_record(fd, type);

	CHECK_EQ(strcmp(r.kmod.name, name), 0);
	CHECK_EQ(r.ev.len, sizeof(r.kmod));
}

int main(void)
{
	int fd = OK(chan_open("kmod", O_NONBLOCK));

	OK(load("/ksig/ksig_context.ko"));
	expect_name(fd, KSIG_KMOD_LOAD, "ksig_context");
	FAILS(load("/ksig/ksig_refuses.ko"), EPERM);
	CHECK_EQ(stats_of(fd).offered, 1);
	OK(syscall(SYS_delete_module, "ksig_context", 0));
	expect_name(fd, KSIG_KMOD_UNLOAD, "ksig_context");
	CHECK_EQ(stats_of(fd).offered, 2);
	check_identity(fd);
	return 0;
}
