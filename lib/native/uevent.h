/* SPDX-License-Identifier: MIT */
/* Uevents, and the objects in sysfs that they are about. */
#ifndef KSIG_NATIVE_UEVENT_H
#define KSIG_NATIVE_UEVENT_H

#include "native.h"

/* The limit in the kernel is 2,048 bytes plus a path. */
#define KSIG_UEVENT_MAX 8192

/**
 * struct ksig_uevent - a parsed message; the strings point into it
 * @keys: the "KEY=VALUE" strings, each terminated by a NUL
 * @keys_len: their total length
 * @old_path: previous path of a device that was renamed
 * @seqnum: number of the uevent; 0 if it has none
 * @synthetic: caused by writing to "uevent" in sysfs, as udev does at boot
 */
struct ksig_uevent {
	const char *keys;
	size_t keys_len;
	const char *action;
	const char *path;
	const char *old_path;
	const char *subsystem;
	const char *devname;
	const char *driver;
	uint64_t seqnum;
	bool synthetic;
};

/* Families of objects whose existence is a state */
enum ksig_uevent_family {
	KSIG_UEVENT_OTHER,
	KSIG_UEVENT_CPU,	/* cpus that are online */
	KSIG_UEVENT_KMOD,	/* modules that are loaded */
	KSIG_UEVENT_DEVICE,	/* devices that exist */
	KSIG_UEVENT_FAMILIES,
};

/* Parses a message: "ACTION@PATH", then "KEY=VALUE" strings, each terminated by a NUL. */
void ksig_uevent_parse(const char *buf, size_t n, struct ksig_uevent *u);
/* Return: the last component of the object's path in sysfs. */
const char *ksig_uevent_name(const struct ksig_uevent *u);

/*
 * Opens a socket that receives uevents, and adds it to the epoll set of @n.
 * Return: 0; or -errno, with the reason in @e.
 */
int ksig_uevent_listen(struct ksig_netlink *nl, struct ksig_native *n, struct ksig_stream *stream,
		       struct ksig_error *e);

/* -------------------------------------------------------------- present.c */

/**
 * struct ksig_present - the objects of one family that are present
 * @tree: struct ksig_present_item, for tsearch(3)
 * @known: the objects have been listed
 */
struct ksig_present {
	void *tree;
	bool known;
};

/**
 * struct ksig_present_item - an object
 * @path: path in sysfs, as in DEVPATH
 * @len: length of @message
 * @message: a uevent that reports the object, as the kernel would have sent it
 */
struct ksig_present_item {
	const char *path;
	size_t len;
	char message[];
};

/* Adds the cpus that a file in /sys/devices/system/cpu lists. Return: 0 or -errno. */
int ksig_present_cpus(struct ksig_present *p, const char *file);
/* Reads the objects of a family from sysfs. Return: 0 or -errno. */
int ksig_present_read(struct ksig_present *p, enum ksig_uevent_family family);
/*
 * Adds or removes an object. Return: 1 if it was added or removed; 0 if it had been added or
 * removed already; -ENOMEM.
 */
int ksig_present_set(struct ksig_present *p, bool present, const char *path,
		     const char *message, size_t len);
/* Removes the object with the path @path, and those whose paths are below it. */
void ksig_present_remove_below(struct ksig_present *p, const char *path);
bool ksig_present_has(struct ksig_present *p, const char *path);
void ksig_present_free(struct ksig_present *p);

#endif /* KSIG_NATIVE_UEVENT_H */
