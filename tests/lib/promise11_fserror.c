// SPDX-License-Identifier: MIT
/* Check fs.error with an ext4 file system with a triggered error. */
#define _GNU_SOURCE
#include <sys/mount.h>

#include "events.h"

static char dir[] = "/tmp/ksig-fs-XXXXXX";
static char image[64], device[64];

/* Creates an ext4 file system in a file; in a VM, tests/vm/build has done so. */
static void make_image(void)
{
	static const char *const drivers[] = {
		"loop", "crc16", "crc32c_generic", "mbcache", "jbd2", "ext4",
	};
	char command[256];
	size_t i;

	CHECK(mkdtemp(dir));
	snprintf(image, sizeof(image), "%s.img", dir);
	if (is_vm()) {
		for (i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
			load_driver(drivers[i], "");
		snprintf(command, sizeof(command), "cp /ksig/ext4.img %s", image);
	} else {
		snprintf(command, sizeof(command),
			 "mke2fs -q -t ext4 -O ^has_journal %s 1024 2>/dev/null", image);
	}
	if (system(command))
		skip("no ext4 file system can be made here");
}

/* Mounts the file system, and finds its device. */
static void mount_image(void)
{
	char command[256], line[1024], where[256];
	FILE *f;

	snprintf(command, sizeof(command), "mount -t ext4 -o loop,errors=continue %s %s", image, dir);
	if (system(command))
		skip("ext4 or loop devices are not available");
	f = fopen("/proc/self/mounts", "re");
	CHECK(f);
	*device = '\0';
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "/dev/%63s %255s", device, where) == 2 && !strcmp(where, dir))
			break;
		*device = '\0';
	}
	fclose(f);
	CHECK(*device);
}

static void unmount(void)
{
	char command[256];

	snprintf(command, sizeof(command), "umount %s", dir);
	CHECK_EQ(system(command), 0);
}

static void cause_error(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/fs/ext4/%s/trigger_fs_error", device);
	CHECK_EQ(write_to(path, "an error for ksig's tests"), 0);
}

/* The kernel merges the errors of a file system that have not been read yet. */
static void expect(struct ksig_sub *sub, unsigned int count)
{
	const struct ksig_event *ev;
	char got[256], wanted[256];
	uint64_t one;

	for (; count; count -= one) {
		ev = sub_take(sub);
		one = field(sub, ev, "count").u;
		CHECK(one && one <= count);
		ksig_event_format(sub, ev, got, sizeof(got));
		/* EUCLEAN stands for EFSCORRUPTED */
		snprintf(wanted, sizeof(wanted),
			 "fs.error path=%s source=/dev/%s type=ext4 error=%d count=%u", dir, device,
			 EUCLEAN, (unsigned int)one);
		check_text(got, wanted);
	}
}

int main(void)
{
	struct ksig_sub *sub, *other;
	int status;

	sub_or_skip("fs.error");
	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	make_image();
	mount_image();
	sub = sub_open("fs.error:type=ext4", NULL);
	other = sub_open("fs.error:type=xfs", NULL);
	cause_error();
	expect(sub, 1);
	cause_error();
	cause_error();
	expect(sub, 2);
	CHECK(sub_empty(sub) && sub_empty(other));
	/* it can be unmounted, and is watched again when it is mounted */
	unmount();
	mount_image();
	CHECK(sub_empty(sub));
	cause_error();
	expect(sub, 1);
	unmount();
	ksig_sub_close(sub);
	ksig_sub_close(other);
	if (!OK(fork())) {
		OK(setgid(65534));
		OK(setuid(65534));
		sub_fails("fs.error", EPERM, 0, "CAP_SYS_ADMIN");
		_exit(0);
	}
	OK(wait(&status));
	CHECK_EQ(status, 0);
	OK(unlink(image));
	OK(rmdir(dir));
	return 0;
}
