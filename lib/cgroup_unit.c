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

/*
 * Searches the directory @fd, whose path is @path, and the slices below it. Closes @fd.
 * Return: 0, with the path of the unit's cgroup in *@found; -ENOENT; or another -errno.
 */
static int find_unit(int fd, const char *path, const char *unit, char **found)
{
	char name[NAME_MAX + 1], *below;
	DIR *dir = fdopendir(fd);
	int err = -ENOENT, slice, i;
	struct dirent *d;
	struct stat st;

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	/* systemd adds a '_' to a name that could collide with one of the kernel's files */
	for (i = 0; i < 2 && err == -ENOENT; i++) {
		snprintf(name, sizeof(name), "%s%s", i ? "_" : "", unit);
		if (!fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode))
			err = asprintf(found, "%s/%s", path, name) < 0 ? -ENOMEM : 0;
	}
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

/* Return: whether a name has one of these suffixes. */
static bool has_suffix(const char *name, const char *const *suffix)
{
	const char *dot = strrchr(name, '.');

	for (; dot && dot > name && *suffix; suffix++) {
		if (!strcmp(dot, *suffix))
			return true;
	}
	return false;
}

/* The types of units that have a cgroup, and those that don't */
static const char *const with_cgroup[] = {
	".service", ".scope", ".slice", ".socket", ".mount", ".swap", NULL,
};
static const char *const without_cgroup[] = {
	".target", ".timer", ".path", ".device", ".automount", NULL,
};

int ksig_unit_name(const char *unit, unsigned int column, char *name, struct ksig_error *e)
{
	if (has_suffix(unit, without_cgroup))
		return ksig_fail(e, column, EINVAL, "'%s' has no cgroup: it is a %s unit", unit,
				 strrchr(unit, '.') + 1);
	if (!strchr(unit, '/') &&
	    snprintf(name, NAME_MAX + 1, "%s%s", unit,
		     has_suffix(unit, with_cgroup) ? "" : ".service") < NAME_MAX)
		return 0;
	return ksig_fail(e, column, EINVAL,
			 "invalid unit '%s': expected a name such as nginx.service", unit);
}

bool ksig_cgroup_unit(const char *path, char *unit)
{
	char name[NAME_MAX + 1];
	size_t len;

	*unit = '\0';
	for (path += strspn(path, "/"); *path; path += len + strspn(path + len, "/")) {
		len = strcspn(path, "/");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		if (!has_suffix(name, with_cgroup)) {
			*unit = '\0';
			return false;
		}
		strcpy(unit, name + (*name == '_'));
		if (fnmatch("?*.slice", name, 0))
			return false;
	}
	return true;
}

int ksig_cgroup_of_unit(const char *unit, unsigned int column, char **path,
			struct ksig_error *e)
{
	char *root, name[NAME_MAX + 1];
	int err = ksig_unit_name(unit, column, name, e), fd;

	err = err ? err : ksig_cgroup_path(NULL, 0, &root, e);
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
