// SPDX-License-Identifier: MIT
/*
 * Check how lines of /proc/self/mountinfo are parsed, and that a path can be opened without asking
 * a server while mounts change.
 */
/* renamed because the library also defines these symbols */
#define ksig_mounts_open ksig_mounts_open_tested
#define ksig_mounts_read ksig_mounts_read_tested
#define ksig_mounts_find ksig_mounts_find_tested
#define ksig_mounts_free ksig_mounts_free_tested
#define ksig_mount_is_local ksig_mount_is_local_tested
#define ksig_mount_open ksig_mount_open_tested
#define ksig_mount_id ksig_mount_id_tested
#define ksig_mount_at ksig_mount_at_tested
#include "../../lib/native/mounts.c"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "test.h"

static struct ksig_mount parse(const char *text)
{
	struct ksig_mount m = { };
	char *line = strdup(text);

	CHECK(line && mounts_parse(line, &m) == 1);
	free(line);
	return m;
}

static void mount_free(struct ksig_mount *m)
{
	free(m->path);
	free(m->type);
	free(m->source);
}

static bool is_readonly(const char *text)
{
	struct ksig_mount m = parse(text);

	mount_free(&m);
	return m.readonly;
}

static int fails(const char *text)
{
	struct ksig_mount m = { };
	char *line = strdup(text);
	int ret;

	CHECK(line);
	ret = mounts_parse(line, &m);
	free(line);
	return !ret && !m.path && !m.type && !m.source;
}

/* Mounts and unmounts in another namespace. @ready: a pipe to write to once this works */
static void change_mounts(int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		_exit(0);
	while (!mount("ksig", "/tmp", "tmpfs", 0, NULL) && !umount("/tmp")) {
		if (ready >= 0 && write(ready, "x", 1) == 1)
			ready = -1;
	}
	_exit(0);
}

static void test_open(void)
{
	int fds[2], i;
	char byte;
	pid_t pid;

	CHECK(!pipe(fds));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		change_mounts(fds[1]);
	close(fds[1]);
	if (read(fds[0], &byte, 1) != 1)
		printf("mounts: not tested while they change: no user namespace\n");
	for (i = 0; i < 100000; i++)
		CHECK(ksig_mount_at("/", true));
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
	close(fds[0]);
}

int main(void)
{
	struct ksig_mount m = parse("36 35 98:7 / /mnt/a\\040b\\134 rw,noatime master:1 shared:2 - ext3 /dev/r\\011t rw,errors=continue");

	CHECK(m.id == 36 && m.dev == (98ULL << 32 | 7) && !m.readonly);
	CHECK(!strcmp(m.path, "/mnt/a b\\") && !strcmp(m.source, "/dev/r\tt"));
	CHECK(!strcmp(m.type, "ext3"));
	mount_free(&m);
	/* the mount, its file system, or ext4 after an error */
	CHECK(is_readonly("1 1 0:1 / / ro - tmpfs none rw"));
	CHECK(is_readonly("1 1 0:1 / / rw,nosuid - tmpfs none size=1k,ro"));
	CHECK(is_readonly("1 1 8:1 / / rw - ext4 /dev/sda1 rw,emergency_ro,errors=remount-ro"));
	CHECK(!is_readonly("1 1 8:1 / / rw,root - ext4 ro rw,errors=remount-ro"));
	/* an incomplete escape is not an escape */
	m = parse("1 1 0:1 / /a\\04 rw - tmpfs  rw");
	CHECK(!strcmp(m.path, "/a\\04") && !*m.source);
	mount_free(&m);
	CHECK(fails(""));
	CHECK(fails(" - "));
	CHECK(fails("1 1 0:1 / / rw"));
	CHECK(fails("1 1 0:1 / / rw - tmpfs none"));
	CHECK(fails("1 1 0:1 / /  - tmpfs"));
	CHECK(fails("x 1 0:1 / / rw - tmpfs none rw"));
	CHECK(fails("1 1 0 / / rw - tmpfs none rw"));
	test_open();
	return 0;
}
