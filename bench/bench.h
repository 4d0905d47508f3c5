/* SPDX-License-Identifier: MIT */
/* Interface between ksig_bench.ko and the program bench */
#ifndef BENCH_H
#define BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The module has the channel /dev/ksig/bench and the control device /dev/ksig-bench. */
#define BENCH_SIGNO 44

enum {
	BENCH_NOTHING,	/* nothing: the cost of the trigger itself */
	BENCH_EMIT,	/* ksig_emit() */
	BENCH_EVENTFD,	/* eventfd_signal() */
	BENCH_KFIFO,	/* add a record to a kfifo and wake its reader */
	BENCH_SIGNAL,	/* send_sig_info() to the caller of BENCH_IOC_ME */
	BENCH_FASYNC,	/* kill_fasync() */
	BENCH_OPS
};

/* Argument of write(2): do operation op n times */
struct bench_trigger {
	__u32 op;
	__u32 n;
};

/*
 * Argument of BENCH_IOC_TIME: do operation op n times, and set took to the number of instructions,
 * not including the system call
 */
struct bench_time {
	__u32 op;
	__u32 n;
	__u64 took;
};

#define BENCH_IOC_TIME		_IOWR('B', 0, struct bench_time)
#define BENCH_IOC_EVENTFD	_IO('B', 1)	/* argument: the eventfd */
#define BENCH_IOC_ME		_IO('B', 2)	/* send the signals to the caller */
/*
 * Raise the edu card's interrupt. The interrupt handler does the operation in the argument
 * once.
 */
#define BENCH_IOC_INTERRUPT	_IO('B', 3)
/* Return the time stamp at which the handler began the operation. */
#define BENCH_IOC_BEGAN		_IOR('B', 4, __u64)

/* Result of read(2) on /dev/ksig-bench: a record of BENCH_KFIFO, as long as ksig's records */
struct bench_record {
	__u64 value;
	__u64 rest[7];
};

#endif /* BENCH_H */
