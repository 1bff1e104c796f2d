// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults, as kvm_main.ts sees them.
 *
 * Upstream: virt/kvm/async_pf.h.
 */
export { kvm_async_pf_deinit, kvm_async_pf_init, kvm_async_pf_vcpu_init } from "#kvm/async_pf.ts";
