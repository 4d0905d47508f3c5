/* SPDX-License-Identifier: MIT */
/*
 * For process.exit: the processes of which a thread has exited.
 *
 * The connector reports threads. A process has exited once its last thread has, which need
 * not be the first one. After the first one's exit a pidfd shows whether the process has
 * exited. It does so before the connector's messages arrive, so the event waits for the exit
 * codes of the remaining threads. Each thread's exit is reported asynchronously, so the number
 * may be another process's by then. In that case the fork of that process is the next message
 * about the number.
 *
 * Each message has the exit code of one thread. All threads have the same if the process exits
 * as a whole (a signal, exit_group(2)); otherwise the process's status is the code of the last
 * thread that began to exit (Linux 6.0). The connector doesn't distinguish these cases: if
 * the last code differs from another one that is not 0, the status is known only from a pidfd
 * that is still open when the process is reaped (Linux 6.15). It is also unknown if messages
 * are missing, and if threads that outlive the first one exit with 0 and with something else,
 * because messages need not arrive in the order in which the threads began to exit. The only
 * signal that can end a single thread is SIGSYS (seccomp(2)); any other ends the process.
 *
 * A process whose first thread has exited needs a descriptor here while others run, and any
 * user can have many such processes. So the number of descriptors is limited. The exit of a
 * process without one is known from its threads' messages alone; if one is missing, the
 * process waits until a descriptor is free.
 */
#ifndef KSIG_NATIVE_EXITING_H
#define KSIG_NATIVE_EXITING_H

#include "native.h"

struct exiting;

/**
 * struct ksig_exiting - processes of which a thread has exited
 * @list: @n of them, in the order of their first thread to exit
 * @n: their number
 * @room: size of @list
 * @n_pidfds: pidfds in @list
 * @fresh: exits of first threads since the last ksig_exiting_report()
 */
struct ksig_exiting {
	struct exiting *list;
	size_t n;
	size_t room;
	size_t n_pidfds;
	size_t fresh;
};

/* Finds processes whose first thread has already exited. 0 or -errno */
int ksig_exiting_find(struct ksig_exiting *x, struct ksig_native *n);
/* Has a thread of @pid exited? */
bool ksig_exiting_has(struct ksig_exiting *x, pid_t pid);
/* Thread @tid of @pid, a child of @parent, has exited with @code at @time_ns. */
void ksig_exiting_thread(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid, pid_t tid, pid_t parent, uint32_t code,
			 uint64_t time_ns);
/* @pid has a new thread, @tid. */
void ksig_exiting_new_thread(struct ksig_exiting *x, pid_t pid, pid_t tid);
/* The number is another process's now: reports the exit of the former one, if not reported. */
void ksig_exiting_reused(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid);
/* execve(2): all threads but one have exited, and the remaining one is the first now. */
void ksig_exiting_exec(struct ksig_exiting *x, struct ksig_native *n, pid_t pid);
/* Messages are missing, which may have been about any process here. */
void ksig_exiting_lost(struct ksig_exiting *x);
/*
 * Reports the processes whose last thread has exited. To be called once the socket is empty,
 * so that all its messages about their other threads were read, or if ksig_exiting_many().
 */
void ksig_exiting_report(struct ksig_exiting *x, struct ksig_native *n);
bool ksig_exiting_many(const struct ksig_exiting *x);
void ksig_exiting_free(struct ksig_exiting *x, struct ksig_native *n);

#endif /* KSIG_NATIVE_EXITING_H */
