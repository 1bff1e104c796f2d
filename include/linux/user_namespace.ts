// SPDX-License-Identifier: GPL-2.0
/*
 * User namespaces: there is one.
 *
 * Upstream: include/linux/user_namespace.h, kernel/user.c.
 */
import type { struct_user_namespace } from "#linux/fs.types.ts";

export const init_user_ns: struct_user_namespace = { name: "init_user_ns" };
