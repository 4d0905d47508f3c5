/* SPDX-License-Identifier: MIT */
/* The mounts of a mount namespace, as /proc/thread-self/mountinfo lists them. */
#ifndef KSIG_NATIVE_MOUNTS_H
#define KSIG_NATIVE_MOUNTS_H

#include "alarm.h"

/**
 * struct ksig_mount - a mount
 * @id: mount ID, which can be reused once the mount is gone
 * @dev: device number of the file system, major << 32 | minor
 * @readonly: the mount or its file system is read-only
 * @path: mount point
 * @type: type of the file system
 * @source: what is mounted, such as a device
 */
struct ksig_mount {
	uint64_t id;
	uint64_t dev;
	bool readonly;
	char *path;
	char *type;
	char *source;
};

/**
 * struct ksig_mounts - a list of mounts
 * @list: the mounts, in the kernel's order, in which parents precede their children
 * @n: number of mounts
 * @room: capacity of @list
 * @by_id: the mounts, sorted by ID
 */
struct ksig_mounts {
	struct ksig_mount *list;
	size_t n;
	size_t room;
	const struct ksig_mount **by_id;
};

/* Opens the list of this thread's mount namespace. Return: a descriptor; or -errno. */
int ksig_mounts_open(void);
/* Reads the list from a descriptor of ksig_mounts_open(). Return: 0, or -errno with @m empty. */
int ksig_mounts_read(int fd, struct ksig_mounts *m);
/* Return: the mount with this ID, or NULL. */
const struct ksig_mount *ksig_mounts_find(const struct ksig_mounts *m, uint64_t id);
/*
 * Return: whether the file system is on this machine and in the kernel. Reading others can block for
 * as long as a server doesn't respond.
 */
bool ksig_mount_is_local(const struct ksig_mount *m);
/*
 * Opens a path with O_PATH. With @cached, the call fails with EAGAIN instead of asking the server of
 * a file system on the way, which may not respond. Return: a descriptor; or -1 with errno.
 */
int ksig_mount_open(const char *path, bool cached);
/* Return: the ID of the mount that contains an open file; 0 if unknown. */
uint64_t ksig_mount_id(int fd);
/* Return: the ID of the mount to which a path leads; 0 if unknown. @cached: as above */
uint64_t ksig_mount_at(const char *path, bool cached);
void ksig_mounts_free(struct ksig_mounts *m);

#endif /* KSIG_NATIVE_MOUNTS_H */
