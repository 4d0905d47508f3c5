/* SPDX-License-Identifier: GPL-2.0-only */
/* Included by ksig/uapi.h in kernel code. */
#ifndef KSIG_BUILD_BUG_H
#define KSIG_BUILD_BUG_H

#define static_assert(expr) _Static_assert(expr, #expr)

#endif
