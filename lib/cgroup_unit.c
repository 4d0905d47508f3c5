// SPDX-License-Identifier: MIT
/*
 * Finds the cgroup of a systemd unit. No D-Bus is needed: a unit's cgroup has the name of the unit,
 * and all its ancestors are slices.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib.h"

/* systemd adds a '_' to a name that could collide with one of the kernel's files. */
static bool has_unit(int dir, const char *unit, char *name)
{
	struct stat st;

	snprintf(name, NAME_MAX + 1, "%s", unit);
	if (!fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode))
		return true;
	snprintf(name, NAME_MAX + 1, "_%s", unit);
	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

/*
 * Searches the directory @fd, whose path is @path, and the slices below it. Closes @fd.
 * Return: 0, with the path of the unit's cgroup in *@found; -ENOENT; or another -errno.
 */
static int find_unit(int fd, const char *path, const char *unit, char **found)
{
	char name[NAME_MAX + 1], *below;
	DIR *dir = fdopendir(fd);
	int err = -ENOENT, slice;
	struct dirent *d;

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	if (has_unit(fd, unit, name))
		err = asprintf(found, "%s/%s", path, name) < 0 ? -ENOMEM : 0;
	while (err == -ENOENT && (d = readdir(dir))) {
		if (d->d_type != DT_DIR || fnmatch("?*.slice", d->d_name, 0))
			continue;
		slice = openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (slice < 0 && (errno == EMFILE || errno == ENFILE))
			err = -errno;
		if (slice < 0)
			continue;
		if (asprintf(&below, "%s/%s", path, d->d_name) < 0) {
			close(slice);
			err = -ENOMEM;
			break;
		}
		err = find_unit(slice, below, unit, found);
		free(below);
	}
	closedir(dir);
	return err;
}

int ksig_cgroup_of_unit(const char *unit, unsigned int column, char **path,
			struct ksig_error *e)
{
	static const char *const suffixes[] = {
		".service", ".scope", ".slice", ".socket", ".mount", ".swap",
	};
	const char *suffix = strrchr(unit, '.');
	char *root, name[NAME_MAX + 1];
	int err, fd;
	size_t i;

	for (i = 0; suffix && i < ARRAY_SIZE(suffixes); i++) {
		if (!strcmp(suffix, suffixes[i]))
			break;
	}
	suffix = suffix && i < ARRAY_SIZE(suffixes) ? "" : ".service";
	if (strchr(unit, '/') ||
	    snprintf(name, sizeof(name), "%s%s", unit, suffix) >= NAME_MAX)
		return ksig_fail(e, column, EINVAL,
				 "invalid unit '%s': expected a name such as nginx.service",
				 unit);
	err = ksig_cgroup_path(NULL, 0, &root, e);
	if (err)
		return err;
	/* the slice that contains all others */
	if (!strcmp(name, "-.slice")) {
		*path = root;
		return 0;
	}
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 ? -errno : find_unit(fd, root, name, path);
	free(root);
	if (err == -ENOENT)
		return ksig_fail(e, column, EINVAL,
				 "no cgroup of the system unit '%s': the unit is not running or does not exist (see systemctl status %s)",
				 name, name);
	return err ? ksig_fail(e, column, -err, "cannot find the cgroup of %s: %s", unit,
			       strerror(-err)) : 0;
}

int ksig_cgroup_of_setting(const struct ksig_cond *setting, char **path,
			   struct ksig_error *e)
{
	return strcmp(setting->key, "unit") ?
	       ksig_cgroup_path(setting->text, setting->text_column, path, e) :
	       ksig_cgroup_of_unit(setting->text, setting->text_column, path, e);
}
