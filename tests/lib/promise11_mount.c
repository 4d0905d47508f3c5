// SPDX-License-Identifier: MIT
/* Check fs.mount, fs.umount, fs.readonly and fs.writable, in a separate mount namespace. */
#define _GNU_SOURCE
#include <sys/mount.h>
#include <sys/stat.h>

#include "events.h"

static const char *const all[] = { "fs.mount", "fs.umount", "fs.readonly", "fs.writable" };
static char one[] = "/tmp/ksig-one-XXXXXX", two[] = "/tmp/ksig-two-XXXXXX";

static struct ksig_sub *open_all(uint32_t flags)
{
	struct ksig_sub *sub;

	CHECK_EQ(ksig_sub_openv(all, 4, SUB_OPTS(.flags = flags), &sub), 0);
	return sub;
}

static void expect(struct ksig_sub *sub, const char *event, const char *path,
		   const char *source)
{
	const struct ksig_event *ev = sub_take(sub);
	char got[1024], wanted[256];

	ksig_event_format(sub, ev, got, sizeof(got));
	snprintf(wanted, sizeof(wanted), "%s path=%s source=%s type=tmpfs", event, path,
		 source);
	check_text(got, wanted);
	CHECK_EQ(ev->lost_before, 0);
}

/*
 * Check that each change is reported once, and that a moved mount is reported as fs.umount and
 * fs.mount.
 */
