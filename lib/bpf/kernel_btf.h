/* SPDX-License-Identifier: MIT */
/* Extracts the part of the kernel's BTF that the BPF programs need. */
#ifndef KSIG_KERNEL_BTF_H
#define KSIG_KERNEL_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Copies structures, unions, enumerations and typedefs, with the types that they contain, from the
 * running kernel's BTF. All pointers become pointers to void, except pointers to function
 * prototypes that are named by a typedef.
 *
 * @names: names of the types, sorted by strcmp().
 *
 * @preemptible: set to whether probes of tracepoints run with preemption enabled. This is the case
 * since Linux 7.0, which protects probes by SRCU.
 *
 * Return: 0, and the caller must free(*@data); -ENOENT if the kernel has no BTF or /sys is not
 * mounted; -EINVAL if the format of its BTF is unknown; -ENOMEM.
 */
int ksig_kernel_btf_trim(const char *const *names, size_t n_names,
			 void **data, uint32_t *size, bool *preemptible);

#endif /* KSIG_KERNEL_BTF_H */
