// SPDX-License-Identifier: MIT
/* Finds the mount point of the cgroup2 hierarchy, and the path of a cgroup with a given ID. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib.h"
#include "text.h"

/* FILEID_KERNFS: the file handle is the ID of the cgroup */
#define HANDLE_TYPE 0xfe

/**
 * struct ksig_cgroups - lookup of cgroups by ID
 * @fd: directory on which the hierarchy is mounted
 * @root: path of the mounted cgroup; "" for "/"
 * @last: ID that was looked up last; 0 if there is none
 * @path: path of the cgroup @last. The path stays valid, because IDs are never reused and cgroup2
 *	directories cannot be renamed.
 */
struct ksig_cgroups {
	int fd;
	char root[KSIG_CGROUP_PATH_MAX];
	uint64_t last;
	char path[KSIG_CGROUP_PATH_MAX];
};

int ksig_cgroup_mount(char *path, char *root)
{
	char shown[KSIG_CGROUP_PATH_MAX], *line = NULL;
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
		if (sscanf(line, "%*s %*s %*s %4095s %4095s", shown, path) != 2)
			*path = '\0';
		ksig_text_unescape(path);
	}
	free(line);
	fclose(f);
	if (*path && root) {
		ksig_text_unescape(shown);
		strcpy(root, shown);
	}
	return 0;
}

struct ksig_cgroups *ksig_cgroups_open(void)
{
	struct ksig_cgroups *c = calloc(1, sizeof(*c));
	char mount[KSIG_CGROUP_PATH_MAX];

	if (!c)
		return NULL;
	c->fd = -1;
	if (!ksig_cgroup_mount(mount, c->root) && *mount)
		c->fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		return NULL;
	}
	if (!strcmp(c->root, "/"))
		c->root[0] = '\0';
	return c;
}

void ksig_cgroups_close(struct ksig_cgroups *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c);
}

/*
 * Reads the current path of an open file.
 * Return: the length of the path, or -errno.
 */
static ssize_t name_of(int fd, char name[KSIG_CGROUP_PATH_MAX])
{
	char link[40];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, name, KSIG_CGROUP_PATH_MAX - 1);
	if (len < 0)
		return -errno;
	name[len] = '\0';
	return len;
}

/*
 * Looks up a cgroup by its file handle. Requires CAP_DAC_READ_SEARCH and /proc. The resulting path
 * is relative to the mount point: "" or a path with a leading '/'.
 */
static int find_by_handle(const struct ksig_cgroups *c, uint64_t id, char *path)
{
	static const char deleted[] = " (deleted)";
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} h = { .handle = { sizeof(id), HANDLE_TYPE } };
	char mount[KSIG_CGROUP_PATH_MAX], name[KSIG_CGROUP_PATH_MAX];
	ssize_t len, all;
	int fd;

	memcpy(h.room + offsetof(struct file_handle, f_handle), &id, sizeof(id));
	fd = open_by_handle_at(c->fd, &h.handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = name_of(c->fd, mount);
	all = name_of(fd, name);
	close(fd);
	/* the cgroup is outside the mounted subtree or was removed, or its path was truncated */
	if (len < 0 || all < len || memcmp(name, mount, len) ||
	    (all > len && name[len] != '/') || all == KSIG_CGROUP_PATH_MAX - 1 ||
	    (all >= (ssize_t)strlen(deleted) &&
	     !strcmp(name + all - strlen(deleted), deleted)))
		return -ENOENT;
	strcpy(path, name + len);
	return 0;
}

/*
 * Searches all directories below @folder for the inode number @id, and closes @folder. On entry,
 * @path contains the path of @folder, which is @len bytes long. On success, @path contains the
 * result.
 */
static int find_below(int folder, uint64_t id, char *path, size_t len)
{
	DIR *dir = fdopendir(folder);
	int err = -ENOENT, fd;
	struct dirent *d;
	size_t n;

	if (!dir) {
		close(folder);
		return -ENOMEM;
	}
	while (err == -ENOENT && (d = readdir(dir))) {
		n = strlen(d->d_name) + 1;
		if (d->d_type != DT_DIR || ksig_text_is_dot(d->d_name) ||
		    len + n >= KSIG_CGROUP_PATH_MAX)
			continue;
		path[len] = '/';
		memcpy(path + len + 1, d->d_name, n);
		if (d->d_ino == id) {
			err = 0;
			break;
		}
		fd = openat(folder, d->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			err = find_below(fd, id, path, len + n);
		else if (errno == EMFILE || errno == ENFILE)
			err = -errno;
	}
	closedir(dir);
	return err;
}

int ksig_cgroups_path(struct ksig_cgroups *c, uint64_t id, char *path)
{
	char below[KSIG_CGROUP_PATH_MAX];
	struct stat st;
	int err, fd, len;

	if (!id)
		return -ENOENT;
	if (id == c->last) {
		strcpy(path, c->path);
		return 0;
	}
	err = find_by_handle(c, id, below);
	/* if file handles or /proc cannot be used, search the tree from the mounted cgroup */
	if (err && err != -ESTALE) {
		*below = '\0';
		err = 0;
		if (fstat(c->fd, &st) || st.st_ino != id) {
			fd = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			err = fd < 0 ? -errno : find_below(fd, id, below, 0);
		}
	}
	if (err)
		return err;
	len = snprintf(c->path, sizeof(c->path), "%s%s", c->root, below);
	c->last = len < (int)sizeof(c->path) ? id : 0;
	if (!c->last)
		return -ENAMETOOLONG;
	if (!len)
		strcpy(c->path, "/");
	strcpy(path, c->path);
	return 0;
}

/* ------------------------------------------------------- lookup by path */

int ksig_cgroup_path(const char *cgroup, unsigned int column, char **path,
		     struct ksig_error *e)
{
	const char *name = cgroup ? cgroup : "";
	char mount[KSIG_CGROUP_PATH_MAX];
	struct stat st;
	size_t len;
	int err;

	err = ksig_cgroup_mount(mount, NULL);
	if (err)
		return ksig_fail(e, 0, -err, "cannot read /proc/self/mountinfo: %s", strerror(-err));
	if (!*mount)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "cgroup2 is not mounted: as root, mount -t cgroup2 none /sys/fs/cgroup");
	/* the path may already begin with the mount point */
	len = strlen(mount);
	if (!strncmp(name, mount, len) && (name[len] == '/' || !name[len]))
		err = asprintf(path, "%s", name);
	else
		err = asprintf(path, "%s%s%s", mount, *name ? "/" : "",
			       name + strspn(name, "/"));
	if (err < 0)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	if (!stat(*path, &st) && S_ISDIR(st.st_mode))
		return 0;
	free(*path);
	*path = NULL;
	return ksig_fail(e, column, EINVAL,
			 "no cgroup '%s' in %s", name, mount);
}

bool ksig_cgroup_is_root(const char *path)
{
	char name[PATH_MAX];

	/* all other cgroups have this file */
	return snprintf(name, sizeof(name), "%s/cgroup.type", path) < (int)sizeof(name) &&
	       access(name, F_OK);
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
