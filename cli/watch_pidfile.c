// SPDX-License-Identifier: MIT
/*
 * ksig watch --to pidfile:PATH: reads the pid from a file and decides whether to trust it.
 *
 * A user who can write or replace the file can choose the target. The file is therefore trusted
 * only if it is owned by root or by a user who could signal the process anyway. No symbolic link in
 * its path may be owned by another user. If the file is older than the process, the pid in it
 * identified an earlier process, so the file is rejected.
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
/* same limit as in the kernel */
#define LINKS_MAX 40
/*
 * Maximum time by which a file may appear older than it is. The kernel takes timestamps from the
 * last timer interrupt, up to 10 ms ago. If the timestamp has no fraction of a second, the file
 * system may have a resolution of one or two seconds.
 */
#define COARSE_NS (NS / 50)
#define SECONDS_NS (2 * NS)

/* ------------------------------------------------------------------ the path */

/**
 * struct walk - resolution of a path that checks each symbolic link before following it
 * @path: path as passed by the user
 * @dir: directory reached so far, opened with O_PATH
 * @rest: remaining part of the path
 * @links: number of symbolic links followed
 * @folder_uid: as in struct ksig_pidfile
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
 * Continues with @fd, which is a component of the path or the target of a link.
 * Return: the same as walk_step().
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

/* Return: the same as walk_step(). */
static int follow_link(struct walk *w, int fd, const char *name,
		       const struct stat *link, int *file)
{
	char to[PATH_MAX], all[PATH_MAX];
	struct stat dir;
	struct statfs fs;
	ssize_t len;

	if (fstat(w->dir, &dir) || fstatfs(fd, &fs))
		return -errno;
	/*
	 * the link must be owned by root or this user, in a directory that no other user can write
	 * to
	 */
	if ((link->st_uid && link->st_uid != geteuid()) ||
	    (dir.st_uid && dir.st_uid != geteuid()) ||
	    dir.st_mode & S_IWOTH ||
	    (dir.st_mode & S_IWGRP && dir.st_gid && dir.st_gid != getegid())) {
		ksig_error("%s: the symbolic link '%s' is not followed: it or its directory is owned or writable by a user other than root and you (uid %u): give the path that it points to",
			   w->path, name, link->st_uid ? link->st_uid :
						dir.st_uid);
		return -ECANCELED;
	}
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	/*
	 * links in /proc do not always lead to the path in their text, so let the kernel follow
	 * them
	 */
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
 * Resolves one component of the path. A user who can replace a directory in the path can choose the
 * file. Root can signal every process. If this command is run by root, all directories must
 * therefore be owned either by root or by a single user, and the process must run as that user.
 * Return: 0 to continue; 1 if *@file is the file, opened with O_PATH; -errno; -ECANCELED if the
 * reason has been printed.
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

/* --------------------------------------------------------------- the pid */

/* Maximum number of bytes to read */
#define LINE_MAX_BYTES 65536

/*
 * Parses the first line, which must consist of digits, optionally surrounded by blanks.
 * Return: 0 or -EINVAL.
 */
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
		/* opening a device or a FIFO can have side effects */
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

/* ------------------------------------------------------------------- the check */

static int64_t clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

/*
 * Computes the start time of the process in CLOCK_REALTIME as currently set, rounded down to a
 * tick.
 */
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
	/* a name may contain blanks, parentheses and newlines; starttime is field 22 */
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

	/* users with the real or the saved uid of the process may signal it; see kill(2) */
	snprintf(status, sizeof(status), "/proc/%d/status", pid);
	f = fopen(status, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Uid: %u %*u %u", &real, &saved) == 2;
	if (f)
		fclose(f);
	if (!found || !read_start(pid, &start)) {
		ksig_error("%s: cannot read /proc/%d to check that the file belongs to that process",
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
	/* mtime may be out of range, because utimensat(2) accepts any value */
	written = st->st_mtim.tv_sec;
	written = written > most ? most : written < -most ? -most : written;
	written = written * NS + st->st_mtim.tv_nsec;
	written += st->st_mtim.tv_nsec ? COARSE_NS : SECONDS_NS;
	if (written < start) {
		ksig_error("%s was written %" PRId64 ".%03" PRId64 " s before process %d started: the pid belonged to another process then, or the clock has been set: restart the service, or give the pid",
			   path, (start - written) / NS,
			   (start - written) % NS / 1000000, pid);
		return KSIG_FAILED;
	}
	return KSIG_DONE;
}
