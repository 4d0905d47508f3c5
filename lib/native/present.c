// SPDX-License-Identifier: MIT
/* The objects in sysfs that are present: cpus, modules and devices. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "uevent.h"
#include "../text.h"

/* ------------------------------------------------------------------- the set */

static int present_compare(const void *a, const void *b)
{
	const struct ksig_present_item *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int ksig_present_set(struct ksig_present *p, bool present, const char *path,
		     const char *message, size_t len)
{
	const struct ksig_present_item key = { .path = path };
	struct ksig_present_item *item, **found = tfind(&key, &p->tree, present_compare);
	struct ksig_uevent u;

	if (present == !!found)
		return 0;
	if (!present) {
		item = *found;
		tdelete(&key, &p->tree, present_compare);
		free(item);
		return 1;
	}
	item = malloc(sizeof(*item) + len + 1);
	if (!item)
		return -ENOMEM;
	item->len = len;
	memcpy(item->message, message, len);
	item->message[len] = '\0';
	ksig_uevent_parse(item->message, len, &u);
	item->path = u.path;
	if (tsearch(item, &p->tree, present_compare))
		return 1;
	free(item);
	return -ENOMEM;
}

struct present_search {
	const char *path;
	const char *found;
};

static void present_find_below(const void *node, VISIT visit, void *arg)
{
	const struct ksig_present_item *item = *(struct ksig_present_item *const *)node;
	struct present_search *s = arg;
	size_t len = strlen(s->path);

	if ((visit == postorder || visit == leaf) && !strncmp(item->path, s->path, len) &&
	    (!item->path[len] || item->path[len] == '/'))
		s->found = item->path;
}

void ksig_present_remove_below(struct ksig_present *p, const char *path)
{
	struct present_search s = { .path = path };

	do {
		s.found = NULL;
		twalk_r(p->tree, present_find_below, &s);
		if (s.found)
			ksig_present_set(p, false, s.found, NULL, 0);
	} while (s.found);
}

bool ksig_present_has(struct ksig_present *p, const char *path)
{
	const struct ksig_present_item key = { .path = path };

	return tfind(&key, &p->tree, present_compare);
}

void ksig_present_free(struct ksig_present *p)
{
	tdestroy(p->tree, free);
	p->tree = NULL;
}

/* Adds an object, with a message like a uevent. @more: more lines, "KEY=VALUE\n" */
static int present_add(struct ksig_present *p, const char *path, const char *subsystem,
		       const char *more)
{
	char message[KSIG_UEVENT_MAX];
	int err, i, len;

	len = snprintf(message, sizeof(message), "ACTION=add\nDEVPATH=%s\nSUBSYSTEM=%s\n%s",
		       path, subsystem, more);
	if (len >= (int)sizeof(message))
		return 0;
	for (i = 0; i < len; i++) {
		if (message[i] == '\n')
			message[i] = '\0';
	}
	err = ksig_present_set(p, true, path, message, len);
	return err < 0 ? err : 0;
}

/* ------------------------------------------------------------------ the lists */

/* Reads a file in the directory @dir. Return: its length; or -errno. */
static ssize_t present_read_file(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

static bool is_shortage(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

/* The file contains a list such as "0-3,5". */
int ksig_present_cpus(struct ksig_present *p, const char *file)
{
	char list[4096], path[64], *s = list;
	unsigned long first, last;
	int err = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/%s", file);
	n = present_read_file(AT_FDCWD, path, list, sizeof(list));
	if (n < 0)
		return n;
	while (!err && *s >= '0' && *s <= '9') {
		first = strtoul(s, &s, 10);
		last = *s == '-' ? strtoul(s + 1, &s, 10) : first;
		for (; !err && first <= last; first++) {
			snprintf(path, sizeof(path), "/devices/system/cpu/cpu%lu", first);
			err = present_add(p, path, "cpu", "");
		}
		s += *s == ',';
	}
	return err;
}

static int present_modules(struct ksig_present *p)
{
	char name[NAME_MAX + 16], path[NAME_MAX + 16], state[16];
	DIR *dir = opendir("/sys/module");
	struct dirent *d;
	ssize_t n;
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (d = readdir(dir))) {
		snprintf(name, sizeof(name), "%s/initstate", d->d_name);
		n = *d->d_name == '.' ? 0 :
		    present_read_file(dirfd(dir), name, state, sizeof(state));
		if (is_shortage(n))
			err = n;
		if (n <= 0 || strcmp(state, "live\n"))
			continue;
		snprintf(path, sizeof(path), "/module/%s", d->d_name);
		err = present_add(p, path, "module", "");
	}
	closedir(dir);
	return err;
}

/*
 * Cuts off the lines that follow those of the driver core. They come from buses and classes, and
 * may contain text from the device, with newlines.
 */
static void present_keep_core(char *text)
{
	static const char *const keys[] = {
		"MAJOR=", "MINOR=", "DEVNAME=", "DEVMODE=", "DEVUID=", "DEVGID=", "DEVTYPE=",
		"DRIVER=",
	};
	size_t i;

	while (*text) {
		for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			if (!strncmp(text, keys[i], strlen(keys[i])))
				break;
		}
		if (i == sizeof(keys) / sizeof(*keys))
			*text = '\0';
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

/* Adds the device of the directory @dir, if it is the directory of a device. */
static int present_device(struct ksig_present *p, int dir, const char *path)
{
	char subsystem[PATH_MAX], text[KSIG_UEVENT_MAX], *name;
	ssize_t n = readlinkat(dir, "subsystem", subsystem, sizeof(subsystem) - 1);

	if (n < 0)
		return 0;
	subsystem[n] = '\0';
	name = strrchr(subsystem, '/');
	/*
	 * sysfs shows the interfaces of the network namespace in which it was mounted, but uevents
	 * come from this thread's
	 */
	if (name && !strcmp(name, "/net") &&
	    (present_read_file(dir, "ifindex", text, sizeof(text)) <= 0 ||
	     if_nametoindex(strrchr(path, '/') + 1) != strtoul(text, NULL, 10)))
		return 0;
	n = present_read_file(dir, "uevent", text, sizeof(text));
	if (n < 0)
		return is_shortage(n) ? n : 0;
	present_keep_core(text);
	return present_add(p, path, name ? name + 1 : subsystem, text);
}

/* Adds the devices of the directory @fd and of those below it. Closes @fd. */
static int present_devices(struct ksig_present *p, int fd, char *path, size_t len)
{
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	int err, below;

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	err = present_device(p, fd, path);
	while (!err && (d = readdir(dir))) {
		if (d->d_type != DT_DIR || ksig_text_is_dot(d->d_name) ||
		    len + strlen(d->d_name) + 2 > PATH_MAX)
			continue;
		below = openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below < 0) {
			err = is_shortage(-errno) ? -errno : 0;
			continue;
		}
		sprintf(path + len, "/%s", d->d_name);
		err = present_devices(p, below, path, strlen(path));
		path[len] = '\0';
	}
	closedir(dir);
	return err;
}

int ksig_present_read(struct ksig_present *p, enum ksig_uevent_family family)
{
	char path[PATH_MAX] = "/devices";
	int fd;

	switch (family) {
	case KSIG_UEVENT_CPU:
		return ksig_present_cpus(p, "online");
	case KSIG_UEVENT_KMOD:
		return present_modules(p);
	case KSIG_UEVENT_DEVICE:
		fd = open("/sys/devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : present_devices(p, fd, path, strlen(path));
	default:
		return 0;
	}
}
