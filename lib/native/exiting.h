/* SPDX-License-Identifier: MIT */
/*
 * Processes with at least one exited thread, for process.exit and process.crash.
 *
 * The connector reports the exits of threads. A process has exited once its last thread has exited.
 * That thread is not necessarily the thread group leader. After the leader has exited, a pidfd
 * shows whether the process has exited. The pidfd shows this before the connector's messages
 * arrive, so the event is delayed until the exit codes of the remaining threads are known. Exits
 * are reported asynchronously, so by the time an exit is reported, the pid may already belong to
 * another process. In that case, the next message about the pid is the fork that created the other
 * process.
 *
 * Each message contains the exit code of one thread. If the process exits as a whole (by a signal
 * or exit_group(2)), all threads have the same code. Otherwise the status of the process is the
 * code of the thread that was the last to begin its exit (since Linux 6.0). The connector does not
 * distinguish these cases. If the last code differs from another nonzero code, the status can be
 * read only from a pidfd that is still open when the process is reaped (Linux 6.15). The status is
 * also unknown if messages were lost. The order of the messages may differ from the order in which
 * the threads began to exit, so the status is also unknown if some threads that outlive the leader
 * exit with 0 and others with another code. The only signal that can end a single thread is SIGSYS
 * (seccomp(2)); all other signals end the whole process.
 *
 * A process whose leader has exited while other threads are running requires a pidfd. Any user can
 * have many such processes, so the number of pidfds is limited. Without a pidfd, only messages
 * about its threads show that a process has exited. If one of these messages was lost, the exit is
 * reported only once a pidfd is available.
 */
#ifndef KSIG_NATIVE_EXITING_H
#define KSIG_NATIVE_EXITING_H

#include "native.h"

struct exiting;

/**
 * struct ksig_exiting - processes with at least one exited thread
 * @list: the processes, in the order in which their first thread exited
 * @n: number of processes in @list
 * @room: capacity of @list
 * @n_pidfds: number of pidfds in @list
 * @fresh: number of leaders that have exited since the last ksig_exiting_report()
 */
struct ksig_exiting {
	struct exiting *list;
	size_t n;
	size_t room;
	size_t n_pidfds;
	size_t fresh;
};

/* Finds processes whose leader has already exited. Return: 0 or -errno. */
int ksig_exiting_find(struct ksig_exiting *x, struct ksig_native *n);
/* Return: whether a thread of @pid has exited. */
bool ksig_exiting_has(struct ksig_exiting *x, pid_t pid);
/* Records that thread @tid of @pid, a child of @parent, exited with @code at @time_ns. */
void ksig_exiting_thread(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid, pid_t tid, pid_t parent, uint32_t code,
			 uint64_t time_ns);
/* Records that the process @pid has a new thread @tid. */
void ksig_exiting_new_thread(struct ksig_exiting *x, pid_t pid, pid_t tid);
/*
 * Reports the exit of the process that previously had @pid, unless that exit has already been
 * reported. Must be called when another process has reused @pid.
 */
void ksig_exiting_reused(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid);
/*
 * Records an execve(2): all other threads of @pid have exited, and the calling thread is now the
 * leader.
 */
void ksig_exiting_exec(struct ksig_exiting *x, struct ksig_native *n, pid_t pid);
/* Records that messages were lost, which may have been about any of the processes. */
void ksig_exiting_lost(struct ksig_exiting *x);
/*
 * Reports the processes whose last thread has exited. Must be called when the socket is empty, so
 * that all messages about the remaining threads have been read, or when ksig_exiting_many() returns
 * true.
 */
void ksig_exiting_report(struct ksig_exiting *x, struct ksig_native *n);
bool ksig_exiting_many(const struct ksig_exiting *x);
void ksig_exiting_free(struct ksig_exiting *x, struct ksig_native *n);

#endif /* KSIG_NATIVE_EXITING_H */
