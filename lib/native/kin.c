// SPDX-License-Identifier: MIT
/* Tracks the processes that the subscriber has started; see kin.h. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kin.h"

/* PID_MAX_LIMIT in the kernel */
#define PID_LIMIT (4 * 1024 * 1024)

/**
 * struct kin_process - a process listed in /proc
 * @pid: pid of the process
 * @parent: pid of its parent
 * @kin: KIN_OWN, KIN_OTHER, or KIN_UNKNOWN until all processes have been read
 */
struct kin_process {
	pid_t pid;
	pid_t parent;
	enum kin kin;
};

enum kin ksig_kin_of(const struct ksig_kin *k, pid_t pid)
{
	return pid > 0 && pid < PID_LIMIT ? k->of[pid] : KIN_OTHER;
}

void ksig_kin_find(struct ksig_kin *k)
{
	struct kin_process *list = NULL, *longer;
	size_t n = 0, room = 0, i;
	DIR *dir = opendir("/proc");
	struct ksig_proc_stat st;
	struct dirent *d;
	bool changed = true;
	pid_t pid;

	while (dir && (d = readdir(dir))) {
		pid = atoi(d->d_name);
		if (pid <= 0 || pid >= PID_LIMIT || ksig_proc_read(pid, &st))
			continue;
		longer = ksig_native_grow(list, n, &room, sizeof(*list));
		if (!longer)
			break;
		list = longer;
		list[n] = (struct kin_process) { pid, st.parent, KIN_UNKNOWN };
		/* a child that started before the subscription is not excluded */
		if (pid == getpid())
			list[n].kin = KIN_OWN;
		else if (st.parent == getpid() && ksig_kin_of(k, pid) != KIN_OWN &&
			 ksig_proc_began_before(&st, k->since))
			list[n].kin = KIN_OTHER;
		n++;
	}
	if (dir)
		closedir(dir);
	memset(k->of, KIN_UNKNOWN, PID_LIMIT);
	k->of[getpid()] = KIN_OWN;
	while (changed) {
		changed = false;
		for (i = 0; i < n; i++) {
			if (list[i].kin || ksig_kin_of(k, list[i].parent) != KIN_OWN)
				continue;
			list[i].kin = KIN_OWN;
			k->of[list[i].pid] = KIN_OWN;
			changed = true;
		}
	}
	for (i = 0; i < n; i++) {
		if (list[i].kin != KIN_OWN)
			k->of[list[i].pid] = KIN_OTHER;
	}
	free(list);
	k->unsure_until = ksig_now();
}

void ksig_kin_fork(struct ksig_kin *k, pid_t parent, pid_t child,
		   uint64_t time_ns)
{
	enum kin kin = ksig_kin_of(k, parent);

	if (child <= 0 || child >= PID_LIMIT)
		return;
	if (kin == KIN_COUNTED)
		kin = KIN_UNKNOWN;
	if (kin == KIN_UNKNOWN && time_ns > k->unsure_until)
		kin = KIN_OTHER;
	k->of[child] = kin;
}

bool ksig_kin_exclude(struct ksig_kin *k, struct ksig_native *n, pid_t pid,
		      uint64_t time_ns)
{
	struct ksig_proc_stat st;

	if (!k->of || ksig_kin_of(k, pid) == KIN_OTHER)
		return false;
	if (ksig_kin_of(k, pid) == KIN_OWN)
		return true;
	/*
	 * If the process existed at @time_ns and is still alive, the search of /proc that ended at
	 * @unsure_until must have found it.
	 */
	if (time_ns > k->unsure_until ||
	    (!ksig_proc_read(pid, &st) && ksig_proc_began_before(&st, time_ns)))
		return false;
	ksig_native_lose_upto(n, 1);
	return true;
}

int ksig_kin_begin(struct ksig_kin *k)
{
	k->of = calloc(PID_LIMIT, 1);
	if (!k->of)
		return -ENOMEM;
	k->of[getpid()] = KIN_OWN;
	k->since = ksig_now();
	return 0;
}
