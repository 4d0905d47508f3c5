// SPDX-License-Identifier: MIT
/*
 * Check that fs.full works while the server of a file system doesn't respond, even though a local
 * file system is mounted below it. The server is a thread of this test, which speaks FUSE.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "events.h"

static char remote[] = "/tmp/ksig-remote-XXXXXX", local[] = "/tmp/ksig-local-XXXXXX";

static int server;

static void answer(const struct fuse_in_header *in, int err, const void *data, size_t size)
{
	struct fuse_out_header out = {
		.len = sizeof(out) + (err ? 0 : size), .error = -err, .unique = in->unique,
	};
	const struct iovec parts[] = {
		{ &out, sizeof(out) }, { (void *)data, err ? 0 : size },
	};

	CHECK_EQ(writev(server, parts, 2), out.len);
}

/* Every name is that of a directory, and the kernel must ask again each time. */
static void *serve(void *unused)
{
	const struct fuse_attr attr = { .ino = 2, .mode = S_IFDIR | 0755, .nlink = 2 };
	const struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION,
		.max_write = 4096,
	};
	const struct fuse_entry_out entry = { .nodeid = 2, .attr = attr };
	const struct fuse_attr_out attributes = { .attr = attr };
	static union {
		struct fuse_in_header in;
		char bytes[1 << 17];
	} buf;

	(void)unused;
	while (read(server, &buf, sizeof(buf)) > 0) {
		switch (buf.in.opcode) {
		case FUSE_INIT:
			answer(&buf.in, 0, &init, sizeof(init));
			break;
		case FUSE_LOOKUP:
			answer(&buf.in, 0, &entry, sizeof(entry));
			break;
		case FUSE_GETATTR:
			answer(&buf.in, 0, &attributes, sizeof(attributes));
			break;
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
			break;
		default:
			answer(&buf.in, ENOSYS, NULL, 0);
		}
	}
	return NULL;
}

static void fill(const char *dir)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	fd = OK(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK_EQ(posix_fallocate(fd, 0, 1000 << 10), 0);
	close(fd);
}

static void expect(struct ksig_sub *sub, const char *path)
{
	check_text(field(sub, sub_take(sub), "path").str, path);
}

int main(void)
{
	char options[100], below[64];
	struct ksig_sub *sub;
	pthread_t thread;

	if (getuid())
		skip("only root can create a mount namespace on every system");
	load_driver("fuse", "");
	server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (server < 0)
		skip("no file system in user space: /dev/fuse: %m");
	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(mkdtemp(remote) && mkdtemp(local));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", server);
	OK(mount("ksig-remote", remote, "fuse.ksig", 0, options));
	CHECK_EQ(pthread_create(&thread, NULL, serve, NULL), 0);
	snprintf(below, sizeof(below), "%s/local", remote);
	OK(mount("ksig", below, "tmpfs", 0, "size=1m"));

	/* a process that waits for an answer can be killed only if nobody has read its request */
	CHECK_EQ(pthread_cancel(thread), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	sub = sub_open("fs.full:every=10ms,source=ksig*", NULL);
	OK(mount("ksig", local, "tmpfs", 0, "size=1m"));
	fill(local);
	expect(sub, local);
	OK(umount(local));
	/* a file system that becomes hidden by one whose server doesn't respond */
	OK(mount("ksig-again", local, "tmpfs", 0, "size=1m"));
	snprintf(below, sizeof(below), "%s/local", local);
	OK(mkdir(below, 0700));
	OK(mount("ksig", below, "tmpfs", 0, "size=1m"));
	fill(below);
	expect(sub, below);
	OK(mount(remote, local, NULL, MS_BIND, NULL));
	OK(umount2(local, MNT_DETACH));
	fill(local);
	expect(sub, local);
	ksig_sub_close(sub);

	OK(umount(below));
	OK(umount(local));
	OK(umount2(remote, MNT_DETACH));
	close(server);
	OK(rmdir(remote));
	OK(rmdir(local));
	return 0;
}
