// SPDX-License-Identifier: MIT
/* Where a cgroup's files are. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "native.h"

/* "\040" for what would be a blank, in place */
static void unescape(char *s)
{
	unsigned int byte;
	char *to = s;

	while (*s) {
		if (*s == '\\' && sscanf(s + 1, "%3o", &byte) == 1 &&
		    strspn(s + 1, "01234567") >= 3) {
			*to++ = byte;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* Where the unified hierarchy is mounted; "" if it isn't. 0 or -errno */
static int find_mount(char *path)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	*path = '\0';
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return -errno;
	/* ID PARENT DEVICE ROOT MOUNT-POINT OPTIONS ... - TYPE SOURCE OPTIONS */
	while (!*path && getline(&line, &size, f) > 0) {
		if (!strstr(line, " - cgroup2 "))
			continue;
		if (sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			*path = '\0';
		unescape(path);
	}
	free(line);
	fclose(f);
	return 0;
}

/* As the file system has it already, or as the hierarchy has it? */
static int join(const char *mount, const char *cgroup, char **path)
{
	size_t len = strlen(mount);
	int n;

	if (!strncmp(cgroup, mount, len) &&
	    (cgroup[len] == '/' || !cgroup[len]))
		n = asprintf(path, "%s", cgroup);
	else
		n = asprintf(path, "%s%s%s", mount, *cgroup ? "/" : "",
			     cgroup + strspn(cgroup, "/"));
	return n < 0 ? -ENOMEM : 0;
}

int ksig_cgroup_path(const char *cgroup, unsigned int column, char **path,
		     struct ksig_error *e)
{
	char mount[PATH_MAX];
	struct stat st;
	int err;

	err = find_mount(mount);
	if (err)
		return ksig_native_fail(e, err, "/proc/self/mountinfo");
	if (!*mount)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "there is no cgroup2 here: as root, mount -t cgroup2 none /sys/fs/cgroup");
	err = join(mount, cgroup ? cgroup : "", path);
	if (err)
		return ksig_native_fail(e, err, "a cgroup's path");
	if (!stat(*path, &st) && S_ISDIR(st.st_mode))
		return 0;
	free(*path);
	*path = NULL;
	return ksig_fail(e, column, EINVAL,
			 "there is no cgroup '%s' below %s", cgroup, mount);
}

int ksig_cgroup_has(const char *path, const char *file, const char *word)
{
	char name[PATH_MAX], found[64];
	int has = 0;
	FILE *f;

	if (snprintf(name, sizeof(name), "%s/%s", path, file) >=
	    (int)sizeof(name))
		return -ENAMETOOLONG;
	f = fopen(name, "re");
	if (!f)
		return -errno;
	while (!has && fscanf(f, "%63s", found) == 1)
		has = !strcmp(found, word);
	fclose(f);
	return has;
}
