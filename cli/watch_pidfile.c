// SPDX-License-Identifier: MIT
/*
 * ksig watch --to pidfile:PATH: a number in a file, and whether to trust it.
 *
 * A user who can write or replace the file chooses the process. So it is trusted only if
 * root owns it, or a user who could signal the process anyway, and if no symbolic link in
 * its path belongs to another user. A file that is older than the process was written about
 * another one, which had the number before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "watch.h"

#define NS ((int64_t)1000000000)
/* As many as the kernel follows. */
#define LINKS_MAX 40
/*
 * A file may seem older than it is by this time: its time is that of the last timer
 * interrupt (10 ms at most); whole seconds mean a file system that stores only
 * those, or every second one.
 */
#define COARSE_NS (NS / 50)
#define SECONDS_NS (2 * NS)

/* ------------------------------------------------------------------ the path */

/**
 * struct walk - a path, of which each link is checked before it is followed
 * @path: as given
 * @dir: the folder that has been reached, O_PATH
 * @rest: what is left of the path
 * @links: number of links that were followed
 * @folder_uid: as struct ksig_pidfile's
 */
struct walk {
	const char *path;
	int dir;
	char rest[PATH_MAX];
	unsigned int links;
	uid_t folder_uid;
};

static int enter_dir(struct walk *w, int fd)
{
	if (w->dir >= 0)
		close(w->dir);
	w->dir = fd;
	return fd < 0 ? -errno : 0;
}

/*
 * @fd is what a component of the path is, or the target of a link that was followed.
 * Return: as walk_step()
 */
static int arrive_at(struct walk *w, int fd, int *file)
{
	if (fd < 0)
		return -errno;
	if (w->rest[strspn(w->rest, "/")])
		return enter_dir(w, fd);
	*file = fd;
	return 1;
}

/* Return: as walk_step() */
static int follow_link(struct walk *w, int fd, const char *name,
		       const struct stat *link, int *file)
{
	char to[PATH_MAX], all[PATH_MAX];
	struct stat dir;
	struct statfs fs;
	ssize_t len;

	if (fstat(w->dir, &dir) || fstatfs(fd, &fs))
		return -errno;
	/* created by this user or root, where no other could have put or replaced it? */
	if ((link->st_uid && link->st_uid != geteuid()) ||
	    (dir.st_uid && dir.st_uid != geteuid()) ||
	    dir.st_mode & S_IWOTH ||
	    (dir.st_mode & S_IWGRP && dir.st_gid && dir.st_gid != getegid())) {
		ksig_error("%s: the symbolic link '%s' is not followed: it, or its directory, is not owned by root or you alone (uid %u): give the path that it leads to",
			   w->path, name, link->st_uid ? link->st_uid :
						dir.st_uid);
		return -ECANCELED;
	}
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	/* what such a link leads to is not always what its text names */
	if (fs.f_type == PROC_SUPER_MAGIC)
		return arrive_at(w, openat(w->dir, name, O_PATH | O_CLOEXEC),
				 file);
	len = readlinkat(fd, "", to, sizeof(to) - 1);
	if (len < 0)
		return -errno;
	to[len] = '\0';
	if (snprintf(all, sizeof(all), "%s/%s", to, w->rest) >=
	    (int)sizeof(all))
		return -ENAMETOOLONG;
	strcpy(w->rest, all);
	return *to == '/' ? enter_dir(w, open("/", O_PATH | O_CLOEXEC)) : 0;
}

/*
 * One component of the path. A user who can replace a directory in it chooses the file. Root
 * can signal every process, so for root each directory must belong to root or to one user, who
 * must be the user of the process. Return: 0 to go on; 1: *@file is the file, O_PATH; -errno;
 * -ECANCELED: the reason has been printed
 */
static int walk_step(struct walk *w, int *file)
{
	char name[PATH_MAX], *at = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(at, "/");
	struct stat st;
	int fd, err;

	memcpy(name, at, len);
	name[len] = '\0';
	memmove(w->rest, at + len, strlen(at + len) + 1);
	if (!*name)
		return -EISDIR;
	if (!geteuid()) {
		if (fstat(w->dir, &st))
			return -errno;
		if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX)) {
			ksig_error("%s: a directory in the path is writable by everyone: chmod o-w it, or give the pid",
				   w->path);
			return -ECANCELED;
		}
		if (st.st_uid && w->folder_uid && st.st_uid != w->folder_uid) {
			ksig_error("%s: the directories of the path have different owners (uid %u and %u): chown them, or give the pid",
				   w->path, w->folder_uid, st.st_uid);
			return -ECANCELED;
		}
		if (st.st_uid)
			w->folder_uid = st.st_uid;
	}

	fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		err = -errno;
	} else if (S_ISLNK(st.st_mode)) {
		err = follow_link(w, fd, name, &st, file);
	} else {
		return arrive_at(w, fd, file);
	}
	close(fd);
	return err;
}

/* --------------------------------------------------------------- the number */

/* At most this much of the line is read. */
#define LINE_MAX_BYTES 65536

