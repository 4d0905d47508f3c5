/* SPDX-License-Identifier: MIT */
/* cgroup.*: what is known of the cgroups of the cgroup2 hierarchy. */
#ifndef KSIG_NATIVE_GROUP_H
#define KSIG_NATIVE_GROUP_H

#include <sys/types.h>

#include "native.h"

/* What is watched in a cgroup */
enum {
	KSIG_GROUP_DIRECTORY,	/* the directory: creation and removal of children */
	KSIG_GROUP_EVENTS,	/* cgroup.events */
	KSIG_GROUP_MEMORY,	/* memory.events.local, if the memory controller is enabled */
	KSIG_GROUP_CONTROL,	/* cgroup.subtree_control */
	KSIG_GROUP_WATCHES
};

/**
 * struct ksig_group_watch - an inotify watch
 * @wd: watch descriptor; -1 if none. Descriptors are not reused
 * @cg: the cgroup
 * @which: what is watched
 * @known: the content is known, or the file didn't exist when it was first needed
 */
struct ksig_group_watch {
	int wd;
	struct ksig_group *cg;
	int which;
	bool known;
};

/**
 * struct ksig_group - a cgroup that exists, or existed when the last message was handled
 * @path: path from the mounted cgroup; "" for the mounted cgroup itself
 * @ino: inode number, which is never reused
 * @watch: watches
 * @seen: found during the current walk
 * @populated: the cgroup or a descendant contains a process
 * @frozen: all processes are stopped by the freezer
 * @counts: how often the cgroup has exceeded memory.high, reached memory.max, and run out of memory
 */
struct ksig_group {
	char *path;
	uint64_t ino;
	struct ksig_group_watch watch[KSIG_GROUP_WATCHES];
	bool seen;
	bool populated;
	bool frozen;
	uint64_t counts[3];
};

/**
 * struct ksig_hierarchy - the hierarchy
 * @mount: path of the mount point
 * @root: path of the mounted cgroup; "" for "/"
 * @inotify: reports changes
 * @by_path: tree of struct ksig_group
 * @by_wd: tree of struct ksig_group_watch
 * @joining: stream that is being opened, and isn't among the users yet; or NULL
 * @scratch: record used to evaluate filters
 * @timer: expires when cgroups that could not be watched, because the limit of watches was reached,
 *	should be tried again
 * @missed: there was such a cgroup
 * @quiet: update the state without reporting events
 * @stale: some messages were not handled, so the hierarchy must be walked again
 */
struct ksig_hierarchy {
	char *mount;
	char *root;
	int inotify;
	void *by_path;
	void *by_wd;
	struct ksig_native *joining;
	struct ksig_event *scratch;
	int timer;
	bool missed;
	bool quiet;
	bool stale;
};

/**
 * struct ksig_group_list - several cgroups
 * @list: the cgroups
 * @n: number of @list
 * @room: capacity of @list
 * @failed: there was not enough memory for all
 */
struct ksig_group_list {
	struct ksig_group **list;
	size_t n;
	size_t room;
	bool failed;
};

/* ---------------------------------------------------------------- group.c */

/* Sets the fields about a cgroup, to which a filter can refer. @path: as in struct ksig_group */
void ksig_group_fill(const struct ksig_native *user, struct ksig_event *ev, const char *path);
/* Adds an event for each stream of the event type @type, unless @quiet is set. */
void ksig_group_put(struct ksig_native *n, uint32_t type, const char *path, uint64_t count);
/* The same for events that report only that the opposite state has ended with the cgroup. */
void ksig_group_put_gone(struct ksig_native *n, uint32_t type, const char *path);
/*
 * Return: whether any stream needs @which of this cgroup. KSIG_GROUP_DIRECTORY and KSIG_GROUP_CONTROL
 * are needed if a descendant can match a filter.
 */
bool ksig_group_is_needed(const struct ksig_native *n, const char *path, int which);
/* Return: whether the streams that have joined need all that @n needs. */
bool ksig_group_is_covered(const struct ksig_native *n);
/* Return: the path of a file of a cgroup, which the caller frees; NULL if out of memory. */
char *ksig_group_file(const struct ksig_hierarchy *s, const char *path, int which);
/*
 * Return: whether an error means that a cgroup has been removed, is not accessible to
 * this user, or has a path that is too long.
 */
bool ksig_group_is_hidden(int err);
/* Sets a state, and reports it as an event of type @type if it has changed. */
void ksig_group_set(struct ksig_native *n, struct ksig_group *cg, bool *state, bool now,
		    uint32_t type);
/* Reads the file @which, and reports what has changed. Return: 0 or -errno. */
int ksig_group_update(struct ksig_native *n, struct ksig_group *cg, int which);

/* ------------------------------------------------------------ hierarchy.c */

/* Return: the cgroup that is known by this path, or NULL. */
struct ksig_group *ksig_group_find(struct ksig_hierarchy *s, char *path);
/* Return: the watch with this descriptor, or NULL. */
const struct ksig_group_watch *ksig_group_find_watch(struct ksig_hierarchy *s, int wd);
/*
 * Reports and forgets cgroups that have been removed: @path and all below; or, if @path is NULL,
 * those that the last walk didn't find. Return: 0 or -ENOMEM.
 */
int ksig_group_sweep(struct ksig_native *n, const char *path);
/*
 * Adds a cgroup that has been found and its descendants, or updates what is known of them.
 * @path: a buffer of KSIG_CGROUP_PATH_MAX bytes
 */
int ksig_group_enter(struct ksig_native *n, char *path);
/*
 * Updates the watches of memory.events.local in a cgroup's children after a controller was enabled
 * or disabled.
 * Return: 0 or -errno.
 */
int ksig_group_renew(struct ksig_native *n, const struct ksig_group *parent);
/* Walks the hierarchy, and reports all differences from what is known. Return: 0 or -errno. */
int ksig_hierarchy_walk(struct ksig_native *n);
/* Lists all cgroups, parents before their children. The caller frees l->list. */
int ksig_hierarchy_list(struct ksig_hierarchy *s, struct ksig_group_list *l);
/* Forgets all cgroups. */
void ksig_hierarchy_free(struct ksig_hierarchy *s);

#endif /* KSIG_NATIVE_GROUP_H */
