// SPDX-License-Identifier: MIT
/*
 * ksig watch --to pidfile:PATH: a number in a file, and whether to believe it.
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
 * By so much a file may seem older than it is: its time is that of the last timer
 * interrupt (10 ms at most); whole seconds mean a file system that has only
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
 * @links: so many were followed
 * @folder_uid: as struct ksig_pidfile's
 */
struct walk {
	const char *path;
	int dir;
	char rest[PATH_MAX];
	unsigned int links;
	uid_t folder_uid;
};

/*
 * A user who can replace a directory in the path chooses the file. Root can signal every
 * process, so for root each directory must belong to root or to one user, who must be the
 * user of the process. Return: 0; -errno; -ECANCELED if the reason has been printed.
 */
static int check_folder(struct walk *w)
{
	struct stat st;

	if (geteuid())
		return 0;
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
	return 0;
}

/* Of ours or root's making, where nobody else could have put or replaced it? */
static bool is_trusted_link(const struct stat *link, const struct stat *dir)
{
	if ((link->st_uid && link->st_uid != geteuid()) ||
	    (dir->st_uid && dir->st_uid != geteuid()))
		return false;
	return !(dir->st_mode & S_IWOTH) &&
	       (!(dir->st_mode & S_IWGRP) || !dir->st_gid ||
		dir->st_gid == getegid());
}

static int enter(struct walk *w, int fd)
{
	if (w->dir >= 0)
		close(w->dir);
	w->dir = fd;
	return fd < 0 ? -errno : 0;
}

/*
 * @fd: what a component of the path is; a link was followed. Return: as step()
 */
static int arrive(struct walk *w, int fd, int *file)
{
	if (fd < 0)
		return -errno;
	if (w->rest[strspn(w->rest, "/")])
		return enter(w, fd);
	*file = fd;
	return 1;
}

/* Return: as step() */
static int follow(struct walk *w, int fd, const char *name,
		  const struct stat *link, int *file)
{
	char to[PATH_MAX], all[PATH_MAX];
	struct stat dir;
	struct statfs fs;
	ssize_t len;

	if (fstat(w->dir, &dir) || fstatfs(fd, &fs))
		return -errno;
	if (!is_trusted_link(link, &dir)) {
		ksig_error("%s: the symbolic link '%s' is not followed: it, or its directory, is not owned by root or you alone (uid %u): give the path that it leads to",
			   w->path, name, link->st_uid ? link->st_uid :
						dir.st_uid);
		return -ECANCELED;
	}
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	/* what such a link leads to is not always what its text names */
	if (fs.f_type == PROC_SUPER_MAGIC)
		return arrive(w, openat(w->dir, name, O_PATH | O_CLOEXEC),
			      file);
	len = readlinkat(fd, "", to, sizeof(to) - 1);
	if (len < 0)
		return -errno;
	to[len] = '\0';
	if (snprintf(all, sizeof(all), "%s/%s", to, w->rest) >=
	    (int)sizeof(all))
		return -ENAMETOOLONG;
	strcpy(w->rest, all);
	return *to == '/' ? enter(w, open("/", O_PATH | O_CLOEXEC)) : 0;
}

/* The first component of what is left, which is cut off; "" if there is none */
static void take_name(struct walk *w, char name[PATH_MAX])
{
	char *at = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(at, "/");

	memcpy(name, at, len);
	name[len] = '\0';
	at += len;
	memmove(w->rest, at, strlen(at) + 1);
}

/* Return: 0 on the way; 1: *@file is it, O_PATH; -errno; -ECANCELED: it was said why */
static int step(struct walk *w, int *file)
{
	char name[PATH_MAX];
	struct stat st;
	int fd, err;

	take_name(w, name);
	if (!*name)
		return -EISDIR;
	err = check_folder(w);
	if (err)
		return err;
	fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		err = -errno;
	} else if (S_ISLNK(st.st_mode)) {
		err = follow(w, fd, name, &st, file);
	} else {
		return arrive(w, fd, file);
	}
	close(fd);
	return err;
}

/* Return: a descriptor, O_PATH, or -1 and it was said why not */
static int find_file(const char *path, uid_t *folder_uid)
{
	struct walk w = { .path = path, .dir = -1 };
	int fd = -1, err = 0;

	if (strlen(path) >= sizeof(w.rest))
		err = -ENAMETOOLONG;
	else
		strcpy(w.rest, path);
	if (!err)
		err = enter(&w, open(*path == '/' ? "/" : ".",
				     O_PATH | O_CLOEXEC));
	while (!err)
		err = step(&w, &fd);
	if (w.dir >= 0)
		close(w.dir);
	*folder_uid = w.folder_uid;
	if (err < 0 && err != -ECANCELED)
		ksig_error("cannot open %s: %s", path, strerror(-err));
	return fd;
}

