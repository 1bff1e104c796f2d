// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of VMX where a VM may be a TD: TDX's or VMX's own, by the VM.
 *
 * Upstream: arch/x86/kvm/vmx/main.c of the TDX branch, where these take VMX's place for good. Here
 * only on hosts whose TDX module works, so that others' VMs make no detour.
 *
 * What KVM asks of a TD and only the TD knows has an answer that does no harm: state as after
 * RESET, changes that are lost.
 */
import { EINVAL, ENOTTY } from "#linux/errno.ts";
import type { struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { module_param_named, param_bool } from "#linux/moduleparam.ts";
import { pr_info } from "#linux/printk.ts";
import type { struct_kvm_x86_ops } from "#asm/kvm_host.ts";
import { kvm_set_msr_common, kvm_get_msr_common } from "#asm/kvm_host.ts";
import { VMX_EPTP_MT_WB } from "#asm/vmx.ts";
import { kvm_register_mark_available } from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import * as tdx from "#arch/x86/kvm/vmx/tdx.h.ts";
import { is_td, is_td_vcpu } from "#arch/x86/kvm/vmx/tdx.h.ts";

let enable_tdx = true;
module_param_named("kvm_intel", "tdx", param_bool(() => enable_tdx, (v) => { enable_tdx = v; }), 0o444);

/* EPT entries: write-back, and the guest's PAT does not matter */
const MT_WB_IPAT	= VMX_EPTP_MT_WB << 3 | 1 << 6;

type of_vcpu<A extends unknown[], R> = (vcpu: struct_kvm_vcpu, ...args: A) => R;

/** @vmx's for VMs, @td's for TDs. */
function vt<A extends unknown[], R>(vmx: of_vcpu<A, R>, td: of_vcpu<A, R>): of_vcpu<A, R> {
	return (vcpu, ...args) => is_td_vcpu(vcpu) ? td(vcpu, ...args) : vmx(vcpu, ...args);
}

/** Nothing, for TDs. */
function vt_nop<A extends unknown[]>(vmx: of_vcpu<A, void>): of_vcpu<A, void> {
	return (vcpu, ...args) => {
		if (!is_td_vcpu(vcpu))
			vmx(vcpu, ...args);
	};
}

/** What KVM itself keeps of a TD's registers is all there is. */
function no_value(): bigint {
	return 0n;
}

/** VMs, vCPUs, ioctls. */
function vt_life_cycle(ops: struct_kvm_x86_ops): void {
	const vmx = { ...ops };

	ops.is_vm_type_supported = tdx.tdx_is_vm_type_supported;
	ops.hardware_disable = () => {
		tdx.tdx_hardware_disable();
		vmx.hardware_disable();
	};
	ops.vm_init = (kvm) => is_td(kvm) ? tdx.tdx_vm_init(kvm) : vmx.vm_init(kvm);
	ops.flush_shadow_all_private = (kvm) => {
		if (is_td(kvm))
			tdx.tdx_mmu_release_hkid(kvm);
	};
	ops.vm_free = (kvm) => {
		if (is_td(kvm))
			tdx.tdx_vm_free(kvm);
	};
	ops.vcpu_create = vt(vmx.vcpu_create, tdx.tdx_vcpu_create);
	ops.vcpu_free = vt(vmx.vcpu_free, tdx.tdx_vcpu_free);
	ops.vcpu_reset = vt(vmx.vcpu_reset, tdx.tdx_vcpu_reset);
	ops.vcpu_load = vt(vmx.vcpu_load, tdx.tdx_vcpu_load);
	ops.vcpu_put = vt_nop(vmx.vcpu_put);
	ops.dev_mem_enc_ioctl = tdx.tdx_dev_ioctl;
	ops.mem_enc_ioctl = (kvm, argp) => is_td(kvm) ? tdx.tdx_vm_ioctl(kvm, argp) : -ENOTTY;
	ops.vcpu_mem_enc_ioctl = (vcpu, argp) =>
		is_td_vcpu(vcpu) ? tdx.tdx_vcpu_ioctl(vcpu, argp) : -EINVAL;
}

/** Into the guest and out of it. */
function vt_running(ops: struct_kvm_x86_ops): void {
	const vmx = { ...ops };

	ops.vcpu_pre_run = vt(vmx.vcpu_pre_run, tdx.tdx_vcpu_pre_run);
	ops.vcpu_run = vt(vmx.vcpu_run, tdx.tdx_vcpu_run);
	ops.handle_exit = vt(vmx.handle_exit, tdx.tdx_handle_exit);
	ops.handle_exit_irqoff = vt(vmx.handle_exit_irqoff, tdx.tdx_handle_exit_irqoff);
	ops.prepare_switch_to_guest = vt_nop(vmx.prepare_switch_to_guest);
	ops.get_exit_info = vt(vmx.get_exit_info, tdx.tdx_get_exit_info);
	ops.cancel_injection = vt_nop(vmx.cancel_injection);
	ops.request_immediate_exit = vmx.request_immediate_exit;
	ops.update_cpu_dirty_logging = vmx.update_cpu_dirty_logging === null ? null :
		vt_nop(vmx.update_cpu_dirty_logging);
	ops.can_emulate_instruction = vt(vmx.can_emulate_instruction, () => false);
	ops.skip_emulated_instruction = vt(vmx.skip_emulated_instruction, () => 1);
	/* INIT and SIPI are between the guest and the module */
	ops.apic_init_signal_blocked = vt(vmx.apic_init_signal_blocked, () => true);
}

/** Registers and MSRs. */
function vt_state(ops: struct_kvm_x86_ops): void {
	const vmx = { ...ops };

	ops.update_exception_bitmap = vt_nop(vmx.update_exception_bitmap);
	/* what KVM emulates: the host's side of synthetic MSRs, the APIC's */
	ops.get_msr = vt(vmx.get_msr, (vcpu, msr) => kvm_get_msr_common(vcpu, msr));
	ops.set_msr = vt(vmx.set_msr, (vcpu, msr) => kvm_set_msr_common(vcpu, msr));
	ops.msr_filter_changed = vt_nop(vmx.msr_filter_changed);
	ops.get_segment_base = vt(vmx.get_segment_base, no_value);
	ops.get_segment = vt(vmx.get_segment, (_vcpu, var_) => {
		var_.bytes.fill(0);
	});
	ops.set_segment = vt_nop(vmx.set_segment);
	ops.get_cpl = vt(vmx.get_cpl, () => 0);
	ops.get_cs_db_l_bits = vt(vmx.get_cs_db_l_bits, (_vcpu, db, l) => {
		db.v = 0;
		l.v = 1;
	});
	ops.set_cr0 = vt(vmx.set_cr0, (vcpu, cr0) => {
		vcpu.arch.cr0 = cr0;
	});
	ops.is_valid_cr4 = vt(vmx.is_valid_cr4, () => true);
	ops.set_cr4 = vt(vmx.set_cr4, (vcpu, cr4) => {
		vcpu.arch.cr4 = cr4;
	});
	ops.set_efer = vt(vmx.set_efer, (vcpu, efer) => {
		vcpu.arch.efer = efer;
		return 0;
	});
	ops.get_idt = vt_nop(vmx.get_idt);
	ops.set_idt = vt_nop(vmx.set_idt);
	ops.get_gdt = vt_nop(vmx.get_gdt);
	ops.set_gdt = vt_nop(vmx.set_gdt);
	ops.set_dr7 = vt_nop(vmx.set_dr7);
	ops.sync_dirty_debug_regs = vt_nop(vmx.sync_dirty_debug_regs);
	ops.cache_reg = vt(vmx.cache_reg, (vcpu, reg) => kvm_register_mark_available(vcpu, reg));
	ops.get_rflags = vt(vmx.get_rflags, () => 2);
	ops.set_rflags = vt_nop(vmx.set_rflags);
	ops.get_if_flag = vt(vmx.get_if_flag, () => true);
	ops.vcpu_after_set_cpuid = vt_nop(vmx.vcpu_after_set_cpuid);
	ops.get_l2_tsc_offset = vt(vmx.get_l2_tsc_offset, no_value);
	ops.get_l2_tsc_multiplier = vt(vmx.get_l2_tsc_multiplier, no_value);
	ops.write_tsc_offset = vt_nop(vmx.write_tsc_offset);
	ops.write_tsc_multiplier = vt_nop(vmx.write_tsc_multiplier);
	ops.setup_mce = vt_nop(vmx.setup_mce);
}

/** Interrupts, NMIs, the APIC. */
function vt_events(ops: struct_kvm_x86_ops): void {
	const vmx = { ...ops };

	ops.set_interrupt_shadow = vt_nop(vmx.set_interrupt_shadow);
	ops.get_interrupt_shadow = vt(vmx.get_interrupt_shadow, () => 0);
	ops.inject_irq = vt_nop(vmx.inject_irq);
	ops.inject_nmi = vt(vmx.inject_nmi, tdx.tdx_inject_nmi);
	ops.queue_exception = vt_nop(vmx.queue_exception);
	ops.interrupt_allowed = vt(vmx.interrupt_allowed, () => 1);
	ops.nmi_allowed = vt(vmx.nmi_allowed, () => 1);
	ops.get_nmi_mask = vt(vmx.get_nmi_mask, () => false);
	ops.set_nmi_mask = vt_nop(vmx.set_nmi_mask);
	ops.enable_nmi_window = vt_nop(vmx.enable_nmi_window);
	ops.enable_irq_window = vt_nop(vmx.enable_irq_window);
	ops.update_cr8_intercept = vmx.update_cr8_intercept === null ? null :
		vt_nop(vmx.update_cr8_intercept);
	ops.set_virtual_apic_mode = vmx.set_virtual_apic_mode === null ? null :
		vt_nop(vmx.set_virtual_apic_mode);
	ops.set_apic_access_page_addr = vmx.set_apic_access_page_addr === null ? null :
		vt_nop(vmx.set_apic_access_page_addr);
	ops.refresh_apicv_exec_ctrl = vt_nop(vmx.refresh_apicv_exec_ctrl);
	ops.protected_apic_has_interrupt = tdx.tdx_protected_apic_has_interrupt;
	ops.deliver_interrupt = (apic, mode, trig, vector) => {
		if (is_td_vcpu(apic.vcpu))
			tdx.tdx_deliver_interrupt(apic, mode, trig, vector);
		else
			vmx.deliver_interrupt(apic, mode, trig, vector);
	};
}

/** Memory. */
function vt_memory(ops: struct_kvm_x86_ops): void {
	const vmx = { ...ops };

	ops.flush_tlb_all = vt(vmx.flush_tlb_all, tdx.tdx_flush_tlb);
	ops.flush_tlb_current = vt(vmx.flush_tlb_current, tdx.tdx_flush_tlb);
	ops.flush_tlb_gva = vt_nop(vmx.flush_tlb_gva);
	ops.flush_tlb_guest = vt_nop(vmx.flush_tlb_guest);
	ops.tlb_remote_flush = tdx.tdx_sept_tlb_remote_flush;
	ops.load_mmu_pgd = vt(vmx.load_mmu_pgd, tdx.tdx_load_mmu_pgd);
	ops.get_mt_mask = vt(vmx.get_mt_mask!, () => MT_WB_IPAT);
	ops.link_private_spt = tdx.tdx_sept_link_private_spt;
	ops.free_private_spt = tdx.tdx_sept_free_private_spt;
	ops.split_private_spt = tdx.tdx_sept_split_private_spt;
	ops.merge_private_spt = tdx.tdx_sept_merge_private_spt;
	ops.set_private_spte = tdx.tdx_sept_set_private_spte;
	ops.zap_private_spte = tdx.tdx_sept_zap_private_spte;
	ops.remove_private_spte = tdx.tdx_sept_remove_private_spte;
}

/**
 * arch/x86/kvm/vmx/main.c:vt_hardware_setup(), the end of it: brings TDX up, and lets VMs be TDs if
 * that works. VMX alone works without.
 */
export function vt_hardware_setup(ops: struct_kvm_x86_ops): void {
	if (!enable_tdx)
		return;
	const ret = tdx.tdx_hardware_setup(() => ops.hardware_enable(),
		() => ops.hardware_disable());
	if (ret !== 0) {
		enable_tdx = false;
		return;
	}
	pr_info("kvm: TDX enabled\n");
	vt_life_cycle(ops);
	vt_running(ops);
	vt_state(ops);
	vt_events(ops);
	vt_memory(ops);
}
