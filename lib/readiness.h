/* SPDX-License-Identifier: MIT */
/* What /proc shows of a thread, and whether it is ready for a signal. */
#ifndef KSIG_READINESS_H
#define KSIG_READINESS_H

#include "lib.h"

/* What /proc/PID/status shows; in the signal sets bit n - 1 is signal n. */
struct ksig_thread_status {
	pid_t tgid;
	char state;
	unsigned int uids[3];
	uint64_t thread_pending;
	uint64_t shared_pending;
	uint64_t blocked;
	uint64_t ignored;
	uint64_t caught;
	uint64_t effective_caps;
	unsigned int queued;	/* of the target's user, all of its processes */
	unsigned long long sleeps;	/* number of voluntary context switches */
	bool nested;	/* its own pid namespace is not this /proc's */
};

/* Return: 0; -ESRCH if it has exited; -EAGAIN if descriptors or memory are short; -errno */
int ksig_read_status(const char *path, struct ksig_thread_status *st);
int ksig_thread_status(pid_t pid, struct ksig_thread_status *st);

/*
 * Does thread @tid of @tgid accept the signal other than by a handler? @st: its status.
 * Return: 1 or 0; -EBUSY if that is unknown because it is running; -EACCES if the caller is
 * not permitted to know; -EAGAIN if /proc can't be read now.
 */
int ksig_thread_takes(pid_t tgid, pid_t tid, const struct ksig_thread_status *st,
		      int signo);
/* Likewise for a process: each of its threads must accept it. */
int ksig_process_takes(pid_t tgid, int signo);

static inline bool ksig_is_dead(const struct ksig_thread_status *st)
{
	return st->state == 'Z' || st->state == 'X';
}

static inline bool ksig_in_sigset(uint64_t set, int signo)
{
	return set >> (signo - 1) & 1;
}

#endif /* KSIG_READINESS_H */