/* Only a regular file is opened: to open another has effects. */
static int open_to_read(int file)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* --------------------------------------------------------------- the number */

/* So much of a line is read. */
#define LINE_MAX_BYTES 65536

/* What was read of a line: blanks, digits, blanks. */
struct number {
	uint64_t value;
	enum { BEFORE, WITHIN, BEHIND, BAD } state;
};

static void take_byte(struct number *n, char c)
{
	bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\v' ||
		     c == '\f';

	if (c >= '0' && c <= '9' && n->state <= WITHIN &&
	    n->value <= INT_MAX) {
		n->value = 10 * n->value + (c - '0');
		n->state = WITHIN;
	} else if (!blank) {
		n->state = BAD;
	} else if (n->state == WITHIN) {
		n->state = BEHIND;
	}
}

/* The first line. 0 or -EINVAL */
static int read_number(int fd, pid_t *pid)
{
	struct number n = { };
	char buf[4096], *at;
	size_t total = 0;
	ssize_t len;

	do {
		len = read(fd, buf, sizeof(buf));
		for (at = buf; at < buf + len && *at != '\n'; at++)
			take_byte(&n, *at);
		total += len > 0 ? len : 0;
		if (total > LINE_MAX_BYTES)
			n.state = BAD;
	} while (n.state != BAD &&
		 ((len > 0 && at == buf + len) || (len < 0 && errno == EINTR)));
	if (len < 0 || (n.state != WITHIN && n.state != BEHIND) || !n.value ||
	    n.value > INT_MAX)
		return -EINVAL;
	*pid = n.value;
	return 0;
}

/* What needs no process. */
static bool is_protected(const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		ksig_error("%s is not a regular file", path);
	else if (st->st_mode & S_IWOTH)
		ksig_error("%s is writable by everyone: chmod o-w it, or give the pid",
			   path);
	else if (st->st_mode & S_IWGRP && st->st_gid)
		ksig_error("%s is writable by group %u: chmod g-w it, or give the pid",
			   path, st->st_gid);
	else
		return true;
	return false;
}

static int read_pid(const char *path, int found, pid_t *pid)
{
	int fd = open_to_read(found), err;

	if (fd < 0) {
		ksig_error("cannot open %s: %s", path, strerror(errno));
		return KSIG_FAILED;
	}
	err = read_number(fd, pid);
	close(fd);
	if (!err)
		return KSIG_DONE;
	ksig_error("%s has no pid: its first line must be a number and nothing else",
		   path);
	return KSIG_FAILED;
}

int ksig_pidfile_read(const char *path, pid_t *pid, struct ksig_pidfile *file)
{
	int found = find_file(path, &file->folder_uid);
	int ret = KSIG_FAILED;

	if (found < 0)
		return KSIG_FAILED;
	if (fstat(found, &file->st))
		ksig_error("cannot read %s: %s", path, strerror(errno));
	else if (is_protected(path, &file->st))
		ret = read_pid(path, found, pid);
	close(found);
	return ret;
}

/* ------------------------------------------------------- is it to be believed? */

/* The uids by which kill(2) lets a user signal it. */
static bool read_uids(pid_t pid, uid_t *real, uid_t *saved)
{
	char path[40], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Uid: %u %*u %u", real, saved) == 2;
	if (f)
		fclose(f);
	return found;
}

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

/* When it started, by the wall clock as it is now; rounded down to a tick. */
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
	*start = now(CLOCK_REALTIME) - now(CLOCK_BOOTTIME) +
		 (int64_t)ticks * (NS / sysconf(_SC_CLK_TCK));
	return true;
}

/* A file's time is what utimensat(2) was given: it may be out of range. */
static int64_t written_at(const struct stat *st)
{
	const int64_t most = INT64_MAX / NS / 2;
	int64_t s = st->st_mtim.tv_sec;

	s = s > most ? most : s < -most ? -most : s;
	return s * NS + st->st_mtim.tv_nsec;
}

int ksig_pidfile_check(const char *path, const struct ksig_pidfile *file,
		       pid_t pid)
{
	const struct stat *st = &file->st;
	int64_t written = written_at(st), start;
	uid_t real, saved;

	if (!read_uids(pid, &real, &saved) || !read_start(pid, &start)) {
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
	written += st->st_mtim.tv_nsec ? COARSE_NS : SECONDS_NS;
	if (written < start) {
		ksig_error("%s was written %" PRId64 ".%03" PRId64 " s before process %d started: the pid was another process's then, or the clock has been set: restart the service, or give the pid",
			   path, (start - written) / NS,
			   (start - written) % NS / 1000000, pid);
		return KSIG_FAILED;
	}
	return KSIG_DONE;
}
