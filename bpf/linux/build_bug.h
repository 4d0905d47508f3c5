/* SPDX-License-Identifier: GPL-2.0-only */
/* ksig/uapi.h asks for it in code for the kernel. */
#ifndef KSIG_BUILD_BUG_H
#define KSIG_BUILD_BUG_H

#define static_assert(expr) _Static_assert(expr, #expr)

#endif
