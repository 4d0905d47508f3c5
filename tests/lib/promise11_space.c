// SPDX-License-Identifier: MIT
/* Check fs.full and fs.free: fill and empty file systems in memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "events.h"

static char one[] = "/tmp/ksig-one-XXXXXX", two[] = "/tmp/ksig-two-XXXXXX",
	    three[] = "/tmp/ksig-three-XXXXXX";

/* Sets how many KiB are used of the file system @dir, which has 1024 KiB. */
static void use(const char *dir, unsigned int kib)
{
	static char block[1024];
	struct stat st;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	fd = OK(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
	OK(fstat(fd, &st));
	/* never use less than both before and afterwards, not even for a moment */
	if (st.st_size > kib * 1024)
		OK(ftruncate(fd, kib * 1024));
	for (; st.st_size < kib * 1024; st.st_size += sizeof(block))
		CHECK_EQ(write(fd, block, sizeof(block)), sizeof(block));
	close(fd);
}

/* Waits until the file systems have certainly been read again: the interval is 10 ms. */
static bool stays(struct ksig_sub *sub)
{
	const struct ksig_event *ev;

	return !ksig_sub_next(sub, SECOND / 5, &ev);
}

static void expect(struct ksig_sub *sub, const char *event, const char *path, bool initial)
{
	const struct ksig_event *ev = sub_take(sub);
	char got[1024], wanted[256];
	struct statvfs st;

	ksig_event_format(sub, ev, got, sizeof(got));
	snprintf(wanted, sizeof(wanted), "%s path=%s source=ksig type=tmpfs free=", event, path);
	if (strncmp(got, wanted, strlen(wanted)))
		check_text(got, wanted);
	CHECK_EQ(!!(ev->flags & KSIG_EVENT_INITIAL), initial);
	/* otherwise the amount may have changed since */
	if (initial) {
		OK(statvfs(path, &st));
		CHECK_EQ(field(sub, ev, "free").u, st.f_bavail * st.f_frsize);
	}
}

static struct ksig_sub *open_both(const char *settings, uint32_t flags)
{
	char full[128], free[128];
	const char *both[] = { full, free };
	struct ksig_sub *sub;

	snprintf(full, sizeof(full), "fs.full:source=ksig,%s", settings);
	snprintf(free, sizeof(free), "fs.free:source=ksig,%s", settings);
	CHECK_EQ(ksig_sub_openv(both, 2, SUB_OPTS(.flags = flags), &sub), 0);
	return sub;
}

/* Check both thresholds: in between, the state doesn't change. */
static void thresholds(const char *settings)
{
	struct ksig_sub *sub = open_both(settings, KSIG_SUB_INITIAL);

	expect(sub, "fs.free", one, true);
	use(one, 800);
	CHECK(stays(sub));
	use(one, 960);
	expect(sub, "fs.full", one, false);
	use(one, 800);
	CHECK(stays(sub));
	use(one, 100);
	expect(sub, "fs.free", one, false);
	use(one, 1000);
	expect(sub, "fs.full", one, false);
	ksig_sub_close(sub);
	/* the initial state is "full" */
	sub = open_both(settings, KSIG_SUB_INITIAL);
	expect(sub, "fs.full", one, true);
	CHECK(stays(sub));
	ksig_sub_close(sub);
	use(one, 0);
}

/*
 * Check the setting "path", and the default interval, which is 1 s for a small file system that is
 * not full.
 */
static void one_path(void)
{
	char settings[64];
	struct ksig_sub *sub;

	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	snprintf(settings, sizeof(settings), "path=%s", one);
	sub = open_both(settings, KSIG_SUB_INITIAL);
	expect(sub, "fs.free", one, true);
	use(two, 1000);
	use(one, 1000);
	expect(sub, "fs.full", one, false);
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
	OK(umount(two));
	use(one, 0);
}

/*
 * Check that the default of "above" is lowered if no file system of this size could exceed it, but
 * not if the user has set it.
 */
static void unreachable(void)
{
	struct ksig_sub *sub = open_both("every=10ms,below=90%", 0);

	use(one, 1000);
	expect(sub, "fs.full", one, false);
	use(one, 0);
	expect(sub, "fs.free", one, false);
	ksig_sub_close(sub);
	sub = open_both("every=10ms,below=10%,above=90%", 0);
	use(one, 1000);
	expect(sub, "fs.full", one, false);
	use(one, 300);
	CHECK(stays(sub));
	use(one, 50);
	expect(sub, "fs.free", one, false);
	use(one, 0);
	ksig_sub_close(sub);
}

/* Check that what is mounted at the path in the setting "path" is reported, not what was. */
static void replaced(void)
{
	char settings[64], full[80], free[80];
	const char *const both[] = { full, free };
	const struct ksig_event *ev;
	struct ksig_sub *sub;

	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	use(two, 1000);
	snprintf(settings, sizeof(settings), "every=10ms,path=%s", two);
	sub = open_both(settings, KSIG_SUB_INITIAL);
	expect(sub, "fs.full", two, true);
	/* hidden by a file system that is not full, and has another source */
	OK(mount("other", two, "tmpfs", 0, "size=1m"));
	CHECK(stays(sub));
	OK(umount(two));
	/* visible again, and full */
	expect(sub, "fs.full", two, false);
	OK(umount(two));
	CHECK(stays(sub));
	ksig_sub_close(sub);
	/* the state is that of the path, whatever is mounted there */
	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	use(two, 1000);
	snprintf(full, sizeof(full), "fs.full:%s", settings);
	snprintf(free, sizeof(free), "fs.free:%s", settings);
	CHECK_EQ(ksig_sub_openv(both, 2, SUB_OPTS(.flags = KSIG_SUB_INITIAL), &sub), 0);
	expect(sub, "fs.full", two, true);
	OK(mount(two, two, NULL, MS_BIND, NULL));
	CHECK(stays(sub));
	OK(umount(two));
	CHECK(stays(sub));
	OK(mount("other", two, "tmpfs", 0, "size=1m"));
	ev = sub_take(sub);
	CHECK_EQ(ev->type, KSIG_FS_FREE);
	check_text(field(sub, ev, "source").str, "other");
	OK(umount(two));
	expect(sub, "fs.full", two, false);
	ksig_sub_close(sub);
	OK(umount(two));
	snprintf(settings, sizeof(settings), "fs.full:path=%s,type=none", one);
	sub_fails(settings, EINVAL, strlen("fs.full:path=") + 1, "is on the tmpfs file system ksig");
}

/* Check that a file system with a reused device number is not mistaken for the earlier one. */
static void reused(void)
{
	struct ksig_sub *sub;
	const char *const all = "fs.full:every=10ms,source=ksig*";

	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	use(two, 1000);
	sub = sub_open(all, SUB_OPTS(.flags = KSIG_SUB_INITIAL));
	expect(sub, "fs.full", two, true);
	OK(umount(two));
	OK(mount("ksig2", three, "tmpfs", 0, "size=1m"));
	use(three, 1000);
	check_text(field(sub, sub_take(sub), "source").str, "ksig2");
	CHECK(stays(sub));
	OK(umount(three));
	ksig_sub_close(sub);
}

/* Checks that a state has ended with its object, which the event of the opposite state reports. */
static void expect_gone(struct ksig_sub *sub, uint32_t type, const char *path)
{
	const struct ksig_event *ev = sub_take(sub);

	CHECK_EQ(ev->type, type);
	CHECK(ev->flags & KSIG_EVENT_GONE);
	check_text(field(sub, ev, "path").str, path);
}

/*
 * Check that a file system that is unmounted ends its state, in the event of the opposite state, and
 * before another one with the same path begins a state.
 */
static void gone(void)
{
	/* different filters, so that they don't share their lists of file systems */
	const char *const both[] = { "fs.full:every=10ms,source=ksig", "fs.free:every=10ms" };
	struct ksig_sub *sub;

	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	use(two, 1000);
	CHECK_EQ(ksig_sub_openv(both, 2, SUB_OPTS(.flags = KSIG_SUB_GONE), &sub), 0);
	OK(umount(two));
	/* it gets the device number */
	OK(mount("ksig3", three, "tmpfs", 0, "size=1m"));
	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	use(two, 1000);
	expect_gone(sub, KSIG_FS_FREE, two);
	expect(sub, "fs.full", two, false);
	OK(umount(three));
	OK(umount(two));
	expect_gone(sub, KSIG_FS_FREE, two);
	CHECK(stays(sub));
	ksig_sub_close(sub);
	/* a file system that is no longer at its first path is another object */
	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	use(two, 1000);
	OK(mount(two, three, NULL, MS_BIND, NULL));
	sub = open_both("every=10ms", KSIG_SUB_GONE);
	OK(umount(two));
	expect_gone(sub, KSIG_FS_FREE, two);
	expect(sub, "fs.full", three, false);
	CHECK(stays(sub));
	OK(umount(three));
	ksig_sub_close(sub);
	/* a file system that is not full */
	sub = open_both("every=10ms", KSIG_SUB_GONE);
	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	CHECK(stays(sub));
	OK(umount(two));
	expect_gone(sub, KSIG_FS_FULL, two);
	ksig_sub_close(sub);
}

/* Check that the two events agree on each change, although a file system fills and empties often. */
static void agree(void)
{
	struct ksig_sub *sub = open_both("every=10ms,below=10%,above=50%", KSIG_SUB_INITIAL);
	const struct ksig_event *ev;
	uint32_t last = KSIG_FS_FREE;
	int i;

	expect(sub, "fs.free", one, true);
	for (i = 0; i < 100; i++) {
		use(one, i % 2 ? 0 : 1000);
		while (ksig_sub_next(sub, SECOND / 200, &ev)) {
			CHECK(ev->type != last);
			last = ev->type;
		}
	}
	while (last != KSIG_FS_FREE) {
		ev = sub_take(sub);
		CHECK(ev->type != last);
		last = ev->type;
	}
	use(one, 1000);
	expect(sub, "fs.full", one, false);
	use(one, 0);
	expect(sub, "fs.free", one, false);
	ksig_sub_close(sub);
}

/* Check mounts that hide others, and a file system that is mounted twice. */
static void hidden(void)
{
	char in[64];
	struct ksig_sub *sub;

	snprintf(in, sizeof(in), "%s/in", two);
	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	OK(mkdir(in, 0700));
	OK(mount("ksig", in, "tmpfs", 0, "size=1m"));
	sub = open_both("every=10ms", 0);
	/* hides both */
	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	OK(mkdir(in, 0700));
	use(two, 1000);
	expect(sub, "fs.full", two, false);
	CHECK(stays(sub));
	/* hidden for a while */
	OK(mount("other", two, "tmpfs", 0, "size=1m"));
	CHECK(stays(sub));
	OK(umount(two));
	CHECK(stays(sub));
	/* the same file system elsewhere, and then only there */
	OK(mount(two, three, NULL, MS_BIND, NULL));
	CHECK(stays(sub));
	OK(umount(two));
	CHECK(stays(sub));
	OK(mount(NULL, three, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	OK(mount(NULL, three, NULL, MS_REMOUNT, NULL));
	CHECK(stays(sub));
	use(three, 0);
	expect(sub, "fs.free", three, false);
	OK(umount(three));
	OK(umount(in));
	OK(umount(two));
	ksig_sub_close(sub);
}

/* Check file systems that are mounted later. */
static void mounts(void)
{
	struct ksig_sub *sub = open_both("every=10ms", 0);

	CHECK(stays(sub));
	OK(mount("ksig", two, "tmpfs", 0, "size=1m"));
	CHECK(stays(sub));
	use(two, 1000);
	expect(sub, "fs.full", two, false);
	OK(umount(two));
	CHECK(stays(sub));
	ksig_sub_close(sub);
}

static void errors(void)
{
	sub_fails("fs.full:below=0%", EINVAL, 15, "invalid amount");
	sub_fails("fs.full:below=100%", EINVAL, 15, "invalid amount");
	sub_fails("fs.full:below=5x", EINVAL, 15, "invalid amount");
	sub_fails("fs.full:below=99999999999999999999G", EINVAL, 15, "invalid amount");
	sub_fails("fs.full:below=99.999%", EINVAL, 15, "invalid amount");
	sub_fails("fs.full:below=5%,above=4%", EINVAL, 24, "less than 'below'");
	sub_fails("fs.full:below=5%,above=10G", EINVAL, 24, "must both be");
	sub_fails("fs.full:above=1G", EINVAL, 15, "must both be");
	sub_fails("fs.full:every=1ms", EINVAL, 15, "invalid interval");
	sub_fails("fs.full:every=10", EINVAL, 15, "invalid interval");
	sub_fails("fs.full:below=0x5%", EINVAL, 15, "invalid amount");
	sub_fails("fs.full:below=1e1%", EINVAL, 15, "invalid amount");
	sub_fails("fs.full:below=.%", EINVAL, 15, "invalid amount");
	sub_fails("fs.full:below=%", EINVAL, 15, "invalid amount");
	sub_fails("fs.full:every=25h", EINVAL, 15, "invalid interval");
	sub_fails("fs.full:current.pid=1", EOPNOTSUPP, 9, "doesn't report current.pid");
	sub_fails("fs.full:path=/nosuch", EINVAL, 14, "No such file");
	sub_fails("fs.full:path=/proc", EINVAL, 14, "without a size");
}

int main(void)
{
	if (getuid())
		skip("only root can create a mount namespace on every system");
	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(mkdtemp(one) && mkdtemp(two) && mkdtemp(three));
	errors();
	OK(mount("ksig", one, "tmpfs", 0, "size=1m"));
	thresholds("every=10ms,below=10%,above=50%");
	thresholds("every=10ms,below=100K,above=500K");
	one_path();
	mounts();
	unreachable();
	hidden();
	replaced();
	reused();
	gone();
	agree();
	OK(umount(one));
	OK(rmdir(one));
	OK(rmdir(two));
	OK(rmdir(three));
	return 0;
}
