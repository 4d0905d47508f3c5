/* SPDX-License-Identifier: MIT */
/* The state of a thread as shown in /proc, and whether it is ready for a signal. */
#ifndef KSIG_READINESS_H
#define KSIG_READINESS_H

#include "lib.h"

/* Contents of /proc/PID/status. In signal sets, bit n - 1 stands for signal n. */
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
	unsigned int queued;	/* signals queued for all processes of the thread's user */
	unsigned long long sleeps;	/* number of voluntary context switches */
	bool nested;	/* the thread is in a descendant of this /proc's pid namespace */
};

/*
 * Read the status of a thread, which is identified by its status file @path or by its ID @pid.
 * Return: 0; -ESRCH if the thread has exited; -EAGAIN if no descriptor or memory is available;
 * another -errno.
 */
int ksig_read_status(const char *path, struct ksig_thread_status *st);
int ksig_thread_status(pid_t pid, struct ksig_thread_status *st);

/*
 * Checks whether thread @tid of @tgid accepts the signal without a handler, by blocking it or
 * waiting for it. @st: status of the thread.
 * Return: 1 if it does; 0 if it does not; -EBUSY if that is unknown because the thread is running;
 * -EACCES if the caller is not permitted to know; -EAGAIN if /proc cannot be read at the moment.
 */
int ksig_thread_takes(pid_t tgid, pid_t tid, const struct ksig_thread_status *st,
		      int signo);
/* Like ksig_thread_takes(), but for a process, all of whose threads must accept the signal. */
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
