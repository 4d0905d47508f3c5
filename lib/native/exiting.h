/* SPDX-License-Identifier: MIT */
/*
 * For process.exit: the processes of which a thread has exited.
 *
 * The connector reports threads. A process has exited once its last thread has, which need
 * not be the first one. After that one's exit a pidfd shows whether the process has exited. It
 * does so before the connector's messages arrive, so the exit codes of the remaining threads
 * are waited for. As each thread's
 * exit is reported asynchronously, the number may be another process's by then; but then the
 * fork of that one is the next thing reported about it.
 *
 * Each message has the exit code of one thread. They share it when the process exits as a
 * whole (a signal, exit_group(2)); otherwise the process's status is the code of the last
 * thread that began to exit (Linux 6.0). The connector doesn't distinguish these cases: if
 * the last code differs from another one that is not 0, the status is known only to a pidfd
 * that is still open when the process is reaped (Linux 6.15). It is unknown, too, where
 * messages are missing; and where threads that outlive the first one exit with 0 and with
 * something else, for messages need not arrive in the order in which the threads began to
 * exit. Of signals only SIGSYS can end a single thread (seccomp(2)); any other ends the
 * process.
 *
 * A process whose first thread has exited keeps a descriptor here while others run, and any
 * user can have many such processes: a limited number is held. The exit of the others shows
 * in their threads' messages alone; where one is missing they wait until a descriptor is free.
 */
#ifndef KSIG_NATIVE_EXITING_H
#define KSIG_NATIVE_EXITING_H

#include "native.h"

struct exiting;

/**
 * struct ksig_exiting - processes of which a thread has exited
 * @list: @n of them, in the order in which they began to
 * @n: their number
 * @room: so many would fit
 * @held: pidfds in @list
 * @fresh: exits of first threads since the last ksig_exiting_settle()
 */
struct ksig_exiting {
	struct exiting *list;
	size_t n;
	size_t room;
	size_t held;
	size_t fresh;
};

/* Finds processes that have lost their first thread already. 0 or -errno */
int ksig_exiting_find(struct ksig_exiting *x, struct ksig_native *n);
/* Has a thread of @pid exited? */
bool ksig_exiting_has(struct ksig_exiting *x, pid_t pid);
/* Thread @tid of @pid, a child of @parent, has exited with @code at @time_ns. */
void ksig_exiting_thread(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid, pid_t tid, pid_t parent, uint32_t code,
			 uint64_t time_ns);
/* @pid, of which a thread has exited, has a new one, @tid. */
void ksig_exiting_new_thread(struct ksig_exiting *x, pid_t pid, pid_t tid);
/* The number is another process's: if the exit was not reported yet, it has happened. */
void ksig_exiting_reused(struct ksig_exiting *x, struct ksig_native *n,
			 pid_t pid);
/* By execve(2) all threads but one have exited, and it is the first one now. */
void ksig_exiting_exec(struct ksig_exiting *x, struct ksig_native *n, pid_t pid);
/* Messages are missing: what is waited for may have been among them. */
void ksig_exiting_tear(struct ksig_exiting *x);
/*
 * Reports those whose last thread has exited. Once the socket is empty, so that what it has
 * about their other threads is known; or when ksig_exiting_many().
 */
void ksig_exiting_settle(struct ksig_exiting *x, struct ksig_native *n);
bool ksig_exiting_many(const struct ksig_exiting *x);
void ksig_exiting_free(struct ksig_exiting *x, struct ksig_native *n);

#endif /* KSIG_NATIVE_EXITING_H */
