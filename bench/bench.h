/* SPDX-License-Identifier: MIT */
/* What ksig_bench.ko and the program bench tell each other. */
#ifndef BENCH_H
#define BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The module's channel is /dev/ksig/bench, its own node /dev/ksig-bench. */
#define BENCH_SIGNO 44

enum {
	BENCH_NOTHING,	/* what a trigger costs by itself */
	BENCH_EMIT,	/* ksig_emit() */
	BENCH_EVENTFD,	/* eventfd_signal() */
	BENCH_KFIFO,	/* a record into a kfifo, and a wake-up */
	BENCH_SIGNAL,	/* send_sig_info() to whom BENCH_IOC_ME named */
	BENCH_FASYNC,	/* kill_fasync() */
	BENCH_OPS
};

/* write(2): has it done, n times */
struct bench_trigger {
	__u32 op;
	__u32 n;
};

/* The same, without the system call: how many instructions it took. */
struct bench_time {
	__u32 op;
	__u32 n;
	__u64 took;
};

#define BENCH_IOC_TIME		_IOWR('B', 0, struct bench_time)
#define BENCH_IOC_EVENTFD	_IO('B', 1)	/* argument: the descriptor */
#define BENCH_IOC_ME		_IO('B', 2)	/* signals go to the caller */
/*
 * Argument: the op that the handler of an edu card's interrupt is to do, once;
 * raises that interrupt.
 */
#define BENCH_IOC_INTERRUPT	_IO('B', 3)
/* The time stamp when the handler began to. */
#define BENCH_IOC_BEGAN		_IOR('B', 4, __u64)

/* read(2) of /dev/ksig-bench: what BENCH_KFIFO left; as long as ksig's. */
struct bench_record {
	__u64 value;
	__u64 rest[7];
};

#endif /* BENCH_H */
