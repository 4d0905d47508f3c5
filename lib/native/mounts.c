// SPDX-License-Identifier: MIT
/* Reads /proc/thread-self/mountinfo; see proc_pid_mountinfo(5). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mounts.h"
#include "../text.h"

/* Number of attempts to open a path without asking a server */
#define OPEN_TRIES 100

int ksig_mounts_open(void)
{
	int fd = open("/proc/thread-self/mountinfo", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void ksig_mounts_free(struct ksig_mounts *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		free(m->list[i].path);
		free(m->list[i].type);
		free(m->list[i].source);
	}
	free(m->list);
	free(m->by_id);
	*m = (struct ksig_mounts) { };
}

/*
 * Return: whether a list of options contains "ro", or "emergency_ro", which ext4 shows after an
 * error since Linux 6.15.
 */
static bool mounts_is_readonly(char *options)
{
	const char *option;

	while ((option = strsep(&options, ","))) {
		if (!strcmp(option, "ro") || !strcmp(option, "emergency_ro"))
			return true;
	}
	return false;
}

/*
 * Parses a line: "ID PARENT MAJOR:MINOR ROOT PATH OPTIONS [TAG...] - TYPE SOURCE OPTIONS".
 * Return: 1; 0 if the line is not understood; -ENOMEM.
 */
static int mounts_parse(char *line, struct ksig_mount *m)
{
	unsigned int major, minor;
	char *fields[6], *rest[3] = { }, *s = line, *separator;
	int i;

	separator = strstr(line, " - ");
	if (!separator)
		return 0;
	*separator = '\0';
	for (i = 0; i < 6; i++) {
		fields[i] = strsep(&s, " ");
		if (!fields[i])
			return 0;
	}
	s = separator + 3;
	for (i = 0; i < 3; i++)
		rest[i] = strsep(&s, " ");
	if (!rest[2] || sscanf(fields[0], "%" SCNu64, &m->id) != 1 ||
	    sscanf(fields[2], "%u:%u", &major, &minor) != 2)
		return 0;
	ksig_text_unescape(fields[4]);
	ksig_text_unescape(rest[0]);
	ksig_text_unescape(rest[1]);
	m->dev = (uint64_t)major << 32 | minor;
	m->readonly = mounts_is_readonly(fields[5]) || mounts_is_readonly(rest[2]);
	m->path = strdup(fields[4]);
	m->type = strdup(rest[0]);
	m->source = strdup(rest[1]);
	return m->path && m->type && m->source ? 1 : -ENOMEM;
}

static int by_id(const void *a, const void *b)
{
	const struct ksig_mount *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

const struct ksig_mount *ksig_mounts_find(const struct ksig_mounts *m, uint64_t id)
{
	const struct ksig_mount wanted = { .id = id }, *key = &wanted, **found;

	found = bsearch(&key, m->by_id, m->n, sizeof(*m->by_id), by_id);
	return found ? *found : NULL;
}

/* Reads the whole file. Return: its content, which the caller frees; NULL with errno set. */
static char *mounts_read_file(int fd)
{
	size_t size = 0, room = 0;
	char *buf = NULL, *more;
	ssize_t n;

	for (;;) {
		if (room - size < 4096) {
			room = room ? 2 * room : 16384;
			more = realloc(buf, room);
			if (!more)
				break;
			buf = more;
		}
		n = pread(fd, buf + size, room - size - 1, size);
		if (n < 0)
			break;
		if (!n) {
			buf[size] = '\0';
			return buf;
		}
		size += n;
	}
	free(buf);
	return NULL;
}

int ksig_mounts_read(int fd, struct ksig_mounts *m)
{
	char *buf = mounts_read_file(fd), *line, *rest = buf;
	struct ksig_mount *grown;
	int ret = 0;
	size_t i;

	*m = (struct ksig_mounts) { };
	if (!buf)
		return -errno;
	while (ret >= 0 && (line = strsep(&rest, "\n"))) {
		grown = ksig_native_grow(m->list, m->n, &m->room, sizeof(*m->list));
		if (!grown) {
			ret = -ENOMEM;
			break;
		}
		m->list = grown;
		m->list[m->n] = (struct ksig_mount) { };
		ret = mounts_parse(line, &m->list[m->n]);
		/* counts a partly allocated mount, so that it is freed with the others */
		m->n += ret != 0;
	}
	free(buf);
	m->by_id = ret < 0 ? NULL : calloc(m->n + 1, sizeof(*m->by_id));
	if (!m->by_id) {
		ksig_mounts_free(m);
		return -ENOMEM;
	}
	for (i = 0; i < m->n; i++)
		m->by_id[i] = &m->list[i];
	qsort(m->by_id, m->n, sizeof(*m->by_id), by_id);
	return 0;
}

bool ksig_mount_is_local(const struct ksig_mount *m)
{
	/* local file systems without a block device of their own */
	static const char *const without_device[] = {
		"tmpfs", "devtmpfs", "ramfs", "overlay", "btrfs", "bcachefs", "zfs", "ubifs",
		"jffs2", "ecryptfs", NULL,
	};
	/* on a block device, but in user space or shared with other machines */
	static const char *const not_local[] = { "fuseblk", "gfs2", "ocfs2", NULL };
	const bool has_device = m->dev >> 32;
	const char *const *type = has_device ? not_local : without_device;

	while (*type && strcmp(*type, m->type))
		type++;
	return has_device ? !*type : *type != NULL;
}

int ksig_mount_open(const char *path, bool cached)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC, .resolve = cached ? RESOLVE_CACHED : 0,
	};
	int fd, tries = 0;

	/* it also fails if the mounts of any namespace are changing at the moment */
	do {
		fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	} while (fd < 0 && errno == EAGAIN && tries++ < OPEN_TRIES);
	/* a seccomp filter may not know this call */
	return fd < 0 && (errno == ENOSYS || errno == EPERM) ? open(path, O_PATH | O_CLOEXEC) : fd;
}

uint64_t ksig_mount_id(int fd)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st))
		return 0;
	return st.stx_mnt_id;
}

uint64_t ksig_mount_at(const char *path, bool cached)
{
	int fd = ksig_mount_open(path, cached);
	uint64_t id = fd < 0 ? 0 : ksig_mount_id(fd);

	if (fd >= 0)
		close(fd);
	return id;
}