static void changes(void)
{
	struct ksig_sub *sub = open_all(0);
	const unsigned long mount_only = MS_REMOUNT | MS_BIND;

	OK(mount("a", one, "tmpfs", 0, NULL));
	expect(sub, "fs.mount", one, "a");
	OK(mount(NULL, one, NULL, mount_only | MS_NOSUID, NULL));
	CHECK(sub_empty(sub));
	OK(mount(NULL, one, NULL, mount_only | MS_RDONLY, NULL));
	expect(sub, "fs.readonly", one, "a");
	/* the file system is read-only as well */
	OK(mount(NULL, one, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	CHECK(sub_empty(sub));
	OK(mount(NULL, one, NULL, MS_REMOUNT, NULL));
	expect(sub, "fs.writable", one, "a");
	OK(mount(one, two, NULL, MS_MOVE, NULL));
	expect(sub, "fs.umount", one, "a");
	expect(sub, "fs.mount", two, "a");
	OK(mount(two, one, NULL, MS_BIND, NULL));
	expect(sub, "fs.mount", one, "a");
	/* on top of the other mount */
	OK(mount("b", one, "tmpfs", MS_RDONLY, NULL));
	expect(sub, "fs.mount", one, "b");
	OK(umount(one));
	expect(sub, "fs.umount", one, "b");
	OK(umount(one));
	expect(sub, "fs.umount", one, "a");
	OK(umount2(two, MNT_DETACH));
	expect(sub, "fs.umount", two, "a");
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

/* Check the order of changes that are read together: children are removed before their parents. */
static void order(void)
{
	struct ksig_sub *sub = open_all(0);
	char in[64];

	snprintf(in, sizeof(in), "%s/in", one);
	OK(mount("old", two, "tmpfs", 0, NULL));
	expect(sub, "fs.mount", two, "old");
	OK(mount("a", one, "tmpfs", 0, NULL));
	OK(mkdir(in, 0700));
	/* the ID of this mount can be lower than its parent's */
	OK(umount(two));
	OK(mount("b", in, "tmpfs", 0, NULL));
	expect(sub, "fs.umount", two, "old");
	expect(sub, "fs.mount", one, "a");
	expect(sub, "fs.mount", in, "b");
	OK(umount(in));
	OK(umount(one));
	expect(sub, "fs.umount", in, "b");
	expect(sub, "fs.umount", one, "a");
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

/* Check that the initial state comes first, and is followed by the changes. */
static void initial(void)
{
	struct ksig_sub *sub;
	const struct ksig_event *ev;
	bool has_one = false, has_two = false;
	char got[1024];

	OK(mount("a", one, "tmpfs", 0, NULL));
	OK(mount("b", two, "tmpfs", MS_RDONLY, NULL));
	sub = sub_open("fs.readonly:path=/tmp/ksig-*", SUB_OPTS(.flags = KSIG_SUB_INITIAL));
	ev = sub_take(sub);
	CHECK(ev->flags & KSIG_EVENT_INITIAL);
	CHECK(!strcmp(field(sub, ev, "path").str, two));
	OK(mount(NULL, one, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	expect(sub, "fs.readonly", one, "a");
	ksig_sub_close(sub);
	/* the state is read once for all events of a subscription */
	sub = open_all(KSIG_SUB_INITIAL);
	OK(umount(two));
	do {
		ev = sub_take(sub);
		if (!(ev->flags & KSIG_EVENT_INITIAL))
			break;
		ksig_event_format(sub, ev, got, sizeof(got));
		has_one |= !strncmp(got, "fs.mount", 8) && strstr(got, one);
		has_two |= !strncmp(got, "fs.readonly", 11) && strstr(got, two);
	} while (1);
	CHECK(has_one && has_two);
	CHECK(!strcmp(field(sub, ev, "path").str, two));
	CHECK_EQ(ev->type, KSIG_FS_UMOUNT);
	CHECK(sub_empty(sub));
	OK(umount(one));
	ksig_sub_close(sub);
}

/*
 * Check that a file system that becomes read-only is noticed although the kernel doesn't report it:
 * it is remounted in another mount namespace.
 */
static void unreported(void)
{
	struct ksig_sub *sub;

	OK(mount("a", one, "tmpfs", 0, NULL));
	/* the stream that needs the timer isn't the first */
	sub = open_all(0);
	if (!OK(fork())) {
		OK(unshare(CLONE_NEWNS));
		OK(mount(NULL, one, NULL, MS_REMOUNT | MS_RDONLY, NULL));
		_exit(0);
	}
	OK(wait(NULL));
	expect(sub, "fs.readonly", one, "a");
	CHECK(sub_empty(sub));
	OK(umount(one));
	ksig_sub_close(sub);
}

/* Check that the end of a mount ends its state, in the event of the opposite state. */
static void gone(void)
{
	struct ksig_sub *sub = open_all(KSIG_SUB_GONE);
	const struct ksig_event *ev;
	int readonly;

	for (readonly = 0; readonly < 2; readonly++) {
		OK(mount("a", one, "tmpfs", readonly ? MS_RDONLY : 0, NULL));
		expect(sub, "fs.mount", one, "a");
		OK(umount(one));
		ev = sub_take(sub);
		CHECK_EQ(ev->type, readonly ? KSIG_FS_WRITABLE : KSIG_FS_READONLY);
		CHECK(ev->flags & KSIG_EVENT_GONE);
		check_text(field(sub, ev, "path").str, one);
		expect(sub, "fs.umount", one, "a");
	}
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

/* Check that other mount namespaces are ignored, and that the kernel's escapes are replaced. */
static void names(void)
{
	struct ksig_sub *sub = sub_open("fs.mount", NULL);
	const char path[] = "/tmp/ksig a\\b\nc";
	char source[300] = "", text[1024];
	const struct ksig_event *ev;

	if (!OK(fork())) {
		OK(unshare(CLONE_NEWNS));
		OK(mount("a", one, "tmpfs", 0, NULL));
		_exit(0);
	}
	OK(wait(NULL));
	CHECK(sub_empty(sub));
	OK(mkdir(path, 0700));
	OK(mount("a - b,ro #", path, "tmpfs", 0, NULL));
	ev = sub_take(sub);
	CHECK(!strcmp(field(sub, ev, "path").str, path));
	CHECK(!strcmp(field(sub, ev, "source").str, "a - b,ro #"));
	OK(umount(path));
	/* a string that doesn't fit is unknown, which is not the same as none */
	memset(source, 'x', sizeof(source) - 1);
	OK(mount(source, path, "tmpfs", 0, NULL));
	ev = sub_take(sub);
	CHECK(!field(sub, ev, "source").known);
	ksig_event_format(sub, ev, text, sizeof(text));
	CHECK(strstr(text, " source=unknown type=tmpfs"));
	OK(umount(path));
	OK(rmdir(path));
	ksig_sub_close(sub);
}

/* Check each event by itself: all providers that have it must return the same record. */
static void each(void)
{
	struct watch w = watch("fs.mount:path=%s", one);
	struct watch gone = watch("fs.umount:path=%s", one);
	/* sizeof(struct mount_data) in lib/catalog.c */
	struct expected x = { .type = KSIG_FS_MOUNT, .len = 800 };

	snprintf(x.fields, sizeof(x.fields), "path=%s source=a type=tmpfs", one);
	OK(mount("b", two, "tmpfs", 0, NULL));
	OK(mount("a", one, "tmpfs", 0, NULL));
	watch_expect(&w, &x);
	/* a mount that is gone before the list is read isn't reported */
	watch_silent(&gone);
	OK(umount(two));
	OK(umount(one));
	x.type = KSIG_FS_UMOUNT;
	watch_expect(&gone, &x);
	watch_close(&w);
	watch_close(&gone);
}

static void unprivileged(void)
{
	int status;

	if (!OK(fork())) {
		OK(setgid(65534));
		OK(setuid(65534));
		ksig_sub_close(open_all(KSIG_SUB_INITIAL));
		_exit(0);
	}
	OK(wait(&status));
	CHECK_EQ(status, 0);
}

int main(void)
{
	if (getuid())
		skip("only root can create a mount namespace on every system");
	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(mkdtemp(one) && mkdtemp(two));
	changes();
	order();
	initial();
	unreported();
	gone();
	names();
	each();
	unprivileged();
	OK(rmdir(one));
	OK(rmdir(two));
	return 0;
}
