// SPDX-License-Identifier: MIT
/*
 * Make each allocation of a system call fail in turn, and check that the call fails without side
 * effects. Requires a kernel with fault injection.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktest.h"

static int fail_nth;

static void put(const char *path, const char *text)
{
	int fd = OK(open(path, O_WRONLY));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/*
 * Enables failures for all slab caches except those of kmemleak, which disables itself permanently
 * if one of its own allocations fails.
 */
static void choose_slabs(void)
{
	struct dirent *entry;
	char path[320];
	DIR *dir = opendir("/sys/kernel/slab");
	int fd;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		if (!strncmp(entry->d_name, "kmemleak", 8))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab",
			 entry->d_name);
		fd = open(path, O_WRONLY);
		if (fd < 0)
			continue;
		CHECK_EQ(write(fd, "1", 1), 1);
		close(fd);
	}
	closedir(dir);
	put("/sys/kernel/debug/failslab/cache-filter", "1");
}

static void injection(const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/ignore-gfp-wait",
		 name);
	put(path, "0");
	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", name);
	put(path, "0");
}

static void set_nth(int n)
{
	char text[16];
	int len = sprintf(text, "%d", n);

	CHECK_EQ(pwrite(fail_nth, text, len, 0), len);
}

/* Returns true if the nth allocation was reached and failed. */
static bool reached(void)
{
	char text[16] = "";

	CHECK(pread(fail_nth, text, sizeof(text) - 1, 0) > 0);
	return text[0] == '0';
}

static int fd, control, context;
static void *map;
static struct ksig_arm arm_args = { .signo = SIG };
static struct ksig_subscribe subscribe_args = { .types = 1, .queue_len = 512 };

static int try_open(void)
{
	return fd = open("/dev/ksig/test", O_RDWR | O_NONBLOCK);
}

/*
 * Opens a channel as its first subscriber, which allocates the channel's resources and installs its
 * hooks.
 */
static int try_start(void)
{
	int process = open("/dev/ksig/process", O_RDONLY);

	return process < 0 ? -1 : close(process);
}

/* Creates and destroys a driver's channel. */
static int try_create(void)
{
	return write(context, "name fails", 10) == 10 ? 0 : -1;
}

static int try_subscribe(void)
{
	subscribe_args.queue_len ^= 512 ^ 1024;
	return ioctl(fd, KSIG_IOC_SUBSCRIBE, &subscribe_args);
}

static int try_arm(void) { return ioctl(fd, KSIG_IOC_ARM, &arm_args); }

static int try_map(void)
{
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	return map == MAP_FAILED ? -1 : 0;
}

static int try_send(void)
{
	struct ksig_send send = { .pid = getpid(), .signo = SIG };

	return ioctl(control, KSIG_IOC_SEND, &send);
}

static int try_emit(void)
{
	uint64_t value = 1;

	return write(fd, &value, 8) == 8 ? 0 : -1;
}

/*
 * Makes each allocation of @call fail in turn. Return: how many times the call failed before it
 * succeeded.
 */
static int each_fails(const char *what, int (*call)(void), int allowed)
{
	int n, err, seen = 0;

	for (n = 1; n < 500; n++) {
		set_nth(n);
		errno = 0;
		err = call();
		if (!reached()) {
			set_nth(0);
			CHECK_EQ(err < 0, 0);
			printf(": %s: %d failed, the caller saw %d\n", what,
			       n - 1, seen);
			return seen;
		}
		if (err < 0) {
			if (errno != ENOMEM && errno != allowed)
				fail(__FILE__, __LINE__, "%s: %m", what);
			seen++;
		} else if (call == try_open) {
			close(fd);
		} else if (call == try_map) {
			munmap(map, 4096);
		}
	}
	fail(__FILE__, __LINE__, "%s: no end of allocations", what);
}

static uint32_t queue_len(void)
{
	struct ksig_info info;

	OK(ioctl(fd, KSIG_IOC_INFO, &info));
	return info.queue_len;
}

int main(void)
{
	uint64_t offered;

	fail_nth = open("/proc/self/fail-nth", O_RDWR);
	if (fail_nth < 0)
		skip("this kernel has no fault injection");
	injection("failslab");
	injection("fail_page_alloc");
	choose_slabs();
	block(SIG);
	control = control_open();
	context_load();
	context = OK(open("/sys/kernel/debug/ksig_context/do", O_WRONLY));

	CHECK(each_fails("open", try_open, ENFILE) >= 4);
	CHECK(each_fails("start", try_start, ENFILE) >= 4);
	CHECK(each_fails("create", try_create, 0) >= 4);
	CHECK_EQ(access("/dev/ksig/fails", F_OK), -1);
	CHECK(each_fails("subscribe", try_subscribe, 0) >= 3);
	CHECK_EQ(queue_len(), subscribe_args.queue_len);
	CHECK(each_fails("mmap", try_map, 0) >= 2);
	OK(munmap(map, 4096));
	CHECK(each_fails("arm", try_arm, 0) >= 2);
	CHECK(stats_of(fd).flags & KSIG_STATS_ARMED);
	/* if the last allocation, in the kernel's signal code, fails, the error is EAGAIN */
	CHECK(each_fails("send", try_send, EAGAIN) >= 1);
	while (!nothing_to_take(SIG))
		;
	/*
	 * emitting never fails: an event whose signal can't be allocated stays queued and is sent
	 * later
	 */
	each_fails("emit", try_emit, 0);
	offered = stats_of(fd).offered;
	for (; offered; offered--)
		take(SIG);
	CHECK_EQ(stats_of(fd).lost, 0);
	check_identity(fd);
	close(context);
	context_unload();
	return 0;
}