/* The first line, which has blanks, digits, blanks. Return: 0 or -EINVAL */
static int read_number(int fd, pid_t *pid)
{
	enum { BEFORE, WITHIN, BEHIND, BAD } state = BEFORE;
	char buf[4096], *at;
	uint64_t value = 0;
	size_t total = 0;
	ssize_t len;

	do {
		len = read(fd, buf, sizeof(buf));
		for (at = buf; at < buf + len && *at != '\n'; at++) {
			if (*at >= '0' && *at <= '9' && state <= WITHIN &&
			    value <= INT_MAX) {
				value = 10 * value + (*at - '0');
				state = WITHIN;
			} else if (!*at || !strchr(" \t\r\v\f", *at)) {
				state = BAD;
			} else if (state == WITHIN) {
				state = BEHIND;
			}
		}
		total += len > 0 ? len : 0;
		if (total > LINE_MAX_BYTES)
			state = BAD;
	} while (state != BAD &&
		 ((len > 0 && at == buf + len) || (len < 0 && errno == EINTR)));
	if (len < 0 || (state != WITHIN && state != BEHIND) || !value ||
	    value > INT_MAX)
		return -EINVAL;
	*pid = value;
	return 0;
}

int ksig_pidfile_read(const char *path, pid_t *pid, struct ksig_pidfile *file)
{
	struct walk w = { .path = path, .dir = -1 };
	const struct stat *st = &file->st;
	int found = -1, fd = -1, err = 0, ret = KSIG_FAILED;
	char proc[40];

	if (strlen(path) >= sizeof(w.rest))
		err = -ENAMETOOLONG;
	else
		strcpy(w.rest, path);
	if (!err)
		err = enter_dir(&w, open(*path == '/' ? "/" : ".",
					 O_PATH | O_CLOEXEC));
	while (!err)
		err = walk_step(&w, &found);
	if (w.dir >= 0)
		close(w.dir);
	if (err < 0) {
		if (err != -ECANCELED)
			ksig_error("cannot open %s: %s", path, strerror(-err));
		return KSIG_FAILED;
	}
	file->folder_uid = w.folder_uid;

	if (fstat(found, &file->st)) {
		ksig_error("cannot read %s: %s", path, strerror(errno));
	} else if (!S_ISREG(st->st_mode)) {
		/* to open another file could have effects */
		ksig_error("%s is not a regular file", path);
	} else if (st->st_mode & S_IWOTH) {
		ksig_error("%s is writable by everyone: chmod o-w it, or give the pid",
			   path);
	} else if (st->st_mode & S_IWGRP && st->st_gid) {
		ksig_error("%s is writable by group %u: chmod g-w it, or give the pid",
			   path, st->st_gid);
	} else {
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", found);
		fd = open(proc, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			ksig_error("cannot open %s: %s", path, strerror(errno));
		else if (read_number(fd, pid))
			ksig_error("%s has no pid: its first line must be a number and nothing else",
				   path);
		else
			ret = KSIG_DONE;
	}
	if (fd >= 0)
		close(fd);
	close(found);
	return ret;
}

/* ------------------------------------------------------- is it to be trusted? */

static int64_t clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

/* When the process started, by the present wall clock; rounded down to a tick. */
static bool read_start(pid_t pid, int64_t *start)
{
	char path[40], text[4096], *s;
	uint64_t ticks;
	ssize_t len;
	int field, fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	/* a name may have blanks, brackets and newlines; starttime is field 22 */
	s = strrchr(text, ')');
	for (field = 2; s && field < 22; field++)
		s = strchr(s + 1, ' ');
	if (!s || sscanf(s, " %" SCNu64, &ticks) != 1)
		return false;
	*start = clock_now(CLOCK_REALTIME) - clock_now(CLOCK_BOOTTIME) +
		 (int64_t)ticks * (NS / sysconf(_SC_CLK_TCK));
	return true;
}

int ksig_pidfile_check(const char *path, const struct ksig_pidfile *file,
		       pid_t pid)
{
	const int64_t most = INT64_MAX / NS / 2;
	const struct stat *st = &file->st;
	char status[40], line[256];
	int64_t written, start;
	bool found = false;
	uid_t real, saved;
	FILE *f;

	/* the uids with which kill(2) permits a user to signal it */
	snprintf(status, sizeof(status), "/proc/%d/status", pid);
	f = fopen(status, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Uid: %u %*u %u", &real, &saved) == 2;
	if (f)
		fclose(f);
	if (!found || !read_start(pid, &start)) {
		ksig_error("%s: cannot read /proc/%d to check that the file is that process's",
			   path, pid);
		return KSIG_FAILED;
	}
	if (st->st_uid && st->st_uid != real && st->st_uid != saved) {
		ksig_error("%s is owned by uid %u, which is neither root nor the user of process %d (uid %u): chown it, or give the pid",
			   path, st->st_uid, pid, real);
		return KSIG_FAILED;
	}
	if (file->folder_uid && file->folder_uid != real &&
	    file->folder_uid != saved) {
		ksig_error("%s: a directory in the path is owned by uid %u, which is neither root nor the user of process %d (uid %u): chown it, or give the pid",
			   path, file->folder_uid, pid, real);
		return KSIG_FAILED;
	}
	/* the time is what utimensat(2) was given: it may be out of range */
	written = st->st_mtim.tv_sec;
	written = written > most ? most : written < -most ? -most : written;
	written = written * NS + st->st_mtim.tv_nsec;
	written += st->st_mtim.tv_nsec ? COARSE_NS : SECONDS_NS;
	if (written < start) {
		ksig_error("%s was written %" PRId64 ".%03" PRId64 " s before process %d started: the pid was another process's then, or the clock has been set: restart the service, or give the pid",
			   path, (start - written) / NS,
			   (start - written) % NS / 1000000, pid);
		return KSIG_FAILED;
	}
	return KSIG_DONE;
}
