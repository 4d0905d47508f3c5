/* SPDX-License-Identifier: MIT */
/* Extracts the part of the kernel's BTF that the BPF programs need. */
#ifndef KSIG_KERNEL_BTF_H
#define KSIG_KERNEL_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Copies structures, unions, enumerations and typedefs from the running kernel's BTF, with the
 * types that they contain. Every pointer becomes a pointer to void, unless it points to a function
 * prototype and is named by a typedef.
 *
 * @names: names of the types, sorted by strcmp().
 *
 * @preemptible: set to whether tracepoint probes run with preemption enabled. This has been the
 * case since Linux 7.0, which protects probes with SRCU.
 *
 * Return: 0; -ENOENT if the kernel has no BTF or /sys is not mounted; -EINVAL if the format of the
 * BTF is unknown; -ENOMEM. On success, the caller must free(*@data).
 */
int ksig_kernel_btf_trim(const char *const *names, size_t n_names,
			 void **data, uint32_t *size, bool *preemptible);

#endif /* KSIG_KERNEL_BTF_H */
