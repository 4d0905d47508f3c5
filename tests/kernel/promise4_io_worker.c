// SPDX-License-Identifier: MIT
/*
 * Promise 4: kernel worker threads in a process accept no real-time signals. A signal to such a
 * thread would stay pending, so it must not be sent. Worker threads don't prevent signals to the
 * process.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktest.h"

/* Submits a blocking read, which is passed to a worker thread. */
static void submit_read(int ring, const struct io_uring_params *params, int fd)
{
	static char byte;
	struct io_uring_sqe *sqe;
	char *sq;

	sqe = OK(mmap(NULL, params->sq_entries * sizeof(*sqe),
		      PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		      IORING_OFF_SQES));
	sq = OK(mmap(NULL, params->sq_off.array +
		     params->sq_entries * sizeof(__u32),
		     PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		     IORING_OFF_SQ_RING));
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_READ;
	sqe->flags = IOSQE_ASYNC;
	sqe->fd = fd;
	sqe->addr = (unsigned long)&byte;
	sqe->len = 1;
	((__u32 *)(sq + params->sq_off.array))[0] = 0;
	__atomic_store_n((__u32 *)(sq + params->sq_off.tail), 1,
			 __ATOMIC_RELEASE);
	OK(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0));
}

static pid_t find_worker(void)
{
	char path[300], name[32];
	struct dirent *entry;
	pid_t tid = 0;
	FILE *f;
	DIR *dir;

	dir = opendir("/proc/self/task");
	CHECK(dir);
	while (!tid && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) &&
		    !strncmp(name, "iou-wrk", 7))
			tid = atoi(entry->d_name);
		fclose(f);
	}
	closedir(dir);
	return tid;
}

int main(void)
{
	struct io_uring_params params = { };
	int control = control_open(), ring, pipes[2];
	pid_t worker = 0;

	ring = syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0 && errno == ENOSYS)
		skip("this kernel has no io_uring");
	OK(ring);
	OK(pipe(pipes));
	submit_read(ring, &params, pipes[0]);
	UNTIL((worker = find_worker()));

	block(SIG);
	FAILS(send_signal(control, worker, SIG, 0, 1), ECONNREFUSED);
	OK(send_signal(control, getpid(), SIG, KSIG_SEND_PROCESS, 1));
	take(SIG);
	return 0;
}
