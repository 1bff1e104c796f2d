// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything a KVM test needs.
 *
 * Upstream: tools/testing/selftests/kvm/include/kvm_util.h.
 */
export * from "./guest.ts";
export * from "./kvm_util_base.ts";
export * from "./ucall_common.ts";
