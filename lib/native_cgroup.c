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
	char mount[KSIG_CGROUP_MAX];
	struct stat st;
	int err;

	err = ksig_cgroup_mount(mount, NULL);
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
